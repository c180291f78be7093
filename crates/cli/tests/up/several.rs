//! Several organizations of one folder that are up at once: two by their hosts, and one by a name below the host of another. What is one's does
//! not exist for the others.

use crate::{
    chat,
    common::{Play, free_port},
    running::{Up, json_in, local, raw_at},
};
use legation_keys::base64url;
use legation_tests::{
    postgres,
    upstream::{Plan, Upstream},
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    time::{Duration, Instant},
};

/// One of the organizations, with an agent `bot` that has a key.
#[derive(Clone)]
struct Organization {
    /// As people write it.
    domain: String,
    did: String,
    /// The host that its requests name, and the path below which it is.
    host: String,
    path: &'static str,
    key: String,
    /// The folder of its own files.
    own: &'static str,
}

struct World {
    play: Play,
    up: Up,
    /// At `localhost:PORT`, at `b.example`, at `localhost:PORT/sales`.
    all: [Organization; 3],
    _upstream: Upstream,
}

impl World {
    fn new(database: Option<&str>) -> Self {
        let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
        let (play, port) = (Play::new(), free_port());
        let first = format!("localhost:{port}");
        let more = database.map_or("", |url| {
            play.write("database", url);
            "--database-file database"
        });
        play.json(&format!("init {first} {more}"));
        play.json("init b.example --beside");
        play.json(&format!("init {first}/sales --beside"));
        let target = json!([{"baseUrl": local(&upstream.url()), "model": "gpt-4o"}]);
        let model = json!({
            "group": "standard", "name": "gpt-4o", "targets": target, "maxOutputTokens": 100, "maxInputTokens": 10_000,
            "price": {"currency": "USD", "input": 0, "output": 1},
        });
        play.write("model.json", model.to_string());
        let made = |domain: String, host: String, path, own| {
            let of = format!("--organization {domain}");
            play.json(&format!("model set model.json {of}"));
            let added = play.json(&format!("agent add bot --models standard --budget 5USD/day {of}"));
            let did = added["did"].as_str().unwrap().strip_suffix(":bot").unwrap().to_owned();
            let key = play.json(&format!("api-key create bot {of}"))["secret"].as_str().unwrap().to_owned();
            Organization { domain, did, host, path, key, own }
        };
        let all = [
            made(first.clone(), first.clone(), "", "legation"),
            made("b.example".to_owned(), "b.example".to_owned(), "", "legation/organizations/b.example"),
            made(format!("{first}/sales"), first, "/sales", "legation/organizations/localhost%3A"),
        ];
        let up = Up::again(&play, port, &[], &[]);
        Self { play, up, all, _upstream: upstream }
    }

    fn get(&self, host: &str, path: &str) -> (u16, Value) {
        let (status, body) = raw_at((self.up.port, host), "GET", path, "", "").unwrap();
        (status, json_in(&body))
    }

    /// A model's answer at a host and a path, for whoever shows a key.
    fn call(&self, host: &str, path: &str, key: &str) -> (u16, String) {
        let headers = format!("authorization: Bearer {key}\r\n");
        let path = format!("{path}/v1/chat/completions");
        let (status, body) =
            raw_at((self.up.port, host), "POST", &path, &headers, &chat(1).to_string()).unwrap();
        let json = json_in(&body);
        let code = json["error"]["code"].as_str().or(json["code"].as_str()).unwrap_or_default();
        (status, code.to_owned())
    }

    fn called(&self, one: &Organization) -> (u16, String) {
        self.call(&one.host, one.path, &one.key)
    }

    /// A command at the running host.
    fn ask(&self, command: &str, of: &Organization) -> crate::common::Ran {
        let (admin, domain) = (self.up.admin, &of.domain);
        self.play.run(&format!("{command} --host http://127.0.0.1:{admin} --organization {domain} --json"))
    }
}

fn ok() -> (u16, String) {
    (200, String::new())
}

fn engines() -> Vec<Option<String>> {
    let mut all = vec![None];
    if postgres::is_at_hand() {
        all.push(Some(postgres::shared().unwrap().database("several").unwrap()));
    }
    all
}

#[test]
fn each_is_published_and_called_at_its_own_host_and_path_and_a_key_of_one_is_nobodys_at_another() {
    for database in engines() {
        let world = World::new(database.as_deref());
        let [first, other, sales] = &world.all;
        published(&world);
        for one in &world.all {
            assert_eq!(world.called(one), ok(), "{}", one.did);
            // At an address that is nobody's name it is asked whose the key is.
            assert_eq!(world.call("127.0.0.1:1", one.path, &one.key), ok(), "{}", one.did);
        }
        for (at, key) in
            [(first, other), (first, sales), (other, first), (other, sales), (sales, first), (sales, other)]
        {
            assert_eq!(
                world.call(&at.host, at.path, &key.key),
                (401, "api_key_unknown".to_owned()),
                "{} at {}",
                key.did,
                at.did
            );
        }
        assert_eq!(world.call("127.0.0.1:1", "", "legation_x"), (404, "not_found".to_owned()));
        assert_eq!(world.call("shop.example", "", &first.key), ok(), "no organization is called so");
        // What goes up a path, or names a host twice, is nobody's.
        for path in ["/sales/..", "/sales/%2e%2e", "/sales/../sales", "/x/..;"] {
            assert_eq!(world.call(&first.host, path, &first.key), (404, "not_found".to_owned()), "{path}");
        }
        let twice = format!("host: b.example\r\nauthorization: Bearer {}\r\n", other.key);
        let (status, _) = raw_at((world.up.port, &first.host), "GET", "/v1/models", &twice, "").unwrap();
        assert_eq!(status, 400);
        stopped(&world);
    }
}

fn published(world: &World) {
    let [first, other, sales] = &world.all;
    for one in &world.all {
        let at = |path: &str| world.get(&one.host, &format!("{}{path}", one.path));
        let own = if one.path.is_empty() { "/.well-known/did.json" } else { "/did.json" };
        assert_eq!(at(own).1["id"], one.did.as_str());
        assert_eq!(at("/bot/did.json").1["id"], format!("{}:bot", one.did));
        assert_eq!(at("/teams/default/did.json").1["id"], format!("{}:teams:default", one.did));
        let (status, list) =
            raw_at((world.up.port, &one.host), "GET", &format!("{}/status/1", one.path), "", "").unwrap();
        assert!(status == 200 && list.starts_with("ey"), "{list}");
        let issuer = &at("/.well-known/openid-configuration").1["issuer"];
        assert!(issuer.as_str().unwrap().ends_with(&one.domain), "{issuer}");
    }
    // By RFC 8414 what is well known of a path stands before it.
    for document in ["oauth-authorization-server", "ssf-configuration"] {
        let (status, told) = world.get(&sales.host, &format!("/.well-known/{document}/sales"));
        assert_eq!((status, told["issuer"].as_str().unwrap().ends_with("/sales")), (200, true), "{told}");
    }
    assert_eq!(world.get(&first.host, "/.well-known/did-configuration.json").0, 200);
    assert_eq!(world.get(&sales.host, "/sales/.well-known/did-configuration.json").0, 404);
    for (host, path) in [
        (&*other.host, "/sales/did.json"),
        ("127.0.0.1", "/.well-known/did.json"),
        ("c.example", "/.well-known/did.json"),
        ("b.example.", "/.well-known/did.json"),
    ] {
        assert_ne!(world.get(host, path).0, 200, "{host}{path}");
    }
    assert_eq!(world.get("B.EXAMPLE:443", "/.well-known/did.json").1["id"], "did:web:b.example");
    // Anybody resolves what is on this machine.
    for did in [&first.did, &sales.did, &format!("{}:bot", sales.did)] {
        let resolved = world.play.run(&format!("did resolve {did} --http-on-loopback"));
        assert_eq!(resolved.status, 0, "{resolved:?}");
    }
}

/// What is stopped in one goes on in the others, by the same names.
fn stopped(world: &World) {
    let [first, other, sales] = &world.all;
    let list = |one: &Organization| {
        raw_at((world.up.port, &one.host), "GET", &format!("{}/status/1", one.path), "", "").unwrap().1
    };
    let before = [list(other), list(sales)];
    let links = world.play.json(&format!("delegation list bot --organization {}", first.domain));
    let id = links["delegations"][0]["id"].as_str().unwrap();
    let lost = world.play.run(&format!("delegation revoke {id} --organization b.example --json"));
    assert_eq!(lost.json()["error"], "not_found", "it is another one's: {lost:?}");
    world.play.json(&format!("delegation revoke {id} --organization {}", first.domain));
    assert_ne!(world.called(first).0, 200);
    assert_eq!([list(other), list(sales)], before);
    assert_eq!((world.called(other), world.called(sales)), (ok(), ok()));
    world.play.json("agent suspend bot --organization b.example");
    assert_eq!(world.called(other).1, "link_suspended");
    assert_eq!(world.called(sales), ok());
}

#[test]
fn an_admin_of_one_is_nobody_to_the_others_and_sees_nothing_of_them() {
    let world = World::new(None);
    let [first, other, sales] = &world.all;
    world.play.json("agent add secret --models standard --organization b.example");
    for one in &world.all {
        let list = world.ask("agent list", one);
        assert_eq!(list.status, 0, "{list:?}");
        let many = list.json()["agents"].as_array().unwrap().len();
        assert_eq!(many, if one.domain == "b.example" { 2 } else { 1 }, "{}", one.did);
    }
    let lost = world.ask("agent show secret", first);
    assert_eq!(lost.json()["error"], "not_found");
    // Whose delegation it is, the command sees itself.
    let keys = "--key legation/admin.key --delegation legation/admin.jwt";
    let other_of = world.ask(&format!("agent list {keys}"), other);
    assert!(other_of.status == 2 && other_of.stdout.contains("not of did:web:b.example"), "{other_of:?}");
    // Without a word the delegation says it.
    let host = format!("--host http://127.0.0.1:{}", world.up.admin);
    let listed = world.play.run(&format!("agent list {keys} {host} --json"));
    assert_eq!(listed.json()["agents"].as_array().unwrap().len(), 1, "{listed:?}");
    let unnamed = world.play.run(&format!("agent list {host} --json"));
    assert_eq!(
        (unnamed.status, &unnamed.json()["error"]),
        (2, &json!("organization_unnamed")),
        "{unnamed:?}"
    );

    // Signed by an admin of the one, and shown as if it were meant for another.
    let own = |one: &Organization| {
        if one.path.is_empty() { one.own.to_owned() } else { format!("{}{}:sales", one.own, world.up.port) }
    };
    for (from, to) in [(other, first), (sales, first), (first, other), (first, sales)] {
        let keys = format!("--key {0}/admin.key --delegation {0}/admin.jwt", own(from));
        let (path, head) = captured(&world.play, &format!("agent list {keys}"));
        let send = |host: &str, named: &str| {
            let headers = format!("{head}{named}");
            let (status, body) = raw_at((world.up.admin, host), "GET", &path, &headers, "").unwrap();
            (status, json_in(&body))
        };
        let named = |one: &Organization| format!("legation-organization: {}\r\n", one.did);
        let (status, told) = send("127.0.0.1", &named(to));
        assert!(status == 401 || status == 403, "{} at {}: {status} {told}", from.did, to.did);
        assert!(told["agents"].is_null(), "{told}");
        if to.domain == "b.example" {
            let (status, told) = send("b.example:8081", "");
            assert!(status == 401 || status == 403, "{status} {told}");
        }
        assert_eq!(send("127.0.0.1", "legation-organization: c.example\r\n").0, 404);
        assert_eq!(send("127.0.0.1", &format!("{}{}", named(from), named(to))).0, 404, "two are named");
        let (status, told) = send("127.0.0.1", "");
        assert_eq!((status, told["agents"].is_array()), (200, true), "{told}");
    }
    // What nobody signs says which one is meant.
    let get = |named: &str| raw_at((world.up.admin, "127.0.0.1"), "GET", "/openapi.json", named, "").unwrap();
    assert_eq!(json_in(&get("").1)["code"], "organization_unnamed");
    assert!(get("legation-organization: b.example\r\n").1.contains("https://b.example"));
    seen(&world);
}

/// What whoever runs it sees: counts by organization, a console for each code, all of it looked at.
fn seen(world: &World) {
    let [first, other, _] = &world.all;
    assert_eq!(world.called(other), ok());
    let metrics = raw_at((world.up.admin, "127.0.0.1"), "GET", "/metrics", "", "").unwrap().1;
    let counted = "legation_gateway_requests_total{organization=\"b.example\",outcome=\"permit\"}";
    assert!(metrics.contains(counted), "{metrics}");
    assert_eq!(raw_at((world.up.admin, "x"), "GET", "/readyz", "", "").unwrap().0, 200);
    let typed = |one: &Organization| {
        let code = world.play.json(&format!("console --organization {}", one.domain))["code"]
            .as_str()
            .unwrap()
            .to_owned();
        let headers = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
        let signed = answer(world.up.admin, "POST /console/sign-in", headers, &format!("code={code}"));
        let cookie = signed.split("set-cookie: ").nth(1).unwrap_or_else(|| panic!("{signed}"));
        cookie.split(';').next().unwrap().to_owned()
    };
    for (one, there) in [(first, false), (other, true)] {
        let cookie = format!("cookie: {}\r\n", typed(one));
        let page = answer(world.up.admin, "GET /console/agents", &cookie, "");
        assert_eq!((page.contains("agents/bot"), page.contains("agents/secret")), (true, there), "{page}");
    }
    let doctor = world.play.run("doctor");
    assert_eq!(doctor.status, 0, "{doctor:?}");
    for one in &world.all {
        assert!(doctor.stdout.contains(&format!("{}: {}\n", one.domain, one.did)), "{doctor:?}");
    }
}

/// All that comes back, head and body.
fn answer(port: u16, line: &str, headers: &str, body: &str) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// What a command sends to a host: the target, and the headers that sign it.
fn captured(play: &Play, command: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("--host http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    std::thread::scope(|scope| {
        let head = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut head, mut piece) = (Vec::new(), [0; 4096]);
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let length = stream.read(&mut piece).unwrap();
                head.extend_from_slice(&piece[..length]);
            }
            String::from_utf8(head).unwrap()
        });
        let _ = play.run(&format!("{command} {host}"));
        let head = head.join().unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let signs = |line: &&str| {
            ["agent-delegation:", "signature:", "signature-input:", "content-digest:"]
                .iter()
                .any(|name| line.to_ascii_lowercase().starts_with(name))
        };
        let lines: String = head.lines().filter(signs).map(|line| format!("{line}\r\n")).collect();
        assert!(lines.contains("ignature-input"), "{head}");
        (path, lines)
    })
}

#[test]
fn a_token_is_of_the_organization_whose_agent_asks_and_is_asked_for_nowhere_else() {
    let world = World::new(None);
    let [first, other, sales] = &world.all;
    world.play.key("crm.key");
    let may = "--action crm:read --action token:issue --resource https://api.example/ --resource https://api.example/*";
    for (one, name) in [(first, "first"), (other, "other"), (sales, "sales")] {
        let of = format!("--organization {}", one.domain);
        world.play.json(&format!("team add crm {may} {of}"));
        world.play.json(&format!("agent add crm --team crm --own-key crm.key {may} {of}"));
        world.play.json(&format!("agent file crm --own-key crm.key --out {name}.agent {of}"));
    }
    let token = |file: &str| {
        let gateway = format!("http://localhost:{}", world.up.port);
        world
            .play
            .run(&format!("token get --key {file}.agent --gateway {gateway} --audience https://api.example"))
    };
    let (of_first, of_other, of_sales) = (token("first"), token("other"), token("sales"));
    assert_eq!((of_first.status, of_sales.status), (0, 0), "{of_first:?} {of_sales:?}");
    assert!(of_other.status == 1 && of_other.stdout.is_empty(), "it is at the host of another: {of_other:?}");
    for (token, one) in [(&of_first, first), (&of_sales, sales)] {
        let claims = token.stdout.trim().split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&base64url::decode(claims).unwrap()).unwrap();
        assert_eq!(claims["iss"], format!("http://{}", one.domain));
        assert_eq!(claims["sub"], one.did);
    }
    let keys: Vec<String> = world
        .all
        .iter()
        .map(|one| world.get(&one.host, &format!("{}/.well-known/jwks.json", one.path)).1.to_string())
        .collect();
    assert!(keys[0].contains("kid") && keys[2].contains("kid"), "{keys:?}");
    assert!(keys[0] != keys[2], "no key is of two: {keys:?}");
}

#[test]
fn each_has_its_receipts_and_its_log_for_itself() {
    let world = World::new(None);
    for one in &world.all {
        assert_eq!(world.called(one), ok());
    }
    assert_eq!(world.called(&world.all[1]), ok());
    let begin = Instant::now();
    for one in &world.all {
        let of = format!("--organization {}", one.domain);
        let receipts = world.play.json(&format!("receipt list {of}"))["receipts"].clone();
        let permits = receipts.as_array().unwrap().iter().filter(|one| one["decision"] == "permit").count();
        assert_eq!(permits, if one.domain == "b.example" { 2 } else { 1 }, "{receipts}");
        let verified = loop {
            let verified = world.play.run(&format!("log verify {of} --json"));
            if verified.status == 0 && verified.json()["kinds"]["receipt"].as_u64() >= Some(1) {
                break verified.json();
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{verified:?}");
            std::thread::sleep(Duration::from_millis(100));
        };
        let log = verified["log"].as_str().unwrap();
        let name = log.strip_prefix(&format!("{}/log/", one.domain)).unwrap_or_else(|| panic!("{log}"));
        let path = format!("{}/log/{name}/checkpoint", one.path);
        let (status, checkpoint) = raw_at((world.up.port, &one.host), "GET", &path, "", "").unwrap();
        assert_eq!((status, checkpoint.lines().next()), (200, Some(log)));
    }
    let unnamed = world.play.run("log verify --json");
    assert_eq!(unnamed.json()["error"], "organization_unnamed", "{unnamed:?}");
}

#[test]
fn the_first_admin_of_each_is_made_by_its_own_code_and_who_serves_one_says_what_is_left_out() {
    let (play, port) = (Play::new(), free_port());
    play.json("init a.example --no-admin");
    play.json("init b.example --beside --no-admin");
    let up = Up::again(&play, port, &[], &[]);
    let told = || play.read(&format!("up-{port}.err"));
    let begin = Instant::now();
    while !told().contains("--organization b.example") {
        assert!(begin.elapsed() < Duration::from_secs(30), "{}", told());
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = told();
    assert!(told.contains("did:web:a.example, did:web:b.example are up, each at its own host"), "{told}");
    let code = |of: &str| {
        let line = told.lines().find(|line| line.contains("admin claim") && line.ends_with(of)).unwrap();
        line.split("admin claim ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    };
    let claim = |code: &str, of: &str| {
        let host = format!("--host http://127.0.0.1:{}", up.admin);
        play.run(&format!("admin claim {code} {host} --data-dir of-{of} --organization {of} --json"))
    };
    let wrong = claim(&code("b.example"), "a.example");
    assert_eq!((wrong.status, &wrong.json()["error"]), (1, &json!("claim_refused")), "{wrong:?}");
    let made = claim(&code("b.example"), "b.example");
    assert_eq!(made.json()["organization"], "did:web:b.example", "{made:?}");
    let unnamed =
        play.run(&format!("admin claim X --host http://127.0.0.1:{} --data-dir c --json", up.admin));
    assert_eq!(unnamed.json()["error"], "organization_unnamed", "{unnamed:?}");
    drop(up);

    let up = Up::again(&play, port, &["--organization", "b.example"], &[]);
    assert_eq!(up.get("/.well-known/did.json").1["id"], "did:web:b.example");
    let begin = Instant::now();
    while !play.read(&format!("up-{port}.err")).contains("not served here: a.example") {
        assert!(begin.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(up);
    let asked = ["--authz-listen", "127.0.0.1:0", "--authz-origin", "https://shop.example"];
    let refused = Up::try_by(&play, port, &[], &asked, &[]).err().unwrap();
    assert!(refused.contains("--organization"), "{refused}");
}

#[test]
fn one_that_can_not_be_served_is_left_out_and_keeps_the_others_from_nothing() {
    let world = World::new(None);
    let World { play, mut up, all, _upstream } = world;
    let [acme, other, _] = &all;
    up.end();
    // Where its log is to be, something else stands.
    let logs = play.path(other.own).join("log");
    std::fs::remove_dir_all(&logs).unwrap();
    std::fs::write(&logs, "no folder").unwrap();
    let up = Up::again(&play, up.port, &[], &[]);
    let said = play.read(&format!("up-{}.err", up.port));
    assert!(said.contains("did:web:b.example is not served: "), "{said}");
    assert!(!said.contains("leave --organization out"), "{said}");
    let world = World { play, up, all: all.clone(), _upstream };
    assert_eq!(world.called(acme), ok());
    assert_eq!(world.called(&world.all[2]), ok());
    assert_ne!(world.call(&other.host, "", &other.key).0, 200);
}
