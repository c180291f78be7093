//! Each example runs, for real: as a process, and the service over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests may panic as tests do"
)]

use legation::{
    Algorithm, Authority, Did, Occasion, SecretKey, Signer, Terms,
    agent::{Agent, Identity},
    credential::status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
    did::{key, method_id, web},
    host, issue,
    keys::{base64url, jws},
    keystore::{self, Overwrite, Protection},
    present,
    resolver::{Call, Fetcher, Options, call::Method},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout},
    time::timeout,
};

const SHOP: &str = "did:web:shop.example";

fn run(program: &str, args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(program).args(args).output().unwrap();
    let text = format!("{}{}", String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    (status.code(), text)
}

#[test]
fn issue_and_attenuate_refuses_what_would_be_more() {
    let (code, text) = run(env!("CARGO_BIN_EXE_issue_and_attenuate"), &[]);
    assert_eq!(code, Some(0), "{text}");
    for wanted in ["payments.refund", "\"perAction\": 1000", "\"channel\"", "\"seconds\": 2592000"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    for code in ["action_widened", "resource_widened", "constraint_widened"] {
        assert!(text.contains(&format!("refused: {code}")), "{code}: {text}");
    }
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../did-documents").join(name)
}

#[test]
fn offline_audit_holds_for_the_samples_and_not_for_others() {
    let audit = env!("CARGO_BIN_EXE_offline_audit");
    let (code, text) = run(audit, &[]);
    assert_eq!((code, text.matches('✓').count()), (Some(0), 4), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let names = ["receipt.jwt", "shop.example.did.json", "presentation.jwt", "evidence.json", "trust.json"];
    let paths = names.map(|name| {
        fs::copy(sample(name), folder.path().join(name)).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    });
    let args = paths.each_ref().map(String::as_str);
    assert_eq!(run(audit, &args).0, Some(0));
    // Under another ceiling the same presentation would have been denied.
    let trust = fs::read_to_string(sample("trust.json")).unwrap();
    fs::write(&paths[4], trust.replace("100000", "20")).unwrap();
    let (code, text) = run(audit, &args);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("constraint_widened"), "{text}");
    // Somebody else's key did not sign it.
    fs::copy(sample("acme.example.did.json"), &paths[1]).unwrap();
    let (code, text) = run(audit, &args);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("can't sign it"), "{text}");
}

/// A company whose DID document and status list are served on this machine.
struct Company {
    did: Did,
    key: SecretKey,
    list: String,
    folder: TempDir,
}

async fn company() -> Company {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = web::did(&format!("localhost:{port}")).unwrap();
    let list = format!("http://localhost:{port}/status/1");
    let folder = tempfile::tempdir().unwrap();
    let document = web::document(&did, std::slice::from_ref(key.public_key())).to_json();
    let credential = StatusListCredential {
        id: Some(list.clone()),
        issuer: did.clone(),
        valid_from: now(),
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(0),
    };
    let payload = credential.to_json().to_string();
    let signed = jws::sign("vc+jwt", &method_id(&did, key.public_key()), payload.as_bytes(), &key).unwrap();
    for (name, text) in [(".well-known/did.json", document.to_string()), ("status/1", signed)] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    }
    let router = host::router(folder.path().to_owned());
    tokio::spawn(async { host::serve(listener, router, None, std::future::pending()).await.unwrap() });
    Company { did, key, list, folder }
}

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

impl Company {
    /// Rooms of at most 200 EUR for this agent.
    fn delegate(&self, agent: &Did) -> String {
        let authority = r#"{
            "grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/rooms"]}],
            "constraints": [{"type": "spend", "currency": "EUR", "perAction": 20000}]
        }"#;
        let terms = Terms {
            id: None,
            subject: agent.clone(),
            valid_from: now(),
            valid_until: now() + 3600,
            max_depth: 0,
            account: None,
            authority: Authority::parse(authority).unwrap(),
            status: vec![StatusEntry {
                purpose: StatusPurpose::Revocation,
                list: self.list.clone(),
                index: 5,
            }],
        };
        issue(terms, &self.did, &method_id(&self.did, self.key.public_key()), &self.key).unwrap()
    }

    fn trust(&self) -> Value {
        json!({"audience": SHOP, "roots": [{"did": self.did.as_str(), "ceiling": {
            "grants": [{"actions": ["a2a:skill:*"], "resources": ["https://shop.example/*"]}],
        }}]})
    }

    /// The evidence that a receipt names, from what is still served.
    fn evidence(&self, receipt: &Value) -> Value {
        let fetched = |id: &str| {
            let used = receipt["evidence"].as_array().unwrap().iter();
            used.filter(|used| used["id"] == id).map(|used| used["fetchedAt"].clone()).next().unwrap()
        };
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap();
        let did = self.did.as_str();
        json!({
            "didDocuments": [{"did": did, "fetchedAt": fetched(did), "document": read(".well-known/did.json")}],
            "statusLists": [{"url": self.list, "fetchedAt": fetched(&self.list), "credential": read("status/1")}],
        })
    }
}

/// The running service; it ends with this value.
struct Service {
    address: String,
    signer: String,
    log: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

async fn service(trust: &Path) -> Service {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_embed_verifier"))
        .args([trust.as_os_str(), "127.0.0.1:0".as_ref()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut service = Service { address: String::new(), signer: String::new(), log, _child: child };
    service.address = service.line().await.strip_prefix("listening on ").unwrap().to_owned();
    service.signer = service.line().await.strip_prefix("did.json ").unwrap().to_owned();
    service
}

impl Service {
    async fn line(&mut self) -> String {
        timeout(Duration::from_secs(20), self.log.next_line()).await.unwrap().unwrap().unwrap()
    }

    async fn challenge(&self) -> String {
        reqwest::get(format!("{}/challenge", self.address)).await.unwrap().text().await.unwrap()
    }

    /// Books, and gives the status, the answer and the receipt as it was logged.
    async fn book(&mut self, presented: &str, facts: &str) -> (u16, String, String) {
        let request = reqwest::Client::new().post(format!("{}/rooms", self.address));
        let request = request.header("authorization", format!("Legation {presented}")).body(facts.to_owned());
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, text, self.line().await)
    }

    async fn denied(&mut self, presented: &str, facts: &str) -> (u16, String) {
        let (status, text, receipt) = self.book(presented, facts).await;
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&problem["status"], &problem["type"]), (&json!(status), &json!("about:blank")));
        assert_eq!(claims(&receipt)["code"], problem["code"], "the receipt says the same");
        (status, problem["code"].as_str().unwrap().to_owned())
    }
}

fn claims(secured: &str) -> Value {
    serde_json::from_slice(&base64url::decode(jws::split(secured).unwrap().payload).unwrap()).unwrap()
}

fn answer(link: &str, agent: &SecretKey, nonce: &str) -> String {
    let holder = key::did(agent.public_key());
    let occasion =
        Occasion { audience: SHOP, nonce, issued_at: now(), expires_at: now() + 60, transcript: None };
    present(&[link], &holder, occasion, &key::method_id(&holder), agent).unwrap()
}

#[tokio::test]
async fn embed_verifier_permits_denies_and_permits_nothing_twice() {
    let company = company().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("trust.json"), company.trust().to_string()).unwrap();
    let mut service = service(&file("trust.json")).await;
    let agent = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let link = company.delegate(&key::did(agent.public_key()));
    let (cheap, dear) =
        (r#"{"amount": 18000, "currency": "EUR"}"#, r#"{"amount": 30000, "currency": "EUR"}"#);

    let presented = answer(&link, &agent, &service.challenge().await);
    let (status, text, receipt) = service.book(&presented, cheap).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(company.did.as_str()), "{text}");
    assert_eq!(service.denied(&presented, cheap).await, (403, "nonce_replayed".to_owned()));

    let again = answer(&link, &agent, &service.challenge().await);
    assert_eq!(service.denied(&again, dear).await, (403, "constraint_violated".to_owned()));
    assert_eq!(service.denied(&again, "[1").await, (400, "malformed".to_owned()));
    assert_eq!(
        service.denied(&answer(&link, &agent, "mine"), cheap).await,
        (401, "nonce_mismatch".to_owned())
    );
    let stolen = answer(&link, &SecretKey::generate(Algorithm::EdDsa).unwrap(), &service.challenge().await);
    assert_eq!(service.denied(&stolen, cheap).await, (401, "holder_mismatch".to_owned()));
    assert_eq!(service.denied("", cheap).await, (401, "malformed".to_owned()));

    // What the service logged, somebody else checks without it.
    fs::write(file("signer.did.json"), &service.signer).unwrap();
    drop(service);
    fs::write(file("receipt.jwt"), &receipt).unwrap();
    fs::write(file("presentation.jwt"), &presented).unwrap();
    fs::write(file("evidence.json"), company.evidence(&claims(&receipt)).to_string()).unwrap();
    let paths = ["receipt.jwt", "signer.did.json", "presentation.jwt", "evidence.json", "trust.json"]
        .map(|name| file(name).to_str().unwrap().to_owned());
    let (code, text) = run(env!("CARGO_BIN_EXE_offline_audit"), &paths.each_ref().map(String::as_str));
    assert_eq!(code, Some(0), "{text}");
}

/// A key in a file, and the did:key of it.
fn key_file(path: &Path) -> (SecretKey, Did) {
    let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
    keystore::save(path, &secret, Protection::InsecurePlaintext, Overwrite::Refuse).unwrap();
    let did = key::did(secret.public_key());
    (secret, did)
}

/// The domain at which the running example lets agents of a root in.
async fn handshaken_service(folder: &Path, root: &Did) -> (String, Child) {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_handshaken_service"))
        .args([folder.join("site"), folder.join("service.key")])
        .args([root.as_str(), "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(Duration::from_secs(20), log.next_line()).await.unwrap().unwrap().unwrap();
    let (domain, did) = line.split_once(" is ").unwrap();
    assert_eq!(did, web::did(domain).unwrap().as_str());
    // It goes on printing, which somebody must read.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    (domain.to_owned(), child)
}

/// One link that lets an agent book at a domain for an hour.
fn may_book(root: &SecretKey, agent: &Did, domain: &str) -> String {
    let authority = format!(
        r#"{{"grants": [{{"actions": ["a2a:skill:book"], "resources": ["http://{domain}/rooms"]}}]}}"#
    );
    let (from, until) = (now() - 60, now() + 3600);
    let authority = Authority::parse(&authority).unwrap();
    let terms = Terms {
        id: None,
        subject: agent.clone(),
        valid_from: from,
        valid_until: until,
        max_depth: 0,
        account: None,
        authority,
        status: vec![],
    };
    let issuer = key::did(root.public_key());
    issue(terms, &issuer, &key::method_id(&issuer), root).unwrap()
}

/// What stands behind a word at the beginning of a line.
fn after<'t>(text: &'t str, word: &str) -> &'t str {
    let found = text.lines().find_map(|line| line.strip_prefix(word));
    found.unwrap_or_else(|| panic!("no line begins with `{word}`: {text}")).trim()
}

#[tokio::test]
async fn calling_agent_meets_handshaken_service_and_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    key_file(&file("service.key"));
    let (root, acme) = key_file(&file("root.key"));
    let (_, alice) = key_file(&file("alice.key"));
    let (mallory, _) = key_file(&file("mallory.key"));
    let (domain, _child) = handshaken_service(folder.path(), &acme).await;
    let link = may_book(&root, &alice, &domain);
    fs::write(file("chain"), &link).unwrap();
    let call = |key: &str, chain: &str, paths: &[&str]| {
        let (key, chain) = (file(key), file(chain));
        let mut args = vec![domain.as_str(), key.to_str().unwrap(), chain.to_str().unwrap()];
        args.extend(paths);
        run(env!("CARGO_BIN_EXE_calling_agent"), &args)
    };

    let (code, text) = call("alice.key", "chain", &[]);
    assert_eq!(code, Some(0), "{text}");
    let url = format!("http://{domain}/rooms");
    assert_eq!(after(&text, "met "), web::did(&domain).unwrap().as_str());
    assert_eq!(after(&text, &format!("POST {url}:")), "200 permit");
    let (theirs, mine) = (claims(after(&text, "their receipt ")), claims(after(&text, "my receipt ")));
    assert_eq!((&theirs["agent"], &theirs["principal"]), (&json!(alice.as_str()), &json!(acme.as_str())));
    assert_eq!((&mine["verifier"], &mine["peer"]), (&theirs["agent"], &theirs["verifier"]));
    assert_eq!(mine["transcript"], theirs["transcript"]);
    assert_eq!(claims(after(&text, "receipt "))["request"]["resource"], json!(url));

    let (code, text) = call("alice.key", "chain", &["/rooms", "/refunds"]);
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(after(&text, &format!("POST http://{domain}/refunds:")), "403 deny not_granted");

    let (code, text) = call("mallory.key", "chain", &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("refuses to meet: holder_mismatch"), "{text}");
    assert_eq!(claims(after(&text, "receipt "))["code"], "holder_mismatch");
    fs::write(file("foreign"), may_book(&mallory, &alice, &domain)).unwrap();
    let (code, text) = call("alice.key", "foreign", &[]);
    assert!(code == Some(1) && text.contains("refuses to meet: root_untrusted"), "{text}");

    // Without a signature nobody is let in; without a meeting, nobody by another chain of the root.
    let reply = reqwest::Client::new().post(&url).body("{}").send().await.unwrap();
    let (status, text) = (reply.status().as_u16(), reply.text().await.unwrap());
    assert!(status == 401 && text.contains("chain_empty"), "{text}");
    let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let stranger = key::did(secret.public_key());
    let fetcher = Fetcher::new(Options { http_on_loopback: true, ..Options::default() }).unwrap();
    let link = may_book(&root, &stranger, &domain);
    let agent = Agent::new(Identity::new(stranger, Arc::new(secret)), &[&link], fetcher).unwrap();
    let post = Call { method: Method::POST, url: &url, headers: Default::default(), body: b"{}".to_vec() };
    let reply = agent.call(post, now()).await.unwrap();
    let text = String::from_utf8(reply.body).unwrap();
    assert!(reply.status == 401 && text.contains("handshake_required"), "{text}");
}
