//! Policies in front of a running organization: what they forbid is denied from the next call on, receipts say which decided, and what one
//! would change is known before it is bound.

use crate::{
    common::Play,
    running::{Up, local},
};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};

fn model(name: &str, upstream: &Upstream) -> Value {
    json!({
        "group": "standard", "name": name, "targets": [{"baseUrl": local(&upstream.url()), "model": "m"}],
        "price": {"currency": "USD", "input": 0, "output": 1}, "maxOutputTokens": 100, "maxInputTokens": 10_000,
    })
}

fn key(play: &Play, agent: &str, more: &str) -> String {
    play.json(&format!("agent add {agent} --models standard --budget 5USD/day {more}"));
    play.json(&format!("api-key create {agent}"))["secret"].as_str().unwrap().to_owned()
}

#[test]
fn one_model_is_forbidden_to_one_tag_and_a_number_is_needed_from_everybody() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    play.write("models.json", json!([model("small", &upstream), model("large", &upstream)]).to_string());
    play.json("model set models.json");
    let (pii, other) = (key(&play, "mail", "--tag pii"), key(&play, "crm", ""));
    let ask = |key: &str, model: &str, most: u64| {
        let body =
            json!({"model": model, "max_tokens": most, "messages": [{"role": "user", "content": "hello"}]});
        let (status, answer) = up.post(key, &body);
        (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let denied = (403, "policy_denied".to_owned());
    assert_eq!(ask(&pii, "large", 5).0, 200);
    assert_eq!(ask(&other, "large", 50).0, 200);

    play.write(
        "no-large.cedar",
        "forbid (principal in Tag::\"pii\", action in Action::\"model\", resource == Model::\"large\");\n",
    );
    play.json("policy put no-large.cedar");
    // Before it is bound, it is known whom it would have stopped.
    let tried = play.json("policy test --name no-large --to organization");
    assert_eq!((&tried["requests"], &tried["denied"]), (&json!(2), &json!(1)), "{tried}");
    assert_eq!(tried["agents"], json!([{"agent": "mail", "denied": 1, "through": 0}]));
    let told = play.run("policy test --name no-large --to organization").stdout;
    assert!(told.contains("permit → policy_denied") && told.contains("no-large@1"), "{told}");
    assert_eq!(ask(&pii, "large", 5).0, 200, "nothing is bound yet");
    play.json("policy bind no-large --to organization");
    assert_eq!(ask(&pii, "large", 5), denied);
    assert_eq!(ask(&pii, "small", 5).0, 200);
    assert_eq!(ask(&other, "large", 5).0, 200);

    let bounded = "forbid (principal is Agent, action == Action::\"model:chat\", resource)\n\
                   unless { context.number.hasTag(\"max_tokens\") && context.number.getTag(\"max_tokens\") <= 10 };\n";
    play.write("bounded.cedar", bounded);
    play.json("policy put bounded.cedar");
    play.json("policy bind bounded --to team:default");
    assert_eq!(ask(&other, "large", 50), denied);
    assert_eq!(ask(&other, "large", 10).0, 200);

    let receipts = play.json("receipt list crm --last 10")["receipts"].clone();
    let codes: Vec<&str> =
        receipts.as_array().unwrap().iter().filter_map(|one| one["code"].as_str()).collect();
    assert!(codes.contains(&"policy_denied"), "{receipts}");
    play.json("policy unbind bounded --all");
    assert_eq!(ask(&other, "large", 50).0, 200);
    let log = play.json("policy history bounded");
    assert!(log["bindings"][0]["until"].is_string(), "{log}");
}
