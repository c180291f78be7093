//! The arguments of `legation a2a`.

use super::PlaceArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum A2aCommand {
    /// Sign a card for those who call the A2A agent of a route through the gateway. It is the agent's own, with the gateway's addresses and
    /// a digest of the very card that it was made of.
    Card(OverlayArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OverlayArgs {
    /// The route to the agent.
    #[arg(value_name = "ROUTE")]
    pub(crate) route: String,
    /// The agent's own card, as it is at its address; `legation card verify` says whose it is.
    #[arg(value_name = "CARD")]
    pub(crate) card: PathBuf,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
