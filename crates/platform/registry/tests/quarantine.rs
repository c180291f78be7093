//! Rules of quarantine: what can be one, and what agents spent and used.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod world;

use core::task::{Context, Poll, Waker};
use legation_registry::{
    Registry,
    quarantine::{Denials, NewTool, Rule, Then},
};
use legation_store::{NewReceipt, holder::Kind};
use std::sync::Arc;
use world::{DAY, NOW, World};

fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        to: "organization".to_owned(),
        denials: None,
        spend: None,
        new_tool: None,
        signal: None,
        then: Then::Suspend,
        most_agents: 10,
    }
}

fn denials(most: i64, seconds: i64, codes: &[&str]) -> Option<Denials> {
    Some(Denials { most, seconds, codes: codes.iter().map(|code| (*code).to_owned()).collect() })
}

#[test]
fn what_is_no_rule_is_refused_and_says_why() {
    let world = World::new();
    let good = Rule { denials: denials(20, 300, &["not_granted"]), ..rule("nosy") };
    let wrong = [
        (rule("nosy"), "`newTool` or `signal`"),
        (Rule { spend: Some("5USD/1h".to_owned()), ..good.clone() }, "`newTool` or `signal`"),
        (Rule { name: "No Sy".to_owned(), ..good.clone() }, "1 to 64"),
        (Rule { to: "everybody".to_owned(), ..good.clone() }, "team:NAME"),
        (Rule { to: "team:nobody".to_owned(), ..good.clone() }, "nobody"),
        (Rule { most_agents: 0, ..good.clone() }, "1 to 10000"),
        (Rule { denials: denials(0, 300, &[]), ..rule("x") }, "1 to 1000"),
        (Rule { denials: denials(1001, 300, &[]), ..rule("x") }, "1 to 1000"),
        (Rule { denials: denials(1, 59, &[]), ..rule("x") }, "60 to 86400"),
        (Rule { denials: denials(1, DAY + 1, &[]), ..rule("x") }, "60 to 86400"),
        (Rule { denials: denials(1, 60, &["nonce_replayed"]), ..rule("x") }, "not_granted"),
        (Rule { denials: denials(1, 60, &["not_granted", "not_granted"]), ..rule("x") }, "once"),
        (Rule { spend: Some("5USD/day".to_owned()), ..rule("x") }, "slides"),
        (Rule { spend: Some("5USD/599s".to_owned()), ..rule("x") }, "slides"),
        (Rule { spend: Some("5XXY/1h".to_owned()), ..rule("x") }, "currency"),
        (Rule { new_tool: Some(NewTool { days: 31 }), ..rule("x") }, "1 to 30"),
    ];
    for (rule, word) in wrong {
        let told = world.registry.put_quarantine_rule(&rule, NOW).unwrap_err().to_string();
        assert!(told.contains(word), "{rule:?}: {told}");
    }
    world.registry.put_quarantine_rule(&good, NOW).unwrap();
    world.registry.put_quarantine_rule(&Rule { most_agents: 1, ..good.clone() }, NOW).unwrap();
    assert_eq!(world.registry.quarantine_rules().unwrap(), [Rule { most_agents: 1, ..good }]);
    world.registry.remove_quarantine_rule("nosy", NOW).unwrap();
    assert_eq!(world.registry.remove_quarantine_rule("nosy", NOW).unwrap_err().code(), "not_found");
    let kinds: Vec<String> =
        world.registry.events(0, 1000).unwrap().into_iter().map(|event| event.kind).collect();
    let own: Vec<&str> =
        kinds.iter().map(String::as_str).filter(|kind| kind.starts_with("quarantine")).collect();
    assert_eq!(own, ["quarantine-rule.set", "quarantine-rule.set", "quarantine-rule.removed"]);
}

#[test]
fn there_are_a_hundred_rules_at_most() {
    let world = World::new();
    for number in 0..100 {
        let one = Rule { denials: denials(20, 300, &[]), ..rule(&format!("r-{number}")) };
        world.registry.put_quarantine_rule(&one, NOW).unwrap();
    }
    let more = Rule { denials: denials(20, 300, &[]), ..rule("more") };
    assert!(world.registry.put_quarantine_rule(&more, NOW).unwrap_err().to_string().contains("100"));
    let again = Rule { denials: denials(21, 300, &[]), ..rule("r-7") };
    world.registry.put_quarantine_rule(&again, NOW).unwrap();
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

/// Keeps a receipt; none that repeats within a minute.
fn keep(
    registry: &Registry,
    kind: &'static str,
    agent: &str,
    (resource, action): (&str, &str),
    of: (i64, i64),
) {
    let (amount, at) = of;
    let receipt = NewReceipt {
        at,
        kind,
        code: String::new(),
        agent: format!("did:web:acme.example:{agent}"),
        resource: resource.to_owned(),
        amount: Some(amount),
        currency: Some("USD".to_owned()),
        of: None,
        end_user: None,
        proved: None,
        holder: None,
        body: format!(r#"{{"request":{{"action":"{action}"}}}}"#).into_bytes().into(),
    };
    wait(registry.store().deny(&Arc::from(registry.id()), receipt)).unwrap();
}

const MODEL: (&str, &str) = ("https://acme.example/models/standard/small", "model:chat");
const CRM: (&str, &str) = ("https://crm.example/mcp", "mcp:tools/call:find");
/// A dollar, in millionths of a cent.
const DOLLAR: i64 = 100_000_000;

fn held(registry: &Registry) -> Vec<String> {
    registry.quarantined("", 10).unwrap().into_iter().map(|one| one.agent).collect()
}

#[test]
fn who_spends_more_than_a_rule_tolerates_is_suspended_and_is_counted_anew_when_it_is_resumed() {
    let world = World::new();
    let (registry, other) = (&world.registry, world.other_host());
    ["bot", "crm"].iter().for_each(|name| world.add(name, "default"));
    let spend = Some("5USD/1h".to_owned());
    registry.put_quarantine_rule(&Rule { spend, ..rule("dear") }, NOW).unwrap();
    // What is reserved is not spent yet, and what was long ago counts no more.
    keep(registry, "permit", "bot", MODEL, (100 * DOLLAR, NOW + 100));
    keep(registry, "settle", "bot", MODEL, (5 * DOLLAR, NOW + 240));
    keep(registry, "settle", "crm", MODEL, (2 * DOLLAR, NOW + 300));
    for registry in [registry, &other, registry] {
        assert_eq!(registry.enforce_quarantine(NOW + 310).unwrap(), 0, "{:?}", held(registry));
    }
    keep(registry, "settle", "crm", MODEL, (4 * DOLLAR, NOW + 4000));
    let now = NOW + 4001;
    for registry in [registry, &other, registry] {
        assert_eq!(registry.enforce_quarantine(now).unwrap(), 0, "{:?}", held(registry));
    }
    // What costs something at once, without a settlement.
    keep(registry, "permit", "crm", ("https://shop.example/", "http:POST"), (2 * DOLLAR, now + 70));
    let now = now + 71;
    assert_eq!(other.enforce_quarantine(now).unwrap(), 1);
    assert_eq!((registry.enforce_quarantine(now).unwrap(), held(registry)), (0, vec!["crm".to_owned()]));
    let reason = registry.quarantine_of("crm").unwrap().unwrap().reason;
    assert!(reason.contains("6.00 USD") && reason.contains("5.00 USD"), "{reason}");
    registry.resume(Kind::Agent, "crm", now).unwrap();
    assert_eq!(registry.enforce_quarantine(now + 1).unwrap(), 0);
    keep(registry, "settle", "crm", MODEL, (6 * DOLLAR, now + 120));
    assert_eq!(registry.enforce_quarantine(now + 121).unwrap(), 1);
}

#[test]
fn a_tool_is_new_to_an_agent_that_was_seen_for_long_enough_and_to_no_other() {
    let world = World::new();
    let registry = &world.registry;
    ["old", "young"].iter().for_each(|name| world.add(name, "default"));
    // What was before the rule counts as seen.
    keep(registry, "permit", "old", CRM, (0, NOW));
    keep(registry, "permit", "old", MODEL, (0, NOW + 100));
    let rule = Rule { new_tool: Some(NewTool { days: 3 }), ..rule("new") };
    registry.put_quarantine_rule(&rule, NOW + 2 * DAY).unwrap();
    let now = NOW + 4 * DAY;
    keep(registry, "permit", "young", CRM, (0, now));
    keep(registry, "permit", "young", MODEL, (0, now + 61));
    keep(registry, "permit", "old", CRM, (0, now + 62));
    keep(registry, "permit", "old", ("https://crm.example/x", "http:GET"), (0, now + 123));
    assert_eq!(registry.enforce_quarantine(now + 124).unwrap(), 0, "{:?}", held(registry));
    keep(registry, "permit", "old", (CRM.0, "mcp:tools/call:delete"), (0, now + 190));
    assert_eq!(
        (registry.enforce_quarantine(now + 191).unwrap(), held(registry)),
        (1, vec!["old".to_owned()])
    );
    let reason = registry.quarantine_of("old").unwrap().unwrap().reason;
    assert!(reason.contains("`mcp:tools/call:delete`") && reason.contains(CRM.0), "{reason}");
    registry.resume(Kind::Agent, "old", now + 192).unwrap();
    assert_eq!(registry.enforce_quarantine(now + 193).unwrap(), 0, "it is known now");
}

#[test]
fn what_an_agent_does_stands_beside_what_it_did() {
    let world = World::new();
    let registry = &world.registry;
    world.add("bot", "default");
    let at = |day: i64| NOW + day * DAY;
    for day in 0..5 {
        keep(registry, "permit", "bot", CRM, (0, at(day)));
    }
    keep(registry, "settle", "bot", MODEL, (DOLLAR, at(4) + 61));
    let now = at(5) + 3600;
    keep(registry, "permit", "bot", MODEL, (DOLLAR, now - 600));
    keep(registry, "settle", "bot", MODEL, (2 * DOLLAR, now - 500));
    keep(registry, "deny", "bot", CRM, (0, now - 400));
    let seen = registry.activity("bot", 3, now).unwrap();
    assert_eq!((seen.last.calls, seen.before.calls, seen.days), (1, 3, 3));
    assert_eq!((seen.last.spent["USD"], seen.before.spent["USD"]), (2 * DOLLAR, DOLLAR));
    assert_eq!(seen.last.denied.values().sum::<i64>(), 1);
    let new: Vec<&str> = seen.new.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!((new, seen.is_cut), (vec!["model:chat"], false));
    assert_eq!(registry.activity("bot", 30, now).unwrap().days, 5, "it is five days old");
    assert_eq!(registry.activity("nobody", 3, now).unwrap_err().code(), "not_found");
}

#[test]
fn who_was_held_back_is_suspended_as_soon_as_there_is_room() {
    let world = World::new();
    let registry = &world.registry;
    let one = Rule { spend: Some("1USD/2h".to_owned()), most_agents: 1, ..rule("dear") };
    registry.put_quarantine_rule(&one, NOW).unwrap();
    for name in ["ann", "ben"] {
        world.add(name, "default");
        keep(registry, "settle", name, MODEL, (2 * DOLLAR, NOW));
    }
    assert_eq!(registry.enforce_quarantine(NOW + 60).unwrap(), 2, "one is suspended, one is told of");
    assert_eq!(held(registry).len(), 1);
    let before = registry.events(0, 1000).unwrap().len();
    assert_eq!(registry.enforce_quarantine(NOW + 61).unwrap(), 0);
    assert_eq!(registry.events(0, 1000).unwrap().len(), before, "nobody is told of the same each second");
    // Resuming the other one makes room.
    registry.resume(Kind::Agent, &held(registry)[0], NOW + 62).unwrap();
    assert_eq!(registry.enforce_quarantine(NOW + 63).unwrap(), 1);
    assert_eq!(held(registry).len(), 1);
}
