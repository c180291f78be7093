use crate::{NOW, jws_of, key, patched};
use legation_keys::{Algorithm, Json, PublicKey, SecretKey, Signer, base64url, json::JsonLimits};
use legation_token::dpop::{AGE, DpopError, Making, Of, Proof, Seen, check, make};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const URL: &str = "https://api.example/things";

fn of(token: Option<&str>) -> Of<'_> {
    Of { method: "GET", url: URL, token, nonce: None }
}

fn header_of(key: &SecretKey) -> Value {
    json!({"typ": "dpop+jwt", "alg": key.public_key().algorithm().jose(), "jwk": key.public_key().to_jwk()})
}

fn good() -> Value {
    json!({"jti": "p-1", "htm": "GET", "htu": URL, "iat": NOW})
}

fn code(proof: &str) -> &'static str {
    check(&[proof], &of(None), NOW).map_or_else(|error| error.code(), |_| "good")
}

/// All vectors, whose token is bound to one key: eleven by the proof itself, one by whose it is.
#[test]
fn every_published_proof_is_judged_as_it_is_marked() {
    let data: Value = serde_json::from_str(include_str!("../data/dpop.json")).unwrap();
    let (now, token) = (data["now"].as_i64().unwrap(), data["access_token"].as_str().unwrap());
    let (method, url) =
        (data["request"]["method"].as_str().unwrap(), data["request"]["uri"].as_str().unwrap());
    let cases = data["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let checked = check(
            &[case["dpop"].as_str().unwrap()],
            &Of { method, url, token: Some(token), nonce: None },
            now,
        );
        let found = match &checked {
            Ok(proof) if Some(proof.thumbprint()) == data["holder_jkt"].as_str() => "accept",
            Ok(_) => "invalid_token (jkt mismatch)",
            Err(error) => error.oauth(),
        };
        assert_eq!(Some(found), case["expect"].as_str(), "{}: {checked:?}", case["name"]);
    }
}

/// The example of RFC 9449 §4.1, by ES256.
#[test]
fn the_rfcs_own_example_holds_at_its_time() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let of = Of { method: "POST", url: "https://server.example.com/token", token: None, nonce: None };
    let held = check(&[proof], &of, 1_562_262_616).unwrap();
    assert_eq!(held.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(check(&[proof], &of, 1_562_262_616 + 3600).unwrap_err().code(), "dpop_stale");
}

#[test]
fn each_rule_refuses_what_it_is_for() {
    for algorithm in Algorithm::ALL {
        let own = key(algorithm);
        let (head, claims) = (header_of(&own), good());
        let text = |head: &Value, claims: &Value| jws_of(&head.to_string(), &claims.to_string(), &own);
        assert_eq!(code(&text(&head, &claims)), "good");
        let by_head = |patch: Value| code(&text(&patched(&head, &patch), &claims));
        let by_claims = |patch: Value| code(&text(&head, &patched(&claims, &patch)));
        for typ in [json!("JWT"), json!("at+jwt"), json!("vp+jwt"), json!(""), Value::Null, json!(1)] {
            assert_eq!(by_head(json!({ "typ": typ })), "type_mismatch", "{typ}");
        }
        for alg in ["none", "HS256", "RS256", "ES384", ""] {
            assert_eq!(by_head(json!({ "alg": alg })), "algorithm_not_allowed", "{alg}");
        }
        // The other algorithm of ours, for which the key is none.
        let other = if algorithm == Algorithm::EdDsa { "ES256" } else { "EdDSA" };
        assert_eq!(by_head(json!({ "alg": other })), "algorithm_not_allowed");
        for member in ["crit", "b64"] {
            assert_eq!(by_head(json!({member: []})), "crit_unknown");
        }
        for member in ["jku", "x5u", "x5c"] {
            assert_eq!(by_head(json!({member: "https://evil.example"})), "key_in_header");
        }
        assert_eq!(by_head(json!({"jwk": null})), "malformed");
        for private in ["d", "p", "k"] {
            let jwk = patched(&head["jwk"], &json!({private: "AA"}));
            assert_eq!(by_head(json!({ "jwk": jwk })), "key_private");
        }
        let stranger = key(algorithm).public_key().to_jwk();
        assert_eq!(by_head(json!({ "jwk": stranger })), "signature_invalid");
        for member in ["jti", "htm", "htu", "iat"] {
            let found = by_claims(json!({member: null}));
            assert_eq!(found, "malformed", "{member}");
        }
        assert_eq!(by_claims(json!({"jti": "x".repeat(257)})), "malformed");
        assert_eq!(by_claims(json!({"jti": 1})), "malformed");
        assert_eq!(by_claims(json!({"iat": "1795255200"})), "malformed");
        assert_eq!(by_claims(json!({"htm": "get"})), "dpop_method_mismatch");
        assert_eq!(by_claims(json!({"htm": "POST"})), "dpop_method_mismatch");
        for url in [
            "https://api.example/things/",
            "https://api.example/",
            "http://api.example/things",
            "https://evil.example/things",
            "/things",
        ] {
            assert_eq!(by_claims(json!({ "htu": url })), "dpop_url_mismatch", "{url}");
        }
        assert_eq!(by_claims(json!({"htu": "https://API.example:443/things?x=1"})), "good");
        for (iat, expected) in [
            (NOW - AGE - 31, "dpop_stale"),
            (NOW + 31, "dpop_stale"),
            (NOW + 30, "good"),
            (NOW - AGE, "good"),
        ] {
            assert_eq!(by_claims(json!({ "iat": iat })), expected, "{iat}");
        }
    }
}

#[test]
fn what_two_readers_would_read_differently_is_no_proof() {
    let own = key(Algorithm::Es256);
    let (head, claims) = (header_of(&own).to_string(), good().to_string());
    let twice = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    assert_eq!(code(&jws_of(&twice(&head, r#""alg":"none""#), &claims, &own)), "duplicate_member");
    assert_eq!(
        code(&jws_of(&head, &twice(&claims, r#""htu":"https://evil.example/""#), &own)),
        "duplicate_member"
    );
    let proof = jws_of(&head, &claims, &own);
    for bent in [
        format!("{proof}="),
        format!("{proof}=="),
        format!(" {proof}"),
        format!("{proof}\n"),
        proof.replacen('.', "=.", 1),
        format!("{proof}.x"),
        proof.rsplit_once('.').unwrap().0.to_owned(),
        String::new(),
    ] {
        assert_eq!(code(&bent), "malformed", "{bent:?}");
    }
    assert_eq!(code(&"x".repeat(9000)), "input_too_large");
    // Two headers, and none.
    assert_eq!(check(&[&proof, &proof], &of(None), NOW).unwrap_err().code(), "dpop_several");
    assert_eq!(check(&[], &of(None), NOW).unwrap_err().code(), "dpop_missing");
    assert_eq!(code(&format!("{proof}, {proof}")), "malformed");
}

#[test]
fn a_proof_is_of_one_token_and_carries_a_nonce_where_one_is_demanded() {
    let own = key(Algorithm::EdDsa);
    let making =
        Making { method: "GET", url: URL, id: "1", nonce: Some("n-1"), token: Some("a.b.c"), now: NOW };
    let proof = make(&making, &own).unwrap();
    assert!(check(&[&proof], &of(Some("a.b.c")), NOW).unwrap().is_with("a.b.c"));
    assert_eq!(check(&[&proof], &of(Some("a.b.d")), NOW).unwrap_err().code(), "dpop_token_mismatch");
    let without = make(&Making { token: None, ..making }, &own).unwrap();
    assert_eq!(check(&[&without], &of(Some("a.b.c")), NOW).unwrap_err().code(), "dpop_token_mismatch");
    let demands = |wanted: &'static str, proof: &str| {
        let is_ours = move |nonce: &str| nonce == wanted;
        check(&[proof], &Of { nonce: Some(&is_ours), ..of(None) }, NOW).map(|_| ())
    };
    assert_eq!(demands("n-1", &proof), Ok(()));
    let other = demands("n-2", &proof).unwrap_err();
    assert_eq!((other.code(), other.oauth()), ("dpop_nonce", "use_dpop_nonce"));
    let plain = make(&Making { nonce: None, ..making }, &own).unwrap();
    assert_eq!(demands("n-1", &plain).unwrap_err().code(), "dpop_nonce");
}

fn proof(own: &SecretKey, id: &str, now: i64) -> Proof {
    let making = Making { method: "GET", url: URL, id, nonce: None, token: None, now };
    check(&[&make(&making, own).unwrap()], &of(None), now).unwrap()
}

#[test]
fn a_proof_that_is_shown_twice_passes_once_and_a_full_memory_lets_nothing_through() {
    let (own, other) = (key(Algorithm::EdDsa), key(Algorithm::EdDsa));
    let seen = Seen::new(2);
    let first = proof(&own, "1", NOW);
    assert_eq!(seen.first(&first, NOW), Ok(()));
    assert_eq!(seen.first(&first, NOW), Err(DpopError::Replayed));
    assert_eq!(seen.first(&first, NOW + AGE + 29), Err(DpopError::Replayed));
    // The same `jti` of another key is another proof.
    assert_eq!(seen.first(&proof(&other, "1", NOW), NOW), Ok(()));
    assert_eq!(seen.first(&proof(&own, "2", NOW), NOW), Err(DpopError::Full));
    // What can't come again is forgotten.
    assert_eq!(seen.first(&proof(&own, "2", NOW + 200), NOW + 200), Ok(()));
}

#[test]
fn what_is_made_is_what_the_rfc_says() {
    let own = key(Algorithm::Es256);
    let making = Making {
        method: "POST",
        url: "https://api.example/a?b#c",
        id: "7",
        nonce: None,
        token: Some("t"),
        now: NOW,
    };
    let text = make(&making, &own).unwrap();
    let parts: Vec<&str> = text.split('.').collect();
    let part = |index: usize| -> Value {
        serde_json::from_slice(&base64url::decode(parts[index]).unwrap()).unwrap()
    };
    assert_eq!(part(0), header_of(&own));
    let ath = base64url::encode(&Sha256::digest("t"));
    assert_eq!(
        part(1),
        json!({"jti": "7", "htm": "POST", "htu": "https://api.example/a", "iat": NOW, "ath": ath})
    );
    let jwk = part(0)["jwk"].to_string();
    let jwk = legation_keys::json::parse(jwk.as_bytes(), JsonLimits { bytes: 1000, depth: 2 }).unwrap();
    assert_eq!(PublicKey::from_jwk(jwk.as_object().unwrap()).as_ref(), Ok(own.public_key()));
    assert!(matches!(jwk, Json::Object(_)));
}
