//! Logs as organizations keep them, with the next key named by its hash in each entry: by the rules of `didwebvh-rs` they
//! are what `legation-webvh-entry` says they are, and what that refuses is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use legation_did::{Did, web};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_webvh::{At, verify};
use legation_webvh_entry::{New, Parameters, begin, check, go_on, unnamed};

const START: i64 = 1_760_000_000;

fn key() -> SecretKey {
    SecretKey::generate(Algorithm::EdDsa).unwrap()
}

fn says(own: &SecretKey, next: &SecretKey) -> Parameters {
    Parameters {
        update_keys: Some(vec![own.public_key().to_multikey()]),
        next_keys: Some(vec![next.public_key().to_multikey()]),
        deactivated: false,
    }
}

fn document() -> String {
    let own = unnamed(&web::did("acme.example").unwrap()).unwrap();
    let mut document = web::document(&own, &[key().public_key().clone()]);
    document.add_also_known_as("did:web:acme.example".to_owned());
    document.to_json().to_string()
}

/// A log of so many versions, a minute between them, and the keys that signed them and will sign the next one.
fn log(versions: usize) -> (Did, Vec<String>, Vec<SecretKey>) {
    let keys: Vec<SecretKey> = (0..=versions).map(|_| key()).collect();
    let parameters = says(&keys[0], &keys[1]);
    let begun = begin(&document(), New { time: START, parameters: &parameters, key: &keys[0] }).unwrap();
    let mut lines = vec![begun.line];
    for number in 1..versions {
        let line = next(&begun.did, &lines, &keys[number], &says(&keys[number], &keys[number + 1]));
        lines.push(line);
    }
    (begun.did, lines, keys)
}

fn next(did: &Did, lines: &[String], key: &SecretKey, parameters: &Parameters) -> String {
    let before = check(did, lines.iter().map(String::as_str)).unwrap().pop().unwrap();
    let new = New { time: before.time + 60, parameters, key };
    go_on(did, &before.version_id, &document(), new).unwrap()
}

/// What both say of it: valid or not.
fn both(did: &Did, lines: &[String]) -> (bool, bool) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let theirs = verify(did, text.as_bytes(), None, &At::Latest);
    (check(did, lines.iter().map(String::as_str)).is_ok(), theirs.is_ok())
}

#[test]
fn a_log_of_ours_is_one_by_the_rules_of_others_and_has_the_same_versions() {
    let (did, lines, _) = log(5);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let versions = check(&did, lines.iter().map(String::as_str)).unwrap();
    for (number, version) in versions.iter().enumerate() {
        assert_eq!(both(&did, &lines[..=number]), (true, true), "each part of it is one");
        let at = At::Time(START + 60 * i64::try_from(number).unwrap() + 59);
        let theirs = verify(&did, text.as_bytes(), None, &at).unwrap();
        assert_eq!((&theirs.version_id, theirs.version_time), (&version.version_id, version.time));
        assert_eq!(theirs.document["id"], did.as_str());
        let ours: serde_json::Value = serde_json::from_str(&version.document).unwrap();
        assert_eq!(ours["verificationMethod"], theirs.document["verificationMethod"]);
    }
}

#[test]
fn what_breaks_a_rule_is_refused_by_both() {
    let (did, lines, keys) = log(4);
    let (other, foreign, _) = log(4);
    let refused = |lines: Vec<String>, why: &str| assert_eq!(both(&did, &lines), (false, false), "{why}");
    let with = |line: String| [lines.clone(), vec![line]].concat();
    let mallory = key();
    refused(with(next(&did, &lines, &mallory, &says(&mallory, &key()))), "a key that was not named");
    refused(with(next(&did, &lines, &keys[3], &says(&keys[3], &key()))), "a key that has signed before");
    refused(with(next(&did, &lines, &mallory, &says(&keys[4], &key()))), "another key than it says");
    refused(vec![lines[0].clone(), lines[2].clone()], "one is missing");
    refused(vec![lines[1].clone(), lines[0].clone()], "another order");
    refused(lines[1..].to_vec(), "without the first");
    refused(with(lines[3].clone()), "the last one twice");
    refused(foreign.clone(), "the log of another DID");
    refused([lines[..2].to_vec(), foreign[2..].to_vec()].concat(), "entries of another log");
    assert_eq!(both(&other, &foreign), (true, true));
    let before = check(&did, lines.iter().map(String::as_str)).unwrap().pop().unwrap();
    for time in [before.time, before.time - 1] {
        let parameters = says(&keys[4], &mallory);
        let new = New { time, parameters: &parameters, key: &keys[4] };
        refused(with(go_on(&did, &before.version_id, &document(), new).unwrap()), "not after the one before");
    }
    // What we never write we do not take for ours, whatever the method allows.
    let stops = Parameters { next_keys: Some(Vec::new()), ..says(&keys[4], &mallory) };
    assert_eq!(both(&did, &with(next(&did, &lines, &keys[4], &stops))), (false, true));
    assert!(check(&did, []).is_err());
}

/// Whatever letter is changed, both refuse it.
#[test]
fn no_letter_of_it_can_be_changed() {
    let (did, lines, _) = log(2);
    for (line, text) in lines.iter().enumerate() {
        for (at, letter) in text.bytes().enumerate().step_by(7) {
            if !letter.is_ascii_alphanumeric() {
                continue;
            }
            let mut bent = lines.clone();
            bent[line].replace_range(at..=at, if letter == b'a' { "b" } else { "a" });
            assert_eq!(both(&did, &bent), (false, false), "{at} of {}", bent[line]);
        }
    }
}

#[test]
fn what_can_not_be_an_entry_is_not_written() {
    let (did, lines, keys) = log(1);
    let parameters = says(&keys[1], &key());
    let new = || New { time: START + 60, parameters: &parameters, key: &keys[1] };
    let code = |done: Result<String, legation_webvh_entry::EntryError>| {
        done.map_err(|error| error.code()).unwrap_err()
    };
    let before = check(&did, lines.iter().map(String::as_str)).unwrap().pop().unwrap().version_id;
    for odd in
        ["", "1", "1-", "01-", "0-", "1-Qm", &before.replacen('1', "01", 1), &before.replacen('1', "+1", 1)]
    {
        assert_eq!(code(go_on(&did, odd, &document(), new())), "malformed", "{odd}");
    }
    let other = document().replace("acme.example", "mallory.example");
    assert_eq!(code(go_on(&did, &before, &other, new())), "issuer_mismatch");
    assert_eq!(code(go_on(&did, &before, "{\"id\":1,\"id\":2}", new())), "duplicate_member");
    let foreign = begin(r#"{"id":"did:web:acme.example"}"#, new()).map(|begun| begun.line);
    assert_eq!(code(foreign), "issuer_mismatch");
    let p256 = SecretKey::generate(Algorithm::Es256).unwrap();
    let by_p256 = go_on(&did, &before, &document(), New { key: &p256, ..new() });
    assert_eq!(code(by_p256), "algorithm_not_allowed");
}
