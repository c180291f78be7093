//! Secrets and models.

use crate::{common::Play, organization, refused, told};
use serde_json::{Value, json};

const SECRET: &str = "sk-very-secret-0123456789";

fn model(name: &str) -> Value {
    json!({
        "group": "standard", "name": name, "maxOutputTokens": 4096, "maxInputTokens": 128_000,
        "targets": [{"baseUrl": "https://api.example.com/v1", "model": name, "secret": "provider"}],
        "price": {"currency": "USD", "input": 250, "output": 1000}
    })
}

#[test]
fn a_secret_is_kept_for_one_origin_and_never_shown() {
    let play = organization();
    let set =
        told(&play, "secret set provider --origin https://api.example.com --json", &format!("{SECRET}\n"));
    assert_eq!((set.status, set.json()["name"].as_str().unwrap()), (0, "provider"), "{set:?}");
    play.write("models.json", json!([model("big")]).to_string());
    let mut all = format!("{set:?}");
    for command in [
        "secret list",
        "secret list --json",
        "model set models.json",
        "model list",
        "doctor",
        "doctor --json",
    ] {
        all.push_str(&format!("{:?}", play.run(command)));
    }
    assert!(!all.contains(SECRET), "{all}");
    for name in ["store.sqlite", "store.sqlite-wal", "legation.json"] {
        let bytes = std::fs::read(play.path(&format!("legation/{name}"))).unwrap_or_default();
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "{name}");
    }
    let list = play.json("secret list");
    assert_eq!(
        (&list["secrets"][0]["name"], &list["secrets"][0]["origin"]),
        (&json!("provider"), &json!("https://api.example.com"))
    );
    play.json("secret remove provider");
    refused(&play, "secret remove provider", (1, "not_found"), &["secret `provider`"]);
}

#[test]
fn what_is_no_secret_is_refused_without_a_word_of_it() {
    let play = organization();
    for (arguments, input, code) in [
        ("provider --origin https://api.example.com", String::new(), "usage"),
        ("provider --origin https://api.example.com", "\n".to_owned(), "usage"),
        ("provider --origin https://api.example.com", format!("{SECRET}\n{SECRET}\n"), "usage"),
        ("provider --origin https://api.example.com", format!("{SECRET} {SECRET}\n"), "value_invalid"),
        ("provider --origin https://api.example.com", "x".repeat(100_000), "usage"),
        ("provider --origin http://api.example.com", SECRET.to_owned(), "value_invalid"),
        ("provider --origin https://me:pw@api.example.com", SECRET.to_owned(), "value_invalid"),
        ("provider --origin api.example.com", SECRET.to_owned(), "value_invalid"),
        ("Provider --origin https://api.example.com", SECRET.to_owned(), "value_invalid"),
    ] {
        let ran = told(&play, &format!("secret set {arguments} --json"), &input);
        assert_eq!((ran.status, ran.json()["error"].as_str().unwrap()), (2, code), "{arguments}: {ran:?}");
        assert!(!format!("{ran:?}").contains(SECRET));
    }
    assert_eq!(play.json("secret list")["secrets"], json!([]));
    let help = play.run("secret set --help");
    assert!(help.stdout.contains("never put it into the command line"), "{}", help.stdout);
}

#[test]
fn models_are_set_all_or_none() {
    let play = organization();
    play.write("one.json", model("one").to_string());
    assert_eq!(play.json("model set one.json")["set"], json!(["one"]));
    let mut wrong = model("wrong");
    wrong["targets"][0]["baseUrl"] = json!("https://api.example.com/v1?key=x");
    play.write("two.json", json!([model("two"), wrong]).to_string());
    refused(&play, "model set two.json", (2, "file"), &["the model `wrong`", "base URL"]);
    let names = |play: &Play| {
        play.json("model list")["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&play), ["one"]);
    play.write("two.json", json!([model("two"), model("three")]).to_string());
    play.json("model set two.json");
    assert_eq!(names(&play), ["one", "three", "two"]);
    let text = play.run("model list").stdout;
    assert!(
        text.contains("2.50 USD in, 10.00 USD out") && text.contains("https://api.example.com"),
        "{text}"
    );
    play.json("model remove two");
    assert_eq!(names(&play), ["one", "three"]);
    refused(&play, "model remove two", (1, "not_found"), &["model `two`"]);
}

#[test]
fn a_file_that_holds_no_model_is_told_by_what_is_wrong() {
    let play = organization();
    for (text, word) in [
        ("", "no JSON"),
        ("[]", "0 models"),
        ("7", "an object"),
        (r#"{"name": "x"}"#, "`x`: missing field `group`"),
        (r#"[{"group": "g", "name": "x", "colour": "red"}]"#, "unknown field `colour`"),
        (r#"{"group": "g", "name": "x", "targets": [7]}"#, "an object"),
    ] {
        play.write("wrong.json", text);
        let ran = play.run("model set wrong.json --json");
        assert_eq!((ran.status, ran.json()["error"].as_str().unwrap()), (2, "file"), "{ran:?}");
        let message = ran.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(word) && !message.contains("struct"), "{message}");
    }
    refused(&play, "model set nothing.json", (2, "file"), &["nothing.json"]);
}
