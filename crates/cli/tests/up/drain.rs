//! An end that was asked for: what runs ends in its time, nothing more comes in, and then it leaves.

use crate::{
    chat,
    common::Play,
    running::{self, Up, local},
};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

fn env(upstream: &Upstream) -> [(&'static str, String); 2] {
    [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))]
}

#[test]
fn what_runs_when_it_is_asked_to_end_ends_well_and_what_comes_then_is_not_taken() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1).after(Duration::from_secs(2))).unwrap();
    let play = Play::new();
    let mut up = Up::dev(&play, &[], &env(&upstream));
    let (port, admin, key) = (up.port, up.admin, up.key.clone());
    // One that is open and says nothing does not keep it.
    let _idle = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let whole = thread::spawn({
        let key = key.clone();
        move || running::try_post(port, &key, &chat(10))
    });
    let mut streamed = chat(10);
    streamed["stream"] = json!(true);
    let streamed = thread::spawn({
        let key = key.clone();
        move || {
            let key = format!("authorization: Bearer {key}\r\n");
            running::raw(port, "POST", "/v1/chat/completions", &key, &streamed.to_string())
        }
    });
    assert!(upstream.wait_for(2, Duration::from_secs(20)), "both run");
    let ends = thread::spawn(move || {
        let ended = up.end();
        (up, ended)
    });
    let begin = Instant::now();
    // Whoever sends calls here is told to send them elsewhere, for as long as calls run.
    while running::raw(admin, "GET", "/readyz", "", "").unwrap().0 != 503 {
        assert!(begin.elapsed() < Duration::from_secs(1), "it still says that it is ready");
    }
    while running::try_post(port, &key, &chat(10)).is_some() {
        assert!(begin.elapsed() < Duration::from_secs(1), "it still takes calls");
    }
    assert_eq!(whole.join().unwrap().unwrap().0, 200);
    let (status, body) = streamed.join().unwrap().unwrap();
    assert_eq!(status, 200);
    assert!(body.contains("[DONE]"), "{body}");
    let (_up, (status, took)) = ends.join().unwrap();
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(upstream.count(), 2);
    // Both were settled.
    let list = play.run("receipt list");
    assert_eq!(list.stdout.matches("settle").count(), 2, "{list:?}");
}

#[test]
fn what_does_not_end_is_cut_off_after_its_time_and_stays_counted() {
    let upstream = Upstream::always(Plan::hangs()).unwrap();
    let play = Play::new();
    let mut up = Up::dev(&play, &["--drain", "1", "--budget", "0.03USD/day"], &env(&upstream));
    let (port, key) = (up.port, up.key.clone());
    let open = thread::spawn(move || running::try_post(port, &key, &chat(2000)));
    assert!(upstream.wait_for(1, Duration::from_secs(20)));
    let (status, took) = up.end();
    assert_eq!(status, Some(0));
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(8), "{took:?}");
    assert!(open.join().unwrap().is_none_or(|(status, _)| status != 200));
    let up = Up::again(&play, port, &["--dev"], &env(&upstream));
    let again = running::try_post(up.port, &up_key(&play, port), &chat(2000)).unwrap();
    assert_eq!(again.0, 429, "what it may have cost is reserved: {}", again.1);
}

/// A new key of the same agent.
fn up_key(play: &Play, _: u16) -> String {
    play.json("api-key create assistant")["secret"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let upstream = Upstream::always(Plan::hangs()).unwrap();
    let play = Play::new();
    let mut up = Up::dev(&play, &[], &env(&upstream));
    let (port, key) = (up.port, up.key.clone());
    let open = thread::spawn(move || running::try_post(port, &key, &chat(10)));
    assert!(upstream.wait_for(1, Duration::from_secs(20)));
    up.signal("TERM");
    while running::raw(up.admin, "GET", "/readyz", "", "").unwrap().0 != 503 {}
    let (status, took) = up.end();
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(open.join().unwrap().is_none());
}
