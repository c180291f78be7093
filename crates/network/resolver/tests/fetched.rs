//! Fetching from real servers on loopback, well-behaved and hostile.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

mod servers;

use legation_did::Did;
use legation_resolver::{FetchError, Fetcher, Options, SetupError};
use servers::{Act, Authority, answer, authority, fetcher, good, options, plain, server};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};

async fn refused(act: Act) -> FetchError {
    let server = plain(act).await;
    fetcher().document(&server.did()).await.unwrap_err()
}

fn trusting(authority: &Authority) -> Options {
    Options {
        allow_private: true,
        http_on_loopback: false,
        extra_root_certificates: vec![authority.pem.clone()],
        ..options()
    }
}

#[tokio::test]
async fn a_document_is_fetched_by_plain_http_from_this_machine_when_allowed() {
    let server = server(good, None).await;
    assert_eq!(fetcher().document(&server.did()).await.unwrap().id(), &server.did());
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn every_content_type_of_a_document_is_read() {
    for content_type in [
        "application/json",
        "application/did+json",
        "application/did+ld+json",
        "application/ld+json",
        "application/did",
        "Application/JSON; charset=utf-8",
    ] {
        let server =
            server(|port| answer(content_type, &format!(r#"{{"id":"did:web:localhost%3A{port}"}}"#)), None)
                .await;
        assert!(fetcher().document(&server.did()).await.is_ok(), "{content_type}");
    }
}

#[tokio::test]
async fn a_document_is_fetched_over_tls_that_is_trusted() {
    let authority = authority("localhost");
    let server = server(good, Some(authority.acceptor.clone())).await;
    let fetcher = Fetcher::new(trusting(&authority)).unwrap();
    assert_eq!(fetcher.document(&server.did()).await.unwrap().id(), &server.did());
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_for_another_name_is_refused() {
    let (one, other) = (authority("localhost"), authority("localhost"));
    let server = self::server(good, Some(one.acceptor.clone())).await;
    let refused = Fetcher::new(trusting(&other)).unwrap().document(&server.did()).await.unwrap_err();
    assert_eq!(refused.code(), "tls", "{refused}");
    let elsewhere = authority("elsewhere.example");
    let server = self::server(good, Some(elsewhere.acceptor.clone())).await;
    let refused = Fetcher::new(trusting(&elsewhere)).unwrap().document(&server.did()).await.unwrap_err();
    assert_eq!(refused.code(), "tls", "{refused}");
    // A server that does not speak TLS at all, and says so at once.
    let greeting = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let did = format!("did:web:localhost%3A{}", greeting.local_addr().unwrap().port()).parse().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = greeting.accept().await.unwrap();
        socket.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    let refused = Fetcher::new(trusting(&one)).unwrap().document(&did).await.unwrap_err();
    assert_eq!(refused.code(), "tls", "{refused}");
}

#[tokio::test]
async fn a_private_address_is_refused_before_anything_is_sent() {
    let authority = authority("localhost");
    let server = server(good, Some(authority.acceptor.clone())).await;
    let fetcher = Fetcher::new(Options { allow_private: false, ..trusting(&authority) }).unwrap();
    let refused = fetcher.document(&server.did()).await.unwrap_err();
    assert!(matches!(refused, FetchError::AddressRefused { kind: "loopback", .. }), "{refused}");
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"] {
        let url = format!("https://{host}:{}/status/1", server.port);
        let refused = fetcher.status_list(&url).await.unwrap_err();
        assert_eq!(refused.code(), "address_refused", "{host}: {refused}");
    }
    for url in ["https://169.254.169.254/latest", "https://10.0.0.1/", "https://[fd00::1]/", "https://0/"] {
        assert_eq!(fetcher.status_list(url).await.unwrap_err().code(), "address_refused", "{url}");
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 0, "nobody connected");
}

#[tokio::test]
async fn plain_http_goes_nowhere_but_to_localhost_and_only_when_allowed() {
    let server = plain(answer("application/jwt", "a.b.c")).await;
    let allowed = fetcher();
    assert_eq!(allowed.status_list(&server.status_url()).await.unwrap(), "a.b.c");
    let before = server.requests.load(Ordering::SeqCst);
    for url in [
        format!("http://127.0.0.1:{}/status/1", server.port),
        format!("http://[::1]:{}/status/1", server.port),
        format!("http://localhost.:{}/status/1", server.port),
        "http://a.example/status/1".to_owned(),
        "http://localhost.a.example/status/1".to_owned(),
        "http://notlocalhost/status/1".to_owned(),
    ] {
        for allow_private in [true, false] {
            let fetcher = Fetcher::new(Options { allow_private, ..options() }).unwrap();
            assert_eq!(fetcher.status_list(&url).await.unwrap_err().code(), "url_refused", "{url}");
        }
    }
    let never = Fetcher::new(Options { http_on_loopback: false, allow_private: true, ..options() }).unwrap();
    assert_eq!(never.status_list(&server.status_url()).await.unwrap_err().code(), "url_refused");
    assert_eq!(server.requests.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn a_url_of_another_scheme_or_with_a_password_is_refused() {
    let long = format!("https://a.example/{}", "a".repeat(2048));
    for url in [
        "",
        "/status/1",
        "file:///etc/passwd",
        "ftp://a.example/1",
        "data:application/jwt,a.b.c",
        "https:",
        "https://user@a.example/1",
        "https://user:secret@a.example/1",
        "https://:secret@a.example/1",
        long.as_str(),
    ] {
        let refused = fetcher().status_list(url).await.unwrap_err();
        assert_eq!(refused.code(), "url_refused", "{url}: {refused}");
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = server(good, None).await;
    for status in [301, 302, 303, 307, 308] {
        let refused = refused(Act::Send(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: http://localhost:{}/.well-known/did.json\r\nContent-Length: 0\r\n\r\n",
            target.port
        )))
        .await;
        assert!(matches!(refused, FetchError::RedirectRefused { status: found, .. } if found == status));
        assert!(refused.to_string().contains("must answer directly"));
    }
    assert_eq!(target.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_answer_too_large_is_refused_by_its_length_and_by_its_bytes() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    // By what it says; nothing more comes, so waiting for the body would end in a timeout.
    let said = refused(Act::Drip(format!("{head}Content-Length: 20001\r\n\r\n"))).await;
    assert!(matches!(said, FetchError::TooLarge { limit: 20_000, .. }), "{said}");
    // By what comes, without end, whether or not a length is said.
    for length in ["", "Transfer-Encoding: identity\r\n"] {
        let came = refused(Act::Endless(format!("{head}{length}\r\n"))).await;
        assert_eq!(came.code(), "too_large", "{came}");
    }
    let chunk = format!("4e21\r\n{}\r\n0\r\n\r\n", "x".repeat(20_001));
    let chunked = refused(Act::Send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}"))).await;
    assert_eq!(chunked.code(), "too_large", "{chunked}");
    // A status list of just the limit is read, one byte more is not.
    for (length, code) in [(20_000, None), (20_001, Some("too_large"))] {
        let server = plain(answer("application/jwt", &format!("a.b.{}", "c".repeat(length - 4)))).await;
        let fetched = fetcher().status_list(&server.status_url()).await;
        assert_eq!(fetched.as_ref().err().map(FetchError::code), code);
    }
}

#[tokio::test]
async fn a_slow_server_is_given_up_in_time() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let (in_head, in_body) = (format!("{head}X-A: "), format!("{head}\r\n"));
    for act in [Act::Silent, Act::Drip(in_head), Act::Drip(in_body)] {
        let started = Instant::now();
        let refused = tokio::time::timeout(Duration::from_secs(10), refused(act)).await.unwrap();
        assert_eq!(refused.code(), "timeout", "{refused}");
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_or_status_is_refused() {
    for content_type in ["text/html", "text/plain", "application/jsonp", "", "application/vc+jwt"] {
        let refused = refused(answer(content_type, "{}")).await;
        assert_eq!(refused.code(), "content_type", "{content_type}");
    }
    assert_eq!(refused(Act::Send("HTTP/1.1 200 OK\r\n\r\n{}".to_owned())).await.code(), "content_type");
    for status in [201, 204, 206, 400, 401, 404, 410, 500, 503] {
        let refused = refused(Act::Send(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"))).await;
        assert!(matches!(refused, FetchError::HttpStatus { status: found, .. } if found == status));
    }
    let compressed = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n";
    assert_eq!(refused(Act::Send(compressed.to_owned())).await.code(), "content_encoding");
}

#[tokio::test]
async fn a_document_of_somebody_else_or_none_is_refused() {
    let other = answer("application/json", r#"{"id":"did:web:other.example"}"#);
    let mismatch = refused(other).await;
    assert_eq!(mismatch.code(), "id_mismatch");
    assert!(mismatch.to_string().contains("did:web:other.example"));
    for body in ["", "not json", "[]", "{}", r#"{"id":"x"}"#, r#"{"id":"did:web:a","id":"did:web:b"}"#] {
        assert_eq!(refused(answer("application/json", body)).await.code(), "document_invalid", "{body}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_not_taken_for_an_answer() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}";
    assert_eq!(refused(Act::Send(head.to_owned())).await.code(), "unreachable");
    assert_eq!(refused(Act::Send(String::new())).await.code(), "unreachable");
    assert_eq!(refused(Act::Send("SSH-2.0-x\r\n".to_owned())).await.code(), "unreachable");
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let did = format!("did:web:localhost%3A{gone}").parse().unwrap();
    assert_eq!(fetcher().document(&did).await.unwrap_err().code(), "unreachable");
}

#[tokio::test]
async fn a_status_list_is_a_compact_jws_or_a_document_and_nothing_else() {
    for (content_type, body) in [
        ("application/vc+jwt", "eyJh.eyJi.c2ln_-"),
        ("application/jwt", "eyJh.eyJi.c2ln_-"),
        ("application/vc", "eyJh.eyJi.c2ln_-"),
        ("text/plain; charset=utf-8", "eyJh.eyJi.c2ln_-"),
        ("application/vc", r#"{"proof":{}}"#),
        ("application/json", r#"{"proof":{}}"#),
        ("application/ld+json; profile=x", r#"{"proof":{}}"#),
    ] {
        let server = plain(answer(content_type, &format!("\n {body} \r\n"))).await;
        assert_eq!(fetcher().status_list(&server.status_url()).await.unwrap(), body, "{content_type}");
    }
    for body in ["", "a.b", "a.b.c.d", "a..c", "a.b.c=", "a. b.c", r#"[{"type":"x"}]"#, "é.b.c", "<html>"] {
        let server = plain(answer("application/vc+jwt", body)).await;
        let refused = fetcher().status_list(&server.status_url()).await.unwrap_err();
        assert_eq!(refused.code(), "status_list_invalid", "{body}");
    }
    let server = plain(answer("text/html", "a.b.c")).await;
    let refused = fetcher().status_list(&server.status_url()).await.unwrap_err();
    assert_eq!(refused.code(), "content_type");
}

#[tokio::test]
async fn a_did_key_needs_no_network_and_another_method_is_not_resolved() {
    let fetcher = Fetcher::new(Options::default()).unwrap();
    let did: Did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp".parse().unwrap();
    assert_eq!(fetcher.document(&did).await.unwrap().id(), &did);
    let bad = fetcher.document(&"did:key:zQ3sh".parse().unwrap()).await.unwrap_err();
    assert_eq!(bad.code(), "did_invalid");
    let other = fetcher.document(&"did:ion:abc".parse().unwrap()).await.unwrap_err();
    assert_eq!(other, FetchError::MethodUnsupported { method: "ion".to_owned() });
}

#[test]
fn a_root_certificate_that_is_none_is_named() {
    let junk = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    for pem in ["", "x", junk] {
        let good = authority("localhost").pem;
        let options = Options { extra_root_certificates: vec![good, pem.into()], ..Options::default() };
        let refused = Fetcher::new(options).unwrap_err();
        assert!(matches!(refused, SetupError::Certificate { position: 2, .. }), "{pem}");
    }
}

#[test]
fn fetching_can_be_moved_between_threads() {
    fn is_send(_: impl Send) {}
    let fetcher = fetcher();
    let did: Did = "did:web:a.example".parse().unwrap();
    is_send(fetcher.document(&did));
    is_send(fetcher.status_list("https://a.example/1"));
}
