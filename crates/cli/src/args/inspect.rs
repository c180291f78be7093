//! The arguments of `legation inspect`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A delegation, a chain of them, a presentation, an approval, a status list, a receipt, an agent card, a key, a DID
    /// document or trust settings.
    pub(crate) file: PathBuf,
}
