//! The arguments of `signals` and `alert`: who is told of what happens.

use super::{IdArgs, ListArgs, PlaceArgs, duration};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SignalsCommand {
    /// Who may have a stream of events.
    #[command(subcommand)]
    Receiver(ReceiverCommand),
    /// The streams that there are, and how much waits for each.
    Streams(ListArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiverCommand {
    /// Let somebody have a stream of events. Its token is printed once, alone on standard output.
    Add(AddReceiverArgs),
    /// The receivers.
    List(ListArgs),
    /// Take a receiver away, with its token, its stream and what waits for it.
    Remove(IdArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddReceiverArgs {
    /// What it is called here.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Whom its tokens name (`aud`), such as https://shop.example; by default a URL of the organization's own.
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// What its token may do: `ssf.read` (poll, look) or `ssf.manage` (make and change the stream, too); both by default.
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    pub(crate) scope: Vec<String>,
    /// When its token ends.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "90d")]
    pub(crate) expires: i64,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Tell a webhook. What it gets is JSON; its header `Legation-Signature` is a detached JWS by the organization's key.
    Add(AddAlertArgs),
    /// The webhooks.
    List(ListArgs),
    /// Take a webhook away, with what waits for it.
    Remove(IdArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddAlertArgs {
    /// Where alerts are sent to.
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// What it is told of: `budget-80`, `expiry`, `stale-status`, `closed-model`, `denials`, `approval`,
    /// `quarantine`; repeatable, all by default.
    #[arg(long, value_name = "ALERT", value_delimiter = ',')]
    pub(crate) on: Vec<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
