//! What is in the store gets into the log: once, in order, whoever carries it over and however often it dies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod world;

use legation_log::{
    Checkpoint, Reader, Writer,
    audit::digest_of_event,
    entry::{self, Head, Kind},
    hidden,
    policy::Policy,
    reader::checkpoint,
    verify::{self, Asked, Verified},
};
use legation_registry::{Registry, log::key_of};
use legation_store::NewReceipt;
use std::{path::Path, sync::Arc};
use world::{NOW, World};

fn verified(registry: &Registry, folder: &Path) -> Verified {
    let log = registry.logs().unwrap().pop().unwrap();
    let key = key_of(&log).unwrap();
    let asked = Asked { key, policy: Policy::of(Vec::new(), 0), against: Vec::new(), most_back: 60 };
    verify::folder(&folder.join(&log.name), &asked, &mut |_, _, _| ()).unwrap()
}

fn leaves(registry: &Registry, folder: &Path) -> Vec<Vec<u8>> {
    let log = registry.logs().unwrap().pop().unwrap();
    let folder = folder.join(&log.name);
    let head = Checkpoint::open(&checkpoint(&folder).unwrap(), &key_of(&log).unwrap()).unwrap();
    Reader::new(&folder, head.size).entries(0).map(Result::unwrap).collect()
}

/// Keeps a receipt of a denial. Those of one code within a minute are counted.
fn deny(registry: &Registry, code: &str, at: i64) {
    keep(registry, ("deny", code), at, None);
}

/// Keeps a receipt; one of a settlement is of the receipt of that number, and was for somebody.
fn keep(registry: &Registry, (kind, code): (&'static str, &str), at: i64, of: Option<(i64, &str)>) {
    let body = format!(
        r#"{{"agent":"did:web:acme.example:bot","at":"x","code":"{code}","decision":"deny","expected":"less","found":"a secret","request":{{"action":"model:chat","facts":{{"model":"gpt-4o"}},"resource":"https://acme.example/models/a/b"}},"type":"LegationReceipt","verifier":"did:web:acme.example"}}"#
    );
    let receipt = NewReceipt {
        at,
        kind,
        code: code.to_owned(),
        agent: "did:web:acme.example:bot".to_owned(),
        resource: String::new(),
        amount: of.map(|_| 5),
        currency: of.map(|_| "USD".to_owned()),
        of: of.map(|(of, _)| of),
        end_user: of.map(|(_, user)| user.to_owned()),
        proved: None,
        holder: None,
        body: body.into_bytes().into(),
    };
    let organization: Arc<str> = registry.id().into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(registry.store().deny(&organization, receipt)).unwrap();
}

fn heads(leaves: &[Vec<u8>]) -> Vec<Head> {
    leaves.iter().map(|leaf| entry::head(leaf).unwrap()).collect()
}

#[test]
fn events_and_receipts_are_in_the_log_once_and_in_order_however_often_it_is_opened_and_carried_on() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut before = 0;
    for round in 0..6 {
        let mut writer = registry.open_log(folder.path(), NOW).unwrap();
        world.add_at(&format!("agent-{round}"), "default", NOW + round * 300);
        deny(registry, &format!("code_{round}"), NOW + round * 300 + 1);
        let carried = registry.carry(&mut writer, NOW + round * 300 + 2).unwrap();
        assert!(carried.size > before && carried.entries == carried.size - before, "{carried:?}");
        assert_eq!(registry.carry(&mut writer, NOW + round * 300 + 2).unwrap().entries, 0, "nothing twice");
        before = carried.size;
    }
    let found = verified(registry, folder.path());
    assert_eq!(found.report.alarms, Vec::new());
    let events = registry.events(0, 1000).unwrap();
    assert_eq!(found.report.kinds[&Kind::Event], events.len() as u64);
    assert_eq!(found.report.kinds[&Kind::Receipt], 6);
    let leaves = leaves(registry, folder.path());
    let of_events: Vec<i64> =
        heads(&leaves).iter().filter(|head| head.kind == Kind::Event).map(|head| head.seq).collect();
    assert_eq!(of_events, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    // The digest by which an event names the one before it is the store's own.
    for (leaf, head) in leaves.iter().zip(heads(&leaves)).filter(|(_, head)| head.kind == Kind::Event) {
        let (_, read) = entry::read(0, leaf).unwrap();
        let stored = events.iter().find(|event| event.seq == head.seq).unwrap();
        assert_eq!(digest_of_event(&head, &read), Some(stored.digest()));
    }
}

#[test]
fn what_was_placed_and_not_written_is_written_by_whoever_comes_next_and_an_empty_folder_gets_the_same_log() {
    let (world, folder, other) = (World::new(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut writer = registry.open_log(folder.path(), NOW).unwrap();
    registry.carry(&mut writer, NOW).unwrap();
    for round in 0..4 {
        deny(registry, &format!("code_{round}"), NOW + 1);
        // It dies after its place is in the store, or after some of it is in tiles, and never gets to the checkpoint.
        let log = registry.logs().unwrap().pop().unwrap();
        registry.place_only(&log, NOW + 2).unwrap();
        if round % 2 == 1 {
            let segment = registry.segment(&log.name, log.size).unwrap().unwrap();
            for leaf in registry.leaves(&segment).unwrap().iter().take(1) {
                writer.append(&leaf.bytes).unwrap();
            }
        }
        drop(writer);
        writer = registry.open_log(folder.path(), NOW).unwrap();
        registry.carry(&mut writer, NOW + 3).unwrap();
    }
    let found = verified(registry, folder.path());
    assert_eq!(found.report.alarms, Vec::new());
    assert_eq!(found.report.kinds[&Kind::Receipt], 4);
    let mut again = registry.open_log(other.path(), NOW).unwrap();
    registry.carry(&mut again, NOW + 900).unwrap();
    assert_eq!(verified(registry, other.path()).head, found.head);
    assert_eq!((writer.root(), writer.size()), (again.root(), again.size()));
}

#[test]
fn two_that_carry_over_at_once_write_the_same_log_whoever_gave_what_its_place() {
    let (world, one, two) = (World::new(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    drop(registry.open_log(one.path(), NOW).unwrap());
    std::thread::scope(|scope| {
        for folder in [one.path(), two.path()] {
            scope.spawn(move || {
                let mut writer = registry.open_log(folder, NOW).unwrap();
                for _ in 0..150 {
                    registry.carry(&mut writer, NOW + 200).unwrap();
                }
            });
        }
        for number in 0..60 {
            deny(registry, &format!("code_{number}"), NOW + 200);
        }
    });
    for folder in [one.path(), two.path()] {
        let mut writer = registry.open_log(folder, NOW).unwrap();
        registry.carry(&mut writer, NOW + 200).unwrap();
    }
    let (first, second) = (verified(registry, one.path()), verified(registry, two.path()));
    assert_eq!((first.report.alarms.len(), &first.head), (0, &second.head));
    assert_eq!(first.report.kinds[&Kind::Receipt], 60);
}

#[test]
fn a_denial_that_repeats_is_counted_once_it_no_longer_does() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut writer = registry.open_log(folder.path(), NOW).unwrap();
    for second in 0..30 {
        deny(registry, "budget_exceeded", NOW + second);
    }
    registry.carry(&mut writer, NOW + 30).unwrap();
    let count =
        |leaves: &[Vec<u8>]| heads(leaves).into_iter().filter(|head| head.kind == Kind::Count).count();
    assert_eq!(count(&leaves(registry, folder.path())), 0, "it may still repeat");
    registry.carry(&mut writer, NOW + 121).unwrap();
    let leaves = leaves(registry, folder.path());
    assert_eq!(count(&leaves), 1);
    let last: serde_json::Value = serde_json::from_slice(leaves.last().unwrap()).unwrap();
    assert_eq!((last["entry"]["times"].as_i64(), last["of"].as_i64()), (Some(30), Some(1)));
    assert_eq!(registry.carry(&mut writer, NOW + 900).unwrap().entries, 0, "counted once");
    assert_eq!(verified(registry, folder.path()).report.alarms, Vec::new());
}

#[test]
fn what_could_be_personal_is_not_in_the_log_and_is_shown_from_the_store() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut writer = registry.open_log(folder.path(), NOW).unwrap();
    deny(registry, "budget_exceeded", NOW);
    registry.carry(&mut writer, NOW).unwrap();
    let all = leaves(registry, folder.path()).concat();
    let text = String::from_utf8(all).unwrap();
    for hidden in ["gpt-4o", "models/a/b", "a secret", "less"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let (log, index, leaf) = registry.place_of_receipt(1).unwrap().unwrap();
    let stands = Reader::new(&folder.path().join(log), writer.size()).entry(index).unwrap().unwrap();
    assert_eq!(stands, leaf.bytes, "it is made the same again");
    let (_, read) = entry::read(index, &leaf.bytes).unwrap();
    let shown = hidden::show(&read, &leaf.disclosures).unwrap();
    for hidden in ["gpt-4o", "models/a/b", "a secret", "less"] {
        assert!(shown.contains(hidden), "{hidden}: {shown}");
    }
    // What is shown of one is not taken for another.
    deny(registry, "other", NOW);
    registry.carry(&mut writer, NOW).unwrap();
    let (_, _, other) = registry.place_of_receipt(2).unwrap().unwrap();
    assert!(hidden::show(&read, &other.disclosures).is_err());
    assert!(registry.place_of_receipt(3).unwrap().is_none());
}

#[test]
fn a_store_that_is_older_than_its_log_is_closed_and_goes_on_in_another_log_once_it_was_opened_again() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut writer = registry.open_log(folder.path(), NOW).unwrap();
    registry.carry(&mut writer, NOW).unwrap();
    drop(writer);
    let log = registry.logs().unwrap().pop().unwrap();
    // As if the store had been put back from before the last entries: its log has more than it knows of.
    let mut more = Writer::open(&folder.path().join(&log.name), key_of(&log).unwrap()).unwrap();
    for number in 0..5 {
        more.append(format!("{number}").as_bytes()).unwrap();
    }
    more.publish(|next| registry.sign_checkpoint(&log, next)).unwrap();
    let (size, root) = (more.size(), more.root());
    drop(more);
    for _ in 0..2 {
        let refused = registry.open_log(folder.path(), NOW).unwrap_err();
        assert_eq!(refused.code(), "store_restored", "{refused}");
    }
    assert!(registry.closed().unwrap().is_some());
    registry.reopen(&[], NOW + 10).unwrap();
    let mut next = registry.open_log(folder.path(), NOW + 10).unwrap();
    assert_ne!(next.origin(), log.origin);
    registry.carry(&mut next, NOW + 10).unwrap();
    // What the old log came to stands in the new one.
    let events = registry.events(0, 1000).unwrap();
    let closed = events.iter().find(|event| event.kind == "log.closed").unwrap();
    let told: serde_json::Value = serde_json::from_str(&closed.data).unwrap();
    assert_eq!(
        (told["size"].as_u64(), told["root"].as_str()),
        (Some(size), Some(&*legation_keys::base64url::encode(&root)))
    );
    assert!(registry.place_of_event(closed.seq).unwrap().is_some_and(|(name, ..)| name != log.name));
}

#[test]
fn a_log_is_closed_with_its_year_and_each_of_two_names_the_other() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut writer = registry.open_log(folder.path(), NOW).unwrap();
    registry.carry(&mut writer, NOW).unwrap();
    let later = NOW + 60 * world::DAY;
    deny(registry, "late", later);
    let mut rounds = 0;
    while !registry.carry(&mut writer, later).unwrap().is_closed {
        rounds += 1;
        assert!(rounds < 5);
    }
    let (origin, size, root) = (writer.origin().to_owned(), writer.size(), writer.root());
    drop(writer);
    let mut next = registry.open_log(folder.path(), later).unwrap();
    deny(registry, "later", later + 1);
    registry.carry(&mut next, later + 1).unwrap();
    let logs = registry.logs().unwrap();
    assert_eq!(logs.iter().map(|log| log.name.as_str()).collect::<Vec<_>>(), ["2025", "2026"]);
    for log in &logs {
        let key = key_of(log).unwrap();
        let asked = Asked { key, policy: Policy::of(Vec::new(), 0), against: Vec::new(), most_back: 60 };
        let found = verify::folder(&folder.path().join(&log.name), &asked, &mut |_, _, _| ()).unwrap();
        assert_eq!(found.report.alarms, Vec::new());
    }
    let events = registry.events(0, 1000).unwrap();
    let begun = events.iter().rfind(|event| event.kind == "log.begun").unwrap();
    assert_eq!(registry.place_of_event(begun.seq).unwrap().unwrap().0, "2025");
    let closed = events.iter().find(|event| event.kind == "log.closed").unwrap();
    assert_eq!(registry.place_of_event(closed.seq).unwrap().unwrap().0, "2026");
    let told: serde_json::Value = serde_json::from_str(&closed.data).unwrap();
    let root = legation_keys::base64url::encode(&root);
    assert_eq!(told, serde_json::json!({"origin": origin, "size": size, "root": root}));
}

#[test]
fn whom_something_was_for_is_erased_with_what_it_was_about_beside_its_settlement_too() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut writer = registry.open_log(folder.path(), NOW).unwrap();
    deny(registry, "one", NOW);
    keep(registry, ("settle", "of_one"), NOW, Some((1, "alice")));
    keep(registry, ("settle", "of_another"), NOW, Some((7, "bob")));
    keep(registry, ("settle", "itself"), NOW, Some((8, "carol")));
    registry.carry(&mut writer, NOW + 9).unwrap();
    registry.sign_receipts(256, NOW + 10).unwrap();
    let users = || -> Vec<String> {
        let mut all: Vec<String> =
            registry.spent_by_end_user(0, 100).unwrap().into_iter().map(|one| one.end_user).collect();
        all.retain(|user| !user.is_empty());
        all.sort();
        all
    };
    assert_eq!(users(), ["alice", "bob", "carol"]);
    assert_eq!(registry.erase(&[1, 4].into(), "asked for", NOW + 10).unwrap(), 2);
    assert_eq!(users(), ["bob"]);
}

#[test]
fn what_is_erased_is_nowhere_any_more_and_no_proof_breaks() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let registry = &world.registry;
    let mut writer = registry.open_log(folder.path(), NOW).unwrap();
    for number in 0..5 {
        deny(registry, &format!("code_{number}"), NOW + number);
    }
    registry.carry(&mut writer, NOW + 9).unwrap();
    assert_eq!(registry.erase(&[2, 4].into(), "asked for", NOW + 10).unwrap(), 0, "not signed yet");
    registry.sign_receipts(256, NOW + 10).unwrap();
    let before: Vec<_> = (1..=5).map(|seq| registry.place_of_receipt(seq).unwrap().unwrap()).collect();
    let root = writer.root();
    assert_eq!(registry.erase(&[2, 4, 99].into(), "asked for", NOW + 10).unwrap(), 2);
    assert_eq!(registry.erase(&[2].into(), "again", NOW + 10).unwrap(), 0, "once");
    for (seq, (log, index, leaf)) in (1..=5).zip(&before) {
        let (_, found, now) = registry.place_of_receipt(seq).unwrap().unwrap();
        assert_eq!((found, &now.bytes), (*index, &leaf.bytes), "{seq} in {log}");
        let is_erased = [2, 4].contains(&seq);
        assert_eq!(now.disclosures.is_empty(), is_erased, "{seq}");
        assert!(is_erased || now.disclosures == leaf.disclosures, "the others are shown as before");
        // Its batch is verified all the same, and what is signed of it is what is left.
        let signed = registry.signed_receipt(seq).unwrap().unwrap();
        let payload = legation_keys::base64url::decode(signed.split('.').nth(1).unwrap()).unwrap();
        assert_eq!(String::from_utf8(payload).unwrap().contains("gpt-4o"), !is_erased, "{seq}");
    }
    // An empty folder gets the same log again.
    let other = tempfile::tempdir().unwrap();
    let mut again = registry.open_log(other.path(), NOW).unwrap();
    registry.carry(&mut again, NOW + 11).unwrap();
    registry.carry(&mut writer, NOW + 11).unwrap();
    assert_eq!((writer.root(), writer.size()), (again.root(), again.size()));
    assert_ne!(writer.root(), root, "the log says that something was erased");
    let events = registry.events(0, 1000).unwrap();
    assert!(events.iter().any(|event| event.kind == "receipts.erased" && event.data.contains("asked for")));
    assert_eq!(verified(registry, folder.path()).report.alarms, Vec::new());
    // Erasing the rest of the same segment takes the salts of the others.
    assert_eq!(registry.erase(&[1, 3, 5].into(), "all", NOW + 12).unwrap(), 3);
    assert!((1..=5).all(|seq| registry.place_of_receipt(seq).unwrap().unwrap().2.disclosures.is_empty()));
}
