//! Why a call gives no answer.

use core::fmt;
use legation_verifier::{Code, Denial};
use serde_json::{Value, json};

/// Why a call gives no answer: a stable code in `snake_case`, and words that say what was expected. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub code: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// Where a rule of the verifier was broken: the denial.
    pub denial: Option<Denial>,
}

impl Failure {
    /// A failure with a code and words.
    #[must_use]
    pub fn new(code: &str, message: impl fmt::Display) -> Self {
        Self { code: code.to_owned(), message: message.to_string(), denial: None }
    }

    /// Something that was given is not what it should be.
    #[must_use]
    pub fn input(name: &str, expected: &str) -> Self {
        Self::new("input", format!("`{name}` must be {expected}"))
    }

    /// As data: `code`, `message`, and of a denial `expected`, `found`, `link` and `cure`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.denial {
            None => json!({"code": self.code, "message": self.message}),
            Some(denial) => json!({
                "code": self.code, "message": self.message, "link": denial.link,
                "expected": denial.expected, "found": denial.found, "cure": denial.code.cure(),
            }),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl core::error::Error for Failure {}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        let code: Code = denial.code;
        let message = format!("{}: expected {}, found {}", code.cause(), denial.expected, denial.found);
        Self { code: code.as_str().to_owned(), message, denial: Some(denial) }
    }
}
