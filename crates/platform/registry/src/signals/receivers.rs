//! Who may have a stream of events: whoever shows a token that an admin made for it.

use super::{MOST_RECEIVERS, SignalError};
use crate::{api_keys, error::RegistryError, registry::Registry};
use legation_store::{organization, signal, signal::Receiver, subscription};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Most bytes of a receiver's name and audience.
const MAX_TEXT: usize = 512;
/// How a receiver's token, of which a hint is shown, differs from an API key: by the table it stands in, and nothing else.
const HINT: usize = api_keys::PREFIX.len() + 6;

/// What a token is for, as the CAEP Interoperability Profile 1.0 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To read a stream's configuration and status, and to poll it.
    Read,
    /// To make, change and delete it, too.
    Manage,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 2] = [Self::Read, Self::Manage];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "ssf.read",
            Self::Manage => "ssf.manage",
        }
    }
}

/// A receiver that was just added. Its token is shown once.
pub struct NewReceiver {
    /// What is kept of it.
    pub receiver: Receiver,
    /// The token.
    pub secret: Zeroizing<String>,
}

impl core::fmt::Debug for NewReceiver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NewReceiver").field("id", &self.receiver.id).finish_non_exhaustive()
    }
}

impl Registry {
    /// Adds a receiver, whose token may do `scopes` (all of them where none is named) for so many seconds. Its events name
    /// `audience`; where none is given, a URL of the organization's own that stands for it.
    ///
    /// # Errors
    /// [`RegistryError`]; [`legation_store::StoreError::Exists`] where there is one of that name.
    pub fn add_receiver(
        &self,
        (name, audience): (&str, Option<&str>),
        scopes: &[Scope],
        valid_for: i64,
        now: i64,
    ) -> Result<NewReceiver, RegistryError> {
        let wrong = |what, found: &str, reason: String| RegistryError::Value {
            what,
            found: found.chars().take(80).collect(),
            reason,
        };
        for (what, text) in [("name of a receiver", name), ("audience", audience.unwrap_or(name))] {
            let is_plain = text.chars().all(|one| !one.is_control() && !one.is_whitespace());
            if !(1..=MAX_TEXT).contains(&text.len()) || !is_plain {
                return Err(wrong(what, text, format!("write 1 to {MAX_TEXT} bytes without space")));
            }
        }
        let id = uuid::Uuid::now_v7().to_string();
        let secret = api_keys::make()?;
        let scopes = if scopes.is_empty() { &Scope::ALL } else { scopes };
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let receiver = Receiver {
            name: name.to_owned(),
            audience: audience.map_or_else(|| format!("{}/ssf/receivers/{id}", self.origin()), str::to_owned),
            scopes: scopes.join(" "),
            digest: Sha256::digest(secret.as_bytes()).into(),
            hint: secret.get(..HINT).unwrap_or_default().to_owned(),
            created: now,
            expires: now.saturating_add(valid_for),
            id,
        };
        self.change(|tx| {
            let most = MOST_RECEIVERS;
            let there = signal::receivers(tx, &self.id, "", most)?;
            if i64::try_from(there.len()).unwrap_or(i64::MAX) >= most {
                let reason = format!("there are {most}, which is the most; remove one");
                return Err(wrong("further receiver", name, reason));
            }
            if there.iter().any(|other| other.name == name) {
                let what = format!("a receiver `{name}`");
                return Err(legation_store::StoreError::Exists { what }.into());
            }
            signal::add_receiver(tx, &self.id, &receiver)?;
            let told = json!({"name": name, "audience": receiver.audience, "scopes": receiver.scopes});
            self.note(tx, ("signals.receiver-added", &receiver.id), &told, now)
        })?;
        Ok(NewReceiver { receiver, secret })
    }

    /// The receivers whose ids come after `after`, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn receivers(&self, after: &str, most: i64) -> Result<Vec<Receiver>, RegistryError> {
        Ok(self.store.read(|tx| signal::receivers(tx, &self.id, after, most))?)
    }

    /// Takes a receiver away, with its token, its stream and what waits for it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_receiver(&self, id: &str, now: i64) -> Result<Receiver, RegistryError> {
        self.change(|tx| {
            let receiver = signal::receiver(tx, &self.id, id)?;
            if let Some(stream) = subscription::of_owner(tx, &self.id, super::streams::KIND, id)? {
                subscription::remove(tx, &self.id, &stream.id)?;
            }
            signal::remove_receiver(tx, &self.id, id)?;
            self.note(tx, ("signals.receiver-removed", id), &json!({"name": receiver.name}), now)?;
            Ok(receiver)
        })
    }

    /// Who shows a token, where it may do that. A text that is no token costs no look at the store.
    ///
    /// # Errors
    /// [`SignalError::Unauthorized`], [`SignalError::Scope`].
    pub fn receiver(&self, token: &str, scope: Scope, now: i64) -> Result<Receiver, SignalError> {
        let digest = api_keys::digest(token).ok_or(SignalError::Unauthorized)?;
        let found = self.store.read(|tx| -> Result<_, SignalError> {
            let found = signal::by_digest(tx, &self.id, digest)?;
            organization::must_be_open(tx, &self.id)?;
            Ok(found)
        })?;
        let receiver = found.filter(|found| now < found.expires).ok_or(SignalError::Unauthorized)?;
        let mut scopes = receiver.scopes.split(' ');
        // Whoever may change a stream may read it.
        if scopes.any(|one| one == scope.name() || one == Scope::Manage.name()) {
            return Ok(receiver);
        }
        Err(SignalError::Scope { found: receiver.scopes, expected: scope.name() })
    }
}
