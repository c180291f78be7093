//! Who asks for a token. The evidence is the organization's own; nothing is fetched for anybody.

use crate::{
    decide::{Identified, Undecided},
    gateway::Gateway,
    refused::Refused,
};
use legation_did::{Document, KeyUse, Purpose};
use legation_keys::PublicKey;
use legation_registry::{Registry, RegistryError};
use legation_store::StoreError;
use legation_token::{Assertion, SKEW};
use legation_verifier::{Code, Denial, Evidence, Presentation, Proof};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tracing::info_span;

impl Gateway {
    /// Whoever has presented a chain of the organization's.
    pub(crate) async fn by_presentation(
        self: &Arc<Self>,
        presentation: &Presentation,
        now: i64,
    ) -> Result<Identified, Undecided> {
        // Nothing is read for a chain that does not even claim to begin here.
        let is_ours = presentation.claims().next().is_some_and(|root| root.issuer == *self.registry.did());
        let (epoch, evidence) =
            if is_ours { self.gathered(presentation, now).await? } else { (0, Evidence::new()) };
        // Whoever is nobody yet learns nothing of the trust.
        let verified = info_span!("verify")
            .in_scope(|| self.verifier.verify(presentation, &evidence, presentation.nonce(), now))
            .map_err(|denial: Denial| Undecided::Refused(Refused::from(&denial.without_trust())))?;
        let secured = presentation.secured_links().collect::<Vec<_>>().join("~");
        Ok(Identified { secured: Some(secured.into()), ..Identified::new(epoch, Arc::new(verified)) })
    }

    /// An agent of the organization, whose key has signed an assertion: its delegations as they are now. The assertion is the
    /// signature by which it is there, and its `jti` the nonce that passes once.
    pub(crate) async fn by_assertion(
        self: &Arc<Self>,
        assertion: &Assertion,
        now: i64,
    ) -> Result<Identified, Undecided> {
        if !self.registry.is_own(&assertion.agent) {
            return Err(nobody().into());
        }
        let (gateway, asked) = (Arc::clone(self), assertion.clone());
        let found = self.blocking(move || proved(&gateway.registry, &asked, now)).await;
        let (links, proof) = found.map_err(|error| Undecided::Refused(Refused::of_registry(&error)))??;
        let wrong = |denial: Denial| Undecided::Refused(Refused::from(&denial));
        let secured = links.join("~");
        let presentation = self.verifier.parse_request(&secured, proof).map_err(wrong)?;
        let (epoch, evidence) = self.gathered(&presentation, now).await?;
        let verified = info_span!("verify")
            .in_scope(|| self.verifier.verify(&presentation, &evidence, presentation.nonce(), now));
        let chain = Arc::new(verified.map_err(wrong)?);
        Ok(Identified { secured: Some(secured.into()), ..Identified::new(epoch, chain) })
    }

    /// Holds that an assertion comes once, whichever of the end points it comes to, and in whichever process (RFC 7523 §3, item 7).
    pub(crate) async fn assertion_is_first(
        self: &Arc<Self>,
        assertion: &Assertion,
        now: i64,
    ) -> Result<(), Refused> {
        let id = Sha256::digest(format!("assertion\n{}\n{}", assertion.agent, assertion.id)).into();
        let (gateway, until) = (Arc::clone(self), assertion.expires_at.saturating_add(SKEW));
        let first = self.blocking(move || gateway.registry.first_shown(&id, until, now)).await;
        match first.and_then(|first| first).map_err(|error| Refused::of_registry(&error))? {
            true => Ok(()),
            false => {
                let (expected, found) = ("a `jti` that was not used before", "one that was");
                Err(Refused::from(&Denial::new(Code::NonceReplayed, expected, found)))
            }
        }
    }
}

/// One answer for whoever is not known here: nobody learns which agents there are.
fn nobody() -> Refused {
    let message =
        "the assertion is of no agent of this organization, or of a key that is not the agent's own";
    Refused::new("client_unknown", message)
}

/// The delegations of an agent whose key has signed an assertion.
fn proved(registry: &Registry, assertion: &Assertion, now: i64) -> Result<(Vec<String>, Proof), Refused> {
    let unknown = |error: &RegistryError| match error {
        RegistryError::Store(StoreError::NotFound { .. }) => nobody(),
        error => Refused::of_registry(error),
    };
    let document = registry.document(assertion.agent.as_str()).map_err(|error| unknown(&error))?;
    let Assertion { signing_input, signature, .. } = assertion;
    let key = key_of(&document, assertion, now);
    let key = key.filter(|key| key.verify(signing_input.as_bytes(), signature).is_ok()).ok_or_else(nobody)?;
    // From here on it is the agent itself.
    let (_, links) = registry.chain_of(&assertion.agent).map_err(|error| match error {
        RegistryError::Store(StoreError::NotFound { .. }) => Refused::new(
            "no_delegation",
            format!(
                "`{}` has no delegation that holds: it was revoked, or the agent is retired",
                assertion.agent
            ),
        ),
        error => Refused::of_registry(&error),
    })?;
    let proof = Proof {
        signing_input: signing_input.clone(),
        algorithm: Some(assertion.algorithm),
        key_thumbprint: key.thumbprint(),
        signature: *signature,
        nonce: assertion.id.clone(),
        created: assertion.issued_at,
        expires: assertion.expires_at,
    };
    Ok((links, proof))
}

/// The key of a document that an assertion names by `kid`, as a DID URL or by its thumbprint; where it names none, the only one of
/// its algorithm.
fn key_of(document: &Document, assertion: &Assertion, now: i64) -> Option<PublicKey> {
    let (algorithm, purpose) = (assertion.algorithm, Purpose::Authentication);
    let named = |id: &str| document.key(KeyUse { id, algorithm, purpose, now }).ok().cloned();
    match assertion.key_id.as_deref() {
        Some(url) if url.starts_with("did:") => named(url),
        Some(thumbprint) => {
            document.key_by_thumbprint(thumbprint, Some(algorithm), purpose, now).ok().cloned()
        }
        None => {
            let mut fitting = document.usable(purpose, now).filter(|(_, of)| *of == algorithm);
            match (fitting.next(), fitting.next()) {
                (Some((id, _)), None) => named(id),
                _ => None,
            }
        }
    }
}
