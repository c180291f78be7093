//! Further domains, seen by a file and by the DNS.

use crate::world::{World, blocking, both, now, told};
use axum::{Router, routing::get};
use hickory_resolver::proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record, rdata::TXT},
};
use legation_credential::model;
use legation_did::{Did, Purpose, document::KeyUse};
use legation_host::{api::Settings, domains::Domains};
use legation_keys::{
    Algorithm, base64url,
    json::{self, JsonLimits},
    jws,
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::UdpSocket, runtime::Handle};

/// A name server that knows some texts, of any name.
async fn name_server(texts: Arc<Mutex<Vec<(String, String)>>>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut bytes = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let asked = Message::from_vec(&bytes[..length]).unwrap();
            let mut answer = Message::new();
            answer.set_id(asked.id()).set_message_type(MessageType::Response);
            answer.set_recursion_desired(true).set_recursion_available(true);
            let query = asked.queries()[0].clone();
            let name = query.name().to_utf8();
            let known: Vec<(String, String)> = texts.lock().unwrap().clone();
            let mut found = known.into_iter().filter(|(known, _)| *known == name).peekable();
            if found.peek().is_none() {
                answer.set_response_code(ResponseCode::NXDomain);
            }
            for (_, text) in found {
                answer.add_answer(Record::from_rdata(
                    query.name().clone(),
                    1,
                    RData::TXT(TXT::new(vec![text])),
                ));
            }
            answer.add_query(query);
            socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        }
    });
    address
}

/// A site whose file has a text.
async fn site(text: Arc<Mutex<String>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = format!("localhost:{}", listener.local_addr().unwrap().port());
    let router = Router::new()
        .route("/.well-known/legation-domain.txt", get(move || async move { text.lock().unwrap().clone() }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    name
}

async fn check(world: &World, name: &str) -> Value {
    world.done("POST", &format!("/v1/domains/{}/check", name.replace(':', "%3A")), Value::Null).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_is_verified_by_its_file_or_its_txt_record_and_lost_after_a_day_without() {
    for world in both() {
        let (texts, file) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new("nothing".to_owned())));
        let server = name_server(Arc::clone(&texts)).await;
        let by_file = site(Arc::clone(&file)).await;
        let settings = Settings { allow_private: true, name_server: Some(server), ..Settings::default() };
        let world = world.with(settings);
        let mut expected = Vec::new();
        for name in [by_file.as_str(), "acme.test"] {
            let added = world.done("POST", "/v1/domains", json!({"name": name})).await;
            assert_eq!((&added["state"], &added["credential"]), (&json!("pending"), &Value::Null));
            // Added again it stays what it is.
            let again = world.done("POST", "/v1/domains", json!({"name": name})).await;
            assert_eq!(again["expected"], added["expected"]);
            assert_eq!(check(&world, name).await["state"], "pending", "{}: {name}", world.engine);
            expected.push(added["expected"].as_str().unwrap().to_owned());
        }
        // The token of another one is none, nor is a part of a line.
        *file.lock().unwrap() = format!("{}\n{} x\n", expected[1], expected[0]);
        texts.lock().unwrap().push(("_legation.acme.test.".to_owned(), expected[0].clone()));
        texts.lock().unwrap().push(("acme.test.".to_owned(), expected[1].clone()));
        for name in [by_file.as_str(), "acme.test"] {
            assert_eq!(check(&world, name).await["state"], "pending", "{}: {name}", world.engine);
        }
        *file.lock().unwrap() = format!("# ours\r\n{}\r\n", expected[0]);
        texts.lock().unwrap().push(("_legation.acme.test.".to_owned(), expected[1].clone()));
        for (name, method) in [(by_file.as_str(), "file"), ("acme.test", "dns")] {
            let found = check(&world, name).await;
            assert_eq!((&found["state"], &found["method"]), (&json!("verified"), &json!(method)), "{found}");
            let secured = found["credential"].as_str().unwrap();
            let parts = jws::split(secured).unwrap();
            let payload = base64url::decode(parts.payload).unwrap();
            let said: Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(
                said["credentialSubject"],
                json!({"id": "did:web:acme.example", "domain": name, "seenBy": method})
            );
            let key = blocking(|| world.registry.document("did:web:acme.example").unwrap());
            let id = header(parts.header);
            let wanted = KeyUse {
                id: &id,
                purpose: Purpose::AssertionMethod,
                algorithm: Algorithm::EdDsa,
                now: now(),
            };
            let key = key.key(wanted).unwrap();
            let signature = jws::read_signature(parts.signature).unwrap();
            key.verify(parts.signing_input.as_bytes(), &signature).unwrap();
            let strict = json::parse(&payload, JsonLimits { bytes: 10_000, depth: 8 }).unwrap();
            model::check_credential(strict.as_object().unwrap()).unwrap();
        }
        texts.lock().unwrap().clear();
        let domains = Domains::new(true, Some(server)).unwrap();
        let due = |at: i64| blocking(|| domains.check_due(&world.registry, &Handle::current(), at).unwrap());
        let begin = now();
        assert_eq!(due(begin + 3600), 0, "once a day");
        assert_eq!(due(begin + 86_401), 2);
        // Then once an hour of the one that is not found, until it is lost.
        for hour in 1..=22 {
            assert_eq!(due(begin + 86_401 + hour * 3600), 1, "{hour}");
        }
        let state = |name: &str| blocking(|| world.registry.domain(name).unwrap());
        assert_eq!(state("acme.test").state, "verified", "{}", world.engine);
        assert!(state("acme.test").secured.is_some());
        due(begin + 86_401 + 23 * 3600);
        let lost = state("acme.test");
        assert_eq!((lost.state.as_str(), lost.secured), ("lost", None), "{}", world.engine);
        assert_eq!(state(&by_file).state, "verified");
        let kinds = blocking(|| world.registry.events(0, 1000).unwrap());
        let own = kinds.iter().filter(|event| event.subject == "acme.test").map(|event| event.kind.as_str());
        assert_eq!(own.collect::<Vec<_>>(), ["domain.added", "domain.verified", "domain.lost"]);
        world.done("DELETE", "/v1/domains/acme.test", Value::Null).await;
        assert_eq!(
            world.done("GET", "/v1/domains", Value::Null).await["domains"].as_array().unwrap().len(),
            1
        );
        for (name, code) in
            [("acme.example", "value_invalid"), ("acme.test/x", "value_invalid"), ("", "domain_invalid")]
        {
            let answer = world.ask(&world.admin, "POST", "/v1/domains", &json!({"name": name})).await;
            assert_eq!(answer.problem(), told(400, code), "{name}");
        }
    }
}

/// The `kid` of a header.
fn header(encoded: &str) -> String {
    let json: Value = serde_json::from_slice(&base64url::decode(encoded).unwrap()).unwrap();
    let id = json["kid"].as_str().unwrap().to_owned();
    assert!(id.split('#').next().unwrap().parse::<Did>().is_ok() && json["typ"] == "vc+jwt");
    id
}
