//! What a host serves, over real connections: raw requests, since a client library would tidy
//! up the paths that matter here.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

use http_body_util::{BodyExt, Full};
use hyper::{Request, Version, body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use legation_host::{ServeError, TlsFiles, router, serve};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

const DOCUMENT: &str = r#"{"id":"did:web:a.example"}"#;
const CARD: &str = r#"{"name":"A","signatures":[]}"#;
/// `{"alg":"EdDSA"}` and `{"type":"BitstringStatusListCredential","credentialSubject":{"encodedList":"u"}}`.
const LIST: &str = "eyJhbGciOiJFZERTQSJ9.eyJ0eXBlIjoiQml0c3RyaW5nU3RhdHVzTGlzdENyZWRlbnRpYWwiLCJjcmVkZW50aWFsU3ViamVjdCI6eyJlbmNvZGVkTGlzdCI6InUifX0.c2ln";
const LIST_WITH_PROOF: &str =
    "\n{\"type\":[\"BitstringStatusListCredential\"],\"credentialSubject\":{\"encodedList\":\"u\"}}";
const KEY: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"SECRET"}"#;

struct Host {
    folder: TempDir,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in [".well-known/did.json", "public/.well-known/did.json", "public/agents/mail/did.json"] {
        write(folder.path(), name, DOCUMENT);
    }
    for name in ["public/.well-known/agent-card.json", "public/agents/mail/agent-card.json"] {
        write(folder.path(), name, CARD);
    }
    write(folder.path(), "public/status/1", LIST);
    write(folder.path(), "public/status/2", LIST_WITH_PROOF);
    for name in ["key.json", "public/key.json", "public/agents/mail/agent.key", "public/.git/did.json"] {
        write(folder.path(), name, "SECRET");
    }
    for name in ["public/did.json", "public/agent-card.json", "public/.git/agent-card.json"] {
        write(folder.path(), name, "SECRET");
    }
    write(folder.path(), "did.json", "SECRET");
    folder
}

async fn host(tls: Option<TlsFiles>) -> Host {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let router = router(folder.path().join("public"));
    let served = tokio::spawn(serve(listener, router, tls, async {
        let _ = stopped.await;
    }));
    Host { folder, address, stop, served }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

impl Host {
    async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{headers}\r\n");
        Answer(exchange(stream, &request).await)
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }
}

struct Answer(String);

impl Answer {
    fn status(&self) -> &str {
        self.0.split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.0.split_once("\r\n\r\n").unwrap();
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").unwrap().1
    }

    fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_str(self.body()).unwrap();
        let status = problem.get("status").unwrap();
        assert_eq!(status.to_string(), self.status());
        problem.get("code").and_then(|code| code.as_str()).unwrap().to_owned()
    }
}

#[tokio::test]
async fn documents_cards_and_status_lists_are_served_as_they_are() {
    let host = host(None).await;
    let (ask_again, for_a_while) = ("no-cache", "public, max-age=300");
    for (path, body, content_type, cache_control) in [
        ("/.well-known/did.json", DOCUMENT, "application/did+json", ask_again),
        ("/agents/mail/did.json", DOCUMENT, "application/did+json", ask_again),
        ("/agents/mail/did.json?versionId=1", DOCUMENT, "application/did+json", ask_again),
        ("/.well-known/agent-card.json", CARD, "application/json", for_a_while),
        ("/agents/mail/agent-card.json", CARD, "application/json", for_a_while),
        ("/status/1", LIST, "application/vc+jwt", ask_again),
        ("/status/2", LIST_WITH_PROOF, "application/vc", ask_again),
    ] {
        let answer = host.get(path).await;
        assert_eq!((answer.status(), answer.body()), ("200", body), "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("cache-control"), Some(cache_control));
        assert_eq!(answer.header("last-modified"), None);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("etag").unwrap().starts_with('"'));
    }
    let health = host.get("/healthz").await;
    assert_eq!((health.status(), health.body()), ("200", "ok\n"));
}

#[tokio::test]
async fn no_path_reaches_a_file_that_is_not_public() {
    let host = host(None).await;
    for path in [
        "/",
        "/key.json",
        "/did.json",
        "/agent-card.json",
        "/.git/agent-card.json",
        "/agents/agent-card.json",
        "/%2e%2e/agent-card.json",
        "/agents%2fmail/agent-card.json",
        "/.well-known/agent.json",
        "/agents/mail/agent.key",
        "/agents/mail",
        "/agents/mail/",
        "/.git/did.json",
        "/../key.json",
        "/../did.json",
        "/../.well-known/did.json",
        "/%2e%2e/key.json",
        "/%2e%2e/did.json",
        "/%2e%2e/.well-known/did.json",
        "/..%2f.well-known/did.json",
        "/agents/../.well-known/did.json",
        "/agents/..%2f..%2fdid.json",
        "/agents%2fmail/did.json",
        "/agents%5cmail/did.json",
        "/status/../key.json",
        "/status/..%2fkey.json",
        "/status/%2e%2e/key.json",
        "/status/.",
        "/status/..",
        "/status/1/did.json",
        "/healthz/did.json",
        "//.well-known/did.json",
        "http://a.example/../key.json",
    ] {
        let answer = host.get(path).await;
        assert_eq!((answer.status(), answer.code().as_str()), ("404", "not_found"), "{path}");
        assert!(!answer.0.contains("SECRET"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    let long = host.get(&format!("/{}/did.json", "a".repeat(400))).await;
    assert_eq!(long.code(), "not_found");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_inside_the_folder_only() {
    use std::os::unix::fs::symlink;
    let host = host(None).await;
    let public = host.folder.path().join("public");
    fs::create_dir(public.join("in")).unwrap();
    symlink(public.join(".well-known/did.json"), public.join("in/did.json")).unwrap();
    symlink(host.folder.path(), public.join("out")).unwrap();
    symlink(host.folder.path().join("key.json"), public.join("status/out")).unwrap();
    symlink("/dev/zero", public.join("status/endless")).unwrap();
    fs::create_dir(public.join("status/folder")).unwrap();
    assert_eq!(host.get("/in/did.json").await.status(), "200");
    for path in ["/out/did.json", "/status/out", "/status/endless", "/status/folder"] {
        assert_eq!(host.get(path).await.code(), "not_found", "{path}");
    }
}

#[tokio::test]
async fn what_does_not_read_as_what_its_place_is_for_is_not_there() {
    let host = host(None).await;
    let public = host.folder.path().join("public");
    write(&public, "keys/secret", KEY);
    for name in [
        "status/acme.key",
        "agents/key/did.json",
        "agents/key/did.jsonl",
        "agents/key/did-witness.json",
        "agents/key/agent-card.json",
        ".well-known/http-message-signatures-directory",
    ] {
        for content in [
            KEY.to_owned(),
            format!("{{\"id\":\"did:web:a.example\",\"keys\":[{KEY}]}}"),
            format!("[{KEY}]"),
            "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n".to_owned(),
            "SECRET correct horse battery".to_owned(),
        ] {
            write(&public, name, &content);
            let answer = host.get(&format!("/{name}")).await;
            assert_eq!((answer.status(), answer.code().as_str()), ("404", "not_found"), "{name} {content}");
            assert!(!answer.0.contains("SECRET"), "{name}");
        }
        // Behind a link inside the folder it is what it is.
        #[cfg(unix)]
        {
            fs::remove_file(public.join(name)).unwrap();
            std::os::unix::fs::symlink(public.join("keys/secret"), public.join(name)).unwrap();
            assert_eq!(host.get(&format!("/{name}")).await.status(), "404", "{name}");
        }
    }
    // A credential that is no list, and a file that a writer has begun or locked.
    write(&public, "status/vc", "eyJhbGciOiJFZERTQSJ9.eyJ0eXBlIjoiRGVsZWdhdGlvbkNyZWRlbnRpYWwifQ.c2ln");
    write(&public, "status/.1.lock", LIST);
    for name in ["status/vc", "status/.1.lock"] {
        assert_eq!(host.get(&format!("/{name}")).await.status(), "404", "{name}");
    }
    assert_eq!(host.get("/status/1").await.status(), "200");
}

#[tokio::test]
async fn a_file_too_large_is_an_error_and_not_a_part_of_it() {
    let host = host(None).await;
    for name in ["status/large", "agents/mail/agent-card.json"] {
        let path = host.folder.path().join("public").join(name);
        fs::File::create(&path).unwrap().set_len(legation_host::router::MAX_BYTES + 1).unwrap();
        let answer = host.get(&format!("/{name}")).await;
        assert_eq!((answer.status(), answer.code().as_str()), ("500", "file_too_large"), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
    }
}

#[tokio::test]
async fn a_known_version_is_not_sent_again_and_a_changed_one_is() {
    let host = host(None).await;
    let tag = host.get("/status/1").await.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let answer = host.ask("GET", "/status/1", &format!("If-None-Match: {known}\r\n")).await;
        assert_eq!((answer.status(), answer.body()), ("304", ""), "{known}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
    }
    let other = host.ask("GET", "/status/1", "If-None-Match: \"x\"\r\n").await;
    assert_eq!((other.status(), other.body()), ("200", LIST));
    write(host.folder.path(), "public/status/1", LIST_WITH_PROOF);
    let changed = host.ask("GET", "/status/1", &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!((changed.status(), changed.body()), ("200", LIST_WITH_PROOF));
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn a_known_card_is_not_sent_again_and_a_date_has_no_say() {
    let (host, path) = (host(None).await, "/.well-known/agent-card.json");
    let tag = host.get(path).await.header("etag").unwrap().to_owned();
    let known = host.ask("GET", path, &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!((known.status(), known.body(), known.header("etag")), ("304", "", Some(tag.as_str())));
    assert_eq!(known.header("cache-control"), Some("public, max-age=300"));
    let late = "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n";
    let dated = host.ask("GET", path, late).await;
    assert_eq!((dated.status(), dated.body()), ("200", CARD), "RFC 9110 §13.1.3 may be left out");
    write(host.folder.path(), "public/.well-known/agent-card.json", "{}");
    let changed = host.ask("GET", path, &format!("If-None-Match: {tag}\r\n{late}")).await;
    assert_eq!((changed.status(), changed.body()), ("200", "{}"));
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let host = host(None).await;
    for (path, length) in
        [("/status/1", LIST.len().to_string().as_str()), ("/.well-known/agent-card.json", "28")]
    {
        let (get, head) = (host.get(path).await, host.ask("HEAD", path, "").await);
        assert_eq!((head.status(), head.body()), ("200", ""), "{path}");
        for name in ["content-type", "etag", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert_eq!(head.header("content-length"), Some(length));
    }
    assert_eq!(host.ask("HEAD", "/key.json", "").await.status(), "404");
}

#[tokio::test]
async fn nothing_but_reading_is_allowed() {
    let host = host(None).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        for path in ["/status/1", "/.well-known/agent-card.json", "/healthz", "/key.json"] {
            let answer = host.ask(method, path, "").await;
            assert_eq!(answer.status(), "405", "{method} {path}");
            assert_eq!(answer.code(), "method_not_allowed");
            assert_eq!(answer.header("allow").map(|allow| allow.contains("GET")), Some(true));
        }
    }
    assert_eq!(fs::read_to_string(host.folder.path().join("public/status/1")).unwrap(), LIST);
}

#[tokio::test]
async fn over_tls_the_same_is_served_to_those_who_trust_the_certificate() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let tls = TlsFiles { certificate: files.path().join("cert.pem"), key: files.path().join("key.pem") };
    fs::write(&tls.certificate, cert.pem()).unwrap();
    fs::write(&tls.key, signing_key.serialize_pem()).unwrap();
    let host = host(Some(tls)).await;

    let speaking = |roots: &[CertificateDer<'static>], protocols: &[&[u8]]| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.iter().cloned());
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
        tokio_rustls::TlsConnector::from(Arc::new(config))
    };
    let connector = |roots: &[CertificateDer<'static>]| speaking(roots, &[]);
    let name = || ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(host.address).await.unwrap();
    let stream = connector(&[cert.der().clone()]).connect(name(), socket).await.unwrap();
    let request = "GET /status/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = Answer(exchange(stream, request).await);
    assert_eq!((answer.status(), answer.body()), ("200", LIST));

    // HTTP/2 where the client speaks it, too.
    for protocols in [[b"h2".as_slice(), b"http/1.1"], [b"http/1.1", b"http/1.0"]] {
        let socket = TcpStream::connect(host.address).await.unwrap();
        let stream = speaking(&[cert.der().clone()], &protocols).connect(name(), socket).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), protocols.first().copied());
        if protocols.contains(&b"h2".as_slice()) {
            let made = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(made.1);
            let request = Request::get("https://localhost/status/1").body(Full::<Bytes>::default()).unwrap();
            let answer = made.0.clone().send_request(request).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), LIST);
        }
    }

    let socket = TcpStream::connect(host.address).await.unwrap();
    assert!(connector(&[]).connect(name(), socket).await.is_err());
}

#[tokio::test]
async fn unusable_tls_files_are_named() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name);
    for name in ["one", "two"] {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(path(&format!("{name}.cert")), cert.pem()).unwrap();
        fs::write(path(&format!("{name}.key")), signing_key.serialize_pem()).unwrap();
    }
    let start = async |certificate: &str, key: &str| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = TlsFiles { certificate: path(certificate), key: path(key) };
        serve(listener, router(path("public")), Some(tls), async {}).await
    };
    assert_eq!(start("one.cert", "one.key").await, Ok(()));
    assert!(matches!(start("none", "one.key").await, Err(ServeError::Certificate { .. })));
    assert!(matches!(start("one.key", "one.key").await, Err(ServeError::Certificate { .. })));
    assert!(matches!(start("one.cert", "none").await, Err(ServeError::Key { .. })));
    assert!(matches!(start("one.cert", "one.cert").await, Err(ServeError::Key { .. })));
    assert!(matches!(start("one.cert", "two.key").await, Err(ServeError::Mismatch { .. })));
}

#[tokio::test]
async fn at_the_end_a_begun_request_is_answered_and_an_idle_client_does_not_hold_it_up() {
    let host = host(None).await;
    let mut begun = TcpStream::connect(host.address).await.unwrap();
    begun.write_all(b"GET /status/1 HTTP/1.1\r\nHost: a.example\r\n").await.unwrap();
    let mut idle = TcpStream::connect(host.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut [0; 1024]).await.unwrap() > 0);

    host.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(TcpStream::connect(host.address).await.is_err(), "new connections are refused");
    // Well before the connections would be cut off anyway.
    let answer = Answer(timeout(Duration::from_secs(3), exchange(begun, "\r\n")).await.unwrap());
    assert_eq!((answer.status(), answer.body()), ("200", LIST));
    timeout(Duration::from_secs(1), host.served).await.unwrap().unwrap().unwrap();
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_hold_up_the_end() {
    let host = host(None).await;
    let mut stuck = TcpStream::connect(host.address).await.unwrap();
    stuck.write_all(b"GET /status/1 HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    host.stop.send(()).unwrap();
    timeout(Duration::from_secs(8), host.served).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_sends_its_headers_too_slowly_is_cut_off() {
    let host = host(None).await;
    let mut slow = TcpStream::connect(host.address).await.unwrap();
    let drip = async {
        loop {
            if slow.write_all(b"G").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(Duration::from_secs(20), drip).await.expect("the connection is closed by the host");
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let host = host(None).await;
    let ask = async |line: &str, hosts: &[&str]| {
        let stream = TcpStream::connect(host.address).await.unwrap();
        let hosts: String = hosts.iter().map(|one| format!("{one}\r\n")).collect();
        Answer(exchange(stream, &format!("GET {line}\r\n{hosts}Connection: close\r\n\r\n")).await)
    };
    let (path, whole) = ("/status/1 HTTP/1.1", "http://a.example/status/1 HTTP/1.1");
    for (line, hosts) in [
        (path, &["Host: a.example"][..]),
        (path, &["Host: a.example:8443"]),
        (path, &["host: [::1]:80"]),
        (whole, &["Host: A.example"]),
        ("/status/1 HTTP/1.0", &[]),
    ] {
        let answer = ask(line, hosts).await;
        assert_eq!((answer.status(), answer.body()), ("200", LIST), "{line} {hosts:?}");
    }
    for (line, hosts) in [
        (path, &["Host: a.example", "Host: b.example"][..]),
        (path, &["Host: a.example", "hOST: a.example"]),
        ("/status/1 HTTP/1.0", &["Host: a.example", "Host: b.example"]),
        ("/no/such/path HTTP/1.1", &["Host: a.example", "Host: b.example"]),
        (path, &[]),
        (path, &["Host:"]),
        (path, &["Host: a.example, b.example"]),
        (path, &["Host: a b"]),
        (path, &["Host: user@a.example"]),
        (path, &["Host: a.example/status/1"]),
        (whole, &["Host: b.example"]),
        (whole, &[]),
    ] {
        let answer = ask(line, hosts).await;
        assert_eq!((answer.status(), answer.code().as_str()), ("400", "host_header"), "{line} {hosts:?}");
    }
}
