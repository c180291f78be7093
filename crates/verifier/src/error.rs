//! Denials: one stable code per rule, where it failed, what was expected and what was found.

use core::fmt;
use legation_credential::{CredentialError, Refusal, RequestError, pattern::PatternError};
use legation_did::KeyLookupError;

/// Declares the codes once, so that name, text and cure can't drift apart.
macro_rules! codes {
    ($($(#[doc = $cause:literal])+ $variant:ident = $name:literal, cure $cure:literal;)+) => {
        /// Why something was denied. The order is the order of the checks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $cause])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name, such as `constraint_widened`. It never changes.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What the rule is, in a sentence.
            #[must_use]
            pub fn cause(self) -> &'static str {
                match self { $(Self::$variant => concat!($($cause),+).trim_ascii()),+ }
            }

            /// What one can do about it.
            #[must_use]
            pub fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure),+ }
            }
        }
    };
}

codes! {
    /// More bytes, or more constraints in the whole chain, than the verifier's limits allow.
    InputTooLarge = "input_too_large", cure "Send a smaller chain, or raise the limit in the trust settings.";
    /// JSON arrays and objects nested deeper than the limits allow.
    JsonTooDeep = "json_too_deep", cure "Flatten the JSON; credentials need less than ten levels.";
    /// An object names one member twice.
    DuplicateMember = "duplicate_member", cure "Write each member once.";
    /// Not the format: a part is missing, of the wrong kind or out of range.
    Malformed = "malformed", cure "Issue it again with a conforming tool; `found` says which part is wrong.";
    /// base64url with padding.
    PaddedBase64 = "padded_base64", cure "Use base64url without `=` (RFC 7515 section 2).";
    /// A presentation without any link.
    ChainEmpty = "chain_empty", cure "Present the delegations, root first.";
    /// More links than the limits allow.
    ChainTooLong = "chain_too_long", cure "Delegate in fewer steps, or raise the limit in the trust settings.";
    /// A signature algorithm that the verifier does not accept.
    AlgorithmNotAllowed = "algorithm_not_allowed", cure "Sign with EdDSA or ES256, as the verifier's trust allows.";
    /// The media type, the credential type or the envelope is another one.
    TypeMismatch = "type_mismatch", cure "Use `vc+jwt` links of type DelegationCredential in a `vp+jwt`.";
    /// A critical header, which nothing here understands.
    CriticalHeader = "critical_header", cure "Leave `crit` and `b64` out of the header.";
    /// The header brings its own key (`jwk`, `jku`, `x5c`, `x5u`).
    HeaderKeyForbidden = "header_key_forbidden", cure "Name the key by `kid`, a DID URL of the issuer.";
    /// The `@context` is not the expected one.
    ContextMismatch = "context_mismatch", cure "Use exactly the contexts of the format, in their order.";
    /// A member inside `delegation` that is not known and might limit something.
    UnknownMember = "unknown_member", cure "Leave the member out, or update the verifier.";
    /// A constraint of a type that is not known.
    UnknownConstraint = "unknown_constraint", cure "Use a known constraint, or update the verifier.";
    /// A resource that is not in its one normal form.
    ResourceNotNormalized = "resource_not_normalized", cure "Write the resource as the WHATWG URL standard serializes it, without query, fragment, dot segments and needless escapes.";

    /// The first issuer is no root that the verifier trusts.
    RootUntrusted = "root_untrusted", cure "Add the principal to the trusted roots, if it is to be trusted.";
    /// A link names another principal than the root.
    PrincipalMismatch = "principal_mismatch", cure "Every link names the root's issuer as `principal`.";
    /// A link is not issued by the subject of the link before it.
    IssuerMismatch = "issuer_mismatch", cure "Present the links root first; each is issued and signed by the subject before it.";
    /// A link does not name the link before it as its parent.
    ParentMismatch = "parent_mismatch", cure "Present the very bytes that the child was issued under.";
    /// An agent stands twice in the chain.
    Cycle = "cycle", cure "Delegate only to agents that are not yet in the chain.";
    /// A link is not valid yet.
    NotYetValid = "not_yet_valid", cure "Wait until `validFrom`, or check the clocks.";
    /// A link is no longer valid.
    Expired = "expired", cure "Have the delegation issued anew.";
    /// A link is valid outside its parent's time.
    WindowNotNested = "window_not_nested", cure "Issue the child within its parent's `validFrom` and `validUntil`.";
    /// The parent does not permit a further link, or not with this `maxDepth`.
    RedelegationNotPermitted = "redelegation_not_permitted", cure "Have the parent issued with a larger `maxDepth`.";
    /// An action that the link before, or the root's ceiling, does not hold.
    ActionWidened = "action_widened", cure "Grant only actions that the parent holds.";
    /// A resource that the link before, or the root's ceiling, does not hold for that action.
    ResourceWidened = "resource_widened", cure "Grant only resources that one grant of the parent holds for the action.";
    /// A constraint looser than the inherited one.
    ConstraintWidened = "constraint_widened", cure "Tighten the constraint, or leave it out: it stays inherited.";
    /// The chain or the presentation is meant for another verifier.
    AudienceMismatch = "audience_mismatch", cure "Present to the verifier that `aud` and the audience constraints name.";
    /// The presentation answers another challenge.
    NonceMismatch = "nonce_mismatch", cure "Sign a presentation over the nonce that the verifier gave.";
    /// The presentation is too old, lives too long or is not valid yet.
    PresentationStale = "presentation_stale", cure "Sign a new presentation; it lives five minutes at most.";
    /// The presentation is not made by the subject of the last link.
    HolderMismatch = "holder_mismatch", cure "Only the agent that the last link names can present the chain.";
    /// The proof is bound to another request.
    RequestBindingMismatch = "request_binding_mismatch", cure "Sign the request as it is sent, its body included.";

    /// The DID document of a signer can't be had.
    DidUnresolved = "did_unresolved", cure "Publish the DID document, or give it as evidence.";
    /// The DID document was fetched too long ago.
    DidStale = "did_stale", cure "Fetch the DID document again.";
    /// The signer's document has no such key.
    KeyNotFound = "key_not_found", cure "Sign with a key of the current DID document and name it by `kid`.";
    /// The key is for another algorithm than the signature says.
    AlgorithmKeyMismatch = "algorithm_key_mismatch", cure "Name the algorithm of the key in `alg`.";
    /// The key is not for this purpose.
    KeyPurposeMismatch = "key_purpose_mismatch", cure "List the key under `assertionMethod` for links, under `authentication` for presentations.";
    /// The key was revoked or has expired.
    KeyRevoked = "key_revoked", cure "Sign with a current key.";
    /// The signature does not fit the bytes and the key.
    SignatureInvalid = "signature_invalid", cure "Present the bytes as they were signed; if they are, the signer is not who it says.";

    /// A link that can't be revoked, which the verifier does not accept for that long.
    StatusMissing = "status_missing", cure "Issue the link with a `credentialStatus`, or for a shorter time.";
    /// The status list can't be had.
    StatusUnavailable = "status_unavailable", cure "Publish the status list, or give it as evidence.";
    /// The status list is not one that answers for this link.
    StatusInvalid = "status_invalid", cure "Publish a list signed by the link's issuer, with the link's purpose and index.";
    /// The status list is too old, or older than one already seen.
    StatusStale = "status_stale", cure "Publish and fetch a current status list.";
    /// The link was revoked.
    LinkRevoked = "link_revoked", cure "The issuer has withdrawn this delegation; ask for another.";
    /// The link is suspended.
    LinkSuspended = "link_suspended", cure "The issuer has suspended this delegation; ask, or wait.";

    /// No grant covers the action on the resource.
    NotGranted = "not_granted", cure "Ask for a delegation that grants this action on this resource.";
    /// A constraint needs a fact that the request lacks.
    MissingFact = "missing_fact", cure "Have the verifier's mapping supply the fact.";
    /// A fact is outside a constraint.
    ConstraintViolated = "constraint_violated", cure "Stay within the constraint that `expected` states.";
    /// The amount needs an approver's consent.
    ApprovalRequired = "approval_required", cure "Stay below the amount, or have the approver act.";
    /// The verifier's own policy says no.
    PolicyDenied = "policy_denied", cure "Ask the operator of the service.";
    /// The nonce was used before.
    NonceReplayed = "nonce_replayed", cure "Sign a new presentation over a new nonce.";
    /// The verifier can't remember more nonces.
    NonceMemoryFull = "nonce_memory_full", cure "Wait until earlier presentations have expired, and try again.";
    /// The amount is more than is left of a total.
    BudgetExceeded = "budget_exceeded", cure "Wait until the window has moved on, or spend less.";
    /// More actions than the rate allows.
    RateExceeded = "rate_exceeded", cure "Wait until the window has moved on.";
}

impl Code {
    /// The code of that name.
    ///
    /// ```
    /// use legation_verifier::Code;
    /// assert_eq!(Code::from_name("expired"), Some(Code::Expired));
    /// assert_eq!(Code::from_name("mood"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

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

    /// The same denial, at a link.
    pub(crate) fn at(self, link: usize) -> Self {
        Self { link: Some(link), ..self }
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
                (Code::AlgorithmKeyMismatch, "a key of a supported kind".to_owned())
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
        _ => "the format of DelegationCredential",
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
        let denial = Denial::new(Code::Malformed, "a\u{2028}b\u{2029}c", "\u{202e}detimrep\u{2069}");
        assert_eq!(
            (denial.expected.as_str(), denial.found.as_str()),
            ("a\u{fffd}b\u{fffd}c", "\u{fffd}detimrep\u{fffd}")
        );
    }

    #[test]
    fn every_code_has_one_name_a_cause_and_a_cure() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(*code));
            assert!(code.cause().ends_with('.') && code.cure().ends_with('.'), "{code}");
        }
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
