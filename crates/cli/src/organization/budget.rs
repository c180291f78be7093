//! `legation budget`.

use super::{
    holder::taken_text,
    place::{ask, escape, items, text},
};
use crate::{
    args::{BudgetCommand, OfHolderArgs, SetBudgetArgs},
    output::{Failure, Output},
};
use serde_json::{Value, json};

/// What stands for no budget.
const NONE: &str = "none";

pub(crate) fn run(command: &BudgetCommand) -> Result<Output, Failure> {
    match command {
        BudgetCommand::Show(args) => show(args),
        BudgetCommand::Set(args) => set(args, false),
        BudgetCommand::Raise(args) => set(args, true),
    }
}

fn path(name: &str, team: bool) -> String {
    format!("/v1/{}/{}/budgets", if team { "teams" } else { "agents" }, escape(name))
}

fn show(args: &OfHolderArgs) -> Result<Output, Failure> {
    Ok(shown(ask(&args.data, "GET", &path(&args.name, args.team), None)?))
}

fn set(args: &SetBudgetArgs, raise: bool) -> Result<Output, Failure> {
    let path = path(&args.name, args.team);
    if args.budget == NONE && !raise {
        return Ok(shown(ask(&args.data, "DELETE", &path, None)?));
    }
    let body = json!({"budget": args.budget, "raise": raise});
    Ok(shown(ask(&args.data, "PUT", &path, Some(&body))?))
}

/// Budgets of a holder and of those above it.
fn shown(json: Value) -> Output {
    let mut told = String::new();
    for one in core::iter::once(&json).chain(items(&json, "above")) {
        told.push_str(&format!("{} `{}`\n", text(one, "kind"), text(one, "name")));
        let budgets = items(one, "budgets");
        if budgets.is_empty() {
            told.push_str("  no budget of its own\n");
        }
        for taken in budgets {
            told.push_str(&format!("  {}\n", taken_text(taken)));
        }
    }
    Output::done(json, told)
}
