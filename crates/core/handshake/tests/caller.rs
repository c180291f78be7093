//! What a caller is shown in place of the callee's challenge and receipt.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests"
)]

mod world;

use legation_did::{Document, Purpose, web};
use legation_handshake::{Ended, Peer};
use legation_keys::{Signer, base64url, jws, time};
use legation_verifier::{Denial, receipt};
use serde_json::{Value, json};
use world::{CARD, ENDPOINT, NOW, Party, World};

/// The honest claims of a challenge for a hello.
fn claims(world: &World, nonce: &str) -> Value {
    json!({
        "iss": world.shop.did.as_str(), "aud": world.alice.did.as_str(), "endpoint": ENDPOINT,
        "callerNonce": nonce, "nonce": "n-1", "card": base64url::encode(&CARD), "iat": NOW, "exp": NOW + 60,
    })
}

/// Signs claims as the shop would.
fn seal(world: &World, typ: &str, key_id: &str, claims: &Value) -> String {
    jws::sign(typ, key_id, claims.to_string().as_bytes(), &world.shop.key).unwrap()
}

/// What the caller says to a challenge.
fn code(world: &World, make: impl FnOnce(&str) -> String, now: i64) -> &'static str {
    let begun = world.begin();
    let challenge = make(&begun.hello().nonce);
    begun.receive(&challenge, world.peer(), 60, now).map_or_else(|denial| denial.code.as_str(), |_| "ok")
}

const TYP: &str = "legation-challenge+jwt";

#[test]
fn each_claim_of_a_challenge_is_held_against_what_the_caller_knows() {
    let world = World::new();
    for (pointer, value, wanted) in [
        ("/nonce", json!("n-2"), "ok"),
        ("/exp", json!(NOW + 300), "ok"),
        // Relay: the challenge of another callee.
        ("/iss", json!("did:web:other.example"), "issuer_mismatch"),
        ("/iss", json!("did:web:shop.example:agents:a"), "issuer_mismatch"),
        ("/iss", json!(world.alice.did.as_str()), "issuer_mismatch"),
        // A challenge for somebody else, and reflection.
        ("/aud", json!("did:web:bob.example"), "audience_mismatch"),
        ("/aud", json!(world.shop.did.as_str()), "audience_mismatch"),
        ("/endpoint", json!("https://shop.example/handshake/"), "request_binding_mismatch"),
        ("/endpoint", json!("http://shop.example/handshake"), "request_binding_mismatch"),
        ("/endpoint", json!("https://evil.example/handshake"), "request_binding_mismatch"),
        // An old challenge, played to a new hello.
        ("/callerNonce", json!("7dZpVbCkP4y0vN1mQx9rTg"), "nonce_mismatch"),
        ("/callerNonce", json!(""), "nonce_mismatch"),
        // The card was swapped.
        ("/card", json!(base64url::encode(&[8; 32])), "request_binding_mismatch"),
        ("/card", json!(base64url::encode(&[7; 31])), "malformed"),
        ("/card", json!(7), "malformed"),
        ("/nonce", json!(""), "malformed"),
        ("/nonce", json!("x".repeat(129)), "malformed"),
        ("/nonce", Value::Null, "malformed"),
        // From a clock an hour off, and for too long.
        ("/exp", json!(NOW - 60), "presentation_stale"),
        ("/exp", json!(NOW), "presentation_stale"),
        ("/exp", json!(NOW + 301), "presentation_stale"),
        ("/exp", json!(i64::MAX), "malformed"),
        ("/iat", json!(NOW + 3600), "presentation_stale"),
        ("/iat", json!(-9_007_199_254_740_991_i64), "presentation_stale"),
        ("/iat", json!("now"), "malformed"),
        ("/iat", json!(1e300), "malformed"),
        ("/iss", json!("shop.example"), "malformed"),
        ("/aud", json!(["did:web:a.example"]), "malformed"),
        ("/more", json!(1), "unknown_member"),
    ] {
        let made = |nonce: &str| {
            let mut claims = claims(&world, nonce);
            claims[&pointer[1..]] = value.clone();
            seal(&world, TYP, &world.shop.key_id(), &claims)
        };
        assert_eq!(code(&world, made, NOW), wanted, "{pointer} {value}");
    }
    for missing in ["iss", "aud", "endpoint", "callerNonce", "nonce", "card", "iat", "exp"] {
        let made = |nonce: &str| {
            let mut claims = claims(&world, nonce);
            claims.as_object_mut().unwrap().remove(missing);
            seal(&world, TYP, &world.shop.key_id(), &claims)
        };
        assert_eq!(code(&world, made, NOW), "malformed", "{missing}");
    }
}

#[test]
fn a_clock_an_hour_off_ends_the_handshake_on_either_side() {
    let mut world = World::new();
    let honest = |nonce: &str| seal(&world, TYP, &world.shop.key_id(), &claims(&world, nonce));
    for (now, wanted) in [
        (NOW - 61, "presentation_stale"),
        (NOW - 60, "ok"),
        (NOW + 119, "ok"),
        (NOW + 120, "presentation_stale"),
        (NOW - 3600, "presentation_stale"),
        (NOW + 3600, "presentation_stale"),
        (i64::MAX, "presentation_stale"),
        (i64::MIN, "presentation_stale"),
    ] {
        assert_eq!(code(&world, honest, now), wanted, "{now}");
    }
    let answer = world.answered().message().clone();
    for (now, wanted) in
        [(NOW - 3600, "presentation_stale"), (NOW + 3600, "presentation_stale"), (NOW, "valid")]
    {
        assert_eq!(world.code(&answer, now), wanted, "{now}");
    }
}

#[test]
fn a_challenge_that_somebody_else_signed_or_that_is_no_challenge_is_refused() {
    let world = World::new();
    let mallory = Party::web("did:web:shop.example");
    let by_mallory = |nonce: &str| {
        jws::sign(TYP, &world.shop.key_id(), claims(&world, nonce).to_string().as_bytes(), &mallory.key)
            .unwrap()
    };
    assert_eq!(code(&world, by_mallory, NOW), "signature_invalid");
    let own_key = |nonce: &str| seal(&world, TYP, &mallory.key_id(), &claims(&world, nonce));
    assert_eq!(code(&world, own_key, NOW), "key_not_found");
    let foreign = "did:web:evil.example#k";
    assert_eq!(
        code(&world, |nonce| seal(&world, TYP, foreign, &claims(&world, nonce)), NOW),
        "key_not_found"
    );
    for typ in ["vp+jwt", "legation-receipt+jwt", "JWT", ""] {
        let made = |nonce: &str| seal(&world, typ, &world.shop.key_id(), &claims(&world, nonce));
        assert_eq!(code(&world, made, NOW), "type_mismatch", "{typ}");
    }
    // Downgraded: no algorithm, a shared secret, an algorithm of another key.
    for (alg, wanted) in [
        ("none", "algorithm_not_allowed"),
        ("HS256", "algorithm_not_allowed"),
        ("ES256", "algorithm_key_mismatch"),
    ] {
        let made = |nonce: &str| {
            let header = json!({"alg": alg, "kid": world.shop.key_id(), "typ": TYP}).to_string();
            let sealed = seal(&world, TYP, &world.shop.key_id(), &claims(&world, nonce));
            let (_, rest) = sealed.split_once('.').unwrap();
            format!("{}.{rest}", base64url::encode(header.as_bytes()))
        };
        assert_eq!(code(&world, made, NOW), wanted, "{alg}");
    }
    for member in ["jwk", "jku", "x5c", "x5u"] {
        let made = |nonce: &str| {
            let header =
                json!({"alg": "EdDSA", "kid": world.shop.key_id(), "typ": TYP, member: {}}).to_string();
            let sealed = seal(&world, TYP, &world.shop.key_id(), &claims(&world, nonce));
            let (_, rest) = sealed.split_once('.').unwrap();
            format!("{}.{rest}", base64url::encode(header.as_bytes()))
        };
        assert_eq!(code(&world, made, NOW), "header_key_forbidden", "{member}");
    }
}

#[test]
fn an_agent_does_not_meet_itself() {
    let world = World::new();
    let (alice, begun) = (&world.alice, world.begin());
    let mut claims = claims(&world, &begun.hello().nonce);
    claims["iss"] = json!(alice.did.as_str());
    let sealed = jws::sign(TYP, &alice.key_id(), claims.to_string().as_bytes(), &alice.key).unwrap();
    let document = alice.document();
    let refused = begun.receive(&sealed, Peer { document: &document, ..world.peer() }, 60, NOW).unwrap_err();
    assert_eq!(refused.code.as_str(), "audience_mismatch");
}

/// The shop's document, in which its key is for one purpose only.
fn document_for(world: &World, purpose: Purpose) -> Document {
    let mut document = Document::new(world.shop.did.clone());
    document.add_key(world.shop.key_id(), world.shop.key.public_key().clone(), &[purpose]);
    document
}

#[test]
fn a_key_challenges_only_for_authentication_and_signs_receipts_only_for_assertion() {
    let mut world = World::new();
    for (purpose, wanted) in
        [(Purpose::Authentication, "ok"), (Purpose::AssertionMethod, "key_purpose_mismatch")]
    {
        world.document = document_for(&world, purpose);
        let honest = |nonce: &str| seal(&world, TYP, &world.shop.key_id(), &claims(&world, nonce));
        assert_eq!(code(&world, honest, NOW), wanted);
    }
    for (purpose, wanted) in
        [(Purpose::AssertionMethod, "met"), (Purpose::Authentication, "key_purpose_mismatch")]
    {
        let mut world = World::new();
        let answered = world.answered();
        let receipt = world.conclude(answered.message(), NOW).receipt;
        let ended = answered.finish(&world.signed(&receipt), &document_for(&world, purpose));
        assert_eq!(ended.map_or_else(|denial| denial.code.as_str(), |_| "met"), wanted);
    }
}

#[test]
fn a_key_that_left_the_document_challenges_nobody() {
    let world = World::new();
    let begun = world.begin();
    let challenge = world.challenge(begun.hello(), NOW);
    let rotated = web::document(&world.shop.did, &[Party::key_party().key.public_key().clone()]);
    let peer = Peer { document: &rotated, ..world.peer() };
    assert_eq!(begun.receive(&challenge, peer, 60, NOW).unwrap_err().code.as_str(), "key_not_found");
}

#[test]
fn a_challenge_cut_short_or_changed_anywhere_is_refused() {
    let world = World::new();
    let told = |change: &dyn Fn(&mut Vec<u8>)| {
        let begun = world.begin();
        let mut challenge = world.challenge(begun.hello(), NOW).into_bytes();
        change(&mut challenge);
        begun.receive(&String::from_utf8(challenge).unwrap(), world.peer(), 60, NOW)
    };
    assert!(told(&|_| {}).is_ok());
    let length = world.challenge(world.begin().hello(), NOW).len();
    for at in 0..length {
        assert!(told(&|challenge| challenge.truncate(at)).is_err(), "cut at {at}");
        let change = |challenge: &mut Vec<u8>| {
            let old = challenge[at];
            challenge[at] = if old == b'A' { b'B' } else { b'A' };
        };
        assert!(told(&change).is_err(), "changed at {at}");
    }
    let begun = world.begin();
    let huge = "A".repeat(100 << 20);
    assert_eq!(begun.receive(&huge, world.peer(), 60, NOW).unwrap_err().code.as_str(), "input_too_large");
}

/// A handshake up to its receipt, which `make` may replace, and what the caller says to it.
fn ended(make: impl FnOnce(&World, &[u8]) -> String) -> Result<Ended, Denial> {
    let mut world = World::new();
    let answered = world.answered();
    let receipt = world.conclude(answered.message(), NOW).receipt;
    answered.finish(&make(&world, &receipt), &world.document)
}

#[test]
fn only_the_callees_receipt_of_this_handshake_ends_it() {
    let Ok(Ended::Met(met)) = ended(|world, receipt| world.signed(receipt)) else { panic!("refused") };
    assert_eq!(met.said()["decision"], "valid");
    type Make = fn(&World, &[u8]) -> String;
    let cases: [(&str, Make, &str); 5] = [
        (
            "another key",
            |world, receipt| receipt::sign(receipt, &world.shop.key_id(), &world.alice.key).unwrap(),
            "signature_invalid",
        ),
        (
            "the caller's own",
            |world, receipt| receipt::sign(receipt, &world.alice.key_id(), &world.alice.key).unwrap(),
            "key_not_found",
        ),
        ("cut short", |world, receipt| world.signed(receipt)[1..].to_owned(), "malformed"),
        ("a challenge", |world, _| world.challenge(world.begin().hello(), NOW), "type_mismatch"),
        ("not signed", |_, receipt| String::from_utf8(receipt.to_vec()).unwrap(), "malformed"),
    ];
    for (name, make, wanted) in cases {
        assert_eq!(ended(make).unwrap_err().code.as_str(), wanted, "{name}");
    }
    for (member, value, wanted) in [
        ("transcript", json!(base64url::encode(&[1; 32])), "nonce_mismatch"),
        ("transcript", Value::Null, "nonce_mismatch"),
        ("presentation", json!(base64url::encode(&[1; 32])), "request_binding_mismatch"),
        ("agent", json!("did:web:bob.example"), "holder_mismatch"),
        ("verifier", json!("did:web:other.example"), "issuer_mismatch"),
        ("verifier", json!("shop"), "issuer_mismatch"),
        ("at", json!(time::format(NOW - 61)), "presentation_stale"),
        ("at", Value::Null, "malformed"),
        ("decision", json!("permit"), "type_mismatch"),
        ("decision", json!("maybe"), "malformed"),
    ] {
        let changed = |world: &World, receipt: &[u8]| {
            let mut said: Value = serde_json::from_slice(receipt).unwrap();
            said[member] = value.clone();
            world.signed(said.to_string().as_bytes())
        };
        assert_eq!(ended(changed).unwrap_err().code.as_str(), wanted, "{member} {value}");
    }
}

#[test]
fn a_key_that_has_ended_ends_no_handshake_by_dating_its_receipt_back() {
    let retired = Party::web("did:web:shop.example");
    for (at, wanted) in [(NOW, "key_revoked"), (NOW - 7200, "presentation_stale")] {
        let mut world = World::new();
        let both = [world.shop.key.public_key().clone(), retired.key.public_key().clone()];
        let mut document = web::document(&world.shop.did, &both).to_json();
        let methods = document["verificationMethod"].as_array_mut().unwrap();
        let ended = methods.iter_mut().find(|method| method["id"] == retired.key_id()).unwrap();
        ended["revoked"] = json!(time::format(NOW - 3600));
        let document = Document::parse(document.to_string().as_bytes()).unwrap();

        let answered = world.answered();
        let mut said: Value =
            serde_json::from_slice(&world.conclude(answered.message(), NOW).receipt).unwrap();
        said["at"] = json!(time::format(at));
        let forged = receipt::sign(said.to_string().as_bytes(), &retired.key_id(), &retired.key).unwrap();
        assert_eq!(answered.finish(&forged, &document).unwrap_err().code.as_str(), wanted);
    }
}

#[test]
fn a_refusal_can_not_move_a_cursor_or_forge_a_line() {
    let mut world = World::new();
    world.trust.roots.clear();
    let answered = world.answered();
    let mut said: Value = serde_json::from_slice(&world.conclude(answered.message(), NOW).receipt).unwrap();
    for member in ["code", "expected", "found"] {
        said[member] = json!(format!("\u{1b}[2J\r\nadmitted\u{202e}{}", "x".repeat(100_000)));
    }
    let signed = world.signed(said.to_string().as_bytes());
    let Ended::Refused { code, expected, found, .. } = answered.finish(&signed, &world.document).unwrap()
    else {
        panic!("met")
    };
    for text in [code, expected, found] {
        assert!(
            text.chars().count() <= 601 && !text.chars().any(legation_verifier::error::misleads),
            "{text}"
        );
    }
}

#[test]
fn a_refusal_counts_only_when_it_is_signed() {
    let mut world = World::new();
    world.trust.roots.clear();
    let answered = world.answered();
    let receipt = world.conclude(answered.message(), NOW).receipt;
    let signed = world.signed(&receipt);
    let Ended::Refused { code, link, .. } = answered.finish(&signed, &world.document).unwrap() else {
        panic!("met")
    };
    assert_eq!((code.as_str(), link), ("root_untrusted", Some(0)));
}
