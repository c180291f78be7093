//! Who calls by a signature (RFC 9421) with a chain: whoever keeps its own key. The evidence for the chain is the
//! organization's own; nothing is fetched for anybody but agents of partners (`foreign`).

use crate::{
    counted::By,
    decide::{Identified, Undecided},
    gateway::Gateway,
    refused::Refused,
};
use legation_credential::{Delegation, LinkDigest};
use legation_did::Did;
use legation_http_signature::{AgentDelegation, Message, read};
use legation_registry::{Registry, RegistryError};
use legation_store::StoreError;
use legation_verifier::{Denial, Evidence, Presentation, Vouched};
use std::{collections::BTreeSet, sync::Arc};
use tracing::{Instrument, info_span};

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
        let proof = info_span!("auth")
            .in_scope(|| read(message))
            .map_err(|error| wrong(error.code(), error.to_string()))?;
        let proved = Some(By::Signed(proof.signing_input.as_str().into()));
        // Whoever is nobody yet learns nothing of the trust.
        let stranger = |denial: Denial| Undecided::Refused(Refused::from(&denial.without_trust()));
        let presentation = self.verifier.parse_request(&chain, proof).map_err(stranger)?;
        // Nothing is read for a chain that does not even claim to begin here.
        let root = presentation.claims().next().map(|root| root.issuer.clone());
        let is_ours = root.as_ref() == Some(self.registry.did());
        if let (false, Some(root)) = (is_ours, &root)
            && let Some(partner) = self.partner(root).await?
        {
            let identified = self.by_foreign_signature(message, &chain, partner, now).await?;
            self.chains.remember(digest, &chain);
            return Ok(identified);
        }
        let (epoch, evidence) =
            if is_ours { self.gathered(&presentation, now).await? } else { (0, Evidence::new()) };
        let verified = info_span!("verify")
            .in_scope(|| self.verifier.verify(&presentation, &evidence, presentation.nonce(), now))
            .map_err(stranger)?;
        self.chains.remember(digest, &chain);
        Ok(Identified { proved, ..Identified::new(epoch, Arc::new(verified)) })
    }
}

/// What is told of a subject that is nobody here.
pub(crate) fn nobody() -> Refused {
    Refused::new("no_delegation", "the subject is no agent of this organization, or has no delegation")
}

impl Gateway {
    /// An agent of the organization that somebody vouches for, by its DID: its delegations as they are now.
    pub(crate) async fn by_name(
        self: &Arc<Self>,
        subject: &Did,
        by: &Did,
        now: i64,
    ) -> Result<Identified, Undecided> {
        if !self.registry.is_own(subject) {
            return Err(nobody().into());
        }
        let (gateway, did) = (Arc::clone(self), subject.clone());
        let found = self.blocking(move || gateway.registry.chain_of(&did)).await;
        let found = found.map_err(|error| Undecided::Refused(Refused::of_registry(&error)))?;
        let (_, links) = found.map_err(|error| match error {
            RegistryError::Store(StoreError::NotFound { .. }) => nobody(),
            error => Refused::of_registry(&error),
        })?;
        let wrong = |denial: Denial| Undecided::Refused(Refused::from(&denial));
        let vouched = Vouched { agent: subject, known_by: by.as_str(), at: now };
        let presentation = self.verifier.parse_vouched(&links.join("~"), vouched).map_err(wrong)?;
        let (epoch, evidence) = self.gathered(&presentation, now).await?;
        let verified = self.verifier.verify(&presentation, &evidence, presentation.nonce(), now);
        Ok(Identified::new(epoch, Arc::new(verified.map_err(wrong)?)))
    }

    /// The organization's evidence for a presentation, and the epoch that it is of.
    pub(crate) async fn gathered(
        self: &Arc<Self>,
        presentation: &Presentation,
        now: i64,
    ) -> Result<(i64, Evidence), Undecided> {
        let claims: Vec<Delegation> = presentation.claims().cloned().collect();
        let digests: Vec<LinkDigest> = presentation.link_digests().collect();
        let (gateway, most) = (Arc::clone(self), self.verifier.trust().limits.status_entries);
        let read = self.blocking(move || gather(&gateway.registry, (&claims, &digests), most, now));
        let gathered = read.instrument(info_span!("resolve")).await.and_then(|gathered| gathered);
        gathered.map_err(|error| Undecided::Refused(Refused::of_registry(&error)))
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
