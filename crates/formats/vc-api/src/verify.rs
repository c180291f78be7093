//! Verifying: what secures a document, what it says, when, and its status (Verifiable Credentials Data Model 2.0
//! §7.1). Every proof of a set has to fit, whoever made it, and one of them has to be the issuer's, or the holder's.

use crate::{
    fetched::Fetched,
    issue::LIMITS,
    key::Seal,
    problem::{CHALLENGE, CRYPTOGRAPHIC, DOMAIN, MALFORMED, PROOF, Problem, RANGE},
    resources,
    service::Service,
    signers::check_curves,
    status, token_status,
};
use core::sync::atomic::{AtomicUsize, Ordering};
use legation_credential::{
    delegation::MEDIA_TYPE,
    model::{self, ENVELOPED_PRESENTATION, check_credential, check_presentation, validity},
    presentation::{self, ENVELOPED},
};
use legation_did::{Purpose, one_spelling};
use legation_keys::{
    data_integrity::{Hashes, Proof, ProofError, proofs},
    jcs,
    json::{self, Json, JsonLimits, Object},
    time::Clock,
};
use legation_linked_data::{Suite, check, contexts::is_inline, suite, work, work::MAX_WORK};
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds by which clocks may differ.
const SKEW: i64 = 60;
/// Most credentials in one presentation.
const MAX_CREDENTIALS: usize = 64;
/// Most steps that the contexts of one verification take, of all documents and proofs in it together.
const MAX_TOTAL: usize = 4 * MAX_WORK;
/// What was read before is read again as a whole.
const WHOLE: JsonLimits = JsonLimits { bytes: usize::MAX, depth: 64 };

/// For which occasion something has to be made, as far as the caller says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected<'a> {
    pub(crate) challenge: Option<&'a str>,
    pub(crate) domain: Option<&'a str>,
}

/// A verification in progress.
pub(crate) struct Verification<'s> {
    pub(crate) service: &'s Arc<Service>,
    pub(crate) now: i64,
    pub(crate) fetched: Fetched,
    /// What its reader has to know of what was verified, each once.
    warnings: Mutex<Vec<String>>,
    /// Steps of the contexts that were worked out.
    steps: AtomicUsize,
}

/// Told of what is verified and brings a context along (Data Integrity 1.0 §4.6, context validation).
pub(crate) const INLINE_CONTEXT: &str = "a context stands in the document itself, so that whoever handed it on may have given signed \
     terms other names: read them by their IRIs, or accept only contexts that you know";

/// What is to be verified: its envelope, its media type, and for what its signer's key has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The type of the envelope that a token of it stands in.
    pub(crate) envelope: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) purpose: Purpose,
    /// The member that names who signs.
    pub(crate) signer: &'static str,
    /// How much of it is read.
    pub(crate) limits: JsonLimits,
}

impl Kind {
    /// The code where somebody else is named than signed.
    pub(crate) fn mismatch(self) -> &'static str {
        if self.signer == "issuer" { "issuer_mismatch" } else { "holder_mismatch" }
    }
}

pub(crate) const CREDENTIAL: Kind = Kind {
    envelope: ENVELOPED,
    media_type: MEDIA_TYPE,
    purpose: Purpose::AssertionMethod,
    signer: "issuer",
    limits: LIMITS,
};
/// A status list: a credential as large as what is fetched, with an envelope around it.
pub(crate) const STATUS_LIST: Kind =
    Kind { limits: JsonLimits { bytes: (4 << 20) + 4096, ..LIMITS }, ..CREDENTIAL };
pub(crate) const PRESENTATION: Kind = Kind {
    envelope: ENVELOPED_PRESENTATION,
    media_type: presentation::MEDIA_TYPE,
    purpose: Purpose::Authentication,
    signer: "holder",
    limits: LIMITS,
};

impl<'s> Verification<'s> {
    pub(crate) fn new(service: &'s Arc<Service>, now: i64) -> Self {
        let steps = AtomicUsize::new(0);
        Self { service, now, fetched: Fetched::default(), warnings: Mutex::default(), steps }
    }

    /// By which validities are judged.
    pub(crate) fn clock(&self) -> Clock {
        Clock { now: self.now, skew: SKEW }
    }

    /// Counts a document whose contexts are about to be worked out so many times.
    fn count(&self, document: &Json<'_>, times: usize) -> Result<(), Problem> {
        let steps = work(document, self.service.contexts()).saturating_mul(times);
        let before = self.steps.fetch_add(steps.min(MAX_TOTAL + 1), Ordering::Relaxed);
        if before.saturating_add(steps) <= MAX_TOTAL {
            return Ok(());
        }
        let detail =
            "the contexts of all that is to be verified take too long, counted wherever they are entered";
        Err(Problem::new(MALFORMED, "input_too_large", detail))
    }

    /// Checks that a document is understood as JSON-LD.
    async fn understood(&self, document: &Json<'_>) -> Result<(), Problem> {
        self.count(document, 1)?;
        let text = jcs::canonicalize(document);
        let contexts = Arc::clone(self.service.contexts());
        let work = move || Ok(check(&json::parse(text.as_bytes(), WHOLE)?, &contexts)?);
        self.service.aside().run(work).await
    }

    /// What one of the proofs of a document signs, of which the canonical text is given, too.
    async fn hashes(&self, text: &Arc<str>, index: usize) -> Result<Hashes, Problem> {
        let (text, contexts) = (Arc::clone(text), Arc::clone(self.service.contexts()));
        let work = move || {
            let json = json::parse(text.as_bytes(), WHOLE)?;
            let document = object(&json)?;
            let all = proofs(document)?;
            let gone = || Problem::new(PROOF, "malformed", "the document has no such proof");
            Ok(suite::hashes(document, &all, all.get(index).ok_or_else(gone)?, &contexts)?)
        };
        self.service.aside().run(work).await
    }

    /// What its reader has to know of what was verified.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells of something that is no fault.
    pub(crate) fn warn(&self, text: String) {
        let mut all = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains(&text) {
            all.push(text);
        }
    }

    /// Verifies a credential and its status.
    pub(crate) async fn credential(
        &self,
        document: &Json<'_>,
        expected: Expected<'_>,
    ) -> Result<(), Problem> {
        let text = self.credential_alone(document, CREDENTIAL, expected).await?;
        let credential = json::parse(text.as_bytes(), LIMITS)?;
        let claims = object(&credential)?;
        // Only a token has claims. What a document with proofs says in a member of this name, its contexts define.
        if model::envelope(object(document)?, CREDENTIAL.envelope)?.is_some() {
            token_status::check(self, claims).await?;
        }
        status::check(self, claims).await
    }

    /// Verifies a credential but for its status, and gives it as JSON, without its envelope.
    pub(crate) async fn credential_alone(
        &self,
        document: &Json<'_>,
        kind: Kind,
        expected: Expected<'_>,
    ) -> Result<String, Problem> {
        let text = self.secured(document, kind, expected).await?;
        let credential = json::parse(text.as_bytes(), kind.limits)?;
        let claims = object(&credential)?;
        check_credential(claims)?;
        resources::check(claims, self.service.contexts())?;
        self.check_terms(document, claims).await?;
        self.check_time(claims)?;
        Ok(text)
    }

    /// Verifies a presentation with all credentials in it.
    pub(crate) async fn presentation(
        &self,
        document: &Json<'_>,
        expected: Expected<'_>,
    ) -> Result<(), Problem> {
        let text = self.secured(document, PRESENTATION, expected).await?;
        let presentation = json::parse(text.as_bytes(), LIMITS)?;
        let claims = object(&presentation)?;
        check_presentation(claims)?;
        let all = claims.get("verifiableCredential");
        let all = all.and_then(Json::as_array).unwrap_or_else(|| all.map_or(&[], core::slice::from_ref));
        if all.len() > MAX_CREDENTIALS {
            let found = all.len();
            let detail = format!(
                "`verifiableCredential`: {found} credentials, at most {MAX_CREDENTIALS} are verified"
            );
            return Err(Problem::new(MALFORMED, "input_too_large", detail));
        }
        self.check_terms(document, claims).await?;
        for credential in all {
            self.credential(credential, Expected::default()).await?;
        }
        Ok(())
    }

    /// Whether what a document says has a meaning by its contexts. A signature over the JSON, be it a JWS (VC-JOSE-COSE §3) or
    /// a proof by `eddsa-jcs-2022`, needs none of it, and what the terms of a context mean that is not known nobody here can
    /// say: that is told, and no fault. A proof over RDF can't be verified without.
    async fn check_terms(&self, document: &Json<'_>, claims: &Object<'_>) -> Result<(), Problem> {
        let document = object(document)?;
        let over_json = model::is_enveloped(document)
            || proofs(document)?.iter().all(|proof| Suite::of(proof) == Ok(Suite::EddsaJcs2022));
        match self.service.contexts().unknown(claims).filter(|_| over_json) {
            None => self.understood(&terms(claims)).await,
            Some(url) => {
                let url: String = url.chars().take(120).flat_map(char::escape_debug).collect();
                self.warn(format!(
                    "the context `{url}` is not known here, and none is ever fetched: who signed was verified, and not what its terms mean; \
                     hand over the file that is published there to have that verified, too"
                ));
                Ok(())
            }
        }
    }

    /// Verifies what secures a document, and gives the document as JSON: out of its envelope, where it has one.
    async fn secured(
        &self,
        document: &Json<'_>,
        kind: Kind,
        expected: Expected<'_>,
    ) -> Result<String, Problem> {
        let claims = object(document)?;
        match model::envelope(claims, kind.envelope)? {
            Some((media_type, secured)) => self.enveloped(media_type, secured, kind, expected).await,
            None => {
                self.proved(claims, kind, expected).await?;
                Ok(legation_keys::jcs::canonicalize(document))
            }
        }
    }

    /// All Data Integrity proofs of a document. A further one, as of a witness, says nothing for the issuer, but
    /// one that does not fit says that something is wrong.
    async fn proved(&self, document: &Object<'_>, kind: Kind, expected: Expected<'_>) -> Result<(), Problem> {
        check_curves(document)?;
        let all = proofs(document)?;
        let by_rdf = all.iter().any(|proof| Suite::of(proof).is_ok_and(|suite| suite != Suite::EddsaJcs2022));
        if by_rdf && is_inline(document) {
            self.warn(INLINE_CONTEXT.to_owned());
        }
        let json = Json::Object(document.clone());
        let text: Arc<str> = jcs::canonicalize(&json).into();
        let mut missing = None;
        let mut signed = false;
        for (index, proof) in all.iter().enumerate() {
            self.check_occasion_of(document, proof, kind, expected)?;
            if Suite::of(proof)? != Suite::EddsaJcs2022 {
                // Of the document, and of the proof's own members, which have its contexts.
                self.count(&json, 2)?;
            }
            let seal = Seal::Chain(Suite::of(proof)?.algorithm(), proof.signature);
            let by = self.who(proof.verification_method)?;
            let signs = self.hashes(&text, index).await?;
            self.check_signature(proof.verification_method, kind.purpose, &signs, &seal).await?;
            match self.check_signer(document, &by, kind) {
                Ok(()) => signed = true,
                Err(problem) => missing = Some(problem),
            }
        }
        missing.filter(|_| !signed).map_or(Ok(()), Err)
    }

    /// For what, and until when, a proof was made.
    fn check_occasion_of(
        &self,
        document: &Object<'_>,
        proof: &Proof<'_>,
        kind: Kind,
        expected: Expected<'_>,
    ) -> Result<(), Problem> {
        let wrong = |code, detail: String| Problem::new(PROOF, code, detail);
        if proof.purpose != kind.purpose.member() {
            let detail = format!("`proofPurpose`: expected `{}`", kind.purpose.member());
            return Err(wrong("key_purpose_mismatch", detail));
        }
        if proof.expires.is_some_and(|end| self.clock().has_ended(end)) {
            return Err(wrong("expired", "the proof has expired".to_owned()));
        }
        check_occasion(proof.challenge, &proof.domain, expected)?;
        // The cryptosuite lets contexts be added below those that a proof names. Whoever asks here reads the document
        // as it stands, of which no context may be unsigned.
        if proof.object.get("@context").is_some_and(|signed| Some(signed) != document.get("@context")) {
            return Err(ProofError::Context.into());
        }
        Ok(())
    }

    /// Whether who signed is the issuer, or the holder where one is named.
    pub(crate) fn check_signer(&self, claims: &Object<'_>, by: &str, kind: Kind) -> Result<(), Problem> {
        let named = claims.get(kind.signer).map(|value| value.get("id").unwrap_or(value));
        match named.map(|value| value.as_str().unwrap_or_default()) {
            Some(named) if one_spelling(named) != by => {
                let found: String = named.chars().take(120).collect();
                let detail = format!("`{}`: expected {by}, who signed, found `{found}`", kind.signer);
                Err(Problem::new(CRYPTOGRAPHIC, kind.mismatch(), detail))
            }
            None if kind.signer == "issuer" => {
                Err(Problem::new(MALFORMED, "malformed", "`issuer`: expected a URL, found nothing"))
            }
            _ => Ok(()),
        }
    }

    fn check_time(&self, credential: &Object<'_>) -> Result<(), Problem> {
        let (from, until) = validity(credential)?;
        if from.is_some_and(|start| !self.clock().has_begun(start)) {
            return Err(Problem::new(RANGE, "not_yet_valid", "its validity is still to begin"));
        }
        if until.is_some_and(|end| self.clock().has_ended(end)) {
            return Err(Problem::new(RANGE, "expired", "its validity has ended"));
        }
        Ok(())
    }
}

/// Challenge and domain, where the caller expects one (Data Integrity 1.0 §4.4, steps 6 and 7).
pub(crate) fn check_occasion(
    challenge: Option<&str>,
    domains: &[&str],
    expected: Expected<'_>,
) -> Result<(), Problem> {
    if expected.challenge.is_some_and(|wanted| challenge != Some(wanted)) {
        return Err(Problem::new(CHALLENGE, "nonce_mismatch", "the challenge is not the expected one"));
    }
    if expected.domain.is_some_and(|wanted| domains != [wanted]) {
        return Err(Problem::new(DOMAIN, "audience_mismatch", "the domain is not the expected one"));
    }
    Ok(())
}

pub(crate) fn object<'o, 'a>(document: &'o Json<'a>) -> Result<&'o Object<'a>, Problem> {
    let wrong =
        || Problem::new(MALFORMED, "malformed", format!("expected an object, found {}", document.kind()));
    document.as_object().ok_or_else(wrong)
}

/// What a document says in its vocabulary: no proof, and of a JWT no claims that are of the token (RFC 7519 §4.1,
/// RFC 7800, OpenID's `nonce`, Token Status List), which no context defines.
pub(crate) fn terms<'a>(document: &Object<'a>) -> Json<'a> {
    const OF_THE_TOKEN: [&str; 10] =
        ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "nonce", "status"];
    if document.get("proof").is_some() {
        return Json::Object(document.without("proof"));
    }
    Json::Object(OF_THE_TOKEN.into_iter().fold(document.clone(), |rest, name| rest.without(name)))
}
