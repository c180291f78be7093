//! API keys, and that no secret is shown where it is not meant to be.

use crate::{refused, with_bot};
use legation_registry::api_keys;
use serde_json::json;

#[test]
fn a_key_is_printed_once_alone_and_never_again() {
    let play = with_bot();
    let made = play.run("api-key create bot --name laptop --expires 90d");
    assert_eq!(made.status, 0, "{made:?}");
    let secret = made.stdout.trim_end().to_owned();
    assert!(api_keys::digest(&secret).is_some(), "a whole key and nothing else: {secret}");
    assert!(made.stderr.contains("not shown again") && !made.stderr.contains(&secret));
    let list = play.json("api-key list bot");
    let key = &list["keys"][0];
    assert_eq!(
        (&key["agent"], &key["name"], &key["state"]),
        (&json!("bot"), &json!("laptop"), &json!("active"))
    );
    assert!(secret.starts_with(key["hint"].as_str().unwrap()) && key["hint"].as_str().unwrap().len() < 20);
    for command in [
        "api-key list",
        "api-key list --json",
        "agent show bot",
        "agent show bot --json",
        "doctor",
        "delegation list",
    ] {
        let ran = play.run(command);
        assert!(!format!("{ran:?}").contains(&secret), "{command}");
    }
    let database = std::fs::read(play.path("legation/store.sqlite")).unwrap();
    assert!(!database.windows(secret.len()).any(|part| part == secret.as_bytes()));
    assert!(play.run("agent show bot").stdout.contains("`laptop`"));
}

#[test]
fn a_key_has_its_secret_in_json_and_no_end_unless_asked() {
    let play = with_bot();
    let made = play.json("api-key create bot");
    assert!(api_keys::digest(made["secret"].as_str().unwrap()).is_some());
    assert_eq!(
        (&made["agent"], &made["expires"], &made["state"]),
        (&json!("bot"), &json!(null), &json!("active"))
    );
    let other = play.json("api-key create bot");
    assert_ne!(made["secret"], other["secret"]);
    assert_eq!(play.json("api-key list")["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn a_rotated_key_ends_with_its_grace_and_the_new_one_lives_as_long_as_it_did() {
    let play = with_bot();
    let old = play.json("api-key create bot --name ci --expires 90d");
    let id = old["id"].as_str().unwrap();
    let new = play.json(&format!("api-key rotate {id} --grace 1h"));
    assert_ne!(new["secret"], old["secret"]);
    assert_eq!((&new["name"], &new["replaces"]), (&json!("ci"), &json!(id)));
    let keys = play.json("api-key list bot")["keys"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 2);
    assert!(
        keys[0]["expires"].as_str().unwrap() < old["expires"].as_str().unwrap(),
        "the old one ends first"
    );
    assert!(keys[1]["expires"].as_str().unwrap() >= old["expires"].as_str().unwrap());
    assert_eq!(keys[0]["expires"], new["replacedUntil"]);
}

#[test]
fn a_blocked_key_stays_blocked_and_is_no_key_to_rotate() {
    let play = with_bot();
    let id = play.json("api-key create bot")["id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(play.json(&format!("api-key block {id}"))["state"], "blocked");
    }
    refused(
        &play,
        &format!("api-key rotate {id}"),
        (1, "wrong_state"),
        &[&id, "blocked", "make another one"],
    );
    for command in ["block", "rotate"] {
        refused(&play, &format!("api-key {command} none"), (1, "not_found"), &["API key `none`"]);
    }
    refused(&play, "api-key create nobody", (1, "not_found"), &["agent `nobody`"]);
    refused(&play, "api-key list nobody", (1, "not_found"), &["agent `nobody`"]);
    refused(&play, "api-key create bot --expires 0s", (2, "usage"), &["7d"]);
    play.json("agent suspend bot");
    refused(&play, "api-key create bot", (1, "wrong_state"), &["suspended", "resume it first"]);
}

#[test]
fn a_key_that_is_replaced_stays_published_unless_others_may_have_it() {
    let play = with_bot();
    play.json("publish --out www");
    let keys = |name: &str| {
        let document: serde_json::Value =
            serde_json::from_str(&play.read(&format!("www/{name}/did.json"))).unwrap();
        document["verificationMethod"].as_array().unwrap().len()
    };
    for (rotate, name) in [
        ("agent rotate bot", "bot"),
        ("team rotate default", "teams/default"),
        ("organization rotate", ".well-known"),
    ] {
        let rotated = play.json(rotate);
        assert!(rotated["until"].is_string(), "{rotated}");
        play.json("publish --out www");
        assert_eq!(keys(name), 2, "{rotate}");
        let text = play.run(&format!("{rotate} --compromised"));
        assert!(text.status == 0 && text.stdout.contains("no longer published"), "{text:?}");
        play.json("publish --out www");
        assert_eq!(keys(name), 1, "{rotate}");
    }
    assert!(play.run("organization rotate --compromised").stderr.contains("admin show DID"));
    play.json("doctor");
    play.json("delegation list bot");
    let id = play.json("organization show")["did"].clone();
    assert_eq!(id, "did:web:acme.example");
    play.json("agent retire bot");
    refused(&play, "agent rotate bot", (1, "wrong_state"), &["retired", "signs nothing"]);
}
