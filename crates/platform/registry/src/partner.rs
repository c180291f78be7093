//! Partners: other organizations whose agents may call here, on which routes and models, and under which ceiling. Whoever is no
//! partner is let in nowhere.

use crate::{error::RegistryError, profile::group_pattern, registry::Registry, route::Route};
use legation_credential::Authority;
use legation_did::{Did, web};
use legation_store::configuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const PARTNER: &str = "partner";
/// Most routes, groups and constraints of one partner.
const MOST: usize = 64;
/// Most bytes of a name.
const MAX_NAME: usize = 64;
/// How old what a partner publishes of its delegations may be by default, and at most: seconds.
const STATUS_AGE: i64 = 30;
const LONGEST: i64 = 3600;
/// What a partner may do on a route, as far as its own delegations let its agents.
const ON_ROUTES: [&str; 3] = ["http:*", "mcp:*", "a2a:*"];

/// What a partner tells of its delegations by Shared Signals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Heard {
    /// The name of the secret that holds the token that it gave for its stream. It is bound to the partner's origin.
    pub secret: String,
    /// Where tokens are sent here (RFC 8935) and not asked for (RFC 8936): the name of the secret that its transmitter shows with each.
    /// It is
    /// told to that transmitter, and bound to the partner's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<String>,
}

/// Another organization whose agents may call here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Partner {
    /// What it is called here.
    pub name: String,
    /// Its DID, with which the chains of its agents begin.
    pub did: String,
    /// The names of routes that its agents may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Groups of models that its agents may call; `*` for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// What limits all of its agents together, as a delegation writes it: a `rate`, a `spend`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Value>,
    /// How old may be what it publishes of its delegations and keys, seconds, 0 to 3,600: with 0 it is asked for each call. What it has
    /// revoked passes no longer than that. 30 by default.
    #[serde(default = "status_age")]
    pub max_status_age: i64,
    /// Where it is listened to, for what happens to its delegations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<Heard>,
}

fn status_age() -> i64 {
    STATUS_AGE
}

impl Partner {
    /// Holds that it can be one of an organization.
    ///
    /// # Errors
    /// [`RegistryError::Value`]; [`RegistryError::Authority`] where a constraint is none.
    pub fn validate(&self, own: &Did) -> Result<(), RegistryError> {
        let wrong = |what: &'static str, found: &str, reason: &str| {
            let found = found.chars().filter(|one| !one.is_control()).take(MAX_NAME).collect();
            Err(RegistryError::Value { what, found, reason: reason.to_owned() })
        };
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !(1..=MAX_NAME).contains(&self.name.len()) || !self.name.bytes().all(fits) {
            return wrong(
                "name of a partner",
                &self.name,
                "write 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_`, `-`",
            );
        }
        let did = match self.did.parse::<Did>() {
            Ok(did) => did,
            Err(error) => return wrong("DID of a partner", &self.did, &error.to_string()),
        };
        // Whatever is below its own name is answered by its own host, whoever it is of.
        let is_below = did.as_str().strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with(':'));
        if is_below || did == *own {
            return wrong(
                "DID of a partner",
                &self.did,
                "it is the organization's own; its agents need no partner",
            );
        }
        if self.routes.is_empty() && self.models.is_empty() {
            return wrong("partner", &self.name, "name at least one route, or one group of models");
        }
        if [self.routes.len(), self.models.len(), self.constraints.len()].iter().any(|count| *count > MOST) {
            return wrong("partner", &self.name, "name at most 64 routes, groups and constraints");
        }
        if !(0..=LONGEST).contains(&self.max_status_age) {
            return wrong("maxStatusAge", &self.max_status_age.to_string(), "write seconds, 0 to 3600");
        }
        if self.signals.as_ref().is_some_and(|signals| signals.secret.is_empty())
            || (self.signals.is_some() && self.transmitter().is_none())
        {
            let reason =
                "a partner that is listened to has a did:web without a path, and `signals` names a secret";
            return wrong("signals", &self.did, reason);
        }
        for group in &self.models {
            group_pattern("example.com", group)?;
        }
        // The constraints are read as they will be.
        self.authority(vec![json!({"actions": ["http:*"], "resources": ["https://example.com/*"]})]).map(drop)
    }

    /// The origin of its transmitter, where it is listened to: that of its DID, so that it speaks of nobody else.
    #[must_use]
    pub fn transmitter(&self) -> Option<String> {
        let did: Did = self.did.parse().ok().filter(|_| self.signals.is_some())?;
        web::origin(&did)?;
        crate::names::path(&did).is_none().then(|| crate::names::origin(&did))
    }

    /// The most that it may confer here: its routes and models, under its constraints. `None` where none of its routes is there.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn ceiling(&self, host: &str, routes: &[Route]) -> Result<Option<Authority>, RegistryError> {
        let mut grants = Vec::new();
        if !self.models.is_empty() {
            let resources: Vec<String> =
                self.models.iter().map(|group| group_pattern(host, group)).collect::<Result<_, _>>()?;
            grants.push(json!({"actions": ["model:*"], "resources": resources}));
        }
        let own: Vec<String> = routes
            .iter()
            .filter(|route| self.routes.contains(&route.name))
            .map(|route| format!("{}*", route.upstream))
            .collect();
        if !own.is_empty() {
            grants.push(json!({"actions": ON_ROUTES, "resources": own}));
        }
        if grants.is_empty() { Ok(None) } else { self.authority(grants).map(Some) }
    }

    fn authority(&self, grants: Vec<Value>) -> Result<Authority, RegistryError> {
        let mut authority = json!({ "grants": grants });
        if let (false, Some(members)) = (self.constraints.is_empty(), authority.as_object_mut()) {
            members.insert("constraints".to_owned(), self.constraints.clone().into());
        }
        Ok(Authority::parse(&authority.to_string())?)
    }
}

impl Registry {
    /// Writes a partner, a new one or the next version of the one of its name.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where another one has its DID.
    pub fn put_partner(&self, partner: &Partner, now: i64) -> Result<(), RegistryError> {
        partner.validate(&self.did)?;
        self.change(|tx| {
            for one in configuration::list(tx, &self.id, PARTNER)? {
                let other: Partner = serde_json::from_str(&one.body)
                    .map_err(|error| RegistryError::damaged(&one.name, error))?;
                if other.name != partner.name && other.did == partner.did {
                    let (found, reason) = (partner.did.clone(), format!("`{}` has it already", other.name));
                    return Err(RegistryError::Value { what: "DID of another partner", found, reason });
                }
            }
            let told = serde_json::to_value(partner).unwrap_or_default();
            self.put(tx, (PARTNER, &partner.name), (partner, &told), now)
        })
    }

    /// The partners, in the order of their names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn partners(&self) -> Result<Vec<Partner>, RegistryError> {
        self.all(PARTNER)
    }

    /// Removes a partner: its agents are let in nowhere from the next call on.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_partner(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::remove(tx, &self.id, PARTNER, name)?;
            self.tell(tx, ("partner.removed", name), &json!({}), now)
        })
    }
}
