//! A limit in words, as data, and as the name of a total.

use super::{Bound, Limit, LimitKey, LimitKind};
use crate::{amount::micros, money::money, pattern::Pattern, request::Value, window::Window};
use core::fmt;
use serde_json::json;
use std::collections::BTreeSet;

impl LimitKey {
    /// A name for the total that this limit is about, apart from every other: for ledgers. Empty
    /// where the limit is not about a total.
    #[must_use]
    pub fn total(&self) -> String {
        let total = match &self.kind {
            LimitKind::SpendWindow { currency, window } => format!("spend {currency} in {window}"),
            // As JSON writes it: a fact's name may hold what else stands here.
            LimitKind::TotalWindow { fact, window } => {
                format!("total {} in {window}", serde_json::Value::from(fact.as_str()))
            }
            LimitKind::Rate { window } => format!("actions in {window}"),
            _ => return String::new(),
        };
        match &self.actions {
            None => total,
            // Actions hold no space, so that no two lists read alike.
            Some(actions) => {
                let actions: Vec<String> = actions.iter().map(Pattern::to_string).collect();
                format!("{total} for {}", actions.join(" "))
            }
        }
    }

    /// The limit as data: the `type` of its constraint, the `member` that holds its bound, and what
    /// else names it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = match &self.kind {
            LimitKind::Audience => json!({"type": "audience", "member": "allow"}),
            LimitKind::Argument { name, operator } => {
                json!({"type": "argument", "member": operator.member(), "name": name})
            }
            LimitKind::Rank { name, order } => {
                let order: Vec<_> = order.iter().map(Value::to_json).collect();
                json!({"type": "argument", "member": "rank", "name": name, "order": order})
            }
            LimitKind::SpendCurrency => json!({"type": "spend", "member": "currency"}),
            LimitKind::SpendPerAction { currency } => {
                json!({"type": "spend", "member": "perAction", "currency": currency})
            }
            LimitKind::SpendWindow { currency, window } => {
                with(json!({"type": "spend", "member": "window", "currency": currency}), *window)
            }
            LimitKind::TotalPerAction { fact } => {
                json!({"type": "total", "member": "perAction", "fact": fact})
            }
            LimitKind::TotalWindow { fact, window } => {
                with(json!({"type": "total", "member": "window", "fact": fact}), *window)
            }
            LimitKind::Rate { window } => with(json!({"type": "rate", "member": "max"}), *window),
            LimitKind::ApprovalCurrency { approvers } => {
                let mut json = json!({"type": "approval", "member": "currency"});
                approvers.write(&mut json);
                json
            }
            LimitKind::Approval { currency, approvers } => {
                let mut json = json!({"type": "approval", "member": "above", "currency": currency});
                approvers.write(&mut json);
                json
            }
        };
        if let (Some(actions), Some(members)) = (&self.actions, json.as_object_mut()) {
            let actions: Vec<String> = actions.iter().map(Pattern::to_string).collect();
            members.insert("actions".to_owned(), actions.into());
        }
        json
    }

    /// What the limit says, in words: `at most 50.00 USD are spent in one action, for pay.*`.
    #[must_use]
    pub fn describe(&self, bound: &Bound) -> String {
        let words = match &self.kind {
            LimitKind::Audience => format!("the audience is {bound}"),
            LimitKind::Argument { name, .. } => format!("`{name}` is {bound}"),
            LimitKind::Rank { name, order } => match bound {
                Bound::Most(index) => {
                    let allowed = order.iter().take(usize::try_from(index + 1).unwrap_or(0));
                    format!("`{name}` is {}", Bound::OneOf(allowed.cloned().collect()))
                }
                _ => format!("`{name}` is {bound}"),
            },
            LimitKind::SpendCurrency => format!("the currency is {bound}"),
            LimitKind::SpendPerAction { currency } => {
                format!("{} are spent in one action", of_money(bound, currency))
            }
            LimitKind::SpendWindow { currency, window } => {
                format!("{} are spent in {}", of_money(bound, currency), any(*window))
            }
            LimitKind::TotalPerAction { fact } => format!("`{fact}` is {bound} in one action"),
            LimitKind::TotalWindow { fact, window } => {
                format!("`{fact}` comes to {bound} in {}", any(*window))
            }
            LimitKind::Rate { window } => format!("{bound} actions happen in {}", any(*window)),
            LimitKind::ApprovalCurrency { approvers } => {
                format!("the currency is {bound}, or with the approval of {approvers}")
            }
            LimitKind::Approval { currency, approvers } => {
                format!("{} pass without the approval of {approvers}", of_money(bound, currency))
            }
        };
        match &self.actions {
            None => words,
            Some(actions) => {
                let actions: Vec<String> = actions.iter().map(Pattern::to_string).collect();
                format!("{words}, for {}", actions.join(", "))
            }
        }
    }
}

/// The members of a limit with those of its window.
fn with(mut json: serde_json::Value, window: Window) -> serde_json::Value {
    if let Some(members) = json.as_object_mut() {
        members.extend(window.members());
    }
    json
}

/// A window as a sentence has it: any that slides, or each of the calendar. Whole days and hours are said as such.
fn any(window: Window) -> String {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    match window {
        Window::Sliding { seconds } if seconds > DAY && seconds % DAY == 0 => {
            format!("any {} days", seconds / DAY)
        }
        Window::Sliding { seconds } if seconds > HOUR && seconds % HOUR == 0 => {
            format!("any {} hours", seconds / HOUR)
        }
        Window::Sliding { .. } => format!("any {window}"),
        Window::Calendar { .. } => window.to_string(),
    }
}

/// A bound in minor units as money.
fn of_money(bound: &Bound, currency: &str) -> String {
    match bound {
        Bound::Most(most) => format!("at most {}", money(micros(*most), currency)),
        other => format!("{other} {currency}"),
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |values: &BTreeSet<Value>| values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Most(most) => write!(out, "at most {most}"),
            Self::Least(least) => write!(out, "at least {least}"),
            Self::OneOf(values) if values.is_empty() => out.write_str("none at all"),
            Self::OneOf(values) if values.len() == 1 => out.write_str(&list(values)),
            Self::OneOf(values) => write!(out, "one of {}", list(values)),
            Self::NotOneOf(values) => write!(out, "none of {}", list(values)),
            Self::Prefix(prefix) => write!(out, "a text that starts with \"{prefix}\" and stays below it"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.key.describe(&self.bound))
    }
}
