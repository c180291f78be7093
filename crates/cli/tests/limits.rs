//! The usual limits of a delegation as flags, its times, its place in a status list, and many at once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;
use legation_credential::Delegation;

const GRANT: &str = "--action pay.* --resource https://shop.example/*";

fn limits(play: &Play, file: &str) -> Vec<String> {
    let authority = Delegation::read_unverified(&play.read(file)).unwrap().terms.authority;
    authority.limits().map(|(key, bound)| key.describe(bound)).collect()
}

#[test]
fn flags_say_what_constraints_say() {
    let play = Play::new();
    play.key("root.key");
    let base = format!("delegate --key root.key --to did:web:agent.example {GRANT} --valid-for 1h");
    play.json(&format!(
        "{base} --spend 50.00USD --spend-window 500USD/30d --rate 10/60s --audience did:web:shop.example \
         --total tokens=1000000/1d --out flags"
    ));
    play.json(&format!(
        "{base} --constraint {{\"type\":\"spend\",\"currency\":\"USD\",\"perAction\":5000,\"window\":{{\"seconds\":2592000,\"amount\":50000}}}} \
         --constraint {{\"type\":\"rate\",\"seconds\":60,\"max\":10}} \
         --constraint {{\"type\":\"audience\",\"allow\":[\"did:web:shop.example\"]}} \
         --constraint {{\"type\":\"total\",\"fact\":\"tokens\",\"window\":{{\"seconds\":86400,\"sum\":1000000}}}} --out json"
    ));
    assert_eq!(limits(&play, "flags"), limits(&play, "json"));
    assert_eq!(limits(&play, "flags").len(), 6, "{:?}", limits(&play, "flags"));
    for (flag, says) in [
        ("--spend 50", "as in 50.00USD"),
        ("--spend 50.001USD", "50.00USD"),
        ("--spend-window 500USD", "500USD/30d"),
        ("--rate 10", "10/60s"),
        ("--total tokens", "tokens=1000000/1d"),
    ] {
        let ran = play.run(&format!("{base} {flag} --out x"));
        assert_eq!((ran.status, ran.stderr.contains(says)), (2, true), "{flag}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
    let typo = play.run(&format!("{base} --constraint {{\"type\":\"spent\"}} --out x"));
    assert_eq!(typo.status, 1, "{typo:?}");
    assert!(
        typo.stderr
            .contains("known are spend, total, rate, audience, argument, approval; did you mean `spend`?"),
        "{typo:?}"
    );
}

#[test]
fn a_child_ends_with_its_parent_whatever_is_asked_for() {
    let play = Play::new();
    let (_, agent) = (play.key("root.key"), play.key("agent.key"));
    let until = |file: &str| Delegation::read_unverified(&play.read(file)).unwrap().terms.valid_until;
    play.json(&format!(
        "delegate --key root.key --to {agent} {GRANT} --max-depth 1 --valid-until 2030-01-01T00:00:00Z --out 1"
    ));
    assert_eq!(until("1"), 1_893_456_000);
    let child = format!("delegate --key agent.key --parent 1 --to did:web:x.example {GRANT}");
    for (time, out) in [("", "a"), ("--valid-for 3650d", "b"), ("--valid-until 2031-01-01T00:00:00Z", "c")] {
        let ran = play.run(&format!("{child} {time} --out {out}"));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stderr.contains("it ends with its parent, at 2030-01-01T00:00:00Z"), "{ran:?}");
        assert_eq!(until(out), 1_893_456_000);
    }
    let ran = play.run(&format!("{child} --valid-for 1h --out d"));
    assert!(ran.status == 0 && !ran.stderr.contains("with its parent"), "{ran:?}");
    assert!(until("d") < 1_893_456_000);
    let root = format!("delegate --key root.key --to {agent} {GRANT} --out e");
    let ran = play.run(&root);
    assert!(
        ran.status == 2 && ran.stderr.contains("give --valid-for, such as 30d, or --valid-until"),
        "{ran:?}"
    );
    let both = play.run(&format!("{root} --valid-for 1h --valid-until 2030-01-01T00:00:00Z"));
    assert_eq!(both.status, 2, "{both:?}");
    play.json(&format!(
        "delegate --key root.key --to {agent} {GRANT} --max-depth 1 --valid-from 2020-01-01T00:00:00Z --valid-for 1h --out old"
    ));
    let ran = play.run(&format!("{} --out f --json", child.replace("--parent 1", "--parent old")));
    assert_eq!((ran.status, &ran.json()["error"]), (1, &"window_not_nested".into()), "{ran:?}");
}

#[test]
fn nobody_delegates_to_oneself_or_back() {
    let play = Play::new();
    let (root, agent) = (play.key("root.key"), play.key("agent.key"));
    play.json(&format!("delegate --key root.key --to {agent} {GRANT} --max-depth 2 --valid-for 1h --out 1"));
    for arguments in [
        format!("--key root.key --to {root} --valid-for 1h"),
        format!("--key agent.key --parent 1 --to {agent}"),
        format!("--key agent.key --parent 1 --to {root}"),
    ] {
        let ran = play.run(&format!("delegate {arguments} {GRANT} --out x --json"));
        assert_eq!((ran.status, &ran.json()["error"]), (1, &"cycle".into()), "{arguments}: {ran:?}");
    }
    assert!(!play.path("x").exists());
}

#[test]
fn a_key_that_the_issuers_document_lacks_is_told_and_the_one_it_lists_is_named() {
    let play = Play::new();
    play.key("root.key");
    play.key("other.key");
    play.json("did create web acme.example --key root.key --out site");
    let base = format!(
        "delegate --issuer did:web:acme.example --to did:web:x.example {GRANT} --valid-for 1h --did-documents site"
    );
    let ran = play.run(&format!("{base} --key other.key --out x --json"));
    assert_eq!((ran.status, &ran.json()["error"]), (1, &"key_not_found".into()), "{ran:?}");
    assert!(!play.path("x").exists());
    play.json(&format!("{base} --key root.key --out x"));
    // A document that names its keys in its own way.
    let document = play.read("site/.well-known/did.json");
    let json: serde_json::Value = serde_json::from_str(&document).unwrap();
    let id = json["verificationMethod"][0]["id"].as_str().unwrap().to_owned();
    play.write("site/.well-known/did.json", document.replace(&id, "did:web:acme.example#main"));
    play.json(&format!("{base} --key root.key --out y"));
    let header = play.read("y").split('.').next().unwrap().to_owned();
    let header = String::from_utf8(legation_keys::base64url::decode(&header).unwrap()).unwrap();
    assert!(header.contains("did:web:acme.example#main"), "{header}");
    let without = play.run(&format!("{} --key root.key --out z", base.replace(" --did-documents site", "")));
    assert!(without.status == 0 && without.stderr.contains("--did-documents DIR"), "{without:?}");
}

#[test]
fn a_place_in_a_status_list_is_one_that_verifiers_can_look_up_and_nobody_else_has() {
    let play = Play::new();
    play.key("root.key");
    let url = "https://acme.example/status/1";
    play.json(&format!("status publish --key root.key --url {url} --out list"));
    let base = format!("delegate --key root.key --to did:web:x.example {GRANT} --valid-for 1h");
    for (status, says) in [
        ("http://acme.example/status/1#1".to_owned(), "`https`"),
        (format!("{url}#99999999999"), "no status list is so long"),
        (url.to_owned(), "names no index"),
        (format!("{url}#x"), "URL#INDEX"),
    ] {
        let ran = play.run(&format!("{base} --status {status} --out x"));
        assert_eq!((ran.status, ran.stderr.contains(says)), (2, true), "{status}: {ran:?}");
    }
    let far = play.run(&format!("{base} --status {url}#200000 --out far"));
    assert!(far.status == 0 && far.stderr.contains("131072"), "{far:?}");
    let listed = format!("{base} --status-list list --status {url}");
    play.json(&format!("{listed}#5 --out a"));
    for (index, code) in [("#5", "status_invalid"), ("#131072", "status_invalid")] {
        let ran = play.run(&format!("{listed}{index} --out b --json"));
        assert_eq!((ran.status, &ran.json()["error"]), (1, &code.into()), "{ran:?}");
    }
    play.json("revoke a --list list --key root.key");
    std::fs::remove_file(play.path("list.given")).unwrap();
    let ran = play.run(&format!("{listed}#5 --out b --json"));
    assert_eq!((ran.status, &ran.json()["error"]), (1, &"link_revoked".into()), "{ran:?}");
    let other =
        play.run(&format!("{base} --status-list list --status https://acme.example/status/2#1 --out b"));
    assert!(other.status == 2 && other.stderr.contains("is the list"), "{other:?}");
    // Without an index a free one is taken, each time another.
    let given: std::collections::BTreeSet<String> = (0..4)
        .map(|number| {
            play.json(&format!("{listed} --out free-{number}"))["status"][0].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(given.len(), 4, "{given:?}");
}

#[test]
fn a_batch_is_issued_whole_or_not_at_all() {
    let play = Play::new();
    play.key("root.key");
    let keys = play.json("key generate --insecure-plaintext --count 12 --out agent-{}.key");
    let dids: Vec<&str> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["did"].as_str().unwrap()).collect();
    assert_eq!(dids.len(), 12);
    assert!(play.path("agent-01.key").exists() && play.path("agent-12.key").exists());
    let again = play.run("key generate --insecure-plaintext --count 12 --out agent-{}.key");
    assert!(again.status == 2 && again.stderr.contains("none was made"), "{again:?}");
    play.json("status publish --key root.key --url https://acme.example/status/1 --out list");
    let mut lines: Vec<String> = dids
        .iter()
        .enumerate()
        .map(|(index, did)| format!(r#"{{"to":"{did}","out":"{index}.jwt"}}"#))
        .collect();
    lines[3] = format!(
        r#"{{"to":"{}","out":"3.jwt","action":"pay.order","constraint":{{"type":"rate","seconds":60,"max":1}},"validFor":"1h","maxDepth":2}}"#,
        dids[3]
    );
    let batch = format!(
        "delegate --key root.key {GRANT} --spend 5.00USD --audience did:web:shop.example --valid-for 30d --batch b.jsonl"
    );
    for (line, says) in [
        (r#"{"to":"did:web:x.example"}"#, "line 13: `out` is missing"),
        (r#"{"to":"did:web:x.example","out":"x","spent":1}"#, "line 13: `spent` is not known"),
        (r#"{"to":"did:web:x.example","out":"3.jwt"}"#, "line 13: `3.jwt` is the file of another line, too"),
        (r#"{"to":"nobody","out":"x"}"#, "line 13: `nobody` is not a DID"),
        (r#"{"to":"did:web:x.example","to":"did:web:y.example","out":"x"}"#, "stands twice"),
        (r#"{"to":"did:web:x.example","out":"x","action":"*"}"#, "`*` is no action"),
    ] {
        play.write("b.jsonl", format!("{}\n{line}\n", lines.join("\n")));
        let ran = play.run(&batch);
        assert!(ran.status != 0 && ran.stderr.contains(says), "{line}: {ran:?}");
        assert!(!play.path("0.jwt").exists(), "{line}");
    }
    play.write("b.jsonl", lines.join("\n"));
    let done = play.json(&format!("{batch} --status https://acme.example/status/1 --status-list list"));
    let all = done["delegations"].as_array().unwrap();
    let places: std::collections::BTreeSet<&str> =
        all.iter().map(|one| one["status"][0].as_str().unwrap()).collect();
    assert_eq!((all.len(), places.len()), (12, 12));
    let third = Delegation::read_unverified(&play.read("3.jwt")).unwrap();
    assert_eq!(third.terms.max_depth, 2);
    assert!(limits(&play, "3.jwt").iter().any(|limit| limit.contains("at most 1 actions")));
    assert!(limits(&play, "3.jwt").iter().any(|limit| limit.contains("5.00 USD")));
    let same = play.run(&format!("{batch} --force --status https://acme.example/status/1#9"));
    assert!(same.status == 1 && same.stderr.contains("take another index"), "{same:?}");
}
