//! Further domains that an organization controls: each has to show a token, in a file or in the DNS, is looked at again and
//! again, and what was seen is a credential.
//!
//! Nothing is decided by it: what an organization may do follows from its DID. It is for whoever wants to know which domains
//! are of one owner, and for people who look.

use crate::{error::RegistryError, names, registry::Registry};
use legation_keys::{base64url, secret::random, time};
use legation_signer::{DomainTerms, SealedKey};
use legation_store::{StoreError, Tx, domain, holder};
use serde_json::json;

pub use domain::Domain;

/// What the token stands behind, in the file and in the TXT record.
const PREFIX: &str = "legation-domain=";
/// The file at the domain's origin.
pub const FILE: &str = "/.well-known/legation-domain.txt";
/// What stands before the domain's name in the DNS.
pub const LABEL: &str = "_legation.";
/// Most domains of an organization.
const MOST: i64 = 1000;
/// How often one that was found is looked at, and one that was not: seconds.
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;
/// For how long one that was never found is looked for by itself, seconds.
const PENDING: i64 = 7 * DAY;
/// How often in turn it may not be found before it is lost: hours.
const FAILURES: i64 = 24;
/// How long after it was seen last it is lost at the earliest, seconds: a day, and the hours in which it was looked for.
const LOST: i64 = DAY + (FAILURES - 1) * HOUR;
/// How long the credential lives, seconds: longer than it takes to be lost.
const LIFE: i64 = 3 * DAY;

/// How a token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// In the file.
    File,
    /// In a TXT record.
    Dns,
}

impl Method {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Dns => "dns",
        }
    }
}

/// What has to be found at a domain: a line of the file, or a TXT record.
#[must_use]
pub fn expected(domain: &Domain) -> String {
    format!("{PREFIX}{}", domain.token)
}

impl Registry {
    /// Adds a domain, which is pending until its token was found; one that is there stays as it is.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn add_domain(&self, name: &str, now: i64) -> Result<Domain, RegistryError> {
        let did = names::organization(name)?;
        if names::path(&did).is_some() {
            let reason = "it has a path; name the domain alone".to_owned();
            return Err(RegistryError::Value { what: "further domain", found: name.to_owned(), reason });
        }
        if did == self.did {
            let reason = "it is the organization's own, which its DID document shows".to_owned();
            return Err(RegistryError::Value { what: "further domain", found: name.to_owned(), reason });
        }
        let name = names::host(&did);
        let token = random::<24>().map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        self.change(|tx| {
            match domain::get(tx, &self.id, &name) {
                Err(StoreError::NotFound { .. }) => {}
                other => return Ok(other?),
            }
            if i64::try_from(domain::list(tx, &self.id, MOST)?.len()).is_ok_and(|many| many >= MOST) {
                let reason = format!("there are {MOST} already; remove one first");
                return Err(RegistryError::Value { what: "further domain", found: name.clone(), reason });
            }
            let domain = Domain {
                name: name.clone(),
                token: base64url::encode(&token),
                state: "pending".to_owned(),
                method: String::new(),
                added: now,
                seen: None,
                looked: None,
                failures: 0,
                secured: None,
            };
            domain::put(tx, &self.id, &domain)?;
            self.note(tx, ("domain.added", &name), &json!({}), now)?;
            Ok(domain)
        })
    }

    /// The domains, in the order of their names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn domains(&self) -> Result<Vec<Domain>, RegistryError> {
        Ok(self.store.read(|tx| domain::list(tx, &self.id, MOST))?)
    }

    /// A domain by its name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn domain(&self, name: &str) -> Result<Domain, RegistryError> {
        Ok(self.store.read(|tx| domain::get(tx, &self.id, name))?)
    }

    /// Removes a domain.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_domain(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            domain::remove(tx, &self.id, name)?;
            self.note(tx, ("domain.removed", name), &json!({}), now)
        })
    }

    /// The domains that are to be looked at now: once a day where they were found, once an hour where not.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn domains_due(&self, now: i64) -> Result<Vec<Domain>, RegistryError> {
        let is_due = |domain: &Domain| {
            let often = if domain.failures == 0 && domain.seen.is_some() { DAY } else { HOUR };
            let wanted = domain.seen.is_some() || now.saturating_sub(domain.added) < PENDING;
            wanted && domain.looked.is_none_or(|looked| now.saturating_sub(looked) >= often)
        };
        Ok(self.domains()?.into_iter().filter(is_due).collect())
    }

    /// Keeps what was found at a domain when it was looked at, with its token then. What is found is a credential of three
    /// days; what was verified and is not found for a day any more is lost.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn looked_at_domain(
        &self,
        looked: &Domain,
        found: Option<Method>,
        now: i64,
    ) -> Result<Domain, RegistryError> {
        self.change(|tx| {
            let mut domain = domain::get(tx, &self.id, &looked.name)?;
            // It was removed and added again meanwhile.
            if domain.token != looked.token {
                return Ok(domain);
            }
            domain.looked = Some(now);
            let before = (domain.state.clone(), domain.method.clone());
            if let Some(method) = found {
                domain.failures = 0;
                domain.seen = Some(now);
                (domain.state, domain.method) = ("verified".to_owned(), method.name().to_owned());
                domain.secured = Some(self.sign_domain(tx, &domain, now)?);
            } else {
                domain.failures = domain.failures.saturating_add(1);
                // Looking often by hand makes nobody lose a domain sooner.
                let is_long = domain.seen.is_none_or(|seen| now.saturating_sub(seen) >= LOST);
                if domain.state == "verified" && domain.failures >= FAILURES && is_long {
                    domain.state = "lost".to_owned();
                    domain.secured = None;
                }
            }
            domain::put(tx, &self.id, &domain)?;
            if (&domain.state, &domain.method) != (&before.0, &before.1) {
                let kind = format!("domain.{}", domain.state);
                self.note(tx, (&kind, &domain.name), &json!({"method": domain.method}), now)?;
            }
            Ok(domain)
        })
    }

    fn sign_domain(
        &self,
        tx: &mut Tx<'_>,
        domain: &Domain,
        now: i64,
    ) -> Result<(String, i64), RegistryError> {
        let top = self.top(tx)?;
        let key = holder::keys(tx, &self.id, &top.id)?.into_iter().next();
        let key = key.ok_or_else(|| RegistryError::damaged("the organization", "it has no key"))?;
        let sealed = key.sealed.as_deref().unwrap_or_default();
        let key = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
        let until = now.saturating_add(LIFE);
        let terms = DomainTerms {
            did: &self.did,
            domain: &domain.name,
            method: &domain.method,
            seen: now,
            valid_until: until,
        };
        Ok((self.signer().domain_control(key, &terms)?, until))
    }
}

/// A domain as it is told.
#[must_use]
pub fn told(domain: &Domain) -> serde_json::Value {
    let moment = |at: Option<i64>| at.map(time::format);
    json!({
        "name": domain.name, "state": domain.state, "method": domain.method, "added": time::format(domain.added),
        "seen": moment(domain.seen), "looked": moment(domain.looked), "failures": domain.failures,
        "expected": expected(domain), "file": format!("https://{}{FILE}", domain.name),
        "record": format!("{LABEL}{}", domain.name),
        "credential": domain.secured.as_ref().map(|(secured, _)| secured),
        "validUntil": moment(domain.secured.as_ref().map(|(_, until)| *until)),
    })
}
