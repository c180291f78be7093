//! Agent cards: signed by the key in custody, kept in versions, published beside the document.

use crate::{common::Play, with_bot};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn card(url: &str) -> Value {
    json!({
        "name": "Bot", "description": "Answers.", "version": "1.0.0",
        "supportedInterfaces": [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [],
    })
}

fn set(play: &Play) -> Value {
    play.write("card.json", card("https://acme.example/bot/a2a").to_string());
    play.json("agent card bot set card.json")
}

/// The card as it is published, held against the published document.
fn verified(play: &Play) -> Value {
    play.json("publish --out www");
    play.json("card verify www/bot/agent-card.json --did-documents www")
}

/// The keys that signed it, each in two forms.
fn key_ids(shown: &Value) -> BTreeSet<String> {
    let signatures = shown["card"]["signatures"].as_array().unwrap();
    let protected = signatures.iter().map(|one| one["protected"].as_str().unwrap());
    let header = |text: &str| {
        let bytes = legation_keys::base64url::decode(text).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    protected.map(header).collect()
}

#[test]
fn a_card_is_signed_published_and_stays_verifiable_while_its_key_is_replaced() {
    let play = with_bot();
    let first = set(&play);
    assert_eq!((&first["version"], &first["did"]), (&json!(1), &json!("did:web:acme.example:bot")));
    assert_eq!(first["notes"], json!([]));
    assert_eq!(verified(&play)["did"], "did:web:acme.example:bot");
    play.json("agent rotate bot");
    let both = play.json("agent card bot show");
    assert_eq!(
        (both["version"].clone(), key_ids(&both).len()),
        (json!(2), 2),
        "of the old key and the new one"
    );
    verified(&play);
    play.json("agent rotate bot --compromised");
    let only = play.json("agent card bot show");
    assert_eq!(key_ids(&only).len(), 1);
    assert!(key_ids(&both).is_disjoint(&key_ids(&only)), "the new key's alone");
    verified(&play);
    // However often it is replaced: of a card's signatures there is a most.
    for _ in 0..9 {
        play.json("agent rotate bot");
    }
    verified(&play);
    play.json("agent card bot remove");
    play.json("publish --out www");
    assert!(!play.path("www/bot/agent-card.json").exists(), "what is published no more is taken away");
    let gone = play.run("agent card bot show");
    assert!(gone.status == 1 && gone.stderr.contains("no card of the agent `bot`"), "{gone:?}");
    set(&play);
    verified(&play);
    play.json("agent retire bot");
    play.json("publish --out www");
    assert!(!play.path("www/bot/agent-card.json").exists(), "who is retired has none");
}

#[test]
fn the_organization_has_a_card_of_its_own() {
    let play = with_bot();
    play.write("own.json", card("https://acme.example/a2a").to_string());
    assert_eq!(play.json("organization card set own.json")["did"], "did:web:acme.example");
    play.json("publish --out www");
    let told = play.json("card verify www/.well-known/agent-card.json --did-documents www");
    assert_eq!(told["did"], "did:web:acme.example");
}

#[test]
fn what_is_no_card_of_the_agent_is_refused_and_what_others_refuse_is_told() {
    let play = with_bot();
    let mut other = card("https://acme.example/bot/a2a");
    let of_other = json!([{"uri": "https://w3id.org/legation/a2a/identity/v1", "params": {"did": "did:web:acme.example:crm"}}]);
    other["capabilities"]["extensions"] = of_other;
    play.write("other.json", other.to_string());
    let refused = play.run("agent card bot set other.json");
    assert!(refused.status != 0 && refused.stderr.contains("did:web:acme.example:crm"), "{refused:?}");
    play.write(
        "old.json",
        r#"{"name": "Bot", "url": "https://acme.example/bot", "protocolVersion": "0.3.0"}"#,
    );
    let refused = play.run("agent card bot set old.json");
    assert!(refused.status != 0 && refused.stderr.contains("A2A 1.0"), "{refused:?}");
    play.write("list.json", "[1]");
    assert!(play.run("agent card bot set list.json").status != 0);
    play.write("empty.json", "{}");
    let refused = play.run("agent card bot set empty.json");
    assert!(refused.status != 0 && refused.stderr.contains("no interface"), "{refused:?}");
    let mut bare = card("https://acme.example/bot/a2a");
    bare.as_object_mut().unwrap().remove("skills");
    play.write("bare.json", bare.to_string());
    let told = play.json("agent card bot set bare.json");
    assert!(told["notes"][0].as_str().unwrap().ends_with("lacks: skills"), "{told}");
    play.write("away.json", card("https://elsewhere.example/bot").to_string());
    let told = play.json("agent card bot set away.json");
    assert!(told["notes"][0].as_str().unwrap().contains("https://elsewhere.example"), "{told}");
    let none = play.run("agent card nobody show");
    assert!(none.status == 1 && none.stderr.contains("no agent `nobody`"), "{none:?}");
    play.json("agent suspend bot");
    let suspended = play.run("agent card bot set away.json");
    assert!(suspended.status == 1 && suspended.stderr.contains("suspended"), "{suspended:?}");
}

#[test]
fn an_agent_that_keeps_its_own_key_brings_its_card_signed() {
    let play = with_bot();
    play.run("key generate --out own.key --insecure-plaintext");
    play.json("agent add own --own-key own.key --models standard");
    play.write("own.json", card("https://acme.example/own/a2a").to_string());
    let refused = play.run("agent card own set own.json");
    assert!(refused.status != 0 && refused.stderr.contains("keeps its own key"), "{refused:?}");
    play.json("card sign own.json --key own.key --did did:web:acme.example:own --out signed.json");
    play.json("agent card own set signed.json");
    play.json("publish --out www");
    play.json("card verify www/own/agent-card.json --did-documents www");
    let mut changed: Value = serde_json::from_str(&play.read("signed.json")).unwrap();
    changed["description"] = "Steals.".into();
    play.write("changed.json", changed.to_string());
    assert!(play.run("agent card own set changed.json").status != 0);
    let chain = play.run("delegation chain own").stdout;
    assert_eq!(chain.trim().split('~').count(), 2, "of its team, and its own");
}
