use crate::{AUDIENCE, ISSUER, NOW, claims, jwks, jws_of, key, patched};
use legation_credential::{Facts, Request};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_token::{
    Claims, Expected, Shown, TokenAlgorithm, TokenError, VerifiedToken,
    dpop::{self, Making, Of, Proof},
    signed, verify,
};
use serde_json::{Value, json};

const EXPECTED: Expected<'_> =
    Expected { issuer: ISSUER, audience: AUDIENCE, algorithms: &TokenAlgorithm::ALL };

fn head(algorithm: &str) -> Value {
    json!({"typ": "at+jwt", "alg": algorithm, "kid": "k-1"})
}

fn bare(token: &str, keys: &legation_agent_card::JwkSet) -> Result<VerifiedToken, TokenError> {
    verify(token, Shown::Bearer, keys, &EXPECTED, NOW)
}

fn code(outcome: Result<VerifiedToken, TokenError>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "good")
}

#[test]
fn a_token_says_who_acts_for_whom_and_what_that_may_do_here_and_nothing_else() {
    for algorithm in Algorithm::ALL {
        let issuer = key(algorithm);
        let token = jws_of(&head(algorithm.jose()).to_string(), &claims().to_string(), &issuer);
        let held = bare(&token, &jwks(&[("k-1", &issuer)])).unwrap();
        assert_eq!(
            (held.principal().as_str(), held.agent().as_str()),
            ("did:web:acme.example", "did:web:acme.example:mail")
        );
        let may = |action: &str, resource: &str| {
            held.permits(&Request::new(action, resource, Facts::new()).unwrap()).is_ok()
        };
        assert!(may("crm:read", "https://api.example/1"));
        assert!(!may("crm:write", "https://api.example/1"));
        assert!(!may("crm:read", "https://other.example/1"));
        assert_eq!(held.claims().to_json(), claims());
    }
}

/// Each case is a good token with some members changed, signed by the true key: what is wrong is what it says.
#[test]
fn every_token_that_says_something_else_is_refused_by_its_own_code() {
    let issuer = key(Algorithm::Es256);
    let keys = jwks(&[("k-1", &issuer)]);
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/bad_tokens.json")).unwrap();
    assert!(cases.len() >= 40);
    for case in cases {
        let header = patched(&head("ES256"), &case["header"]);
        let mut claims = patched(&claims(), &case["claims"]);
        if case.get("detail").is_some() {
            let detail = patched(&claims["authorization_details"][0], &case["detail"]);
            claims["authorization_details"][0] = detail;
        }
        let token = jws_of(&header.to_string(), &claims.to_string(), &issuer);
        assert_eq!(code(bare(&token, &keys)), case["expect"].as_str().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn no_token_chooses_its_key_or_passes_by_another_one() {
    let (issuer, other) = (key(Algorithm::Es256), key(Algorithm::Es256));
    let keys = jwks(&[("k-1", &issuer)]);
    let claims = claims().to_string();
    let forged = jws_of(&head("ES256").to_string(), &claims, &other);
    assert_eq!(code(bare(&forged, &keys)), "signature_invalid");
    let with_key = patched(&head("ES256"), &json!({"jwk": other.public_key().to_jwk()}));
    assert_eq!(code(bare(&jws_of(&with_key.to_string(), &claims, &other), &keys)), "key_in_header");
    // A key is for one algorithm, whatever a token says.
    let by_name = |alg: &str| code(bare(&jws_of(&head(alg).to_string(), &claims, &issuer), &keys));
    assert_eq!(by_name("EdDSA"), "algorithm_not_allowed");
    assert_eq!(by_name("RS256"), "algorithm_not_allowed");
    assert_eq!(by_name("HS256"), "algorithm_not_allowed");
    assert_eq!(by_name("none"), "algorithm_not_allowed");
    // An HMAC with the public key as its secret, and no signature at all.
    let unsigned = jws_of(&head("none").to_string(), &claims, &issuer);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert_eq!(code(bare(&unsigned, &keys)), "algorithm_not_allowed");
    // An algorithm that this service does not take.
    let only = Expected { algorithms: &[TokenAlgorithm::Rs256], ..EXPECTED };
    let good = jws_of(&head("ES256").to_string(), &claims, &issuer);
    assert_eq!(code(verify(&good, Shown::Bearer, &keys, &only, NOW)), "algorithm_not_allowed");
    for bent in [
        format!("{good}="),
        format!(" {good}"),
        good.replacen('.', "=.", 1),
        format!("{good}.x"),
        String::new(),
    ] {
        assert_eq!(code(bare(&bent, &keys)), "malformed", "{bent}");
    }
    assert_eq!(code(bare(&"x".repeat(100_000), &keys)), "input_too_large");
    let twice = claims.replacen('{', r#"{"aud":"https://evil.example","#, 1);
    assert_eq!(code(bare(&jws_of(&head("ES256").to_string(), &twice, &issuer), &keys)), "duplicate_member");
}

/// The other kinds of JWT of the house, by the same key, with the same claims.
#[test]
fn a_jwt_of_another_kind_is_no_token() {
    let issuer = key(Algorithm::Es256);
    let keys = jwks(&[("k-1", &issuer)]);
    for typ in [
        "vc+jwt",
        "vp+jwt",
        "secevent+jwt",
        "alert+jwt",
        "dpop+jwt",
        "JWT",
        "client-authentication+jwt",
        "at+jwt; x",
        "",
    ] {
        let header = patched(&head("ES256"), &json!({ "typ": typ }));
        assert_eq!(
            code(bare(&jws_of(&header.to_string(), &claims().to_string(), &issuer), &keys)),
            "type_mismatch",
            "{typ}"
        );
    }
    for typ in ["application/at+jwt", "AT+JWT"] {
        let header = patched(&head("ES256"), &json!({ "typ": typ }));
        assert_eq!(
            code(bare(&jws_of(&header.to_string(), &claims().to_string(), &issuer), &keys)),
            "good",
            "{typ}"
        );
    }
}

/// The end is the end: that is how late a revocation may show.
#[test]
fn a_token_passes_before_its_end_and_at_no_moment_after_it() {
    let issuer = key(Algorithm::EdDsa);
    let keys = jwks(&[("k-1", &issuer)]);
    let token = jws_of(&head("EdDSA").to_string(), &claims().to_string(), &issuer);
    let at = |now: i64| code(verify(&token, Shown::Bearer, &keys, &EXPECTED, now));
    assert_eq!((at(NOW + 299), at(NOW + 300), at(NOW + 301)), ("good", "expired", "expired"));
    assert_eq!((at(NOW - 30), at(NOW - 31)), ("good", "not_yet_valid"));
}

fn proof(own: &SecretKey, token: &str) -> Proof {
    let making = Making { method: "GET", url: AUDIENCE, id: "1", nonce: None, token: Some(token), now: NOW };
    let made = dpop::make(&making, own).unwrap();
    dpop::check(&[&made], &Of { method: "GET", url: AUDIENCE, token: Some(token), nonce: None }, NOW).unwrap()
}

#[test]
fn a_bound_token_is_of_no_use_without_a_proof_of_its_own_key_made_with_it() {
    let (issuer, own, other) = (key(Algorithm::Es256), key(Algorithm::EdDsa), key(Algorithm::EdDsa));
    let keys = jwks(&[("k-1", &issuer)]);
    let bound = patched(&claims(), &json!({"cnf": {"jkt": own.public_key().thumbprint()}}));
    let token = jws_of(&head("ES256").to_string(), &bound.to_string(), &issuer);
    let unbound = jws_of(&head("ES256").to_string(), &claims().to_string(), &issuer);
    let shown = |token: &str, proof: &Proof| code(verify(token, Shown::Proved(proof), &keys, &EXPECTED, NOW));
    assert_eq!(shown(&token, &proof(&own, &token)), "good");
    assert_eq!(code(bare(&token, &keys)), "dpop_missing");
    assert_eq!(shown(&token, &proof(&other, &token)), "dpop_key_mismatch");
    assert_eq!(shown(&token, &proof(&own, &unbound)), "dpop_token_mismatch");
    assert_eq!(shown(&unbound, &proof(&own, &unbound)), "token_unbound");
    // Made at the token endpoint, with no token.
    let making = Making { method: "GET", url: AUDIENCE, id: "1", nonce: None, token: None, now: NOW };
    let made = dpop::make(&making, &own).unwrap();
    let without =
        dpop::check(&[&made], &Of { method: "GET", url: AUDIENCE, token: None, nonce: None }, NOW).unwrap();
    assert_eq!(shown(&token, &without), "dpop_token_mismatch");
}

/// Who acted before is history: it neither gives anything nor makes anybody else the agent.
#[test]
fn nothing_is_granted_by_act() {
    let issuer = key(Algorithm::Es256);
    let keys = jwks(&[("k-1", &issuer)]);
    let of = |act: Value| {
        let said = patched(&claims(), &json!({ "act": act }));
        bare(&jws_of(&head("ES256").to_string(), &said.to_string(), &issuer), &keys)
    };
    let more =
        of(json!({"sub": "did:web:acme.example:mail", "act": {"sub": "did:web:acme.example:root-of-all"}}))
            .unwrap();
    assert_eq!(more.agent().as_str(), "did:web:acme.example:mail");
    let write = Request::new("crm:write", "https://api.example/1", Facts::new()).unwrap();
    assert!(more.permits(&write).is_err());
    for claimed in [
        json!({"sub": "did:web:acme.example:boss"}),
        json!({"sub": "did:web:acme.example:mail", "scope": "crm:write"}),
        json!({"sub": "did:web:acme.example:mail", "act": {"sub": "x", "authorization_details": []}}),
        json!({"sub": "did:web:acme.example:mail", "exp": NOW + 3000}),
        json!({"act": {"sub": "did:web:acme.example:mail"}}),
        json!("did:web:acme.example:mail"),
        json!([]),
    ] {
        assert_eq!(code(of(claimed.clone())), "actors_mismatch", "{claimed}");
    }
    let deep = (0..80)
        .fold(json!({"sub": "x"}), |inner, _| json!({"sub": "did:web:acme.example:mail", "act": inner}));
    assert_ne!(code(of(deep)), "good");
}

#[test]
fn a_scope_says_no_more_than_the_grants_and_limits() {
    let of = |grants: Value, constraints: Value| {
        let mut claims = claims();
        claims["authorization_details"][0]["grants"] = grants;
        claims["authorization_details"][0]["constraints"] = constraints;
        Claims::read(claims.to_string().as_bytes()).unwrap().scope()
    };
    let grant = |resource: &str| json!([{"actions": ["crm:read"], "resources": [resource]}]);
    assert_eq!(of(grant("https://api.example/*"), json!([])).as_deref(), Some("crm:read"));
    assert_eq!(of(grant("https://api.example/accounts/7"), json!([])), None, "of one resource");
    let limit =
        |action: &str| json!([{"type": "argument", "name": "to", "oneOf": ["bob"], "actions": [action]}]);
    assert_eq!(of(grant("https://api.example/*"), limit("crm:read")), None, "under a limit");
    assert_eq!(of(grant("https://api.example/*"), limit("crm:write")).as_deref(), Some("crm:read"));
}

#[test]
fn what_was_signed_once_is_held_anew_each_time_that_it_is_shown_and_stands_for_no_other_text() {
    let issuer = key(Algorithm::Es256);
    let token = jws_of(&head("ES256").to_string(), &claims().to_string(), &issuer);
    let other = jws_of(&head("ES256").to_string(), &claims().to_string(), &key(Algorithm::Es256));
    let known = signed(&token, &jwks(&[("k-1", &issuer)]), (ISSUER, &TokenAlgorithm::ALL)).unwrap();
    let ends = known.claims().expires_at;
    let shown =
        |text: &str, audience: &str, now: i64| code(known.shown((text, Shown::Bearer), audience, now));
    assert_eq!(shown(&token, AUDIENCE, NOW), "good");
    assert_eq!(shown(&other, AUDIENCE, NOW), "signature_invalid");
    assert_eq!(shown(&token, "https://other.example", NOW), "audience_mismatch");
    assert_eq!((shown(&token, AUDIENCE, ends - 1), shown(&token, AUDIENCE, ends)), ("good", "expired"));
    assert_eq!(shown(&token, AUDIENCE, NOW - 3600), "not_yet_valid");
}
