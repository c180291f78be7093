//! What a callee is shown in place of an honest caller's messages.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests"
)]

mod world;

use legation_credential::{Occasion, present};
use legation_handshake::{Answer, Callee, ChallengeKey, Message, begin, transcript};
use legation_keys::{Signer, base64url, jws};
use legation_verifier::{LedgerLimits, MemoryLedger};
use serde_json::{Value, json};
use world::{CARD, ENDPOINT, NOW, Party, World, grant};

/// What Alice signs beside her chain.
struct Said {
    audience: String,
    nonce: String,
    issued_at: i64,
    expires_at: i64,
    transcript: Option<String>,
}

/// Alice's answer to a challenge, made by hand.
fn answer(world: &World, challenge: &str, change: impl FnOnce(&mut Said)) -> Answer {
    let mut said = Said {
        audience: world.shop.did.to_string(),
        nonce: nonce_of(challenge),
        issued_at: NOW,
        expires_at: NOW + 60,
        transcript: Some(transcript(challenge)),
    };
    change(&mut said);
    let occasion = Occasion {
        audience: &said.audience,
        nonce: &said.nonce,
        issued_at: said.issued_at,
        expires_at: said.expires_at,
        transcript: said.transcript.as_deref(),
    };
    let alice = &world.alice;
    let presentation = present(&[&world.link], &alice.did, occasion, &alice.key_id(), &alice.key).unwrap();
    Answer { challenge: challenge.to_owned(), presentation }
}

fn claims_of(challenge: &str) -> Value {
    let payload = base64url::decode(jws::split(challenge).unwrap().payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn nonce_of(challenge: &str) -> String {
    claims_of(challenge)["nonce"].as_str().unwrap().to_owned()
}

#[test]
fn an_answer_holds_for_its_own_challenge_only() {
    let mut world = World::new();
    let challenge = world.challenge(world.begin().hello(), NOW);
    let other = world.challenge(world.begin().hello(), NOW);
    let honest = answer(&world, &challenge, |_| {});
    let swapped = Answer { challenge: other.clone(), ..honest.clone() };
    assert_eq!(world.code(&swapped, NOW), "nonce_mismatch");
    let elsewhere = transcript(&other);
    type Change<'c> = &'c dyn Fn(&mut Said);
    let cases: [(&str, Change<'_>, &str); 7] = [
        ("another nonce", &|said| said.nonce = "n-1".to_owned(), "nonce_mismatch"),
        ("no transcript", &|said| said.transcript = None, "request_binding_mismatch"),
        ("another transcript", &|said| said.transcript = Some(elsewhere.clone()), "request_binding_mismatch"),
        ("an empty transcript", &|said| said.transcript = Some(String::new()), "malformed"),
        ("another audience", &|said| said.audience = "did:web:other.example".to_owned(), "audience_mismatch"),
        (
            "an old signature",
            &|said| (said.issued_at, said.expires_at) = (NOW - 3600, NOW - 3540),
            "presentation_stale",
        ),
        ("a signature for a day", &|said| said.expires_at = NOW + 86_400, "presentation_stale"),
    ];
    for (name, change, wanted) in cases {
        assert_eq!(world.code(&answer(&world, &challenge, change), NOW), wanted, "{name}");
    }
    assert_eq!(world.code(&honest, NOW), "valid");
}

#[test]
fn a_challenge_that_was_not_given_here_is_refused_before_anything_is_verified() {
    let mut world = World::new();
    let challenge = world.challenge(world.begin().hello(), NOW);
    // Whoever writes the claims anew can't write the nonce's tag.
    for (member, value) in [
        ("aud", json!("did:web:mallory.example")),
        ("callerNonce", json!("7dZpVbCkP4y0vN1mQx9rTg")),
        ("endpoint", json!("https://shop.example/other")),
        ("card", json!(base64url::encode(&[8; 32]))),
        ("iat", json!(NOW - 1)),
        ("exp", json!(NOW + 86_400)),
        ("nonce", json!(base64url::encode(&[0; 48]))),
        ("nonce", json!("n-1")),
        ("nonce", json!(base64url::encode(&[0; 16]))),
        ("nonce", json!("")),
    ] {
        let mut claims = claims_of(&challenge);
        claims[member] = value.clone();
        let forged = jws::sign(
            "legation-challenge+jwt",
            &world.shop.key_id(),
            claims.to_string().as_bytes(),
            &world.shop.key,
        );
        let made = answer(&world, &forged.unwrap(), |_| {});
        let wanted = if value == json!("") { "malformed" } else { "nonce_mismatch" };
        assert_eq!(world.code(&made, NOW), wanted, "{member} {value}");
    }
    // With other random bytes before the same tag, one challenge could be answered again and again.
    let mut claims = claims_of(&challenge);
    let mut nonce = base64url::decode(&nonce_of(&challenge)).unwrap();
    nonce[0] ^= 1;
    claims["nonce"] = json!(base64url::encode(&nonce));
    let (key_id, key) = (world.shop.key_id(), &world.shop.key);
    let salted = jws::sign("legation-challenge+jwt", &key_id, claims.to_string().as_bytes(), key).unwrap();
    let made = answer(&world, &salted, |_| {});
    assert_eq!(world.code(&made, NOW), "nonce_mismatch");
    let key = ChallengeKey::generate().unwrap();
    let restarted = Callee::new(world.shop.did.clone(), ENDPOINT.to_owned(), CARD, key);
    let made = answer(&world, &challenge, |_| {});
    assert_eq!(restarted.open(&made, &world.trust, NOW).unwrap_err().code.as_str(), "nonce_mismatch");
}

#[test]
fn a_relayed_answer_is_refused_by_the_other_callee() {
    let (world, mut other) = (World::new(), World::at("did:web:other.example"));
    other.trust.roots.clone_from(&world.trust.roots);
    // Mallory, who is called, passes on what she got.
    let answered = world.answered();
    assert_eq!(other.code(answered.message(), NOW), "audience_mismatch");
    // She gets a challenge for Alice herself, and puts its nonce into hers.
    let theirs = other.challenge(world.begin().hello(), NOW);
    let made = answer(&world, &theirs, |_| {});
    assert_eq!(other.code(&made, NOW), "audience_mismatch");
    let mine = Answer { challenge: theirs, presentation: answered.message().presentation.clone() };
    assert_eq!(other.code(&mine, NOW), "nonce_mismatch");
}

#[test]
fn a_challenge_for_one_caller_serves_no_other() {
    let mut world = World::new();
    let mallory = Party::key_party();
    let link = grant(&world.acme, &mallory.did);
    let challenge = world.challenge(world.begin().hello(), NOW);
    let (nonce, transcript) = (nonce_of(&challenge), transcript(&challenge));
    let occasion = Occasion {
        audience: world.shop.did.as_str(),
        nonce: &nonce,
        issued_at: NOW,
        expires_at: NOW + 60,
        transcript: Some(&transcript),
    };
    let presentation = present(&[&link], &mallory.did, occasion, &mallory.key_id(), &mallory.key).unwrap();
    let made = Answer { challenge, presentation };
    assert_eq!(world.code(&made, NOW), "holder_mismatch");
    // And Alice's own chain, stolen.
    let begun = begin(mallory.did.clone()).unwrap();
    let challenge = world.challenge(begun.hello(), NOW);
    let challenged = begun.receive(&challenge, world.peer(), 60, NOW).unwrap();
    let stolen = challenged.answer(&[&world.link], &mallory.key_id(), &mallory.key, NOW).unwrap();
    assert_eq!(world.code(stolen.message(), NOW), "holder_mismatch");
}

#[test]
fn an_answer_counts_once_and_a_denied_one_burns_no_nonce() {
    let mut world = World::new();
    let answered = world.answered();
    let trust = world.trust.clone();
    world.trust.roots.clear();
    assert_eq!(world.code(answered.message(), NOW), "root_untrusted");
    world.trust = trust;
    assert_eq!(world.code(answered.message(), NOW), "valid");
    assert_eq!(world.code(answered.message(), NOW), "nonce_replayed");
    // The nonce is remembered for as long as the answer could still be fresh.
    assert_eq!(world.code(answered.message(), NOW + 119), "nonce_replayed");
    assert_eq!(world.code(answered.message(), NOW + 120), "presentation_stale");
}

#[test]
fn a_challenge_is_not_answered_again_once_a_short_answer_has_ended() {
    let mut world = World::new();
    let challenge = world.challenge(world.begin().hello(), NOW);
    let short = answer(&world, &challenge, |said| (said.issued_at, said.expires_at) = (NOW - 50, NOW - 40));
    assert_eq!(world.code(&short, NOW), "valid");
    // The first answer could no longer pass, and its challenge is still open.
    let again = answer(&world, &challenge, |said| (said.issued_at, said.expires_at) = (NOW + 30, NOW + 90));
    assert_eq!(world.code(&again, NOW + 30), "nonce_replayed");
    assert_eq!(world.code(&again, NOW + 119), "nonce_replayed");
}

#[test]
fn a_challenge_ends_however_new_its_answer_is() {
    let mut world = World::new();
    let challenge = world.challenge(world.begin().hello(), NOW);
    let made_at = |world: &World, at: i64| {
        answer(world, &challenge, |said| (said.issued_at, said.expires_at) = (at, at + 60))
    };
    let late = made_at(&world, NOW + 120);
    assert_eq!(world.code(&late, NOW + 120), "presentation_stale");
    let last = made_at(&world, NOW + 119);
    assert_eq!(world.code(&last, NOW + 119), "valid");
}

#[test]
fn a_challenge_holds_at_the_endpoint_and_for_the_card_that_it_names() {
    let world = World::new();
    let key = ChallengeKey::from_bytes([9; 32]);
    let callee =
        |endpoint: &str, card| Callee::new(world.shop.did.clone(), endpoint.to_owned(), card, key.clone());
    let asked = callee(ENDPOINT, CARD);
    let challenge =
        asked.challenge(world.begin().hello(), &world.shop.key_id(), &world.shop.key, NOW).unwrap();
    let honest = answer(&world, &challenge, |_| {});
    assert!(asked.open(&honest, &world.trust, NOW).is_ok());
    // Processes that share the key, elsewhere or after a new card was published.
    for other in [callee("https://shop.example/other", CARD), callee(ENDPOINT, [8; 32])] {
        let refused = other.open(&honest, &world.trust, NOW).unwrap_err();
        assert_eq!(refused.code.as_str(), "request_binding_mismatch");
    }
    // Another agent of the same process, to whom somebody has turned the challenge.
    let mut other = World::at("did:web:other.example");
    other.callee = Callee::new(other.shop.did.clone(), ENDPOINT.to_owned(), CARD, key.clone());
    let mut claims = claims_of(&challenge);
    claims["iss"] = json!("did:web:other.example");
    let (key_id, secret) = (other.shop.key_id(), &other.shop.key);
    let turned = jws::sign("legation-challenge+jwt", &key_id, claims.to_string().as_bytes(), secret).unwrap();
    let made = answer(&world, &turned, |said| said.audience = "did:web:other.example".to_owned());
    assert_eq!(other.code(&made, NOW), "nonce_mismatch");
    let mut trust = world.trust.clone();
    trust.audience = "did:web:other.example".to_owned();
    assert_eq!(asked.open(&honest, &trust, NOW).unwrap_err().code.as_str(), "audience_mismatch");
}

#[test]
fn an_agent_is_not_shown_its_own_hello() {
    let world = World::new();
    let begun = begin(world.shop.did.clone()).unwrap();
    let refused = world.callee.challenge(begun.hello(), &world.shop.key_id(), &world.shop.key, NOW);
    assert_eq!(refused.unwrap_err().code(), "holder_mismatch");
}

#[test]
fn ten_thousand_half_open_handshakes_take_no_memory_and_no_place() {
    let mut world = World::new();
    // The ledger could hold one nonce: a hello takes none.
    world.ledger =
        MemoryLedger::with_limits(LedgerLimits { nonces: 1, nonces_per_key: 1, ..LedgerLimits::default() });
    let first = world.answered();
    let size = size_of_val(&world.callee);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10_000 {
        assert!(seen.insert(nonce_of(&world.challenge(world.begin().hello(), NOW))), "a nonce twice");
    }
    assert_eq!(size, size_of_val(&world.callee));
    assert_eq!(world.code(first.message(), NOW), "valid");
    // When the memory of nonces is full, whoever comes is refused and nobody is forgotten.
    let second = world.answered();
    assert_eq!(world.code(second.message(), NOW), "nonce_memory_full");
    assert_eq!(world.code(first.message(), NOW), "nonce_replayed");
}

#[test]
fn an_answer_cut_short_or_changed_anywhere_is_refused() {
    let mut world = World::new();
    let honest = world.answered().message().clone();
    let text = Message::Presentation(honest.clone()).to_json().to_string();
    let mut read = |text: &[u8]| match Message::parse(text, 1 << 20) {
        Ok(Message::Presentation(answer)) => world.code(&answer, NOW),
        Ok(_) => "another message",
        Err(denial) => denial.code.as_str(),
    };
    for at in (0..text.len()).step_by(3) {
        assert_ne!(read(&text.as_bytes()[..at]), "valid", "cut at {at}");
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_ne!(read(&changed), "valid", "changed at {at}");
    }
    assert_eq!(read(text.as_bytes()), "valid");
}

#[test]
fn a_message_that_is_none_is_told_what_is_wrong() {
    let nonce = "7dZpVbCkP4y0vN1mQx9rTg";
    let hello = |nonce: &str| format!(r#"{{"type":"hello","caller":"did:web:a.example","nonce":"{nonce}"}}"#);
    for (text, wanted) in [
        (hello(nonce), "hello"),
        (hello(&"n".repeat(128)), "hello"),
        (hello(&"n".repeat(129)), "malformed"),
        (hello("short"), "malformed"),
        (hello(""), "malformed"),
        (r#"{"type":"hello","caller":"a.example","nonce":"7dZpVbCkP4y0vN1mQx9rTg"}"#.to_owned(), "malformed"),
        (r#"{"type":"hello","caller":"did:web:a.example"}"#.to_owned(), "malformed"),
        (hello(nonce).replace('}', r#","more":1}"#), "unknown_member"),
        (hello(nonce).replace('}', r#","nonce":"x"}"#), "duplicate_member"),
        (hello(nonce).replace("hello", "Hello"), "malformed"),
        (r#"{"type":"challenge","challenge":"a.b.c"}"#.to_owned(), "challenge"),
        (r#"{"type":"receipt","receipt":"a.b.c"}"#.to_owned(), "receipt"),
        (r#"{"type":"presentation","challenge":"a.b.c"}"#.to_owned(), "malformed"),
        (r#"{"type":"presentation","challenge":["a"],"presentation":"b"}"#.to_owned(), "malformed"),
        (r#"{"challenge":"a.b.c"}"#.to_owned(), "malformed"),
        ("[]".to_owned(), "malformed"),
        ("null".to_owned(), "malformed"),
        (String::new(), "malformed"),
        ("[".repeat(900), "json_too_deep"),
        (format!("{}{}", hello(nonce), hello(nonce)), "malformed"),
        (" ".repeat(1001), "input_too_large"),
    ] {
        let read = Message::parse(text.as_bytes(), 1000);
        let found = read.map_or_else(|denial| denial.code.as_str(), |message| message.kind());
        assert_eq!(found, wanted, "{text}");
    }
    let huge = vec![b' '; 100 << 20];
    assert_eq!(Message::parse(&huge, 1 << 20).unwrap_err().code.as_str(), "input_too_large");
}

proptest::proptest! {
    #[test]
    fn what_is_written_is_read(nonce in "[A-Za-z0-9_-]{22,128}", text in "[ -~]{0,60}") {
        let hello = legation_handshake::Hello { caller: "did:web:a.example".parse().unwrap(), nonce };
        for message in [
            Message::Hello(hello),
            Message::Challenge(text.clone()),
            Message::Receipt(text.clone()),
            Message::Presentation(Answer { challenge: text.clone(), presentation: text.clone() }),
        ] {
            let written = message.to_json().to_string();
            proptest::prop_assert_eq!(Message::parse(written.as_bytes(), 10_000), Ok(message));
        }
    }

    #[test]
    fn no_bytes_make_a_side_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), text in ".{0,200}") {
        let _ = Message::parse(&bytes, 1000);
        let world = World::new();
        let answer = Answer { challenge: text.clone(), presentation: text.clone() };
        proptest::prop_assert!(world.callee.open(&answer, &world.trust, NOW).is_err());
        proptest::prop_assert!(world.begin().receive(&text, world.peer(), 60, NOW).is_err());
    }
}

#[test]
fn the_shops_key_is_its_own() {
    // Otherwise a challenge of another shop would pass for this one's.
    let (one, two) = (World::new(), World::new());
    assert_ne!(one.shop.key.public_key(), two.shop.key.public_key());
}
