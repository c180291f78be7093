//! One trust is used to read and another to verify; what trust must not leave open.

use crate::world::{AUDIENCE, LIST, NOW, Party, World, check, code, entry, list, present, presentation};
use legation_credential::{
    Authority, Occasion, Terms, delegation, issue_as, pass_on_as, present_as, presentation::MEDIA_TYPE,
    secured::Securing,
};
use legation_keys::{Algorithm, Signer as _};
use legation_verifier::{Code, Evidence, Proof, Trust, parse, parse_request, trust::TrustError, verify};
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

/// A document is read twice, so that it may have half the size.
#[test]
fn a_presentation_is_as_large_as_it_may_be_and_no_larger() {
    let world = World::new();
    let (link, holder) = (world.root_link(&world.root()), &world.agent);
    let occasion =
        Occasion { audience: AUDIENCE, nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
    let by = legation_did::method_id(&holder.did, holder.key.public_key());
    let document =
        present_as(Securing::EddsaJcs2022, &[&link], &holder.did, occasion, &by, &holder.key).unwrap();
    let proof = || Proof {
        signing_input: "\"@method\": GET".to_owned(),
        algorithm: None,
        key_thumbprint: String::new(),
        signature: [1; 64],
        nonce: "n".to_owned(),
        created: NOW,
        expires: NOW + 60,
    };
    let token = present(&[&link], holder);
    let read = |text: &str, trust: &Trust| parse(text.as_bytes(), trust).err().map(|denial| denial.code);
    let request = |trust: &Trust| parse_request(&link, proof(), trust).err().map(|denial| denial.code);
    type Read<'a> = &'a dyn Fn(&Trust) -> Option<Code>;
    let ways: [(&str, usize, Read<'_>); 3] = [
        ("a token", token.len(), &|trust| read(&token, trust)),
        ("a document", 2 * document.len(), &|trust| read(&document, trust)),
        ("a request", link.len() + proof().signing_input.len(), &request),
    ];
    for (way, size, read) in ways {
        for (most, expected) in
            [(size, None), (size - 1, Some(Code::InputTooLarge)), (size - 100, Some(Code::InputTooLarge))]
        {
            let mut trust = world.trust();
            trust.limits.presentation_bytes = most;
            assert_eq!(read(&trust), expected, "{way} of {size} bytes where {most} are taken");
        }
    }
    let mut trust = world.trust();
    for (most, expected) in [(link.len(), None), (link.len() - 1, Some(Code::InputTooLarge))] {
        let mut trust = world.trust();
        trust.limits.link_bytes = most;
        assert_eq!((read(&token, &trust), request(&trust)), (expected, expected), "a link of {most} bytes");
    }
    trust.limits.presentation_bytes = 2 * document.len() - 2;
    let denial = parse(document.as_bytes(), &trust).unwrap_err().to_string();
    let told = format!("{} bytes, at most {} are read", document.len(), document.len() - 1);
    assert!(denial.contains(&told), "{denial}");
}

/// Links that are documents count twice, all together, also where a token carries them.
#[test]
fn documents_in_a_token_are_as_large_together_as_they_may_be() {
    let world = World::new();
    let way = Securing::EddsaJcs2022;
    let id = |party: &Party| legation_did::method_id(&party.did, party.key.public_key());
    let terms = |subject: &Party, max_depth| Terms {
        id: Some(format!("urn:x:{}", "x".repeat(2000))),
        subject: subject.did.clone(),
        valid_from: NOW,
        valid_until: NOW + 3600,
        max_depth,
        account: None,
        authority: Authority::parse(r#"{"grants": []}"#).unwrap(),
        status: vec![],
    };
    let (principal, agent, helper) = (&world.principal, &world.agent, &world.helper);
    let root = issue_as(way, terms(agent, 1), &principal.did, &id(principal), &principal.key).unwrap();
    let leaf = pass_on_as(way, &[&root], terms(helper, 0), &id(agent), &agent.key).unwrap();
    let size = 2 * (root.len() + leaf.len());
    let occasion =
        Occasion { audience: AUDIENCE, nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
    let token =
        present_as(Securing::Jwt, &[&root, &leaf], &helper.did, occasion, &id(helper), &helper.key).unwrap();
    assert!(token.len() < size - 1, "{} of {size} bytes", token.len());
    for (most, expected) in [(size, None), (size - 1, Some(Code::InputTooLarge))] {
        let mut trust = world.trust();
        trust.limits.presentation_bytes = most;
        let outcome = parse(token.as_bytes(), &trust).map_err(|denial| denial.code);
        assert_eq!(outcome.err(), expected, "{most}");
    }
}

/// What others of the same link cover is compared, too, and counts.
#[test]
fn pairs_of_all_links_count_as_they_are_written() {
    let world = World::new();
    let texts = |count: usize| (0..count).map(|number| format!("a2a:{number}")).collect::<Vec<_>>();
    let paths = |count: usize| (0..count).map(|at| format!("https://s.example/{at}")).collect::<Vec<_>>();
    let grants =
        json!([{"actions": texts(4), "resources": paths(5)}, {"actions": texts(2), "resources": paths(3)}]);
    let mut root = world.root();
    root["credentialSubject"]["delegation"]["grants"] = grants.clone();
    let root = world.root_link(&root);
    let mut leaf = world.claims(&world.agent.did, &world.helper.did, Some(&root));
    leaf["credentialSubject"]["delegation"]["grants"] = grants;
    let leaf = world.agent.sign(delegation::MEDIA_TYPE, &leaf);
    let presented = present(&[&root, &leaf], &world.helper);
    for (most, expected) in [(52, None), (51, Some(Code::InputTooLarge))] {
        let mut trust = world.trust();
        trust.limits.chain_pairs = most;
        let outcome = parse(presented.as_bytes(), &trust).map_err(|denial| denial.code);
        assert_eq!(outcome.err(), expected, "{most}");
    }
}

#[test]
fn a_setting_that_does_not_exist_is_refused_wherever_it_stands() {
    let settings = json!({
        "audience": AUDIENCE,
        "roots": [
            {"did": "did:web:acme.example", "ceiling": "everything"},
            {"did": "did:web:other.example", "ceiling": {"grants": []}},
        ],
        "limits": {"chainLinks": 4},
    });
    let parsed = |settings: &serde_json::Value| Trust::parse(settings.to_string().as_bytes());
    assert_eq!(parsed(&settings).unwrap().limits.chain_links, 4);
    for place in ["", "/roots/0", "/roots/1/ceiling", "/limits"] {
        let mut changed = settings.clone();
        changed.pointer_mut(place).unwrap()["maxAge"] = 1.into();
        let refused = parsed(&changed).unwrap_err();
        assert!(
            matches!(&refused, TrustError::Unknown { found, .. } if found == "maxAge"),
            "{place}: {refused}"
        );
    }
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
