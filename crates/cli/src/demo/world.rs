//! Organizations, agents, keys, folders and servers.

use super::{
    mallory::{self, Heard, Wire},
    mandate::{CEILING, Mandate},
    shop,
    site::{Servers, Site, site},
};
use crate::{files, list_file, output::Failure};
use axum::Router;
use legation_agent::{Desk, Identity, Responder};
use legation_credential::{
    Authority, Securing, Terms,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::{Did, key, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::{Fetcher, Options};
use legation_verifier::Trust;
use std::sync::Arc;
use tempfile::TempDir;

const DAY: i64 = 86_400;

/// Somebody with keys.
#[derive(Clone)]
pub(super) struct Party {
    pub(super) name: &'static str,
    pub(super) did: Did,
    pub(super) key: Arc<SecretKey>,
}

/// Everybody, and the servers that run for them.
pub(super) struct World {
    pub(super) acme: Party,
    pub(super) planner: Party,
    pub(super) buyer: Party,
    pub(super) clerk: Party,
    /// Sells for Globex. The domain's card is its card.
    pub(super) shop: Party,
    /// The key that it is about to give up: its document still lists it, its card is signed by both.
    pub(super) old_key: Party,
    /// Takes orders of the same goods for Globex; Acme's agents have no business there.
    pub(super) market: Party,
    pub(super) mallory: Party,
    pub(super) acme_site: Site,
    pub(super) globex: Site,
    pub(super) mallory_site: Site,
    /// What Shop answers handshakes with.
    pub(super) responder: Arc<Responder>,
    /// What passed through Mallory's server.
    pub(super) heard: Arc<Heard>,
    pub(super) fetcher: Fetcher,
    /// When it all began, Unix seconds.
    pub(super) now: i64,
    servers: Servers,
    _folder: TempDir,
}

impl Party {
    fn new(name: &'static str, did: Option<Did>) -> Result<Self, Failure> {
        let key = SecretKey::generate(Algorithm::EdDsa)
            .map_err(|error| Failure::network("random", error.to_string()))?;
        let did = did.unwrap_or_else(|| key::did(key.public_key()));
        Ok(Self { name, did, key: Arc::new(key) })
    }

    /// An agent whose DID is its key, which needs no server.
    pub(super) fn agent(name: &'static str) -> Result<Self, Failure> {
        Self::new(name, None)
    }

    /// Somebody whose DID is where a server is: `localhost:41233/shop`.
    fn at(name: &'static str, location: &str) -> Result<Self, Failure> {
        let did = web::did(location).map_err(|error| Failure::network("did", error.to_string()))?;
        Self::new(name, Some(did))
    }

    /// The DID URL of its key.
    pub(super) fn key_id(&self) -> String {
        method_id(&self.did, self.key.public_key())
    }

    /// Who it is, and the key that proves it.
    pub(super) fn identity(&self) -> Identity {
        Identity::new(self.did.clone(), self.key.clone())
    }
}

impl World {
    /// Makes keys and folders and starts the servers, each at a port that is free.
    pub(super) async fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("legation-demo-")
            .tempdir()
            .map_err(|error| Failure::network("storage", format!("no temporary folder: {error}")))?;
        let (acme_listener, acme_site) = site(folder.path(), "acme").await?;
        let (globex_listener, globex) = site(folder.path(), "globex").await?;
        let (mallory_listener, mallory_site) = site(folder.path(), "mallory").await?;
        let acme = Party::at("Acme", &acme_site.domain)?;
        let shop = Party::at("Shop", &format!("{}/shop", globex.domain))?;
        let old_key = Party::new("Shop", Some(shop.did.clone()))?;
        let market = Party::at("Market", &format!("{}/market", globex.domain))?;
        let mallory = Party::at("Mallory", &mallory_site.domain)?;
        acme_site.publish_keys(&[&acme])?;
        globex.publish_keys(&[&shop, &old_key])?;
        globex.publish_keys(&[&market])?;
        mallory_site.publish_keys(&[&mallory])?;
        let card = shop::card(&shop, &globex, &[&old_key, &shop])?;
        globex.publish_card(&card)?;

        let (fetcher, mut servers) = (fetcher()?, Servers::new());
        let card = shop::own_card(&shop, &card, files::now())?;
        let ceiling = CEILING.authority(&shop, &globex)?;
        let desk = |service| desk(service, &acme, &ceiling, &fetcher);
        let (responder, routes) = shop::open(desk(&shop)?, &globex, &card)?;
        let routes = routes.merge(shop::market(desk(&market)?, &globex)?);
        let wire =
            Wire::new(&mallory, &mallory_site, &old_key, &card, shop::endpoint(&globex), fetcher.clone())?;
        let heard = wire.heard();
        servers.start(acme_listener, &acme_site, Router::new());
        servers.start(globex_listener, &globex, routes);
        servers.start(mallory_listener, &mallory_site, mallory::router(wire));
        let (planner, buyer) = (Party::agent("Planner")?, Party::agent("Buyer")?);
        let (clerk, now) = (Party::agent("Clerk")?, files::now());
        let world = Self {
            acme,
            planner,
            buyer,
            clerk,
            shop,
            old_key,
            market,
            mallory,
            acme_site,
            globex,
            mallory_site,
            responder,
            heard,
            fetcher,
            now,
            servers,
            _folder: folder,
        };
        world.publish_first_lists()?;
        Ok(world)
    }

    /// Nobody is revoked yet.
    fn publish_first_lists(&self) -> Result<(), Failure> {
        for issuer in [&self.acme, &self.planner, &self.buyer] {
            // Made a little earlier, so that a list of this very second is later.
            self.publish_list(issuer, self.now.saturating_sub(60), &[])?;
        }
        Ok(())
    }

    /// Publishes who is revoked by an issuer. Each issuer signs its own list, and Acme's server
    /// carries it: a server of its own is nothing that an agent needs.
    pub(super) fn publish_list(&self, issuer: &Party, made: i64, revoked: &[usize]) -> Result<(), Failure> {
        let mut list = StatusListCredential {
            id: Some(self.list_url(issuer)),
            issuer: issuer.did.clone(),
            valid_from: made,
            valid_until: Some(made.saturating_add(DAY)),
            purposes: vec![StatusPurpose::Revocation],
            list: StatusList::new(0),
        };
        for index in revoked {
            list.list.set(*index, true);
        }
        list_file::write(
            &self.acme_site.folder.join("status").join(issuer.name),
            &list,
            Securing::Jwt,
            &issuer.key,
        )
    }

    fn list_url(&self, issuer: &Party) -> String {
        format!("{}/status/{}", self.acme_site.origin, issuer.name)
    }

    /// The terms on which an issuer delegates a mandate, from a week ago for a month.
    pub(super) fn terms(
        &self,
        issuer: &Party,
        to: &Party,
        mandate: &Mandate,
        index: usize,
    ) -> Result<Terms, Failure> {
        let list = self.list_url(issuer);
        Ok(Terms {
            id: None,
            subject: to.did.clone(),
            valid_from: self.now.saturating_sub(7 * DAY),
            valid_until: self.now.saturating_add(23 * DAY),
            max_depth: mandate.max_depth,
            account: None,
            authority: mandate.authority(&self.shop, &self.globex)?,
            status: vec![StatusEntry { purpose: StatusPurpose::Revocation, list, index }],
        })
    }

    /// Stops all servers and removes all files.
    pub(super) async fn end(self) {
        self.servers.stop().await;
    }
}

/// A service of Globex lets Acme's agents in, up to a ceiling on Shop's goods. All else stays as it is by
/// default: every link can be revoked, whoever signs.
fn desk(service: &Party, acme: &Party, ceiling: &Authority, fetcher: &Fetcher) -> Result<Arc<Desk>, Failure> {
    let mut trust = Trust::new(service.did.as_str());
    trust.roots.insert(acme.did.clone(), ceiling.clone());
    Desk::new(service.identity(), trust, fetcher.clone()).map(Arc::new).map_err(shop::failed)
}

/// A fetcher for cards, documents, lists and calls on this machine: plain HTTP, loopback only.
fn fetcher() -> Result<Fetcher, Failure> {
    Fetcher::new(Options { http_on_loopback: true, ..Options::default() })
        .map_err(|error| Failure::network("setup", error.to_string()))
}
