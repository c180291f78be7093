//! Denials: one stable code per rule, where it failed, what was expected and what was found.

pub use crate::code::Code;

use core::fmt;
use legation_credential::{CredentialError, Refusal, RequestError, pattern::PatternError};
use legation_did::KeyLookupError;

/// A denial: which rule, at which link, what was expected, what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule.
    pub code: Code,
    /// Index of the link, 0 at the root; `None` where the presentation or the request failed.
    pub link: Option<usize>,
    /// What would have passed.
    pub expected: String,
    /// What was there.
    pub found: String,
}

impl Denial {
    /// A denial of the presentation or the request. Both texts may quote what a stranger sent, so
    /// they are cut short, and what could move a cursor or break a line is replaced.
    #[must_use]
    pub fn new(code: Code, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { code, link: None, expected: printable(expected.into()), found: printable(found.into()) }
    }

    /// Whether what was expected is the verifier's own: whom it trusts, and with what. It is one of a rule that
    /// is judged before any signature, so that anybody could ask for it.
    #[must_use]
    pub fn tells_trust(&self) -> bool {
        untold(self.code, self.link).is_some()
    }

    /// The same denial, with nothing of the trust in it: for whoever has not shown a trusted root's signature
    /// ([`crate::root_signed`]), and for what is kept or handed on.
    ///
    /// ```
    /// use legation_verifier::{Code, Denial};
    /// let denial = Denial::new(Code::RootUntrusted, "did:web:acme.example", "did:web:mallory.example");
    /// assert_eq!(denial.without_trust().expected, "a root that is trusted here");
    /// let denial = Denial::new(Code::SignatureInvalid, "a signature by `k`", "one that does not fit");
    /// assert_eq!(denial.clone().without_trust(), denial);
    /// ```
    #[must_use]
    pub fn without_trust(self) -> Self {
        match untold(self.code, self.link) {
            Some(expected) => Self { expected: expected.to_owned(), ..self },
            None => self,
        }
    }

    /// The same denial, at a link.
    pub(crate) fn at(self, link: usize) -> Self {
        Self { link: Some(link), ..self }
    }
}

/// What is said in place of what is expected, where that comes out of roots and ceilings. An audience that
/// does not fit is told by its link where a limit of the ceiling or of a link says so, and without one where
/// the presentation does.
fn untold(code: Code, link: Option<usize>) -> Option<&'static str> {
    match (code, link) {
        (Code::RootUntrusted, _) => Some("a root that is trusted here"),
        (Code::ActionWidened, _) => {
            Some("an action within what the links before it hold, as far as this verifier lets them")
        }
        (Code::ResourceWidened, _) => {
            Some("a resource within what the links before it hold, as far as this verifier lets them")
        }
        (Code::ConstraintWidened, _) => {
            Some("a limit no looser than those before it and this verifier's own")
        }
        (Code::AudienceMismatch, Some(_)) => Some("another audience"),
        _ => None,
    }
}

/// At most 600 characters of a text, each one replaced that [`misleads`]: a stranger's line break
/// must not forge a log line, nor an escape sequence reach a terminal.
#[must_use]
pub fn printable(text: String) -> String {
    const MOST: usize = 600;
    if text.len() <= MOST && !text.chars().any(misleads) {
        return text;
    }
    let safe = |one: char| if misleads(one) { char::REPLACEMENT_CHARACTER } else { one };
    let end = if text.chars().nth(MOST).is_some() { "…" } else { "" };
    text.chars().take(MOST).map(safe).chain(end.chars()).collect()
}

/// Whether a character ends a line, moves a cursor, or changes the order in which a line is read
/// (controls, the separators U+2028 and U+2029, and the Bidi_Control characters of Unicode).
#[must_use]
pub fn misleads(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Denial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.link {
            Some(link) => write!(out, "{} at link {link}", self.code)?,
            None => write!(out, "{}", self.code)?,
        }
        write!(out, ": expected {}, found {}", self.expected, self.found)
    }
}

impl core::error::Error for Denial {}

/// Why a document has no key for a use, as the phase of keys tells it.
impl From<KeyLookupError> for Denial {
    fn from(error: KeyLookupError) -> Self {
        let (code, expected) = match &error {
            KeyLookupError::NotFound { .. } => {
                (Code::KeyNotFound, "a verification method of the signer".to_owned())
            }
            KeyLookupError::Unusable { .. } => {
                (Code::AlgorithmKeyMismatch, "a key of a supported kind: Ed25519 or P-256".to_owned())
            }
            KeyLookupError::Algorithm { expected, .. } => {
                (Code::AlgorithmKeyMismatch, format!("a key for {expected}"))
            }
            KeyLookupError::Purpose { purpose, .. } => {
                (Code::KeyPurposeMismatch, format!("a key for {}", purpose.member()))
            }
            KeyLookupError::Revoked { .. } => (Code::KeyRevoked, "a current key".to_owned()),
        };
        Self::new(code, expected, error.to_string())
    }
}

impl From<CredentialError> for Denial {
    fn from(error: CredentialError) -> Self {
        // Every code of a reading error is in the list; a test walks through them.
        let code = Code::from_name(error.code()).unwrap_or(Code::Malformed);
        Self::new(code, expected_of(code), error.to_string())
    }
}

/// A service maps what was asked of it to a request; what can't be mapped is denied like the rest.
impl From<RequestError> for Denial {
    fn from(error: RequestError) -> Self {
        let code = match error {
            RequestError::Pattern(PatternError::Resource { .. }) => Code::ResourceNotNormalized,
            _ => Code::Malformed,
        };
        Self::new(code, "a well-formed request", error.to_string())
    }
}

fn expected_of(code: Code) -> &'static str {
    match code {
        Code::InputTooLarge => "no more bytes than the limit",
        Code::JsonTooDeep => "less nesting",
        Code::DuplicateMember => "each member once",
        Code::PaddedBase64 => "base64url without padding",
        Code::AlgorithmNotAllowed => "an allowed algorithm",
        Code::TypeMismatch => "the type of the format",
        Code::CriticalHeader => "no critical header",
        Code::HeaderKeyForbidden => "a key named by `kid` only",
        Code::ContextMismatch => "the contexts of the format",
        Code::UnknownMember => "known members only",
        Code::UnknownConstraint => "known constraints only",
        Code::ResourceNotNormalized => "a resource in normal form",
        _ => "a presentation (`vp+jwt`) of delegations (`vc+jwt`), as their formats say",
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::WindowNotNested { .. } => Code::WindowNotNested,
            Refusal::RedelegationNotPermitted { .. } => Code::RedelegationNotPermitted,
            Refusal::ActionWidened { .. } => Code::ActionWidened,
            Refusal::ResourceWidened { .. } => Code::ResourceWidened,
            Refusal::ConstraintWidened { .. } => Code::ConstraintWidened,
        };
        Self::new(code, refusal.fits(), refusal.found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_sent_prints_on_one_line() {
        let denial = Denial::new(Code::Malformed, "x", format!("a\nallowed\u{1b}[2J{}", "b".repeat(1000)));
        assert!(!denial.found.chars().any(char::is_control));
        assert_eq!(denial.found.chars().count(), 601);
        for (length, printed) in [(599, 599), (600, 600), (601, 601), (5000, 601)] {
            assert_eq!(printable("b".repeat(length)).chars().count(), printed, "with `…` where it is cut");
        }
        let denial = Denial::new(Code::Malformed, "a\u{2028}b\u{2029}c", "\u{202e}detimrep\u{2069}");
        assert_eq!(
            (denial.expected.as_str(), denial.found.as_str()),
            ("a\u{fffd}b\u{fffd}c", "\u{fffd}detimrep\u{fffd}")
        );
    }

    #[test]
    fn a_request_that_cannot_be_mapped_is_denied_by_what_is_wrong_with_it() {
        let denial = |action: &str, resource: &str| {
            Denial::from(legation_credential::Request::new(action, resource, [].into()).unwrap_err())
        };
        assert_eq!(denial("a", "https://a.example/x/../y").code, Code::ResourceNotNormalized);
        assert_eq!(denial("a:*", "https://a.example/x").code, Code::Malformed);
    }
}
