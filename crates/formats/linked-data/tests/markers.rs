//! Whatever contexts a document brings along, each name, text, identifier and type in it is in its canonical form, or the
//! document is refused: nothing can be put into what somebody else signed without being seen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod chance;

use chance::Chance;
use legation_keys::json::{self, JsonLimits};
use legation_linked_data::{Contexts, canonicalize};
use serde_json::{Map, Value, json};

/// Chance, and the marks given so far.
struct Draw {
    chance: Chance,
    marks: usize,
}

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.chance.below(most)
    }

    fn one<'a>(&mut self, all: &[&'a str]) -> &'a str {
        self.chance.one(all)
    }

    /// A text that stands nowhere else.
    fn mark(&mut self) -> String {
        self.marks += 1;
        format!("m{}m", self.marks)
    }
}

const TERMS: [&str; 6] = ["t0", "t1", "t2", "t3", "p", "T0"];
const IRIS: [&str; 5] = ["https://a.example/x", "https://a.example/y#", "urn:a:", "p:z", "t1"];
const KEYWORDS: [&str; 19] = [
    "@id",
    "@type",
    "@value",
    "@language",
    "@direction",
    "@list",
    "@set",
    "@index",
    "@graph",
    "@included",
    "@reverse",
    "@nest",
    "@json",
    "@none",
    "@base",
    "@vocab",
    "@container",
    "@version",
    "@other",
];

/// What a term stands for.
fn definition(draw: &mut Draw, depth: usize) -> Value {
    match draw.below(8) {
        0..=2 => draw.one(&IRIS).into(),
        3 => draw.one(&KEYWORDS).into(),
        4 => Value::Null,
        _ => {
            let mut definition = Map::new();
            if draw.below(5) > 0 {
                let id = if draw.below(8) == 0 { draw.one(&KEYWORDS) } else { draw.one(&IRIS) };
                definition.insert("@id".to_owned(), id.into());
            }
            for _ in 0..draw.below(3) {
                let (name, value) = match draw.below(9) {
                    0 | 1 => (
                        "@type",
                        draw.one(&["@id", "@vocab", "@json", "@none", "https://a.example/D"]).into(),
                    ),
                    2 | 3 => {
                        let container =
                            draw.one(&["@list", "@set", "@language", "@index", "@id", "@type", "@graph"]);
                        ("@container", container.into())
                    }
                    4 => ("@container", json!([draw.one(&["@graph", "@id", "@language"]), "@set"])),
                    5 if depth > 0 => ("@context", context(draw, depth - 1)),
                    6 => ("@reverse", draw.one(&IRIS).into()),
                    7 => ("@language", [json!("de"), Value::Null][draw.below(2)].clone()),
                    _ => (draw.one(&["@prefix", "@protected"]), json!(true)),
                };
                definition.insert(name.to_owned(), value);
            }
            Value::Object(definition)
        }
    }
}

fn context(draw: &mut Draw, depth: usize) -> Value {
    let mut context = Map::new();
    for _ in 0..draw.below(5) {
        context.insert(draw.one(&TERMS).to_owned(), definition(draw, depth));
    }
    let (name, value) = match draw.below(8) {
        0..=3 => ("@vocab", draw.one(&["https://v.example/", "p:", ""]).into()),
        4 => ("@base", [json!("https://b.example/"), Value::Null][draw.below(2)].clone()),
        5 => ("@language", "en".into()),
        6 => ("@propagate", json!(false)),
        _ => ("@version", json!(1.1)),
    };
    context.insert(name.to_owned(), value);
    Value::Object(context)
}

fn value(draw: &mut Draw, depth: usize) -> Value {
    match draw.below(if depth == 0 { 4 } else { 12 }) {
        0..=2 => draw.mark().into(),
        3 => format!("urn:{}", draw.mark()).into(),
        4 | 5 => (0..1 + draw.below(2)).map(|_| value(draw, depth - 1)).collect(),
        6 => json!({"@value": draw.mark()}),
        7 => json!({draw.one(&["@list", "@set"]): value(draw, depth - 1)}),
        _ => node(draw, depth),
    }
}

fn node(draw: &mut Draw, depth: usize) -> Value {
    let mut object = Map::new();
    for _ in 0..1 + draw.below(3) {
        let name = match draw.below(8) {
            0 => draw.one(&KEYWORDS).to_owned(),
            1 | 2 => draw.mark(),
            3 => format!("https://a.example/{}", draw.mark()),
            _ => draw.one(&TERMS).to_owned(),
        };
        object.insert(name, value(draw, depth - 1));
    }
    if draw.below(2) == 0 {
        let id = [format!("urn:{}", draw.mark()), draw.mark()][draw.below(2)].clone();
        object.insert("@id".to_owned(), id.into());
    }
    if draw.below(4) == 0 {
        let kind = [draw.mark(), "T0".to_owned()][draw.below(2)].clone();
        object.insert("@type".to_owned(), kind.into());
    }
    if draw.below(6) == 0 {
        object.insert("@context".to_owned(), context(draw, 1));
    }
    Value::Object(object)
}

/// All marks outside of contexts.
fn marks(json: &Value, all: &mut Vec<String>) {
    let mut note = |text: &str| {
        let found = text.rsplit(['/', ':']).next().unwrap_or_default();
        if found.len() > 2 && found.starts_with('m') && found.ends_with('m') {
            all.push(found.to_owned());
        }
    };
    match json {
        Value::String(text) => note(text),
        Value::Array(elements) => elements.iter().for_each(|one| marks(one, all)),
        Value::Object(object) => {
            object.keys().for_each(|name| note(name));
            object.iter().filter(|(name, _)| *name != "@context").for_each(|(_, value)| marks(value, all));
        }
        _ => {}
    }
}

#[test]
fn each_name_text_identifier_and_type_is_in_the_canonical_form() {
    const CASES: u64 = 20_000;
    let (mut read, mut found) = (0, 0);
    for case in 0..CASES {
        let mut draw = Draw { chance: Chance(case), marks: 0 };
        let mut document = node(&mut draw, 3);
        document["@context"] = context(&mut draw, 2);
        let text = document.to_string();
        let json = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 16, depth: 32 }).unwrap();
        let Ok(canonical) = canonicalize(&json, Contexts::compiled_in()) else { continue };
        let mut all = Vec::new();
        marks(&document, &mut all);
        for mark in &all {
            assert!(
                canonical.contains(mark.as_str()),
                "case {case}: {mark} is nowhere in\n{document}\n{canonical}"
            );
        }
        (read, found) = (read + 1, found + all.len());
    }
    assert!(read > 500 && found > 1000, "{read} documents of {CASES} are read, with {found} marks");
}
