//! What an export says, summed up.

use legation_keys::time;
use legation_log::{
    entry::{self, Kind},
    hidden::Disclosure,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Entries that are named as examples of something, at most.
const EXAMPLES: usize = 5;
/// Agents, codes and kinds of events that are told apart, at most.
const MOST: usize = 1000;
/// Bars of the timeline.
pub(super) const BARS: usize = 48;

/// How often something happened, and the first entries that say so.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) count: u64,
    pub(super) entries: Vec<u64>,
}

impl Seen {
    fn add(&mut self, index: u64) {
        self.count = self.count.saturating_add(1);
        if self.entries.len() < EXAMPLES {
            self.entries.push(index);
        }
    }
}

/// Somebody who was stopped: by which event, and when something of theirs was denied first after it.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) index: u64,
    pub(super) at: i64,
    pub(super) kind: String,
    pub(super) subject: String,
    /// What passed after it, of the same agent.
    pub(super) passed_after: u64,
    /// When its first call after it was denied, Unix seconds.
    pub(super) denied_at: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) permits: Seen,
    pub(super) denials: Seen,
    pub(super) settlements: Seen,
    pub(super) approvals: Seen,
    pub(super) debits: Seen,
    /// Permits and denials by agent.
    pub(super) agents: BTreeMap<String, (u64, u64)>,
    pub(super) codes: BTreeMap<String, Seen>,
    pub(super) events: BTreeMap<String, Seen>,
    /// Who did what is told by events.
    pub(super) actors: BTreeMap<String, u64>,
    /// From whom to whom, by chains: principal and agent, with how many links.
    pub(super) chains: BTreeMap<(String, String), usize>,
    pub(super) stops: Vec<Stop>,
    pub(super) values_shown: u64,
    pub(super) values_hidden: u64,
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
    /// When each decision was, and whether it passed.
    pub(super) moments: BTreeMap<i64, (u64, u64)>,
}

fn bounded<'m, V: Default>(map: &'m mut BTreeMap<String, V>, name: &str) -> Option<&'m mut V> {
    if map.len() >= MOST && !map.contains_key(name) {
        return None;
    }
    Some(map.entry(name.to_owned()).or_default())
}

impl Facts {
    pub(super) fn add(&mut self, index: u64, leaf: &[u8], shown: &[Disclosure]) {
        let Some(head) = entry::head(leaf) else { return };
        let Ok(json) = serde_json::from_slice::<Value>(leaf) else { return };
        let entry = json.get("entry").cloned().unwrap_or_default();
        self.from = Some(self.from.map_or(head.at, |from| from.min(head.at)));
        self.to = Some(self.to.map_or(head.at, |to| to.max(head.at)));
        let hidden = leaf.windows(7).filter(|window| window == b"{\"_sd\":").count();
        let (hidden, told) = (hidden.saturating_sub(shown.len()), shown.len());
        self.values_hidden = self.values_hidden.saturating_add(u64::try_from(hidden).unwrap_or_default());
        self.values_shown = self.values_shown.saturating_add(u64::try_from(told).unwrap_or_default());
        match head.kind {
            Kind::Receipt => self.decision(index, head.at, &entry),
            Kind::Settlement => self.settlements.add(index),
            Kind::Event => self.event(index, head.at, &entry),
            Kind::Count => {}
        }
    }

    fn decision(&mut self, index: u64, at: i64, entry: &Value) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let agent = text("agent");
        let passed = text("decision") == "permit";
        if passed {
            self.permits.add(index)
        } else {
            self.denials.add(index)
        }
        let moment = self.moments.entry(at).or_default();
        if passed {
            moment.0 += 1
        } else {
            moment.1 += 1
        }
        if let Some((permits, denials)) = bounded(&mut self.agents, agent) {
            if passed { *permits += 1 } else { *denials += 1 }
        }
        if !passed && let Some(seen) = bounded(&mut self.codes, text("code")) {
            seen.add(index);
        }
        let list = |name: &str| {
            entry.get("consumed").and_then(|consumed| consumed.get(name)).and_then(Value::as_array)
        };
        if list("approvals").is_some_and(|approvals| !approvals.is_empty()) {
            self.approvals.add(index);
        }
        if list("debits").is_some_and(|debits| !debits.is_empty()) {
            self.debits.add(index);
        }
        let links = entry.get("chain").and_then(Value::as_array).map_or(0, Vec::len);
        if links > 0 && self.chains.len() < MOST {
            self.chains.insert((text("principal").to_owned(), agent.to_owned()), links);
        }
        for stop in self.stops.iter_mut().filter(|stop| agent.ends_with(&format!(":{}", stop.subject))) {
            if passed {
                stop.passed_after = stop.passed_after.saturating_add(u64::from(stop.denied_at.is_none()));
            } else {
                stop.denied_at = stop.denied_at.or(Some(at));
            }
        }
    }

    fn event(&mut self, index: u64, at: i64, entry: &Value) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = text("kind");
        if let Some(seen) = bounded(&mut self.events, kind) {
            seen.add(index);
        }
        if let Some(count) = bounded(&mut self.actors, text("actor")) {
            *count += 1;
        }
        let stops =
            ["agent.suspended", "agent.retired", "delegation.revoked", "api-key.blocked", "team.suspended"];
        if stops.contains(&kind) && self.stops.len() < MOST {
            let data: Value = serde_json::from_str(text("data")).unwrap_or_default();
            let of = data.get("agent").or_else(|| data.get("holder")).and_then(Value::as_str);
            self.stops.push(Stop {
                index,
                at,
                kind: kind.to_owned(),
                subject: of.unwrap_or(text("subject")).to_owned(),
                passed_after: 0,
                denied_at: None,
            });
        }
    }

    /// How often events of these kinds happened, and some that say so.
    pub(super) fn of_events(&self, kinds: &[&str]) -> Seen {
        let mut all = Seen::default();
        for (kind, seen) in &self.events {
            if kinds.iter().any(|wanted| {
                kind == wanted || wanted.strip_suffix('*').is_some_and(|stem| kind.starts_with(stem))
            }) {
                all.count = all.count.saturating_add(seen.count);
                all.entries.extend(seen.entries.iter().take(EXAMPLES.saturating_sub(all.entries.len())));
            }
        }
        all
    }

    /// Permits and denials in equal parts of the time.
    pub(super) fn bars(&self) -> Vec<(u64, u64)> {
        let (Some(from), Some(to)) = (self.from, self.to) else { return Vec::new() };
        let width = to.saturating_sub(from).max(1);
        let mut bars = vec![(0, 0); BARS];
        for (at, (permits, denials)) in &self.moments {
            let place = at.saturating_sub(from).saturating_mul(47) / width;
            if let Some(bar) = usize::try_from(place).ok().and_then(|place| bars.get_mut(place)) {
                bar.0 += permits;
                bar.1 += denials;
            }
        }
        bars
    }

    pub(super) fn to_json(&self) -> Value {
        let seen = |seen: &Seen| json!({"count": seen.count, "entries": seen.entries});
        let agents: Vec<Value> = self
            .agents
            .iter()
            .map(
                |(agent, (permits, denials))| json!({"agent": agent, "permits": permits, "denials": denials}),
            )
            .collect();
        let stops: Vec<Value> = self
            .stops
            .iter()
            .map(|stop| {
                json!({
                    "entry": stop.index, "at": time::format(stop.at), "event": stop.kind, "subject": stop.subject,
                    "passedAfter": stop.passed_after, "firstDenialAfter": stop.denied_at.map(time::format),
                })
            })
            .collect();
        json!({
            "from": self.from.map(time::format), "to": self.to.map(time::format),
            "permits": seen(&self.permits), "denials": seen(&self.denials), "settlements": seen(&self.settlements),
            "approved": seen(&self.approvals), "limited": seen(&self.debits), "agents": agents,
            "codes": self.codes.iter().map(|(code, one)| (code.clone(), seen(one))).collect::<serde_json::Map<_, _>>(),
            "events": self.events.iter().map(|(kind, one)| (kind.clone(), seen(one))).collect::<serde_json::Map<_, _>>(),
            "stops": stops, "valuesShown": self.values_shown, "valuesHidden": self.values_hidden,
        })
    }
}
