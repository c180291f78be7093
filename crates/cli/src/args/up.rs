//! The arguments of `init`, `up` and `signer`.

use super::NetworkArgs;
use clap::{Args, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// Where the data of an organization, or of several, are.
#[derive(Clone, Debug, Args)]
pub(crate) struct FolderArgs {
    /// The folder of the organization's data.
    #[arg(long, value_name = "DIR", env = "LEGATION_DATA_DIR", default_value = "legation")]
    pub(crate) data_dir: PathBuf,
}

/// Which organization is meant, and where its data are.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    /// The organization, by its domain or its DID, where the folder holds several (`init --beside`).
    #[arg(long, value_name = "DOMAIN", env = "LEGATION_ORGANIZATION")]
    pub(crate) organization: Option<String>,
}

/// Where an organization is that a command acts on: in a folder of this machine, or at a host that runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Act on a running host in place of the folder: the URL of its --admin-listen address.
    #[arg(long, value_name = "URL")]
    pub(crate) host: Option<String>,
    /// The key file of the admin who asks the host; by default `admin.key` in the data folder.
    #[arg(long, value_name = "FILE", requires = "host")]
    pub(crate) key: Option<PathBuf>,
    /// A file that holds that key's passphrase.
    #[arg(long, value_name = "FILE", requires = "host")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The admin's delegation; by default `admin.jwt` in the data folder.
    #[arg(long, value_name = "FILE", requires = "host")]
    pub(crate) delegation: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PublishSiteArgs {
    /// The folder to write to, as a host serves it at its root.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// A folder whose `.toml` and `.json` files say what there is to be: `[[team]]`, `[[agent]]`, `[[model]]`, `[[route]]`.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) files: PathBuf,
    /// Also retire teams and agents, and remove models and routes, that no file names.
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write; one that is there is left as it is.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Keep the master key in it, too, encrypted by the passphrase of --passphrase-file. Without it a copy of the master
    /// key has to be kept apart.
    #[arg(long, requires = "passphrase_file")]
    pub(crate) with_master_key: bool,
    /// A file that holds the passphrase.
    #[arg(long, value_name = "FILE", requires = "with_master_key")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: FolderArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup. It goes into a data folder that is not there yet, and is closed until --reopen.
    #[arg(value_name = "FILE", required_unless_present = "reopen", conflicts_with = "reopen")]
    pub(crate) file: Option<PathBuf>,
    /// Open what was restored. What was spent since the backup is not known: budgets count as used up until their windows
    /// have passed. All agents, teams, admins and API keys wait for `legation confirm`.
    #[arg(long)]
    pub(crate) reopen: bool,
    /// Learn first what was revoked and suspended since, from a folder of what was published (`legation publish`, a
    /// mirror); repeatable.
    #[arg(long, value_name = "DIR", requires = "reopen")]
    pub(crate) status_from: Vec<PathBuf>,
    /// Confirm everything at once: nothing was revoked, suspended, blocked or replaced since the backup, but for what
    /// --status-from says.
    #[arg(long, requires = "reopen")]
    pub(crate) all: bool,
    /// The SHA-256 that `backup` printed; another file is refused.
    #[arg(long, value_name = "HEX", requires = "file")]
    pub(crate) digest: Option<String>,
    /// A file that holds the passphrase of the master key that is in the backup.
    #[arg(long, value_name = "FILE", requires = "file")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A file that holds the URL of an empty PostgreSQL database; by default a SQLite file in the data folder.
    #[arg(long, value_name = "FILE", requires = "file")]
    pub(crate) database_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// What still holds; all that waits is listed where nothing is named.
    #[command(subcommand)]
    pub(crate) what: Option<ConfirmCommand>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfirmCommand {
    /// The organization: its key is its own.
    Organization(ConfirmOwnArgs),
    /// A team: it holds, and its key is its own.
    Team(ConfirmNameArgs),
    /// An agent: it holds, and its key is its own.
    Agent(ConfirmAgentArgs),
    /// An admin, by its DID.
    Admin(ConfirmNameArgs),
    /// An API key, by its id.
    ApiKey(ConfirmNameArgs),
    /// Everything that waits: nothing was revoked, suspended, blocked or replaced since the backup.
    All(ConfirmOwnArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmOwnArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmNameArgs {
    /// Its name, its DID or its id.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmAgentArgs {
    /// The agent's name.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// All its API keys, too.
    #[arg(long)]
    pub(crate) with_keys: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Ask the network, too: whether the domain leads here, and what stands there is what has to be published.
    #[arg(long)]
    pub(crate) online: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// The TLS certificate that is served, a PEM file: whether it ends soon.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The domain whose did:web the organization is, such as `acme.example`; or a name below one, such as `acme.example/sales`.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: String,
    #[command(flatten)]
    pub(crate) data: FolderArgs,
    /// A file that holds the URL of a PostgreSQL database; by default a SQLite file in the data folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) database_file: Option<PathBuf>,
    /// Publish beside the did:web a did:webvh of the same document: a log of all its versions that nobody can rewrite, by which
    /// anybody can say which keys were valid when. It can't be added later.
    #[arg(long)]
    pub(crate) webvh: bool,
    /// A file that holds a passphrase for the first admin's key; without, whoever reads the key file has the key.
    #[arg(long, value_name = "FILE", conflicts_with = "no_admin")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Make no first admin here. While there is none, `up` prints a code when it starts: who types it by `admin claim` is the
    /// first one.
    #[arg(long)]
    pub(crate) no_admin: bool,
    /// Add it to a data folder that holds another organization. Both are served by one `legation up`, by their hosts, and know nothing
    /// of each other; commands say which one they mean by --organization.
    #[arg(long, conflicts_with = "database_file")]
    pub(crate) beside: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// An organization on this machine, for trying things out: with an agent, its key and a model. Uses OPENAI_API_KEY and
    /// OPENAI_BASE_URL, ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL where they are set, and else a model whose answers are
    /// scripted.
    #[arg(long)]
    pub(crate) dev: bool,
    /// The budget of the agent that `--dev` makes; 1USD/day where it makes one, and else as it is.
    #[arg(long, value_name = "BUDGET", requires = "dev")]
    pub(crate) budget: Option<String>,
    /// Where callers reach the gateway, and everybody what is published.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where whoever runs it reaches health, metrics and, for admins who sign, the administration. It speaks TLS where it
    /// is not of this machine and there is a certificate.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) admin_listen: SocketAddr,
    /// Serve no console at the address for admins: whoever administers does so by commands and by `/v1`.
    #[arg(long)]
    pub(crate) no_console: bool,
    /// Where proxies on this machine ask whether a request that they hold passes: Envoy by `ext_authz`, nginx by `auth_request`,
    /// Traefik by `forwardAuth`. An address of this machine. Examples stand in `examples/proxies`.
    #[arg(long, value_name = "ADDRESS", requires = "authz_origin")]
    pub(crate) authz_listen: Option<SocketAddr>,
    /// The origin of a service whose proxy asks there, such as https://shop.example: requests to any other are refused.
    /// Repeatable.
    #[arg(long, value_name = "ORIGIN", requires = "authz_listen")]
    pub(crate) authz_origin: Vec<String>,
    /// Where processes of agents on this machine ask for their SVIDs: a unix socket of the SPIFFE Workload API, by its whole path. Let it end
    /// with `@localhost`, such as `/run/legation/workload@localhost`: clients by gRPC's C library, Python's among them, reach no other.
    #[arg(long, value_name = "PATH", requires = "workload")]
    pub(crate) workload_socket: Option<PathBuf>,
    /// Which agent the processes of a user of this machine are, by the user's number: `1001=crm`. Repeatable.
    #[arg(long, value_name = "UID=AGENT", requires = "workload_socket")]
    pub(crate) workload: Vec<String>,
    /// The TLS certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The TLS key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let models run, witnesses be asked and the log be stored at addresses of a private network.
    #[arg(long)]
    pub(crate) allow_private: bool,
    /// An S3-compatible store that the log is put into, too, as `s3://BUCKET/PREFIX`; see `legation log push --help`. A store on this
    /// machine is reached by `http://localhost`.
    #[arg(long, value_name = "URL", env = "LEGATION_LOG_STORE")]
    pub(crate) log_store: Option<String>,
    /// Witnesses that are asked to sign the log's checkpoints, and how many of them have to: a file as C2SP tlog-policy has
    /// it, with lines `witness NAME KEY URL` and `quorum NAME`. The same file says to `log verify --policy` whom to ask for.
    #[arg(long, value_name = "FILE", env = "LEGATION_WITNESSES")]
    pub(crate) witnesses: Option<PathBuf>,
    /// Make identity tokens of agents only for those who prove a key that the token is bound to (DPoP, RFC 9449). Without it whoever
    /// sends no proof gets a bearer token.
    #[arg(long)]
    pub(crate) require_dpop: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) tell: TellArgs,
}

/// How much is done at a time.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Most connections at a time at each address. A further one takes the place of one that is idle; one client has seven
    /// eighths of them at most. WebSockets are not counted once they are open.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(8..=1_000_000))]
    pub(crate) max_connections: u32,
    /// Most calls at a time, of all agents of an organization together; further ones are answered with 503.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_calls: u32,
    /// Most calls at a time of one agent, and of all that it hands its authority on to; further ones are answered with 429. By
    /// default an eighth of --max-calls.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_calls_per_agent: Option<u32>,
    /// For how many seconds calls that run may go on once it is asked to end (SIGTERM, Ctrl-C). A second one ends it at once.
    /// WebSockets end at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub(crate) drain: u32,
}

/// What is told of requests.
#[derive(Debug, Args)]
pub(crate) struct TellArgs {
    /// Send the spans of each call to an OpenTelemetry collector: the URL of its OTLP end point over HTTP, such as
    /// http://localhost:4318. Headers that it asks for stand in OTEL_EXPORTER_OTLP_HEADERS.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    pub(crate) otlp: Option<String>,
    /// Write one line of JSON for each request to the gateway: who, which model or route, what came of it, how long it took,
    /// what it cost. No secrets, no prompts, no answers.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Off)]
    pub(crate) access_log: LogFormat,
    /// Where to; standard output by default. The file may be moved away at any time, and is then made anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log_file: Option<PathBuf>,
    /// Write one line of JSON for each request of an administrator: who, what, on what, what came of it. What commands do in
    /// the data folder stands in the events only.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Off)]
    pub(crate) audit_log: LogFormat,
    /// Where to; standard output by default. The file may be moved away at any time, and is then made anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_log_file: Option<PathBuf>,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One object a line.
    Json,
    /// Not at all.
    Off,
}

impl LogFormat {
    pub(crate) fn is_on(self) -> bool {
        self == Self::Json
    }
}

#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    #[command(flatten)]
    pub(crate) data: FolderArgs,
    /// A socket at which processes of agents, which run as other users, have their requests signed: `legation agent file AGENT
    /// --user UID` says who may. Its folder has to be the signer's own, and written by nobody else.
    #[arg(long, value_name = "PATH")]
    pub(crate) agent_socket: Option<PathBuf>,
    /// End once standard input ends: for whoever starts it and may die.
    #[arg(long, hide = true)]
    pub(crate) until_stdin_ends: bool,
    /// The folder of its sockets, which is removed at the end: for whoever has it alone.
    #[arg(long, hide = true, requires = "until_stdin_ends")]
    pub(crate) run: Option<PathBuf>,
}
