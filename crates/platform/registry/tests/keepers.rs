//! What is done by itself as time goes by: keys are replaced, old receipts and events are forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod world;

use legation_registry::{FIRST_TEAM, Registry, retention::Retention};
use legation_store::{Event, NewReceipt, holder::Kind};
use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use world::{DAY, NOW, World};

fn events(registry: &Registry, kind: &str) -> Vec<Event> {
    let all = registry.events(0, 100_000).unwrap();
    all.into_iter().filter(|event| event.kind == kind).collect()
}

/// How many keys a document names.
fn published(registry: &Registry, did: &str) -> usize {
    let document = registry.document(did).unwrap().to_json();
    document["verificationMethod"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_key_is_replaced_when_its_time_has_come_and_by_two_hosts_once() {
    let world = World::new();
    let (registry, other) = (&world.registry, world.other_host());
    world.add("bot", FIRST_TEAM);
    let bot = (Kind::Agent, "bot");
    assert_eq!(registry.rotate_every(bot, Some(600), NOW).unwrap_err().code(), "value_invalid");
    assert_eq!(registry.rotate_every(bot, Some(90 * DAY), NOW + DAY).unwrap(), Some(NOW + 90 * DAY));
    registry.rotate_every((Kind::Team, FIRST_TEAM), Some(90 * DAY), NOW + DAY).unwrap();
    registry.rotate_every((Kind::Organization, "acme.example"), Some(30 * DAY), NOW).unwrap();
    assert_eq!(registry.rotate_due(NOW + 30 * DAY - 1).unwrap(), 0);
    assert_eq!(registry.rotations_due(NOW + 60 * DAY, 10).unwrap().len(), 1, "the organization's own");
    let at = NOW + 90 * DAY;
    let done: usize = std::thread::scope(|scope| {
        let hosts: Vec<_> = [registry, &other]
            .into_iter()
            .map(|host| scope.spawn(move || host.rotate_due(at).unwrap()))
            .collect();
        hosts.into_iter().map(|host| host.join().unwrap()).sum()
    });
    assert_eq!(done, 3, "each key once");
    let told = events(registry, "key.rotated");
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|event| event.data.contains("\"compromised\":false")), "{told:?}");
    // The old ones are published a while longer.
    for did in ["did:web:acme.example:bot", "did:web:acme.example:teams:default", "did:web:acme.example"] {
        assert_eq!(published(registry, did), 2, "{did}");
    }
    assert_eq!(registry.rotate_due(at).unwrap(), 0, "the next time is counted from this one");
    // By hand in between: counted from then.
    registry.rotate(bot, false, at + DAY).unwrap();
    assert_eq!(registry.rotate_due(at + 90 * DAY).unwrap(), 2, "but the agent");
    assert_eq!(registry.rotate_every(bot, None, at).unwrap(), None);
    assert_eq!(registry.rotate_due(at + 900 * DAY).unwrap(), 2);
    registry.rotate_every(bot, Some(DAY), at).unwrap();
    registry.retire(Kind::Agent, "bot", at).unwrap();
    let before = events(registry, "key.rotated").len();
    registry.rotate_every((Kind::Team, FIRST_TEAM), None, at).unwrap();
    registry.rotate_every((Kind::Organization, "acme.example"), None, at).unwrap();
    registry.rotate_due(at + 2000 * DAY).unwrap();
    assert_eq!(events(registry, "key.rotated").len(), before, "who is retired has no schedule");
}

#[test]
fn a_document_is_known_for_every_moment() {
    let world = World::new();
    let registry = &world.registry;
    world.add_at("bot", FIRST_TEAM, NOW + 10);
    let did = "did:web:acme.example:bot";
    let keys = |at: i64| {
        let document = registry.document_as_of(did, at).unwrap().to_json();
        let all = document["verificationMethod"].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = keys(NOW + 10);
    registry.rotate((Kind::Agent, "bot"), false, NOW + DAY).unwrap();
    let both = keys(NOW + DAY);
    registry.rotate((Kind::Agent, "bot"), true, NOW + 2 * DAY).unwrap();
    let last = keys(NOW + 2 * DAY);
    assert_eq!((first.len(), both.len(), last.len()), (1, 2, 1));
    assert!(both.contains(&first[0]) && !last.contains(&first[0]) && !both.contains(&last[0]));
    assert_eq!(registry.document_as_of(did, NOW + 9).unwrap_err().code(), "not_found");
    // As it was, whatever came later.
    assert_eq!((keys(NOW + DAY - 1), keys(NOW + 2 * DAY - 1)), (first, both.clone()));
    assert_eq!(
        registry.document(did).unwrap().to_json(),
        registry.document_as_of(did, NOW + 9 * DAY).unwrap().to_json()
    );
    // One that was replaced goes when what it signed has ended.
    registry.rotate((Kind::Agent, "bot"), false, NOW + 3 * DAY).unwrap();
    registry.end_keys(NOW + 4 * DAY).unwrap();
    assert_eq!(keys(NOW + 3 * DAY).len(), 2);
    assert_eq!(keys(NOW + 4 * DAY).len(), 1);
}

/// A future of the store that is done by another thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = core::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn receipt(registry: &Registry, number: i64, at: i64) {
    let receipt = NewReceipt {
        at,
        kind: "deny",
        code: format!("code-{number}"),
        agent: "did:web:acme.example:bot".to_owned(),
        resource: "https://acme.example/models/standard/small".to_owned(),
        amount: None,
        currency: None,
        of: None,
        end_user: None,
        proved: None,
        holder: None,
        body: format!(r#"{{"type":"LegationReceipt","verifier":"did:web:acme.example","number":{number}}}"#)
            .into_bytes()
            .into(),
    };
    wait(registry.store().deny(&Arc::from(registry.id()), receipt)).unwrap();
}

#[test]
fn old_receipts_go_by_whole_batches_and_what_is_left_verifies() {
    let world = World::new();
    let registry = &world.registry;
    for number in 1..=100 {
        receipt(registry, number, NOW + number * DAY);
        if number % 10 == 0 {
            assert_eq!(registry.sign_receipts(256, NOW + number * DAY).unwrap(), 10);
        }
    }
    let signs = |number: i64| registry.signed_receipt(number).map(|signed| signed.is_some());
    let is_signed = |number: i64| signs(number).unwrap_or_else(|error| panic!("{number}: {error}"));
    let short = Retention { receipts: Some(3600), events: None };
    assert_eq!(registry.set_retention(short, NOW).unwrap_err().code(), "value_invalid");
    assert_eq!(registry.forget_old(NOW + 10_000 * DAY).unwrap(), 0, "nobody said so");
    registry.set_retention(Retention { receipts: Some(30 * DAY), events: None }, NOW).unwrap();
    let now = NOW + 65 * DAY;
    // From before the 35th day: three batches and a half, of which the half stays.
    let mut forgotten = 0;
    loop {
        match registry.forget_old(now).unwrap() {
            0 => break,
            more => forgotten += more,
        }
    }
    assert_eq!(forgotten, 30);
    let told = events(registry, "retention.forgotten");
    assert_eq!(told.len(), 1);
    assert!(told[0].data.contains("\"receipts\":30"), "{told:?}");
    let left = registry.receipts_after(0, 1000).unwrap();
    assert_eq!((left.len(), left[0].seq), (70, 31));
    assert!(left.iter().all(|receipt| receipt.signed));
    for number in 31..=100 {
        assert!(is_signed(number), "{number}");
    }
    assert_eq!(registry.receipt(30).unwrap_err().code(), "not_found");
    // Numbers go on, and what is signed next names what was signed last.
    receipt(registry, 101, now);
    assert_eq!(registry.sign_receipts(256, now).unwrap(), 1);
    assert!(is_signed(101));
    // However long: the last batch stays.
    while registry.forget_old(NOW + 10_000 * DAY).unwrap() > 0 {}
    assert_eq!(registry.receipts_after(0, 1000).unwrap().len(), 1);
    assert!(is_signed(101));
}

#[test]
fn old_events_go_and_those_that_are_left_are_a_chain() {
    let world = World::new();
    let registry = &world.registry;
    for number in 0..50 {
        world.add_at(&format!("bot-{number}"), FIRST_TEAM, NOW + number * DAY);
    }
    let first = registry.events(0, 10_000).unwrap();
    registry.set_retention(Retention { receipts: None, events: Some(10 * DAY) }, NOW + 50 * DAY).unwrap();
    assert!(registry.forget_old(NOW + 50 * DAY).unwrap() >= 40);
    assert_eq!(registry.forget_old(NOW + 50 * DAY).unwrap(), 0);
    let left = registry.events(0, 10_000).unwrap();
    assert!(
        left.windows(2).all(|pair| pair[1].previous == pair[0].digest() && pair[1].seq == pair[0].seq + 1)
    );
    assert_eq!(left[0], first[usize::try_from(left[0].seq).unwrap() - 1]);
    assert_eq!(left.last().unwrap().kind, "retention.forgotten");
    // The last one stays, whatever is said.
    registry.forget_old(NOW + 300 * DAY).unwrap();
    assert!(!registry.events(0, 10).unwrap().is_empty());
    world.add_at("later", FIRST_TEAM, NOW + 300 * DAY);
}
