//! The first steps of an organization: from its first agent to the first call that is denied. What is done is told by what `/v1`
//! says, so that it is the same for everybody who looks, and whichever way it was done.

use crate::{
    Console,
    agents::if_allowed,
    client::{Asking, Problem},
    decisions::{is_administration, word},
    page::{Visit, page, problem},
    told::{badge, items, shell, text},
};
use axum::{extract::State, response::Response};
use legation_host::api::escape;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Of how many of the latest receipts calls are looked for.
pub(crate) const LOOKED: usize = 1000;
/// Of how many agents one is looked for that has a limit.
const AGENTS: usize = 100;
/// What stands for a name before there is one.
const NAME: &str = "my-agent";

/// Whether calls of agents were permitted, and denied, among the latest receipts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    permitted: bool,
    pub(crate) denied: bool,
    /// Whether there were more receipts than are looked at.
    pub(crate) more: bool,
}

impl Calls {
    pub(crate) fn of(visit: &Visit, receipts: &[Value]) -> Self {
        let of = &visit.session.of;
        let of_agents = || receipts.iter().filter(move |one| !is_administration(of, one));
        let any = |decision: &str| of_agents().any(|one| word(one) == decision);
        Self { permitted: any("permit"), denied: any("deny"), more: receipts.len() >= LOOKED }
    }
}

/// A step: what it is, whether it is done (`None` where whoever looks may not see that), where the console does it, and the command.
struct Step {
    title: &'static str,
    done: Option<bool>,
    about: Markup,
    command: String,
}

/// All steps, on a page of their own.
pub(crate) async fn show(State(console): State<Arc<Console>>, visit: Visit) -> Response {
    match shown(&console, &visit).await {
        Ok(content) => page(&visit, "First steps", &content),
        Err(why) => problem(&visit, &why),
    }
}

async fn shown(console: &Console, visit: &Visit) -> Result<Markup, Problem> {
    let receipts = if_allowed(console.get(&visit.asking(), &format!("/v1/receipts?last={LOOKED}")).await)?;
    let calls = receipts.map(|receipts| Calls::of(visit, items(&receipts, "receipts")));
    let steps = steps(console, &visit.asking(), calls).await?;
    Ok(
        html! { h1 { "First steps" } section { h2 { "From the first agent to the first call that is denied" } (steps) } },
    )
}

/// The steps as a list.
pub(crate) async fn steps(
    console: &Console,
    asking: &Asking<'_>,
    calls: Option<Calls>,
) -> Result<Markup, Problem> {
    let all = read(console, asking, calls).await?;
    let done = all.iter().filter(|step| step.done == Some(true)).count();
    Ok(html! {
        p { "Done: " (done) " of " (all.len()) "." }
        ol.steps {
            @for step in &all {
                li {
                    h3 {
                        (step.title) " "
                        @match step.done {
                            Some(true) => { (badge("done")) }
                            Some(false) => { (badge("to do")) }
                            None => { span.quiet { "your role does not see whether it is done" } }
                        }
                    }
                    p { (step.about) }
                    pre.command tabindex="0" { (step.command) }
                }
            }
        }
    })
}

async fn read(console: &Console, asking: &Asking<'_>, calls: Option<Calls>) -> Result<Vec<Step>, Problem> {
    let agents = if_allowed(console.get(asking, &format!("/v1/agents?limit={AGENTS}")).await)?;
    let models = if_allowed(console.get(asking, "/v1/models?limit=1").await)?;
    let routes = if_allowed(console.get(asking, "/v1/routes?limit=1").await)?;
    let keys = if_allowed(console.get(asking, "/v1/api-keys?limit=1").await)?;
    let agents = agents.as_ref().map(|agents| items(agents, "agents"));
    let is_active = |one: &&Value| text(one, "state") == "active";
    let first = agents.and_then(|agents| agents.iter().find(is_active)).map_or("", |one| text(one, "name"));
    let some = |json: &Option<Value>, name: &str| json.as_ref().map(|json| !items(json, name).is_empty());
    let (models_there, routes_there) = (some(&models, "models"), some(&routes, "routes"));
    let served = match (models_there, routes_there) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, None) => None,
        _ => Some(false),
    };
    let model = models.as_ref().and_then(|models| items(models, "models").first());
    let model = model.map_or("my-model", |model| text(model, "name"));
    let state = Known {
        first,
        agent: agents.map(|agents| !agents.is_empty()),
        limited: agents.map(|agents| agents.iter().any(is_limited)),
        served,
        key: some(&keys, "keys"),
        calls,
    };
    Ok(told(&state, &call(&asking.session.of.registry.origin(), model)))
}

fn is_limited(agent: &Value) -> bool {
    ["budgets", "constraints"].iter().any(|name| !items(agent, name).is_empty())
}

/// What is known of the six steps.
struct Known<'a> {
    /// The name of an agent, where there is one.
    first: &'a str,
    agent: Option<bool>,
    limited: Option<bool>,
    served: Option<bool>,
    key: Option<bool>,
    calls: Option<Calls>,
}

/// A call of a model, as the agent makes it.
fn call(origin: &str, model: &str) -> String {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let url = shell(&format!("{origin}/v1/chat/completions"));
    format!(
        "curl {url} -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' -d {}",
        shell(&body)
    )
}

fn told(state: &Known<'_>, call: &str) -> Vec<Step> {
    let name = if state.first.is_empty() { NAME } else { state.first };
    let own = |text: &str| match state.first.is_empty() {
        true => html! { (text) },
        false => html! { a href={ "/console/agents/" (escape(name)) } { (text) } },
    };
    let step = |title, done, about, command| Step { title, done, about, command };
    vec![
        step(
            "Add an agent",
            state.agent,
            html! { "It gets a delegation of its team, which you see before it is issued: " a href="/console/delegate" { "delegate" } "." },
            format!("legation agent add {NAME} --models '*' --budget 5USD/day"),
        ),
        step(
            "Give it a limit",
            state.limited,
            html! { "What it may spend at most holds whatever it is told to do, and is seen on " (own("its page")) "." },
            format!("legation budget set {name} 5USD/day"),
        ),
        step(
            "Give it something to call",
            state.served,
            html! { "A model of a provider, whose key stays here, or a route to a service." },
            "legation secret set openai --origin https://api.openai.com\nlegation model set model.json"
                .to_owned(),
        ),
        step(
            "Make it a key",
            state.key,
            html! { "The key says which agent calls, and nothing else. It is shown once." },
            format!("KEY=$(legation api-key create {name})"),
        ),
        step(
            "Let it call",
            state.calls.map(|calls| calls.permitted),
            html! { "Each call leaves a receipt: " a href="/console/decisions" { "decisions" } "." },
            call.to_owned(),
        ),
        step(
            "See it denied",
            state.calls.map(|calls| calls.denied),
            html! { "Suspend it on " (own("its page")) " and call again: the decision says why. Then resume it." },
            format!("legation agent suspend {name}\n{call}\nlegation agent resume {name}"),
        ),
    ]
}
