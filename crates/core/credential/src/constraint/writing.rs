//! Limits as constraints that are read as the same limits again.

use super::Limits;
use crate::{
    limit::{Bound, LimitKey, LimitKind, Operator},
    pattern::Pattern,
    request::Value,
    window::Window,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Writes limits as constraints.
pub(crate) fn write(limits: &Limits) -> Vec<serde_json::Value> {
    limits
        .iter()
        .filter_map(|(key, bound)| {
            let mut json = write_one(key, bound, limits)?;
            if let (Some(actions), Some(object)) = (&key.actions, json.as_object_mut()) {
                let actions: Vec<String> = actions.iter().map(Pattern::to_string).collect();
                object.insert("actions".to_owned(), actions.into());
            }
            Some(json)
        })
        .collect()
}

/// One limit as a constraint. A window takes the most per action along where it is the first of
/// its currency; the currency lists are written by the amounts that stand under them.
fn write_one(key: &LimitKey, bound: &Bound, limits: &Limits) -> Option<serde_json::Value> {
    let json = match (&key.kind, bound) {
        (LimitKind::Audience, Bound::OneOf(values)) => json!({"type": "audience", "allow": list_of(values)}),
        (LimitKind::Argument { name, operator }, bound) => {
            let value = match (operator, bound) {
                (Operator::Equals, Bound::OneOf(values)) => values.first()?.to_json(),
                (_, Bound::OneOf(values) | Bound::NotOneOf(values)) => list_of(values),
                (_, Bound::Most(number) | Bound::Least(number)) => (*number).into(),
                (_, Bound::Prefix(prefix)) => prefix.as_str().into(),
            };
            let mut json = json!({"type": "argument", "name": name});
            json.as_object_mut()?.insert(operator.member().to_owned(), value);
            json
        }
        (LimitKind::Rank { name, order }, Bound::Most(index)) => {
            let rank = order.get(usize::try_from(*index).ok()?)?.to_json();
            let order: Vec<_> = order.iter().map(Value::to_json).collect();
            json!({"type": "argument", "name": name, "rank": rank, "order": order})
        }
        (LimitKind::SpendPerAction { currency }, Bound::Most(most)) => beside_window(
            json!({"type": "spend", "currency": currency, "perAction": most}),
            first_window(key, limits),
        )?,
        (LimitKind::TotalPerAction { fact }, Bound::Most(most)) => beside_window(
            json!({"type": "total", "fact": fact, "perAction": most}),
            first_window(key, limits),
        )?,
        (LimitKind::SpendWindow { .. } | LimitKind::TotalWindow { .. }, _) if is_beside(key, limits) => {
            return None;
        }
        (LimitKind::SpendWindow { currency, .. }, bound) => {
            beside_window(json!({"type": "spend", "currency": currency}), Some((key, bound)))?
        }
        (LimitKind::TotalWindow { fact, .. }, bound) => {
            beside_window(json!({"type": "total", "fact": fact}), Some((key, bound)))?
        }
        (LimitKind::Rate { window }, Bound::Most(most)) => {
            let mut json = json!({"type": "rate", "max": most});
            json.as_object_mut()?.extend(window.members());
            json
        }
        (LimitKind::Approval { currency, approvers }, Bound::Most(most)) => {
            let mut json = json!({"type": "approval", "above": most, "currency": currency});
            approvers.write(&mut json);
            json
        }
        _ => return None,
    };
    Some(json)
}

/// A constraint with a window in it.
fn beside_window(
    mut json: serde_json::Value,
    window: Option<(&LimitKey, &Bound)>,
) -> Option<serde_json::Value> {
    let Some((key, Bound::Most(most))) = window else { return Some(json) };
    let name = match &key.kind {
        LimitKind::SpendWindow { .. } => "amount",
        LimitKind::TotalWindow { .. } => "sum",
        _ => return None,
    };
    let mut window = key.kind.window()?.members();
    window.insert(name.to_owned(), (*most).into());
    json.as_object_mut()?.insert("window".to_owned(), window.into());
    Some(json)
}

/// Of a most per action, the first window about the same thing.
fn first_window<'l>(key: &LimitKey, limits: &'l Limits) -> Option<(&'l LimitKey, &'l Bound)> {
    let kind = |window| match &key.kind {
        LimitKind::SpendPerAction { currency } => {
            Some(LimitKind::SpendWindow { currency: currency.clone(), window })
        }
        LimitKind::TotalPerAction { fact } => Some(LimitKind::TotalWindow { fact: fact.clone(), window }),
        _ => None,
    };
    let first = LimitKey { kind: kind(Window::FIRST)?, actions: None };
    let last = LimitKey { kind: kind(Window::LAST)?, actions: key.actions.clone() };
    limits.range(first..=last).find(|(other, _)| other.actions == key.actions)
}

/// Whether a window is written in the constraint of the most per action of the same thing.
fn is_beside(key: &LimitKey, limits: &Limits) -> bool {
    let kind = match &key.kind {
        LimitKind::SpendWindow { currency, .. } => LimitKind::SpendPerAction { currency: currency.clone() },
        LimitKind::TotalWindow { fact, .. } => LimitKind::TotalPerAction { fact: fact.clone() },
        _ => return false,
    };
    let per_action = LimitKey { kind, actions: key.actions.clone() };
    limits.contains_key(&per_action)
        && first_window(&per_action, limits).is_some_and(|(first, _)| first == key)
}

fn list_of(values: &BTreeSet<Value>) -> serde_json::Value {
    values.iter().map(Value::to_json).collect::<Vec<_>>().into()
}
