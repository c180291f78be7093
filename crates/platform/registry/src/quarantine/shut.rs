//! Whom rules have shut out, who are none of the organization's own: agents, teams and delegations of partners. They pass no more,
//! until somebody lets them in again.

use super::signal::speaks_of;
use crate::{error::RegistryError, registry::Registry};
use legation_credential::LinkDigest;
use legation_did::Did;
use legation_keys::base64url;
use legation_store::foreign::{self, ShutOut};
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

/// The command that lets somebody in again.
#[must_use]
pub fn lift(id: &str) -> String {
    format!("legation quarantine lift {id}")
}

impl Registry {
    /// Whether something of a chain is shut out that begins with `root`. It is so where who issued a link may be spoken of by the
    /// root's transmitter, and the link, its issuer or its subject is what that spoke of.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn is_shut_out(&self, root: &Did, links: &[Link]) -> Result<bool, RegistryError> {
        let mut subjects = Vec::new();
        for Link { digests, issuer, subject } in links.iter().filter(|link| speaks_of(root, &link.issuer)) {
            subjects.extend(digests.iter().map(|digest| base64url::encode(digest)));
            subjects.extend([issuer.to_string(), subject.to_string()]);
        }
        subjects.sort_unstable();
        subjects.dedup();
        if subjects.is_empty() {
            return Ok(false);
        }
        Ok(self.store.read(|tx| foreign::is_shut_out(tx, &self.id, root.as_str(), &subjects))?)
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
