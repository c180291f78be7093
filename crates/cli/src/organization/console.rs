//! `legation console`: a code by which somebody signs in to the console.

use super::place::{ask, text};
use crate::{
    args::ConsoleArgs,
    output::{Failure, Output},
};
use clap::ValueEnum;
use serde_json::json;

pub(crate) fn run(args: &ConsoleArgs) -> Result<Output, Failure> {
    let role = args.role.to_possible_value();
    let body = json!({"role": role.map(|role| role.get_name().to_owned())});
    let json = ask(&args.data, "POST", "/v1/console-codes", Some(&body))?;
    let note = format!(
        "type it until {} at /console of the address that `legation up` names for admins; whoever does has the role `{}` for eight hours",
        text(&json, "until"),
        text(&json, "role")
    );
    let code = text(&json, "code").to_owned();
    Ok(Output { notes: vec![note], ..Output::done(json, code) })
}
