//! Who looks at the console: by a code that is typed once, somebody becomes an admin for some hours, with a key that the console
//! keeps in memory. So all that is done there is signed and judged as what any admin does.

use crate::{
    Admin, Profile,
    claim::{drawn, letters_of, written},
    error::RegistryError,
    identity::Role,
    registry::Registry,
};
use legation_did::Did;
use legation_keys::base64url;
use legation_store::{
    StoreError, Tx,
    console::{self, Code},
    holder::{self, Kind, State},
    link,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// For how long a code may be typed, seconds.
pub const CODE_LIFE: i64 = 600;
/// Admins that are read at a time.
const PAGE: i64 = 1000;
/// How long a session lives at most, seconds.
pub const SESSION_LIFE: i64 = 8 * 3600;

impl Registry {
    /// Makes a code by which somebody signs in to the console as `role`, once and within ten minutes. Only its digest is kept.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where a hundred codes may still be typed.
    pub fn new_console_code(&self, role: Role, now: i64) -> Result<Zeroizing<String>, RegistryError> {
        let letters = drawn()?;
        let code = Code {
            digest: self.console_digest(&letters),
            role: role.name().to_owned(),
            made_by: self.actor.clone(),
            until: now.saturating_add(CODE_LIFE),
        };
        self.change(|tx| {
            if !console::put(tx, &self.id, &code, now)? {
                let reason = "so many codes were made and not typed; wait until some have ended".to_owned();
                return Err(RegistryError::Value { what: "code", found: "a new one".to_owned(), reason });
            }
            self.note(tx, ("console.code", role.name()), &json!({"until": code.until}), now)
        })?;
        Ok(written(&letters))
    }

    /// Makes the key of `did` an admin for as long as a session lives, for whoever typed a code. `actions` says what a role may do.
    ///
    /// # Errors
    /// [`RegistryError::Claim`] where the code is another one, was used, or has ended: which of it is not told.
    pub fn begin_console_session(
        &self,
        code: &str,
        did: &Did,
        actions: impl Fn(Role) -> Vec<String>,
        now: i64,
    ) -> Result<(Admin, Role), RegistryError> {
        let digest = self.console_digest(&letters_of(code));
        // Whoever guesses reads, and writes nothing.
        if self.store.read(|tx| console::get(tx, &self.id, &digest, now))?.is_none() {
            return Err(RegistryError::Claim);
        }
        self.change(|tx| {
            let code = console::get(tx, &self.id, &digest, now)?.ok_or(RegistryError::Claim)?;
            if !console::take(tx, &self.id, &digest)? {
                return Err(RegistryError::Claim);
            }
            let role = Role::from_name(&code.role)
                .ok_or_else(|| RegistryError::damaged("a code of the console", "its role is unknown"))?;
            let until = self.maker_until(tx, &code.made_by, now)?;
            let profile = Profile {
                purpose: format!("a session of the console, by a code of `{}`", code.made_by),
                owner: code.made_by.clone(),
                until: Some(now.saturating_add(SESSION_LIFE).min(until)),
                ..self.admin_profile(&actions(role))
            };
            let data = json!({"console": true, "madeBy": code.made_by, "role": role.name()});
            let registry = self.by(&code.made_by);
            registry.tell(tx, ("admin.session", did.as_str()), &data, now)?;
            Ok((registry.add_admin_in(tx, did, &profile, now)?, role))
        })
    }

    /// Ends a session of the console: its key is nobody's from the next request on.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn end_console_session(&self, did: &Did, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            let holder = holder::by_name(tx, &self.id, Kind::Admin, did.as_str())?;
            let is_session = Profile::read(&holder.body, &holder.name)?.until.is_some();
            if holder.state == State::Retired || !is_session {
                return Ok(());
            }
            self.by(did.as_str()).retire_admin(tx, &holder, ("admin.removed", "signed out"), now)
        })
    }

    /// Until when whoever made a code may do anything itself, Unix seconds: no session outlives that. Whoever has the organization's
    /// data is somebody always.
    fn maker_until(&self, tx: &mut Tx<'_>, made_by: &str, now: i64) -> Result<i64, RegistryError> {
        if !made_by.starts_with("did:") {
            return Ok(i64::MAX);
        }
        let gone = |error: StoreError| match error {
            StoreError::NotFound { .. } => RegistryError::Claim,
            other => other.into(),
        };
        let maker = holder::by_did(tx, &self.id, made_by).map_err(gone)?;
        let link = link::current(tx, &self.id, &maker.id).map_err(gone)?;
        if maker.state != State::Active || maker.unconfirmed.is_some() || now >= link.valid_until {
            return Err(RegistryError::Claim);
        }
        Ok(Profile::read(&maker.body, &maker.name)?.until.unwrap_or(i64::MAX))
    }

    /// Ends the sessions that began by codes of an admin who is none any more.
    pub(crate) fn end_sessions_of(
        &self,
        tx: &mut Tx<'_>,
        maker: &str,
        now: i64,
    ) -> Result<(), RegistryError> {
        let mut after = String::new();
        loop {
            let admins = holder::list(tx, &self.id, Kind::Admin, &after, PAGE)?;
            let Some(last) = admins.last() else { return Ok(()) };
            after.clone_from(&last.name);
            for admin in admins.iter().filter(|admin| admin.state == State::Active && admin.name != maker) {
                let profile = Profile::read(&admin.body, &admin.name)?;
                if profile.until.is_some() && profile.owner == maker {
                    self.retire_admin(
                        tx,
                        admin,
                        ("admin.removed", "whoever made its code is no admin any more"),
                        now,
                    )?;
                }
            }
        }
    }

    fn console_digest(&self, letters: &[u8]) -> String {
        let begin = format!("legation console\n{}\n", self.id);
        base64url::encode(&Sha256::new_with_prefix(begin).chain_update(letters).finalize())
    }
}
