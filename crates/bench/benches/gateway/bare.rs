//! The gateway with its checks off: the same server, the same client of upstreams, and nothing in between.

use crate::{
    machine::Folders,
    peer::Peer,
    process::{self, Running},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use legation_resolver::{Call, Fetcher, Options, call::Method};
use std::{
    future,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub(crate) struct Bare {
    pub(crate) peer: Peer,
    _running: Running,
}

/// Starts it as a process of its own.
pub(crate) fn start(folders: &Folders, upstream: SocketAddr) -> Bare {
    let address = process::free_address();
    let args = ["bare", &address.port().to_string(), &upstream.to_string()];
    let running = process::ourselves(folders, &args);
    process::wait_for(address);
    Bare { peer: Peer::plain("the gateway, checks off", address), _running: running }
}

/// Serves until the process is ended.
pub(crate) fn serve(port: u16, upstream: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let options = Options { timeout: Duration::from_secs(600), http_on_loopback: true, ..Options::default() };
    let fetcher = Arc::new(Fetcher::new(options).unwrap());
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let router = Router::new().fallback(pass).with_state((fetcher, upstream));
        legation_host::serve_long(listener, router, None, Duration::from_secs(600), future::pending())
            .await
            .unwrap();
    });
}

async fn pass(
    State((fetcher, upstream)): State<(Arc<Fetcher>, SocketAddr)>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let url = format!("http://{upstream}{}", uri.path());
    let call = Call { method: Method::POST, url: &url, headers, body: body.to_vec() };
    let Ok(mut arriving) = fetcher.begin(call).await else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut body = Vec::new();
    while let Ok(Some(piece)) = arriving.piece().await {
        body.extend(piece);
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(arriving.status).unwrap();
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}
