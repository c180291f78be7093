//! The answers of `/v1/models`.

use legation_registry::model::Model;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The list of models that a key may use, as `GET /v1/models` answers it: by name, each once, though it may be in
/// several groups. With each comes when it was set up, in Unix seconds; `owner` is the organization.
///
/// ```
/// let none = legation_gateway::openai::models::list(&[], "acme.example");
/// let none: serde_json::Value = serde_json::from_slice(&none).unwrap();
/// assert_eq!(none, serde_json::json!({"object": "list", "data": []}));
/// ```
#[must_use]
pub fn list(models: &[(&Model, i64)], owner: &str) -> Vec<u8> {
    // The earliest of a name counts.
    let mut by_name: BTreeMap<&str, i64> = BTreeMap::new();
    for (model, created) in models {
        by_name.entry(&model.name).and_modify(|first| *first = (*first).min(*created)).or_insert(*created);
    }
    let data: Vec<Value> =
        by_name.into_iter().map(|(name, created)| describe(name, created, owner)).collect();
    json!({"object": "list", "data": data}).to_string().into_bytes()
}

/// One of them, as `GET /v1/models/NAME` answers it.
#[must_use]
pub fn one(model: &Model, created: i64, owner: &str) -> Vec<u8> {
    describe(&model.name, created, owner).to_string().into_bytes()
}

fn describe(name: &str, created: i64, owner: &str) -> Value {
    json!({"id": name, "object": "model", "created": created, "owned_by": owner})
}
