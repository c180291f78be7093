//! What passes through a proxy: streams while they arrive, and delegations that are renewed.

use crate::world::{World, local, told};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

#[test]
fn what_an_organization_changes_is_taken_up_on_the_next_call_and_kept_in_the_file() {
    let world = World::new(&[]);
    let proxy = world.proxy("mail.agent");
    assert_eq!(proxy.chat(&json!({})).0, 200);
    let before = world.play.read("mail.agent");
    // A delegation that says something else revokes the one before it.
    world.play.json("budget set mail 0.01USD/day");
    assert_eq!(told(proxy.chat(&json!({"n": 2}))), (429, "budget_exceeded".to_owned()), "the new one holds");
    let begin = Instant::now();
    while world.play.read("mail.agent") == before {
        assert!(begin.elapsed() < Duration::from_secs(10), "the file is as it was");
        std::thread::sleep(Duration::from_millis(50));
    }
    world.play.json("budget set mail 1USD/day");
    // Nobody asks again for some seconds after a denial led to asking.
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(proxy.chat(&json!({"n": 2})).0, 200);
    drop(proxy);
    let again = world.proxy("mail.agent");
    assert_eq!(again.chat(&json!({})).0, 200, "by the file alone");
    // A delegation that was revoked for good is not had anew by asking.
    assert_eq!(world.play.run(&format!("delegation revoke {}", world.delegation())).status, 0);
    assert_eq!(told(again.chat(&json!({}))), (401, "link_revoked".to_owned()));
    std::thread::sleep(Duration::from_secs(6));
    world.play.json("delegation issue mail");
    assert_eq!(again.chat(&json!({})).0, 200, "but it is where there is one again");
}

#[test]
fn an_answer_passes_while_it_arrives() {
    let words = "one two three four five six";
    let plan = Plan::says(words).tokens(1, 6).every(Duration::from_millis(300));
    let upstream = Upstream::always(plan).unwrap();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let world = World::new(&env);
    let proxy = world.proxy("mail.agent");
    let body = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "count"}]})
        .to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\n{}{}content-length: {}\r\n\r\n{body}",
        proxy.host(),
        proxy.bearer(),
        body.len()
    );
    let begin = Instant::now();
    stream.write_all(head.as_bytes()).unwrap();
    let (mut seen, mut first) = (Vec::new(), None);
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).unwrap();
        if length == 0 {
            break;
        }
        seen.extend_from_slice(&piece[..length]);
        if first.is_none() && String::from_utf8_lossy(&seen).contains("data: ") {
            first = Some(begin.elapsed());
        }
    }
    let (first, whole) = (first.unwrap(), begin.elapsed());
    assert!(whole.saturating_sub(first) > Duration::from_millis(600), "{first:?} of {whole:?}");
    let text = String::from_utf8(seen).unwrap();
    assert!(text.contains("six") && text.contains("[DONE]"), "{text}");
    // Upstream there is the organization's key, and nothing of the agent's.
    let sent = &upstream.requests()[0];
    assert_eq!(sent.header("authorization"), Some("Bearer sk-x"));
    for name in ["signature", "signature-input", "agent-delegation", "x-api-key"] {
        assert_eq!(sent.header(name), None, "{name}");
    }
}
