//! Requests that wait for somebody's approval: exactly what will be done, by whom, under which chain; refused here, and approved by what
//! an approver signed with its own key, which the console never has.

use crate::{
    Console,
    client::{Problem, with_query},
    page::{Visit, page, problem},
    told::{badge, code, facts, items, moment, plain, text, texts},
};
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use legation_host::api::escape;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many are shown on a page.
const SHOWN: usize = 100;
/// What an approval can have become.
const STATES: [&str; 4] = ["pending", "granted", "refused", "used"];

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    state: String,
    #[serde(default)]
    after: String,
}

/// The requests of a state, the oldest first.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Response {
    let state = STATES.into_iter().find(|state| *state == wanted.state).unwrap_or("pending");
    let target =
        with_query(&format!("/v1/approvals?state={state}&limit={SHOWN}"), &[("after", &wanted.after)]);
    match console.get(&visit.asking(), &target).await {
        Ok(json) => page(&visit, "Approvals", &listed(&json, state)),
        Err(why) => problem(&visit, &why),
    }
}

fn listed(json: &Value, state: &str) -> Markup {
    let all = items(json, "approvals");
    html! {
        h1 { "Approvals" }
        nav.states aria-label="States" {
            @for one in STATES {
                a href={ "/console/approvals?state=" (one) } aria-current=[(one == state).then_some("page")] { (one) } " "
            }
        }
        @if all.is_empty() { p { "No request is " (state) "." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Requests" {
                table {
                    thead { tr { th scope="col" { "Asked" } th scope="col" { "Agent" } th scope="col" { "To do" } th scope="col" { "On" } th scope="col" { "Until" } } }
                    tbody {
                        @for one in all {
                            @let request = one.get("approval").unwrap_or(&Value::Null);
                            tr {
                                td { a href={ "/console/approvals/" (escape(text(one, "id"))) } { (moment(text(one, "asked"))) } }
                                td { (text(one, "agent")) }
                                td { (code(text(request, "action"))) }
                                td { (code(text(request, "resource"))) }
                                td { (moment(text(one, "until"))) }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(next) = json.get("next").and_then(Value::as_str) {
            p { a href={ "/console/approvals?state=" (state) "&after=" (escape(next)) } { "Later ones" } }
        }
    }
}

/// One request.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path(id): Path<String>,
) -> Response {
    match console.get(&visit.asking(), &format!("/v1/approvals/{}", escape(&id))).await {
        Ok(json) => page(&visit, "Approval", &shown(&visit, &json)),
        Err(why) => problem(&visit, &why),
    }
}

fn shown(visit: &Visit, json: &Value) -> Markup {
    let request = json.get("approval").unwrap_or(&Value::Null);
    let state = text(json, "state");
    html! {
        h1 { "Approval " (badge(state)) }
        div.columns {
            section {
                h2 { "What will be done" }
                (done(request))
            }
            section {
                h2 { "Why it waits" }
                (facts(&[
                    ("Because", plain(text(json, "why"))),
                    ("Asked", moment(text(json, "asked"))),
                    ("Waits until", moment(text(json, "until"))),
                    ("Approved, it says, by", plain(&texts(json, "approvers"))),
                    ("Reason", plain(text(json, "reason"))),
                ]))
            }
        }
        @if state == "pending" { (decide(visit, text(json, "id"))) }
    }
}

/// All that an approval is bound to: another agent, fact or body is another request.
fn done(request: &Value) -> Markup {
    let given = request.get("facts").and_then(Value::as_object);
    let list = html! {
        @if let Some(given) = given.filter(|given| !given.is_empty()) {
            ul { @for (name, value) in given { li { code { (name) } " = " code { (value.to_string()) } } } }
        }
    };
    facts(&[
        ("Agent", code(text(request, "agent"))),
        ("Action", code(text(request, "action"))),
        ("On", code(text(request, "resource"))),
        ("Facts", list),
        ("Body, SHA-256", code(text(request, "body"))),
        ("Under the delegation", code(text(request, "delegation"))),
        ("Decided by", code(text(request, "audience"))),
    ])
}

fn decide(visit: &Visit, id: &str) -> Markup {
    let path = format!("/console/approvals/{}", escape(id));
    html! {
        section {
            h2 { "Decide" }
            p {
                "An approver signs this very request with its own key, which stays where it is: "
                code { "legation approval grant " (id) " --own-key FILE" }
                ". What was signed elsewhere can be handed in here. The request then passes once, when it is asked again."
            }
            form.stacked method="post" action={ (path) "/grant" } {
                input type="hidden" name="form" value=(visit.session.form);
                label for="secured" { "Signed approval" }
                textarea id="secured" name="secured" rows="3" maxlength="8192" required autocomplete="off" spellcheck="false" {}
                button.go type="submit" { "Approve" }
            }
            form.stacked method="post" action={ (path) "/refuse" } {
                input type="hidden" name="form" value=(visit.session.form);
                label for="reason" { "Reason, which the agent is told" }
                input id="reason" name="reason" maxlength="200";
                button.stop type="submit" { "Refuse" }
            }
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    form: String,
    #[serde(default)]
    secured: String,
    #[serde(default)]
    reason: String,
}

/// Hands in what an approver signed, or refuses, as the session, by `/v1`.
pub(crate) async fn act(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path((id, act)): Path<(String, String)>,
    Form(sent): Form<Sent>,
) -> Response {
    if let Err(why) = visit.must_be_own(&sent.form) {
        return problem(&visit, &why);
    }
    let body = match act.as_str() {
        "grant" => json!({"secured": sent.secured.trim()}),
        "refuse" => json!({"reason": sent.reason.trim()}),
        _ => return problem(&visit, &Problem::new(404, "not_found", "there is nothing here")),
    };
    let target = format!("/v1/approvals/{}/{act}", escape(&id));
    match console.post(&visit.asking(), &target, Some(&body)).await {
        Ok(_) => Redirect::to(&format!("/console/approvals/{}", escape(&id))).into_response(),
        Err(why) => problem(&visit, &why),
    }
}
