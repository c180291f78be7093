//! Delegations and budgets.

use crate::{common::Play, organization, refused, with_bot};
use legation_store::{Location, Store, StoreError, link, organization};
use serde_json::{Value, json};

fn current(play: &Play, of: &str) -> String {
    let all = play.json(&format!("delegation list {of}"));
    let all = all["delegations"].as_array().unwrap().clone();
    let current = all.iter().find(|one| one["state"] == "current").unwrap();
    current["id"].as_str().unwrap().to_owned()
}

fn states(play: &Play, of: &str) -> Vec<Value> {
    let all = play.json(&format!("delegation list {of}"));
    all["delegations"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect()
}

#[test]
fn a_delegation_is_shown_with_all_that_it_says() {
    let play = with_bot();
    let id = current(&play, "bot");
    let shown = play.json(&format!("delegation show {id}"));
    for (member, wanted) in [
        ("id", json!(id)),
        ("kind", json!("agent")),
        ("name", json!("bot")),
        ("state", json!("current")),
        ("issuer", json!("did:web:acme.example:teams:default")),
        ("subject", json!("did:web:acme.example:bot")),
        ("account", json!("bot")),
    ] {
        assert_eq!(shown[member], wanted, "{member}");
    }
    assert_eq!(shown["credential"]["issuer"], "did:web:acme.example:teams:default");
    let uuid = id.strip_prefix("urn:uuid:").unwrap();
    let text = play.run(&format!("delegation show {uuid}"));
    for word in [
        "did:web:acme.example:teams:default",
        "the agent `bot`",
        "may  model:* on https://acme.example/models/standard/*",
        "5.00 USD",
        "revocation at https://acme.example/status/",
        "account",
    ] {
        assert!(text.stdout.contains(word), "{word} is missing in\n{}", text.stdout);
    }
    let all = play.json("delegation list");
    assert_eq!(all["delegations"].as_array().unwrap().len(), 2, "that of the team, and that of its agent");
    assert_eq!(play.json("delegation list --team default")["delegations"][0]["kind"], "team");
    refused(&play, "delegation show urn:uuid:none", (1, "not_found"), &["delegation `urn:uuid:none`"]);
    refused(&play, "delegation list nobody", (1, "not_found"), &["agent `nobody`"]);
    refused(&play, "delegation list bot --team default", (2, "usage"), &[]);
}

#[test]
fn what_was_revoked_is_no_more_renewed_nor_given_back_by_a_budget() {
    let play = with_bot();
    let id = current(&play, "bot");
    let revoked = play.json(&format!("delegation revoke {id} --reason leaked"));
    assert_eq!((&revoked["state"], &revoked["reason"]), (&json!("revoked"), &json!("leaked")));
    assert_eq!(
        play.json(&format!("delegation revoke {id} --reason again"))["reason"],
        "leaked",
        "the first reason stays"
    );
    refused(
        &play,
        &format!("delegation renew {id}"),
        (1, "wrong_state"),
        &["revoked", "delegation issue bot"],
    );
    play.json("budget set bot 9USD/day");
    assert_eq!(states(&play, "bot"), ["revoked"], "a budget delegates nothing");
    let team = current(&play, "--team default");
    play.json(&format!("delegation renew {team}"));
    assert_eq!(states(&play, "bot"), ["revoked"], "nor does what is above it");
    assert!(play.run("agent show bot").stdout.contains("delegation issue bot"));
    assert_eq!(play.json("delegation issue bot")["state"], "current");
    assert_eq!(play.json("budget show bot")["budgets"][0]["budget"], "9.00 USD/day");
    refused(&play, "delegation issue bot", (1, "already_exists"), &["delegation renew"]);
    refused(&play, "delegation issue default --team", (1, "already_exists"), &["delegation renew"]);
}

#[test]
fn a_renewed_delegation_replaces_the_one_before() {
    let play = with_bot();
    let id = current(&play, "bot");
    let renewed = play.json(&format!("delegation renew {id}"));
    assert_eq!((&renewed["renews"], &renewed["state"]), (&json!(id), &json!("current")));
    assert_ne!(renewed["id"], json!(id));
    assert_eq!(states(&play, "bot"), ["current", "replaced"]);
    refused(&play, &format!("delegation renew {id}"), (1, "wrong_state"), &["replaced", "the current one"]);
    // All below a team's follows it, since each names the one above it.
    let team = current(&play, "--team default");
    play.json(&format!("delegation renew {team}"));
    assert_eq!(states(&play, "bot"), ["current", "replaced", "replaced"]);
    // To revoke one is not to revoke the others, and that is told.
    let revoked = play.json(&format!("delegation revoke {id}"));
    let warnings = revoked["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{revoked}");
    assert!(warnings.iter().all(|text| text.as_str().unwrap().contains("still holds")));
    play.json("agent suspend bot");
    assert_eq!(states(&play, "bot")[0], "suspended");
}

/// How many bits of each list are set, by its number.
fn bits_set(play: &Play) -> Vec<u32> {
    let store = Store::open(Location::Sqlite(play.path("legation/store.sqlite"))).unwrap();
    let lists = store.read(|tx| -> Result<_, StoreError> {
        let organization = organization::all(tx, 1)?.remove(0);
        link::lists(tx, &organization.id, 0, 1000)
    });
    lists.unwrap().iter().map(|list| list.bits.iter().map(|byte| byte.count_ones()).sum()).collect()
}

#[test]
fn a_renewed_delegation_that_still_lives_ends_with_its_holder_and_with_what_it_said() {
    let play = with_bot();
    let renew = || {
        let id = current(&play, "bot");
        play.json(&format!("delegation renew {id}"));
    };
    renew();
    // Lists 1 and 2 are the organization's, for its teams; 3 and 4 the team's, for its agents.
    assert_eq!(bits_set(&play), [0, 0, 0, 0]);
    play.json("agent suspend bot");
    assert_eq!(bits_set(&play), [0, 0, 0, 2]);
    play.json("agent resume bot");
    assert_eq!(bits_set(&play), [0, 0, 0, 0]);
    play.json("budget set bot 1USD/day");
    assert_eq!(bits_set(&play), [0, 0, 2, 0], "both said 5 USD");
    renew();
    play.json("agent retire bot");
    assert_eq!(bits_set(&play), [0, 0, 4, 0]);
    assert_eq!(states(&play, "bot"), ["revoked"; 4]);
}

#[test]
fn a_budget_is_raised_only_upwards() {
    let play = with_bot();
    play.json("budget set default 100USD/month --team");
    let raised = play.json("budget raise bot 7.50USD/day");
    assert_eq!(raised["budgets"][0]["budget"], "7.50 USD/day");
    assert_eq!(
        (&raised["above"][0]["name"], &raised["above"][0]["budgets"][0]["budget"]),
        (&json!("default"), &json!("100.00 USD/month"))
    );
    let value = (2, "value_invalid");
    refused(&play, "budget raise bot 7.50USD/day", value, &["`bot` has 7.50 USD/day", "give more"]);
    refused(&play, "budget raise bot 1USD/day", value, &["`bot` has 7.50 USD/day"]);
    refused(
        &play,
        "budget raise bot 9USD/month",
        value,
        &["no budget of that currency and window", "budget set"],
    );
    refused(&play, "budget raise bot 9EUR/day", value, &["no budget of that currency and window"]);
    refused(&play, "budget raise bot none", (2, "budget_invalid"), &["`none`"]);
    refused(&play, "budget set nobody 1USD/day", (1, "not_found"), &["agent `nobody`"]);
    refused(&play, "budget show default", (1, "not_found"), &["agent `default`"]);
    refused(&play, "budget set bot 1USD/year", (2, "budget_invalid"), &["window"]);
    let more = play.json("budget set bot 20USD/24h");
    let all: Vec<_> = more["budgets"].as_array().unwrap().iter().map(|one| one["budget"].clone()).collect();
    assert_eq!(all, ["7.50 USD/day", "20.00 USD/86400s"]);
    let text = play.run("budget show bot").stdout;
    assert!(
        text.contains("agent `bot`\n  7.50 USD/day: 0.00 USD taken, 7.50 USD left\n")
            && text.contains("team `default`\n"),
        "{text}"
    );
    assert_eq!(play.json("budget set bot none")["budgets"], json!([]));
    assert!(play.run("budget show bot").stdout.contains("no budget of its own"));
}

#[test]
fn a_budget_is_raised_for_a_while_and_says_until_when() {
    let play = with_bot();
    let raised = play.json("budget raise bot 9USD/day --until 2h");
    let until = raised["budgets"][0]["until"].as_str().unwrap().to_owned();
    assert_eq!(raised["budgets"][0]["budget"], "9.00 USD/day");
    let said = play.json(&format!("delegation show {}", current(&play, "bot")));
    assert_eq!(said["validUntil"], json!(until), "what says it ends with it");
    let text = play.run("agent show bot").stdout;
    assert!(text.contains(&format!("9.00 USD/day until {until}: ")), "{text}");
    let again = play.json("budget raise bot 8USD/day --until 2099-01-01T00:00:00Z");
    assert_eq!(again["budgets"][0]["until"], "2099-01-01T00:00:00Z");
    assert_eq!(play.json("budget set bot 6USD/day")["budgets"][0].get("until"), None);
    let usage = play.run("budget raise bot 9USD/day --until soon");
    assert!(usage.status == 2 && usage.stderr.contains("how long from now, such as 2h"), "{usage:?}");
    let past = "budget raise bot 9USD/day --until 2020-01-01T00:00:00Z";
    refused(&play, past, (2, "value_invalid"), &["would end at once"]);
}

#[test]
fn an_agent_that_brings_its_key_proves_it_and_gets_its_delegations_as_files() {
    let play = organization();
    play.write("pass", "correct horse battery");
    play.json("key generate --out own.key --passphrase-file pass");
    let added = play.json(
        "agent add bot --models standard --budget 5USD/day --own-key own.key --own-key-passphrase-file pass",
    );
    assert_eq!(added["did"], "did:web:acme.example:bot");
    let id = current(&play, "bot");
    let shown = play.json(&format!("delegation show {id} --out bot.jwt"));
    assert_eq!(shown["file"], "bot.jwt");
    assert!(play.read("bot.jwt").starts_with("ey"));
    let text = play.run(&format!("delegation show {id} --out bot.jwt"));
    assert!(text.status != 0 && text.stderr.contains("--force"), "{text:?}");
    let there = play.run("agent add other --models standard --own-key nothing.key");
    assert!(there.status != 0 && there.stderr.contains("`nothing.key`"), "{there:?}");
}
