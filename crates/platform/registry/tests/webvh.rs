//! The organization as a did:webvh: each change of its document is a version, once, and what the log says of a moment is what
//! the document was.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod world;

use legation_did::Did;
use legation_registry::Registry;
use legation_store::{Event, holder::Kind};
use legation_webvh_entry::{Version, check};
use serde_json::Value;
use world::{DAY, NOW, World};

const OWN: (Kind, &str) = (Kind::Organization, "acme.example");
const DID: &str = "did:web:acme.example";

fn events(registry: &Registry, kind: &str) -> Vec<Event> {
    let all = registry.events(0, 100_000).unwrap();
    all.into_iter().filter(|event| event.kind == kind).collect()
}

fn versions(registry: &Registry) -> (Did, Vec<Version>) {
    let did: Did = registry.history_did().unwrap().unwrap().parse().unwrap();
    let log = registry.history_log().unwrap();
    let versions = check(&did, log.lines()).unwrap();
    (did, versions)
}

/// The did:web that stands beside a version (did:webvh 1.0, "Publishing a Parallel did:web DID"), canonical by `Value`.
fn parallel(did: &Did, version: &Version) -> Value {
    let scid = did.method_specific_id().split_once(':').unwrap().0;
    let text = version.document.replace(&format!("did:webvh:{scid}:"), "did:web:");
    let mut document: Value = serde_json::from_str(&text).unwrap();
    for implied in ["#files", "#whois"] {
        let id = format!("{DID}{implied}");
        let services = document["service"].as_array().unwrap();
        assert!(services.iter().any(|one| one["id"] == id.as_str()), "{document}");
    }
    let names = document["alsoKnownAs"].as_array_mut().unwrap();
    names.push(did.as_str().into());
    names.retain(|name| name != DID);
    document
}

/// Holds that at each moment the document is what the log says.
fn holds(registry: &Registry, moments: &[i64]) {
    let (did, versions) = versions(registry);
    for at in moments {
        let version = versions.iter().rfind(|version| version.time <= *at).unwrap();
        let then = registry.document_as_of(DID, *at).unwrap().to_json();
        assert_eq!(parallel(&did, version), then, "{at}");
    }
    let now = registry.document(DID).unwrap().to_json();
    assert_eq!(parallel(&did, versions.last().unwrap()), now);
    assert!(registry.history().unwrap().unwrap().is_current);
    assert_eq!(registry.integrity(100).unwrap().wrong, [""; 0]);
}

#[test]
fn each_change_of_the_document_is_a_version_and_nothing_else_is() {
    let world = World::with_history();
    let registry = &world.registry;
    holds(registry, &[NOW, NOW + 9]);
    world.add("bot", legation_registry::FIRST_TEAM);
    registry.rotate((Kind::Agent, "bot"), true, NOW + 10).unwrap();
    registry.rotate_every(OWN, Some(30 * DAY), NOW + 11).unwrap();
    assert_eq!(versions(registry).1.len(), 1, "the document is the same");
    assert!(!registry.follow_document(NOW + 12).unwrap());
    registry.rotate(OWN, false, NOW + DAY).unwrap();
    registry.rotate(OWN, true, NOW + 2 * DAY).unwrap();
    assert_eq!(registry.rotate_due(NOW + 40 * DAY).unwrap(), 1);
    registry.end_keys(NOW + 1000 * DAY).unwrap();
    assert_eq!(versions(registry).1.len(), 5, "with the one that the end of an old key is");
    let moments = [NOW, NOW + DAY - 1, NOW + DAY, NOW + 2 * DAY, NOW + 40 * DAY, NOW + 1000 * DAY];
    holds(registry, &moments);
    assert_eq!((events(registry, "history.begun").len(), events(registry, "history.appended").len()), (1, 4));
    // Each was signed by a key of its own.
    let log = registry.history_log().unwrap();
    let mut keys: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["parameters"]["updateKeys"].to_string())
        .collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

/// Versions have an order by their seconds, and a clock may be put back.
#[test]
fn a_change_in_the_second_of_the_last_version_is_one_when_that_second_is_over() {
    let world = World::with_history();
    let registry = &world.registry;
    registry.rotate(OWN, true, NOW).unwrap();
    registry.rotate(OWN, true, NOW - 50).unwrap();
    assert_eq!(versions(registry).1.len(), 1);
    assert!(!registry.history().unwrap().unwrap().is_current);
    assert_eq!(registry.integrity(100).unwrap().wrong, [""; 0], "it is behind, and nothing was changed");
    assert!(!registry.follow_document(NOW).unwrap());
    assert!(registry.follow_document(NOW + 1).unwrap());
    assert!(!registry.follow_document(NOW + 2).unwrap());
    assert_eq!(versions(registry).1.len(), 2);
    holds(registry, &[NOW + 1]);
}

#[test]
fn of_two_hosts_one_appends_the_version() {
    let world = World::with_history();
    let other = world.other_host();
    world.registry.rotate_every(OWN, Some(DAY), NOW).unwrap();
    world.registry.rotate(OWN, false, NOW).unwrap();
    for round in 1..=5 {
        let at = NOW + round * 2 * DAY;
        std::thread::scope(|scope| {
            for host in [&world.registry, &other, &world.registry, &other] {
                scope.spawn(move || {
                    host.rotate_due(at).unwrap();
                    host.follow_document(at).unwrap();
                });
            }
        });
        assert_eq!(versions(&other).1.len(), 1 + usize::try_from(round).unwrap());
    }
    holds(&world.registry, &[NOW + 10 * DAY]);
}

#[test]
fn a_log_that_was_changed_or_cut_is_named_and_keeps_no_key_from_being_replaced() {
    for (change, words) in [
        (
            "UPDATE webvh_entry SET line = replace(line, 'assertionMethod', 'assertionmethod') WHERE number = 1",
            "version 1",
        ),
        (
            "UPDATE webvh_entry SET line = replace(line, '\"service\":[', '\"x\":1,\"service\":[') WHERE number = 2",
            "version 2",
        ),
        ("DELETE FROM webvh_entry WHERE number = 3", "one is missing"),
        ("DELETE FROM webvh_entry WHERE number = 1", "version 1"),
        (
            "UPDATE webvh_entry SET line = (SELECT line FROM webvh_entry WHERE number = 2) WHERE number = 3",
            "version 3",
        ),
        (
            "UPDATE webvh SET public_key = 'z6MkgzBDcBFV3sk4ypPE5YXMZHmS213A3HpYY2LmcVKV15jr'",
            "one is missing",
        ),
        ("DELETE FROM webvh_entry", "no entry"),
    ] {
        let world = World::with_history();
        let registry = &world.registry;
        registry.rotate(OWN, true, NOW + 1).unwrap();
        registry.rotate(OWN, true, NOW + 2).unwrap();
        assert_eq!(registry.integrity(100).unwrap().wrong, [""; 0]);
        world.database().execute_batch(change).unwrap();
        let wrong = registry.integrity(100).unwrap().wrong;
        assert_eq!(wrong.len(), 1, "{change}: {wrong:?}");
        assert!(wrong[0].contains("the did:webvh") && wrong[0].contains(words), "{change}: {wrong:?}");
        let before = registry.document(DID).unwrap();
        registry.rotate(OWN, true, NOW + 3).unwrap();
        assert_ne!(registry.document(DID).unwrap(), before, "{change}");
        assert!(!registry.follow_document(NOW + 4).unwrap(), "{change}");
        assert_eq!(events(registry, "history.appended").len(), 2, "{change}");
    }
}

#[test]
fn where_the_master_key_is_lost_another_log_begins() {
    let world = World::with_history();
    let registry = &world.registry;
    registry.rotate(OWN, false, NOW + 1).unwrap();
    let (before, _) = versions(registry);
    let then = registry.document_as_of(DID, NOW + 1).unwrap();
    let made = registry.make_keys_anew(NOW + 10).unwrap();
    assert!(made.history_anew);
    let (after, all) = versions(registry);
    assert!(after != before && all.len() == 1, "{after}");
    holds(registry, &[NOW + 10]);
    assert_eq!(registry.document_as_of(DID, NOW + 1).unwrap(), then, "as it was, with the name that it had");
    registry.rotate(OWN, true, NOW + 20).unwrap();
    holds(registry, &[NOW + 10, NOW + 20]);
}

#[test]
fn an_organization_without_one_has_none() {
    let world = World::new();
    let registry = &world.registry;
    registry.rotate(OWN, true, NOW + 1).unwrap();
    assert_eq!(registry.history_did().unwrap(), None);
    assert_eq!(registry.history().unwrap(), None);
    assert_eq!(registry.history_log().unwrap_err().code(), "not_found");
    assert!(!registry.follow_document(NOW + 2).unwrap());
    let document = registry.document(DID).unwrap().to_json();
    assert!(document.get("alsoKnownAs").is_none() && document.get("service").is_none(), "{document}");
    assert!(!registry.make_keys_anew(NOW + 3).unwrap().history_anew);
}

/// A clock that was far ahead for a moment must not keep what is revoked after it out of the log.
#[test]
fn a_version_of_a_time_to_come_is_not_waited_for() {
    let world = World::with_history();
    let registry = &world.registry;
    let (before, _) = versions(registry);
    registry.rotate(OWN, false, NOW + 400 * DAY).unwrap();
    assert_eq!(versions(registry).1.len(), 2);
    registry.rotate(OWN, true, NOW + DAY).unwrap();
    let (did, versions) = versions(registry);
    assert_ne!(did, before, "another log, since nothing can be later in this one");
    assert_eq!((versions.len(), versions[0].time), (1, NOW + DAY));
    assert!(registry.history().unwrap().unwrap().is_current);
    assert_eq!(events(registry, "history.begun").len(), 2);
}

#[test]
fn a_log_never_outgrows_what_is_read_of_one_and_no_rotation_fails_by_it() {
    let world = World::with_history();
    let registry = &world.registry;
    let (before, _) = versions(registry);
    for number in 1..=300 {
        // The keys before it stay until what they signed has ended, so that each version is longer than the one before.
        registry.rotate(OWN, false, NOW + number).unwrap();
        let log = registry.history_log().unwrap();
        assert!(log.len() < legation_registry::webvh::MOST_BYTES, "{} bytes", log.len());
        if versions(registry).0 != before {
            assert!(number > 10, "after {number} it was begun anew");
            assert!(registry.history().unwrap().unwrap().is_current);
            return;
        }
    }
    panic!("it was never begun anew");
}

#[test]
fn what_belongs_to_it_is_below_its_own_path_and_not_at_the_root_of_its_host() {
    let world = World::with_history_at("acme.example/sales");
    let own = world.registry.did().to_string();
    let document = world.registry.document(&own).unwrap().to_json();
    let at: Vec<&str> = document["service"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["serviceEndpoint"].as_str().unwrap())
        .collect();
    assert_eq!(at, ["https://acme.example/sales/", "https://acme.example/sales/whois.vp"]);
}
