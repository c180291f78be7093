//! The arguments of `policy` and `partner`.

use super::{FileArgs, ListArgs, NameArgs, PlaceArgs, duration, moment};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum PartnerCommand {
    /// Let agents of another organization call, by a JSON file, one or a list: `name`, `did`, `routes`, `models`, `constraints`,
    /// `maxStatusAge`. One of the same name is replaced.
    Set(FileArgs),
    /// The partners: on which routes and models their agents may call.
    List(ListArgs),
    /// Let agents of a partner call no more, from their next call on.
    Remove(NameArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Read a policy and hold it against the schema; what is wrong is told by line and column. Nothing is kept.
    Check(CheckPolicyArgs),
    /// What policies can speak of: the schema, in Cedar.
    Schema,
    /// Keep a policy as the next version of its name. It decides nothing before it is bound.
    Put(PutPolicyArgs),
    /// Bind a version to the organization, a team, a tag or an agent: from the next call on it decides, in every gateway.
    Bind(BindPolicyArgs),
    /// End what binds a policy to somebody.
    Unbind(UnbindPolicyArgs),
    /// The policies, and whom they are bound to.
    List(ListArgs),
    /// A policy: its text and whom it is bound to; without a name all that is bound, or was at a moment.
    Show(ShowPolicyArgs),
    /// All versions of a policy, and all that it was ever bound to.
    History(NameArgs),
    /// Decide recorded requests again with a policy: who would have been decided otherwise. Nothing is changed.
    Test(TestPolicyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckPolicyArgs {
    /// Files in Cedar.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PutPolicyArgs {
    /// A file in Cedar.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The policy's name: `a`-`z`, `0`-`9`, `.`, `_`, `-`; by default the file's, without its extension.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BindPolicyArgs {
    /// The policy; `NAME@VERSION` for another version than the last one.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// To whom: `organization`, `team:NAME`, `tag:NAME` or `agent:NAME`.
    #[arg(long, value_name = "WHOM")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnbindPolicyArgs {
    /// The policy.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// From whom: `organization`, `team:NAME`, `tag:NAME` or `agent:NAME`.
    #[arg(long, value_name = "WHOM", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) to: Option<String>,
    /// From everybody.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowPolicyArgs {
    /// The policy, `NAME@VERSION` for another version than the last one; without it all that is bound.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What was bound at this time, such as 2026-03-03T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "name")]
    pub(crate) at: Option<i64>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TestPolicyArgs {
    /// A file in Cedar; without it, what is kept of --name.
    #[arg(value_name = "FILE", required_unless_present = "name")]
    pub(crate) file: Option<PathBuf>,
    /// In place of the policy of this name; by default the file's, without its extension. Without a file, this policy (`NAME@VERSION`) is tried.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Whom it would be bound to; repeatable. By default whom the policy of its name is bound to, else the organization.
    #[arg(long, value_name = "WHOM")]
    pub(crate) to: Vec<String>,
    /// How far back: a number with s, m, h or d; by default all that is recorded.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) since: Option<i64>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
