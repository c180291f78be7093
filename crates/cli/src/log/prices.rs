//! Costs counted again: what a call used, by the price that the log says its model had then.

use legation_log::{
    entry,
    hidden::{self, Disclosure},
    replay::Replayed,
};
use legation_registry::model::{Price, Usage};
use serde_json::Value;
use std::collections::HashMap;

/// Most permits that wait to be settled, and most models.
const MOST: usize = 1_000_000;

/// Prices by model, and which model each permit that is not settled yet was for.
#[derive(Default)]
pub(super) struct Prices {
    /// As they were attached, which is as they are now.
    attached: HashMap<String, Vec<Price>>,
    /// As the log says they were set.
    set: HashMap<String, Vec<Price>>,
    open: HashMap<i64, String>,
}

fn entry_of(leaf: &[u8]) -> Value {
    let json: Value = serde_json::from_slice(leaf).unwrap_or_default();
    json.get("entry").cloned().unwrap_or_default()
}

/// The price of a model, and those that targets have of their own; `None` where there is none, or one that can't be read.
fn prices_of(json: &Value) -> Option<Vec<Price>> {
    let own = json.get("price").filter(|price| !price.is_null());
    let of_targets = json.get("targetPrices").and_then(Value::as_array).into_iter().flatten();
    let read = |price: &Value| serde_json::from_value(price.clone()).ok();
    own.into_iter().chain(of_targets).map(read).collect::<Option<Vec<Price>>>().filter(|all| !all.is_empty())
}

impl Prices {
    /// Takes a model that is attached.
    pub(super) fn attached(&mut self, attached: &Value) {
        let name = attached.get("name").and_then(Value::as_str);
        let is_model = attached.get("attached").and_then(Value::as_str) == Some("model");
        if let (true, Some(name), Some(price)) = (is_model, name, prices_of(attached)) {
            self.attached.insert(name.to_owned(), price);
        }
    }

    /// Takes an event that sets a model.
    pub(super) fn event(&mut self, leaf: &[u8]) {
        let event = entry_of(leaf);
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let data: Value = serde_json::from_str(text("data")).unwrap_or_default();
        match text("kind") {
            "model.set" => match prices_of(&data) {
                Some(price) if self.set.len() < MOST => {
                    drop(self.set.insert(text("subject").to_owned(), price))
                }
                _ => drop(self.set.remove(text("subject"))),
            },
            "model.removed" => drop(self.set.remove(text("subject"))),
            _ => {}
        }
    }

    /// Takes a permit: which model it was for, where that is shown.
    pub(super) fn permit(&mut self, seq: i64, leaf: &[u8], shown: &[Disclosure]) {
        let model = || {
            let (_, entry) = entry::read(0, leaf).ok()?;
            let told: Value = serde_json::from_str(&hidden::show(&entry, shown).ok()?).ok()?;
            if told.get("decision")?.as_str()? != "permit" {
                return None;
            }
            Some(told.pointer("/request/facts/model")?.as_str()?.to_owned())
        };
        if self.open.len() < MOST
            && let Some(model) = model()
        {
            self.open.insert(seq, model);
        }
    }

    /// Counts the cost of a settlement again. `None` where it says no usage, or no price is known.
    pub(super) fn settlement(&mut self, of: i64, leaf: &[u8]) -> Option<Replayed> {
        let model = self.open.remove(&of)?;
        let prices = self.set.get(&model).or_else(|| self.attached.get(&model))?;
        let entry = entry_of(leaf);
        let recorded = entry.get("amountMicros").and_then(Value::as_u64)?;
        let facts = entry.get("facts")?;
        let tokens = |name: &str| facts.get(name).and_then(Value::as_u64);
        // Who says neither was settled otherwise than by what was used.
        if tokens("inputTokens").is_none() && tokens("outputTokens").is_none() {
            return None;
        }
        // The prices of a target of its own are in no export.
        if tokens("target").is_some() {
            return None;
        }
        let of_kind = |name: &str| tokens(name).unwrap_or(0);
        let usage = Usage {
            input: of_kind("inputTokens"),
            cached: of_kind("cachedTokens"),
            written: of_kind("writtenTokens"),
            output: of_kind("outputTokens"),
            other: of_kind("otherMicros"),
        };
        // Which target served it is not told: it is one of them.
        if prices.iter().any(|price| price.cost(&usage) == Some(recorded)) {
            return Some(Replayed::Same);
        }
        let cost = prices.first()?.cost(&usage);
        Some(Replayed::Different {
            recorded: format!("a cost of {recorded}"),
            now: cost.map_or("a cost beyond all bounds".to_owned(), |cost| format!("a cost of {cost}")),
        })
    }
}
