//! A delegation to a new agent: what its team can give at most, what the agent would get, and then it is issued, by the call that
//! `legation agent add` makes. Who may give what is for `/v1` to say, before it is issued and when it is.

use crate::{
    Console,
    chain::sentences,
    client::{Asking, Problem},
    draft::Draft,
    page::{Visit, page, page_again, problem},
    told::{code, facts, items, moment, number, plain, text, wrong},
};
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use legation_credential::{Authority, extend};
use legation_host::api::escape;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// Most teams and models that are offered.
const MOST: usize = 1000;
/// The group that stands for all models.
const ALL: &str = "*";

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    team: String,
}

/// The form, for a team.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Response {
    match shown(&console, &visit, wanted.team).await {
        Ok(content) => page(&visit, "Delegate", &content),
        Err(why) => problem(&visit, &why),
    }
}

async fn shown(console: &Console, visit: &Visit, team: String) -> Result<Markup, Problem> {
    let asking = visit.asking();
    let team = match team.is_empty() {
        false => team,
        true => {
            let teams = console.get(&asking, &format!("/v1/teams?limit={MOST}")).await?;
            let active = items(&teams, "teams").iter().filter(|team| text(team, "state") == "active");
            let names: Vec<&str> = active.map(|team| text(team, "name")).collect();
            match names.as_slice() {
                [only] => (*only).to_owned(),
                names => return Ok(choose(names)),
            }
        }
    };
    let bounds = Bounds::read(console, &asking, team).await?;
    Ok(form(visit, &bounds, &Draft { team: bounds.team.clone(), ..Draft::default() }, None))
}

fn choose(teams: &[&str]) -> Markup {
    html! {
        h1 { "Delegate" }
        @if teams.is_empty() { p { "No team can give anything. " code { "legation team add NAME" } " makes one." } }
        @else {
            form.search method="get" action="/console/delegate" {
                label for="team" { "On behalf of the team" }
                select id="team" name="team" { @for team in teams { option { (team) } } }
                button type="submit" { "Go on" }
            }
        }
    }
}

/// What a team can give at most.
struct Bounds {
    team: String,
    /// Why it can give nothing now.
    stopped: String,
    held: Authority,
    /// How many further links.
    depth: i64,
    until: String,
    /// Groups of models that are within it.
    groups: Vec<String>,
}

impl Bounds {
    async fn read(console: &Console, asking: &Asking<'_>, team: String) -> Result<Self, Problem> {
        let now = console.get(asking, &format!("/v1/teams/{}/history", escape(&team))).await?;
        let damaged = || Problem::new(500, "internal", "what the team holds can't be read");
        let (mut held, mut until) = (Authority::everything(), String::new());
        for one in items(&now, "path") {
            let Some(delegation) = one.get("delegation").filter(|one| one.is_object()) else { continue };
            let authority = delegation.get("authority").map(Value::to_string).unwrap_or_default();
            let authority = Authority::parse(&authority).map_err(|_| damaged())?;
            held = extend(held, &authority).map_err(|_| damaged())?;
            text(delegation, "validUntil").clone_into(&mut until);
        }
        // Whoever sees no models names none; all of them can be given all the same.
        let models = console.get(asking, &format!("/v1/models?limit={MOST}")).await.unwrap_or_default();
        let all = items(&models, "models").iter().map(|model| text(model, "group"));
        let known: BTreeSet<&str> = all.chain([ALL]).collect();
        let host = asking.session.of.registry.host();
        let groups =
            known.into_iter().filter(|group| covers(&held, &host, group)).map(str::to_owned).collect();
        let stopped = text(&now, "because").to_owned();
        Ok(Self { team, stopped, held, depth: number(&now, "maxDepth"), until, groups })
    }
}

/// Whether a group of models is within what is held.
fn covers(held: &Authority, host: &str, group: &str) -> bool {
    let models = match group {
        ALL => format!("https://{host}/models/*"),
        group => format!("https://{host}/models/{group}/*"),
    };
    let grant = json!({"grants": [{"actions": ["model:*"], "resources": [models]}]});
    Authority::parse(&grant.to_string()).is_ok_and(|grant| extend(held.clone(), &grant).is_ok())
}

/// A field, which is described by what is wrong in it, and else by a hint.
struct Field<'a> {
    draft: &'a Draft,
    wrong: Option<(&'a str, &'a Problem)>,
}

impl Field<'_> {
    fn is_wrong(&self, name: &str) -> Option<&'static str> {
        self.wrong.is_some_and(|(field, _)| field == name).then_some("true")
    }

    /// What describes a field: what is wrong in it, where something is, and what the team can give.
    fn described(&self, name: &str) -> String {
        let wrong = self.is_wrong(name).map_or_else(String::new, |_| format!("{name}-wrong "));
        format!("{wrong}bounds")
    }

    fn after(&self, name: &str) -> Markup {
        match self.wrong {
            Some((field, why)) if field == name => wrong(&format!("{name}-wrong"), why),
            _ => html! {},
        }
    }

    fn line(&self, name: &str, label: &str, value: &str, most: usize) -> Markup {
        html! {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) maxlength=(most) autocomplete="off" required[name == "name"]
                aria-invalid=[self.is_wrong(name)] aria-describedby=(self.described(name));
            (self.after(name))
        }
    }

    fn lines(&self, name: &str, label: &str, value: &str) -> Markup {
        html! {
            label for=(name) { (label) }
            textarea id=(name) name=(name) rows="2" maxlength="4096" autocomplete="off" spellcheck="false"
                aria-invalid=[self.is_wrong(name)] aria-describedby=(self.described(name)) { (value) }
            (self.after(name))
        }
    }

    fn models(&self, groups: &[String]) -> Markup {
        let chosen = &self.draft.models;
        let others = chosen.iter().filter(|group| !groups.contains(group));
        html! {
            fieldset aria-describedby=(self.described("models")) {
                legend { "Groups of models" }
                @for group in groups.iter().chain(others) {
                    label.check {
                        input type="checkbox" name="models" value=(group) checked[chosen.contains(group)] aria-invalid=[self.is_wrong("models")];
                        " " @if group == ALL { "all models" } @else { (group) }
                    }
                }
                @if groups.is_empty() { p.quiet { "The team has none to give." } }
            }
            (self.after("models"))
        }
    }
}

fn form(visit: &Visit, bounds: &Bounds, draft: &Draft, wrong_in: Option<(&str, &Problem)>) -> Markup {
    let field = Field { draft, wrong: wrong_in };
    html! {
        h1 { "Delegate to a new agent" }
        (field.after(""))
        @if !bounds.stopped.is_empty() { p.bad { "The team can give nothing at the moment: " (bounds.stopped) "." } }
        section id="bounds" {
            h2 { "What the team " (bounds.team) " can give at most" }
            (sentences(&bounds.held))
            p.quiet { "Until " (moment(&bounds.until)) "; further links at most: " (bounds.depth) ". What is left out below stays as it is here." }
        }
        form.stacked method="post" action="/console/delegate" {
            input type="hidden" name="form" value=(visit.session.form);
            input type="hidden" name="team" value=(bounds.team);
            (field.line("name", "Name: a to z, 0 to 9 and -, the first a letter", &draft.name, 40))
            (field.line("purpose", "What it is for", &draft.purpose, 200))
            (field.line("owner", "Who answers for it", &draft.owner, 200))
            (field.models(&bounds.groups))
            (field.lines("budgets", "Budgets, one a line, such as 5USD/day", &draft.budgets))
            (field.lines("actions", "Further actions, one a line, such as http:GET", &draft.actions))
            (field.lines("resources", "What these are on, one a line, such as https://crm.example/*", &draft.resources))
            (field.lines("constraints", "Constraints as JSON, one a line", &draft.constraints))
            label for="max_depth" { "How many further links it may make" }
            input id="max_depth" name="max_depth" type="number" min="0" max=(bounds.depth) value=(if draft.max_depth.is_empty() { "0" } else { draft.max_depth.as_str() })
                aria-invalid=[field.is_wrong("max_depth")] aria-describedby=(field.described("max_depth"));
            (field.after("max_depth"))
            (field.line("valid_for", "How long each delegation lives, such as 30d; it is renewed in time", &draft.valid_for, 16))
            button type="submit" name="step" value="preview" { "Preview" }
        }
    }
}

/// A form that was sent: previewed, changed or issued.
pub(crate) async fn act(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let last = |name: &str| {
        pairs.iter().rev().find(|(found, _)| found == name).map_or("", |(_, value)| value).to_owned()
    };
    let (form, step) = (last("form"), last("step"));
    if let Err(why) = visit.must_be_own(&form) {
        return problem(&visit, &why);
    }
    let draft = Draft::read(pairs);
    let done = match step.as_str() {
        "edit" => return again(&console, &visit, &draft, None).await,
        "issue" => issue(&console, &visit, &draft).await,
        _ => preview(&console, &visit, &draft).await,
    };
    match done {
        Ok(response) => response,
        Err((field, why)) => again(&console, &visit, &draft, Some((field, &why))).await,
    }
}

/// The form with what is wrong in it.
async fn again(console: &Console, visit: &Visit, draft: &Draft, wrong: Option<(&str, &Problem)>) -> Response {
    let bounds = match Bounds::read(console, &visit.asking(), draft.team.clone()).await {
        Ok(bounds) => bounds,
        Err(why) => return problem(visit, &why),
    };
    let content = form(visit, &bounds, draft, wrong);
    match wrong {
        None => page(visit, "Delegate", &content),
        Some((_, why)) => page_again(visit, "Delegate", &content, why),
    }
}

async fn preview(
    console: &Console,
    visit: &Visit,
    draft: &Draft,
) -> Result<Response, (&'static str, Problem)> {
    let seen = console.post(&visit.asking(), "/v1/agent-previews", Some(&draft.body()?)).await;
    let seen = seen.map_err(|why| (draft.field(&why), why))?;
    let unreadable = || ("", Problem::new(500, "internal", "what it would be given can't be read"));
    let read = |name: &str| {
        let text = seen.get(name).map(Value::to_string).unwrap_or_default();
        Authority::parse(&text).map_err(|_| unreadable())
    };
    Ok(page(visit, "Delegate", &previewed(visit, draft, &seen, &read("effective")?)))
}

fn previewed(visit: &Visit, draft: &Draft, seen: &Value, effective: &Authority) -> Markup {
    let authority = seen.get("authority").unwrap_or(&Value::Null);
    html! {
        h1 { "Delegate: " (text(seen, "name")) }
        p { "Nothing is issued yet." }
        div.columns {
            section {
                h2 { "What it may do" }
                (sentences(effective))
            }
            section {
                h2 { "Who gets it" }
                (facts(&[
                    ("DID", code(text(seen, "did"))),
                    ("Of the team", plain(text(seen, "team"))),
                    ("For", plain(&draft.purpose)),
                    ("Owner", plain(&draft.owner)),
                    ("Until", moment(text(seen, "validUntil"))),
                    ("Further links", plain(&number(seen, "maxDepth").to_string())),
                    ("Counted on", plain(text(seen, "account"))),
                ]))
            }
        }
        section {
            h2 { "What its delegation says" }
            pre tabindex="0" { (serde_json::to_string_pretty(authority).unwrap_or_default()) }
        }
        section {
            h2 { "The command that does the same" }
            pre.command tabindex="0" { (draft.command()) }
        }
        form.acts method="post" action="/console/delegate" {
            input type="hidden" name="form" value=(visit.session.form);
            @for (name, value) in draft.pairs() { input type="hidden" name=(name) value=(value); }
            button.go type="submit" name="step" value="issue" { "Issue it" }
            button type="submit" name="step" value="edit" { "Change it" }
        }
    }
}

async fn issue(console: &Console, visit: &Visit, draft: &Draft) -> Result<Response, (&'static str, Problem)> {
    let made = console.post(&visit.asking(), "/v1/agents", Some(&draft.body()?)).await;
    let made = made.map_err(|why| (draft.field(&why), why))?;
    Ok(Redirect::to(&format!("/console/agents/{}", escape(text(&made, "name")))).into_response())
}
