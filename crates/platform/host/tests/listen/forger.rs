//! A partner that tells whatever it likes, with keys of its own, and whose delegations are its own, too.

use crate::world::{Caller, Organization, now};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use legation_credential::{
    Authority, Terms, issue,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::{Did, web};
use legation_keys::{Algorithm, SecretKey, Signer, base64url, jws};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;

pub(crate) const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
pub(crate) const TOKEN: &str = "token-of-the-stream";

/// What it tells, and what came of it.
#[derive(Default)]
pub(crate) struct Stream {
    /// What waits: each with its name.
    pub(crate) sets: Vec<(String, String)>,
    /// What was taken, and what was refused by which code.
    pub(crate) taken: Vec<String>,
    pub(crate) refused: Vec<(String, String)>,
    /// Where its configuration says that the stream is.
    pub(crate) endpoint: String,
    pub(crate) audience: String,
}

pub(crate) struct Forger {
    pub(crate) did: Did,
    pub(crate) origin: String,
    pub(crate) stream: Arc<Mutex<Stream>>,
    /// How often anybody asked with a token.
    pub(crate) asked: Arc<AtomicUsize>,
    own: SecretKey,
    key: KeyPair,
}

#[derive(Clone)]
struct Served {
    stream: Arc<Mutex<Stream>>,
    asked: Arc<AtomicUsize>,
    origin: String,
    jwks: Value,
    document: String,
    list: String,
}

impl Forger {
    /// One whose stream is for `audience`.
    pub(crate) async fn open(audience: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        let (did, origin) = (web::did(&domain).unwrap(), format!("http://{domain}"));
        let own = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let n = base64url::encode(&key.public_key().as_ref()[9..265]);
        let list = StatusListCredential {
            id: Some(format!("{origin}/status/1")),
            issuer: did.clone(),
            valid_from: now() - 20,
            valid_until: None,
            purposes: vec![StatusPurpose::Revocation],
            list: StatusList::new(0),
        };
        let list =
            jws::sign("vc+jwt", &key_id(&did, &own), list.to_json().to_string().as_bytes(), &own).unwrap();
        let stream = Stream {
            endpoint: format!("{origin}/stream"),
            audience: audience.to_owned(),
            ..Stream::default()
        };
        let one = Self {
            stream: Arc::new(Mutex::new(stream)),
            asked: Arc::default(),
            did: did.clone(),
            origin: origin.clone(),
            own,
            key,
        };
        let served = Served {
            stream: Arc::clone(&one.stream),
            asked: Arc::clone(&one.asked),
            origin,
            jwks: json!({"keys": [{"kty": "RSA", "kid": "k", "n": n, "e": "AQAB"}]}),
            document: web::document(&did, &[one.own.public_key().clone()]).to_json().to_string(),
            list,
        };
        let router = Router::new()
            .route(
                "/.well-known/did.json",
                get(async |State(one): State<Served>| typed("application/did+json", one.document)),
            )
            .route("/status/1", get(async |State(one): State<Served>| typed("application/vc+jwt", one.list)))
            .route("/jwks", get(async |State(one): State<Served>| Json(one.jwks)))
            .route("/.well-known/ssf-configuration", get(configuration))
            .route("/stream", get(configured))
            .route("/poll", post(poll))
            .with_state(served);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        one
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |text: String| base64url::encode(text.as_bytes());
        let input = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
        let mut signature = vec![0; 256];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    }

    /// A good token about somebody, with other members where some are given; `null` takes one away. It is told under its `jti`.
    pub(crate) fn set(&self, subject: &Value, more: &Value) -> (String, String) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let mut claims = json!({
            "iss": self.origin, "aud": self.stream.lock().unwrap().audience, "iat": now(),
            "jti": format!("j-{}", NUMBER.fetch_add(1, Ordering::SeqCst)),
            "sub_id": subject, "events": {CREDENTIAL_CHANGE: {"change_type": "revoke"}},
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let jti = claims["jti"].as_str().unwrap_or("none").to_owned();
        (jti, self.sign(&json!({"alg": "RS256", "typ": "secevent+jwt", "kid": "k"}), &claims))
    }

    pub(crate) fn tells(&self, sets: Vec<(String, String)>) {
        self.stream.lock().unwrap().sets.extend(sets);
    }

    /// What came of one: nothing yet, that it was taken, or the code by which it was refused.
    pub(crate) fn outcome(&self, jti: &str) -> Option<String> {
        let stream = self.stream.lock().unwrap();
        let refused = stream.refused.iter().find(|(name, _)| name == jti).map(|(_, code)| code.clone());
        refused.or_else(|| stream.taken.iter().any(|name| name == jti).then(|| "taken".to_owned()))
    }

    /// A delegation of its own to somebody.
    pub(crate) fn lends(&self, subject: &Did, key: Arc<SecretKey>, there: &Organization) -> Caller {
        let authority =
            json!({"grants": [{"actions": ["model:chat"], "resources": [there.models()]}]}).to_string();
        let list = format!("{}/status/1", self.origin);
        let terms = Terms {
            id: None,
            subject: subject.clone(),
            valid_from: now() - 60,
            valid_until: now() + 3600,
            max_depth: 0,
            account: None,
            authority: Authority::parse(&authority).unwrap(),
            status: vec![StatusEntry { purpose: StatusPurpose::Revocation, list, index: 7 }],
        };
        let link = issue(terms, &self.did, &key_id(&self.did, &self.own), &self.own).unwrap();
        Caller { key, chain: vec![link] }
    }
}

fn key_id(did: &Did, key: &SecretKey) -> String {
    legation_did::method_id(did, key.public_key())
}

fn typed(kind: &'static str, text: String) -> Response {
    ([("content-type", kind)], text).into_response()
}

async fn configuration(State(one): State<Served>) -> Json<Value> {
    let endpoint = one.stream.lock().unwrap().endpoint.clone();
    let at = |path: &str| format!("{}{path}", one.origin);
    Json(json!({"issuer": one.origin, "jwks_uri": at("/jwks"), "configuration_endpoint": endpoint}))
}

async fn configured(State(one): State<Served>, headers: HeaderMap) -> Response {
    one.asked.fetch_add(1, Ordering::SeqCst);
    if headers["authorization"] != format!("Bearer {TOKEN}") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let delivery = json!({"method": "urn:ietf:rfc:8936", "endpoint_url": format!("{}/poll", one.origin)});
    let audience = one.stream.lock().unwrap().audience.clone();
    Json(json!([{"stream_id": "s", "aud": audience, "delivery": delivery}])).into_response()
}

async fn poll(State(one): State<Served>, Json(asked): Json<Value>) -> Json<Value> {
    one.asked.fetch_add(1, Ordering::SeqCst);
    let sets: serde_json::Map<String, Value> = {
        let mut stream = one.stream.lock().unwrap();
        for jti in asked["ack"].as_array().unwrap() {
            stream.taken.push(jti.as_str().unwrap().to_owned());
        }
        for (jti, error) in asked["setErrs"].as_object().unwrap() {
            stream.refused.push((jti.clone(), error["err"].as_str().unwrap().to_owned()));
        }
        let done: Vec<String> =
            stream.taken.iter().chain(stream.refused.iter().map(|(jti, _)| jti)).cloned().collect();
        stream.sets.retain(|(jti, _)| !done.contains(jti));
        stream.sets.iter().take(50).map(|(jti, set)| (jti.clone(), set.as_str().into())).collect()
    };
    if sets.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Json(json!({ "sets": sets }))
}
