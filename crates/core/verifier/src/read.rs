//! Bytes → links, each known by its exact bytes or read.

use crate::{
    Code, Denial, Trust,
    claims::Claims,
    known::Known,
    presentation::{Link, check_algorithm, too_large},
    seal::{Seal, Signed},
};
use legation_credential::{
    CredentialError, Delegation, delegation,
    secured::{DocumentProof, check_canonical, is_document, read_document},
};
use legation_did::{Did, key};
use legation_keys::{
    Algorithm, base64url,
    data_integrity::unsecured,
    json::{self, Json, JsonLimits},
    jws::{self, Header, JwsError},
    public::Signature,
};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, sync::Arc};

/// A link as it was carried, or why there is none.
pub(crate) type Carried<'t> = Result<LinkText<'t>, Denial>;

/// A link's one text: a compact JWS or a document in canonical JSON.
pub(crate) struct LinkText<'t> {
    pub(crate) text: Cow<'t, str>,
    /// A document that was read already, as part of what carried it.
    pub(crate) tree: Option<&'t Json<'t>>,
}

impl<'t> From<Cow<'t, str>> for LinkText<'t> {
    fn from(text: Cow<'t, str>) -> Self {
        Self { text, tree: None }
    }
}

/// The links of a chain, root first.
pub(crate) fn read_links(
    texts: Vec<Carried<'_>>,
    trust: &Trust,
    known: Option<&Known>,
) -> Result<Vec<Arc<Link>>, Denial> {
    let whole = known.and_then(|known| known.whole(&texts));
    let (mut links, mut sums) = (Vec::with_capacity(texts.len()), Sums::default());
    for (index, text) in texts.into_iter().enumerate() {
        let link = whole.as_ref().and_then(|prefix| prefix.links.get(index));
        let link = text.and_then(|carried| {
            // Asked of a known one too: it may have been read under other limits than these.
            if carried.text.len() > trust.limits.link_bytes {
                return Err(too_large(carried.text.len(), trust.limits.link_bytes));
            }
            let link = link.map_or_else(|| read_link(&carried, trust, known), |link| Ok(Arc::clone(link)))?;
            sums.add(&link, trust)?;
            Ok(link)
        });
        links.push(link.map_err(|denial| denial.at(index))?);
    }
    Ok(links)
}

/// A link that is known by its exact bytes, or one that is read.
fn read_link(carried: &LinkText<'_>, trust: &Trust, known: Option<&Known>) -> Result<Arc<Link>, Denial> {
    let secured = carried.text.as_ref();
    let known = known.and_then(|known| known.get(&Sha256::digest(secured).into()));
    match known.as_ref().and_then(|prefix| prefix.links.last()) {
        Some(link) => Ok(Arc::clone(link)),
        None if is_document(secured) => match carried.tree {
            Some(claims) => Ok(Arc::new(read_proved(secured, claims, trust)?)),
            None => Ok(Arc::new(parse_document(secured, trust)?)),
        },
        None => Ok(Arc::new(parse_link(secured, trust)?)),
    }
}

/// How much the links say so far. All of it is compared before a signature is looked at, so that the links
/// behind one that is too much are not read.
#[derive(Default)]
pub(crate) struct Sums {
    pairs: usize,
    limits: usize,
    documents: usize,
    proofs: usize,
}

impl Sums {
    pub(crate) fn add(&mut self, link: &Link, trust: &Trust) -> Result<(), Denial> {
        self.pairs += link.pairs;
        self.limits += link.delegation.terms.authority.limits().count();
        if link.seal.is_proof() {
            self.documents += COSTS_TWICE * link.seal.secured.len();
            self.proofs += 1 + link.more_seals.len();
        }
        let bounds = [
            (self.pairs, trust.limits.chain_pairs, "pairs of action and resource"),
            (self.limits, trust.limits.chain_constraints, "limits"),
            (self.documents, trust.limits.presentation_bytes, "bytes of documents, each counted twice,"),
            (self.proofs, trust.limits.chain_links, "proofs"),
        ];
        match bounds.into_iter().find(|(found, most, _)| found > most) {
            None => Ok(()),
            Some((found, most, what)) => {
                let expected = format!("at most {most} {what} in the whole chain");
                Err(Denial::new(Code::InputTooLarge, expected, found.to_string()))
            }
        }
    }
}

/// A document is written canonically and read again, and has no base64 around it that would fill the bytes that are
/// allowed.
pub(crate) const COSTS_TWICE: usize = 2;

fn parse_link(secured: &str, trust: &Trust) -> Result<Link, Denial> {
    let parts = jws::split(secured).map_err(CredentialError::from)?;
    let payload = base64url::decode(parts.payload).map_err(JwsError::from).map_err(CredentialError::from)?;
    let json_limits = JsonLimits { bytes: trust.limits.link_bytes, depth: trust.limits.json_depth };
    let claims = json::parse(&payload, json_limits).map_err(CredentialError::from)?;
    let sealed = read_sealed(&parts, delegation::MEDIA_TYPE, trust)?;
    let delegation = Delegation::from_claims(&claims)?;
    let seal = sealed.by(secured, &delegation.issuer)?;
    let said = Claims::read(&claims)?;
    // One pass gives both digests: the account covers the signing input, the link's digest the
    // signature as well.
    let mut hasher = Sha256::new_with_prefix(parts.signing_input);
    let account = hasher.clone().finalize().into();
    hasher.update(".");
    hasher.update(parts.signature);
    let (pairs, digest) = (written_pairs(&claims), hasher.finalize().into());
    Ok(Link { delegation, claims: said, pairs, seal, more_seals: Vec::new(), digest, account })
}

fn parse_document(secured: &str, trust: &Trust) -> Result<Link, Denial> {
    let json_limits = JsonLimits { bytes: trust.limits.link_bytes, depth: trust.limits.json_depth };
    let claims = json::parse(secured.as_bytes(), json_limits).map_err(CredentialError::from)?;
    check_canonical(secured, &claims)?;
    read_proved(secured, &claims, trust)
}

/// A link that is a document with proofs. All of them have to verify, as the document's proof would alone.
fn read_proved(secured: &str, claims: &Json<'_>, trust: &Trust) -> Result<Link, Denial> {
    let (delegation, proofs) = read_document(claims)?;
    check_algorithm(Algorithm::EdDsa, trust)?;
    let mut seals = proofs.into_iter().map(|proof| sealed_by(proof, secured));
    let missing = || Denial::new(Code::Malformed, "a document with a proof", "none");
    let seal = seals.next().ok_or_else(missing)?;
    Ok(Link {
        claims: Claims::read(claims)?,
        pairs: written_pairs(claims),
        seal,
        more_seals: seals.collect(),
        digest: Sha256::digest(secured).into(),
        account: claims
            .as_object()
            .map(|object| Sha256::digest(unsecured(object)).into())
            .unwrap_or_default(),
        delegation,
    })
}

/// The seal that a proof is.
pub(crate) fn sealed_by(proof: DocumentProof, secured: &str) -> Seal {
    Seal {
        secured: secured.into(),
        signed: Signed::Hashes(Box::new(proof.hashes)),
        algorithm: Algorithm::EdDsa,
        key_id: proof.verification_method,
        signature: proof.signature,
    }
}

/// The pairs of action and resource that a link writes, also those that others of its own cover: they are
/// compared before that is known.
fn written_pairs(claims: &Json<'_>) -> usize {
    let delegation = claims.get("credentialSubject").and_then(|subject| subject.get("delegation"));
    let grants = delegation.and_then(|delegation| delegation.get("grants")).and_then(Json::as_array);
    let count = |grant: &Json<'_>, list| grant.get(list).and_then(Json::as_array).map_or(0, <[_]>::len);
    let pairs = |grant| count(grant, "actions") * count(grant, "resources");
    grants.unwrap_or_default().iter().map(pairs).sum()
}

/// Header and signature of a JWS, of which it is not yet known whose they are.
pub(crate) struct Sealed {
    header: Header,
    signature: Signature,
    signed: usize,
}

pub(crate) fn read_sealed(
    parts: &jws::Compact<'_>,
    typ: &'static str,
    trust: &Trust,
) -> Result<Sealed, Denial> {
    let limits = JsonLimits { bytes: 4096, depth: trust.limits.json_depth };
    let header =
        jws::read_header(parts.header, typ, &trust.algorithms, limits).map_err(CredentialError::from)?;
    let signature = jws::read_signature(parts.signature).map_err(CredentialError::from)?;
    Ok(Sealed { header, signature, signed: parts.signing_input.len() })
}

impl Sealed {
    /// The seal of a signer. A did:key need not name its key: it is the one.
    pub(crate) fn by(self, secured: &str, signer: &Did) -> Result<Seal, Denial> {
        let Self { header, signature, signed } = self;
        let algorithm = header.algorithm;
        let key_id = match header.key_id {
            None if signer.method() == "key" => key::method_id(signer),
            _ => header.required_key_id().map_err(CredentialError::from)?,
        };
        Ok(Seal { secured: secured.into(), signed: Signed::Beginning(signed), algorithm, key_id, signature })
    }
}
