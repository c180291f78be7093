//! JWT-SVIDs: IDs, bundles, and what is none. Bad input is data.

use crate::{AUDIENCE, NOW, jws_of, key, patched};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_token::{
    SpiffeId,
    svid::{Bundle, SvidClaims, SvidError, bundle, verify::is_svid, verify::signed},
};
use serde_json::{Value, json};

const DOMAIN: &str = "acme.example";

fn jwk(key: &SecretKey, kid: &str, purpose: &str) -> Value {
    patched(&key.public_key().to_jwk(), &json!({"kid": kid, "use": purpose}))
}

fn parsed(keys: &[Value]) -> Bundle {
    Bundle::parse(bundle::document(keys, 7, 300).to_string().as_bytes()).unwrap()
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "k", "typ": "JWT"})
}

fn claims() -> Value {
    json!({"sub": "spiffe://acme.example/crm", "aud": [AUDIENCE], "exp": NOW + 300, "iat": NOW, "jti": "1"})
}

fn held(text: &str, bundle: &Bundle) -> Result<SvidClaims, SvidError> {
    let signed = signed(text, bundle, DOMAIN)?;
    signed.holds(AUDIENCE, 3600, NOW)?;
    Ok(signed.claims().clone())
}

#[test]
fn one_workload_has_one_spelling() {
    let data: Value = serde_json::from_str(include_str!("../data/spiffe_ids.json")).unwrap();
    for good in data["good"].as_array().unwrap() {
        let id = SpiffeId::parse(good[0].as_str().unwrap()).unwrap();
        assert_eq!((id.trust_domain(), id.path()), (good[1].as_str().unwrap(), good[2].as_str().unwrap()));
    }
    for bad in data["bad"].as_array().unwrap() {
        assert!(SpiffeId::parse(bad[1].as_str().unwrap()).is_err(), "{}", bad[0]);
    }
    let of = |length: usize| format!("spiffe://acme.example/{}", "a".repeat(length - 22));
    assert!(SpiffeId::parse(&of(2048)).is_ok() && SpiffeId::parse(&of(2049)).is_err());
    let domain = |length: usize| format!("spiffe://{}/a", "a".repeat(length));
    assert!(SpiffeId::parse(&domain(255)).is_ok() && SpiffeId::parse(&domain(256)).is_err());
}

#[test]
fn an_svid_holds_by_its_own_trust_domain_for_one_audience_and_minutes() {
    let (own, other) = (key(Algorithm::Es256), key(Algorithm::Es256));
    let keys = parsed(&[jwk(&own, "k", "jwt-svid"), jwk(&own, "x509", "x509-svid"), jwk(&own, "sig", "sig")]);
    assert_eq!((keys.count(), keys.sequence(), keys.refresh_hint()), (1, Some(7), Some(300)));
    let good = jws_of(&header().to_string(), &claims().to_string(), &own);
    let read = held(&good, &keys).unwrap();
    assert_eq!((read.id.as_str(), read.expires_at), ("spiffe://acme.example/crm", NOW + 300));
    assert_eq!(read.to_json(), claims());
    assert!(is_svid(&good));
    // `typ` and `kid` may be left out, where one key alone can be meant; an issuer may say more.
    for head in [json!({"typ": null}), json!({"typ": "JOSE"}), json!({"kid": null}), json!({})] {
        let text = jws_of(&patched(&header(), &head).to_string(), &claims().to_string(), &own);
        assert!(held(&text, &keys).is_ok(), "{head}");
    }
    let more = patched(&claims(), &json!({"iss": "x", "aud": AUDIENCE, "a": {"b": [1]}}));
    assert!(held(&jws_of(&header().to_string(), &more.to_string(), &own), &keys).is_ok());
    let two = parsed(&[jwk(&own, "k", "jwt-svid"), jwk(&other, "l", "jwt-svid")]);
    let unnamed = patched(&header(), &json!({"kid": null}));
    let unnamed = jws_of(&unnamed.to_string(), &claims().to_string(), &own);
    assert_eq!(held(&unnamed, &two).unwrap_err().code(), "key_not_found");
    // By the key of another one, and of a trust domain that has withdrawn all.
    let forged = jws_of(&header().to_string(), &claims().to_string(), &other);
    assert_eq!(held(&forged, &keys).unwrap_err(), SvidError::Signature);
    assert_eq!(held(&good, &parsed(&[])).unwrap_err().code(), "key_not_found");
}

#[test]
fn what_is_no_svid_is_refused_by_the_rule_that_it_breaks() {
    let own = key(Algorithm::Es256);
    let keys = parsed(&[jwk(&own, "k", "jwt-svid"), jwk(&own, "x509", "x509-svid"), jwk(&own, "sig", "sig")]);
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/bad_svids.json")).unwrap();
    for case in &cases {
        let empty = json!({});
        let head = patched(&header(), case.get("header").unwrap_or(&empty));
        let said = patched(&claims(), case.get("claims").unwrap_or(&empty));
        let refused = held(&jws_of(&head.to_string(), &said.to_string(), &own), &keys);
        let found = refused.map(|_| ()).map_err(|error| error.code());
        assert_eq!(found, Err(case["code"].as_str().unwrap()), "{}", case["case"]);
    }
    // An Ed25519 key in a bundle signs no SVID, whatever the header says.
    let edwards = key(Algorithm::EdDsa);
    let bundle = parsed(&[jwk(&edwards, "k", "jwt-svid")]);
    for alg in ["EdDSA", "Ed25519", "ES256"] {
        let head = patched(&header(), &json!({"alg": alg}));
        let text = jws_of(&head.to_string(), &claims().to_string(), &edwards);
        assert_eq!(held(&text, &bundle).unwrap_err().code(), "algorithm_not_allowed", "{alg}");
    }
    let good = jws_of(&header().to_string(), &claims().to_string(), &own);
    for bent in
        [format!("{good}."), format!("{good}="), good.replacen('.', "..", 1), String::new(), "a.b.c".into()]
    {
        assert!(held(&bent, &keys).is_err(), "{bent}");
    }
    let long = format!("{good}{}", "A".repeat(24 << 10));
    assert_eq!(held(&long, &keys).unwrap_err().code(), "input_too_large");
    let twice = r#"{"sub":"spiffe://acme.example/crm","sub":"spiffe://acme.example/b","aud":"https://api.example","exp":1795255300}"#;
    assert_eq!(
        held(&jws_of(&header().to_string(), twice, &own), &keys).unwrap_err().code(),
        "duplicate_member"
    );
}

#[test]
fn a_bundle_is_of_now_and_says_which_key_is_which() {
    let own = key(Algorithm::Es256);
    let document = |keys: &[Value], sequence: i64| {
        Bundle::parse(bundle::document(keys, sequence, 300).to_string().as_bytes())
    };
    let good = document(&[jwk(&own, "k", "jwt-svid")], 7).unwrap();
    assert!(document(&[], 8).unwrap().follows(&good).is_ok() && good.follows(&good).is_ok());
    assert_eq!(document(&[], 6).unwrap().follows(&good).unwrap_err().code(), "bundle_older");
    assert!(Bundle::parse(br#"{"keys":[]}"#).unwrap().follows(&good).is_err());
    // Keys that nobody here knows are read past; one that signs SVIDs has a name of its own.
    let unknown = json!({"kty": "AKP", "use": "jwt-svid", "kid": "pq"});
    let read = document(&[unknown, json!({"kty": "x"}), jwk(&own, "k", "jwt-svid")], 7).unwrap();
    let text = jws_of(&header().to_string(), &claims().to_string(), &own);
    assert!(held(&text, &read).is_ok());
    let unnamed = patched(&jwk(&own, "k", "jwt-svid"), &json!({"kid": null}));
    assert_eq!(document(&[unnamed], 7).unwrap_err().code(), "bundle_invalid");
    let twice = [jwk(&own, "k", "jwt-svid"), jwk(&key(Algorithm::Es256), "k", "jwt-svid")];
    assert_eq!(document(&twice, 7).unwrap_err().code(), "bundle_invalid");
    for bad in [
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"spiffe_sequence":"1"}"#,
        r#"{"keys":[],"spiffe_sequence":-1}"#,
    ] {
        assert!(Bundle::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let many = vec![json!({"kty": "x"}); 257];
    assert!(document(&many, 1).is_err());
}
