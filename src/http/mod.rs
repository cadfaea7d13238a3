//! The only module that knows actix: listeners, the conversion of requests and answers, signals.

mod admin;
mod convert;
mod cors;
mod docs;
mod meters;
mod service;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App as Application, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, StartError};
use crate::config::Config;
use crate::telemetry;

/// How long the last events may take to be written, once the last request is answered.
const EVENTS_FINISH_MAX: Duration = Duration::from_secs(5);

/// How much longer than all that it waits for the end of the service may take.
const END_MARGIN: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT, then lets the requests in flight end.
///
/// # Errors
/// [`StartError`]: nothing was served.
pub fn serve(config: Config, metrics: PrometheusHandle) -> Result<(), StartError> {
    actix_web::rt::System::new().block_on(run(config, metrics))
}

async fn run(config: Config, metrics: PrometheusHandle) -> Result<(), StartError> {
    // Bound first: a port in use is told before anything else is tried.
    let listener = bind("bind", &config.bind)?;
    let admin_listener = bind("admin_bind", &config.admin_bind)?;
    let address = |listener: &TcpListener| listener.local_addr().map(|at| at.to_string()).unwrap_or_default();
    let (served_at, admin_at) = (address(&listener), address(&admin_listener));
    let bind_error = |source| StartError::Bind { address: served_at.clone(), key: "bind", source };

    let app = App::start(config).await?;
    let config = &app.config;
    metrics::gauge!("rowhouse_pool_size").set((config.pool_size_per_worker() * config.worker_count()) as f64);

    let shared = app.clone();
    let server = HttpServer::new(move || {
        let app = Application::new().app_data(web::Data::new(shared.worker()));
        let app = if shared.config.docs { app.configure(docs::configure) } else { app };
        app.default_service(web::to(service::handle))
    })
    .workers(config.worker_count())
    .max_connections(config.connections_max)
    .keep_alive(Duration::from_secs(config.keep_alive_s))
    .client_request_timeout(Duration::from_millis(config.head_timeout_ms))
    .shutdown_timeout(config.shutdown_timeout_s)
    // A client that hangs up drops its request, and the statement is cancelled.
    .h1_allow_half_closed(false)
    .disable_signals()
    .listen(listener)
    .map_err(bind_error)?
    .run();

    actix_web::rt::spawn(telemetry::keep_up(metrics.clone()));
    let admin = admin::server(app.clone(), metrics, admin_listener).map_err(bind_error)?;
    actix_web::rt::spawn(app.clone().keep_current());
    actix_web::rt::spawn(app.clone().keep_sessions());
    let writing = actix_web::rt::spawn(app.clone().write_events());
    end_in_any_case(config.shutdown_timeout_s).map_err(bind_error)?;
    actix_web::rt::spawn(Signals::listen().obey(app.clone(), server.handle(), admin.handle()));
    tracing::info!(address = served_at, admin = admin_at, "listening");
    let (served, administered) = futures_util::future::join(server, admin).await;
    app.events.finish();
    if tokio::time::timeout(EVENTS_FINISH_MAX, writing).await.is_err() {
        tracing::error!("events were not written: Postgres did not take them before the end");
    }
    served.and(administered).map_err(bind_error)
}

fn bind(key: &'static str, address: &str) -> Result<TcpListener, StartError> {
    let bound = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bound().map_err(|source: io::Error| StartError::Bind { address: address.to_owned(), key, source })
}

/// Has the process end some time after SIGTERM or SIGINT, whatever hangs: a log that nobody reads any more blocks whoever
/// writes to it, the task that obeys signals among them.
fn end_in_any_case(shutdown_timeout_s: u64) -> io::Result<()> {
    let limit = Duration::from_secs(shutdown_timeout_s) + EVENTS_FINISH_MAX + END_MARGIN;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let wait = move || {
        runtime.block_on(async {
            let Signals { reload: _, mut terminate, mut interrupt } = Signals::listen();
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tokio::time::sleep(limit).await;
        });
        // Says nothing: it would hang, too.
        std::process::exit(1);
    };
    std::thread::Builder::new().name("end".to_owned()).spawn(wait).map(drop)
}

/// The signals that are listened for. Made before anything is told of the service, so that none ends it by default.
struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Self {
        let signal = |kind| signal(kind).expect("handlers for these signals can be installed on every Unix");
        Self {
            reload: signal(SignalKind::user_defined1()),
            terminate: signal(SignalKind::terminate()),
            interrupt: signal(SignalKind::interrupt()),
        }
    }

    /// SIGUSR1 reloads the catalog and the session keys; SIGTERM and SIGINT drain and end.
    async fn obey(mut self, app: Arc<App>, server: ServerHandle, admin: ServerHandle) {
        loop {
            tokio::select! {
                _ = self.reload.recv() => {
                    app.reload_session_keys();
                    app.wish_reload();
                }
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
            }
        }
        tracing::info!("draining");
        app.drain();
        server.stop(true).await;
        admin.stop(false).await;
    }
}
