//! An approval from what a verifier asks for to the permit, by the command.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;
use serde_json::json;

/// A delegation that needs an approval above 25 dollars, and the words that ask about 90.
fn scene(play: &Play) -> String {
    let (root, agent) = (play.key("root.key"), play.key("agent.key"));
    let boss = play.key("boss.key");
    let constraint =
        json!({"type": "approval", "above": 2500, "currency": "USD", "approver": boss}).to_string();
    let delegated = play.run(&format!(
        "delegate --key root.key --to {agent} --action pay --resource https://shop.example/* --constraint {constraint} \
         --valid-for 1h --out link.jwt"
    ));
    assert_eq!(delegated.status, 0, "{delegated:?}");
    format!(
        "--principal {root} --audience shop --action pay --resource https://shop.example/x --fact currency=USD \
         --ledger ledger.json --json"
    )
}

fn present(play: &Play, nonce: &str) {
    let ran = play
        .run(&format!("present --key agent.key --audience shop --nonce {nonce} --out p --force link.jwt"));
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn what_is_asked_for_is_approved_and_passes_once() {
    let play = Play::new();
    let about = scene(&play);
    let verify = |nonce: &str, more: &str| {
        present(&play, nonce);
        play.run(&format!("verify p --nonce {nonce} {about} {more}"))
    };
    let denied = verify("1", "--fact amount=9000");
    assert_eq!((denied.status, &denied.json()["code"]), (1, &"approval_required".into()), "{denied:?}");
    assert_eq!(denied.json()["approval"]["facts"]["amount"], 9000);
    play.write("asked.json", &denied.stdout);
    let approved = play.run("approve asked.json --key boss.key --out approval.jwt");
    assert_eq!(approved.status, 0, "{approved:?}");
    assert!(
        approved.stderr.contains("action     pay") && approved.stderr.contains("amount = 9000"),
        "{approved:?}"
    );
    let document = play.json("approve asked.json --key boss.key --format di-jcs --out approval.json");
    assert!(document["validUntil"].is_string(), "{document}");

    let other = verify("2", "--fact amount=9001 --approval approval.jwt");
    assert_eq!(other.json()["code"], "approval_required", "of 90 dollars");
    let permitted = verify("3", "--fact amount=9000 --approval approval.jwt");
    assert_eq!((permitted.status, &permitted.json()["decision"]), (0, &"permit".into()), "{permitted:?}");
    let again = verify("4", "--fact amount=9000 --approval approval.jwt").json();
    assert_eq!(again["code"], "approval_required");
    assert!(again["found"].as_str().unwrap().contains("used before"), "{again}");
    let document = verify("5", "--fact amount=9000 --approval approval.json");
    assert_eq!(document.json()["decision"], "permit", "{document:?}");
}

#[test]
fn an_approval_is_of_the_body_too() {
    let play = Play::new();
    let about = scene(&play);
    play.write("body", "two rooms");
    play.write("other", "three rooms");
    present(&play, "1");
    let asked = play.run(&format!("verify p --nonce 1 {about} --fact amount=9000 --body body"));
    assert_eq!(asked.json()["approval"]["body"].as_str().unwrap().len(), 43);
    play.write("asked.json", &asked.stdout);
    play.json("approve asked.json --key boss.key --out approval.jwt");
    for (body, decision) in [("--body other", "deny"), ("", "deny"), ("--body body", "permit")] {
        let ran = play
            .run(&format!("verify p --nonce 1 {about} --fact amount=9000 {body} --approval approval.jwt"));
        assert_eq!(ran.json()["decision"], decision, "{body}: {ran:?}");
    }
}

#[test]
fn what_is_no_request_is_not_approved() {
    let play = Play::new();
    play.key("boss.key");
    for (text, status) in [
        ("x", 2),
        ("{}", 1),
        (r#"{"approval": null}"#, 2),
        (r#"{"approval": {"type": "LegationApprovalRequest"}}"#, 1),
    ] {
        play.write("asked.json", text);
        let ran = play.run("approve asked.json --key boss.key --out approval.jwt");
        assert_eq!(ran.status, status, "{text}: {ran:?}");
        assert!(!play.path("approval.jwt").exists());
    }
}
