//! did:webvh by command: in a build with the feature it is created, continued, ended and resolved, in one without it
//! the command says so.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;

#[cfg(not(feature = "webvh"))]
#[test]
fn a_build_without_it_says_how_to_get_it() {
    let play = Play::new();
    play.key("a.key");
    for command in [
        "did create webvh acme.example --key a.key --update-key a.key --out site",
        "did resolve did:webvh:Qmdxt11AjZewCNXX69bpEDobgjySeZ7eFwjf4tgpF6p2Dg:acme.example",
    ] {
        let ran = play.run(command);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.stderr.contains("--features webvh"), "{ran:?}");
    }
}

#[test]
fn a_did_without_history_has_no_version() {
    let play = Play::new();
    let did = play.key("a.key");
    let ran = play.run(&format!("did resolve {did} --version-time 2026-01-01T00:00:00Z"));
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("keeps no history"), "{ran:?}");
}

#[cfg(feature = "webvh")]
mod with {
    use super::{Play, common};
    use serde_json::Value;
    use std::{
        thread,
        time::{Duration, SystemTime, UNIX_EPOCH},
    };

    /// The seconds of a version's time: entries of one second would have no order.
    fn next_second() {
        thread::sleep(Duration::from_millis(1_100));
    }

    fn refused(play: &Play, command: &str, status: i32, part: &str) {
        let ran = play.run(command);
        assert_eq!(ran.status, status, "{command}: {ran:?}");
        assert!(ran.stderr.contains(part), "{command}: {ran:?}");
    }

    #[test]
    fn a_did_is_created_continued_resolved_as_of_then_and_ended() {
        let play = Play::new();
        for name in ["update.key", "first.key", "second.key", "next.key"] {
            play.key(name);
        }
        let port = common::free_port();
        let create = format!(
            "did create webvh localhost:{port}/agents/mail --key first.key --update-key update.key \
             --service a2a=https://api.example/ --out site"
        );
        let made = play.json(&create);
        let did = made["did"].as_str().unwrap().to_owned();
        assert!(play.path("site/agents/mail/did.jsonl").exists());
        refused(&play, &create, 2, "exists already");
        next_second();
        let update = format!("did update {did} --key second.key --out site");
        refused(&play, &format!("{update} --update-key second.key"), 1, "give that update key");
        // Both within one second, on a machine that is busy, too.
        while SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_millis() > 100 {
            thread::sleep(Duration::from_millis(5));
        }
        let second = play.json(&format!("{update} --update-key update.key --next-update-key next.key"));
        refused(&play, &format!("{update} --update-key next.key"), 1, "wait a second");

        let _server = common::Server::start(&play, port, &[]);
        let resolve = format!("did resolve {did} --http-on-loopback");
        let now = play.json(&resolve);
        assert_eq!(now["document"], second["document"]);
        assert_eq!(
            now["document"]["service"].as_array().unwrap().len(),
            2,
            "only the two implied ones: {now}"
        );
        let then = play.json(&format!("{resolve} --version-time {}", made["versionTime"].as_str().unwrap()));
        assert_eq!(then["document"], made["document"]);
        assert_eq!(
            (&then["nextVersionTime"], &then["deactivated"]),
            (&now["versionTime"], &Value::Bool(false))
        );
        let same = play.json(&format!("{resolve} --version-id {}", made["versionId"].as_str().unwrap()));
        assert_eq!(same["document"], made["document"]);
        refused(&play, &format!("{resolve} --version-time 2020-01-01T00:00:00Z"), 1, "its first is of");
        refused(&play, &format!("{resolve} --version-id 9-Qm"), 1, "no version");

        next_second();
        refused(
            &play,
            &format!("did update {did} --end --update-key update.key --out site"),
            1,
            "give that update key",
        );
        play.json(&format!("did update {did} --end --update-key next.key --out site"));
        refused(&play, &resolve, 1, "was ended at");
        let then = play.json(&format!("{resolve} --version-time {}", made["versionTime"].as_str().unwrap()));
        assert_eq!((&then["document"], &then["deactivated"]), (&made["document"], &Value::Bool(true)));
        refused(
            &play,
            &format!("did update {did} --key first.key --update-key next.key --out site"),
            1,
            "has been ended",
        );

        play.write("site/agents/mail/did.jsonl", "{\"versionId\":\"1-Qm\"}");
        refused(&play, &resolve, 1, "the log is not that of the DID");
        refused(
            &play,
            &format!("{resolve} --version-id 1-Qm --version-time 2026-01-01T00:00:00Z"),
            2,
            "cannot be used with",
        );
        refused(&play, "did resolve did:webvh:Qm:localhost", 1, "its SCID");
    }
    /// `legation up`, ended when the test is.
    struct Up(std::process::Child);

    impl Drop for Up {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn up(play: &Play, port: u16) -> Up {
        let (listen, own) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", common::free_port()));
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(["up", "--listen", &listen, "--admin-listen", &own])
            .current_dir(play.folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let begin = std::time::Instant::now();
        while std::net::TcpStream::connect(&listen).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not come up");
            thread::sleep(Duration::from_millis(20));
        }
        Up(child)
    }

    /// The methods' ids of a document, without whose they are.
    fn keys(document: &Value) -> Vec<String> {
        let all = document["verificationMethod"].as_array().unwrap();
        all.iter().map(|one| one["id"].as_str().unwrap().split_once('#').unwrap().1.to_owned()).collect()
    }

    /// What `init --webvh` and `up` write, by a reader that knows all of the method and is others' (`didwebvh-rs`).
    #[test]
    fn an_organization_that_is_up_is_resolved_as_of_any_time() {
        let play = Play::new();
        let port = common::free_port();
        let made = play.json(&format!("init localhost:{port} --webvh"));
        let did = made["webvh"].as_str().unwrap().to_owned();
        let _up = up(&play, port);
        let resolve = format!("did resolve {did} --http-on-loopback");
        let web = format!("did resolve did:web:localhost%3A{port} --http-on-loopback");
        let first = play.json(&resolve);
        assert_eq!(first["document"]["alsoKnownAs"][0], format!("did:web:localhost%3A{port}"));
        next_second();
        play.json("organization rotate");
        next_second();
        let second = play.json(&resolve);
        play.json("organization rotate --compromised");
        next_second();
        let third = play.json(&resolve);
        assert_eq!([&first, &second, &third].map(|one| keys(&one["document"]).len()), [1, 2, 1]);
        let did_web = play.json(&web);
        assert_eq!(keys(&did_web["document"]), keys(&third["document"]));
        assert_eq!(did_web["document"]["alsoKnownAs"][0], did.as_str());
        for then in [&first, &second, &third] {
            let at = then["versionTime"].as_str().unwrap();
            let again = play.json(&format!("{resolve} --version-time {at}"));
            assert_eq!(again["document"], then["document"], "{at}");
        }
        refused(&play, &format!("{resolve} --version-time 2020-01-01T00:00:00Z"), 1, "its first is of");
    }
}
