//! `legation a2a`: cards for those who call A2A agents through the gateway.

use crate::{
    args::{A2aCommand, OverlayArgs},
    files,
    organization::place::{ask, escape, text},
    output::{Failure, Output},
};
use serde_json::json;

pub(crate) fn run(command: &A2aCommand) -> Result<Output, Failure> {
    match command {
        A2aCommand::Card(args) => card(args),
    }
}

fn card(args: &OverlayArgs) -> Result<Output, Failure> {
    let card = String::from_utf8(files::read(&args.card)?)
        .map_err(|_| Failure::file(format!("`{}` is no UTF-8", args.card.display())))?;
    let path = format!("/v1/routes/{}/card-overlay", escape(&args.route));
    let json = ask(&args.data, "PUT", &path, Some(&json!({ "card": card })))?;
    let told = format!(
        "the card for calls of `{}` through the gateway is signed; it is at `.well-known/agent-card-overlay.json` of the route, \
         and of the card with the digest {}",
        args.route,
        text(&json, "of"),
    );
    Ok(Output::done(json, told))
}
