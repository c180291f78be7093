//! What a ledger forgets, and what it lets itself be filled with.

use crate::world::{NOW, World, presentation};
use legation_credential::{Facts, Request, Value, presentation::MEDIA_TYPE};
use legation_verifier::{
    Code, Committed, Denial, Evidence, LedgerLimits, MemoryLedger, Permit, Trust, authorize, parse, verify,
};
use serde_json::json;

/// A permit to spend by a presentation that lives from `from` on.
fn permit(world: &World, trust: &Trust, link: &str, from: i64, amount: i64, now: i64) -> Permit {
    let mut claims = presentation(&[link], &world.agent);
    let nonce = format!("nonce of {from}");
    (claims["iat"], claims["exp"]) = (from.into(), (from + 300).into());
    claims["nonce"] = nonce.as_str().into();
    let presented = world.agent.sign(MEDIA_TYPE, &claims);
    let presented = parse(presented.as_bytes(), trust).unwrap();
    let chain = verify(&presented, trust, &Evidence::new(), &nonce, now).unwrap();
    let facts = [("amount", Value::Integer(amount)), ("currency", "USD".into())];
    let facts: Facts = facts.map(|(name, value)| (name.to_owned(), value)).into();
    let request = Request::new("a2a:skill:book", "https://shop.example/x", facts).unwrap();
    authorize(&chain, &request, now).into_permit().unwrap()
}

fn code(outcome: Result<Committed, Denial>) -> Option<Code> {
    outcome.err().map(|denial| denial.code)
}

#[test]
fn a_nonce_that_was_forgotten_is_not_used_again_by_a_clock_that_is_behind() {
    let world = World::new();
    let (trust, link) = (world.trust(), world.root_link(&world.root()));
    let mut ledger = MemoryLedger::new();
    let committed = ledger.commit(permit(&world, &trust, &link, NOW, 0, NOW), NOW).unwrap();
    assert_eq!(committed.at(), NOW);
    // Two threads took the time before they waited for the ledger, and the later one came first.
    let later = permit(&world, &trust, &link, NOW + 300, 0, NOW + 360);
    let again = permit(&world, &trust, &link, NOW, 0, NOW + 359);
    assert_eq!(code(ledger.commit(later, NOW + 360)), None);
    let mut kept = MemoryLedger::from_json(&ledger.to_json()).unwrap();
    assert_eq!(code(ledger.commit(again, NOW + 359)), Some(Code::NonceReplayed));
    let again = permit(&world, &trust, &link, NOW, 0, NOW + 359);
    assert_eq!(code(kept.commit(again, NOW + 359)), Some(Code::NonceReplayed), "kept in its file");
}

#[test]
fn a_request_that_takes_nothing_takes_no_room_among_totals() {
    let world = World::new();
    let mut claims = world.root();
    claims["credentialSubject"]["delegation"]["constraints"] =
        json!([{"type": "spend", "currency": "USD", "window": {"seconds": 100_000_000, "amount": 9}}]);
    let (trust, link) = (world.trust(), world.root_link(&claims));
    let mut ledger = MemoryLedger::with_limits(LedgerLimits { totals: 0, ..LedgerLimits::default() });
    assert_eq!(code(ledger.commit(permit(&world, &trust, &link, NOW, 0, NOW), NOW)), None);
    let costly = permit(&world, &trust, &link, NOW + 1, 1, NOW + 1);
    assert_eq!(code(MemoryLedger::new().commit(costly, NOW + 1)), None);
    let costly = permit(&world, &trust, &link, NOW + 1, 1, NOW + 1);
    assert!(ledger.commit(costly, NOW + 1).is_err());
}

#[test]
fn a_total_takes_no_more_memory_for_a_long_name() {
    let world = World::new();
    let mut claims = world.root();
    let mut actions: Vec<String> =
        (0..200).map(|number| format!("a2a:skill:{number}{}", "x".repeat(90))).collect();
    actions.push("a2a:skill:book".to_owned());
    claims["credentialSubject"]["delegation"]["constraints"] =
        json!([{"type": "rate", "seconds": 60, "max": 9, "actions": actions}]);
    let (trust, link) = (world.trust(), world.root_link(&claims));
    let mut ledger = MemoryLedger::new();
    assert_eq!(code(ledger.commit(permit(&world, &trust, &link, NOW, 0, NOW), NOW)), None);
    let kept = ledger.to_json().to_string().len();
    assert!(kept < 1000, "{kept} bytes for one total and one nonce");
}
