//! One agent: who it is, what it may do and did, and what can be done about it.

use crate::{
    Console, chain,
    client::{Problem, escape},
    decisions::table,
    page::{Visit, is_own, page, problem},
    told::{badge, code, facts, items, moment, plain, text, texts},
};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// How many decisions are shown of an agent.
const LATEST: usize = 20;

/// What can be done about an agent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Suspend,
    Resume,
    Retire,
    Revoke,
}

impl Act {
    const ALL: [Self; 4] = [Self::Suspend, Self::Resume, Self::Retire, Self::Revoke];

    fn name(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Retire => "retire",
            Self::Revoke => "revoke",
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Suspend => "Suspend",
            Self::Resume => "Resume",
            Self::Retire => "Retire",
            Self::Revoke => "Revoke its delegation",
        }
    }

    /// What follows from it.
    fn follows(self) -> &'static str {
        match self {
            Self::Suspend => {
                "Its next call is denied, and streams that run end within a second, until it is resumed."
            }
            Self::Resume => "It may again do what its delegation says.",
            Self::Retire => {
                "It ends for good: its delegations are revoked, its keys end, and nobody can bring it back."
            }
            Self::Revoke => {
                "The delegation and all that descends from it, the children that the agent made itself included, are denied from the \
                 next call on. The agent can be delegated to again."
            }
        }
    }

    /// What fits the state of an agent.
    fn of(state: &str) -> &'static [Self] {
        match state {
            "active" => &[Self::Suspend, Self::Revoke, Self::Retire],
            "suspended" => &[Self::Resume, Self::Revoke, Self::Retire],
            _ => &[],
        }
    }
}

/// An agent's page.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path(name): Path<String>,
) -> Response {
    match shown(&console, &visit, &name).await {
        Ok(content) => page(&visit, &name, &content),
        Err(why) => problem(&visit, &why),
    }
}

async fn shown(console: &Console, visit: &Visit, name: &str) -> Result<Markup, Problem> {
    let (asking, path) = (visit.asking(), format!("/v1/agents/{}", escape(name)));
    let agent = console.get(&asking, &path).await?;
    let chain = console.get(&asking, &format!("{path}/chain")).await;
    let budgets = console.get(&asking, &format!("{path}/budgets")).await;
    let receipts = console.get(&asking, &format!("/v1/receipts?last={LATEST}&agent={}", escape(name))).await;
    let steps = chain.as_ref().ok().and_then(chain::read);
    let may = steps.as_deref().and_then(chain::effective);
    Ok(html! {
        h1 { (text(&agent, "name")) " " (badge(text(&agent, "state"))) }
        (acts(visit, &agent))
        div.columns {
            section {
                h2 { "Who it is" }
                (who(&agent))
            }
            section {
                h2 { "What it may do now" }
                @match (&may, &chain) {
                    (Some(may), _) if chain::stopped(&agent).is_none() => { (chain::sentences(may)) }
                    (Some(may), _) => { p.bad { "Nothing at the moment. Once it is resumed:" } (chain::sentences(may)) }
                    (None, Err(why)) => { p.bad { "Nothing: " (why.message) } }
                    (None, Ok(_)) => { p.bad { "Nothing: its delegations do not follow from each other." } }
                }
            }
        }
        @if let Some(steps) = &steps {
            section {
                h2 { "Where that comes from" }
                (chain::picture(steps, chain::stopped(&agent)))
            }
        }
        section {
            h2 { "Budgets" }
            @match &budgets { Ok(budgets) => { (budgeted(budgets)) } Err(why) => { p.quiet { (why.message) } } }
        }
        section {
            h2 { "What it did last" }
            @match &receipts {
                Ok(receipts) => {
                    (table(items(receipts, "receipts")))
                    p { a href={ "/console/decisions?agent=" (escape(name)) } { "All of its decisions" } }
                }
                Err(why) => { p.quiet { (why.message) } }
            }
        }
    })
}

fn who(agent: &Value) -> Markup {
    let may = ["models", "actions", "resources"].map(|name| texts(agent, name));
    facts(&[
        ("DID", code(text(agent, "did"))),
        ("Team", plain(text(agent, "team"))),
        ("For", plain(text(agent, "purpose"))),
        ("Owner", plain(text(agent, "owner"))),
        ("Tags", plain(&texts(agent, "tags"))),
        ("Capabilities", plain(&texts(agent, "capabilities"))),
        ("Models", plain(&may[0])),
        ("Version", plain(&agent.get("version").map(Value::to_string).unwrap_or_default())),
        ("Since", moment(text(agent, "created"))),
        ("Delegation until", moment(text(agent, "validUntil"))),
    ])
}

/// Its budgets and those above it, each with a bar.
fn budgeted(budgets: &Value) -> Markup {
    let above = items(budgets, "above");
    let all = core::iter::once(budgets).chain(above.iter());
    html! {
        div.wide tabindex="0" role="region" aria-label="Budgets" {
            table {
                thead { tr { th { "Of" } th { "Budget" } th { "Taken" } th { "Left" } th { span.hidden { "Share" } } } }
                tbody {
                    @for one in all {
                        @for budget in items(one, "budgets") {
                            tr {
                                td { (text(one, "kind")) " " (text(one, "name")) }
                                td { (text(budget, "budget")) }
                                td { (text(budget, "taken")) }
                                td { (text(budget, "left")) }
                                td { (bar(budget)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn bar(budget: &Value) -> Markup {
    let number = |name: &str| budget.get(name).and_then(Value::as_i64).unwrap_or_default();
    let most = number("amount").saturating_mul(1_000_000).max(1);
    let share = number("takenMicros").saturating_mul(100).checked_div(most).unwrap_or(0).clamp(0, 100);
    html! { meter min="0" max="100" high="80" value=(share) { (share) " %" } }
}

/// The buttons that fit its state. What can be taken back is done at once, the rest is asked for.
fn acts(visit: &Visit, agent: &Value) -> Markup {
    let path = format!("/console/agents/{}", escape(text(agent, "name")));
    html! {
        div.acts {
            @for act in Act::of(text(agent, "state")) {
                @match act {
                    Act::Suspend | Act::Resume => {
                        form method="post" action={ (path) "/" (act.name()) } {
                            input type="hidden" name="form" value=(visit.session.form);
                            button type="submit" class=(if *act == Act::Suspend { "stop" } else { "go" }) { (act.told()) }
                        }
                    }
                    _ => { a.button href={ (path) "/" (act.name()) } { (act.told()) } }
                }
            }
        }
    }
}

/// Asks whether it is meant.
pub(crate) async fn ask(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path((name, act)): Path<(String, String)>,
) -> Response {
    let Some(act) = Act::ALL.into_iter().find(|one| one.name() == act) else { return nothing(&visit) };
    let path = format!("/v1/agents/{}", escape(&name));
    let agent = match console.get(&visit.asking(), &path).await {
        Ok(agent) => agent,
        Err(why) => return problem(&visit, &why),
    };
    let content = html! {
        h1 { (act.told()) ": " (text(&agent, "name")) }
        p { (act.follows()) }
        form method="post" action={ "/console/agents/" (escape(&name)) "/" (act.name()) } {
            input type="hidden" name="form" value=(visit.session.form);
            button.stop type="submit" { (act.told()) }
            " " a href={ "/console/agents/" (escape(&name)) } { "Leave it as it is" }
        }
    };
    page(&visit, act.told(), &content)
}

fn nothing(visit: &Visit) -> Response {
    problem(visit, &Problem::new(404, "not_found", "there is nothing here"))
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    form: String,
}

/// Does it, as the session, by `/v1`.
pub(crate) async fn act(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path((name, act)): Path<(String, String)>,
    Form(Sent { form }): Form<Sent>,
) -> Response {
    if !is_own(&visit.headers) || form != visit.session.form {
        let message = "the form was sent by another site, or is an old one; go back and send it again";
        return problem(&visit, &Problem::new(403, "form_denied", message));
    }
    let Some(act) = Act::ALL.into_iter().find(|one| one.name() == act) else { return nothing(&visit) };
    match done(&console, &visit, &name, act).await {
        // The answer to the form is another page, so that loading it again sends nothing again (RFC 9110 §15.4.4).
        Ok(()) => Redirect::to(&format!("/console/agents/{}", escape(&name))).into_response(),
        Err(why) => problem(&visit, &why),
    }
}

async fn done(console: &Console, visit: &Visit, name: &str, act: Act) -> Result<(), Problem> {
    let asking = visit.asking();
    if act != Act::Revoke {
        let target = format!("/v1/agents/{}/{}", escape(name), act.name());
        return console.post(&asking, &target, None).await.map(drop);
    }
    let all = console.get(&asking, &format!("/v1/delegations?agent={}", escape(name))).await?;
    let holds = |one: &&Value| ["current", "suspended"].contains(&text(one, "state"));
    let current = items(&all, "delegations").iter().find(holds);
    let Some(current) = current else {
        return Err(Problem::new(409, "wrong_state", "it has no delegation that could be revoked"));
    };
    let target = format!("/v1/delegations/{}/revoke", escape(text(current, "id")));
    let reason = serde_json::json!({"reason": "by the console"});
    console.post(&asking, &target, Some(&reason)).await.map(drop)
}
