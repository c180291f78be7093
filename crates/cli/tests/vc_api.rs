//! `serve --vc-api`: in a build with the feature it answers, in one without it says so.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;

#[cfg(not(feature = "vc-api"))]
#[test]
fn a_build_without_the_vc_api_says_how_to_get_it() {
    let play = Play::new();
    play.key("a.key");
    std::fs::create_dir(play.path("site")).unwrap();
    let ran = play.run("serve site --listen 127.0.0.1:0 --vc-api a.key");
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("--features vc-api"), "{ran:?}");
}

#[cfg(feature = "vc-api")]
#[test]
fn a_credential_is_issued_and_verified_and_a_did_resolved() {
    use serde_json::{Value, json};
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    let play = Play::new();
    let did = play.key("a.key");
    std::fs::create_dir(play.path("site")).unwrap();
    let port = common::free_port();
    let api = common::free_port();
    let token = "0123456789abcdef0123456789abcdef";
    play.write("token", format!("{token}\n"));
    let more =
        ["--vc-api", "a.key", "--vc-api-token", "token", "--vc-api-listen", &format!("127.0.0.1:{api}")];
    let _server = common::Server::start(&play, port, &more);
    let ask = |port: u16, method: &str, path: &str, more: &str, body: &Value| -> (String, Value) {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nconnection: close\r\n{more}content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap_or_default())
    };
    let plain = "host: localhost\r\ncontent-type: application/json\r\n";
    let with_token = format!("{plain}authorization: Bearer {token}\r\n");
    let send = |method: &str, path: &str, body: &Value| ask(api, method, path, &with_token, body);
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "issuer": did,
        "credentialSubject": {"id": "did:example:b"},
    });
    for way in ["eddsa-rdfc-2022", "eddsa-jcs-2022", "vc-jwt", "bitstring-status-list"] {
        let path = format!("/issuers/{way}/credentials/issue");
        let (status, issued) = send("POST", &path, &json!({"credential": credential}));
        assert_eq!(status, "HTTP/1.1 201 Created", "{way}: {issued}");
        let (status, told) = send("POST", "/credentials/verify", &json!({"verifiableCredential": issued}));
        assert_eq!((status.as_str(), &told["verified"]), ("HTTP/1.1 200 OK", &true.into()), "{way}: {told}");
    }
    let (_, resolved) = send("GET", &format!("/1.0/identifiers/{did}"), &Value::Null);
    assert_eq!(resolved["didDocument"]["id"], did);

    // Without the token nothing is signed, for another host nothing is done, and the folder's listener has no such route.
    let body = json!({"credential": credential});
    for (port, more, status) in [
        (api, plain.to_owned(), "401"),
        (api, with_token.replace("Bearer 0", "Bearer 1"), "401"),
        (api, with_token.replace("localhost", "evil.example"), "421"),
        (api, format!("{with_token}origin: http://evil.example\r\n"), "403"),
        (api, with_token.replace("application/json", "text/plain"), "415"),
        (port, with_token.clone(), "405"),
    ] {
        let (found, told) = ask(port, "POST", "/credentials/issue", &more, &body);
        assert!(found.contains(status), "{more}: {found} {told}");
    }
}

/// Signing for anybody is asked for by name, and told.
#[cfg(feature = "vc-api")]
#[test]
fn whom_the_vc_api_issues_for_is_said_when_it_starts() {
    let play = Play::new();
    play.key("a.key");
    std::fs::create_dir(play.path("site")).unwrap();
    play.write("short", "secret");
    let ran = play.run(
        "serve site --listen 127.0.0.1:0 --vc-api a.key --vc-api-listen 127.0.0.1:0 --vc-api-token short",
    );
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("22 to 1024 characters") && !ran.stderr.contains("secret"), "{ran:?}");
    let ran = play.run("serve site --vc-api a.key --vc-api-token short --vc-api-open");
    assert_eq!(ran.status, 2, "{ran:?}");
}
