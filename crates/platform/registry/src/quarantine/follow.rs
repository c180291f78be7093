//! From receipts to what agents spent and used, for rules that ask for it. Each receipt is followed once, in order, by whoever comes
//! first; without such a rule none is.

use crate::{error::RegistryError, registry::Registry};
use legation_keys::json::{self, Json, JsonLimits};
use legation_store::{
    followed, receipt,
    receipt::Receipt,
    used::{self, MINUTE, Spent, Used},
};
use std::collections::BTreeMap;

/// How far receipts were followed for rules.
const NAME: &str = "quarantine";
/// Most receipts that are followed at a time, and how often at most before the rules are looked at.
const BATCH: i64 = 1000;
const ROUNDS: usize = 20;
/// Of what a receipt is read.
const LIMITS: JsonLimits = JsonLimits { bytes: 32 << 20, depth: 32 };
/// Actions of which each is a tool of its own.
const TOOLS: [&str; 3] = ["mcp:tools/call:", "a2a:skill:", "model:"];
/// Most bytes of what is kept of a tool.
const MAX_TEXT: usize = 1024;

/// What some receipts tell.
#[derive(Debug, Default)]
struct Told {
    spent: BTreeMap<Spent, i64>,
    used: BTreeMap<Used, i64>,
}

impl Registry {
    /// Follows the receipts that there are since.
    pub(super) fn follow_receipts(&self, now: i64) -> Result<(), RegistryError> {
        for _ in 0..ROUNDS {
            let (at, receipts) = self.store.read(|tx| -> Result<_, RegistryError> {
                let at = followed::get(tx, &self.id, NAME)?.unwrap_or_default();
                Ok((at, receipt::after(tx, &self.id, at, BATCH)?))
            })?;
            let Some(last) = receipts.last().map(|one| one.seq) else { return Ok(()) };
            let told = self.told_by(&receipts, now);
            self.store.write(|tx| -> Result<(), RegistryError> {
                // Whoever else follows waits here, and then finds that it is done.
                if followed::advance(tx, &self.id, NAME, 0)? != at {
                    return Ok(());
                }
                for (spent, amount) in &told.spent {
                    used::add_spent(tx, &self.id, spent, *amount)?;
                }
                for (one, at) in &told.used {
                    used::add_used(tx, &self.id, one, *at)?;
                }
                Ok(followed::set(tx, &self.id, NAME, last)?)
            })?;
            if i64::try_from(receipts.len()).is_ok_and(|count| count < BATCH) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn told_by(&self, receipts: &[Receipt], now: i64) -> Told {
        let mut told = Told::default();
        for one in receipts {
            if let (Some((amount, currency)), true) =
                (self.spent_by(one), one.at > now.saturating_sub(used::KNOWN))
            {
                let (agent, minute) = (agent_of(one), one.at.div_euclid(MINUTE).saturating_mul(MINUTE));
                let sum = told.spent.entry(Spent { agent, currency, minute }).or_default();
                *sum = sum.saturating_add(amount);
            }
            let Some(action) = tool(one) else { continue };
            let (agent, resource) = (agent_of(one), one.resource.clone());
            if action.len() + resource.len() <= MAX_TEXT {
                told.used.entry(Used { agent, action, resource }).or_insert(one.at);
            }
        }
        told
    }

    /// What a receipt says that was spent, in millionths of a minor unit: of what is settled, what it came to; else at once.
    pub(crate) fn spent_by(&self, one: &Receipt) -> Option<(i64, String)> {
        let is_settled = one.resource.starts_with(&format!("https://{}/models/", self.host()));
        let counts = match one.kind.as_str() {
            "settle" => true,
            "permit" => !is_settled,
            _ => false,
        };
        Some((one.amount.filter(|_| counts)?, one.currency.clone()?))
    }
}

/// For whom a receipt counts: of a child the agent that made it.
fn agent_of(one: &Receipt) -> String {
    one.holder.clone().unwrap_or_else(|| one.agent.clone())
}

/// The tool, skill or model that a permit is of.
fn tool(one: &Receipt) -> Option<String> {
    let action = (one.kind == "permit").then(|| action(one))??;
    TOOLS.iter().any(|tool| action.starts_with(tool)).then_some(action)
}

/// The action of a receipt's request.
pub(crate) fn action(one: &Receipt) -> Option<String> {
    let json = json::parse(&one.body, LIMITS).ok()?;
    json.get("request")?.get("action").and_then(Json::as_str).map(str::to_owned)
}
