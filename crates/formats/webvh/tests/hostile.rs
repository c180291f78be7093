//! Logs of strangers: what is too large, what two readers would read differently, what a key may not do.
#![allow(clippy::unwrap_used)] // a test's helpers may stop it

use legation_did::Did;
use legation_keys::{
    Algorithm, SecretKey, Signer,
    data_integrity::{self, ProofOptions},
    jcs,
    json::{self, JsonLimits},
};
use legation_webvh::{At, Content, Created, MAX_ENTRIES, MAX_LOG_BYTES, create, deactivate, update, verify};

const START: i64 = 1_790_000_000;

fn key() -> SecretKey {
    SecretKey::generate(Algorithm::EdDsa).unwrap()
}

fn made(update_key: &SecretKey) -> Created {
    create("acme.example", &Content::new(&[key().public_key().clone()]), update_key, START).unwrap()
}

fn code(did: &Did, log: &[u8]) -> &'static str {
    verify(did, log, None, &At::Latest).map_or_else(|error| error.code(), |_| "valid")
}

#[test]
fn a_log_is_bounded_before_it_is_read() {
    let made = made(&key());
    let line = made.log.trim_end();
    assert_eq!(code(&made.did, made.log.as_bytes()), "valid");
    assert_eq!(code(&made.did, &vec![b' '; MAX_LOG_BYTES + 1]), "input_too_large");
    assert_eq!(code(&made.did, "{}\n".repeat(MAX_ENTRIES + 1).as_bytes()), "input_too_large");
    let long = line.replacen('{', &format!("{{{}", " ".repeat(90_000)), 1);
    assert_eq!(code(&made.did, long.as_bytes()), "input_too_large");
    let deep = line.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(40), "]".repeat(40)), 1);
    assert_eq!(code(&made.did, deep.as_bytes()), "json_too_deep");
    assert_eq!(code(&made.did, &[0xff, 0xfe]), "log_invalid");
}

#[test]
fn what_two_readers_would_read_differently_is_refused() {
    let made = made(&key());
    let twice = made.log.replacen("\"state\":{", "\"state\":{\"id\":\"did:example:mallory\",", 1);
    assert_eq!(code(&made.did, twice.as_bytes()), "duplicate_member");
    let escaped = made.log.replacen(
        "\"versionTime\":",
        "\"version\\u0054ime\":\"2000-01-01T00:00:00Z\",\"versionTime\":",
        1,
    );
    assert_eq!(code(&made.did, escaped.as_bytes()), "duplicate_member");
}

/// Each byte of an entry is covered by its hash or its proof.
#[test]
fn no_byte_of_a_log_can_be_changed() {
    let update_key = key();
    let made = made(&update_key);
    let log =
        update(&made.did, &made.log, &Content::new(&[key().public_key().clone()]), &update_key, START + 60)
            .unwrap();
    let mut changed_to_the_same = Vec::new();
    for at in 0..log.trim_end().len() {
        let mut bytes = log.clone().into_bytes();
        // Another letter or digit, so that the text stays JSON wherever it can.
        bytes[at] = match bytes[at] {
            b'a' => b'b',
            byte if byte.is_ascii_alphanumeric() => b'a',
            _ => continue,
        };
        if code(&made.did, &bytes) == "valid" {
            changed_to_the_same.push(at);
        }
    }
    assert!(changed_to_the_same.is_empty(), "bytes {changed_to_the_same:?} of {log}");
}

/// What the library does not know it does not hash either.
#[test]
fn nothing_can_be_added_to_an_entry() {
    let update_key = key();
    let made = made(&update_key);
    let log =
        update(&made.did, &made.log, &Content::new(&[key().public_key().clone()]), &update_key, START + 60)
            .unwrap();
    assert_eq!(code(&made.did, log.as_bytes()), "valid");
    for (before, added) in [
        ("{\"parameters\"", "{\"note\":1,\"parameters\""),
        ("\"parameters\":{", "\"parameters\":{\"note\":[],"),
        ("\"parameters\":{", "\"parameters\":{\"deactivate\":true,"),
        ("\"state\":{", "\"state\":{\"note\":null,"),
        ("\"proof\":[{", "\"proof\":[{\"note\":1,"),
        ("\"proof\":[{", "\"proof\":[{\"id\":\"urn:uuid:1\","),
        ("\"proof\":[{", "\"proof\":[{\"nonce\":\"1\","),
        ("\"proof\":[{", "\"proof\":[{\"domain\":\"a.example\","),
        ("\"proof\":[{", "\"proof\":[{\"previousProof\":[],"),
        ("\"proof\":[{", "\"proof\":[{\"expires\":\"2020-01-01T00:00:00Z\","),
        ("\"proof\":[{", "\"proof\":[{\"expires\":\"2999-01-01T00:00:00Z\","),
    ] {
        for line in 0..2 {
            let place = log.match_indices(before).nth(line).unwrap().0;
            let (head, tail) = log.split_at(place);
            let forged = format!("{head}{}", tail.replacen(before, added, 1)).replace(",}", "}");
            assert_eq!(code(&made.did, forged.as_bytes()), "log_invalid", "{added} in line {line}");
        }
    }
}

/// A log of one entry with one proof more, made by a key or out of the first.
fn with_second_proof(log: &str, second: impl Fn(&json::Object<'_>) -> String) -> String {
    let entry = json::parse(log.trim_end().as_bytes(), JsonLimits { bytes: 1 << 16, depth: 16 }).unwrap();
    second(entry.as_object().unwrap())
}

/// did:webvh has one proof in mind and its schema several. Each is by a key that may sign the entry, or the log is none.
#[test]
fn each_further_proof_is_one_of_the_update_key() {
    let update_key = key();
    let made = made(&update_key);
    let signed = |key: &SecretKey, purpose: &str, expires: Option<i64>| {
        let own = legation_did::key::did(key.public_key());
        let method = legation_did::key::method_id(&own);
        with_second_proof(&made.log, |entry| {
            let options =
                ProofOptions { verification_method: &method, purpose, expires, ..ProofOptions::default() };
            data_integrity::add(entry, options, key).unwrap()
        })
    };
    let told = |log: &str| code(&made.did, log.as_bytes());
    assert_eq!(told(&signed(&update_key, "assertionMethod", None)), "valid");
    assert_eq!(told(&signed(&key(), "assertionMethod", None)), "log_invalid", "another's key");
    assert_eq!(told(&signed(&update_key, "authentication", None)), "log_invalid");
    assert_eq!(told(&signed(&update_key, "assertionMethod", Some(START + 60))), "log_invalid");
    assert_eq!(told(&signed(&update_key, "assertionMethod", Some(START * 4))), "log_invalid");
    // What was signed is another entry, or nothing at all.
    let good = signed(&update_key, "assertionMethod", None);
    for change in [
        (
            "\"proofPurpose\":\"assertionMethod\"",
            "\"domain\":\"a.example\",\"proofPurpose\":\"assertionMethod\"",
        ),
        ("eddsa-jcs-2022", "eddsa-rdfc-2022"),
        ("DataIntegrityProof", "Ed25519Signature2020"),
        ("\"proofValue\":\"z", "\"proofValue\":\"z1"),
        ("did:key:", "did:example:"),
    ] {
        let place = good.rfind(change.0).unwrap();
        let (head, tail) = good.split_at(place);
        assert_eq!(
            told(&format!("{head}{}", tail.replacen(change.0, change.1, 1))),
            "log_invalid",
            "{change:?}"
        );
    }
    for odd in ["{}", "7", "null", "[]"] {
        let log = with_second_proof(&made.log, |entry| {
            let text = jcs::canonicalize(&json::Json::Object(entry.clone()));
            text.replacen("}],\"state\"", &format!("}},{odd}],\"state\""), 1)
        });
        assert_ne!(log, made.log);
        assert!(["log_invalid", "malformed"].contains(&told(&log)), "{odd}");
    }
}

#[test]
fn only_the_update_key_writes_and_nothing_follows_the_end() {
    let (first, next) = (key(), key());
    let made = made(&first);
    let content = || Content::new(&[key().public_key().clone()]);
    let refused = |log: &str, by: &SecretKey, at: i64| {
        update(&made.did, log, &content(), by, at).map_or_else(|error| error.code(), |_| "written")
    };
    assert_eq!(refused(&made.log, &next, START + 60), "update_key_mismatch");
    assert_eq!(refused(&made.log, &first, START), "not_after_last");
    assert_eq!(
        refused(&made.log, &SecretKey::generate(Algorithm::Es256).unwrap(), START + 60),
        "update_key_mismatch"
    );

    let mut handed_over = content();
    handed_over.next_update_key = Some(next.public_key().clone());
    let log = update(&made.did, &made.log, &handed_over, &first, START + 60).unwrap();
    assert_eq!(refused(&log, &first, START + 120), "update_key_mismatch");
    assert_eq!(refused(&log, &next, START + 120), "written");

    let ended = deactivate(&made.did, &log, &next, START + 180).unwrap();
    assert_eq!(refused(&ended, &next, START + 240), "update_refused");
    let latest = verify(&made.did, ended.as_bytes(), None, &At::Latest).unwrap();
    assert!(latest.is_ended() && latest.deactivated);
    let then = verify(&made.did, ended.as_bytes(), None, &At::Time(START + 60)).unwrap();
    assert!(!then.is_ended() && then.deactivated);
    // What is written after the end, by whoever holds the keys, is not believed.
    let after = update(&made.did, &log, &content(), &next, START + 240).unwrap();
    let forged = format!("{}\n{}\n", ended.trim_end(), after.lines().last().unwrap());
    assert_eq!(code(&made.did, forged.as_bytes()), "log_invalid");
}

#[test]
fn an_update_key_is_an_ed25519_key() {
    let p256 = SecretKey::generate(Algorithm::Es256).unwrap();
    let error =
        create("acme.example", &Content::new(&[p256.public_key().clone()]), &p256, START).unwrap_err();
    assert_eq!(error.code(), "algorithm_not_allowed");
    // A document may have such keys.
    assert!(create("acme.example", &Content::new(&[p256.public_key().clone()]), &key(), START).is_ok());
    assert_eq!(create("127.0.0.1", &Content::default(), &key(), START).unwrap_err().code(), "malformed");
}
