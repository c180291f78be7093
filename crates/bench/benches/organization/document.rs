//! The organization's document, beside a file of that size by nginx.

use crate::{
    Report, at,
    world::{World, free_address, get},
};
use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// How often each is measured, by turns.
const ROUNDS: usize = 5;
const CONNECTIONS: &str = "64";
const EACH: &str = "3s";

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

pub(crate) fn measure(world: &World, report: &mut Report) {
    world.json("init localhost --data-dir document");
    let (up, _) = world.up("document");
    let path = "/.well-known/did.json";
    let (status, body) = get(up.address, path).unwrap();
    assert_eq!(status, 200);
    let site = world.work.join("site/.well-known");
    fs::create_dir_all(&site).unwrap();
    fs::write(site.join("did.json"), &body).unwrap();
    let address = free_address();
    let configuration = format!(
        "daemon off; worker_processes 2; pid {0}/nginx.pid; error_log stderr error; events {{ worker_connections 1024; }} \
         http {{ access_log off; default_type application/did+json; keepalive_requests 100000000; \
         client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; \
         server {{ listen {address}; root {0}/site; }} }}",
        world.work.display()
    );
    fs::write(world.work.join("nginx.conf"), configuration).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(world.work.join("nginx.conf")).stderr(Stdio::null());
    let _nginx = Nginx(command.spawn().unwrap());
    while get(address, path).is_none() {
        thread::sleep(Duration::from_millis(10));
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(rate(address, path));
        ours.push(rate(up.address, path));
    }
    let mut ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    let (own, nginx, ratio) = (at(&mut ours, 0.5), at(&mut theirs, 0.5), at(&mut ratios, 0.5));
    report.add("did.json", "ours, requests/s", own);
    report.add("did.json", "nginx, requests/s", nginx);
    report.add("did.json", "ratio", ratio);
    let found = format!("{own:.0} a second beside {nginx:.0} by nginx: {ratio:.2}");
    report.row("did.json served, 64 connections", &found, "≥ 0.5");
}

fn rate(address: SocketAddr, path: &str) -> f64 {
    let url = format!("http://{address}{path}");
    let output = Command::new("wrk").args(["-t", "1", "-c", CONNECTIONS, "-d", EACH, &url]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "{text}");
    let line = text.lines().find(|line| line.starts_with("Requests/sec:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
