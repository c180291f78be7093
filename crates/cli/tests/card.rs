//! Agent cards: signed, published by `legation serve`, fetched and verified; keys rotated.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::{Play, Ran, Server, free_port};
use serde_json::{Value, json};

/// A card of an agent with one interface.
fn card(interface: &str) -> Value {
    json!({
        "name": "Shop", "description": "Books rooms.", "version": "1.0.0",
        "supportedInterfaces": [{"url": interface, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {"streaming": false},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "book", "name": "Book", "description": "Books.", "tags": ["rooms"]}],
    })
}

/// A shop at `shop.example` whose card is signed.
fn shop(play: &Play, interface: &str, more: &str) -> Value {
    play.key("shop.key");
    play.json("did create web shop.example --key shop.key --out site");
    play.write("card.json", card(interface).to_string());
    play.json(&format!(
        "card sign card.json --key shop.key --did did:web:shop.example --out signed.json {more}"
    ))
}

fn warns(ran: &Value, of: &str) -> bool {
    ran["warnings"].as_array().into_iter().flatten().any(|one| one.as_str().unwrap().contains(of))
}

fn code(ran: &Ran) -> (i32, Option<String>) {
    (ran.status, ran.json()["code"].as_str().map(str::to_owned))
}

/// Holds an answer against its schema.
fn assert_valid(answer: &Value) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let mut registry = jsonschema::Registry::new();
    for name in ["common", "card-verdict"] {
        let text = std::fs::read_to_string(root.join(format!("{name}.schema.json"))).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        registry = registry.add(id, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = json!({"$ref": "https://w3id.org/legation/schemas/v1/card-verdict.schema.json"});
    let validator = jsonschema::options().offline().with_registry(&registry).build(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(answer).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{answer:#}");
}

#[test]
fn a_published_card_is_fetched_and_believed_and_a_changed_one_is_not() {
    let (play, port) = (Play::new(), free_port());
    let origin = format!("http://localhost:{port}");
    play.key("shop.key");
    let made = play.json(&format!("did create web localhost:{port} --key shop.key --out site"));
    let did = made["did"].as_str().unwrap();
    play.write("card.json", card(&format!("{origin}/a2a")).to_string());
    let signed = play.json(&format!(
        "card sign card.json --key shop.key --did {did} --handshake {origin}/handshake --require-delegation \
         --out site/.well-known/agent-card.json"
    ));
    assert_eq!(signed.get("warnings"), None, "{signed}");
    let server = Server::start(&play, port, &[]);
    for source in [origin.clone(), format!("{origin}/.well-known/agent-card.json")] {
        let valid = play.json(&format!("card verify {source} --http-on-loopback"));
        assert_valid(&valid);
        assert_eq!((valid["decision"].as_str(), valid["did"].as_str()), (Some("valid"), Some(did)));
        assert_eq!(valid["keyId"], made["document"]["assertionMethod"][0]);
        assert_eq!(
            valid["binding"],
            json!({"type": "domain", "origin": format!("https://localhost:{port}")})
        );
        assert_eq!(valid["handshake"], format!("{origin}/handshake"));
        assert_eq!((&valid["delegation"], &valid["form"]), (&json!({"required": true}), &json!("spec")));
        assert_eq!(valid["card"]["name"], "Shop");
    }
    let fetched = play.run(&format!("card fetch localhost:{port} --http-on-loopback --out kept.json"));
    let printed: Value = serde_json::from_str(&fetched.stdout).unwrap();
    assert_eq!((fetched.status, &printed["name"], printed.get("signatures")), (0, &json!("Shop"), None));
    assert_eq!(play.read("kept.json").trim_end(), play.read("site/.well-known/agent-card.json").trim_end());
    assert_valid(&play.json("card verify kept.json --http-on-loopback"));

    // Without the flag neither this machine nor plain http is a place to fetch from.
    let refused = play.run(&format!("card fetch {origin} --json"));
    assert_eq!((refused.status, refused.json()["error"].as_str()), (3, Some("url_refused")));
    let refused = play.run("card verify kept.json --json");
    assert_eq!((refused.status, refused.json()["error"].as_str()), (3, Some("address_refused")));

    let changed = play.read("kept.json").replace("Books rooms.", "Sells rooms.");
    play.write("site/.well-known/agent-card.json", changed);
    let denied = play.run(&format!("card fetch {origin} --http-on-loopback --out other.json --json"));
    assert_eq!(code(&denied), (1, Some("signature_invalid".to_owned())), "{denied:?}");
    assert_valid(&denied.json());
    assert_eq!(denied.json()["failures"][0]["index"], 0);
    assert!(!play.path("other.json").exists());
    // What a server adds is no part of the card that is handed on.
    let added = play.read("kept.json").replacen('{', r#"{"url":"https://evil.example","#, 1);
    play.write("site/.well-known/agent-card.json", added);
    let valid = play.json(&format!("card fetch {origin} --http-on-loopback --out again.json"));
    assert_valid(&valid);
    assert!(!valid.to_string().contains("evil"), "{valid}");
    assert_eq!(valid["uncovered"], json!(["/url"]));
    assert!(warns(&valid, "does not cover these members, which are no part of the card: `/url`"), "{valid}");
    assert_eq!(play.read("again.json").trim_end(), play.read("kept.json").trim_end(), "what was verified");
    drop(server);
    let gone = play.run(&format!("card fetch {origin} --http-on-loopback --json"));
    assert_eq!((gone.status, gone.json()["error"].as_str()), (3, Some("unreachable")));
}

#[test]
fn a_card_that_stands_on_another_domain_is_denied() {
    let (play, port) = (Play::new(), free_port());
    shop(&play, "https://shop.example/a2a", "");
    play.write("site/.well-known/agent-card.json", play.read("signed.json"));
    let _server = Server::start(&play, port, &[]);
    let denied = play.run(&format!("card fetch localhost:{port} --http-on-loopback --json"));
    assert_eq!(code(&denied), (1, Some("card_domain_mismatch".to_owned())), "{denied:?}");
    assert_valid(&denied.json());
}

#[test]
fn keys_are_rotated_and_the_card_verifies_at_every_step() {
    let play = Play::new();
    shop(&play, "https://shop.example/a2a", "");
    play.key("new.key");
    let documents = |keys: &str| {
        play.json(&format!("did create web shop.example {keys} --out site --force"))["document"]
            ["assertionMethod"]
            .clone()
    };
    let verify = |file: &str| play.run(&format!("card verify {file} --did-documents site --json"));
    let old = documents("--key shop.key")[0].clone();
    assert_eq!(verify("signed.json").json()["keyId"], old);

    // 1. The document names both keys, and the card has signatures of both.
    let new = documents("--key shop.key --key new.key")[1].clone();
    assert_eq!(verify("signed.json").status, 0, "caches still have the card of before");
    let both = play.json("card sign signed.json --key new.key --did did:web:shop.example --out both.json");
    assert_eq!((&both["signatures"], &both["kept"]), (&json!(2), &json!(1)));
    assert!(warns(&both, "1 signatures of other keys are kept"), "{both}");
    assert_eq!(verify("both.json").json()["keyId"], old);

    // 2. The old key is retired.
    documents("--key new.key");
    assert_eq!(verify("both.json").json()["keyId"], new);
    let denied = verify("signed.json");
    assert_eq!(code(&denied), (1, Some("key_not_found".to_owned())), "{denied:?}");
    assert_valid(&denied.json());

    // 3. So is its signature.
    let sign = "card sign both.json --key new.key --did did:web:shop.example --out last.json --only";
    let last = play.json(sign);
    assert_eq!((&last["signatures"], &last["kept"]), (&json!(1), &json!(0)));
    assert_eq!(verify("last.json").json()["keyId"], new);

    // A declaration that changes the card ends signatures that covered the one of before.
    let more = play.json(
        "card sign both.json --key new.key --did did:web:shop.example --require-delegation --out more.json",
    );
    assert_eq!(more["kept"], 0);
    assert!(warns(&more, "the 2 signatures of before are gone"), "{more}");
    let again = "card sign more.json --key new.key --did did:web:shop.example --out again.json \
                 --handshake https://shop.example/handshake";
    play.json(again);
    let again = verify("again.json").json();
    assert_eq!(again["delegation"], json!({"required": true}), "what was declared before stays: {again}");
}

#[test]
fn a_card_that_was_changed_since_it_was_signed_is_not_signed_anew_unasked() {
    let play = Play::new();
    shop(&play, "https://shop.example/a2a", "");
    play.key("new.key");
    play.json("did create web shop.example --key shop.key --key new.key --out site --force");
    let signed = play.read("signed.json");
    let sign = |key: &str, more: &str| {
        let card = "card sign signed.json --did did:web:shop.example --out signed.json --force --json";
        play.run(&format!("{card} --key {key} {more}"))
    };
    let changed = signed.replace("Books rooms.", "Sells rooms.");
    let documents = "--did-documents site";
    for (key, more) in [
        ("shop.key", ""),
        ("shop.key", "--only"),
        ("shop.key", documents),
        ("new.key", documents),
        ("new.key", "--did-documents site --only"),
    ] {
        play.write("signed.json", &changed);
        let ran = sign(key, more);
        assert_eq!((ran.status, ran.json()["error"].as_str()), (1, Some("signature_invalid")), "{ran:?}");
        assert!(
            ran.stdout.contains("`signed.json` was changed") && ran.stdout.contains("--changed"),
            "{ran:?}"
        );
        assert_eq!(play.read("signed.json"), changed);
    }
    // Of keys that are not at hand nothing is known, and that is said.
    let ran = sign("new.key", "");
    assert!(ran.status == 0 && warns(&ran.json(), "was not checked"), "{ran:?}");
    play.write("signed.json", &signed);
    let ran = sign("new.key", documents);
    assert!(ran.status == 0 && !warns(&ran.json(), "was not checked"), "{ran:?}");
    play.write("signed.json", &signed);
    play.json("did create web shop.example --key new.key --out site --force");
    let ran = sign("new.key", documents);
    assert_eq!((ran.status, ran.json()["error"].as_str()), (1, Some("key_not_found")), "{ran:?}");
    // It was its author.
    play.write("signed.json", &changed);
    let ran = sign("shop.key", "--changed").json();
    assert_eq!((&ran["signatures"], &ran["kept"]), (&json!(1), &json!(0)), "{ran}");
    assert_eq!(sign("shop.key", "").status, 0);
}

#[test]
fn what_an_author_may_not_expect_is_told() {
    let play = Play::new();
    let signed = shop(&play, "https://api.example/a2a", "");
    assert!(warns(&signed, "legation did create web"), "{signed}");
    let verify = "card verify signed.json --did-documents site --json";
    assert_eq!(code(&play.run(verify)), (1, Some("card_origin_mismatch".to_owned())));
    play.json(
        "did create web shop.example --key shop.key --out site --force --service a2a=https://api.example",
    );
    assert_eq!(play.run(verify).status, 0);

    let sign = |card: &Value, more: &str| {
        play.write("card.json", card.to_string());
        play.run(&format!("card sign card.json --key shop.key --out s.json --force --json {more}"))
    };
    let mut odd = card("https://shop.example");
    odd.as_object_mut().unwrap().remove("skills");
    odd["preferredTransport"] = "GRPC".into();
    let shop = "--did did:web:shop.example";
    let told = sign(&odd, shop).json();
    assert!(warns(&told, "lacks: skills") && warns(&told, "left out: `/preferredTransport`"), "{told}");
    let elsewhere = format!("{shop} --handshake https://h.example/");
    assert!(warns(&sign(&card("https://shop.example"), &elsewhere).json(), "the handshake is at"));
    let own = play.json("did create key --key shop.key")["did"].as_str().unwrap().to_owned();
    let told = sign(&card("https://shop.example"), &format!("--did {own}")).json();
    assert!(warns(&told, "no domain vouches for it"), "{told}");
    let valid = play.json("card verify s.json");
    assert_eq!((&valid["binding"], &valid["did"]), (&json!({"type": "key"}), &json!(own)));
    assert_valid(&valid);
}

#[test]
fn a_card_that_would_say_less_when_signed_is_refused_and_told_where() {
    let play = Play::new();
    play.key("shop.key");
    play.json("did create web shop.example --key shop.key --out site");
    let case = |name: &str| {
        let path = format!("{}/tests/cards/{name}", env!("CARGO_MANIFEST_DIR"));
        play.write("card.json", std::fs::read_to_string(path).unwrap());
        play.run("card sign card.json --key shop.key --did did:web:shop.example --out s.json --json --force")
    };
    for (name, at, instead) in [
        ("n1_unwrapped_requirement.json", "`/securityRequirements/0/b`", "schemes"),
        ("n3_flat_scheme.json", "`/securitySchemes/b/", "httpAuthSecurityScheme"),
        ("n5_iface_transport.json", "`/supportedInterfaces/0/transport`", "`protocolBinding`"),
    ] {
        let ran = case(name);
        assert_eq!((ran.status, ran.json()["error"].as_str()), (1, Some("card_member_lost")), "{ran:?}");
        let message = ran.json()["message"].to_string();
        assert!(message.contains(at) && message.contains(instead), "{message}");
        assert!(!play.path("s.json").exists());
    }
    // What is harmless is left out and told, at every depth; so is what stands beside a signature.
    let signed = case("evil_url.json").json();
    assert_eq!(signed["dropped"], json!(["/url"]), "{signed}");
    let mut beside: Value = serde_json::from_str(&play.read("s.json")).unwrap();
    beside["url"] = "https://evil.example/a2a".into();
    beside["capabilities"]["extra"] = json!({});
    play.write("s.json", beside.to_string());
    let valid = play.json("card verify s.json --did-documents site");
    assert_valid(&valid);
    assert_eq!(valid["uncovered"], json!(["/capabilities/extra", "/url"]), "{valid}");
    let text = play.run("card verify s.json --did-documents site");
    assert!(text.stdout.contains("no other one") && !text.stdout.contains("evil"), "{text:?}");
    assert!(text.stderr.contains("`/capabilities/extra`, `/url`"), "{text:?}");
}

#[test]
fn a_card_that_can_t_be_signed_is_exit_1_with_its_code_and_nothing_is_written() {
    let play = Play::new();
    play.key("shop.key");
    let other = play.key("other.key");
    let shop = "--did did:web:shop.example";
    let good = card("https://shop.example/a2a").to_string();
    let legacy = json!({"name": "A", "url": "https://shop.example", "protocolVersion": "0.3.0"}).to_string();
    let two =
        json!({"uri": "https://w3id.org/legation/a2a/identity/v1", "params": {"did": "did:web:a.example"}});
    let two = json!({"capabilities": {"extensions": [two, two]}}).to_string();
    for (text, more, code) in [
        ("not json", shop.to_owned(), "malformed"),
        ("[]", shop.to_owned(), "malformed"),
        (r#"{"name":"A","name":"B"}"#, shop.to_owned(), "duplicate_member"),
        (r#"{"name":7}"#, shop.to_owned(), "malformed"),
        (r#"{"capabilities":{"extensions":7}}"#, shop.to_owned(), "malformed"),
        (&legacy, shop.to_owned(), "card_legacy"),
        (&good, format!("--did {other}"), "issuer_mismatch"),
        (&good, format!("{shop} --handshake /handshake"), "card_handshake_malformed"),
        (&good, format!("{shop} --handshake ftp://shop.example"), "card_handshake_malformed"),
    ] {
        play.write("card.json", text);
        let ran = play.run(&format!("card sign card.json --key shop.key --out x.json --json {more}"));
        assert_eq!((ran.status, ran.json()["error"].as_str()), (1, Some(code)), "{text} {more}: {ran:?}");
        assert!(!play.path("x.json").exists());
    }
    play.write("card.json", &two);
    let one = play.json("card sign card.json --key shop.key --did did:web:shop.example --out x.json");
    assert!(warns(&one, "A2A requires"), "two declarations become one: {one}");
    let again = play.run("card sign card.json --key shop.key --did did:web:shop.example --out x.json");
    assert_eq!(again.status, 2);
    assert!(again.stderr.contains("--force"), "{again:?}");
    let ion = play.run("card sign card.json --key shop.key --did did:ion:abc --out y.json");
    assert_eq!(ion.status, 2);
    assert!(ion.stderr.contains("did:web and did:key"), "{ion:?}");
}

#[test]
fn a_card_s_own_words_add_no_line_to_the_answer() {
    let play = Play::new();
    let mut forged = card("https://shop.example/a2a");
    forged["name"] = "A`\n  tie        https://bank.example\u{1b}[2A\u{202e}".into();
    play.key("shop.key");
    play.json("did create web shop.example --key shop.key --out site");
    play.write("card.json", forged.to_string());
    play.json("card sign card.json --key shop.key --did did:web:shop.example --out signed.json");
    let verify = "card verify signed.json --did-documents site";
    let text = play.run(verify).stdout;
    assert_eq!(text.lines().filter(|line| line.starts_with("  tie ")).count(), 1, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    forged["supportedInterfaces"][0]["url"] = "x\nvalid: did:web:bank.example".into();
    forged["\u{1b}[2A\nnote: x"] = 1.into();
    play.write("card.json", forged.to_string());
    let sign = "card sign card.json --key shop.key --did did:web:shop.example --out signed.json --force";
    let told = play.run(sign).stderr;
    assert!(told.lines().all(|line| line.starts_with("note: ")) && !told.contains('\u{1b}'), "{told}");
    let denied = play.run(verify);
    assert_eq!((denied.status, denied.stdout.lines().count()), (1, 2), "{denied:?}");
}

#[test]
fn a_card_that_is_none_is_denied_by_name() {
    let play = Play::new();
    shop(&play, "https://shop.example/a2a", "");
    let signed = play.read("signed.json");
    let unsigned = card("https://shop.example/a2a").to_string();
    for (text, code_wanted) in [
        ("not json".to_owned(), "malformed"),
        (" ".repeat(300_000), "input_too_large"),
        (r#"{"url":"https://a.example"}"#.to_owned(), "card_legacy"),
        (unsigned, "card_unsigned"),
        (json!({"name": "A", "signatures": [{}]}).to_string(), "card_did_missing"),
        (signed.replacen('{', r#"{"name":"A","#, 1), "duplicate_member"),
        (signed.replace("did:web:shop.example", "did:web:127.0.0.1"), "card_did_malformed"),
        (signed.replace("did:web:shop.example", "did:key:z6Mk"), "card_did_malformed"),
    ] {
        play.write("c.json", text);
        let ran = play.run("card verify c.json --did-documents site --json");
        assert_eq!(code(&ran), (1, Some(code_wanted.to_owned())), "{ran:?}");
        assert_valid(&ran.json());
    }
    play.write("c.json", signed.replace("did:web:shop.example", "did:web:b.example"));
    let ran = play.run("card verify c.json --did-documents site --json");
    assert_eq!((ran.status, ran.json()["error"].as_str()), (2, Some("file")), "{ran:?}");
}

#[test]
fn a_key_set_proves_the_signer_s_key_and_no_did() {
    let play = Play::new();
    let signed = shop(&play, "https://elsewhere.example/a2a", "");
    let document: Value = serde_json::from_str(&play.read("site/.well-known/did.json")).unwrap();
    let mut jwk = document["verificationMethod"][0]["publicKeyJwk"].clone();
    jwk["kid"] = signed["keyId"].clone();
    play.write("keys.json", json!({"keys": [jwk]}).to_string());
    let valid = play.json("card verify signed.json --jwks keys.json");
    assert_valid(&valid);
    assert_eq!(
        (&valid["decision"], &valid["did"], &valid["binding"]),
        (&json!("valid"), &json!(null), &json!(null))
    );
    let text = play.run("card verify signed.json --jwks keys.json").stdout;
    assert!(text.contains("no DID is proven") && text.contains("no domain"), "{text}");
    jwk["kid"] = "another".into();
    play.write("keys.json", json!({"keys": [jwk]}).to_string());
    let denied = play.run("card verify signed.json --jwks keys.json --json");
    assert_eq!(code(&denied), (1, Some("key_not_found".to_owned())));
    assert_valid(&denied.json());
    play.write("keys.json", document.to_string());
    assert_eq!(
        play.run("card verify signed.json --jwks keys.json").status,
        2,
        "a DID document is no key set"
    );
}
