//! Cards signed by the official Python SDK verify here, and cards signed here verify there.
//!
//! The fixtures are made by `interop/make_fixtures.py` with `a2a-sdk` 1.3.0 and
//! `interop/make_fixtures.mjs` with `@a2a-js/sdk` 1.3.0; `own-*` by the ignored test below, and
//! both SDKs have verified them (`make_fixtures.py verify`, `make_fixtures.mjs verify`).

#![allow(clippy::unwrap_used)]

use legation_agent_card::{CardAlgorithm, Form, JwkSet, Keys, UnverifiedCard, VerifyError, sign, verify};
use legation_did::{Did, Document, Purpose};
use legation_keys::{Algorithm, SecretKey, Signer};
use serde_json::json;

const CARD: &str = include_str!("interop/card.json");
const DID: &str = "did:web:agent.example";

fn jwks() -> JwkSet {
    JwkSet::parse(include_bytes!("interop/jwks.json")).unwrap()
}

/// The key of the fixture that is the same on every run: Ed25519 signs deterministically.
fn own_key() -> SecretKey {
    SecretKey::from_ed25519_seed(&[7; 32]).unwrap()
}

#[test]
fn a_card_signed_by_the_python_sdk_verifies_with_each_algorithm() {
    let set = jwks();
    for (alg, text) in [
        ("EdDSA", include_str!("interop/sdk-EdDSA-plain.json")),
        ("ES256", include_str!("interop/sdk-ES256-plain.json")),
        ("ES384", include_str!("interop/sdk-ES384-plain.json")),
        ("RS256", include_str!("interop/sdk-RS256-plain.json")),
        ("PS256", include_str!("interop/sdk-PS256-plain.json")),
    ] {
        let card = UnverifiedCard::parse(text.as_bytes()).unwrap();
        let verified = verify(&card, Keys::JwkSet(&set), &Form::ALL).unwrap();
        assert_eq!(Some(verified.algorithm()), CardAlgorithm::from_jose(alg));
        assert_eq!((verified.form(), verified.did()), (Form::Sdk, None), "{alg}");
        let params = &verified.card()["capabilities"]["extensions"][1]["params"];
        // It arrives as `3.0`.
        assert_eq!((&params["whole"], &params["half"]), (&json!(3), &json!(0.5)), "{alg}");
        let strict = verify(&card, Keys::JwkSet(&set), &[Form::Spec]);
        assert_eq!(strict.map_err(|error| error.code()), Err("signature_invalid"), "{alg}");
        let altered = text.replace("does", "doesn't");
        let altered = UnverifiedCard::parse(altered.as_bytes()).unwrap();
        let refused = verify(&altered, Keys::JwkSet(&set), &Form::ALL);
        assert!(matches!(refused, Err(VerifyError::NoneValid { signatures: 1, .. })), "{alg}");
    }
}

#[test]
fn what_a_python_server_injects_for_0_3_is_dropped() {
    let plain = UnverifiedCard::parse(include_bytes!("interop/sdk-ES256-plain.json")).unwrap();
    let served = include_str!("interop/sdk-ES256-served.json");
    for member in ["\"preferredTransport\"", "\"security\"", "\"type\"", "\"url\": \"agent.example:443\","] {
        assert!(served.contains(member), "the fixture should have {member}");
    }
    let served = UnverifiedCard::parse(served.as_bytes()).unwrap();
    assert_eq!(served.canonical(Form::Sdk), plain.canonical(Form::Sdk));
    let set = jwks();
    let verified = verify(&served, Keys::JwkSet(&set), &Form::ALL).unwrap();
    for member in ["url", "preferredTransport", "protocolVersion", "security", "signatures"] {
        assert_eq!(verified.card().get(member), None, "{member}");
    }
    assert_eq!(verified.card()["securitySchemes"]["key"].get("type"), None);
}

#[test]
fn a_card_signed_by_the_javascript_sdk_verifies() {
    let set = jwks_of(include_bytes!("interop/js-jwks.json"));
    let card = UnverifiedCard::parse(include_bytes!("interop/js-ES256.json")).unwrap();
    let verified = verify(&card, Keys::JwkSet(&set), &Form::ALL).unwrap();
    assert_eq!(verified.form(), Form::Sdk);
}

fn jwks_of(bytes: &[u8]) -> JwkSet {
    JwkSet::parse(bytes).unwrap()
}

/// The text is that which both SDKs have verified: Ed25519 gives the same signature again.
#[test]
fn what_is_signed_here_is_what_the_sdks_have_verified() {
    let card = UnverifiedCard::parse(CARD.as_bytes()).unwrap();
    let signed = sign(&card, &format!("{DID}#ed25519"), &own_key()).unwrap();
    assert_eq!(format!("{signed}\n"), include_str!("interop/own-EdDSA.json"));
    let set = jwks_of(include_bytes!("interop/own-jwks.json"));
    for text in [include_str!("interop/own-EdDSA.json"), include_str!("interop/own-ES256.json")] {
        let card = UnverifiedCard::parse(text.as_bytes()).unwrap();
        assert_eq!(card.signature_count(), 2);
        for form in Form::ALL {
            let verified = verify(&card, Keys::JwkSet(&set), &[form]).unwrap();
            assert_eq!((verified.form(), verified.signature_index()), (form, form as usize));
        }
    }
}

#[test]
fn a_card_of_the_python_sdk_verifies_through_a_did_document() {
    let set: serde_json::Value = serde_json::from_str(include_str!("interop/jwks.json")).unwrap();
    let did: Did = DID.parse().unwrap();
    let mut document = Document::new(did.clone());
    for jwk in set["keys"].as_array().unwrap().iter().take(2) {
        let text = jwk.to_string();
        let limits = legation_keys::json::JsonLimits { bytes: 1000, depth: 2 };
        let json = legation_keys::json::parse(text.as_bytes(), limits).unwrap();
        let key = legation_keys::PublicKey::from_jwk(json.as_object().unwrap()).unwrap();
        document.add_key(jwk["kid"].as_str().unwrap().to_owned(), key, &[Purpose::AssertionMethod]);
    }
    let keys = Keys::Document { document: &document, now: 0 };
    for text in [include_str!("interop/sdk-EdDSA-plain.json"), include_str!("interop/sdk-ES256-plain.json")] {
        let card = UnverifiedCard::parse(text.as_bytes()).unwrap();
        assert_eq!(verify(&card, keys, &Form::ALL).unwrap().did(), Some(&did));
    }
    let card = UnverifiedCard::parse(include_bytes!("interop/sdk-RS256-plain.json")).unwrap();
    let refused = verify(&card, keys, &Form::ALL).map_err(|error| error.code());
    assert_eq!(refused, Err("algorithm_not_allowed"), "RSA keys come from a JWK set only");
}

#[test]
#[ignore = "writes the fixtures own-*.json, which the SDKs are then to verify"]
fn write_own_fixtures() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");
    let card = UnverifiedCard::parse(CARD.as_bytes()).unwrap();
    let p256 = SecretKey::generate(Algorithm::Es256).unwrap();
    let mut jwks = Vec::new();
    for (name, fragment, key) in [("EdDSA", "ed25519", own_key()), ("ES256", "p256", p256)] {
        let kid = format!("{DID}#{fragment}");
        let signed = sign(&card, &kid, &key).unwrap();
        std::fs::write(format!("{folder}/own-{name}.json"), format!("{signed}\n")).unwrap();
        let mut jwk = key.public_key().to_jwk();
        jwk["kid"] = kid.into();
        jwk["alg"] = name.into();
        jwks.push(jwk);
    }
    let set = json!({"keys": jwks});
    std::fs::write(format!("{folder}/own-jwks.json"), format!("{set:#}\n")).unwrap();
}
