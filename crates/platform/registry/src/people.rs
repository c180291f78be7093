//! People who let programs act for them. A person is a team of its own, whose delegation is its ceiling: what it lets a program do is a
//! delegation below it, so that nobody hands on more than the organization gave, nor spends more. Without a ceiling there is no such
//! team, and nothing to hand on.

use crate::{
    Profile,
    claim::{drawn, letters_of, written},
    error::RegistryError,
    holders::Shown,
    links, names,
    registry::Registry,
};
use legation_credential::{Authority, issue::effective};
use legation_keys::{base64url, secret::random};
use legation_store::{
    StoreError, Tx,
    holder::{self, Holder, Kind, State},
    person::{self, Secret},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// For how long a code may be typed, seconds.
pub const CODE_LIFE: i64 = 600;
/// For how long a person is signed in, seconds.
pub const SESSION_LIFE: i64 = 8 * 3600;
/// How long the delegation of a person lives: a year, in seconds. It is renewed within.
const VALID_FOR: i64 = 365 * 86_400;
/// How the name of a person's team begins.
const PREFIX: &str = "person-";
/// Random bytes of a cookie.
const RANDOM: usize = 32;
/// What a program needs beside what it does, so that it gets tokens at all.
const ISSUE: &str = "token:issue";

/// A person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Its name.
    pub name: String,
    /// Since when it is there, Unix seconds.
    pub created: i64,
    /// Its team, whose delegation is its ceiling; `None` where it has none.
    pub ceiling: Option<Shown>,
}

/// The name of the team that a person is.
#[must_use]
pub fn team_of(person: &str) -> String {
    format!("{PREFIX}{person}")
}

fn missing(name: &str) -> RegistryError {
    StoreError::NotFound { what: format!("person `{name}`") }.into()
}

impl Registry {
    /// Adds a person, with a ceiling where one is given. With none it can sign in, and hand on nothing.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn add_person(
        &self,
        name: &str,
        ceiling: Option<&Profile>,
        now: i64,
    ) -> Result<Person, RegistryError> {
        names::check(Kind::Team, name)?;
        names::check(Kind::Team, &team_of(name))?;
        self.change(|tx| {
            person::add(tx, &self.id, &person::Person { name: name.to_owned(), created: now })?;
            self.tell(tx, ("person.added", name), &json!({"ceiling": ceiling.is_some()}), now)?;
            if let Some(ceiling) = ceiling {
                self.add_ceiling(tx, name, ceiling, now)?;
            }
            self.person_in(tx, name)
        })
    }

    fn add_ceiling(
        &self,
        tx: &mut Tx<'_>,
        name: &str,
        ceiling: &Profile,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        let top = self.top(tx)?;
        self.add_team_in(tx, (&team_of(name), &top), &ceiling_of(name, ceiling), now)
    }

    /// Sets what a person may hand on at most. What it has handed on and would no longer may is named, and nothing is changed.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Wider`] where a program was given more than that.
    pub fn set_ceiling(&self, name: &str, ceiling: &Profile, now: i64) -> Result<Person, RegistryError> {
        let there = self.person(name)?.ceiling.is_some();
        if there {
            self.set_profile((Kind::Team, &team_of(name)), &ceiling_of(name, ceiling), now)?;
        } else {
            self.change(|tx| self.add_ceiling(tx, name, ceiling, now).map(drop))?;
        }
        self.person(name)
    }

    /// Takes a person away: nobody signs in as it, and what it has handed on ends with the next call.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_person(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            let found = self.person_in(tx, name)?;
            if found.ceiling.is_some_and(|team| team.holder.state != State::Retired) {
                self.set_state_in(tx, (Kind::Team, &team_of(name)), State::Retired, None, now)?;
            }
            person::remove(tx, &self.id, name)?;
            self.tell(tx, ("person.removed", name), &json!({}), now)
        })
    }

    /// A person by its name.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn person(&self, name: &str) -> Result<Person, RegistryError> {
        self.store.read(|tx| self.person_in(tx, name))
    }

    pub(crate) fn person_in(&self, tx: &mut Tx<'_>, name: &str) -> Result<Person, RegistryError> {
        let found = person::get(tx, &self.id, name)?.ok_or_else(|| missing(name))?;
        let ceiling = match holder::by_name(tx, &self.id, Kind::Team, &team_of(name)) {
            Ok(team) => Some(self.shown(tx, team)?),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Person { name: found.name, created: found.created, ceiling })
    }

    /// People whose names come after `after`, in the order of their names, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn people(&self, after: &str, most: i64) -> Result<Vec<Person>, RegistryError> {
        self.store.read(|tx| {
            let found = person::list(tx, &self.id, after, most)?;
            found.iter().map(|one| self.person_in(tx, &one.name)).collect()
        })
    }

    /// What a person holds now and can hand on a part of; `None` where that is nothing.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn ceiling(&self, name: &str, now: i64) -> Result<Option<Authority>, RegistryError> {
        self.read_open(|tx| {
            let Some(team) = self.person_in(tx, name)?.ceiling else { return Ok(None) };
            if team.holder.state != State::Active {
                return Ok(None);
            }
            let path = links::path(tx, &self.id, &team.holder)?;
            let chain = match links::chain(tx, &self.id, &path) {
                Ok(chain) => chain,
                Err(RegistryError::Store(StoreError::NotFound { .. })) => return Ok(None),
                Err(error) => return Err(error),
            };
            if team.holder.unconfirmed.is_some() || chain.iter().any(|link| link.valid_until <= now) {
                return Ok(None);
            }
            let chain: Vec<&str> = chain.iter().map(|link| link.secured.as_str()).collect();
            let (_, held) = effective(&chain).map_err(|error| RegistryError::damaged(name, error))?;
            Ok(Some(held))
        })
    }

    /// Makes a code by which a person signs in, once and within ten minutes. Only its digest is kept.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where too many may still be typed.
    pub fn new_person_code(&self, name: &str, now: i64) -> Result<Zeroizing<String>, RegistryError> {
        let letters = drawn()?;
        let digest = self.person_digest("code", &letters);
        self.change(|tx| {
            self.person_in(tx, name)?;
            let until = now.saturating_add(CODE_LIFE);
            self.put_person_secret(tx, (Secret::Code, &digest), (name, until), now)?;
            self.note(tx, ("person.code", name), &json!({ "until": until }), now)
        })?;
        Ok(written(&letters))
    }

    fn put_person_secret(
        &self,
        tx: &mut Tx<'_>,
        secret: (Secret, &str),
        (name, until): (&str, i64),
        now: i64,
    ) -> Result<(), RegistryError> {
        if person::put_secret(tx, &self.id, secret, (name, until), now)? {
            return Ok(());
        }
        let reason = "there are so many of this person; wait until some have ended".to_owned();
        Err(RegistryError::Value { what: "further sign-in", found: name.to_owned(), reason })
    }

    /// Signs in whoever types a code, and gives who it is and its cookie.
    ///
    /// # Errors
    /// [`RegistryError::Claim`] where the code is another one, was used, or has ended: which of it is not told.
    pub fn sign_in(&self, code: &str, now: i64) -> Result<(String, Zeroizing<String>), RegistryError> {
        let digest = self.person_digest("code", &letters_of(code));
        let typed = (Secret::Code, digest.as_str());
        // Whoever guesses reads, and writes nothing.
        if self.read_open(|tx| person::of_secret(tx, &self.id, typed, now))?.is_none() {
            return Err(RegistryError::Claim);
        }
        let random =
            random::<RANDOM>().map_err(|error| RegistryError::damaged("the random source", error))?;
        let cookie = Zeroizing::new(base64url::encode(&random));
        let session = self.person_digest("session", cookie.as_bytes());
        let name = self.change(|tx| {
            let name = person::of_secret(tx, &self.id, typed, now)?.ok_or(RegistryError::Claim)?;
            if !person::take_secret(tx, &self.id, typed)? {
                return Err(RegistryError::Claim);
            }
            let until = now.saturating_add(SESSION_LIFE);
            self.put_person_secret(tx, (Secret::Session, &session), (&name, until), now)?;
            self.by_person(&name).note(tx, ("person.signed-in", &name), &json!({ "until": until }), now)?;
            Ok(name)
        })?;
        Ok((name, cookie))
    }

    /// Who is signed in by a cookie.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn signed_in(&self, cookie: &str, now: i64) -> Result<Option<String>, RegistryError> {
        let session = self.person_digest("session", cookie.as_bytes());
        Ok(self.read_open(|tx| person::of_secret(tx, &self.id, (Secret::Session, &session), now))?)
    }

    /// Signs out.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn sign_out(&self, cookie: &str) -> Result<(), RegistryError> {
        let session = self.person_digest("session", cookie.as_bytes());
        self.change(|tx| Ok(person::take_secret(tx, &self.id, (Secret::Session, &session)).map(drop)?))
    }

    /// The same organization, whose events say that a person did it.
    pub(crate) fn by_person(&self, name: &str) -> Self {
        self.by(&format!("person:{name}"))
    }

    fn person_digest(&self, kind: &str, secret: &[u8]) -> String {
        let begin = format!("legation person {kind}\n{}\n", self.id);
        base64url::encode(&Sha256::new_with_prefix(begin).chain_update(secret).finalize())
    }
}

/// A ceiling as the profile of a person's team: with what each program needs to get tokens.
fn ceiling_of(name: &str, ceiling: &Profile) -> Profile {
    let mut profile = Profile { valid_for: VALID_FOR, max_depth: 0, ..ceiling.clone() };
    if profile.owner.is_empty() {
        name.clone_into(&mut profile.owner);
    }
    if !profile.actions.is_empty() && !profile.actions.iter().any(|action| action == ISSUE) {
        profile.actions.push(ISSUE.to_owned());
    }
    profile
}
