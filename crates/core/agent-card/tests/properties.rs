//! What holds for every card: canonicalizing is idempotent, what is signed verifies, what the schema
//! does not know never comes out. To be run with `serde_json/arbitrary_precision` off and on.

#![allow(clippy::unwrap_used)]

mod world;

use legation_agent_card::{Form, UnverifiedCard};
use proptest::{collection, prelude::*};
use serde_json::{Map, Value, json};
use world::World;

/// A text that is often empty, and not only ASCII.
fn text() -> impl Strategy<Value = Value> {
    prop_oneof![Just(String::new()), "[a-zé😀\u{fb33}\"\\\\]{1,6}", any::<String>()].prop_map(Value::from)
}

/// Any JSON, as a `Struct` holds it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Value::from),
        text(),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        let name = text().prop_map(|name| name.as_str().unwrap().to_owned());
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            collection::btree_map(name, inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An object of some of these members.
fn some_of(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| prop::option::of(value).prop_map(move |value| value.map(|value| (name, value))))
        .collect();
    members
        .prop_map(|members| {
            let members = members.into_iter().flatten();
            Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
        })
        .boxed()
}

fn texts() -> BoxedStrategy<Value> {
    collection::vec(text(), 0..3).prop_map(Value::from).boxed()
}

fn requirements() -> BoxedStrategy<Value> {
    let one = collection::btree_map("[a-z]{0,3}", some_of(vec![("list", texts())]), 0..3)
        .prop_map(|schemes| json!({"schemes": schemes}));
    collection::vec(one, 0..3).prop_map(Value::from).boxed()
}

/// A card by the schema, with many an empty member.
fn card() -> BoxedStrategy<Value> {
    let params = collection::btree_map("[a-z😀\u{fb33}]{0,3}", any_json(), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()));
    let extension = some_of(vec![
        ("uri", text().boxed()),
        ("description", text().boxed()),
        ("required", any::<bool>().prop_map(Value::from).boxed()),
        ("params", params.boxed()),
    ]);
    let skill = some_of(vec![
        ("id", text().boxed()),
        ("tags", texts()),
        ("examples", texts()),
        ("securityRequirements", requirements()),
    ]);
    some_of(vec![
        ("name", text().boxed()),
        ("iconUrl", text().boxed()),
        ("defaultInputModes", texts()),
        (
            "capabilities",
            some_of(vec![
                ("streaming", any::<bool>().prop_map(Value::from).boxed()),
                ("extensions", collection::vec(extension, 0..3).prop_map(Value::from).boxed()),
            ]),
        ),
        ("skills", collection::vec(skill, 0..3).prop_map(Value::from).boxed()),
        ("securityRequirements", requirements()),
    ])
}

fn canonical(card: &str, form: Form) -> String {
    UnverifiedCard::parse(card.as_bytes()).unwrap().canonical(form)
}

/// Puts a member that no schema knows into every message of a card; not into a `Struct` or a map.
fn inject(card: &mut Value) {
    let Some(members) = card.as_object_mut() else { return };
    for (name, value) in members.iter_mut() {
        match (name.as_str(), value) {
            ("capabilities", value) => inject(value),
            ("extensions" | "skills" | "securityRequirements", Value::Array(values)) => {
                values.iter_mut().for_each(inject);
            }
            _ => {}
        }
    }
    members.insert("INJECTED".to_owned(), json!({"deep": ["x", 1.5]}));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_canonical_form_is_its_own(card in card()) {
        for form in Form::ALL {
            let once = canonical(&card.to_string(), form);
            prop_assert_eq!(canonical(&once, form), once);
        }
        let spec = canonical(&card.to_string(), Form::Spec);
        prop_assert_eq!(canonical(&spec, Form::Sdk), canonical(&card.to_string(), Form::Sdk));
    }

    #[test]
    fn what_no_schema_knows_changes_nothing(card in card()) {
        let mut injected = card.clone();
        inject(&mut injected);
        for form in Form::ALL {
            let text = canonical(&injected.to_string(), form);
            prop_assert!(!text.contains("INJECTED"));
            prop_assert_eq!(text, canonical(&card.to_string(), form));
        }
    }

    #[test]
    fn what_is_signed_verifies_in_each_form_and_comes_out_as_signed(content in card()) {
        let world = World::new();
        let signed = world.signed(|card| {
            for (name, value) in content.as_object().unwrap() {
                // The card needs its own declaration of a DID.
                if name != "capabilities" {
                    card[name] = value.clone();
                }
            }
            let more = content.pointer("/capabilities/extensions").and_then(Value::as_array);
            let extensions = card["capabilities"]["extensions"].as_array_mut().unwrap();
            extensions.extend(more.into_iter().flatten().cloned());
        });
        for form in Form::ALL {
            let card = world.verify_as(&signed, &[form]).unwrap();
            prop_assert_eq!(card.form(), form);
            prop_assert_eq!(card.canonical(), canonical(&signed, form));
            prop_assert_eq!(canonical(&card.card().to_string(), form), card.canonical());
        }
        prop_assert_eq!(world.verify(&signed).unwrap().form(), Form::Spec);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in collection::vec(any::<u8>(), 0..200), json in any_json()) {
        let _ = UnverifiedCard::parse(&bytes);
        let text = json.to_string();
        let _ = UnverifiedCard::parse(text.as_bytes());
        let _ = legation_agent_card::legacy::read(text.as_bytes());
        let _ = legation_agent_card::JwkSet::parse(text.as_bytes());
        let old = json!({"url": json, "security": json, "additionalInterfaces": json, "skills": json,
            "securitySchemes": json, "capabilities": json, "signatures": json});
        let _ = legation_agent_card::legacy::read(old.to_string().as_bytes());
    }
}
