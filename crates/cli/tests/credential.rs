//! `credential issue` and `credential verify`: in a build with the feature they do, in one without it they say so.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;

#[cfg(not(feature = "vc-api"))]
#[test]
fn a_build_without_credentials_of_any_kind_says_how_to_get_them() {
    let play = Play::new();
    let ran = play.run("credential verify a.jwt");
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("--features vc-api"), "{ran:?}");
}

#[cfg(feature = "vc-api")]
mod with {
    use super::Play;
    use serde_json::{Value, json};

    const FORMATS: [(&str, &str); 5] =
        [("ed", "jwt"), ("p", "jwt"), ("ed", "di-jcs"), ("ed", "di-rdfc"), ("p", "di-rdfc")];

    fn credential(issuer: &str) -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
            "issuer": issuer, "validUntil": "2030-01-01T00:00:00Z",
            "credentialSubject": {"id": "did:example:b"}, "name": "a name",
        })
    }

    fn refused(play: &Play, command: &str, status: i32, part: &str) {
        let ran = play.run(command);
        assert_eq!(ran.status, status, "{command}: {ran:?}");
        assert!(ran.stderr.contains(part), "{command}: {ran:?}");
    }

    fn keys(play: &Play) -> [String; 2] {
        let p = play.json("key generate --alg p256 --insecure-plaintext --out p.key");
        [play.key("ed.key"), p["did"].as_str().unwrap().to_owned()]
    }

    /// The file with one letter of what is signed changed.
    fn tamper(play: &Play, name: &str) {
        let text = play.read(name);
        let changed = match text.starts_with('{') {
            true => text.replace("a name", "b name"),
            false => {
                let (head, tail) = text.rsplit_once('.').unwrap();
                format!(
                    "{}.{tail}",
                    head.replacen("YSBuYW1l", "YiBuYW1l", 1).replacen("EgbmFtZ", "IgbmFtZ", 1)
                )
            }
        };
        assert_ne!(changed, text, "nothing was changed");
        play.write("tampered", changed);
    }

    #[test]
    fn what_is_issued_in_any_way_is_verified_and_what_is_changed_is_not() {
        let play = Play::new();
        let [ed, p] = keys(&play);
        for (key, format) in FORMATS {
            let issuer = if key == "ed" { &ed } else { &p };
            play.write("c.json", credential(issuer).to_string());
            play.json(&format!(
                "credential issue c.json --key {key}.key --format {format} --out out --force"
            ));
            let told = play.json("credential verify out");
            assert_eq!((&told["verified"], &told["kind"]), (&json!(true), &json!("credential")), "{format}");
            refused(&play, "credential verify out --now 2031-01-01T00:00:00Z", 1, "its validity has ended");
            if format != "jwt" {
                tamper(&play, "out");
                refused(&play, "credential verify tampered", 1, "the signature is not by");
            }

            let presentation = json!({
                "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiablePresentation"], "holder": issuer,
                "verifiableCredential": [match play.read("out") {
                    text if text.starts_with('{') => serde_json::from_str(&text).unwrap(),
                    token => json!({"@context": "https://www.w3.org/ns/credentials/v2",
                        "type": "EnvelopedVerifiableCredential", "id": format!("data:application/vc+jwt,{token}")}),
                }],
            });
            play.write("p.json", presentation.to_string());
            let occasion = "--nonce n-1 --audience https://shop.example";
            play.json(&format!(
                "credential issue p.json --key {key}.key --format {format} {occasion} --out shown --force"
            ));
            let told = play.json(&format!("credential verify shown {occasion}"));
            assert_eq!(told["kind"], json!("presentation"), "{format}");
            refused(&play, "credential verify shown --nonce n-2", 1, "challenge is not the expected one");
            refused(&play, "credential verify shown --audience https://b.example", 1, "not the expected one");
        }
    }

    #[test]
    fn an_issuer_that_no_did_names_is_believed_for_a_method_that_the_caller_vouches_for() {
        let play = Play::new();
        keys(&play);
        play.key("other.key");
        let issuer = "https://issuer.example/";
        play.write("c.json", credential(issuer).to_string());
        let method = |id: &str, controller: &str, key: &str| {
            let jwk: Value = serde_json::from_str(&play.read(key)).unwrap();
            let public: serde_json::Map<String, Value> = ["kty", "crv", "x", "y"]
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), jwk.get(name)?.clone())))
                .collect();
            json!({"id": id, "type": "JsonWebKey", "controller": controller, "publicKeyJwk": public})
                .to_string()
        };
        let id = "https://issuer.example/#1";
        play.write("own.json", method(id, issuer, "ed.key"));
        play.write("stolen.json", method(id, "https://mallory.example/", "ed.key"));
        play.write("other.json", method(id, issuer, "other.key"));
        play.write("p.json", method(id, issuer, "p.key"));
        refused(
            &play,
            &format!("credential issue c.json --key ed.key --issuer {issuer} --out o"),
            2,
            "--key-id",
        );
        for format in ["jwt", "di-jcs", "di-rdfc"] {
            let issue = format!("credential issue c.json --key ed.key --format {format} --out out --force");
            refused(&play, &issue, 1, "what is signed is signed as did:key:");
            play.json(&format!("{issue} --issuer {issuer} --key-id {id}"));
            play.json("credential verify out --verification-method own.json");
            refused(&play, "credential verify out", 1, "names no DID");
            refused(&play, "credential verify out --verification-method stolen.json", 1, "who signed");
            refused(
                &play,
                "credential verify out --verification-method other.json",
                1,
                "the signature is not by",
            );
            refused(&play, "credential verify out --verification-method p.json", 1, "is a key for ES256");
            refused(
                &play,
                "credential verify out --verification-method c.json",
                2,
                "a verification method has",
            );
        }
    }

    /// A badge names a context that nobody here has.
    #[test]
    fn a_context_is_handed_over_and_never_fetched() {
        let play = Play::new();
        let [ed, _] = keys(&play);
        let mut badge = credential(&ed);
        badge["@context"] = json!(["https://www.w3.org/ns/credentials/v2", "https://badges.example/v3"]);
        badge["credentialSubject"]["achievement"] = "to have swum".into();
        play.write("c.json", badge.to_string());
        play.write("v3.json", r#"{"@context": {"achievement": "https://badges.example/vocab#achievement"}}"#);
        let given = "--context https://badges.example/v3=v3.json";
        for (format, alone) in [("jwt", true), ("di-jcs", true), ("di-rdfc", false)] {
            let issue = format!("credential issue c.json --key ed.key --format {format} --out out --force");
            refused(&play, &issue, 1, "no context is ever fetched");
            play.json(&format!("{issue} {given}"));
            assert_eq!(
                play.json(&format!("credential verify out {given}"))["warnings"],
                json!([]),
                "{format}"
            );
            if alone {
                let verified = play.json("credential verify out");
                assert!(
                    verified["warnings"][0].as_str().unwrap().contains("https://badges.example/v3"),
                    "{verified}"
                );
            } else {
                refused(&play, "credential verify out", 1, "no context is ever fetched");
            }
        }
        play.write("null.json", r#"{"@context": {"achievement": null}}"#);
        for (context, part) in [
            ("https://badges.example/v3=null.json", "has no place in what is signed"),
            ("https://www.w3.org/ns/credentials/v2=v3.json", "is known already"),
            ("https://badges.example/v3=c.json", "which is not known here"),
            ("https://badges.example/v3=nowhere.json", "can't be read"),
            ("v3.json", "expected URL=FILE"),
        ] {
            refused(&play, &format!("credential verify out --context {context}"), 2, part);
        }
    }

    #[test]
    fn a_context_that_stands_in_the_document_is_told_of() {
        let play = Play::new();
        let [ed, _] = keys(&play);
        let mut document = credential(&ed);
        document["@context"] =
            json!(["https://www.w3.org/ns/credentials/v2", {"role": "https://a.example/colour"}]);
        document["credentialSubject"]["role"] = "admin".into();
        play.write("c.json", document.to_string());
        for (format, told) in [("di-rdfc", true), ("di-jcs", false), ("jwt", false)] {
            play.json(&format!("credential issue c.json --key ed.key --format {format} --out out --force"));
            let verified = play.json("credential verify out");
            assert_eq!(verified["warnings"] != json!([]), told, "{format}: {verified}");
            let ran = play.run("credential verify out");
            assert_eq!((ran.status, ran.stderr.contains("other names")), (0, told), "{format}: {ran:?}");
        }
    }

    /// Keys of P-384 and P-521 are made by others; what they sign is a JWS.
    #[test]
    fn a_key_of_a_larger_curve_signs_and_verifies_a_jws() {
        let play = Play::new();
        let published: Value =
            serde_json::from_str(include_str!("../../formats/vc-api/tests/data/did-key-nist.json")).unwrap();
        for key in published.as_array().unwrap() {
            play.write("wide.key", key["jwk"].to_string());
            play.write("c.json", credential(key["did"].as_str().unwrap()).to_string());
            play.json("credential issue c.json --key wide.key --out out --force");
            play.json("credential verify out");
            refused(
                &play,
                "credential issue c.json --key wide.key --format di-jcs --out o",
                2,
                "--format jwt only",
            );
            refused(
                &play,
                "credential issue c.json --key wide.key --format di-rdfc --out o",
                2,
                "--format jwt only",
            );
            let own = format!("--issuer {} --force", key["did"].as_str().unwrap());
            play.json(&format!("credential issue c.json --key wide.key {own} --out out"));
            play.json("credential verify out");
            let web = "--issuer did:web:acme.example";
            refused(&play, &format!("credential issue c.json --key wide.key {web} --out o"), 2, "--key-id");
            let mut wrong = key["jwk"].clone();
            wrong["d"] = "AAAA".into();
            play.write("wrong.key", wrong.to_string());
            let bytes = if key["jwk"]["crv"] == "P-384" { "expected 48 bytes" } else { "expected 66 bytes" };
            refused(&play, "credential issue c.json --key wrong.key --out o", 2, bytes);
        }
    }

    #[test]
    fn a_did_web_is_believed_from_a_folder() {
        let play = Play::new();
        play.key("acme.key");
        play.key("next.key");
        play.json("did create web acme.example --key acme.key --out site");
        play.write("c.json", credential("did:web:acme.example").to_string());
        play.json("credential issue c.json --key acme.key --issuer did:web:acme.example --out out");
        play.json("credential verify out --did-documents site");
        play.json("did create web acme.example --key next.key --out site --force");
        refused(&play, "credential verify out --did-documents site", 1, "acme.example#");
    }

    #[test]
    fn what_is_no_credential_is_told_as_such() {
        let play = Play::new();
        let [ed, _] = keys(&play);
        for (name, text, part) in [
            ("no JSON", "hello", "neither JSON nor a compact JWS"),
            ("an empty object", "{}", "no `proof`"),
            ("an unsecured credential", &credential(&ed).to_string(), "no `proof`"),
            (
                "a JWS of another type",
                "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.e30.AAAA",
                "`typ`: expected `vc+jwt`",
            ),
        ] {
            play.write("x", text);
            let ran = play.run("credential verify x");
            assert_eq!(ran.status, 1, "{name}: {ran:?}");
            assert!(ran.stderr.contains(part) || name == "no JSON", "{name}: {ran:?}");
        }
        play.write("c.json", json!({"issuer": ed}).to_string());
        refused(&play, "credential issue c.json --key ed.key --out o", 1, "`@context`");
        play.write("c.json", credential(&ed).to_string());
        refused(&play, "credential issue c.json --key ed.key --nonce n --out o", 1, "a presentation's");
        refused(
            &play,
            "credential issue c.json --key p.key --format di-jcs --out o",
            1,
            "there is no key for EdDSA",
        );
        for (id, part) in [
            ("data:application/vc+jwt,a.b.c\n", "`verifiableCredential.id`: expected one URL, without"),
            ("data:application/vc+jwt", "`verifiableCredential.id`: expected a `data:` URL"),
            ("https://a.example/c.jwt", "`verifiableCredential.id`: expected a `data:` URL"),
        ] {
            let context = "https://www.w3.org/ns/credentials/v2";
            let envelope = json!({"@context": context, "type": "EnvelopedVerifiableCredential", "id": id});
            let presentation = json!({
                "@context": [context], "type": ["VerifiablePresentation"], "holder": ed, "verifiableCredential": [envelope],
            });
            play.write("p.json", presentation.to_string());
            refused(&play, "credential issue p.json --key ed.key --out o", 1, part);
        }
        let nowhere = json!({"type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,a.b.c"});
        let presentation = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiablePresentation"], "holder": ed,
            "verifiableCredential": [nowhere],
        });
        play.write("p.json", presentation.to_string());
        refused(&play, "credential issue p.json --key ed.key --out o", 1, "in `verifiableCredential`, found");
        refused(&play, "credential verify nowhere", 2, "can't be read");
    }
}
