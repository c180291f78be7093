//! Whom rules have shut out, who are none of the organization's own: agents, teams and delegations of partners. They pass no more,
//! until somebody lets them in again.

use super::signal::speaks_of;
use crate::{error::RegistryError, links, registry::Registry};
use legation_credential::LinkDigest;
use legation_did::Did;
use legation_keys::base64url;
use legation_store::{
    StoreError, Tx,
    foreign::{self, ShutOut},
    holder::{self, State},
};
use serde_json::json;

/// A link of a chain that begins with a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// All digests that it may be named by: of each form of its text.
    pub digests: Vec<LinkDigest>,
    /// Who issued it.
    pub issuer: Did,
    /// To whom.
    pub subject: Did,
}

/// Why a chain that begins with a partner does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// A rule shut somebody out of it, or one of its delegations, for what the partner told.
    Told,
    /// It leads to an agent of the organization itself that may not act: it, or one above it, is suspended, retired or unconfirmed.
    Stopped,
}

/// The command that lets somebody in again.
#[must_use]
pub fn lift(id: &str) -> String {
    format!("legation quarantine lift {id}")
}

impl Registry {
    /// Whether something of a chain is shut out that begins with `root`, and why. A delegation is so where who issued it may be
    /// spoken of by the root's transmitter; whoever is of that origin is so wherever they stand, as issuer or subject. Somebody of the
    /// organization itself is so where its own state says so.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn is_shut_out(&self, root: &Did, links: &[Link]) -> Result<Option<Out>, RegistryError> {
        let mut subjects = Vec::new();
        for Link { digests, issuer, subject } in links {
            if speaks_of(root, issuer) {
                subjects.extend(digests.iter().map(|digest| base64url::encode(digest)));
            }
            // Only who is of the root's origin is ever told of, and stays so below what somebody else issued.
            subjects.extend([issuer.to_string(), subject.to_string()]);
        }
        subjects.sort_unstable();
        subjects.dedup();
        let own: Vec<&Did> = links.iter().map(|link| &link.subject).filter(|did| self.is_own(did)).collect();
        if subjects.is_empty() {
            return Ok(None);
        }
        self.store.read(|tx| {
            for did in &own {
                if self.is_stopped(tx, did)? {
                    return Ok(Some(Out::Stopped));
                }
            }
            let is_out = foreign::is_shut_out(tx, &self.id, root.as_str(), &subjects)?;
            Ok(is_out.then_some(Out::Told))
        })
    }

    /// Whether somebody of the organization may not act. Whom nobody knows here is stopped by nobody.
    fn is_stopped(&self, tx: &mut Tx<'_>, did: &Did) -> Result<bool, RegistryError> {
        let found = match holder::by_did(tx, &self.id, did.as_str()) {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let path = links::path(tx, &self.id, &found)?;
        Ok(path.iter().any(|one| one.state != State::Active || one.unconfirmed.is_some()))
    }

    /// Who is shut out, behind a place, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn shut_out(&self, after: &str, most: i64) -> Result<Vec<ShutOut>, RegistryError> {
        Ok(self.store.read(|tx| foreign::list(tx, &self.id, after, most))?)
    }

    /// Lets somebody in again who was shut out.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn let_in(&self, id: &str, now: i64) -> Result<ShutOut, RegistryError> {
        self.change(|tx| {
            let one = foreign::get(tx, &self.id, id)?;
            foreign::let_in(tx, &self.id, id)?;
            let told = json!({"subject": one.subject, "root": one.root, "rule": one.rule});
            self.tell(tx, ("quarantine.lifted", id), &told, now)?;
            Ok(one)
        })
    }
}
