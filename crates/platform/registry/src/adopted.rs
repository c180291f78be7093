//! Keys of another gateway that programs go on showing while they are moved: each stands for one agent, as an API key of ours does,
//! is kept as its SHA-256 alone, and ends at a date.
//!
//! Such a key was made by others. One that could be guessed is none here: it has to have 20 characters or more, of which at least ten
//! differ, as any key that was drawn at random has. That is asked of each key that is shown, since of one that was handed over as
//! its digest nobody knows it.

use crate::{
    api_keys::PREFIX,
    error::RegistryError,
    registry::{Registry, must_be_active, named},
};
use legation_store::{StoreError, api_key, api_key::ApiKey, holder::Kind};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Longest that such a key is accepted: a year, in seconds.
pub const LONGEST: i64 = 365 * 86_400;
/// Fewest and most characters of one.
const FEWEST: usize = 20;
const MOST: usize = 256;
/// Fewest different characters of one.
const DIFFERENT: usize = 10;
/// How the hint of one begins: nothing of the key itself is shown.
const HINT: &str = "sha256:";

/// The SHA-256 of a key that was made by others; `None` where it is no such key, without a look at any store.
///
/// ```
/// use legation_registry::adopted::digest;
///
/// assert!(digest("sk-kv7Q2mXoR5tYbN1zLw8uPg").is_some());
/// assert!(digest("sk-1234").is_none());
/// assert!(digest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").is_none());
/// assert!(digest("legation_kv7Q2mXoR5tYbN1zLw8uPg").is_none());
/// ```
#[must_use]
pub fn digest(text: &str) -> Option<[u8; 32]> {
    why_not(text).is_none().then(|| Sha256::digest(text).into())
}

/// What is wrong with a key that was made by others; nothing of it is told.
#[must_use]
pub fn why_not(text: &str) -> Option<&'static str> {
    if text.starts_with(PREFIX) {
        return Some("it is a key of ours; make another one with `legation api-key create`");
    }
    if !(FEWEST..=MOST).contains(&text.len()) {
        return Some("it has fewer than 20 characters, or more than 256");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("it has a space, or a character that no header holds");
    }
    let mut bytes = text.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    (bytes.len() < DIFFERENT).then_some("fewer than 10 of its characters differ")
}

/// Whether a key was made by others.
#[must_use]
pub fn is_adopted(key: &ApiKey) -> bool {
    key.hint.starts_with(HINT)
}

impl Registry {
    /// Lets an agent go on with a key that was made by others, by its SHA-256, until a moment (Unix seconds). One that it has already
    /// stays as it is.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::Exists`] where the key stands for another agent.
    pub fn adopt_key(
        &self,
        (agent, name): (&str, &str),
        digest: [u8; 32],
        until: i64,
        now: i64,
    ) -> Result<ApiKey, RegistryError> {
        if until <= now || until > now.saturating_add(LONGEST) {
            return Err(RegistryError::Value {
                what: "end of a key",
                found: legation_keys::time::format(until),
                reason: "give a time within the next 365 days".to_owned(),
            });
        }
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, Kind::Agent, agent)?;
            must_be_active(&holder)?;
            let hex: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            let hint = format!("{HINT}{hex}");
            if let Some(there) = api_key::by_digest(tx, &self.id, digest)? {
                if there.holder == holder.id && there.state == "active" {
                    return Ok(there);
                }
                let what = format!("the key `{hint}…`, of another agent or blocked,");
                return Err(StoreError::Exists { what }.into());
            }
            let key = ApiKey {
                id: uuid::Uuid::now_v7().to_string(),
                holder: holder.id.clone(),
                name: name.to_owned(),
                digest,
                hint,
                created: now,
                expires: Some(until),
                state: "active".to_owned(),
                unconfirmed: None,
            };
            api_key::add(tx, &self.id, &key)?;
            let told = json!({"agent": holder.name, "name": name, "until": until});
            self.tell(tx, ("api-key.adopted", &key.id), &told, now)?;
            Ok(key)
        })
    }
}
