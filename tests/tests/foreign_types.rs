//! Which types and traits of other crates the public API of a crate shows.
//!
//! It reads the JSON that rustdoc writes of each crate, and holds what it finds to the list of what is allowed
//! (`tests/api/foreign-types.json`): a type that is shown and not listed is an error, and so is one that is
//! listed and not shown any more. The standard library is always allowed.
//!
//! Whoever builds on a crate has to take the same major version of each crate that it shows. What is hidden
//! can be updated or replaced without anybody's noticing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[test]
#[ignore = "needs target/api, which tests/api/check writes"]
fn the_api_shows_no_foreign_type_but_those_listed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let read = |path: String| -> Value {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap()
    };
    let allowed = read(format!("{root}/tests/api/foreign-types.json"));
    let mut findings = Vec::new();
    let allowed = allowed.as_object().unwrap();
    assert_eq!(std::fs::read_dir(format!("{root}/target/api/now")).unwrap().count(), allowed.len());
    for (name, allowed) in allowed {
        let doc = read(format!("{root}/target/api/now/{}.json", name.replace('-', "_")));
        let (items, shown) = (items(&doc).len(), foreign_types(&doc));
        println!("{name}: {items} items, {} foreign names", shown.len());
        assert!(items > 10, "{name} has hardly any items: another format?");
        findings.extend(judge(name, &shown, allowed.as_object().unwrap()));
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Holds what is shown to what is allowed: an entry is a type's full path or a whole crate, with its reason.
fn judge(
    name: &str,
    shown: &BTreeMap<String, String>,
    allowed: &serde_json::Map<String, Value>,
) -> Vec<String> {
    let fits = |entry: &str, path: &str| path == entry || path.split("::").next() == Some(entry);
    let leaks = shown
        .iter()
        .filter(|(path, _)| !allowed.keys().any(|entry| fits(entry, path)))
        .map(|(path, place)| format!("{name} shows `{path}`, at {place}"));
    let stale = allowed
        .keys()
        .filter(|entry| !shown.keys().any(|path| fits(entry, path)))
        .map(|entry| format!("{name} may show `{entry}`, but no longer does"));
    leaks.chain(stale).collect()
}

/// The crate's own items but those of impls that the compiler derives for every type there is.
fn items(doc: &Value) -> Vec<&Value> {
    let index = doc["index"].as_object().unwrap();
    let is_general = |item: &Value| {
        let implementation = &item["inner"]["impl"];
        !implementation["blanket_impl"].is_null() || implementation["is_synthetic"] == true
    };
    let inside: BTreeSet<String> = index
        .values()
        .filter(|item| is_general(item))
        .flat_map(|item| item["inner"]["impl"]["items"].as_array().unwrap())
        .map(Value::to_string)
        .collect();
    let own =
        |(id, item): &(&String, &Value)| item["crate_id"] == 0 && !is_general(item) && !inside.contains(*id);
    index.iter().filter(own).map(|(_, item)| item).collect()
}

/// The full paths of all foreign types and traits in the API, each with a place where it stands.
fn foreign_types(doc: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for item in items(doc) {
        let mut paths = BTreeSet::new();
        collect(doc, &item["inner"], &mut paths);
        for path in paths {
            found.entry(path).or_insert_with(|| place(item));
        }
    }
    found
}

/// Every path in a declaration: of types, of traits in bounds and impls, of what is exported again.
fn collect(doc: &Value, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let text = members.get("path").or_else(|| members.get("source")).and_then(Value::as_str);
            if let (Some(text), Some(id)) = (text, members.get("id")) {
                into.extend(full_path(doc, id, text));
            }
            members.values().for_each(|member| collect(doc, member, into));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(doc, element, into)),
        _ => {}
    }
}

/// Where a path leads to, unless that is this crate or the standard library.
fn full_path(doc: &Value, id: &Value, text: &str) -> Option<String> {
    let id = id.to_string();
    let path = match &doc["paths"][&id] {
        // An item of this crate that is exported again, or a name that rustdoc gives no path for.
        Value::Null if !doc["index"][&id].is_null() => return None,
        Value::Null => text.to_owned(),
        entry if entry["crate_id"] == 0 => return None,
        entry => {
            let parts = entry["path"].as_array().unwrap();
            parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("::")
        }
    };
    let standard = ["std", "core", "alloc"].contains(&path.split("::").next().unwrap());
    (!standard).then_some(path)
}

fn place(item: &Value) -> String {
    let name = item["name"].as_str().unwrap_or("an impl");
    let file = item["span"]["filename"].as_str().unwrap_or("an unknown place");
    format!("{file}:{} (`{name}`)", item["span"]["begin"][0])
}

/// A crate with one function that gives `out`, and one impl.
fn doc(out: Value, implementation: Value) -> Value {
    let item = |name: &str, inner: Value| json!({"name": name, "crate_id": 0, "inner": inner});
    json!({
        "root": 0,
        "index": {
            "0": item("legation_keys", json!({"module": {"items": [1, 2]}})),
            "1": item("make", json!({"function": {"sig": {"inputs": [], "output": out}}})),
            "2": item("", json!({"impl": implementation})),
        },
        "paths": {
            "7": {"crate_id": 3, "path": ["serde_json", "value", "Value"], "kind": "enum"},
            "8": {"crate_id": 1, "path": ["alloc", "vec", "Vec"], "kind": "struct"},
            "9": {"crate_id": 0, "path": ["legation_keys", "PublicKey"], "kind": "struct"},
        },
    })
}

fn path(id: u64, inside: Value) -> Value {
    json!({"resolved_path": {"path": "Any", "id": id, "args": {"angle_bracketed": {"args": [inside]}}}})
}

fn shown(doc: &Value) -> Vec<String> {
    foreign_types(doc).into_keys().collect()
}

#[test]
fn a_foreign_type_is_found_however_deep_it_stands() {
    let plain = json!({"trait": null, "for": path(9, Value::Null), "items": []});
    assert!(shown(&doc(path(8, path(9, Value::Null)), plain.clone())).is_empty());
    let deep = doc(path(8, json!({"tuple": [path(8, path(7, Value::Null))]})), plain);
    assert_eq!(shown(&deep), ["serde_json::value::Value"]);
}

#[test]
fn a_foreign_trait_is_found_unless_it_is_for_every_type() {
    let of = |general: Value| {
        json!({"trait": {"path": "Value", "id": 7, "args": null}, "for": path(9, Value::Null), "items": [],
            "is_synthetic": false, "blanket_impl": general})
    };
    assert_eq!(shown(&doc(Value::Null, of(Value::Null))), ["serde_json::value::Value"]);
    assert!(shown(&doc(Value::Null, of(json!({"generic": "T"})))).is_empty());
}

#[test]
fn what_is_exported_again_is_found() {
    let mut again = doc(Value::Null, json!({"items": []}));
    again["index"]["1"]["inner"] = json!({"use": {"source": "serde_json::Value", "name": "Value", "id": 7}});
    assert_eq!(shown(&again), ["serde_json::value::Value"]);
    again["index"]["1"]["inner"] = json!({"use": {"source": "serde_json", "name": "serde_json", "id": 77}});
    assert_eq!(shown(&again), ["serde_json"]);
}

#[test]
fn a_type_must_be_listed_and_what_is_listed_must_be_shown() {
    let shown = BTreeMap::from([("url::Url".to_owned(), "lib.rs:1".to_owned())]);
    let judge = |allowed: Value| judge("legation-keys", &shown, allowed.as_object().unwrap());
    assert!(judge(json!({"url": "why"})).is_empty());
    assert!(judge(json!({"url::Url": "why"})).is_empty());
    assert_eq!(judge(json!({})), ["legation-keys shows `url::Url`, at lib.rs:1"]);
    assert_eq!(judge(json!({"ur": "why"})).len(), 2);
    assert_eq!(judge(json!({"url": "why", "http": "why"})).len(), 1);
}
