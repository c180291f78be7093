//! An organization that is up on this machine, with its token endpoint, and an agent of it.

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use legation_credential::{Occasion, present};
use legation_did::{Did, method_id};
use legation_gateway::{Gateway, router};
use legation_host::{Signals, serve, tokens};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_registry::{Profile, Registry, init, proof::prove};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::signer::Signer as Running;
use serde_json::Value;
use std::{sync::Arc, time::SystemTime};
use tokio::net::TcpListener;
use tower::ServiceExt;

pub(crate) const API: &str = "https://api.example/things";

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// An organization that is up on this machine, and an agent of it with its own key.
pub(crate) struct World {
    pub(crate) registry: Arc<Registry>,
    router: axum::Router,
    pub(crate) did: Did,
    pub(crate) key: SecretKey,
    /// The service at the API, which may ask about tokens for it.
    pub(crate) service: (Did, SecretKey),
    _folder: tempfile::TempDir,
    _signer: Running,
}

impl World {
    pub(crate) async fn new(algorithm: Algorithm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let signer = Running::start(folder.path()).unwrap();
        let (key, service) =
            (SecretKey::generate(algorithm).unwrap(), SecretKey::generate(algorithm).unwrap());
        let (registry, gateway, signals) = tokio::task::block_in_place(|| {
            let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
            let registry =
                Arc::new(init(store, signer.client(Door::Registry).unwrap(), &domain, now()).unwrap());
            let profile = Profile {
                actions: ["crm:read", "token:issue"].map(str::to_owned).to_vec(),
                resources: [API, "https://api.example/things/*"].map(str::to_owned).to_vec(),
                ..Profile::default()
            };
            let proof = prove(&key, registry.did(), "mail", now()).unwrap();
            let asks = Profile { actions: vec!["token:introspect".to_owned()], ..profile.clone() };
            let actions = ["crm:read", "token:issue", "token:introspect"].map(str::to_owned).to_vec();
            registry.add_team("crm", &Profile { actions, ..profile.clone() }, now()).unwrap();
            registry.add_agent_with_key("mail", "crm", &profile, &proof, now()).unwrap();
            let proof = prove(&service, registry.did(), "api", now()).unwrap();
            registry.add_agent_with_key("api", "crm", &asks, &proof, now()).unwrap();
            let client = || signer.client(Door::Gateway).unwrap();
            let gateway = Gateway::new(Arc::clone(&registry), client(), false).unwrap();
            let signals = Signals::new(Arc::clone(&registry), client(), true).unwrap();
            (registry, gateway, signals)
        });
        let did = format!("{}:mail", registry.did()).parse().unwrap();
        let service = (format!("{}:api", registry.did()).parse().unwrap(), service);
        let router = router(gateway).merge(tokens(&registry)).merge(signals.router());
        let served = router.clone();
        tokio::spawn(async move { serve(listener, served, None, std::future::pending()).await });
        Self { registry, router, did, key, service, _folder: folder, _signer: signer }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A presentation of the agent's chain, under a nonce of the gateway.
    pub(crate) async fn presentation(&self) -> String {
        let request = Request::post("/token/challenge").body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let challenge: Value = serde_json::from_slice(&body).unwrap();
        let chain = tokio::task::block_in_place(|| self.registry.chain(Kind::Agent, "mail")).unwrap();
        let links: Vec<&str> = chain.iter().map(String::as_str).collect();
        let occasion = Occasion {
            audience: self.registry.did().as_str(),
            nonce: challenge["nonce"].as_str().unwrap(),
            issued_at: now(),
            expires_at: now() + 60,
            transcript: None,
        };
        present(&links, &self.did, occasion, &self.key_id(), &self.key).unwrap()
    }

    pub(crate) fn key_id(&self) -> String {
        method_id(&self.did, self.key.public_key())
    }
}
