//! Workload identity tokens and their proofs. The vectors are those of draft-ietf-wimse-wpt (`includes/`, IETF Trust) and SPIFFE's WIT-SVID.

use crate::{NOW, jwks, jws_of, key, patched};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_token::wimse::{AGENT_DELEGATION, Anchor, Making, Of, WimseError, Wit, hash, workload, wpt};
use serde_json::{Value, json};

const TARGET: &str = "https://api.example/path";
const CHAIN: &str = "eyJ.a.b~eyJ.c.d";

#[test]
fn the_drafts_own_proof_is_by_the_key_of_its_token_and_covers_what_is_beside_it() {
    let wit = include_str!("../data/wimse/wit.txt").trim();
    let proof = include_str!("../data/wimse/wpt.txt").trim();
    let read = Wit::read(wit).unwrap();
    assert_eq!(read.claimed_id(), "wimse://example.com/specific-workload");
    let token = "16_mAd0GiwaZokU26_0902100";
    let of = Of {
        audiences: &["https://workload.example.com/path"],
        access_token: Some(token),
        transaction_token: None,
        others: &[],
    };
    // Some minutes before its end.
    let now = 1_745_510_016 - 200;
    let (_, until) = wpt::check(&[proof], (&read, wit), &of, now).unwrap();
    assert_eq!(until, 1_745_510_016);
    let held = |of: &Of<'_>, now| wpt::check(&[proof], (&read, wit), of, now).map(drop);
    assert_eq!(held(&of, 1_745_510_016), Err(WimseError::Time));
    assert_eq!(held(&Of { access_token: None, ..of }, now), Err(WimseError::Binding("ath")));
    assert_eq!(held(&Of { access_token: Some("other"), ..of }, now), Err(WimseError::Binding("ath")));
    assert_eq!(held(&Of { transaction_token: Some("x"), ..of }, now), Err(WimseError::Binding("tth")));
    let chain = [(AGENT_DELEGATION, CHAIN)];
    assert_eq!(held(&Of { others: &chain, ..of }, now), Err(WimseError::Binding("oth")));
    assert_eq!(
        held(&Of { audiences: &["https://workload.example.com/"], ..of }, now),
        Err(WimseError::Audience)
    );
    let spiffe = Wit::read(include_str!("../data/wimse/wit-svid-example.txt").trim()).unwrap();
    assert_eq!(spiffe.claimed_id(), "spiffe://example.com/my-workload");
}

fn wit(issuer: &SecretKey, own: &SecretKey, head: &Value, claims: &Value) -> String {
    let alg = own.public_key().algorithm().jose();
    let base = json!({
        "sub": "spiffe://acme.example/crm", "exp": NOW + 300, "iat": NOW,
        "cnf": {"jwk": patched(&own.public_key().to_jwk(), &json!({ "alg": alg }))},
    });
    let alg = issuer.public_key().algorithm().jose();
    let head = patched(&json!({"alg": alg, "kid": "k", "typ": "wit+jwt"}), head);
    jws_of(&head.to_string(), &patched(&base, claims).to_string(), issuer)
}

fn proved(own: &SecretKey, wit: &str, others: &[(&str, &str)]) -> String {
    let making = Making {
        wit,
        audience: TARGET,
        id: "0123456789abcdef",
        access_token: None,
        transaction_token: None,
        others,
        now: NOW,
    };
    wpt::make(&making, own).unwrap()
}

fn of<'o>(others: &'o [(&'o str, &'o str)]) -> Of<'o> {
    Of { audiences: &[TARGET], access_token: None, transaction_token: None, others }
}

#[test]
fn a_workload_shows_its_token_and_a_proof_that_binds_the_chain_beside_it() {
    let (issuer, own, evil) = (key(Algorithm::Es256), key(Algorithm::Es256), key(Algorithm::Es256));
    let keys = jwks(&[("k", &issuer)]);
    let anchor = Anchor { trust_domain: "acme.example", keys: &keys, spiffe: true };
    let text = wit(&issuer, &own, &json!({}), &json!({}));
    let chain = [(AGENT_DELEGATION, CHAIN)];
    let proof = proved(&own, &text, &chain);
    let shown = workload((&[&text], &[&proof]), &anchor, &of(&chain), NOW).unwrap();
    assert_eq!((shown.id(), shown.key()), ("spiffe://acme.example/crm", own.public_key()));
    assert_eq!(shown.until(), NOW + 60);
    let code = |wits: &[&str], proofs: &[&str], of: &Of<'_>| {
        workload((wits, proofs), &anchor, of, NOW).map(drop).map_err(|error| error.code())
    };
    let good = (&[text.as_str()][..], &[proof.as_str()][..]);
    // Another chain, none, and one that the proof does not cover.
    let other = [(AGENT_DELEGATION, "eyJ.a.b~eyJ.c.e")];
    assert_eq!(code(good.0, good.1, &of(&other)), Err("proof_binding"));
    assert_eq!(code(good.0, good.1, &of(&[])), Err("proof_binding"));
    assert_eq!(code(good.0, &[&proved(&own, &text, &[])], &of(&chain)), Err("proof_binding"));
    let unknown = [chain[0], ("x-other", "1")];
    assert_eq!(code(good.0, &[&proved(&own, &text, &unknown)], &of(&chain)), Err("proof_binding"));
    // By another key, of another token, twice, and not at all.
    assert_eq!(code(good.0, &[&proved(&evil, &text, &chain)], &of(&chain)), Err("signature_invalid"));
    let twin = wit(&issuer, &own, &json!({}), &json!({"jti": "2"}));
    assert_eq!(code(&[&twin], good.1, &of(&chain)), Err("proof_binding"));
    assert_eq!(code(good.0, &[&proof, &proof], &of(&chain)), Err("workload_headers"));
    assert_eq!(code(good.0, &[], &of(&chain)), Err("workload_headers"));
    assert_eq!(code(&[&text, &text], good.1, &of(&chain)), Err("workload_headers"));
    // A token and a proof are not each other.
    assert_eq!(code(&[&proof], good.1, &of(&chain)), Err("malformed"));
    assert_eq!(code(good.0, &[&text], &of(&chain)), Err("type_mismatch"));
    assert_eq!(hash(" x "), hash("x"));
}

#[test]
fn what_is_no_token_of_the_trust_domain_is_refused_by_the_rule_that_it_breaks() {
    let (issuer, own, edwards) = (key(Algorithm::Es256), key(Algorithm::Es256), key(Algorithm::EdDsa));
    let keys = jwks(&[("k", &issuer), ("e", &edwards)]);
    let held = |spiffe: bool, text: &str, by: &SecretKey| {
        let anchor = Anchor { trust_domain: "acme.example", keys: &keys, spiffe };
        let proof = proved(by, text, &[]);
        workload((&[text], &[&proof]), &anchor, &of(&[]), NOW).map(drop).map_err(|error| error.code())
    };
    for (head, claims, code) in [
        (json!({"typ": "JWT"}), json!({}), "type_mismatch"),
        (json!({"typ": null}), json!({}), "type_mismatch"),
        (json!({"kid": null}), json!({}), "key_not_named"),
        (json!({"kid": "x"}), json!({}), "key_not_found"),
        (json!({"alg": "none"}), json!({}), "algorithm_not_allowed"),
        (json!({"alg": "HS256"}), json!({}), "algorithm_not_allowed"),
        (json!({"jwk": {}}), json!({}), "key_in_header"),
        (json!({}), json!({"aud": "x"}), "malformed"),
        (json!({}), json!({"exp": null}), "malformed"),
        (json!({}), json!({"exp": NOW}), "expired"),
        (json!({}), json!({"nbf": NOW + 60}), "expired"),
        (json!({}), json!({"cnf": null}), "malformed"),
        (json!({}), json!({"sub": "spiffe://other.example/crm"}), "trust_domain_mismatch"),
        (json!({}), json!({"sub": "https://acme.example/crm"}), "malformed"),
        (json!({}), json!({"sub": null}), "malformed"),
    ] {
        assert_eq!(held(true, &wit(&issuer, &own, &head, &claims), &own), Err(code), "{head} {claims}");
    }
    let bare = wit(&issuer, &own, &json!({}), &json!({"cnf": {"jwk": own.public_key().to_jwk()}}));
    assert_eq!(held(true, &bare, &own), Err("malformed"), "`alg` stands in the key");
    // WIMSE lets Ed25519 sign and prove, SPIFFE neither.
    let proving = wit(&issuer, &edwards, &json!({}), &json!({}));
    assert_eq!((held(false, &proving, &edwards), held(true, &proving, &edwards)), (Ok(()), Err("malformed")));
    let signing = wit(&edwards, &own, &json!({"kid": "e"}), &json!({}));
    assert_eq!(
        (held(false, &signing, &own), held(true, &signing, &own)),
        (Ok(()), Err("algorithm_not_allowed"))
    );
}
