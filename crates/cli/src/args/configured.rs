//! The arguments of what an organization configures and looks at: secrets, models, spend, receipts.

use super::{FileArgs, ListArgs, NameArgs, PlaceArgs, ToFileArgs, duration};
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Keep the secret of an upstream, such as a provider's key. It is read from standard input, one line; never put it
    /// into the command line, where others on this machine can see it.
    Set(SetSecretArgs),
    /// The secrets by name and origin; what they are is never shown.
    List(ListArgs),
    /// Remove a secret.
    Remove(NameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetSecretArgs {
    /// Its name, which models refer to.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The one origin that it may ever be sent to, such as `https://api.openai.com`.
    #[arg(long, value_name = "URL")]
    pub(crate) origin: String,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Set a model, or several, from a file of JSON: `group`, `name`, `targets`, `price`, `maxOutputTokens`,
    /// `maxInputTokens`. One of the same name is replaced, and opened again where it was closed.
    Set(FileArgs),
    /// All models: group, name, price, where they run.
    List(ListArgs),
    /// Remove a model.
    Remove(NameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SpendArgs {
    /// How far back: a number with s, m, h or d.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "24h")]
    pub(crate) since: i64,
    /// What has a line of its own; repeat it, or separate several by commas. By default each agent and model.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "agent,model")]
    pub(crate) by: Vec<SpendBy>,
    /// Write comma-separated values.
    #[arg(long)]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SpendBy {
    /// A line for each team. Children that agents made themselves are of none.
    Team,
    /// A line for each agent.
    Agent,
    /// A line for each model.
    Model,
    /// A line for each end user, as agents name them (`user`, `safety_identifier`, `metadata.user_id`).
    EndUser,
}

#[derive(Debug, Args)]
pub(crate) struct ListReceiptsArgs {
    /// Of this agent only.
    #[arg(value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// Receipts of others: what services signed of what agents sent, and whether that holds.
    #[arg(long)]
    pub(crate) theirs: bool,
    /// How many, the latest first.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    pub(crate) last: i64,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowReceiptArgs {
    /// The receipt's number.
    #[arg(value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) seq: i64,
    /// The one of others that has this number.
    #[arg(long)]
    pub(crate) theirs: bool,
    #[command(flatten)]
    pub(crate) to: ToFileArgs,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
