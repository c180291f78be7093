//! A receiver's stream (SSF 1.0 §8.1): what it wants to be told, and where.

use super::{
    SignalError,
    follow::{NAME, pending},
    told::{EVENTS, Told, VERIFICATION},
};
use crate::{error::RegistryError, registry::Registry, route::origin_of};
use legation_keys::{
    base64url,
    json::{self as strict, JsonLimits},
};
use legation_store::{
    Tx, followed, organization,
    signal::Receiver,
    subscription::{self, Subscription},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the store calls a stream.
pub(super) const KIND: &str = "stream";
/// How often a verification may be asked for, seconds.
pub const MIN_VERIFICATION: i64 = 60;
/// Most subjects that one stream leaves out.
pub(super) const MOST_LEFT_OUT: i64 = 1000;
/// Bounds on what receivers write.
const MAX_TEXT: usize = 2048;
const MAX_EVENTS: usize = 64;
const SUBJECT: JsonLimits = JsonLimits { bytes: 4096, depth: 6 };

/// How events get to a receiver.
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It asks for them (RFC 8936).
    Poll,
    /// They are sent to it (RFC 8935).
    Push {
        /// Where.
        url: String,
        /// The whole value of the header `Authorization` that goes with each; it is kept sealed.
        authorization: Option<String>,
    },
}

impl core::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Poll => f.write_str("Poll"),
            Self::Push { url, .. } => f.debug_struct("Push").field("url", url).finish_non_exhaustive(),
        }
    }
}

/// What a receiver decides of its stream. What is `None` stays as it is, or is as by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How events get to it: it polls, by default.
    pub delivery: Option<Delivery>,
    /// Which events it asks for; by default all there are.
    pub events: Option<Vec<String>>,
    /// What it calls the stream.
    pub description: Option<String>,
}

/// A stream's status (SSF 1.0 §8.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Events are sent.
    Enabled,
    /// Events wait.
    Paused,
    /// Events are neither sent nor kept.
    Disabled,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

/// A stream as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stream {
    pub(super) audience: String,
    #[serde(default)]
    pub(super) events: Option<Vec<String>>,
    #[serde(default)]
    description: Option<String>,
    /// The sealed header of what is sent, base64url.
    #[serde(default)]
    pub(super) authorization: Option<String>,
}

impl Stream {
    pub(super) fn read(kept: &Subscription) -> Result<Self, RegistryError> {
        serde_json::from_str(&kept.body).map_err(|error| RegistryError::damaged(&kept.id, error))
    }

    pub(super) fn write(&self) -> Result<String, RegistryError> {
        serde_json::to_string(self).map_err(|error| RegistryError::damaged("a stream", error))
    }

    /// What it is told of what it asks for.
    pub(super) fn events_delivered(&self) -> Vec<&'static str> {
        let is_wanted =
            |event: &&str| self.events.as_ref().is_none_or(|wanted| wanted.iter().any(|one| one == event));
        EVENTS.into_iter().filter(is_wanted).collect()
    }

    pub(super) fn authorization(&self) -> Option<Vec<u8>> {
        self.authorization.as_ref().and_then(|text| base64url::decode(text).ok())
    }
}

/// A stream, and its configuration as its receiver reads it (SSF 1.0 §8.1.1).
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The stream.
    pub subscription: Subscription,
    /// Its configuration.
    pub configuration: Value,
}

/// Whom events of the stream itself are of.
pub(super) fn subject_of(stream: &str) -> Value {
    json!({"format": "opaque", "id": stream})
}

impl Registry {
    /// Where a stream is polled.
    fn poll_url(&self, stream: &str) -> String {
        format!("{}/ssf/poll/{stream}", self.origin())
    }

    fn stream_shown(&self, kept: Subscription) -> Result<Shown, RegistryError> {
        let stream = Stream::read(&kept)?;
        let (method, url) = match &kept.url {
            Some(url) => ("urn:ietf:rfc:8935", url.clone()),
            None => ("urn:ietf:rfc:8936", self.poll_url(&kept.id)),
        };
        let mut configuration = json!({
            "stream_id": kept.id, "iss": self.origin(), "aud": stream.audience,
            "events_supported": EVENTS, "events_delivered": stream.events_delivered(),
            "delivery": {"method": method, "endpoint_url": url},
            "min_verification_interval": MIN_VERIFICATION,
        });
        let own = [("events_requested", json!(stream.events)), ("description", json!(stream.description))];
        if let Some(members) = configuration.as_object_mut() {
            members.extend(
                own.into_iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (name.to_owned(), value)),
            );
        }
        Ok(Shown { subscription: kept, configuration })
    }

    /// Makes the stream of a receiver. It is told what happens from now on.
    ///
    /// # Errors
    /// [`SignalError`]; [`SignalError::StreamExists`] where it has one.
    pub fn create_stream(&self, receiver: &Receiver, wanted: Wanted, now: i64) -> Result<Shown, SignalError> {
        self.signals(|tx| {
            if let Some(there) = subscription::of_owner(tx, &self.id, KIND, &receiver.id)? {
                return Err(SignalError::StreamExists { found: there.id });
            }
            self.signal_key(tx, now)?;
            if subscription::list(tx, &self.id, KIND, "", 1)?.is_empty() {
                // What was before there was anybody to be told of it is told to nobody.
                let events = organization::get(tx, &self.id)?.events;
                followed::set(tx, &self.id, NAME, events)?;
            }
            let mut kept = Subscription {
                id: uuid::Uuid::now_v7().to_string(),
                kind: KIND.to_owned(),
                owner: receiver.id.clone(),
                state: Status::Enabled.name().to_owned(),
                reason: String::new(),
                url: None,
                body: String::new(),
                created: now,
                asked: None,
                waiting: 0,
                failures: 0,
            };
            let audience = receiver.audience.clone();
            let stream = Stream { audience, events: None, description: None, authorization: None };
            let stream = self.with_wanted(&mut kept, stream, wanted)?;
            kept.body = stream.write()?;
            subscription::add(tx, &self.id, &kept)?;
            self.note(tx, ("signals.stream-created", &kept.id), &json!({"receiver": receiver.name}), now)?;
            Ok(self.stream_shown(kept)?)
        })
    }

    /// Changes under the organization's lock.
    fn signals<T>(&self, verb: impl FnOnce(&mut Tx<'_>) -> Result<T, SignalError>) -> Result<T, SignalError> {
        self.store.write(|tx| {
            organization::lock(tx, &self.id)?;
            verb(tx)
        })
    }

    fn with_wanted(
        &self,
        kept: &mut Subscription,
        mut stream: Stream,
        wanted: Wanted,
    ) -> Result<Stream, SignalError> {
        let is_long = |text: &str| text.len() > MAX_TEXT;
        if let Some(events) = wanted.events {
            if events.len() > MAX_EVENTS || events.iter().any(|event| is_long(event)) {
                let reason = format!("at most {MAX_EVENTS} types of up to {MAX_TEXT} bytes");
                return Err(SignalError::value("events_requested", reason));
            }
            stream.events = Some(events);
        }
        if let Some(description) = wanted.description {
            if is_long(&description) {
                return Err(SignalError::value("description", format!("at most {MAX_TEXT} bytes")));
            }
            stream.description = Some(description);
        }
        match wanted.delivery {
            None => {}
            Some(Delivery::Poll) => (kept.url, stream.authorization) = (None, None),
            Some(Delivery::Push { url, authorization }) => {
                let wrong = |error: RegistryError| SignalError::value("delivery", error.to_string());
                let origin = origin_of(&url).map_err(wrong)?;
                if is_long(&url) {
                    return Err(SignalError::value("delivery", format!("a URL of at most {MAX_TEXT} bytes")));
                }
                stream.authorization = match authorization {
                    None => None,
                    Some(secret)
                        if secret.is_empty()
                            || !secret.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
                            || is_long(&secret) =>
                    {
                        return Err(SignalError::value(
                            "delivery",
                            "`authorization_header` is no value of a header",
                        ));
                    }
                    Some(secret) => Some(base64url::encode(
                        &self.signer().seal_secret(&self.id, &kept.id, &origin, &secret)?,
                    )),
                };
                kept.url = Some(url);
            }
        }
        Ok(stream)
    }

    /// A receiver's own stream. Where it names one, it has to be that.
    pub(super) fn stream_of(
        &self,
        tx: &mut Tx<'_>,
        receiver: &Receiver,
        id: &str,
    ) -> Result<Subscription, SignalError> {
        let own = subscription::of_owner(tx, &self.id, KIND, &receiver.id)?.filter(|own| own.id == id);
        own.ok_or_else(|| SignalError::NoStream { found: id.chars().take(80).collect() })
    }

    /// The stream of a receiver; `None` where it has none.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn own_stream(&self, receiver: &Receiver) -> Result<Option<Shown>, SignalError> {
        let own = self.store.read(|tx| subscription::of_owner(tx, &self.id, KIND, &receiver.id))?;
        Ok(own.map(|own| self.stream_shown(own)).transpose()?)
    }

    /// A stream of a receiver by its id.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn stream(&self, receiver: &Receiver, id: &str) -> Result<Shown, SignalError> {
        let own = self.store.read(|tx| self.stream_of(tx, receiver, id))?;
        Ok(self.stream_shown(own)?)
    }

    /// Changes what a receiver decides of its stream. `anew` says that what it does not say is as by default.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn change_stream(
        &self,
        receiver: &Receiver,
        (id, anew): (&str, bool),
        wanted: Wanted,
        now: i64,
    ) -> Result<Shown, SignalError> {
        self.signals(|tx| {
            let mut kept = self.stream_of(tx, receiver, id)?;
            let mut stream = Stream::read(&kept)?;
            if anew {
                (stream.events, stream.description) = (None, None);
                (kept.url, stream.authorization) = (None, None);
            }
            let stream = self.with_wanted(&mut kept, stream, wanted)?;
            kept.body = stream.write()?;
            subscription::change(tx, &self.id, &kept)?;
            self.note(tx, ("signals.stream-changed", id), &json!({"receiver": receiver.name}), now)?;
            Ok(self.stream_shown(kept)?)
        })
    }

    /// Deletes a receiver's stream, with what waits for it.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn delete_stream(&self, receiver: &Receiver, id: &str, now: i64) -> Result<(), SignalError> {
        self.signals(|tx| {
            self.stream_of(tx, receiver, id)?;
            subscription::remove(tx, &self.id, id)?;
            Ok(self.note(tx, ("signals.stream-deleted", id), &json!({"receiver": receiver.name}), now)?)
        })
    }

    /// Sets the status of a receiver's stream. What waits for one that is disabled is dropped.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn set_stream_status(
        &self,
        receiver: &Receiver,
        id: &str,
        (status, reason): (Status, &str),
        now: i64,
    ) -> Result<Shown, SignalError> {
        if reason.len() > MAX_TEXT {
            return Err(SignalError::value("reason", format!("at most {MAX_TEXT} bytes")));
        }
        self.signals(|tx| {
            let mut kept = self.stream_of(tx, receiver, id)?;
            kept.state = status.name().to_owned();
            kept.reason = reason.to_owned();
            if status == Status::Disabled {
                subscription::clear(tx, &self.id, id)?;
            }
            subscription::change(tx, &self.id, &kept)?;
            let told = json!({"receiver": receiver.name, "status": status.name()});
            self.note(tx, ("signals.stream-status", id), &told, now)?;
            Ok(self.stream_shown(kept)?)
        })
    }

    /// Leaves a subject out of a receiver's stream, or takes it in again: by default all are in.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn leave_out(
        &self,
        receiver: &Receiver,
        id: &str,
        (subject, leaves): (&Value, bool),
    ) -> Result<(), SignalError> {
        let text = subject.to_string();
        let read = strict::parse(text.as_bytes(), SUBJECT);
        if read.is_err() || !subject.get("format").is_some_and(Value::is_string) {
            let reason = "no subject identifier (RFC 9493): an object of up to 4096 bytes with a `format`";
            return Err(SignalError::value("subject", reason));
        }
        self.signals(|tx| {
            self.stream_of(tx, receiver, id)?;
            let there = subscription::left_out(tx, &self.id, id, MOST_LEFT_OUT)?;
            if leaves && i64::try_from(there.len()).unwrap_or(i64::MAX) >= MOST_LEFT_OUT {
                return Err(SignalError::value(
                    "subject",
                    format!("{MOST_LEFT_OUT} are left out, which is the most"),
                ));
            }
            Ok(subscription::leave_out(tx, &self.id, id, &text, leaves)?)
        })
    }

    /// Sends a verification over a receiver's stream, behind what waits for it.
    ///
    /// # Errors
    /// [`SignalError`]; [`SignalError::TooOften`] within [`MIN_VERIFICATION`] seconds of the last one.
    pub fn verify_stream(
        &self,
        receiver: &Receiver,
        id: &str,
        state: Option<&str>,
        now: i64,
    ) -> Result<(), SignalError> {
        if state.is_some_and(|state| state.len() > MAX_TEXT) {
            return Err(SignalError::value("state", format!("at most {MAX_TEXT} bytes")));
        }
        self.signals(|tx| {
            let mut kept = self.stream_of(tx, receiver, id)?;
            if let Some(since) = kept.asked.map(|asked| now.saturating_sub(asked))
                && (0..MIN_VERIFICATION).contains(&since)
            {
                return Err(SignalError::TooOften { since });
            }
            kept.asked = Some(now);
            subscription::change(tx, &self.id, &kept)?;
            let said = state.map_or_else(|| json!({}), |state| json!({ "state": state }));
            let told = Told { event: VERIFICATION, subject: subject_of(id), said };
            // What is disabled sends nothing (SSF 1.0 §8.1.2), a verification neither.
            if kept.state != Status::Disabled.name() && kept.waiting < super::MOST_WAITING {
                subscription::put(tx, &self.id, vec![(id.to_owned(), pending(&told, 0, now))])?;
            }
            Ok(())
        })
    }

    /// The streams whose ids come after `after`, each with its receiver's id, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn streams(&self, after: &str, most: i64) -> Result<Vec<Shown>, RegistryError> {
        let all = self.store.read(|tx| subscription::list(tx, &self.id, KIND, after, most))?;
        all.into_iter().map(|one| self.stream_shown(one)).collect()
    }
}
