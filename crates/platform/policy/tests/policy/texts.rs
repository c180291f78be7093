//! Texts that are no policies are refused, with the place.

use legation_policy::{Document, document::check_name, schema};

fn refused(text: &str) -> (String, String) {
    let error = Document::parse("p", 1, text).expect_err(text);
    (error.code().to_owned(), error.to_string())
}

#[test]
fn what_is_no_cedar_is_told_with_line_and_column() {
    let (code, told) = refused("forbid (principal, action, resource);\n  forbid principal;");
    assert_eq!(code, "policy_syntax");
    assert!(told.starts_with("line 2, column 10: unexpected token `principal`"), "{told}");
    let (code, told) = refused("forbid (principal, action, resource) when { context.text.hasTag(\"a\" };");
    assert!(code == "policy_syntax" && told.starts_with("line 1, column 69"), "{told}");
    for nothing in ["", "  \n", "// a comment\n"] {
        assert_eq!(refused(nothing).0, "policy_syntax");
    }
    let (code, told) = refused("forbid (principal == ?principal, action, resource);");
    assert!(code == "policy_syntax" && told.contains("template"), "{told}");
}

#[test]
fn what_no_request_has_is_told_with_line_and_column_before_it_counts() {
    for (text, place, words) in [
        (
            "forbid (principal, action == Action::\"model:chatt\", resource);",
            "line 1, column 30",
            "model:chat",
        ),
        ("forbid (principal, action, resource == Modle::\"a\");", "line 1, column 40", "Modle"),
        (
            "forbid (principal, action, resource)\nwhen { context.mood == \"bad\" };",
            "line 2, column 8",
            "mood",
        ),
        (
            "forbid (principal, action, resource)\nwhen { context.amountMicros > 1 };",
            "line 2, column 8",
            "amountMicros",
        ),
        ("forbid (principal, action, resource) when { context.hour == \"9\" };", "line 1, column 45", "type"),
        (
            "forbid (principal, action, resource) when { resource.group == \"a\" };",
            "line 1, column 45",
            "group",
        ),
        (
            "forbid (principal, action, resource) when { context.text.getTag(\"a\") == \"b\" };",
            "line 1, column 45",
            "tag",
        ),
        ("forbid (principal in Group::\"a\", action, resource);", "line 1, column 1", ""),
        ("forbid (principal, action, resource) when { 1 == 2 };", "line 1", ""),
    ] {
        let (code, told) = refused(text);
        assert_eq!(code, "policy_invalid", "{text}: {told}");
        assert!(told.starts_with(place) && told.contains(words), "{text}: {told}");
    }
}

#[test]
fn what_is_too_large_is_refused_and_read_by_nobody() {
    let nested = format!(
        "forbid (principal, action, resource) when {{ {}true{} }};",
        "(".repeat(9000),
        ")".repeat(9000)
    );
    let long = format!("forbid (principal, action, resource) when {{ true{} }};", " && true".repeat(5000));
    let chain = format!(
        "forbid (principal, action, resource) when {{ {} true }};",
        "if true then true else ".repeat(2000)
    );
    let many = "forbid (principal, action, resource);".repeat(257);
    for text in [&nested, &long, &chain, &many, &"x".repeat(70_000)] {
        let (code, told) = refused(text);
        assert_eq!(code, "policy_too_large", "{told}");
    }
    // What is within the bounds is read and judged, on a thread with a small stack, too.
    let deep = format!(
        "forbid (principal, action, resource) when {{ {}context.hour > 5{} }};",
        "(".repeat(20),
        ")".repeat(20)
    );
    let wide = format!(
        "forbid (principal, action, resource) when {{ context.hour > 5{} }};",
        " || context.hour > 6".repeat(60)
    );
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let read = small.spawn(move || [deep, wide].iter().all(|text| Document::parse("p", 1, text).is_ok()));
    assert!(read.unwrap().join().unwrap());
}

#[test]
fn names_are_such_as_can_be_told() {
    for good in ["a", "no-pii", "2026.budget_x"] {
        assert_eq!(check_name(good), Ok(()), "{good}");
    }
    for bad in ["", "A", "a b", "a@1", "a#2", "-a", ".a", "é", &"a".repeat(65), "a\n"] {
        assert_eq!(check_name(bad).unwrap_err().code(), "name_invalid", "{bad}");
    }
}

#[test]
fn every_action_of_the_schema_can_be_named() {
    for action in schema::KNOWN.into_iter().chain(schema::FAMILIES) {
        let text = format!("forbid (principal, action in Action::\"{action}\", resource);");
        assert!(Document::parse("p", 1, &text).is_ok(), "{action}");
    }
}
