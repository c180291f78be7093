//! Whatever contexts a document brings along, each name, text, identifier and type in it is in its canonical form, or the
//! document is refused: nothing can be put into what somebody else signed without being seen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use legation_keys::json::{self, JsonLimits};
use legation_linked_data::canonicalize;
use serde_json::{Map, Value, json};

/// Numbers that look like chance and are the same in each run (Knuth's linear congruence), and the marks given so far.
struct Chance {
    state: u64,
    marks: usize,
}

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap() % most
    }

    fn one<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
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
fn definition(chance: &mut Chance, depth: usize) -> Value {
    match chance.below(8) {
        0..=2 => chance.one(&IRIS).into(),
        3 => chance.one(&KEYWORDS).into(),
        4 => Value::Null,
        _ => {
            let mut definition = Map::new();
            if chance.below(5) > 0 {
                let id = if chance.below(8) == 0 { chance.one(&KEYWORDS) } else { chance.one(&IRIS) };
                definition.insert("@id".to_owned(), id.into());
            }
            for _ in 0..chance.below(3) {
                let (name, value) = match chance.below(9) {
                    0 | 1 => (
                        "@type",
                        chance.one(&["@id", "@vocab", "@json", "@none", "https://a.example/D"]).into(),
                    ),
                    2 | 3 => {
                        let container =
                            chance.one(&["@list", "@set", "@language", "@index", "@id", "@type", "@graph"]);
                        ("@container", container.into())
                    }
                    4 => ("@container", json!([chance.one(&["@graph", "@id", "@language"]), "@set"])),
                    5 if depth > 0 => ("@context", context(chance, depth - 1)),
                    6 => ("@reverse", chance.one(&IRIS).into()),
                    7 => ("@language", [json!("de"), Value::Null][chance.below(2)].clone()),
                    _ => (chance.one(&["@prefix", "@protected"]), json!(true)),
                };
                definition.insert(name.to_owned(), value);
            }
            Value::Object(definition)
        }
    }
}

fn context(chance: &mut Chance, depth: usize) -> Value {
    let mut context = Map::new();
    for _ in 0..chance.below(5) {
        context.insert(chance.one(&TERMS).to_owned(), definition(chance, depth));
    }
    let (name, value) = match chance.below(8) {
        0..=3 => ("@vocab", chance.one(&["https://v.example/", "p:", ""]).into()),
        4 => ("@base", [json!("https://b.example/"), Value::Null][chance.below(2)].clone()),
        5 => ("@language", "en".into()),
        6 => ("@propagate", json!(false)),
        _ => ("@version", json!(1.1)),
    };
    context.insert(name.to_owned(), value);
    Value::Object(context)
}

fn value(chance: &mut Chance, depth: usize) -> Value {
    match chance.below(if depth == 0 { 4 } else { 12 }) {
        0..=2 => chance.mark().into(),
        3 => format!("urn:{}", chance.mark()).into(),
        4 | 5 => (0..1 + chance.below(2)).map(|_| value(chance, depth - 1)).collect(),
        6 => json!({"@value": chance.mark()}),
        7 => json!({chance.one(&["@list", "@set"]): value(chance, depth - 1)}),
        _ => node(chance, depth),
    }
}

fn node(chance: &mut Chance, depth: usize) -> Value {
    let mut object = Map::new();
    for _ in 0..1 + chance.below(3) {
        let name = match chance.below(8) {
            0 => chance.one(&KEYWORDS).to_owned(),
            1 | 2 => chance.mark(),
            3 => format!("https://a.example/{}", chance.mark()),
            _ => chance.one(&TERMS).to_owned(),
        };
        object.insert(name, value(chance, depth - 1));
    }
    if chance.below(2) == 0 {
        let id = [format!("urn:{}", chance.mark()), chance.mark()][chance.below(2)].clone();
        object.insert("@id".to_owned(), id.into());
    }
    if chance.below(4) == 0 {
        let kind = [chance.mark(), "T0".to_owned()][chance.below(2)].clone();
        object.insert("@type".to_owned(), kind.into());
    }
    if chance.below(6) == 0 {
        object.insert("@context".to_owned(), context(chance, 1));
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
        let mut chance = Chance { state: case, marks: 0 };
        let mut document = node(&mut chance, 3);
        document["@context"] = context(&mut chance, 2);
        let text = document.to_string();
        let json = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 16, depth: 32 }).unwrap();
        let Ok(canonical) = canonicalize(&json) else { continue };
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
