//! Where agents' identity tokens come from, and by which keys they are verified: Authorization Server Metadata (RFC 8414), and the
//! same as OpenID Connect Discovery has it. The keys are those of `/.well-known/jwks.json` ([`signals`](crate::signals)).

use crate::router::open_to_web_pages;
use axum::{
    Router,
    http::{StatusCode, header},
    middleware::map_response,
    response::IntoResponse,
    routing::get,
};
use legation_registry::Registry;
use legation_token::metadata::metadata;
use std::sync::Arc;

/// `/.well-known/oauth-authorization-server` and `/.well-known/openid-configuration` of an organization. Both are at the
/// root of its own router: where it has a path, RFC 8414 §3.1 puts the well-known part before it, OpenID Connect behind
/// it ([`several`](crate::several)).
pub fn tokens(registry: &Registry) -> Router {
    let document: Arc<str> = metadata(&registry.origin()).to_string().into();
    let told = move || {
        let document = document.to_string();
        async move {
            let headers =
                [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
            (StatusCode::OK, headers, document).into_response()
        }
    };
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(told.clone()))
        .route("/.well-known/openid-configuration", get(told))
        .layer(map_response(open_to_web_pages))
}
