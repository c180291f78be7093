//! `legation plan` and `legation apply`: teams, agents, models, routes, policies and rules of quarantine as files say.

mod difference;
mod files;

use super::place::{Place, escape, text};
use crate::{
    args::PlanArgs,
    output::{Failure, Output, working},
};
use difference::{Change, Step, difference};
use serde_json::{Value, json};

/// What files can say, in the order in which it is made; the path below `/v1/` of what has all of it, and the name of the list there.
pub(crate) const KINDS: [(&str, &str, &str); 8] = [
    ("model", "models", "models"),
    ("route", "routes", "routes"),
    ("team", "teams", "teams"),
    ("agent", "agents", "agents"),
    ("identity-provider", "identity-providers", "identity-providers"),
    ("partner", "partners", "partners"),
    ("policy", "policies", "policies"),
    ("quarantine-rule", "quarantine-rules", "rules"),
];

pub(crate) fn plan(args: &PlanArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let change = changes(args, &place)?;
    let told = change.told(["would be"; 2]);
    Ok(Output::done(change.json(), told))
}

pub(crate) fn apply(args: &PlanArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let change = changes(args, &place)?;
    let failed = working("applying", || Ok::<_, Failure>(carry_out(&place, &change.steps)))?;
    if failed.is_empty() {
        let told = change.told(["was", "were"]);
        return Ok(Output::done(change.json(), told));
    }
    let done = change.steps.len().saturating_sub(failed.len());
    let reasons: Vec<String> = failed
        .iter()
        .map(|(step, failure)| format!("{} `{}`: {}", step.kind, step.name, failure.message))
        .collect();
    let code = failed.first().map_or("", |(_, failure)| failure.code.as_str()).to_owned();
    let message = format!(
        "{done} of {} changes were made; these were not:\n{}",
        change.steps.len(),
        reasons.join("\n")
    );
    Err(Failure { exit: 1, code, message })
}

fn changes(args: &PlanArgs, place: &Place) -> Result<Change, Failure> {
    let wanted = files::read(&args.files)?;
    let mut found: Vec<(&str, Vec<Value>)> = Vec::new();
    for (kind, path, list) in KINDS {
        found.push((kind, place.all(&format!("/v1/{path}"), &[], list)?));
    }
    difference(&wanted, &found, args.prune)
}

/// Makes all changes, and gives those that could not be made. A team may have to be widened before its agents, or narrowed
/// after them, so what is refused is tried once more after all else.
fn carry_out<'s>(place: &Place, steps: &'s [Step]) -> Vec<(&'s Step, Failure)> {
    let mut left: Vec<(&Step, Failure)> = Vec::new();
    let attempt = |step: &Step| -> Result<(), Failure> {
        let (method, target, body) = request(step);
        place.ask(method, &target, body.as_ref()).map(drop)
    };
    for step in steps {
        if let Err(failure) = attempt(step) {
            left.push((step, failure));
        }
    }
    let again = left.into_iter().filter_map(|(step, _)| attempt(step).err().map(|failure| (step, failure)));
    again.collect()
}

fn request(step: &Step) -> (&'static str, String, Option<Value>) {
    let list = KINDS.iter().find(|(kind, ..)| *kind == step.kind).map_or("", |(_, path, _)| path);
    let one = format!("/v1/{list}/{}", escape(&step.name));
    let is_holder = matches!(step.kind, "team" | "agent");
    match &step.to {
        None if is_holder => ("POST", format!("{one}/retire"), None),
        // Its versions stay.
        None if step.kind == "policy" => ("POST", format!("{one}/unbind"), Some(json!({}))),
        None => ("DELETE", one, None),
        Some(to) if is_holder && step.from.is_none() => ("POST", format!("/v1/{list}"), Some(to.clone())),
        Some(to) if is_holder => {
            let mut body = to.clone();
            if let Some(members) = body.as_object_mut() {
                members.remove("name");
            }
            ("PUT", one, Some(body))
        }
        Some(to) if step.kind == "policy" => {
            let (text, bound) = (to.get("text").cloned(), to.get("bound").cloned());
            ("PUT", one, Some(json!({"text": text, "bound": bound})))
        }
        Some(to) => ("PUT", one, Some(to.clone())),
    }
}

impl Change {
    /// What was or would be done; the verb is given for one change and for several.
    fn told(&self, [one, several]: [&str; 2]) -> String {
        let mut lines: Vec<String> = self.steps.iter().map(Step::line).collect();
        let (changes, same) = (self.steps.len(), self.same);
        lines.push(match changes {
            0 => format!("nothing to change: all {same} are as the files say"),
            1 => format!("1 change {one} made; unchanged: {same}"),
            _ => format!("{changes} changes {several} made; unchanged: {same}"),
        });
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let step = |step: &Step| json!({"kind": step.kind, "name": step.name, "does": step.does(), "from": step.from, "to": step.to});
        json!({"changes": self.steps.iter().map(step).collect::<Vec<_>>(), "same": self.same})
    }
}

/// The name of what a list has.
pub(crate) fn name_of(json: &Value) -> &str {
    text(json, "name")
}
