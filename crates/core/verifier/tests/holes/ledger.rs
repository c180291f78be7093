//! What a ledger forgets, and what it lets itself be filled with.

use crate::world::{NOW, World, presentation};
use legation_credential::{Authority, Facts, Request, Value, limit::Bound, presentation::MEDIA_TYPE};
use legation_verifier::{
    Code, Committed, Denial, Evidence, LedgerLimits, MemoryLedger, Permit, Presentation, Trust,
    VerifiedChain, authorize, parse,
    remedy::{Case, Change, To, What, remedy},
    verify,
};
use serde_json::json;

/// A permit to spend by a presentation that lives from `from` on.
fn permit(world: &World, trust: &Trust, link: &str, from: i64, amount: i64, now: i64) -> Permit {
    let (_, chain, request) = asked(world, trust, link, from, amount, now);
    authorize(&chain, &request, now).into_permit().unwrap()
}

fn asked(
    world: &World,
    trust: &Trust,
    link: &str,
    from: i64,
    amount: i64,
    now: i64,
) -> (Presentation, VerifiedChain, Request) {
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
    (presented, chain, request)
}

/// What a ledger says to a permit, and the changes that would have helped.
fn helped(
    ledger: &mut MemoryLedger,
    (world, trust, link): (&World, &Trust, &str),
    (from, now): (i64, i64),
) -> (Code, Vec<Change>) {
    let (presentation, chain, request) = asked(world, trust, link, from, 0, now);
    let permit = authorize(&chain, &request, now).into_permit().unwrap();
    let denial = ledger.commit(permit, now).unwrap_err();
    let case = Case {
        presented: b"",
        presentation: Some(&presentation),
        trust,
        evidence: &Evidence::new(),
        nonce: "n",
        now,
        chain: Some(&chain),
        request: Some(&request),
        ledger: Some(ledger),
    };
    (denial.code, remedy(&denial, &case).unwrap().changes)
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
fn a_nonce_that_may_have_been_forgotten_is_replaced_and_its_presentation_lives_longer() {
    let world = World::new();
    let (trust, link) = (world.trust(), world.root_link(&world.root()));
    let mut ledger = MemoryLedger::new();
    ledger.commit(permit(&world, &trust, &link, NOW, 0, NOW), NOW).unwrap();
    let whose = (&world, &trust, link.as_str());
    let (code, changes) = helped(&mut ledger, whose, (NOW, NOW));
    assert_eq!((code, changes.len()), (Code::NonceReplayed, 1), "a new nonce is enough: {changes:?}");

    ledger.commit(permit(&world, &trust, &link, NOW + 300, 0, NOW + 360), NOW + 360).unwrap();
    let (code, changes) = helped(&mut ledger, whose, (NOW, NOW + 359));
    assert_eq!((code, changes.len()), (Code::NonceReplayed, 2));
    let To::Bound(Bound::Least(end)) = changes[1].to else { panic!("{changes:?}") };
    assert_eq!(changes[1].what, What::Time("exp"));
    // With another nonce, the clock being behind: one second less is denied as before.
    for (from, expected) in [(end - 301, Some(Code::NonceReplayed)), (end - 300, None)] {
        let again = permit(&world, &trust, &link, from, 0, NOW + 359);
        assert_eq!(self::code(ledger.commit(again, NOW + 359)), expected, "{from}");
    }
}

#[test]
fn who_waits_for_room_as_long_as_is_told_has_room() {
    let (world, other) = (World::new(), World::new());
    let mut trust = world.trust();
    trust.roots.insert(other.principal.did.clone(), Authority::everything());
    let link = world.root_link(&world.root());
    let foreign = other.root_link(&other.root());
    let all = LedgerLimits::default();
    for (which, limits) in [
        ("of a key", LedgerLimits { nonces_per_key: 1, ..all }),
        ("of a root link", LedgerLimits { nonces_per_root: 1, ..all }),
        ("of all", LedgerLimits { nonces: 2, ..all }),
        ("of a key and of all", LedgerLimits { nonces_per_key: 1, nonces: 2, ..all }),
    ] {
        let mut ledger = MemoryLedger::with_limits(limits);
        // Another's is forgotten earlier, which makes room only where all of them are too many.
        ledger.commit(permit(&other, &trust, &foreign, NOW - 100, 0, NOW), NOW).unwrap();
        ledger.commit(permit(&world, &trust, &link, NOW, 0, NOW), NOW).unwrap();
        let (code, changes) = helped(&mut ledger, (&world, &trust, &link), (NOW + 10, NOW + 10));
        assert_eq!((code, changes.len()), (Code::NonceMemoryFull, 1), "{which}");
        let To::Bound(Bound::Least(at)) = changes[0].to else { panic!("{changes:?}") };
        assert_eq!(at, if which == "of all" { NOW + 260 } else { NOW + 360 }, "{which}");
        for (now, expected) in [(at - 1, Some(Code::NonceMemoryFull)), (at, None)] {
            let later = permit(&world, &trust, &link, now, 0, now);
            assert_eq!(self::code(ledger.commit(later, now)), expected, "{which} at {now}");
        }
    }
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

#[test]
fn a_clock_skew_that_is_raised_frees_no_nonce() {
    let world = World::new();
    let mut trust = world.trust();
    let link = world.root_link(&world.root());
    let mut ledger = MemoryLedger::new();
    ledger.commit(permit(&world, &trust, &link, NOW, 0, NOW), NOW).unwrap();
    let met = |trust: &Trust, now: i64| asked(&world, trust, &link, NOW + 1, 0, now).1;
    ledger.commit_nonce(&met(&trust, NOW + 1), NOW + 1, NOW + 1).unwrap();
    // It can't come again any more by the clocks' difference as it is, and so it is forgotten.
    let later = NOW + 301 + trust.clock_skew;
    ledger.commit(permit(&world, &trust, &link, later, 0, later), later).unwrap();
    let kept = MemoryLedger::from_json(&ledger.to_json()).unwrap();
    trust.clock_skew = 600;
    for mut ledger in [ledger, kept] {
        let again = ledger.commit(permit(&world, &trust, &link, NOW, 0, later + 1), later + 1);
        assert_eq!(code(again), Some(Code::NonceReplayed));
        let again = ledger.commit_nonce(&met(&trust, later + 1), later + 1, later + 1);
        assert_eq!(again.unwrap_err().code, Code::NonceReplayed);
        // What is signed later was never used.
        assert_eq!(
            code(ledger.commit(permit(&world, &trust, &link, NOW + 2, 0, later + 1), later + 1)),
            None
        );
    }
}

#[test]
fn a_ledger_that_begins_refuses_what_was_signed_before() {
    let world = World::new();
    let (trust, link) = (world.trust(), world.root_link(&world.root()));
    let begun = MemoryLedger::new().begin(NOW + 10);
    let kept = MemoryLedger::from_json(&begun.to_json()).unwrap();
    for mut ledger in [begun, kept] {
        let before = |nonce: i64| permit(&world, &trust, &link, nonce, 0, NOW + 10);
        let refused = ledger.commit(before(NOW + 9), NOW + 10).unwrap_err();
        assert_eq!(refused.code, Code::PresentationStale);
        assert!(refused.expected.contains("is not known"), "{refused}");
        let chain = asked(&world, &trust, &link, NOW + 9, 0, NOW + 10).1;
        let refused = ledger.commit_nonce(&chain, NOW + 10, NOW + 10).unwrap_err();
        assert_eq!(refused.code, Code::PresentationStale);
        assert_eq!(code(ledger.commit(before(NOW + 10), NOW + 10)), None);
        assert_eq!(code(ledger.commit(before(NOW + 10), NOW + 10)), Some(Code::NonceReplayed));
    }
}

#[test]
fn a_permit_that_another_ledger_has_consumed_says_what_it_was() {
    let world = World::new();
    let (trust, link) = (world.trust(), world.root_link(&world.root()));
    let permit = permit(&world, &trust, &link, NOW, 5, NOW);
    let nonce = permit.nonce().unwrap();
    assert_eq!(
        (nonce.signed_at, nonce.expires_at, nonce.until),
        (NOW, NOW + 300, NOW + 300 + trust.clock_skew)
    );
    assert_eq!(permit.valid_until(), NOW + 300 + trust.clock_skew);
    let debits = permit.debits().to_vec();
    let committed = permit.consumed(NOW + 3);
    assert_eq!((committed.at(), committed.debits()), (NOW + 3, debits.as_slice()));
    assert_eq!(committed.request().action(), "a2a:skill:book");
}

/// When there is room again is said to the second, and where there never is, not at all.
#[test]
fn a_total_says_from_when_on_an_amount_fits() {
    use legation_credential::Window;
    use legation_verifier::ledger::parts::KeptTotal;
    let total = |window, moments: &[(i64, i64)]| KeptTotal {
        name: [0; 32],
        link: [0; 32],
        window,
        moments: moments.to_vec(),
        forgotten: None,
        ends: 0,
    };
    let sliding = total(Window::Sliding { seconds: 100 }, &[(1000, 5), (1010, 3), (1050, 2)]);
    for (amount, fits) in
        [(0, Some(1060)), (5, Some(1100)), (6, Some(1110)), (8, Some(1110)), (10, Some(1150)), (11, None)]
    {
        assert_eq!(sliding.fits_at(amount, 10, 1060), fits, "{amount}");
    }
    assert_eq!(sliding.fits_at(5, 10, 1100), Some(1100), "it fits now");
    let day = total(
        Window::Calendar { period: legation_credential::window::Period::Day, offset: 0 },
        &[(86_400, 5), (90_000, 5)],
    );
    assert_eq!(day.fits_at(1, 10, 100_000), Some(172_800), "at midnight");
    assert_eq!(total(Window::Sliding { seconds: 1 }, &[]).fits_at(11, 10, 5), None);
}
