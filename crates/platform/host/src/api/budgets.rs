//! Budgets of teams and agents.

use super::{asked::Asked, endpoint::Endpoint, error::ApiError, forms};
use axum::http::Method;
use legation_keys::time::{self, Round};
use legation_registry::Budget;
use legation_store::holder::Kind;
use serde::Deserialize;
use serde_json::Value;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/teams/{name}/budgets", "admin:budgets.show"),
        "The budgets of a team, and what of each is taken.",
        &[],
        "Budgets",
        |asked| show(asked, Kind::Team),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/teams/{name}/budgets", "admin:budgets.set"),
        "Set a budget of a team in place of the one of the same currency and window. What was spent stays spent.",
        (Some("SetBudget"), "Budgets"),
        |asked| set(asked, Kind::Team),
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/teams/{name}/budgets", "admin:budgets.set"),
        "Take all budgets of a team away.",
        (None, "Budgets"),
        |asked| remove(asked, Kind::Team),
    ),
    Endpoint::get(
        ("/v1/agents/{name}/budgets", "admin:budgets.show"),
        "The budgets of an agent and of the team above it, and what of each is taken.",
        &[],
        "Budgets",
        |asked| show(asked, Kind::Agent),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/agents/{name}/budgets", "admin:budgets.set"),
        "Set a budget of an agent in place of the one of the same currency and window. What was spent stays spent.",
        (Some("SetBudget"), "Budgets"),
        |asked| set(asked, Kind::Agent),
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/agents/{name}/budgets", "admin:budgets.set"),
        "Take all budgets of an agent away: those of its team hold.",
        (None, "Budgets"),
        |asked| remove(asked, Kind::Agent),
    ),
];

/// A budget to set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Set {
    budget: String,
    /// Refused where it is not more than the one before.
    #[serde(default)]
    raise: bool,
    /// With `raise`: until when (RFC 3339) it stands in place of the one before.
    until: Option<String>,
}

fn show(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    Ok(forms::budgets(&asked.registry.budgets(kind, asked.name, asked.now)?))
}

fn set(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    let set: Set = asked.body()?;
    let budget = Budget::parse(&set.budget)?;
    let holder = (kind, asked.name);
    if set.until.is_some() && !set.raise {
        let reason = "`until` is there without `raise`; a budget that is set is set until it is set anew";
        return Err(ApiError::bad("body_invalid", reason));
    }
    if set.raise {
        let until = set.until.map(|until| {
            let wrong = || format!("`{until}` is no time; write such as `2026-12-01T09:00:00Z`");
            time::parse(&until, Round::Down).ok_or_else(|| ApiError::bad("body_invalid", wrong()))
        });
        asked.registry.raise_budget(holder, budget, until.transpose()?, asked.now)?;
    } else {
        asked.registry.set_budget(holder, Some(budget), asked.now)?;
    }
    show(asked, kind)
}

fn remove(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    asked.registry.set_budget((kind, asked.name), None, asked.now)?;
    show(asked, kind)
}
