use crate::{ISSUER, NOW, jws_of, key, patched};
use legation_keys::{Algorithm, Signer};
use legation_token::{Assertion, assertion::make};
use serde_json::{Value, json};

const AGENT: &str = "did:web:acme.example:mail";
const ENDPOINT: &str = "https://acme.example/token";

fn good() -> Value {
    json!({"iss": AGENT, "sub": AGENT, "aud": ISSUER, "jti": "a-1", "iat": NOW, "exp": NOW + 60})
}

#[test]
fn an_assertion_is_read_as_its_client_made_it() {
    for algorithm in Algorithm::ALL {
        let own = key(algorithm);
        let did = AGENT.parse().unwrap();
        let text = make((&did, "did:web:acme.example:mail#k"), ISSUER, "a-1", NOW, &own).unwrap();
        let read = Assertion::read(&text, &[ISSUER, ENDPOINT], NOW).unwrap();
        assert_eq!((&read.agent, read.id.as_str(), read.algorithm), (&did, "a-1", algorithm));
        assert_eq!(read.key_id.as_deref(), Some("did:web:acme.example:mail#k"));
        assert!(own.public_key().verify(read.signing_input.as_bytes(), &read.signature).is_ok());
    }
}

#[test]
fn each_rule_refuses_what_it_is_for() {
    let own = key(Algorithm::Es256);
    let head = json!({"alg": "ES256", "typ": "JWT"});
    let told = |head: &Value, claims: &Value| {
        let text = jws_of(&head.to_string(), &claims.to_string(), &own);
        match Assertion::read(&text, &[ISSUER, ENDPOINT], NOW) {
            Ok(_) => "good".to_owned(),
            Err(refused) => {
                assert_eq!(refused.error, "invalid_client");
                refused.code
            }
        }
    };
    assert_eq!(told(&head, &good()), "good");
    let by_head = |patch: Value| told(&patched(&head, &patch), &good());
    let by_claims = |patch: Value| told(&head, &patched(&good(), &patch));
    for typ in ["at+jwt", "vp+jwt", "vc+jwt", "dpop+jwt", "secevent+jwt", "x"] {
        assert_eq!(by_head(json!({ "typ": typ })), "type_mismatch", "{typ}");
    }
    assert_eq!(by_head(json!({"typ": 1})), "type_mismatch");
    assert_eq!(by_head(json!({"typ": null})), "good");
    for alg in ["none", "HS256", "RS256"] {
        assert_eq!(by_head(json!({ "alg": alg })), "algorithm_not_allowed", "{alg}");
    }
    for member in ["jwk", "jku", "x5u", "x5c"] {
        assert_eq!(by_head(json!({member: {}})), "key_in_header");
    }
    assert_eq!(by_head(json!({"crit": ["exp"]})), "crit_unknown");
    for (patch, code) in [
        (json!({"iss": "did:web:acme.example:boss"}), "malformed"),
        (json!({"sub": null}), "malformed"),
        (json!({"iss": "mail", "sub": "mail"}), "malformed"),
        (json!({"aud": "https://evil.example"}), "audience_mismatch"),
        (json!({"aud": [ISSUER, "https://evil.example"]}), "audience_mismatch"),
        (json!({"aud": null}), "audience_mismatch"),
        (json!({"aud": "https://acme.example/"}), "audience_mismatch"),
        (json!({"aud": [ISSUER]}), "good"),
        (json!({"aud": ENDPOINT}), "good"),
        (json!({"jti": null}), "malformed"),
        (json!({"jti": "x".repeat(129)}), "malformed"),
        (json!({"exp": null}), "malformed"),
        (json!({"iat": null}), "malformed"),
        (json!({"exp": "soon"}), "malformed"),
        (json!({"iat": NOW + 31, "exp": NOW + 60}), "not_yet_valid"),
        (json!({"nbf": NOW + 31}), "not_yet_valid"),
        (json!({"nbf": "x"}), "malformed"),
        (json!({"iat": NOW - 90, "exp": NOW - 30}), "expired"),
        (json!({"iat": NOW, "exp": NOW}), "expired"),
        // However long it says that it lives, it is taken for five minutes.
        (json!({"iat": NOW - 331, "exp": NOW + 86_400}), "expired"),
        (json!({"iat": NOW - 299, "exp": NOW + 86_400}), "good"),
    ] {
        assert_eq!(by_claims(patch.clone()), code, "{patch}");
    }
    let twice = good().to_string().replacen('{', r#"{"aud":"https://evil.example","#, 1);
    let text = jws_of(&head.to_string(), &twice, &own);
    assert_eq!(Assertion::read(&text, &[ISSUER], NOW).unwrap_err().code, "duplicate_member");
    for bent in ["", "a.b", "a.b.c.d", "a.b.c="] {
        assert_eq!(Assertion::read(bent, &[ISSUER], NOW).unwrap_err().code, "malformed", "{bent}");
    }
    assert_eq!(Assertion::read(&"x".repeat(9000), &[ISSUER], NOW).unwrap_err().code, "input_too_large");
}
