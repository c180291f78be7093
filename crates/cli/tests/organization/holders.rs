//! Making an organization; teams and agents.

use crate::{common::Play, organization, refused, with_bot};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

fn mode(play: &Play, name: &str) -> u32 {
    std::fs::metadata(play.path(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn nobody_else_gets_into_the_data_folder() {
    let play = with_bot();
    for (name, wanted) in [
        ("legation", 0o700),
        ("legation/run", 0o700),
        ("legation/master.key", 0o600),
        ("legation/store.sqlite", 0o600),
    ] {
        assert_eq!(mode(&play, name), wanted, "{name}");
    }
    let left = std::fs::read_dir(play.path("legation/run")).unwrap().count();
    assert_eq!(left, 0, "no signer that has ended leaves its sockets");
}

#[test]
fn an_organization_is_made_once() {
    let play = organization();
    let master = std::fs::read(play.path("legation/master.key")).unwrap();
    for domain in ["acme.example", "other.example"] {
        refused(
            &play,
            &format!("init {domain}"),
            (2, "file"),
            &["holds an organization already", "--data-dir"],
        );
    }
    assert_eq!(std::fs::read(play.path("legation/master.key")).unwrap(), master);
    assert_eq!(play.json("team list")["teams"].as_array().unwrap().len(), 1);
}

#[test]
fn what_broke_off_before_there_was_an_organization_is_gone_on_with() {
    let play = Play::new();
    play.write("url", "postgres://nobody@127.0.0.1:1/none");
    std::fs::set_permissions(play.path("url"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let ran = play.run("init acme.example --database-file url --json");
    assert_eq!((ran.status, ran.json()["error"].as_str().unwrap()), (3, "store_unavailable"), "{ran:?}");
    play.json("init acme.example");
    // Settings without an organization, as a power cut leaves them.
    let play = Play::new();
    play.write("legation/legation.json", r#"{"database": {"sqlite": "store.sqlite"}}"#);
    refused(&play, "agent list", (3, "signer"), &[]);
    play.json("init acme.example");
    play.json("agent list");
}

#[test]
fn without_an_organization_every_command_says_how_to_make_one() {
    let play = Play::new();
    for command in [
        "agent list",
        "team show default",
        "doctor",
        "spend",
        "budget show bot",
        "model list",
        "receipt list",
    ] {
        refused(
            &play,
            command,
            (2, "file"),
            &["there is no organization in `legation`", "legation init DOMAIN"],
        );
    }
    assert!(!play.path("legation").exists(), "looking made nothing");
}

#[test]
fn an_agent_is_shown_as_it_was_added() {
    let play = organization();
    play.json("team add sales --models standard,cheap --action http:* --resource https://crm.acme.example/*");
    let text = play.run("agent add bot --team sales --models standard,cheap --budget 5USD/day --budget 100USD/month --purpose mail --owner ada --action http:GET --resource https://crm.acme.example/* --valid-for 2d");
    assert_eq!(text.status, 0, "{text:?}");
    assert!(text.stdout.contains("did:web:acme.example:bot") && text.stdout.contains("api-key create bot"));
    let shown = play.json("agent show bot");
    for (member, wanted) in [
        ("kind", json!("agent")),
        ("name", json!("bot")),
        ("did", json!("did:web:acme.example:bot")),
        ("state", json!("active")),
        ("team", json!("sales")),
        ("purpose", json!("mail")),
        ("owner", json!("ada")),
        ("models", json!(["standard", "cheap"])),
        ("actions", json!(["http:GET"])),
        ("resources", json!(["https://crm.acme.example/*"])),
        ("keys", json!([])),
    ] {
        assert_eq!(shown[member], wanted, "{member}");
    }
    let budget = &shown["budgets"][0];
    assert_eq!(
        (&budget["budget"], &budget["taken"], &budget["left"]),
        (&json!("5.00 USD/day"), &json!("0.00 USD"), &json!("5.00 USD"))
    );
    assert_eq!(shown["budgets"][1]["budget"], "100.00 USD/month");
    let listed = play.json("agent list --team sales");
    assert_eq!(listed["agents"][0]["did"], shown["did"]);
    let text = play.run("agent show bot").stdout;
    for word in [
        "agent `bot` of the team `sales`",
        "did:web:acme.example:bot",
        "standard, cheap",
        "5.00 USD/day: 0.00 USD taken, 5.00 USD left",
        "valid until 20",
    ] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}

#[test]
fn a_team_without_models_or_actions_may_call_all_models() {
    let play = organization();
    play.json("team add sales --budget 500USD/month");
    play.json("team add tools --action http:GET --resource https://crm.acme.example/*");
    let teams = play.json("team list");
    let models: Vec<_> =
        teams["teams"].as_array().unwrap().iter().map(|team| (&team["name"], &team["models"])).collect();
    assert_eq!(
        models,
        [(&json!("default"), &json!(["*"])), (&json!("sales"), &json!(["*"])), (&json!("tools"), &json!([])),]
    );
    play.json("agent add bot --team sales --models anything");
    assert_eq!(play.json("agent list --team default")["agents"], json!([]));
    assert_eq!(play.json("agent list --team sales")["agents"][0]["team"], "sales");
    assert!(play.run("team show sales").stdout.contains("500.00 USD/month"));
}

#[test]
fn an_agent_gets_no_more_than_its_team_has_and_is_told_what_fits() {
    let play = organization();
    play.json("team add sales --models standard --budget 5USD/day");
    let wider = (1, "wider_than_parent");
    refused(
        &play,
        "agent add bot --team sales --models *",
        wider,
        &["`bot`", "what fits", "https://acme.example/models/standard/*"],
    );
    refused(
        &play,
        "agent add bot --team sales --models standard --budget 6USD/day",
        wider,
        &["what fits", "5.00 USD"],
    );
    refused(
        &play,
        "agent add bot --team sales --models standard --action http:GET --resource https://a.example/*",
        wider,
        &["what fits", "model:*"],
    );
    refused(&play, "agent show bot", (1, "not_found"), &["agent `bot`"]);
    // Nor later, by its own budget or by its team's.
    play.json("agent add bot --team sales --models standard --budget 4USD/day");
    refused(&play, "budget set bot 6USD/day", wider, &["`bot`", "5.00 USD"]);
    refused(&play, "budget set sales 3USD/day --team", wider, &["`bot`", "3.00 USD"]);
    assert_eq!(play.json("budget show bot")["budgets"][0]["budget"], "4.00 USD/day");
}

#[test]
fn what_is_suspended_comes_back_and_what_is_retired_does_not() {
    let play = with_bot();
    for (kind, name) in [("agent", "bot"), ("team", "default")] {
        assert_eq!(play.json(&format!("{kind} suspend {name}"))["state"], "suspended");
        assert_eq!(play.json(&format!("{kind} suspend {name}"))["state"], "suspended", "twice");
        assert_eq!(play.json(&format!("{kind} show {name}"))["state"], "suspended");
        assert_eq!(play.json(&format!("{kind} resume {name}"))["state"], "active");
        assert_eq!(play.json(&format!("{kind} retire {name}"))["state"], "retired");
        for verb in ["resume", "suspend"] {
            refused(
                &play,
                &format!("{kind} {verb} {name}"),
                (1, "wrong_state"),
                &[name, "retired", "add another one"],
            );
        }
    }
    assert_eq!(play.json("agent show bot")["validUntil"], json!(null));
    refused(&play, "api-key create bot", (1, "wrong_state"), &["retired"]);
    refused(&play, "budget set bot 1USD/day", (1, "wrong_state"), &["retired"]);
    refused(&play, "delegation issue bot", (1, "wrong_state"), &["retired"]);
    refused(&play, "agent add other --models *", (1, "wrong_state"), &["the team `default`", "retired"]);
    refused(&play, "agent add bot --team default --models *", (1, "wrong_state"), &[]);
}

#[test]
fn what_an_agent_could_do_at_a_time_is_told_by_one_command() {
    let play = with_bot();
    play.json("budget set bot 7USD/day");
    play.json("agent suspend bot");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = legation_keys::time::format(i64::try_from(now).unwrap());
    let past = play.json(&format!("agent show bot --at {now}"));
    assert_eq!(
        (&past["version"], &past["state"], &past["couldAct"]),
        (&json!(3), &json!("suspended"), &json!(false))
    );
    let text = play.run(&format!("agent show bot --at {now}")).stdout;
    assert!(text.contains("could do nothing") && text.contains("7.00 USD/day"), "{text}");
    refused(&play, "agent show bot --at 2020-03-03T12:00:00Z", (1, "not_found"), &["`bot` at that time"]);
    let usage = play.run("agent show bot --at noon");
    assert!(usage.status == 2 && usage.stderr.contains("2026-11-21T10:00:00Z"), "{usage:?}");
    let id = play.json("delegation list bot")["delegations"][0]["id"].as_str().unwrap().to_owned();
    let then = play.json(&format!("delegation show {id} --at {now}"));
    assert_eq!(then["state"], "suspended");
    let future = (2, "query_invalid");
    refused(&play, "agent show bot --at 2099-01-01T00:00:00Z", future, &["has not come yet"]);
}

#[test]
fn a_name_is_taken_once_and_a_retired_one_stays_taken() {
    let play = with_bot();
    refused(&play, "agent add bot --models *", (1, "already_exists"), &["agent `bot`"]);
    play.json("agent retire bot");
    refused(&play, "agent add bot --models *", (1, "already_exists"), &["agent `bot`"]);
    refused(&play, "team add default", (1, "already_exists"), &["team `default`"]);
    play.json("team add bot");
}

#[test]
fn what_can_not_be_meant_is_told_with_what_can() {
    let play = organization();
    let usage = (2, "usage");
    for (command, told, words) in [
        ("agent add Bot --models *", (2, "name_invalid"), &["`Bot`", "`a`-`z`"][..]),
        ("agent add status --models *", (2, "name_invalid"), &["`status`", "taken by what is published"]),
        ("agent add ../x --models *", (2, "name_invalid"), &["`../x`"]),
        ("team add 1st", (2, "name_invalid"), &["`1st`", "a team"]),
        ("agent add bot", (2, "nothing_granted"), &["group of models", "action"]),
        ("agent add bot --models Standard", (2, "value_invalid"), &["`Standard`", "group of models"]),
        ("agent add bot --action http:GET", (2, "value_invalid"), &["resource"]),
        ("agent add bot --models * --budget 5", (2, "budget_invalid"), &["`5`", "5USD/day"]),
        ("agent add bot --models * --budget 5QQQ/day", (2, "budget_invalid"), &["currency"]),
        ("agent add bot --models * --budget 0.001USD/day", (2, "budget_invalid"), &["decimals"]),
        ("agent add bot --models * --budget -5USD/day", usage, &[]),
        ("agent add bot --models * --constraint {", usage, &["`{`", "JSON"]),
        ("agent add bot --models * --constraint {\"type\":\"mood\"}", (2, "authority_invalid"), &["mood"]),
        ("agent add bot --models * --valid-for soon", usage, &["7d"]),
        ("agent add bot --models * --team nobody", (1, "not_found"), &["team `nobody`"]),
        ("agent list --team nobody", (1, "not_found"), &["team `nobody`"]),
        ("agent show nobody", (1, "not_found"), &["agent `nobody`"]),
        ("agent suspend nobody", (1, "not_found"), &["agent `nobody`"]),
        ("agent", usage, &["--help"]),
    ] {
        refused(&play, command, told, words);
    }
    assert_eq!(play.json("agent list")["agents"], json!([]), "nothing was kept");
}

#[test]
fn agents_are_found_by_tag_capability_and_how_their_names_begin() {
    let play = with_bot();
    for line in [
        "agent add mail-1 --models standard --tag europe --tag mail --capability translate",
        "agent add mail-2 --models standard --tag mail",
        "agent add crm --models standard --capability translate",
        "team add sales --tag europe",
    ] {
        play.json(line);
    }
    let found = |arguments: &str| -> Vec<String> {
        let listed = play.json(&format!("agent list {arguments}"));
        let names = listed["agents"].as_array().unwrap().iter();
        names.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("--tag mail"), ["mail-1", "mail-2"]);
    assert_eq!(found("--tag europe"), ["mail-1"], "a team's tag is none of an agent's");
    assert_eq!(found("--capability translate"), ["crm", "mail-1"]);
    assert_eq!(found("--capability mail"), Vec::<String>::new(), "a tag is no capability");
    assert_eq!(found("--begins mail-"), ["mail-1", "mail-2"]);
    assert_eq!(found("--begins b"), ["bot"]);
    assert_eq!(found("--tag mail --begins mail-2"), ["mail-2"]);
    assert_eq!(found("--tag '"), Vec::<String>::new());
    let shown = play.run("agent show mail-1").stdout;
    assert!(shown.contains("europe, mail") && shown.contains("translate"), "{shown}");
    let long = "x".repeat(65);
    refused(
        &play,
        &format!("agent add other --models a --tag {long}"),
        (2, "value_invalid"),
        &["is no tag", "1 to 64 bytes"],
    );
    // What is exported has them, and what is written anew replaces them.
    play.json("agent export --out agents.ndjson");
    assert!(play.read("agents.ndjson").contains(r#""tags":["europe","mail"]"#));
    std::fs::create_dir_all(play.path("files")).unwrap();
    play.write("files/a.toml", "[[agent]]\nname = 'mail-2'\nmodels = ['standard']\ntags = ['asia']\n");
    play.json("apply -f files");
    assert_eq!(
        (found("--tag asia"), found("--tag mail")),
        (vec!["mail-2".to_owned()], vec!["mail-1".to_owned()])
    );
}
