//! `schemas/handshake.schema.json` and the messages say the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use legation_handshake::Message;
use legation_keys::{base64url, jws};
use legation_verifier::receipt;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use world::{NOW, World};

fn validator(part: &str) -> jsonschema::Validator {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../schemas");
    let mut registry = jsonschema::Registry::new();
    for name in ["common", "handshake", "receipt", "authority", "verdict", "evidence", "approval"] {
        let text = fs::read_to_string(folder.join(format!("{name}.schema.json"))).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        registry = registry.add(id, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = json!({"$ref": format!("https://w3id.org/legation/schemas/v1/{part}")});
    jsonschema::options().with_registry(&registry).build(&schema).unwrap()
}

fn claims(secured: &str) -> Value {
    serde_json::from_slice(&base64url::decode(jws::split(secured).unwrap().payload).unwrap()).unwrap()
}

#[test]
fn what_is_sent_is_valid_and_what_is_valid_is_read() {
    let mut world = World::new();
    let messages = validator("handshake.schema.json");
    let begun = world.begin();
    let hello = begun.hello().clone();
    let challenge = world.challenge(&hello, NOW);
    assert!(validator("handshake.schema.json#/$defs/challenge").is_valid(&claims(&challenge)));
    let answered = world.answered();
    let concluded = world.conclude(answered.message(), NOW);
    let receipts = validator("receipt.schema.json");
    assert!(receipts.is_valid(&serde_json::from_slice(&concluded.receipt).unwrap()));
    let signed = world.signed(&concluded.receipt);
    for message in [
        Message::Hello(hello),
        Message::Challenge(challenge),
        Message::Presentation(answered.message().clone()),
        Message::Receipt(signed.clone()),
    ] {
        let written = message.to_json();
        assert!(messages.is_valid(&written), "{written}");
        for (member, value) in [("type", json!("mood")), ("more", json!(1)), ("nonce", json!("short"))] {
            let mut changed = written.clone();
            changed[member] = value;
            let read = Message::parse(changed.to_string().as_bytes(), 1 << 20);
            assert_eq!(messages.is_valid(&changed), read.is_ok(), "{changed}");
        }
    }
    let legation_handshake::Ended::Met(met) = answered.finish(&signed, &world.document).unwrap() else {
        panic!("an honest answer was refused")
    };
    let record: Value = serde_json::from_slice(&met.record(NOW)).unwrap();
    assert!(receipts.is_valid(&record), "{record}");
    assert_eq!(record["decision"], "met", "no chain was judged");
    // What the caller says of whom it met is not what the callee says of a chain.
    let callees: Value = serde_json::from_slice(&concluded.receipt).unwrap();
    for (receipt, decision) in [(&record, "valid"), (&callees, "met"), (&record, "deny")] {
        let mut changed = receipt.clone();
        changed["decision"] = json!(decision);
        assert!(!receipts.is_valid(&changed), "{changed}");
    }
    let own = receipt::sign(&met.record(NOW), &world.alice.key_id(), &world.alice.key).unwrap();
    assert_eq!(receipt::verify(&own, &world.alice.document()).unwrap(), record);
}
