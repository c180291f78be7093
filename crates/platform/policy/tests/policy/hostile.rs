//! Facts, names and resources of somebody who wants more.

use crate::world::*;
use legation_credential::{Facts, Request, Value};
use proptest::prelude::*;

#[test]
fn facts_of_hostile_names_are_facts_of_those_names() {
    let text = r#"forbid (principal, action, resource) unless { context.text.hasTag("region") && context.text.getTag("region") == "eu" };"#;
    for name in [
        "__entity",
        "__extn",
        "__expr",
        "context",
        "principal",
        "hasTag",
        "\"region\"",
        "region\0",
        "Region",
        " region",
        "request",
        "region\"} || {\"region",
        "🦀",
        "foreign",
        "child",
        "agent",
        "root",
        "at",
        "statusAge",
    ] {
        let mut facts = Facts::new();
        facts.insert(name.to_owned(), Value::from("eu"));
        let Ok(asks) = Request::new("model:chat", "https://acme.example/models/standard/small", facts) else {
            continue;
        };
        assert_eq!(code(text, &asks), Some("policy_denied"), "{name:?} passes for the region");
    }
    assert_eq!(code(text, &chat("small", &[("region", "eu".into())])), None);
}

#[test]
fn no_fact_stands_for_what_the_gateway_knows() {
    // Each would go through if the fact of that name were believed.
    for (text, name, value) in [
        ("forbid (principal, action, resource) when { !context.foreign };", "foreign", Value::Bool(true)),
        ("forbid (principal, action, resource) when { context.hour == 12 };", "hour", Value::Integer(3)),
        (
            r#"forbid (principal, action, resource) when { context.possession == "vouched" };"#,
            "agent",
            Value::from("signed"),
        ),
        (
            r#"forbid (principal, action, resource) when { context.action == "model:chat" };"#,
            "action",
            Value::from("x"),
        ),
        ("forbid (principal, action, resource) when { context.links == 2 };", "links", Value::Integer(1)),
    ] {
        assert_eq!(code(text, &chat("small", &[(name, value)])), Some("policy_denied"), "{name}");
    }
}

#[test]
fn a_fact_of_another_type_does_not_pass_for_the_one_that_is_needed() {
    let text = r#"forbid (principal, action, resource) unless { context.flag.hasTag("safe") && context.flag.getTag("safe") };"#;
    assert_eq!(code(text, &chat("small", &[("safe", "true".into())])), Some("policy_denied"));
    assert_eq!(code(text, &chat("small", &[("safe", 1.into())])), Some("policy_denied"));
    assert_eq!(code(text, &chat("small", &[("safe", Value::Bool(false))])), Some("policy_denied"));
    assert_eq!(code(text, &chat("small", &[("safe", Value::Bool(true))])), None);
    let purpose =
        r#"forbid (principal, action, resource) unless { context has purpose && context.purpose like "*" };"#;
    // `purpose` is a text, or it is no request.
    assert!(
        Request::new("model:chat", "https://acme.example/m", Facts::from([("purpose".to_owned(), 1.into())]))
            .is_err()
    );
    assert_eq!(code(purpose, &chat("small", &[("purpose", "".into())])), None);
}

#[test]
fn names_that_look_like_cedar_are_names() {
    let text = r#"forbid (principal in Tag::"pii", action, resource);"#;
    for tag in ["pii\"", "\"pii", "pii\" || principal in Tag::\"pii", "PII", "pii ", "Tag::\"pii\""] {
        let set = set(&[(text, "organization")]);
        assert!(
            set.decide(&asked(&[agent("bot", "sales", &[tag])], &chat("small", &[]))).is_through(),
            "{tag}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_facts_say_a_request_can_be_put_and_what_is_forbidden_stays_so(
        facts in proptest::collection::btree_map(".{0,20}", prop_oneof![
            ".{0,30}".prop_map(|text| Value::from(text.as_str())),
            (-(1_i64 << 53) + 1..(1 << 53)).prop_map(Value::from),
            any::<bool>().prop_map(Value::Bool),
        ], 0..12),
        tag in ".{1,20}",
    ) {
        let Ok(asks) = Request::new("model:chat", "https://acme.example/models/standard/small", facts) else { return Ok(()) };
        let bot = [agent("bot", "sales", &[&tag])];
        let forbids = set(&[(r#"forbid (principal, action, resource in Group::"standard");"#, "organization")]);
        prop_assert_eq!(forbids.decide(&asked(&bot, &asks)).code(), Some("policy_denied"));
        let nothing = set(&[(r#"forbid (principal, action, resource in Group::"other");"#, "organization")]);
        prop_assert_eq!(nothing.decide(&asked(&bot, &asks)).code(), None);
    }
}
