//! Credentials by ES384 and ES512: as by other keys, and by no other way than a JWS.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod world;

use legation_keys::{Algorithm, SecretKey, Signer as _, base64url};
use legation_resolver::{Fetcher, Options};
use legation_vc_api::{
    Method, Problem, Service, SigningKey,
    alone::{Occasion, What, secure, verify},
};
use serde_json::{Value, json};
use std::sync::Arc;
use world::{
    World, routes,
    site::{Answer, Site},
};

const NOW: i64 = 1_795_255_200;

/// Private keys of P-384 and P-521 with their DIDs (did:key specification, test vectors for NIST curves).
fn published() -> Vec<Value> {
    serde_json::from_str(include_str!("data/did-key-nist.json")).unwrap()
}

fn service(keys: &[&Value]) -> Arc<Service> {
    Arc::new(bare(keys))
}

fn bare(keys: &[&Value]) -> Service {
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

async fn code(service: &Arc<Service>, text: &str) -> Result<What, &'static str> {
    let told = verify(service, text.as_bytes(), Occasion::default(), NOW).await;
    told.map(|verified| verified.what).map_err(|problem| problem.code)
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
    let other = Arc::new(bare(&[]).knowing(vec![method(&kid, did, p521)], vec![]));
    assert_eq!(code(&other, &token).await, Err("algorithm_key_mismatch"));
    let other = Arc::new(bare(&[]).knowing(vec![method(&kid, did, &keys[1])], vec![]));
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
        let multikey = key["did"].as_str().unwrap().strip_prefix("did:key:").unwrap();
        let multikey =
            json!({"id": "https://issuer.example/#1", "controller": issuer, "publicKeyMultibase": multikey});
        let multikey = Method::parse(multikey.to_string().as_bytes()).unwrap();
        for kid in ["https://issuer.example/#1", &thumbprint] {
            let signing = bare(&[&key]).issuing_as(issuer.to_owned(), kid.to_owned());
            let token = issue(&signing, "vc-jwt", &credential(issuer)).unwrap();
            let knowing = Arc::new(bare(&[]).knowing(vec![multikey.clone()], vec![]));
            assert_eq!(code(&knowing, &token).await, Ok(What::Credential), "{kid}");
        }
        for kid in ["https://issuer.example/#1", "key-1", &thumbprint] {
            let signing = bare(&[&key]).issuing_as(issuer.to_owned(), kid.to_owned());
            let token = issue(&signing, "vc-jwt", &credential(issuer)).unwrap();
            let knowing = |controller: &str| {
                let method = method("https://issuer.example/#1", controller, &named);
                Arc::new(bare(&[]).knowing(vec![method], vec![]))
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

/// A Token Status List has to be its credential's issuer's own, by whatever key that has.
#[tokio::test]
async fn a_token_status_list_by_such_a_key_is_read() {
    let site = Site::open().await;
    let world = site.world();
    let uri = format!("{}/list", site.origin);
    let keys = published();
    for (by, other) in [(0, 1), (2, 3), (0, 2)] {
        let did = keys[by]["did"].as_str().unwrap();
        let mut document = credential(did);
        document["status"] = json!({"status_list": {"idx": 1, "uri": uri}});
        let token = issue(&service(&[&keys[by]]), "vc-jwt", &document).unwrap();
        let document = json!({
            "@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiableCredential",
            "id": format!("data:application/vc+jwt,{token}"),
        });
        // Eight statuses of one bit, deflated by hand: a stored block of one byte (RFC 1950, RFC 1951).
        for (signer, bits, expected) in [
            (by, 0b1111_1101_u8, (200, "")),
            (by, 0b0000_0010, (400, "link_revoked")),
            (other, 0b1111_1101, (400, "status_invalid")),
        ] {
            let adler = [0, bits + 1, 0, bits + 1];
            let stored = [[0x78, 0x01, 0x01, 1, 0, 0xfe, 0xff, bits].as_slice(), &adler].concat();
            let key = SigningKey::from_jwk(&keys[signer]["jwk"].to_string()).unwrap();
            let header = json!({
                "alg": key.algorithm().to_string(), "typ": "statuslist+jwt",
                "kid": format!("{did}#{}", did.strip_prefix("did:key:").unwrap()),
            });
            let claims = json!({
                "sub": uri, "iat": NOW,
                "status_list": {"bits": 1, "lst": base64url::encode(&stored)},
            });
            let part = |json: &Value| base64url::encode(json.to_string().as_bytes());
            let input = format!("{}.{}", part(&header), part(&claims));
            let signature = base64url::encode(&key.sign(input.as_bytes()).unwrap());
            site.put("list", Answer::new("application/statuslist+jwt", format!("{input}.{signature}")));
            let told = world.verify(&document).await;
            let expected = match (by, signer) {
                (0, 2) => (400, "algorithm_key_mismatch"),
                _ => expected,
            };
            assert_eq!(told, (expected.0, expected.1.to_owned()), "{did} by {signer}");
        }
    }
}

/// Each issues as the did:key that it is, whatever keys the service has besides, and its document is resolved.
#[tokio::test]
async fn a_service_with_several_keys_signs_by_the_one_that_is_named() {
    let keys = published();
    let ed25519 = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let named = format!("did:key:{}", ed25519.public_key().to_multikey());
    let all = [SigningKey::from(ed25519)].into_iter();
    let all = all.chain(keys.iter().map(|key| SigningKey::from_jwk(&key["jwk"].to_string()).unwrap()));
    let service = Arc::new(Service::new(all.collect(), Fetcher::new(Options::default()).unwrap(), ""));
    for did in keys.iter().map(|key| key["did"].as_str().unwrap()).chain([named.as_str()]) {
        let token = issue(&service, "vc-jwt", &credential(did)).unwrap();
        assert_eq!(code(&service, &token).await, Ok(What::Credential), "{did}");
    }
    let other = issue(&service, "vc-jwt", &credential("did:example:a")).unwrap_err();
    assert_eq!(other.code, "issuer_mismatch");
    assert!(issue(&service, "eddsa-jcs-2022", &credential(&named)).is_ok());

    let world = World { routes: routes(Vec::new(), Options::default()), ed25519: named, p256: String::new() };
    for did in keys.iter().map(|key| key["did"].as_str().unwrap()) {
        let (status, document) = world.get(&format!("/1.0/identifiers/{did}"), "application/did").await;
        let multikey = did.strip_prefix("did:key:").unwrap();
        assert_eq!((status, &document["id"]), (200, &json!(did)), "{document}");
        assert_eq!(document["verificationMethod"][0]["publicKeyMultibase"], json!(multikey));
        assert_eq!(document["assertionMethod"], json!([format!("{did}#{multikey}")]));
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
    let signing = bare(&[&keys[0]]).issuing_as(web.to_owned(), format!("{web}#key-1"));
    let token = issue(&signing, "vc-jwt", &credential(web)).unwrap();
    let problem = verify(&service, token.as_bytes(), Occasion::default(), NOW).await.unwrap_err();
    assert_eq!(problem.code, "key_not_found");
    assert!(problem.detail.contains("hand the key over"), "{}", problem.detail);
    // A did:key has one name for its one key.
    let signing = bare(&[&keys[0]]).issuing_as(did.to_owned(), format!("{did}#key-1"));
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
        let cases: [(&str, Value, &str); 8] = [
            ("d", other["jwk"]["d"].clone(), "does not belong"),
            ("d", "AAAA".into(), "`d`: expected"),
            ("d", Value::Null, "`d`: expected"),
            ("x", other["jwk"]["x"].clone(), "no valid public key"),
            ("x", format!("{}A", right["x"].as_str().unwrap()).into(), "`x`: expected"),
            ("y", Value::Null, "`y`: expected"),
            ("crv", "P-999".into(), "not a private key"),
            ("crv", "X448".into(), "`X448` is no supported kind of key; use Ed25519, P-256, P-384 or P-521"),
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
        assert!(
            by_multikey("zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme")
                .unwrap_err()
                .detail
                .contains("P-521")
        );
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
