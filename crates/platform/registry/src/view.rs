//! What the gateway and the host read of an organization: who an API key stands for, and what is published.

use crate::{
    blocks,
    error::RegistryError,
    links::{self, read_did},
    registry::Registry,
    status,
};
use legation_credential::LinkDigest;
use legation_did::{Did, Document, web};
use legation_keys::{
    PublicKey,
    json::{self, JsonLimits},
};
use legation_policy::Principal;
use legation_store::{
    StoreError, Tx, api_key, holder,
    holder::{Holder, State},
    link, organization,
};
use std::sync::Arc;

/// Who an API key stands for, and on what a decision about it rests. All of it was read at one moment.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The id of the key.
    pub key: String,
    /// From when on the key is no longer accepted, Unix seconds.
    pub expires: Option<i64>,
    /// The agent's name.
    pub name: String,
    /// The agent's DID.
    pub did: Did,
    /// The chain, root first, as it stands in a header.
    pub chain: String,
    /// The documents of those who signed it.
    pub documents: Vec<(Did, Vec<u8>)>,
    /// The status lists of its delegations, by URL.
    pub lists: Vec<(String, String)>,
    /// Which of the delegations are blocked, by their digest.
    pub blocked: Vec<LinkDigest>,
    /// Who on its path policies are asked for.
    pub principals: Arc<[Principal]>,
    /// The epoch at which all of this was so.
    pub epoch: i64,
}

/// Why a key stands for nobody. Callers are told the code and no more.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallerError {
    /// There is no such key.
    #[error("there is no such API key")]
    Unknown,
    /// It was blocked.
    #[error(
        "the API key `{id}` of `{agent}` was blocked; make another one with `legation api-key create {agent}`"
    )]
    Blocked {
        /// The key's id.
        id: String,
        /// The agent's name.
        agent: String,
        /// The agent's DID.
        did: String,
    },
    /// It has ended.
    #[error(
        "the API key `{id}` of `{agent}` has expired; make another one with `legation api-key create {agent}`"
    )]
    Expired {
        /// The key's id.
        id: String,
        /// The agent's name.
        agent: String,
        /// The agent's DID.
        did: String,
    },
    /// The agent has no delegation that holds.
    #[error("the agent `{agent}` has no delegation that holds: it was revoked, or the agent is retired")]
    NoDelegation {
        /// The agent's name.
        agent: String,
        /// The agent's DID.
        did: String,
    },
    /// Nobody has said yet that it still holds, since the store was put back.
    #[error(
        "nobody has confirmed {what} since the organization's data were restored; whoever runs it does so with \
         `legation confirm`"
    )]
    Unconfirmed {
        /// The key, the agent, or what is above it.
        what: String,
        /// The agent's DID.
        did: String,
    },
    /// What is stored can't be read, or not at all.
    #[error("{0}")]
    Registry(#[from] RegistryError),
}

impl From<StoreError> for CallerError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

impl CallerError {
    /// A stable name of the error.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unknown => "api_key_unknown",
            Self::Blocked { .. } => "api_key_blocked",
            Self::Expired { .. } => "api_key_expired",
            Self::NoDelegation { .. } => "no_delegation",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Registry(error) => error.code(),
        }
    }

    /// The DID of the agent, where it is known.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        match self {
            Self::Blocked { did, .. }
            | Self::Expired { did, .. }
            | Self::NoDelegation { did, .. }
            | Self::Unconfirmed { did, .. } => Some(did),
            Self::Unknown | Self::Registry(_) => None,
        }
    }
}

pub(crate) fn read_key(key: &holder::Key) -> Result<PublicKey, RegistryError> {
    let wrong = |reason: String| RegistryError::damaged(&key.key_id, reason);
    let limits = JsonLimits { bytes: 4096, depth: 4 };
    let jwk = json::parse(key.public_jwk.as_bytes(), limits).map_err(|error| wrong(error.to_string()))?;
    let jwk = jwk.as_object().ok_or_else(|| wrong("it is no object".to_owned()))?;
    PublicKey::from_jwk(jwk).map_err(|error| wrong(error.to_string()))
}

fn document_with(holder: &Holder, keys: &[holder::Key]) -> Result<Document, RegistryError> {
    let keys: Vec<PublicKey> = keys.iter().map(read_key).collect::<Result<_, _>>()?;
    Ok(web::document(&read_did(&holder.did)?, &keys))
}

impl Registry {
    /// Who the API key of this SHA-256 stands for.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn caller(&self, digest: [u8; 32], now: i64) -> Result<Caller, CallerError> {
        self.read_open(|tx| {
            let key = api_key::by_digest(tx, &self.id, digest)?.ok_or(CallerError::Unknown)?;
            let agent = holder::get(tx, &self.id, &key.holder)?;
            let named = || (key.id.clone(), agent.name.clone(), agent.did.clone());
            if key.state != "active" {
                let (id, agent, did) = named();
                return Err(CallerError::Blocked { id, agent, did });
            }
            if key.expires.is_some_and(|expires| now >= expires) {
                let (id, agent, did) = named();
                return Err(CallerError::Expired { id, agent, did });
            }
            if key.unconfirmed.is_some() {
                let (id, agent, did) = named();
                return Err(CallerError::Unconfirmed {
                    what: format!("the API key `{id}` of `{agent}`"),
                    did,
                });
            }
            self.caller_of(tx, agent, key.id.clone(), key.expires)
        })
    }

    fn caller_of(
        &self,
        tx: &mut Tx<'_>,
        agent: Holder,
        key: String,
        expires: Option<i64>,
    ) -> Result<Caller, CallerError> {
        let path = links::path(tx, &self.id, &agent)?;
        let chain = links::chain(tx, &self.id, &path);
        let none = || CallerError::NoDelegation { agent: agent.name.clone(), did: agent.did.clone() };
        if agent.state == State::Retired {
            return Err(none());
        }
        if let Some(one) = path.iter().find(|holder| holder.unconfirmed.is_some()) {
            let what = format!("the {} `{}`", one.kind.name(), one.name);
            return Err(CallerError::Unconfirmed { what, did: agent.did });
        }
        let chain = chain.map_err(|error| match error {
            RegistryError::Store(StoreError::NotFound { .. }) => none(),
            other => other.into(),
        })?;
        let texts: Vec<&str> = chain.iter().map(|link| link.secured.as_str()).collect();
        let mut documents = Vec::new();
        for issuer in path.iter().take(path.len().saturating_sub(1)) {
            let document = self.document_of(tx, issuer)?;
            documents.push((read_did(&issuer.did)?, document.to_json().to_string().into_bytes()));
        }
        let mut lists = Vec::new();
        for link in &chain {
            for (_, number) in status::lists_of(link.position).0 {
                let list = link::list(tx, &self.id, number)?;
                lists.push((list.url, list.secured));
            }
        }
        let did = read_did(&agent.did)?;
        let digests: Vec<LinkDigest> = texts.iter().flat_map(|text| blocks::digests(text)).collect();
        Ok(Caller {
            blocked: blocks::blocked_of(tx, &self.id, &digests)?,
            key,
            expires,
            principals: self.principals(tx, &path, &did)?.into(),
            did,
            name: agent.name,
            chain: texts.join("~"),
            documents,
            lists,
            epoch: organization::get(tx, &self.id)?.epoch,
        })
    }

    pub(crate) fn document_of(&self, tx: &mut Tx<'_>, holder: &Holder) -> Result<Document, RegistryError> {
        // Whether its keys are still its own, nobody knows.
        let keys = match holder.unconfirmed {
            Some(_) => Vec::new(),
            None => holder::published_keys(tx, &self.id, &holder.id)?,
        };
        let mut document = document_with(holder, &keys)?;
        self.tie(tx, holder, None, &mut document)?;
        Ok(document)
    }

    /// The keys in the document of a holder.
    pub(crate) fn keys_of(&self, tx: &mut Tx<'_>, holder: &Holder) -> Result<Vec<PublicKey>, RegistryError> {
        holder::published_keys(tx, &self.id, &holder.id)?.iter().map(read_key).collect()
    }

    /// A document with all keys that a holder ever had: what it signed before one of them was replaced.
    pub(crate) fn document_ever(&self, tx: &mut Tx<'_>, holder: &Holder) -> Result<Document, RegistryError> {
        document_with(holder, &holder::all_keys(tx, &self.id, &holder.id)?)
    }

    /// The DID document of a holder, by its DID. What is retired keeps it, so that what it signed can be verified.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn document(&self, did: &str) -> Result<Document, RegistryError> {
        self.read_open(|tx| {
            let holder = holder::by_did(tx, &self.id, did)?;
            self.document_of(tx, &holder)
        })
    }

    /// The DID document of a holder as it was at `at` (Unix seconds), by its DID: DID Core 1.0 §3.2.1, `versionTime`.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where there was none then.
    pub fn document_as_of(&self, did: &str, at: i64) -> Result<Document, RegistryError> {
        self.read_open(|tx| {
            let holder = holder::by_did(tx, &self.id, did)?;
            if at < holder.created {
                return Err(StoreError::NotFound { what: format!("document of `{did}` at that time") }.into());
            }
            self.document_then(tx, &holder, at)
        })
    }

    /// The document of a holder as it was at `at` (Unix seconds).
    pub(crate) fn document_then(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        at: i64,
    ) -> Result<Document, RegistryError> {
        let mut document = document_with(holder, &holder::keys_as_of(tx, &self.id, &holder.id, at)?)?;
        self.tie(tx, holder, Some(at), &mut document)?;
        Ok(document)
    }

    /// A status list by its number, as it is published.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn status_list(&self, number: i64) -> Result<String, RegistryError> {
        Ok(self.read_open(|tx| link::list(tx, &self.id, number))?.secured)
    }

    /// The epoch and the number of the organization's last event: where both are the same as before, nothing has changed. After a
    /// store was put back, numbers of events come again, and no epoch does.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn last_change(&self) -> Result<(i64, i64), RegistryError> {
        let organization = self.read_open(|tx| organization::get(tx, &self.id))?;
        Ok((organization.epoch, organization.events))
    }

    /// The database's clock, and when something was written last by the clock of whoever did, Unix seconds.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn clocks(&self) -> Result<(i64, i64), RegistryError> {
        Ok(self.store.read(|tx| organization::clocks(tx, &self.id))?)
    }

    /// The organization's epoch.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::Restored`] where it is closed, and nothing is decided.
    pub fn epoch(&self) -> Result<i64, RegistryError> {
        Ok(self.read_open(|tx| organization::get(tx, &self.id))?.epoch)
    }
}
