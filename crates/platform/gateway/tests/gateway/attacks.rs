//! Attacks on what is signed, on paths and methods, and by providers. `tests/README.md` says which test holds which line.

use crate::world::{World, blocking, get, local, now, sqlite};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, header},
};
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey};
use legation_registry::{Budget, FIRST_TEAM, Profile, proof::prove, route::Route};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const CHAT: &str = "/v1/chat/completions";

/// An agent that keeps its own key.
struct Signer {
    key: SecretKey,
    chain: Vec<String>,
}

impl Signer {
    fn new(world: &World, name: &str) -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let budgets = vec![Budget::parse("5USD/day").unwrap()];
        let may = Profile { groups: vec!["standard".to_owned()], budgets, ..Profile::default() };
        let chain = blocking(|| {
            let proof = prove(&key, world.registry.did(), name, now()).unwrap();
            world.registry.add_agent_with_key(name, FIRST_TEAM, &may, &proof, now()).unwrap();
            world.registry.chain(Kind::Agent, name).unwrap()
        });
        Self { key, chain }
    }

    /// What it signs at a moment, as it leaves: its headers and its body.
    fn signed(&self, nonce: &str, at: i64, words: &str) -> (HeaderMap, String) {
        let body =
            json!({"model": "small", "max_tokens": 1, "messages": [{"role": "user", "content": words}]});
        let body = body.to_string();
        let mut headers = HeaderMap::new();
        let links: Vec<&str> = self.chain.iter().map(String::as_str).collect();
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let occasion = Signing { created: at, expires: at + 60, nonce, agent: None };
        let target_uri = &format!("https://acme.example{CHAT}");
        let message = Message { method: "POST", target_uri, headers: &headers, body: body.as_bytes() };
        sign(&message, occasion, &self.key).unwrap().apply(&mut headers);
        (headers, body)
    }
}

fn post(path: &str, (headers, body): (HeaderMap, String)) -> Request<Body> {
    let mut request = Request::post(path).body(Body::from(body)).unwrap();
    *request.headers_mut() = headers;
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_signed_is_taken_once_in_any_order_and_as_a_whole_or_not_at_all() {
    let world = sqlite();
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    world.model("small", &upstream, 0);
    let (mail, other) = (Signer::new(&world, "mail"), Signer::new(&world, "other"));
    // In another order than they were signed in, and each of them once.
    let (first, second) = (mail.signed("n-1", now(), "first"), mail.signed("n-2", now(), "second"));
    for request in [&second, &first] {
        let answer = world.send(0, post(CHAT, request.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for request in [&first, &second] {
        let told = world.send(0, post(CHAT, request.clone())).await.told();
        assert_eq!(told, (401, "nonce_replayed".to_owned()));
    }
    assert_eq!(upstream.count(), 2);
    let signed = |nonce: &str| mail.signed(nonce, now(), "hello");
    let changed = |nonce: &str, change: &dyn Fn(&mut HeaderMap, &mut String)| {
        let (mut headers, mut body) = signed(nonce);
        change(&mut headers, &mut body);
        (headers, body)
    };
    let cut = |headers: &mut HeaderMap, name: &'static str, by: usize| {
        let value = headers[name].to_str().unwrap();
        let value = HeaderValue::from_str(value.get(..value.len() - by).unwrap()).unwrap();
        headers.insert(name, value);
    };
    let cases: Vec<(&str, &str, (HeaderMap, String))> = vec![
        ("its body is cut", CHAT, changed("c-1", &|_, body| assert!(body.pop().is_some()))),
        ("its body is another's", CHAT, changed("c-2", &|_, body| *body = mail.signed("x", now(), "more").1)),
        ("its body is gone", CHAT, changed("c-3", &|_, body| body.clear())),
        ("its body goes on", CHAT, changed("c-4", &|_, body| body.push(' '))),
        (
            "the digest is that of another body",
            CHAT,
            changed("c-5", &|headers, body| {
                let (other, words) = mail.signed("x", now(), "more");
                headers.insert("content-digest", other["content-digest"].clone());
                *body = words;
            }),
        ),
        ("the digest is gone", CHAT, changed("c-6", &|headers, _| drop(headers.remove("content-digest")))),
        ("the signature is cut", CHAT, changed("c-7", &|headers, _| cut(headers, "signature", 3))),
        ("the signature is gone", CHAT, changed("c-8", &|headers, _| drop(headers.remove("signature")))),
        ("the input is cut", CHAT, changed("c-9", &|headers, _| cut(headers, "signature-input", 3))),
        ("the chain is cut", CHAT, changed("c-10", &|headers, _| cut(headers, "agent-delegation", 40))),
        (
            "the chain lacks its last link",
            CHAT,
            changed("c-11", &|headers, _| {
                let (_, above) = mail.chain.split_last().unwrap();
                let links: Vec<&str> = above.iter().map(String::as_str).collect();
                headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
            }),
        ),
        (
            "the chain is another agent's",
            CHAT,
            changed("c-12", &|headers, _| {
                headers
                    .insert("agent-delegation", other.signed("x", now(), "x").0["agent-delegation"].clone());
            }),
        ),
        (
            "the signature is another agent's",
            CHAT,
            changed("c-13", &|headers, _| {
                let (theirs, _) = other.signed("c-13", now(), "hello");
                headers.insert("signature", theirs["signature"].clone());
            }),
        ),
        (
            "two signatures",
            CHAT,
            changed("c-14", &|headers, _| {
                let again = headers["signature"].clone();
                headers.append("signature", again);
            }),
        ),
        ("it is for another path", "/v1/embeddings", signed("c-15")),
        ("it has got a query", "/v1/chat/completions?x=1", signed("c-16")),
        ("it has ended", CHAT, mail.signed("c-17", now() - 400, "hello")),
        ("it is of a time to come", CHAT, mail.signed("c-18", now() + 400, "hello")),
    ];
    for (what, path, request) in cases {
        let answer = world.send(0, post(path, request)).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{what}: {} {}", answer.status, answer.text());
    }
    // Another method.
    let (headers, body) = signed("c-19");
    let mut put = Request::put(CHAT).body(Body::from(body)).unwrap();
    *put.headers_mut() = headers;
    assert!(world.send(0, put).await.status.is_client_error());
    assert_eq!(upstream.count(), 2, "nothing of it was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_and_no_header_leads_elsewhere_than_what_was_judged() {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let world = sqlite();
    let route = Route {
        name: "crm".to_owned(),
        path: "/crm/".to_owned(),
        upstream: format!("{}/v1/open/", local(&upstream.origin())),
        ..serde_json::from_value(json!({"name": "crm", "path": "/crm/", "upstream": "http://localhost:1/"}))
            .unwrap()
    };
    let resource = format!("{}/v1/open/*", local(&upstream.origin()));
    let may =
        Profile { actions: vec!["http:GET".to_owned()], resources: vec![resource], ..Profile::default() };
    let key = blocking(|| {
        world.registry.put_route(&route, now()).unwrap();
        world.registry.add_team("crm", &may, now()).unwrap();
        world.registry.add_agent("mail", "crm", &may, now()).unwrap();
        world.registry.create_key("mail", "test", None, now()).unwrap().secret.to_string()
    });
    for path in [
        "/crm/../secret",
        "/crm/./x",
        "/crm/a/../../secret",
        "/crm/%2e%2e/secret",
        "/crm/.%2e/secret",
        "/crm/%2E%2E%2Fsecret",
        "/crm/..%2fsecret",
        "/crm/..;/secret",
        "/crm/..%5csecret",
        "/crm/%00",
        "/crm/%zz",
        "/CRM/x",
        "/crm",
        "//crm/x",
        "/%63rm/x",
        "/v1/models/../crm/x",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/v1/chat/completions%00",
    ] {
        let answer = world.send(0, get(&key, path)).await;
        let sent: Vec<String> = upstream.requests().into_iter().map(|seen| seen.path).collect();
        let inside = sent
            .iter()
            .all(|path| path.starts_with("/v1/open/") && !path.contains("..") && !path.contains("secret"));
        assert!(inside, "{path}: {sent:?}");
        let harmless = sent.last().is_some_and(|sent| sent.ends_with(path.trim_start_matches("/crm/")));
        assert!(answer.status.is_client_error() || harmless, "{path}: {} {sent:?}", answer.status);
    }
    let before = upstream.count();
    // What says that it is another method, another path or somebody else is not believed, and not passed on.
    let mut request = get(&key, "/crm/x");
    for (name, value) in [
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x-original-url", "/crm/secret"),
        ("x-rewrite-url", "/crm/secret"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-user", "root"),
        ("x-remote-user", "root"),
        ("legation-identity", "forged"),
        ("cookie", "session=1"),
        ("proxy-authorization", "Basic eDp5"),
        ("agent-delegation", "sha-256=:AAAA:"),
        ("baggage", "user=root"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert_eq!(world.send(0, request).await.status, 200);
    let seen = upstream.requests().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/v1/open/x"));
    for (name, _) in &seen.headers {
        let known =
            ["host", "accept", "accept-encoding", "connection", "content-length", "user-agent", "via"];
        assert!(known.contains(&name.as_str()), "`{name}` was passed on");
    }
    for method in ["DELETE", "POST", "TRACE", "get", "OPTIONS", "PROPFIND"] {
        let mut request = get(&key, "/crm/x");
        *request.method_mut() = method.parse().unwrap();
        let told = world.send(0, request).await;
        assert!(told.status.is_client_error(), "{method}: {}", told.status);
    }
    assert_eq!(upstream.count(), before + 1);
}

/// A provider that sends a second answer behind the first, which was not asked for.
fn answers_twice() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://localhost:{}/v1", listener.local_addr().unwrap().port());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, counted) = (socket.unwrap(), Arc::clone(&counted));
            std::thread::spawn(move || {
                let mut read = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = socket.read(&mut piece) {
                    read.extend_from_slice(&piece[..length]);
                    if !String::from_utf8_lossy(&read).ends_with('}') {
                        continue;
                    }
                    read.clear();
                    let number = counted.fetch_add(1, Ordering::SeqCst);
                    let answer = |words: String, tokens: u64| {
                        let body = json!({
                            "id": "c", "object": "chat.completion", "created": 0, "model": "m",
                            "choices": [{"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"}],
                            "usage": {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1},
                        });
                        let body = body.to_string();
                        let length = body.len();
                        format!(
                            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                        )
                    };
                    let both = answer(format!("asked {number}"), 1) + &answer("nobody asked".to_owned(), 900);
                    let _ = socket.write_all(both.as_bytes());
                }
            });
        }
    });
    (address, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_answer_of_a_provider_is_nobodys_and_is_not_paid_for() {
    let world = sqlite();
    let (address, asked) = answers_twice();
    let unused = Upstream::always(Plan::says("x")).unwrap();
    let mut model = world.model("small", &unused, crate::world::CENT);
    model.targets = vec![legation_registry::model::Target::new(address, "m")];
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let key = world.agent("mail", "5USD/day");
    for number in 0..5 {
        let answer = world.chat(0, &key, json!({"max_tokens": 5})).await;
        if answer.status == 200 {
            let said = answer.json()["choices"][0]["message"]["content"].clone();
            assert_eq!(said, format!("asked {}", asked.load(Ordering::SeqCst) - 1), "of call {number}");
        } else {
            assert_eq!(answer.told(), (502, "upstream_failed".to_owned()));
        }
    }
    let receipts = world.wait_for_receipts(10).await;
    let settled: Vec<i64> =
        receipts.iter().filter(|(kind, ..)| kind == "settle").filter_map(|one| one.2).collect();
    assert!(settled.iter().all(|cost| *cost <= 5 * 1_000_000), "{settled:?}");
    assert!(!settled.is_empty());
}
