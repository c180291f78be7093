//! A decision point for Envoy's `ext_authz` that says yes to everything, as cheaply as this server can: what is left of Envoy's
//! throughput beside it is the most that any decision could leave. `says_yes 127.0.0.1:18083`; `crates/bench/ext_authz/run` runs it.
#![allow(clippy::unwrap_used, missing_docs)]

use axum::{Router, body::Body, response::Response, routing::post};
use http_body_util::{BodyExt, Full};
use std::{convert::Infallible, env};
use tokio::net::TcpListener;

/// An answer of gRPC with an empty `CheckResponse`, whose status is `OK` (0) by default.
async fn yes() -> Response {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    // Not compressed, and no bytes (gRPC over HTTP/2, Length-Prefixed-Message).
    let message = Full::new(axum::body::Bytes::from_static(&[0; 5]));
    let body = message.with_trailers(async move { Some(Ok::<_, Infallible>(trailers)) });
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    response
}

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(serve());
}

async fn serve() {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:18083".to_owned());
    let router = Router::new().route("/envoy.service.auth.v3.Authorization/Check", post(yes));
    let listener = TcpListener::bind(address).await.unwrap();
    legation_host::serve(listener, router, None, std::future::pending()).await.unwrap();
}
