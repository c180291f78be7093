//! Compact JWS: every vector by the steps of a verifier, header rules and the choice of a key included.

use crate::{Tally, cases};
use legation_keys::{
    Algorithm, Json, PublicKey, SecretKey, Signer, base64url,
    json::{JsonLimits, parse},
    jws::{self, JwsError},
    public::PublicKeyError,
};
use serde_json::Value;

const LIMITS: JsonLimits = JsonLimits { bytes: 10_000, depth: 8 };

/// Verifies a JWS with one key, or with that of a set which its `kid` names; the word says what refused it.
///
/// The vectors have no `typ`, and so none is what is wanted of them; a key is found by its `kid` only.
fn answer(text: &str, key: &Value) -> &'static str {
    let keys = key.to_string();
    let keys = parse(keys.as_bytes(), LIMITS).unwrap();
    let parts = match jws::split(text) {
        Ok(parts) => parts,
        Err(_) => return "parts",
    };
    let header = match jws::read_header(parts.header, "", &Algorithm::ALL, LIMITS) {
        Ok(header) => header,
        Err(JwsError::Algorithm { .. }) => return "algorithm",
        Err(JwsError::KeyInHeader { .. }) => return "key in the header",
        Err(JwsError::Critical { .. }) => return "critical header",
        Err(_) => return "header",
    };
    let named = |key: &&Json<'_>| key.get("kid").and_then(Json::as_str) == header.key_id.as_deref();
    if header.key_id.is_none() {
        return "no such key";
    }
    let key = match keys.get("keys").and_then(Json::as_array) {
        Some(set) => set.iter().find(named),
        None => Some(&keys).filter(named),
    };
    let Some(key) = key.and_then(Json::as_object) else { return "no such key" };
    let key = match PublicKey::from_jwk(key) {
        Ok(key) if key.algorithm() == header.algorithm => key,
        Ok(_) => return "algorithm of the key",
        Err(PublicKeyError::Unsupported { .. }) => return "kind or use of the key",
        Err(_) => return "key",
    };
    if base64url::decode(parts.payload).is_err() {
        return "payload";
    }
    match jws::read_signature(parts.signature) {
        Err(_) => "signature's form",
        Ok(signature) if key.verify(parts.signing_input.as_bytes(), &signature).is_ok() => "valid",
        Ok(_) => "signature",
    }
}

/// Runs a Wycheproof set: how often each answer was given, and by id which vectors are refused here though
/// they are valid, with the answer. What is invalid must not be valid here.
fn wycheproof(file: &str) -> (Tally, Vec<(u64, &'static str)>) {
    let (mut tally, mut exceptions) = (Tally::default(), Vec::new());
    for group in cases(file) {
        for test in group["tests"].as_array().unwrap() {
            // A JWS in its JSON serialization is no compact one.
            let text = test["text"].as_str().map_or_else(|| test["text"].to_string(), str::to_owned);
            let answer = answer(&text, &group["key"]);
            let id = test["tcId"].as_u64().unwrap();
            match test["result"].as_str().unwrap() {
                "valid" if answer == "valid" => {}
                "valid" => exceptions.push((id, answer)),
                _ => assert_ne!(answer, "valid", "tcId {id}, {}", test["comment"]),
            }
            tally.count(answer);
        }
    }
    (tally, exceptions)
}

/// The two that are valid here are ES256; of the other valid ones all are signed by RSA, HMAC or ES512, which
/// have no name here, and 372 has a character in its header that base64url does not have.
#[test]
fn wycheproof_signatures() {
    let (tally, exceptions) = wycheproof(include_str!("data/wycheproof-json-web-signature.json"));
    let (by_algorithm, others): (Vec<_>, Vec<_>) =
        exceptions.into_iter().partition(|(_, answer)| *answer == "algorithm");
    assert_eq!(others, [(372, "header")]);
    let wanted = (1..=1).chain(33..=33).chain(259..=275).chain(287..=288).chain(320..=323).chain(325..=328);
    let wanted = wanted.chain(345..=352).chain(357..=359).chain([373, 376, 377]);
    assert!(by_algorithm.iter().map(|(id, _)| *id).eq(wanted), "{by_algorithm:?}");
    tally.is(
        401,
        &[
            ("algorithm", 341),
            ("header", 9),
            ("key in the header", 1),
            ("kind or use of the key", 2),
            ("no such key", 1),
            ("parts", 18),
            ("signature", 19),
            ("signature's form", 8),
            ("valid", 2),
        ],
    );
}

/// 2, 13, 14 and 15 are signed by HMAC, 5 by RSA.
#[test]
fn wycheproof_keys() {
    let (tally, exceptions) = wycheproof(include_str!("data/wycheproof-json-web-key.json"));
    assert_eq!(exceptions, [2, 5, 13, 14, 15].map(|id| (id, "algorithm")));
    tally.is(26, &[("algorithm", 20), ("key", 1), ("kind or use of the key", 5)]);
}

/// 1 and 48 are signed by HMAC, 33 by RSA; 50 and 67 are encrypted and have five parts.
#[test]
fn wycheproof_signatures_and_encryption() {
    let (tally, exceptions) = wycheproof(include_str!("data/wycheproof-json-web-crypto.json"));
    let wanted = [(1, "algorithm"), (33, "algorithm"), (48, "algorithm"), (50, "parts"), (67, "parts")];
    assert_eq!(exceptions, wanted);
    tally.is(
        83,
        &[
            ("algorithm", 18),
            ("header", 6),
            ("key in the header", 1),
            ("no such key", 1),
            ("parts", 52),
            ("signature", 3),
            ("signature's form", 1),
            ("valid", 1),
        ],
    );
}

/// RFC 7520, RFC 7797 and RFC 8037: what is signed by other algorithms, in other serializations or with
/// `b64` is refused, and the private keys are no public ones.
#[test]
fn the_jose_cookbook() {
    let cases = cases(include_str!("data/jose-cookbook.json"));
    let mut tally = Tally::default();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        if case["jwk"].is_object() {
            let text = case["jwk"].to_string();
            let key = PublicKey::from_jwk(parse(text.as_bytes(), LIMITS).unwrap().as_object().unwrap());
            match key.unwrap_err() {
                PublicKeyError::Private => tally.count("private key"),
                PublicKeyError::Unsupported { .. } => tally.count("kind or use of the key"),
                other => panic!("{name}: {other}"),
            }
            continue;
        }
        let text = case["text"].as_str().map_or_else(|| case["text"].to_string(), str::to_owned);
        tally.count(answer(&text, &case["key"]));
    }
    tally.is(
        17,
        &[
            ("algorithm", 6),
            ("kind or use of the key", 4),
            ("no such key", 1),
            ("parts", 4),
            ("private key", 2),
        ],
    );
}

/// RFC 8037 A.4. Its header has no `kid`, and no payload that names its signer.
#[test]
fn rfc_8037_a_4_is_signed_and_verified() {
    let cases = cases(include_str!("data/jose-cookbook.json"));
    let case = cases.iter().find(|case| case["name"] == "curve25519/jws").unwrap();
    let seed = base64url::decode_array(case["seed"].as_str().unwrap()).unwrap();
    let key = SecretKey::from_ed25519_seed(&seed).unwrap();
    let parts = jws::split(case["text"].as_str().unwrap()).unwrap();
    assert_eq!(base64url::decode(parts.payload).unwrap(), case["payload"].as_str().unwrap().as_bytes());
    let signature = jws::read_signature(parts.signature).unwrap();
    assert_eq!(key.sign(parts.signing_input.as_bytes()).unwrap(), signature);
    assert!(key.public_key().verify(parts.signing_input.as_bytes(), &signature).is_ok());
    let header = jws::read_header(parts.header, "", &Algorithm::ALL, LIMITS).unwrap();
    assert_eq!(header.required_key_id(), Err(JwsError::NoKeyId));
}

/// RFC 7515 A.3, the example of ES256; no `kid` here either.
#[test]
fn rfc_7515_a_3_is_verified() {
    let jwk = br#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let key = PublicKey::from_jwk(parse(jwk, LIMITS).unwrap().as_object().unwrap()).unwrap();
    let parts = jws::split(text).unwrap();
    let signature = jws::read_signature(parts.signature).unwrap();
    assert!(key.verify(parts.signing_input.as_bytes(), &signature).is_ok());
    assert!(key.verify(&parts.signing_input.as_bytes()[1..], &signature).is_err());
}
