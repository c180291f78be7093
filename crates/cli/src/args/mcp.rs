//! The arguments of `legation mcp`.

use super::{PlaceArgs, SignsArgs};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// What the MCP server behind a route says of its tools: what was approved, what has changed.
    Tools(ToolsArgs),
    /// Approve what an MCP server says of its tools now. A constraint can then hold calls to what was approved:
    /// `{"type":"argument","name":"mcp.definition","equals":"approved"}`.
    Approve(ApproveToolsArgs),
    /// Run an MCP server that speaks over standard input and output, and let a gateway decide each message to it.
    Wrap(WrapArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    /// The route to the server.
    #[arg(value_name = "ROUTE")]
    pub(crate) route: String,
    /// Show the definitions, too.
    #[arg(long)]
    pub(crate) definitions: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveToolsArgs {
    /// The route to the server.
    #[arg(value_name = "ROUTE")]
    pub(crate) route: String,
    /// The tools.
    #[arg(value_name = "TOOL", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) tools: Vec<String>,
    /// All that the server has listed.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WrapArgs {
    #[command(flatten)]
    pub(crate) signs: SignsArgs,
    /// What grants name the server by; by default `mcp://PROGRAM/`, of the program's file name.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The server and its arguments, behind `--`.
    #[arg(value_name = "CMD", required = true, last = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}
