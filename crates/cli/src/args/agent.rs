//! The arguments of what an agent does with its own key: its file, narrower ones, the proxy.

use super::{OutArgs, PlaceArgs, duration};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct AgentFileArgs {
    /// The agent.
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,
    /// Its key file, where it brought its key.
    #[arg(long, value_name = "FILE", required_unless_present = "user", conflicts_with = "user")]
    pub(crate) own_key: Option<PathBuf>,
    /// The number of the user (`id -u NAME`) whose processes act as the agent, where the signer keeps its key: they have requests
    /// signed there, and get no key.
    #[arg(long, value_name = "UID", requires = "socket")]
    pub(crate) user: Option<u32>,
    /// The socket at which the signer answers them: what `legation signer --agent-socket` was given.
    #[arg(long, value_name = "PATH", requires = "user")]
    pub(crate) socket: Option<PathBuf>,
    /// A file that holds that key's passphrase, by which the agent file is encrypted, too.
    #[arg(long, value_name = "FILE", requires = "own_key")]
    pub(crate) own_key_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) out: OutArgs,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// What is left of a delegation for a child.
#[derive(Debug, Args)]
pub(crate) struct NarrowArgs {
    /// The agent file whose delegations are passed on; what is given below is taken off them.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// A file that holds its passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// What the child may spend, such as `1USD/day` or `0.20USD/1h`; repeatable.
    #[arg(long, value_name = "BUDGET")]
    pub(crate) budget: Vec<String>,
    /// A model that it may call, by its name; repeatable. All that its parent may by default.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Vec<String>,
    /// An action that it may do, on each --resource; repeatable. All that its parent may by default.
    #[arg(long, value_name = "ACTION", requires = "resource")]
    pub(crate) action: Vec<String>,
    /// What the actions are on; repeatable.
    #[arg(long, value_name = "URL", requires = "action")]
    pub(crate) resource: Vec<String>,
    /// A further constraint as JSON, such as `{"type":"rate","seconds":60,"max":10}`; repeatable.
    #[arg(long, value_name = "JSON")]
    pub(crate) constraint: Vec<String>,
    /// How long it lives, at most as long as its parent. Gateways take four hours at most of a child that was made offline.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    pub(crate) valid_for: i64,
    /// A file that holds a passphrase to encrypt the child's file with; without, whoever reads the file acts as the child.
    #[arg(long, value_name = "FILE")]
    pub(crate) out_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

/// Who signs, and for which gateway.
#[derive(Debug, Args)]
pub(crate) struct SignsArgs {
    /// The agent file.
    #[arg(long, value_name = "FILE", env = "LEGATION_AGENT_FILE")]
    pub(crate) key: PathBuf,
    /// A file that holds its passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The gateway's URL, such as `https://gateway.acme.example`.
    #[arg(long, value_name = "URL", env = "LEGATION_GATEWAY")]
    pub(crate) gateway: String,
    /// The gateway is at an address of a private network.
    #[arg(long)]
    pub(crate) allow_private: bool,
    /// A certificate authority (PEM) to trust beside the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AgentProxyArgs {
    #[command(flatten)]
    pub(crate) signs: SignsArgs,
    /// Where it listens: the path of a unix socket, which only its owner may use, or a port of this machine, where a token
    /// of the run is asked for.
    #[arg(long, value_name = "PATH|ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) signs: SignsArgs,
    /// The program and its arguments, behind `--`.
    #[arg(value_name = "CMD", required = true, last = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}
