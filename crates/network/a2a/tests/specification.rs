//! The examples of `EXTENSION.md` are what the code reads and writes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use legation_a2a::{Carried, URI, find_in};
use legation_agent_card::extension::declare_delegation;
use legation_keys::json::{JsonLimits, parse};
use serde_json::{Value, json};

/// The JSON blocks of the specification, in order.
fn blocks() -> Vec<Value> {
    let text = include_str!("../EXTENSION.md");
    let starts = text.split("```json\n").skip(1);
    starts.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap()).collect()
}

fn carried(message: &Value) -> Carried {
    let text = message.to_string();
    find_in(&parse(text.as_bytes(), JsonLimits { bytes: 10_000, depth: 16 }).unwrap()).unwrap().unwrap()
}

fn kind(carried: &Carried) -> &'static str {
    match carried {
        Carried::Message(message) => message.kind(),
        Carried::Refusal(_) => "refusal",
    }
}

#[test]
fn the_declaration_of_the_specification_is_what_cards_are_given() {
    let mut card = json!({});
    declare_delegation(&mut card, true, Some("https://shop.example/a2a")).unwrap();
    assert_eq!(blocks()[0], card["capabilities"]["extensions"][0]);
}

#[test]
fn each_message_of_the_specification_is_read() {
    let mut kinds = Vec::new();
    for block in blocks().iter().skip(1) {
        let message = [&block["params"]["message"], &block["result"]["message"]];
        let message = message.into_iter().find(|message| message.is_object()).cloned();
        let message = message.unwrap_or_else(|| json!({"metadata": {URI: block}}));
        kinds.push(kind(&carried(&message)));
    }
    assert_eq!(kinds, ["hello", "challenge", "presentation", "receipt", "refusal"]);
}
