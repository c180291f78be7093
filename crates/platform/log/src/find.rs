//! Who was it, and what did it cost: entries found and summed up, from a log alone.

use crate::{
    entry::{self, Head, Kind},
    hidden::{self, Disclosure},
    replay::totals::Counts,
};
use legation_keys::json::Json;
use memchr::memmem;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// What entries are looked for by. Each that is there has to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The agent's DID.
    pub agent: Option<String>,
    /// The principal's DID.
    pub principal: Option<String>,
    /// How the resource begins. It is found only where it is shown.
    pub resource: Option<String>,
    /// The code of a denial, the decision, or the kind of an event.
    pub code: Option<String>,
    /// The SHA-256 of a delegation, base64url: everything that was decided under it.
    pub delegation: Option<String>,
    /// From when on, Unix seconds.
    pub from: Option<i64>,
    /// Until before when, Unix seconds.
    pub to: Option<i64>,
}

/// An entry that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its index in the log.
    pub index: u64,
    /// What every entry says.
    pub head: Head,
    /// The entry, with what is shown of it.
    pub entry: Value,
}

impl Query {
    /// The entry, where it fits. Most entries that do not are not even read: what is looked for stands in them as it is.
    #[must_use]
    pub fn find(&self, index: u64, leaf: &[u8], shown: impl FnOnce() -> Vec<Disclosure>) -> Option<Found> {
        let head = entry::head(leaf)?;
        if self.from.is_some_and(|from| head.at < from) || self.to.is_some_and(|to| head.at >= to) {
            return None;
        }
        let words = [&self.agent, &self.principal, &self.code, &self.delegation];
        if words.into_iter().flatten().any(|word| memmem::find(leaf, word.as_bytes()).is_none()) {
            return None;
        }
        let (head, entry) = entry::read(index, leaf).ok()?;
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| entry.get(name).and_then(Json::as_str) == Some(wanted))
        };
        let has_code = ["code", "decision", "kind"].iter().any(|name| is(name, &self.code));
        let links = entry.get("chain").and_then(Json::as_array).unwrap_or_default();
        let is_under = |wanted: &String| links.iter().any(|link| link.as_str() == Some(wanted));
        let fits = is("agent", &self.agent) && is("principal", &self.principal) && has_code;
        if !fits || !self.delegation.as_ref().is_none_or(is_under) {
            return None;
        }
        let told = hidden::show(&entry, &shown()).ok()?;
        let entry: Value = serde_json::from_str(&told).ok()?;
        let resource =
            entry.get("request").and_then(|request| request.get("resource")).and_then(Value::as_str);
        let begins = |wanted: &String| resource.is_some_and(|resource| resource.starts_with(wanted.as_str()));
        self.resource.as_ref().is_none_or(begins).then_some(Found { index, head, entry })
    }
}

/// What was taken of one total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// The SHA-256 of the delegation whose total it is, base64url; empty for a ceiling.
    pub delegation: String,
    /// The most that a window may hold, in minor units or what is counted.
    pub most: i64,
    /// How many decisions took of it.
    pub permits: u64,
    /// What they took, in millionths of a minor unit where it is money: of those that were settled what they cost, of the
    /// others what was reserved.
    pub micros: i64,
    /// How much of it was reserved and not settled.
    pub open: i64,
}

/// A total: its account (base64url) and limit.
pub type Key = (String, String);
/// Totals by account and limit.
pub type Totals = BTreeMap<Key, Total>;

/// Sums up what was taken of totals.
#[derive(Debug, Default)]
pub struct Spend {
    totals: Totals,
    /// Of permits that were not settled yet: which totals, and what was reserved of each.
    open: HashMap<i64, Vec<(Key, i64)>>,
}

impl Spend {
    /// Counts an entry.
    pub fn add(&mut self, index: u64, leaf: &[u8]) {
        // Denials and events take nothing, and most of an entry is not looked at.
        let takes = memmem::find(leaf, b"\"debits\":[{").is_some();
        let Some(head) = entry::head(leaf).filter(|head| takes || head.kind == Kind::Settlement) else {
            return;
        };
        let Ok((_, entry)) = entry::read(index, leaf) else { return };
        match head.kind {
            Kind::Receipt => self.permit(head.seq, &entry),
            Kind::Settlement => self.settle(head.of.unwrap_or_default(), &entry),
            Kind::Count | Kind::Event => {}
        }
    }

    fn permit(&mut self, seq: i64, entry: &Json<'_>) {
        let text = |json: &Json<'_>, name: &str| {
            json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
        };
        let links = entry.get("chain").and_then(Json::as_array).unwrap_or_default();
        let debits =
            entry.get("consumed").and_then(|consumed| consumed.get("debits")).and_then(Json::as_array);
        let mut taken = Vec::new();
        for debit in debits.unwrap_or_default() {
            let number = |name: &str| debit.get(name).and_then(Json::as_integer);
            let limit = text(debit, "limit");
            let Some(counts) = Counts::of(&limit) else { continue };
            let micros = counts.taken(debit);
            let key = (text(debit, "account"), limit);
            let total = self.totals.entry(key.clone()).or_default();
            let link = number("link").and_then(|link| usize::try_from(link).ok());
            let link = link.and_then(|link| links.get(link)).and_then(Json::as_str).unwrap_or_default();
            link.clone_into(&mut total.delegation);
            total.most = number("most").unwrap_or_default();
            total.permits = total.permits.saturating_add(1);
            total.micros = total.micros.saturating_add(micros);
            total.open = total.open.saturating_add(micros);
            taken.push((key, micros));
        }
        self.open.insert(seq, taken);
    }

    fn settle(&mut self, of: i64, entry: &Json<'_>) {
        for (key, reserved) in self.open.remove(&of).unwrap_or_default() {
            let Some(total) = self.totals.get_mut(&key) else { continue };
            total.open = total.open.saturating_sub(reserved);
            let cost = Counts::of(&key.1).and_then(|counts| counts.settled(entry));
            // What nobody knows stays as it was reserved.
            total.micros = total.micros.saturating_add(cost.unwrap_or(reserved).saturating_sub(reserved));
        }
    }

    /// The totals.
    #[must_use]
    pub fn totals(self) -> Totals {
        self.totals
    }
}
