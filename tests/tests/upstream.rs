//! The scripted model server: that it does what a plan says, on the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const MOMENT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(20);

/// What came back.
struct Got {
    status: u16,
    headers: Vec<String>,
    body: String,
    /// Whether it ended as its framing says, and not by the end of the connection.
    whole: bool,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The data of each event.
    fn events(&self) -> Vec<&str> {
        self.body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect()
    }
}

/// A connection of somebody who calls.
struct Caller(BufReader<TcpStream>);

impl Caller {
    fn to(upstream: &Upstream) -> Self {
        let stream = TcpStream::connect(upstream.origin().strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    fn post(&mut self, body: &Value) -> Got {
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: m\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send(head + &body);
        self.read()
    }

    fn get(&mut self, path: &str) -> Got {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: m\r\n\r\n"));
        self.read()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).unwrap();
        (read > 0 && line.ends_with('\n')).then(|| line.trim_end().to_owned())
    }

    fn read(&mut self) -> Got {
        let mut got = Got { status: 0, headers: vec![], body: String::new(), whole: false };
        let Some(first) = self.line() else { return got };
        got.status = first.split(' ').nth(1).unwrap().parse().unwrap();
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            got.headers.push(line);
        }
        let of = |name: &str| got.headers.iter().find_map(|line| line.strip_prefix(name));
        if of("transfer-encoding: chunked").is_some() {
            while let Some(size) = self.line() {
                let size = u64::from_str_radix(&size, 16).unwrap();
                let read = self.0.by_ref().take(size).read_to_string(&mut got.body).unwrap();
                got.whole = size == 0 && self.line().as_deref() == Some("");
                if got.whole || (read as u64) < size || self.line().is_none() {
                    break;
                }
            }
        } else if let Some(length) = of("content-length: ").map(|length| length.parse::<u64>().unwrap()) {
            let read = self.0.by_ref().take(length).read_to_string(&mut got.body).unwrap();
            got.whole = read as u64 == length;
        }
        got
    }

    /// Whether nothing more comes, since the connection is closed.
    fn is_closed(&mut self) -> bool {
        self.0.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

fn chat() -> Value {
    json!({"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]})
}

fn streamed() -> Value {
    let mut asked = chat();
    asked["stream"] = true.into();
    asked["stream_options"] = json!({"include_usage": true});
    asked
}

fn always(plan: Plan) -> (Upstream, Caller) {
    let upstream = Upstream::always(plan).unwrap();
    let caller = Caller::to(&upstream);
    (upstream, caller)
}

#[test]
fn one_connection_carries_many_requests_and_each_is_seen() {
    let script = |_: &_, number| if number == 0 { Plan::says("Good day") } else { Plan::says("Again") };
    let upstream = Upstream::start(script).unwrap();
    let mut caller = Caller::to(&upstream);
    let first = caller.post(&chat());
    let said = first.json();
    assert_eq!(
        (first.status, &said["object"], &said["model"]),
        (200, &"chat.completion".into(), &"gpt-5".into())
    );
    assert_eq!(said["choices"][0]["message"]["content"], "Good day");
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert_eq!(said["usage"]["total_tokens"], 11);
    assert_eq!(caller.post(&chat()).json()["choices"][0]["message"]["content"], "Again");
    assert_eq!(caller.get("/v1/models").json()["data"][0]["id"], "scripted");
    assert_eq!(caller.get("/v1/files").json()["error"]["code"], "unknown_url");
    let seen = upstream.requests();
    assert_eq!((upstream.count(), upstream.connections()), (4, 1));
    assert_eq!((seen[0].json(), seen[0].header("host")), (chat(), Some("m")));
    assert_eq!((seen[2].method.as_str(), seen[2].path.as_str()), ("GET", "/v1/models"));
    caller.send("GET /v1/models HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n");
    assert!(caller.read().whole && caller.is_closed());
}

#[test]
fn each_choice_that_is_asked_for_is_answered_and_counted() {
    let (_upstream, mut caller) = always(Plan::says("a b c"));
    let mut asked = chat();
    (asked["n"], asked["max_completion_tokens"]) = (3.into(), 3.into());
    let said = caller.post(&asked).json();
    assert_eq!(
        (said["choices"].as_array().unwrap().len(), &said["usage"]["completion_tokens"]),
        (3, &9.into())
    );
    assert_eq!(said["choices"][2]["finish_reason"], "length");
}

#[test]
fn a_stream_tells_what_was_used_in_its_last_chunk_and_only_if_asked() {
    let (_upstream, mut caller) = always(Plan::says("Good day").tokens(5, 7).cached(4));
    let got = caller.post(&streamed());
    assert!(
        got.whole && got.headers.iter().any(|line| line == "content-type: text/event-stream; charset=utf-8")
    );
    let mut events = got.events();
    assert_eq!(events.pop(), Some("[DONE]"));
    let chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let (last, before) = chunks.split_last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &12.into()));
    assert_eq!(last["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
    assert!(before.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
    let words: String =
        before.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(
        (words.as_str(), &before.last().unwrap()["choices"][0]["finish_reason"]),
        ("Good day", &"stop".into())
    );

    let mut asked = streamed();
    asked.as_object_mut().unwrap().remove("stream_options");
    let got = caller.post(&asked);
    assert!(got.whole && !got.body.contains("usage") && got.body.ends_with("data: [DONE]\n\n"));
}

#[test]
fn what_was_used_may_be_left_out_or_a_lie() {
    let (_upstream, mut caller) = always(Plan::says("short").without_usage());
    assert_eq!(caller.post(&chat()).json().get("usage"), None);
    let got = caller.post(&streamed());
    assert!(got.whole && !got.body.contains("total_tokens"));
    let (_upstream, mut caller) = always(Plan::says("short").tokens(1, 1_000_000));
    assert_eq!(caller.post(&chat()).json()["usage"]["completion_tokens"], 1_000_000);
}

#[test]
fn a_stream_that_is_asked_for_may_be_none() {
    let (_upstream, mut caller) = always(Plan::says("whole").never_streams());
    assert_eq!(caller.post(&streamed()).json()["choices"][0]["message"]["content"], "whole");
    let (_upstream, mut caller) = always(Plan::body(200, "text/html", "<h1>Hi</h1>").header("x-a", "b"));
    let got = caller.post(&streamed());
    assert!(got.body == "<h1>Hi</h1>" && got.headers.contains(&"x-a: b".to_owned()));
}

#[test]
fn an_error_has_the_shape_and_the_status_of_the_provider() {
    for (status, code) in [(400, json!("invalid_value")), (401, json!("invalid_api_key")), (500, Value::Null)]
    {
        let (_upstream, mut caller) = always(Plan::error(status));
        let got = caller.post(&chat());
        assert_eq!((got.status, &got.json()["error"]["code"]), (status, &code));
    }
    let (_upstream, mut caller) = always(Plan::error(429).header("retry-after", "7"));
    let got = caller.get("/v1/models");
    assert!(got.status == 429 && got.headers.contains(&"retry-after: 7".to_owned()));
    // What is no chat is not answered as one.
    let (_upstream, mut caller) = always(Plan::says("yes"));
    assert_eq!(caller.post(&json!({"model": "gpt-5"})).status, 400);
}

#[test]
fn an_answer_is_cut_where_the_plan_says() {
    let (upstream, mut caller) = always(Plan::says("one two three").cut_after_events(3));
    let got = caller.post(&streamed());
    assert!(!got.whole && caller.is_closed());
    assert!(got.body.contains("two") && !got.body.contains("three"));
    assert_eq!(upstream.abandoned(), 0, "it was not the caller");

    let (_upstream, mut caller) = always(Plan::says("one").cut_after(0));
    assert_eq!(caller.post(&chat()).status, 0);
    let (_upstream, mut caller) = always(Plan::body(200, "text/plain", "0123456789").cut_after(99_999));
    assert!(caller.post(&chat()).whole, "what is shorter is whole");
    let (_upstream, mut caller) = always(Plan::body(200, "text/plain", "0123456789"));
    let head: usize = 17 + caller.post(&chat()).headers.iter().map(|line| line.len() + 2).sum::<usize>() + 2;
    let (_upstream, mut caller) = always(Plan::body(200, "text/plain", "0123456789").cut_after(head + 4));
    let got = caller.post(&chat());
    assert_eq!((got.body.as_str(), got.whole), ("0123", false));
}

#[test]
fn what_hangs_goes_on_only_when_it_is_let_go() {
    let (upstream, mut caller) = always(Plan::says("one two").hang_after_events(2));
    caller.0.get_mut().set_read_timeout(Some(MOMENT)).unwrap();
    let body = streamed().to_string();
    caller
        .send(format!("POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    let mut early = Vec::new();
    let error = caller.0.read_to_end(&mut early).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    assert!(String::from_utf8(early).unwrap().contains("one "));
    upstream.let_go();
    caller.0.get_mut().set_read_timeout(Some(LONG)).unwrap();
    let mut rest = String::new();
    while !rest.ends_with("[DONE]\n\n\r\n0\r\n\r\n") {
        assert!(caller.0.read_line(&mut rest).unwrap() > 0, "{rest}");
    }
    assert!(rest.contains("two") && !rest.contains("one "));
}

#[test]
fn a_caller_who_leaves_is_noticed_while_the_answer_hangs_or_waits() {
    for plan in [Plan::hangs(), Plan::says("one two").after(LONG), Plan::says("one two").every(LONG)] {
        let (upstream, mut caller) = always(plan);
        let body = streamed().to_string();
        caller.send(format!(
            "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert!(upstream.wait_for(1, LONG) && !upstream.wait_for_abandoned(1, MOMENT));
        drop(caller);
        assert!(upstream.wait_for_abandoned(1, LONG / 2));
    }
}

#[test]
fn it_waits_before_the_answer_and_between_events() {
    let (_upstream, mut caller) = always(Plan::says("one two").after(MOMENT));
    let started = Instant::now();
    assert!(caller.post(&chat()).whole);
    assert!((MOMENT..LONG).contains(&started.elapsed()));
    // The role, two words, the end, what was used, [DONE], and the end of the chunks: six times in between.
    let (_upstream, mut caller) = always(Plan::says("one two").every(MOMENT / 4));
    let started = Instant::now();
    assert!(caller.post(&streamed()).whole);
    assert!((MOMENT / 4 * 6..LONG).contains(&started.elapsed()));
}

#[test]
fn ten_mebibytes_arrive_whole_and_streamed() {
    let text = "x".repeat(10 << 20);
    let (_upstream, mut caller) = always(Plan::says(&text));
    let got = caller.post(&chat());
    assert!(got.whole && got.json()["choices"][0]["message"]["content"] == *text);
    assert!(caller.post(&streamed()).events()[1].len() > text.len());
}

#[test]
fn a_request_in_chunks_and_one_that_waits_for_a_go_ahead_are_read() {
    let (upstream, mut caller) = always(Plan::says("yes"));
    let body = chat().to_string();
    let (first, second) = body.split_at(10);
    let chunks = format!("a\r\n{first}\r\n{:x};x=y\r\n{second}\r\n0\r\nTrailer: t\r\n\r\n", second.len());
    caller.send(format!("POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
    assert!(caller.read().whole);
    caller.send("POST /v1/chat/completions HTTP/1.1\r\nExpect: 100-continue\r\n");
    caller.send(format!("Content-Length: {}\r\n\r\n", body.len()));
    assert_eq!(caller.read().status, 100);
    caller.send(&body);
    assert_eq!(caller.read().status, 200);
    assert!(upstream.requests().iter().all(|seen| seen.json() == chat()));
    // A promise that is not kept is no request.
    caller.send("POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99\r\n\r\nshort");
    drop(caller);
    let mut other = Caller::to(&upstream);
    other.get("/v1/models");
    assert_eq!(upstream.count(), 3);
}

#[test]
fn nothing_answers_once_it_is_dropped_and_what_hangs_is_closed() {
    let (upstream, mut caller) = always(Plan::hangs());
    let mut idle = Caller::to(&upstream);
    caller.send("GET /v1/models HTTP/1.1\r\n\r\n");
    assert!(upstream.wait_for(1, LONG));
    let address = upstream.origin().strip_prefix("http://").unwrap().to_owned();
    drop(upstream);
    assert!(caller.is_closed() && idle.is_closed());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_script_that_fails_closes_the_connection() {
    let upstream = Upstream::start(|seen, _| {
        assert_eq!(seen.path, "/v1/models", "this panic is a part of the test");
        Plan::says("yes")
    });
    let upstream = upstream.unwrap();
    let mut caller = Caller::to(&upstream);
    assert_eq!(caller.post(&chat()).status, 0);
    assert!(Caller::to(&upstream).get("/v1/models").whole);
}
