//! One trust is used to read and another to verify; what trust must not leave open.

use crate::world::{LIST, entry};
use crate::world::{NOW, Party, World, check, code, list, present, presentation};
use legation_credential::{delegation, presentation::MEDIA_TYPE};
use legation_keys::Algorithm;
use legation_verifier::{Code, Evidence, Trust, parse, verify};
use serde_json::json;

#[test]
fn claims_of_the_first_data_model_are_refused_in_a_presentation() {
    let world = World::new();
    let link = world.root_link(&world.root());
    for claim in ["vc", "vp"] {
        let mut claims = presentation(&[&link], &world.agent);
        claims[claim] = json!({});
        let presented = world.agent.sign(MEDIA_TYPE, &claims);
        assert_eq!(
            code(check(&presented, &world.trust(), &Evidence::new())),
            Some(Code::Malformed),
            "{claim}"
        );
    }
}

#[test]
fn the_first_link_answers_before_the_envelope_of_the_second() {
    let world = World::new();
    let link = world.root_link(&world.root());
    let mut claims = presentation(&["e30.e30.AA", &link], &world.agent);
    claims["verifiableCredential"][1]["type"] = "Something".into();
    let presented = world.agent.sign(MEDIA_TYPE, &claims);
    let denial = check(&presented, &world.trust(), &Evidence::new()).unwrap_err();
    assert_eq!(denial.link, Some(0), "{denial}");
}

#[test]
fn bounds_of_the_trust_that_verifies_count_too() {
    let world = World { principal: Party::new(Algorithm::Es256), ..World::new() };
    let root = world.root_link(&world.root());
    let claims = world.claims(&world.agent.did, &world.helper.did, Some(&root));
    let leaf = world.agent.sign(delegation::MEDIA_TYPE, &claims);
    let presented = present(&[&root, &leaf], &world.helper);
    let loose = world.trust();
    let parsed = parse(presented.as_bytes(), &loose).unwrap();
    assert!(verify(&parsed, &loose, &Evidence::new(), "n", NOW).is_ok());

    let mut strict = loose.clone();
    strict.algorithms = vec![Algorithm::EdDsa];
    let denial = verify(&parsed, &strict, &Evidence::new(), "n", NOW).unwrap_err();
    assert_eq!((denial.code, denial.link), (Code::AlgorithmNotAllowed, Some(0)));

    let mut short = loose;
    short.limits.chain_links = 1;
    let denial = verify(&parsed, &short, &Evidence::new(), "n", NOW).unwrap_err();
    assert_eq!(denial.code, Code::ChainTooLong);
}

#[test]
fn a_status_list_is_signed_by_an_algorithm_that_trust_allows() {
    let world = World::new();
    let issuer = Party::new(Algorithm::Es256);
    let mut claims = world.root();
    claims["credentialStatus"] = entry("revocation", LIST);
    let presented = present(&[&world.root_link(&claims)], &world.agent);
    let mut trust = world.trust();
    trust.status_issuers.insert(issuer.did.clone());
    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, &list(&issuer, NOW, false), NOW, trust.limits.status_entries);
    assert_eq!(code(check(&presented, &trust, &evidence)), None);
    trust.algorithms = vec![Algorithm::EdDsa];
    assert_eq!(code(check(&presented, &trust, &evidence)), Some(Code::StatusInvalid));
}

#[test]
fn a_root_that_is_named_twice_has_no_ceiling_by_chance() {
    let narrow = json!({"did": "did:web:a.example", "ceiling": {"grants": []}});
    let wide = json!({"did": "did:web:a.example", "ceiling": "everything"});
    let settings = json!({"audience": "x", "roots": [narrow, wide]});
    assert!(Trust::parse(settings.to_string().as_bytes()).is_err());
}
