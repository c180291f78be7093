//! Envoy and nginx as they are, by the configurations of `examples/proxies`, in front of a service: each request is decided by a
//! running gateway that they ask.

use super::{root, running::Up};
use crate::common::{Play, free_port};
use http::HeaderMap;
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keystore::load_agent;
use legation_tests::upstream::{Plan, Upstream};
use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const ORIGIN: &str = "https://shop.example";

/// A proxy that runs, ended when the test is.
struct Proxy {
    child: Child,
    port: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    fn start(command: &mut Command, port: u16, log: &Path) -> Self {
        let file = std::fs::File::create(log).unwrap();
        let mut child =
            command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || std::fs::read_to_string(log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "{}", said());
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not come up: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, port }
    }

    /// What it answers to a request with these headers: its status and all of it.
    fn ask(&self, (method, path): (&str, &str), headers: &str, body: &[u8]) -> (u16, String) {
        let length = match body {
            [] if method == "GET" => String::new(),
            _ => format!("content-length: {}\r\n", body.len()),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n{headers}{length}\r\n"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        // A proxy that answers before it has read all of a body may reset the connection behind its answer.
        assert!(end.is_ok() || !answer.is_empty(), "{end:?}");
        let text = String::from_utf8_lossy(&answer).into_owned();
        (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
    }

    /// Whether it passes nothing, and says why.
    fn denies(&self, asked: (&str, &str), (headers, body): (&str, &[u8]), (status, code): (u16, &str)) {
        let (found, text) = self.ask(asked, headers, body);
        assert!(found == status && text.contains(code), "{asked:?} {status} {code}: {text}");
    }
}

/// What stands in a configuration of the examples, at ports of this test.
fn config(play: &Play, name: &str, shop: &Shop, changes: &[(&str, &str)]) -> (PathBuf, u16) {
    let port = free_port();
    let mut text = std::fs::read_to_string(root("examples/proxies").join(name)).unwrap();
    for (from, to) in [("8443", port), ("8322", shop.upstream_port), ("8082", shop.asked)] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to.to_string());
    }
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let name = format!("{port}-{name}");
    play.write(&name, text);
    (play.path(&name), port)
}

fn envoy(play: &Play, name: &str, shop: &Shop, changes: &[(&str, &str)]) -> Proxy {
    let program = root("target/sdks/envoy/envoy/_bin/envoy");
    assert!(program.exists(), "Envoy is missing: run tests/sdks/install");
    let (file, port) = config(play, name, shop, changes);
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).args([
        "--concurrency",
        "1",
        "--log-level",
        "warning",
        "--use-dynamic-base-id",
    ]);
    Proxy::start(&mut command, port, &play.path(&format!("envoy-{port}.log")))
}

fn nginx(play: &Play, shop: &Shop) -> Proxy {
    let (file, port) = config(play, "nginx.conf", shop, &[]);
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(play.folder.path()).arg("-c").arg(&file);
    command.args(["-e", "stderr", "-g", "daemon off; master_process off;"]);
    Proxy::start(&mut command, port, &play.path(&format!("nginx-{port}.log")))
}

/// An organization with agents, and a service that others stand in front of.
struct Shop {
    up: Up,
    upstream: Upstream,
    upstream_port: u16,
    /// Where proxies ask.
    asked: u16,
}

const GRANTS: &str = "--action http:GET --action http:POST --resource https://shop.example/rooms/*";

impl Shop {
    fn new(play: &Play) -> Self {
        let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
        let upstream_port = upstream.origin().rsplit_once(':').unwrap().1.parse().unwrap();
        let asked = free_port();
        let at = format!("127.0.0.1:{asked}");
        let up = Up::dev(play, &["--authz-listen", &at, "--authz-origin", ORIGIN], &[]);
        play.json("team add travel --action http:* --resource https://shop.example/*");
        Self { up, upstream, upstream_port, asked }
    }

    /// What showing the key of a new agent looks like.
    fn key(&self, play: &Play, name: &str, grants: &str) -> String {
        play.json(&format!("agent add {name} --team travel {grants}"));
        let key = play.json(&format!("api-key create {name}"))["secret"].as_str().unwrap().to_owned();
        format!("authorization: Bearer {key}\r\n")
    }

    /// A header of the last request that reached the service.
    fn saw(&self, name: &str) -> Option<String> {
        self.upstream.requests().last().unwrap().header(name).map(str::to_owned)
    }
}

/// The headers of a request that a new agent signs with its own key.
struct Signer {
    agent: legation_keystore::AgentFile,
}

impl Signer {
    fn new(play: &Play, name: &str) -> Self {
        play.key(&format!("{name}.key"));
        play.json(&format!("agent add {name} --team travel --own-key {name}.key {GRANTS}"));
        play.json(&format!("agent file {name} --own-key {name}.key --out {name}.agent"));
        Self { agent: load_agent(&play.path(&format!("{name}.agent")), None).unwrap() }
    }

    fn headers(&self, (method, path): (&str, &str), body: &[u8], nonce: &str) -> String {
        let links: Vec<&str> = self.agent.chain.as_ref().unwrap().split('~').collect();
        let mut headers = HeaderMap::new();
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap();
        let occasion = Signing { created: now, expires: now + 60, nonce, agent: None };
        let target_uri = format!("{ORIGIN}{path}");
        let message = Message { method, target_uri: &target_uri, headers: &headers, body };
        sign(&message, occasion, &self.agent.key).unwrap().apply(&mut headers);
        let mut text = String::new();
        for (name, value) in &headers {
            write!(text, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        text
    }
}

const FORGED: &str = "legation-agent: did:web:root.example\r\nlegation-principal: did:web:root.example\r\nlegation-identity: forged\r\ncookie: a=b\r\n";

/// What holds for every proxy: who calls is told, nothing that was shown or forged reaches the service.
fn tells_who_calls(shop: &Shop, proxy: &Proxy, key: &str) {
    let (status, text) = proxy.ask(("GET", "/rooms/1?night=2"), &format!("{key}{FORGED}"), b"");
    assert_eq!(status, 200, "{text}");
    assert_eq!(shop.upstream.requests().last().unwrap().path, "/rooms/1?night=2");
    assert!(shop.saw("legation-agent").unwrap().ends_with(":mail"), "{:?}", shop.saw("legation-agent"));
    assert!(shop.saw("legation-principal").unwrap().starts_with("did:web:localhost"));
    assert_eq!(shop.saw("legation-receipt").unwrap().len(), 43);
    let seen = shop.upstream.requests();
    let all = &seen.last().unwrap().headers;
    assert!(!all.iter().any(|(_, value)| value.contains("root.example")), "{all:?}");
    for name in ["authorization", "cookie", "legation-identity"] {
        assert_eq!(shop.saw(name), None, "{name}");
    }
}

/// What reaches the service by no proxy.
fn stops(shop: &Shop, proxy: &Proxy, key: &str) {
    let before = shop.upstream.count();
    for path in [
        "/rooms/../admin",
        "/rooms/%2e%2e/admin",
        "/rooms/a%2fb",
        "/rooms//1",
        "/rooms/..;/admin",
        "/rooms/%41",
    ] {
        let (status, text) = proxy.ask(("GET", path), key, b"");
        assert!((400..=403).contains(&status), "{path}: {text}");
    }
    for headers in ["", "authorization: Bearer legation_nobody\r\n"] {
        assert_eq!(proxy.ask(("GET", "/rooms/1"), headers, b"").0, 401, "{headers}");
    }
    // Some proxies refuse it themselves.
    let twice = format!("{key}{key}");
    assert!([400, 401].contains(&proxy.ask(("GET", "/rooms/1"), &twice, b"").0));
    proxy.denies(("DELETE", "/rooms/1"), (key, b""), (403, "not_granted"));
    let other = format!("{key}x-http-method-override: DELETE\r\n");
    let (status, text) = proxy.ask(("POST", "/rooms/1"), &other, b"");
    assert!((400..=403).contains(&status), "{text}");
    assert_eq!(shop.upstream.count(), before, "nothing of it reached the service");
}

/// A gateway that can't record, and one that is gone.
fn fails_closed(shop: &mut Shop, proxies: &[&Proxy], key: &str) {
    let limit = |most: &str| {
        let id = shop.up.id().to_string();
        let limit = format!("--fsize={most}:unlimited");
        Command::new("prlimit").args(["--pid", &id, &limit]).status().is_ok_and(|status| status.success())
    };
    let before = shop.upstream.count();
    assert!(limit("1"));
    for proxy in proxies {
        let (status, text) = proxy.ask(("GET", "/rooms/1"), key, b"");
        assert!(status >= 500, "{text}");
    }
    assert!(limit("unlimited"));
    shop.up.kill();
    for proxy in proxies {
        let (status, text) = proxy.ask(("GET", "/rooms/1"), key, b"");
        assert!(status >= 500, "{text}");
    }
    assert_eq!(shop.upstream.count(), before);
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn envoy_and_nginx_as_they_are_pass_what_the_gateway_decides_and_tell_the_service_who_calls() {
    let play = Play::new();
    let mut shop = Shop::new(&play);
    let key = shop.key(&play, "mail", GRANTS);
    let own = Signer::new(&play, "own");
    let grpc = envoy(&play, "envoy.yaml", &shop, &[]);
    let http = envoy(&play, "envoy-http.yaml", &shop, &[]);
    let nginx = nginx(&play, &shop);
    for proxy in [&grpc, &http, &nginx] {
        tells_who_calls(&shop, proxy, &key);
        stops(&shop, proxy, &key);
    }
    let role = format!("{key}legation-role: admin\r\n");
    assert_eq!(grpc.ask(("GET", "/rooms/1"), &role, b"").0, 200);
    assert_eq!(shop.saw("legation-role"), None);
    assert_eq!(nginx.ask(("GET", "/rooms/1"), &role, b"").0, 403);
    // What was used up by one way is used up for all.
    let rate = r#"{"type":"rate","seconds":3600,"max":3}"#;
    let few = shop.key(&play, "few", &format!("{GRANTS} --constraint {rate}"));
    for proxy in [&grpc, &http, &nginx] {
        assert_eq!(proxy.ask(("GET", "/rooms/1"), &few, b"").0, 200);
    }
    grpc.denies(("GET", "/rooms/1"), (&few, b""), (429, "rate_exceeded"));
    http.denies(("GET", "/rooms/1"), (&few, b""), (429, "rate_exceeded"));
    nginx.denies(("GET", "/rooms/1"), (&few, b""), (403, "rate_exceeded"));
    signed_requests(&shop, &own, (&grpc, &http, &nginx));
    fails_closed(&mut shop, &[&grpc, &http, &nginx], &key);
}

fn signed_requests(shop: &Shop, own: &Signer, (grpc, http, nginx): (&Proxy, &Proxy, &Proxy)) {
    let post = ("POST", "/rooms/1?night=2");
    let body: &[u8] = b"{\"beds\":2}\xff\x00";
    for (proxy, nonce) in [(grpc, "n-1"), (http, "n-2")] {
        let headers = own.headers(post, body, nonce);
        let (status, text) = proxy.ask(post, &headers, body);
        assert_eq!(status, 200, "{text}");
        assert_eq!(shop.upstream.requests().last().unwrap().body, body);
        for name in ["agent-delegation", "signature", "signature-input"] {
            assert_eq!(shop.saw(name), None, "{name}");
        }
        proxy.denies(post, (&headers, body), (401, "nonce_replayed"));
        let other = own.headers(post, body, &format!("{nonce} other"));
        proxy.denies(post, (&other, b"{\"beds\":9}\xff\x00"), (401, "request_binding_mismatch"));
        proxy.denies(("POST", "/rooms/2"), (&other, body), (401, "signature_invalid"));
        // Two signatures under one label.
        let twice = format!("{other}signature-input: legation=()\r\n");
        assert!([400, 401].contains(&proxy.ask(post, &twice, body).0));
    }
    let get = ("GET", "/rooms/1");
    for (proxy, nonce) in [(grpc, "g-1"), (http, "g-2"), (nginx, "g-3")] {
        assert_eq!(proxy.ask(get, &own.headers(get, b"", nonce), b"").0, 200, "{nonce}");
    }
    nginx.denies(post, (&own.headers(post, body, "n-9"), body), (403, "body_unseen"));
}

#[test]
#[ignore = "beside those that need it"]
fn nobody_asks_over_a_network_or_for_what_is_no_origin() {
    let play = Play::new();
    for wrong in [
        "--authz-listen 0.0.0.0:0 --authz-origin https://shop.example",
        "--authz-listen 127.0.0.1:0 --authz-origin https://shop.example/api",
        "--authz-listen 127.0.0.1:0",
        "--authz-origin https://shop.example",
    ] {
        let ran = play.run(&format!("up --dev --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 {wrong}"));
        assert!(ran.status == 2 && ran.stderr.contains("--authz-"), "{wrong}: {ran:?}");
    }
    assert!(!play.path("legation").exists(), "nothing was made");
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn envoy_that_joins_headers_or_hands_on_a_part_of_a_body_is_refused_and_told() {
    let play = Play::new();
    let shop = Shop::new(&play);
    let key = shop.key(&play, "mail", GRANTS);
    let own = Signer::new(&play, "own");
    let (post, body): (_, &[u8]) = (("POST", "/rooms/1"), b"{\"beds\":2}");
    let joined =
        envoy(&play, "envoy.yaml", &shop, &[("encode_raw_headers: true", "encode_raw_headers: false")]);
    joined.denies(post, (&own.headers(post, body, "n-1"), body), (500, "encode_raw_headers"));
    joined.denies(("GET", "/rooms/1"), (&key, b""), (500, "raw_headers_missing"));
    let text = envoy(&play, "envoy.yaml", &shop, &[("pack_as_bytes: true", "pack_as_bytes: false")]);
    text.denies(post, (&own.headers(post, body, "n-2"), body), (500, "pack_as_bytes"));
    let part = [(
        "max_request_bytes: 4000000, allow_partial_message: false",
        "max_request_bytes: 4, allow_partial_message: true",
    )];
    for name in ["envoy.yaml", "envoy-http.yaml"] {
        let partial = envoy(&play, name, &shop, &part);
        let forged = format!("{}x-envoy-auth-partial-body: false\r\n", own.headers(post, body, name));
        partial.denies(post, (&forged, body), (413, "body_partial"));
    }
    let none = [(
        "with_request_body: { max_request_bytes: 4000000, allow_partial_message: false, pack_as_bytes: true }",
        "",
    )];
    for name in ["envoy.yaml", "envoy-http.yaml"] {
        let blind = envoy(&play, name, &shop, &none);
        let forged = format!("{}x-envoy-auth-partial-body: false\r\n", own.headers(post, b"", name));
        let (status, text) = blind.ask(post, &forged, body);
        assert!((400..500).contains(&status), "{name}: {text}");
    }
    assert_eq!(shop.upstream.count(), 0);
}
