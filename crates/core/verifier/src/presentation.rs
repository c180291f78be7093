//! Bytes → [`Presentation`]: strict, bounded, duplicate members refused at any depth.
//!
//! What comes out is well-formed and means nothing yet: no issuer is believed, no key was
//! asked for, no signature was checked.

use crate::{
    Code, Denial, Proof, Trust,
    claims::{Claims, claimed_issuer},
    known::Known,
    read::{COSTS_TWICE, Carried, LinkText, Sums, read_links, read_sealed, sealed_by},
    seal::Seal,
};
use legation_credential::{
    CredentialError, Delegation, LinkDigest,
    delegation::{self, CONTEXT_CREDENTIALS, check_context, check_no_old_claims, check_types, link_digest},
    error::{list, malformed, seconds, text},
    presentation::{DATA_URL, ENVELOPED, MAX_LIFETIME, MEDIA_TYPE, PURPOSE, TYPE},
    secured::{DocumentProof, decode_token, is_document, to_token},
};
use legation_did::{Did, one_spelling};
use legation_keys::{
    Algorithm, base64url, data_integrity, jcs,
    json::{self, Json, JsonError, JsonLimits, Object},
    jws::{self, JwsError},
    time::Round,
};
use std::{borrow::Cow, sync::Arc};

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
    pub(crate) shown: Shown,
    pub(crate) nonce: String,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    /// What a receipt names by its SHA-256.
    pub(crate) presented: Arc<str>,
}

/// What the parts of an occasion are called where they stand.
pub(crate) struct Names {
    pub(crate) audience: &'static str,
    pub(crate) nonce: &'static str,
    pub(crate) issued_at: &'static str,
    pub(crate) expires_at: &'static str,
}

/// How the holder shows to be there.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    /// By the signature of a presentation around the chain.
    Envelope(Envelope),
    /// By the signature of the request that comes with the chain.
    Request(Proof),
    /// Not at all: the verifier vouches for it.
    Vouched(Vouching),
}

/// For whom a verifier vouches.
#[derive(Clone, Debug)]
pub(crate) struct Vouching {
    pub(crate) agent: Did,
    pub(crate) known_by: Arc<str>,
}

/// That the verifier itself vouches for an agent: it keeps the agent's key, or knows the agent by an API
/// key that it issued. It stands for a proof of possession, never for authority: the chain is verified as any
/// other. Whoever makes one answers for it.
#[derive(Clone, Copy, Debug)]
pub struct Vouched<'v> {
    /// The agent; the chain must be its own.
    pub agent: &'v Did,
    /// By what the verifier knows it, such as the id of an API key: 1 to 128 printable ASCII characters. Receipts
    /// say it, so it is never a secret.
    pub known_by: &'v str,
    /// When it was asked for, Unix seconds.
    pub at: i64,
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
    /// What its claims say beside that, if anything.
    pub(crate) claims: Option<Box<Claims>>,
    /// Pairs of action and resource as they are written.
    pub(crate) pairs: usize,
    pub(crate) seal: Seal,
    /// Of a document with several proofs, the further ones.
    pub(crate) more_seals: Vec<Seal>,
    pub(crate) digest: LinkDigest,
    pub(crate) account: Account,
}

/// What stands for a link: the SHA-256 of its signing input, of a document that of its canonical
/// JSON without proofs. No other encoding of its signature can change it.
pub type Account = [u8; 32];

impl Link {
    /// The digests that it may be blocked by.
    pub(crate) fn digests(&self) -> impl Iterator<Item = LinkDigest> + use<> {
        let twin = self.seal.twin().map(|twin| link_digest(&twin));
        [Some(self.digest), Some(self.account), twin].into_iter().flatten()
    }
}

impl Presentation {
    /// The nonce: of a presentation the challenge that it answers, for a verifier that looks it up; of a
    /// signed request the signer's own. Empty where the verifier vouches for the agent: nothing was signed that
    /// could be used a second time.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The links, root first, each as it stands in a header ([`legation_credential::secured::to_token`]): for
    /// whoever keeps a chain that has verified.
    pub fn secured_links(&self) -> impl Iterator<Item = String> {
        self.links.iter().map(|link| to_token(&link.seal.secured).into_owned())
    }

    /// All digests that a link of it may be blocked by ([`Evidence::block`](crate::Evidence::block)): of its text, of both
    /// forms where its signature has two, and of what was signed. Nothing is verified yet.
    pub fn link_digests(&self) -> impl Iterator<Item = LinkDigest> {
        self.links.iter().flat_map(|link| link.digests())
    }

    /// The same, link by link in the order of the chain.
    pub fn digests_by_link(&self) -> impl Iterator<Item = Vec<LinkDigest>> {
        self.links.iter().map(|link| link.digests().collect())
    }

    /// Who the holder says it is: the subject of the last link. Nothing is verified yet.
    #[must_use]
    pub fn claimed_agent(&self) -> &Did {
        &self.agent
    }

    /// The transcript that the holder signed: of a handshake, the SHA-256 of the challenge as base64url.
    #[must_use]
    pub fn transcript(&self) -> Option<&str> {
        match &self.shown {
            Shown::Envelope(envelope) => envelope.transcript.as_deref(),
            Shown::Request(_) | Shown::Vouched(_) => None,
        }
    }

    /// What audience, nonce and times are called in it.
    pub(crate) fn names(&self) -> Names {
        let [audience, nonce, issued_at, expires_at] = match &self.shown {
            Shown::Envelope(envelope) if envelope.seal.is_proof() => {
                ["proof.domain", "proof.challenge", "proof.created", "proof.expires"]
            }
            Shown::Envelope(_) => ["aud", "nonce", "iat", "exp"],
            Shown::Request(_) => ["@target-uri", "nonce", "created", "expires"],
            Shown::Vouched(_) => ["audience", "nonce", "at", "at"],
        };
        Names { audience, nonce, issued_at, expires_at }
    }

    /// Whether a link, or the presentation itself, is secured by a proof and no JWS.
    pub(crate) fn is_by_proof(&self, link: Option<usize>) -> bool {
        match (link, &self.shown) {
            (Some(index), _) => self.links.get(index).is_some_and(|link| link.seal.is_proof()),
            (None, Shown::Envelope(envelope)) => envelope.seal.is_proof(),
            (None, Shown::Request(_) | Shown::Vouched(_)) => false,
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
        match &self.shown {
            Shown::Envelope(envelope) => check_algorithm(envelope.seal.algorithm, trust),
            Shown::Request(proof) => {
                proof.algorithm.map_or(Ok(()), |algorithm| check_algorithm(algorithm, trust))
            }
            Shown::Vouched(_) => Ok(()),
        }
    }

    /// What the links say, root first, to show it to people. None of it is verified.
    pub fn claims(&self) -> impl Iterator<Item = &Delegation> {
        self.links.iter().map(|link| &link.delegation)
    }
}

/// Reads a presentation: `vp+jwt` in compact form, or a document with one proof by `eddsa-jcs-2022`.
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
    if is_document(secured) {
        return parse_document(secured, trust, known);
    }
    let parts = jws::split(secured).map_err(CredentialError::from)?;
    let payload = base64url::decode(parts.payload).map_err(JwsError::from).map_err(CredentialError::from)?;
    let json_limits = JsonLimits { bytes: limits.presentation_bytes, depth: limits.json_depth };
    let claims = json::parse(&payload, json_limits).map_err(CredentialError::from)?;
    let object = claims.as_object().ok_or_else(|| malformed("the payload", "an object", &claims))?;

    let links = read_links(carried(object, trust)?, trust, known)?;
    let sealed = read_sealed(&parts, MEDIA_TYPE, trust)?;
    check_claims(object)?;
    let occasion = Occasion {
        audience: read_audience(object)?,
        nonce: text(object, "nonce")?,
        issued_at: seconds(object, "iat", Round::Up)?,
        expires_at: seconds(object, "exp", Round::Down)?,
    };
    let holder = delegation::did(object, "holder")?;
    let seal = sealed.by(secured, &holder)?;
    assemble(object, links, (holder, seal), occasion)
}

/// As [`parse_known`], of a document with a proof, in which domain, challenge and times are those of the proof.
fn parse_document(secured: &str, trust: &Trust, known: Option<&Known>) -> Result<Presentation, Denial> {
    let limits = &trust.limits;
    if COSTS_TWICE * secured.len() > limits.presentation_bytes {
        return Err(too_large(secured.len(), limits.presentation_bytes / COSTS_TWICE));
    }
    let json_limits = JsonLimits { bytes: limits.presentation_bytes, depth: limits.json_depth };
    let document = json::parse(secured.as_bytes(), json_limits).map_err(CredentialError::from)?;
    let object = document.as_object().ok_or_else(|| malformed("a presentation", "an object", &document))?;
    let links = read_links(carried(object, trust)?, trust, known)?;
    let proofs = data_integrity::proofs(object).map_err(CredentialError::from)?;
    let wrong = |expected: &str, found: String| Denial::new(Code::Malformed, expected, found);
    let [proof] = proofs.as_slice() else {
        // It is made by one holder for one moment; which of several would say when, and to whom?
        return Err(wrong("a presentation with one proof", proofs.len().to_string()));
    };
    let sealed = DocumentProof::read(object, &proofs, proof, PURPOSE)?;
    check_algorithm(Algorithm::EdDsa, trust)?;
    check_claims(object)?;
    let [audience] = proof.domain.as_slice() else {
        return Err(wrong("exactly one audience in `domain`", proof.domain.len().to_string()));
    };
    let occasion = Occasion {
        audience,
        nonce: proof.challenge.ok_or_else(|| wrong("a `challenge`", "nothing".to_owned()))?,
        issued_at: proof.created.ok_or_else(|| wrong("a time `created`", "nothing".to_owned()))?,
        expires_at: proof.expires.ok_or_else(|| wrong("a time `expires`", "nothing".to_owned()))?,
    };
    let holder = delegation::did(object, "holder")?;
    assemble(object, links, (holder, sealed_by(sealed, secured)), occasion)
}

/// What any presentation says beside its chain, whoever secured it.
fn check_claims(object: &Object<'_>) -> Result<(), Denial> {
    check_no_old_claims(object)?;
    check_context(object, &[CONTEXT_CREDENTIALS])?;
    Ok(check_types(object, &[TYPE])?)
}

/// To whom and when a chain was presented.
struct Occasion<'o> {
    audience: &'o str,
    nonce: &'o str,
    issued_at: i64,
    expires_at: i64,
}

fn assemble(
    object: &Object<'_>,
    links: Vec<Arc<Link>>,
    (holder, seal): (Did, Seal),
    occasion: Occasion<'_>,
) -> Result<Presentation, Denial> {
    let Occasion { audience, nonce, issued_at, expires_at } = occasion;
    check_nonce_length(nonce)?;
    let presented = Arc::clone(&seal.secured);
    let envelope = Envelope {
        holder,
        claimed_issuer: claimed_issuer(object)?,
        audience: one_spelling(audience).into_owned(),
        not_before: delegation::claim(object, "nbf", Round::Up)?,
        transcript: transcript(object)?.map(str::to_owned),
        seal,
    };
    Ok(Presentation {
        agent: agent_of(&links)?,
        links,
        shown: Shown::Envelope(envelope),
        nonce: nonce.to_owned(),
        issued_at,
        expires_at,
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
    let links = read_compact(chain, proof.signing_input.len(), trust, known)?;
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
        shown: Shown::Request(proof),
    })
}

/// Reads a chain in compact form that comes with nothing, of an agent for whom the verifier itself vouches.
/// Its nonce is empty: [`crate::verify`] with [`Presentation::nonce`]. It holds as long after `at` as a presentation
/// may live; [`Trust::vouched`] has to allow it.
///
/// # Errors
/// As [`parse`].
pub fn parse_vouched(chain: &str, vouched: Vouched<'_>, trust: &Trust) -> Result<Presentation, Denial> {
    parse_vouched_known(chain, vouched, trust, None)
}

/// As [`parse_vouched`]; links that are known are not read again.
pub(crate) fn parse_vouched_known(
    chain: &str,
    vouched: Vouched<'_>,
    trust: &Trust,
    known: Option<&Known>,
) -> Result<Presentation, Denial> {
    let Vouched { agent, known_by, at } = vouched;
    let links = read_compact(chain, 0, trust, known)?;
    let printable = known_by.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !printable || !(1..=MAX_NONCE).contains(&known_by.len()) {
        return Err(Denial::new(
            Code::Malformed,
            "a `known_by` of 1 to 128 printable ASCII characters",
            known_by,
        ));
    }
    Ok(Presentation {
        agent: agent_of(&links)?,
        links,
        nonce: String::new(),
        issued_at: at,
        expires_at: at.saturating_add(trust.max_presentation_age.min(MAX_LIFETIME)),
        // As of a signed request: what a receipt names by its digest is all that was judged.
        presented: format!("{chain}\nvouched\n{at} {agent} {known_by}").into(),
        shown: Shown::Vouched(Vouching { agent: agent.clone(), known_by: known_by.into() }),
    })
}

/// The links of a chain in compact form, which comes with so many bytes beside it.
fn read_compact(
    chain: &str,
    beside: usize,
    trust: &Trust,
    known: Option<&Known>,
) -> Result<Vec<Arc<Link>>, Denial> {
    let size = chain.len().saturating_add(beside);
    if size > trust.limits.presentation_bytes {
        return Err(too_large(size, trust.limits.presentation_bytes));
    }
    if chain.is_empty() {
        return Err(Denial::new(Code::ChainEmpty, "at least one link", "none"));
    }
    check_length(chain.split(LINK_SEPARATOR).count(), trust)?;
    let text = |token| decode_token(token).map(LinkText::from).map_err(Denial::from);
    read_links(chain.split(LINK_SEPARATOR).map(text).collect(), trust, known)
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

/// The links, in order.
fn carried<'o>(object: &'o Object<'_>, trust: &Trust) -> Result<Vec<Carried<'o>>, Denial> {
    let all = list(object, "verifiableCredential", usize::MAX)?;
    if all.is_empty() {
        return Err(Denial::new(Code::ChainEmpty, "at least one link", "none"));
    }
    check_length(all.len(), trust)?;
    Ok(all.iter().map(read_carried).collect())
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

/// A link among the claims: in an envelope, or a document with proofs as it stands.
fn read_carried<'o>(carried: &'o Json<'_>) -> Carried<'o> {
    let object =
        carried.as_object().ok_or_else(|| malformed("verifiableCredential", "an object", carried))?;
    if object.get("proof").is_some() {
        return Ok(LinkText { text: jcs::canonicalize(carried).into(), tree: Some(carried) });
    }
    let single = object.get("@context").and_then(Json::as_str) == Some(CONTEXT_CREDENTIALS);
    if !single {
        check_context(object, &[CONTEXT_CREDENTIALS])?;
    }
    check_types(object, &[ENVELOPED])?;
    let id = text(object, "id")?;
    id.strip_prefix(DATA_URL).map(|text| LinkText::from(Cow::Borrowed(text))).ok_or_else(|| {
        let found: String = id.chars().take(40).collect();
        Denial::new(Code::TypeMismatch, format!("an id that starts with `{DATA_URL}`"), found)
    })
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
