//! Policies: their versions, what differs between two of them, who is bound, and what one would have changed. They are kept and
//! bound by commands; here nothing is changed.

use crate::{
    Console,
    client::{Problem, now, with_query},
    diff::{self, Line},
    page::{Visit, page, page_again, problem},
    told::{badge, code, facts, items, moment, named, number, plain, text, texts, wrong},
};
use axum::{
    Form,
    extract::{Path, Query, State},
    response::Response,
};
use legation_host::api::{agent_name, escape};
use legation_keys::time;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Policies of one page.
const PAGE: usize = 100;
/// Most versions, and most ended bindings, that are listed of one: the latest.
const VERSIONS: usize = 100;
/// Most differences of a test that are shown.
const DIFFERENCES: usize = 100;
/// Most characters of a text that is tried.
const MAX_TEXT: usize = 65_536;
/// Of what is decided again, as pages name it, in seconds.
const SINCE: [(&str, &str, i64); 3] =
    [("1d", "24 hours", 86_400), ("7d", "7 days", 604_800), ("30d", "30 days", 2_592_000)];

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    after: String,
}

/// All policies.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Response {
    let target = with_query(&format!("/v1/policies?limit={PAGE}"), &[("after", &wanted.after)]);
    match console.get(&visit.asking(), &target).await {
        Ok(json) => page(&visit, "Policies", &listed(&json)),
        Err(why) => problem(&visit, &why),
    }
}

fn path(name: &str) -> String {
    format!("/console/policies/{}", escape(name))
}

fn listed(json: &Value) -> Markup {
    let all = items(json, "policies");
    html! {
        h1 { "Policies" }
        p.quiet { "A policy stands beside the delegations: it forbids some of what they permit, and permits nothing by itself." }
        @if all.is_empty() {
            p { "There is none: what delegations permit goes through. " code { "legation policy put FILE" } " keeps one." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Policies" {
                table {
                    thead { tr { th scope="col" { "Policy" } th.number scope="col" { "Version" } th scope="col" { "Kept" } th scope="col" { "By" } th scope="col" { "Bound to" } } }
                    tbody {
                        @for one in all {
                            tr {
                                td { a href=(path(text(one, "name"))) { (text(one, "name")) } }
                                td.number { (number(one, "version")) }
                                td { (moment(text(one, "created"))) }
                                td { (text(one, "by")) }
                                td { (bound(one)) }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(next) = json.get("next").and_then(Value::as_str) {
            p { a rel="next" href={ "/console/policies?after=" (escape(next)) } { "More policies" } }
        }
    }
}

/// Whom a policy is bound to; where it is another version than the last one, that is said.
fn bound(one: &Value) -> Markup {
    let all = items(one, "bound");
    html! {
        @if all.is_empty() { span.quiet { "nobody" } }
        @for (place, binding) in all.iter().enumerate() {
            @if place > 0 { ", " }
            (text(binding, "to"))
            @if number(binding, "version") != number(one, "version") { " (version " (number(binding, "version")) ")" }
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Shown {
    #[serde(default)]
    version: String,
    #[serde(default)]
    against: String,
}

/// One policy: a version of it, and what differs from another one.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path(name): Path<String>,
    Query(wanted): Query<Shown>,
) -> Response {
    match read(&console, &visit, &name, &wanted).await {
        Ok(read) => page(&visit, &name, &read.shown(&visit, &Tried::default(), None)),
        Err(why) => problem(&visit, &why),
    }
}

/// What is read of a policy.
struct Read {
    version: Value,
    against: Option<Value>,
    history: Value,
}

async fn read(console: &Console, visit: &Visit, name: &str, wanted: &Shown) -> Result<Read, Problem> {
    let (asking, of) = (visit.asking(), format!("/v1/policies/{}", escape(name)));
    let version = console.get(&asking, &with_query(&of, &[("version", &wanted.version)])).await?;
    let against = match wanted.against.as_str() {
        "" => None,
        other => Some(console.get(&asking, &with_query(&of, &[("version", other)])).await?),
    };
    let history = console.get(&asking, &format!("{of}/history")).await?;
    Ok(Read { version, against, history })
}

impl Read {
    fn shown(&self, visit: &Visit, tried: &Tried, found: Option<Result<&Value, &Problem>>) -> Markup {
        let Self { version, against, history } = self;
        let (name, label) = (text(version, "name"), number(version, "version"));
        html! {
            h1 { "Policy " (name) }
            @match found {
                Some(Ok(found)) => { section { h2 { "What would change" } (changed(&visit.session.of, found)) } }
                Some(Err(_)) | None => {}
            }
            div.columns {
                section {
                    h2 { "Version " (label) }
                    (facts(&[
                        ("Kept", moment(text(version, "created"))),
                        ("By", plain(text(version, "by"))),
                        ("SHA-256", code(text(version, "digest"))),
                    ]))
                }
                section {
                    h2 { "Who is bound" }
                    (bindings(items(version, "bound"), items(history, "bindings")))
                }
            }
            section {
                @match against {
                    Some(other) => {
                        h2 { "From version " (number(other, "version")) " to version " (label) }
                        (differs(text(other, "text"), text(version, "text")))
                    }
                    None => { h2 { "What it says" } pre tabindex="0" { (text(version, "text")) } }
                }
            }
            section {
                h2 { "Versions" }
                (versions(name, label, items(history, "versions")))
            }
            section {
                h2 { "Try it" }
                (form(visit, name, label, tried, found.and_then(Result::err)))
            }
        }
    }
}

fn bindings(now: &[Value], all: &[Value]) -> Markup {
    let ended: Vec<&Value> = all.iter().filter(|one| !text(one, "until").is_empty()).collect();
    let line = |one: &Value| html! { "version " (number(one, "version")) " to " (text(one, "to")) " since " (moment(text(one, "since"))) };
    html! {
        @if now.is_empty() { p { "Nobody: it decides nothing." } }
        @else { ul { @for one in now { li { (line(one)) } } } }
        @if !ended.is_empty() {
            details {
                summary { "Was bound" }
                ul { @for one in ended.iter().rev().take(VERSIONS) { li { (line(one)) " until " (moment(text(one, "until"))) } } }
            }
        }
    }
}

/// What differs: a line that is taken out begins by a minus, one that is put in by a plus.
fn differs(before: &str, after: &str) -> Markup {
    if before == after {
        return html! { p { "They say the same." } };
    }
    html! {
        pre.diff tabindex="0" {
            @for line in diff::lines(before, after) {
                @match line {
                    Line::Same(text) => { span { "  " (text) "\n" } }
                    Line::Out(text) => { del { "- " (text) "\n" } }
                    Line::In(text) => { ins { "+ " (text) "\n" } }
                }
            }
        }
    }
}

fn versions(name: &str, shown: i64, all: &[Value]) -> Markup {
    let mut latest: Vec<&Value> = all.iter().collect();
    latest.sort_by_key(|one| -number(one, "version"));
    html! {
        div.wide tabindex="0" role="region" aria-label="Versions" {
            table {
                thead { tr { th.number scope="col" { "Version" } th scope="col" { "Kept" } th scope="col" { "By" } th scope="col" { "Compare" } } }
                tbody {
                    @for one in latest.iter().take(VERSIONS) {
                        @let version = number(one, "version");
                        tr {
                            td.number { a href={ (path(name)) "?version=" (version) } aria-current=[(version == shown).then_some("true")] { (version) } }
                            td { (moment(text(one, "created"))) }
                            td { (text(one, "by")) }
                            td { @if version != shown { a href={ (path(name)) "?version=" (shown) "&against=" (version) } { "with version " (shown) } } }
                        }
                    }
                }
            }
        }
        @if latest.len() > VERSIONS { p.quiet { "The latest " (VERSIONS) "; " code { "legation policy history " (name) } " has all." } }
    }
}

/// What is to be tried.
#[derive(Default, Deserialize)]
pub(crate) struct Tried {
    #[serde(default)]
    form: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    since: String,
}

fn form(visit: &Visit, name: &str, version: i64, tried: &Tried, why: Option<&Problem>) -> Markup {
    let described = why.map(|_| "wrong");
    html! {
        p { "What was decided lately is decided again with it, and nothing is changed. The command is " code { "legation policy test --name " (name) "@" (version) } "." }
        @if let Some(why) = why { (wrong("wrong", why)) }
        form.stacked method="post" action={ (path(name)) "/test" } {
            input type="hidden" name="form" value=(visit.session.form);
            input type="hidden" name="version" value=(version);
            label for="text" { "Another text, in place of version " (version) }
            textarea id="text" name="text" rows="6" maxlength=(MAX_TEXT) autocomplete="off" spellcheck="false" aria-invalid=[described.map(|_| "true")] aria-describedby=[described] { (tried.text) }
            label for="to" { "Bound to, in place of who is: such as organization, team:NAME or agent:NAME" }
            input id="to" name="to" value=(tried.to) maxlength="1000" autocomplete="off";
            label for="since" { "Requests of the last" }
            select id="since" name="since" {
                @for (value, told, _) in SINCE { option value=(value) selected[value == tried.since] { (told) } }
            }
            button type="submit" { "Test" }
        }
    }
}

/// Decides again, by `/v1`.
pub(crate) async fn test(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Path(name): Path<String>,
    Form(tried): Form<Tried>,
) -> Response {
    if let Err(why) = visit.must_be_own(&tried.form) {
        return problem(&visit, &why);
    }
    let shown = Shown { version: tried.version.clone(), against: String::new() };
    let read = match read(&console, &visit, &name, &shown).await {
        Ok(read) => read,
        Err(why) => return problem(&visit, &why),
    };
    let found = console.post(&visit.asking(), "/v1/policy-tests", Some(&asked(&name, &tried, &read))).await;
    match &found {
        Ok(found) => page(&visit, &name, &read.shown(&visit, &tried, Some(Ok(found)))),
        Err(why) => page_again(&visit, &name, &read.shown(&visit, &tried, Some(Err(why))), why),
    }
}

fn asked(name: &str, tried: &Tried, read: &Read) -> Value {
    let to: Vec<&str> = tried.to.split([',', ' ']).filter(|to| !to.is_empty()).collect();
    let found = SINCE.iter().find(|(name, ..)| *name == tried.since);
    let (.., seconds) = found.unwrap_or(&SINCE[0]);
    let since = time::format(now().saturating_sub(*seconds));
    let mut body = json!({"name": name, "to": to, "since": since});
    let (member, value) = match tried.text.trim().is_empty() {
        true => ("version", json!(number(&read.version, "version"))),
        // A form sends its lines with a carriage return (the HTML standard, form submission).
        false => ("text", json!(tried.text.replace("\r\n", "\n"))),
    };
    if let Some(members) = body.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
    body
}

/// What would change, and for whom.
fn changed(of: &crate::Organization, found: &Value) -> Markup {
    let (agents, differences) = (items(found, "agents"), items(found, "differences"));
    let by_name = |did: &str| named(&agent_name(of.registry.did(), did));
    html! {
        p {
            "Requests decided again: " (number(found, "requests")) ". Would be denied: " strong { (number(found, "denied")) }
            ". Would go through, which policies denied: " strong { (number(found, "through")) } "."
            @if number(found, "leftOut") > 0 { " Denied by something that no policy changes: " (number(found, "leftOut")) "." }
        }
        @if agents.is_empty() { p { "Nothing would be decided otherwise." } }
        @else {
            table {
                thead { tr { th scope="col" { "Agent" } th.number scope="col" { "Would be denied" } th.number scope="col" { "Would go through" } } }
                tbody {
                    @for one in agents {
                        tr { td { (by_name(text(one, "agent"))) } td.number { (number(one, "denied")) } td.number { (number(one, "through")) } }
                    }
                }
            }
            div.wide tabindex="0" role="region" aria-label="Differences" {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Agent" } th scope="col" { "Action" } th scope="col" { "On" } th scope="col" { "Was" } th scope="col" { "Would be" } th scope="col" { "By" } } }
                    tbody {
                        @for one in differences.iter().take(DIFFERENCES) {
                            tr {
                                td { a href={ "/console/decisions/" (number(one, "receipt")) } { (moment(text(one, "at"))) } }
                                td { (by_name(text(one, "agent"))) }
                                td { (code(text(one, "action"))) }
                                td { (text(one, "resource")) }
                                td { (badge(text(one, "was"))) }
                                td { (badge(text(one, "would"))) }
                                td { (texts(one, "policies")) }
                            }
                        }
                    }
                }
            }
            @if differences.len() > DIFFERENCES { p.quiet { "The first " (DIFFERENCES) "; " code { "legation policy test" } " tells of more." } }
        }
    }
}
