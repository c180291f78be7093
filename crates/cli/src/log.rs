//! `legation log`: what was decided can be proved, found and shown.

mod anchor;
mod erase;
mod export;
mod policies;
mod prices;
mod prove;
mod remote;
mod replay;
mod search;
mod source;
mod spend;
mod verify;
mod witness;

pub(crate) use export::run as export;
pub(crate) use remote::{bucket, push_of};
pub(crate) use replay::run as replay;
pub(crate) use source::all;
pub(crate) use verify::{Audited, audited, run as verify};
pub(crate) use witness::{cosigned, keep as keep_cosignatures};

use crate::{
    args::LogCommand,
    output::{Failure, Output},
};
use legation_log::{ReadError, export::ExportError};

pub(crate) fn run(command: &LogCommand) -> Result<Output, Failure> {
    match command {
        LogCommand::Verify(args) => verify::run(args),
        LogCommand::Prove(args) => prove::run(args),
        LogCommand::Export(args) => export::run(args),
        LogCommand::Search(args) => search::run(args),
        LogCommand::Spend(args) => spend::run(args),
        LogCommand::Replay(args) => replay::run(args),
        LogCommand::Erase(args) => erase::run(args),
        LogCommand::Push(args) => remote::push(args),
        LogCommand::Pull(args) => remote::pull_into(args),
        LogCommand::Witness(command) => witness::run(command),
    }
}

/// A log that can't be read, whoever's fault it is.
fn unread(error: &ReadError) -> Failure {
    match error {
        ReadError::Missing { .. } => Failure::file(error.to_string()),
        ReadError::Disk { .. } => Failure::network(error.code(), error.to_string()),
        ReadError::Tile { .. } | ReadError::Damaged { .. } => {
            Failure::invalid(error.code(), error.to_string())
        }
    }
}

/// An export that can't be read.
fn unread_export(error: &ExportError) -> Failure {
    match error {
        ExportError::Disk { .. } => Failure::network(error.code(), error.to_string()),
        _ => Failure::invalid(error.code(), error.to_string()),
    }
}
