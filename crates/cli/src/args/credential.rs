//! The arguments of `legation credential`.

use super::{KeyArgs, NetworkArgs, OutArgs};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Secure a credential or a presentation of any kind.
    Issue(IssueArgs),
    /// Verify a credential or a presentation of any kind: what secures it, its terms, times and status.
    Verify(VerifyCredentialArgs),
}

#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    /// The credential or presentation, as JSON. Its `issuer` or `holder` has to be who signs.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Who signs, a URL; by default the key's did:key.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The URL that names the key; by default the one that a document of the issuer has for it.
    #[arg(long, value_name = "URL", requires = "issuer")]
    pub(crate) key_id: Option<String>,
    /// The nonce or challenge that a presentation answers.
    #[arg(long, value_name = "TEXT")]
    pub(crate) nonce: Option<String>,
    /// The audience or domain that a presentation is for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// How it is secured.
    #[arg(long, value_enum, default_value = "jwt")]
    pub(crate) format: CredentialFormat,
    /// A JSON-LD context that documents may name beside those that are compiled in: its URL, and the file that is published
    /// there; repeatable. No context is ever fetched.
    #[arg(long, value_name = "URL=FILE", value_parser = context)]
    pub(crate) context: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialFormat {
    /// A compact JWS: vc+jwt, vp+jwt (VC-JOSE-COSE).
    Jwt,
    /// JSON with a proof by eddsa-jcs-2022; for Ed25519 keys.
    DiJcs,
    /// JSON with a proof over its RDF: by eddsa-rdfc-2022 or ecdsa-rdfc-2019, as the key is.
    DiRdfc,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyCredentialArgs {
    /// The secured credential or presentation: JSON, or a compact JWS.
    pub(crate) file: PathBuf,
    /// The nonce or challenge that it has to answer.
    #[arg(long, value_name = "TEXT")]
    pub(crate) nonce: Option<String>,
    /// The audience or domain that it has to be for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// A verification method (JSON with `id`, `controller` and a public key) that is believed; repeatable. For
    /// issuers that no DID names.
    #[arg(long, value_name = "FILE")]
    pub(crate) verification_method: Vec<PathBuf>,
    /// A folder of DID documents that are believed; what it does not hold is fetched.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    /// Whose status lists are believed besides those of the credential's own issuer: a DID, or the URL of a verification method's
    /// controller; repeatable. A list of anybody else is no good status.
    #[arg(long, value_name = "URL")]
    pub(crate) status_issuer: Vec<String>,
    /// A JSON-LD context that documents may name beside those that are compiled in: its URL, and the file that is published
    /// there; repeatable. No context is ever fetched.
    #[arg(long, value_name = "URL=FILE", value_parser = context)]
    pub(crate) context: Vec<(String, PathBuf)>,
    /// The time of the verification; now by default.
    #[arg(long, value_name = "RFC3339", value_parser = super::moment)]
    pub(crate) now: Option<i64>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Reads `URL=FILE`, of which the URL may have a `=` of its own, and the file may not.
pub(super) fn context(text: &str) -> Result<(String, PathBuf), String> {
    match text.rsplit_once('=') {
        Some((url, file)) if url.contains(':') && !file.is_empty() => Ok((url.to_owned(), file.into())),
        _ => Err("expected URL=FILE, such as https://a.example/context.json=context.json".to_owned()),
    }
}
