//! The codes of denials, in the order of the checks, each with what there is to know about it.
//!
//! Everything that is said of a code elsewhere (the pages in `codes/`, `legation code show`) is
//! written from this one declaration.

use core::fmt;

/// Declares the codes once, so that names, texts and facts can't drift apart. `by` says who can mend
/// it, whoever is nearest first; `spec` where a standard has the rule.
macro_rules! codes {
    ($($phase:ident { $(
        $(#[doc = $cause:literal])+
        $variant:ident = $name:literal, by [$($party:ident),+] $(, spec $spec:literal)?, cure $cure:literal;
    )+ })+) => {
        /// Why something was denied. The order is the order of the checks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($($(#[doc = $cause])+ $variant,)+)+
        }

        impl Code {
            /// Every code, in the order of the checks.
            pub const ALL: &'static [Self] = &[$($(Self::$variant),+),+];

            /// The stable name, such as `constraint_widened`. It never changes.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$variant => $name),+),+ }
            }

            /// What the rule is, in a sentence.
            #[must_use]
            pub fn cause(self) -> &'static str {
                match self { $($(Self::$variant => concat!($($cause),+).trim_ascii()),+),+ }
            }

            /// What one can do about it.
            #[must_use]
            pub fn cure(self) -> &'static str {
                match self { $($(Self::$variant => $cure),+),+ }
            }

            /// In which phase it is checked.
            #[must_use]
            pub fn phase(self) -> Phase {
                match self { $($(Self::$variant => Phase::$phase),+),+ }
            }

            /// Who can mend it, whoever is nearest first.
            #[must_use]
            pub fn mended_by(self) -> &'static [Party] {
                match self { $($(Self::$variant => &[$(Party::$party),+]),+),+ }
            }

            /// The section of a standard that has the rule; `None` where it is Legation's own.
            #[must_use]
            pub fn spec(self) -> Option<&'static str> {
                let all: &[&str] = match self { $($(Self::$variant => &[$($spec)?]),+),+ };
                all.first().copied()
            }
        }
    };
}

codes! {
    Bytes {
        /// More bytes, or more grants or constraints in the whole chain, than the verifier's limits allow.
        InputTooLarge = "input_too_large", by [Issuer, Holder, Operator], cure "Send a smaller chain, or raise the limit in the trust settings.";
        /// JSON arrays and objects nested deeper than the limits allow.
        JsonTooDeep = "json_too_deep", by [Issuer, Holder, Operator], spec "RFC 8259 section 9", cure "Flatten the JSON; credentials need less than ten levels.";
        /// An object names one member twice.
        DuplicateMember = "duplicate_member", by [Issuer, Holder], spec "RFC 8259 section 4", cure "Write each member once.";
        /// Not the format: a part is missing, of the wrong kind or out of range.
        Malformed = "malformed", by [Issuer, Holder, Caller], cure "Mend what `found` names: a credential by issuing it again, a presentation by signing it again, a request where it is made.";
        /// base64url with padding.
        PaddedBase64 = "padded_base64", by [Issuer, Holder], spec "RFC 7515 section 2", cure "Use base64url without `=` (RFC 7515 section 2).";
        /// A presentation without any link.
        ChainEmpty = "chain_empty", by [Holder], cure "Present the delegations, root first.";
        /// More links than the limits allow.
        ChainTooLong = "chain_too_long", by [Holder, Operator], cure "Delegate in fewer steps, or raise the limit in the trust settings.";
        /// A signature algorithm that the verifier does not accept.
        AlgorithmNotAllowed = "algorithm_not_allowed", by [Issuer, Holder, Operator], spec "RFC 8725 section 3.1", cure "Sign with EdDSA or ES256, as the verifier's trust allows.";
        /// The media type, the credential type or the envelope is another one.
        TypeMismatch = "type_mismatch", by [Issuer, Holder], spec "RFC 8725 section 3.11; VC-JOSE-COSE section 3.1.1", cure "Use `vc+jwt` links of type DelegationCredential in a `vp+jwt`.";
        /// A critical header, which nothing here understands.
        CriticalHeader = "critical_header", by [Issuer, Holder], spec "RFC 7515 section 4.1.11", cure "Leave `crit` and `b64` out of the header.";
        /// The header brings its own key (`jwk`, `jku`, `x5c`, `x5u`).
        HeaderKeyForbidden = "header_key_forbidden", by [Issuer, Holder], spec "RFC 7515 sections 4.1.2 to 4.1.6; RFC 8725 section 3.10", cure "Name the key by `kid`, a DID URL of the issuer.";
        /// The `@context` is not the expected one.
        ContextMismatch = "context_mismatch", by [Issuer, Holder], spec "VC Data Model 2.0, Contexts", cure "Use exactly the contexts of the format, in their order.";
        /// A member inside `delegation` that is not known and might limit something.
        UnknownMember = "unknown_member", by [Issuer, Operator], cure "Leave the member out, or update the verifier.";
        /// A constraint of a type that is not known.
        UnknownConstraint = "unknown_constraint", by [Issuer, Operator], cure "Use a known constraint, or update the verifier.";
        /// A resource that is not in its one normal form.
        ResourceNotNormalized = "resource_not_normalized", by [Issuer, Caller], spec "URL Standard section 4.5", cure "Write the resource as the WHATWG URL standard serializes it, without query, fragment, dot segments and needless escapes.";
    }
    Meaning {
        /// The first issuer is no root that the verifier trusts.
        RootUntrusted = "root_untrusted", by [Operator], cure "Add the principal to the trusted roots, if it is to be trusted.";
        /// A link names another principal than the root.
        PrincipalMismatch = "principal_mismatch", by [Issuer], cure "Every link names the root's issuer as `principal`.";
        /// A link is not issued by the subject of the link before it, or `iss` or the key that it names is not its issuer's.
        IssuerMismatch = "issuer_mismatch", by [Issuer, Holder], spec "VC-JOSE-COSE section 4.1.2", cure "Present the links root first; each is issued by the subject before it, and names a key of its issuer by a DID URL with a fragment.";
        /// A link does not name the link before it as its parent.
        ParentMismatch = "parent_mismatch", by [Issuer, Holder], cure "Present the chain in order, root first, and each link by the very bytes that its child was issued under.";
        /// An agent stands twice in the chain.
        Cycle = "cycle", by [Issuer], cure "Delegate only to agents that are not yet in the chain.";
        /// A link is not valid yet.
        NotYetValid = "not_yet_valid", by [Holder], spec "VC Data Model 2.0, Validity Period; RFC 7519 section 4.1.5", cure "Wait until `validFrom`, or check the clocks.";
        /// A link is no longer valid.
        Expired = "expired", by [Issuer], spec "VC Data Model 2.0, Validity Period; RFC 7519 section 4.1.4", cure "Have the delegation issued anew.";
        /// A link is valid outside its parent's time.
        WindowNotNested = "window_not_nested", by [Issuer], cure "Issue the child within its parent's `validFrom` and `validUntil`.";
        /// The parent does not permit a further link, or not with this `maxDepth`.
        RedelegationNotPermitted = "redelegation_not_permitted", by [Issuer], cure "Have the parent issued with a larger `maxDepth`.";
        /// An action that the link before, or the root's ceiling, does not hold.
        ActionWidened = "action_widened", by [Issuer], cure "Grant only actions that the parent holds.";
        /// A resource that the link before, or the root's ceiling, does not hold for that action.
        ResourceWidened = "resource_widened", by [Issuer], cure "Grant only resources that one grant of the parent holds for the action.";
        /// A constraint looser than the inherited one.
        ConstraintWidened = "constraint_widened", by [Issuer], cure "Tighten the constraint, or leave it out: it stays inherited.";
        /// The chain or the presentation is meant for another verifier.
        AudienceMismatch = "audience_mismatch", by [Issuer, Holder, Operator], spec "RFC 7519 section 4.1.3", cure "Present to the verifier that `aud` and the audience constraints name.";
        /// The presentation answers another challenge.
        NonceMismatch = "nonce_mismatch", by [Holder], cure "Sign a presentation over the nonce that the verifier gave.";
        /// The presentation is too old, lives too long or is not valid yet.
        PresentationStale = "presentation_stale", by [Holder], spec "RFC 7519 sections 4.1.4 to 4.1.6", cure "Sign a new presentation; it lives five minutes at most.";
        /// The verifier vouches for an agent that has signed nothing, which its trust does not allow.
        VouchingNotAllowed = "vouching_not_allowed", by [Operator, Holder], cure "Set `vouched` in the trust settings, or have the agent sign.";
        /// The presentation is not made by the subject of the last link or names no key of it, or `sub` names another subject than its link does.
        HolderMismatch = "holder_mismatch", by [Holder, Issuer], spec "VC Data Model 2.0, Verifiable Presentations", cure "Only the agent that the last link names can present the chain; `sub` of a link, where it stands, is its subject.";
        /// The proof is bound to another request.
        RequestBindingMismatch = "request_binding_mismatch", by [Caller], spec "RFC 9421 section 3.2; RFC 9530 section 2", cure "Sign the request as it is sent, its body included.";
    }
    Keys {
        /// The DID document of a signer can't be had.
        DidUnresolved = "did_unresolved", by [Issuer, Operator], spec "DID Core section 7.1", cure "Publish the DID document, or give it as evidence.";
        /// The DID document was fetched too long ago.
        DidStale = "did_stale", by [Operator], cure "Fetch the DID document again.";
        /// The signer's document has no such key, or `cnf` of the link before names another one.
        KeyNotFound = "key_not_found", by [Issuer, Holder], spec "DID Core section 5.2", cure "Sign with a key of the current DID document, the one of `cnf` where the link before has it, and name it by `kid`.";
        /// The key is for another algorithm than the signature says, or of a kind that is not supported.
        AlgorithmKeyMismatch = "algorithm_key_mismatch", by [Issuer, Holder], spec "RFC 8725 section 3.1", cure "Sign with a key of a supported kind (Ed25519, P-256), and name its algorithm in `alg`.";
        /// The key is not for this purpose.
        KeyPurposeMismatch = "key_purpose_mismatch", by [Issuer, Holder], spec "DID Core section 5.3", cure "List the key under `assertionMethod` for links, under `authentication` for presentations.";
        /// The key was revoked or has expired.
        KeyRevoked = "key_revoked", by [Issuer, Holder], spec "Controlled Identifiers 1.0, Verification Methods", cure "Sign with a current key.";
        /// The signature does not fit the bytes and the key.
        SignatureInvalid = "signature_invalid", by [Issuer, Holder], spec "RFC 7515 section 5.2; RFC 8032 section 5.1.7", cure "Present the bytes as they were signed; if they are, the signer is not who it says.";
    }
    Status {
        /// A link that can't be revoked, which the verifier does not accept for that long.
        StatusMissing = "status_missing", by [Issuer, Operator], cure "Issue the link with a `credentialStatus` (`legation delegate --status`), or for a shorter time.";
        /// The status list can't be had.
        StatusUnavailable = "status_unavailable", by [Issuer, Operator], spec "Bitstring Status List 1.0, Validate Algorithm", cure "Publish the status list, or give it as evidence.";
        /// The status list is not one that answers for this link.
        StatusInvalid = "status_invalid", by [Issuer], spec "Bitstring Status List 1.0, Validate Algorithm", cure "Publish a list signed by the link's issuer, with the link's purpose and index.";
        /// The status list is too old, or older than one already seen.
        StatusStale = "status_stale", by [Issuer, Operator], cure "Publish and fetch a current status list.";
        /// The link was revoked.
        LinkRevoked = "link_revoked", by [Issuer], spec "Bitstring Status List 1.0, Validate Algorithm", cure "The issuer has withdrawn this delegation; ask for another.";
        /// The link is suspended.
        LinkSuspended = "link_suspended", by [Issuer], spec "Bitstring Status List 1.0, Validate Algorithm", cure "The issuer has suspended this delegation; ask, or wait.";
    }
    Request {
        /// No grant covers the action on the resource.
        NotGranted = "not_granted", by [Caller, Issuer], cure "Ask for a delegation that grants this action on this resource.";
        /// A constraint needs a fact that the request lacks.
        MissingFact = "missing_fact", by [Operator], cure "Have the verifier's mapping supply the fact; `legation verify` takes it by `--fact NAME=VALUE`.";
        /// A fact is outside a constraint.
        ConstraintViolated = "constraint_violated", by [Caller], cure "Stay within the constraint that `expected` states.";
        /// The amount needs the consent of those whom the constraint names, and lacks it or has used it.
        ApprovalRequired = "approval_required", by [Caller], cure "Stay below the amount, or have it approved: `legation approve` takes what the verifier tells as `approval`, and its result comes with the request, once.";
        /// The verifier's own policy says no.
        PolicyDenied = "policy_denied", by [Operator], cure "`found` names the policy and its version; ask the operator of the service, who sees it by `legation policy show NAME`.";
        /// A policy can't be evaluated on the request.
        PolicyError = "policy_error", by [Operator], cure "Ask the operator of the service to mend the policy that `found` names: whatever it can't be evaluated on is denied.";
    }
    Commit {
        /// The nonce was used before.
        NonceReplayed = "nonce_replayed", by [Holder], cure "Sign a new presentation over a new nonce.";
        /// The verifier can't remember more nonces.
        NonceMemoryFull = "nonce_memory_full", by [Holder, Operator], cure "Wait until earlier presentations have expired, and try again.";
        /// The amount is more than is left of a total.
        BudgetExceeded = "budget_exceeded", by [Caller], cure "Spend less, or wait until there is room again: `expected` says what is left, and when.";
        /// More actions than the rate allows.
        RateExceeded = "rate_exceeded", by [Caller], cure "Wait until there is room again: `expected` says when.";
    }
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

    /// The HTTP status that a service answers with: 401 where it is not proved who asks, 403 where that
    /// one may not, 413 for what is too large.
    ///
    /// ```
    /// use legation_verifier::Code;
    /// assert_eq!((Code::SignatureInvalid.http_status(), Code::NotGranted.http_status()), (401, 403));
    /// ```
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::InputTooLarge => 413,
            Self::NonceReplayed => 401,
            code if code.phase() >= Phase::Request => 403,
            _ => 401,
        }
    }
}

impl Code {
    /// What there is to know, each fact with its title: for a page or a terminal.
    #[must_use]
    pub fn facts(self) -> Vec<(&'static str, String)> {
        let of_phase = Self::ALL.iter().filter(|code| code.phase() == self.phase());
        let place = of_phase.clone().position(|code| *code == self).map_or(0, |index| index + 1);
        let who: Vec<&str> = self.mended_by().iter().map(|party| party.name()).collect();
        let phase = self.phase();
        let place = format!("{}, rule {place} of {}", phase.name(), of_phase.count());
        let mut facts = vec![
            ("cause", self.cause().to_owned()),
            ("cure", self.cure().to_owned()),
            ("phase", format!("{place}: {}", phase.question())),
            ("mended by", who.join(", ")),
            ("HTTP status", self.http_status().to_string()),
        ];
        facts.extend(self.spec().map(|spec| ("standard", spec.to_owned())));
        facts
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(self) -> serde_json::Value {
        let who: Vec<&str> = self.mended_by().iter().map(|party| party.name()).collect();
        serde_json::json!({
            "code": self.as_str(), "cause": self.cause(), "cure": self.cure(), "phase": self.phase().name(),
            "mendedBy": who, "httpStatus": self.http_status(), "standard": self.spec(),
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The phases of a verification, in their order. A phase is over for all links before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Whether the bytes are what they should be at all.
    Bytes,
    /// What the chain and the presentation say, believed by nobody yet.
    Meaning,
    /// Whether those who say it have signed it.
    Keys,
    /// Whether it was withdrawn.
    Status,
    /// Whether the chain permits the request.
    Request,
    /// Whether what the permit uses up is left.
    Commit,
}

impl Phase {
    /// Every phase, in their order.
    pub const ALL: [Self; 6] =
        [Self::Bytes, Self::Meaning, Self::Keys, Self::Status, Self::Request, Self::Commit];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Meaning => "meaning",
            Self::Keys => "keys and signatures",
            Self::Status => "status",
            Self::Request => "request",
            Self::Commit => "commit",
        }
    }

    /// What it asks.
    #[must_use]
    pub fn question(self) -> &'static str {
        match self {
            Self::Bytes => "Are the bytes in the format, and within the limits?",
            Self::Meaning => {
                "Does what the links and the presentation say fit together, for this verifier and now?"
            }
            Self::Keys => "Has everybody signed who should, by a key that is theirs and in use?",
            Self::Status => "Has nobody withdrawn a link?",
            Self::Request => "Does the chain permit this request?",
            Self::Commit => "Is there still enough of what the permit uses up?",
        }
    }
}

/// Who can change something about a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Who issued the link.
    Issuer,
    /// The agent that presents the chain.
    Holder,
    /// Who makes the request.
    Caller,
    /// Who runs the verifier: settings and evidence.
    Operator,
}

impl Party {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Holder => "holder",
            Self::Caller => "caller",
            Self::Operator => "verifier's operator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn phases_and_codes_have_one_order() {
        assert!(Code::ALL.is_sorted() && Code::ALL.is_sorted_by_key(|code| code.phase()));
        assert!(Phase::ALL.iter().all(|phase| Code::ALL.iter().any(|code| code.phase() == *phase)));
    }
}
