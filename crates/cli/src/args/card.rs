//! The arguments of `legation card`.

use super::{KeyArgs, NetworkArgs, OutArgs, moment, read_did};
use clap::{Args, Subcommand};
use legation_did::Did;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum CardCommand {
    /// Declare the agent's DID in a card and sign it.
    Sign(SignCardArgs),
    /// Verify a card from a file or its URL.
    Verify(VerifyCardArgs),
    /// Fetch a card, verify it, and print what was signed of it.
    Fetch(FetchCardArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SignCardArgs {
    /// The card: JSON of A2A 1.0. Signatures of other keys stay, so that a key can be rotated.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The agent's DID, whose key it is.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) did: Did,
    /// Declare the URL where the agent's handshake is spoken.
    #[arg(long, value_name = "URL")]
    pub(crate) handshake: Option<String>,
    /// Declare that nobody is served without a delegation.
    #[arg(long)]
    pub(crate) require_delegation: bool,
    /// Drop the signatures of all other keys: the end of a rotation.
    #[arg(long)]
    pub(crate) only: bool,
    /// The card was changed on purpose since it was signed: sign what it says now, and drop the signatures of before.
    #[arg(long)]
    pub(crate) changed: bool,
    /// A folder with the DID's document, as you wrote it yourself: the card has to be as one of its keys signed it.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyCardArgs {
    /// The card: a file, or a URL; a domain's own card is at `https://DOMAIN`.
    #[arg(value_name = "FILE|URL")]
    pub(crate) source: String,
    /// A JWK set of the signer, for a card without a DID. It proves no DID and no domain.
    #[arg(long, value_name = "FILE", conflicts_with = "did_documents")]
    pub(crate) jwks: Option<PathBuf>,
    /// A folder of DID documents; nothing is fetched.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    /// The moment to judge by; now by default.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) now: Option<i64>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FetchCardArgs {
    /// The URL of the card, or its domain alone.
    pub(crate) url: String,
    /// A file to keep the card in: what was verified of it, with the signatures that cover it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// The moment to judge by; now by default.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) now: Option<i64>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
