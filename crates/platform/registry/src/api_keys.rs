//! API keys: what an agent that can't sign shows in place of a signature. Each stands for an agent's proof of
//! possession, never for authority: what it may do is what the agent's delegation says.

use crate::{
    error::RegistryError,
    registry::{Registry, must_be_active, named},
    restored,
};
use legation_keys::base64url;
use legation_store::{
    api_key,
    api_key::ApiKey,
    holder,
    holder::{Holder, Kind},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What every key begins with, so that scanners of code and logs find one that leaked.
pub const PREFIX: &str = "legation_";
/// Random bytes of a key.
const RANDOM: usize = 32;
/// Bytes of its checksum: a key that was cut or mistyped is told without a look at the store.
const CHECK: usize = 3;
/// Characters that people are shown to tell keys apart.
const HINT: usize = PREFIX.len() + 6;

/// A key that was just made. The secret is shown once.
pub struct NewKey {
    /// The agent that it stands for.
    pub agent: String,
    /// What is kept of it.
    pub key: ApiKey,
    /// The secret.
    pub secret: Zeroizing<String>,
}

impl core::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.key.id).finish_non_exhaustive()
    }
}

/// Whether a text is a whole key of ours, and which: its SHA-256. One that is cut or mistyped is `None`, without a look
/// at any store.
#[must_use]
pub fn digest(text: &str) -> Option<[u8; 32]> {
    let encoded = text.strip_prefix(PREFIX)?;
    let bytes = Zeroizing::new(base64url::decode(encoded).ok()?);
    let (random, check) = bytes.split_at_checked(RANDOM)?;
    (check == checksum(random)).then(|| Sha256::digest(text).into())
}

fn checksum(random: &[u8]) -> [u8; CHECK] {
    let digest = Sha256::new_with_prefix("legation api key\n").chain_update(random).finalize();
    let mut check = [0; CHECK];
    check.copy_from_slice(digest.get(..CHECK).unwrap_or_default());
    check
}

pub(crate) fn make() -> Result<Zeroizing<String>, RegistryError> {
    let mut bytes = Zeroizing::new([0_u8; RANDOM + CHECK]);
    let random = Zeroizing::new(
        legation_keys::secret::random::<RANDOM>()
            .map_err(|error| RegistryError::damaged("the random source", error))?,
    );
    let check = checksum(random.as_slice());
    for (to, from) in bytes.iter_mut().zip(random.iter().chain(&check)) {
        *to = *from;
    }
    Ok(Zeroizing::new(format!("{PREFIX}{}", base64url::encode(bytes.as_slice()))))
}

impl Registry {
    /// Makes an API key of an agent, which ends after so many seconds where that is given.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn create_key(
        &self,
        agent: &str,
        name: &str,
        valid_for: Option<i64>,
        now: i64,
    ) -> Result<NewKey, RegistryError> {
        self.change(|tx| {
            let (agent, _) = named(tx, &self.id, Kind::Agent, agent)?;
            must_be_active(&agent)?;
            let expires = valid_for.map(|seconds| now.saturating_add(seconds));
            let made = self.make_key((&agent, name), expires, now)?;
            api_key::add(tx, &self.id, &made.key)?;
            self.tell(
                tx,
                ("api-key.created", &made.key.id),
                &json!({"agent": agent.name, "name": name}),
                now,
            )?;
            Ok(made)
        })
    }

    fn make_key(
        &self,
        (agent, name): (&Holder, &str),
        expires: Option<i64>,
        now: i64,
    ) -> Result<NewKey, RegistryError> {
        let secret = make()?;
        let key = ApiKey {
            id: uuid::Uuid::now_v7().to_string(),
            holder: agent.id.clone(),
            name: name.to_owned(),
            digest: Sha256::digest(secret.as_bytes()).into(),
            hint: secret.get(..HINT).unwrap_or_default().to_owned(),
            created: now,
            expires,
            state: "active".to_owned(),
            unconfirmed: None,
        };
        Ok(NewKey { agent: agent.name.clone(), key, secret })
    }

    /// Makes a new key in place of one, which is accepted for so many seconds more.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn rotate_key(&self, id: &str, grace: i64, now: i64) -> Result<NewKey, RegistryError> {
        self.change(|tx| {
            let old = api_key::get(tx, &self.id, id)?;
            if old.state != "active" {
                let what = format!("the API key `{id}`");
                return Err(RegistryError::State { what, state: "blocked", remedy: "make another one" });
            }
            if old.unconfirmed.is_some() {
                return Err(restored::unconfirmed(format!("the API key `{id}`")));
            }
            // Its successor lives as long as it did; it itself ends with the grace, or before.
            let life = old.expires.map(|expires| expires.saturating_sub(old.created));
            let agent = holder::get(tx, &self.id, &old.holder)?;
            must_be_active(&agent)?;
            let made = self.make_key((&agent, &old.name), life.map(|life| now.saturating_add(life)), now)?;
            api_key::add(tx, &self.id, &made.key)?;
            let ends = now.saturating_add(grace).min(old.expires.unwrap_or(i64::MAX));
            api_key::change(tx, &self.id, id, "active", Some(ends))?;
            self.tell(tx, ("api-key.rotated", id), &json!({"by": made.key.id, "until": ends}), now)?;
            Ok(made)
        })
    }

    /// Blocks a key, from the next call on.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn block_key(&self, id: &str, now: i64) -> Result<ApiKey, RegistryError> {
        self.change(|tx| {
            let key = api_key::get(tx, &self.id, id)?;
            if key.state != "blocked" {
                api_key::change(tx, &self.id, id, "blocked", key.expires)?;
                let agent = holder::get(tx, &self.id, &key.holder)?.name;
                self.tell(tx, ("api-key.blocked", id), &json!({"agent": agent}), now)?;
            }
            Ok(api_key::get(tx, &self.id, id)?)
        })
    }

    /// A key by its id, with the name of its agent.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn key(&self, id: &str) -> Result<(String, ApiKey), RegistryError> {
        self.store.read(|tx| {
            let key = api_key::get(tx, &self.id, id)?;
            Ok((holder::get(tx, &self.id, &key.holder)?.name, key))
        })
    }

    /// Keys of an agent, or of all, whose ids come after `after`, in the order of their ids, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn keys_after(
        &self,
        agent: Option<&str>,
        after: &str,
        most: i64,
    ) -> Result<Vec<(String, ApiKey)>, RegistryError> {
        self.store.read(|tx| {
            let agent = agent.map(|name| named(tx, &self.id, Kind::Agent, name)).transpose()?;
            let holder = agent.as_ref().map(|(agent, _)| agent.id.as_str());
            let keys = api_key::page(tx, &self.id, holder, after, most)?;
            let name = |key: ApiKey| Ok((holder::get(tx, &self.id, &key.holder)?.name, key));
            keys.into_iter().map(name).collect()
        })
    }

    /// The keys of an agent, or of all, each with the name of its agent, in the order in which they were made.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn list_keys(&self, agent: Option<&str>) -> Result<Vec<(String, ApiKey)>, RegistryError> {
        self.store.read(|tx| {
            let agent = agent.map(|name| named(tx, &self.id, Kind::Agent, name)).transpose()?;
            let holder = agent.as_ref().map(|(agent, _)| agent.id.as_str());
            let keys = api_key::list(tx, &self.id, holder, 10_000)?;
            let name = |key: ApiKey| Ok((holder::get(tx, &self.id, &key.holder)?.name, key));
            keys.into_iter().map(name).collect()
        })
    }
}
