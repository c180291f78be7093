//! Quarantine: rules that suspend an agent, or tell somebody of it, by what it did, or by what the issuer of its delegation told.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Rule`]: written, listed, removed; whom rules have suspended |
//! | `enforce` | what agents did is held against the rules, and what follows |
//! | `follow` | what agents spent and used, from receipts |
//! | [`signal`] | what other organizations told of their own delegations, held against the rules when it comes |
//! | [`shut`] | whom rules have shut out, who are none of the organization's own; let in again |
//! | `told` | what webhooks are told |
//!
//! A rule is looked at off the path of requests, once a second, by whoever is up: what it counts is in the store, and a suspension
//! is made under the organization's lock, so that several processes act once. It is a suspension as any other, by `agent resume`
//! lifted as any other; what was counted before that counts no more.
//!
//! **Nobody is suspended by what others do.** A denial counts once for what the agent itself has signed, or shown its key with;
//! what is sent again, what is refused before anybody is known, what siblings took of a team's budget, what a server changed and
//! what somebody else asks about it count for nothing ([`COUNTED`], and the gateway's `counted`).

mod enforce;
mod follow;
pub mod shut;
pub mod signal;
mod told;

pub(crate) use follow::action;

use crate::{budget::Budget, error::RegistryError, registry::Registry};
use legation_keys::base64url;
use legation_policy::Target;
use legation_store::{
    StoreError, Tx, configuration,
    holder::{self, Kind, State},
    quarantine, used,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const RULE: &str = "quarantine-rule";
/// Most rules of an organization.
const MOST_RULES: usize = 100;
/// Most bytes of a rule's name.
const MAX_NAME: usize = 64;
/// Most denials that a rule tolerates, and its windows, seconds.
const MOST_DENIALS: i64 = 1000;
const WINDOWS: core::ops::RangeInclusive<i64> = 60..=quarantine::KNOWN;
/// Windows of what is spent, seconds, and days in which an agent is seen before something is new to it.
const SPANS: core::ops::RangeInclusive<i64> = 600..=used::KNOWN;
const DAYS: core::ops::RangeInclusive<i64> = 1..=30;
/// How many agents a rule suspends within an hour, where it does not say another number; and the most.
const AGENTS: i64 = 10;
const MOST_AGENTS: i64 = 10_000;

/// The codes of denials that count: each says that the agent asked for something that it may not have. What says that something is
/// wrong with the gateway, that a delegation has ended or that a request was sent before does not.
pub const COUNTED: [&str; 6] = [
    "not_granted",
    "missing_fact",
    "constraint_violated",
    "policy_denied",
    "budget_exceeded",
    "rate_exceeded",
];

/// What follows from a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The agent is suspended, until somebody resumes it.
    #[default]
    Suspend,
    /// It is told, by an event and to webhooks.
    Alert,
}

/// How many denials are too many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Denials {
    /// So many are tolerated within the window, 1 to 1,000.
    pub most: i64,
    /// The window, 60 seconds to a day.
    pub seconds: i64,
    /// Those with these codes, of [`COUNTED`]; all of them where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
}

/// When something that an agent uses is new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct NewTool {
    /// How long the agent must have been seen before what it never used is new, days: 1 to 30.
    pub days: i64,
}

/// Which events of other organizations' transmitters count (CAEP 1.0), where they tell that something is worse than it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct SignalOf {
    /// Their types, of [`signal::EVENTS`].
    pub events: Vec<String>,
    /// The partners whose word counts, by their names here; that of all of them where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
}

/// A rule, which counts one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// Whose agents it is for: `organization`, `team:NAME`, `tag:NAME` or `agent:NAME`. Each agent is counted by itself.
    pub to: String,
    /// Too many denials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denials: Option<Denials>,
    /// Too much spent: so much is tolerated within a window of 600 seconds to a day that slides along by minutes, as a [`Budget`]
    /// is written: `50USD/1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend: Option<String>,
    /// A tool of an MCP server, a skill of an A2A agent or a model that the agent never used before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_tool: Option<NewTool>,
    /// An event that a partner told of a delegation that it issued: of its own agents where the rule is for `organization`, and of
    /// own agents that call with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalOf>,
    /// What follows.
    #[serde(default)]
    pub then: Then,
    /// Most agents that it suspends within an hour, 1 to 10,000; 10 by default. Beyond that it is told, and nobody suspended: a rule
    /// that is too low must not stop everybody. Of each partner it shuts out as many.
    #[serde(default = "agents")]
    pub most_agents: i64,
}

fn agents() -> i64 {
    AGENTS
}

fn wrong(what: &'static str, found: &str, reason: &str) -> Result<(), RegistryError> {
    let found = found.chars().filter(|one| !one.is_control()).take(MAX_NAME).collect();
    Err(RegistryError::Value { what, found, reason: reason.to_owned() })
}

impl Rule {
    /// What stands for this very version of it.
    fn digest(&self) -> String {
        base64url::encode(&Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }

    /// Whose agents it is for.
    fn target(&self) -> Option<Target> {
        self.to.parse().ok()
    }

    /// Holds that it can be one.
    ///
    /// # Errors
    /// [`RegistryError::Value`].
    pub fn validate(&self) -> Result<(), RegistryError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !(1..=MAX_NAME).contains(&self.name.len()) || !self.name.bytes().all(fits) {
            return wrong("name of a rule", &self.name, "write 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_`, `-`");
        }
        if self.target().is_none() {
            let reason = "write `organization`, `team:NAME`, `tag:NAME` or `agent:NAME`";
            return wrong("whose agents a rule is for", &self.to, reason);
        }
        if !(1..=MOST_AGENTS).contains(&self.most_agents) {
            return wrong("mostAgents", &self.most_agents.to_string(), "write 1 to 10000");
        }
        match (&self.denials, &self.spend, &self.new_tool, &self.signal) {
            (Some(denials), None, None, None) => denials.validate(),
            (None, Some(spend), None, None) => spend_of(spend).map(drop),
            (None, None, Some(NewTool { days }), None) if DAYS.contains(days) => Ok(()),
            (None, None, Some(NewTool { days }), None) => {
                wrong("number of days that an agent is seen", &days.to_string(), "write 1 to 30")
            }
            (None, None, None, Some(signal)) => signal.validate(),
            _ => wrong(
                "rule",
                &self.name,
                "say one thing that it counts: `denials`, `spend`, `newTool` or `signal`",
            ),
        }
    }
}

/// What is tolerated within how many seconds.
fn spend_of(text: &str) -> Result<(Budget, i64), RegistryError> {
    let budget = Budget::parse(text)?;
    let seconds = budget.window.parse::<i64>().ok().filter(|seconds| SPANS.contains(seconds));
    let wrong = || RegistryError::Budget {
        found: text.chars().take(MAX_NAME).collect(),
        reason: "a rule has a window that slides, of 600 seconds to a day, such as `50USD/1h`".to_owned(),
    };
    seconds.map(|seconds| (budget, seconds)).ok_or_else(wrong)
}

impl SignalOf {
    fn validate(&self) -> Result<(), RegistryError> {
        let Self { events, from } = self;
        let known = || format!("those that count are `{}`", signal::EVENTS.join("`, `"));
        match events.iter().find(|event| !signal::EVENTS.contains(&event.as_str())) {
            Some(unknown) => return wrong("event that counts", unknown, &known()),
            None if events.is_empty() => return wrong("list of events", "", &known()),
            None => {}
        }
        let once = |all: &[String]| all.iter().collect::<BTreeSet<_>>().len() == all.len();
        if !once(events) || !once(from) || from.len() > MOST_RULES {
            return wrong(
                "list of events and partners",
                &events.join(","),
                "write each once, and at most 100",
            );
        }
        Ok(())
    }
}

impl Denials {
    fn validate(&self) -> Result<(), RegistryError> {
        let Self { most, seconds, codes } = self;
        if !(1..=MOST_DENIALS).contains(most) {
            return wrong("number of denials that are tolerated", &most.to_string(), "write 1 to 1000");
        }
        if !WINDOWS.contains(seconds) {
            return wrong("window of a rule", &seconds.to_string(), "write 60 to 86400 seconds");
        }
        let unknown = codes.iter().find(|code| !COUNTED.contains(&code.as_str()));
        if let Some(unknown) = unknown {
            let reason = format!("those that count are `{}`", COUNTED.join("`, `"));
            return wrong("code that counts", unknown, &reason);
        }
        if codes.iter().collect::<BTreeSet<_>>().len() < codes.len() {
            return wrong("list of codes", &codes.join(","), "write each once");
        }
        Ok(())
    }
}

/// An agent that a rule has suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its name.
    pub agent: String,
    /// Its DID.
    pub did: String,
    /// The rule.
    pub rule: String,
    /// Why, for people.
    pub reason: String,
    /// Since when, Unix seconds.
    pub since: i64,
    /// Behind which the next part of a list begins.
    pub place: String,
}

impl Registry {
    /// Writes a rule, a new one or the next version of the one of its name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn put_quarantine_rule(&self, rule: &Rule, now: i64) -> Result<(), RegistryError> {
        rule.validate()?;
        self.change(|tx| {
            if let Some(target) = rule.target() {
                self.check_target(tx, &target)?;
            }
            // A rule on the word of nobody would never fire, and nobody would be told.
            let mut from = rule.signal.iter().flat_map(|signal| &signal.from);
            let partners = configuration::list(tx, &self.id, crate::partner::PARTNER)?;
            if let Some(name) = from.find(|name| !partners.iter().any(|one| one.name == **name)) {
                return Err(StoreError::NotFound { what: format!("partner `{name}`") }.into());
            }
            let there = configuration::list(tx, &self.id, RULE)?;
            if there.len() >= MOST_RULES && !there.iter().any(|one| one.name == rule.name) {
                let reason = "there are 100 rules, which is the most; remove one".to_owned();
                return Err(RegistryError::Value { what: "further rule", found: rule.name.clone(), reason });
            }
            let told = serde_json::to_value(rule).unwrap_or_default();
            self.put(tx, (RULE, &rule.name), (rule, &told), now)
        })
    }

    /// The rules, in the order of their names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn quarantine_rules(&self) -> Result<Vec<Rule>, RegistryError> {
        self.all(RULE)
    }

    /// Removes a rule. Whom it has suspended stays so until resumed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_quarantine_rule(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::remove(tx, &self.id, RULE, name)?;
            self.note(tx, ("quarantine-rule.removed", name), &json!({}), now)
        })
    }

    /// The agents that rules have suspended and nobody has resumed, behind a place, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn quarantined(&self, after: &str, most: i64) -> Result<Vec<Quarantined>, RegistryError> {
        self.store.read(|tx| {
            let mut all = Vec::new();
            for one in quarantine::list(tx, &self.id, after, most)? {
                all.push(self.quarantined_one(tx, one)?);
            }
            Ok(all)
        })
    }

    /// Why an agent is suspended, where a rule did it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn quarantine_of(&self, name: &str) -> Result<Option<Quarantined>, RegistryError> {
        self.store.read(|tx| {
            let agent = holder::by_name(tx, &self.id, Kind::Agent, name)?;
            let found = quarantine::of(tx, &self.id, &agent.id)?;
            let found = found.filter(|one| !one.rule.is_empty() && agent.state == State::Suspended);
            found.map(|one| self.quarantined_one(tx, one)).transpose()
        })
    }

    fn quarantined_one(
        &self,
        tx: &mut Tx<'_>,
        one: quarantine::Quarantine,
    ) -> Result<Quarantined, RegistryError> {
        let agent = holder::get(tx, &self.id, &one.holder)?;
        let quarantine::Quarantine { holder, rule, reason, at, .. } = one;
        Ok(Quarantined { agent: agent.name, did: agent.did, rule, reason, since: at, place: holder })
    }

    /// Ends what a rule did to a holder, in the transaction that resumes or retires it: what it did before counts no more.
    pub(crate) fn end_quarantine(&self, tx: &mut Tx<'_>, holder: &str, now: i64) -> Result<(), StoreError> {
        let (rule, reason) = (String::new(), String::new());
        let ended =
            quarantine::Quarantine { holder: holder.to_owned(), rule, reason, at: now, counted_from: now };
        quarantine::put(tx, &self.id, &ended)
    }
}
