//! A certificate that is replaced while it is served.

use crate::common::{Play, free_port};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::{
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

fn certificate(play: &Play) -> String {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    play.write("key.pem", signing_key.serialize_pem());
    play.write("cert.pem", cert.pem());
    cert.pem()
}

/// Whether somebody who trusts only this certificate gets an answer.
fn serves(port: u16, certificate: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let trusted = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([trusted]).no_proxy().build().unwrap();
        let answer = client.get(format!("https://localhost:{port}/healthz")).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_certificate_that_is_replaced_is_served_without_a_restart_and_a_broken_one_changes_nothing() {
    let play = Play::new();
    let port = free_port();
    assert_eq!(play.run(&format!("init localhost:{port}")).status, 0);
    let first = certificate(&play);
    let said = std::fs::File::create(play.path("up.err")).unwrap();
    let up = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args([
            "up",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--admin-listen",
            &format!("127.0.0.1:{}", free_port()),
        ])
        .args(["--tls-cert", "cert.pem", "--tls-key", "key.pem"])
        .current_dir(play.folder.path())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap();
    let _up = Up(up);
    wait_until("it is up", || serves(port, &first));
    play.write("cert.pem", "no certificate");
    wait_until("it is told", || play.read("up.err").contains("the one before goes on"));
    assert!(serves(port, &first));
    let second = certificate(&play);
    wait_until("the new one is served", || serves(port, &second));
    assert!(!serves(port, &first));
}
