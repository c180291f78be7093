//! Quarantine in an organization that runs: who is denied too often is stopped within seconds, everybody is told why, and how to
//! lift it.

use crate::{
    alerts::Webhook,
    chat,
    common::Play,
    running::{Up, local},
};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn an_agent_that_is_denied_too_often_is_stopped_within_seconds_and_goes_on_once_it_is_resumed() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let up = Up::dev(&play, &[], &env);
    let hook = Webhook::start();
    assert_eq!(play.run(&format!("alert add --url {} --on quarantine", hook.url)).status, 0);
    let limit = r#"{"type":"argument","name":"max_tokens","max":10}"#;
    play.json(&format!("agent add probe --models * --budget 5USD/day --constraint {limit}"));
    let key = play.json("api-key create probe")["secret"].as_str().unwrap().to_owned();
    let set = play.run("quarantine set nosy --denials 3 --within 1m");
    assert!(set.stdout.contains("more than 3 denials within 60 s is suspended"), "{set:?}");
    let ask = |most: u64| {
        let (status, answer) = up.post(&key, &chat(most));
        (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    for _ in 0..4 {
        assert_eq!(ask(11), (403, "constraint_violated".to_owned()));
    }
    let begin = Instant::now();
    while ask(1).0 == 200 {
        assert!(begin.elapsed() < Duration::from_secs(20), "it goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ask(1).1, "link_suspended");
    assert_eq!(up.post(&up.key, &chat(1)).0, 200, "others go on");
    let list = play.json("quarantine list")["quarantined"].clone();
    assert_eq!((&list[0]["agent"], &list[0]["rule"]), (&json!("probe"), &json!("nosy")), "{list}");
    assert_eq!(list[0]["lift"], "legation agent resume probe");
    let shown = play.run("agent show probe").stdout;
    assert!(shown.contains("by `nosy`") && shown.contains("`legation agent resume probe`"), "{shown}");
    let (head, said) = hook.wait_for(1).remove(0);
    assert!(head.contains("legation-signature: ey"), "{head}");
    assert_eq!((&said["alert"], &said["data"]["agent"]), (&json!("quarantine"), &json!("probe")), "{said}");
    assert!(said["message"].as_str().unwrap().contains("`legation agent resume probe`"), "{said}");

    let seen = play.run("agent activity probe");
    for words in
        ["agent `probe` is suspended, by the rule `nosy`", "denied: constraint_violated", "NOTHING BEFORE"]
    {
        assert!(seen.stdout.contains(words), "{words}: {seen:?}");
    }
    let seen = play.json("agent activity probe --days 3");
    assert!(seen["last"]["denied"]["constraint_violated"].as_i64() >= Some(4), "{seen}");

    assert_eq!(play.run("agent resume probe").status, 0);
    assert_eq!(ask(1).0, 200);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(ask(1).0, 200, "what was before counts no more");
    assert_eq!(play.json("quarantine list")["quarantined"], json!([]));
    assert!(play.run("quarantine rules").stdout.contains("nosy"));
    assert_eq!(play.run("quarantine remove nosy").status, 0);
    let none = play.run("quarantine set empty");
    assert!(none.status == 2 && none.stderr.contains("--denials"), "{none:?}");
    let wrong = play.run("quarantine set wrong --spend 5USD/day");
    assert!(wrong.status == 2 && wrong.stderr.contains("50USD/1h"), "{wrong:?}");
}
