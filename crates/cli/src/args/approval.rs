//! The arguments of `legation approval`.

use super::{IdArgs, PlaceArgs, duration, read_did};
use clap::{Args, Subcommand, ValueEnum};
use legation_did::Did;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalCommand {
    /// The requests that wait for an approval.
    List(ListApprovalsArgs),
    /// One request: exactly what would be done.
    Show(IdArgs),
    /// Approve a request with an approver's key: it passes once, when the agent asks again.
    Grant(GrantApprovalArgs),
    /// Refuse a request: it is denied for an hour, however often the agent asks.
    Refuse(RefuseApprovalArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListApprovalsArgs {
    /// Those in this state.
    #[arg(long, value_enum, default_value = "pending")]
    pub(crate) state: ApprovalState,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApprovalState {
    /// Nobody has decided.
    Pending,
    /// Somebody has approved it, and it has not passed yet.
    Granted,
    /// Somebody has refused it.
    Refused,
    /// It was approved, and has passed.
    Used,
}

impl ApprovalState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Used => "used",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct GrantApprovalArgs {
    /// The id, as `list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The approver's key file. The delegation of the agent names who may approve.
    #[arg(long, value_name = "FILE")]
    pub(crate) own_key: PathBuf,
    /// A file that holds that key's passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) own_key_passphrase_file: Option<PathBuf>,
    /// The DID that approves; by default the key's did:key.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) issuer: Option<Did>,
    /// How long the approval may be used, once; an hour at most.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m")]
    pub(crate) valid_for: i64,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RefuseApprovalArgs {
    /// The id, as `list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Why, which the agent is told.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
