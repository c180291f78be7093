//! `legation retention`.

use super::{
    place::{ask, number},
    table::facts,
};
use crate::{
    args::{Kept, RetentionCommand},
    output::{Failure, Output},
};
use serde_json::{Value, json};

const PATH: &str = "/v1/retention";

pub(crate) fn run(command: &RetentionCommand) -> Result<Output, Failure> {
    let json = match command {
        RetentionCommand::Show(args) => ask(&args.data, "GET", PATH, None)?,
        RetentionCommand::Set(args) => {
            let mut wanted = ask(&args.data, "GET", PATH, None)?;
            for (what, time) in &args.kept {
                let name = match what {
                    Kept::Receipts => "receipts",
                    Kept::Events => "events",
                };
                if let Some(members) = wanted.as_object_mut() {
                    members.insert(name.to_owned(), (*time > 0).then_some(*time).into());
                }
            }
            ask(
                &args.data,
                "PUT",
                PATH,
                Some(&json!({"receipts": wanted.get("receipts"), "events": wanted.get("events")})),
            )?
        }
    };
    let told = facts(&[("receipts", words(&json, "receipts")), ("events", words(&json, "events"))]);
    Ok(Output::done(json, told))
}

fn words(json: &Value, name: &str) -> String {
    match number(json, name) {
        0 => "kept for ever".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("kept for {} days", seconds / 86_400),
        seconds => format!("kept for {seconds} seconds"),
    }
}
