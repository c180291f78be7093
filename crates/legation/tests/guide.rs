//! The reference pages of the guide: what they show is read as the library reads it, and nothing that there is is missing.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests may panic as tests do"
)]

use legation::{Authority, Code, Facts, Request, Trust, credential::decide::Situation};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn json_blocks(page: &str) -> Vec<String> {
    let blocks = page.split("```json\n").skip(1);
    blocks.map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&file(&format!("../../schemas/{name}.schema.json"))).unwrap()
}

/// An authority that grants everything this page speaks of, within one constraint.
fn within(constraint: &Value) -> String {
    let grants = json!([{"actions": ["a2a:skill:*"], "resources": ["https://shop.example/*"]}]);
    json!({"grants": grants, "constraints": [constraint]}).to_string()
}

/// Every member that a schema names, however deep.
fn members(schema: &Value, all: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                all.extend(properties.keys().cloned());
            }
            object.values().for_each(|value| members(value, all));
        }
        Value::Array(values) => values.iter().for_each(|value| members(value, all)),
        _ => {}
    }
}

#[test]
fn each_constraint_that_is_shown_is_one_and_all_types_are_shown() {
    let page = file("guide/constraints.md");
    let mut types = BTreeSet::new();
    for block in json_blocks(&page) {
        let value: Value = serde_json::from_str(&block).unwrap();
        let text = if value.get("grants").is_some() { block.clone() } else { within(&value) };
        if let Err(error) = Authority::parse(&text) {
            panic!("{error}\n{block}");
        }
        types.extend(value["type"].as_str().map(str::to_owned));
    }
    let wanted = ["approval", "argument", "audience", "rate", "spend", "total"].map(str::to_owned);
    assert_eq!(types, BTreeSet::from(wanted));
    let authority = schema("authority");
    assert_eq!(authority["$defs"]["constraint"]["oneOf"].as_array().unwrap().len(), types.len());
    let mut all = BTreeSet::new();
    ["spend", "total", "rate", "audience", "argument", "approval"]
        .iter()
        .for_each(|kind| members(&authority["$defs"][kind], &mut all));
    for member in all {
        let shown = page.contains(&format!("`{member}`")) || page.contains(&format!("\"{member}\""));
        assert!(shown, "the page lacks `{member}`");
    }
}

/// What the page says of facts: each constraint that needs some is held against a request without any.
#[test]
fn a_constraint_denies_where_its_fact_is_missing_as_the_page_says() {
    let page = file("guide/constraints.md");
    let request = Request::new("a2a:skill:book", "https://shop.example/rooms", Facts::new()).unwrap();
    for block in json_blocks(&page) {
        let value: Value = serde_json::from_str(&block).unwrap();
        let Some(kind) = value["type"].as_str() else { continue };
        let mut value = value.clone();
        // Each is to bind this request.
        value.as_object_mut().unwrap().remove("actions");
        let authority = Authority::parse(&within(&value)).unwrap();
        let found = authority.permits_in(&request, Situation::at("did:web:shop.example"));
        let needs_none = page.split(&format!("### `{kind}`")).nth(1).unwrap();
        let needs_none = needs_none.split("\n### ").next().unwrap().contains("Needs nothing");
        match found {
            Ok(()) => assert!(needs_none, "{block}"),
            Err(violation) => {
                assert!(!needs_none, "{block}: {violation}");
                assert_eq!(violation.code(), "missing_fact", "{block}");
            }
        }
    }
}

#[test]
fn each_trust_that_is_shown_is_one_and_all_settings_and_defaults_are_shown() {
    let page = file("guide/trust.md");
    let blocks = json_blocks(&page);
    for block in &blocks {
        if let Err(error) = Trust::parse(block.as_bytes()) {
            panic!("{error}\n{block}");
        }
    }
    // The second says every setting with its default, and so means what is left out in another.
    let all: Value = serde_json::from_str(&blocks[1]).unwrap();
    let least = json!({"audience": all["audience"], "roots": all["roots"]});
    let read = |value: &Value| Trust::parse(value.to_string().as_bytes()).unwrap();
    assert_eq!(read(&all), read(&least));
    let schema = schema("trust");
    for (place, shown) in [("/properties", &all), ("/properties/limits/properties", &all["limits"])] {
        let properties = schema.pointer(place).unwrap().as_object().unwrap();
        let (known, shown): (BTreeSet<_>, BTreeSet<_>) =
            (properties.keys().collect(), shown.as_object().unwrap().keys().collect());
        assert_eq!(shown, known);
        for (name, property) in properties {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("no row of `{name}`")).replace(',', "");
            // The most that it may be stands in its row, as a number or in words.
            if let Some(most) = property["maximum"].as_i64() {
                let words = match most {
                    86_400 => "a day",
                    31_536_000 => "a year",
                    315_576_000 => "ten years",
                    _ => "",
                };
                let is_told = row.contains(&most.to_string()) || !words.is_empty() && row.contains(words);
                assert!(is_told, "{name}: at most {most}: {row}");
            }
        }
    }
}

#[test]
fn each_code_that_a_page_names_is_one() {
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    for page in ["constraints", "glossary", "models", "rotation", "services"] {
        let text = file(&format!("guide/{page}.md"));
        for link in text.split("codes/").skip(1).filter_map(|rest| rest.split_once(".md")) {
            assert!(link.0 == "README" || codes.contains(link.0), "{page}: {}", link.0);
        }
    }
}

/// A calendar month is a window of its own: what the page's last trust says is kept by a ledger.
#[test]
fn the_ceiling_that_is_shown_is_counted() {
    let blocks = json_blocks(&file("guide/trust.md"));
    let trust = Trust::parse(blocks[2].as_bytes()).unwrap();
    let facts = [("amount".to_owned(), 1800.into()), ("currency".to_owned(), "USD".into())];
    let request =
        Request::new("a2a:skill:book", "https://shop.example/api/rooms", facts.into_iter().collect())
            .unwrap();
    let debits: Vec<_> = trust.roots.values().flat_map(|ceiling| ceiling.debits(&request)).collect();
    assert_eq!(debits.len(), 1);
    assert_eq!((debits[0].amount, debits[0].most), (1_800_000_000, 1_000_000_000_000));
}
