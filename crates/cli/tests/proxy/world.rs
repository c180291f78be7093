//! An organization that runs, an agent that keeps its own key, and its proxy.

use crate::{
    common::Play,
    running::{self, Up},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// An organization whose agent `mail` has brought its key and has its file, `mail.agent`.
pub(crate) struct World {
    pub(crate) play: Play,
    pub(crate) up: Up,
}

impl World {
    pub(crate) fn new(env: &[(&str, String)]) -> Self {
        let play = Play::new();
        let up = Up::dev(&play, &[], env);
        play.key("mail.key");
        play.json("agent add mail --own-key mail.key --models standard --budget 1USD/day --max-depth 1");
        play.json("agent file mail --own-key mail.key --out mail.agent");
        Self { play, up }
    }

    pub(crate) fn gateway(&self) -> String {
        format!("http://localhost:{}", self.up.port)
    }

    /// The id of the current delegation of `mail`.
    pub(crate) fn delegation(&self) -> String {
        let all = self.play.json("delegation list mail");
        let all = all["delegations"].as_array().unwrap();
        let current = all.iter().find(|one| one["state"] == "current").unwrap();
        current["id"].as_str().unwrap().to_owned()
    }

    /// A proxy on loopback, of an agent file.
    pub(crate) fn proxy(&self, file: &str) -> Proxy {
        let mut running = self.start(file, "127.0.0.1:0", Stdio::piped());
        let mut line = String::new();
        BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("it does not begin: {line}"));
        let of = |name: &str| told["environment"][name].as_str().unwrap().to_owned();
        let port = of("ANTHROPIC_BASE_URL").rsplit_once(':').unwrap().1.parse().unwrap();
        Proxy { _running: running, port, token: of("OPENAI_API_KEY") }
    }

    pub(crate) fn start(&self, file: &str, listen: &str, stdout: Stdio) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args([
                "agent",
                "proxy",
                "--key",
                file,
                "--gateway",
                &self.gateway(),
                "--listen",
                listen,
                "--json",
            ])
            .current_dir(self.play.folder.path())
            .stdout(stdout)
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Running(child)
    }
}

/// A process, ended when the test is, however that ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A proxy that listens on loopback.
pub(crate) struct Proxy {
    _running: Running,
    pub(crate) port: u16,
    pub(crate) token: String,
}

impl Proxy {
    /// What comes of a chat with the scripted model, with further members.
    pub(crate) fn chat(&self, members: &Value) -> (u16, Value) {
        let mut body = json!({"model": "scripted", "messages": [{"role": "user", "content": "hello"}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let headers = [self.host(), self.bearer()].concat();
        send(self.port, "POST /v1/chat/completions", &headers, &body.to_string())
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        send(self.port, &format!("GET {path}"), &[self.host(), self.bearer()].concat(), "")
    }

    pub(crate) fn host(&self) -> String {
        format!("host: 127.0.0.1:{}\r\n", self.port)
    }

    pub(crate) fn bearer(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.token)
    }
}

/// Status and code of what comes of something.
pub(crate) fn told((status, answer): (u16, Value)) -> (u16, String) {
    (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Sends a request as it stands, and reads its answer: `line` is method and target.
pub(crate) fn send(port: u16, line: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    exchange(&mut stream, line, headers, body)
}

pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    line: &str,
    headers: &str,
    body: &str,
) -> (u16, Value) {
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    // A door that refuses may close before it has read all.
    let _ = stream.read_to_string(&mut answer);
    let (head, body) =
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {line}: {answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let json = body
        .find('{')
        .zip(body.rfind('}'))
        .and_then(|(from, to)| serde_json::from_str(body.get(from..=to)?).ok());
    (status, json.unwrap_or_default())
}

pub(crate) use running::local;
