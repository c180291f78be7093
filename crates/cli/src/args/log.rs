//! The arguments of `legation log`.

use super::{DataArgs, KeyArgs, NetworkArgs, OutArgs, duration, moment};
use clap::{Args, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Verify a log, an export, or the proof of one entry: signatures, the tree, the order, witnesses. Nothing is fetched.
    Verify(VerifyLogArgs),
    /// Write one receipt or event with the proof that it is in the log: a few kilobytes, which `log verify` takes.
    Prove(ProveArgs),
    /// Write entries with their proofs, and all that it takes to verify them on a machine without network.
    Export(ExportLogArgs),
    /// Find entries by agent, principal, resource, code, time or delegation.
    Search(SearchLogArgs),
    /// What was taken of each total, from the log alone.
    Spend(SpendLogArgs),
    /// Decide again from what is recorded, and tell each difference.
    Replay(ReplayArgs),
    /// Erase, for good, what receipts were about (resource, facts, what was found). No proof breaks, and the log says that it was.
    Erase(EraseArgs),
    /// Put the log into an S3-compatible store: what is new, and then the checkpoint, by conditional writes.
    Push(PushArgs),
    /// Read a log out of such a store into a folder, which `log verify` takes.
    Pull(PullArgs),
    /// Witnesses: have a checkpoint signed by one, or be one for the logs of others.
    #[command(subcommand)]
    Witness(WitnessCommand),
}

/// Which log of an organization.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The log; by default the latest.
    #[arg(long, value_name = "NAME")]
    pub(crate) log: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// By what a log is believed to be the organization's.
#[derive(Debug, Args)]
pub(crate) struct AnchorArgs {
    /// A folder of DID documents, which were had from the organization's own domain. Without it, or --key, the document
    /// that came with the log is taken, and that is told.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    /// The log's own key, as `NAME+HEX+BASE64`, in place of a document.
    #[arg(long, value_name = "KEY", conflicts_with = "did_documents")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyLogArgs {
    /// The folder of a log, an export, or a proof; by default the organization's own log.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) anchor: AnchorArgs,
    /// A checkpoint of the log that somebody else was shown, as a file; repeatable. The log has to go on from each.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Vec<PathBuf>,
    /// Witnesses and how many of them there have to be: a file as C2SP tlog-policy has it.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// A witness that has to have signed, as `NAME+HEX+BASE64`; repeatable. All of them, unless --quorum says less.
    #[arg(long, value_name = "KEY", conflicts_with = "policy")]
    pub(crate) witness: Vec<String>,
    /// How many of the witnesses.
    #[arg(long, value_name = "N", requires = "witness")]
    pub(crate) quorum: Option<usize>,
    /// How far the time of an entry may be before that of an earlier one.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) max_back: i64,
    #[command(flatten)]
    pub(crate) of: LogArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// The number of a receipt, as `receipt list` shows it, or of an event, as `event:7`.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Show no values: the resource, the facts and what was found stay digests.
    #[arg(long)]
    pub(crate) no_values: bool,
    #[command(flatten)]
    pub(crate) out: OutArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExportLogArgs {
    /// From this time on; by default from the beginning.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<i64>,
    /// Until before this time; by default to the end.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<i64>,
    /// Show no values: the resource, the facts and what was found stay digests.
    #[arg(long)]
    pub(crate) no_values: bool,
    #[command(flatten)]
    pub(crate) out: OutArgs,
    #[command(flatten)]
    pub(crate) of: LogArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SearchLogArgs {
    /// An export; by default the organization's own log.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The agent's DID, or its name in the organization's own log.
    #[arg(long, value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// The principal's DID.
    #[arg(long, value_name = "DID")]
    pub(crate) principal: Option<String>,
    /// How the resource begins.
    #[arg(long, value_name = "URL")]
    pub(crate) resource: Option<String>,
    /// A code such as `budget_exceeded`, a decision such as `permit`, or an event such as `agent.suspended`.
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// The SHA-256 of a delegation, as receipts name it in `chain`: everything that was decided under it.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) delegation: Option<String>,
    /// From this time on.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<i64>,
    /// Until before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<i64>,
    /// Most entries that are shown, the latest.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) last: u32,
    /// Make the index of the own log anew; it stands in the folder `index` beside the log, and can be removed at any time.
    #[arg(long, conflicts_with = "file")]
    pub(crate) rebuild: bool,
    #[command(flatten)]
    pub(crate) of: LogArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SpendLogArgs {
    /// An export; by default the organization's own log.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The totals of one delegation only, by its SHA-256.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) delegation: Option<String>,
    #[command(flatten)]
    pub(crate) of: LogArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// An export; by default the organization's own log.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What was decided up to this time only.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<i64>,
    #[command(flatten)]
    pub(crate) of: LogArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WitnessCommand {
    /// Show the key that auditors and logs know a witness by.
    Key(WitnessKeyArgs),
    /// Be a witness: sign checkpoints of logs, each only where it goes on from what was signed before.
    Serve(WitnessServeArgs),
    /// Have the log's checkpoint signed by a witness, and keep that for `log verify` and exports.
    Ask(WitnessAskArgs),
}

#[derive(Debug, Args)]
pub(crate) struct WitnessKeyArgs {
    /// What the witness is called, such as `witness.example/w1`.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WitnessServeArgs {
    #[command(flatten)]
    pub(crate) own: WitnessKeyArgs,
    /// The key of a log that it signs for, as `NAME+HEX+BASE64`; repeatable.
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) log: Vec<String>,
    /// The folder where it keeps what it signed last.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct WitnessAskArgs {
    /// The URL of the witness, to which `/add-checkpoint` is added.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Its key, as `NAME+HEX+BASE64`.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) of: LogArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The place, as `s3://BUCKET/PREFIX`; the log is below it under its own name. Key and store are those of AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) of: LogArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// The place of the log itself, as `s3://BUCKET/PREFIX/NAME`. Key and store are those of AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The folder to write, a new one.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The number of a receipt; repeatable.
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..), required_unless_present = "agent")]
    pub(crate) receipt: Vec<i64>,
    /// All receipts of this agent, by its name.
    #[arg(long, value_name = "AGENT", conflicts_with = "receipt")]
    pub(crate) agent: Option<String>,
    /// Of the agent's receipts those up to this time; by default all.
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "agent")]
    pub(crate) until: Option<i64>,
    /// Why, which the log says for good.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// The export, as `log export` writes it. It is verified first.
    #[arg(value_name = "EXPORT")]
    pub(crate) file: PathBuf,
    /// What it is held against, point by point.
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) framework: Framework,
    #[command(flatten)]
    pub(crate) anchor: AnchorArgs,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framework {
    /// The AI Act of the European Union.
    EuAiAct,
    /// SOC 2, the Trust Services Criteria.
    Soc2,
    /// The AI Risk Management Framework of NIST.
    NistAiRmf,
    /// The General Data Protection Regulation.
    Gdpr,
}
