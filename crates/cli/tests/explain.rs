//! What a newcomer reads who made a mistake: `verify --explain` says what failed where, and what would
//! have passed; `legation code` says what a code means.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{Play, Ran};

/// A principal's delegation to an agent, passed on to a helper, who presents it.
fn play() -> Play {
    let play = Play::new();
    play.key("acme.key");
    let (agent, helper) = (play.key("agent.key"), play.key("helper.key"));
    let status = "https://acme.example/status/1";
    play.json("did create web acme.example --key acme.key --out site");
    play.json(&format!(
        "status publish --key acme.key --issuer did:web:acme.example --url {status} --out site/status/1"
    ));
    let what = "--action a2a:skill:book --resource https://shop.example/api/*";
    let first = format!(
        "delegate --key acme.key --issuer did:web:acme.example --to {agent} {what} --valid-for 2h --max-depth 1 --status {status}#42 \
         --out first.jwt --constraint"
    );
    let spend = |most: u32| format!("{{\"type\":\"spend\",\"currency\":\"USD\",\"perAction\":{most}}}");
    let run = |command: &str, most| {
        let spend = spend(most);
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push(&spend);
        let ran = play.run_list(&arguments);
        assert_eq!(ran.status, 0, "{ran:?}");
    };
    run(&first, 5000);
    run(
        &format!(
            "delegate --key agent.key --parent first.jwt --to {helper} {what} --valid-for 1h --out second.jwt --constraint"
        ),
        2000,
    );
    play.json("present --key helper.key --audience shop --nonce n-1 --out p.jwt first.jwt second.jwt");
    play
}

fn verify(play: &Play, file: &str, more: &str) -> Ran {
    let nonce = if more.contains("--nonce") { "" } else { "--nonce n-1" };
    play.run(&format!(
        "verify {file} --principal did:web:acme.example --audience shop {nonce} --did-documents site --explain {more}"
    ))
}

fn assert_says(ran: &Ran, lines: &[&str]) {
    assert_eq!(ran.status, 1, "{ran:?}");
    for line in lines {
        assert!(ran.stdout.contains(line), "`{line}` is missing in:\n{}", ran.stdout);
    }
}

#[test]
fn each_mistake_is_told_with_what_would_have_passed() {
    let play = play();
    assert_eq!(verify(&play, "p.jwt", "").status, 0);
    assert_says(
        &verify(&play, "p.jwt", "--nonce n-2"),
        &["✗ nonce", "to pass  the holder: `nonce` must be \"n-2\""],
    );
    assert_says(
        &verify(&play, "p.jwt", "--now 2036-01-01T00:00:00Z"),
        &["✗ time", "to pass  the issuer of link 0: `validUntil` must be 2035-12-31T23:59:01Z or later"],
    );
    let book = "--action a2a:skill:book --resource https://shop.example/api/rooms --fact currency=USD --fact amount=";
    assert_says(
        &verify(&play, "p.jwt", &format!("{book}2100")),
        &["✗ decision", "to pass  the caller: the fact `amount` must be at most 2000"],
    );
    assert_says(
        &verify(&play, "p.jwt", "--action a2a:skill:pay --resource https://shop.example/api/rooms"),
        &[
            "to pass  the caller: the action and the resource must be within a2a:skill:book on https://shop.example/api/*",
        ],
    );
    play.json("revoke first.jwt --list site/status/1 --key acme.key");
    let revoked = verify(&play, "p.jwt", "");
    assert_says(&revoked, &["✗ status", "index 42", "link_revoked at link 0"]);
    assert!(!revoked.stdout.contains("to pass"), "nothing takes a revocation back: {}", revoked.stdout);
}

#[test]
fn bytes_that_are_no_presentation_are_told_where_they_are_wrong() {
    let play = play();
    play.write("empty.jwt", "");
    assert_says(
        &verify(&play, "empty.jwt", ""),
        &["presentation, 0 bytes", "the file is empty", "✗ bytes of the presentation"],
    );
    play.write("text.jwt", "What is this?");
    assert_says(&verify(&play, "text.jwt", ""), &["13 bytes", "three parts joined by `.`"]);
    let presented = play.read("p.jwt");
    play.write("padded.jwt", format!("{presented}="));
    assert_says(
        &verify(&play, "padded.jwt", ""),
        &["to pass  the holder: the `=` of its base64url must be left out"],
    );
    let middle = presented.len() / 2;
    let mut tampered = presented.into_bytes();
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    play.write("tampered.jwt", tampered);
    assert_says(&verify(&play, "tampered.jwt", ""), &["✗ "]);
    assert_says(&verify(&play, "first.jwt", ""), &["this is a delegation", "by `legation present`"]);
}

#[test]
fn a_denial_as_json_has_its_remedy() {
    let play = play();
    let denied = verify(&play, "p.jwt", "--nonce n-2 --json").json();
    assert_eq!(denied["remedy"]["by"], "holder");
    assert_eq!(denied["remedy"]["changes"][0]["oneOf"][0], "n-2");
    let valid = verify(&play, "p.jwt", "--json").json();
    assert!(valid.get("remedy").is_none(), "{valid}");
}

#[test]
fn codes_are_listed_and_shown() {
    let play = Play::new();
    let listed = play.json("code list");
    assert_eq!(listed["codes"].as_array().unwrap().len(), legation_verifier::Code::ALL.len());
    for code in legation_verifier::Code::ALL {
        let shown = play.json(&format!("code show {code}"));
        assert_eq!((&shown["code"], &shown["cause"]), (&code.as_str().into(), &code.cause().into()));
    }
    let text = play.run("code show nonce_mismatch").stdout;
    assert!(text.contains("mended by") && text.contains("holder"), "{text}");
    let wrong = play.run("code show nonce_missmatch");
    assert_eq!(wrong.status, 2);
    assert!(wrong.stderr.contains("did you mean `nonce_mismatch`?"), "{wrong:?}");
    assert!(wrong.stderr.contains("`legation code list`"), "{wrong:?}");
}
