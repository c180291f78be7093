//! The console in Chromium, over `legation up --dev`, with decisions of its gateway to look at.

use super::{command, node, root, said};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn ask(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A call of the model, and its status.
fn call(port: u16, key: &str, choices: u32) -> String {
    let body = json!({"model": "scripted", "n": choices, "messages": [{"role": "user", "content": "hello"}]})
        .to_string();
    let length = body.len();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let answer = ask(port, &request).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

fn run(folder: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(command()).args(arguments).arg("--json").current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs Chromium and its driver: crates/bindings/tools/install"]
fn who_never_saw_the_console_revokes_an_agent_by_clicks_and_axe_finds_nothing() {
    let folder = root("target/console");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (port, admin) = (free_port(), free_port());
    let out = fs::File::create(folder.join("out")).unwrap();
    let at = |port: u16| format!("127.0.0.1:{port}");
    let started = Command::new(command())
        .args([
            "up",
            "--dev",
            "--json",
            "--budget",
            "0.01USD/day",
            "--listen",
            &at(port),
            "--admin-listen",
            &at(admin),
        ])
        .current_dir(&folder)
        .env_remove("OPENAI_API_KEY")
        .env_remove("ANTHROPIC_API_KEY")
        .stdout(out)
        .stderr(Stdio::null())
        .spawn();
    let _up = Up(started.unwrap());
    let begin = Instant::now();
    while ask(port, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").is_none() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not come up");
        thread::sleep(Duration::from_millis(50));
    }
    let told: Value =
        serde_json::from_str(fs::read_to_string(folder.join("out")).unwrap().lines().next().unwrap())
            .unwrap();
    let key = told["up"]["dev"]["apiKey"].as_str().unwrap();
    assert_eq!((call(port, key, 1).as_str(), call(port, key, 2).as_str()), ("200", "429"));
    // A call that waits for somebody's approval.
    let approver = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
    let above = json!({"type": "approval", "above": 0, "currency": "USD", "approver": approver, "actions": ["model:chat"]});
    let constraint = above.to_string();
    run(
        &folder,
        &["agent", "add", "buyer", "--models", "*", "--budget", "1USD/day", "--constraint", &constraint],
    );
    let key = run(&folder, &["api-key", "create", "buyer"]);
    assert_eq!(call(port, key["secret"].as_str().unwrap(), 1), "403");
    // One that goes on calling, and a policy in two versions.
    run(&folder, &["agent", "add", "caller", "--models", "*", "--budget", "1USD/day"]);
    let caller = run(&folder, &["api-key", "create", "caller"]);
    for text in ["when { context.at < 0 }", "when { context.at < 1 }"] {
        fs::write(folder.join("quiet.cedar"), format!("forbid (principal, action, resource)\n{text};\n"))
            .unwrap();
        run(&folder, &["policy", "put", "quiet.cedar"]);
    }
    let code = run(&folder, &["console", "--role", "owner"]);
    let mut node = node();
    node.arg(root("crates/platform/console/tests/look.mjs"));
    node.args([&format!("http://127.0.0.1:{admin}"), code["code"].as_str().unwrap(), "assistant"]);
    node.arg(root("target/console/pictures")).arg(format!("http://127.0.0.1:{port}"));
    let told = said(node.arg(caller["secret"].as_str().unwrap()));
    assert_eq!(told, "0 failed");
}
