//! Types what the README and the guide have a newcomer type, with the command that was built.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test's helpers may stop it

mod common;

use common::typed::{self, Place, section, shown, text, typed};
/// How lines begin that only prepare the shell, which the test does by itself.
const PREPARE: [&str; 3] = ["cargo build", "export PATH", "mkdir "];

/// What each of these said, on standard output or beside.
fn all_said((said, complained): &(String, String), wanted: &[&str]) {
    for wanted in wanted {
        let is_there = said.contains(wanted) || complained.contains(wanted);
        assert!(is_there, "{wanted} is missing in:\n{said}\n{complained}");
    }
}

/// Types pages, one after another in one folder, at an organization of its own.
fn typed_pages(pages: &[&str]) -> (String, String) {
    typed_texts(&pages.iter().map(|page| text(page)).collect::<Vec<_>>())
}

/// The same of texts. What they show is said.
fn typed_texts(texts: &[String]) -> (String, String) {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let said = typed(&place.commands(texts, &PREPARE), folder.path());
    let shown: Vec<String> =
        texts.iter().flat_map(|text| shown(text)).map(|part| place.adapt(&part)).collect();
    assert!(!shown.is_empty(), "a page shows what comes of it");
    all_said(&said, &shown.iter().map(String::as_str).collect::<Vec<_>>());
    said
}

#[test]
fn the_path_that_a_newcomer_types_works_as_written() {
    let said = typed_pages(&["first-chain.md"]);
    assert!(said.1.contains("at most 50.00 USD"), "the refusal says what fits: {}", said.1);
    all_said(
        &said,
        &[
            "permit: ",
            "constraint_violated",
            "link_revoked at link 0",
            "revoked: index 42",
            "valid: did:web:shop.example",
            "deny: key_not_found",
        ],
    );
}

/// The page for services goes on where a chain was made by hand and not revoked yet.
#[test]
fn what_a_service_is_told_to_try_works_as_written() {
    let made = text("first-chain.md");
    let (made, _) = made.split_once("\n## Revoked\n").unwrap();
    all_said(&typed_texts(&[made.to_owned(), text("services.md")]), &["permit: ", "not_granted"]);
}

/// The first screen: an organization that runs, and the call that is denied with the answer that is shown.
#[test]
fn the_first_screen_works_as_written() {
    let screen = section("README.md", "A key that is a delegation");
    let place = Place::new();
    let mut commands = place.commands(std::slice::from_ref(&screen), &[]);
    assert_eq!(commands.len(), 3, "three commands");
    // What is said below them.
    let answered = commands[2].replace(r#""n": 2"#, r#""n": 1"#);
    assert_ne!(answered, commands[2]);
    commands.push(format!("echo; {answered}; echo"));
    for said in ["legation receipt list assistant", "legation agent suspend assistant"] {
        assert!(screen.contains(&format!("`{said}`")), "{said}");
        commands.push(said.to_owned());
    }
    commands.push(format!("{answered}; echo"));
    let folder = tempfile::tempdir().unwrap();
    let said = typed(&commands, folder.path());
    all_said(
        &said,
        &["may spend 0.01 USD/day", "This answer is scripted", r#""code":"link_suspended""#, "settle"],
    );
    // The first answer is the one that is shown.
    let denied = said.0.lines().find(|line| line.contains(r#"{"error":"#)).unwrap();
    let parts = shown(&screen);
    assert!(parts.len() >= 3 && parts.iter().all(|part| denied.contains(part)), "{parts:?}: {denied}");
}

/// One decision proved, all of it exported, verified and decided again, and a word of it changed.
#[test]
fn what_was_decided_is_proved_as_written() {
    all_said(
        &typed_pages(&["prove.md"]),
        &[
            "This answer is scripted",
            "wrote one.tlog-proof: receipt 1",
            "valid: 1 of ",
            "\"decision\": \"permit\"",
            "wrote all.jsonl",
            "1 decided the same again, 0 differently",
            "NOT VALID",
            "log_changed",
        ],
    );
}

/// What still verifies once a key is gone.
#[test]
fn what_stops_when_a_key_goes_stops_as_written() {
    let said = typed_pages(&["rotation.md"]);
    all_said(&said, &["the old one is published until", "the old one is no longer published"]);
    assert_eq!(said.0.matches("valid: signed by").count(), 1, "{}", said.0);
}

/// A token for a service that knows OAuth, and none for another one or once the agent was stopped.
#[test]
fn a_service_that_only_knows_oauth_is_served_as_written() {
    all_said(
        &typed_pages(&["oauth.md"]),
        &[
            r#""scope":"crm:read""#,
            r#""type":"legation_delegation""#,
            r#""token_endpoint""#,
            "nothing is granted at",
            "suspended",
        ],
    );
}

/// An SVID for a service that knows SPIFFE, the bundle that it holds by, and a trust domain that is relied on.
#[test]
fn a_service_that_knows_spiffe_is_served_as_written() {
    all_said(
        &typed_pages(&["spiffe.md"]),
        &[
            r#""sub":"spiffe://localhost_"#,
            r#""spiffe_sequence""#,
            "found svid:issue on https://other.example/",
            "partner.example",
        ],
    );
}

/// An agent with a key of its own, and a narrower one of it.
#[test]
fn an_agent_with_its_own_key_calls_as_written() {
    let said = typed_pages(&["agents.md"]);
    assert_eq!(said.0.matches("\"finish_reason\"").count(), 2, "{}\n{}", said.0, said.1);
    all_said(&said, &["budget_exceeded"]);
}

/// An organization on a port of its own, from an empty folder to a call that is denied.
#[test]
fn an_organization_runs_as_written() {
    let said = typed_pages(&["organizations.md", "operate.md"]);
    all_said(
        &said,
        &["is ready in legation", "the card of `Buyer`", "2 delegations", "permit", "link_revoked"],
    );
    assert!(!said.1.contains("callers refuse"), "{}", said.1);
}

#[test]
fn the_two_commands_of_the_readme_are_those_that_continuous_integration_runs() {
    let script = std::fs::read_to_string(typed::root(".ci/run")).unwrap();
    let commands = typed::commands(&section("README.md", "Try it"));
    assert_eq!(commands.len(), 2);
    for command in commands {
        assert!(script.lines().any(|line| line.ends_with(&command)), "{command} is not in .ci/run");
    }
}

/// No page has one type what no test types. Others are shown as `text`.
#[test]
fn every_page_with_commands_is_typed_by_a_test() {
    // The last two with the official SDKs, by `sdks.rs`.
    let known = [
        "first-chain.md",
        "services.md",
        "prove.md",
        "rotation.md",
        "oauth.md",
        "spiffe.md",
        "agents.md",
        "organizations.md",
        "operate.md",
        "models.md",
        "mcp.md",
    ];
    for entry in std::fs::read_dir(typed::root("crates/legation/guide")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".md") && !known.contains(&name) {
            let commands = typed::commands(&std::fs::read_to_string(&path).unwrap());
            assert!(commands.is_empty(), "{name}: no test types {commands:?}");
        }
    }
}
