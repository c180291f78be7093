//! Revocation is for good, suspension for a while, and a list never loses a bit.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;

const REVOKED: &str = "https://acme.example/status/1";
const SUSPENDED: &str = "https://acme.example/status/2";
const VERIFY: &str =
    "verify p.jwt --principal did:web:acme.example --audience shop --nonce n --did-documents site";

/// A delegation that can be revoked and suspended, presented.
fn acme(play: &Play) {
    let agent = {
        play.key("acme.key");
        play.key("agent.key")
    };
    play.json("did create web acme.example --key acme.key --out site");
    let publish = "status publish --key acme.key --issuer did:web:acme.example";
    play.json(&format!("{publish} --url {REVOKED} --out site/status/1"));
    play.json(&format!("{publish} --url {SUSPENDED} --purpose suspension --out site/status/2"));
    play.json(&format!(
        "delegate --key acme.key --issuer did:web:acme.example --to {agent} --action a:b \
         --resource https://shop.example/* --valid-for 1d --status {REVOKED}#5 --suspension {SUSPENDED}#6 --out root.jwt"
    ));
    play.json("present --key agent.key --audience shop --nonce n --out p.jwt root.jwt");
}

fn code(play: &Play) -> Option<String> {
    play.run(&format!("{VERIFY} --json")).json()["code"].as_str().map(str::to_owned)
}

#[test]
fn a_suspension_ends_and_a_revocation_does_not() {
    let play = Play::new();
    acme(&play);
    assert_eq!(code(&play), None);
    play.json("revoke root.jwt --list site/status/2 --key acme.key --suspend");
    assert_eq!(code(&play).as_deref(), Some("link_suspended"));
    play.json("revoke root.jwt --list site/status/2 --key acme.key --reinstate");
    assert_eq!(code(&play), None);
    play.json("revoke root.jwt --list site/status/1 --key acme.key");
    assert_eq!(code(&play).as_deref(), Some("link_revoked"));

    // Signing the list anew keeps what it says.
    play.json(&format!(
        "status publish --key acme.key --issuer did:web:acme.example --url {REVOKED} --out site/status/1"
    ));
    assert_eq!(code(&play).as_deref(), Some("link_revoked"));
}

#[test]
fn a_list_that_does_not_answer_for_the_delegation_is_left_alone() {
    let play = Play::new();
    acme(&play);
    play.key("other.key");
    let publish = "status publish --key acme.key --issuer did:web:acme.example";
    for arguments in [
        // The suspension list has no revocations, and the other way round.
        "revoke root.jwt --list site/status/2 --key acme.key".to_owned(),
        "revoke root.jwt --list site/status/1 --key acme.key --suspend".to_owned(),
        // A list file is not taken over for another URL or purpose.
        format!("{publish} --url https://acme.example/status/9 --out site/status/1"),
        format!("{publish} --url {REVOKED} --purpose suspension --out site/status/1"),
        // Too few or too many entries, an address that is none.
        format!("{publish} --url {REVOKED} --out site/status/3 --entries 9999999999"),
        format!("{publish} --url ftp://acme.example/status/3 --out site/status/3"),
        "revoke acme.key --list site/status/1 --key acme.key".to_owned(),
        "revoke root.jwt --list root.jwt --key acme.key".to_owned(),
    ] {
        let before = (play.read("site/status/1"), play.read("site/status/2"));
        let ran = play.run(&arguments);
        assert!((1..=2).contains(&ran.status), "{arguments}: {ran:?}");
        assert_eq!((play.read("site/status/1"), play.read("site/status/2")), before, "{arguments}");
        assert!(!play.path("site/status/3").exists(), "{arguments}");
    }
}

/// Runs what has to be refused by a code and leave the lists as they are.
fn refused(play: &Play, arguments: &str, code: &str) -> String {
    let lists = || (play.read("site/status/1"), play.read("site/status/2"));
    let before = lists();
    let ran = play.run(&format!("{arguments} --json"));
    assert_eq!((ran.status, ran.json()["error"].as_str()), (1, Some(code)), "{arguments}: {ran:?}");
    assert_eq!(lists(), before, "{arguments}");
    ran.json()["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_list_that_was_changed_without_its_key_is_not_signed_anew() {
    let play = Play::new();
    acme(&play);
    let publish = format!(
        "status publish --key acme.key --issuer did:web:acme.example --url {REVOKED} --out site/status/1"
    );
    let revoke = "revoke root.jwt --list site/status/1 --key acme.key";
    let payload = |list: &str| list.split('.').nth(1).unwrap().to_owned();
    for format in ["jwt", "di-jcs"] {
        play.json(&format!("{publish} --format {format}"));
        let clear = play.read("site/status/1");
        play.json(revoke);
        let set = play.read("site/status/1");
        // Somebody who can write the folder, and has no key, takes the bits of before.
        let forged = if format == "jwt" {
            set.replace(&payload(&set), &payload(&clear))
        } else {
            let mut list: serde_json::Value = serde_json::from_str(&set).unwrap();
            let before: serde_json::Value = serde_json::from_str(&clear).unwrap();
            list["credentialSubject"] = before["credentialSubject"].clone();
            list.to_string()
        };
        play.write("site/status/1", forged);
        for command in [revoke, &publish, &format!("{publish} --did-documents site")] {
            let told = refused(&play, command, "status_invalid");
            assert!(told.contains("`site/status/1`") && told.contains("restore it"), "{told}");
        }
        play.write("site/status/1", set);
        play.json(revoke);
        std::fs::remove_file(play.path("site/status/1")).unwrap();
    }
}

#[test]
fn only_a_key_of_the_issuer_signs_a_list_anew() {
    let play = Play::new();
    acme(&play);
    let other = play.key("other.key");
    let revoke = "revoke root.jwt --list site/status/1 --did-documents site";
    for command in [
        "revoke root.jwt --list site/status/1 --key other.key".to_owned(),
        format!("{revoke} --key other.key"),
        format!(
            "status publish --key other.key --issuer did:web:acme.example --url {REVOKED} --out site/status/1"
        ),
        // The key's own DID, or another issuer, in place of the one that the list has.
        format!("status publish --key acme.key --url {REVOKED} --out site/status/1"),
        format!("status publish --key acme.key --issuer {other} --url {REVOKED} --out site/status/3"),
    ] {
        refused(&play, &command, "issuer_mismatch");
    }
    assert!(!play.path("site/status/3").exists());

    // While keys are rotated the document names both, and either signs what the other signed.
    play.key("next.key");
    play.json("did create web acme.example --key acme.key --key next.key --out site --force");
    refused(&play, "revoke root.jwt --list site/status/1 --key next.key", "issuer_mismatch");
    play.json(&format!("{revoke} --key next.key"));
    assert_eq!(code(&play).as_deref(), Some("link_revoked"));
    play.json(&format!("{revoke} --key acme.key"));
    play.json(&format!("{revoke} --key next.key"));
    play.json("did create web acme.example --key next.key --out site --force");
    refused(&play, &format!("{revoke} --key acme.key"), "issuer_mismatch");
    // The list goes on with the new key. That the delegation was signed by the old one is only told.
    let told = play.json(&format!("{revoke} --key next.key"));
    assert!(told["warnings"][0].as_str().unwrap().contains("which signed `root.jwt`"), "{told}");
}

#[test]
fn a_delegation_is_held_against_the_list_before_its_bit_is_set() {
    let play = Play::new();
    acme(&play);
    let mallory = play.key("mallory.key");
    play.json(&format!(
        "delegate --key mallory.key --to did:web:friend.example --action a:b --resource https://shop.example/* --valid-for 1d \
         --status {REVOKED}#5 --suspension {SUSPENDED}#6 --out mallory.jwt"
    ));
    let revoke = "revoke mallory.jwt --list site/status/1 --key acme.key";
    let told = refused(&play, revoke, "issuer_mismatch");
    assert!(told.contains("statusIssuers") && told.contains(&format!("--issuer {mallory}")), "{told}");
    assert_eq!(code(&play), None);

    // With another's index written into it a delegation is what nobody signed.
    let root = play.read("root.jwt");
    let parts: Vec<&str> = root.split('.').collect();
    let mut claims: serde_json::Value =
        serde_json::from_slice(&legation_keys::base64url::decode(parts[1]).unwrap()).unwrap();
    claims["credentialStatus"][0]["statusListIndex"] = "7".into();
    let forged = legation_keys::base64url::encode(claims.to_string().as_bytes());
    play.write("forged.jwt", [parts[0], &forged, parts[2]].join("."));
    refused(&play, "revoke forged.jwt --list site/status/1 --key acme.key", "signature_invalid");

    // Whose lists are taken for another's.
    play.json(&format!("{revoke} --issuer {mallory}"));
    assert_eq!(code(&play).as_deref(), Some("link_revoked"));
}

#[test]
fn a_suspension_is_taken_back_for_a_delegation_that_is_known_only() {
    let play = Play::new();
    acme(&play);
    play.json("revoke root.jwt --list site/status/2 --key acme.key --suspend");
    play.key("next.key");
    let next = "--key next.key --issuer did:web:acme.example";
    let agent = play.key("agent2.key");
    play.json(&format!(
        "delegate {next} --to {agent} --action a:b --resource https://shop.example/* --valid-for 1d \
         --suspension {SUSPENDED}#6 --out other.jwt"
    ));
    let reinstate = "revoke other.jwt --list site/status/2 --key acme.key --reinstate";
    refused(&play, reinstate, "key_not_found");
    assert_eq!(code(&play).as_deref(), Some("link_suspended"));
    play.json("did create web acme.example --key acme.key --key next.key --out site --force");
    play.json(&format!("{reinstate} --did-documents site"));
}

#[test]
fn a_list_stays_secured_as_it_was() {
    let play = Play::new();
    acme(&play);
    let publish = format!(
        "status publish --key acme.key --issuer did:web:acme.example --url {REVOKED} --out site/status/1"
    );
    let is_document = || play.read("site/status/1").starts_with('{');
    let bits = || {
        let list: serde_json::Value = serde_json::from_str(&play.read("site/status/1")).unwrap();
        list["credentialSubject"]["encodedList"].as_str().unwrap().to_owned()
    };
    assert!(!is_document());
    play.json(&format!("{publish} --format di-jcs"));
    let clear = bits();
    assert_eq!(code(&play), None);
    play.json(&publish);
    play.json("revoke root.jwt --list site/status/1 --key acme.key");
    assert_eq!(code(&play).as_deref(), Some("link_revoked"));

    // Whoever serves the list takes the bit back, and the signature with it.
    let signed = play.read("site/status/1");
    play.write("site/status/1", signed.replace(&bits(), &clear));
    assert_eq!(code(&play).as_deref(), Some("status_invalid"));
    play.write("site/status/1", signed);

    play.json(&format!("{publish} --format jwt"));
    assert!(!is_document());
    assert_eq!(code(&play).as_deref(), Some("link_revoked"));

    play.run("key generate --alg p256 --out p256.key --insecure-plaintext");
    let refused =
        play.run("status publish --key p256.key --url https://p.example/status/1 --format di-jcs --out p");
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.stderr.contains("Ed25519") && refused.stderr.contains("`--format jwt`"), "{refused:?}");
}

#[test]
fn that_proofs_of_others_are_lost_is_said() {
    let play = Play::new();
    acme(&play);
    let publish = format!(
        "status publish --key acme.key --issuer did:web:acme.example --url {REVOKED} --out site/status/1"
    );
    let once = play.json(&format!("{publish} --format di-jcs"));
    assert!(once.get("warnings").is_none(), "{once}");
    let two_proofs = || {
        let mut list: serde_json::Value = serde_json::from_str(&play.read("site/status/1")).unwrap();
        list["proof"] = serde_json::json!([list["proof"], list["proof"]]);
        play.write("site/status/1", list.to_string());
    };
    for command in [&publish, "revoke root.jwt --list site/status/1 --key acme.key"] {
        two_proofs();
        let ran = play.run(command);
        assert!(ran.status == 0 && ran.stderr.contains("note: the 2 proofs of before are gone"), "{ran:?}");
        assert_eq!(play.run(command).stderr, "", "one is replaced by one");
    }
    two_proofs();
    assert!(play.json(&publish)["warnings"][0].as_str().unwrap().starts_with("the 2 proofs"));
}
