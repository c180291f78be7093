//! Tokens for those to whom they are sent (RFC 8935): at least once, in order, by one process at a time.

use super::{Signals, now, now_millis};
use legation_registry::{
    RegistryError,
    signals::{Due, Outgoing},
};
use legation_resolver::{
    Call, Reply,
    call::{
        Method,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    },
};
use legation_store::subscription::{Outcome, Pending};
use serde_json::Value;
use std::{
    cell::Cell,
    collections::HashSet,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How often it is looked whether there are new events.
const LOOK: Duration = Duration::from_millis(25);
/// The same, where nobody is told of any.
const NOBODY: Duration = Duration::from_millis(500);
/// How long it waits where the store can't be used.
const CLOSED: Duration = Duration::from_secs(1);
/// Most receivers that are sent to at a time: one that never answers takes one place for ten seconds, and then waits.
const AT_ONCE: usize = 256;
/// For how long one receiver is sent to, before what came of it is written down: with the patience for one answer it is
/// less than a process has a stream.
const TURN: Duration = Duration::from_secs(10);
/// How long sending waits after the first failure, and at the most, milliseconds.
const AGAIN: (i64, i64) = (1000, 300_000);

/// The header of an alert's signature: a detached JWS over the body.
const SIGNATURE: &str = "legation-signature";

/// Errors by which a receiver says that this token will never do (RFC 8935 §2.4). The others can be mended: a key that is
/// not known yet, an authorization that was changed.
const FOR_GOOD: [&str; 3] = ["invalid_request", "invalid_issuer", "invalid_audience"];

impl Signals {
    /// Sends what there is to be sent, for as long as it is polled. Any number of processes may do so at once. What fails is
    /// told by `complain`, once, and tried again.
    pub async fn run(self: Arc<Self>, complain: impl Fn(&str) + Send) {
        let process = uuid::Uuid::now_v7().to_string();
        let (tell, mut told) = mpsc::unbounded_channel::<Outcome>();
        let (mut busy, mut outcomes, mut complained) = (HashSet::new(), Vec::new(), String::new());
        loop {
            while let Ok(outcome) = told.try_recv() {
                busy.remove(&outcome.subscription);
                outcomes.push(outcome);
            }
            match self.look(&process, &outcomes, &busy).await {
                Ok((followed, due)) => {
                    outcomes.clear();
                    complained.clear();
                    let more = followed.is_some_and(|followed| followed > 0);
                    if more {
                        self.tell();
                    }
                    for due in due {
                        busy.insert(due.stream.id.clone());
                        let (signals, tell) = (Arc::clone(&self), tell.clone());
                        // Whoever would be told has gone where this fails, and the lease ends by itself.
                        tokio::spawn(async move { drop(tell.send(signals.send(due).await)) });
                    }
                    let wait = if followed.is_none() && busy.is_empty() { NOBODY } else { LOOK };
                    if !more && let Ok(Some(outcome)) = tokio::time::timeout(wait, told.recv()).await {
                        busy.remove(&outcome.subscription);
                        outcomes.push(outcome);
                    }
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != complained {
                        complain(&format!("events are not sent, and it is tried again: {error}\n"));
                    }
                    complained = error;
                    tokio::time::sleep(CLOSED).await;
                }
            }
        }
    }

    /// Writes down what came of sending, follows the organization's events, and takes what is to be sent next.
    async fn look(
        &self,
        process: &str,
        outcomes: &[Outcome],
        busy: &HashSet<String>,
    ) -> Result<(Option<usize>, Vec<Due>), RegistryError> {
        let (registry, process) = (Arc::clone(&self.registry), process.to_owned());
        let (outcomes, busy) = (outcomes.to_vec(), busy.clone());
        let work = move || {
            if !outcomes.is_empty() {
                registry.settle_streams(&process, &outcomes)?;
            }
            let followed = registry.follow_events(now())?;
            let taken = Cell::new(busy.len());
            let is_busy = |id: &str| {
                let is_busy = busy.contains(id) || taken.get() >= AT_ONCE;
                taken.set(taken.get().saturating_add(usize::from(!is_busy)));
                is_busy
            };
            Ok((followed, registry.due_streams(&process, now_millis(), &is_busy)?))
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
            let reason = "its thread has ended".to_owned();
            Err(legation_store::StoreError::Unavailable { reason }.into())
        })
    }

    /// Sends what waits for one receiver, until one thing fails.
    async fn send(&self, due: Due) -> Outcome {
        let mut outcome = Outcome { subscription: due.stream.id.clone(), done: Vec::new(), again: None };
        let due = Arc::new(due);
        let begin = Instant::now();
        let again = Some(now_millis().saturating_add(pause(due.stream.failures)));
        let Ok(headers) = self.headers(&due).await else { return Outcome { again, ..outcome } };
        for pending in &due.pending {
            if begin.elapsed() >= TURN {
                break;
            }
            if !self.send_one(&due, pending, &headers).await {
                outcome.again = again;
                break;
            }
            outcome.done.push(pending.seq);
        }
        outcome
    }

    async fn headers(&self, due: &Arc<Due>) -> Result<HeaderMap, ()> {
        let mut headers = HeaderMap::new();
        let kind = if due.is_alert() { "application/json" } else { "application/secevent+jwt" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(sealed) = &due.authorization {
            let organization = self.registry.id();
            let mut signer = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            // A connection to the process beside us, some microseconds.
            let secret =
                signer.open_secret(organization, &due.stream.id, &due.origin, sealed).map_err(drop)?;
            let mut value = HeaderValue::from_str(&secret).map_err(drop)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    /// Whether it arrived, or never will.
    async fn send_one(&self, due: &Arc<Due>, pending: &Pending, headers: &HeaderMap) -> bool {
        let (registry, signed, one) = (Arc::clone(&self.registry), Arc::clone(due), pending.clone());
        let set = tokio::task::spawn_blocking(move || registry.sign_due(&signed, &one)).await;
        let Ok(Ok(Outgoing { body, signature })) = set else { return false };
        let (url, mut headers) = (due.url.as_str(), headers.clone());
        if let Some(signature) = signature {
            let Ok(value) = HeaderValue::try_from(signature) else { return false };
            headers.insert(SIGNATURE, value);
        }
        let body = body.into_bytes();
        let fetcher = if due.is_alert() { &self.own } else { &self.fetcher };
        match fetcher.call(Call { method: Method::POST, url, headers, body }).await {
            Ok(reply) if due.is_alert() => (200..300).contains(&reply.status),
            Ok(reply) => is_done(&reply),
            Err(_) => false,
        }
    }
}

/// Whether a receiver has taken it, or says that it never will.
fn is_done(reply: &Reply) -> bool {
    match reply.status {
        200..=299 => true,
        400 => {
            let said: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let error = said.get("err").and_then(Value::as_str).unwrap_or_default();
            FOR_GOOD.contains(&error)
        }
        _ => false,
    }
}

/// How long sending waits after so many failures before this one, milliseconds.
fn pause(failures: i64) -> i64 {
    let (first, most) = AGAIN;
    let times = u32::try_from(failures.clamp(0, 16)).unwrap_or_default();
    first.saturating_mul(1 << times).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_tried_less_and_less_and_never_given_up() {
        assert_eq!(
            [0, 1, 2, 8, 9, 100, i64::MAX].map(pause),
            [1000, 2000, 4000, 256_000, 300_000, 300_000, 300_000]
        );
    }
}
