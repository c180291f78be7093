//! The arguments of `legation quarantine`, and of `legation agent activity`.

use super::{IdArgs, ListArgs, NameArgs, PlaceArgs, duration};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Write a rule: what suspends an agent, or is told of it. One of the same name is replaced.
    Set(SetRuleArgs),
    /// Whom rules have suspended, and whom of partners they have shut out: why, and what lifts it.
    List(ListArgs),
    /// The rules.
    Rules(ListArgs),
    /// Let somebody of a partner in again whom a rule has shut out.
    Lift(IdArgs),
    /// One rule.
    Show(NameArgs),
    /// Remove a rule. Whom it has suspended stays so until resumed.
    Remove(NameArgs),
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("counts").required(true).args(["denials", "spend", "new_tool", "signal"])))]
pub(crate) struct SetRuleArgs {
    /// Its name: `a`-`z`, `0`-`9`, `.`, `_`, `-`.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Whose agents it is for, each counted by itself: `organization`, `team:NAME`, `tag:NAME`, `agent:NAME`.
    #[arg(long, value_name = "WHOM", default_value = "organization")]
    pub(crate) to: String,
    /// So many denials are tolerated within --within: of requests that the agent itself has signed, or shown its key with.
    #[arg(long, value_name = "COUNT")]
    pub(crate) denials: Option<i64>,
    /// The window in which denials are counted, a minute to a day.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m", requires = "denials")]
    pub(crate) within: i64,
    /// Count denials with this code only; repeatable.
    #[arg(long, value_name = "CODE", value_delimiter = ',', requires = "denials")]
    pub(crate) code: Vec<String>,
    /// So much spending is tolerated within a window of 10 minutes to a day, such as `50USD/1h`.
    #[arg(long, value_name = "MONEY/TIME")]
    pub(crate) spend: Option<String>,
    /// A tool, a skill or a model counts that the agent has never used in so many days that it was seen: 1 to 30.
    #[arg(long, value_name = "DAYS")]
    pub(crate) new_tool: Option<i64>,
    /// An event counts that a partner tells of a delegation that it issued, such as `session-revoked`; repeatable. It shuts out
    /// the partner's own, and suspends an own agent that calls with one.
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(crate) signal: Vec<String>,
    /// The word of this partner only; repeatable.
    #[arg(long, value_name = "PARTNER", value_delimiter = ',', requires = "signal")]
    pub(crate) from: Vec<String>,
    /// What follows.
    #[arg(long, value_enum, default_value = "suspend")]
    pub(crate) then: Then,
    /// Most agents that it suspends within an hour. Beyond that it is told, and nobody suspended.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub(crate) most_agents: i64,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Then {
    /// The agent is suspended until somebody resumes it.
    Suspend,
    /// It is told, by an event and to webhooks.
    Alert,
}

impl Then {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Alert => "alert",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ActivityArgs {
    #[command(flatten)]
    pub(crate) of: NameArgs,
    /// With how many days before the last one it is compared, 1 to 30.
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub(crate) days: i64,
}
