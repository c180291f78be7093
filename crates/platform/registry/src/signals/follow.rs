//! From the organization's events to what waits for each stream.

use super::{
    MOST_RECEIVERS, MOST_WAITING,
    streams::{self, Stream},
    told::{STREAM_UPDATED, Told, is_meant, told},
};
use crate::{error::RegistryError, registry::Registry};
use legation_store::{
    Event, Tx, followed, organization,
    subscription::{self, Pending, Subscription},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How far events were followed for streams.
pub(super) const NAME: &str = "streams";
/// Most events that are followed at a time.
const BATCH: i64 = 100;

impl Registry {
    /// Puts what the organization's new events mean behind what waits for each stream. Gives how many events there were:
    /// as many as are followed at a time, where there may be more; `None` where nobody is told. Any number of processes may
    /// do it at once.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn follow_events(&self, now: i64) -> Result<Option<usize>, RegistryError> {
        let (at, own) = self.store.read(|tx| -> Result<_, RegistryError> {
            Ok((followed::get(tx, &self.id, NAME)?, organization::get(tx, &self.id)?))
        })?;
        // What was put back tells nothing before it is opened.
        if at.is_none_or(|at| own.events <= at) || own.closed.is_some() {
            return Ok(at.map(|_| 0));
        }
        self.store.write(|tx| {
            // Whoever else follows waits here, and then finds nothing new.
            let Some(at) = followed::lock(tx, &self.id, NAME)? else { return Ok(None) };
            let events = tx.events(&self.id, at, BATCH)?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(Some(0)) };
            self.put_told(tx, &events, now)?;
            followed::set(tx, &self.id, NAME, last)?;
            Ok(Some(events.len()))
        })
    }

    fn put_told(&self, tx: &mut Tx<'_>, events: &[Event], now: i64) -> Result<(), RegistryError> {
        let mut all: Vec<(i64, Told)> = Vec::new();
        for event in events {
            all.extend(told(self, tx, event)?.into_iter().map(|told| (event.seq, told)));
        }
        if all.is_empty() {
            return Ok(());
        }
        let streams = subscription::list(tx, &self.id, streams::KIND, "", MOST_RECEIVERS)?;
        let choosy: BTreeSet<String> = subscription::leaving_out(tx, &self.id)?.into_iter().collect();
        let mut put = Vec::new();
        let mut full = Vec::new();
        for stream in streams.into_iter().filter(|stream| stream.state != "disabled") {
            let left_out = if choosy.contains(&stream.id) { self.left_out(tx, &stream)? } else { Vec::new() };
            let wanted = Stream::read(&stream)?.events_delivered();
            let is_told = |told: &Told| {
                wanted.contains(&told.event) && !left_out.iter().any(|by| is_meant(&told.subject, by))
            };
            let told: Vec<_> = all.iter().filter(|(_, told)| is_told(told)).collect();
            let more = i64::try_from(told.len()).unwrap_or(i64::MAX);
            if stream.waiting.saturating_add(more) > MOST_WAITING {
                full.push(stream);
                continue;
            }
            put.extend(told.into_iter().map(|(seq, told)| (stream.id.clone(), pending(told, *seq, now))));
        }
        subscription::put(tx, &self.id, put)?;
        full.into_iter().try_for_each(|stream| self.disable(tx, stream, now))
    }

    fn left_out(&self, tx: &mut Tx<'_>, stream: &Subscription) -> Result<Vec<Value>, RegistryError> {
        let texts = subscription::left_out(tx, &self.id, &stream.id, streams::MOST_LEFT_OUT)?;
        Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }

    /// Ends a stream for which too much waits, until its receiver enables it again. It is told so in place of what waited
    /// (SSF 1.0 §8.1.5): whoever reads that knows that it has missed something, and that status lists tell what.
    fn disable(&self, tx: &mut Tx<'_>, stream: Subscription, now: i64) -> Result<(), RegistryError> {
        let reason =
            format!("more than {MOST_WAITING} events waited, and were dropped; fetch the status lists");
        subscription::clear(tx, &self.id, &stream.id)?;
        let said = json!({"status": "disabled", "reason": reason});
        let told = Told { event: STREAM_UPDATED, subject: streams::subject_of(&stream.id), said };
        subscription::put(tx, &self.id, vec![(stream.id.clone(), pending(&told, 0, now))])?;
        let stream = Subscription { state: "disabled".to_owned(), reason, ..stream };
        Ok(subscription::change(tx, &self.id, &stream)?)
    }
}

/// What is told, as it waits. Events of one cause, the number of the organization's event, have that in common.
pub(super) fn pending(told: &Told, cause: i64, now: i64) -> Pending {
    let mut body = BTreeMap::from([("sub", told.subject.clone()), ("said", told.said.clone())]);
    if cause > 0 {
        body.insert("txn", cause.to_string().into());
    }
    Pending {
        seq: 0,
        id: uuid::Uuid::now_v7().to_string(),
        at: now,
        kind: told.event.to_owned(),
        body: json!(body).to_string(),
    }
}
