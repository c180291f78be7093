//! The first admin, by a code that is typed; and how often anybody may ask.

use crate::world::{Admin, Answer, World, blocking, both, now, told};
use axum::{Router, body::Body, http::Request};
use core::net::IpAddr;
use http_body_util::BodyExt;
use legation_host::{
    api::{Rate, Rates},
    server::Source,
};
use legation_registry::proof::prove;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

async fn claim(world: &World, who: &Admin, code: &str) -> Answer {
    let proof = prove(who.key.as_ref(), world.registry.did(), &who.did, now()).unwrap();
    let body = json!({"code": code, "did": who.did, "proof": proof});
    claim_from(world, world.router.clone(), &body, "192.0.2.1").await
}

async fn claim_from(world: &World, router: Router, body: &Value, from: &str) -> Answer {
    let mut request = Request::post("/v1/claims").body(Body::from(body.to_string())).unwrap();
    request.extensions_mut().insert(Source(from.parse::<IpAddr>().unwrap()));
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let _ = world;
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Organizations that nobody administers yet.
fn unclaimed() -> Vec<World> {
    both().into_iter().map(World::without_admins).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_makes_one_first_admin_once() {
    for world in unclaimed() {
        let (first, second) = (Admin::new(), Admin::new());
        let code = blocking(|| world.registry.new_claim(now()).unwrap().unwrap());
        // As somebody types it who reads O for 0.
        let typed = code.to_lowercase().replace('-', " ").replace('0', "o");
        let answer = claim(&world, &first, &typed).await;
        assert_eq!(answer.status, 201, "{}: {}", world.engine, answer.text());
        let first = Admin { chain: vec![answer.json()["secured"].as_str().unwrap().to_owned()], ..first };
        let events = world.ask(&first, "GET", "/v1/events?limit=1000", &Value::Null).await.json();
        let added = events["events"].as_array().unwrap().iter().find(|event| event["kind"] == "admin.added");
        assert_eq!(added.unwrap()["subject"], first.did, "{}", world.engine);
        assert_eq!(claim(&world, &second, &code).await.problem(), told(403, "claim_refused"));
        // Nobody gets another one while there is, or was, an admin.
        assert_eq!(blocking(|| world.registry.new_claim(now()).unwrap()), None);
        let did = first.did.clone();
        blocking(|| world.registry.remove_admin(&did, now()).unwrap());
        assert_eq!(blocking(|| world.registry.new_claim(now()).unwrap()), None);
        let text = format!("{events}");
        assert!(!text.contains(code.as_str()), "the code stands in an event");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_code_one_that_ended_and_another_key_make_nobody_an_admin() {
    for world in unclaimed() {
        let who = Admin::new();
        let before = blocking(|| world.registry.new_claim(now()).unwrap().unwrap());
        let code = blocking(|| world.registry.new_claim(now()).unwrap().unwrap());
        assert_eq!(claim(&world, &who, &before).await.problem(), told(403, "claim_refused"));
        assert_eq!(claim(&world, &who, "").await.problem(), told(403, "claim_refused"));
        // Whoever saw the code has to hold the key of the DID that it names.
        let other = Admin::new();
        let foreign = prove(other.key.as_ref(), world.registry.did(), &who.did, now()).unwrap();
        let body = json!({"code": *code, "did": who.did, "proof": foreign});
        let refused = claim_from(&world, world.router.clone(), &body, "192.0.2.9").await;
        assert_eq!(refused.problem(), told(400, "value_invalid"));
        let elsewhere = "did:web:other.example".parse().unwrap();
        let foreign = prove(who.key.as_ref(), &elsewhere, &who.did, now()).unwrap();
        let body = json!({"code": *code, "did": who.did, "proof": foreign});
        let refused = claim_from(&world, world.router.clone(), &body, "192.0.2.9").await;
        assert_eq!(refused.problem(), told(400, "value_invalid"));
        // An hour later.
        let late = now() + 3600;
        let proof = prove(who.key.as_ref(), world.registry.did(), &who.did, late).unwrap();
        let did = who.did.parse().unwrap();
        let refused = blocking(|| world.registry.claim(&code, &did, &proof, late)).unwrap_err();
        assert_eq!(refused.code(), "claim_refused");
        // It is not used up by any of this.
        assert_eq!(claim(&world, &who, &code).await.status, 201, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_ends_after_a_hundred_others_and_nobody_tries_them_fast() {
    for world in unclaimed() {
        let (who, did) = (Admin::new(), |who: &Admin| who.did.parse().unwrap());
        let code = blocking(|| world.registry.new_claim(now()).unwrap().unwrap());
        let mut passed = 0;
        let limited = loop {
            let answer = claim(&world, &who, "0000-0000-0000").await;
            if answer.status == 429 {
                break answer;
            }
            passed += 1;
            assert!(passed < 20, "{}", world.engine);
        };
        assert_eq!(limited.problem().1, "too_many_requests");
        assert!(limited.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        let proof = prove(who.key.as_ref(), world.registry.did(), &who.did, now()).unwrap();
        for _ in passed..100 {
            let tried = blocking(|| world.registry.claim("0000-0000-0000", &did(&who), &proof, now()));
            assert_eq!(tried.unwrap_err().code(), "claim_refused");
        }
        let tried = blocking(|| world.registry.claim(&code, &did(&who), &proof, now()));
        assert_eq!(
            tried.unwrap_err().code(),
            "claim_refused",
            "{}: it was tried a hundred times",
            world.engine
        );
        // What was limited is told beside the answer.
        let mut kinds: Vec<String> = Vec::new();
        for _ in 0..200 {
            let events = blocking(|| world.registry.events(0, 1000).unwrap());
            kinds = events.into_iter().map(|event| event.kind).collect();
            if kinds.iter().any(|kind| kind == "admin.limited") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for wanted in ["claim.ended", "admin.limited"] {
            assert!(kinds.iter().any(|kind| kind == wanted), "{kinds:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_and_an_address_that_ask_too_often_wait_and_others_do_not() {
    let rate = |burst| Rate { burst, every: Duration::from_secs(3600) };
    let rates = Rates { admin: rate(3), source: rate(6), open: rate(1) };
    for world in both() {
        let world = world.limited(rates);
        let other = world.admin_for(&["admin:teams.list"]);
        let ask = async |who: &Admin, from: &str| {
            let mut request = who.sign(&crate::world::Draft::new("GET", "/v1/teams", &Value::Null));
            request.extensions_mut().insert(Source(from.parse::<IpAddr>().unwrap()));
            world.send(request).await
        };
        for _ in 0..3 {
            assert_eq!(ask(&world.admin, "192.0.2.1").await.status, 200, "{}", world.engine);
        }
        // Also from elsewhere: it is the admin who is counted.
        for from in ["192.0.2.1", "192.0.2.2"] {
            let answer = ask(&world.admin, from).await;
            assert_eq!(answer.problem(), told(429, "too_many_requests"));
            let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((3590..=3601).contains(&seconds), "{seconds}");
        }
        assert_eq!(ask(&other, "192.0.2.1").await.status, 200);
        assert_eq!(ask(&other, "192.0.2.1").await.status, 200);
        // The seventh from that address, before anything of it is looked at.
        assert_eq!(ask(&other, "192.0.2.1").await.problem().0, 429);
        assert_eq!(ask(&other, "192.0.2.2").await.status, 200);
        let mut limited = Vec::new();
        for _ in 0..50 {
            let events = blocking(|| world.registry.events(0, 1000).unwrap());
            limited = events.into_iter().filter(|event| event.kind == "admin.limited").collect();
            if limited.len() >= 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut subjects: Vec<&str> = limited.iter().map(|event| event.subject.as_str()).collect();
        subjects.sort_unstable();
        assert_eq!(subjects, ["addresses", world.admin.did.as_str()], "{}", world.engine);
    }
}
