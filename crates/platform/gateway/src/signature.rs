//! Who calls by a signature (RFC 9421) with a chain: whoever keeps its own key. The evidence for the chain is the
//! organization's own; nothing is fetched for anybody.

use crate::{
    decide::{Identified, Undecided},
    gateway::Gateway,
    refused::Refused,
};
use legation_credential::{Delegation, LinkDigest};
use legation_http_signature::{AgentDelegation, Message, read};
use legation_registry::{Registry, RegistryError};
use legation_verifier::{Denial, Evidence};
use std::{collections::BTreeSet, sync::Arc};

impl Gateway {
    /// Whoever signed a request.
    pub(crate) async fn by_signature(
        self: &Arc<Self>,
        message: &Message<'_>,
        now: i64,
    ) -> Result<Identified, Undecided> {
        let wrong = |code: &str, error: String| Undecided::Refused(Refused::new(code, error));
        let delegation = AgentDelegation::parse(message.headers)
            .map_err(|error| wrong(error.code(), error.to_string()))?;
        let digest = delegation.digest();
        let chain: Arc<str> = match delegation {
            AgentDelegation::Chain(chain) => chain.as_str().into(),
            AgentDelegation::Digest(_) => self.chains.get(&digest).ok_or_else(|| {
                let message = "no chain of this digest has verified here lately: send the chain itself";
                wrong("chain_unknown", message.to_owned())
            })?,
        };
        let proof = read(message).map_err(|error| wrong(error.code(), error.to_string()))?;
        // Whoever is nobody yet learns nothing of the trust.
        let stranger = |denial: Denial| Undecided::Refused(Refused::from(&denial.without_trust()));
        let presentation = self.verifier.parse_request(&chain, proof).map_err(stranger)?;
        let claims: Vec<Delegation> = presentation.claims().cloned().collect();
        let digests: Vec<LinkDigest> = presentation.link_digests().collect();
        // Nothing is read for a chain that does not even claim to begin here.
        let is_ours = claims.first().is_some_and(|root| root.issuer == *self.registry.did());
        let (epoch, evidence) = if is_ours {
            let gateway = Arc::clone(self);
            let most = self.verifier.trust().limits.status_entries;
            let gathered =
                self.blocking(move || gather(&gateway.registry, (&claims, &digests), most, now)).await;
            gathered
                .and_then(|gathered| gathered)
                .map_err(|error| Undecided::Refused(Refused::of_registry(&error)))?
        } else {
            (0, Evidence::new())
        };
        let verified =
            self.verifier.verify(&presentation, &evidence, presentation.nonce(), now).map_err(stranger)?;
        self.chains.remember(digest, &chain);
        Ok(Identified { epoch, chain: Arc::new(verified), told: Arc::default() })
    }
}

/// The documents and status lists of the organization that links name. Those of others are not there.
pub(crate) fn gather(
    registry: &Registry,
    (claims, digests): (&[Delegation], &[LinkDigest]),
    most_entries: usize,
    now: i64,
) -> Result<(i64, Evidence), RegistryError> {
    // The epoch first: what changes while the rest is read is noticed when it is committed.
    let epoch = registry.epoch()?;
    let mut evidence = Evidence::new();
    let dids: BTreeSet<_> = claims.iter().flat_map(|link| [&link.issuer, &link.terms.subject]).collect();
    for did in dids.into_iter().filter(|did| registry.is_own(did)) {
        if let Ok(document) = registry.document(did.as_str()) {
            // What can't be read is missing, and told as such.
            let _ = evidence.add_document(did, document.to_json().to_string().as_bytes(), now);
        }
    }
    let prefix = format!("{}/status/", registry.origin());
    let urls: BTreeSet<_> =
        claims.iter().flat_map(|link| &link.terms.status).map(|entry| &entry.list).collect();
    for url in urls {
        let number = url.strip_prefix(&prefix).and_then(|number| number.parse().ok());
        if let Some(list) = number.and_then(|number| registry.status_list(number).ok()) {
            evidence.add_status_list(url, &list, now, most_entries);
        }
    }
    registry.blocked(digests)?.into_iter().for_each(|digest| evidence.block(digest));
    Ok((epoch, evidence))
}
