//! Data Integrity proofs (W3C Data Integrity 1.0): read from a document, and made and checked by the
//! cryptosuite `eddsa-jcs-2022` (Data Integrity EdDSA Cryptosuites 1.0 §3.3).
//!
//! Reading takes two steps: [`proofs`] finds all proofs of a document, of whatever cryptosuite, and
//! [`hashes`] says what one of them signs, where it is by `eddsa-jcs-2022`. Nothing here chooses a key, and
//! each proof of a set is its own: whoever believes a document asks for all of them.

use crate::{
    Algorithm, Signer, base58btc, jcs,
    json::{Json, Object},
    public::Signature,
    secret::SignError,
    time::{self, Round},
};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The `type` of a proof (Data Integrity 1.0 §3.1).
pub const TYPE: &str = "DataIntegrityProof";
/// Ed25519 over canonical JSON.
pub const EDDSA_JCS_2022: &str = "eddsa-jcs-2022";
/// Most proofs of one document. Each is hashed with the document.
pub const MAX_PROOFS: usize = 8;
/// Most characters of a `proofValue`: 64 bytes take 88 or 89 in base58, whose decoding is quadratic.
const MAX_PROOF_VALUE: usize = 128;

/// What is to be signed or verified: the SHA-256 of the proof's configuration and that of the document.
pub type Hashes = [u8; 64];

/// One proof as it stands in a document, well-formed and not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof<'d> {
    /// The proof itself, with members that are not known here.
    pub object: &'d Object<'d>,
    /// `id`, by which other proofs name it.
    pub id: Option<&'d str>,
    /// `cryptosuite`.
    pub cryptosuite: &'d str,
    /// `verificationMethod`: whose key made it, as a DID URL.
    pub verification_method: &'d str,
    /// `proofPurpose`, such as `assertionMethod`.
    pub purpose: &'d str,
    /// `created`, Unix seconds.
    pub created: Option<i64>,
    /// `expires`, Unix seconds: from then on it no longer counts.
    pub expires: Option<i64>,
    /// `domain`: where it is meant to be used; empty where it says nothing.
    pub domain: Vec<&'d str>,
    /// `challenge`: what it answers.
    pub challenge: Option<&'d str>,
    /// `previousProof`: indices of the proofs that it builds on (§2.1.2).
    pub previous: Vec<usize>,
    /// `proofValue`, decoded: 64 bytes in every cryptosuite that is known here.
    pub signature: Signature,
}

/// Why a document has no proofs that may be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no `proof`, or an empty array of them.
    #[error("the document has no `proof`")]
    Missing,
    /// More than [`MAX_PROOFS`].
    #[error("the document has {found} proofs, at most {MAX_PROOFS} are read")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A member of a proof is missing or not what it should be.
    #[error("`{member}` of a proof: expected {expected}, found {found}")]
    Member {
        /// Which one.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A proof of another type.
    #[error("a proof of type `{found}`, expected `{TYPE}`")]
    Type {
        /// What `type` says; empty where it is missing.
        found: String,
    },
    /// A cryptosuite that is not known or not allowed.
    #[error("the cryptosuite `{found}` is not allowed; allowed is {allowed}")]
    Cryptosuite {
        /// What `cryptosuite` says.
        found: String,
        /// What would do.
        allowed: &'static str,
    },
    /// Two proofs have one `id`, so that `previousProof` could mean either.
    #[error("two proofs have the id `{id}`")]
    SameId {
        /// The id.
        id: String,
    },
    /// A proof builds on one that is not there, or on itself.
    #[error("a proof builds on the proof `{id}`, which is not another one of the document")]
    Previous {
        /// What `previousProof` says.
        id: String,
    },
    /// The document's contexts do not begin with those that were signed.
    #[error("`@context` does not begin with the contexts of the proof")]
    Context,
}

impl ProofError {
    /// The stable code, as a denial has it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "input_too_large",
            Self::Type { .. } => "type_mismatch",
            Self::Cryptosuite { .. } => "algorithm_not_allowed",
            Self::Context => "context_mismatch",
            Self::Missing | Self::Member { .. } | Self::SameId { .. } | Self::Previous { .. } => "malformed",
        }
    }
}

/// All proofs of a document, in their order.
///
/// # Errors
/// [`ProofError`], for the first proof that can't be used: a set of which one is not understood is not
/// believed for the others.
pub fn proofs<'d>(document: &'d Object<'d>) -> Result<Vec<Proof<'d>>, ProofError> {
    let all = match document.get("proof") {
        None => return Err(ProofError::Missing),
        Some(Json::Array(all)) if all.is_empty() => return Err(ProofError::Missing),
        Some(Json::Array(all)) => all.as_slice(),
        Some(one) => core::slice::from_ref(one),
    };
    if all.len() > MAX_PROOFS {
        return Err(ProofError::TooMany { found: all.len() });
    }
    let objects: Vec<&Object<'_>> = all
        .iter()
        .map(|one| one.as_object().ok_or_else(|| wrong("proof", "an object", Some(one))))
        .collect::<Result<_, _>>()?;
    let ids: Vec<Option<&str>> =
        objects.iter().map(|object| optional_text(object, "id")).collect::<Result<_, _>>()?;
    for (index, id) in ids.iter().enumerate() {
        if let Some(id) = id.filter(|_| ids.get(..index).is_some_and(|before| before.contains(id))) {
            return Err(ProofError::SameId { id: id.to_owned() });
        }
    }
    objects.into_iter().enumerate().map(|(index, object)| read(object, index, &ids)).collect()
}

fn read<'d>(object: &'d Object<'d>, index: usize, ids: &[Option<&'d str>]) -> Result<Proof<'d>, ProofError> {
    match object.get("type") {
        Some(Json::String(found)) if found == TYPE => {}
        found => {
            let found = found.and_then(Json::as_str).unwrap_or_default().chars().take(120).collect();
            return Err(ProofError::Type { found });
        }
    }
    let previous = texts(object, "previousProof")?
        .into_iter()
        .map(|id| {
            let place = ids.iter().position(|other| *other == Some(id));
            place.filter(|place| *place != index).ok_or_else(|| ProofError::Previous { id: id.to_owned() })
        })
        .collect::<Result<_, _>>()?;
    Ok(Proof {
        object,
        id: ids.get(index).copied().flatten(),
        cryptosuite: text(object, "cryptosuite")?,
        verification_method: text(object, "verificationMethod")?,
        purpose: text(object, "proofPurpose")?,
        created: moment(object, "created", Round::Up)?,
        expires: moment(object, "expires", Round::Down)?,
        domain: texts(object, "domain")?,
        challenge: optional_text(object, "challenge")?,
        previous,
        signature: proof_value(object)?,
    })
}

/// `proofValue`: 64 bytes as base58btc with its prefix `z`, of which there is one text for the same bytes.
fn proof_value(object: &Object<'_>) -> Result<Signature, ProofError> {
    let value = text(object, "proofValue")?;
    let bytes = (value.len() <= MAX_PROOF_VALUE)
        .then(|| base58btc::decode(value))
        .flatten()
        .and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| ProofError::Member {
        member: "proofValue",
        expected: "64 bytes in base58btc with the prefix `z`",
        found: format!("{} characters", value.len()),
    })
}

/// What one of a document's proofs signs, where it is by `eddsa-jcs-2022` (§3.3.2): the document without its
/// proofs but with those that this one builds on, under the contexts that the proof names.
///
/// # Errors
/// [`ProofError::Cryptosuite`] for a proof by another one; [`ProofError::Context`] where the document has not
/// the contexts that were signed, in their place.
pub fn hashes(document: &Object<'_>, proofs: &[Proof<'_>], proof: &Proof<'_>) -> Result<Hashes, ProofError> {
    if proof.cryptosuite != EDDSA_JCS_2022 {
        let found = proof.cryptosuite.chars().take(120).collect();
        return Err(ProofError::Cryptosuite { found, allowed: EDDSA_JCS_2022 });
    }
    let context = proof.object.get("@context");
    if let Some(signed) = context
        && !begins_with(document.get("@context"), signed)
    {
        return Err(ProofError::Context);
    }
    let before = previous(proofs, proof);
    let signed = document.iter().filter_map(|(name, value)| match name {
        "proof" => before.as_ref().map(|before| (name, before)),
        // Those that the proof names, in place of the document's own, which may be more.
        "@context" => Some((name, context.unwrap_or(value))),
        _ => Some((name, value)),
    });
    let configuration = proof.object.iter().filter(|(name, _)| *name != "proofValue");
    Ok(hash(&jcs::members(configuration), &jcs::members(signed)))
}

/// The proofs that one builds on, as they are signed with it.
fn previous<'d>(proofs: &[Proof<'d>], proof: &Proof<'_>) -> Option<Json<'d>> {
    let before = proofs.iter().enumerate().filter(|(index, _)| proof.previous.contains(index));
    let before: Vec<Json<'d>> = before.map(|(_, before)| Json::Object(before.object.clone())).collect();
    (!before.is_empty()).then_some(Json::Array(before))
}

/// The document that a proof is about: without its proofs, but with those that this one builds on (Data Integrity
/// 1.0 §4.6).
#[must_use]
pub fn signed_document<'d>(document: &Object<'d>, proofs: &[Proof<'d>], proof: &Proof<'_>) -> Object<'d> {
    let kept = document.without("proof");
    match previous(proofs, proof) {
        None => kept,
        Some(before) => kept.with("proof", before),
    }
}

/// The canonical text of a document without its proofs.
#[must_use]
pub fn unsecured(document: &Object<'_>) -> String {
    jcs::members(document.iter().filter(|(name, _)| *name != "proof"))
}

fn hash(configuration: &str, document: &str) -> Hashes {
    let mut hashes = [0; 64];
    let (first, second) = hashes.split_at_mut(32);
    first.copy_from_slice(&Sha256::digest(configuration));
    second.copy_from_slice(&Sha256::digest(document));
    hashes
}

/// Whether contexts begin with others, each either one value or an array.
fn begins_with(all: Option<&Json<'_>>, first: &Json<'_>) -> bool {
    fn list<'j, 'a>(json: &'j Json<'a>) -> &'j [Json<'a>] {
        json.as_array().unwrap_or_else(|| core::slice::from_ref(json))
    }
    all.is_some_and(|all| list(all).starts_with(list(first)))
}

/// What a new proof says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProofOptions<'a> {
    /// `id`, by which later proofs can build on this one.
    pub id: Option<&'a str>,
    /// `verificationMethod`: the signing key as a DID URL.
    pub verification_method: &'a str,
    /// `proofPurpose`, such as `assertionMethod`.
    pub purpose: &'a str,
    /// `created`, Unix seconds.
    pub created: Option<i64>,
    /// `expires`, Unix seconds.
    pub expires: Option<i64>,
    /// `domain`: where it is meant to be used.
    pub domain: Option<&'a str>,
    /// `challenge`: what it answers.
    pub challenge: Option<&'a str>,
    /// `previousProof`: ids of the document's proofs that it builds on.
    pub previous: &'a [&'a str],
}

/// Why no proof was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddProofError {
    /// The proofs that are there can't be read, or the new one does not fit to them.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The key is no Ed25519 key.
    #[error("`{EDDSA_JCS_2022}` needs an Ed25519 key, this is one for {found}")]
    Algorithm {
        /// What the key is for.
        found: Algorithm,
    },
    /// The signer did not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
}

/// Adds a proof by `eddsa-jcs-2022` to a document, beside those that it has, and gives the document as
/// canonical JSON.
///
/// # Errors
/// [`AddProofError`].
///
/// ```
/// use legation_keys::{Algorithm, SecretKey, Signer, data_integrity::{ProofOptions, add, hashes, proofs}};
/// use legation_keys::json::{JsonLimits, parse};
/// let (key, limits) = (SecretKey::generate(Algorithm::EdDsa)?, JsonLimits { bytes: 4096, depth: 8 });
/// let document = parse(br#"{"name": "a letter"}"#, limits)?;
/// let options = ProofOptions { verification_method: "did:example:a#key", purpose: "assertionMethod", ..ProofOptions::default() };
/// let signed = add(document.as_object().unwrap(), options, &key)?;
/// let signed = parse(signed.as_bytes(), limits)?;
/// let document = signed.as_object().unwrap();
/// let all = proofs(document)?;
/// assert!(key.public_key().verify(&hashes(document, &all, &all[0])?, &all[0].signature).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn add(
    document: &Object<'_>,
    options: ProofOptions<'_>,
    signer: &dyn Signer,
) -> Result<String, AddProofError> {
    let algorithm = signer.public_key().algorithm();
    if algorithm != Algorithm::EdDsa {
        return Err(AddProofError::Algorithm { found: algorithm });
    }
    add_by(EDDSA_JCS_2022, document, options, &mut |document, proofs, proof| {
        Ok(signer.sign(&hashes(document, proofs, proof)?)?)
    })
}

/// How a cryptosuite signs: the document, all its proofs, and the one that is to be signed.
pub type SignProof<'s, E> = dyn FnMut(&Object<'_>, &[Proof<'_>], &Proof<'_>) -> Result<Signature, E> + 's;

/// As [`add`], by a cryptosuite of any name, which signs what it makes of the document.
///
/// # Errors
/// What `sign` fails with, and [`ProofError`] where the proofs that are there can't be read.
pub fn add_by<E: From<ProofError>>(
    cryptosuite: &str,
    document: &Object<'_>,
    options: ProofOptions<'_>,
    sign: &mut SignProof<'_, E>,
) -> Result<String, E> {
    let earlier: &[Json<'_>] = match document.get("proof") {
        None => &[],
        Some(Json::Array(all)) => all,
        Some(one) => core::slice::from_ref(one),
    };
    // Read with a value that says nothing yet, so that what is signed is what will be verified.
    let with = |signature: &Signature| {
        with_proof(document, earlier, options.write(cryptosuite, document.get("@context"), signature))
    };
    let unsigned = with(&[0; 64]);
    let all = proofs(&unsigned)?;
    let new = all.last().ok_or(ProofError::Missing)?;
    let signature = sign(&unsigned, &all, new)?;
    Ok(jcs::canonicalize(&Json::Object(with(&signature))))
}

/// A document with one proof more.
fn with_proof<'j>(document: &Object<'j>, earlier: &[Json<'j>], new: Json<'j>) -> Object<'j> {
    let proof = match earlier {
        [] => new,
        earlier => Json::Array(earlier.iter().cloned().chain([new]).collect()),
    };
    document.clone().with("proof", proof)
}

impl ProofOptions<'_> {
    /// The proof as JSON. By `eddsa-jcs-2022` it repeats the document's contexts, so that another proof may be added
    /// below further ones (§3.3.1).
    fn write<'j>(&self, cryptosuite: &str, context: Option<&Json<'j>>, signature: &Signature) -> Json<'j> {
        let context = context.filter(|_| cryptosuite == EDDSA_JCS_2022);
        let owned = |text: &str| Json::String(Cow::Owned(text.to_owned()));
        let previous = match self.previous {
            [] => None,
            [one] => Some(owned(one)),
            several => Some(Json::Array(several.iter().map(|one| owned(one)).collect())),
        };
        let time = |seconds: i64| owned(&time::format(seconds));
        let members = [
            ("@context", context.cloned()),
            ("type", Some(owned(TYPE))),
            ("id", self.id.map(owned)),
            ("cryptosuite", Some(owned(cryptosuite))),
            ("created", self.created.map(time)),
            ("expires", self.expires.map(time)),
            ("verificationMethod", Some(owned(self.verification_method))),
            ("proofPurpose", Some(owned(self.purpose))),
            ("domain", self.domain.map(owned)),
            ("challenge", self.challenge.map(owned)),
            ("previousProof", previous),
            ("proofValue", Some(owned(&base58btc::encode(signature)))),
        ];
        let members = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Json::Object(members.fold(Object::default(), |object, (name, value)| object.with(name, value)))
    }
}

fn wrong(member: &'static str, expected: &'static str, found: Option<&Json<'_>>) -> ProofError {
    ProofError::Member { member, expected, found: found.map_or("nothing", Json::kind).to_owned() }
}

fn text<'d>(object: &'d Object<'_>, member: &'static str) -> Result<&'d str, ProofError> {
    optional_text(object, member)?.ok_or_else(|| wrong(member, "a text", None))
}

fn optional_text<'d>(object: &'d Object<'_>, member: &'static str) -> Result<Option<&'d str>, ProofError> {
    let read = |value: &'d Json<'_>| value.as_str().ok_or_else(|| wrong(member, "a text", Some(value)));
    object.get(member).map(read).transpose()
}

/// One text or an array of texts; none where the member is absent.
fn texts<'d>(object: &'d Object<'_>, member: &'static str) -> Result<Vec<&'d str>, ProofError> {
    let all = match object.get(member) {
        None => return Ok(Vec::new()),
        Some(Json::Array(all)) if all.len() <= MAX_PROOFS => all.as_slice(),
        Some(one) => core::slice::from_ref(one),
    };
    let expected = "a text or an array of at most 8 texts";
    all.iter().map(|one| one.as_str().ok_or_else(|| wrong(member, expected, Some(one)))).collect()
}

fn moment(object: &Object<'_>, member: &'static str, round: Round) -> Result<Option<i64>, ProofError> {
    let Some(found) = optional_text(object, member)? else { return Ok(None) };
    let read = time::parse(found, round).ok_or_else(|| ProofError::Member {
        member,
        expected: "a time such as `2026-11-21T10:00:00Z`",
        found: found.chars().take(40).collect(),
    });
    read.map(Some)
}
