//! A provider whose answers are scripted: the path says after how many milliseconds it answers
//! (`/20/v1/chat/completions`), and an answer has as many tokens as were asked for at most. So what is reserved for a call
//! is what it costs.

use crate::{
    machine::Folders,
    mcp,
    process::{self, Running},
    streams,
    wire::{Connection, Message},
};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

/// Milliseconds of an upstream that answers at once, as a model answers, and slowly.
pub(crate) const AT_ONCE: u64 = 0;
pub(crate) const USUAL: u64 = 20;
pub(crate) const SLOW: u64 = 300;
/// Milliseconds between the pieces of an answer that is streamed, and how many there are.
pub(crate) const BETWEEN: u64 = 500;
pub(crate) const PIECES: usize = 20;
/// All of them.
pub(crate) const DELAYS: [u64; 4] = [AT_ONCE, USUAL, SLOW, BETWEEN];

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    _running: Running,
}

/// Starts it as a process of its own.
pub(crate) fn start(folders: &Folders) -> Upstream {
    let address = process::free_address();
    let running = process::ourselves(folders, &["upstream", &address.port().to_string()]);
    process::wait_for(address);
    Upstream { address, _running: running }
}

/// Serves until the process is ended. A thread for each connection: a sleep of a thread is exact to some 50 µs, and
/// those of runtimes are to a millisecond.
pub(crate) fn serve(port: u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    for stream in listener.incoming().flatten() {
        thread::spawn(move || Connection::of(stream).and_then(|mut connection| answer_all(&mut connection)));
    }
}

fn answer_all(connection: &mut Connection) -> io::Result<()> {
    while let Some(request) = connection.receive()? {
        let arrived = Instant::now();
        let delay = request.second().split('/').nth(1).and_then(|first| first.parse().ok()).unwrap_or(0);
        if request.body.windows(13).any(|some| some == b"\"stream\":true") {
            stream(connection, &request, Duration::from_millis(delay))?;
            continue;
        }
        let answer = match request.second() {
            mcp::PATH => mcp::answer(&String::from_utf8_lossy(&request.body)),
            _ => answer(&request),
        };
        let delay = Duration::from_millis(delay).saturating_sub(arrived.elapsed());
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        connection.send(answer.as_bytes())?;
    }
    Ok(())
}

/// Each piece says when it was sent.
fn stream(connection: &mut Connection, request: &Message, between: Duration) -> io::Result<()> {
    let chunk = |choices: &str, usage: &str| {
        let data = format!(
            r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"scripted","choices":[{choices}],"usage":{usage}}}"#
        );
        format!("{:x}\r\n{data}\n\n\r\n", data.len() + 2)
    };
    connection
        .send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    for piece in 0..PIECES {
        if piece > 0 {
            thread::sleep(between);
        }
        let choice =
            format!(r#"{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}"#, streams::now());
        connection.send(chunk(&choice, "null").as_bytes())?;
    }
    let tokens = tokens(&String::from_utf8_lossy(&request.body));
    let usage =
        format!(r#"{{"prompt_tokens":250,"completion_tokens":{tokens},"total_tokens":{}}}"#, tokens + 250);
    let end = chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, "null") + &chunk("", &usage);
    connection.send(format!("{end}e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n").as_bytes())
}

fn answer(request: &Message) -> String {
    let tokens = tokens(&String::from_utf8_lossy(&request.body));
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"scripted","choices":[{{"index":0,"message":{{"role":"assistant","content":"All is well, and this is an answer of about as many words as a short one has."}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":250,"completion_tokens":{tokens},"total_tokens":{}}}}}"#,
        tokens + 250,
    );
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// What a request asks for at most.
fn tokens(body: &str) -> u64 {
    let after =
        ["\"max_tokens\":", "\"max_completion_tokens\":"].iter().find_map(|name| body.split_once(name));
    let digits = after.map_or("", |(_, rest)| rest.trim_start());
    digits.split(|one: char| !one.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(1)
}
