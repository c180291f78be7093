//! Keys: what the signer's document has to offer.

use super::{Case, Remedy, To, What, exactly, key_name, least, most, one_of, signer};
use crate::{
    Code, Denial, Evidence, Need, Party, Trust,
    evidence::Lack,
    presentation::{Envelope, Shown},
};
use legation_did::{Did, Document, KeyLookupError, KeyUse, Purpose, key};
use legation_keys::Algorithm;
use std::sync::Arc;

pub(super) fn remedy(denial: &Denial, case: &Case<'_>) -> Option<Remedy> {
    let presentation = case.presentation?;
    let (did, seal, purpose) = match (denial.link, &presentation.shown) {
        (Some(index), _) => {
            let link = presentation.links.get(index)?;
            (&link.delegation.issuer, Some(&link.seal), Purpose::AssertionMethod)
        }
        (None, Shown::Envelope(Envelope { holder, seal, .. })) => {
            (holder, Some(seal), Purpose::Authentication)
        }
        (None, Shown::Request(_) | Shown::Vouched(_)) => (&presentation.agent, None, Purpose::Authentication),
    };
    match denial.code {
        Code::DidUnresolved | Code::DidStale => document(did, case),
        Code::KeyNotFound | Code::AlgorithmKeyMismatch | Code::KeyPurposeMismatch | Code::KeyRevoked => {
            let seal = seal?;
            let wanted = KeyUse { id: &seal.key_id, algorithm: seal.algorithm, purpose, now: case.now };
            other_key(denial.link, did, wanted, case)
        }
        _ => None,
    }
}

/// A document that is not there, or too old.
fn document(did: &Did, case: &Case<'_>) -> Option<Remedy> {
    // A did:key of an unsupported kind has no other document, and other methods nobody fetches.
    if did.method() != "web" {
        return None;
    }
    let need = Need::Document(did.clone());
    let held = case.evidence.document(did);
    match held.map(|held| (&held.item, held.fetched_at)) {
        Some((Ok(_), fetched_at)) => {
            fetch(need, fetched_at, case.trust.max_document_age, case.trust, case.now)
        }
        Some((Err(Lack::Unreadable(_)), _)) => {
            Remedy::one(Party::Issuer, None, What::Evidence(need), To::Present)
        }
        _ => Remedy::one(Party::Operator, None, What::Evidence(need), To::Present),
    }
}

/// A fetch within the bounds of age; nothing where it is.
pub(super) fn fetch(need: Need, fetched_at: i64, age: i64, trust: &Trust, now: i64) -> Option<Remedy> {
    let (oldest, newest) = (now.saturating_sub(age), now.saturating_add(trust.clock_skew));
    let to = if fetched_at < oldest {
        least(oldest)
    } else if fetched_at > newest {
        most(newest)
    } else {
        return None;
    };
    Remedy::one(Party::Operator, None, What::Evidence(need), to)
}

/// Another key of the document or another use of this one.
fn other_key(link: Option<usize>, did: &Did, wanted: KeyUse<'_>, case: &Case<'_>) -> Option<Remedy> {
    let document = document_of(did, case.evidence)?;
    let error = document.key(wanted).err()?;
    let allowed = |algorithm: Algorithm| case.trust.algorithms.contains(&algorithm);
    let by_proof = case.presentation.is_some_and(|presentation| presentation.is_by_proof(link));
    if let KeyLookupError::Algorithm { found, .. } = error
        && allowed(found)
        && !by_proof
        && document.key(KeyUse { algorithm: found, ..wanted }).is_ok()
    {
        return Remedy::one(signer(link), link, What::Header("alg".to_owned()), exactly(found.jose()));
    }
    let usable = document.usable(wanted.purpose, wanted.now).filter(|(_, algorithm)| allowed(*algorithm));
    let ids: Vec<&str> = usable.map(|(id, _)| id).collect();
    if !ids.is_empty() {
        return Remedy::one(signer(link), link, key_name(link, case), one_of(ids));
    }
    match error {
        KeyLookupError::Purpose { id, purpose } => {
            let what = What::Relationship(did.clone(), purpose);
            Remedy::one(signer(link), link, what, To::Include(id.as_str().into()))
        }
        // There is no key that could sign; whose a new one would be can't be known.
        _ => None,
    }
}

fn document_of(did: &Did, evidence: &Evidence) -> Option<Arc<Document>> {
    if did.method() == "key" {
        return key::document(did).ok().map(Arc::new);
    }
    evidence.document(did)?.item.as_ref().ok().map(Arc::clone)
}
