//! What a receipt may be taken for.

use crate::world::{AUDIENCE, NOW, Party, World, check, present};
use legation_credential::{Authority, Facts, Request, Value};
use legation_did::{Document, Purpose};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_verifier::{
    Code, Evidence, MemoryLedger, authorize,
    receipt::{self, ReceiptError},
};
use serde_json::json;

/// The verifier's key, and its document.
fn verifier() -> (SecretKey, String, Document) {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let mut document = Document::new(AUDIENCE.parse().unwrap());
    let id = legation_did::method_id(document.id(), key.public_key());
    document.add_key(id.clone(), key.public_key().clone(), &[Purpose::AssertionMethod]);
    (key, id, document)
}

fn permit(facts: Facts) -> Vec<u8> {
    let world = World::new();
    let trust = world.trust();
    let presented = present(&[&world.root_link(&world.root())], &world.agent);
    let chain = check(&presented, &trust, &Evidence::new()).unwrap();
    let request = Request::new("a2a:skill:book", "https://shop.example/x", facts).unwrap();
    let permit = authorize(&chain, &request, NOW).into_permit().unwrap();
    let committed = MemoryLedger::new().commit(permit, NOW).unwrap();
    receipt::of_permit(&committed, &chain, &trust)
}

#[test]
fn the_largest_request_has_a_receipt_that_can_be_verified() {
    let (key, id, document) = verifier();
    // A control character takes six bytes of JSON.
    let long = "\u{1}".repeat(4096);
    let facts = (0..256).map(|number| (format!("fact {number}"), Value::Text(long.clone()))).collect();
    let signed = receipt::sign(&permit(facts), &id, &key).unwrap();
    assert!(receipt::verify(&signed, &document).is_ok());
}

#[test]
fn a_receipt_is_signed_by_the_verifier_that_it_names() {
    let (key, id, document) = verifier();
    let bytes = permit(Facts::new());
    assert!(receipt::verify(&receipt::sign(&bytes, &id, &key).unwrap(), &document).is_ok());
    let other = Party::new(Algorithm::EdDsa);
    let id = legation_did::method_id(&other.did, other.key.public_key());
    let signed = receipt::sign(&bytes, &id, &other.key).unwrap();
    let document = legation_did::key::document(&other.did).unwrap();
    let refused = receipt::verify(&signed, &document).unwrap_err();
    assert!(matches!(refused, ReceiptError::Signer { .. }));
    assert_eq!(refused.code(), "issuer_mismatch");
}

#[test]
fn what_is_wrong_with_a_receipt_has_a_code() {
    let (key, id, document) = verifier();
    let (other, _, _) = verifier();
    let signed = receipt::sign(&permit(Facts::new()), &id, &key).unwrap();
    let mut good: serde_json::Value = serde_json::from_slice(&permit(Facts::new())).unwrap();
    good["at"] = json!("yesterday");
    let without_time = receipt::sign(good.to_string().as_bytes(), &id, &key).unwrap();
    let mut strange = Document::new(document.id().clone());
    strange.add_key(
        format!("{}#other", document.id()),
        key.public_key().clone(),
        &[Purpose::AssertionMethod],
    );
    let mut replaced = Document::new(document.id().clone());
    replaced.add_key(id.clone(), other.public_key().clone(), &[Purpose::AssertionMethod]);
    let mut silent = Document::new(document.id().clone());
    silent.add_key(id.clone(), key.public_key().clone(), &[Purpose::Authentication]);
    for (receipt, document, code) in [
        (without_time.as_str(), &document, "malformed"),
        ("no receipt", &document, "malformed"),
        (&signed, &strange, "key_not_found"),
        (&signed, &replaced, "signature_invalid"),
        (&signed, &silent, "key_purpose_mismatch"),
    ] {
        assert_eq!(receipt::verify(receipt, document).unwrap_err().code(), code);
    }
}

#[test]
fn what_is_no_decision_is_no_receipt() {
    let (key, id, document) = verifier();
    let good: serde_json::Value = serde_json::from_slice(&permit(Facts::new())).unwrap();
    for (member, value) in [("type", json!("Other")), ("decision", json!("maybe")), ("decision", json!(null))]
    {
        let mut changed = good.clone();
        changed[member] = value;
        let signed = receipt::sign(changed.to_string().as_bytes(), &id, &key).unwrap();
        assert!(receipt::verify(&signed, &document).is_err(), "{member}");
    }
}

/// What nobody but the verifier knows: whom it trusts, and with what.
#[test]
fn a_receipt_tells_nothing_that_only_the_trust_knows() {
    let world = World::new();
    let ceiling = r#"{"grants": [{"actions": ["a2a:skill:book", "canary:*"], "resources": ["https://canary.example/*"]},
            {"actions": ["a2a:skill:book"], "resources": ["https://shop.example/canary/*"]}],
        "constraints": [{"type": "rate", "seconds": 77, "max": 987654},
            {"type": "audience", "allow": ["did:web:shop.example", "did:web:canary.example"]}]}"#;
    let mut trust = world.trust();
    trust.roots.insert(world.principal.did.clone(), Authority::parse(ceiling).unwrap());
    trust.roots.insert("did:web:canary.example".parse().unwrap(), Authority::everything());
    let with = |member: &str, value: serde_json::Value| {
        let mut claims = world.root();
        claims["credentialSubject"]["delegation"][member] = value;
        claims
    };
    let grant = |action: &str, resource: &str| json!([{"actions": [action], "resources": [resource]}]);
    let limited = |limit: serde_json::Value| {
        let mut claims = with("grants", json!([]));
        claims["credentialSubject"]["delegation"]["constraints"] = json!([limit]);
        claims
    };
    let stranger = Party::new(Algorithm::EdDsa);
    let mut of_another = world.claims(&stranger.did, &world.agent.did, None);
    of_another["credentialSubject"]["delegation"]["principal"] = stranger.did.as_str().into();
    for (code, claims) in [
        (Code::RootUntrusted, of_another),
        (Code::ActionWidened, with("grants", grant("x", "https://shop.example/x"))),
        (Code::ResourceWidened, with("grants", grant("a2a:skill:book", "https://shop.example/x"))),
        (Code::ConstraintWidened, limited(json!({"type": "rate", "seconds": 77, "max": 999_999}))),
        (Code::AudienceMismatch, limited(json!({"type": "audience", "allow": ["did:web:canary.example"]}))),
    ] {
        let issuer = if code == Code::RootUntrusted { &stranger } else { &world.principal };
        let presented = present(&[&issuer.sign("vc+jwt", &claims)], &world.agent);
        let claimed = check(&presented, &trust, &Evidence::new()).unwrap_err();
        assert_eq!(claimed.code, code);
        assert!(claimed.tells_trust(), "{claimed}");
        let receipt = receipt::of_denial(&claimed, receipt::Subject::default(), &trust, NOW);
        let receipt = String::from_utf8(receipt).unwrap();
        assert!(receipt.contains(code.as_str()), "{receipt}");
        assert!(!receipt.contains("canary") && !receipt.contains("987654"), "{receipt}");
    }
}
