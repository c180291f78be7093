//! What somebody might get out of a verifier that vouches for agents itself.

use crate::world::{NOW, Party, World, check, present};
use legation_credential::{Facts, Possession, Request};
use legation_did::Did;
use legation_keys::Algorithm;
use legation_verifier::{
    Code, Denial, Evidence, MemoryLedger, Presentation, Trust, VerifiedChain, Verifier, Vouched, authorize,
    parse_vouched, receipt, verify,
};
use serde_json::Value;
use std::sync::Arc;

fn trust(world: &World) -> Trust {
    let mut trust = world.trust();
    trust.vouched = true;
    trust
}

fn by_key<'v>(agent: &'v Did, at: i64) -> Vouched<'v> {
    Vouched { agent, known_by: "api key 7", at }
}

fn vouched(chain: &str, agent: &Did, trust: &Trust, at: i64) -> Result<Presentation, Denial> {
    parse_vouched(chain, by_key(agent, at), trust)
}

fn holds(world: &World, trust: &Trust, at: i64, now: i64) -> Result<VerifiedChain, Denial> {
    let chain = world.root_link(&world.root());
    let presentation = vouched(&chain, &world.agent.did, trust, at)?;
    verify(&presentation, trust, &Evidence::new(), presentation.nonce(), now)
}

fn request() -> Request {
    Request::new("a2a:skill:book", "https://shop.example/x", Facts::new()).unwrap()
}

#[test]
fn a_call_that_is_vouched_for_uses_up_no_nonce_and_says_how_it_came() {
    let world = World::new();
    let trust = trust(&world);
    let chain = holds(&world, &trust, NOW, NOW).unwrap();
    assert_eq!((chain.possession(), chain.agent()), (Possession::Vouched, &world.agent.did));
    let mut ledger = MemoryLedger::new();
    let told = receipt::Told::of(Arc::new(holds(&world, &trust, NOW, NOW).unwrap()));
    for _ in 0..2 {
        let permit = authorize(&chain, &request(), NOW).into_permit().unwrap();
        assert!(permit.nonce().is_none());
        let committed = ledger.commit(permit, NOW).unwrap();
        let whole = receipt::of_permit(&committed, &chain, &trust);
        let text = receipt::of_permit_told(&committed, &told, &trust);
        let (common, own) = (text.common().unwrap(), text.own());
        assert_eq!(
            receipt::join(Some(common.pieces()), own).unwrap(),
            whole,
            "what is kept in parts is the same"
        );
        assert!(own.len() * 3 < whole.len(), "{} of {}", own.len(), whole.len());
        let receipt: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!((&receipt["possession"], &receipt["knownBy"]), (&"vouched".into(), &"api key 7".into()));
        assert!(receipt["consumed"].get("nonce").is_none());
    }
    let presented = present(&[&world.root_link(&world.root())], &world.agent);
    let signed = check(&presented, &trust, &Evidence::new()).unwrap();
    assert_eq!(signed.possession(), Possession::Signed);
    let receipt: Value = serde_json::from_slice(&receipt::of_chain(&signed, &trust, NOW)).unwrap();
    assert_eq!((&receipt["possession"], receipt.get("knownBy")), (&"signed".into(), None));
}

#[test]
fn what_is_vouched_for_ends_as_a_signature_does() {
    let world = World::new();
    let mut trust = trust(&world);
    trust.max_presentation_age = 30;
    let ended = |at: i64, now: i64| holds(&world, &trust, at, now).err().map(|denial| denial.code);
    assert_eq!(ended(NOW, NOW + 89), None);
    assert_eq!(ended(NOW, NOW + 90), Some(Code::PresentationStale), "30 seconds, and 60 of skew");
    assert_eq!(ended(NOW + 60, NOW), None);
    assert_eq!(ended(NOW + 61, NOW), Some(Code::PresentationStale), "vouched for in the future");
    let chain = holds(&world, &trust, NOW, NOW).unwrap();
    assert!(authorize(&chain, &request(), NOW + 89).into_permit().is_ok());
    let denial = authorize(&chain, &request(), NOW + 90).into_permit().unwrap_err();
    assert_eq!(denial.code, Code::Expired, "a chain that was kept");
}

#[test]
fn a_trust_that_does_not_allow_it_is_asked_by_whoever_verifies() {
    let world = World::new();
    let (allows, strict) = (trust(&world), world.trust());
    let chain = world.root_link(&world.root());
    let read_elsewhere = vouched(&chain, &world.agent.did, &allows, NOW).unwrap();
    let denial = verify(&read_elsewhere, &strict, &Evidence::new(), "", NOW).unwrap_err();
    assert_eq!((denial.code, denial.link), (Code::VouchingNotAllowed, None));
}

#[test]
fn nobody_meets_whoever_is_only_vouched_for() {
    let world = World::new();
    let chain = holds(&world, &trust(&world), NOW, NOW).unwrap();
    let denial = MemoryLedger::new().commit_nonce(&chain, NOW + 60, NOW).unwrap_err();
    assert_eq!(denial.code, Code::VouchingNotAllowed);
}

#[test]
fn by_what_an_agent_is_known_is_a_short_name() {
    let world = World::new();
    let (trust, chain) = (trust(&world), world.root_link(&world.root()));
    let read = |known_by: &str| {
        parse_vouched(&chain, Vouched { agent: &world.agent.did, known_by, at: NOW }, &trust)
            .err()
            .map(|denial| denial.code)
    };
    assert_eq!((read("k"), read(&"k".repeat(128))), (None, None));
    for known_by in ["", "a\nb", "ключ", &"k".repeat(129)] {
        assert_eq!(read(known_by), Some(Code::Malformed), "{known_by}");
    }
}

#[test]
fn the_key_of_an_agent_that_is_vouched_for_is_asked_of_nobody() {
    let mut world = World::new();
    world.agent = Party { key: world.agent.key, did: "did:web:agent.example".parse().unwrap() };
    let trust = trust(&world);
    let presented = present(&[&world.root_link(&world.root())], &world.agent);
    let signed = check(&presented, &trust, &Evidence::new()).unwrap_err();
    assert_eq!(signed.code, Code::DidUnresolved, "who signs needs a document");
    assert!(holds(&world, &trust, NOW, NOW).is_ok());
}

/// One memory serves both: what it knows of the chain, and of the key of an agent that signs.
#[test]
fn a_memory_gives_the_same_answers_to_both() {
    let world = World::new();
    let (verifier, evidence) = (Verifier::new(trust(&world)), Evidence::new());
    let chain = world.root_link(&world.root());
    let presented = present(&[&chain], &world.agent);
    let stranger = Party::new(Algorithm::EdDsa);
    for _ in 0..3 {
        let signed = verifier.parse(presented.as_bytes()).unwrap();
        let signed = verifier.verify(&signed, &evidence, "n", NOW).unwrap();
        assert_eq!(signed.possession(), Possession::Signed);
        let read = verifier.parse_vouched(&chain, by_key(&world.agent.did, NOW)).unwrap();
        let vouched = verifier.verify(&read, &evidence, "", NOW).unwrap();
        assert_eq!(vouched.possession(), Possession::Vouched);
        let other = verifier.parse_vouched(&chain, by_key(&stranger.did, NOW)).unwrap();
        let denial = verifier.verify(&other, &evidence, "", NOW).unwrap_err();
        assert_eq!((denial.code, denial.expected), (Code::HolderMismatch, world.agent.did.to_string()));
    }
}
