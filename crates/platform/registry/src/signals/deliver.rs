//! From what waits for a stream to whoever polls it, or is sent to. Tokens are signed when they go out: the same event gives
//! the same token each time, as long as the key stays.

use super::{
    SignalError,
    streams::{KIND, Stream},
};
use crate::{error::RegistryError, registry::Registry, route::origin_of};
use legation_signer::{EventTerms, SealedKey};
use legation_store::{
    organization, signal,
    signal::{Key, Receiver},
    subscription::{self, Outcome, Pending, Subscription},
};
use serde_json::Value;

/// Most tokens that one poll gives.
const MOST_POLLED: i64 = 100;
/// Most tokens that are sent to one receiver before its stream is given back.
const MOST_SENT: i64 = 50;
/// For how long a process has a stream, milliseconds. Longer than what it sends takes; whoever dies leaves it for so long.
const LEASE: i64 = 30_000;

/// What one poll gives (RFC 8936 §2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// The tokens, each by its `jti`, in order.
    pub sets: Vec<(String, String)>,
    /// Whether there are more.
    pub more: bool,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// A token, or an alert, which is JSON.
    pub body: String,
    /// Of an alert, a detached JWS over it (RFC 7515, appendix F).
    pub signature: Option<String>,
}

/// A stream, or a webhook of alerts, that something is to be sent to, which a process has for a while.
#[derive(Clone, Debug)]
pub struct Due {
    /// The stream or webhook.
    pub stream: Subscription,
    /// Where it is sent to.
    pub url: String,
    /// That URL's origin, to which the header is bound.
    pub origin: String,
    /// The sealed header `Authorization`, where there is one.
    pub authorization: Option<Vec<u8>>,
    /// What waits, in order.
    pub pending: Vec<Pending>,
    audience: String,
    key: Option<Key>,
}

impl Due {
    /// Whether it is a webhook of alerts.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        self.stream.kind != KIND
    }
}

impl Registry {
    /// Takes what a receiver says that it has got out of its stream, and gives what waits, without waiting for more.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn poll(
        &self,
        receiver: &Receiver,
        id: &str,
        acknowledged: &[String],
        most: Option<i64>,
    ) -> Result<Polled, SignalError> {
        let most = most.unwrap_or(MOST_POLLED).clamp(0, MOST_POLLED);
        if !acknowledged.is_empty() {
            let ids = acknowledged.iter().map(String::as_str);
            self.store.write(|tx| {
                self.stream_of(tx, receiver, id)?;
                Ok::<_, SignalError>(subscription::acknowledge(tx, &self.id, id, ids)?)
            })?;
        }
        let (kept, mut waiting, key) = self.store.read(|tx| -> Result<_, SignalError> {
            let kept = self.stream_of(tx, receiver, id)?;
            let is_told = kept.state != "paused" && kept.waiting > 0;
            let most = if is_told { most.saturating_add(1) } else { 0 };
            let waiting = subscription::pending(tx, &self.id, id, most)?;
            let keys = if waiting.is_empty() { Vec::new() } else { signal::keys(tx, &self.id)? };
            Ok((kept, waiting, keys.into_iter().find(|key| key.until.is_none())))
        })?;
        let most = usize::try_from(most).unwrap_or_default();
        let more = waiting.len() > most;
        waiting.truncate(most);
        let audience = Stream::read(&kept)?.audience;
        let signed = |one: Pending| Ok((one.id.clone(), self.set((key.as_ref(), &audience), &one)?));
        let sets = waiting.into_iter().map(signed).collect::<Result<_, RegistryError>>()?;
        Ok(Polled { sets, more })
    }

    /// Takes the streams that something is to be sent to, for this process and half a minute. Those for which `busy` says so
    /// are left. `now` is in Unix milliseconds.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn due_streams(
        &self,
        process: &str,
        now: i64,
        busy: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Due>, RegistryError> {
        let is_due = self.store.read(|tx| -> Result<bool, RegistryError> {
            let is_open = organization::get(tx, &self.id)?.closed.is_none();
            Ok(is_open && subscription::is_due(tx, &self.id, process, now)?)
        })?;
        if !is_due {
            return Ok(Vec::new());
        }
        let until = now.saturating_add(LEASE);
        let (claimed, key) = self.store.write(|tx| -> Result<_, RegistryError> {
            let claimed = subscription::claim(tx, &self.id, process, (now, until), MOST_SENT, busy)?;
            Ok((claimed, signal::keys(tx, &self.id)?.into_iter().find(|key| key.until.is_none())))
        })?;
        let mut due = Vec::new();
        for (stream, pending) in claimed {
            let url = stream.url.clone().unwrap_or_default();
            let (audience, authorization) = if stream.kind == KIND {
                let read = Stream::read(&stream)?;
                let authorization = read.authorization();
                (read.audience, authorization)
            } else {
                (String::new(), None)
            };
            let (origin, key) = (origin_of(&url)?, key.clone());
            due.push(Due { url, origin, authorization, pending, audience, key, stream });
        }
        Ok(due)
    }

    /// Signs one of what waits.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn sign_due(&self, due: &Due, pending: &Pending) -> Result<Outgoing, RegistryError> {
        if due.is_alert() {
            return self.sign_alert(pending);
        }
        let body = self.set((due.key.as_ref(), &due.audience), pending)?;
        Ok(Outgoing { body, signature: None })
    }

    /// Writes what came of sending, and gives the streams back.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn settle_streams(&self, process: &str, outcomes: &[Outcome]) -> Result<(), RegistryError> {
        self.store.write(|tx| {
            for outcome in outcomes {
                subscription::settle(tx, &self.id, process, outcome)?;
            }
            Ok(())
        })
    }

    fn set(&self, (key, audience): (Option<&Key>, &str), pending: &Pending) -> Result<String, RegistryError> {
        let damaged = |reason: &str| RegistryError::damaged("an event that waits", reason);
        let key = key.ok_or_else(|| damaged("there is no key that signs it"))?;
        let body: Value = serde_json::from_str(&pending.body).map_err(|error| damaged(&error.to_string()))?;
        let text = |name: &str| body.get(name).map(Value::to_string).unwrap_or_default();
        let terms = EventTerms {
            issuer: &self.origin(),
            audience,
            jti: &pending.id,
            issued_at: pending.at,
            subject: &text("sub"),
            event: &pending.kind,
            said: &text("said"),
            txn: body.get("txn").and_then(Value::as_str),
        };
        let key = SealedKey { organization: &self.id, key_id: &key.key_id, sealed: &key.sealed };
        Ok(self.signer().security_event(key, &terms)?)
    }
}
