//! Agents whose key the signer keeps, and whose processes run as users of their own.

use crate::world::{Running, World, told};
use rustix::process::geteuid;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixStream,
        process::CommandExt,
    },
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// A user who has nothing.
const NOBODY: u32 = 4242;

/// An organization whose signer answers agents, with an agent `pay` in its custody.
fn start() -> (World, Running) {
    let world = World::new(&[]);
    let folder = world.play.folder.path();
    // Others get to the files in it, and none of them is secret; the organization's own folder is for its owner alone.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let signer = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(["signer", "--agent-socket", "agents.sock"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let (signer, began) = (Running(signer), Instant::now());
    while UnixStream::connect(folder.join("agents.sock")).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "the signer did not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    world.play.json("agent add pay --models standard --budget 1USD/day --max-depth 1");
    (world, signer)
}

fn file(world: &World, user: u32, name: &str) {
    world.play.json(&format!("agent file pay --user {user} --socket agents.sock --out {name}"));
}

#[test]
fn an_agent_in_custody_signs_by_the_signer_until_it_is_stopped() {
    let (world, signer) = start();
    file(&world, geteuid().as_raw(), "pay.agent");
    let text = world.play.read("pay.agent");
    assert!(!text.contains("\"d\""), "no key: {text}");
    let proxy = world.proxy("pay.agent");
    let (status, answer) = proxy.chat(&json!({"max_tokens": 5}));
    assert_eq!(status, 200, "{answer}");
    // Nothing but requests: neither a narrower agent nor a proof of possession of a token.
    for line in [
        "agent narrow --from pay.agent --out child.agent".to_owned(),
        format!("token get --key pay.agent --gateway {} --audience https://a.example", world.gateway()),
    ] {
        let refused = world.play.run(&format!("{line} --json"));
        assert_ne!(refused.status, 0, "{refused:?}");
        assert!(refused.stdout.contains("signs requests of agents here and nothing else"), "{refused:?}");
    }
    // The number of all users that have none here.
    let refused = world.play.run("agent file pay --user 65534 --socket agents.sock --out none.agent --json");
    assert_eq!(refused.json()["error"], "user_unusable", "{refused:?}");
    world.play.json("agent suspend pay");
    assert_eq!(told(proxy.chat(&json!({"max_tokens": 5}))).0, 401, "who is suspended is let in nowhere");
    world.play.json("agent resume pay");
    assert_eq!(proxy.chat(&json!({"max_tokens": 5})).0, 200);
    world.play.json("agent rotate pay --compromised");
    assert_eq!(told(proxy.chat(&json!({"max_tokens": 5}))).0, 401, "a key that is gone signs for nobody");
    drop(proxy);
    file(&world, geteuid().as_raw(), "again.agent");
    let proxy = world.proxy("again.agent");
    assert_eq!(proxy.chat(&json!({"max_tokens": 5})).0, 200);
    drop(signer);
    let (status, code) = told(proxy.chat(&json!({"max_tokens": 5})));
    assert!(status >= 400 && !code.is_empty(), "without its signer it signs nothing: {status} {code}");
}

/// What comes of a call by an agent file, as another user.
fn call_as(world: &World, user: u32, program: &Path, name: &str) -> Output {
    let script = "curl -sS --max-time 20 -H \"authorization: Bearer $OPENAI_API_KEY\" -H 'content-type: application/json' \
                  -d '{\"model\":\"scripted\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}' \
                  $OPENAI_BASE_URL/chat/completions";
    Command::new(program)
        .args(["run", "--key", name, "--gateway", &world.gateway(), "--", "sh", "-c", script])
        .current_dir(world.play.folder.path())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .uid(user)
        .gid(user)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_process_of_another_user_acts_as_the_agent_whose_key_was_sealed_for_it_alone() {
    if !geteuid().is_root() {
        eprintln!("skipped: a_process_of_another_user_…: only root can run a program as another user");
        return;
    }
    let (world, _signer) = start();
    let program = world.play.path("legation-program");
    fs::copy(env!("CARGO_BIN_EXE_legation"), &program).unwrap();
    chown(&program, Some(0), Some(0)).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for (user, name) in [(NOBODY, "nobody.agent"), (NOBODY - 1, "other.agent")] {
        file(&world, user, name);
    }
    let output = call_as(&world, NOBODY, &program, "nobody.agent");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(answer["object"], "chat.completion", "{answer}");
    let output = call_as(&world, NOBODY, &program, "other.agent");
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(answer.contains("it does not open here"), "a file that was stolen: {output:?}");
}
