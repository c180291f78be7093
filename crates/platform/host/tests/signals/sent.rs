//! What is sent, to receivers that answer, and to those that do not.

use crate::world::{Answers, Receiver, World, blocking, both, claims, event, now, soon, sqlite};
use legation_host::Signals;
use legation_registry::Registry;
use legation_signer::Door;
use legation_store::holder::Kind;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

async fn pushed(world: &World, name: &str, answers: Answers) -> (Receiver, String, String) {
    let receiver = Receiver::start(answers).await;
    let token = world.receiver(name, &[]);
    let delivery = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": receiver.url, "authorization_header": "Bearer s3cret"});
    let id = world.stream(&token, json!({ "delivery": delivery })).await;
    (receiver, token, id)
}

fn suspend_and_resume(registry: &Registry, times: usize) {
    blocking(|| {
        for _ in 0..times {
            registry.suspend(Kind::Agent, "bot", now()).unwrap();
            registry.resume(Kind::Agent, "bot", now()).unwrap();
        }
    });
}

fn waiting(world: &World, id: &str) -> i64 {
    let streams = blocking(|| world.registry.streams("", 1000)).unwrap();
    streams.iter().find(|one| one.subscription.id == id).unwrap().subscription.waiting
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_sent_in_order_with_the_receivers_header_and_once() {
    for world in both() {
        world.run();
        let (receiver, _, id) = pushed(&world, "shop", |_| (202, "")).await;
        suspend_and_resume(&world.registry, 3);
        soon("nine events", || receiver.got().len() >= 9 && waiting(&world, &id) == 0).await;
        let got = receiver.got();
        assert_eq!(got.len(), 9, "{}", world.engine);
        let keys = world.keys().await;
        let mut names = Vec::new();
        for (headers, set) in &got {
            assert_eq!(headers["authorization"], "Bearer s3cret");
            assert_eq!(headers["content-type"], "application/secevent+jwt");
            assert_eq!(headers["accept"], "application/json");
            let claims = claims(set, &keys);
            names.push(event(&claims).0.to_owned());
        }
        let once = ["session-revoked", "risk-level-change", "risk-level-change"];
        assert_eq!(names, [once, once, once].concat());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_did_not_take_is_sent_again_as_it_was_and_before_what_follows() {
    let world = sqlite();
    world.run();
    let answers: Answers = |number| if number == 0 { (500, "") } else { (202, "") };
    let (receiver, _, id) = pushed(&world, "shop", answers).await;
    suspend_and_resume(&world.registry, 1);
    soon("all three", || receiver.got().len() >= 4 && waiting(&world, &id) == 0).await;
    let got = receiver.got();
    assert_eq!(got[0].1, got[1].1, "the same token");
    let all: BTreeSet<&String> = got.iter().map(|(_, set)| set).collect();
    assert_eq!((got.len(), all.len()), (4, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_can_never_use_is_not_sent_again_and_what_it_may_use_later_is() {
    let world = sqlite();
    world.run();
    let answers: Answers = |number| match number {
        0 => (400, r#"{"err":"invalid_request","description":"no"}"#),
        1 => (400, r#"{"err":"invalid_key","description":"not yet"}"#),
        _ => (202, ""),
    };
    let (receiver, _, id) = pushed(&world, "shop", answers).await;
    suspend_and_resume(&world.registry, 1);
    soon("the rest", || receiver.got().len() >= 4 && waiting(&world, &id) == 0).await;
    let got = receiver.got();
    assert_eq!(got.len(), 4);
    assert_ne!(got[0].1, got[1].1);
    assert_eq!(got[1].1, got[2].1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_never_answer_or_lead_elsewhere_keep_nobody_waiting() {
    let world = sqlite();
    world.run();
    let mut hanging = Vec::new();
    for number in 0..20 {
        hanging.push(pushed(&world, &format!("hangs-{number}"), |_| (0, "")).await);
    }
    let (elsewhere, _, leads) = pushed(&world, "leads", |_| (307, "")).await;
    let (shop, _, id) = pushed(&world, "shop", |_| (202, "")).await;
    let begin = Instant::now();
    suspend_and_resume(&world.registry, 1);
    soon("the shop's", || shop.got().len() >= 3 && waiting(&world, &id) == 0).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(shop.got().len(), 3);
    soon("the one that leads elsewhere", || !elsewhere.got().is_empty()).await;
    assert_eq!(waiting(&world, &leads), 3, "a redirect takes nothing");
    let failed = || {
        blocking(|| world.registry.streams("", 1000))
            .unwrap()
            .iter()
            .any(|one| one.subscription.id == leads && one.subscription.failures > 0)
    };
    soon("its failure", failed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_hosts_of_one_store_send_each_event_once() {
    for world in both() {
        let another = || {
            let client = world.signer.client(Door::Registry).unwrap();
            let registry = Registry::open(Arc::clone(world.registry.store()), client, None).unwrap();
            Signals::new(Arc::new(registry), world.signer.client(Door::Gateway).unwrap(), true).unwrap()
        };
        world.run();
        for _ in 0..3 {
            let signals = blocking(another);
            world.run_also(&signals);
        }
        let mut receivers = Vec::new();
        for number in 0..5 {
            receivers.push(pushed(&world, &format!("shop-{number}"), |_| (202, "")).await);
        }
        suspend_and_resume(&world.registry, 5);
        for (receiver, _, id) in &receivers {
            soon("fifteen events", || receiver.got().len() >= 15 && waiting(&world, id) == 0).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        for (receiver, ..) in &receivers {
            let got = receiver.got();
            let all: BTreeSet<&String> = got.iter().map(|(_, set)| set).collect();
            assert_eq!((got.len(), all.len()), (15, 15), "{}", world.engine);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_paused_or_deleted_is_sent_nothing() {
    let world = sqlite();
    world.run();
    let (receiver, token, id) = pushed(&world, "shop", |_| (202, "")).await;
    let paused = json!({"stream_id": id, "status": "paused"});
    assert_eq!(world.ask(&token, "POST", "/ssf/status", &paused).await.status, 200);
    suspend_and_resume(&world.registry, 1);
    soon("what waits", || waiting(&world, &id) == 3).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(receiver.got().is_empty());
    let enabled = json!({"stream_id": id, "status": "enabled"});
    assert_eq!(world.ask(&token, "POST", "/ssf/status", &enabled).await.status, 200);
    soon("what waited", || receiver.got().len() == 3).await;
    assert_eq!(
        world.ask(&token, "DELETE", &format!("/ssf/stream?stream_id={id}"), &Value::Null).await.status,
        204
    );
    suspend_and_resume(&world.registry, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got().len(), 3);
}
