//! Connections: their limits, TLS, an orderly end, and that a request names one host.

use crate::{
    begun::Begun,
    places::{Busy, Place, Places},
    problem::Problem,
    tls::Tls,
};
use axum::{
    Router,
    extract::Request,
    http::{Version, header::HOST, uri::Authority},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    serve::{Listener, ListenerExt},
};
use core::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use legation_gateway::KeptOpen;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    convert::Infallible,
    net::IpAddr,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// Most connections at a time. A further one takes the place of one that is idle, of the client that has most of them; where
/// all are answered it waits to be accepted. It bounds memory: a connection costs some tens of KiB, and while it is answered
/// the file it asked for.
pub const MAX_CONNECTIONS: usize = 1024;

/// How long a client may take for a TLS handshake, for the headers of a request, and between
/// two requests. A client that sends nothing holds its place no longer.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection lives, however busy: a client that reads its answer byte by byte has
/// lost it then. Clients connect again.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);

/// What HTTP/2 is called where client and server agree on it (RFC 9113 §3.2).
const HTTP2: &[u8] = b"h2";
/// Most requests at a time on a connection by HTTP/2.
const STREAMS: u32 = 64;
/// Bytes of one request's body that may wait to be read, by HTTP/2.
const STREAM_WINDOW: u32 = 64 << 10;
/// The same of all requests of a connection: what whoever is not known yet can make wait here.
const CONNECTION_WINDOW: u32 = 256 << 10;
/// Bytes of an answer that wait for a client that reads slowly, by HTTP/2.
const SEND_BUFFER: usize = 64 << 10;
/// Most bytes of the headers of a request by HTTP/2. A chain of sixteen links fits.
const HEADER_BYTES: u32 = 64 << 10;
/// How often a client by HTTP/2 is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);

/// How long requests may go on after the end was asked for.
pub const DRAIN: Duration = Duration::from_secs(5);

/// The certificate and key for TLS, as PEM files. They are read at the start, and again within some seconds of a change; what
/// can't be used then changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, SEC 1 or PKCS#1.
    pub key: PathBuf,
}

/// How it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The certificate for TLS; none to speak it not.
    pub tls: Option<TlsFiles>,
    /// How long the request that a connection has begun may still take when the connection has lived for its time.
    pub last_request: Duration,
    /// How long requests may go on after the end was asked for.
    pub drain: Duration,
    /// Most connections at a time, of which one client has seven eighths at most.
    pub connections: usize,
}

impl Default for Serving {
    fn default() -> Self {
        Self { tls: None, last_request: DRAIN, drain: DRAIN, connections: MAX_CONNECTIONS }
    }
}

/// How long a request may go on.
#[derive(Clone, Copy, Debug)]
struct Ends {
    last_request: Duration,
    drain: Duration,
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
/// HTTP/1.1 and HTTP/2, over TLS 1.2 or 1.3 where `tls` is given, as the client prefers it. Without it HTTP/2 is spoken with
/// whoever begins with it (RFC 9113 §3.3); put a proxy that speaks TLS in front: did:web is HTTPS only. A request that does not name its host once gets 400, whatever the router.
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
    serve_as(listener, router, Serving { tls, last_request, ..Serving::default() }, shutdown).await
}

/// As [`serve`], as it is said.
///
/// # Errors
/// As [`serve`].
pub async fn serve_as(
    listener: TcpListener,
    router: Router,
    serving: Serving,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    // Small answers should not wait for one another.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    let source = |address: &SocketAddr| Some(address.ip());
    accept(listener, (router, source), serving, shutdown).await
}

/// As [`serve_long`], for connections that come from elsewhere, such as a unix socket.
///
/// # Errors
/// As [`serve`].
pub async fn serve_on<L: Listener>(
    listener: L,
    router: Router,
    tls: Option<TlsFiles>,
    last_request: Duration,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let serving = Serving { tls, last_request, ..Serving::default() };
    accept(listener, (router, |_: &L::Addr| None), serving, shutdown).await
}

async fn accept<L: Listener>(
    mut listener: L,
    (router, source): (Router, impl Fn(&L::Addr) -> Option<IpAddr>),
    serving: Serving,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let tls = serving.tls.map(Tls::start).transpose()?;
    let ends = Ends { last_request: serving.last_request, drain: serving.drain };
    let places = Places::new(serving.connections);
    let waiting = Arc::new(Semaphore::new(serving.connections.max(1)));
    let router = router.layer(from_fn(one_host));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            // Of those that have no place yet there are no more than there are places.
            let turn = Arc::clone(&waiting).acquire_owned().await;
            (turn, listener.accept().await)
        };
        let (turn, (socket, address)) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (router, tls, stopped) = (router.clone(), tls.as_ref().map(Tls::acceptor), stopped.clone());
        let (places, source) = (Arc::clone(&places), source(&address));
        connections.spawn(async move {
            // A client that has its share is not let in.
            let Some(place) = places.take(source).await else { return };
            drop(turn);
            let marked = Marked {
                router,
                place: Arc::clone(&place),
                source: source.map(Source),
                sockets: Arc::default(),
            };
            tokio::select! {
                () = connection(socket, marked, tls, ends, stopped) => {}
                () = place.given_away() => {}
            }
        });
    }
    drop(listener);
    stop.send_replace(true);
    // Whatever is left after that is cut off when the set is dropped.
    let _ = timeout(ends.drain, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

/// The address that a connection comes from, in the extensions of its requests; a unix socket has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// A router that says when it answers, and where requests come from.
#[derive(Clone)]
struct Marked {
    router: Router,
    place: Arc<Place>,
    source: Option<Source>,
    /// How many of its streams are sockets.
    sockets: Arc<AtomicUsize>,
}

/// A stream that is a socket: as long as it is one, its connection is not ended.
#[derive(Debug)]
struct Stream {
    sockets: Arc<AtomicUsize>,
    _busy: Busy,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

impl tower::Service<Request<Incoming>> for Marked {
    type Response = Response<Answering>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        tower::Service::<Request<Incoming>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(source) = self.source {
            request.extensions_mut().insert(source);
        }
        if request.extensions().get::<hyper::ext::Protocol>().is_some() {
            self.sockets.fetch_add(1, Ordering::Relaxed);
            let stream = Stream { sockets: Arc::clone(&self.sockets), _busy: self.place.busy() };
            request.extensions_mut().insert(KeptOpen(Arc::new(stream)));
        }
        let busy = self.place.busy();
        let answer = self.router.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| Answering { body, _busy: busy })) })
    }
}

/// The body of an answer, until whose end its connection is busy.
struct Answering {
    body: axum::body::Body,
    _busy: Busy,
}

impl Body for Answering {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Passes on what names its host as RFC 9112 §3.2 asks for, and answers everything else with 400, as it
/// says, too: of two hosts what stands in front of this server may have judged the other one.
async fn one_host(request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let first = hosts.next().map(|host| Authority::try_from(host.as_bytes()).ok());
    let named = match (first, hosts.next()) {
        (_, Some(_)) => false,
        // HTTP/1.0 does not ask for one; HTTP/2 has `:authority` in its place (RFC 9113 §8.3.1).
        (None, None) => match request.version() {
            Version::HTTP_2 => request.uri().authority().is_some_and(|host| !host.as_str().contains('@')),
            version => version < Version::HTTP_11,
        },
        // A target that is a whole URL names the host, too (§3.2.2); the client has to say the same twice.
        (Some(host), None) => host.is_some_and(|host| {
            let alike = |target: &Authority| target.as_str().eq_ignore_ascii_case(host.as_str());
            !host.as_str().contains('@') && request.uri().authority().is_none_or(alike)
        }),
    };
    if named { next.run(request).await } else { Problem::Host.into_response() }
}

async fn connection<S>(
    socket: S,
    router: Marked,
    tls: Option<TlsAcceptor>,
    ends: Ends,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(tls) = tls else {
        let begun = tokio::select! {
            begun = timeout(HEADER_TIMEOUT, Begun::read(socket)) => begun,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        if let Ok(Ok(begun)) = begun {
            let is_http2 = begun.is_http2();
            answer(begun, (router, is_http2), ends, stopped).await;
        }
        return;
    };
    let handshake = tokio::select! {
        handshake = timeout(HEADER_TIMEOUT, tls.accept(socket)) => handshake,
        _ = stopped.wait_for(|stopped| *stopped) => return,
    };
    if let Ok(Ok(stream)) = handshake {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        answer(stream, (router, is_http2), ends, stopped).await;
    }
}

async fn answer<S>(
    stream: S,
    (router, is_http2): (Marked, bool),
    ends: Ends,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    protocols.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    protocols
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(PING)
        .keep_alive_timeout(HEADER_TIMEOUT)
        // A WebSocket as a stream (RFC 8441).
        .enable_connect_protocol();
    let protocol = if is_http2 { protocols.http2_only() } else { protocols.http1_only() };
    let sockets = Arc::clone(&router.sockets);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(protocol.serve_connection_with_upgrades(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = sleep(CONNECTION_LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    loop {
        tokio::select! {
            ended = timeout(ends.last_request, connection.as_mut()) => {
                // A socket ends by its own rules, and others take no new streams meanwhile.
                if ended.is_ok() || sockets.load(Ordering::Relaxed) == 0 {
                    return;
                }
            }
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    let _ = timeout(ends.drain, connection).await;
}

/// What the files make.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
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
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
