//! `legation migrate`: from shared keys, and from LiteLLM, to agents: watched, reported, enforced.

mod keys;
mod litellm;
mod report;
mod rows;

use super::place::{Place, escape, items, text};
use crate::{
    args::{EnforceArgs, MigrateCommand, ShadowArgs},
    files,
    output::{Failure, Output},
};
use legation_keys::time;
use serde_json::{Value, json};

/// For how long agents are watched where nobody says it: 14 days, in seconds.
const WATCHED: i64 = 14 * 86_400;

pub(crate) fn run(command: &MigrateCommand) -> Result<Output, Failure> {
    match command {
        MigrateCommand::Keys(args) => keys::run(args),
        MigrateCommand::Litellm(args) => litellm::run(args),
        MigrateCommand::Shadow(args) => shadow(args),
        MigrateCommand::Report(args) => report::run(args),
        MigrateCommand::Enforce(args) => enforce(args),
    }
}

fn shadow(args: &ShadowArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let until = time::format(args.until.unwrap_or_else(|| files::now().saturating_add(WATCHED)));
    let agents = match args.all {
        true => {
            let all = place.all("/v1/agents", &[], "agents")?;
            let active = all.iter().filter(|one| text(one, "state") == "active");
            active.map(|one| text(one, "name").to_owned()).collect()
        }
        false => args.agents.clone(),
    };
    let begin =
        |agent: &str| place.ask("POST", "/v1/shadows", Some(&json!({"agent": agent, "until": until})));
    let (done, failed) = each(&agents, begin);
    let told = format!(
        "{} watched until {until}: what is denied is recorded, and passes up to what the team has\nNext: `legation migrate report`",
        agents_of(done.len(), "agent is", "agents are")
    );
    told_of("shadows", done, failed, told)
}

fn enforce(args: &EnforceArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let agents = match args.all {
        true => {
            let shadows = place.ask("GET", "/v1/shadows", None)?;
            items(&shadows, "shadows").iter().map(|one| text(one, "agent").to_owned()).collect()
        }
        false => args.agents.clone(),
    };
    let end = |agent: &str| place.ask("POST", &format!("/v1/shadows/{}/end", escape(agent)), None);
    let (done, failed) = each(&agents, end);
    let told = format!(
        "{} enforced from the next call on; `legation migrate shadow` takes that back",
        agents_of(done.len(), "agent is", "agents are")
    );
    told_of("enforced", done, failed, told)
}

/// Does something with each agent, and goes on where it fails.
fn each(
    agents: &[String],
    verb: impl Fn(&str) -> Result<Value, Failure>,
) -> (Vec<Value>, Vec<(String, Failure)>) {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for agent in agents {
        match verb(agent) {
            Ok(json) => done.push(json),
            Err(failure) => failed.push((agent.clone(), failure)),
        }
    }
    (done, failed)
}

fn agents_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn told_of(
    list: &str,
    done: Vec<Value>,
    failed: Vec<(String, Failure)>,
    told: String,
) -> Result<Output, Failure> {
    let Some((_, first)) = failed.first() else {
        return Ok(Output::done(json!({list: done}), told));
    };
    let reasons: Vec<String> =
        failed.iter().map(|(agent, failure)| format!("`{agent}`: {}", failure.message)).collect();
    let message = format!("{} done; these were not:\n{}", done.len(), reasons.join("\n"));
    Err(Failure { exit: first.exit, code: first.code.clone(), message })
}
