//! What was decided: the latest, and one of them with why.

use crate::{
    Console, Organization,
    client::with_query,
    page::{Visit, page, page_that_follows, problem},
    told::{badge, code, facts, items, moment, named, number, plain, text},
};
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use legation_verifier::Code;
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Of how many of the latest those of a code are looked for.
const LOOKED: usize = 1000;
/// How many are shown.
const SHOWN: usize = 100;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    agent: String,
    #[serde(default)]
    code: String,
}

/// The latest decisions, of an agent and of a code where they are named.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Response {
    let target = with_query(&format!("/v1/receipts?last={LOOKED}"), &[("agent", &wanted.agent)]);
    match console.get(&visit.asking(), &target).await {
        Ok(json) => {
            let content = listed(&visit.session.of, items(&json, "receipts"), &wanted);
            page_that_follows(&visit, "Decisions", &content)
        }
        Err(why) => problem(&visit, &why),
    }
}

/// Whether it is a request of an administrator, such as those that these pages are made of.
pub(crate) fn is_administration(of: &Organization, receipt: &Value) -> bool {
    let model = text(receipt, "model");
    let rest = model.strip_prefix("https://").and_then(|rest| rest.strip_prefix(&of.registry.host()));
    rest.is_some_and(|rest| rest.starts_with("/v1/"))
}

/// Whether somebody who looks for an agent's, or for a code, means a receipt.
pub(crate) fn is_meant(of: &Organization, one: &Value, (agent, code): (&str, &str)) -> bool {
    let of_agents = !agent.is_empty() || !is_administration(of, one);
    of_agents && (code.is_empty() || text(one, "code") == code)
}

fn listed(of: &Organization, receipts: &[Value], wanted: &Wanted) -> Markup {
    let is_meant = |one: &&Value| is_meant(of, one, (&wanted.agent, &wanted.code));
    let found: Vec<Value> = receipts.iter().filter(is_meant).take(SHOWN).cloned().collect();
    let last = receipts.first().map_or(0, |one| number(one, "seq"));
    html! {
        h1 { "Decisions" }
        form.search method="get" action="/console/decisions" role="search" {
            label for="agent" { "Agent" }
            input id="agent" name="agent" value=(wanted.agent) maxlength="255";
            label for="code" { "Denied by code" }
            input id="code" name="code" value=(wanted.code) maxlength="64";
            button type="submit" { "Search" }
        }
        // Filled by the script, where there is one: a button, and how it stands.
        p.live id="live" data-after=(last) data-agent=(wanted.agent) data-code=(wanted.code) data-most=(SHOWN) hidden {}
        @if found.is_empty() { p id="none" { "None." } }
        (rows(&found))
        p.quiet {
            "At most " (SHOWN) " among the latest " (LOOKED) ", without what administrators asked; name one by its DID to see that."
            " " code { "legation log search" } " looks through all of them."
        }
    }
}

/// Receipts in a table, the latest first.
pub(crate) fn table(receipts: &[Value]) -> Markup {
    if receipts.is_empty() {
        return html! { p { "None." } };
    }
    rows(receipts)
}

fn rows(receipts: &[Value]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Decisions" {
            table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Decision" } th scope="col" { "Why" } th scope="col" { "Agent" } th scope="col" { "On" } th.number scope="col" { "Amount" } th.number scope="col" { "Times" } } }
                tbody {
                    @for one in receipts {
                        tr {
                            td { a href={ "/console/decisions/" (number(one, "seq")) } { (moment(text(one, "at"))) } }
                            td { (badge(word(one))) }
                            td { (code(text(one, "code"))) }
                            td { (named(text(one, "agent"))) }
                            td { (text(one, "model")) }
                            td.number { (text(one, "amount")) }
                            td.number { (one.get("times").and_then(Value::as_i64).unwrap_or(1)) }
                        }
                    }
                }
            }
        }
    }
}

/// What was decided, in a word: a permit that has a code went through in shadow alone.
pub(crate) fn word(receipt: &Value) -> &str {
    match (text(receipt, "decision"), text(receipt, "code")) {
        ("permit", code) if !code.is_empty() => "shadow",
        (decision, _) => decision,
    }
}

/// One decision.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path(seq): Path<i64>,
) -> Response {
    match console.get(&visit.asking(), &format!("/v1/receipts/{seq}")).await {
        Ok(json) => page(&visit, "Decision", &shown(&json)),
        Err(why) => problem(&visit, &why),
    }
}

fn shown(json: &Value) -> Markup {
    let receipt = json.get("receipt").unwrap_or(&Value::Null);
    let (decision, code) = (text(json, "decision"), text(json, "code"));
    let title = match decision {
        "deny" => Some("Why it was denied"),
        "permit" if !code.is_empty() => Some("In shadow: it went through, and would have been denied"),
        _ => None,
    };
    html! {
        h1 { "Decision " (number(json, "seq")) " " (badge(word(json))) }
        div.columns {
            section {
                h2 { "What was asked" }
                (asked(json, receipt))
            }
            @if let Some(title) = title {
                section {
                    h2 { (title) }
                    (why(code, receipt))
                }
            }
        }
        section {
            h2 { "What was signed" }
            pre tabindex="0" { (serde_json::to_string_pretty(receipt).unwrap_or_default()) }
            p.quiet {
                @if json.get("signed").and_then(Value::as_bool) == Some(true) { "It is signed by the organization." }
                @else { "It is signed within seconds." }
                " " code { "legation log prove " (number(json, "seq")) } " makes the proof that it is in the log."
            }
        }
    }
}

fn asked(json: &Value, receipt: &Value) -> Markup {
    let request = receipt.get("request").unwrap_or(&Value::Null);
    let given = request.get("facts").and_then(Value::as_object);
    let list = html! {
        @if let Some(given) = given.filter(|given| !given.is_empty()) {
            ul { @for (name, value) in given { li { code { (name) } " = " code { (value.to_string()) } } } }
        }
    };
    let agent = text(json, "agent");
    let by = named(agent);
    facts(&[
        ("When", moment(text(json, "at"))),
        ("Agent", by),
        ("For", plain(text(receipt, "principal"))),
        ("Action", code(text(request, "action"))),
        ("On", code(text(request, "resource"))),
        ("Facts", list),
        ("Amount", plain(text(json, "amount"))),
        (
            "Settled as",
            if text(json, "decision") == "settle" {
                code(text(json, "code"))
            } else {
                PreEscaped(String::new())
            },
        ),
        ("Shown by", plain(text(receipt, "possession"))),
    ])
}

/// The rule, what it expected and found, and what would mend it.
fn why(code: &str, receipt: &Value) -> Markup {
    let member = |name: &str| match receipt.get(name) {
        None | Some(Value::Null) => PreEscaped(String::new()),
        Some(Value::String(text)) => plain(text),
        Some(other) => html! { code { (other.to_string()) } },
    };
    html! {
        (facts(&[
            ("Code", crate::told::code(code)),
            ("Expected", member("expected")),
            ("Found", member("found")),
            ("Link", member("link")),
        ]))
        @if let Some(known) = Code::from_name(code) {
            p { strong { "What mends it: " } (known.cure()) }
        }
    }
}
