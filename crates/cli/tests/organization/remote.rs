//! The commands at a running host, by an admin who signs.

use crate::{
    common::{Play, free_port},
    organization, refused, told,
};
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// `legation up` of a folder, ended when the test is.
struct Up {
    child: Child,
    /// The option that names its admin address.
    host: String,
    public: String,
}

impl Up {
    fn start(play: &Play) -> Self {
        Self::listening(play, "127.0.0.1")
    }

    /// With its admin address at an address of this machine.
    fn listening(play: &Play, address: &str) -> Self {
        let up = Self::spawn(play, address);
        let begin = Instant::now();
        while play.run(&format!("team list {}", up.host)).status != 0 {
            assert!(begin.elapsed() < Duration::from_secs(30), "it does not come up");
            thread::sleep(Duration::from_millis(50));
        }
        up
    }

    fn spawn(play: &Play, address: &str) -> Self {
        let (port, admin) = (free_port(), free_port());
        let told = std::fs::File::create(play.path("up.err")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args([
                "up",
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--admin-listen",
                &format!("{address}:{admin}"),
            ])
            .current_dir(play.folder.path())
            .stdout(Stdio::null())
            .stderr(told)
            .spawn()
            .unwrap();
        Self {
            child,
            host: format!("--host http://127.0.0.1:{admin}"),
            public: format!("--host http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_admin_is_made_with_the_organization() {
    let play = organization();
    let mode = std::fs::metadata(play.path("legation/admin.key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let admins = play.json("admin list")["admins"].clone();
    assert_eq!(admins.as_array().unwrap().len(), 1);
    assert_eq!((&admins[0]["actions"], &admins[0]["state"]), (&json!(["admin:*"]), &json!("active")));
    assert_eq!(play.read("legation/admin.jwt").split('.').count(), 3);
}

#[test]
fn whoever_types_the_code_that_the_first_start_prints_is_the_first_admin() {
    let play = Play::new();
    assert_eq!(play.json("init acme.example --no-admin")["admin"], Value::Null);
    assert!(!play.path("legation/admin.key").exists());
    let up = Up::spawn(&play, "127.0.0.1");
    let begin = Instant::now();
    let code = loop {
        let told = play.read("up.err");
        if let Some((_, rest)) = told.split_once("legation admin claim ") {
            break rest.split(' ').next().unwrap().to_owned();
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{told}");
        thread::sleep(Duration::from_millis(50));
    };
    let claim = |code: &str, more: &str| format!("admin claim {code} {} --data-dir mine {more}", up.host);
    let other = if code.starts_with('0') { "1000-0000-0000" } else { "0000-0000-0000" };
    refused(&play, &claim(other, ""), (1, "claim_refused"), &["`legation up`", "next"]);
    let made = play.json(&claim(&code, ""));
    assert_eq!(
        (&made["organization"], &made["actions"]),
        (&json!("did:web:acme.example"), &json!(["admin:*"]))
    );
    let mode = std::fs::metadata(play.path("mine/admin.key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let admins = play.json(&format!("admin list {} --data-dir mine", up.host))["admins"].clone();
    assert_eq!(admins[0]["did"], made["did"]);
    // Once; and nothing of the first one's is written over.
    refused(&play, &claim(&code, "--key other.key --delegation other.jwt"), (1, "claim_refused"), &[]);
    refused(&play, &claim(&code, ""), (2, "file"), &["mine/admin.jwt", "--delegation"]);
    drop(up);
    let again = Up::spawn(&play, "127.0.0.1");
    while !play.read("up.err").contains("is up") {
        assert!(begin.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_millis(100));
    assert!(!play.read("up.err").contains("admin claim"), "{}", play.read("up.err"));
    drop(again);
}

#[test]
fn each_verb_does_the_same_at_a_host_as_in_its_folder() {
    let play = organization();
    let up = Up::start(&play);
    let ask = |command: &str| play.json(&format!("{command} {}", up.host));
    ask("team add sales --budget 500USD/month");
    let added = ask("agent add bot --team sales --models standard --budget 5USD/day --owner ada");
    assert_eq!((&added["team"], &added["owner"]), (&json!("sales"), &json!("ada")));
    ask("budget raise bot 7USD/day");
    let key = ask("api-key create bot --name ci");
    let rotated = ask(&format!("api-key rotate {} --grace 1h", key["id"].as_str().unwrap()));
    assert_eq!(rotated["replaces"], key["id"]);
    ask(&format!("api-key block {}", key["id"].as_str().unwrap()));
    let set =
        told(&play, &format!("secret set oa --origin https://api.example.com --json {}", up.host), "sk-1\n");
    assert_eq!(set.status, 0, "{set:?}");
    let model = json!({
        "group": "standard", "name": "big", "maxOutputTokens": 4096, "maxInputTokens": 128_000,
        "targets": [{"baseUrl": "https://api.example.com/v1", "model": "big", "secret": "oa"}],
        "price": {"currency": "USD", "input": 250, "output": 1000}
    });
    play.write("model.json", model.to_string());
    assert_eq!(ask("model set model.json"), json!({"set": ["big"]}));
    let links = ask("delegation list bot")["delegations"].clone();
    let id = links[0]["id"].as_str().unwrap();
    ask(&format!("delegation renew {id}"));
    ask(&format!("delegation revoke {id} --reason leaked"));
    ask("agent suspend bot");
    ask("agent resume bot");
    for command in [
        "team list",
        "team show sales",
        "agent list",
        "agent list --team sales",
        "agent show bot",
        &format!("agent show bot --at {}", added["created"].as_str().unwrap()),
        "api-key list bot",
        "delegation list",
        "delegation list bot",
        &format!("delegation show {id}"),
        "budget show bot",
        "secret list",
        "model list",
        "admin list",
        "receipt show 1",
    ] {
        let signed = |mut json: Value| {
            // Between the two a receipt may have been signed.
            json.as_object_mut().unwrap().retain(|name, _| name != "signed" && name != "secured");
            json
        };
        let (there, here) = (ask(command), play.json(command));
        assert_eq!(signed(there), signed(here), "{command}");
        let (there, here) = (play.run(&format!("{command} {}", up.host)), play.run(command));
        if command != "receipt show 1" {
            assert_eq!((there.status, &there.stdout), (0, &here.stdout), "{command}");
        }
    }
    assert_eq!(ask("spend")["spent"], json!([]));
    // What an admin asks leaves a receipt.
    let last = ask("receipt list --last 1")["receipts"][0].clone();
    assert_eq!(
        (&last["decision"], &last["model"]),
        (&json!("permit"), &json!("https://acme.example/v1/receipts"))
    );
    for command in [
        "model remove big",
        "secret remove oa",
        "budget set bot none",
        "agent retire bot",
        "team retire sales",
    ] {
        ask(command);
    }
    let there = format!(" {}", up.host);
    refused(&play, &format!("agent show nobody{there}"), (1, "not_found"), &["agent `nobody`"]);
    refused(&play, &format!("agent resume bot{there}"), (1, "wrong_state"), &["retired"]);
    refused(&play, &format!("agent add Bot --models *{there}"), (2, "name_invalid"), &["`Bot`"]);
    refused(&play, &format!("budget set bot 1USD/year{there}"), (2, "budget_invalid"), &["window"]);
}

#[test]
fn an_admin_with_a_key_of_its_own_may_what_it_was_given_until_it_is_removed() {
    let play = organization();
    let up = Up::start(&play);
    let did = play.key("ada.key");
    let made = play
        .run(&format!("admin add {did} --action admin:agents.list --action admin:teams.list {}", up.host));
    assert_eq!(made.status, 0, "{made:?}");
    play.write("ada.jwt", &made.stdout);
    let ada = format!("{} --key ada.key --delegation ada.jwt", up.host);
    assert_eq!(play.json(&format!("agent list {ada}"))["agents"], json!([]));
    refused(&play, &format!("agent add bot --models * {ada}"), (1, "not_granted"), &["admin:agents.add"]);
    // Whoever lost its delegation gets it again, from whoever may tell.
    assert_eq!(play.run(&format!("admin show {did} {}", up.host)).stdout, made.stdout);
    refused(&play, &format!("admin show {did} {ada}"), (1, "not_granted"), &[]);
    refused(&play, &format!("agent list {} --key ada.key", up.host), (1, "key_not_found"), &[]);
    assert_eq!(play.json(&format!("admin remove {did} {}", up.host))["state"], "removed");
    refused(&play, &format!("agent list {ada}"), (1, "link_revoked"), &[]);
    refused(&play, &format!("admin show {did}"), (1, "wrong_state"), &["no admin any more"]);
    refused(&play, "admin remove did:key:none", (1, "not_found"), &["admin `did:key:none`"]);
    refused(&play, "admin add did:web:acme.example:bot", (2, "value_invalid"), &["did:key"]);
    let made = play.run(&format!("admin add {did} --role auditor {}", up.host));
    assert!(made.status == 0 && made.stderr.contains("admin:agents.list, "), "{made:?}");
    let both = play.run(&format!("admin add {did} --role auditor --action admin:*"));
    assert!(both.status == 2 && both.stderr.contains("cannot be used with"), "{both:?}");
}

#[test]
fn the_key_of_an_admin_may_have_a_passphrase() {
    let play = Play::new();
    play.write("words", "correct horse battery staple");
    std::fs::set_permissions(play.path("words"), std::fs::Permissions::from_mode(0o600)).unwrap();
    play.json("init acme.example --passphrase-file words");
    let port = free_port();
    let nowhere = format!("--host http://127.0.0.1:{port}");
    let ran = play.run(&format!("team list {nowhere} --json"));
    assert_eq!(
        (ran.status, ran.json()["error"].as_str().unwrap()),
        (2, "file"),
        "without the passphrase: {ran:?}"
    );
    let ran = play.run(&format!("team list {nowhere} --passphrase-file words --json"));
    assert_eq!(ran.status, 3, "nobody is there: {ran:?}");
}

#[test]
fn what_is_no_admin_address_is_told() {
    let play = organization();
    let up = Up::start(&play);
    let public = &up.public;
    refused(&play, &format!("team list {public}"), (3, "host_unknown"), &["admin address"]);
    for (host, words) in [
        ("http://example.com", &["plain http"][..]),
        ("example.com", &["https://"]),
        ("https://example.com/admin", &["has a path"]),
    ] {
        refused(&play, &format!("team list --host {host}"), (2, "usage"), words);
    }
    refused(&play, "team list --key legation/admin.key", (2, "usage"), &["--host"]);
}

#[test]
fn an_admin_address_that_others_reach_in_clear_is_told() {
    let play = organization();
    for (address, wanted) in [("127.0.0.1", false), ("0.0.0.0", true)] {
        let up = Up::listening(&play, address);
        assert_eq!(play.read("up.err").contains("pass in clear"), wanted, "{address}");
        drop(up);
    }
}
