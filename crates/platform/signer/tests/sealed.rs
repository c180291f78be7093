//! What is sealed opens in its place, by its master key, unchanged, and nowhere else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use legation_keys::Algorithm;
use legation_signer::{Door, Master, MasterError, OpenError, Place, SealedKey};
use std::{collections::BTreeSet, fs, path::Path};

const ORIGIN: &str = "https://api.example";

fn master(folder: &Path, name: &str) -> Master {
    Master::create(&folder.join(name)).unwrap()
}

#[test]
fn a_key_of_another_organization_or_key_id_does_not_sign() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let made = signer.generate(ACME, "k-1", Algorithm::EdDsa).unwrap();
    let other = signer.generate(ACME, "k-2", Algorithm::EdDsa).unwrap();
    let acme = did("did:web:acme.example");
    let receipt = r#"{"type":"LegationReceipt","verifier":"did:web:acme.example"}"#;
    for (organization, key_id, sealed, code) in [
        (ACME, "k-1", &made.sealed, "(none)"),
        (ACME, "k-2", &made.sealed, "sealed_mismatch"),
        ("globex", "k-1", &made.sealed, "sealed_mismatch"),
        (ACME, "k-1", &other.sealed, "sealed_mismatch"),
        // The same letters, otherwise divided.
        ("acm", "ek-1", &made.sealed, "sealed_mismatch"),
        ("acme 3:k-1", "k-1", &made.sealed, "sealed_mismatch"),
    ] {
        let key = SealedKey { organization, key_id, sealed };
        let delegated = signer.delegate(key, &acme, &[], &terms(&acme, 0));
        assert_eq!(delegated.as_ref().err().map_or("(none)", |error| error.code()), code, "{key_id}");
        let receipted = signer.receipt(key, receipt);
        assert_eq!(receipted.as_ref().err().map_or("(none)", |error| error.code()), code, "{key_id}");
    }
}

#[test]
fn a_key_is_no_secret_and_a_secret_no_key() {
    let running = Running::start();
    let (mut registry, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    let made = registry.generate(ACME, "k", Algorithm::EdDsa).unwrap();
    // Otherwise a gateway could have a private key opened as a secret.
    assert_eq!(gateway.open_secret(ACME, "k", ORIGIN, &made.sealed).unwrap_err().code(), "sealed_mismatch");
    let secret = registry.seal_secret(ACME, "k", ORIGIN, r#"{"kty":"OKP"}"#).unwrap();
    let key = SealedKey { organization: ACME, key_id: "k", sealed: &secret };
    let receipt = r#"{"type":"LegationReceipt","verifier":"did:web:acme.example"}"#;
    assert_eq!(registry.receipt(key, receipt).unwrap_err().code(), "sealed_mismatch");
}

#[test]
fn a_secret_goes_to_its_own_origin_only() {
    let running = Running::start();
    let (mut registry, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    let sealed = registry.seal_secret(ACME, "crm", ORIGIN, "hunter2").unwrap();
    for (organization, name, origin) in [
        (ACME, "crm", "https://evil.example"),
        (ACME, "crm", "http://api.example"),
        (ACME, "crm", "https://api.example:8443"),
        (ACME, "erp", ORIGIN),
        ("globex", "crm", ORIGIN),
    ] {
        let refused = gateway.open_secret(organization, name, origin, &sealed).unwrap_err();
        assert_eq!(refused.code(), "sealed_mismatch", "{organization} {name} {origin}");
    }
    assert_eq!(gateway.open_secret(ACME, "crm", ORIGIN, &sealed).unwrap().as_str(), "hunter2");
}

#[test]
fn one_bit_or_byte_that_is_not_as_it_was_sealed_is_found() {
    let folder = folder();
    let master = master(folder.path(), "master");
    let place = Place::Key { organization: ACME, key_id: "k" };
    let sealed = master.seal(place, b"hunter2").unwrap();
    assert_eq!(sealed.len(), 7 + 29);
    assert_eq!(master.open(place, &sealed).unwrap().as_slice(), b"hunter2");
    for bit in 0..sealed.len() * 8 {
        let mut bent = sealed.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit < 8 { OpenError::Version { found: bent[0] } } else { OpenError::Mismatch };
        assert_eq!(master.open(place, &bent).unwrap_err(), expected, "bit {bit}");
    }
    for length in 0..sealed.len() {
        let expected = if length < 29 { OpenError::TooShort { found: length } } else { OpenError::Mismatch };
        assert_eq!(master.open(place, &sealed[..length]).unwrap_err(), expected, "{length} bytes");
    }
    assert_eq!(master.open(place, &[&sealed[..], b"x"].concat()).unwrap_err(), OpenError::Mismatch);
}

#[test]
fn the_same_is_sealed_otherwise_each_time_and_opens_after_a_restart() {
    let folder = folder();
    let first = master(folder.path(), "master");
    let place = Place::Secret { organization: ACME, name: "n", origin: ORIGIN };
    let sealed: BTreeSet<Vec<u8>> = (0..100).map(|_| first.seal(place, b"same").unwrap()).collect();
    let nonces: BTreeSet<&[u8]> = sealed.iter().map(|one| &one[1..13]).collect();
    assert_eq!((sealed.len(), nonces.len()), (100, 100));
    let again = Master::load(&folder.path().join("master")).unwrap();
    let other = master(folder.path(), "other");
    for one in &sealed {
        assert_eq!(again.open(place, one).unwrap().as_slice(), b"same");
        assert_eq!(other.open(place, one).unwrap_err(), OpenError::Mismatch);
    }
    assert!(first.open(place, &first.seal(place, b"").unwrap()).unwrap().is_empty());
}

#[test]
fn no_two_places_are_one() {
    let folder = folder();
    let master = master(folder.path(), "master");
    let places = [
        Place::Key { organization: "a", key_id: "b" },
        Place::Key { organization: "b", key_id: "a" },
        Place::Key { organization: "ab", key_id: "" },
        Place::Key { organization: "", key_id: "ab" },
        Place::Key { organization: "a 1:b", key_id: "" },
        Place::Key { organization: "a", key_id: "b 1:c" },
        Place::Secret { organization: "a", name: "b", origin: "c" },
        Place::Secret { organization: "a", name: "bc", origin: "" },
        Place::Secret { organization: "a", name: "b 1:c", origin: "" },
        Place::Secret { organization: "a 1:b", name: "c", origin: "" },
    ];
    for (sealed_in, one) in places.iter().enumerate() {
        let sealed = master.seal(*one, b"x").unwrap();
        for (opened_in, other) in places.iter().enumerate() {
            assert_eq!(master.open(*other, &sealed).is_ok(), sealed_in == opened_in, "{one:?} {other:?}");
        }
    }
}

#[test]
fn a_master_key_that_others_can_reach_or_that_is_none_is_refused() {
    let folder = folder();
    let path = folder.path().join("master");
    master(folder.path(), "master");
    assert_eq!(mode(&path), 0o600);
    assert!(Master::load(&path).is_ok());
    for bad in [0o640, 0o604, 0o620, 0o666] {
        set_mode(&path, bad);
        let refused = Master::load(&path).unwrap_err();
        assert_eq!(refused, MasterError::OpenToOthers { path: path.clone(), mode: bad });
        assert!(refused.to_string().contains(&format!("{bad:o}")), "{refused}");
    }
    set_mode(&path, 0o600);
    let line = fs::read_to_string(&path).unwrap();
    let exists = Master::create(&path).unwrap_err();
    assert_eq!((exists.code(), fs::read_to_string(&path).unwrap()), ("master_exists", line.clone()));
    let bare = line.trim_end().to_owned();
    let tail = bare.get(1..).unwrap();
    for (text, is_good) in [
        (bare.clone(), true),
        (format!("{bare}\r\n"), true),
        (format!("{bare}\n\n"), false),
        (format!(" {bare}\n"), false),
        (format!("{bare}=\n"), false),
        (tail.to_owned(), false),
        (format!("{bare}{bare}\n"), false),
        (String::new(), false),
        ("\u{e9}".repeat(22), false),
    ] {
        fs::write(&path, &text).unwrap();
        let loaded = Master::load(&path);
        assert_eq!(loaded.is_ok(), is_good, "{text:?}");
        if let Err(refused) = loaded {
            assert_eq!(refused, MasterError::NotAMaster { path: path.clone() });
            assert!(text.is_empty() || !format!("{refused} {refused:?}").contains(tail));
        }
    }
    assert_eq!(Master::load(&folder.path().join("none")).unwrap_err().code(), "master_not_opened");
    assert_eq!(Master::load(folder.path()).unwrap_err().code(), "master_malformed");
    let missing = folder.path().join("no/such/folder");
    assert_eq!(Master::create(&missing).unwrap_err().code(), "master_not_written");
}
