//! A service behind the gateway, and what it saw.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Version},
    response::{IntoResponse, Response},
    routing::any,
};
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
}

type All = Arc<Mutex<Vec<Seen>>>;

pub(crate) struct Service {
    address: SocketAddr,
    seen: All,
}

/// A megabyte of nothing.
static MEGABYTE: [u8; 1 << 20] = [0; 1 << 20];

impl Service {
    pub(crate) async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = All::default();
        let router = router(Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection_with_upgrades(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) fn router(seen: All) -> Router {
    Router::new()
        .route("/echo", any(async |request: Request| Response::new(request.into_body())))
        .route("/trailers", any(trailers))
        .route("/count", any(count))
        .route("/large", any(large))
        .route("/trickle", any(trickle))
        .route("/silent", any(async || std::future::pending::<()>().await))
        .route("/stalls", any(async || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())))
        .route("/breaks", any(breaks))
        .route("/unchanged", any(async || (StatusCode::NOT_MODIFIED, [("etag", "\"1\"")])))
        .route("/moved", any(async || (StatusCode::FOUND, [("location", "http://169.254.169.254/")])))
        .route("/own", any(own))
        .fallback(async || "here")
        .layer(axum::middleware::from_fn_with_state(seen, see))
}

async fn see(State(seen): State<All>, request: Request, next: axum::middleware::Next) -> Response {
    let one = Seen {
        method: request.method().clone(),
        uri: request.uri().to_string(),
        version: request.version(),
        headers: request.headers().clone(),
    };
    seen.lock().unwrap().push(one);
    next.run(request).await
}

/// Answers what came with trailers: how many bytes, and the trailers of the request.
async fn trailers(request: Request) -> Response {
    let collected = request.into_body().collect().await.unwrap();
    let came: Vec<String> =
        collected.trailers().into_iter().flatten().map(|(name, value)| format!("{name}={value:?}")).collect();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("set-cookie", "a=b".parse().unwrap());
    trailers.insert("content-length", "7".parse().unwrap());
    trailers.insert("x-internal", "secret".parse().unwrap());
    let frames = [Frame::data(Bytes::from(came.join(","))), Frame::trailers(trailers)];
    let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
    let headers = [("trailer", "grpc-status, set-cookie, content-length, x-internal")];
    (headers, Body::new(body)).into_response()
}

async fn count(request: Request) -> String {
    let (mut body, mut count) = (request.into_body(), 0_u64);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return "broken".to_owned() };
        count += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    count.to_string()
}

/// As many megabytes as the query says.
async fn large(request: Request) -> Body {
    let megabytes: usize =
        request.uri().query().unwrap().strip_prefix("megabytes=").unwrap().parse().unwrap();
    Body::from_stream(stream::iter(
        (0..megabytes).map(|_| Ok::<_, Infallible>(Bytes::from_static(&MEGABYTE))),
    ))
}

async fn trickle() -> Body {
    Body::from_stream(stream::unfold((), async |()| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"drop ")), ()))
    }))
}

async fn breaks() -> Response {
    let piece = async |n| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let half = Ok(Bytes::from_static(b"half"));
        Some((if n == 0 { half } else { Err(std::io::Error::other("it breaks")) }, n + 1))
    };
    Response::new(Body::from_stream(stream::unfold(0, piece)))
}

/// Headers that are of one connection, of one user, or nobody's business.
async fn own() -> impl IntoResponse {
    let headers = [
        ("set-cookie", "session=1"),
        ("server", "inside/1.0"),
        ("x-powered-by", "something"),
        ("www-authenticate", "Basic"),
        ("proxy-authenticate", "Basic"),
        ("keep-alive", "timeout=5"),
        ("connection", "etag, keep-alive"),
        ("etag", "\"of this connection only\""),
        ("last-modified", "Mon, 30 Nov 2026 00:00:00 GMT"),
        ("x-tenant", "seven"),
    ];
    (headers, "own")
}
