//! Stopping what runs: an answer that is passed on while it arrives ends within a second of its caller being suspended,
//! blocked or revoked.

use crate::{
    auth,
    decide::Who,
    gateway::{Gateway, now},
    refused::Refused,
    resource::{KnownSvid, KnownToken},
    signature::gather,
};
use core::{
    pin::Pin,
    task::{Context, Poll},
};
use futures::{
    FutureExt,
    future::{FusedFuture, Shared},
};
use legation_credential::{Delegation, LinkDigest};
use legation_did::Did;
use legation_http_signature::AgentDelegation;
use legation_registry::quarantine::shut::Link;
use legation_verifier::{Code, Vouched};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{oneshot, watch},
    task::AbortHandle,
};

/// How often the organization's epoch is looked at while something runs.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is looked whether a token was revoked by which something runs.
const LOOK_AT_TOKEN: Duration = Duration::from_millis(500);

/// By what a caller that was decided on is looked at again.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// An API key, by its SHA-256.
    Key([u8; 32]),
    /// An agent that signs, and its chain as its request named it.
    Chain(Box<Did>, Option<AgentDelegation>),
    /// An identity token.
    Token(Arc<KnownToken>),
    /// A JWT-SVID.
    Svid(Arc<KnownSvid>),
}

impl By {
    pub(crate) fn of(who: Who<'_>, agent: &Did) -> Self {
        match who {
            Who::Key(key) => Self::Key(key),
            Who::Named { subject, .. } => Self::Chain(Box::new(subject.clone()), None),
            // A token is made at once; nothing runs.
            Who::Presented(_) | Who::Asserted(_) | Who::Consented(_) => {
                Self::Chain(Box::new(agent.clone()), None)
            }
            Who::Token(presented) => match (presented.of(), presented.svid()) {
                (Some(known), _) => Self::Token(Arc::clone(known)),
                (None, Some(known)) => Self::Svid(Arc::clone(known)),
                (None, None) => Self::Chain(Box::new(agent.clone()), None),
            },
            Who::Signed(message) => {
                Self::Chain(Box::new(agent.clone()), AgentDelegation::parse(message.headers).ok())
            }
        }
    }
}

/// Looks at a caller again whenever the organization has changed, for as long as it or a clone of it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    stopped: Shared<oneshot::Receiver<Refused>>,
    _task: Arc<Task>,
}

#[derive(Debug)]
struct Task(AbortHandle);

impl Guard {
    /// Why the caller may not go on, once that is so.
    pub(crate) async fn stopped(&mut self) -> Refused {
        core::future::poll_fn(|context| self.poll_stopped(context)).await
    }

    /// The same for whoever polls; it is told once.
    pub(crate) fn poll_stopped(&mut self, context: &mut Context<'_>) -> Poll<Refused> {
        if self.stopped.is_terminated() {
            return Poll::Pending;
        }
        match Pin::new(&mut self.stopped).poll(context) {
            Poll::Ready(Ok(refused)) => Poll::Ready(refused),
            // Where nobody looks any more, nobody is stopped.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Gateway {
    /// The organization's epochs from now on.
    pub(crate) fn watch(self: &Arc<Self>) -> watch::Receiver<i64> {
        let epochs = self.epochs.subscribe();
        if !self.watched.swap(true, Ordering::AcqRel) {
            let gateway = Arc::clone(self);
            tokio::spawn(async move { gateway.look_at_epochs().await });
        }
        epochs
    }

    /// Looks at the epoch for as long as somebody wants to know.
    async fn look_at_epochs(self: &Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.epochs.receiver_count() == 0 {
                self.watched.store(false, Ordering::Release);
                // Whoever came meanwhile has seen that it is looked at.
                if self.epochs.receiver_count() == 0 || self.watched.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
            // A store that is gone says nothing new; what it would have said is looked at once it is back.
            if let Ok(epoch) = self.epoch().await
                && epoch != *self.epochs.borrow()
            {
                // Once, before all look at their callers again.
                self.forget();
                self.epochs.send_replace(epoch);
            }
        }
    }

    /// Looks at a caller again at each change from now on.
    pub(crate) fn guard(self: &Arc<Self>, by: By, mut epochs: watch::Receiver<i64>) -> Guard {
        let (stop, stopped) = oneshot::channel();
        let gateway = Arc::clone(self);
        let task = tokio::spawn(async move {
            // That a token was revoked raises no epoch.
            let is_token = matches!(by, By::Token(..) | By::Svid(..));
            loop {
                let changed = tokio::select! {
                    changed = epochs.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        true
                    }
                    () = tokio::time::sleep(LOOK_AT_TOKEN), if is_token => false,
                };
                let holds = match &by {
                    By::Token(known) if !changed => gateway.token_not_revoked(&known.id).await,
                    By::Svid(known) if !changed => match &known.issued {
                        Some(id) => gateway.token_not_revoked(id).await,
                        None => Ok(()),
                    },
                    by => gateway.still_holds(by).await,
                };
                if let Err(refused) = holds {
                    let _ = stop.send(refused);
                    return;
                }
            }
        });
        Guard { stopped: stopped.shared(), _task: Arc::new(Task(task.abort_handle())) }
    }

    /// Whether a caller could still be somebody: its key is there, and its chain holds. What it has left to spend is asked for
    /// with its next call.
    async fn still_holds(self: &Arc<Self>, by: &By) -> Result<(), Refused> {
        let now = now();
        match by {
            By::Key(key) => match self.caller(*key, now).await {
                Ok(caller) => {
                    caller.verify(&self.verifier, now).map(drop).map_err(|denial| Refused::from(&denial))
                }
                // The store is gone; it is looked at again with the next change.
                Err(legation_registry::CallerError::Registry(_)) => Ok(()),
                Err(error) => Err(auth::refused(&error)),
            },
            By::Chain(agent, named) => self.chain_holds(agent, named.as_ref(), now).await,
            By::Token(known) => self.token_holds(known, now).await,
            By::Svid(known) => {
                let chain = self.svid_holds(known, now).await?;
                self.still_verifies(&known.agent, &chain, now).await
            }
        }
    }

    async fn chain_holds(
        self: &Arc<Self>,
        agent: &Did,
        named: Option<&AgentDelegation>,
        now: i64,
    ) -> Result<(), Refused> {
        let presented = named.and_then(|named| match named {
            AgentDelegation::Chain(chain) => Some(chain.as_str().to_owned()),
            AgentDelegation::Digest(digest) => self.chains.get(digest).map(|chain| chain.to_string()),
        });
        // It may call with a chain of a partner's, which its own does not stand for.
        let is_foreign = presented.as_deref().is_some_and(|chain| self.begins_elsewhere(agent, chain, now));
        let chain = if self.registry.is_own(agent) && !is_foreign {
            // An organization that changes what its agent may do issues new delegations and revokes those before.
            let (gateway, agent) = (Arc::clone(self), agent.clone());
            let current = self.blocking(move || gateway.registry.chain_of(&agent)).await;
            let Ok(current) = current else { return Ok(()) };
            current.map(|(_, links)| links.join("~")).ok().or(presented)
        } else {
            presented
        };
        // One that was forgotten is looked at with the next call.
        let Some(chain) = chain else { return Ok(()) };
        self.still_verifies(agent, &chain, now).await
    }

    /// Whether a chain begins with another organization.
    fn begins_elsewhere(&self, agent: &Did, chain: &str, now: i64) -> bool {
        let vouched = Vouched { agent, known_by: "stream", at: now };
        self.verifier.parse_vouched(chain, vouched).is_ok_and(|presentation| {
            presentation.claims().next().is_some_and(|root| root.issuer != *self.registry.did())
        })
    }

    async fn token_holds(self: &Arc<Self>, known: &Arc<KnownToken>, now: i64) -> Result<(), Refused> {
        self.token_not_revoked(&known.id).await?;
        // The store is gone; it is looked at again with the next change.
        if self.token_has_its_key(known, now).await.is_ok_and(|has| !has) {
            let message = "the key by which the token was asked for is no longer the agent's";
            return Err(Refused::new("token_unknown", message));
        }
        self.still_verifies(&known.claims().client_id, &known.chain, now).await
    }

    async fn token_not_revoked(self: &Arc<Self>, id: &str) -> Result<(), Refused> {
        let (gateway, id) = (Arc::clone(self), id.to_owned());
        let found = self.blocking(move || gateway.registry.issued_token(&id)).await.and_then(|found| found);
        // One that ended meanwhile was not revoked before.
        if found.is_ok_and(|found| found.is_some_and(|token| token.revoked.is_some())) {
            return Err(Refused::new("token_revoked", "the token was revoked"));
        }
        Ok(())
    }

    /// Whether a chain would still be verified.
    async fn still_verifies(self: &Arc<Self>, agent: &Did, chain: &str, now: i64) -> Result<(), Refused> {
        let vouched = Vouched { agent, known_by: "stream", at: now };
        let presentation =
            self.verifier.parse_vouched(chain, vouched).map_err(|denial| Refused::from(&denial))?;
        let claims: Vec<Delegation> = presentation.claims().cloned().collect();
        if let Some(root) = claims.first().filter(|root| root.issuer != *self.registry.did()) {
            // Whether its own organization still stands by it is asked for with its next call.
            return match self.partner(&root.issuer).await {
                Ok(Some(_)) => {
                    let one = |(claims, digests): (&Delegation, _)| {
                        let (issuer, subject) = (claims.issuer.clone(), claims.terms.subject.clone());
                        Link { digests, issuer, subject }
                    };
                    let links = claims.iter().zip(presentation.digests_by_link()).map(one).collect();
                    self.is_let_in(&root.issuer, links).await
                }
                Err(_) => Ok(()),
                Ok(None) => Err(Refused::new(
                    Code::RootUntrusted.as_str(),
                    "the organization that the agent belongs to may no longer call here",
                )),
            };
        }
        let digests: Vec<LinkDigest> = presentation.link_digests().collect();
        let gateway = Arc::clone(self);
        let most = self.verifier.trust().limits.status_entries;
        let gathered = self.blocking(move || gather(&gateway.registry, (&claims, &digests), most, now)).await;
        let Ok(Ok((_, evidence))) = gathered else { return Ok(()) };
        let verified = self.verifier.verify(&presentation, &evidence, presentation.nonce(), now);
        verified.map(drop).map_err(|denial| Refused::from(&denial))
    }
}
