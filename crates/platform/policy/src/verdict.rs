//! What was decided, and by which policies.

use crate::principal::Principal;
use serde_json::{Value, json};

/// What a set says of a request that the chain permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it says.
    pub outcome: Outcome,
    /// The policies that decided, `NAME@VERSION`, in order: those that deny; of a permit those whose `permit` fits.
    pub policies: Vec<String>,
}

/// Whether a request goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing forbids it.
    Through,
    /// A statement forbids it.
    Forbidden(By),
    /// A policy lists what is allowed, and this is not in it.
    NotListed(String),
    /// A statement, where it is known which, can't be evaluated on it.
    Failed(Option<By>, String),
}

/// A statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// `NAME@VERSION`.
    pub policy: String,
    /// The line that it begins in.
    pub line: usize,
    /// What its author says to whoever is denied: its annotation `@reason("…")`.
    pub reason: Option<String>,
}

/// Most characters of what an author says.
const MAX_REASON: usize = 200;

impl By {
    pub(crate) fn new(policy: String, line: usize, reason: Option<&str>) -> Self {
        let reason =
            reason.map(|text| text.chars().filter(|one| !one.is_control()).take(MAX_REASON).collect());
        Self { policy, line, reason }
    }
}

impl Verdict {
    pub(crate) fn through(policies: Vec<String>) -> Self {
        Self { outcome: Outcome::Through, policies }
    }

    /// Whether the request goes through.
    #[must_use]
    pub fn is_through(&self) -> bool {
        self.outcome == Outcome::Through
    }

    /// The code of the denial; `None` where there is none.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::Through => None,
            Outcome::Forbidden(_) | Outcome::NotListed(_) => Some("policy_denied"),
            Outcome::Failed(..) => Some("policy_error"),
        }
    }

    /// What was expected, and what was found, for a denial.
    #[must_use]
    pub fn told(&self) -> (String, String) {
        match &self.outcome {
            Outcome::Through => Default::default(),
            Outcome::Forbidden(by) => {
                let reason = by.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
                (
                    "a request that no policy forbids".to_owned(),
                    format!("forbidden by `{}`, line {}{reason}", by.policy, by.line),
                )
            }
            Outcome::NotListed(policy) => (
                format!("a request that `{policy}` permits"),
                format!("none of the `permit` of `{policy}` fits"),
            ),
            Outcome::Failed(by, why) => {
                let by =
                    by.as_ref().map_or(String::new(), |by| format!("`{}`, line {}: ", by.policy, by.line));
                ("policies that can be evaluated on the request".to_owned(), format!("{by}{why}"))
            }
        }
    }

    /// What a receipt says of it: the digest of the set, the policies that decided, and for whom they were asked, with the team and the
    /// tags that counted, so that it can be decided again.
    #[must_use]
    pub fn receipt(&self, set: &str, principals: &[Principal]) -> Value {
        let of: Vec<Value> = principals.iter().map(Principal::to_json).collect();
        json!({"decided": self.policies, "digest": set, "of": of})
    }
}
