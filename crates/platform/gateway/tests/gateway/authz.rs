//! Decisions that proxies ask for before they pass a request on, as each kind of them asks. Real ones are in the host's `toolkits`.

mod grpc;

use crate::world::{Answer, World, blocking, now, sqlite};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request},
};
use http_body_util::BodyExt;
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_registry::{Profile, proof::prove};
use legation_store::holder::Kind;
use serde_json::{Value, json};
use tower::ServiceExt;

const ORIGIN: &str = "https://shop.example";
const ROOM: &str = "/rooms/1";

/// How a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Envoy,
    Nginx,
    Forward,
}

const FORMS: [Form; 3] = [Form::Envoy, Form::Nginx, Form::Forward];

/// A request that a proxy holds.
#[derive(Clone, Debug)]
struct Held<'a> {
    method: &'a str,
    host: &'a str,
    path: &'a str,
    headers: HeaderMap,
    body: Option<&'a [u8]>,
}

impl<'a> Held<'a> {
    fn get(path: &'a str) -> Self {
        Self { method: "GET", host: "shop.example", path, headers: HeaderMap::new(), body: None }
    }

    fn by(key: &str, path: &'a str) -> Self {
        Self::get(path).with("authorization", &format!("Bearer {key}"))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    fn asked(&self, form: Form) -> Request<Body> {
        let asks = match form {
            Form::Envoy => {
                let path = format!("/access/v1/envoy{}", self.path);
                Request::builder().method(self.method).uri(path).header("host", self.host)
            }
            Form::Nginx => Request::get("/access/v1/nginx")
                .header("host", "gateway")
                .header("x-original-method", self.method)
                .header("x-original-host", self.host)
                .header("x-original-uri", self.path),
            Form::Forward => Request::get("/access/v1/forward")
                .header("host", "gateway")
                .header("x-forwarded-method", self.method)
                .header("x-forwarded-host", self.host)
                .header("x-forwarded-uri", self.path),
        };
        let asks = match self.body {
            Some(_) => asks.header("x-envoy-auth-partial-body", "false"),
            None => asks,
        };
        let mut asks = asks.body(Body::from(self.body.unwrap_or_default().to_vec())).unwrap();
        for (name, value) in &self.headers {
            asks.headers_mut().append(name, value.clone());
        }
        asks
    }
}

struct Shop {
    world: World,
    router: Router,
}

impl Shop {
    fn new() -> Self {
        let world = sqlite();
        let team = may(&["http:*"], vec![]);
        blocking(|| world.registry.add_team("travel", &team, now())).unwrap();
        let router = world.for_proxies(&[ORIGIN]);
        Self { world, router }
    }

    /// An agent with a key: its key and its DID.
    fn agent(&self, name: &str, profile: &Profile) -> (String, String) {
        blocking(|| {
            let did = self.world.registry.add_agent(name, "travel", profile, now()).unwrap().did;
            (self.world.registry.create_key(name, "test", None, now()).unwrap().secret.to_string(), did)
        })
    }

    /// An agent that keeps its own key.
    fn signer(&self, name: &str, profile: &Profile) -> Own {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let chain = blocking(|| {
            let proof = prove(&key, self.world.registry.did(), name, now()).unwrap();
            self.world.registry.add_agent_with_key(name, "travel", profile, &proof, now()).unwrap();
            self.world.registry.chain(Kind::Agent, name).unwrap()
        });
        Own { key, chain }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn told(&self, form: Form, held: &Held<'_>) -> (u16, String) {
        let answer = self.send(held.asked(form)).await;
        (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

struct Own {
    key: SecretKey,
    chain: Vec<String>,
}

impl Own {
    fn signs<'a>(&self, (method, path): (&'a str, &'a str), body: Option<&'a [u8]>, nonce: &str) -> Held<'a> {
        let links: Vec<&str> = self.chain.iter().map(String::as_str).collect();
        let mut headers = HeaderMap::new();
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        let occasion = Signing { created: now(), expires: now() + 60, nonce, agent: None };
        let target_uri = format!("{ORIGIN}{path}");
        let message =
            Message { method, target_uri: &target_uri, headers: &headers, body: body.unwrap_or_default() };
        sign(&message, occasion, &self.key).unwrap().apply(&mut headers);
        Held { method, headers, body, ..Held::get(path) }
    }
}

fn may(actions: &[&str], constraints: Vec<Value>) -> Profile {
    Profile {
        actions: actions.iter().map(|one| (*one).to_owned()).collect(),
        resources: vec![format!("{ORIGIN}/rooms/*")],
        constraints,
        ..Profile::default()
    }
}

/// A denial as nginx gets it: it knows two of them.
fn as_told(form: Form, status: u16, code: &str) -> (u16, String) {
    let status = if form == Form::Nginx && status != 401 && status < 500 { 403 } else { status };
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proxy_holds_is_decided_by_its_own_method_and_url_and_by_nothing_else() {
    let shop = Shop::new();
    let (key, did) = shop.agent("mail", &may(&["http:GET"], vec![]));
    for form in FORMS {
        let answer = shop.send(Held::by(&key, "/rooms/1?night=2").asked(form)).await;
        assert_eq!(answer.status, 200, "{form:?} {}", answer.text());
        assert_eq!(answer.headers["legation-agent"], did.as_str(), "{form:?}");
        assert_eq!(answer.headers["legation-principal"], "did:web:acme.example", "{form:?}");
        assert_eq!(answer.headers["legation-receipt"].len(), 43, "{form:?}");
        let with_port = Held { host: "SHOP.example:443", ..Held::by(&key, ROOM) };
        assert_eq!(shop.told(form, &with_port).await.0, 200, "{form:?} the usual port, in any letters");
        let posts = Held { method: "POST", ..Held::by(&key, ROOM) };
        assert_eq!(shop.told(form, &posts).await, as_told(form, 403, "not_granted"), "{form:?}");
        let root = Held::by(&key, "/");
        assert_eq!(
            shop.told(form, &root).await,
            as_told(form, 403, "not_granted"),
            "{form:?}: it is decided, too"
        );
        let elsewhere = Held { host: "bank.example", ..Held::by(&key, ROOM) };
        assert_eq!(shop.told(form, &elsewhere).await, as_told(form, 404, "unknown_host"), "{form:?}");
        assert_eq!(
            shop.told(form, &Held::get(ROOM)).await,
            as_told(form, 401, "api_key_missing"),
            "{form:?}"
        );
        let nobody = Held::by("legation_nobody", ROOM);
        assert_eq!(shop.told(form, &nobody).await, as_told(form, 401, "api_key_unknown"), "{form:?}");
        let twice = Held::by(&key, ROOM).with("authorization", &format!("Bearer {key}"));
        assert_eq!(shop.told(form, &twice).await, as_told(form, 401, "api_key_missing"), "{form:?}");
        let socket = Held::by(&key, ROOM).with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(
            shop.told(form, &socket).await,
            as_told(form, 403, "not_granted"),
            "{form:?}: whoever may read may not write by a socket"
        );
        for method in ["CONNECT", "TRACE"] {
            let held = Held { method, ..Held::by(&key, ROOM) };
            if (form, method) != (Form::Envoy, "CONNECT") {
                assert_eq!(
                    shop.told(form, &held).await,
                    as_told(form, 405, "method_not_allowed"),
                    "{form:?}"
                );
            }
        }
    }
    let permits = shop.world.receipts().iter().filter(|(kind, _, _)| kind == "permit").count();
    assert_eq!(permits, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_proxy_and_service_may_read_in_two_ways_does_not_pass() {
    let shop = Shop::new();
    let (key, _) = shop.agent("mail", &may(&["http:GET"], vec![]));
    let tricks = [
        "/rooms/../admin",
        "/rooms/a/../../admin",
        "/rooms/%2e%2e/admin",
        "/rooms/..;/admin",
        "/rooms/a%2fb",
        "/rooms/a%5cb",
        "/rooms//1",
        "//rooms/1",
        "/rooms/%41",
        "/rooms/./1",
    ];
    for form in FORMS {
        for path in tricks {
            let told = shop.told(form, &Held::by(&key, path)).await;
            assert_eq!(told, as_told(form, 400, "bad_request"), "{form:?} {path}");
        }
    }
    for path in ["@bank.example/rooms/1", ".bank.example/rooms/1", ":8443/rooms/1", "*", ""] {
        for form in [Form::Nginx, Form::Forward] {
            let (status, code) = shop.told(form, &Held::by(&key, path)).await;
            assert!(
                (400..=403).contains(&status) && code == "bad_request",
                "{form:?} {path} {status} {code}"
            );
        }
    }
    // What leaves the path of its own way of asking is no other way.
    let nginx = Held::by(&key, "/../nginx").with("x-original-method", "GET");
    assert_eq!(shop.told(Form::Envoy, &nginx).await, (400, "bad_request".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_used_up_is_used_up_for_every_way_of_asking() {
    let shop = Shop::new();
    let rate = json!({"type": "rate", "seconds": 3600, "max": 3});
    let (key, _) = shop.agent("mail", &may(&["http:GET"], vec![rate]));
    for form in FORMS {
        assert_eq!(shop.told(form, &Held::by(&key, ROOM)).await.0, 200, "{form:?}");
    }
    for form in FORMS {
        let told = shop.told(form, &Held::by(&key, ROOM)).await;
        assert_eq!(told, as_told(form, 429, "rate_exceeded"), "{form:?}");
    }
    let answer = shop.send(Held::by(&key, ROOM).asked(Form::Nginx)).await;
    assert_eq!(answer.headers["legation-code"], "rate_exceeded", "for who reads no body of a denial");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_is_compared_with_the_whole_body_once() {
    let shop = Shop::new();
    let own = shop.signer("own", &may(&["http:*"], vec![]));
    let body: Option<&[u8]> = Some(br#"{"beds":2}"#);
    let held = own.signs(("POST", ROOM), body, "n-1");
    assert_eq!(shop.told(Form::Envoy, &held).await, (200, String::new()));
    assert_eq!(shop.told(Form::Envoy, &held).await, (401, "nonce_replayed".to_owned()));
    let other = Held { body: Some(br#"{"beds":9}"#), ..own.signs(("POST", ROOM), body, "n-2") };
    assert_eq!(shop.told(Form::Envoy, &other).await.1, "request_binding_mismatch");
    for change in [Held { method: "PUT", ..held.clone() }, Held { path: "/rooms/2", ..held.clone() }] {
        assert_eq!(shop.told(Form::Envoy, &change).await.0, 401, "{change:?}");
    }
    // A part of a body, and a body that nobody says is whole.
    let mut cut = own.signs(("POST", ROOM), body, "n-3").asked(Form::Envoy);
    cut.headers_mut().insert("x-envoy-auth-partial-body", HeaderValue::from_static("true"));
    let answer = shop.send(cut).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (413, &json!("body_partial")));
    let mut unsaid = own.signs(("POST", ROOM), body, "n-4").asked(Form::Envoy);
    unsaid.headers_mut().remove("x-envoy-auth-partial-body");
    assert_eq!(shop.send(unsaid).await.json()["code"], "bad_request");
    // Where no body is seen, nothing is signed that may have one.
    for form in FORMS {
        let nonce = format!("n-5 {form:?}");
        let empty = own.signs(("POST", ROOM), None, &nonce);
        assert_eq!(shop.told(form, &empty).await, as_told(form, 400, "body_unseen"), "{form:?}");
        let claims = Held { body: None, ..own.signs(("GET", ROOM), body, &nonce) };
        assert_eq!(shop.told(form, &claims).await, as_told(form, 400, "body_unseen"), "{form:?}");
        assert_eq!(shop.told(form, &own.signs(("GET", ROOM), None, &nonce)).await.0, 200, "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_need_an_approval_does_not_pass_with_a_body_that_nobody_has_seen() {
    let shop = Shop::new();
    let boss = legation_did::key::did(SecretKey::generate(Algorithm::EdDsa).unwrap().public_key());
    let approval = json!({"type": "approval", "above": 0, "currency": "USD", "approver": boss.as_str(), "actions": ["http:POST"]});
    let (key, _) = shop.agent("mail", &may(&["http:*"], vec![approval]));
    for form in FORMS {
        let held = Held { method: "POST", ..Held::by(&key, "/rooms/1?amount=5&currency=USD") };
        assert_eq!(shop.told(form, &held).await, as_told(form, 400, "body_unseen"), "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_another_request_of_one_or_is_said_twice_does_not_pass() {
    let shop = Shop::new();
    let (key, _) = shop.agent("mail", &may(&["http:*"], vec![]));
    for form in FORMS {
        for (name, value) in [
            ("x-http-method-override", "DELETE"),
            ("x_http_method_override", "DELETE"),
            ("legation_agent", "me"),
            ("x-original-url", "/admin"),
            ("x-rewrite-url", "/admin"),
        ] {
            let held = Held::by(&key, ROOM).with(name, value);
            assert_eq!(shop.told(form, &held).await, as_told(form, 400, "bad_request"), "{form:?} {name}");
        }
        let held = Held::by(&key, ROOM).with("content-type", "a/b").with("content-type", "c/d");
        assert_eq!(shop.told(form, &held).await, as_told(form, 400, "bad_request"), "{form:?}");
    }
    // What the proxy sets is there once, or it has not set it.
    for (form, start) in [(Form::Nginx, "x-original-"), (Form::Forward, "x-forwarded-")] {
        for name in ["method", "host", "uri"] {
            let name = format!("{start}{name}");
            let twice = Held::by(&key, ROOM).with(&name, "GET");
            assert_eq!(shop.told(form, &twice).await, (500, "proxy_misconfigured".to_owned()), "{name}");
            let mut none = Held::by(&key, ROOM).asked(form);
            none.headers_mut().remove(name.as_str());
            assert_eq!(shop.send(none).await.json()["code"], "proxy_misconfigured", "{name}");
        }
        let mut with_body = Held::by(&key, ROOM).asked(form);
        *with_body.body_mut() = Body::from("x");
        assert_eq!(shop.send(with_body).await.json()["code"], "bad_request");
    }
}
