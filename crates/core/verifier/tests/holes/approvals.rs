//! What somebody might get out of an approval that was given to something else.

use crate::world::{NOW, Party, World};
use legation_credential::{Approval, Facts, Request, Securing, Value, approve};
use legation_did::{Did, Document, Purpose, method_id};
use legation_keys::{Algorithm, Signer};
use legation_verifier::{
    Approvals, Code, Evidence, MAX_APPROVALS, MemoryLedger, Need, Trust, VerifiedChain, Vouched,
    approval_request, authorize, authorize_approved, gather_approvals, parse_vouched, receipt, verify,
    verify_approvals,
};
use serde_json::json;

/// An agent that needs the approval of these for what costs more than 25 dollars.
fn scene(approvers: &[&Did]) -> (World, Trust, VerifiedChain) {
    let world = World::new();
    let dids: Vec<&str> = approvers.iter().map(|did| did.as_str()).collect();
    let mut claims = world.root();
    claims["credentialSubject"]["delegation"]["constraints"] =
        json!([{"type": "approval", "above": 2500, "currency": "USD", "approvers": dids}]);
    let mut trust = world.trust();
    trust.vouched = true;
    let vouched = Vouched { agent: &world.agent.did, known_by: "k", at: NOW };
    // Nothing of it is used up but what is looked at here.
    let read = parse_vouched(&world.root_link(&claims), vouched, &trust).unwrap();
    let chain = verify(&read, &trust, &Evidence::new(), "", NOW).unwrap();
    (world, trust, chain)
}

fn request(amount: i64) -> Request {
    let facts =
        Facts::from([("amount".to_owned(), Value::Integer(amount)), ("currency".to_owned(), "USD".into())]);
    Request::new("a2a:skill:book", "https://shop.example/x", facts).unwrap()
}

fn approval(by: &Party, chain: &VerifiedChain, request: &Request) -> String {
    approval_until(by, chain, request, NOW + 600)
}

fn approval_until(by: &Party, chain: &VerifiedChain, request: &Request, valid_until: i64) -> String {
    let asked = approval_request(chain, request);
    let approval = Approval {
        issuer: by.did.clone(),
        agent: asked.agent.clone(),
        request: asked.digest(),
        valid_from: NOW,
        valid_until,
    };
    approve(Securing::Jwt, &approval, &method_id(&by.did, by.key.public_key()), &by.key).unwrap()
}

fn party() -> Party {
    Party::new(Algorithm::EdDsa)
}

fn code(chain: &VerifiedChain, request: &Request, approvals: &Approvals, now: i64) -> Option<Code> {
    authorize_approved(chain, request, approvals, now).into_permit().err().map(|denial| denial.code)
}

#[test]
fn what_was_verified_of_one_request_counts_for_no_other() {
    let boss = party();
    let (_, trust, chain) = scene(&[&boss.did]);
    let (asked, other) = (request(9000), request(9001));
    let text = approval(&boss, &chain, &asked);
    let holds =
        |request: &Request| verify_approvals(&[&text], &chain, request, &trust, &Evidence::new(), NOW);
    let approvals = holds(&asked);
    assert_eq!(approvals.approvers().collect::<Vec<_>>(), [&boss.did]);
    assert_eq!(code(&chain, &asked, &approvals, NOW), None);
    assert_eq!(code(&chain, &other, &approvals, NOW), Some(Code::ApprovalRequired));
    assert_eq!(code(&chain, &asked, &Approvals::none(), NOW), Some(Code::ApprovalRequired));
    assert!(authorize(&chain, &asked, NOW).into_permit().is_err());
    // Another chain, of another agent, with an approval that was verified for the first.
    let (_, _, others) = scene(&[&boss.did]);
    assert_eq!(code(&others, &asked, &approvals, NOW), Some(Code::ApprovalRequired));
    let with_body = asked.clone().with_body([7; 32]);
    assert_eq!(code(&chain, &with_body, &approvals, NOW), Some(Code::ApprovalRequired), "another body");
    let denial = authorize_approved(&chain, &other, &holds(&other), NOW).into_permit().unwrap_err();
    assert!(denial.found.contains("90.01 USD; an approval does not count"), "{denial}");
    assert!(denial.found.contains("one of another request or chain"), "{denial}");
}

#[test]
fn an_approval_ends_also_where_it_was_verified_before() {
    let boss = party();
    let (_, trust, chain) = scene(&[&boss.did]);
    let asked = request(9000);
    let text = approval(&boss, &chain, &asked);
    let approvals = verify_approvals(&[&text], &chain, &asked, &trust, &Evidence::new(), NOW);
    // The chain ends before it does.
    assert_eq!(code(&chain, &asked, &approvals, NOW + 359), None);
    // One that ends before the chain, verified while it held and decided on later.
    let ends = approval_until(&boss, &chain, &asked, NOW + 120);
    let brief = verify_approvals(&[&ends], &chain, &asked, &trust, &Evidence::new(), NOW);
    assert_eq!(code(&chain, &asked, &brief, NOW + 179), None);
    assert_eq!(code(&chain, &asked, &brief, NOW + 180), Some(Code::ApprovalRequired));
    let mut short = trust.clone();
    short.max_approval_age = 599;
    let refused = verify_approvals(&[&text], &chain, &asked, &short, &Evidence::new(), NOW);
    assert!(refused.refused()[0].contains("at most 599 s"), "{refused:?}");
    for (now, holds) in [(NOW - 61, 0), (NOW - 60, 1), (NOW + 659, 1), (NOW + 660, 0)] {
        let found = verify_approvals(&[&text], &chain, &asked, &trust, &Evidence::new(), now);
        assert_eq!(found.approvers().count(), holds, "{now}");
    }
}

/// Nobody makes a verifier fetch a document by an approval of its own making.
#[test]
fn a_document_is_asked_for_only_of_who_is_named_and_where_it_matters() {
    let mut boss = party();
    boss.did = "did:web:boss.example".parse().unwrap();
    let mut stranger = party();
    stranger.did = "did:web:stranger.example".parse().unwrap();
    let (_, trust, chain) = scene(&[&boss.did]);
    let (asked, cheap) = (request(9000), request(2500));
    let needs = |text: &str, request: &Request, evidence: &Evidence| {
        gather_approvals(&[text], &chain, request, &trust, evidence, NOW)
    };
    let none = Evidence::new();
    let right = approval(&boss, &chain, &asked);
    assert_eq!(needs(&right, &asked, &none), [Need::Document(boss.did.clone())]);
    assert_eq!(needs(&approval(&stranger, &chain, &asked), &asked, &none), []);
    assert_eq!(needs(&approval(&boss, &chain, &cheap), &asked, &none), [], "of another request");
    assert_eq!(needs(&approval(&boss, &chain, &cheap), &cheap, &none), [], "none is needed");
    let ungranted = Request::new("a2a:skill:other", "https://shop.example/x", asked.facts().clone()).unwrap();
    assert_eq!(needs(&approval(&boss, &chain, &ungranted), &ungranted, &none), [], "denied all the same");

    let mut evidence = Evidence::new();
    let mut document = Document::new(boss.did.clone());
    document.add_key(
        method_id(&boss.did, boss.key.public_key()),
        boss.key.public_key().clone(),
        &[Purpose::AssertionMethod],
    );
    evidence.add_document(&boss.did, document.to_json().to_string().as_bytes(), NOW).unwrap();
    assert_eq!(needs(&right, &asked, &evidence), []);
    let approvals = verify_approvals(&[&right], &chain, &asked, &trust, &evidence, NOW);
    let permit = authorize_approved(&chain, &asked, &approvals, NOW).into_permit().unwrap();
    let committed = MemoryLedger::new().commit(permit, NOW).unwrap();
    let receipt: serde_json::Value =
        serde_json::from_slice(&receipt::of_permit(&committed, &chain, &trust)).unwrap();
    assert_eq!(receipt["consumed"]["approvals"][0]["approver"], boss.did.as_str());
    assert_eq!(receipt["evidence"][0]["id"], boss.did.as_str(), "by what the approver's key is known");
}

#[test]
fn so_many_are_read_and_no_more() {
    let boss = party();
    let (_, trust, chain) = scene(&[&boss.did]);
    let asked = request(9000);
    let text = approval(&boss, &chain, &asked);
    let mut all = vec!["x.y.z"; MAX_APPROVALS];
    all.push(&text);
    let found = verify_approvals(&all, &chain, &asked, &trust, &Evidence::new(), NOW);
    assert_eq!((found.approvers().count(), found.refused().len()), (0, MAX_APPROVALS + 1));
    all.remove(0);
    let found = verify_approvals(&all, &chain, &asked, &trust, &Evidence::new(), NOW);
    assert_eq!(found.approvers().count(), 1);
    let long = "x".repeat(17_000);
    let found = verify_approvals(&[&long], &chain, &asked, &trust, &Evidence::new(), NOW);
    assert!(found.refused()[0].contains("8192"), "{found:?}");
}

/// A ledger that is read again remembers what was used; and what a permit uses it says.
#[test]
fn an_approval_is_used_once_by_whatever_permit() {
    let boss = party();
    let (_, trust, chain) = scene(&[&boss.did]);
    let asked = request(9000);
    let text = approval(&boss, &chain, &asked);
    let approvals = verify_approvals(&[&text, &text], &chain, &asked, &trust, &Evidence::new(), NOW);
    let permit = || authorize_approved(&chain, &asked, &approvals, NOW).into_permit().unwrap();
    assert_eq!(permit().approvals().iter().map(|one| &one.approver).collect::<Vec<_>>(), [&boss.did]);
    let mut ledger = MemoryLedger::new();
    ledger.commit(permit(), NOW).unwrap();
    let mut ledger = MemoryLedger::from_json(&ledger.to_json()).unwrap();
    let denial = ledger.commit(permit(), NOW).unwrap_err();
    assert_eq!(denial.code, Code::ApprovalRequired);
    assert!(denial.found.contains("used before"), "{denial}");
    let anew = approval(&boss, &chain, &asked);
    assert_eq!(anew, text, "the same words by the same key");
}
