//! A child's file, made offline: used, ended by its parent's end, and blocked by its digest.

use crate::world::{World, told};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_child_made_offline_spends_its_own_budget_and_ends_on_the_next_call_with_its_parent() {
    let world = World::new(&[]);
    let play = &world.play;
    let made =
        play.json("agent narrow --from mail.agent --budget 0.01USD/day --model scripted --out child.agent");
    let mode = std::fs::metadata(play.path("child.agent")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (parent, child) = (world.proxy("mail.agent"), world.proxy("child.agent"));
    assert_eq!(child.get("/v1/models").1["data"][0]["id"], "scripted");
    assert_eq!(child.chat(&json!({})).0, 200);
    assert_eq!(told(child.chat(&json!({"n": 2}))), (429, "budget_exceeded".to_owned()), "its own is used up");
    assert_eq!(parent.chat(&json!({"n": 2})).0, 200, "its parent's is not");
    // Every receipt names who acted, and the chain by which it did.
    let receipts = play.json("receipt list");
    let of_child = |one: &&Value| one["agent"] == made["did"];
    assert!(receipts["receipts"].as_array().unwrap().iter().any(|one| of_child(&one)), "{receipts}");
    let revoked = play.run(&format!("delegation revoke {}", world.delegation()));
    assert_eq!(revoked.status, 0, "{revoked:?}");
    for proxy in [&child, &parent] {
        assert_eq!(told(proxy.chat(&json!({}))), (401, "link_revoked".to_owned()));
    }
}

#[test]
fn a_child_is_blocked_by_its_digest_and_nothing_else_is() {
    let world = World::new(&[]);
    let play = &world.play;
    let digest =
        play.json("agent narrow --from mail.agent --out one.agent")["digest"].as_str().unwrap().to_owned();
    play.json("agent narrow --from mail.agent --out other.agent");
    let (one, other) = (world.proxy("one.agent"), world.proxy("other.agent"));
    assert_eq!((one.chat(&json!({})).0, other.chat(&json!({})).0), (200, 200));
    let blocked = play.run(&format!("--json delegation block --reason lost -- {digest}")).json();
    assert_eq!(blocked["digest"], digest.as_str());
    assert_eq!(told(one.chat(&json!({}))), (401, "link_revoked".to_owned()), "the next call");
    assert_eq!(other.chat(&json!({})).0, 200);
    let blocks = play.json("delegation blocks");
    assert_eq!(
        (&blocks["blocks"][0]["digest"], &blocks["blocks"][0]["reason"]),
        (&json!(digest), &json!("lost"))
    );
    let wrong = play.run("delegation block abc --json");
    assert_eq!((wrong.status, wrong.json()["error"].clone()), (2, json!("value_invalid")), "{wrong:?}");
}

#[test]
fn a_child_that_would_get_more_is_refused_where_it_is_made() {
    let world = World::new(&[]);
    let play = &world.play;
    let refused = |arguments: &str, code: &str, words: &str| {
        let ran = play.run(&format!("agent narrow --from mail.agent --out bad.agent {arguments} --json"));
        let json = ran.json();
        assert_eq!(json["error"], code, "{arguments}: {ran:?}");
        assert!(json["message"].as_str().unwrap().contains(words), "{arguments}: {json}");
        assert!(!play.path("bad.agent").exists(), "{arguments}");
    };
    refused("--budget 2USD/day", "constraint_widened", "1");
    refused("--budget 1EUR/day", "constraint_widened", "USD");
    refused("--budget much", "budget_invalid", "window");
    refused("--action http:GET --resource https://crm.example/*", "action_widened", "model:*");
    refused("--action model:chat --resource https://crm.example/*", "resource_widened", "models");
    refused("--action model:chat", "usage", "--resource");
    refused("--constraint {", "usage", "no JSON");
    // A grandchild could not be ended by whoever made the child.
    play.json("agent narrow --from mail.agent --out child.agent");
    let ran = play.run("agent narrow --from child.agent --out bad.agent --json");
    assert_eq!(ran.json()["error"], "redelegation_not_permitted", "{ran:?}");
    // A key without delegations, another agent's key, and a file that is there.
    let ran = play.run("agent narrow --from mail.key --out bad.agent --json");
    assert!(ran.json()["message"].as_str().unwrap().contains("agent file"), "{ran:?}");
    play.key("other.key");
    let ran = play.run("agent file mail --own-key other.key --out bad.agent --json");
    assert_eq!(ran.json()["error"], "another_key", "{ran:?}");
    let ran = play.run("agent file assistant --own-key other.key --out bad.agent --json");
    assert_eq!(ran.json()["error"], "another_key", "{ran:?}");
    let ran = play.run("agent narrow --from mail.agent --out child.agent --json");
    assert!(ran.json()["message"].as_str().unwrap().contains("--force"), "{ran:?}");
    let long = play.json("agent narrow --from mail.agent --valid-for 2d --out long.agent");
    assert!(long["warnings"].to_string().contains("four hours"), "{long}");
    let proxy = world.proxy("long.agent");
    assert_eq!(told(proxy.chat(&json!({}))).0, 401, "nobody could stop it for two days");
}

#[test]
fn an_encrypted_agent_has_encrypted_children() {
    let world = World::new(&[]);
    let play = &world.play;
    play.write("passphrase", "correct horse battery staple");
    play.json("key generate --passphrase-file passphrase --out safe.key");
    let own = "--own-key safe.key --own-key-passphrase-file passphrase";
    play.json(&format!("agent add safe {own} --models standard --budget 1USD/day --max-depth 1"));
    play.json(&format!("agent file safe {own} --out safe.agent"));
    assert!(play.read("safe.agent").starts_with("-----BEGIN AGE"));
    let needs = play.run("agent narrow --from safe.agent --out child.agent --json");
    assert!(needs.json()["message"].as_str().unwrap().contains("--passphrase-file"), "{needs:?}");
    play.json("agent narrow --from safe.agent --passphrase-file passphrase --out-passphrase-file passphrase --out child.agent");
    assert!(play.read("child.agent").starts_with("-----BEGIN AGE"));
}
