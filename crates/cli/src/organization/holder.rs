//! What teams and agents have in common: what is asked for one, and how one is shown.

use super::{api_key, table::facts};
use crate::{args::ProfileArgs, files, output::Failure};
use legation_credential::{amount::micros, money::money};
use legation_keys::time;
use legation_registry::{Budget, Profile, Registry, RegistryError, Shown, Taken};
use legation_store::{
    api_key::ApiKey,
    holder::{Kind, State},
};
use serde_json::{Value, json};

use super::data_dir::failed;

/// How many holders are read at a time.
const PAGE: i64 = 1000;

/// What arguments ask for.
pub(crate) fn profile(args: &ProfileArgs, valid_for: i64) -> Result<Profile, Failure> {
    let budgets = args.budget.iter().map(|text| Budget::parse(text).map_err(|error| failed(&error)));
    let constraint = |text: &String| {
        let wrong =
            |error: serde_json::Error| Failure::usage(format!("the constraint `{text}` is no JSON: {error}"));
        serde_json::from_str::<Value>(text).map_err(wrong)
    };
    Ok(Profile {
        purpose: args.purpose.clone(),
        owner: args.owner.clone(),
        groups: args.models.clone(),
        actions: args.action.clone(),
        resources: args.resource.clone(),
        constraints: args.constraint.iter().map(constraint).collect::<Result<_, _>>()?,
        budgets: budgets.collect::<Result<_, _>>()?,
        max_depth: args.max_depth,
        valid_for,
    })
}

/// All holders of a kind.
pub(crate) fn all(registry: &Registry, kind: Kind) -> Result<Vec<Shown>, RegistryError> {
    let mut found: Vec<Shown> = Vec::new();
    loop {
        let after = found.last().map_or(String::new(), |last| last.holder.name.clone());
        let page = registry.list(kind, &after, PAGE)?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

/// A holder with what is counted of it.
pub(crate) struct Whole {
    pub(crate) shown: Shown,
    pub(crate) budgets: Vec<Taken>,
    pub(crate) keys: Vec<ApiKey>,
}

/// All that is known of a holder.
pub(crate) fn whole(registry: &Registry, kind: Kind, name: &str) -> Result<Whole, RegistryError> {
    let shown = registry.show(kind, name)?;
    let budgets = registry.budgets(kind, name, files::now())?.into_iter().next();
    // Only agents have any.
    let of = (kind == Kind::Agent).then_some(name);
    let keys = of.map(|name| registry.list_keys(Some(name))).transpose()?.unwrap_or_default();
    let keys = keys.into_iter().map(|(_, key)| key).collect();
    Ok(Whole { shown, budgets: budgets.map_or_else(Vec::new, |own| own.budgets), keys })
}

/// A holder as JSON, as far as the registry lists it.
pub(crate) fn json(shown: &Shown) -> Value {
    let Shown { holder, profile, parent, valid_until } = shown;
    let mut json = json!({
        "kind": holder.kind.name(),
        "name": holder.name,
        "did": holder.did,
        "state": holder.state.name(),
        "purpose": profile.purpose,
        "owner": profile.owner,
        "models": profile.groups,
        "actions": profile.actions,
        "resources": profile.resources,
        "constraints": profile.constraints,
        "maxDepth": profile.max_depth,
        "budgets": profile.budgets.iter().map(budget_json).collect::<Vec<_>>(),
        "created": time::format(holder.created),
        "validUntil": valid_until.map(time::format),
    });
    if let (Kind::Agent, Some(members)) = (holder.kind, json.as_object_mut()) {
        members.insert("team".to_owned(), json!(parent));
    }
    json
}

/// A holder as JSON, with what is taken of its budgets, and its keys.
pub(crate) fn whole_json(whole: &Whole) -> Value {
    let mut json = json(&whole.shown);
    if let Some(members) = json.as_object_mut() {
        members.insert("budgets".to_owned(), whole.budgets.iter().map(taken_json).collect());
        if whole.shown.holder.kind == Kind::Agent {
            members.insert("keys".to_owned(), whole.keys.iter().map(api_key::json).collect());
        }
    }
    json
}

/// A holder for people.
pub(crate) fn whole_text(whole: &Whole) -> String {
    let Shown { holder, profile, parent, valid_until } = &whole.shown;
    let (kind, name) = (holder.kind.name(), &holder.name);
    let of = match (holder.kind, parent) {
        (Kind::Agent, Some(team)) => format!(" of the team `{team}`"),
        _ => String::new(),
    };
    let team = if holder.kind == Kind::Team { " --team" } else { "" };
    let delegation = match (valid_until, holder.state) {
        (_, State::Retired) => "ended with it".to_owned(),
        (Some(until), _) => format!("valid until {}", time::format(*until)),
        (None, _) => format!("none; `legation delegation issue {name}{team}` makes one"),
    };
    let mut all = vec![
        ("DID", holder.did.clone()),
        ("state", holder.state.name().to_owned()),
        ("purpose", profile.purpose.clone()),
        ("owner", profile.owner.clone()),
        ("models", profile.groups.join(", ")),
        ("actions", profile.actions.join(", ")),
        ("resources", profile.resources.join(", ")),
    ];
    all.extend(profile.constraints.iter().map(|one| ("only if", one.to_string())));
    all.extend(whole.budgets.iter().map(|taken| ("budget", taken_text(taken))));
    all.push(("delegation", delegation));
    all.extend(whole.keys.iter().map(|key| ("key", api_key::text(key))));
    format!("{kind} `{name}`{of}\n{}", facts(&all))
}

fn budget_json(budget: &Budget) -> Value {
    json!({
        "budget": budget.to_string(), "amount": budget.amount, "currency": budget.currency, "window": budget.window,
    })
}

/// What is left of a budget, in millionths of a minor unit.
fn left(taken: &Taken) -> Option<i64> {
    Some(micros(taken.budget.amount).saturating_sub(taken.micros?).max(0))
}

/// A budget and what is taken of it, as JSON: numbers ending in `Micros` are millionths of a minor unit.
pub(crate) fn taken_json(taken: &Taken) -> Value {
    let mut json = budget_json(&taken.budget);
    let currency = &taken.budget.currency;
    if let Some(members) = json.as_object_mut() {
        members.insert("takenMicros".to_owned(), json!(taken.micros));
        members.insert("taken".to_owned(), json!(taken.micros.map(|micros| money(micros, currency))));
        members.insert("left".to_owned(), json!(left(taken).map(|micros| money(micros, currency))));
    }
    json
}

/// A budget and what is taken of it, for people.
pub(crate) fn taken_text(taken: &Taken) -> String {
    let Taken { budget, micros } = taken;
    match (micros, left(taken)) {
        (Some(micros), Some(left)) => {
            let (taken, left) = (money(*micros, &budget.currency), money(left, &budget.currency));
            format!("{budget}: {taken} taken, {left} left")
        }
        _ => {
            format!("{budget}: what is taken can't be told, and nothing passes until its window has gone by")
        }
    }
}
