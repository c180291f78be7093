//! The overview, and the agents.

use crate::{
    Console, Organization,
    client::{Problem, with_query},
    decisions::{is_administration, word},
    first::{Calls, LOOKED, steps},
    page::{Visit, page, problem},
    told::{badge, items, moment, text, texts},
};
use axum::{
    extract::{Query, State},
    response::Response,
};
use legation_host::api::escape;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// Agents of one page.
const PAGE: usize = 50;

/// What was decided lately, what it cost, what waits.
pub(crate) async fn home(State(console): State<Arc<Console>>, visit: Visit) -> Response {
    match overview(&console, &visit).await {
        Ok(content) => page(&visit, "Overview", &content),
        Err(why) => problem(&visit, &why),
    }
}

/// What a session may not see is left out.
pub(crate) fn if_allowed(answer: Result<Value, Problem>) -> Result<Option<Value>, Problem> {
    match answer {
        Err(problem) if problem.status == 403 && problem.code == "not_granted" => Ok(None),
        other => other.map(Some),
    }
}

async fn overview(console: &Console, visit: &Visit) -> Result<Markup, Problem> {
    let asking = visit.asking();
    let organization = if_allowed(console.get(&asking, "/v1/organization").await)?;
    let receipts = if_allowed(console.get(&asking, &format!("/v1/receipts?last={LOOKED}")).await)?;
    let spend = if_allowed(console.get(&asking, "/v1/spend").await)?;
    let waiting = if_allowed(console.get(&asking, "/v1/approvals?limit=100").await)?;
    let calls = receipts.as_ref().map(|receipts| Calls::of(visit, items(receipts, "receipts")));
    // Whoever has been here for long is not led any more; the page of the steps stays.
    let is_new = calls.is_some_and(|calls| !calls.denied && !calls.more);
    let first = if is_new { Some(steps(console, &asking, calls).await?) } else { None };
    Ok(html! {
        @if let Some(organization) = organization {
            h1 { (text(&organization, "did")) }
        } @else { h1 { "Overview" } }
        @if let Some(first) = &first { section { h2 { "First steps" } (first) } }
        div.tiles {
            @if let Some(receipts) = &receipts { (decided(&visit.session.of, items(receipts, "receipts"))) }
            @if let Some(spend) = &spend { (cost(items(spend, "spent"))) }
            @if let Some(waiting) = &waiting { (waits(items(waiting, "approvals").len(), waiting.get("next").is_some())) }
        }
        @if first.is_none() { p { a href="/console/first-steps" { "First steps" } } }
    })
}

fn decided(of: &Organization, receipts: &[Value]) -> Markup {
    let mut codes: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut permits, mut shadow) = (0_i64, 0_i64);
    for one in receipts.iter().filter(|one| !is_administration(of, one)) {
        let times = one.get("times").and_then(Value::as_i64).unwrap_or(1);
        match word(one) {
            "permit" => permits = permits.saturating_add(times),
            "shadow" => shadow = shadow.saturating_add(times),
            "deny" => {
                let count = codes.entry(text(one, "code")).or_default();
                *count = count.saturating_add(times);
            }
            _ => {}
        }
    }
    let mut codes: Vec<(&str, i64)> = codes.into_iter().collect();
    codes.sort_by_key(|(_, times)| -times);
    html! {
        section {
            h2 { "Decided lately" }
            p {
                "Permits: " (permits) ", denials: " (codes.iter().map(|(_, times)| times).sum::<i64>()) ", of the last " (receipts.len()) " receipts."
                @if shadow > 0 { " In shadow alone: " (shadow) "." }
            }
            @if !codes.is_empty() {
                table {
                    thead { tr { th scope="col" { "Denied by" } th.number scope="col" { "times" } } }
                    tbody {
                        @for (code, times) in codes {
                            tr { td { a href={ "/console/decisions?code=" (escape(code)) } { code { (code) } } } td.number { (times) } }
                        }
                    }
                }
            }
        }
    }
}

fn cost(spent: &[Value]) -> Markup {
    let mut of: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for one in spent {
        let number = |name: &str| one.get(name).and_then(Value::as_i64).unwrap_or_default();
        let sum = of.entry(text(one, "currency")).or_default();
        *sum = (sum.0.saturating_add(number("amountMicros")), sum.1.saturating_add(number("calls")));
    }
    html! {
        section {
            h2 { "Spent in the last 24 hours" }
            @if of.is_empty() { p { "Nothing." } }
            @for (currency, (micros, calls)) in of {
                p { strong { (legation_credential::money::money(micros, currency)) } ", calls: " (calls) "." }
            }
            p { a href="/console/spend" { "By agent and model" } }
        }
    }
}

fn waits(waiting: usize, more: bool) -> Markup {
    html! {
        section {
            h2 { "Waiting for an approval" }
            @match (waiting, more) {
                (0, false) => { p { "Nothing." } }
                (some, false) => { p { "Requests: " (some) "." } }
                (some, true) => { p { "Requests: " (some) " or more." } }
            }
            p.quiet { code { "legation approval list" } " shows them, and grants them by a signature." }
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    after: String,
}

/// The agents whose names begin so, those of a team.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Response {
    let members = [("begins", wanted.q.as_str()), ("team", &wanted.team), ("after", &wanted.after)];
    let target = with_query(&format!("/v1/agents?limit={PAGE}"), &members);
    match console.get(&visit.asking(), &target).await {
        Ok(json) => page(&visit, "Agents", &listed(&json, &wanted)),
        Err(why) => problem(&visit, &why),
    }
}

fn listed(json: &Value, wanted: &Wanted) -> Markup {
    let agents = items(json, "agents");
    let next = json.get("next").and_then(Value::as_str);
    html! {
        h1 { "Agents" }
        form.search method="get" action="/console/agents" role="search" {
            label for="q" { "Name begins with" }
            input id="q" name="q" value=(wanted.q) maxlength="255";
            label for="team" { "or the team" }
            input id="team" name="team" value=(wanted.team) maxlength="255";
            button type="submit" { "Search" }
        }
        @if agents.is_empty() {
            p { "There is no such agent. " a href="/console/delegate" { "Delegate to a new one" } ", as " code { "legation agent add NAME" } " does." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Agents" {
                table {
                    thead { tr { th scope="col" { "Agent" } th scope="col" { "Team" } th scope="col" { "State" } th scope="col" { "For" } th scope="col" { "Owner" } th scope="col" { "Tags" } th scope="col" { "Until" } } }
                    tbody {
                        @for agent in agents {
                            tr {
                                td { a href={ "/console/agents/" (escape(text(agent, "name"))) } { (text(agent, "name")) } }
                                td { (text(agent, "team")) }
                                td { (badge(text(agent, "state"))) }
                                td { (text(agent, "purpose")) }
                                td { (text(agent, "owner")) }
                                td { (texts(agent, "tags")) }
                                td { (moment(text(agent, "validUntil"))) }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(next) = next {
            p { a rel="next" href={ "/console/agents?q=" (escape(&wanted.q)) "&team=" (escape(&wanted.team)) "&after=" (escape(next)) } { "More agents" } }
        }
    }
}
