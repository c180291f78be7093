//! What policies decide.

use crate::world::*;
use legation_credential::Value;
use legation_policy::{Kind, Outcome, Principal, Set};

const NO_GPT: &str =
    r#"@reason("use the model that runs in Europe") forbid (principal, action, resource == Model::"gpt-5");"#;

#[test]
fn a_policy_of_a_tag_forbids_those_who_have_it_and_nobody_else() {
    let set = set(&[(NO_GPT, "tag:pii")]);
    let (asks, other) = (chat("gpt-5", &[]), chat("small", &[]));
    let with = [agent("bot", "sales", &["eu", "pii"])];
    let verdict = set.decide(&asked(&with, &asks));
    assert_eq!(
        (verdict.code(), verdict.policies.as_slice()),
        (Some("policy_denied"), &["p0@1".to_owned()][..])
    );
    assert_eq!(verdict.told().1, "forbidden by `p0@1`, line 1: use the model that runs in Europe");
    assert!(set.decide(&asked(&with, &other)).is_through());
    assert!(set.decide(&asked(&[agent("bot", "sales", &["eu"])], &asks)).is_through());
}

#[test]
fn each_way_to_bind_reaches_whom_it_names() {
    let asks = chat("gpt-5", &[]);
    let bot = || [agent("bot", "sales", &["pii"])];
    for (target, reaches) in [
        ("organization", true),
        ("team:sales", true),
        ("team:pii", false),
        ("tag:pii", true),
        ("tag:sales", false),
        ("agent:bot", true),
        ("agent:sales", false),
    ] {
        assert_eq!(!set(&[(NO_GPT, target)]).decide(&asked(&bot(), &asks)).is_through(), reaches, "{target}");
    }
}

#[test]
fn a_fact_that_is_needed_is_needed() {
    let text = r#"forbid (principal, action, resource) unless { context has purpose && context.purpose == "support" };"#;
    assert_eq!(code(text, &chat("small", &[])), Some("policy_denied"));
    assert_eq!(code(text, &chat("small", &[("purpose", "sales".into())])), Some("policy_denied"));
    assert_eq!(code(text, &chat("small", &[("purpose", "support".into())])), None);
    let text = r#"forbid (principal, action, resource)
        unless { context.number.hasTag("max_tokens") && context.number.getTag("max_tokens") <= 100 };"#;
    assert_eq!(code(text, &chat("small", &[("max_tokens", 101.into())])), Some("policy_denied"));
    assert_eq!(code(text, &chat("small", &[("max_tokens", 100.into())])), None);
    // A number that comes as a text is no number.
    assert_eq!(code(text, &chat("small", &[("max_tokens", "100".into())])), Some("policy_denied"));
}

#[test]
fn what_cannot_be_evaluated_denies() {
    // More than a number holds.
    let text = "forbid (principal, action, resource) when { context.at * 9000000000000 > 1 };";
    let verdict = says(text, &chat("small", &[]));
    assert_eq!(
        (verdict.code(), verdict.policies.as_slice()),
        (Some("policy_error"), &["p0@1".to_owned()][..])
    );
    assert!(matches!(verdict.outcome, Outcome::Failed(Some(_), _)), "{verdict:?}");
    // One that permits and fails beside one that permits: it might have been one that forbids.
    let set = set(&[
        ("permit (principal, action, resource);", "organization"),
        ("permit (principal, action, resource) when { context.at * 9000000000000 > 1 };", "organization"),
    ]);
    assert_eq!(
        set.decide(&asked(&[agent("bot", "sales", &[])], &chat("small", &[]))).code(),
        Some("policy_error")
    );
}

#[test]
fn a_list_permits_what_it_names_and_another_list_does_not_add_to_it() {
    let small = r#"permit (principal, action, resource == Model::"small");"#;
    let large = r#"permit (principal, action, resource == Model::"large");"#;
    assert_eq!(code(small, &chat("small", &[])), None);
    let verdict = says(small, &chat("large", &[]));
    assert_eq!(
        (verdict.code(), &verdict.outcome),
        (Some("policy_denied"), &Outcome::NotListed("p0@1".to_owned()))
    );
    let both = set(&[(small, "organization"), (large, "team:sales")]);
    let bot = [agent("bot", "sales", &[])];
    assert!(!both.decide(&asked(&bot, &chat("small", &[]))).is_through(), "binding one more never widens");
    // In one document they are one list.
    assert_eq!(code(&format!("{small}\n{large}"), &chat("large", &[])), None);
    // A list of somebody else's binds nobody here, and a document that only forbids is no list.
    assert!(set(&[(small, "team:other")]).decide(&asked(&bot, &chat("large", &[]))).is_through());
    assert_eq!(code(NO_GPT, &chat("large", &[])), None);
    let permitted = says(small, &chat("small", &[]));
    assert_eq!(permitted.policies, ["p0@1"]);
}

#[test]
fn whoever_passes_its_authority_on_is_still_asked_for() {
    let text = r#"forbid (principal == Agent::"parent", action, resource == Model::"gpt-5");"#;
    let set = set(&[(text, "agent:parent")]);
    let (parent, other) = (agent("parent", "sales", &[]), agent("other", "sales", &[]));
    let asks = chat("gpt-5", &[]);
    // A child that it made itself.
    let child =
        legation_policy::Asked { agent: "did:key:zChild", ..asked(std::slice::from_ref(&parent), &asks) };
    assert!(!set.decide(&child).is_through());
    // Another agent of the organization.
    assert!(!set.decide(&asked(&[parent, other.clone()], &asks)).is_through());
    assert!(set.decide(&asked(&[other], &asks)).is_through());
    let text = "forbid (principal, action, resource) when { context.child };";
    assert_eq!(code(text, &asks), None);
}

#[test]
fn actions_without_a_name_of_their_own_are_of_their_family() {
    let on = |action: &str| request(action, "https://tools.acme.example/mcp", &[]);
    let text = r#"forbid (principal, action in Action::"mcp", resource in Host::"tools.acme.example")
        when { context.action like "mcp:tools/call:delete_*" };"#;
    assert_eq!(code(text, &on("mcp:tools/call:delete_all")), Some("policy_denied"));
    assert_eq!(code(text, &on("mcp:tools/call:list")), None);
    let family = r#"forbid (principal, action in Action::"http", resource);"#;
    assert_eq!(code(family, &on("http:GET")), Some("policy_denied"));
    assert_eq!(code(family, &on("http:PROPFIND")), Some("policy_denied"));
    assert_eq!(code(family, &on("a2a:skill:book")), None);
    let other = r#"forbid (principal, action == Action::"other", resource);"#;
    assert_eq!(code(other, &on("invoice:pay")), Some("policy_denied"));
    assert_eq!(code(other, &on("httpx:GET")), Some("policy_denied"));
}

#[test]
fn models_groups_and_other_resources_are_told_apart_by_their_place() {
    let group = r#"forbid (principal, action, resource in Group::"standard");"#;
    assert_eq!(code(group, &chat("small", &[])), Some("policy_denied"));
    let elsewhere = request("model:chat", "https://other.example/models/standard/small", &[]);
    assert_eq!(code(group, &elsewhere), None);
    let deeper = request("model:chat", "https://acme.example/models/standard/small/x", &[]);
    assert_eq!(code(r#"forbid (principal, action, resource is Model);"#, &deeper), None);
    assert_eq!(
        code(r#"forbid (principal, action, resource in Host::"acme.example");"#, &deeper),
        Some("policy_denied")
    );
    let no_host = request("invoice:pay", "urn:acme:invoice", &[]);
    assert_eq!(
        code(
            r#"forbid (principal, action, resource) when { resource is Resource && resource.host == "" };"#,
            &no_host
        ),
        Some("policy_denied")
    );
}

#[test]
fn the_time_of_day_is_in_utc() {
    let at = |text: &str| code(text, &chat("small", &[]));
    assert_eq!(
        at("forbid (principal, action, resource) when { context.hour == 12 && context.minute == 30 };"),
        Some("policy_denied")
    );
    assert_eq!(
        at("forbid (principal, action, resource) when { context.weekday == 1 };"),
        Some("policy_denied")
    );
    assert_eq!(
        at("forbid (principal, action, resource) unless { context.hour >= 8 && context.hour < 18 };"),
        None
    );
    let before_1970 = chat("small", &[]);
    let bot = [agent("bot", "sales", &[])];
    let asked = legation_policy::Asked { at: -1, ..asked(&bot, &before_1970) };
    let text = "forbid (principal, action, resource) when { context.hour == 23 && context.weekday == 3 };";
    assert!(!set(&[(text, "organization")]).decide(&asked).is_through());
}

#[test]
fn amounts_are_in_one_unit_whichever_way_they_are_said() {
    let text = r#"forbid (principal, action, resource) unless
        { context has amountMicros && context has currency && context.currency == "USD" && context.amountMicros <= 500000000 };"#;
    let usd = || ("currency", Value::from("USD"));
    assert_eq!(code(text, &chat("small", &[("amount", 500.into()), usd()])), None);
    assert_eq!(code(text, &chat("small", &[("amount", 501.into()), usd()])), Some("policy_denied"));
    assert_eq!(code(text, &chat("small", &[("amountMicros", 500_000_000.into()), usd()])), None);
    assert_eq!(
        code(text, &chat("small", &[("amountMicros", 500_000_001.into()), usd()])),
        Some("policy_denied")
    );
    assert_eq!(code(text, &chat("small", &[])), Some("policy_denied"));
}

#[test]
fn whoever_comes_from_elsewhere_can_be_told_apart() {
    let partner = "did:web:partner.example";
    let foreign = [Principal::of_did(Kind::Foreign, "did:web:partner.example:agents:x")];
    let asks = chat("small", &[]);
    let asks = legation_policy::Asked { root: partner, ..asked(&foreign, &asks) };
    let denied = |text: &str| !set(&[(text, "organization")]).decide(&asks).is_through();
    assert!(denied("forbid (principal, action, resource) when { context.foreign };"));
    assert!(denied(r#"forbid (principal in Organization::"did:web:partner.example", action, resource);"#));
    assert!(!denied(r#"forbid (principal in Organization::"did:web:acme.example", action, resource);"#));
    let admin = [Principal::of_did(Kind::Admin, "did:key:zAdmin")];
    let administers = request("admin:policies.bind", "https://acme.example/v1/policies", &[]);
    let lists = set(&[("permit (principal is Agent, action, resource);", "organization")]);
    assert!(!lists.decide(&asked(&admin, &administers)).is_through());
}

#[test]
fn nothing_bound_says_nothing_and_what_is_bound_has_a_digest_of_its_own() {
    let nothing = Set::of([]);
    assert!(
        nothing.is_empty() && nothing.decide(&asked(&[agent("bot", "a", &[])], &chat("a", &[]))).is_through()
    );
    let texts = [(NO_GPT, "tag:pii"), (NO_GPT, "tag:eu"), (NO_GPT, "organization")];
    let digests: std::collections::BTreeSet<String> = texts
        .iter()
        .map(|one| set(&[*one]).digest().to_owned())
        .chain([nothing.digest().to_owned()])
        .collect();
    assert_eq!(digests.len(), 4);
    let other = NO_GPT.replace("gpt-5", "gpt-6");
    assert_ne!(set(&[(NO_GPT, "tag:pii")]).digest(), set(&[(&other, "tag:pii")]).digest());
    let (one, two) =
        (set(&[(NO_GPT, "tag:a"), (NO_GPT, "tag:b")]), set(&[(NO_GPT, "tag:a"), (NO_GPT, "tag:b")]));
    assert_eq!(one.digest(), two.digest());
}

/// What of `http:GET` is denied always, by one policy.
fn always(text: &str) -> bool {
    let asks = request("http:GET", "https://tools.acme.example/x", &[("n", 1.into())]);
    set(&[(text, "organization")]).denies_always(&asked(&[agent("bot", "sales", &["pii"])], &asks))
}

#[test]
fn what_asks_for_no_argument_is_decided_before_there_are_any() {
    for (text, denied) in [
        ("forbid (principal, action, resource);", true),
        (r#"forbid (principal in Tag::"pii", action, resource);"#, true),
        (r#"forbid (principal in Tag::"eu", action, resource);"#, false),
        (r#"forbid (principal, action, resource) when { context.action == "http:GET" };"#, true),
        (r#"forbid (principal, action, resource) unless { context.possession == "signed" };"#, true),
        (r#"forbid (principal, action, resource) when { context.foreign };"#, false),
        // It depends on what is asked, or when.
        (r#"forbid (principal, action, resource) when { context.number.hasTag("n") };"#, false),
        (r#"forbid (principal, action, resource) unless { context.text.hasTag("n") };"#, false),
        (r#"forbid (principal, action, resource) when { context has purpose };"#, false),
        (r#"forbid (principal, action, resource) when { context.hour >= 0 };"#, false),
        (r#"forbid (principal, action, resource) when { !(context has statusAge) };"#, false),
        // A list that could name it, and one that can't.
        (r#"permit (principal, action, resource) when { context.number.hasTag("n") };"#, false),
        (r#"permit (principal in Tag::"eu", action, resource) when { context.number.hasTag("n") };"#, true),
        (r#"permit (principal, action in Action::"mcp", resource);"#, true),
        (r#"permit (principal, action in Action::"http", resource);"#, false),
    ] {
        assert_eq!(always(text), denied, "{text}");
    }
}
