//! Errors of a token endpoint (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 9449 §5), each with a code of ours.

use serde_json::{Value, json};

/// Most characters of a description.
const MAX_DESCRIPTION: usize = 600;

/// Why there is no token. It never holds a secret, and nothing of anybody else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct Refused {
    /// `error`, as the RFCs name it.
    pub error: &'static str,
    /// Our stable code.
    pub code: String,
    /// What is wrong and what can be done, in a sentence.
    pub description: String,
}

impl Refused {
    /// An error of the RFCs, with a code of ours and a sentence.
    #[must_use]
    pub fn new(error: &'static str, code: impl Into<String>, description: impl Into<String>) -> Self {
        Self { error, code: code.into(), description: description.into() }
    }

    /// `invalid_request`: a parameter is missing, twice there, or not what it has to be.
    #[must_use]
    pub fn request(code: impl Into<String>, description: impl Into<String>) -> Self {
        Self::new("invalid_request", code, description)
    }

    /// The HTTP status that it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.error {
            "invalid_client" => 401,
            "slow_down" => 429,
            "temporarily_unavailable" => 503,
            "server_error" => 500,
            _ => 400,
        }
    }

    /// The body: `error` and `error_description` as the RFCs have them, and `code`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"error": self.error, "error_description": plain(&self.description), "code": plain(&self.code)})
    }
}

/// What may stand in a description: visible ASCII without `"` and `\` (RFC 6749 §5.2).
fn plain(text: &str) -> String {
    let one = |one: char| match one {
        '"' => '\'',
        ' '..='~' if one != '\\' => one,
        _ => '?',
    };
    text.chars().take(MAX_DESCRIPTION).map(one).collect()
}
