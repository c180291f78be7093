//! One agent: who it is, what it may do and did, and what can be done about it.

use crate::{
    Console, chain,
    client::{Problem, with_query},
    decisions::table,
    page::{Visit, page, problem},
    told::{badge, code, facts, items, moment, plain, text, texts},
};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use legation_host::api::escape;
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
    let now = console.get(&asking, &format!("{path}/history")).await?;
    // Why it can't act: its own state, that of those above it, or that a delegation has ended.
    let stopped = (now.get("couldAct").and_then(Value::as_bool) != Some(true)).then(|| text(&now, "because"));
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
                (besides(&agent))
                @match (&may, &chain, stopped) {
                    (Some(may), _, None) => { (chain::sentences(may)) }
                    (Some(may), _, Some(why)) => { p.bad { "Nothing at the moment: " (why) "." } p { "Otherwise:" } (chain::sentences(may)) }
                    (None, Err(why), _) if why.status == 404 => { p.bad { "Nothing: " (why.message) } }
                    (None, Err(why), _) => { p.bad { "It can't be told: " (why.message) } }
                    (None, Ok(_), _) => { p.bad { "Nothing: its delegations do not follow from each other." } }
                }
            }
        }
        @if let Some(steps) = &steps {
            section {
                h2 { "Where that comes from" }
                (chain::picture(steps, stopped))
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
                    p { a href={ "/console/decisions?agent=" (escape(name)) } { "More of its decisions" } }
                }
                Err(why) => { p.quiet { (why.message) } }
            }
        }
    })
}

/// What changes what its chain says: quarantine, shadow, policies.
fn besides(agent: &Value) -> Markup {
    let until = text(agent, "shadow");
    html! {
        @if let Some(held) = agent.get("quarantine").filter(|held| held.is_object()) {
            p.bad { "In quarantine by the rule " code { (text(held, "rule")) } ": " (text(held, "reason")) ". Resuming it ends that." }
        }
        @if !until.is_empty() {
            p.held { "In shadow until " (moment(until)) ": its own limits are told and passed by, those of its team hold." }
        }
        @if !items(agent, "policies").is_empty() { p.quiet { "Policies may forbid some of it." } }
    }
}

fn who(agent: &Value) -> Markup {
    facts(&[
        ("DID", code(text(agent, "did"))),
        ("Team", plain(text(agent, "team"))),
        ("For", plain(text(agent, "purpose"))),
        ("Owner", plain(text(agent, "owner"))),
        ("Tags", plain(&texts(agent, "tags"))),
        ("Capabilities", plain(&texts(agent, "capabilities"))),
        ("Models", plain(&texts(agent, "models"))),
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
                thead { tr { th scope="col" { "Of" } th scope="col" { "Budget" } th scope="col" { "Taken" } th scope="col" { "Left" } th scope="col" { span.hidden { "Share" } } } }
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
    let number = |name: &str| budget.get(name).and_then(Value::as_i64);
    // Nobody knows what was taken, so that nothing passes.
    let Some(taken) = number("takenMicros") else { return html! { span.bad { "unknown: nothing passes" } } };
    let most = number("amount").unwrap_or_default().saturating_mul(1_000_000).max(1);
    let share = taken.saturating_mul(100).checked_div(most).unwrap_or(0).clamp(0, 100);
    html! { meter aria-label="share that is taken" min="0" max="100" high="80" value=(share) { (share) " %" } }
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
    if let Err(why) = visit.must_be_own(&form) {
        return problem(&visit, &why);
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
    let id = current(console, visit, name).await?;
    let target = format!("/v1/delegations/{}/revoke", escape(&id));
    let reason = serde_json::json!({"reason": "by the console"});
    let told = console.post(&asking, &target, Some(&reason)).await?;
    if items(&told, "stillHold").is_empty() {
        return Ok(());
    }
    let message = "it was renewed meanwhile, and may still act by the new delegation; revoke that, too";
    Err(Problem::new(409, "still_holds", message))
}

/// The delegation that holds now: after many renewals it is not among the first.
async fn current(console: &Console, visit: &Visit, name: &str) -> Result<String, Problem> {
    let mut after = String::new();
    loop {
        let target = with_query("/v1/delegations?limit=1000", &[("agent", name), ("after", &after)]);
        let all = console.get(&visit.asking(), &target).await?;
        let holds = |one: &&Value| ["current", "suspended"].contains(&text(one, "state"));
        if let Some(one) = items(&all, "delegations").iter().find(holds) {
            return Ok(text(one, "id").to_owned());
        }
        match all.get("next").and_then(Value::as_str) {
            Some(next) => next.clone_into(&mut after),
            None => {
                return Err(Problem::new(409, "wrong_state", "it has no delegation that could be revoked"));
            }
        }
    }
}
