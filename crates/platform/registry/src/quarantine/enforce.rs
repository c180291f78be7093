//! What agents did, held against the rules.

use super::{COUNTED, Denials, NewTool, RULE, Rule, Then, spend_of};
use crate::{activity::DAY, error::RegistryError, profile::Profile, registry::Registry};
use legation_credential::{amount::micros, money::money};
use legation_policy::Target;
use legation_store::{
    StoreError, Tx, configuration, followed,
    holder::{self, Holder, Kind, State},
    organization,
    quarantine::{self, Quarantine},
    used,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Within which time agents are looked at that were denied, spent or used something, seconds: many times as long as it takes until it is looked
/// again.
const RECENT: i64 = 120;
/// Most agents that are looked at at a time.
const MOST: i64 = 1000;
/// Within which time it is counted how many a rule has suspended, and for how long nobody is told of the same again: seconds.
pub(super) const HOUR: i64 = 3600;

/// An agent, as far as rules ask for it.
pub(super) struct Agent {
    pub(super) holder: Holder,
    /// All that a rule for it may name.
    targets: Vec<Target>,
    /// What was before counts no more, Unix seconds.
    pub(super) counted_from: i64,
}

impl Registry {
    /// Holds what agents did lately against the rules, at `now` (Unix seconds), and suspends or tells of those that did too much.
    /// Gives of how many. Any number of processes may do it: each agent is suspended once.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn enforce_quarantine(&self, now: i64) -> Result<usize, RegistryError> {
        let (rules, is_due) = self.store.read(|tx| -> Result<_, RegistryError> {
            // What was put back from a backup changes nothing before it is opened.
            if organization::get(tx, &self.id)?.closed.is_some() {
                return Ok((Vec::new(), false));
            }
            let is_due = quarantine::is_due(tx, &self.id, now)? || used::is_due(tx, &self.id, now)?;
            let mut rules = read_rules(tx, &self.id)?;
            // What others tell is held against its rules when it comes.
            rules.retain(|rule| rule.signal.is_none());
            Ok((rules, is_due))
        })?;
        if is_due {
            self.store.write(|tx| {
                quarantine::forget(tx, &self.id, now)?;
                used::forget(tx, &self.id, now)
            })?;
        }
        if rules.is_empty() {
            return Ok(0);
        }
        let follows = rules.iter().any(|rule| rule.denials.is_none());
        if follows {
            self.follow_receipts(now)?;
        }
        let recent = self.store.read(|tx| -> Result<_, RegistryError> {
            let after = now.saturating_sub(RECENT);
            let mut recent: BTreeSet<String> =
                quarantine::denied_after(tx, &self.id, after, MOST)?.into_iter().collect();
            if follows {
                recent.extend(used::active_after(tx, &self.id, after, MOST)?);
            }
            Ok(recent)
        })?;
        let mut done = 0;
        for did in recent {
            let broken = self.store.read(|tx| self.broken(tx, &rules, &did, now))?;
            for rule in broken {
                // What else is there to say of whoever is suspended, the next rule finds.
                done += usize::from(self.act(&rule, &did, now)?);
            }
        }
        Ok(done)
    }

    /// The rules that an agent has broken, and that have something to say of it.
    fn broken(
        &self,
        tx: &mut Tx<'_>,
        rules: &[Rule],
        did: &str,
        now: i64,
    ) -> Result<Vec<Rule>, RegistryError> {
        let Some(agent) = self.rules_for(tx, did)? else { return Ok(Vec::new()) };
        let mut broken = Vec::new();
        for rule in rules.iter().filter(|rule| agent.is_meant(rule)) {
            // Who was held back is looked at again once there is room; until then it costs no lock.
            let is_done = followed::was_told(tx, &self.id, &told_as(rule, did), now)?
                && (rule.then == Then::Alert || !self.has_room(tx, rule, now)?);
            if !is_done && self.reason(tx, rule, &agent, now)?.is_some() {
                broken.push(rule.clone());
            }
        }
        Ok(broken)
    }

    /// Whether a rule may suspend one more within the hour.
    fn has_room(&self, tx: &mut Tx<'_>, rule: &Rule, now: i64) -> Result<bool, RegistryError> {
        let most = rule.most_agents;
        let others = quarantine::by_rule(tx, &self.id, &rule.name, (now.saturating_sub(HOUR), most))?;
        Ok(i64::try_from(others).unwrap_or(i64::MAX) < most)
    }

    /// The agent of a DID, where there is one of the organization that goes on.
    pub(super) fn rules_for(&self, tx: &mut Tx<'_>, did: &str) -> Result<Option<Agent>, RegistryError> {
        let holder = match holder::by_did(tx, &self.id, did) {
            Ok(holder) if holder.kind == Kind::Agent && holder.state == State::Active => holder,
            Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut targets = vec![Target::Organization, Target::Agent(holder.name.clone())];
        let mut tags = Profile::read(&holder.body, &holder.name)?.tags;
        if let Some(team) = &holder.parent {
            let team = holder::get(tx, &self.id, team)?;
            tags.extend(Profile::read(&team.body, &team.name)?.tags);
            targets.push(Target::Team(team.name));
        }
        targets.extend(tags.into_iter().map(Target::Tag));
        let of = quarantine::of(tx, &self.id, &holder.id)?;
        Ok(Some(Agent { targets, counted_from: of.map_or(0, |one| one.counted_from), holder }))
    }

    /// Why an agent has broken a rule, for people; `None` where it has not.
    fn reason(
        &self,
        tx: &mut Tx<'_>,
        rule: &Rule,
        agent: &Agent,
        now: i64,
    ) -> Result<Option<String>, RegistryError> {
        match rule {
            Rule { denials: Some(denials), .. } => self.too_many(tx, denials, agent, now),
            Rule { spend: Some(spend), .. } => self.too_much(tx, spend, agent, now),
            Rule { new_tool: Some(new), .. } => self.too_new(tx, new, agent, now),
            _ => Ok(None),
        }
    }

    fn too_much(
        &self,
        tx: &mut Tx<'_>,
        spend: &str,
        agent: &Agent,
        now: i64,
    ) -> Result<Option<String>, RegistryError> {
        let (most, seconds) = spend_of(spend)?;
        let after = now.saturating_sub(seconds).max(agent.counted_from);
        let spent = used::spent(tx, &self.id, (&agent.holder.did, &most.currency), after)?;
        let told = || {
            let (spent, most) = (money(spent, &most.currency), money(micros(most.amount), &most.currency));
            format!("it spent {spent} within {seconds} s, of which {most} are tolerated")
        };
        Ok((spent > micros(most.amount)).then(told))
    }

    fn too_new(
        &self,
        tx: &mut Tx<'_>,
        NewTool { days }: &NewTool,
        agent: &Agent,
        now: i64,
    ) -> Result<Option<String>, RegistryError> {
        let did = &agent.holder.did;
        let Some(since) = used::known_since(tx, &self.id, did)? else { return Ok(None) };
        let after = now.saturating_sub(HOUR).max(agent.counted_from);
        let found = (after, since.saturating_add(days.saturating_mul(DAY)));
        let found = used::new_of(tx, &self.id, did, found)?;
        Ok(found
            .map(|(used, _)| format!("it used `{}` on `{}` for the first time", used.action, used.resource)))
    }

    fn too_many(
        &self,
        tx: &mut Tx<'_>,
        Denials { most, seconds, codes }: &Denials,
        agent: &Agent,
        now: i64,
    ) -> Result<Option<String>, RegistryError> {
        let all = COUNTED.map(str::to_owned);
        let codes = if codes.is_empty() { all.as_slice() } else { codes.as_slice() };
        let after = now.saturating_sub(*seconds).max(agent.counted_from);
        let found = (after, most.saturating_add(1));
        let found = quarantine::denials(tx, &self.id, (&agent.holder.did, codes), found)?;
        if i64::try_from(found.len()).unwrap_or(i64::MAX) <= *most {
            return Ok(None);
        }
        let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
        found.iter().for_each(|code| *by_code.entry(code).or_default() += 1);
        let by_code: Vec<String> = by_code.iter().map(|(code, times)| format!("{code} {times}")).collect();
        Ok(Some(format!(
            "more than {most} requests that it made within {seconds} s were denied: {}",
            by_code.join(", ")
        )))
    }

    /// Does what a rule says to an agent, if it still is broken under the organization's lock. Gives whether anything was done.
    fn act(&self, rule: &Rule, did: &str, now: i64) -> Result<bool, RegistryError> {
        self.by(&format!("{RULE}:{}", rule.name)).acts(rule, did, now)
    }

    fn acts(&self, rule: &Rule, did: &str, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| {
            // As it is now: it may have been changed, or the agent resumed.
            if !read_rules(tx, &self.id)?.contains(rule) {
                return Ok(false);
            }
            let Some(agent) = self.rules_for(tx, did)? else { return Ok(false) };
            let Some(reason) = self.reason(tx, rule, &agent, now)?.filter(|_| agent.is_meant(rule)) else {
                return Ok(false);
            };
            self.follow_up(tx, rule, (&agent, &reason), now)
        })
    }

    /// Does what a rule says to an agent that has broken it, in a transaction. Gives whether anything was done.
    pub(super) fn follow_up(
        &self,
        tx: &mut Tx<'_>,
        rule: &Rule,
        (agent, reason): (&Agent, &str),
        now: i64,
    ) -> Result<bool, RegistryError> {
        let (name, did) = (&agent.holder.name, &agent.holder.did);
        let mut held_back = false;
        if rule.then == Then::Suspend {
            held_back = !self.has_room(tx, rule, now)?;
            if !held_back {
                let why = json!({"rule": rule.name, "reason": reason});
                self.set_state_in(tx, (Kind::Agent, name), State::Suspended, Some(&why), now)?;
                let one = Quarantine {
                    holder: agent.holder.id.clone(),
                    rule: rule.name.clone(),
                    reason: reason.to_owned(),
                    at: now,
                    counted_from: agent.counted_from,
                };
                quarantine::put(tx, &self.id, &one)?;
            }
        }
        let what = if held_back { "held back" } else { rule.then.name() };
        let (told, until) = match (rule.then, held_back) {
            // Each time anew: it was resumed in between.
            (Then::Suspend, false) => (format!("{} {now}", told_as(rule, did)), now.saturating_add(1)),
            _ => (told_as(rule, did), now.saturating_add(HOUR)),
        };
        let is_told = self.tell_quarantine(tx, (&told, until), (rule, name, reason, what), now)?;
        if is_told && what != Then::Suspend.name() {
            let data = json!({"rule": rule.name, "reason": reason, "what": what});
            self.note(tx, ("quarantine.told", name), &data, now)?;
        }
        Ok(is_told)
    }
}

impl Agent {
    pub(super) fn is_meant(&self, rule: &Rule) -> bool {
        rule.target().is_some_and(|target| self.targets.contains(&target))
    }
}

impl Then {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Alert => "alert",
        }
    }
}

/// Under which name it is noted that this version of a rule was told of an agent.
pub(super) fn told_as(rule: &Rule, did: &str) -> String {
    format!("quarantine {} {did} {}", rule.name, rule.digest())
}

pub(super) fn read_rules(tx: &mut Tx<'_>, id: &str) -> Result<Vec<Rule>, RegistryError> {
    let items = configuration::list(tx, id, RULE)?;
    let read = |item: &configuration::Item| {
        serde_json::from_str(&item.body).map_err(|error| RegistryError::damaged(&item.name, error))
    };
    items.iter().map(read).collect()
}
