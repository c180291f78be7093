//! `legation card`: sign, verify and fetch A2A agent cards.

mod earlier;
mod sign;
mod told;
mod verify;

use crate::{
    args::CardCommand,
    output::{Failure, Output},
};

pub(crate) fn run(command: &CardCommand) -> Result<Output, Failure> {
    match command {
        CardCommand::Sign(args) => sign::run(args),
        CardCommand::Verify(args) => verify::run(args),
        CardCommand::Fetch(args) => verify::fetch(args),
    }
}
