//! Alerts and signals of an organization that runs, by the command.

use crate::{
    chat,
    common::{Play, free_port},
    running::{Up, local},
};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// A webhook: takes what is posted to it, each by a connection of its own.
pub(crate) struct Webhook {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Webhook {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://localhost:{}/hook", listener.local_addr().unwrap().port());
        let got: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let keep = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
                let body = loop {
                    let read = stream.read(&mut buffer).unwrap();
                    text.extend_from_slice(&buffer[..read]);
                    let so_far = String::from_utf8_lossy(&text).into_owned();
                    let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
                    let length = head
                        .to_lowercase()
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
                    if body.len() >= length.unwrap().trim().parse::<usize>().unwrap() {
                        keep.lock()
                            .unwrap()
                            .push((head.to_lowercase(), serde_json::from_str(body).unwrap_or_default()));
                        break body.to_owned();
                    }
                };
                assert!(!body.is_empty());
                stream
                    .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        Self { url, got }
    }

    fn got(&self) -> Vec<(String, Value)> {
        self.got.lock().unwrap().clone()
    }

    pub(crate) fn wait_for(&self, count: usize) -> Vec<(String, Value)> {
        let begin = Instant::now();
        while self.got().len() < count {
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", self.got());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.got()
    }
}

#[test]
fn a_budget_that_comes_near_its_end_is_told_once() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1000)).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    // 10 USD for a million tokens of an answer: each call is a cent.
    let up = Up::dev(&play, &["--budget", "0.1USD/day"], &env);
    let hook = Webhook::start();
    let added = play.run(&format!("alert add --url {} --on budget-80", hook.url));
    assert_eq!(added.status, 0, "{added:?}");
    for _ in 0..7 {
        assert_eq!(up.post(&up.key, &chat(1000)).0, 200);
    }
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(hook.got().len(), 0, "seventy percent");
    for _ in 0..2 {
        assert_eq!(up.post(&up.key, &chat(1000)).0, 200);
    }
    let got = hook.wait_for(1);
    let (head, said) = &got[0];
    assert!(head.contains("legation-signature: ey"), "{head}");
    assert_eq!((&said["alert"], &said["data"]["name"]), (&json!("budget-80"), &json!("assistant")), "{said}");
    up.post(&up.key, &chat(10));
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(hook.got().len(), 1, "told once: {:?}", hook.got());
    let list = play.json("alert list");
    assert_eq!((&list["alerts"][0]["on"], &list["alerts"][0]["waiting"]), (&json!(["budget-80"]), &json!(0)));
    assert_eq!(play.run(&format!("alert remove {}", list["alerts"][0]["id"].as_str().unwrap())).status, 0);
    let wrong = play.run("alert add --url https://x.example --on budget-90");
    assert!(wrong.status == 2 && wrong.stderr.contains("budget-80"), "{wrong:?}");
    let wrong = play.run("alert add --url http://pager.example");
    assert!(wrong.status == 2 && wrong.stderr.contains("plain http"), "{wrong:?}");
}

/// What `up` has not sent when it is killed is sent by whoever is up next.
#[test]
fn an_event_survives_the_death_of_the_host_and_is_sent_by_the_next() {
    let play = Play::new();
    let hook = Webhook::start();
    let port = free_port();
    assert_eq!(play.run(&format!("init localhost:{port}")).status, 0);
    assert_eq!(play.run("agent add mail --models *").status, 0);
    let mut up = Up::again(&play, port, &[], &[]);
    let token =
        play.run("signals receiver add shop --audience https://shop.example").stdout.trim().to_owned();
    assert!(token.starts_with("legation_"), "{token}");
    let body = json!({"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": hook.url}}).to_string();
    let bearer = format!("authorization: Bearer {token}\r\n");
    let made = crate::running::request(port, "POST", "/ssf/stream", &bearer, &body).unwrap();
    assert_eq!(made.0, 201, "{made:?}");
    assert_eq!(play.run("agent suspend mail").status, 0);
    hook.wait_for(2);
    // Told while nobody was up to send it.
    up.kill();
    assert_eq!(play.run("agent resume mail").status, 0);
    assert_eq!(hook.got().len(), 2);
    let _up = Up::again(&play, port, &[], &[]);
    hook.wait_for(3);
    let streams = play.json("signals streams");
    assert_eq!(streams["streams"][0]["state"], "enabled", "{streams}");
    let receivers = play.run("signals receiver list");
    assert!(
        receivers.stdout.contains("https://shop.example") && !receivers.stdout.contains(&token),
        "{receivers:?}"
    );
    let id = play.json("signals receiver list")["receivers"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(play.run(&format!("signals receiver remove {id}")).status, 0);
    let polled = crate::running::request(port, "GET", "/ssf/stream", &bearer, "").unwrap();
    assert_eq!(polled.0, 401);
}
