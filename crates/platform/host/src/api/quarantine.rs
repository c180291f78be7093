//! Rules that suspend agents, or tell of them, by what they did; whom they have suspended.

use super::{
    asked::{Asked, listed},
    configured::{missing, part, same_name},
    endpoint::{AFTER, Endpoint, LIMIT, Member},
    error::ApiError,
};
use axum::http::Method;
use legation_credential::money::money;
use legation_keys::time;
use legation_registry::{
    activity::{Activity, DAY, Deeds, MOST_DAYS},
    quarantine::{Quarantined, Rule, shut::lift},
};
use legation_store::foreign::ShutOut;
use serde_json::{Value, json};

const DAYS: Member = Member {
    name: "days",
    kind: "integer",
    about: "So many days before the last one, 1 to 30; 7 by default.",
};
/// Days before the last one, where nobody says how many.
const USUAL_DAYS: i64 = 7;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/quarantine-rules", "admin:quarantine-rules.list"),
        "The rules by which agents are suspended, or told of.",
        &[AFTER, LIMIT],
        "QuarantineRules",
        |asked| {
            let rules = asked.registry.quarantine_rules()?;
            Ok(part("rules", rules, &asked.page()?, |rule| &rule.name, form))
        },
    ),
    Endpoint::get(
        ("/v1/quarantine-rules/{name}", "admin:quarantine-rules.list"),
        "One rule.",
        &[],
        "QuarantineRule",
        |asked| {
            let found = asked.registry.quarantine_rules()?.into_iter().find(|rule| rule.name == asked.name);
            found.as_ref().map(form).ok_or_else(|| missing("rule", asked.name))
        },
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/quarantine-rules/{name}", "admin:quarantine-rules.set"),
        "Write a rule, a new one or the next version of one. What agents did within its window counts from the first moment on.",
        (Some("QuarantineRule"), "QuarantineRule"),
        |asked| {
            let rule: Rule = asked.body()?;
            same_name(asked, &rule.name)?;
            asked.registry.put_quarantine_rule(&rule, asked.now)?;
            Ok(form(&rule))
        },
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/quarantine-rules/{name}", "admin:quarantine-rules.remove"),
        "Remove a rule. Whom it has suspended stays so until resumed.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_quarantine_rule(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
    Endpoint::get(
        ("/v1/agents/{name}/activity", "admin:agents.show"),
        "What an agent did in the last 24 hours, beside so many days before: calls, denials, spending, tools.",
        &[DAYS],
        "Activity",
        activity,
    ),
    Endpoint::get(
        ("/v1/quarantine", "admin:quarantine.list"),
        "The agents that rules have suspended, why, and what resumes each.",
        &[AFTER, LIMIT],
        "Quarantine",
        |asked| {
            let page = asked.page()?;
            let found = asked.registry.quarantined(&page.after, page.most)?;
            let next = found.last().map(|last| json!(last.place));
            Ok(listed("quarantined", found.iter().map(quarantined).collect(), next, page.most))
        },
    ),
    Endpoint::get(
        ("/v1/quarantine/partners", "admin:quarantine.list"),
        "Whom rules have shut out of what partners' agents may call, why, and what lets each in again.",
        &[AFTER, LIMIT],
        "ShutOuts",
        |asked| {
            let page = asked.page()?;
            let found = asked.registry.shut_out(&page.after, page.most)?;
            let next = found.last().map(|last| json!(last.id));
            Ok(listed("shutOut", found.iter().map(shut_out).collect(), next, page.most))
        },
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/quarantine/partners/{id}", "admin:quarantine.lift"),
        "Let somebody of a partner in again whom a rule has shut out.",
        (None, "ShutOut"),
        |asked| Ok(shut_out(&asked.registry.let_in(asked.name, asked.now)?)),
    ),
];

fn form(rule: &Rule) -> Value {
    serde_json::to_value(rule).unwrap_or_default()
}

/// An agent that a rule has suspended.
pub(super) fn quarantined(one: &Quarantined) -> Value {
    let Quarantined { agent, did, rule, reason, since, .. } = one;
    json!({
        "agent": agent, "did": did, "rule": rule, "reason": reason, "since": time::format(*since),
        "lift": format!("legation agent resume {agent}"),
    })
}

/// Somebody of a partner whom a rule has shut out.
fn shut_out(one: &ShutOut) -> Value {
    let ShutOut { id, root, subject, rule, reason, at } = one;
    json!({
        "id": id, "partner": root, "subject": subject, "rule": rule, "reason": reason, "since": time::format(*at),
        "lift": lift(id),
    })
}

fn activity(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let days = asked.number("days", 1, MOST_DAYS)?.unwrap_or(USUAL_DAYS);
    let found = asked.registry.activity(asked.name, days, asked.now)?;
    let Activity { shown, last, before, days, new, is_cut } = &found;
    let held = asked.registry.quarantine_of(asked.name)?;
    let new: Vec<Value> =
        new.iter().map(|(action, resource)| json!({"action": action, "resource": resource})).collect();
    Ok(json!({
        "agent": shown.holder.name, "did": shown.holder.did, "state": shown.holder.state.name(),
        "since": time::format(asked.now.saturating_sub(DAY)), "last": deeds(last), "daysBefore": days,
        "before": deeds(before), "new": new, "cut": is_cut, "quarantine": held.as_ref().map(quarantined),
    }))
}

fn deeds(deeds: &Deeds) -> Value {
    let Deeds { calls, denied, spent, used } = deeds;
    let spent = spent.iter().map(
        |(currency, micros)| json!({"currency": currency, "amountMicros": micros, "amount": money(*micros, currency)}),
    );
    let used = used
        .iter()
        .map(|((action, resource), calls)| json!({"action": action, "resource": resource, "calls": calls}));
    json!({
        "calls": calls, "denied": denied, "spent": spent.collect::<Vec<_>>(), "used": used.collect::<Vec<_>>(),
    })
}
