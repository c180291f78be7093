//! SPIFFE: the organization as a trust domain, its agents as workloads of it, and the key that signs their JWT-SVIDs.

use crate::{error::RegistryError, names, registry::Registry};
use legation_did::Did;
use legation_keys::Algorithm;
use legation_store::{Tx, holder::Kind, token, token::Key};
use legation_token::{
    SpiffeId,
    svid::{KEY_USE, bundle, id::is_trust_domain},
};
use serde_json::{Value, json};

/// What the table of keys of tokens has in place of an algorithm: this one signs SVIDs and nothing else.
pub(crate) const SVIDS: &str = "jwt-svid";
/// After how many seconds others look at the bundle again (SPIFFE Trust Domain and Bundle §4.1.2): a key that is replaced is published for an
/// hour more.
const REFRESH: i64 = 300;

/// The trust domain of an organization: its domain. A port is told by `_`, which no name in DNS has, so that `acme.example` and
/// `acme.example:8443` are two. An organization below a domain has none, since that domain is somebody else's.
fn trust_domain(organization: &Did) -> Option<String> {
    let name = names::host(organization).replace(':', "_").to_ascii_lowercase();
    (names::path(organization).is_none() && is_trust_domain(&name)).then_some(name)
}

impl Registry {
    /// The trust domain that the organization is.
    ///
    /// # Errors
    /// [`RegistryError::Value`] where it is none.
    pub fn trust_domain(&self) -> Result<String, RegistryError> {
        trust_domain(&self.did).ok_or_else(|| RegistryError::Value {
            what: "trust domain",
            found: self.host(),
            reason: "an organization with a domain of its own is a SPIFFE trust domain, and one below a domain is none".to_owned(),
        })
    }

    /// The SPIFFE ID of an agent: `spiffe://acme.example/crm` of `did:web:acme.example:crm`.
    ///
    /// # Errors
    /// [`RegistryError::Value`] where it has none: a child that an agent made itself, an agent of another organization.
    pub fn spiffe_id(&self, agent: &Did) -> Result<SpiffeId, RegistryError> {
        let domain = self.trust_domain()?;
        let name = agent.as_str().strip_prefix(self.did.as_str()).and_then(|rest| rest.strip_prefix(':'));
        let id = name
            .filter(|name| !name.contains(':'))
            .and_then(|name| SpiffeId::parse(&format!("spiffe://{domain}/{name}")).ok());
        id.ok_or_else(|| RegistryError::Value {
            what: "SPIFFE ID",
            found: agent.to_string(),
            reason: "none but the agents that the organization has registered have one".to_owned(),
        })
    }

    /// The DID of an agent by its SPIFFE ID in the organization's own trust domain; whether there is such an agent is not asked.
    #[must_use]
    pub fn did_of_workload(&self, id: &SpiffeId) -> Option<Did> {
        let name = id.path().strip_prefix('/')?;
        names::check(Kind::Agent, name).ok()?;
        let did = names::holder(&self.did, Kind::Agent, name).ok()?;
        (trust_domain(&self.did).as_deref() == Some(id.trust_domain())).then_some(did)
    }

    /// The key that signs SVIDs now; made where there is none.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn svid_key(&self, now: i64) -> Result<Key, RegistryError> {
        let domain = self.trust_domain()?;
        let signs = |key: &Key| key.until.is_none() && key.algorithm == SVIDS;
        let keys = self.read_open(|tx| token::keys(tx, &self.id))?;
        if let Some(key) = keys.into_iter().find(signs) {
            return Ok(key);
        }
        self.change(|tx| {
            // Another process may have made it meanwhile.
            match token::keys(tx, &self.id)?.into_iter().find(signs) {
                Some(key) => Ok(key),
                None => self.new_svid_key(tx, &domain, now),
            }
        })
    }

    fn new_svid_key(&self, tx: &mut Tx<'_>, domain: &str, now: i64) -> Result<Key, RegistryError> {
        let key_id = format!("spiffe://{domain}#svid-{}", uuid::Uuid::now_v7());
        let made = self.signer().generate(&self.id, &key_id, Algorithm::Es256)?;
        let (mut jwk, kid) = (made.public_key.to_jwk(), made.public_key.thumbprint());
        if let Some(members) = jwk.as_object_mut() {
            let said = [("kid", kid.as_str()), ("alg", Algorithm::Es256.jose()), ("use", KEY_USE)];
            members.extend(said.map(|(name, value)| (name.to_owned(), value.into())));
        }
        let (public_jwk, sealed, algorithm) = (jwk.to_string(), made.sealed, SVIDS.to_owned());
        let key = Key { key_id, algorithm, public_jwk, sealed, created: now, until: None };
        token::add_key(tx, &self.id, &key)?;
        self.note(tx, ("svids.key-made", &key.key_id), &json!({"kid": kid, "alg": "ES256"}), now)?;
        Ok(key)
    }

    /// The bundle of the organization's trust domain at `now` (Unix seconds): the keys of its SVIDs. One is made where there is none.
    ///
    /// Its number is the time at which a key last came or went: a key that is taken away for good went before the next one was made.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn spiffe_bundle(&self, now: i64) -> Result<Value, RegistryError> {
        self.svid_key(now)?;
        let keys = self.read_open(|tx| token::keys(tx, &self.id))?;
        let keys: Vec<Key> = keys.into_iter().filter(|key| key.algorithm == SVIDS).collect();
        let ended = keys.iter().filter_map(|key| key.until).filter(|until| *until <= now);
        let sequence = keys.iter().map(|key| key.created).chain(ended).max().unwrap_or(now);
        let published = keys.iter().filter(|key| key.until.is_none_or(|until| now < until));
        let jwks = published.map(|key| serde_json::from_str(&key.public_jwk));
        let jwks: Vec<Value> = jwks
            .collect::<Result<_, _>>()
            .map_err(|error| RegistryError::damaged("a key of SVIDs", error))?;
        Ok(bundle::document(&jwks, sequence, REFRESH))
    }
}
