//! LiteLLM's proxy. Its keys and their budgets are in PostgreSQL, reached by an engine of Prisma's that is downloaded when
//! it is installed; where that can't be had, its documented `custom_auth` says whose a key is and what its budget is
//! (`gateway/litellm_auth.py`), and the proxy holds calls against it as always: in memory, or in Redis for several workers.

use crate::{
    machine::Folders,
    peer::Peer,
    process::{self, Running},
};
use std::{fs, net::SocketAddr, path::Path, process::Command};

/// How it runs.
#[derive(Clone, Copy)]
pub(crate) enum Workers {
    /// One, which counts in memory, as by default.
    One,
    /// Two that share their counts by Redis, as its documentation asks for.
    Sharing,
    /// Two without Redis, of which it warns.
    Apart,
}

pub(crate) struct LiteLlm {
    address: SocketAddr,
    pub(crate) name: &'static str,
    _running: Vec<Running>,
}

impl LiteLlm {
    /// Starts it, where it is installed.
    pub(crate) fn start(folders: &Folders, upstream: SocketAddr, workers: Workers) -> Option<Self> {
        let programs = folders.work.join("litellm/bin");
        if !programs.join("litellm").exists() {
            return None;
        }
        let (name, place) = match workers {
            Workers::One => ("LiteLLM, 1 worker", "litellm-one"),
            Workers::Sharing => ("LiteLLM, 2 workers, Redis", "litellm-sharing"),
            Workers::Apart => ("LiteLLM, 2 workers, no Redis", "litellm-apart"),
        };
        let home = folders.work.join(place);
        fs::create_dir_all(&home).unwrap();
        let config = fs::read_to_string(folders.own.join("litellm.yaml")).unwrap();
        fs::write(home.join("config.yaml"), config.replace("UPSTREAM", &upstream.to_string())).unwrap();
        fs::copy(folders.own.join("litellm_auth.py"), home.join("litellm_auth.py")).unwrap();
        let address = process::free_address();
        let mut running = Vec::new();
        let mut more = Vec::new();
        if matches!(workers, Workers::Sharing) {
            let redis = process::free_address();
            running.push(start_redis(folders, redis));
            more = vec!["REDIS_HOST=127.0.0.1".to_owned(), format!("REDIS_PORT={}", redis.port())];
        }
        let mut command = command(&programs, &home, address, &more);
        if matches!(workers, Workers::Sharing | Workers::Apart) {
            command.args(["--num_workers", "2"]);
        }
        running.push(process::start(folders, &format!("{place}.log"), &command));
        process::wait_for(address);
        Some(Self { address, name, _running: running })
    }

    /// As the holder of a key sees it; of what the key says, see `gateway/litellm_auth.py`.
    pub(crate) fn peer(&self, name: &str, key: &str) -> Peer {
        Peer::gateway(name, vec![self.address], &format!("sk-bench-{key}"))
    }
}

/// With nothing of our environment: it is a program from a registry.
fn command(programs: &Path, home: &Path, address: SocketAddr, more: &[String]) -> Command {
    let mut command = Command::new("env");
    command.arg("--ignore-environment").arg(format!("HOME={}", home.display()));
    command.arg(format!("PATH={}:/usr/bin:/bin", programs.display()));
    command.args(["LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOG=ERROR", "PYTHONDONTWRITEBYTECODE=1"]);
    command.args(["LITELLM_MASTER_KEY=sk-master-of-the-bench", "DO_NOT_TRACK=1"]);
    command.args(more).arg(programs.join("litellm")).current_dir(home);
    command.args(["--config", "config.yaml", "--host", "127.0.0.1", "--telemetry", "False"]);
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
    let running = process::start(folders, "redis.log", &command);
    process::wait_for(address);
    running
}
