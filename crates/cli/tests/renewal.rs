//! How long a status list is good for, and that `serve` signs it anew in time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a test's helpers may stop it

mod common;

use common::{Play, Server, free_port};
use legation_credential::status::{SignedStatusList, StatusListCredential};
use std::{
    thread,
    time::{Duration, Instant},
};

fn publish(number: usize) -> String {
    format!(
        "status publish --key acme.key --issuer did:web:acme.example --url https://acme.example/status/{number} \
         --out site/status/{number}"
    )
}

fn list(play: &Play, number: usize) -> StatusListCredential {
    SignedStatusList::parse(&play.read(&format!("site/status/{number}")), 1 << 20).unwrap().credential
}

#[test]
fn a_list_is_made_for_as_long_as_verifiers_take_it_or_that_is_said() {
    let play = Play::new();
    play.key("acme.key");
    let usual = legation_verifier::Trust::new("").max_status_age;
    let made = play.run(&publish(1));
    assert_eq!((made.status, made.stderr.as_str()), (0, ""), "{made:?}");
    assert!(made.stdout.contains("serve --status-key"), "{made:?}");
    let one = list(&play, 1);
    assert_eq!(one.valid_until.unwrap() - one.valid_from, usual);
    let told = play.json(&format!("{} --valid-for 1d", publish(2)));
    let told = told["warnings"][0].as_str().unwrap().to_owned();
    assert!(told.contains("stale 60 min after") && told.contains("maxStatusAge"), "{told}");
}

#[test]
fn serve_signs_anew_what_it_has_the_key_for_and_nothing_else() {
    let play = Play::new();
    play.key("acme.key");
    let agent = play.key("agent.key");
    for number in 1..=3 {
        play.json(&format!("{} --valid-for 4s", publish(number)));
    }
    // One is another's, one was changed by somebody without the key.
    let another = "status publish --key agent.key --url https://agent.example/status/4 --out site/status/4";
    play.json(&format!("{another} --valid-for 4s"));
    let signature =
        |number: usize| play.read(&format!("site/status/{number}")).rsplit_once('.').unwrap().1.to_owned();
    let changed = play.read("site/status/3").replace(&signature(3), &signature(2));
    play.write("site/status/3", &changed);
    play.write("site/status/no-list", "hello");
    play.json(&format!(
        "delegate --key acme.key --issuer did:web:acme.example --to {agent} --action a:b \
         --resource https://shop.example/* --valid-for 1d --status https://acme.example/status/1#5 --out root.jwt"
    ));
    let (first, theirs) = (list(&play, 1), play.read("site/status/4"));
    thread::sleep(Duration::from_secs(2));
    let _server = Server::start(&play, free_port(), &["--status-key", "acme.key"]);
    let after = list(&play, 2);
    assert!(after.valid_from > first.valid_from, "what was due is signed before anybody can ask for it");

    // Whoever revokes meanwhile loses nothing by it.
    play.json("revoke root.jwt --list site/status/1 --key acme.key");
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(8) {
        let one = list(&play, 1);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!(i64::try_from(now).unwrap() <= one.valid_until.unwrap(), "it never ends");
        assert_eq!(one.list.get(5), Some(true));
        thread::sleep(Duration::from_millis(300));
    }
    let (one, two) = (list(&play, 1), list(&play, 2));
    assert!(one.valid_from >= first.valid_from + 8 && two.valid_from > after.valid_from);
    assert_eq!(one.valid_until.unwrap() - one.valid_from, 4, "it lives as long as before");
    assert_eq!((play.read("site/status/3"), play.read("site/status/4")), (changed, theirs));
    assert_eq!(play.read("site/status/no-list"), "hello");
}

#[test]
fn a_key_that_can_t_be_opened_ends_serve_before_it_serves() {
    let play = Play::new();
    play.key("acme.key");
    std::fs::create_dir(play.path("site")).unwrap();
    for arguments in [
        "serve site --listen 127.0.0.1:0 --status-key missing.key",
        "serve site --listen 127.0.0.1:0 --status-passphrase-file acme.key",
    ] {
        assert_eq!(play.run(arguments).status, 2, "{arguments}");
    }
}
