//! Logs of strangers: what is too large, what two readers would read differently, what a key may not do.
#![allow(clippy::unwrap_used)] // a test's helpers may stop it

use legation_did::Did;
use legation_keys::{Algorithm, SecretKey, Signer};
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
        ("{\"versionId\"", "{\"note\":1,\"versionId\""),
        ("\"parameters\":{", "\"parameters\":{\"note\":[],"),
        ("\"parameters\":{", "\"parameters\":{\"deactivate\":true,"),
        ("\"state\":{", "\"state\":{\"note\":null,"),
    ] {
        for line in 0..2 {
            let place = log.match_indices(before).nth(line).unwrap().0;
            let (head, tail) = log.split_at(place);
            let forged = format!("{head}{}", tail.replacen(before, added, 1)).replace(",}", "}");
            assert_eq!(code(&made.did, forged.as_bytes()), "log_invalid", "{added} in line {line}");
        }
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
