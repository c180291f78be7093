//! Legation: an organization in a folder of its own, with one gateway or more, by the `legation` command as people use it.

use crate::{
    machine::Folders,
    peer::{PRICE, Peer, TOKENS},
    process::{self, Running},
    upstream::DELAYS,
};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::PathBuf, process::Command};

pub(crate) struct Legation {
    name: &'static str,
    binary: PathBuf,
    data: PathBuf,
    addresses: Vec<SocketAddr>,
    /// The key that load is made with.
    key: String,
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
        made.running = made
            .addresses
            .iter()
            .enumerate()
            .map(|(number, address)| {
                let mut command = Command::new(&made.binary);
                command.args(["up", "--listen", &address.to_string()]);
                command
                    .args(["--admin-listen", &process::free_address().to_string(), "--data-dir"])
                    .arg(&made.data);
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
        let mut command = Command::new(&self.binary);
        command.arg("--json").args(args).arg("--data-dir").arg(&self.data);
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
