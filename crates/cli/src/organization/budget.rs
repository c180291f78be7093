//! `legation budget`.

use super::{
    holder::taken_text,
    place::{ask, escape, items, text},
};
use crate::{
    args::{BudgetCommand, OfHolderArgs, RaiseBudgetArgs, SetBudgetArgs},
    output::{Failure, Output},
};
use legation_keys::time;
use serde_json::{Value, json};

/// What stands for no budget.
const NONE: &str = "none";

pub(crate) fn run(command: &BudgetCommand) -> Result<Output, Failure> {
    match command {
        BudgetCommand::Show(args) => show(args),
        BudgetCommand::Set(args) => set(args),
        BudgetCommand::Raise(args) => raise(args),
    }
}

fn path(name: &str, team: bool) -> String {
    format!("/v1/{}/{}/budgets", if team { "teams" } else { "agents" }, escape(name))
}

fn show(args: &OfHolderArgs) -> Result<Output, Failure> {
    Ok(shown(ask(&args.data, "GET", &path(&args.name, args.team), None)?))
}

fn set(args: &SetBudgetArgs) -> Result<Output, Failure> {
    let path = path(&args.name, args.team);
    if args.budget == NONE {
        return Ok(shown(ask(&args.data, "DELETE", &path, None)?));
    }
    Ok(shown(ask(&args.data, "PUT", &path, Some(&json!({"budget": args.budget})))?))
}

fn raise(args: &RaiseBudgetArgs) -> Result<Output, Failure> {
    let RaiseBudgetArgs { budget: args, until } = args;
    let body = match until {
        None => json!({"budget": args.budget, "raise": true}),
        Some(until) => json!({"budget": args.budget, "raise": true, "until": time::format(*until)}),
    };
    Ok(shown(ask(&args.data, "PUT", &path(&args.name, args.team), Some(&body))?))
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
