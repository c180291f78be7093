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
    /// Publish the next version of a did:webvh: other keys, other services, or its end.
    Update(UpdateArgs),
    /// Resolve a DID to its document.
    Resolve(ResolveArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CreateCommand {
    /// The did:key of a key.
    Key(KeyArgs),
    /// A did:web and its document, in a folder to publish.
    Web(CreateWebArgs),
    /// A did:webvh and its log, in a folder to publish: a did:web that keeps its history.
    Webvh(CreateWebvhArgs),
}

/// What a document says.
#[derive(Debug, Args)]
pub(crate) struct DocumentArgs {
    /// A key file; repeat it while keys are rotated, for the old key and the new one.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// A file that holds the passphrase of the keys; repeat it to give one for each key, in their order.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Vec<PathBuf>,
    /// A service of the subject, such as `a2a=https://api.example/`; repeatable. An agent card's
    /// interfaces may stand at its origin.
    #[arg(long, value_name = "TYPE=URL")]
    pub(crate) service: Vec<String>,
}

#[derive(Debug, Args)]
#[command(mut_arg("key", |key| key.required(true)))]
pub(crate) struct CreateWebArgs {
    /// Where it will be published: DOMAIN[:PORT][/PATH].
    pub(crate) location: String,
    #[command(flatten)]
    pub(crate) document: DocumentArgs,
    /// The folder to write to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace the document if it exists. Keys and services that are not given again are gone.
    #[arg(long)]
    pub(crate) force: bool,
}

/// The key that signs the entries of a did:webvh's log.
#[derive(Debug, Args)]
pub(crate) struct UpdateKeyArgs {
    /// The Ed25519 key file that signs the log's entries. Keep it apart from the keys of the document:
    /// whoever steals one of those can then not change the history.
    #[arg(long, value_name = "FILE")]
    pub(crate) update_key: PathBuf,
    /// A file that holds the update key's passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) update_passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(mut_arg("key", |key| key.required(true)))]
pub(crate) struct CreateWebvhArgs {
    /// Where it will be published: DOMAIN[:PORT][/PATH].
    pub(crate) location: String,
    #[command(flatten)]
    pub(crate) document: DocumentArgs,
    #[command(flatten)]
    pub(crate) update_key: UpdateKeyArgs,
    /// The folder to write to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace the log if it exists. It will be another DID, and the old one can't be resolved any more.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(mut_arg("key", |key| key.required_unless_present("end")))]
pub(crate) struct UpdateArgs {
    /// The did:webvh.
    #[arg(value_parser = read_did)]
    pub(crate) did: Did,
    #[command(flatten)]
    pub(crate) document: DocumentArgs,
    #[command(flatten)]
    pub(crate) update_key: UpdateKeyArgs,
    /// From this version on another key signs the entries: its file.
    #[arg(long, value_name = "FILE")]
    pub(crate) next_update_key: Option<PathBuf>,
    /// A file that holds its passphrase.
    #[arg(long, value_name = "FILE", requires = "next_update_key")]
    pub(crate) next_update_passphrase_file: Option<PathBuf>,
    /// End the DID: this is its last version. It can't be taken back.
    #[arg(long, conflicts_with_all = ["key", "service", "next_update_key"])]
    pub(crate) end: bool,
    /// The folder that holds the log.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The DID.
    #[arg(value_parser = read_did)]
    pub(crate) did: Did,
    /// The document that held then, where the DID keeps its history (did:webvh).
    #[arg(long, value_name = "RFC3339", value_parser = super::moment, conflicts_with = "version_id")]
    pub(crate) version_time: Option<i64>,
    /// The version of this id, such as `2-Qm…`.
    #[arg(long, value_name = "ID")]
    pub(crate) version_id: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
