//! What settled calls cost.

use crate::{
    Console,
    client::now,
    page::{Visit, page, problem},
    told::{items, named, text},
};
use axum::{
    extract::{Query, State},
    response::Response,
};
use legation_credential::money::money;
use legation_host::api::escape;
use legation_keys::time;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// How far back one may look, as pages name it, in seconds.
const SINCE: [(&str, &str, i64); 3] =
    [("1d", "24 hours", 86_400), ("7d", "7 days", 604_800), ("30d", "30 days", 2_592_000)];
/// Most lines of a page.
const MOST: usize = 500;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    since: String,
}

/// By agent and model, the dearest first, and by team.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Response {
    let found = SINCE.iter().find(|(name, ..)| *name == wanted.since);
    let (name, _, seconds) = found.unwrap_or(&SINCE[0]);
    let since = time::format(now().saturating_sub(*seconds));
    match console.get(&visit.asking(), &format!("/v1/spend?since={}", escape(&since))).await {
        Ok(json) => page(&visit, "Spend", &shown(items(&json, "spent"), name)),
        Err(why) => problem(&visit, &why),
    }
}

fn micros(one: &Value) -> i64 {
    one.get("amountMicros").and_then(Value::as_i64).unwrap_or_default()
}

fn shown(spent: &[Value], since: &str) -> Markup {
    let mut teams: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for one in spent {
        let sum = teams.entry((text(one, "currency"), text(one, "team"))).or_default();
        *sum = sum.saturating_add(micros(one));
    }
    let mut most: BTreeMap<&str, i64> = BTreeMap::new();
    for one in spent {
        let dearest = most.entry(text(one, "currency")).or_insert(1);
        *dearest = micros(one).max(*dearest);
    }
    html! {
        h1 { "Spend" }
        p.tabs {
            @for (name, told, _) in SINCE {
                a href={ "/console/spend?since=" (name) } aria-current=[(name == since).then_some("true")] { "Last " (told) }
            }
        }
        @if spent.is_empty() {
            p { "Nothing was spent." }
        } @else {
            section {
                h2 { "By team" }
                table {
                    thead { tr { th scope="col" { "Team" } th.number scope="col" { "Amount" } } }
                    tbody {
                        @for ((currency, team), sum) in &teams {
                            tr { td { (if team.is_empty() { "none" } else { team }) } td.number { (money(*sum, currency)) } }
                        }
                    }
                }
            }
            section {
                h2 { "By agent and model" }
                div.wide tabindex="0" role="region" aria-label="Spend by agent and model" {
                    table {
                        thead { tr { th scope="col" { "Agent" } th scope="col" { "On" } th.number scope="col" { "Calls" } th.number scope="col" { "Amount" } th scope="col" { span.hidden { "Share of the dearest" } } } }
                        tbody {
                            @for one in spent.iter().take(MOST) {
                                tr {
                                    td { (named(text(one, "agent"))) }
                                    td { (text(one, "model")) }
                                    td.number { (one.get("calls").and_then(Value::as_i64).unwrap_or_default()) }
                                    td.number { (text(one, "amount")) }
                                    @let share = micros(one).saturating_mul(100) / most.get(text(one, "currency")).copied().unwrap_or(1).max(1);
                                    td { meter aria-label="share of the dearest" min="0" max="100" value=(share) { (share) " % of the dearest" } }
                                }
                            }
                        }
                    }
                }
                @if spent.len() > MOST { p.quiet { "The dearest " (MOST) "; " code { "legation spend --csv" } " has all." } }
            }
        }
    }
}
