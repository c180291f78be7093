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
    let _server = common::Server::start(&play, port, &["--vc-api", "a.key"]);
    let send = |method: &str, path: &str, body: &Value| -> (String, Value) {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
    };
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
}
