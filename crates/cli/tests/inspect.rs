//! `legation inspect` says what a file says, and that nothing of it is verified.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;

/// A principal, an agent and a helper, with a chain of two links and a status list.
fn world() -> (Play, String, String) {
    let play = Play::new();
    let (root, agent, helper) = (play.key("root.key"), play.key("agent.key"), play.key("helper.key"));
    play.json("status publish --key root.key --url https://acme.example/status/1 --out status.jwt");
    play.json(&format!(
        "delegate --key root.key --to {agent} --action pay.* --resource https://shop.example/* --spend 50.00USD \
         --rate 10/60s --audience did:web:shop.example --account sales --status https://acme.example/status/1#7 \
         --valid-for 2d --max-depth 1 --out 1"
    ));
    play.json(&format!(
        "delegate --key agent.key --parent 1 --to {helper} --action pay.order --resource https://shop.example/x --out 2"
    ));
    (play, root, helper)
}

#[test]
fn a_delegation_is_told_in_sentences_and_as_json() {
    let (play, root, _) = world();
    let ran = play.run("inspect 1");
    assert_eq!(ran.status, 0, "{ran:?}");
    for says in [
        "`1` is a delegation,",
        "Nothing of it is verified here",
        &format!("{root} delegates to did:key:"),
        "It is the first link of its chain: its issuer is the principal.",
        "may  pay.* on https://shop.example/*",
        "only if at most 50.00 USD are spent in one action",
        "only if at most 10 actions happen in any 60 s",
        "Z: for another ",
        "It may be passed on, once.",
        "Its totals are counted on the account `sales` of its issuer.",
        "Whether it is revoked stands at index 7 of https://acme.example/status/1.",
        "Its digest, by which a child names it, is ",
    ] {
        assert!(ran.stdout.contains(says), "{says}\n{}", ran.stdout);
    }
    let json = play.json("inspect 1");
    assert_eq!((&json["kind"], &json["verified"]), (&"delegation".into(), &false.into()));
    let digest = json["says"]["digest"].clone();
    assert_eq!(json["says"]["principal"], root.as_str());
    let second = play.json("inspect 2");
    assert_eq!(second["says"]["parent"], digest, "a child names its parent");
    let told = play.run("inspect 2").stdout;
    for says in
        ["It passes on what did:key:", "It may not be passed on.", "It names no list that could revoke it"]
    {
        assert!(told.contains(says), "{says}\n{told}");
    }
}

#[test]
fn a_chain_and_a_presentation_are_told_link_by_link() {
    let (play, _, helper) = world();
    play.write("chain", format!("{}~{}", play.read("1"), play.read("2")));
    let chain = play.json("inspect chain");
    assert_eq!((&chain["kind"], chain["says"]["links"].as_array().unwrap().len()), (&"chain".into(), 2));
    for format in ["jwt", "di-jcs"] {
        play.json(&format!(
            "present --key helper.key --audience did:web:shop.example --nonce n-1 --format {format} --out p --force 1 2"
        ));
        let json = play.json("inspect p");
        let says = &json["says"];
        assert_eq!(json["kind"], "presentation", "{json}");
        assert_eq!((&says["holder"], &says["nonce"]), (&helper.as_str().into(), &"n-1".into()));
        assert_eq!(says["audience"], "did:web:shop.example", "{json}");
        assert_eq!(says["links"].as_array().unwrap().len(), 2);
        assert!(says["expires"].is_string(), "{json}");
        let told = play.run("inspect p").stdout;
        assert!(told.contains("`legation verify` verifies it") && told.contains("Link 1:"), "{told}");
    }
}

#[test]
fn lists_keys_cards_receipts_documents_and_trust_are_told() {
    let (play, root, _) = world();
    play.write("pass.txt", "correct horse battery staple\n");
    play.json("key generate --passphrase-file pass.txt --out sealed.key");
    play.json("did create web acme.example --key root.key --out site");
    play.write(
        "trust.json",
        format!(
            r#"{{"audience":"did:web:shop.example","roots":[{{"did":"{root}","ceiling":"everything"}}]}}"#
        ),
    );
    play.write(
        "card.json",
        r#"{"name":"Pay","description":"Pays.","version":"1","supportedInterfaces":[{"url":"https://pay.example/","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"capabilities":{},"defaultInputModes":["text"],"defaultOutputModes":["text"],"skills":[{"id":"pay","name":"Pay","description":"Pays.","tags":[]}]}"#,
    );
    play.json("card sign card.json --key root.key --did did:web:acme.example --out signed.json");
    play.json("present --key helper.key --audience did:web:shop.example --nonce n-1 --out p 1 2");
    play.run(&format!(
        "verify p --principal {root} --audience did:web:shop.example --nonce n-1 --action pay.order \
         --resource https://shop.example/y --receipt receipt --receipt-key agent.key"
    ));
    for (file, kind, says) in [
        (
            "status.jwt",
            "statusList",
            "publishes the revocation of credentials here, in 131072 entries.\nNo entry is set.",
        ),
        ("root.key", "secretKey", "as a DID it is did:key:"),
        ("sealed.key", "encryptedKey", "It is encrypted by a passphrase"),
        ("site/.well-known/did.json", "didDocument", "It is the document of did:web:acme.example."),
        ("card.json", "card", "It is not signed."),
        ("signed.json", "card", "It says that its DID is did:web:acme.example.\nIt has 2 signatures."),
    ] {
        let ran = play.run(&format!("inspect {file}"));
        assert_eq!(ran.status, 0, "{file}: {ran:?}");
        assert!(ran.stdout.contains(says), "{file}: {}", ran.stdout);
        let json = play.json(&format!("inspect {file}"));
        assert_eq!((&json["kind"], &json["verified"]), (&kind.into(), &false.into()), "{file}");
    }
    let told = play.run("inspect root.key");
    let secret: serde_json::Value = serde_json::from_str(&play.read("root.key")).unwrap();
    let secret = secret["d"].as_str().unwrap();
    assert!(told.stderr.contains("whoever reads this file can sign as this key"), "{told:?}");
    assert!(!told.stdout.contains(secret) && !play.run("inspect root.key --json").stdout.contains(secret));
    let receipt = play.run("inspect receipt");
    assert!(
        receipt.stdout.contains("denied a request") || receipt.stdout.contains("permitted"),
        "{receipt:?}"
    );
    let trust = play.run("inspect trust.json");
    assert!(trust.stdout.contains("trust") || trust.status == 1, "{trust:?}");
}

#[test]
fn what_is_of_no_kind_or_broken_is_told() {
    let (play, _, _) = world();
    play.write("empty", "");
    play.write("bytes", b"\xff\xfe");
    play.write("words", "hello");
    for (file, says) in [
        ("empty", "`empty` is empty"),
        ("bytes", "`bytes` is no text"),
        ("words", "of no kind that is known here"),
        ("https://acme.example/status/1", "is a URL, and a file is expected"),
    ] {
        let ran = play.run(&format!("inspect {file}"));
        assert_eq!((ran.status, ran.stderr.contains(says)), (2, true), "{ran:?}");
    }
    // A delegation with a member twice looks like one, and is none.
    play.write("broken", r#"{"@context":[],"type":["VerifiableCredential","DelegationCredential"]}"#);
    let ran = play.run("inspect broken --json");
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.json()["message"].as_str().unwrap().contains("looks like a delegation"), "{ran:?}");
}
