//! The second listener, for operators: `/live`, `/ready`, `/metrics`. No token, so keep it off the public network.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App as Application, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use crate::app::App;
use crate::catalog::{Catalog, Refusal};

/// What `/ready` says.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    draining: bool,
    postgres: bool,
    served: Vec<String>,
    /// The functions that can be called.
    functions: Vec<String>,
    /// What the gate refused, and why.
    refused: Vec<RefusedRelation>,
    /// The same of `anonymous_role` and `database_roles`.
    roles: Vec<RoleReadiness>,
    /// How many seconds ago the gate judged what is served.
    gate_judged_s_ago: u64,
    /// Why the newest reload of the catalog failed; the older one serves on.
    reload_fault: Option<String>,
}

#[derive(Debug, Serialize)]
struct RoleReadiness {
    role: String,
    served: Vec<String>,
    functions: Vec<String>,
    refused: Vec<RefusedRelation>,
    /// Why the role is served nothing, where it is unfit.
    fault: Option<String>,
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
    let catalogs = app.catalogs();
    let own = catalogs.as_ref().map(|catalogs| catalogs.own.as_ref());
    let roles = catalogs.iter().flat_map(|catalogs| &catalogs.roles);
    let draining = app.is_draining();
    let postgres = app.reaches_postgres().await;
    let readiness = Readiness {
        ready: postgres && !draining && catalogs.is_some(),
        draining,
        postgres,
        served: own.map(served).unwrap_or_default(),
        functions: own.map(functions).unwrap_or_default(),
        refused: own.map(refused).unwrap_or_default(),
        roles: roles.map(|(role, catalog)| of_role(role.name(), catalog)).collect(),
        gate_judged_s_ago: app.judged_ago().as_secs(),
        reload_fault: app.reload_fault(),
    };
    if readiness.ready {
        HttpResponse::Ok().json(readiness)
    } else {
        HttpResponse::ServiceUnavailable().json(readiness)
    }
}

fn served(catalog: &Catalog) -> Vec<String> {
    catalog.relations().map(|relation| relation.name.name().to_owned()).collect()
}

fn functions(catalog: &Catalog) -> Vec<String> {
    catalog.functions().map(|function| function.name.name().to_owned()).collect()
}

fn refused(catalog: &Catalog) -> Vec<RefusedRelation> {
    let of = |refusal: &Refusal| RefusedRelation {
        relation: refusal.relation.clone(),
        reason: refusal.reason.to_string(),
    };
    catalog.refused.iter().map(of).collect()
}

fn of_role(role: &str, catalog: &Result<Arc<Catalog>, String>) -> RoleReadiness {
    let role = role.to_owned();
    match catalog {
        Ok(catalog) => RoleReadiness {
            role,
            served: served(catalog),
            functions: functions(catalog),
            refused: refused(catalog),
            fault: None,
        },
        Err(fault) => RoleReadiness {
            role,
            served: Vec::new(),
            functions: Vec::new(),
            refused: Vec::new(),
            fault: Some(fault.clone()),
        },
    }
}

async fn render(metrics: web::Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render())
}
