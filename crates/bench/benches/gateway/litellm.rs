//! LiteLLM's proxy. Its keys and their budgets are in PostgreSQL, reached by an engine of Prisma's that is downloaded when
//! it is installed; where that can't be had, its documented `custom_auth` says whose a key is and what its budget is
//! (`gateway/litellm_auth.py`), and the proxy holds calls against it as always: in memory, or in Redis for several workers.

use crate::{
    machine::Folders,
    peer::Peer,
    process::{self, Running},
};
use std::{fs, net::SocketAddr, path::Path, process::Command};

pub(crate) struct LiteLlm {
    address: SocketAddr,
    pub(crate) name: &'static str,
    _running: Vec<Running>,
}

impl LiteLlm {
    /// Starts it, where it is installed: one worker, or two that share their counts by Redis.
    pub(crate) fn start(folders: &Folders, upstream: SocketAddr, shared: bool) -> Option<Self> {
        let programs = folders.work.join("litellm/bin");
        if !programs.join("litellm").exists() {
            return None;
        }
        let name = if shared { "LiteLLM, 2 workers, Redis" } else { "LiteLLM, 1 worker" };
        let home = folders.work.join(if shared { "litellm-shared" } else { "litellm-alone" });
        fs::create_dir_all(&home).unwrap();
        let config = fs::read_to_string(folders.own.join("litellm.yaml")).unwrap();
        fs::write(home.join("config.yaml"), config.replace("UPSTREAM", &upstream.to_string())).unwrap();
        fs::copy(folders.own.join("litellm_auth.py"), home.join("litellm_auth.py")).unwrap();
        let address = process::free_address();
        let mut running = Vec::new();
        let mut command = command(&programs, &home, address);
        if shared {
            let redis = process::free_address();
            running.push(start_redis(folders, redis));
            command.args(["--num_workers", "2"]);
            command.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port().to_string());
        }
        running.push(process::start(
            folders,
            if shared { "litellm-shared.log" } else { "litellm-alone.log" },
            &mut command,
        ));
        process::wait_for(address);
        Some(Self { address, name, _running: running })
    }

    /// As the holder of a key sees it; of what the key says, see `gateway/litellm_auth.py`.
    pub(crate) fn peer(&self, name: &str, key: &str) -> Peer {
        Peer::gateway(name, vec![self.address], &format!("sk-bench-{key}"))
    }
}

/// With nothing of our environment: it is a program from a registry.
fn command(programs: &Path, home: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new(programs.join("litellm"));
    command.env_clear().env("HOME", home).env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    command.envs([
        ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
        ("LITELLM_LOG", "ERROR"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]);
    command.envs([("LITELLM_MASTER_KEY", "sk-master-of-the-bench"), ("DO_NOT_TRACK", "1")]);
    command.current_dir(home).args([
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
        "--telemetry",
        "False",
    ]);
    command.args(["--port", &address.port().to_string()]);
    command
}

fn start_redis(folders: &Folders, address: SocketAddr) -> Running {
    let mut command = Command::new("redis-server");
    command.args([
        "--bind",
        "127.0.0.1",
        "--port",
        &address.port().to_string(),
        "--save",
        "",
        "--appendonly",
        "no",
    ]);
    let running = process::start(folders, "redis.log", &mut command);
    process::wait_for(address);
    running
}
