//! An A2A agent and a client by the official SDK, as they are, with the gateway between: the card as it was signed, messages whole and
//! streamed, in both generations of the protocol, and by both bindings of 1.0.

use super::mcp::{ARGUMENT, Server, python, told};
use super::running;
use crate::common::{Play, free_port};
use legation_keys::{Algorithm, SecretKey, Signer};
use serde_json::{Value, json};

/// What the client finds where `book` is granted for three nights, and needs an approval above 50.00 USD.
fn holds(found: &[Value], version: &str) {
    assert_eq!(found[0], json!({"verified": "Grüner Baum", "same": true}), "{version}: the card");
    assert_eq!(found[1], json!({"again": 304}), "{version}");
    assert_eq!(found[2], json!({"overlay": "Grüner Baum", "same": true, "to": true}), "{version}");
    for (at, how) in [(3, "whole"), (8, "streamed")] {
        let [sent, task, long, none, dear] = &found[at..at + 5] else { panic!("{found:?}") };
        assert_eq!(sent["said"], "booked 2 nights", "{version}, {how}: {sent}");
        let states = sent["states"].as_array().unwrap();
        assert_eq!(states.last().unwrap(), "TASK_STATE_COMPLETED", "{version}, {how}: {sent}");
        assert_eq!(states.len() > 1, how == "streamed", "{version}, {how}: {sent}");
        assert_eq!(*task, json!({"task": "TASK_STATE_COMPLETED", "same": true}), "{version}, {how}");
        for (denied, code) in [(long, "constraint_violated"), (none, "not_granted")] {
            let said = denied["said"].as_str().unwrap();
            assert!(denied["raised"].is_string() && said.contains(code), "{version}, {how}: {denied}");
        }
        assert_eq!(dear["states"], json!(["TASK_STATE_AUTH_REQUIRED"]), "{version}, {how}: {dear}");
        assert!(dear["said"].as_str().unwrap().contains("approval"), "{version}, {how}: {dear}");
    }
    assert_eq!(found.last().unwrap()["unknown"], "TaskNotFoundError", "{version}: {found:?}");
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_a2a_sdk_as_it_is_meets_an_agent_of_its_own_through_the_gateway_in_both_generations_and_bindings() {
    let (play, port) = (Play::new(), free_port());
    let keys = play.path("card.jwk").to_str().unwrap().to_owned();
    let _server = Server::start("a2a_server.py", port, &[&keys]);
    let up = running::Up::dev(&play, &[], &[]);
    let agent = format!("http://localhost:{port}");
    std::fs::create_dir(play.path("org")).unwrap();
    play.write(
        "org/hotel.toml",
        format!(
            "[[route]]\nname = \"hotel\"\npath = \"/hotel/\"\nupstream = \"{agent}/\"\nprotocol = \"a2a\"\n"
        ),
    );
    play.json("apply -f org");
    let card = std::process::Command::new("curl")
        .args(["-sf", &format!("{agent}/.well-known/agent-card.json")])
        .output();
    std::fs::write(play.path("card.json"), card.unwrap().stdout).unwrap();
    play.json("a2a card hotel card.json");
    play.json(&format!("team add travel --action a2a:* --resource {agent}/*"));
    let boss = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let approver = legation_did::key::did(boss.public_key());
    let above = json!({"type": "approval", "above": 5000, "currency": "USD", "approver": approver.as_str(),
        "actions": ["a2a:skill:book"]});
    let gateway = format!("http://localhost:{}/hotel", up.port);
    let spoken = [("mail", "1.0", "JSONRPC"), ("chat", "0.3", "JSONRPC"), ("trip", "1.0", "HTTP+JSON")];
    for (name, version, binding) in spoken {
        let made = play.json(&format!(
            "agent add {name} --team travel --action a2a:skill:book --resource {agent}/* --constraint {ARGUMENT} --constraint {above}"
        ));
        assert!(made["name"] == name || made.is_object(), "{made}");
        let key = play.json(&format!("api-key create {name}"))["secret"].as_str().unwrap().to_owned();
        let found =
            told(python("a2a_calls.py").args([version, binding, &gateway, &agent, &keys]).env("KEY", &key));
        holds(&found, &format!("{version}, {binding}"));
        if version == "1.0" {
            // Of the agent's tasks those that this caller began.
            assert_eq!(found[13], json!({"listed": 2, "total": 2}), "{found:?}");
        }
    }
    let stranger = python("a2a_calls.py")
        .args(["1.0", "JSONRPC", &gateway, &agent, &keys])
        .env("KEY", "legation_x")
        .output();
    assert!(!stranger.unwrap().status.success(), "nobody reads the card who is not known");
}
