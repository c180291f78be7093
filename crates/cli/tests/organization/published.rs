//! What an organization shows: its delegations as a graph, and what it publishes as files.

use crate::{common::Play, with_bot};
use serde_json::{Value, json};

fn grown() -> Play {
    let play = with_bot();
    for line in [
        "team add sales --budget 500USD/month",
        "agent add mail --team sales --models standard --budget 5USD/day",
        "agent add crm --team sales --models standard",
        "agent suspend mail",
    ] {
        play.json(line);
    }
    play
}

#[test]
fn who_delegates_to_whom_is_drawn_as_text_as_a_picture_and_as_json() {
    let play = grown();
    let text = play.run("delegation graph").stdout;
    let begins: Vec<&str> = text.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(begins[0], "did:web:acme.example", "{text}");
    assert!(text.contains("├─ default") && text.contains("│  └─ bot"), "{text}");
    assert!(text.contains("└─ sales") && text.contains("   ├─ crm") && text.contains("   └─ mail"), "{text}");
    assert!(text.contains("suspended; standard; 5.00 USD/day; until 20"), "{text}");
    let drawn = play.json("delegation graph --format svg --out graph.svg");
    assert_eq!(drawn["file"], "graph.svg");
    let svg = play.read("graph.svg");
    assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert_eq!((svg.matches("<g class=").count(), svg.matches("<path").count()), (6, 5));
    assert_eq!(svg.matches("<g class=\"suspended\">").count(), 1);
    let graph = play.json("delegation graph");
    assert_eq!(
        (&graph["did"], graph["teams"].as_array().unwrap().len()),
        (&json!("did:web:acme.example"), 2)
    );
    assert_eq!(graph["teams"][1]["agents"][1]["name"], "mail");
    let there = play.run("delegation graph --format svg --out graph.svg");
    assert!(there.status != 0 && there.stderr.contains("--force"), "{there:?}");
}

#[test]
fn what_is_published_is_written_as_a_static_host_serves_it_and_only_what_changed_again() {
    let play = grown();
    let first = play.json("publish --out www");
    assert_eq!(
        (&first["written"], &first["unchanged"]),
        (&json!(12), &json!(0)),
        "six documents, three pairs of lists"
    );
    let read = |path: &str| serde_json::from_str::<Value>(&play.read(path)).unwrap();
    for (path, did) in [
        ("www/.well-known/did.json", "did:web:acme.example"),
        ("www/teams/sales/did.json", "did:web:acme.example:teams:sales"),
        ("www/bot/did.json", "did:web:acme.example:bot"),
    ] {
        assert_eq!(read(path)["id"], did);
    }
    assert_eq!(play.read("www/status/1").split('.').count(), 3, "a compact JWS");
    assert_eq!(play.json("publish --out www")["written"], 0);
    let id = play.json("delegation list bot")["delegations"][0]["id"].as_str().unwrap().to_owned();
    play.json(&format!("delegation revoke {id}"));
    assert_eq!(play.json("publish --out www")["written"], 1, "the list that it is in");
    play.write("file", "");
    let refused = play.run("publish --out file");
    assert!(refused.status == 2 && refused.stderr.contains("can't be made"), "{refused:?}");
}
