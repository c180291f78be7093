//! What a card's forms leave out: told by its path, refused where it matters, kept by nobody.

#![allow(clippy::unwrap_used)]

mod world;

use legation_agent_card::{
    Form, Keys, SignError, UnverifiedCard, dropped::MAX_DROPPED, extension, legacy, sign,
};
use serde_json::{Value, json};
use world::{DID, World, altered, code};

/// A card that declares its DID, with a change.
fn card(change: impl FnOnce(&mut Value)) -> String {
    let mut card = json!({
        "name": "Tides", "description": "Tells tides.", "version": "2.1",
        "supportedInterfaces": [
            {"url": "https://agent.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "s", "name": "S", "description": "d", "tags": []}],
        "securitySchemes": {"b": {"httpAuthSecurityScheme": {"scheme": "bearer"}}},
        "securityRequirements": [{"schemes": {"b": {"list": ["read"]}}}],
    });
    extension::declare_identity(&mut card, &DID.parse().unwrap()).unwrap();
    change(&mut card);
    card.to_string()
}

fn signed(world: &World, text: &str) -> Result<String, SignError> {
    sign(&UnverifiedCard::parse(text.as_bytes()).unwrap(), &world.key_id, &world.key)
}

#[test]
fn each_member_that_is_dropped_is_told_by_its_path_at_every_depth() {
    let text = card(|card| {
        card["url"] = "https://evil.example".into();
        card["capabilities"]["x/y~z"] = Value::Null;
        card["skills"][0]["price"] = json!({"inner": 1});
        card["securitySchemes"]["b"]["type"] = "http".into();
        card["supportedInterfaces"][0]["transport"] = "JSONRPC".into();
        card["capabilities"]["extensions"][0]["params"]["free"] = json!({"to": "say"});
    });
    let card = UnverifiedCard::parse(text.as_bytes()).unwrap();
    let mut told = card.dropped().paths().to_vec();
    told.sort_unstable();
    let wanted = [
        "/capabilities/x~1y~0z",
        "/securitySchemes/b/type",
        "/skills/0/price",
        "/supportedInterfaces/0/transport",
        "/url",
    ];
    assert_eq!((told, card.dropped().more()), (wanted.map(str::to_owned).to_vec(), 0));
    // Each of them leads to what it names, and nothing of it is in any form.
    let whole: Value = serde_json::from_str(&text).unwrap();
    for path in wanted {
        assert!(whole.pointer(path).is_some(), "{path}");
    }
    let spec: Value = serde_json::from_str(&card.canonical(Form::Spec)).unwrap();
    assert!(wanted.iter().all(|path| spec.pointer(path).is_none()));
    // Beside what says the same in 1.0's words, 0.3's words are harmless: official servers add them.
    let world = World::new();
    let verified = world.verify(&signed(&world, &text).unwrap()).unwrap();
    assert!(verified.uncovered().is_empty(), "what is signed has nothing beside: {verified:?}");
}

#[test]
fn what_says_who_may_call_and_where_is_not_left_out_of_what_is_signed() {
    let world = World::new();
    assert!(signed(&world, &card(|_| {})).is_ok());
    type Change = fn(&mut Value);
    let cases: [(&str, &str, Change); 18] = [
        ("/securityRequirements/0/b", "SecurityRequirement", |card| {
            card["securityRequirements"] = json!([{"b": ["read"]}]);
        }),
        ("/securityRequirements/0/b", "SecurityRequirement", |card| {
            card["securityRequirements"][0]["b"] = json!([]);
        }),
        ("/securityRequirements/0/schemes/b/scopes", "StringList", |card| {
            card["securityRequirements"] = json!([{"schemes": {"b": {"scopes": ["read"]}}}]);
        }),
        ("/skills/0/securityRequirements/0/b", "SecurityRequirement", |card| {
            card["skills"][0]["securityRequirements"] = json!([{"b": []}]);
        }),
        ("/securitySchemes/b/type", "SecurityScheme", |card| {
            card["securitySchemes"] = json!({"b": {"type": "http"}});
        }),
        ("/securitySchemes/b/samlSecurityScheme", "SecurityScheme", |card| {
            card["securitySchemes"]["b"]["samlSecurityScheme"] = json!({});
        }),
        ("/securitySchemes/b/httpAuthSecurityScheme/type", "HTTPAuthSecurityScheme", |card| {
            card["securitySchemes"]["b"]["httpAuthSecurityScheme"]["type"] = "http".into();
        }),
        ("/securitySchemes/b/apiKeySecurityScheme/in", "APIKeySecurityScheme", |card| {
            card["securitySchemes"]["b"] = json!({"apiKeySecurityScheme": {"in": "header", "name": "K"}});
        }),
        ("/securitySchemes/b/oauth2SecurityScheme/flows/new", "OAuthFlows", |card| {
            card["securitySchemes"]["b"] = json!({"oauth2SecurityScheme": {"flows": {"new": {}}}});
        }),
        ("/supportedInterfaces/0/transport", "AgentInterface", |card| {
            card["supportedInterfaces"][0] = json!({"url": "https://agent.example", "transport": "JSONRPC"});
        }),
        ("/supportedInterfaces/0/transport", "AgentInterface", |card| {
            let empty = json!({"url": "https://agent.example", "protocolBinding": "", "transport": "GRPC"});
            card["supportedInterfaces"][0] = empty;
        }),
        ("/supportedInterfaces/0/protocol_binding", "AgentInterface", |card| {
            card["supportedInterfaces"][0]["protocol_binding"] = "GRPC".into();
        }),
        ("/url", "AgentCard", |card| {
            card["supportedInterfaces"] = json!([]);
            card["url"] = "https://agent.example".into();
        }),
        ("/security", "AgentCard", |card| {
            card.as_object_mut().unwrap().remove("securityRequirements");
            card["security"] = json!([{"b": []}]);
        }),
        ("/skills/0/security", "AgentSkill", |card| {
            card["skills"][0]["security"] = json!([{"b": []}]);
        }),
        ("/security_requirements", "AgentCard", |card| {
            card["security_requirements"] = json!([{"schemes": {"b": {}}}]);
        }),
        ("/SecuritySchemes", "AgentCard", |card| card["SecuritySchemes"] = json!({})),
        ("/skills/0/security_requirements", "AgentSkill", |card| {
            card["skills"][0]["security_requirements"] = json!([{"schemes": {"b": {}}}]);
        }),
    ];
    for (at, message, change) in cases {
        let refused = signed(&world, &card(change)).unwrap_err();
        assert_eq!(refused, SignError::Lost { at: at.to_owned(), message }, "{at}");
        assert_eq!(refused.code(), "card_member_lost");
    }
    for harmless in [
        json!({"security": [{"b": ["read"]}]}),
        json!({"url": "https://agent.example", "preferredTransport": "JSONRPC", "additionalInterfaces": []}),
        json!({"supportsAuthenticatedExtendedCard": true, "protocolVersion": "0.3.0"}),
    ] {
        let text = card(|card| card.as_object_mut().unwrap().extend(harmless.as_object().unwrap().clone()));
        assert!(signed(&world, &text).is_ok(), "{harmless}");
    }
}

#[test]
fn what_the_verified_signature_does_not_cover_is_told_and_not_kept() {
    let world = World::new();
    let good = world.signed(|card| card["description"] = "".into());
    let served = altered(&good, |card| {
        card["url"] = "https://evil.example/a2a".into();
        card["skills"] = json!([]);
    });
    let verified = world.verify(&served).unwrap();
    assert_eq!((verified.form(), verified.uncovered().paths()), (Form::Spec, &["/url".to_owned()][..]));

    // Where only the SDK form fits, what is empty is uncovered, too.
    let served = altered(&served, |card| {
        card["securityRequirements"] = json!([{"schemes": {"none": {}}}]);
        card["capabilities"]["extensions"][0]["description"] = "".into();
    });
    let verified = world.verify(&served).unwrap();
    let told = verified.uncovered().paths();
    assert_eq!(verified.form(), Form::Sdk);
    for path in ["/url", "/securityRequirements", "/description", "/skills"] {
        assert!(told.contains(&path.to_owned()), "{path}: {told:?}");
    }
    let whole: Value = serde_json::from_str(&served).unwrap();
    assert!(told.iter().all(|path| whole.pointer(path).is_some()), "{told:?}");
    assert!(told.iter().all(|path| verified.card().pointer(path).is_none()), "{told:?}");

    // What is kept verifies as it stands, and has nothing beside.
    for text in [&good, &served] {
        let keys = Keys::Document { document: &world.document, now: 0 };
        let received = UnverifiedCard::parse(text.as_bytes()).unwrap();
        let first = world.verify(text).unwrap();
        let kept = first.signed_text(&received, keys);
        let again = world.verify(&kept).unwrap();
        assert!(again.uncovered().is_empty() && !kept.contains("evil"), "{kept}");
        assert_eq!(again.canonical(), first.canonical());
        let forms = UnverifiedCard::parse(kept.as_bytes()).unwrap().signature_count();
        assert_eq!(forms, if first.form() == Form::Spec { 2 } else { 1 }, "each that verifies over it");
    }
}

#[test]
fn a_signature_over_members_of_its_own_is_told_from_a_broken_one() {
    let world = World::new();
    let whole = card(|card| card["rating"] = json!({"stars": 5, "by": ""}));
    let unsigned = UnverifiedCard::parse(whole.as_bytes()).unwrap();
    // As it stands, and as an SDK leaves it.
    for (form, rating) in [(Form::Spec, r#"{"by":"","stars":5}"#), (Form::Sdk, r#"{"stars":5}"#)] {
        let more = format!(r#""rating":{rating},"securityR"#);
        let text = unsigned.canonical(form).replacen(r#""securityR"#, &more, 1);
        let signed = altered(&world.signed_by_hand(&text), |card| card["rating"]["by"] = "".into());
        let refused = world.verify(&signed).unwrap_err();
        assert_eq!(refused.code(), "card_member_unknown", "{form}: {refused}");
        assert!(refused.to_string().contains("`/rating`"), "{refused}");
        let broken = altered(&signed, |card| card["rating"]["stars"] = 4.into());
        assert_eq!(code(world.verify(&broken)), "signature_invalid", "{form}");
        let without = altered(&signed, |card| {
            card.as_object_mut().unwrap().remove("rating");
        });
        assert_eq!(code(world.verify(&without)), "signature_invalid", "{form}");
    }
}

#[test]
fn ten_thousand_dropped_members_are_counted_and_cost_no_memory() {
    let name = "n".repeat(2000);
    let many: serde_json::Map<_, _> = (0..10_000).map(|one| (one.to_string(), json!(1))).collect();
    let text = card(|card| {
        card["securitySchemes"][&name] = json!({"apiKeySecurityScheme": {"location": "", "name": ""}});
        card["securitySchemes"][&name].as_object_mut().unwrap().extend(many);
    });
    let read = UnverifiedCard::parse(text.as_bytes()).unwrap();
    let told = read.dropped();
    assert_eq!(told.paths().len() + told.more(), 10_000);
    assert!(told.paths().len() <= MAX_DROPPED && told.to_string().len() < 20_000);
    assert!(told.to_string().ends_with("more"), "{told}");
}

#[test]
fn a_card_of_0_3_whose_requirements_are_none_is_refused_and_not_read_as_one_without() {
    for security in [json!({"k": []}), json!(["k"]), json!([[]]), json!("k")] {
        let old = json!({"url": "https://a.example", "protocolVersion": "0.3.0", "security": security});
        let refused = legacy::read(old.to_string().as_bytes());
        assert_eq!(refused.map_err(|error| error.code()), Err("malformed"), "{security}");
        let old = json!({"url": "https://a.example", "skills": [{"security": security}]});
        assert!(legacy::read(old.to_string().as_bytes()).is_err(), "{security}");
    }
}
