//! Whether an authority permits a request.

use crate::{
    Authority,
    amount::{AMOUNT, Amount, micros, micros_of},
    authority::Granted,
    limit::{Approvers, Bound, Limit, LimitKey, LimitKind},
    money::money,
    request::{POSSESSION, Possession, Request, Value},
    window::Window,
};
use legation_did::Did;

/// Why an authority does not permit a request. Sums over time are not judged here: what they
/// take is listed by [`Authority::debits`], and a ledger judges it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// No grant names this action on this resource.
    #[error("no grant covers `{action}` on `{resource}`")]
    NotGranted {
        /// The action.
        action: String,
        /// The resource.
        resource: String,
        /// What is granted, in words.
        granted: String,
    },
    /// A limit needs a fact that the request does not have.
    #[error("the fact `{name}` is missing; needed since {limit}")]
    MissingFact {
        /// The fact.
        name: String,
        /// The limit.
        limit: Box<Limit>,
    },
    /// A fact is outside a limit.
    #[error("{}; required is that {limit}", self.found())]
    Constraint {
        /// The fact.
        name: String,
        /// Its value.
        found: Value,
        /// The limit.
        limit: Box<Limit>,
    },
    /// The amount needs an approval.
    #[error("{found} needs an approval: {limit}")]
    ApprovalRequired {
        /// Amount and currency.
        found: String,
        /// The limit.
        limit: Box<Limit>,
    },
}

impl Violation {
    /// What was found, in words: an amount as money, in the currency that is limited.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::NotGranted { action, resource, .. } => format!("{action} on {resource}"),
            Self::MissingFact { .. } => "nothing".to_owned(),
            Self::Constraint { name, found, limit } => match (&limit.key.kind, found) {
                (LimitKind::SpendPerAction { currency }, Value::Integer(number)) => {
                    let micros = micros_of(name, *number).unwrap_or(*number);
                    format!("`{name}` is {}", money(micros, currency))
                }
                _ => format!("`{name}` is {found}"),
            },
            Self::ApprovalRequired { found, .. } => found.clone(),
        }
    }

    /// The stable code, as a denial has it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotGranted { .. } => "not_granted",
            Self::MissingFact { .. } => "missing_fact",
            Self::Constraint { .. } => "constraint_violated",
            Self::ApprovalRequired { .. } => "approval_required",
        }
    }

    /// Of whom an approval is lacking.
    #[must_use]
    pub fn approvers(&self) -> Option<&Approvers> {
        let Self::ApprovalRequired { limit, .. } = self else { return None };
        match &limit.key.kind {
            LimitKind::ApprovalCurrency { approvers } | LimitKind::Approval { approvers, .. } => {
                Some(approvers)
            }
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::NotGranted { .. } => 0,
            Self::MissingFact { .. } => 1,
            Self::Constraint { .. } => 2,
            Self::ApprovalRequired { .. } => 3,
        }
    }
}

/// What a total sums, and in which unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Actions, of which each counts 1.
    Actions,
    /// Money of one currency, in millionths of a minor unit.
    Money,
    /// An integer fact, as it stands.
    Fact(String),
}

/// What a verifier knows of a request beside its facts.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'s> {
    /// The verifier's own identity.
    pub audience: &'s str,
    /// How the agent is known to be there. `None` where nobody has looked: a limit that asks for it then
    /// lacks a fact.
    pub possession: Option<Possession>,
    /// Whose approval of this very request was verified.
    pub approvers: &'s [Did],
}

impl<'s> Situation<'s> {
    /// That of a verifier of which nothing but its identity is known.
    #[must_use]
    pub fn at(audience: &'s str) -> Self {
        Self { audience, possession: None, approvers: &[] }
    }
}

/// What a permitted request takes from a total: so much of a window's most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debit<'a> {
    /// Which limit.
    pub key: &'a LimitKey,
    /// The window that it is summed over.
    pub window: Window,
    /// What the request takes, in the unit of its [`Debit::measure`].
    pub amount: i64,
    /// Most that a window may hold, in the same unit.
    pub most: i64,
}

impl Debit<'_> {
    /// What is summed, and in which unit.
    #[must_use]
    pub fn measure(&self) -> Measure {
        match &self.key.kind {
            LimitKind::SpendWindow { .. } => Measure::Money,
            LimitKind::TotalWindow { fact, .. } => Measure::Fact(fact.clone()),
            _ => Measure::Actions,
        }
    }
}

impl Authority {
    /// Whether this authority permits the request to a verifier of that identity; otherwise the
    /// first reason, in the order of [`Violation`]'s variants.
    ///
    /// # Errors
    /// [`Violation`].
    pub fn permits(&self, request: &Request, audience: &str) -> Result<(), Violation> {
        self.permits_in(request, Situation::at(audience))
    }

    /// As [`Authority::permits`], where more is known than the verifier's identity.
    ///
    /// # Errors
    /// [`Violation`].
    pub fn permits_in(&self, request: &Request, situation: Situation<'_>) -> Result<(), Violation> {
        if !self.grants(request) {
            return Err(Violation::NotGranted {
                action: request.action().to_owned(),
                resource: request.resource().to_owned(),
                granted: self.granted_words(),
            });
        }
        let worst = self.violations(request, situation).min_by_key(Violation::rank);
        worst.map_or(Ok(()), Err)
    }

    /// Every limit that the request breaks, where [`Authority::permits_in`] gives the first.
    pub fn violations<'a>(
        &'a self,
        request: &'a Request,
        situation: Situation<'a>,
    ) -> impl Iterator<Item = Violation> + 'a {
        self.limits_on(request.action()).filter_map(move |(key, bound)| judge(key, bound, request, situation))
    }

    /// Whether a grant names the request's action on its resource.
    fn grants(&self, request: &Request) -> bool {
        match &self.granted {
            Granted::Everything => true,
            Granted::Pairs(pairs) => pairs.iter().any(|(action, resource)| {
                action.matches(request.action()) && resource.matches(request.resource())
            }),
        }
    }

    fn granted_words(&self) -> String {
        match &self.granted {
            Granted::Everything => "everything".to_owned(),
            Granted::Pairs(pairs) if pairs.is_empty() => "nothing".to_owned(),
            Granted::Pairs(pairs) => pairs
                .iter()
                .take(4)
                .map(|(action, resource)| format!("{action} on {resource}"))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    /// What a permitted request takes from the totals that this authority limits.
    pub fn debits<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = Debit<'a>> {
        let spent = |wanted: &str| match request.facts().get("currency") {
            Some(Value::Text(currency)) if currency == wanted => Some(request.amount()?.micros),
            _ => None,
        };
        self.limits_on(request.action()).filter_map(move |(key, bound)| {
            let Bound::Most(most) = *bound else { return None };
            let window = key.kind.window()?;
            let (amount, most) = match &key.kind {
                LimitKind::SpendWindow { currency, .. } => (spent(currency)?, micros(most)),
                LimitKind::TotalWindow { fact, .. } => match request.facts().get(fact)? {
                    Value::Integer(sum @ 0..) => (*sum, most),
                    _ => return None,
                },
                _ => (1, most),
            };
            Some(Debit { key, window, amount, most })
        })
    }
}

/// One limit against one request; `None` where it is kept.
fn judge(key: &LimitKey, bound: &Bound, request: &Request, situation: Situation<'_>) -> Option<Violation> {
    let limit = || Limit::of(key, bound);
    let fact = |name: &str| {
        let missing = || Violation::MissingFact { name: name.to_owned(), limit: limit() };
        let found = match name {
            POSSESSION => situation.possession.map(Possession::value),
            _ => request.facts().get(name),
        };
        found.ok_or_else(missing)
    };
    let violated = |name: &str, found: &Value| Violation::Constraint {
        name: name.to_owned(),
        found: found.clone(),
        limit: limit(),
    };
    let amount = || {
        let missing = || Violation::MissingFact { name: AMOUNT.to_owned(), limit: limit() };
        request.amount().ok_or_else(missing)
    };
    let money = || Ok((amount()?, fact("currency")?));
    let kept = |name: &str| {
        let value = fact(name)?;
        if bound.admits(value) { Ok(()) } else { Err(violated(name, value)) }
    };
    let judged = match &key.kind {
        LimitKind::Audience => {
            let own = situation.audience.into();
            if bound.admits(&own) { Ok(()) } else { Err(violated("audience", &own)) }
        }
        LimitKind::Argument { name, .. } => kept(name),
        LimitKind::Rank { name, order } => fact(name).and_then(|value| {
            let index = order.iter().position(|one| one == value).and_then(|index| i64::try_from(index).ok());
            match index {
                Some(index) if bound.admits(&Value::Integer(index)) => Ok(()),
                _ => Err(violated(name, value)),
            }
        }),
        LimitKind::SpendCurrency => amount().and_then(|_| kept("currency")),
        LimitKind::SpendPerAction { currency } => money().and_then(|(amount, found)| {
            let other = !matches!(found, Value::Text(text) if text == currency);
            if other || amount.is_within(bound) { Ok(()) } else { Err(violated(amount.fact, amount.value)) }
        }),
        LimitKind::TotalPerAction { fact: name } | LimitKind::TotalWindow { fact: name, .. } => {
            // What a window sums is a ledger's to judge; that there is something to sum is not.
            let each = matches!(key.kind, LimitKind::TotalPerAction { .. });
            fact(name).and_then(|value| match value {
                Value::Integer(0..) if !each || bound.admits(value) => Ok(()),
                _ => Err(violated(name, value)),
            })
        }
        LimitKind::ApprovalCurrency { approvers } => money().and_then(|(amount, found)| {
            let passes = bound.admits(found) || is_approved(approvers, situation);
            if passes { Ok(()) } else { Err(unapproved(amount, found, limit())) }
        }),
        LimitKind::Approval { currency, approvers } => money().and_then(|(amount, found)| {
            let other = !matches!(found, Value::Text(text) if text == currency);
            let passes = other || amount.is_within(bound) || is_approved(approvers, situation);
            if passes { Ok(()) } else { Err(unapproved(amount, found, limit())) }
        }),
        // Sums over time: a ledger judges them.
        LimitKind::SpendWindow { .. } | LimitKind::Rate { .. } => Ok(()),
    };
    judged.err()
}

/// Whether as many of them as have to have approved.
fn is_approved(approvers: &Approvers, situation: Situation<'_>) -> bool {
    approvers.among(situation.approvers) >= approvers.threshold()
}

fn unapproved(amount: Amount<'_>, currency: &Value, limit: Box<Limit>) -> Violation {
    let currency = match currency {
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    };
    Violation::ApprovalRequired { found: amount.in_words(&currency), limit }
}
