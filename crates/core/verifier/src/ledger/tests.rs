//! What a ledger takes, refuses and forgets.

use super::*;
use crate::{VerifiedLink, authorize::LinkDebit};
use legation_credential::{Authority, Facts, Measure, Window, amount::MICROS};
use serde_json::json;
use std::sync::Arc;

/// A link of a chain that holds, and its subject.
pub(super) fn link(number: u8) -> VerifiedLink {
    let did = |number: u8| format!("did:web:l{number}.example").parse().unwrap();
    VerifiedLink {
        issuer: did(0),
        subject: did(number),
        digest: [number; 32],
        signed: [number; 32],
        account: [number; 32],
        valid_until: i64::MAX,
        authority: Authority::everything(),
    }
}

pub(super) fn links(numbers: &[u8]) -> Arc<[VerifiedLink]> {
    numbers.iter().map(|number| link(*number)).collect()
}

fn permit(nonce: &str, amount: i64) -> Permit {
    let debit = |account: u8, most: i64| LinkDebit {
        account: [account; 32],
        link: Some(usize::from(account)),
        limit: "spend USD in 100 s".to_owned(),
        measure: Measure::Money,
        window: Window::Sliding { seconds: 100 },
        amount,
        most,
    };
    Permit {
        request: Request::new("a", "https://a.example/", Facts::new()).unwrap(),
        nonce: Some(NonceUse {
            key: "k".to_owned(),
            nonce: nonce.to_owned(),
            root: [0; 32],
            until: 1_000,
            signed_at: 0,
            expires_at: 1_000,
        }),
        approvals: Vec::new(),
        approved_by: Vec::new(),
        links: links(&[0, 1]),
        debits: vec![debit(0, 10), debit(1, 8)],
        valid_until: 2_000,
        shadow: None,
    }
}

fn nonce(permit: &mut Permit) -> &mut NonceUse {
    permit.nonce.as_mut().unwrap()
}

fn code(outcome: Result<Committed, Denial>) -> Option<Code> {
    outcome.err().map(|denial| denial.code)
}

#[test]
fn a_refused_commit_takes_nothing() {
    let mut ledger = MemoryLedger::new();
    assert_eq!(code(ledger.commit(permit("a", 9), 0)), Some(Code::BudgetExceeded), "the second debit");
    assert_eq!(code(ledger.commit(permit("a", 8), 0)), None, "nonce and first debit are still there");
    assert_eq!(code(ledger.commit(permit("a", 1), 0)), Some(Code::NonceReplayed));
    assert_eq!(code(ledger.commit(permit("b", 1), 0)), Some(Code::BudgetExceeded));
}

#[test]
fn a_window_slides_and_never_admits_a_burst() {
    let mut ledger = MemoryLedger::new();
    assert_eq!(code(ledger.commit(permit("a", 4), 0)), None);
    assert_eq!(code(ledger.commit(permit("b", 4), 60)), None);
    assert_eq!(code(ledger.commit(permit("c", 1), 99)), Some(Code::BudgetExceeded));
    assert_eq!(code(ledger.commit(permit("d", 4), 100)), None, "(0, 100] no longer holds the first");
    assert_eq!(code(ledger.commit(permit("e", 1), 159)), Some(Code::BudgetExceeded));
    assert_eq!(code(ledger.commit(permit("f", 1), 20)), Some(Code::BudgetExceeded), "a clock that goes back");
}

#[test]
fn a_full_nonce_memory_denies_and_forgets_only_what_has_expired() {
    let mut ledger = MemoryLedger::with_limits(LedgerLimits { nonces_per_key: 2, ..LedgerLimits::default() });
    assert_eq!(code(ledger.commit(permit("a", 0), 0)), None);
    assert_eq!(code(ledger.commit(permit("b", 0), 0)), None);
    assert_eq!(code(ledger.commit(permit("c", 0), 0)), Some(Code::NonceMemoryFull));
    assert_eq!(code(ledger.commit(permit("a", 0), 999)), Some(Code::NonceReplayed));
    let mut other = permit("a", 0);
    nonce(&mut other).key = "another".to_owned();
    assert_eq!(code(ledger.commit(other, 0)), None, "nonces are kept by key");
    let mut later = permit("c", 0);
    let lives_longer = nonce(&mut later);
    (lives_longer.until, lives_longer.expires_at) = (2_000, 2_000);
    assert_eq!(code(ledger.commit(later, 1_000)), None);
}

#[test]
fn one_root_link_cannot_fill_the_memory_of_nonces_by_new_keys() {
    let mut ledger =
        MemoryLedger::with_limits(LedgerLimits { nonces_per_root: 3, ..LedgerLimits::default() });
    let passed_on = |key: u8, root: u8| {
        let mut permit = permit("a", 0);
        nonce(&mut permit).key = format!("key {key}");
        permit.links = links(&[root]);
        permit
    };
    for key in 0..3 {
        assert_eq!(code(ledger.commit(passed_on(key, 1), 0)), None, "{key}");
    }
    let refused = ledger.commit(passed_on(3, 1), 0).unwrap_err();
    assert_eq!(refused.code, Code::NonceMemoryFull);
    assert!(refused.expected.contains("3 are remembered for chains of this root link"), "{refused}");
    assert_eq!(code(ledger.commit(passed_on(3, 2), 0)), None, "another root has its own room");
    let mut kept = MemoryLedger::from_json(&ledger.to_json()).unwrap();
    assert_eq!(code(kept.commit(passed_on(4, 1), 0)), Some(Code::NonceMemoryFull), "kept in its file");
    let mut later = passed_on(4, 1);
    let lives_longer = nonce(&mut later);
    (lives_longer.until, lives_longer.expires_at) = (2_000, 2_000);
    assert_eq!(code(ledger.commit(later, 1_000)), None, "what has expired makes room");
    assert_eq!((ledger.count, ledger.rooms.len()), (1, 1));
}

#[test]
fn a_ledger_from_before_nonces_had_roots_is_read() {
    let old =
        json!({"limits": [1, 2, 3, 4, 5], "forgotten": null, "nonces": [["k", "a", 1_000]], "totals": []});
    let mut ledger = MemoryLedger::from_json(&old).unwrap();
    assert_eq!(ledger.limits.nonces_per_root, LedgerLimits::default().nonces_per_root);
    assert_eq!(code(ledger.commit(permit("a", 0), 0)), Some(Code::NonceReplayed));
    for broken in [json!([1, 2, 3, 4, 5, "6"]), json!([1, 2, 3, 4])] {
        let mut other = old.clone();
        other["limits"] = broken;
        assert!(MemoryLedger::from_json(&other).is_none());
    }
}

#[test]
fn a_full_memory_of_totals_denies() {
    let mut ledger = MemoryLedger::with_limits(LedgerLimits { totals: 1, ..LedgerLimits::default() });
    assert_eq!(code(ledger.commit(permit("a", 1), 0)), Some(Code::BudgetExceeded));
    assert!(ledger.totals.is_empty() && ledger.nonces.is_empty());
}

#[test]
fn one_root_link_cannot_fill_the_memory_of_totals_for_another() {
    let mut ledger =
        MemoryLedger::with_limits(LedgerLimits { totals_per_root: 4, ..LedgerLimits::default() });
    let passed_on = |nonce: &str, root: u8, child: u8| {
        let mut permit = permit(nonce, 1);
        permit.links = links(&[root, child]);
        permit.debits[0].account = [root; 32];
        permit.debits[1].account = [child; 32];
        permit
    };
    for (nonce, child) in [("a", 10), ("b", 11), ("c", 12)] {
        assert_eq!(code(ledger.commit(passed_on(nonce, 1, child), 0)), None, "{nonce}");
    }
    assert_eq!(code(ledger.commit(passed_on("d", 1, 13), 0)), Some(Code::BudgetExceeded));
    assert_eq!(code(ledger.commit(passed_on("e", 2, 20), 0)), None, "another root has its own room");
    let kept = MemoryLedger::from_json(&ledger.to_json()).unwrap();
    assert_eq!(kept.rooms, ledger.rooms);
    assert_eq!(code(ledger.commit(passed_on("f", 1, 13), 200)), None, "what has ended makes room");
}

#[test]
fn a_full_quota_makes_no_request_look_at_all_totals() {
    const MANY: usize = 2_000;
    let limits = LedgerLimits { totals: 2 * MANY, totals_per_root: MANY, ..LedgerLimits::default() };
    let mut ledger = MemoryLedger::with_limits(limits);
    let of = |nonce: String, root: u8, account: usize| {
        let mut permit = permit(&nonce, 1);
        permit.links = links(&[root]);
        permit.debits.truncate(1);
        permit.debits[0].account[..8].copy_from_slice(&account.to_be_bytes());
        permit.debits[0].account[8] = root;
        permit
    };
    for account in 0..MANY {
        let begun = i64::try_from(account % 50).unwrap();
        assert_eq!(code(ledger.commit(of(format!("{account}"), 1, account), begun)), None);
    }
    assert_eq!(ledger.ends.looked_at, 0);
    for nonce in 0..100 {
        let refused = ledger.commit(of(format!("more {nonce}"), 1, MANY + nonce), 60);
        assert_eq!(code(refused), Some(Code::BudgetExceeded));
        assert_eq!(code(ledger.commit(of(format!("other {nonce}"), 2, nonce), 60)), None, "another's room");
    }
    assert_eq!(ledger.ends.looked_at, 100, "each refusal looks at the one that ends first");
    let mut kept = MemoryLedger::from_json(&ledger.to_json()).unwrap();
    for ledger in [&mut ledger, &mut kept] {
        let before = ledger.ends.looked_at;
        // Those that were begun at 0 have ended at 100, and are looked at once.
        assert_eq!(code(ledger.commit(of("later".to_owned(), 1, MANY), 100)), None);
        assert_eq!(ledger.ends.looked_at - before, MANY / 50 + 1);
        assert_eq!(ledger.totals.len(), MANY - MANY / 50 + 1 + 100);
        assert_eq!(ledger.rooms.used(&[1; 32], room::Kind::Totals), MANY - MANY / 50 + 1);
    }
}

/// A ledger of a backup: what was taken since is not in it.
#[test]
fn a_window_that_reaches_back_to_what_nobody_knows_counts_as_used_up() {
    let (mut kept, mut none) = (MemoryLedger::new(), MemoryLedger::new());
    assert_eq!(code(kept.commit(permit("a", 1), 0)), None);
    (kept, none) = (kept.unknown_until(50), none.unknown_until(50));
    for (name, mut ledger) in [("kept", kept), ("none", none)] {
        assert_eq!(code(ledger.commit(permit("b", 1), 50)), Some(Code::BudgetExceeded), "{name}");
        assert_eq!(code(ledger.commit(permit("b", 1), 149)), Some(Code::BudgetExceeded), "{name}");
        let mut ledger = MemoryLedger::from_json(&ledger.to_json()).unwrap();
        assert_eq!(
            code(ledger.commit(permit("b", 1), 149)),
            Some(Code::BudgetExceeded),
            "{name}, read again"
        );
        assert_eq!(code(ledger.commit(permit("b", 8), 150)), None, "{name}: all of the window is known");
        assert_eq!(code(ledger.commit(permit("c", 1), 149)), Some(Code::BudgetExceeded), "{name}: set back");
    }
}

#[test]
fn a_permit_that_was_kept_too_long_opens_nothing() {
    assert_eq!(code(MemoryLedger::new().commit(permit("a", 0), 2_000)), Some(Code::Expired));
}

#[test]
fn a_total_that_was_kept_in_minor_units_counts_as_millionths() {
    let mut ledger = MemoryLedger::new();
    // Old numbers: minor units, in what the file says of nothing else.
    assert_eq!(code(ledger.commit(permit("a", 7), 0)), None);
    let mut old = ledger.to_json();
    assert_eq!(old["unit"], "millionths");
    old.as_object_mut().unwrap().remove("unit");
    for total in old["totals"].as_array_mut().unwrap() {
        total.as_array_mut().unwrap().pop();
    }
    let of_millions = |nonce: &str, amount: i64| {
        let mut permit = permit(nonce, amount);
        permit.debits.iter_mut().for_each(|debit| debit.most *= MICROS);
        permit
    };
    let read = |json| MemoryLedger::from_json(&json).unwrap();
    let mut ledger = read(old.clone());
    // Of 8, 7 are gone; kept once more before anybody takes.
    assert_eq!(code(ledger.commit(of_millions("b", MICROS + 1), 0)), Some(Code::BudgetExceeded));
    let mut ledger = read(ledger.to_json());
    assert_eq!(code(ledger.commit(of_millions("b", MICROS - 1), 0)), None);
    let mut ledger = read(ledger.to_json());
    assert_eq!(code(ledger.commit(of_millions("c", 1), 0)), None, "multiplied once");
    assert_eq!(code(ledger.commit(of_millions("d", 1), 0)), Some(Code::BudgetExceeded));

    let mut rate = permit("e", 1);
    rate.debits.iter_mut().for_each(|debit| debit.measure = Measure::Actions);
    assert_eq!(code(read(old.clone()).commit(rate, 0)), None, "actions are counted in ones, as before");
    old["unit"] = "cents".into();
    assert!(MemoryLedger::from_json(&old).is_none());
}
