//! The arguments of `legation completions` and `legation man`.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder to write to; pages that are there are replaced.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
