//! Bytes → [`Presentation`]: strict, bounded, duplicate members refused at any depth.
//!
//! What comes out is well-formed and means nothing yet: no issuer is believed, no key was
//! asked for, no signature was checked.

use crate::{Code, Denial, Trust};
use legation_credential::{
    CredentialError, Delegation, LinkDigest,
    delegation::{self, CONTEXT_CREDENTIALS, check_context, check_no_old_claims, check_types},
    error::{integer, list, malformed, text},
    presentation::{DATA_URL, ENVELOPED, MEDIA_TYPE, TYPE},
};
use legation_did::Did;
use legation_keys::{
    Algorithm, base64url,
    json::{self, Json, JsonError, JsonLimits, Object},
    jws::{self, JwsError},
    public::Signature,
};
use sha2::{Digest, Sha256};

/// Most bytes of a nonce. A verifier's own are far shorter; a chosen one must not fill its memory.
pub const MAX_NONCE: usize = 128;

/// A chain and its proof of possession, well-formed and not yet believed.
#[derive(Clone, Debug)]
pub struct Presentation {
    pub(crate) links: Vec<Link>,
    pub(crate) holder: Did,
    pub(crate) claimed_issuer: Option<String>,
    pub(crate) audience: String,
    pub(crate) nonce: String,
    pub(crate) issued_at: i64,
    pub(crate) not_before: Option<i64>,
    pub(crate) expires_at: i64,
    pub(crate) seal: Seal,
    pub(crate) digest: [u8; 32],
}

/// One link, well-formed and not yet believed.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) delegation: Delegation,
    pub(crate) claimed_issuer: Option<String>,
    pub(crate) seal: Seal,
    pub(crate) digest: LinkDigest,
    pub(crate) account: Account,
}

/// What stands for a link in a ledger: the SHA-256 of its signing input, which no other
/// encoding of its signature can change.
pub type Account = [u8; 32];

/// What was signed, and how it says it was.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    pub(crate) signing_input: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    pub(crate) signature: Signature,
}

impl Presentation {
    /// The nonce that the presentation answers: for a verifier that looks its challenge up by it.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// What reading bounds, asked again of the trust that verifies: it may be another than the
    /// one that the bytes were read with.
    pub(crate) fn check_read(&self, trust: &Trust) -> Result<(), Denial> {
        check_length(self.links.len(), trust)?;
        for (index, link) in self.links.iter().enumerate() {
            check_algorithm(&link.seal, trust).map_err(|denial| denial.at(index))?;
        }
        check_algorithm(&self.seal, trust)
    }

    /// What the links say, root first, to show it to people. None of it is verified.
    pub fn claims(&self) -> impl Iterator<Item = &Delegation> {
        self.links.iter().map(|link| &link.delegation)
    }
}

/// Reads a presentation: `vp+jwt` in compact form.
///
/// # Errors
/// A [`Denial`] with one of the byte codes, the first that applies: links root to leaf, then the
/// presentation itself.
pub fn parse(bytes: &[u8], trust: &Trust) -> Result<Presentation, Denial> {
    let limits = &trust.limits;
    if bytes.len() > limits.presentation_bytes {
        return Err(too_large(bytes.len(), limits.presentation_bytes));
    }
    let utf8 = |_| Denial::new(Code::Malformed, "ASCII text", "bytes that are no UTF-8");
    let secured = core::str::from_utf8(bytes).map_err(utf8)?.trim_ascii();
    let parts = jws::split(secured).map_err(CredentialError::from)?;
    let payload = base64url::decode(parts.payload).map_err(JwsError::from).map_err(CredentialError::from)?;
    let json_limits = JsonLimits { bytes: limits.presentation_bytes, depth: limits.json_depth };
    let claims = json::parse(&payload, json_limits).map_err(CredentialError::from)?;
    let object = claims.as_object().ok_or_else(|| malformed("the payload", "an object", &claims))?;

    let mut links = Vec::new();
    for (index, envelope) in envelopes(object, trust)?.iter().enumerate() {
        let link = read_envelope(envelope).and_then(|secured| parse_link(secured, trust));
        links.push(link.map_err(|denial| denial.at(index))?);
    }
    let seal = read_seal(&parts, MEDIA_TYPE, trust)?;
    check_no_old_claims(object)?;
    check_context(object, &[CONTEXT_CREDENTIALS])?;
    check_types(object, &[TYPE])?;
    let nonce = text(object, "nonce")?;
    if nonce.is_empty() || nonce.len() > MAX_NONCE {
        let found = format!("{} bytes", nonce.len());
        return Err(Denial::new(Code::Malformed, "a nonce of 1 to 128 bytes", found));
    }
    Ok(Presentation {
        links,
        holder: delegation::did(object, "holder")?,
        claimed_issuer: claimed_issuer(object)?,
        audience: read_audience(object)?.to_owned(),
        nonce: nonce.to_owned(),
        issued_at: integer(object, "iat")?,
        not_before: object.get("nbf").map(|_| integer(object, "nbf")).transpose()?,
        expires_at: integer(object, "exp")?,
        seal,
        digest: Sha256::digest(secured).into(),
    })
}

/// The envelopes of the links, in order.
fn envelopes<'o, 'a>(object: &'o Object<'a>, trust: &Trust) -> Result<&'o [Json<'a>], Denial> {
    let all = list(object, "verifiableCredential", usize::MAX)?;
    if all.is_empty() {
        return Err(Denial::new(Code::ChainEmpty, "at least one link", "none"));
    }
    check_length(all.len(), trust)?;
    Ok(all)
}

fn check_length(links: usize, trust: &Trust) -> Result<(), Denial> {
    let most = trust.limits.chain_links;
    if links <= most {
        return Ok(());
    }
    Err(Denial::new(Code::ChainTooLong, format!("at most {most} links"), links.to_string()))
}

fn check_algorithm(seal: &Seal, trust: &Trust) -> Result<(), Denial> {
    if trust.algorithms.contains(&seal.algorithm) {
        return Ok(());
    }
    Err(Denial::new(Code::AlgorithmNotAllowed, "an allowed algorithm", seal.algorithm.jose()))
}

fn read_envelope<'o>(envelope: &'o Json<'_>) -> Result<&'o str, Denial> {
    let object =
        envelope.as_object().ok_or_else(|| malformed("verifiableCredential", "an object", envelope))?;
    let single = object.get("@context").and_then(Json::as_str) == Some(CONTEXT_CREDENTIALS);
    if !single {
        check_context(object, &[CONTEXT_CREDENTIALS])?;
    }
    check_types(object, &[ENVELOPED])?;
    let id = text(object, "id")?;
    id.strip_prefix(DATA_URL).ok_or_else(|| {
        let found: String = id.chars().take(40).collect();
        Denial::new(Code::TypeMismatch, format!("an id that starts with `{DATA_URL}`"), found)
    })
}

fn parse_link(secured: &str, trust: &Trust) -> Result<Link, Denial> {
    if secured.len() > trust.limits.link_bytes {
        return Err(too_large(secured.len(), trust.limits.link_bytes));
    }
    let parts = jws::split(secured).map_err(CredentialError::from)?;
    let payload = base64url::decode(parts.payload).map_err(JwsError::from).map_err(CredentialError::from)?;
    let json_limits = JsonLimits { bytes: trust.limits.link_bytes, depth: trust.limits.json_depth };
    let claims = json::parse(&payload, json_limits).map_err(CredentialError::from)?;
    let seal = read_seal(&parts, delegation::MEDIA_TYPE, trust)?;
    let delegation = Delegation::from_claims(&claims)?;
    let claimed_issuer = claims.as_object().map(claimed_issuer).transpose()?.flatten();
    // One pass gives both digests: the account covers the signing input, the link's digest the
    // signature as well.
    let mut hasher = Sha256::new_with_prefix(parts.signing_input);
    let account = hasher.clone().finalize().into();
    hasher.update(".");
    hasher.update(parts.signature);
    Ok(Link { delegation, claimed_issuer, seal, digest: hasher.finalize().into(), account })
}

fn read_seal(parts: &jws::Compact<'_>, typ: &'static str, trust: &Trust) -> Result<Seal, Denial> {
    let limits = JsonLimits { bytes: 4096, depth: trust.limits.json_depth };
    let header =
        jws::read_header(parts.header, typ, &trust.algorithms, limits).map_err(CredentialError::from)?;
    let signature = jws::read_signature(parts.signature).map_err(CredentialError::from)?;
    Ok(Seal {
        signing_input: parts.signing_input.to_owned(),
        algorithm: header.algorithm,
        key_id: header.key_id,
        signature,
    })
}

/// `iss`, which must be the issuer or holder where it stands (VC-JOSE-COSE §4.1.2).
fn claimed_issuer(object: &Object<'_>) -> Result<Option<String>, Denial> {
    Ok(object.get("iss").map(|_| text(object, "iss").map(str::to_owned)).transpose()?)
}

/// `aud`: one text, or an array of exactly one. With several, each could replay to the others.
fn read_audience<'o>(object: &'o Object<'_>) -> Result<&'o str, Denial> {
    let one = match object.get("aud") {
        Some(Json::Array(all)) => match all.as_slice() {
            [one] => one.as_str(),
            _ => None,
        },
        Some(one) => one.as_str(),
        None => None,
    };
    one.ok_or_else(|| {
        let found = object.get("aud").map_or("nothing", Json::kind);
        Denial::new(Code::Malformed, "exactly one audience in `aud`", found)
    })
}

fn too_large(found: usize, limit: usize) -> Denial {
    CredentialError::from(JsonError::TooLarge { limit, found }).into()
}
