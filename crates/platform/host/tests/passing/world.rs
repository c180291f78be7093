//! An organization whose gateway serves on a port, an agent that may use one service, and clients by both versions of HTTP.

use crate::service::Service;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Incoming},
    client::conn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use legation_gateway::{Gateway, router};
use legation_registry::{Profile, Registry, init, route::Route};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::signer::Signer;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::net::{TcpListener, TcpStream};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// Verbs block, which a thread that runs futures must not.
pub(crate) fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

pub(crate) struct World {
    pub(crate) registry: Arc<Registry>,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    _signer: Signer,
    _folder: tempfile::TempDir,
}

impl World {
    /// With a route `/api/` to a service, and an agent that may do these actions there.
    pub(crate) async fn new(service: &Service, actions: &[&str], shape: impl FnOnce(&mut Route)) -> Self {
        Self::at(&service.origin(), actions, shape).await
    }

    pub(crate) async fn at(origin: &str, actions: &[&str], shape: impl FnOnce(&mut Route)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let may = Profile {
            actions: actions.iter().map(|one| (*one).to_owned()).collect(),
            resources: vec![format!("{origin}/*")],
            ..Profile::default()
        };
        let mut route = Route {
            name: "api".to_owned(),
            path: "/api/".to_owned(),
            upstream: format!("{origin}/"),
            ..Route::default()
        };
        shape(&mut route);
        let (registry, gateway, key, signer) = blocking(|| {
            let signer = Signer::start(folder.path()).unwrap();
            let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
            let client = signer.client(Door::Registry).unwrap();
            let registry = Arc::new(init(store, client, "acme.example", now()).unwrap());
            registry.put_route(&route, now()).unwrap();
            registry.add_team("outside", &may, now()).unwrap();
            registry.add_agent("mail", "outside", &may, now()).unwrap();
            let key = registry.create_key("mail", "test", None, now()).unwrap().secret.to_string();
            let client = signer.client(Door::Gateway).unwrap();
            let gateway = Gateway::new(Arc::clone(&registry), client, false).unwrap();
            (registry, gateway, key, signer)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let last = Duration::from_secs(60);
        tokio::spawn(legation_host::serve_long(
            listener,
            router(gateway),
            None,
            last,
            std::future::pending(),
        ));
        Self { registry, address, key, _signer: signer, _folder: folder }
    }

    /// A request of the agent, begun.
    pub(crate) fn asks(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header("host", "acme.example");
        request.header("authorization", format!("Bearer {}", self.key))
    }

    /// Sends a request by HTTP/1.1, on a connection of its own.
    pub(crate) async fn send<B>(&self, request: Request<B>) -> Response<Incoming>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        let socket = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        // The sender is kept until the body has ended.
        let response = sender.send_request(request).await.unwrap();
        tokio::spawn(async move {
            let _ = sender.ready().await;
        });
        response
    }

    /// The same by HTTP/2, which client and gateway have not agreed on before.
    pub(crate) async fn http2<B>(&self) -> conn::http2::SendRequest<B>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let socket = TcpStream::connect(self.address).await.unwrap();
        let made = conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
        tokio::spawn(made.1);
        made.0
    }

    pub(crate) fn suspend(&self) {
        blocking(|| self.registry.suspend(Kind::Agent, "mail", now())).unwrap();
    }

    /// The receipts by kind and code, once there are so many.
    pub(crate) async fn receipts(&self, count: usize) -> Vec<(String, String, String)> {
        for _ in 0..500 {
            let mut all = blocking(|| self.registry.receipts(None, 100)).unwrap();
            if all.len() >= count {
                all.reverse();
                let text = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
                return all.into_iter().map(|one| (one.kind, one.code, text(one.body))).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", blocking(|| self.registry.receipts(None, 100)).unwrap())
    }
}

pub(crate) fn empty() -> Full<Bytes> {
    Full::default()
}

pub(crate) async fn text(response: Response<Incoming>) -> String {
    String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned()
}

/// Status and code.
pub(crate) async fn told(response: Response<Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let text = text(response).await;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    (status, json["error"]["code"].as_str().unwrap_or(&text).to_owned())
}
