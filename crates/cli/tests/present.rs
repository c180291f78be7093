//! What `present` looks at before it signs, and what `verify` says of what is no presentation.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;

const GRANT: &str = "--action pay.* --resource https://shop.example/*";

/// A chain of two links, `1` and `2`.
fn chain() -> Play {
    let play = Play::new();
    let (_, agent, helper) = (play.key("root.key"), play.key("agent.key"), play.key("helper.key"));
    play.json(&format!("delegate --key root.key --to {agent} {GRANT} --max-depth 1 --valid-for 2h --out 1"));
    play.json(&format!("delegate --key agent.key --parent 1 --to {helper} {GRANT} --valid-for 1h --out 2"));
    play
}

#[test]
fn what_no_verifier_would_take_is_not_signed() {
    let play = chain();
    let other = play.key("other.key");
    play.json(&format!(
        "delegate --key root.key --to {other} {GRANT} --max-depth 1 --valid-for 1h --out other"
    ));
    play.json(&format!(
        "delegate --key root.key --to {other} {GRANT} --valid-from 2020-01-01T00:00:00Z --valid-for 1h --out old"
    ));
    play.json(&format!(
        "delegate --key root.key --to {other} {GRANT} --valid-from 2040-01-01T00:00:00Z --valid-for 1h --out new"
    ));
    for (key, links, code, says) in [
        ("helper", "2 1", "parent_mismatch", "`2` is not the root of its chain"),
        ("helper", "2", "parent_mismatch", "`2` is not the root of its chain"),
        (
            "helper",
            "other 2",
            "parent_mismatch",
            "`2` (link 1) does not follow `other`, which was given to did:key:",
        ),
        ("agent", "1 1", "parent_mismatch", "does not follow"),
        ("other", "old", "expired", "`old` ended at 2020-01-01T01:00:00Z"),
        ("other", "new", "not_yet_valid", "`new` begins at 2040-01-01T00:00:00Z"),
        ("agent", "1 2", "holder_mismatch", "but the key is that of"),
        ("agent", "agent.key", "malformed", "`agent.key` is no delegation: it is a secret key"),
    ] {
        let ran = play.run(&format!("present --key {key}.key --audience a --nonce n --out x --json {links}"));
        let json = ran.json();
        assert_eq!((ran.status, &json["error"]), (1, &code.into()), "{links}: {json}");
        assert!(json["message"].as_str().unwrap().contains(says), "{links}: {json}");
    }
    let base = ["present", "--key", "helper.key", "--audience", "a", "--out", "x", "1", "2"];
    let long = "n".repeat(129);
    for nonce in ["", " a", "a\n", "a\tb", &long] {
        let nonce = format!("--nonce={nonce}");
        let ran = play.run_list(&[&base[..], &[&nonce]].concat());
        assert!(ran.status == 2 && ran.stderr.contains("as the verifier gave it"), "{nonce:?}: {ran:?}");
    }
    assert!(!play.path("x").exists());
    play.json("present --key helper.key --audience a --nonce n --out x 1 2");
}

#[test]
fn a_holder_whose_document_lacks_the_key_is_told() {
    let play = Play::new();
    play.key("root.key");
    play.key("agent.key");
    play.json("did create web agent.example --key agent.key --out site");
    play.json(&format!("delegate --key root.key --to did:web:agent.example {GRANT} --valid-for 1h --out 1"));
    let base = "present --audience a --nonce n --did-documents site --out x 1";
    let ran = play.run(&format!("{base} --key root.key --json"));
    assert_eq!((ran.status, &ran.json()["error"]), (1, &"key_not_found".into()), "{ran:?}");
    play.json(&format!("{base} --key agent.key"));
}

#[test]
fn what_is_no_presentation_is_told_what_it_is() {
    let play = chain();
    play.write("chain", format!("{}~{}", play.read("1"), play.read("2")));
    let base = "--principal did:web:acme.example --audience a --nonce n";
    for (file, says) in [
        ("1", "`1` is a delegation: its holder presents it first, by `legation present`"),
        ("chain", "`chain` is a chain of delegations: its holder presents it first"),
        ("root.key", "`root.key` is a secret key, and a presentation is expected"),
    ] {
        let ran = play.run(&format!("verify {file} {base}"));
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.stderr.contains(says), "{file}: {ran:?}");
    }
    let url = play.run(&format!("verify https://acme.example/p {base}"));
    assert!(url.status == 2 && url.stderr.contains("is a URL, and a file is expected"), "{url:?}");
    let neither = play.run("verify 1 --audience a --nonce n");
    assert!(neither.stderr.contains("--principal <DID>|--trust <FILE>"), "{neither:?}");
    let (root, presented) = (play.run("did create key --key root.key").stdout, "--audience a --nonce n");
    play.json(&format!("present --key helper.key {presented} --out p 1 2"));
    let fact = play.run(&format!(
        "verify p --principal {} {presented} --action pay.in --resource https://shop.example/ --fact amount=18.00",
        root.trim()
    ));
    for says in ["money is in minor units: 18.00 USD are 1800", "a request where it is made"] {
        assert!(fact.stdout.contains(says), "{fact:?}");
    }
}

#[test]
fn completions_and_pages_are_written_by_the_command() {
    let play = Play::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = play.run(&format!("completions {shell}"));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.contains("legation") && ran.stdout.contains("spend-window"), "{shell}");
        assert!(play.json(&format!("completions {shell}"))["script"].as_str().unwrap().contains("delegate"));
    }
    let made = play.json("man --out man");
    let pages = made["pages"].as_array().unwrap().len();
    assert!(pages > 150, "{pages}");
    let page = play.read("man/legation-delegate.1");
    for says in [".TH", "spend", "Example:", "Exit status:"] {
        assert!(page.contains(says), "{says}");
    }
    assert!(play.read("man/legation.1").contains("legation\\-delegate"));
    let help = play.run("present --help").stdout;
    assert!(
        help.contains("Example:\n  legation present --key") && help.contains("2  wrong arguments"),
        "{help}"
    );
    let lacking = play.run("did create --help").stdout;
    let lacking = lacking.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(cfg!(feature = "webvh") || lacking.contains("not in this build"), "{lacking}");
}
