//! The arguments of `legation migrate`.

use super::{PlaceArgs, duration, moment};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Make an agent of each shared key of a file: its programs go on with the key that they have, for a while.
    Keys(MigrateKeysArgs),
    /// Read a LiteLLM proxy's configuration: models, teams, keys and budgets become files for `legation apply`.
    Litellm(LitellmArgs),
    /// Only watch agents for a while: what is denied them is recorded, and passes up to what their team has.
    Shadow(ShadowArgs),
    /// What agents did, who would be denied and by which rule, and the least delegation that would fit.
    Report(ReportArgs),
    /// Enforce what agents are delegated, from their next call on.
    Enforce(EnforceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MigrateKeysArgs {
    /// A line of JSON for each key, a JSON list of them, or CSV with a header: `name`, and `key` or its `sha256` (hexadecimal);
    /// optionally `team`, `models` and `budget`. `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The team of those that name none.
    #[arg(long, value_name = "NAME", default_value = legation_registry::FIRST_TEAM)]
    pub(crate) team: String,
    /// The groups of models of those that name none; repeatable.
    #[arg(long, value_name = "GROUP", default_value = "*")]
    pub(crate) models: Vec<String>,
    /// The budget of those that name none, such as 5USD/day.
    #[arg(long, value_name = "BUDGET")]
    pub(crate) budget: Option<String>,
    /// For how long the old keys are accepted: 365d at most.
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = duration)]
    pub(crate) until: i64,
    /// Put the agents in shadow for so long, too: 30d at most.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) shadow: Option<i64>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LitellmArgs {
    /// The proxy's `config.yaml`.
    #[arg(value_name = "CONFIG")]
    pub(crate) config: PathBuf,
    /// Its keys, as `/key/list?return_full_object=true` answers, or a JSON list of rows of its key table.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Its teams, as `/team/list` answers.
    #[arg(long, value_name = "FILE")]
    pub(crate) teams: Option<PathBuf>,
    /// The group of its models.
    #[arg(long, value_name = "GROUP", default_value = "standard")]
    pub(crate) group: String,
    /// The folder to write to, which must not be there yet: files for `legation apply`, `keys.ndjson` for `legation migrate keys`, and what
    /// can't be carried over.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ShadowArgs {
    /// The agents.
    #[arg(value_name = "AGENT", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) agents: Vec<String>,
    /// All agents that there are.
    #[arg(long)]
    pub(crate) all: bool,
    /// Until when: a time such as 2026-12-21T10:00:00Z, within 30 days; by default 14 days from now.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<i64>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EnforceArgs {
    /// The agents.
    #[arg(value_name = "AGENT", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) agents: Vec<String>,
    /// All agents that are in shadow.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// This agent only.
    #[arg(value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// From this time on, such as 2026-11-21T10:00:00Z; by default all that is recorded.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<i64>,
    /// Write what would fit to this folder, which must not be there yet, as files for `legation apply`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
