//! What was: a team or an agent, and a delegation, as of a moment.

use crate::{error::RegistryError, links, profile::Profile, registry::Registry};
use legation_store::{
    StoreError, Tx, holder,
    holder::{Holder, Kind, State},
    link,
    link::Link,
};

/// A team or an agent as it was at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// The holder, with the version, the state and the profile that it had.
    pub holder: Holder,
    /// What was written down of it.
    pub profile: Profile,
    /// Those on its path as they were, its team first and itself last, each with the delegation that it had.
    pub path: Vec<(Holder, Option<Link>)>,
}

impl Past {
    /// Why it could do nothing then; `None` where it could do what its delegation says.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.path.iter().find_map(|(holder, link)| {
            let name = format!("the {} `{}`", holder.kind.name(), holder.name);
            match (holder.state, link) {
                (State::Active, Some(_)) => None,
                (State::Active, None) => Some(format!("{name} had no delegation that held")),
                (state, _) => Some(format!("{name} was {}", state.name())),
            }
        })
    }
}

impl Registry {
    /// A team or an agent as it was at `at` (Unix seconds).
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where there was none then.
    pub fn as_of(&self, kind: Kind, name: &str, at: i64) -> Result<Past, RegistryError> {
        self.store.read(|tx| {
            let found = holder::by_name(tx, &self.id, kind, name)?;
            // Who is asked for is told as missing, not who was above it.
            self.holder_as_of(tx, &found, at)?;
            let path = links::path(tx, &self.id, &found)?;
            let mut past = Vec::new();
            for holder in path.iter().filter(|holder| holder.kind != Kind::Organization) {
                let was = self.holder_as_of(tx, holder, at)?;
                let held = match link::as_of(tx, &self.id, &holder.id, at)? {
                    Some(link) if self.held(tx, &link, at)? => Some(link),
                    _ => None,
                };
                past.push((was, held));
            }
            let (holder, _) = past.last().ok_or_else(|| RegistryError::damaged(name, "it has no path"))?;
            let profile = Profile::read(&holder.body, name)?.at(at);
            Ok(Past { holder: holder.clone(), profile, path: past })
        })
    }

    /// A delegation, whose it is, and its state at `at` (Unix seconds): `current`, `replaced`, `revoked`, `suspended` or
    /// `ended`.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where it was not issued yet.
    pub fn delegation_as_of(&self, id: &str, at: i64) -> Result<(Holder, Link, &'static str), RegistryError> {
        self.store.read(|tx| {
            let found = link::get(tx, &self.id, id)?;
            let holder = holder::get(tx, &self.id, &found.holder)?;
            if at < found.issued {
                return Err(StoreError::NotFound { what: format!("delegation `{id}` at that time") }.into());
            }
            let was = self.holder_as_of(tx, &holder, at)?;
            let current = link::as_of(tx, &self.id, &holder.id, at)?;
            let state = match was.state {
                _ if found.ended.is_some_and(|ended| ended <= at) => "revoked",
                _ if found.valid_until <= at => "ended",
                _ if current.is_none_or(|current| current.id != found.id) => "replaced",
                State::Suspended => "suspended",
                _ => "current",
            };
            Ok((was, found, state))
        })
    }

    fn holder_as_of(&self, tx: &mut Tx<'_>, holder: &Holder, at: i64) -> Result<Holder, RegistryError> {
        let what = || format!("{} `{}` at that time", holder.kind.name(), holder.name);
        let was = holder::as_of(tx, &self.id, holder, at)?;
        Ok(was.ok_or_else(|| StoreError::NotFound { what: what() })?)
    }

    /// Whether a delegation held at a moment, and all above it.
    fn held(&self, tx: &mut Tx<'_>, link: &Link, at: i64) -> Result<bool, RegistryError> {
        let mut next = Some(link.clone());
        // No chain is longer.
        for _ in 0..64 {
            let Some(link) = next else { return Ok(true) };
            if !link.holds(at) {
                return Ok(false);
            }
            next = link.parent.as_ref().map(|parent| link::get(tx, &self.id, parent)).transpose()?;
        }
        Ok(false)
    }
}
