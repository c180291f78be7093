//! Connections: their limits, TLS, an orderly end, and that a request names one host.

use crate::problem::Problem;
use axum::{
    Router,
    extract::Request,
    http::{Version, header::HOST, uri::Authority},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    serve::{Listener, ListenerExt},
};
use core::{pin::pin, time::Duration};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{path::PathBuf, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// Most connections at a time; further ones wait to be accepted. It bounds memory: a connection
/// costs some tens of KiB, and while it is answered the file it asked for.
pub const MAX_CONNECTIONS: usize = 1024;

/// How long a client may take for a TLS handshake, for the headers of a request, and between
/// two requests. A client that sends nothing holds its place no longer.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection lives, however busy: a client that reads its answer byte by byte has
/// lost it then. Clients connect again.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);

/// How long requests may go on after the end was asked for.
pub const DRAIN: Duration = Duration::from_secs(5);

/// The certificate and key for TLS, as PEM files. They are read once, at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, SEC 1 or PKCS#1.
    pub key: PathBuf,
}

/// Why nothing is served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// The certificate file can't be read, or holds none.
    #[error("the certificate file `{}` can't be used: {reason}; a PEM file is expected", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key file can't be read, or holds none.
    #[error("the TLS key file `{}` can't be used: {reason}; a PEM file is expected", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong; never anything of the key.
        reason: String,
    },
    /// The key does not belong to the certificate, or is of an unknown kind.
    #[error("the TLS certificate and its key can't be used together: {reason}")]
    Mismatch {
        /// What is wrong.
        reason: String,
    },
}

/// Answers requests on `listener` until `shutdown` completes; then accepts no more, and lets
/// requests that have begun end within [`DRAIN`].
///
/// HTTP/1.1, over TLS 1.2 or 1.3 where `tls` is given. Without it, put a proxy that speaks TLS
/// in front: did:web is HTTPS only. A request that does not name its host once gets 400, whatever the router.
///
/// # Errors
/// [`ServeError`], before anything is served. Afterwards it does not fail: what goes wrong on a
/// connection ends that connection.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsFiles>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    serve_long(listener, router, tls, DRAIN, shutdown).await
}

/// As [`serve`], for answers that go on for long, such as those of a model: when the connection has lived for its
/// time, the request that it has begun may still take so long.
///
/// # Errors
/// As [`serve`].
pub async fn serve_long(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsFiles>,
    last_request: Duration,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    // Small answers should not wait for one another.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    serve_on(listener, router, tls, last_request, shutdown).await
}

/// As [`serve_long`], for connections that come from elsewhere, such as a unix socket.
///
/// # Errors
/// As [`serve`].
pub async fn serve_on<L: Listener>(
    mut listener: L,
    router: Router,
    tls: Option<TlsFiles>,
    last_request: Duration,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let tls = tls.as_ref().map(acceptor).transpose()?;
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let router = router.layer(from_fn(one_host));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, (socket, _)) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
        connections.spawn(async move {
            connection(socket, router, tls, last_request, stopped).await;
            drop(place);
        });
    }
    drop(listener);
    stop.send_replace(true);
    // Whatever is left after that is cut off when the set is dropped.
    let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Passes on what names its host as RFC 9112 §3.2 asks for, and answers everything else with 400, as it
/// says, too: of two hosts what stands in front of this server may have judged the other one.
async fn one_host(request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let first = hosts.next().map(|host| Authority::try_from(host.as_bytes()).ok());
    let named = match (first, hosts.next()) {
        (_, Some(_)) => false,
        // HTTP/1.0 does not ask for one.
        (None, None) => request.version() < Version::HTTP_11,
        // A target that is a whole URL names the host, too (§3.2.2); the client has to say the same twice.
        (Some(host), None) => host.is_some_and(|host| {
            let alike = |target: &Authority| target.as_str().eq_ignore_ascii_case(host.as_str());
            !host.as_str().contains('@') && request.uri().authority().is_none_or(alike)
        }),
    };
    if named { next.run(request).await } else { Problem::Host.into_response() }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    router: Router,
    tls: Option<TlsAcceptor>,
    last_request: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let Some(tls) = tls else { return answer(socket, router, last_request, stopped).await };
    let handshake = tokio::select! {
        handshake = timeout(HEADER_TIMEOUT, tls.accept(socket)) => handshake,
        _ = stopped.wait_for(|stopped| *stopped) => return,
    };
    if let Ok(Ok(stream)) = handshake {
        answer(stream, router, last_request, stopped).await;
    }
}

async fn answer<S>(stream: S, router: Router, last_request: Duration, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = sleep(CONNECTION_LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = timeout(last_request, connection.as_mut()) => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    let _ = timeout(DRAIN, connection).await;
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let certificate = |reason: String| ServeError::Certificate { path: files.certificate.clone(), reason };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(certificate("it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| ServeError::Key { path: files.key.clone(), reason: error.to_string() })?;
    let mismatch = |error: rustls::Error| ServeError::Mismatch { reason: error.to_string() };
    // The provider is named, since a program may hold several and then has no default.
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(mismatch)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(mismatch)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
