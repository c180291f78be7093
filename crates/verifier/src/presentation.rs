//! Bytes → [`Presentation`]: strict, bounded, duplicate members refused at any depth.
//!
//! What comes out is well-formed and means nothing yet: no issuer is believed, no key was
//! asked for, no signature was checked.

use crate::{
    Code, Denial, Proof, Trust,
    known::Known,
    read::{Sums, read_links, read_sealed},
};
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
use std::sync::Arc;

/// What joins the links of a chain in compact form.
pub const LINK_SEPARATOR: char = '~';
/// Most bytes of a nonce. A verifier's own are far shorter; a chosen one must not fill its memory.
pub const MAX_NONCE: usize = 128;

/// A chain and its proof of possession, well-formed and not yet believed.
#[derive(Clone, Debug)]
pub struct Presentation {
    pub(crate) links: Vec<Arc<Link>>,
    /// The subject of the last link.
    pub(crate) agent: Did,
    pub(crate) possession: Possession,
    pub(crate) nonce: String,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    /// What a receipt names by its SHA-256.
    pub(crate) presented: Arc<str>,
}

/// How the holder proves to be there.
#[derive(Clone, Debug)]
pub(crate) enum Possession {
    /// By the signature of a presentation around the chain.
    Envelope(Envelope),
    /// By the signature of the request that comes with the chain.
    Request(Proof),
}

/// What a `vp+jwt` says beside its chain.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) holder: Did,
    pub(crate) claimed_issuer: Option<String>,
    pub(crate) audience: String,
    pub(crate) not_before: Option<i64>,
    pub(crate) transcript: Option<String>,
    pub(crate) seal: Seal,
}

/// One link, well-formed and not yet believed.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) delegation: Delegation,
    pub(crate) claimed_issuer: Option<String>,
    /// Pairs of action and resource as they are written.
    pub(crate) pairs: usize,
    pub(crate) seal: Seal,
    pub(crate) digest: LinkDigest,
    pub(crate) account: Account,
}

/// What stands for a link in a ledger: the SHA-256 of its signing input, which no other
/// encoding of its signature can change.
pub type Account = [u8; 32];

/// A compact JWS, and how it says it was signed.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    pub(crate) secured: Arc<str>,
    /// Bytes of it that are signed, from its beginning.
    pub(crate) signed: usize,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    pub(crate) signature: Signature,
}

impl Seal {
    /// What the signature covers.
    pub(crate) fn signing_input(&self) -> &[u8] {
        self.secured.as_bytes().get(..self.signed).unwrap_or_default()
    }
}

impl Presentation {
    /// The nonce: of a presentation the challenge that it answers, for a verifier that looks it up; of a
    /// signed request the signer's own.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The links as they were presented, root first, each a compact JWS: for whoever keeps a chain that
    /// has verified.
    pub fn secured_links(&self) -> impl Iterator<Item = String> {
        self.links.iter().map(|link| link.seal.secured.as_ref().to_owned())
    }

    /// Who the holder says it is: the subject of the last link. Nothing is verified yet.
    #[must_use]
    pub fn claimed_agent(&self) -> &Did {
        &self.agent
    }

    /// The transcript that the holder signed: of a handshake, the SHA-256 of the challenge as base64url.
    #[must_use]
    pub fn transcript(&self) -> Option<&str> {
        match &self.possession {
            Possession::Envelope(envelope) => envelope.transcript.as_deref(),
            Possession::Request(_) => None,
        }
    }

    /// What reading bounds, asked again of the trust that verifies: it may be another than the
    /// one that the bytes were read with.
    pub(crate) fn check_read(&self, trust: &Trust) -> Result<(), Denial> {
        check_length(self.links.len(), trust)?;
        let mut sums = Sums::default();
        for (index, link) in self.links.iter().enumerate() {
            let checked = check_algorithm(link.seal.algorithm, trust).and_then(|()| sums.add(link, trust));
            checked.map_err(|denial| denial.at(index))?;
        }
        match &self.possession {
            Possession::Envelope(envelope) => check_algorithm(envelope.seal.algorithm, trust),
            Possession::Request(proof) => {
                proof.algorithm.map_or(Ok(()), |algorithm| check_algorithm(algorithm, trust))
            }
        }
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
    parse_known(bytes, trust, None)
}

/// As [`parse`]; links that are known are not read again.
pub(crate) fn parse_known(
    bytes: &[u8],
    trust: &Trust,
    known: Option<&Known>,
) -> Result<Presentation, Denial> {
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

    let texts = envelopes(object, trust)?.iter().map(read_envelope).collect();
    let links = read_links(texts, trust, known)?;
    let sealed = read_sealed(&parts, MEDIA_TYPE, trust)?;
    check_no_old_claims(object)?;
    check_context(object, &[CONTEXT_CREDENTIALS])?;
    check_types(object, &[TYPE])?;
    let nonce = text(object, "nonce")?;
    check_nonce_length(nonce)?;
    let holder = delegation::did(object, "holder")?;
    let seal = sealed.by(secured, &holder)?;
    let presented = Arc::clone(&seal.secured);
    let envelope = Envelope {
        holder,
        claimed_issuer: claimed_issuer(object)?,
        audience: read_audience(object)?.to_owned(),
        not_before: object.get("nbf").map(|_| integer(object, "nbf")).transpose()?,
        transcript: transcript(object)?.map(str::to_owned),
        seal,
    };
    Ok(Presentation {
        agent: agent_of(&links)?,
        links,
        possession: Possession::Envelope(envelope),
        nonce: nonce.to_owned(),
        issued_at: integer(object, "iat")?,
        expires_at: integer(object, "exp")?,
        presented,
    })
}

/// Reads a chain in compact form, `vc~vc~vc` with the root first, that comes with a signed request
/// (DESIGN §4). The proof's nonce is the signer's own: [`crate::verify`] with [`Presentation::nonce`],
/// and a ledger sees to it that it is used once.
///
/// # Errors
/// As [`parse`].
pub fn parse_request(chain: &str, proof: Proof, trust: &Trust) -> Result<Presentation, Denial> {
    parse_request_known(chain, proof, trust, None)
}

/// As [`parse_request`]; links that are known are not read again.
pub(crate) fn parse_request_known(
    chain: &str,
    proof: Proof,
    trust: &Trust,
    known: Option<&Known>,
) -> Result<Presentation, Denial> {
    let limits = &trust.limits;
    let size = chain.len().saturating_add(proof.signing_input.len());
    if size > limits.presentation_bytes {
        return Err(too_large(size, limits.presentation_bytes));
    }
    if chain.is_empty() {
        return Err(Denial::new(Code::ChainEmpty, "at least one link", "none"));
    }
    check_length(chain.split(LINK_SEPARATOR).count(), trust)?;
    let links = read_links(chain.split(LINK_SEPARATOR).map(Ok).collect(), trust, known)?;
    if let Some(algorithm) = proof.algorithm {
        check_algorithm(algorithm, trust)?;
    }
    check_nonce_length(&proof.nonce)?;
    Ok(Presentation {
        agent: agent_of(&links)?,
        links,
        nonce: proof.nonce.clone(),
        issued_at: proof.created,
        expires_at: proof.expires,
        presented: proof.record(chain).into(),
        possession: Possession::Request(proof),
    })
}

/// The agent at the end of a chain.
fn agent_of(links: &[Arc<Link>]) -> Result<Did, Denial> {
    let leaf = links.last().ok_or_else(|| Denial::new(Code::ChainEmpty, "at least one link", "none"))?;
    Ok(leaf.delegation.terms.subject.clone())
}

fn check_nonce_length(nonce: &str) -> Result<(), Denial> {
    if (1..=MAX_NONCE).contains(&nonce.len()) {
        return Ok(());
    }
    let found = format!("{} bytes", nonce.len());
    Err(Denial::new(Code::Malformed, "a nonce of 1 to 128 bytes", found))
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

pub(crate) fn check_algorithm(algorithm: Algorithm, trust: &Trust) -> Result<(), Denial> {
    if trust.algorithms.contains(&algorithm) {
        return Ok(());
    }
    Err(Denial::new(Code::AlgorithmNotAllowed, "an allowed algorithm", algorithm.jose()))
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

/// `iss`, which must be the issuer or holder where it stands (VC-JOSE-COSE §4.1.2).
pub(crate) fn claimed_issuer(object: &Object<'_>) -> Result<Option<String>, Denial> {
    Ok(object.get("iss").map(|_| text(object, "iss").map(str::to_owned)).transpose()?)
}

/// `transcript`: the SHA-256 of a handshake's challenge, base64url.
fn transcript<'o>(object: &'o Object<'_>) -> Result<Option<&'o str>, Denial> {
    let Some(value) = object.get("transcript") else { return Ok(None) };
    let digest = value.as_str().filter(|text| base64url::decode_array::<32>(text).is_ok());
    digest.map(Some).ok_or_else(|| malformed("transcript", "a SHA-256 as base64url", value).into())
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

pub(crate) fn too_large(found: usize, limit: usize) -> Denial {
    CredentialError::from(JsonError::TooLarge { limit, found }).into()
}
