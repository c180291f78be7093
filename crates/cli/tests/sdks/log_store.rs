//! `legation log push` and `log pull` with moto, an S3-compatible store.

use crate::{
    common::{Play, Ran, free_port},
    root, running,
};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

struct Store {
    child: Child,
    env: [(&'static str, String); 4],
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Store {
    /// With a bucket `logs`.
    fn new() -> Self {
        let place = root("target/sdks/s3");
        assert!(place.exists(), "the stores are missing: run tests/sdks/install");
        let port = free_port();
        let child = Command::new("python3")
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", place)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://localhost:{port}");
        let begin = Instant::now();
        let mut made = Command::new("curl");
        made.args(["-sf", "-o", "/dev/null", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3"]);
        made.args(["--user", "key:secret", &format!("{endpoint}/logs")]);
        while !made.status().unwrap().success() {
            assert!(begin.elapsed() < Duration::from_secs(60), "moto does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        let env = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ];
        Self { child, env }
    }

    fn run(&self, play: &Play, arguments: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_legation"));
        let env = self.env.iter().map(|(name, value)| (*name, value.as_str()));
        command.args(arguments.split_whitespace()).envs(env).current_dir(play.folder.path());
        Ran::of(command.output().unwrap())
    }
}

#[test]
#[ignore = "needs the stores: tests/sdks/install"]
fn a_log_is_put_into_a_store_and_verified_from_there() {
    let (store, play) = (Store::new(), Play::new());
    let upstream = Upstream::always(Plan::says("hello").tokens(10, 10)).unwrap();
    let key = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", running::local(&upstream.url()))];
    let env = [&key[..], &store.env[..]].concat();
    let mut up = running::Up::dev(&play, &["--log-store", "s3://logs/by-itself"], &env);
    let chat =
        json!({"model": "gpt-4o", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(up.post(&up.key, &chat).0, 200);
    let name = {
        let begin = Instant::now();
        loop {
            let ran = play.run("log verify --json");
            if ran.status == 0 && ran.json()["kinds"]["settlement"] == 1 {
                let origin = ran.json()["log"].as_str().unwrap().to_owned();
                break origin.rsplit('/').next().unwrap().to_owned();
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{ran:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    assert_eq!(up.end().0, Some(0));
    let own = play.json("log verify");
    for (url, out) in [("s3://logs/by-hand", "hand"), ("s3://logs/by-itself", "itself")] {
        let pushed = store.run(&play, &format!("log push {url} --http-on-loopback --json"));
        assert_eq!((pushed.status, &pushed.json()["size"]), (0, &own["size"]), "{pushed:?}");
        let again = store.run(&play, &format!("log push {url} --http-on-loopback --json"));
        assert_eq!(
            (again.status, &again.json()["objects"]),
            (0, &json!(0)),
            "what is there is not written again: {again:?}"
        );
        let pulled = store.run(&play, &format!("log pull {url}/{name} --out {out} --http-on-loopback"));
        assert_eq!(pulled.status, 0, "{pulled:?}");
        let verified = play.json(&format!("log verify {out}"));
        assert_eq!((&verified["size"], &verified["log"]), (&own["size"], &own["log"]));
        let full = store.run(&play, &format!("log pull {url}/{name} --out {out} --http-on-loopback"));
        assert!(full.status != 0 && full.stderr.contains("another folder"), "{full:?}");
    }
    for (wrong, word) in [
        ("log push s3://nowhere/logs --http-on-loopback", "nowhere"),
        ("log push logs --http-on-loopback", "s3://"),
        ("log pull s3://logs/by-hand/another --out none --http-on-loopback", "checkpoint"),
    ] {
        let ran = store.run(&play, wrong);
        assert!(ran.status != 0 && ran.stderr.contains(word), "{wrong}: {ran:?}");
        assert!(!format!("{ran:?}").contains("secret\""), "{ran:?}");
    }
}
