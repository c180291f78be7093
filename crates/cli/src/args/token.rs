//! The arguments of `token`: identity tokens, for services that know OAuth.

use super::SignsArgs;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Get a token for one service, made of the agent's delegations. It lives for five minutes at most; the token stands alone on
    /// standard output.
    Get(GetTokenArgs),
    /// Make the proof that goes with a bound token, for one request: the value of a `DPoP` header.
    Proof(TokenProofArgs),
}

/// The algorithm that a token is signed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenAlg {
    /// ECDSA over P-256.
    Es256,
    /// Ed25519.
    Eddsa,
    /// RSA, which every service knows.
    Rs256,
}

#[derive(Debug, Args)]
pub(crate) struct GetTokenArgs {
    #[command(flatten)]
    pub(crate) signs: SignsArgs,
    /// The service that the token is for, as it calls itself: `https://api.example`. `token:issue` has to be granted on it.
    #[arg(long, value_name = "URL")]
    pub(crate) audience: String,
    /// An action that it is for; repeatable. All that are granted there by default.
    #[arg(long, value_name = "ACTION")]
    pub(crate) scope: Vec<String>,
    /// The algorithm that it is signed by.
    #[arg(long, value_enum, default_value_t = TokenAlg::Es256)]
    pub(crate) alg: TokenAlg,
    /// Bind it to the agent's key (DPoP): whoever has the token and not the key can't use it.
    #[arg(long)]
    pub(crate) bound: bool,
    /// Write it to this file, which its owner alone may read, and write a new one before it ends, until it is asked to end.
    #[arg(long, value_name = "FILE")]
    pub(crate) watch: Option<PathBuf>,
    /// Whether it is a JWT-SVID that is asked for (`svid get`).
    #[arg(skip)]
    pub(crate) svid: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenProofArgs {
    /// The agent file.
    #[arg(long, value_name = "FILE", env = "LEGATION_AGENT_FILE")]
    pub(crate) key: PathBuf,
    /// A file that holds its passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A file that holds the token.
    #[arg(long, value_name = "FILE")]
    pub(crate) token: PathBuf,
    /// The method of the request.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,
    /// Its URL.
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// The nonce that the service asked for in `DPoP-Nonce`.
    #[arg(long, value_name = "NONCE")]
    pub(crate) nonce: Option<String>,
}
