//! The second listener, for operators: `/live`, `/ready`, `/metrics`. No token, so keep it off the public network.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App as Application, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use crate::app::App;

/// What `/ready` says.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    draining: bool,
    postgres: bool,
    served: Vec<String>,
    /// What the gate refused, and why.
    refused: Vec<RefusedRelation>,
    /// Why the newest reload of the catalog failed; the older one serves on.
    reload_fault: Option<String>,
}

#[derive(Debug, Serialize)]
struct RefusedRelation {
    relation: String,
    reason: String,
}

pub(super) fn server(
    app: Arc<App>,
    metrics: PrometheusHandle,
    listener: TcpListener,
) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        Application::new()
            .app_data(web::Data::from(app.clone()))
            .app_data(web::Data::new(metrics.clone()))
            .route("/live", web::get().to(live))
            .route("/ready", web::get().to(ready))
            .route("/metrics", web::get().to(render))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

/// The process runs.
async fn live() -> HttpResponse {
    HttpResponse::Ok().body("live\n")
}

/// Requests can be answered: 200, else 503. A refused relation does not make the service unready.
async fn ready(app: web::Data<App>) -> HttpResponse {
    let catalog = app.catalog();
    let served = catalog.iter().flat_map(|catalog| catalog.relations());
    let refused = catalog.iter().flat_map(|catalog| &catalog.refused);
    let draining = app.is_draining();
    let postgres = app.reaches_postgres().await;
    let readiness = Readiness {
        ready: postgres && !draining && catalog.is_some(),
        draining,
        postgres,
        served: served.map(|relation| relation.name.name().to_owned()).collect(),
        refused: refused
            .map(|refusal| RefusedRelation {
                relation: refusal.relation.clone(),
                reason: refusal.reason.to_string(),
            })
            .collect(),
        reload_fault: app.reload_fault(),
    };
    if readiness.ready {
        HttpResponse::Ok().json(readiness)
    } else {
        HttpResponse::ServiceUnavailable().json(readiness)
    }
}

async fn render(metrics: web::Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render())
}
