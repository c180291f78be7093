//! Where everything is, and the command.

use serde_json::Value;
use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long something may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder that is thrown away, on the disk that `target` is on.
pub(crate) struct World {
    pub(crate) work: PathBuf,
    pub(crate) legation: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        let target = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")).unwrap();
        let work = target.join("bench-organization");
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&work).unwrap();
        let legation = env::var_os("LEGATION").map_or(target.join("release/legation"), PathBuf::from);
        assert!(legation.exists(), "build it first: cargo build --release -p legation-cli");
        Self { work, legation }
    }

    /// The command with arguments, in the folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.legation);
        command.args(arguments.split_whitespace()).current_dir(&self.work);
        command
    }

    /// Runs it, requires success, and gives the JSON that it prints.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let output = self.command(&format!("{arguments} --json")).output().unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// `legation up` of a data folder, and how many seconds it took until it was ready.
    pub(crate) fn up(&self, data: &str) -> (Up, f64) {
        let (address, admin) = (free_address(), free_address());
        let begin = Instant::now();
        let mut command =
            self.command(&format!("up --data-dir {data} --listen {address} --admin-listen {admin}"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let up = Up { child, address };
        while get(admin, "/readyz").is_none_or(|(status, _)| status != 200) {
            assert!(begin.elapsed() < PATIENCE, "{data} does not come up");
            thread::sleep(Duration::from_millis(5));
        }
        let took = begin.elapsed().as_secs_f64();
        (up, took)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.work);
    }
}

pub(crate) struct Up {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Up {
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Status and body of a plain request.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
}

/// A model call with an API key.
pub(crate) fn call(address: SocketAddr, key: &str) -> u16 {
    let body = r#"{"model":"small","max_tokens":5,"messages":[{"role":"user","content":"hello"}]}"#;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    ask(address, &head).map_or(0, |(status, _)| status)
}

fn ask(address: SocketAddr, request: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}
