//! What a replay finds that was decided otherwise than the log itself says it should have been.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_log::{
    entry::{self, Head, Kind, Leaf},
    replay::{Chain, Replay, Replayed},
};
use serde_json::{Value, json};

const NOW: i64 = 1_764_000_000;
const LIMIT: &str = "spend USD in 60 s";

/// A permit of some cents, as a verifier's receipt has it, or a denial by a budget.
fn receipt(seq: i64, at: i64, what: (&str, i64)) -> Leaf {
    changed(seq, at, what, |_| {})
}

/// One that says something else.
fn changed(seq: i64, at: i64, (code, cents): (&str, i64), change: fn(&mut Value)) -> Leaf {
    let mut body = json!({
        "agent": "did:web:acme.example:bot", "principal": "did:web:acme.example", "verifier": "did:web:acme.example",
        "possession": "signed", "chain": ["root", "link"], "evidence": [],
        "effective": {
            "grants": [{"actions": ["pay"], "resources": ["https://x.example/*"]}],
            "constraints": [{"type": "spend", "currency": "USD", "window": {"seconds": 60, "amount": 100}}],
        },
        "request": {"action": "pay", "resource": "https://x.example/1", "facts": {"amount": cents, "currency": "USD"}},
    });
    if code.is_empty() {
        body["decision"] = "permit".into();
        body["consumed"] = json!({"debits": [
            {"account": "a", "amount": cents, "limit": LIMIT, "link": 1, "most": 100},
        ]});
    } else {
        body["decision"] = "deny".into();
        body["code"] = code.into();
        body["link"] = 1.into();
    }
    change(&mut body);
    entry::receipt(&Head { at, kind: Kind::Receipt, of: None, seq }, body.to_string().as_bytes(), &[7; 32])
        .unwrap()
}

fn settled(seq: i64, at: i64, (of, micros): (i64, i64)) -> Leaf {
    let body = json!({"decision": "settle", "amountMicros": micros, "facts": {"tokens": 5}});
    let head = Head { at, kind: Kind::Settlement, of: Some(of), seq };
    entry::receipt(&head, body.to_string().as_bytes(), &[7; 32]).unwrap()
}

fn replayed(leaves: &[Leaf]) -> Vec<(Replayed, Option<Chain>)> {
    let mut replay = Replay::default();
    leaves.iter().map(|leaf| replay.entry(0, &leaf.bytes, &leaf.disclosures).unwrap()).collect()
}

fn differs(leaves: &[Leaf]) -> Vec<String> {
    let now = |(one, _): (Replayed, Option<Chain>)| match one {
        Replayed::Different { now, .. } => Some(now),
        _ => None,
    };
    replayed(leaves).into_iter().filter_map(now).collect()
}

#[test]
fn a_total_is_as_it_was_seen_and_one_that_held_more_is_named() {
    let over = format!("budget_exceeded by `{LIMIT}`");
    assert_eq!(differs(&[receipt(1, NOW, ("", 60)), receipt(2, NOW + 10, ("", 60))]), [over.as_str()]);
    // The first has left the window; or cost less than it was reserved for.
    assert_eq!(differs(&[receipt(1, NOW, ("", 60)), receipt(2, NOW + 60, ("", 60))]), Vec::<String>::new());
    let less =
        [receipt(1, NOW, ("", 60)), settled(2, NOW + 1, (1, 40_000_000)), receipt(3, NOW + 2, ("", 60))];
    assert_eq!(differs(&less), Vec::<String>::new());
    let more =
        [receipt(1, NOW, ("", 60)), settled(2, NOW + 1, (1, 40_000_001)), receipt(3, NOW + 2, ("", 60))];
    assert_eq!(differs(&more), [over]);
    // A denial is right where it was full, and where it was not nobody knows: parts may have been set aside.
    let full = replayed(&[receipt(1, NOW, ("", 60)), receipt(2, NOW, ("budget_exceeded", 41))]);
    assert_eq!(full[1], (Replayed::Same, Some(Chain::Missing)));
    let room = replayed(&[receipt(1, NOW, ("", 60)), receipt(2, NOW, ("budget_exceeded", 40))]);
    assert_eq!(room[1], (Replayed::Beyond, Some(Chain::Missing)));
}

#[test]
fn a_call_that_passed_after_the_log_says_that_its_delegation_was_ended_is_named() {
    let ended = |kind: &str, subject: &str, data: &Value| {
        let event =
            entry::Event { kind, subject, actor: "owner", data: &data.to_string(), previous: [0; 32] };
        Leaf { bytes: entry::event(1, NOW, &event), disclosures: Vec::new() }
    };
    let revoked = ended("delegation.revoked", "urn:uuid:1", &json!({"sha256": ["other", "link"]}));
    let blocked = ended("delegation.blocked", "root", &json!({}));
    for event in [revoked, blocked] {
        let passed = |at| differs(&[event.clone(), receipt(1, at, ("", 1))]);
        assert_eq!(passed(NOW + 1), Vec::<String>::new(), "within the lease of a second");
        assert_eq!(passed(NOW + 2), ["link_revoked"]);
    }
    let other = ended("delegation.revoked", "urn:uuid:1", &json!({"sha256": ["other"]}));
    assert_eq!(differs(&[other, receipt(1, NOW + 9, ("", 1))]), Vec::<String>::new());
}

/// What a permit took is held against its authority, or an organization could let a friend spend more than its delegation says.
#[test]
fn a_permit_that_took_less_than_its_authority_says_or_from_a_larger_total_is_named() {
    let both = |change: fn(&mut Value)| differs(&[1, 2].map(|seq| changed(seq, NOW, ("", 60), change)));
    let due = format!("permit that takes from `{LIMIT}`");
    let nothing = |body: &mut Value| drop(body.as_object_mut().unwrap().remove("consumed"));
    let less = |body: &mut Value| body["consumed"]["debits"][0]["amount"] = 30.into();
    let larger = |body: &mut Value| body["consumed"]["debits"][0]["most"] = 1_000_000.into();
    let elsewhere = |body: &mut Value| body["consumed"]["debits"][0]["limit"] = "spend USD in 61 s".into();
    for change in [nothing, less, larger, elsewhere] {
        assert_eq!(both(change), [due.as_str(), due.as_str()]);
    }
}

#[test]
fn a_permit_that_the_authority_does_not_give_is_named_and_what_is_hidden_is_erased() {
    // 101 cents is above what a window may hold, and so above what one may cost.
    let beyond = receipt(1, NOW, ("", 101));
    assert_eq!(differs(core::slice::from_ref(&beyond)).len(), 1);
    let hidden = Leaf { disclosures: Vec::new(), ..beyond };
    assert_eq!(replayed(&[hidden])[0].0, Replayed::Erased);
    // What was shown of another entry is none of this one.
    let (one, two) = (receipt(1, NOW, ("", 1)), receipt(2, NOW, ("", 2)));
    let mixed = Leaf { bytes: one.bytes, disclosures: two.disclosures };
    assert_eq!(replayed(&[mixed])[0].0, Replayed::Erased);
}
