//! Verifying: is one of the card's signatures by a key that the caller trusts for it?

use crate::{
    CardAlgorithm, Dropped, MAX_SIGNATURES, UnverifiedCard,
    error::{Failure, Refusal, VerifyError},
    extension::{self, Delegation},
    form::{self, Form},
    header::{self, Header},
    jwks::{JwkSet, Key},
    sign::{one_signature, signing_input, with_signatures},
};
use legation_did::{Did, Document, KeyUse, Purpose};
use legation_keys::{Json, base64url};
use serde_json::Value;

/// Where keys come from. There is no third way: nothing in a card brings its own.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'k> {
    /// The document of the DID that the card declares: keys for `assertionMethod`, named by their
    /// DID URL.
    Document {
        /// The document, which the caller resolved.
        document: &'k Document,
        /// The moment, in Unix seconds, against the `revoked` and `expires` of a key.
        now: i64,
    },
    /// A JWK set that the caller trusts for this card. It proves no DID.
    JwkSet(&'k JwkSet),
}

/// A card as somebody signed it, rebuilt from the bytes that the signature covers. It comes out of
/// [`verify()`] only.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedCard {
    card: Value,
    canonical: String,
    uncovered: Dropped,
    form: Form,
    key_id: String,
    algorithm: CardAlgorithm,
    index: usize,
    did: Option<Did>,
    delegation: Option<Delegation>,
}

/// Verifies a card: one valid signature suffices.
///
/// The spec form is tried on all signatures first, then the SDK form, each only where `accept` has it:
/// `&Form::ALL`, or `&[Form::Spec]` for who knows that the signer signs that one. At most
/// [`MAX_SIGNATURES`] signatures of a known key are tried; reading the headers of the others is
/// bounded by the size of the card.
///
/// # Errors
/// [`VerifyError`], with what is wrong with each signature.
pub fn verify(
    card: &UnverifiedCard<'_>,
    keys: Keys<'_>,
    accept: &[Form],
) -> Result<VerifiedCard, VerifyError> {
    if card.signatures.is_empty() {
        return Err(VerifyError::Unsigned);
    }
    let did = proven_did(card, keys)?;
    let (candidates, mut failures) = candidates(card, keys);
    let mut tried = Vec::new();
    let mut before = String::new();
    for form in Form::ALL.into_iter().filter(|form| accept.contains(form)) {
        let mut uncovered = card.dropped.clone();
        let json = match form {
            Form::Spec => card.spec.clone(),
            Form::Sdk => form::sdk(&card.spec, &mut uncovered),
        };
        let canonical = form::text(&json);
        tried.push(form);
        if canonical == before {
            continue;
        }
        if let Some(found) = candidates.iter().find(|candidate| candidate.verifies(&canonical)) {
            return Ok(VerifiedCard {
                card: form::value(&json),
                form,
                key_id: found.header.key_id.clone(),
                algorithm: found.header.algorithm,
                index: found.index,
                did,
                delegation: extension::delegation(&json)?,
                uncovered,
                canonical,
            });
        }
        before = canonical;
    }
    let beyond = card.with_dropped();
    failures.extend(candidates.iter().map(|candidate| {
        let reason = if beyond.iter().any(|text| candidate.verifies(text)) {
            Refusal::Beyond(card.dropped.clone())
        } else {
            Refusal::Invalid(tried.clone())
        };
        Failure { index: candidate.index, reason }
    }));
    failures.sort_by_key(|failure| failure.index);
    failures.truncate(MAX_SIGNATURES);
    Err(VerifyError::NoneValid { signatures: card.signatures.len(), failures })
}

/// The DID that a valid signature will prove: the document's, which must be the card's.
fn proven_did(card: &UnverifiedCard<'_>, keys: Keys<'_>) -> Result<Option<Did>, VerifyError> {
    let Keys::Document { document, .. } = keys else { return Ok(None) };
    let declared = card.claimed_did()?.ok_or(VerifyError::NoDid)?;
    if declared != *document.id() {
        return Err(VerifyError::DidMismatch { declared, document: document.id().clone() });
    }
    Ok(Some(declared))
}

/// A signature whose header is in order and whose key is known.
struct Candidate<'c> {
    index: usize,
    header: Header,
    protected: &'c str,
    signature: Vec<u8>,
    /// At least one; that of a set may have alternatives.
    keys: Vec<Key>,
}

impl Candidate<'_> {
    fn verifies(&self, canonical: &str) -> bool {
        let message = signing_input(self.protected, canonical);
        let (algorithm, message) = (self.header.algorithm, message.as_bytes());
        self.keys.iter().any(|key| key.verifies(algorithm, message, &self.signature))
    }
}

/// The signatures that may be tried, and what is wrong with the first ones that may not.
fn candidates<'c>(card: &'c UnverifiedCard<'_>, keys: Keys<'_>) -> (Vec<Candidate<'c>>, Vec<Failure>) {
    let (mut candidates, mut failures) = (Vec::new(), Vec::new());
    for (index, signature) in card.signatures.iter().enumerate() {
        match candidate(index, signature, keys) {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) if failures.len() < MAX_SIGNATURES => failures.push(Failure { index, reason }),
            Err(_) => {}
        }
        if candidates.len() == MAX_SIGNATURES {
            break;
        }
    }
    (candidates, failures)
}

fn candidate<'c>(index: usize, json: &'c Json<'_>, keys: Keys<'_>) -> Result<Candidate<'c>, Refusal> {
    // `header`, the unprotected one, is ignored: nothing vouches for it.
    let text = |name: &str| json.get(name).and_then(Json::as_str).ok_or(Refusal::Shape);
    let (protected, signature) = (text("protected")?, text("signature")?);
    let header = header::read(protected)?;
    let keys = keys_of(&header, keys)?;
    let signature = base64url::decode(signature)?;
    Ok(Candidate { index, header, protected, signature, keys })
}

fn keys_of(header: &Header, keys: Keys<'_>) -> Result<Vec<Key>, Refusal> {
    match keys {
        Keys::JwkSet(set) => Ok(set.keys(&header.key_id, header.algorithm)?),
        Keys::Document { document, now } => {
            let CardAlgorithm::Own(algorithm) = header.algorithm else {
                return Err(Refusal::Algorithm { found: header.algorithm.to_string() });
            };
            let id = header.key_id.as_str();
            let wanted = KeyUse { id, algorithm, purpose: Purpose::AssertionMethod, now };
            let key = document.key(wanted).map_err(|error| Refusal::Document(Box::new(error)))?;
            Ok(vec![Key::own(key)])
        }
    }
}

impl VerifiedCard {
    /// The card: only what the signature covers, without `signatures`.
    #[must_use]
    pub fn card(&self) -> &Value {
        &self.card
    }

    /// The canonical text that the signature covers; its SHA-256 names this card.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The members of what was received that the signature does not cover, other than `signatures`:
    /// those that A2A 1.0 does not know, and with [`Form::Sdk`] those that are empty. They are not in
    /// [`card`](Self::card).
    #[must_use]
    pub fn uncovered(&self) -> &Dropped {
        &self.uncovered
    }

    /// The card as a text to be kept or passed on: what was verified, with those signatures of what was
    /// received that verify over it. `received` and `keys` are those that it was verified with.
    #[must_use]
    pub fn signed_text(&self, received: &UnverifiedCard<'_>, keys: Keys<'_>) -> String {
        let sdk = received.canonical(Form::Sdk);
        let verifies = |one: &&Candidate<'_>| one.verifies(&self.canonical) || one.verifies(&sdk);
        let signatures = candidates(received, keys).0;
        let signatures: Vec<_> = signatures
            .iter()
            .filter(verifies)
            .map(|one| one_signature(one.protected, &one.signature))
            .collect();
        with_signatures(&self.canonical, &signatures)
    }

    /// The form that verified. With [`Form::Sdk`], empty members may have been added or removed by
    /// somebody else than the signer; they are not in [`card`](Self::card).
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The `kid` of the key that verified.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The algorithm of the signature that verified.
    #[must_use]
    pub fn algorithm(&self) -> CardAlgorithm {
        self.algorithm
    }

    /// The place of the signature that verified among the card's signatures, from 0.
    #[must_use]
    pub fn signature_index(&self) -> usize {
        self.index
    }

    /// The DID that is proven: that of the document whose key verified. `None` with a JWK set,
    /// whatever the card declares.
    #[must_use]
    pub fn did(&self) -> Option<&Did> {
        self.did.as_ref()
    }

    /// Whether the card declares the delegation extension: `Some(true)` where it requires it.
    #[must_use]
    pub fn delegation(&self) -> Option<bool> {
        self.delegation.as_ref().map(|delegation| delegation.required)
    }

    /// The URL where the agent's handshake is spoken, where the card declares one. For the card of a
    /// did:web, [`check_binding`](crate::check_binding()) holds it against the DID's domain.
    #[must_use]
    pub fn handshake(&self) -> Option<&str> {
        self.delegation.as_ref()?.handshake.as_deref()
    }
}
