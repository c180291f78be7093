//! `legation token`: identity tokens for scripts, by an agent file.

use crate::{
    common::Play,
    running::Up,
    world::{Running, World},
};
use legation_agent_card::JwkSet;
use legation_token::{
    Expected, Shown, TokenAlgorithm, VerifiedToken,
    dpop::{self, Of},
    verify,
};
use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

const API: &str = "https://api.example";

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// An organization whose agent `mail` may have tokens for the API.
fn world() -> World {
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    play.key("mail.key");
    let may = "--action crm:read --action crm:write --action token:issue --resource https://api.example/ --resource https://api.example/*";
    play.json(&format!("team add crm --max-depth 2 {may}"));
    play.json(&format!("agent add mail --team crm --own-key mail.key --max-depth 1 {may}"));
    play.json("agent file mail --own-key mail.key --out mail.agent");
    World { play, up }
}

fn held(world: &World, token: &str, shown: Shown<'_>) -> VerifiedToken {
    let keys = JwkSet::parse(world.up.text("/.well-known/jwks.json").as_bytes()).unwrap();
    let issuer = world.gateway();
    let expected = Expected { issuer: &issuer, audience: API, algorithms: &TokenAlgorithm::ALL };
    verify(token, shown, &keys, &expected, now()).unwrap()
}

#[test]
fn a_script_gets_a_token_for_one_service_and_is_told_why_where_it_gets_none() {
    let world = world();
    let get = |more: &str| {
        world.play.run(&format!("token get --key mail.agent --gateway {} {more}", world.gateway()))
    };
    for alg in ["es256", "eddsa", "rs256"] {
        let got = get(&format!("--audience {API} --scope crm:read --alg {alg}"));
        assert_eq!(got.status, 0, "{got:?}");
        let token = held(&world, got.stdout.trim(), Shown::Bearer);
        assert_eq!(token.claims().scope().as_deref(), Some("crm:read"));
        assert!(token.agent().as_str().ends_with(":mail"));
    }
    for (more, code) in [
        ("--audience https://other.example", "nothing_granted"),
        (&format!("--audience {API} --scope crm:delete") as &str, "scope_not_granted"),
    ] {
        let refused = get(&format!("{more} --json"));
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(refused.stdout.contains(code) || refused.stderr.contains(code), "{refused:?}");
    }
    world.play.json("agent suspend mail");
    let refused = get(&format!("--audience {API} --json"));
    assert!(refused.status == 1 && format!("{refused:?}").contains("link_suspended"), "{refused:?}");
}

#[test]
fn a_bound_token_goes_with_a_proof_of_the_agents_key() {
    let world = world();
    let got = world
        .play
        .run(&format!("token get --key mail.agent --gateway {} --audience {API} --bound", world.gateway()));
    assert_eq!(got.status, 0, "{got:?}");
    let token = got.stdout.trim().to_owned();
    world.play.write("token", &token);
    let proof = world
        .play
        .run("token proof --key mail.agent --token token --method POST --url https://api.example/things?x=1");
    let of = Of { method: "POST", url: "https://api.example/things", token: Some(&token), nonce: None };
    let proof = dpop::check(&[proof.stdout.trim()], &of, now()).unwrap();
    assert_eq!(held(&world, &token, Shown::Proved(&proof)).claims().key.as_deref(), Some(proof.thumbprint()));
}

/// A child that was made without asking anybody has tokens of what it has, and no more.
#[test]
fn a_narrower_agent_that_was_made_offline_gets_tokens_of_its_own_part() {
    let world = world();
    world.play.json(
        "agent narrow --from mail.agent --action crm:read --action token:issue --resource https://api.example/ \
         --resource https://api.example/* --valid-for 2m --out child.agent",
    );
    let got = world
        .play
        .run(&format!("token get --key child.agent --gateway {} --audience {API}", world.gateway()));
    assert_eq!(got.status, 0, "{got:?}");
    let token = held(&world, got.stdout.trim(), Shown::Bearer);
    let claims = token.claims();
    assert_eq!(claims.scope().as_deref(), Some("crm:read"));
    assert!(claims.client_id.as_str().starts_with("did:key:"));
    assert_eq!(claims.actors.len(), 3);
    assert!(claims.expires_at - claims.issued_at <= 120, "it ends with its chain");
}

#[test]
fn a_watched_file_holds_a_token_that_its_owner_alone_may_read() {
    let world = world();
    let gateway = world.gateway();
    let args = [
        "token",
        "get",
        "--key",
        "mail.agent",
        "--gateway",
        &gateway,
        "--audience",
        API,
        "--watch",
        "api.token",
    ];
    let child = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(args)
        .current_dir(world.play.folder.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let (file, begin) = (world.play.path("api.token"), Instant::now());
    while !file.exists() {
        assert!(begin.elapsed() < Duration::from_secs(30), "no token came");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    held(&world, world.play.read("api.token").trim(), Shown::Bearer);
    let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", running.0.id())]).status().unwrap();
    assert!(sent.success() && running.0.wait().unwrap().success());
}
