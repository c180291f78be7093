//! Runs the command in a folder of its own.
#![allow(dead_code, unreachable_pub)] // each test file uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a test's helpers may stop it

pub mod typed;

use serde_json::Value;
use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A folder, and the command run in it.
pub struct Play {
    pub folder: TempDir,
}

impl Play {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap().trim().to_owned()
    }

    /// Runs the command with arguments separated by white space.
    pub fn run(&self, arguments: &str) -> Ran {
        self.run_list(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    pub fn run_list(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_legation"));
        Ran::of(command.args(arguments).current_dir(self.folder.path()).output().unwrap())
    }

    /// Runs it, requires success, and gives the JSON object it prints.
    pub fn json(&self, arguments: &str) -> Value {
        let ran = self.run(&format!("{arguments} --json"));
        assert_eq!(ran.status, 0, "{arguments}: {ran:?}");
        ran.json()
    }

    /// A key file without passphrase, and its did:key.
    pub fn key(&self, name: &str) -> String {
        let made = self.json(&format!("key generate --insecure-plaintext --out {name}"));
        made["did"].as_str().unwrap().to_owned()
    }
}

#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            status: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON object on stdout.
    pub fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "one object: {self:?}");
        serde_json::from_str(&self.stdout).expect("JSON on stdout")
    }
}

/// `legation serve`, ended when the test is.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    pub fn start(play: &Play, port: u16, more: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(["serve", "site", "--listen", &format!("127.0.0.1:{port}")])
            .args(more)
            .current_dir(play.folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", server.port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
