//! Wrong input gets one line and the right exit status, and leaves no file behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;

/// Two keys and a delegation between them, for a day.
fn delegated(play: &Play) -> (String, String) {
    let (root, agent) = (play.key("root.key"), play.key("agent.key"));
    play.json(&format!(
        "delegate --key root.key --to {agent} --action a2a:skill:book --resource https://shop.example/api/* \
         --constraint {{\"type\":\"rate\",\"seconds\":60,\"max\":5}} --valid-for 1d --out root.jwt"
    ));
    (root, agent)
}

#[test]
fn a_usage_error_is_one_line_and_exit_2() {
    let play = Play::new();
    let (_, agent) = delegated(&play);
    let delegate = format!(
        "delegate --key root.key --to {agent} --action a:b --resource https://a.example/ --valid-for 1d"
    );
    for arguments in [
        String::new(),
        "nothing".to_owned(),
        "key generate".to_owned(),
        "key generate --out x.key".to_owned(),
        "key generate --out x.key --alg rsa --insecure-plaintext".to_owned(),
        "key generate --out no/such/folder/x.key --insecure-plaintext".to_owned(),
        "did create web 127.0.0.1 --key root.key --out site".to_owned(),
        "did create web example.com/../x --key root.key --out site".to_owned(),
        "did create web example.com --key missing.key --out site".to_owned(),
        "did create web example.com --out site".to_owned(),
        "did create web example.com --key root.key --key root.key --out site".to_owned(),
        "did create web example.com --key root.key --key missing.key --out site".to_owned(),
        "did create web a.example --key root.key --passphrase-file p --passphrase-file q --out site"
            .to_owned(),
        "did create web example.com --key root.key --out site --service https://api.example".to_owned(),
        "did create web example.com --key root.key --out site --service =https://api.example".to_owned(),
        "did create web example.com --key root.key --out site --service a#b=https://api.example".to_owned(),
        "did create web example.com --key root.key --out site --service a2a=api.example".to_owned(),
        "did create web example.com --key root.key --out site --service a2a=http://api.example".to_owned(),
        "did create web example.com --key root.key --out site --service a2a=https://u:p@api.example"
            .to_owned(),
        "did resolve nonsense".to_owned(),
        "did resolve did:web:127.0.0.1".to_owned(),
        "delegate".to_owned(),
        format!("{delegate} --out x.jwt --valid-for soon"),
        format!("{delegate} --out x.jwt --constraint {{"),
        format!("{delegate} --out x.jwt --status https://a.example/status/1"),
        format!("{delegate} --out x.jwt --status https://a.example/status/1#-1"),
        format!("{delegate} --out x.jwt --valid-from yesterday"),
        format!("{delegate} --out x.jwt --id nonsense"),
        format!("{delegate} --out x.jwt --id urn:"),
        format!("{delegate} --out x.jwt --format di-cbor"),
        "present --key agent.key --audience a --nonce n --out x.jwt".to_owned(),
        "present --key agent.key --audience a --nonce n --out x.jwt --valid-for 1h root.jwt".to_owned(),
        "present --key agent.key --audience a --nonce n --out x.jwt missing.jwt".to_owned(),
        "verify missing.jwt --principal did:web:a.example --audience a --nonce n".to_owned(),
        "verify root.jwt --audience a --nonce n".to_owned(),
        "verify root.jwt --trust missing.json --audience a --nonce n".to_owned(),
        "verify root.jwt --principal did:web:a.example --audience a --nonce n --now today".to_owned(),
        "verify root.jwt --principal did:web:a.example --audience a --nonce n --action a".to_owned(),
        "serve missing".to_owned(),
        "serve . --listen nowhere".to_owned(),
        "receipt verify missing --signer did:web:a.example".to_owned(),
        "card sign missing.json --key root.key --did did:web:a.example --out x.json".to_owned(),
        "card sign root.jwt --key root.key --did a.example --out x.json".to_owned(),
        "card sign root.jwt --key root.key --out x.json".to_owned(),
        "card verify".to_owned(),
        "card verify missing.json".to_owned(),
        "card verify shop.example".to_owned(),
        "card verify root.jwt --jwks missing.json".to_owned(),
        "card verify root.jwt --jwks root.jwt".to_owned(),
        "card verify root.jwt --jwks root.jwt --did-documents .".to_owned(),
        "card verify https://shop.example --did-documents .".to_owned(),
        "card fetch".to_owned(),
        "card fetch https://shop.example --force".to_owned(),
    ] {
        let ran = play.run(&arguments);
        assert_eq!(ran.status, 2, "{arguments}: {ran:?}");
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{arguments}: {ran:?}");
        assert!(ran.stderr.starts_with("error: ") && ran.stdout.is_empty(), "{arguments}: {ran:?}");
        assert!(
            !ran.stderr.contains(".new"),
            "a file's name while it is written is nobody's business: {ran:?}"
        );
        let ran = play.run(&format!("{arguments} --json"));
        assert_eq!(ran.status, 2, "{arguments}: {ran:?}");
        assert!(ran.json()["message"].is_string(), "{arguments}: {ran:?}");
    }
    assert!(["x.key", "x.jwt", "x.json", "site"].iter().all(|name| !play.path(name).exists()));
}

#[test]
fn a_delegation_that_the_rules_refuse_is_exit_1_with_its_code() {
    let play = Play::new();
    let (_, agent) = delegated(&play);
    let base = format!("delegate --key root.key --to {agent} --valid-for 1d --out x.jwt");
    let constraint =
        |json: &str| format!("{base} --action a:b --resource https://a.example/ --constraint {json}");
    let passed_on = "delegate --key agent.key --parent root.jwt --to did:web:x.example --valid-for 1h --out x.jwt \
                     --action a2a:skill:book --resource https://shop.example/api/x";
    for (arguments, code) in [
        (format!("{base} --action * --resource https://a.example/"), "malformed"),
        (format!("{base} --action a:b --resource https://shop.*"), "resource_not_normalized"),
        (format!("{base} --action a:b --resource https://a.example/x/../y"), "resource_not_normalized"),
        (constraint(r#"{"type":"mood"}"#), "unknown_constraint"),
        (constraint(r#"{"type":"rate","seconds":60,"max":5,"burst":9}"#), "unknown_member"),
        (constraint(r#"{"type":"spend","currency":"USD","perAction":1.5}"#), "malformed"),
        (constraint(r#"{"type":"spend","currency":"USD","perAction":9007199254740992}"#), "malformed"),
        (constraint(r#"{"type":"rate","seconds":60,"max":5,"max":9}"#), "duplicate_member"),
        (passed_on.to_owned(), "redelegation_not_permitted"),
        (passed_on.replace("agent.key", "root.key"), "issuer_mismatch"),
        (passed_on.replace("--parent root.jwt", "--parent agent.key"), "malformed"),
        (format!("{passed_on} --issuer did:web:other.example"), "issuer_mismatch"),
    ] {
        let ran = play.run(&format!("{arguments} --json"));
        assert_eq!((ran.status, ran.json()["error"].as_str()), (1, Some(code)), "{arguments}: {ran:?}");
        assert!(!play.path("x.jwt").exists(), "{arguments}");
    }
}

#[test]
fn nothing_is_overwritten_unasked() {
    let play = Play::new();
    let (_, agent) = delegated(&play);
    let presented = "present --key agent.key --audience a --nonce n --out p.jwt root.jwt";
    let web = "did create web a.example --key root.key --out site";
    play.json(presented);
    play.json(web);
    for (arguments, file) in [
        ("key generate --insecure-plaintext --out root.key".to_owned(), "root.key"),
        (
            format!(
                "delegate --key root.key --to {agent} --action a:b --resource https://a.example/ --valid-for 1d --out root.jwt"
            ),
            "root.jwt",
        ),
        (presented.to_owned(), "p.jwt"),
        (web.to_owned(), "site/.well-known/did.json"),
    ] {
        let before = play.read(file);
        let ran = play.run(&arguments);
        assert_eq!(ran.status, 2, "{arguments}: {ran:?}");
        assert!(ran.stderr.contains("--force"), "{ran:?}");
        assert_eq!(play.read(file), before);
        assert_eq!(play.run(&format!("{arguments} --force")).status, 0);
    }
}

#[test]
fn bytes_that_are_no_presentation_are_denied_by_name() {
    let play = Play::new();
    for (bytes, code) in [
        (b"".to_vec(), "malformed"),
        (b"\xff\xfe".to_vec(), "malformed"),
        (b"a.b".to_vec(), "malformed"),
        (vec![b'a'; 600_000], "input_too_large"),
        (
            b"e30.W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXQ.AA".to_vec(),
            "json_too_deep",
        ),
    ] {
        play.write("p.jwt", &bytes);
        let ran = play.run("verify p.jwt --principal did:web:a.example --audience a --nonce n --json");
        let json = ran.json();
        assert_eq!(ran.status, 1, "{ran:?}");
        assert_eq!(json["decision"], "deny");
        assert_eq!(json["code"], code, "{ran:?}");
    }
}

#[test]
fn a_secret_never_reaches_the_output() {
    let play = Play::new();
    play.write("pass.txt", "correct horse battery staple\n");
    let ran = play.run("key generate --out k.key --passphrase-file pass.txt");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(play.read("k.key").starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let ran = play.run("did create key --key k.key");
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("--passphrase-file"), "{ran:?}");
    play.write("wrong.txt", "tr0ub4dor&3");
    let ran = play.run("did create key --key k.key --passphrase-file wrong.txt");
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(!ran.stderr.contains("tr0ub4dor") && !ran.stdout.contains("tr0ub4dor"), "{ran:?}");
    assert!(
        play.run("did create key --key k.key --passphrase-file pass.txt").stdout.starts_with("did:key:z6Mk")
    );
}
