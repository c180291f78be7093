//! How much money a request is about: which facts say it, and in which unit it is compared and summed.
//!
//! Limits say whole minor units (cents, for USD). A call of a model may cost a fraction of one, so everything is
//! compared and summed in **millionths of a minor unit**, in which every amount that is read is exact and no
//! sum that a ledger lets pass overflows an `i64`.

use crate::{
    limit::Bound,
    money::money,
    request::{Facts, Value},
};

/// Millionths in a minor unit.
pub const MICROS: i64 = 1_000_000;
/// Largest amount that a constraint or a request may say, in minor units: 9·10¹², so that in millionths it is an `i64`.
pub const MAX_AMOUNT: i64 = 9_000_000_000_000;
/// The fact that says an amount in minor units.
pub const AMOUNT: &str = "amount";
/// The fact that says it exactly, in millionths of a minor unit. As every integer fact it is at most 2^53 − 1, which
/// are 9·10⁹ minor units; `amount` says more.
pub const AMOUNT_MICROS: &str = "amountMicros";

/// Minor units as millionths.
#[must_use]
pub const fn micros(minor_units: i64) -> i64 {
    minor_units.saturating_mul(MICROS)
}

/// A number that such a fact says, as millionths; `None` of a fact that is no amount.
#[must_use]
pub fn micros_of(fact: &str, number: i64) -> Option<i64> {
    match fact {
        AMOUNT => Some(micros(number)),
        AMOUNT_MICROS => Some(number),
        _ => None,
    }
}

/// The amount that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount<'a> {
    /// The fact that says it: [`AMOUNT`] or [`AMOUNT_MICROS`].
    pub fact: &'static str,
    /// What it says.
    pub value: &'a Value,
    /// Millionths of a minor unit.
    pub micros: i64,
}

impl<'a> Amount<'a> {
    /// The amount that facts say, if they do. The one place that knows which facts stand for it; of both there is no
    /// request ([`crate::Request::new`]).
    #[must_use]
    pub fn of(facts: &'a Facts) -> Option<Self> {
        let (fact, value, unit) = match facts.get(AMOUNT_MICROS) {
            Some(value) => (AMOUNT_MICROS, value, 1),
            None => (AMOUNT, facts.get(AMOUNT)?, MICROS),
        };
        let Value::Integer(number) = value else { return None };
        Some(Self { fact, value, micros: number.saturating_mul(unit) })
    }

    /// The amount in a currency, as people write it.
    #[must_use]
    pub fn in_words(&self, currency: &str) -> String {
        money(self.micros, currency)
    }

    /// Whether a limit in minor units lets it pass. Nothing is rounded.
    #[must_use]
    pub fn is_within(&self, bound: &Bound) -> bool {
        matches!(bound, Bound::Most(most) if self.micros <= micros(*most))
    }
}
