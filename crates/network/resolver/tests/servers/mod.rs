//! Servers on loopback, well-behaved and hostile, and a fetcher that has little patience.

#![allow(dead_code, reason = "each test file uses a part of it")]

use legation_did::Did;
use legation_resolver::{Fetcher, Options};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What a server does once it has the request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends this, and closes.
    Send(String),
    /// Sends this, then `x` without end.
    Endless(String),
    /// Sends this, then one byte every 100 ms without end.
    Drip(String),
    /// Sends nothing.
    Silent,
    /// Does what stands at the path that is asked for; 404 at any other.
    Site(Site),
}

/// What stands at which path. It may be changed while it is served.
pub(crate) type Site = Arc<Mutex<HashMap<String, Act>>>;

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: Arc<AtomicUsize>,
    /// The paths that were asked for.
    pub(crate) log: Arc<Mutex<Vec<String>>>,
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    act: Act,
    log: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let path = String::from_utf8_lossy(&request).split(' ').nth(1).unwrap_or_default().to_owned();
    let missing = || Act::Send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned());
    let act = match act {
        Act::Site(site) => site.lock().unwrap().get(&path).cloned().unwrap_or_else(missing),
        act => act,
    };
    log.lock().unwrap().push(path);
    let head = match &act {
        Act::Send(text) | Act::Endless(text) | Act::Drip(text) => text.as_str(),
        Act::Silent | Act::Site(_) => "",
    };
    stream.write_all(head.as_bytes()).await?;
    loop {
        match act {
            Act::Send(_) => return stream.shutdown().await,
            Act::Endless(_) => stream.write_all(&[b'x'; 8192]).await?,
            Act::Drip(_) => {
                stream.write_all(b"x").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Act::Silent | Act::Site(_) => tokio::time::sleep(Duration::from_secs(60)).await,
        }
    }
}

pub(crate) async fn server(act: impl Fn(u16) -> Act, tls: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (act, requests) = (act(port), Arc::new(AtomicUsize::new(0)));
    let (counted, log) = (Arc::clone(&requests), Arc::default());
    let logged = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let (act, tls, log) = (act.clone(), tls.clone(), Arc::clone(&logged));
            tokio::spawn(async move {
                match tls {
                    None => talk(socket, act, log).await,
                    Some(tls) => talk(tls.accept(socket).await?, act, log).await,
                }
            });
        }
    });
    Server { port, requests, log }
}

pub(crate) async fn plain(act: Act) -> Server {
    server(|_| act.clone(), None).await
}

impl Server {
    pub(crate) fn asked(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn did(&self) -> Did {
        format!("did:web:localhost%3A{}", self.port).parse().unwrap()
    }

    pub(crate) fn status_url(&self) -> String {
        format!("http://localhost:{}/status/1", self.port)
    }
}

pub(crate) fn answer(content_type: &str, body: &str) -> Act {
    Act::Send(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

pub(crate) fn good(port: u16) -> Act {
    answer("application/did+json", &format!(r#"{{"id":"did:web:localhost%3A{port}"}}"#))
}

pub(crate) fn options() -> Options {
    Options {
        timeout: Duration::from_millis(1500),
        connect_timeout: Duration::from_secs(1),
        max_bytes: 20_000,
        http_on_loopback: true,
        ..Options::default()
    }
}

pub(crate) fn fetcher() -> Fetcher {
    Fetcher::new(options()).unwrap()
}

pub(crate) struct Authority {
    pub(crate) pem: Vec<u8>,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) config: ServerConfig,
}

pub(crate) fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config.clone()));
    Authority { pem: authority.pem().into_bytes(), acceptor, config }
}
