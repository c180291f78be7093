//! The arguments of `svid` and `trust-domain`: SPIFFE.

use super::{FileArgs, GetTokenArgs, ListArgs, NameArgs, SignsArgs, TokenAlg};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum SvidCommand {
    /// Get a JWT-SVID for one service: who the agent is, by the organization's trust domain, for five minutes at most. It stands alone on
    /// standard output.
    Get(GetSvidArgs),
}

#[derive(Debug, Args)]
pub(crate) struct GetSvidArgs {
    #[command(flatten)]
    signs: SignsArgs,
    /// The service that the SVID is for, as it calls itself: `https://api.example`. `svid:issue` has to be granted on it.
    #[arg(long, value_name = "URI")]
    audience: String,
    /// Write it to this file, which its owner alone may read, and write a new one before it ends, until it is asked to end.
    #[arg(long, value_name = "FILE")]
    watch: Option<PathBuf>,
}

impl GetSvidArgs {
    /// It is asked for as a token is.
    pub(crate) fn of_token(self) -> GetTokenArgs {
        let Self { signs, audience, watch } = self;
        GetTokenArgs {
            signs,
            audience,
            scope: Vec::new(),
            alg: TokenAlg::Es256,
            bound: false,
            watch,
            svid: true,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrustDomainCommand {
    /// Rely on other trust domains, by a JSON file, one or a list: `name`, `bundle` or `endpoint`, `workloads` (`spiffeId`, `agent`),
    /// `maxLife`. One of the same name is replaced.
    Set(FileArgs),
    /// The trust domains: where their bundles come from, and how many of their workloads are agents here.
    List(ListArgs),
    /// Rely on a trust domain no more: its workloads are nobody from their next call on.
    Remove(NameArgs),
}
