//! The tie between the organization's DID and its domain, from the domain's side: a Domain Linkage Credential of DIF's
//! Well Known DID Configuration 1.0, as a JWT.

use crate::{error::RegistryError, names, registry::Registry};
use legation_signer::SealedKey;
use legation_store::{StoreError, Tx, holder, linkage};
use serde_json::json;

/// How long it is valid, seconds; it is signed anew after half of that.
const LIFE: i64 = 90 * 86_400;
/// Where what a configuration says is defined.
const CONTEXT: &str = "https://identity.foundation/.well-known/did-configuration/v1";

impl Registry {
    /// What `/.well-known/did-configuration.json` says.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where it was not signed yet ([`Registry::renew_linkage`]).
    pub fn did_configuration(&self) -> Result<String, RegistryError> {
        let kept = self.read_open(|tx| linkage::get(tx, &self.id, self.did.as_str()))?;
        let missing = || StoreError::NotFound { what: "domain linkage".to_owned() };
        let (secured, _) = kept.ok_or_else(missing)?;
        Ok(json!({"@context": CONTEXT, "linked_dids": [secured]}).to_string())
    }

    /// Signs the tie where there is none, or half of its life is over. Gives whether it did: whoever has a name below a domain has none.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn renew_linkage(&self, now: i64) -> Result<bool, RegistryError> {
        if names::path(&self.did).is_some() {
            return Ok(false);
        }
        let is_due =
            |kept: Option<(String, i64)>| kept.is_none_or(|(_, until)| until < now.saturating_add(LIFE / 2));
        let kept = self.store.read(|tx| linkage::get(tx, &self.id, self.did.as_str()))?;
        if !is_due(kept) {
            return Ok(false);
        }
        self.change(|tx| self.link_domain(tx, now)).map(|()| true)
    }

    /// Signs the tie by the key that the organization has now. Whoever has a name below a domain has no say in what the domain says.
    pub(crate) fn link_domain(&self, tx: &mut Tx<'_>, now: i64) -> Result<(), RegistryError> {
        if names::path(&self.did).is_some() {
            return Ok(());
        }
        let top = self.top(tx)?;
        let key = holder::keys(tx, &self.id, &top.id)?.into_iter().next();
        let key = key.ok_or_else(|| RegistryError::damaged("the organization", "it has no key"))?;
        let sealed = key.sealed.as_deref().unwrap_or_default();
        let key = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
        let until = now.saturating_add(LIFE);
        let secured = self.signer().domain_linkage(key, &self.did, &self.origin(), (now, until))?;
        linkage::set(tx, &self.id, self.did.as_str(), (&secured, until))?;
        self.note(tx, ("domain.linked", self.did.as_str()), &json!({"origin": self.origin()}), now)
    }
}
