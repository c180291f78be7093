//! `legation run`: the program's environment, its exit, its signals.

use crate::world::{World, send, told};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

fn start(world: &World, command: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(["run", "--key", "mail.agent", "--gateway", &world.gateway(), "--"])
        .args(command)
        .current_dir(world.play.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
fn a_program_gets_where_to_call_and_a_token_that_ends_with_it() {
    let world = World::new(&[]);
    let script = "echo \"$OPENAI_BASE_URL $OPENAI_API_KEY $ANTHROPIC_BASE_URL $ANTHROPIC_API_KEY $NO_PROXY\"; read line";
    let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(["run", "--", "sh", "-c", script])
        .env("LEGATION_AGENT_FILE", "mail.agent")
        .env("LEGATION_GATEWAY", format!("{}/v1", world.gateway()))
        .env("NO_PROXY", "internal.example")
        .env("ANTHROPIC_AUTH_TOKEN", "another")
        .current_dir(world.play.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told_it: Vec<&str> = line.split_whitespace().collect();
    let [base, token, other_base, other_token, direct] = told_it.as_slice() else { panic!("{line}") };
    let at = base.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    assert_eq!(
        (*other_base, *other_token, *direct),
        (format!("http://{at}").as_str(), *token, "127.0.0.1,internal.example")
    );
    let port: u16 = at.rsplit_once(':').unwrap().1.parse().unwrap();
    let headers = format!("host: {at}\r\nauthorization: Bearer {token}\r\n");
    assert_eq!(send(port, "GET /v1/models", &headers, "").1["data"][0]["id"], "scripted");
    let at_gateway = format!("host: localhost:{}\r\nauthorization: Bearer {token}\r\n", world.up.port);
    assert_eq!(told(send(world.up.port, "GET /v1/models", &at_gateway, "")).0, 401, "valid nowhere else");
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "it ends with the program");
}

#[test]
fn a_program_ends_as_it_ends_and_gets_the_signals() {
    let world = World::new(&[]);
    for (script, exit) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)] {
        let output = start(&world, &["sh", "-c", script]).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{script}");
    }
    for (signal, exit) in [("TERM", 42), ("HUP", 43), ("INT", 44), ("USR1", 45)] {
        let script = format!("trap 'exit {exit}' {signal}; echo ready; while :; do sleep 0.05; done");
        let mut child = start(&world, &["sh", "-c", &script]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let sent = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &sent]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(exit), "{signal}");
    }
    let missing = start(&world, &["./not-there"]).wait_with_output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let none = world.play.run(&format!("run --key mail.agent --gateway {}", world.gateway()));
    assert_eq!(none.status, 2, "{none:?}");
}
