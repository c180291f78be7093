//! All rounds of a verification in one call: ask the verifier what it needs, fetch it, ask again.

use crate::{FetchError, Fetcher};
use legation_verifier::{Denial, Evidence, Need, Presentation, Trust, VerifiedChain, gather};
use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Verifies a presentation, fetching the evidence that is missing or too old.
///
/// `evidence` keeps what was fetched, so that the next call with the same one fetches only
/// what has aged. It stays within `trust.limits.evidence_bytes` and what this call needs.
/// `now` is Unix seconds.
///
/// Every fetch is one that the verifier asked for after authenticating what led to it, at most
/// one document per link and per status issuer, and one list per status entry.
///
/// # Errors
/// The [`Denial`]. What could not be fetched is told in it.
pub async fn verify(
    presentation: &Presentation,
    trust: &Trust,
    fetcher: &Fetcher,
    evidence: &mut Evidence,
    nonce: &str,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    evidence.forget(trust, now);
    let mut tried = HashSet::new();
    loop {
        let needs = gather(presentation, trust, evidence, nonce, now)?;
        let fresh: Vec<Need> = needs.into_iter().filter(|need| tried.insert(need.clone())).collect();
        if fresh.is_empty() {
            break;
        }
        for need in fresh {
            let found = obtain(&need, fetcher).await;
            keep(&need, found, trust, evidence, now);
        }
    }
    let chain = legation_verifier::verify(presentation, trust, evidence, nonce, now)?;
    for used in chain.evidence() {
        if let Some(made) = used.valid_from {
            evidence.note_status_list(&used.id, made);
        }
    }
    Ok(chain)
}

/// As [`verify`], for a service that answers many at a time: the evidence is locked for as long as
/// it is looked at, never while something is fetched.
///
/// # Errors
/// As [`verify`].
pub async fn verify_shared(
    presentation: &Presentation,
    trust: &Trust,
    fetcher: &Fetcher,
    evidence: &RwLock<Evidence>,
    nonce: &str,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    let mut tried = HashSet::new();
    loop {
        let needs = gather(presentation, trust, &read(evidence), nonce, now)?;
        let fresh: Vec<Need> = needs.into_iter().filter(|need| tried.insert(need.clone())).collect();
        if fresh.is_empty() {
            break;
        }
        for need in fresh {
            // What is fetched is put in one step, so that nobody waits for a slow server.
            let found = obtain(&need, fetcher).await;
            let mut evidence = write(evidence);
            evidence.forget(trust, now);
            keep(&need, found, trust, &mut evidence, now);
        }
    }
    let chain = legation_verifier::verify(presentation, trust, &read(evidence), nonce, now)?;
    let lists = || chain.evidence().iter().filter_map(|used| Some((used, used.valid_from?)));
    if lists().next().is_some() {
        let mut evidence = write(evidence);
        for (used, made) in lists() {
            evidence.note_status_list(&used.id, made);
        }
    }
    Ok(chain)
}

/// As [`verify_shared`], with everything fetched anew: what was revoked a moment ago is denied, at the
/// cost of these fetches. Of `evidence` it takes, and tells it in turn, which status lists were seen, so
/// that an older one is refused.
///
/// # Errors
/// As [`verify`].
pub async fn verify_anew(
    presentation: &Presentation,
    trust: &Trust,
    fetcher: &Fetcher,
    evidence: &RwLock<Evidence>,
    nonce: &str,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    let mut anew = Evidence::new();
    anew.note_seen(&read(evidence), now);
    let outcome = verify(presentation, trust, fetcher, &mut anew, nonce, now).await;
    // Also after a denial: the list that tells of a revocation is the newest one.
    let mut evidence = write(evidence);
    evidence.note_seen(&anew, now);
    evidence.forget(trust, now);
    outcome
}

/// Evidence is only ever added to; what somebody added before failing elsewhere still holds.
fn read(evidence: &RwLock<Evidence>) -> RwLockReadGuard<'_, Evidence> {
    evidence.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(evidence: &RwLock<Evidence>) -> RwLockWriteGuard<'_, Evidence> {
    evidence.write().unwrap_or_else(PoisonError::into_inner)
}

/// A piece of evidence as it was fetched.
enum Found {
    Document(Vec<u8>),
    StatusList(String),
}

async fn obtain(need: &Need, fetcher: &Fetcher) -> Result<Found, FetchError> {
    match need {
        Need::Document(did) => fetcher.document_bytes(did).await.map(|(_, bytes)| Found::Document(bytes)),
        Need::StatusList(url) => fetcher.status_list(url).await.map(Found::StatusList),
    }
}

/// Keeps what meets a need, or why nothing does.
fn keep(need: &Need, found: Result<Found, FetchError>, trust: &Trust, evidence: &mut Evidence, now: i64) {
    match (need, found) {
        (Need::Document(did), Ok(Found::Document(bytes))) => {
            // It was parsed a moment ago; what still fails would be told as a denial.
            let _ = evidence.add_document(did, &bytes, now);
        }
        (Need::StatusList(url), Ok(Found::StatusList(secured))) => {
            evidence.add_status_list(url, &secured, now, trust.limits.status_entries);
        }
        // Each need is met with its own kind.
        (_, Ok(_)) => {}
        (need, Err(error)) => evidence.add_failure(need, &error.to_string(), now),
    }
}
