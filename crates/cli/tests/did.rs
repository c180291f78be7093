//! `legation did create web`: several keys while they are rotated, and services.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;
use serde_json::json;

#[test]
fn a_document_holds_several_keys_and_services() {
    let play = Play::new();
    play.key("old.key");
    play.key("new.key");
    let create = "did create web acme.example/agents/mail --key old.key --key new.key --out site \
                  --service a2a=https://api.example --service a2a=https://b.example/x --service docs=http://localhost:8080/";
    let made = play.json(create);
    let written: serde_json::Value = serde_json::from_str(&play.read("site/agents/mail/did.json")).unwrap();
    assert_eq!(written, made["document"]);
    let did = "did:web:acme.example:agents:mail";
    assert_eq!(made["did"], did);
    let methods = written["verificationMethod"].as_array().unwrap();
    assert_eq!(methods.len(), 2);
    for purpose in ["assertionMethod", "authentication"] {
        assert_eq!(written[purpose], json!([methods[0]["id"], methods[1]["id"]]));
    }
    assert_eq!(
        written["service"],
        json!([
            {"id": format!("{did}#a2a"), "type": "a2a",
             "serviceEndpoint": ["https://api.example/", "https://b.example/x"]},
            {"id": format!("{did}#docs"), "type": "docs", "serviceEndpoint": "http://localhost:8080/"},
        ])
    );
    // The old key is retired.
    let later = play.json("did create web acme.example/agents/mail --key new.key --out site --force");
    assert_eq!(later["document"]["assertionMethod"], json!([methods[1]["id"]]));
    assert_eq!(later["document"].get("service"), None, "what is not given again is gone");
}

#[test]
fn each_key_may_have_a_passphrase_of_its_own() {
    let play = Play::new();
    for name in ["one", "two"] {
        play.write(&format!("{name}.txt"), format!("correct horse battery {name}"));
        play.json(&format!("key generate --out {name}.key --passphrase-file {name}.txt"));
    }
    let create = "did create web a.example --key one.key --key two.key --out site --passphrase-file one.txt";
    let both = play.json(&format!("{create} --passphrase-file two.txt"));
    assert_eq!(both["document"]["verificationMethod"].as_array().unwrap().len(), 2);
    let one = play.run(&format!("{create} --force"));
    assert_eq!(one.status, 2, "{one:?}");
    assert!(one.stderr.contains("two.key"), "{one:?}");
}

/// did:key specification, examples. In a build without them it says which kinds there are.
#[test]
fn did_keys_of_other_kinds_are_resolved_where_the_build_knows_them() {
    let play = Play::new();
    for (did, purpose, other) in [
        ("did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", "assertionMethod", "keyAgreement"),
        ("did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", "keyAgreement", "assertionMethod"),
        (
            "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
            "assertionMethod",
            "keyAgreement",
        ),
    ] {
        // Of P-384 toolkits sign credentials, which the VC API verifies.
        let is_of_the_vc_api = did.starts_with("did:key:z82");
        if cfg!(feature = "foreign-keys") || (is_of_the_vc_api && cfg!(feature = "vc-api")) {
            let resolved = play.json(&format!("did resolve {did}"));
            assert_eq!((&resolved["did"], &resolved["document"]["id"]), (&json!(did), &json!(did)));
            let id = format!("{did}#{}", did.strip_prefix("did:key:").unwrap());
            assert_eq!(resolved["document"][purpose], json!([id]), "{resolved}");
            assert_eq!(resolved["document"].get(other), None, "{resolved}");
        } else {
            let ran = play.run(&format!("did resolve {did}"));
            assert!(ran.status == 3 && ran.stderr.contains("--features foreign-keys"), "{ran:?}");
        }
    }
    // A kind that is known, and bytes that are no such key.
    let ran = play.run("did resolve did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBm");
    assert_eq!(ran.status, 3, "{ran:?}");
}
