//! All rounds of a verification in one call: ask the verifier what it needs, fetch it, ask again.

use crate::Fetcher;
use legation_verifier::{Denial, Evidence, Need, Presentation, Trust, VerifiedChain, gather};
use std::collections::HashSet;

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
            fetch(&need, trust, fetcher, evidence, now).await;
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

/// Meets one need, or notes why it could not be met.
async fn fetch(need: &Need, trust: &Trust, fetcher: &Fetcher, evidence: &mut Evidence, now: i64) {
    let outcome = match need {
        Need::Document(did) => fetcher.document_bytes(did).await.map(|(_, bytes)| {
            // It was parsed a moment ago; what still fails would be told as a denial.
            let _ = evidence.add_document(did, &bytes, now);
        }),
        Need::StatusList(url) => fetcher
            .status_list(url)
            .await
            .map(|secured| evidence.add_status_list(url, &secured, now, trust.limits.status_entries)),
    };
    if let Err(error) = outcome {
        evidence.add_failure(need, &error.to_string(), now);
    }
}
