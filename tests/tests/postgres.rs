//! The PostgreSQL server for tests: what it promises to those that crash it and hang it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use legation_tests::postgres::{self, Postgres};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The address of a server's URL.
fn address(url: &str) -> String {
    url.split(['@', '/']).nth(3).unwrap().to_owned()
}

fn is_open(url: &str) -> bool {
    TcpStream::connect(address(url)).is_ok()
}

/// What of the servers of a process is still in the folder for temporary files.
fn folders(process: u32) -> Vec<PathBuf> {
    let prefix = format!("legation-postgres-{process}-");
    let entries = fs::read_dir(env::temp_dir()).unwrap().map(|entry| entry.unwrap());
    let of_it = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    of_it.map(|entry| entry.path()).collect()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn two_databases_of_one_name_know_nothing_of_each_other() {
    if !postgres::is_at_hand() {
        return;
    }
    let server = postgres::shared().unwrap();
    let (first, second) = (server.database("orders").unwrap(), server.database("orders").unwrap());
    server.psql(&first, "create table t (n int); insert into t values (1), (2)").unwrap();
    assert_eq!(server.psql(&first, "select count(*), sum(n) from t").unwrap(), "2|3");
    let why = server.psql(&second, "select count(*) from t").unwrap_err();
    assert!(why.contains(r#"relation "t" does not exist"#), "{why}");
    assert!(server.database("; drop").is_err() && server.database("").is_err());
    assert!(std::ptr::eq(server, postgres::shared().unwrap()));
}

#[test]
fn texts_are_utf_8_and_not_in_the_order_of_their_bytes() {
    if !postgres::is_at_hand() {
        return;
    }
    let server = postgres::shared().unwrap();
    let told = server.psql(&server.url(), "show server_encoding; show server_version_num").unwrap();
    let (encoding, version) = told.split_once('\n').unwrap();
    assert_eq!(encoding, "UTF8");
    // Before 15 a server has one order of texts, that of its machine.
    if version.parse::<u32>().unwrap() >= 150_000 {
        let order = "select string_agg(n, '' order by n) from (values ('B'), ('a'), ('ä'), ('c')) as t (n)";
        assert_eq!(server.psql(&server.url(), order).unwrap(), "aäBc");
    }
}

#[test]
fn what_was_committed_is_there_after_a_crash_and_what_was_not_is_undone() {
    if !postgres::is_at_hand() {
        return;
    }
    let mut server = Postgres::start_with(&["max_connections=7"]).unwrap();
    let url = server.database("ledger").unwrap();
    assert_eq!(server.psql(&url, "show max_connections").unwrap(), "7");
    server.psql(&url, "create table t (n int); insert into t values (1)").unwrap();
    let mut open = server
        .psql_command(&url)
        .args(["-c", "begin", "-c", "insert into t values (2) returning n", "-c", "select pg_sleep(60)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(open.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "2\n", "the second row is not there yet");

    server.crash().unwrap();
    assert!(!is_open(&url) && !open.wait().unwrap().success());
    server.restart().unwrap();
    assert_eq!(server.psql(&url, "select string_agg(n::text, ',') from t").unwrap(), "1");
    server.restart().expect("a server that runs is stopped first");
    assert_eq!(server.psql(&url, "select count(*) from t").unwrap(), "1");
}

#[test]
fn a_server_that_hangs_says_nothing_until_it_goes_on() {
    if !postgres::is_at_hand() {
        return;
    }
    let mut server = Postgres::start().unwrap();
    let url = server.url();
    server.stop_answering().unwrap();
    assert!(is_open(&url), "the kernel takes connections on");
    let mut waiting =
        server.psql_command(&url).args(["-c", "select 'late'"]).stdout(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it was answered");
    server.go_on().unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout == b"late\n", "{output:?}");
    // Nor is it lost when it is let go of while it hangs.
    server.stop_answering().unwrap();
    drop(server);
    assert!(!is_open(&url));
}

#[test]
fn nothing_is_left_of_a_server_that_is_dropped_running_or_crashed() {
    if !postgres::is_at_hand() {
        return;
    }
    let running = Postgres::start().unwrap();
    let mut crashed = Postgres::start().unwrap();
    let urls = [running.url(), crashed.url()];
    let folders = [running.folder().to_owned(), crashed.folder().to_owned()];
    assert_ne!(address(&urls[0]), address(&urls[1]));
    assert!(is_open(&urls[0]) && folders.iter().all(|folder| folder.join("cluster").exists()));
    crashed.crash().unwrap();
    drop((running, crashed));
    assert!(urls.iter().all(|url| !is_open(url)) && folders.iter().all(|folder| !folder.exists()));
}

/// Whoever is killed drops nothing, and neither does who ends with a server that is shared.
#[test]
fn no_server_outlives_the_process_that_started_it() {
    const ROLE: &str = "LEGATION_TEST_POSTGRES_CHILD";
    if !postgres::is_at_hand() {
        return;
    }
    if let Ok(role) = env::var(ROLE) {
        println!("\nURL {}", postgres::shared().unwrap().url());
        if role == "killed" {
            thread::sleep(Duration::from_secs(300));
        }
        return;
    }
    for role in ["killed", "ended"] {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "no_server_outlives_the_process_that_started_it", "--nocapture"])
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.unwrap().strip_prefix("URL ").map(str::to_owned)).unwrap();
        if role == "killed" {
            assert!(is_open(&url));
            child.kill().unwrap();
        }
        child.wait().unwrap();
        wait_until(role, || !is_open(&url) && folders(child.id()).is_empty());
    }
}
