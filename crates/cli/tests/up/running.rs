//! `legation up`, ended when the test is.

use crate::common::{Play, free_port};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command},
    time::{Duration, Instant},
};

pub(crate) struct Up {
    child: Child,
    pub(crate) port: u16,
    /// The port of its admin address.
    #[allow(dead_code, reason = "not all tests ask there")]
    pub(crate) admin: u16,
    /// The key that `--dev` printed; empty without.
    pub(crate) key: String,
}

impl Up {
    pub(crate) fn dev(play: &Play, more: &[&str], env: &[(&str, String)]) -> Self {
        let more: Vec<&str> = [&["--dev"], more].concat();
        Self::again(play, free_port(), &more, env)
    }

    pub(crate) fn again(play: &Play, port: u16, more: &[&str], env: &[(&str, String)]) -> Self {
        Self::by(play, port, &[], more, env)
    }

    /// As another program starts it, which it takes the place of.
    pub(crate) fn by(
        play: &Play,
        port: u16,
        program: &[&str],
        more: &[&str],
        env: &[(&str, String)],
    ) -> Self {
        Self::try_by(play, port, program, more, env).unwrap()
    }

    /// The same, or what it said where it ended by itself.
    pub(crate) fn try_by(
        play: &Play,
        port: u16,
        program: &[&str],
        more: &[&str],
        env: &[(&str, String)],
    ) -> Result<Self, String> {
        let own = free_port();
        let (listen, admin) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{own}"));
        let out = format!("up-{port}.out");
        let file = std::fs::File::create(play.path(&out)).unwrap();
        let line = [program, &[env!("CARGO_BIN_EXE_legation")]].concat();
        let child = Command::new(line[0])
            .args(&line[1..])
            .args(["up", "--listen", &listen, "--admin-listen", &admin])
            .args(more)
            .current_dir(play.folder.path())
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .env_remove("ANTHROPIC_API_KEY")
            .env_remove("ANTHROPIC_BASE_URL")
            .envs(env.iter().map(|(name, value)| (name, value.as_str())))
            .stdout(file)
            .stderr(std::fs::File::create(play.path(&format!("up-{port}.err"))).unwrap())
            .spawn()
            .unwrap();
        let mut up = Self { child, port, admin: own, key: String::new() };
        let begin = Instant::now();
        while request(port, "GET", "/healthz", "", "").is_none_or(|(status, _)| status != 200) {
            let said = || play.read(&format!("up-{port}.err"));
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not come up: {}", said());
            if up.child.try_wait().unwrap().is_some() {
                return Err(said());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let printed = play.read(&out);
        up.key = printed
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("legation_"))
            .unwrap_or_default()
            .to_owned();
        Ok(up)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        // A shell has it built in.
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to end and waits until it has; with which status, and how long that took.
    pub(crate) fn end(&mut self) -> (Option<i32>, Duration) {
        let begin = Instant::now();
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        (status.code(), begin.elapsed())
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn post(&self, key: &str, body: &Value) -> (u16, Value) {
        try_post(self.port, key, body).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        request(self.port, "GET", path, "", "").unwrap()
    }

    /// What stands at a path, as it is.
    pub(crate) fn text(&self, path: &str) -> String {
        raw(self.port, "GET", path, "", "").unwrap().1
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes whose parent is this one.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let of = |entry: std::io::Result<std::fs::DirEntry>| {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // After the name, which is in parentheses: the state, then the parent.
        let parent_of: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        (parent_of == parent).then_some(id)
    };
    std::fs::read_dir("/proc").unwrap().filter_map(of).collect()
}

/// A chat completion; `None` where no answer came.
pub(crate) fn try_post(port: u16, key: &str, body: &Value) -> Option<(u16, Value)> {
    let key = format!("authorization: Bearer {key}\r\n");
    request(port, "POST", "/v1/chat/completions", &key, &body.to_string())
}

pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<(u16, Value)> {
    let (status, body) = raw(port, method, path, headers, body)?;
    Some((status, json_in(&body)))
}

/// The JSON of an answer; null where there is none.
pub(crate) fn json_in(body: &str) -> Value {
    // Chunked or whole: what counts is the JSON in it.
    let json = body
        .find('{')
        .zip(body.rfind('}'))
        .and_then(|(from, to)| serde_json::from_str(body.get(from..=to)?).ok());
    json.unwrap_or_default()
}

pub(crate) fn raw(port: u16, method: &str, path: &str, headers: &str, body: &str) -> Option<(u16, String)> {
    raw_at((port, &format!("localhost:{port}")), method, path, headers, body)
}

/// The same of a host that is named otherwise.
pub(crate) fn raw_at(
    (port, host): (u16, &str),
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Plain http is spoken with what is called `localhost` only.
pub(crate) fn local(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}
