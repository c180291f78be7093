//! The arguments of `legation did`.

use super::{KeyArgs, NetworkArgs, read_did};
use clap::{Args, Subcommand};
use legation_did::Did;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum DidCommand {
    /// Make a DID from a key.
    Create {
        #[command(subcommand)]
        command: CreateCommand,
    },
    /// Resolve a DID to its document.
    Resolve(ResolveArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CreateCommand {
    /// The did:key of a key.
    Key(KeyArgs),
    /// A did:web and its document, in a folder to publish.
    Web(CreateWebArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateWebArgs {
    /// Where it will be published: DOMAIN[:PORT][/PATH].
    pub(crate) location: String,
    /// A key file; repeat it while keys are rotated, for the old key and the new one.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// A file that holds the passphrase of the keys; repeat it to give one for each key, in their order.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Vec<PathBuf>,
    /// A service of the subject, such as `a2a=https://api.example/`; repeatable. An agent card's
    /// interfaces may stand at its origin.
    #[arg(long, value_name = "TYPE=URL")]
    pub(crate) service: Vec<String>,
    /// The folder to write to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace the document if it exists. Keys and services that are not given again are gone.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The DID.
    #[arg(value_parser = read_did)]
    pub(crate) did: Did,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
