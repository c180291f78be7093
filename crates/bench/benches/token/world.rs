//! An organization on disk with an agent that has its own key, two gateways of it, and a service behind a route.

use axum::{Router, body::Body};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use legation_credential::{Occasion, present};
use legation_did::{Did, method_id};
use legation_gateway::{Gateway, Limits, router};
use legation_keys::{Algorithm, SecretKey, Signer as _};
use legation_registry::{
    Profile, Registry, init,
    proof::prove,
    route::{Route, RouteAuth},
};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::{
    signer::Signer,
    upstream::{Plan, Upstream},
};
use legation_token::request::{EXCHANGE, PRESENTATION};
use serde_json::Value;
use std::{sync::Arc, time::SystemTime};
use tower::ServiceExt;

/// The address of the route, which tokens are for.
pub(crate) const HERE: &str = "https://acme.example/crm/";

pub(crate) struct World {
    pub(crate) registry: Arc<Registry>,
    pub(crate) gateways: Vec<Router>,
    pub(crate) key: SecretKey,
    pub(crate) agent: Did,
    pub(crate) chain: Vec<String>,
    _upstream: Upstream,
    _signer: Signer,
    _folder: tempfile::TempDir,
}

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        tokio::task::block_in_place(Self::made)
    }

    fn made() -> Self {
        let folder = match std::env::var_os("LEGATION_DIR") {
            Some(dir) => tempfile::tempdir_in(dir).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let signer = Signer::start(folder.path()).unwrap();
        let location = Location::Sqlite(folder.path().join("store.sqlite"));
        let store = Store::open(location.clone()).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", now()).unwrap();
        let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
        let at = format!("{}/v1/", upstream.origin().replace("127.0.0.1", "localhost"));
        let route = Route {
            name: "crm".to_owned(),
            path: "/crm/".to_owned(),
            upstream: at.clone(),
            auth: vec![RouteAuth::BearerToken],
            ..Route::default()
        };
        registry.put_route(&route, now()).unwrap();
        let profile = Profile {
            actions: ["http:GET", "token:issue"].map(str::to_owned).to_vec(),
            resources: vec![at.clone(), format!("{at}*")],
            ..Profile::default()
        };
        registry.add_team("crm", &profile, now()).unwrap();
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let proof = prove(&key, registry.did(), "mail", now()).unwrap();
        registry.add_agent_with_key("mail", "crm", &profile, &proof, now()).unwrap();
        let chain = registry.chain(Kind::Agent, "mail").unwrap();
        let gateway = || {
            let store = Store::open(location.clone()).unwrap();
            let registry = Registry::open(store, signer.client(Door::Registry).unwrap(), None).unwrap();
            let gateway =
                Gateway::new(Arc::new(registry), signer.client(Door::Gateway).unwrap(), false).unwrap();
            gateway.limit(Limits { calls: 1024, calls_of_one: 1024 });
            router(gateway)
        };
        let gateways = vec![gateway(), gateway()];
        let agent = "did:web:acme.example:mail".parse().unwrap();
        let (registry, _folder) = (Arc::new(registry), folder);
        Self { registry, gateways, key, agent, chain, _upstream: upstream, _signer: signer, _folder }
    }

    pub(crate) async fn send(&self, gateway: usize, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let response = self.gateways[gateway].clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// A request for a token, under a nonce of the server that was not used yet.
    pub(crate) async fn asking(&self) -> String {
        let (status, body) = self.send(0, post("/token/challenge", String::new())).await;
        assert_eq!(status, 200);
        let nonce = serde_json::from_slice::<Value>(&body).unwrap()["nonce"].as_str().unwrap().to_owned();
        let links: Vec<&str> = self.chain.iter().map(String::as_str).collect();
        let occasion = Occasion {
            audience: "did:web:acme.example",
            nonce: &nonce,
            issued_at: now(),
            expires_at: now() + 300,
            transcript: None,
        };
        let method = method_id(&self.agent, self.key.public_key());
        let presented = present(&links, &self.agent, occasion, &method, &self.key).unwrap();
        let [kind, _] = PRESENTATION;
        format!("grant_type={EXCHANGE}&subject_token={presented}&subject_token_type={kind}&audience={HERE}")
    }

    pub(crate) async fn token(&self) -> String {
        let (status, body) = self.send(0, post("/token", self.asking().await)).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice::<Value>(&body).unwrap()["access_token"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn post(path: &str, body: String) -> Request<Body> {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    request.body(Body::from(body)).unwrap()
}
