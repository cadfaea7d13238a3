//! `/docs`: Swagger UI, public and static. It knows nothing of what is served.
//!
//! The document needs a token as everything does, so the page (`docs.js`) begins with one that has a single operation and
//! the security scheme; Authorize fetches the real one with the token, which stays in the page's memory. The files of
//! Swagger UI are in the binary, and the policy below lets the page load nothing from elsewhere and run no inline script.

use std::sync::Arc;

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa_swagger_ui::Config as SwaggerConfig;
use uuid::Uuid;

use super::convert;
use crate::error::Error;
use crate::request;

/// `data:` is for the icons in Swagger UI's style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Serves the page at `/docs` and its files below. A relation `docs` is then reached below its tenant, `/{tenant}/docs`.
pub(super) fn configure(services: &mut web::ServiceConfig) {
    services.service(web::resource(["/docs", "/docs/{file}"]).to(file));
}

/// A file of the page, by its name.
async fn file(request: HttpRequest) -> HttpResponse {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let error = request::Error::Method { method: request::Method::Other, allowed: "GET, HEAD" };
        return refuse(&error.into());
    }
    let name = request.match_info().get("file").unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"));
    match name {
        "" => response.content_type("text/html; charset=utf-8").body(include_str!("index.html")),
        "docs.js" => response.content_type("text/javascript; charset=utf-8").body(include_str!("docs.js")),
        "docs.css" => response.content_type("text/css; charset=utf-8").body(include_str!("docs.css")),
        "swagger-ui-bundle.js" | "swagger-ui.css" => match swagger_ui(name) {
            Some(bytes) => {
                let content_type = if name.ends_with(".js") { "text/javascript" } else { "text/css" };
                response
                    .insert_header((header::CONTENT_ENCODING, "gzip"))
                    .content_type(format!("{content_type}; charset=utf-8"))
                    .body(bytes)
            }
            None => refuse(&Error::Internal("a file of Swagger UI is not in the binary")),
        },
        _ => refuse(&request::Error::Path.into()),
    }
}

/// A file of Swagger UI, compressed with gzip.
fn swagger_ui(name: &str) -> Option<web::Bytes> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(SwaggerConfig::default())).ok()??;
    Some(web::Bytes::from(file.bytes.into_owned()))
}

fn refuse(error: &Error) -> HttpResponse {
    convert::error(&error.answer(), None, Uuid::new_v4())
}
