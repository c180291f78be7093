//! The arguments of `legation key`.

use clap::{Args, Subcommand, ValueEnum};
use legation_keys::Algorithm;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Generate a key and write it to a file, encrypted.
    Generate(GenerateArgs),
    /// Publish keys for Web Bot Auth: the directory that `Signature-Agent` names, in a folder to publish.
    Directory(DirectoryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DirectoryArgs {
    /// A key file; repeat it while keys are rotated, for the old key and the new one.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// A file that holds the passphrase of the keys; repeat it to give one for each key, in their order.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Vec<PathBuf>,
    /// The folder to write to, as `serve` takes it.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace the directory if it exists. Keys that are not given again are gone.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// The signature algorithm.
    #[arg(long, value_enum, default_value = "ed25519")]
    pub(crate) alg: KeyKind,
    /// The file to write. With --count it holds `{}`, where each key's number goes: `agent-{}.key`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Make so many keys, all encrypted by one passphrase, several at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: Option<u32>,
    /// A file that holds the passphrase to encrypt the key with. Else LEGATION_PASSPHRASE_FILE names it, or it is asked for.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Write the key unencrypted: for trying things out.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) insecure_plaintext: bool,
    /// Replace the file if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeyKind {
    /// Ed25519 (EdDSA).
    Ed25519,
    /// NIST P-256 (ES256).
    P256,
}

impl From<KeyKind> for Algorithm {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Ed25519 => Self::EdDsa,
            KeyKind::P256 => Self::Es256,
        }
    }
}
