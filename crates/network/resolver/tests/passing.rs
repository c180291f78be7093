//! Requests that are passed on: by HTTP/2 where the service agrees to it, with trailers, once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod servers;

use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    header::HeaderMap,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use legation_resolver::{
    Fetcher, Options, Passing, Upgrading,
    call::Method,
    passing::{Body, Upgraded},
};
use servers::{authority, options};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A body with trailers.
fn trailing(text: String, name: &'static str) -> BoxBody<Bytes, Infallible> {
    let mut trailers = HeaderMap::new();
    trailers.insert(name, "1".parse().unwrap());
    let frames = [Frame::data(Bytes::from(text)), Frame::trailers(trailers)];
    StreamBody::new(futures::stream::iter(frames.map(Ok))).boxed()
}

/// Says by which version it was asked and with which trailers; speaks another protocol where it is asked to.
async fn told(mut request: Request<Incoming>) -> Result<Answer, Infallible> {
    if request.headers().contains_key("upgrade") {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut socket = TokioIo::new(upgrade.await.unwrap());
            let mut word = [0; 4];
            socket.read_exact(&mut word).await.unwrap();
            word.reverse();
            socket.write_all(&word).await.unwrap();
        });
        let response = Response::builder().status(101).header("upgrade", "letters");
        return Ok(response.body(BoxBody::default()).unwrap());
    }
    let version = request.version();
    let trailers = request.into_body().collect().await.unwrap().trailers().cloned();
    Ok(Response::new(trailing(format!("{version:?} {}", trailers.is_some()), "x-end")))
}

/// A service that agrees to one of these protocols, and a fetcher that trusts it.
async fn service(protocols: &[&[u8]]) -> (String, Fetcher) {
    let authority = authority("localhost");
    let mut config = authority.config.clone();
    config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(socket).await else { return };
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service_fn(told)).await;
            });
        }
    });
    let trusting = Options {
        allow_private: true,
        http_on_loopback: false,
        extra_root_certificates: vec![authority.pem.clone()],
        ..options()
    };
    (format!("https://localhost:{port}/"), Fetcher::new(trusting).unwrap())
}

fn passing(url: &str, headers: HeaderMap, body: Body) -> Passing<'_> {
    Passing { method: Method::POST, url, headers, body, whole: Duration::from_secs(10) }
}

#[tokio::test]
async fn it_is_http2_where_both_speak_it_and_trailers_pass_both_ways() {
    for (protocols, version) in [([b"h2".as_slice(), b"http/1.1"].as_slice(), "HTTP/2.0"), (&[], "HTTP/1.1")]
    {
        let (url, fetcher) = service(protocols).await;
        let body = Body::wrap(trailing("body".to_owned(), "x-sum"));
        let mut headers = HeaderMap::new();
        headers.insert("trailer", "x-sum".parse().unwrap());
        headers.insert("te", "trailers".parse().unwrap());
        let response = fetcher.pass(passing(&url, headers, body)).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        let trailers = collected.trailers().cloned();
        let text = String::from_utf8(collected.to_bytes().to_vec()).unwrap();
        assert_eq!(text, format!("{version} true"));
        if version == "HTTP/2.0" {
            assert_eq!(trailers.unwrap()["x-end"], "1");
        }
    }
}

#[tokio::test]
async fn another_protocol_is_spoken_by_a_connection_of_http1_also_where_http2_is_usual() {
    let (url, fetcher) = service(&[b"h2", b"http/1.1"]).await;
    let mut headers = HeaderMap::new();
    headers.insert("connection", "upgrade".parse().unwrap());
    headers.insert("upgrade", "letters".parse().unwrap());
    let asked = Passing { method: Method::GET, ..passing(&url, headers, Body::default()) };
    let Upgrading::Switched(headers, mut socket) = fetcher.pass_upgrade(asked).await.unwrap() else {
        panic!("it answered")
    };
    assert_eq!(headers["upgrade"], "letters");
    let mut word = [0; 4];
    let socket: &mut Upgraded = &mut socket;
    socket.write_all(b"word").await.unwrap();
    socket.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"drow");
    let ordinary = Passing { method: Method::GET, ..passing(&url, HeaderMap::new(), Body::default()) };
    assert!(matches!(fetcher.pass_upgrade(ordinary).await.unwrap(), Upgrading::Answered(_)));
}

#[tokio::test]
async fn where_nothing_listens_nothing_was_sent_and_a_private_address_is_not_connected_to() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (url, fetcher) = (format!("http://localhost:{free}/"), Fetcher::new(options()).unwrap());
    let none = fetcher.pass(passing(&url, HeaderMap::new(), Body::default())).await.unwrap_err();
    assert!(!none.sent, "{none}");
    let inside = "https://10.0.0.1/";
    let none = fetcher.pass(passing(inside, HeaderMap::new(), Body::default())).await.unwrap_err();
    assert_eq!((none.sent, none.error.code()), (false, "address_refused"));
}
