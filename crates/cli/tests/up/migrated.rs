//! A program that goes on with its shared key: watched, reported, fitted, enforced; and the log says all of it again.

use crate::{
    common::Play,
    log::carried,
    running::{Up, local},
};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};

/// A key of another gateway.
const OLD: &str = "sk-kv7Q2mXoR5tYbN1zLw8uPg";

fn model(name: &str, group: &str, upstream: &Upstream) -> Value {
    json!({
        "group": group, "name": name, "targets": [{"baseUrl": local(&upstream.url()), "model": "m"}],
        "price": {"currency": "USD", "input": 0, "output": 100_000}, "maxOutputTokens": 100, "maxInputTokens": 10_000,
    })
}

#[test]
fn a_shared_key_goes_on_is_watched_and_enforced_by_what_was_seen() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    let models = json!([model("small", "cheap", &upstream), model("large", "dear", &upstream)]);
    play.write("models.json", models.to_string());
    play.json("model set models.json");
    play.write("keys.csv", format!("name,key,models,budget\nmail,{OLD},cheap,0.01USD/day\n"));
    let ask = |key: &str, model: &str, most: u64| {
        let body =
            json!({"model": model, "max_tokens": most, "messages": [{"role": "user", "content": "hello"}]});
        let (status, answer) = up.post(key, &body);
        (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(OLD, "small", 1), (401, "api_key_unknown".to_owned()), "nobody's yet");
    play.json("migrate keys keys.csv --shadow 1h");
    // The first has a moment to be known as nobody's.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(ask(OLD, "small", 1).0, 200);
    assert_eq!(ask(OLD, "large", 1).0, 200, "it is not granted");
    assert_eq!(ask(OLD, "small", 100).0, 200, "it is more than its budget");
    assert_eq!(ask("sk-kv7Q2mXoR5tYbN1zLw8uPh", "small", 1).0, 401);

    let report = play.json("migrate report");
    let mail = &report["agents"][0];
    assert_eq!(
        (&mail["agent"], &mail["calls"], &mail["wouldBeDenied"]),
        (&json!("mail"), &json!(3), &json!(2)),
        "{report}"
    );
    let codes: Vec<&Value> = mail["denied"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["budget_exceeded", "not_granted"]);
    let fitting = &mail["fitting"];
    assert_eq!(fitting["models"], json!(["cheap", "dear"]));
    assert!(fitting["constraints"].to_string().contains(r#""oneOf":["large","small"]"#), "{fitting}");
    assert!(mail["inTheWay"].to_string().contains("2 of 3 calls would be denied"), "{mail}");
    assert!(mail["inTheWay"].to_string().contains("goes on with an old key"), "{mail}");
    let people = play.run("migrate report").stdout;
    assert!(people.contains("`not_granted`") && people.contains("in the way"), "{people}");

    play.json("migrate report --out fit");
    play.json("apply -f fit");
    play.json("migrate enforce mail");
    assert_eq!(ask(OLD, "small", 1).0, 200);
    assert_eq!(ask(OLD, "large", 1).0, 200);
    assert_eq!(ask(OLD, "scripted", 1), (403, "not_granted".to_owned()), "it was never used");
    let again = play.json("migrate report mail");
    assert_eq!((&again["agents"][0]["mode"], &again["agents"][0]["calls"]), (&json!("enforce"), &json!(5)));

    let id = play.json("api-key list mail")["keys"][0]["id"].as_str().unwrap().to_owned();
    play.json("migrate shadow mail");
    play.json(&format!("api-key block {id}"));
    assert_eq!(
        ask(OLD, "small", 1),
        (401, "api_key_blocked".to_owned()),
        "no shadow lets a stopped key pass"
    );

    // Five permits, five settlements, two denials.
    carried(&play, 11);
    let replayed = play.json("log replay");
    assert_eq!(replayed["different"], 0, "{replayed}");
    assert!(!play.run("log export --out all.jsonl").stdout.contains(OLD));
    let mut folders = vec![play.path("legation")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files += 1;
                let bytes = std::fs::read(&path).unwrap();
                assert!(!String::from_utf8_lossy(&bytes).contains(OLD), "{}", path.display());
            }
        }
    }
    assert!(files > 5, "the log and the store are looked at: {files}");
    assert!(!play.read("all.jsonl").contains(OLD));
}
