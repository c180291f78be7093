//! What agents did, as receipts have it: what would be denied them and by which rule, and the least that would fit.

mod fit;

use crate::{adopted, error::RegistryError, holders::Shown, registry::Registry, shadow::Shadowed};
use legation_keys::json::{self, Json, JsonLimits};
use legation_store::{StoreError, api_key, holder, holder::State, receipt, receipt::Receipt};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use fit::Fitting;

/// Receipts that are read at a time.
const PAGE: i64 = 1000;
/// Of what a receipt is read.
const LIMITS: JsonLimits = JsonLimits { bytes: 32 << 20, depth: 32 };
/// Most agents that are told of.
const MOST_AGENTS: usize = 10_000;
/// Most keys of an agent that are looked through.
const MOST_KEYS: i64 = 1000;
/// Most resources of an agent, and rules that denied, that are told apart.
const MOST_OF_ONE: usize = 1000;
/// A day, in seconds.
const DAY: i64 = 86_400;

/// What an agent did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many calls passed.
    pub calls: i64,
    /// What would deny them, or did, by code and rule.
    pub denied: BTreeMap<(String, String), Denied>,
    /// What passed: action and resource, and how often.
    pub used: BTreeMap<(String, String), i64>,
    /// More resources were used than are told apart.
    pub is_cut: bool,
    /// The models that were called.
    pub models: BTreeSet<String>,
    /// What was spent on the dearest day, by currency, millionths of a minor unit.
    pub day: BTreeMap<String, i64>,
    /// The most that one call reserved, likewise.
    pub call: BTreeMap<String, i64>,
    /// The most calls within a minute by the clock.
    pub minute: i64,
    /// When the first and the last call was, Unix seconds.
    pub when: Option<(i64, i64)>,
    /// The day that is being summed up, and its amounts.
    today: (i64, BTreeMap<String, i64>),
    /// The minute that is being counted, and its calls.
    now: (i64, i64),
}

/// What a rule denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// How often it passed in shadow.
    pub passed: i64,
    /// How often it was denied.
    pub refused: i64,
    /// What was found the first time.
    pub found: String,
}

/// An agent, with what it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// It, as it is now.
    pub shown: Shown,
    /// Its shadow; `None` where it is enforced.
    pub shadow: Option<Shadowed>,
    /// What it did.
    pub seen: Seen,
    /// Keys of another gateway that it goes on with: how they are told apart, and until when, Unix seconds.
    pub adopted: Vec<(String, i64)>,
}

impl Registry {
    /// What agents did since a moment (Unix seconds): those that are in shadow or did something, or one of them.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn watched(&self, agent: Option<&str>, since: i64, now: i64) -> Result<Vec<Watched>, RegistryError> {
        let shadows = self.shadows(now)?;
        let wanted = agent.map(|name| self.show(holder::Kind::Agent, name)).transpose()?;
        let wanted = wanted.map(|shown| shown.holder.did);
        let mut all: BTreeMap<String, Seen> =
            shadows.keys().chain(wanted.iter()).map(|did| (did.clone(), Seen::default())).collect();
        let (mut open, mut after) = (HashMap::new(), 0);
        loop {
            let receipts = self.store.read(|tx| receipt::after(tx, &self.id, after, PAGE))?;
            let Some(last) = receipts.last() else { break };
            after = last.seq;
            for one in receipts.iter().filter(|one| one.last_at >= since) {
                let is_known = all.contains_key(&one.agent);
                if !is_known && (wanted.is_some() || all.len() >= MOST_AGENTS) {
                    continue;
                }
                all.entry(one.agent.clone()).or_default().add(one, &mut open);
            }
        }
        if let Some(did) = wanted {
            all.retain(|one, _| *one == did);
        }
        let told = all.into_iter().map(|(did, seen)| self.told(&did, seen, &shadows, now));
        Ok(told.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// An agent of the organization; whoever is none, or is retired, is not moved anywhere.
    fn told(
        &self,
        did: &str,
        mut seen: Seen,
        shadows: &BTreeMap<String, Shadowed>,
        now: i64,
    ) -> Result<Option<Watched>, RegistryError> {
        seen.end_day();
        self.store.read(|tx| {
            let holder = match holder::by_did(tx, &self.id, did) {
                Ok(holder) if holder.kind == holder::Kind::Agent && holder.state != State::Retired => holder,
                Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let keys = api_key::list(tx, &self.id, Some(&holder.id), MOST_KEYS)?;
            let goes_on = |key: &&api_key::ApiKey| {
                adopted::is_adopted(key) && key.state == "active" && key.expires.is_some_and(|end| end > now)
            };
            let adopted = keys.iter().filter(goes_on);
            let adopted = adopted.map(|key| (key.hint.clone(), key.expires.unwrap_or_default())).collect();
            let shown = self.shown(tx, holder)?;
            Ok(Some(Watched { shown, shadow: shadows.get(did).cloned(), seen, adopted }))
        })
    }
}

impl Seen {
    /// Takes in a receipt. `open` has what calls reserved that are not settled yet, by their receipts' numbers.
    fn add(&mut self, one: &Receipt, open: &mut HashMap<i64, i64>) {
        match one.kind.as_str() {
            "permit" => {
                self.permit(one);
                if let Some(amount) = one.amount {
                    open.insert(one.seq, amount);
                }
            }
            "deny" => self.denial(one, 0, one.times),
            // What was reserved counts as what it came to.
            _ => {
                let reserved = one.of.and_then(|of| open.remove(&of)).unwrap_or_default();
                let amount = one.amount.unwrap_or(reserved);
                self.spend(one, amount.saturating_sub(reserved));
            }
        }
    }

    fn permit(&mut self, one: &Receipt) {
        self.calls = self.calls.saturating_add(1);
        let (first, _) = self.when.unwrap_or((one.at, one.at));
        self.when = Some((first.min(one.at), one.at));
        let minute = one.at.div_euclid(60);
        self.now = if self.now.0 == minute { (minute, self.now.1.saturating_add(1)) } else { (minute, 1) };
        self.minute = self.minute.max(self.now.1);
        if let (Some(amount), Some(currency)) = (one.amount, &one.currency) {
            let most = self.call.entry(currency.clone()).or_default();
            *most = (*most).max(amount);
            self.spend(one, amount);
        }
        if !one.code.is_empty() {
            self.denial(one, 1, 0);
        }
        let Ok(json) = json::parse(&one.body, LIMITS) else { return };
        let Some(request) = json.get("request") else { return };
        let action = request.get("action").and_then(Json::as_str).unwrap_or_default();
        let key = (action.to_owned(), one.resource.clone());
        if self.used.len() < MOST_OF_ONE || self.used.contains_key(&key) {
            let times = self.used.entry(key).or_default();
            *times = times.saturating_add(1);
        } else {
            self.is_cut = true;
        }
        let model = request.get("facts").and_then(|facts| facts.get("model")).and_then(Json::as_str);
        if action.starts_with("model:") && self.models.len() < MOST_OF_ONE {
            self.models.extend(model.map(str::to_owned));
        }
    }

    fn denial(&mut self, one: &Receipt, passed: i64, refused: i64) {
        let json = json::parse(&one.body, LIMITS).ok();
        let text = |name: &str| {
            json.as_ref().and_then(|json| json.get(name)?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let key = (one.code.clone(), text("expected"));
        if self.denied.len() >= MOST_OF_ONE && !self.denied.contains_key(&key) {
            return;
        }
        let denied =
            self.denied.entry(key).or_insert_with(|| Denied { found: text("found"), ..Denied::default() });
        denied.passed = denied.passed.saturating_add(passed);
        denied.refused = denied.refused.saturating_add(refused);
    }

    fn spend(&mut self, one: &Receipt, amount: i64) {
        let Some(currency) = &one.currency else { return };
        let day = one.at.div_euclid(DAY);
        if self.today.0 != day {
            self.end_day();
            self.today.0 = day;
        }
        let sum = self.today.1.entry(currency.clone()).or_default();
        *sum = sum.saturating_add(amount);
    }

    fn end_day(&mut self) {
        for (currency, sum) in core::mem::take(&mut self.today.1) {
            let most = self.day.entry(currency).or_default();
            *most = (*most).max(sum);
        }
    }

    /// How many calls would not have passed, had the agent been enforced.
    #[must_use]
    pub fn would_be_denied(&self) -> i64 {
        self.denied.values().map(|one| one.passed).fold(0, i64::saturating_add)
    }
}
