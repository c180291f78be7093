//! Legation: an organization in a folder of its own, with one gateway or more, by the `legation` command as people use it.

use crate::{
    machine::Folders,
    peer::{PRICE, Peer, TOKENS},
    process::{self, Running},
    upstream::DELAYS,
};
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

pub(crate) struct Legation {
    name: &'static str,
    binary: PathBuf,
    data: PathBuf,
    addresses: Vec<SocketAddr>,
    /// The key that load is made with, and the one that calls tools.
    key: String,
    tools: String,
    running: Vec<Running>,
}

/// A key of an agent of its own.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Legation {
    /// Starts it, with a team and an agent that have budgets which no load uses up.
    pub(crate) fn start(
        folders: &Folders,
        name: &'static str,
        upstream: SocketAddr,
        database: Option<&str>,
        gateways: usize,
    ) -> Self {
        let data = folders.work.join(format!("legation-{}", name.to_lowercase()));
        let _ = fs::remove_dir_all(&data);
        let mut made = Self {
            name,
            binary: folders.legation.clone(),
            data,
            addresses: (0..gateways).map(|_| process::free_address()).collect(),
            key: String::new(),
            tools: String::new(),
            running: Vec::new(),
        };
        let mut init = vec!["init".to_owned(), "bench.example".to_owned()];
        if let Some(url) = database {
            let file = folders.work.join("postgres-url");
            fs::write(&file, url).unwrap();
            let _ = Command::new("chmod").arg("600").arg(&file).status();
            init.extend(["--database-file".to_owned(), file.display().to_string()]);
        }
        made.run(&init.iter().map(String::as_str).collect::<Vec<_>>());
        let models = folders.work.join("models.json");
        fs::write(&models, models_at(upstream).to_string()).unwrap();
        made.run(&["model", "set", models.to_str().unwrap()]);
        made.run(&["team", "add", "bench", "--models", "*", "--budget", "100000000USD/month"]);
        made.key = made.agent("load", "10000000USD/day").secret;
        made.tools = made.tools_at(folders, upstream);
        made.running = made
            .addresses
            .iter()
            .enumerate()
            .map(|(number, address)| {
                let mut command = Command::new(&made.binary);
                command.args(["up", "--listen", &address.to_string()]);
                command
                    .args(["--admin-listen", &process::free_address().to_string(), "--data-dir"])
                    .arg(&made.data)
                    // All load is one agent's.
                    .args(["--max-calls-per-agent", "1024"]);
                process::start(folders, &format!("legation-{name}-{number}.log"), &command)
            })
            .collect();
        made.addresses.iter().for_each(|address| process::wait_for(*address));
        made
    }

    /// As its callers see so many of its gateways, with the key for load.
    pub(crate) fn peer(&self, name: &str, gateways: usize) -> Peer {
        Peer::gateway(name, self.addresses.iter().take(gateways).copied().collect(), &self.key)
    }

    /// The same, with the key that may call a tool.
    pub(crate) fn with_tools(&self) -> Peer {
        Peer::gateway(&format!("Legation, {}", self.name), vec![self.addresses[0]], &self.tools)
    }

    /// Puts it in front of the scripted server of MCP, and gives the key of an agent that may call one tool with an argument.
    fn tools_at(&self, folders: &Folders, upstream: SocketAddr) -> String {
        let upstream = format!("http://localhost:{}/", upstream.port());
        let files = folders.work.join("routes");
        fs::create_dir_all(&files).unwrap();
        let route = json!({"name": "tools", "path": "/tools/", "upstream": upstream, "protocol": "mcp"});
        fs::write(files.join("tools.json"), json!({"route": [route]}).to_string()).unwrap();
        self.run(&["apply", "-f", files.to_str().unwrap()]);
        let resource = format!("{upstream}mcp");
        self.run(&["team", "add", "tools", "--action", "mcp:*", "--resource", &resource]);
        let limit = r#"{"type": "argument", "name": "to", "oneOf": ["bob"]}"#;
        let granted = ["--action", "mcp:tools/call:pay", "--resource", &resource, "--constraint", limit];
        self.run(&[&["agent", "add", "clerk", "--team", "tools"][..], &granted].concat());
        let key = self.run(&["api-key", "create", "clerk"]);
        key["secret"].as_str().unwrap().to_owned()
    }

    /// As programs see it that sign nothing themselves: through an agent proxy of an agent with a key of its own.
    pub(crate) fn proxied(&self, folders: &Folders, name: &str) -> (Peer, Running) {
        let (key, file) = (self.data.join("signs.key"), self.data.join("signs.agent"));
        let (key, file) = (key.to_str().unwrap(), file.to_str().unwrap());
        self.tell(&["key", "generate", "--insecure-plaintext", "--out", key]);
        let budget = "10000000USD/day";
        self.run(&[
            "agent",
            "add",
            "signs",
            "--own-key",
            key,
            "--team",
            "bench",
            "--models",
            "*",
            "--budget",
            budget,
        ]);
        self.run(&["agent", "file", "signs", "--own-key", key, "--out", file]);
        let mut command = Command::new(&self.binary);
        let gateway = format!("http://localhost:{}", self.addresses[0].port());
        command.args(["agent", "proxy", "--key", file, "--gateway", &gateway, "--json"]);
        let log = format!("agent-proxy-{}.log", self.name);
        let running = process::start(folders, &log, &command);
        let begin = Instant::now();
        let told: Value = loop {
            let said = fs::read_to_string(folders.work.join("logs").join(&log)).unwrap_or_default();
            let line = said.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(told) = line {
                break told;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "the agent proxy does not begin: {said}");
            thread::sleep(Duration::from_millis(20));
        };
        let of = |name: &str| told["environment"][name].as_str().unwrap().to_owned();
        let address: SocketAddr = of("ANTHROPIC_BASE_URL").trim_start_matches("http://").parse().unwrap();
        (Peer::gateway(name, vec![address], &of("OPENAI_API_KEY")), running)
    }

    /// The processes of its gateways, without their signers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.running.iter().map(Running::id).collect()
    }

    pub(crate) fn gateways(&self) -> usize {
        self.addresses.len()
    }

    /// What it is called where all its gateways are used.
    pub(crate) fn told(&self) -> String {
        let plural = if self.gateways() == 1 { "" } else { "s" };
        format!("Legation, {}, {} gateway{plural}", self.name, self.gateways())
    }

    /// Makes an agent with a budget, and a key of it.
    pub(crate) fn agent(&self, name: &str, budget: &str) -> Key {
        self.run(&["agent", "add", name, "--team", "bench", "--models", "*", "--budget", budget]);
        let key = self.run(&["api-key", "create", name]);
        let text = |member: &str| key[member].as_str().unwrap().to_owned();
        Key { id: text("id"), secret: text("secret") }
    }

    pub(crate) fn block(&self, key: &Key) {
        self.run(&["api-key", "block", &key.id]);
    }

    fn run(&self, args: &[&str]) -> Value {
        let data = self.data.to_str().unwrap();
        self.tell(&[args, &["--data-dir", data]].concat())
    }

    /// Runs a command that needs no data.
    fn tell(&self, args: &[&str]) -> Value {
        let mut command = Command::new(&self.binary);
        command.arg("--json").args(args);
        let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "legation {args:?}: {told} {}",
            String::from_utf8_lossy(&output.stdout)
        );
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }
}

fn models_at(upstream: SocketAddr) -> Value {
    let model = |delay: &u64| {
        json!({
            "group": "standard", "name": format!("m{delay}"),
            "targets": [{"baseUrl": format!("http://localhost:{}/{delay}/v1", upstream.port()), "model": format!("m{delay}")}],
            "price": {"currency": "USD", "input": 0, "output": PRICE},
            "maxOutputTokens": TOKENS, "maxInputTokens": 128_000,
        })
    };
    DELAYS.iter().map(model).collect()
}
