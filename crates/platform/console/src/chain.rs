//! Delegations from the organization down to an agent: what is left at the end as sentences, and the path as a picture.

use legation_credential::{Authority, Delegation, extend};
pub(crate) use legation_gateway::words::sentences;
use legation_keys::time;
use maud::{Markup, html};
use serde_json::Value;

/// Widths and heights of the picture, in its own units.
const WIDTH: usize = 620;
const BOX: usize = 64;
const GAP: usize = 44;
/// Most characters of a name in the picture.
const NAME: usize = 60;

/// One delegation of a chain.
pub(crate) struct Step {
    issuer: String,
    subject: String,
    valid_until: i64,
    authority: Authority,
    depth: u32,
}

/// Reads a chain as `/v1/agents/{name}/chain` has it. That it holds is the gateway's to say; here it is only shown.
pub(crate) fn read(chain: &Value) -> Option<Vec<Step>> {
    let links = chain.get("chain")?.as_array()?;
    let step = |link: &Value| {
        let said = Delegation::read_unverified(link.as_str()?).ok()?;
        Some(Step {
            issuer: said.issuer.to_string(),
            subject: said.terms.subject.to_string(),
            valid_until: said.terms.valid_until,
            authority: said.terms.authority,
            depth: said.terms.max_depth,
        })
    };
    links.iter().map(step).collect::<Option<Vec<_>>>().filter(|steps| !steps.is_empty())
}

/// What is left at the end of a chain.
pub(crate) fn effective(steps: &[Step]) -> Option<Authority> {
    steps.iter().try_fold(Authority::everything(), |above, step| extend(above, &step.authority).ok())
}

/// The path from the principal to the agent. `stopped` says that its last link does not hold at the moment.
pub(crate) fn picture(steps: &[Step], stopped: Option<&str>) -> Markup {
    let names: Vec<&str> = steps
        .first()
        .map(|first| first.issuer.as_str())
        .into_iter()
        .chain(steps.iter().map(|step| step.subject.as_str()))
        .collect();
    let height = names.len() * BOX + names.len().saturating_sub(1) * GAP;
    let told = format!("Authority goes from {}", names.join(" to "));
    html! {
        svg.path viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(told) {
            @for (place, name) in names.iter().enumerate() {
                @let top = place * (BOX + GAP);
                @let last = place + 1 == names.len();
                rect class={ "box" @if last && stopped.is_some() { " cut" } } x="1" y=(top + 1) width=(WIDTH - 2) height=(BOX - 2) rx="8" {}
                text class="name" x="16" y=(top + 28) { (short(name)) }
                text class="quiet" x="16" y=(top + 50) {
                    @match (place.checked_sub(1).and_then(|above| steps.get(above)), last.then_some(stopped).flatten()) {
                        (_, Some(why)) => { (why) }
                        (Some(step), None) => { "until " (time::format(step.valid_until)) @if step.depth > 0 { ", may hand it on" } }
                        (None, None) => { "the principal" }
                    }
                }
                @if !last {
                    @let from = top + BOX;
                    line class={ "edge" @if place + 2 == names.len() && stopped.is_some() { " cut" } }
                        x1="40" y1=(from) x2="40" y2=(from + GAP - 8) {}
                    path class="head" d={ "M34 " (from + GAP - 10) " L40 " (from + GAP) " L46 " (from + GAP - 10) " Z" } {}
                    @if let Some(step) = steps.get(place) {
                        text class="quiet" x="56" y=(from + GAP / 2 + 4) { (limits(&step.authority)) }
                    }
                }
            }
        }
    }
}

fn limits(authority: &Authority) -> String {
    match authority.limits().count() {
        0 => "no limits of its own".to_owned(),
        1 => "one limit".to_owned(),
        many => format!("{many} limits"),
    }
}

/// A name that fits, without its middle: what tells agents apart stands at the end.
fn short(name: &str) -> String {
    let all: Vec<char> = name.chars().collect();
    let half = NAME / 2 - 1;
    match (all.get(..half), all.len().checked_sub(half).and_then(|from| all.get(from..))) {
        (Some(begin), Some(end)) if all.len() > NAME => begin.iter().chain(&['…']).chain(end).collect(),
        _ => name.to_owned(),
    }
}
