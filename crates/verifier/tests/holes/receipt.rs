//! What a receipt may be taken for.

use crate::world::{AUDIENCE, NOW, Party, World, check, present};
use legation_credential::{Facts, Request, Value};
use legation_did::{Document, Purpose};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_verifier::{
    Evidence, MemoryLedger, authorize,
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
