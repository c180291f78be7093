//! Envoy's messages, as they travel.

use super::{Held, ORIGIN, ROOM, Shop, may};
use axum::{body::Body, http::Request};
use prost::Message as _;
use std::collections::HashMap;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

#[derive(Clone, PartialEq, prost::Message)]
struct Pair {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "vec", tag = "3")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pairs {
    #[prost(message, repeated, tag = "1")]
    all: Vec<Pair>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Http {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(map = "string, string", tag = "3")]
    joined: HashMap<String, String>,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "5")]
    host: String,
    #[prost(string, tag = "11")]
    text: String,
    #[prost(bytes = "vec", tag = "12")]
    body: Vec<u8>,
    #[prost(message, optional, tag = "13")]
    raw: Option<Pairs>,
}

/// A field with a message in it.
fn within(tag: u8, message: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    prost::encode_length_delimiter(message.len(), &mut bytes).unwrap();
    bytes.extend(message);
    bytes
}

#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    status: Option<Code>,
    #[prost(message, optional, tag = "2")]
    denied: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    allowed: Option<Allowed>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Code {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<Code>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Allowed {
    #[prost(string, repeated, tag = "5")]
    removed: Vec<String>,
}

fn of(held: &Held<'_>) -> Http {
    let all = held.headers.iter().map(|(name, value)| Pair {
        key: name.to_string(),
        value: String::new(),
        raw: value.as_bytes().to_vec(),
    });
    let partial = held.body.map(|_| Pair {
        key: "x-envoy-auth-partial-body".to_owned(),
        value: "false".to_owned(),
        raw: Vec::new(),
    });
    let method = Pair { key: ":method".to_owned(), value: "BREW".to_owned(), raw: Vec::new() };
    Http {
        method: held.method.to_owned(),
        path: held.path.to_owned(),
        host: held.host.to_owned(),
        body: held.body.unwrap_or_default().to_vec(),
        raw: Some(Pairs { all: all.chain(partial).chain([method]).collect() }),
        ..Http::default()
    }
}

async fn check(shop: &Shop, http: &Http) -> Answer {
    let message = within(1, within(4, within(2, http.encode_to_vec())));
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = [&[0], &length[..], &message].concat();
    let request = Request::post(CHECK).header("content-type", "application/grpc").body(Body::from(body));
    let answer = shop.send(request.unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"application/grpc".parse().unwrap())
    );
    Answer::decode(&answer.body[5..]).unwrap()
}

fn code(answer: &Answer) -> (i32, String) {
    assert_ne!(answer.status.as_ref().map_or(0, |status| status.code), 0);
    let denied = answer.denied.as_ref().unwrap();
    let body: serde_json::Value = serde_json::from_str(&denied.body).unwrap();
    (denied.status.as_ref().unwrap().code, body["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_asks_by_its_messages_and_what_says_who_somebody_is_does_not_reach_the_service() {
    let shop = Shop::new();
    let (key, _) = shop.agent("mail", &may(&["http:GET"], vec![]));
    let held = Held::by(&key, ROOM).with("legation-role", "admin").with("legation-agent", "did:web:root");
    let answer = check(&shop, &of(&held)).await;
    assert_eq!(answer.status.unwrap().code, 0);
    let removed = answer.allowed.unwrap().removed;
    for name in [
        "authorization",
        "x-api-key",
        "agent-delegation",
        "signature",
        "signature-input",
        "cookie",
        "legation-role",
    ] {
        assert!(removed.iter().any(|one| one == name), "{name}: {removed:?}");
    }
    assert!(!removed.iter().any(|one| one == "legation-agent"), "it is set, and not removed then");
    let denied = check(&shop, &of(&Held { method: "POST", ..held })).await;
    assert_eq!(code(&denied), (403, "not_granted".to_owned()));
    let nothing = check(&shop, &Http::default()).await;
    assert_eq!(code(&nothing).0, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_envoy_joined_and_a_body_as_text_are_refused_and_told() {
    let shop = Shop::new();
    let own = shop.signer("own", &may(&["http:*"], vec![]));
    let body: Option<&[u8]> = Some(b"\xffbinary");
    let signed = of(&own.signs(("POST", ROOM), body, "n-1"));
    let joined: HashMap<String, String> = signed
        .raw
        .as_ref()
        .unwrap()
        .all
        .iter()
        .map(|pair| (pair.key.clone(), format!("{}{}", pair.value, String::from_utf8_lossy(&pair.raw))))
        .collect();
    let (key, _) = shop.agent("mail", &may(&["http:GET"], vec![]));
    let by_key = HashMap::from([("authorization".to_owned(), format!("Bearer {key}"))]);
    for headers in [joined, by_key] {
        for raw in [None, signed.raw.clone()] {
            let told = check(&shop, &Http { joined: headers.clone(), raw, ..signed.clone() }).await;
            assert_eq!(code(&told), (500, "raw_headers_missing".to_owned()));
            assert!(told.denied.unwrap().body.contains("encode_raw_headers: true"));
        }
    }
    let text = Http { text: "binary".to_owned(), body: Vec::new(), ..signed.clone() };
    assert_eq!(code(&check(&shop, &text).await), (500, "raw_body_missing".to_owned()));
    let mut partial = signed.clone();
    for pair in &mut partial.raw.as_mut().unwrap().all {
        if pair.key == "x-envoy-auth-partial-body" {
            pair.value = "true".to_owned();
        }
    }
    assert_eq!(code(&check(&shop, &partial).await), (413, "body_partial".to_owned()));
    assert_eq!(check(&shop, &signed).await.status.unwrap().code, 0, "as it was signed");
    // A length of nothing is as good as a body that was seen.
    let mut empty = own.signs(("POST", ROOM), None, "n-2");
    assert_eq!(code(&check(&shop, &of(&empty)).await).1, "body_unseen");
    empty = empty.with("content-length", "0");
    assert_eq!(check(&shop, &of(&empty)).await.status.unwrap().code, 0);
    let far = Held { host: "bank.example", ..Held::get(ROOM) };
    assert_eq!(code(&check(&shop, &of(&far)).await), (404, "unknown_host".to_owned()), "{ORIGIN}");
}
