//! The service, asked without a network.
#![allow(dead_code, unreachable_pub)] // each test file uses its part
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)] // a test's helpers may stop it

pub mod site;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, header},
};
use http_body_util::BodyExt as _;
use legation_did::key;
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::{Fetcher, Options};
use legation_vc_api::{Access, Issuing, Service, SigningKey, router};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

/// A service that signs by these keys.
pub fn routes(keys: Vec<SigningKey>, options: Options) -> Router {
    guarded(keys, options, Issuing::Open)
}

/// The same, which issues for some.
pub fn guarded(keys: Vec<SigningKey>, options: Options, issuing: Issuing) -> Router {
    let service = Service::new(keys, Fetcher::new(options).unwrap(), ORIGIN);
    router(Arc::new(service), Access::new(ORIGIN, issuing))
}

const ORIGIN: &str = "https://vc.example";

/// The service, and as whom it issues.
pub struct World {
    pub routes: Router,
    pub ed25519: String,
    pub p256: String,
}

impl World {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let keys = Algorithm::ALL.map(|algorithm| SecretKey::generate(algorithm).unwrap());
        let did = |algorithm| {
            let of = |key: &&SecretKey| key.public_key().algorithm() == algorithm;
            key::did(keys.iter().find(of).unwrap().public_key()).to_string()
        };
        let (ed25519, p256) = (did(Algorithm::EdDsa), did(Algorithm::Es256));
        Self { routes: routes(keys.map(SigningKey::Chain).into(), options), ed25519, p256 }
    }

    pub async fn send(&self, mut request: Request<Body>) -> (u16, Value) {
        // What every client sends, unless a test says otherwise.
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert(HeaderValue::from_static("vc.example"));
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Request::post(path).body(body.to_string().into()).unwrap()).await
    }

    pub async fn get(&self, path: &str, accept: &str) -> (u16, Value) {
        self.send(Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap()).await
    }

    pub fn credential(&self, way: &str) -> Value {
        let issuer = if way.starts_with("ecdsa") { &self.p256 } else { &self.ed25519 };
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
            "id": "urn:uuid:7f0c0000-0000-4000-8000-000000000001",
            "type": ["VerifiableCredential"],
            "issuer": issuer,
            "credentialSubject": {"id": "did:example:b", "alumniOf": "a school"},
        })
    }

    pub async fn issue(&self, way: &str) -> Value {
        let body = json!({"credential": self.credential(way)});
        let (status, issued) = self.post(&format!("/issuers/{way}/credentials/issue"), &body).await;
        assert_eq!(status, 201, "{way}: {issued}");
        issued
    }

    /// The status and the code of a verification.
    pub async fn verify(&self, credential: &Value) -> (u16, String) {
        let body = json!({"verifiableCredential": credential});
        let (status, told) = self.post("/credentials/verify", &body).await;
        assert_eq!(told["verified"], json!(status == 200), "{told}");
        (status, told["code"].as_str().unwrap_or_default().to_owned())
    }
}
