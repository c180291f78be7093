//! What a call of a tool takes beside the same call to its server alone, in the revision with sessions (2025-06-18): the server
//! is one that answers at once, and the call is decided by its name and its arguments.

use crate::{
    Plan,
    legation::Legation,
    load, machine,
    peer::{Client, Peer},
    report::Report,
};
use std::{
    fmt::Write,
    io,
    time::{SystemTime, UNIX_EPOCH},
};

/// Where the scripted server is, and where the gateway has it.
pub(crate) const PATH: &str = "/mcp";
const BEHIND: &str = "/tools/mcp";

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"to":"bob","amount":1000}}}"#;

/// Measures each by turns, over one connection and over eight.
pub(crate) fn measure(direct: &Peer, gateways: &[&Legation], plan: &Plan, report: &mut Report) {
    let mut peers = vec![direct.clone()];
    peers.extend(gateways.iter().map(|one| one.with_tools()));
    let paths = [PATH, BEHIND, BEHIND];
    let requests: Vec<_> = peers.iter().zip(paths).map(|(peer, path)| begin(peer, path).unwrap()).collect();
    for round in 0..plan.rounds {
        for connections in [1, 8] {
            for (peer, request) in peers.iter().zip(&requests) {
                let waited = machine::wait_until_quiet();
                let clients = (0..connections).map(|_| Client::of(peer.addresses[0], request.clone()));
                let load = load::run_all(clients.collect(), plan.each);
                let values = [
                    ("p50 µs", load.at(0.5)),
                    ("p99 µs", load.at(0.99)),
                    ("calls/s", load.per_second()),
                    ("failed", load::as_f64(load.failures())),
                    ("waited s", waited),
                ];
                report.add(&format!("mcp {connections}"), &peer.name, round, &values);
            }
        }
    }
}

/// Begins a session, and gives a call in it as it is sent.
fn begin(peer: &Peer, path: &str) -> io::Result<Vec<u8>> {
    let first = request(peer, path, "", INITIALIZE);
    let told = Client::of(peer.addresses[0], first).message()?;
    let session = told.header("mcp-session-id").ok_or_else(|| io::Error::other(told.head.clone()))?;
    Ok(request(peer, path, &format!("Mcp-Session-Id: {session}\r\n"), CALL))
}

fn request(peer: &Peer, path: &str, session: &str, body: &str) -> Vec<u8> {
    let (host, bearer) = (peer.addresses[0], &peer.bearer);
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {bearer}\r\n");
    request.push_str("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
    write!(
        request,
        "MCP-Protocol-Version: 2025-06-18\r\n{session}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    request.into_bytes()
}

/// What the scripted server answers to a message, as a whole answer of HTTP.
pub(crate) fn answer(body: &str) -> String {
    let (session, body) = if body.contains(r#""initialize""#) {
        let result = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"scripted","version":"1"}}"#;
        let session = {
            // Another one each time is enough here.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
            format!("Mcp-Session-Id: {now:032x}\r\n")
        };
        (session, format!(r#"{{"jsonrpc":"2.0","id":0,"result":{result}}}"#))
    } else {
        let result = r#"{"content":[{"type":"text","text":"1000 are paid to bob."}],"isError":false}"#;
        (String::new(), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#))
    };
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{session}content-length: {length}\r\n\r\n{body}"
    )
}
