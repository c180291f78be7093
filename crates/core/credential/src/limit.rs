//! Limits: constraints in normal form.
//!
//! A constraint of the wire may say several things at once (a spend names a currency, a most per
//! action and a most per window). In normal form each of them is a [`LimitKey`] with one
//! [`Bound`], so that "as tight or tighter" is a question about two bounds of one key.

mod words;

use crate::{pattern::Pattern, request::Value, window::Window};
use core::fmt;
use legation_did::Did;
use std::collections::BTreeSet;

/// What a limit is about, and which requests it binds. Two limits of one key are compared, two
/// of different keys stand side by side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitKey {
    /// What it is about.
    pub kind: LimitKind,
    /// The actions that it binds, in normal form; `None` binds every request.
    pub actions: Option<Vec<Pattern>>,
}

/// What a limit is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKind {
    /// Who may be called: the verifier's own identity is one of the bound's texts.
    Audience,
    /// A fact is compared by an operator.
    Argument {
        /// The fact's name.
        name: String,
        /// How it is compared.
        operator: Operator,
    },
    /// A fact's place in an order, counted from 0.
    Rank {
        /// The fact's name.
        name: String,
        /// All its values, lowest first.
        order: Vec<Value>,
    },
    /// In which currencies may be spent. Amounts in any other are denied.
    SpendCurrency,
    /// Most minor units of a currency in one action.
    SpendPerAction {
        /// ISO 4217 code.
        currency: String,
    },
    /// Most minor units of a currency in a window.
    SpendWindow {
        /// ISO 4217 code.
        currency: String,
        /// The window.
        window: Window,
    },
    /// Most of an integer fact in one action.
    TotalPerAction {
        /// The fact's name.
        fact: String,
    },
    /// Most that an integer fact comes to in a window.
    TotalWindow {
        /// The fact's name.
        fact: String,
        /// The window.
        window: Window,
    },
    /// Most actions in a window.
    Rate {
        /// The window.
        window: Window,
    },
    /// In which currencies an amount may pass without an approver's asking.
    ApprovalCurrency {
        /// Who approves.
        approvers: Approvers,
    },
    /// Most minor units of a currency that pass without an approver.
    Approval {
        /// ISO 4217 code.
        currency: String,
        /// Who approves above it.
        approvers: Approvers,
    },
}

impl LimitKind {
    /// The window of what a ledger sums or counts; `None` where each request is judged alone.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        match self {
            Self::SpendWindow { window, .. } | Self::TotalWindow { window, .. } | Self::Rate { window } => {
                Some(*window)
            }
            _ => None,
        }
    }
}

/// Most approvers of one constraint.
pub const MAX_APPROVERS: usize = 16;

/// Who may approve, and how many of them have to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Approvers {
    dids: BTreeSet<Did>,
    threshold: usize,
}

impl Approvers {
    /// So many of these have to approve; `None` where that is nobody, or more than there are.
    #[must_use]
    pub fn new(dids: BTreeSet<Did>, threshold: usize) -> Option<Self> {
        let fits = dids.len() <= MAX_APPROVERS && (1..=dids.len()).contains(&threshold);
        fits.then_some(Self { dids, threshold })
    }

    /// Who may.
    #[must_use]
    pub fn dids(&self) -> &BTreeSet<Did> {
        &self.dids
    }

    /// How many of them have to.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// How many of these approved. Whoever stands there twice counts once.
    #[must_use]
    pub fn among(&self, approved: &[Did]) -> usize {
        self.dids.iter().filter(|did| approved.contains(did)).count()
    }

    /// The members of a constraint that say it: `approver` of one, else `approvers` and how many of them.
    pub(crate) fn write(&self, json: &mut serde_json::Value) {
        let Some(members) = json.as_object_mut() else { return };
        if let (1, Some(one)) = (self.dids.len(), self.dids.first()) {
            members.insert("approver".to_owned(), one.as_str().into());
            return;
        }
        let dids: Vec<&str> = self.dids.iter().map(Did::as_str).collect();
        members.insert("approvers".to_owned(), dids.into());
        members.insert("threshold".to_owned(), self.threshold.into());
    }
}

impl fmt::Display for Approvers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dids: Vec<&str> = self.dids.iter().map(Did::as_str).collect();
        match dids.len() {
            1 => out.write_str(&dids.concat()),
            _ => write!(out, "{} of {}", self.threshold, dids.join(", ")),
        }
    }
}

/// How an argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// Is this value.
    Equals,
    /// Is one of these values.
    OneOf,
    /// Is none of these values, and of their type.
    NotOneOf,
    /// Is a text that starts with this one and holds nothing that could step out of it.
    Prefix,
    /// Is an integer of at least this.
    Min,
    /// Is an integer of at most this.
    Max,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 6] =
        [Self::Equals, Self::OneOf, Self::NotOneOf, Self::Prefix, Self::Min, Self::Max];

    /// Its member name in a constraint.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::OneOf => "oneOf",
            Self::NotOneOf => "notOneOf",
            Self::Prefix => "prefix",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// How far a limit lets one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most this.
    Most(i64),
    /// At least this.
    Least(i64),
    /// One of these; none of them where it is empty.
    OneOf(BTreeSet<Value>),
    /// None of these, which are all of one type.
    NotOneOf(BTreeSet<Value>),
    /// A text that starts with this.
    Prefix(String),
}

impl Bound {
    /// Whether everything that this bound lets pass, `other` lets pass too. Bounds of different
    /// variants never belong to one key and are never tighter.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Most(this), Self::Most(other)) => this <= other,
            (Self::Least(this), Self::Least(other)) => this >= other,
            (Self::OneOf(this), Self::OneOf(other)) => this.is_subset(other),
            (Self::NotOneOf(this), Self::NotOneOf(other)) => this.is_superset(other),
            (Self::Prefix(this), Self::Prefix(other)) => this.starts_with(other.as_str()),
            _ => false,
        }
    }

    /// The loosest bound within `other` that is nearest to this one: what both let pass, or `other`
    /// where that is nothing.
    pub(crate) fn within(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::OneOf(this), Self::OneOf(inherited)) => {
                let both: BTreeSet<Value> = this.intersection(inherited).cloned().collect();
                if both.is_empty() { other.clone() } else { Self::OneOf(both) }
            }
            (Self::NotOneOf(this), Self::NotOneOf(inherited)) => {
                Self::NotOneOf(this.union(inherited).cloned().collect())
            }
            _ if self.is_within(other) => self.clone(),
            _ => other.clone(),
        }
    }

    /// Whether a value passes. A value of another type never does.
    #[must_use]
    pub fn admits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Most(most), Value::Integer(value)) => value <= most,
            (Self::Least(least), Value::Integer(value)) => value >= least,
            (Self::OneOf(values), value) => values.contains(value),
            (Self::NotOneOf(values), value) => {
                values.first().is_some_and(|one| same_type(one, value)) && !values.contains(value)
            }
            (Self::Prefix(prefix), Value::Text(text)) => {
                text.starts_with(prefix.as_str()) && !steps_out(text)
            }
            _ => false,
        }
    }
}

/// One limit: what it is about and how far it lets one go. Its text is
/// [`LimitKey::describe`]'s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is about.
    pub key: LimitKey,
    /// How far it lets one go.
    pub bound: Bound,
}

impl Limit {
    pub(crate) fn of(key: &LimitKey, bound: &Bound) -> Box<Self> {
        Box::new(Self { key: key.clone(), bound: bound.clone() })
    }
}

/// Whether two values are of one type.
pub(crate) fn same_type(one: &Value, other: &Value) -> bool {
    core::mem::discriminant(one) == core::mem::discriminant(other)
}

/// Whether a text holds what some reader of paths or URLs takes for a way out of a prefix.
pub(crate) fn steps_out(text: &str) -> bool {
    text.contains("..") || text.contains("//") || text.contains(['\\', '%', '\0'])
}

impl LimitKey {
    /// Whether a request for this action is bound.
    #[must_use]
    pub fn binds(&self, action: &str) -> bool {
        self.actions.as_ref().is_none_or(|actions| actions.iter().any(|pattern| pattern.matches(action)))
    }

    /// The key of the currency list that this amount limit stands under, with its currency.
    pub(crate) fn currency_list(&self) -> Option<(Self, &str)> {
        let (kind, currency) = match &self.kind {
            LimitKind::SpendPerAction { currency } | LimitKind::SpendWindow { currency, .. } => {
                (LimitKind::SpendCurrency, currency)
            }
            LimitKind::Approval { currency, approvers } => {
                (LimitKind::ApprovalCurrency { approvers: approvers.clone() }, currency)
            }
            _ => return None,
        };
        Some((Self { kind, actions: self.actions.clone() }, currency))
    }

    /// Of a currency list, between which keys the limits on amounts of a currency stand; those among
    /// them that name other actions stand under another list.
    pub(crate) fn amounts_of(&self, currency: &str) -> Vec<(Self, Self)> {
        let currency = currency.to_owned();
        let key = |kind| Self { kind, actions: self.actions.clone() };
        let window = |window| LimitKind::SpendWindow { currency: currency.clone(), window };
        match &self.kind {
            LimitKind::SpendCurrency => {
                let per_action = key(LimitKind::SpendPerAction { currency: currency.clone() });
                vec![
                    (per_action.clone(), per_action),
                    (Self { kind: window(Window::FIRST), actions: None }, key(window(Window::LAST))),
                ]
            }
            LimitKind::ApprovalCurrency { approvers } => {
                let amount = key(LimitKind::Approval { currency, approvers: approvers.clone() });
                vec![(amount.clone(), amount)]
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_not_left_by_any_known_way_out() {
        let bound = Bound::Prefix("/data/".to_owned());
        assert!(bound.admits(&"/data/in/a.txt".into()));
        for text in
            ["/data/../etc", "/data/%2e%2e/etc", "/data//etc", "/data/\\etc", "/data/\0", "/dat", "/etc", ""]
        {
            assert!(!bound.admits(&text.into()), "{text:?}");
        }
        assert!(!bound.admits(&Value::Integer(1)));
    }

    #[test]
    fn a_value_of_another_type_never_passes() {
        let numbers = Bound::NotOneOf(BTreeSet::from([Value::Integer(5)]));
        assert!(numbers.admits(&Value::Integer(6)));
        assert!(!numbers.admits(&Value::Integer(5)));
        assert!(!numbers.admits(&"5".into()));
        assert!(!Bound::Most(5).admits(&"4".into()));
        assert!(!Bound::Least(5).admits(&Value::Bool(true)));
        assert!(!Bound::OneOf(BTreeSet::new()).admits(&Value::Integer(1)));
    }
    /// Held here by itself: a verifier drops second approvals and strangers' before anything counts them.
    #[test]
    fn whoever_approves_twice_counts_once_and_a_stranger_never() {
        let did = |name: &str| format!("did:web:{name}.example").parse::<Did>().unwrap();
        let (p, q, stranger) = (did("p"), did("q"), did("stranger"));
        let two = Approvers::new(BTreeSet::from([p.clone(), q.clone()]), 2).unwrap();
        for (approved, count) in [
            (vec![], 0),
            (vec![p.clone()], 1),
            (vec![p.clone(), p.clone()], 1),
            (vec![stranger.clone(), stranger.clone()], 0),
            (vec![p.clone(), stranger], 1),
            (vec![q.clone(), p.clone(), q], 2),
        ] {
            assert_eq!(two.among(&approved), count, "{approved:?}");
        }
    }
}
