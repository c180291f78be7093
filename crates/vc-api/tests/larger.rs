//! Credentials by ES384 and ES512: as by other keys, and by no other way than a JWS.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use legation_keys::base64url;
use legation_resolver::{Fetcher, Options};
use legation_vc_api::{
    Method, Problem, Service, SigningKey,
    alone::{Occasion, What, secure, verify},
};
use serde_json::{Value, json};

const NOW: i64 = 1_795_255_200;

/// Private keys of P-384 and P-521 with their DIDs (did:key specification, test vectors for NIST curves).
fn published() -> Vec<Value> {
    serde_json::from_str(include_str!("data/did-key-nist.json")).unwrap()
}

fn service(keys: &[&Value]) -> Service {
    let keys = keys.iter().map(|key| SigningKey::from_jwk(&key["jwk"].to_string()).unwrap()).collect();
    Service::new(keys, Fetcher::new(Options::default()).unwrap(), "https://vc.example")
}

fn credential(issuer: &str) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": issuer, "credentialSubject": {"id": "did:example:b"},
    })
}

fn issue(service: &Service, way: &str, document: &Value) -> Result<String, Problem> {
    secure(service, way, document.to_string().as_bytes(), Occasion::default(), NOW)
}

async fn code(service: &Service, text: &str) -> Result<What, &'static str> {
    verify(service, text.as_bytes(), Occasion::default(), NOW).await.map_err(|problem| problem.code)
}

fn method(id: &str, controller: &str, key: &Value) -> Method {
    let mut jwk = key["jwk"].clone();
    jwk.as_object_mut().unwrap().remove("d");
    let text =
        json!({"id": id, "type": "JsonWebKey", "controller": controller, "publicKeyJwk": jwk}).to_string();
    Method::parse(text.as_bytes()).unwrap()
}

fn header(token: &str) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn what_the_published_keys_sign_their_dids_verify() {
    for key in published() {
        let (did, service) = (key["did"].as_str().unwrap(), service(&[&key]));
        let token = issue(&service, "vc-jwt", &credential(did)).unwrap();
        assert_eq!(code(&service, &token).await, Ok(What::Credential), "{did}");
        assert_eq!(header(&token)["kid"], format!("{did}#{}", did.strip_prefix("did:key:").unwrap()));

        let presentation = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiablePresentation"], "holder": did,
            "verifiableCredential": [{
                "@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiableCredential",
                "id": format!("data:application/vc+jwt,{token}"),
            }],
        });
        let shown = issue(&service, "vc-jwt", &presentation).unwrap();
        assert_eq!(code(&service, &shown).await, Ok(What::Presentation), "{did}");

        let (head, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = base64url::decode(signature).unwrap();
        bytes[5] ^= 1;
        let cases = [
            ("one bit of the signature", format!("{head}.{}", base64url::encode(&bytes))),
            ("a signature of 64 bytes", format!("{head}.{}", base64url::encode(&bytes[..64]))),
            ("no signature", format!("{head}.")),
        ];
        for (name, text) in cases {
            assert_eq!(code(&service, &text).await, Err("signature_invalid"), "{name}");
        }
    }
}

/// The header names an algorithm, the key has one: a signature counts only where they are the same.
#[tokio::test]
async fn a_header_does_not_make_another_key_of_a_key() {
    let keys = published();
    let (p384, p521) = (&keys[0], &keys[2]);
    let did = p384["did"].as_str().unwrap();
    let service = service(&[p384]);
    let token = issue(&service, "vc-jwt", &credential(did)).unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    for (alg, expected) in [
        ("ES512", "algorithm_key_mismatch"),
        ("ES256", "malformed"),
        ("EdDSA", "malformed"),
        ("ES256K", "algorithm_not_allowed"),
        ("HS384", "algorithm_not_allowed"),
        ("none", "algorithm_not_allowed"),
    ] {
        let mut header = header(&token);
        header["alg"] = alg.into();
        let bent = format!("{}.{rest}", base64url::encode(header.to_string().as_bytes()));
        assert_eq!(code(&service, &bent).await, Err(expected), "{alg}");
    }
    // The same name for a key of the other curve.
    let kid = header(&token)["kid"].as_str().unwrap().to_owned();
    let other = self::service(&[]).knowing(vec![method(&kid, did, p521)], vec![]);
    assert_eq!(code(&other, &token).await, Err("algorithm_key_mismatch"));
    let other = self::service(&[]).knowing(vec![method(&kid, did, &keys[1])], vec![]);
    assert_eq!(code(&other, &token).await, Err("signature_invalid"));
}

#[tokio::test]
async fn a_key_that_is_handed_over_is_known_by_its_id_its_kid_and_its_thumbprint() {
    let issuer = "https://issuer.example/";
    for key in published() {
        let thumbprint = {
            let text = |name: &str| key["jwk"][name].as_str().unwrap().to_owned();
            let (crv, x, y) = (text("crv"), text("x"), text("y"));
            let required = format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#);
            base64url::encode(
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, required.as_bytes()).as_ref(),
            )
        };
        let mut named = key.clone();
        named["jwk"]["kid"] = "key-1".into();
        for kid in ["https://issuer.example/#1", "key-1", &thumbprint] {
            let signing = service(&[&key]).issuing_as(issuer.to_owned(), kid.to_owned());
            let token = issue(&signing, "vc-jwt", &credential(issuer)).unwrap();
            let knowing = |controller: &str| {
                let method = method("https://issuer.example/#1", controller, &named);
                service(&[]).knowing(vec![method], vec![])
            };
            assert_eq!(code(&knowing(issuer), &token).await, Ok(What::Credential), "{kid}");
            assert_eq!(
                code(&knowing("https://mallory.example/"), &token).await,
                Err("issuer_mismatch"),
                "{kid}"
            );
        }
    }
}

#[tokio::test]
async fn only_a_jws_is_made_by_such_a_key_and_no_document_is_asked_for_one() {
    let keys = published();
    let did = keys[0]["did"].as_str().unwrap();
    let service = service(&[&keys[0]]);
    for way in ["eddsa-jcs-2022", "eddsa-rdfc-2022", "ecdsa-rdfc-2019"] {
        assert_eq!(issue(&service, way, &credential(did)).unwrap_err().code, "key_not_found", "{way}");
    }
    let web = "did:web:issuer.example";
    let signing = self::service(&[&keys[0]]).issuing_as(web.to_owned(), format!("{web}#key-1"));
    let token = issue(&signing, "vc-jwt", &credential(web)).unwrap();
    let problem = verify(&service, token.as_bytes(), Occasion::default(), NOW).await.unwrap_err();
    assert_eq!(problem.code, "key_not_found");
    assert!(problem.detail.contains("hand the key over"), "{}", problem.detail);
    // A did:key has one name for its one key.
    let signing = self::service(&[&keys[0]]).issuing_as(did.to_owned(), format!("{did}#key-1"));
    let token = issue(&signing, "vc-jwt", &credential(did)).unwrap();
    assert_eq!(code(&service, &token).await, Err("key_not_found"));
}

#[test]
fn what_is_no_key_of_its_curve_is_refused_and_no_secret_is_told() {
    for key in published() {
        let right = key["jwk"].clone();
        let d = right["d"].as_str().unwrap();
        let other =
            published().into_iter().find(|one| one != &key && one["jwk"]["crv"] == right["crv"]).unwrap();
        let cases: [(&str, Value, &str); 7] = [
            ("d", other["jwk"]["d"].clone(), "does not belong"),
            ("d", "AAAA".into(), "`d`: expected"),
            ("d", Value::Null, "`d`: expected"),
            ("x", other["jwk"]["x"].clone(), "no valid public key"),
            ("x", format!("{}A", right["x"].as_str().unwrap()).into(), "`x`: expected"),
            ("y", Value::Null, "`y`: expected"),
            ("crv", "P-999".into(), "not a private key"),
        ];
        for (member, value, part) in cases {
            let mut jwk = right.clone();
            jwk[member] = value.clone();
            let error = SigningKey::from_jwk(&jwk.to_string()).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains(d), "{member} {value}: {error}");
        }
        let signing = SigningKey::from_jwk(&right.to_string()).unwrap();
        assert!(!format!("{signing:?}").contains(d));

        let parse = |change: &dyn Fn(&mut Value)| {
            let mut jwk = right.clone();
            jwk.as_object_mut().unwrap().remove("d");
            change(&mut jwk);
            let text = json!({"id": "a:b", "controller": "a:c", "publicKeyJwk": jwk}).to_string();
            Method::parse(text.as_bytes()).map_err(|problem| problem.detail)
        };
        assert!(parse(&|jwk| jwk["alg"] = signing.algorithm().to_string().into()).is_ok());
        for (name, part, change) in [
            (
                "a private key",
                "private member",
                &(|jwk: &mut Value| jwk["d"] = d.into()) as &dyn Fn(&mut Value),
            ),
            ("another algorithm", "`alg` ES256", &|jwk| jwk["alg"] = "ES256".into()),
            ("for encryption", "`use` enc", &|jwk| jwk["use"] = "enc".into()),
            ("not for verifying", "key_ops", &|jwk| jwk["key_ops"] = json!(["deriveKey"])),
        ] {
            let told = parse(change).unwrap_err();
            assert!(told.contains(part), "{name}: {told}");
        }

        let multikey = key["did"].as_str().unwrap().strip_prefix("did:key:").unwrap();
        let by_multikey = |text: &str| {
            let text = json!({"id": "a:b", "controller": "a:c", "publicKeyMultibase": text}).to_string();
            Method::parse(text.as_bytes())
        };
        assert!(by_multikey(multikey).is_ok());
        let (_, bytes) = multibase::decode(multikey).unwrap();
        let encode = |bytes: &[u8]| multibase::encode(multibase::Base::Base58Btc, bytes);
        assert!(by_multikey(&encode(&bytes[..bytes.len() - 1])).is_err(), "too short");
        assert!(by_multikey(&encode(&[bytes.as_slice(), &[0]].concat())).is_err(), "too long");
        assert!(by_multikey(&multibase::encode(multibase::Base::Base64Url, &bytes)).is_err(), "another base");
        let mut off = bytes.clone();
        off[2] = 4;
        assert!(by_multikey(&encode(&off)).is_err(), "not compressed");
    }
}
