//! Other SPIFFE trust domains: whose word says who a workload is, and which agents their workloads are here. A workload of another trust
//! domain is an agent of the registry or nobody: what it may do is in that agent's delegations.

use crate::{error::RegistryError, registry::Registry};
use legation_did::Did;
use legation_store::{configuration, holder, holder::Kind};
use legation_token::{
    SpiffeId,
    svid::{Bundle, id::is_trust_domain},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const TRUST_DOMAIN: &str = "trust-domain";
/// What was fetched of one.
const FETCHED: &str = "trust-bundle";
/// Most workloads of one trust domain that are agents here.
const MOST: usize = 10_000;
/// For how long an SVID of another trust domain may live, by default and at most, seconds.
const LIFE: i64 = 3600;
const LONGEST: i64 = 86_400;
/// How often a bundle is fetched, seconds: as its hint says, within these.
const SELDOM: i64 = 3600;
const OFTEN: i64 = 30;
/// For how long a bundle that can't be fetched anew is relied on, seconds.
pub const STALE: i64 = 86_400;

/// Another trust domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct TrustDomain {
    /// Its name, such as `partner.example`. Whose bundle it is says this name, and nothing in the bundle.
    pub name: String,
    /// Its bundle, as it was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Value>,
    /// Where its bundle is fetched, again and again: an `https_web` bundle endpoint (SPIFFE Federation §5.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Which of its workloads are agents here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<Workload>,
    /// For how long its SVIDs may live, seconds; an hour by default.
    #[serde(default = "life")]
    pub max_life: i64,
}

fn life() -> i64 {
    LIFE
}

/// A workload of another trust domain that is an agent of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Workload {
    /// Its SPIFFE ID.
    pub spiffe_id: String,
    /// The agent's name.
    pub agent: String,
}

/// A bundle that was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fetched {
    /// From where.
    pub endpoint: String,
    /// The bundle.
    pub bundle: Value,
    /// When it was there last, Unix seconds.
    pub at: i64,
}

impl TrustDomain {
    /// Holds that it can be one of an organization whose own trust domain has that name.
    ///
    /// # Errors
    /// [`RegistryError::Value`].
    pub fn validate(&self, own: Option<&str>) -> Result<(), RegistryError> {
        let wrong = |what: &'static str, found: &str, reason: String| {
            let found = found.chars().filter(|one| !one.is_control()).take(120).collect();
            Err(RegistryError::Value { what, found, reason })
        };
        let name = self.name.as_str();
        if !is_trust_domain(name) {
            let reason = "write its name in small letters, without `spiffe://` and without a path".to_owned();
            return wrong("trust domain", name, reason);
        }
        if own == Some(name) {
            let reason = "it is the organization's own; its agents need no mapping".to_owned();
            return wrong("trust domain", name, reason);
        }
        match (&self.bundle, &self.endpoint) {
            (Some(bundle), None) => {
                if let Err(error) = Bundle::parse(bundle.to_string().as_bytes()) {
                    return wrong("bundle of a trust domain", name, error.to_string());
                }
            }
            (None, Some(endpoint)) => {
                crate::route::origin_of(endpoint)?;
            }
            _ => {
                let reason =
                    "name its `bundle`, or the `endpoint` where it is fetched, and not both".to_owned();
                return wrong("trust domain", name, reason);
            }
        }
        if self.workloads.len() > MOST {
            return wrong("workloads", &self.workloads.len().to_string(), format!("name at most {MOST}"));
        }
        if !(60..=LONGEST).contains(&self.max_life) {
            return wrong("maxLife", &self.max_life.to_string(), format!("write seconds, 60 to {LONGEST}"));
        }
        let mut ids = std::collections::BTreeSet::new();
        for one in &self.workloads {
            match SpiffeId::parse(&one.spiffe_id) {
                Err(error) => return wrong("SPIFFE ID", &one.spiffe_id, error.to_string()),
                Ok(id) if id.trust_domain() != name => {
                    let reason = format!("it is of the trust domain `{}`", id.trust_domain());
                    return wrong("SPIFFE ID", &one.spiffe_id, reason);
                }
                Ok(_) if !ids.insert(&one.spiffe_id) => {
                    return wrong("SPIFFE ID", &one.spiffe_id, "name it once".to_owned());
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// The agent that a workload of it is, by its name.
    #[must_use]
    pub fn agent_of(&self, id: &SpiffeId) -> Option<&str> {
        self.workloads.iter().find(|one| one.spiffe_id == id.as_str()).map(|one| one.agent.as_str())
    }
}

impl Registry {
    /// Writes a trust domain, a new one or the next version of the one of its name.
    ///
    /// # Errors
    /// [`RegistryError`]; [`legation_store::StoreError::NotFound`] where there is no such agent.
    pub fn put_trust_domain(&self, domain: &TrustDomain, now: i64) -> Result<(), RegistryError> {
        domain.validate(self.trust_domain().ok().as_deref())?;
        self.change(|tx| {
            for one in &domain.workloads {
                holder::by_name(tx, &self.id, Kind::Agent, &one.agent)?;
            }
            let told = serde_json::to_value(domain).unwrap_or_default();
            self.put(tx, (TRUST_DOMAIN, &domain.name), (domain, &told), now)
        })
    }

    /// The trust domains, in the order of their names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn trust_domains(&self) -> Result<Vec<TrustDomain>, RegistryError> {
        self.all(TRUST_DOMAIN)
    }

    /// Removes a trust domain: its workloads are nobody from the next call on.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_trust_domain(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::remove(tx, &self.id, TRUST_DOMAIN, name)?;
            if configuration::list(tx, &self.id, FETCHED)?.iter().any(|one| one.name == name) {
                configuration::remove(tx, &self.id, FETCHED, name)?;
            }
            self.tell(tx, ("trust-domain.removed", name), &json!({}), now)
        })
    }

    /// What was fetched of a trust domain, from the end point that it has now.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn fetched_bundle(&self, domain: &TrustDomain) -> Result<Option<Fetched>, RegistryError> {
        let items = self.read_open(|tx| configuration::list(tx, &self.id, FETCHED))?;
        let Some(item) = items.into_iter().find(|item| item.name == domain.name) else { return Ok(None) };
        let fetched: Fetched =
            serde_json::from_str(&item.body).map_err(|error| RegistryError::damaged(&item.name, error))?;
        Ok(Some(fetched).filter(|fetched| domain.endpoint.as_ref() == Some(&fetched.endpoint)))
    }

    /// The bundle of a trust domain as it is relied on at `now` (Unix seconds); `None` where none was fetched yet, or too long ago.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn bundle_of(&self, domain: &TrustDomain, now: i64) -> Result<Option<Bundle>, RegistryError> {
        let text = match &domain.bundle {
            Some(bundle) => Some(bundle.to_string()),
            None => {
                let fetched = self.fetched_bundle(domain)?;
                fetched.filter(|one| now.saturating_sub(one.at) < STALE).map(|one| one.bundle.to_string())
            }
        };
        let read = |text: String| Bundle::parse(text.as_bytes());
        text.map(read).transpose().map_err(|error| RegistryError::damaged(&domain.name, error))
    }

    /// The trust domains whose bundle is to be fetched at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn bundles_due(&self, now: i64) -> Result<Vec<TrustDomain>, RegistryError> {
        let mut due = Vec::new();
        for domain in self.trust_domains()?.into_iter().filter(|domain| domain.endpoint.is_some()) {
            let is_due = match self.fetched_bundle(&domain)? {
                None => true,
                Some(held) => {
                    let hint = held.bundle.get("spiffe_refresh_hint").and_then(Value::as_i64);
                    let every = hint.unwrap_or(REFRESH).clamp(OFTEN, SELDOM);
                    !(0..every).contains(&now.saturating_sub(held.at))
                }
            };
            if is_due {
                due.push(domain);
            }
        }
        Ok(due)
    }

    /// Keeps a bundle that was fetched. One that is older than the one that is held is refused; one that says the same is noted, and
    /// nothing is decided anew.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where it is no bundle of now.
    pub fn keep_bundle(&self, domain: &TrustDomain, bytes: &[u8], now: i64) -> Result<(), RegistryError> {
        let wrong = |reason: String| RegistryError::Value {
            what: "bundle of a trust domain",
            found: domain.name.clone(),
            reason,
        };
        let bundle = Bundle::parse(bytes).map_err(|error| wrong(error.to_string()))?;
        let body: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        let endpoint = domain.endpoint.clone().unwrap_or_default();
        self.change(|tx| {
            let items = configuration::list(tx, &self.id, FETCHED)?;
            let held = items.into_iter().find(|item| item.name == domain.name);
            let held: Option<Fetched> = held.and_then(|item| serde_json::from_str(&item.body).ok());
            let held = held.filter(|held| held.endpoint == endpoint);
            if let Some(before) =
                held.as_ref().and_then(|held| Bundle::parse(held.bundle.to_string().as_bytes()).ok())
            {
                bundle.follows(&before).map_err(|error| wrong(error.to_string()))?;
            }
            let is_same = held.is_some_and(|held| held.bundle == body);
            let fetched = Fetched { endpoint: endpoint.clone(), bundle: body.clone(), at: now };
            let text = serde_json::to_string(&fetched).map_err(|error| wrong(error.to_string()))?;
            configuration::put(tx, &self.id, FETCHED, &domain.name, &text)?;
            if is_same {
                return Ok(());
            }
            let told = json!({"keys": bundle.count(), "sequence": bundle.sequence()});
            self.tell(tx, ("trust-domain.bundle", &domain.name), &told, now)
        })
    }

    /// The agent that a workload of another trust domain is here, by its DID.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn agent_of_workload(
        &self,
        domain: &TrustDomain,
        id: &SpiffeId,
    ) -> Result<Option<Did>, RegistryError> {
        let Some(name) = domain.agent_of(id) else { return Ok(None) };
        crate::names::holder(&self.did, Kind::Agent, name).map(Some)
    }
}

/// How often a bundle is fetched that has no hint, seconds (SPIFFE Trust Domain and Bundle §4.1.2 leaves it to who fetches).
const REFRESH: i64 = 300;
