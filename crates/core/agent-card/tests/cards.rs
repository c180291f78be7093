//! One test per trap: what a card must not get away with.

#![allow(clippy::unwrap_used)]

mod world;

use legation_agent_card::{
    Binding, Form, JwkSet, Keys, UnverifiedCard, check_binding, check_binding_with, extension,
};
use legation_did::web;
use legation_keys::{Algorithm, SecretKey, Signer};
use serde_json::{Value, json};
use world::{DID, World, altered, code};

#[test]
fn an_integer_that_arrives_as_a_float_verifies_and_is_handed_on_as_an_integer() {
    let world = World::new();
    let signed = world.signed(|card| card["capabilities"]["extensions"][0]["params"]["n"] = json!(3));
    for written in ["3.0", "30e-1", "3"] {
        let text = signed.replace(r#""n":3"#, &format!(r#""n":{written}"#));
        let card = world.verify(&text).unwrap();
        assert_eq!(card.form(), Form::Spec);
        let params = &card.card()["capabilities"]["extensions"][0]["params"];
        assert_eq!(params["n"], json!(3), "{written}");
        assert_eq!(params["n"].to_string(), "3", "{written}");
    }
    assert_eq!(code(world.verify(&signed.replace(r#""n":3"#, r#""n":3.5"#))), "signature_invalid");
}

#[test]
fn members_of_0_3_injected_after_signing_are_dropped() {
    let world = World::new();
    let signed = world.signed(|card| {
        card["securitySchemes"] =
            json!({"key": {"apiKeySecurityScheme": {"location": "header", "name": "K"}}});
        card["skills"] = json!([{"id": "s", "name": "S", "description": "d", "tags": ["t"]}]);
    });
    let mut served: Value = serde_json::from_str(&signed).unwrap();
    for (name, value) in [
        ("url", json!("https://evil.example")),
        ("preferredTransport", json!("JSONRPC")),
        ("additionalInterfaces", json!([{"url": "https://evil.example", "transport": "GRPC"}])),
        ("protocolVersion", json!("0.3.0")),
        ("security", json!([{"key": []}])),
        ("supportsAuthenticatedExtendedCard", json!(true)),
    ] {
        served[name] = value;
    }
    for (name, value) in [("type", "apiKey"), ("in", "query"), ("name", "Evil")] {
        served["securitySchemes"]["key"][name] = value.into();
    }
    served["skills"][0]["security"] = json!([{"key": []}]);
    let card = world.verify(&served.to_string()).unwrap();
    assert_eq!(card.form(), Form::Spec);
    assert!(!card.card().to_string().contains("evil"), "{}", card.card());
    assert_eq!(card.card(), world.verify(&signed).unwrap().card());
    let canonical: Value = serde_json::from_str(card.canonical()).unwrap();
    assert_eq!(card.card(), &canonical, "what is handed on is what was signed");
}

#[test]
fn members_in_another_order_verify_in_that_of_utf_16() {
    let world = World::new();
    let params = json!({"did": DID, "\u{fb33}": 1, "😀": 2});
    let signed = world.signed(|card| card["capabilities"]["extensions"][0]["params"] = params);
    assert!(signed.find('😀').unwrap() < signed.find('\u{fb33}').unwrap());
    let swapped = signed.replace("\"😀\":2,\"\u{fb33}\":1", "\"\u{fb33}\":1,\"😀\":2");
    assert_ne!(swapped, signed);
    assert_eq!(world.verify(&swapped).unwrap().form(), Form::Spec);
}

#[test]
fn a_requirement_without_scopes_that_vanishes_is_seen_by_the_spec_form_only() {
    let world = World::new();
    let requirement = json!([{"schemes": {"key": {}}}]);
    let signed = world.signed(|card| card["securityRequirements"] = requirement.clone());
    let whole = world.verify(&signed).unwrap();
    assert_eq!((whole.form(), whole.signature_index()), (Form::Spec, 0));
    assert_eq!(whole.card()["securityRequirements"], requirement);

    let removed = altered(&signed, |card| {
        card.as_object_mut().unwrap().remove("securityRequirements");
    });
    let weak = world.verify(&removed).unwrap();
    assert_eq!((weak.form(), weak.signature_index()), (Form::Sdk, 1), "and the answer says so");
    assert_eq!(weak.card().get("description"), None, "rebuilt from the SDK form");
    assert_eq!(code(world.verify_as(&removed, &[Form::Spec])), "signature_invalid");
}

#[test]
fn a_member_that_the_sdk_form_drops_is_not_handed_on_from_it() {
    let world = World::new();
    let signed = world.signed(|card| card["description"] = "".into());
    let forged = altered(&signed, |card| {
        card["skills"] = json!([{"id": "", "tags": [""]}, {}]);
        card["securityRequirements"] = json!([{"schemes": {"none": {"list": []}}}]);
    });
    let card = world.verify(&forged).unwrap();
    assert_eq!((card.form(), card.card().get("skills")), (Form::Sdk, None));
    assert_eq!(card.card().get("securityRequirements"), None);
    let forged = altered(&signed, |card| card["description"] = "Not what I signed".into());
    assert_eq!(code(world.verify(&forged)), "signature_invalid");
}

#[test]
fn one_signature_is_enough_where_the_forms_agree() {
    let world = World::new();
    let signed = world.signed(|card| {
        card["description"] = "d".into();
        card["skills"] = json!([{"id": "s", "name": "S", "description": "d", "tags": ["t"]}]);
    });
    assert_eq!(UnverifiedCard::parse(signed.as_bytes()).unwrap().signature_count(), 1);
    assert_eq!(world.verify(&signed).unwrap().form(), Form::Spec);
}

#[test]
fn a_declaration_is_replaced_not_repeated() {
    let mut card = json!({"name": "A"});
    for did in ["did:web:a.example", "did:web:b.example"] {
        extension::declare_identity(&mut card, &did.parse().unwrap()).unwrap();
        extension::declare_delegation(&mut card, did.contains('b'), None).unwrap();
    }
    let text = card.to_string();
    let read = UnverifiedCard::parse(text.as_bytes()).unwrap();
    assert_eq!(read.claimed_did().unwrap(), Some("did:web:b.example".parse().unwrap()));
    assert_eq!(card["capabilities"]["extensions"].as_array().unwrap().len(), 2);
    let before = card.clone();
    extension::declare_identity(&mut card, &"did:web:b.example".parse().unwrap()).unwrap();
    assert_eq!(card, before, "in its place");
    let world = World::new();
    let signed = world.signed(|card| extension::declare_delegation(card, true, None).unwrap());
    let verified = world.verify(&signed).unwrap();
    assert_eq!((verified.delegation(), verified.handshake()), (Some(true), None));
    assert_eq!(world.verify(&world.signed(|_| {})).unwrap().delegation(), None);
}

#[test]
fn a_handshake_is_told_by_the_verified_card_only_and_by_one_declaration() {
    let world = World::new();
    let url = "https://agent.example/handshake";
    let signed = world.signed(|card| extension::declare_delegation(card, false, Some(url)).unwrap());
    let verified = world.verify(&signed).unwrap();
    assert_eq!((verified.delegation(), verified.handshake()), (Some(false), Some(url)));
    let redirected = signed.replace(url, "https://evil.example/handshake");
    assert_eq!(code(world.verify(&redirected)), "signature_invalid");

    // A signer that is not ours signs anything; here its card goes without our check before signing.
    let long = format!("https://agent.example/{}", "a".repeat(2048));
    let one =
        |handshake: Value| vec![json!({"uri": extension::DELEGATION, "params": {"handshake": handshake}})];
    let two = [one(json!(url)), vec![json!({"uri": extension::DELEGATION})]].concat();
    for (declarations, wanted) in [
        (one(json!(7)), "card_handshake_malformed"),
        (one(json!([url])), "card_handshake_malformed"),
        (one(json!("")), "card_handshake_malformed"),
        (one(json!("/handshake")), "card_handshake_malformed"),
        (one(json!("agent.example")), "card_handshake_malformed"),
        (one(json!("javascript:alert(1)")), "card_handshake_malformed"),
        (one(json!(long)), "card_handshake_malformed"),
        (two, "card_delegation_ambiguous"),
    ] {
        let mut card = json!({"name": "A", "supportedInterfaces": [{"url": "https://agent.example"}]});
        extension::declare_identity(&mut card, &DID.parse().unwrap()).unwrap();
        card["capabilities"]["extensions"].as_array_mut().unwrap().extend(declarations);
        let text = card.to_string();
        let unsigned = UnverifiedCard::parse(text.as_bytes()).unwrap();
        let refused = legation_agent_card::sign(&unsigned, &world.key_id, &world.key).unwrap_err();
        assert_eq!(refused.code(), wanted, "{text}");
        let signed = world.signed_by_hand(&unsigned.canonical(Form::Spec));
        assert_eq!(code(world.verify(&signed)), wanted, "{text}");
    }
    let mut card = json!({});
    for url in ["", "ftp://a.example", long.as_str()] {
        let refused = extension::declare_delegation(&mut card, true, Some(url)).unwrap_err();
        assert_eq!(refused.code(), "card_handshake_malformed", "{url}");
    }
    assert_eq!(card, json!({}), "a refused declaration leaves nothing");
}

#[test]
fn a_handshake_elsewhere_than_the_did_s_domain_is_refused() {
    let mut world = World::new();
    let bind = |world: &World, url: &str| {
        let signed = world.signed(|card| extension::declare_delegation(card, true, Some(url)).unwrap());
        let card = world.verify(&signed).unwrap();
        check_binding(&card, &world.document).map(|_| ()).map_err(|error| (error.code(), error.to_string()))
    };
    assert_eq!(bind(&world, "https://agent.example/handshake"), Ok(()));
    for url in [
        "https://evil.example/handshake",
        "http://agent.example/handshake",
        "https://agent.example:8443/",
        r"https://agent.example\@evil.example/",
        "https://agent.example\t.evil.example/",
    ] {
        let (code, text) = bind(&world, url).unwrap_err();
        assert_eq!(code, "card_origin_mismatch", "{url}");
        assert!(text.starts_with("the handshake is at "), "{text}");
    }
    world.document.add_service(format!("{DID}#hs"), "A2A".into(), "https://evil.example".into());
    assert_eq!(bind(&world, "https://evil.example/handshake"), Ok(()), "the document vouches for it");
}

#[test]
fn a_further_origin_counts_only_where_the_caller_names_it() {
    let world = World::new();
    let interface = json!([{"url": "http://localhost:8080/a2a", "protocolBinding": "JSONRPC"}]);
    let signed = world.signed(|card| card["supportedInterfaces"] = interface);
    let card = world.verify(&signed).unwrap();
    let refused = check_binding(&card, &world.document).unwrap_err();
    assert_eq!(refused.code(), "card_origin_mismatch");
    let origins = ["http://localhost:8080".to_owned()];
    assert!(check_binding_with(&card, &world.document, &origins).is_ok());
    let origins = ["http://localhost:8081".to_owned()];
    assert!(check_binding_with(&card, &world.document, &origins).is_err());
}

#[test]
fn an_interface_elsewhere_than_the_did_s_domain_is_refused() {
    let mut world = World::new();
    let bind = |world: &World, url: &str, binding: &str| {
        let interface = json!([{"url": url, "protocolBinding": binding, "protocolVersion": "1.0"}]);
        let signed = world.signed(|card| card["supportedInterfaces"] = interface);
        let card = world.verify(&signed).unwrap();
        check_binding(&card, &world.document).map_err(|error| error.code())
    };
    let domain = Ok(Binding::Domain { origin: "https://agent.example".into() });
    assert_eq!(bind(&world, "https://agent.example:443/a2a", "JSONRPC"), domain);
    assert_eq!(bind(&world, "agent.example:443", "GRPC"), domain);
    for (url, binding) in [
        ("https://evil.example/", "JSONRPC"),
        ("https://agent.example@evil.example/", "JSONRPC"),
        (r"https://agent.example\@evil.example/", "JSONRPC"),
        (r"agent.example\@evil.example", "GRPC"),
        ("https://agent.example.evil.example/", "JSONRPC"),
        ("https://agent.example:8443/", "JSONRPC"),
        ("http://agent.example/", "JSONRPC"),
        ("agent.example:443", "JSONRPC"),
        ("agent.example:8443", "GRPC"),
        ("evil.example:443/agent.example", "GRPC"),
        ("data:,x", "JSONRPC"),
        ("", "JSONRPC"),
    ] {
        assert_eq!(bind(&world, url, binding), Err("card_origin_mismatch"), "{url}");
    }
    world.document.add_service(format!("{DID}#a2a"), "A2A".into(), "https://cloud.example/agents".into());
    assert_eq!(bind(&world, "https://cloud.example/other", "JSONRPC"), domain);
    let none = world.verify(&world.signed(|card| card["supportedInterfaces"] = json!([]))).unwrap();
    assert_eq!(
        check_binding(&none, &world.document).map_err(|error| error.code()),
        Err("card_interface_missing")
    );
    let other = web::document(&"did:web:b.example".parse().unwrap(), &[]);
    assert_eq!(check_binding(&none, &other).map_err(|error| error.code()), Err("card_did_mismatch"));
}

#[test]
fn a_did_key_binds_no_domain_and_a_jwk_set_no_did() {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = legation_did::key::did(key.public_key());
    let world = World {
        key_id: legation_did::key::method_id(&did),
        document: legation_did::key::document(&did).unwrap(),
        key,
    };
    let signed = world.signed(|_| {});
    let card = world.verify(&signed).unwrap();
    assert_eq!(check_binding(&card, &world.document), Ok(Binding::KeyOnly));

    let mut jwk = world.key.public_key().to_jwk();
    jwk["kid"] = world.key_id().into();
    let set = JwkSet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    let received = UnverifiedCard::parse(signed.as_bytes()).unwrap();
    let card = legation_agent_card::verify(&received, Keys::JwkSet(&set), &Form::ALL).unwrap();
    assert_eq!(card.did(), None, "whatever the card declares");
    assert_eq!(check_binding(&card, &world.document).map_err(|error| error.code()), Err("card_did_unproven"));
}
