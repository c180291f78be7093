//! A slice decides as the whole does.

use crate::world::*;
use legation_policy::{Bound, Document, Kind, Principal, Set, Target};
use proptest::prelude::*;
use std::sync::Arc;

fn names() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("c")]
}

fn statement() -> impl Strategy<Value = String> {
    let principal = prop_oneof![
        3 => Just("principal".to_owned()),
        1 => Just("principal is Agent".to_owned()),
        1 => names().prop_map(|name| format!("principal == Agent::\"{name}\"")),
        1 => names().prop_map(|name| format!("principal in Team::\"{name}\"")),
        1 => names().prop_map(|name| format!("principal in Tag::\"{name}\"")),
        1 => names().prop_map(|name| format!("principal is Agent in Tag::\"{name}\"")),
        1 => Just("principal is Admin".to_owned()),
    ];
    let action = prop_oneof![
        3 => Just("action".to_owned()),
        1 => Just("action == Action::\"model:chat\"".to_owned()),
        1 => Just("action in Action::\"model\"".to_owned()),
        1 => Just("action in [Action::\"http:GET\", Action::\"mcp\"]".to_owned()),
        1 => Just("action in [Action::\"http\", Action::\"other\", Action::\"model:embed\"]".to_owned()),
    ];
    let resource = prop_oneof![
        3 => Just("resource".to_owned()),
        1 => names().prop_map(|name| format!("resource == Model::\"{name}\"")),
        1 => names().prop_map(|name| format!("resource in Group::\"{name}\"")),
        1 => names().prop_map(|name| format!("resource is Model in Group::\"{name}\"")),
        1 => Just("resource in Host::\"tools.acme.example\"".to_owned()),
        1 => Just("resource is Resource".to_owned()),
    ];
    let condition = prop_oneof![
        2 => Just(String::new()),
        1 => Just(" when { context.number.hasTag(\"n\") && context.number.getTag(\"n\") > 4 }".to_owned()),
        1 => Just(" unless { context has purpose }".to_owned()),
        1 => Just(" when { context.action like \"http:*\" }".to_owned()),
        1 => Just(" unless { context.links == 2 && !context.child }".to_owned()),
        1 => Just(" when { context.hour < 12 || context.action == \"pay\" }".to_owned()),
        // It fails for some.
        1 => Just(" when { context.number.hasTag(\"n\") && context.number.getTag(\"n\") * 9000000000000000 > 1 }".to_owned()),
    ];
    let effect = prop_oneof![3 => Just("forbid"), 1 => Just("permit")];
    (effect, principal, action, resource, condition).prop_map(
        |(effect, principal, action, resource, condition)| {
            format!("{effect} ({principal}, {action}, {resource}){condition};")
        },
    )
}

fn bound() -> impl Strategy<Value = Vec<(Vec<String>, Vec<Target>)>> {
    let target = prop_oneof![
        1 => Just(Target::Organization),
        1 => names().prop_map(|name| Target::Team(name.to_owned())),
        1 => names().prop_map(|name| Target::Tag(name.to_owned())),
        1 => names().prop_map(|name| Target::Agent(name.to_owned())),
    ];
    let texts = proptest::collection::vec(statement(), 1..3);
    proptest::collection::vec((texts, proptest::collection::vec(target, 1..3)), 1..12)
}

fn principal() -> impl Strategy<Value = Principal> {
    let of_agent = (names(), names(), proptest::collection::vec(names(), 0..3))
        .prop_map(|(name, team, tags)| agent(name, team, &tags));
    prop_oneof![5 => of_agent, 1 => names().prop_map(|name| Principal::of_did(Kind::Admin, name))]
}

fn wanted() -> impl Strategy<Value = legation_credential::Request> {
    let action = prop_oneof![
        Just("model:chat"),
        Just("model:embed"),
        Just("http:GET"),
        Just("http:PUT"),
        Just("mcp:tools/call:x"),
        Just("pay"),
    ];
    let resource = prop_oneof![
        3 => (names(), names()).prop_map(|(group, model)| format!("https://{HOST}/models/{group}/{model}")),
        1 => Just("https://tools.acme.example/x".to_owned()),
    ];
    let facts = (proptest::option::of(0_i64..2000), any::<bool>());
    (action, resource, facts).prop_map(|(action, resource, (number, purpose))| {
        let mut facts = Vec::new();
        facts.extend(number.map(|number| ("n", number.into())));
        facts.extend(purpose.then(|| ("purpose", "x".into())));
        request(action, &resource, &facts)
    })
}

/// Statements that can never apply are no policies; they are left out here.
fn put(texts: &[String], number: usize) -> Option<Arc<Document>> {
    Document::parse(&format!("p{number}"), 1, &texts.join("\n")).ok().map(Arc::new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_slice_decides_as_the_whole(
        all in bound(),
        requests in proptest::collection::vec((proptest::collection::vec(principal(), 1..3), wanted()), 1..8),
    ) {
        let mut some = Vec::new();
        for (number, (texts, targets)) in all.iter().enumerate() {
            let Some(document) = put(texts, number) else { continue };
            some.extend(targets.iter().map(|target| Bound { document: Arc::clone(&document), target: target.clone() }));
        }
        let set = Set::of(some.clone());
        for (principals, request) in &requests {
            let asks = asked(principals, request);
            let (slice, whole) = (set.decide(&asks), set.decide_whole(&asks));
            prop_assert_eq!(&slice, &whole);
            // One policy less never denies what went through: each only narrows.
            if slice.is_through() {
                for left_out in 0..some.len() {
                    let fewer = some.iter().enumerate().filter(|(number, _)| *number != left_out).map(|(_, one)| one.clone());
                    prop_assert!(Set::of(fewer).decide(&asks).is_through());
                }
            }
        }
    }

    #[test]
    fn what_is_denied_always_is_denied_whatever_is_asked_and_whenever(
        all in bound(),
        principals in proptest::collection::vec(principal(), 1..3),
        first in wanted(),
        others in proptest::collection::vec((wanted(), 0_i64..2 * 86_400), 1..12),
    ) {
        let documents = all.iter().enumerate().filter_map(|(number, (texts, targets))| Some((put(texts, number)?, targets)));
        let bound = documents.flat_map(|(document, targets)| {
            targets.iter().map(move |target| Bound { document: Arc::clone(&document), target: target.clone() })
        });
        let set = Set::of(bound);
        let denied = set.denies_always(&asked(&principals, &first));
        for (other, later) in &others {
            let same = legation_credential::Request::new(first.action(), first.resource(), other.facts().clone()).unwrap();
            let asks = legation_policy::Asked { at: NOW + later, ..asked(&principals, &same) };
            prop_assert_eq!(set.denies_always(&asks), denied, "it depends on nothing of that");
            prop_assert!(!denied || !set.decide(&asks).is_through());
        }
    }
}
