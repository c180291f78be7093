//! Two organizations that are up: what one tells of its agent shuts it out at the other, until somebody there lifts it.

use crate::{
    common::{Play, free_port},
    running::Up,
};
use serde_json::json;
use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} never came to be");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_a_partner_tells_of_its_agent_shuts_it_out_here_and_says_how_to_lift_it() {
    let (issuer, here) = (Play::new(), Play::new());
    let (issuer_port, port) = (free_port(), free_port());
    issuer.json(&format!("init localhost:{issuer_port}"));
    here.json(&format!("init localhost:{port}"));
    let _issuer_up = Up::again(&issuer, issuer_port, &[], &[]);
    let _up = Up::again(&here, port, &[], &[]);
    issuer.json("agent add bot --models * --budget 5USD/day");
    let added = issuer.json(&format!("signals receiver add here --audience did:web:localhost%3A{port}"));

    let origin = format!("http://localhost:{issuer_port}");
    let set = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(["secret", "set", "acme", "--origin", &origin])
        .current_dir(here.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let mut set = set.unwrap();
    set.stdin.take().unwrap().write_all(added["secret"].as_str().unwrap().as_bytes()).unwrap();
    assert!(set.wait().unwrap().success());
    let did = format!("did:web:localhost%3A{issuer_port}");
    let partner = json!({"name": "acme", "did": did, "models": ["standard"], "signals": {"secret": "acme"}});
    here.write("partner.json", partner.to_string());
    here.json("partner set partner.json");
    let set = here.run("quarantine set told --signal session-revoked,credential-change --from acme");
    assert!(
        set.stdout.contains("of which acme told session-revoked, credential-change is suspended"),
        "{set:?}"
    );
    soon("a stream", || !issuer.json("signals streams")["streams"].as_array().unwrap().is_empty());

    assert_eq!(issuer.run("agent suspend bot").status, 0);
    soon("the quarantine", || !here.json("quarantine list")["shutOut"].as_array().unwrap().is_empty());
    let one = here.json("quarantine list")["shutOut"][0].clone();
    assert_eq!(
        (&one["subject"], &one["rule"], &one["partner"]),
        (&json!(format!("{did}:bot")), &json!("told"), &json!(did))
    );
    assert!(one["reason"].as_str().unwrap().contains(&format!("`{origin}` told `session-revoked`")), "{one}");
    let lift = one["lift"].as_str().unwrap();
    assert!(here.run("quarantine list").stdout.contains(lift), "{lift}");
    assert_eq!(here.run(lift.strip_prefix("legation ").unwrap()).status, 0);
    assert_eq!(here.json("quarantine list")["shutOut"], json!([]));
    assert!(here.run("quarantine rules").stdout.contains("a delegation of which acme told"));
}
