//! Receipts of others: what a service answers with, and what an agent hands in.

use crate::world::{World, blocking, get, local, now, post_to, sqlite};
use axum::{Router, body::Body, http::Request, routing::any};
use legation_credential::{Authority, Facts};
use legation_keys::{Algorithm, PublicKey, SecretKey, Signer as _};
use legation_registry::{
    Profile,
    route::{Route, RouteProtocol},
};
use legation_verifier::receipt;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A service with a key of its own at `did:web:localhost%3APORT`, which answers with whatever receipt it is told to.
struct Shop {
    world: World,
    key: SecretKey,
    port: u16,
    says: Arc<Mutex<String>>,
    agent: String,
    did: String,
}

impl Shop {
    async fn open() -> Self {
        let world = sqlite();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let (said, document) = (Arc::<Mutex<String>>::default(), document(port, key.public_key()));
        let says = Arc::clone(&said);
        let serves = move |request: Request<Body>| {
            let (said, document) = (said.lock().unwrap().clone(), document.clone());
            async move {
                // What a server of MCP and an agent of A2A say, by either of its bindings, and any other service.
                let (kind, body) = match request.uri().path() {
                    "/rpc" => ("application/json", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
                    "/message:send" => (
                        "application/a2a+json",
                        r#"{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[]}}"#,
                    ),
                    "/.well-known/agent-card.json" => ("application/json", "{}"),
                    _ => ("text/plain", "done"),
                };
                let mut response = axum::response::Response::new(Body::from(body));
                response.headers_mut().insert("content-type", kind.parse().unwrap());
                if request.uri().path() == "/.well-known/did.json" {
                    *response.body_mut() = Body::from(document);
                    response.headers_mut().insert("content-type", "application/did+json".parse().unwrap());
                } else if !said.is_empty() {
                    response.headers_mut().insert("legation-receipt", said.parse().unwrap());
                }
                response
            }
        };
        tokio::spawn(
            async move { axum::serve(listener, Router::new().fallback(any(serves))).await.unwrap() },
        );
        let route = Route {
            name: "shop".to_owned(),
            path: "/shop/".to_owned(),
            upstream: local(&format!("http://127.0.0.1:{port}/")),
            ..Route::default()
        };
        let other = |name: &str, protocol| Route {
            name: name.to_owned(),
            path: format!("/{name}/"),
            protocol,
            ..route.clone()
        };
        let others = [other("tools", RouteProtocol::Mcp), other("hotel", RouteProtocol::A2a)];
        let may = Profile {
            actions: ["http:*", "mcp:*", "a2a:*"].map(str::to_owned).to_vec(),
            resources: vec![format!("{}*", route.upstream)],
            ..Profile::default()
        };
        let (agent, did) = blocking(|| {
            world.registry.put_route(&route, now()).unwrap();
            others.iter().for_each(|other| world.registry.put_route(other, now()).unwrap());
            world.registry.add_team("buyers", &may, now()).unwrap();
            let did = world.registry.add_agent("mail", "buyers", &may, now()).unwrap().did;
            (world.registry.create_key("mail", "test", None, now()).unwrap().secret.to_string(), did)
        });
        Self { world, key, port, says, agent, did }
    }

    fn did(&self) -> String {
        format!("did:web:localhost%3A{}", self.port)
    }

    /// A receipt of this service, as of a moment, about an agent.
    fn receipt(&self, about: &str, at: i64) -> String {
        let body = json!({
            "type": "LegationReceipt", "decision": "permit", "at": legation_keys::time::format(at), "verifier": self.did(),
            "principal": "did:web:acme.example", "agent": about, "effective": Authority::everything().to_json(),
            "request": {"action": "a2a:skill:book", "resource": "https://shop.example/", "facts": Facts::new().len()},
        });
        self.signed(&body, &self.key)
    }

    fn signed(&self, body: &Value, key: &SecretKey) -> String {
        receipt::sign(body.to_string().as_bytes(), &format!("{}#key-1", self.did()), key).unwrap()
    }

    async fn hands_in(&self, secured: &str) -> Value {
        let body = json!({ "receipt": secured }).to_string();
        let answer = self.world.send(0, post_to("/v1/self/receipts", &self.agent, body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Sends something, which is answered with a receipt, and gives what is kept of that.
    async fn sends(&self, secured: &str) -> legation_store::theirs::Theirs {
        secured.clone_into(&mut self.says.lock().unwrap());
        let before = self.kept().len();
        let answer = self.world.send(0, post_to("/shop/orders", &self.agent, "{}".to_owned())).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "done"));
        self.next(before).await
    }

    /// What is kept beside so many.
    async fn next(&self, before: usize) -> legation_store::theirs::Theirs {
        for _ in 0..200 {
            let kept = self.kept();
            if kept.len() > before {
                return kept.into_iter().next().unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nothing was kept");
    }

    fn kept(&self) -> Vec<legation_store::theirs::Theirs> {
        blocking(|| self.world.registry.theirs(None, 100)).unwrap()
    }
}

fn document(port: u16, key: &PublicKey) -> String {
    let did = format!("did:web:localhost%3A{port}");
    let id = format!("{did}#key-1");
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [{"id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": key.to_multikey()}],
        "assertionMethod": [id],
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_answers_with_is_kept_and_named_as_what_it_is() {
    let shop = Shop::open().await;
    let good = shop.receipt(&shop.did, now());
    let kept = shop.sends(&good).await;
    assert_eq!(
        (kept.state.as_str(), kept.reason.as_str(), kept.decision.as_str()),
        ("verified", "", "permit")
    );
    assert_eq!((kept.signer, kept.agent, kept.secured), (shop.did(), shop.did.clone(), good.clone()));
    assert_eq!(kept.origin, format!("http://localhost:{}", shop.port));
    // What was changed, what somebody else signed, what is of another agent or another time.
    let (head, payload) = good.rsplit_once('.').unwrap();
    let changed = format!(
        "{head}.{}",
        if payload.starts_with('A') {
            payload.replacen('A', "B", 1)
        } else {
            format!("A{}", payload.get(1..).unwrap())
        }
    );
    let stranger = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let body = json!({"type": "LegationReceipt", "decision": "permit", "verifier": shop.did(), "agent": shop.did,
        "at": legation_keys::time::format(now())});
    for (secured, state, why) in [
        (changed, "wrong", "signature"),
        (shop.signed(&body, &stranger), "wrong", "signature"),
        ("no.receipt.atall".to_owned(), "wrong", ""),
        (shop.receipt("did:web:acme.example:other", now()), "foreign", "another agent"),
        (shop.receipt(&shop.did, now() - 3600), "foreign", "too old"),
    ] {
        let kept = shop.sends(&secured).await;
        assert_eq!(kept.state, state, "{}", kept.reason);
        assert!(kept.reason.contains(why), "{}", kept.reason);
    }
    // Who answered and who signed are two.
    let other = Shop::open().await;
    let kept = shop.sends(&other.receipt(&shop.did, now())).await;
    assert_eq!(kept.state, "foreign", "{}", kept.reason);
    assert!(kept.reason.contains("signed it"), "{}", kept.reason);
    // The same again is the same.
    *shop.says.lock().unwrap() = good;
    let count = shop.kept().len();
    shop.world.send(0, post_to("/shop/orders", &shop.agent, "{}".to_owned())).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(shop.kept().len(), count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_of_tools_or_an_agent_answers_with_is_kept_as_any_services() {
    let shop = Shop::open().await;
    let rpc = |method: &str, params: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
    };
    let message = json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}});
    let mut over_http = post_to("/hotel/message:send", &shop.agent, message.to_string());
    over_http.headers_mut().insert("a2a-version", "1.0".parse().unwrap());
    let asked = [
        post_to("/tools/rpc", &shop.agent, rpc("ping", json!({}))),
        post_to("/hotel/rpc", &shop.agent, rpc("SendMessage", message)),
        over_http,
        get(&shop.agent, "/hotel/.well-known/agent-card.json"),
    ];
    // Each of another second, since the same receipt is kept once.
    let at = now();
    for (index, request) in asked.into_iter().enumerate() {
        let ago = i64::try_from(index).unwrap();
        let good = shop.receipt(&shop.did, at - ago);
        good.clone_into(&mut shop.says.lock().unwrap());
        let answer = shop.world.send(0, request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let kept = shop.next(index).await;
        assert_eq!((kept.state.as_str(), kept.reason.as_str()), ("verified", ""), "{index}");
        assert_eq!((kept.agent, kept.secured), (shop.did.clone(), good), "{index}");
        assert_eq!(kept.origin, format!("http://localhost:{}", shop.port));
    }
    // One that is of somebody else is no better there.
    shop.receipt("did:web:acme.example:other", now()).clone_into(&mut shop.says.lock().unwrap());
    shop.world.send(0, post_to("/tools/rpc", &shop.agent, rpc("ping", json!({})))).await;
    assert_eq!(shop.next(4).await.state, "foreign");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_hands_in_what_it_was_answered_elsewhere() {
    let shop = Shop::open().await;
    let good = shop.receipt(&shop.did, now() - 86_400);
    let told = shop.hands_in(&good).await;
    assert_eq!(
        (&told["state"], &told["signer"], &told["seq"]),
        (&json!("verified"), &json!(shop.did()), &json!(1))
    );
    assert_eq!(shop.hands_in(&good).await, told, "once is enough");
    assert_eq!(shop.hands_in(&shop.receipt("did:web:acme.example:other", now())).await["state"], "foreign");
    assert_eq!(shop.hands_in(&shop.receipt(&shop.did, now() + 3600)).await["state"], "wrong");
    let own = blocking(|| shop.world.registry.signed_receipt(1));
    assert!(own.is_ok());
    // A signer that is not there: once it is, it is looked at again.
    let body = json!({"type": "LegationReceipt", "decision": "permit", "verifier": "did:web:gone.localhost%3A1", "agent": shop.did,
        "at": legation_keys::time::format(now())});
    let gone =
        receipt::sign(body.to_string().as_bytes(), "did:web:gone.localhost%3A1#key-1", &shop.key).unwrap();
    assert_eq!(shop.hands_in(&gone).await["state"], "unresolved");
    for body in ["", "{}", "{\"receipt\":1}", "{\"receipt\":\"\"}"] {
        let answer = shop.world.send(0, post_to("/v1/self/receipts", &shop.agent, body.to_owned())).await;
        assert_eq!(answer.status, 400, "{body}");
    }
    let nobody = shop
        .world
        .send(0, post_to("/v1/self/receipts", "legation_nobody", json!({"receipt": good}).to_string()));
    assert_eq!(nobody.await.status, 401);
    let mine = blocking(|| shop.world.registry.theirs(Some("mail"), 100)).unwrap();
    assert_eq!(mine.len(), 4);
    assert!(blocking(|| shop.world.registry.theirs(Some("other"), 100)).unwrap().is_empty());
    assert_eq!(blocking(|| shop.world.registry.their_receipt(1)).unwrap().secured, good);
}
