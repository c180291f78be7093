//! Policies by the command, in a folder.

use crate::{organization, refused, with_bot};
use serde_json::json;

const NO_LARGE: &str = "forbid (principal, action, resource == Model::\"large\");\n";

#[test]
fn a_policy_is_put_bound_shown_and_unbound_and_its_history_stays() {
    let play = with_bot();
    assert_eq!(play.json("policy list")["policies"], json!([]));
    play.write("no-large.cedar", NO_LARGE);
    let put = play.json("policy put no-large.cedar");
    assert_eq!((&put["name"], &put["version"], &put["bound"]), (&json!("no-large"), &json!(1), &json!([])));
    assert_eq!(play.json("policy put no-large.cedar")["version"], 1, "the same text is the same version");
    play.write("no-large.cedar", NO_LARGE.replace("large", "huge"));
    assert_eq!(play.json("policy put no-large.cedar")["version"], 2);
    let epoch = || play.json("organization show")["epoch"].as_i64().unwrap();
    let before = epoch();
    let bound = play.json("policy bind no-large@1 --to tag:pii");
    assert_eq!((&bound["version"], &bound["to"]), (&json!(1), &json!("tag:pii")));
    assert_eq!(epoch(), before + 1, "what is bound decides");
    play.json("policy bind no-large@1 --to tag:pii");
    assert_eq!(epoch(), before + 1, "bound as it was");
    let told = play.run("policy bind no-large --to tag:pii").stdout;
    assert!(told.contains("`no-large@2` decides for tag:pii from now on"), "{told}");
    play.json("policy bind no-large --to agent:bot");
    assert_eq!(play.json("agent show bot")["policies"][0]["to"], "agent:bot");
    assert!(play.run("agent show bot").stdout.contains("no-large@2 by agent:bot"));
    assert_eq!(play.json("policy show no-large@1")["text"], NO_LARGE);
    assert_eq!(play.json("policy show")["bindings"].as_array().unwrap().len(), 2);
    assert_eq!(play.json("policy show --at 2020-01-01T00:00:00Z")["bindings"], json!([]));
    let ended = play.json("policy unbind no-large --to tag:pii");
    assert_eq!(ended["unbound"], json!(["tag:pii"]));
    assert_eq!(play.json("policy unbind no-large --all")["unbound"], json!(["agent:bot"]));
    let history = play.json("policy history no-large");
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);
    assert_eq!(history["bindings"].as_array().unwrap().len(), 3);
    assert!(history["bindings"].as_array().unwrap().iter().all(|one| one["until"].is_string()));
}

#[test]
fn what_is_no_policy_is_told_with_file_line_and_column_and_kept_by_nobody() {
    let play = organization();
    for (text, code, words) in [
        ("forbid (principal, action, resource)", "policy_syntax", "line 1"),
        (
            "\nforbid (principal, action, resource) when { context.mod == 1 };",
            "policy_invalid",
            "line 2, column 45",
        ),
        (
            "forbid (principal, action == Action::\"model:chatt\", resource);",
            "policy_invalid",
            "did you mean",
        ),
        ("", "policy_syntax", "holds no statement"),
    ] {
        play.write("bad.cedar", text);
        for command in ["policy check bad.cedar", "policy put bad.cedar", "policy test bad.cedar"] {
            let ran = play.run(&format!("{command} --json"));
            let (json, message) = (ran.json(), ran.json()["message"].to_string());
            assert_eq!((ran.status, &json["error"]), (2, &json!(code)), "{command}: {message}");
            assert!(message.contains("bad.cedar") && message.contains(words), "{command}: {message}");
        }
    }
    play.write("Bad Name.cedar", NO_LARGE);
    play.write("good.cedar", NO_LARGE);
    refused(&play, "policy put good.cedar --name Good", (2, "name_invalid"), &["`Good`"]);
    refused(&play, "policy put nowhere.cedar", (2, "file"), &["nowhere.cedar"]);
    assert_eq!(play.json("policy check good.cedar")["valid"], json!(["good"]));
    assert_eq!(play.json("policy list")["policies"], json!([]));
    play.json("policy put good.cedar");
    refused(&play, "policy bind good --to everybody", (2, "value_invalid"), &["`everybody`", "`tag:NAME`"]);
    refused(&play, "policy bind good --to agent:nobody", (1, "not_found"), &["agent `nobody`"]);
    refused(&play, "policy bind good@2 --to organization", (1, "not_found"), &["version 2"]);
    refused(&play, "policy bind other --to organization", (1, "not_found"), &["policy `other`"]);
    refused(&play, "policy bind good@x --to organization", (2, "usage"), &["`good@2`"]);
    refused(&play, "policy unbind good --to organization", (1, "not_found"), &["binding of `good`"]);
    refused(&play, "policy show nothing", (1, "not_found"), &["policy `nothing`"]);
    assert!(play.run("policy schema").stdout.contains("entity Agent"));
    let nothing = play.json("policy test good.cedar --since 1h");
    assert_eq!((&nothing["requests"], &nothing["differences"]), (&json!(0), &json!([])));
}
