//! `legation budget`.

use super::{
    data_dir::{failed, with},
    holder::{taken_json, taken_text},
};
use crate::{
    args::{BudgetCommand, OfHolderArgs, SetBudgetArgs},
    files,
    output::{Failure, Output},
};
use legation_registry::{Budget, Budgeted, Registry, RegistryError};
use legation_store::holder::Kind;
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

fn kind(team: bool) -> Kind {
    if team { Kind::Team } else { Kind::Agent }
}

fn show(args: &OfHolderArgs) -> Result<Output, Failure> {
    let found = with(&args.data, |registry| registry.budgets(kind(args.team), &args.name, files::now()))?;
    Ok(shown(&found))
}

fn set(args: &SetBudgetArgs) -> Result<Output, Failure> {
    let budget = match args.budget.as_str() {
        NONE => None,
        text => Some(Budget::parse(text).map_err(|error| failed(&error))?),
    };
    let (kind, name) = (kind(args.team), args.name.as_str());
    change(args, |registry| registry.set_budget((kind, name), budget, files::now()).map(drop))
}

fn raise(args: &SetBudgetArgs) -> Result<Output, Failure> {
    let budget = Budget::parse(&args.budget).map_err(|error| failed(&error))?;
    let (kind, name) = (kind(args.team), args.name.as_str());
    change(args, |registry| registry.raise_budget((kind, name), budget, files::now()).map(drop))
}

fn change(
    args: &SetBudgetArgs,
    change: impl FnOnce(&Registry) -> Result<(), RegistryError>,
) -> Result<Output, Failure> {
    let found = with(&args.data, |registry| {
        change(registry)?;
        registry.budgets(kind(args.team), &args.name, files::now())
    })?;
    Ok(shown(&found))
}

/// Budgets of a holder and of those above it.
fn shown(found: &[Budgeted]) -> Output {
    let mut text = String::new();
    for one in found {
        text.push_str(&format!("{} `{}`\n", one.holder.kind.name(), one.holder.name));
        if one.budgets.is_empty() {
            text.push_str("  no budget of its own\n");
        }
        for taken in &one.budgets {
            text.push_str(&format!("  {}\n", taken_text(taken)));
        }
    }
    let one = |one: &Budgeted| {
        let budgets: Vec<Value> = one.budgets.iter().map(taken_json).collect();
        json!({"kind": one.holder.kind.name(), "name": one.holder.name, "budgets": budgets})
    };
    let mut all = found.iter().map(one);
    let mut json = all.next().unwrap_or_default();
    if let Some(members) = json.as_object_mut() {
        members.insert("above".to_owned(), all.collect());
    }
    Output::done(json, text)
}
