//! The documents of approvers, fetched for one request: once its chain has verified, and only for approvals that are of
//! this very request, valid now, and of those whom the chain names.

use crate::{
    Fetcher,
    shared::SharedEvidence,
    verify::{Store, Work},
};
use legation_credential::Request;
use legation_verifier::{
    Approvals, Evidence, Need, Presentation, Trust, VerifiedChain, gather_approvals, verify_approvals,
};
use std::collections::HashSet;

/// What approvals are of: a request by a chain that has verified, and the presentation that it came with.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The presentation, on whose behalf documents are fetched and kept.
    pub presentation: &'a Presentation,
    /// The chain that it verified as.
    pub chain: &'a VerifiedChain,
    /// The request.
    pub request: &'a Request,
}

/// Verifies the approvals of a request, fetching the approvers' documents that are missing or too old. `evidence`
/// keeps what was fetched. `now` is Unix seconds.
pub async fn approvals(
    presented: &[&str],
    asked: Asked<'_>,
    trust: &Trust,
    fetcher: &Fetcher,
    evidence: &mut Evidence,
    now: i64,
) -> Approvals {
    run(presented, asked, trust, fetcher, &mut Store::Own(evidence), now).await
}

/// As [`approvals`], for a service that answers many at a time. `anew` fetches each document, however fresh the
/// evidence is.
pub async fn approvals_shared(
    presented: &[&str],
    asked: Asked<'_>,
    trust: &Trust,
    fetcher: &Fetcher,
    evidence: &SharedEvidence,
    anew: bool,
    now: i64,
) -> Approvals {
    run(presented, asked, trust, fetcher, &mut Store::Shared { evidence, anew }, now).await
}

async fn run(
    presented: &[&str],
    asked: Asked<'_>,
    trust: &Trust,
    fetcher: &Fetcher,
    store: &mut Store<'_>,
    now: i64,
) -> Approvals {
    let Asked { presentation, chain, request } = asked;
    let own = Evidence::new();
    // The chain has verified, and so has its root's signature.
    let shown = true;
    let mut work = Work { presentation, trust, memory: None, fetcher, now, own, turn: None, lists: 0, shown };
    let mut tried = HashSet::new();
    loop {
        let needs = gather_approvals(presented, chain, request, trust, &work.own, now);
        let fresh: Vec<Need> = needs.into_iter().filter(|need| tried.insert(need.clone())).collect();
        if fresh.is_empty() {
            return verify_approvals(presented, chain, request, trust, &work.own, now);
        }
        for need in fresh {
            let since = now.saturating_sub(trust.max_document_age).saturating_sub(1);
            let held = match &*store {
                Store::Own(evidence) => work.own.take_since(&need, evidence, since),
                Store::Shared { anew: true, .. } => false,
                Store::Shared { evidence, .. } => work.own.take_since(&need, &evidence.read(), since),
            };
            // A failure that is held is asked for again, once.
            if !held || !gather_approvals(presented, chain, request, trust, &work.own, now).is_empty() {
                work.meet(&need, store).await;
            }
        }
    }
}
