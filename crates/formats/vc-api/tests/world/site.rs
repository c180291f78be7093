//! A real HTTPS site on this machine, and what stands at each of its paths.

use super::World;
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use core::time::Duration;
use legation_host::TlsFiles;
use legation_keys::{SecretKey, Signer, base64url};
use legation_resolver::Options;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// What is answered at a path.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub location: Option<&'static str>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type, location: None, body: body.into() }
    }
}

/// The answers by their paths, and the paths that were asked for with what was accepted.
#[derive(Default)]
pub struct Pages {
    pub answers: Mutex<HashMap<String, Answer>>,
    pub asked: Mutex<Vec<(String, String)>>,
}

pub struct Site {
    pub origin: String,
    pub pages: Arc<Pages>,
    certificate: Vec<u8>,
}

impl Site {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = certified.cert.pem();
        let tls =
            TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        std::fs::write(&tls.certificate, &certificate).unwrap();
        std::fs::write(&tls.key, certified.signing_key.serialize_pem()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let pages = Arc::new(Pages::default());
        let routes = Router::new().route("/{*path}", axum::routing::get(page)).with_state(pages.clone());
        tokio::spawn(async move {
            legation_host::serve(listener, routes, Some(tls), core::future::pending()).await.unwrap();
            drop(folder);
        });
        Self { origin, pages, certificate: certificate.into_bytes() }
    }

    /// A service that trusts the site's certificate, and has little patience.
    pub fn world(&self) -> World {
        World::with(self.options())
    }

    /// By which it is reached.
    pub fn options(&self) -> Options {
        Options {
            allow_private: true,
            timeout: Duration::from_secs(5),
            extra_root_certificates: vec![self.certificate.clone()],
            ..Options::default()
        }
    }

    /// Puts an answer at a path, and gives its URL.
    pub fn put(&self, path: &str, answer: Answer) -> String {
        self.pages.answers.lock().unwrap().insert(path.to_owned(), answer);
        format!("{}/{path}", self.origin)
    }

    pub fn asked(&self) -> Vec<(String, String)> {
        core::mem::take(&mut *self.pages.asked.lock().unwrap())
    }
}

async fn page(State(pages): State<Arc<Pages>>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    pages.asked.lock().unwrap().push((path.clone(), accept.to_owned()));
    let Some(answer) = pages.answers.lock().unwrap().get(&path).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    response.headers_mut().insert(header::CONTENT_TYPE, answer.content_type.parse().unwrap());
    response.headers_mut().extend(answer.location.map(|url| (header::LOCATION, url.parse().unwrap())));
    response
}

/// A compact JWS, whatever its header and its claims say.
pub fn token(header: &Value, claims: &Value, key: &SecretKey) -> String {
    let part = |json: &Value| base64url::encode(json.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature))
}

/// A credential of an issuer as `vc+jwt`, with these members beside the usual ones, in its envelope.
pub fn credential(issuer: &str, key_id: &str, key: &SecretKey, more: &Value) -> Value {
    let mut claims = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": issuer, "credentialSubject": {"id": "did:example:b"},
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let header = json!({"alg": key.public_key().algorithm().jose(), "kid": key_id, "typ": "vc+jwt"});
    json!({
        "@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiableCredential",
        "id": format!("data:application/vc+jwt,{}", token(&header, &claims, key)),
    })
}
