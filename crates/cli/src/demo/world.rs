//! Organizations, agents, keys, folders and servers.

use super::{
    mandate::{CEILING, Mandate},
    shop::{self, Books, Shop},
};
use crate::{files, output::Failure, status};
use axum::Router;
use legation_credential::{
    Terms,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::{Did, key, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::{Fetcher, Options};
use legation_verifier::Trust;
use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{Mutex, watch},
    task::JoinSet,
};

const DAY: i64 = 86_400;

/// Somebody with keys.
pub(super) struct Party {
    pub(super) name: &'static str,
    pub(super) did: Did,
    pub(super) key: SecretKey,
}

/// Where a service is, and who it says it is.
pub(super) struct Place {
    pub(super) did: Did,
    pub(super) origin: String,
}

/// Everybody, and the servers that run for them.
pub(super) struct World {
    pub(super) acme: Party,
    pub(super) planner: Party,
    pub(super) buyer: Party,
    pub(super) clerk: Party,
    pub(super) mallory: Party,
    pub(super) shop: Place,
    /// It takes orders of the same goods, and Acme's agents have no business there.
    pub(super) market: Place,
    /// When it all began, Unix seconds.
    pub(super) now: i64,
    acme_origin: String,
    acme_folder: PathBuf,
    servers: Servers,
    _folder: TempDir,
}

impl Party {
    fn new(
        name: &'static str,
        did: impl FnOnce(&SecretKey) -> Result<Did, Failure>,
    ) -> Result<Self, Failure> {
        let key = SecretKey::generate(Algorithm::EdDsa)
            .map_err(|error| Failure::network("random", error.to_string()))?;
        Ok(Self { name, did: did(&key)?, key })
    }

    /// An agent: its DID is its key, which needs no server.
    pub(super) fn agent(name: &'static str) -> Result<Self, Failure> {
        Self::new(name, |secret| Ok(key::did(secret.public_key())))
    }

    /// An organization: its DID is where its server is, and its key is published there.
    fn organization(name: &'static str, port: u16, folder: &Path) -> Result<Self, Failure> {
        let party = Self::new(name, |_| {
            web::did(&format!("localhost:{port}")).map_err(|error| Failure::network("did", error.to_string()))
        })?;
        let document = web::document(&party.did, &[party.key.public_key().clone()]);
        let well_known = folder.join(".well-known");
        make_folder(&well_known)?;
        files::write_public(&well_known.join("did.json"), &document.to_json().to_string(), false)?;
        Ok(party)
    }

    /// The DID URL of its key.
    pub(super) fn key_id(&self) -> String {
        method_id(&self.did, self.key.public_key())
    }
}

impl World {
    /// Makes keys and folders and starts the servers, each at a port that is free.
    pub(super) async fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("legation-demo-")
            .tempdir()
            .map_err(|error| Failure::network("storage", format!("no temporary folder: {error}")))?;
        let mut servers = Servers::new();
        let acme_folder = folder.path().join("acme");
        let (listener, port) = listen().await?;
        let acme = Party::organization("Acme", port, &acme_folder)?;
        let acme_origin = origin(port);
        servers.start(listener, legation_host::router(acme_folder.clone()));
        let own = folder.path().join("shop");
        let shop = open_shop("Shop", &own, &acme.did, None, &mut servers).await?;
        let own = folder.path().join("market");
        let market = open_shop("Market", &own, &acme.did, Some(&shop), &mut servers).await?;
        let world = Self {
            acme,
            planner: Party::agent("Planner")?,
            buyer: Party::agent("Buyer")?,
            clerk: Party::agent("Clerk")?,
            mallory: Party::agent("Mallory")?,
            shop,
            market,
            now: files::now(),
            acme_origin,
            acme_folder,
            servers,
            _folder: folder,
        };
        for issuer in [&world.acme, &world.planner, &world.buyer] {
            // Made a little earlier, so that a list of this very second is later.
            world.publish_list(issuer, world.now.saturating_sub(60), &[])?;
        }
        Ok(world)
    }

    /// Publishes who is revoked by an issuer. Each issuer signs its own list, and Acme's server
    /// carries it: a server of its own is nothing that an agent needs.
    pub(super) fn publish_list(&self, issuer: &Party, made: i64, revoked: &[usize]) -> Result<(), Failure> {
        let mut list = StatusListCredential {
            id: self.list_url(issuer),
            issuer: issuer.did.clone(),
            valid_from: made,
            valid_until: Some(made.saturating_add(DAY)),
            purposes: vec![StatusPurpose::Revocation],
            list: StatusList::new(0),
        };
        for index in revoked {
            list.list.set(*index, true);
        }
        status::write(&self.acme_folder.join("status").join(issuer.name), &list, &issuer.key)
    }

    fn list_url(&self, issuer: &Party) -> String {
        format!("{}/status/{}", self.acme_origin, issuer.name)
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
            authority: mandate.authority(&self.shop)?,
            status: vec![StatusEntry { purpose: StatusPurpose::Revocation, list, index }],
        })
    }

    /// Stops all servers and removes all files.
    pub(super) async fn end(self) {
        self.servers.stop().await;
    }
}

/// A fetcher for did:web and status lists on this machine: plain HTTP, loopback only.
pub(super) fn fetcher() -> Result<Fetcher, Failure> {
    Fetcher::new(Options { http_on_loopback: true, ..Options::default() })
        .map_err(|error| Failure::network("setup", error.to_string()))
}

/// A shop that lets Acme's agents in, up to a ceiling. It sells its own goods, or those of
/// `supplier`, under that one's URLs.
async fn open_shop(
    name: &'static str,
    folder: &Path,
    acme: &Did,
    supplier: Option<&Place>,
    servers: &mut Servers,
) -> Result<Place, Failure> {
    let (listener, port) = listen().await?;
    let identity = Party::organization(name, port, folder)?;
    let place = Place { did: identity.did.clone(), origin: origin(port) };
    let goods = supplier.unwrap_or(&place);
    // All else stays as it is by default: every link can be revoked, whoever signs.
    let mut trust = Trust::new(place.did.as_str());
    trust.roots.insert(acme.clone(), CEILING.authority(goods)?);
    let (origin, books) = (goods.origin.clone(), Mutex::new(Books::default()));
    let shop = Shop { identity, origin, trust, fetcher: fetcher()?, books };
    servers.start(listener, legation_host::router(folder.to_owned()).merge(shop::router(shop)));
    Ok(place)
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::network("storage", format!("`{}` can't be made: {error}", folder.display()))
    })
}

fn origin(port: u16) -> String {
    format!("http://localhost:{port}")
}

async fn listen() -> Result<(TcpListener, u16), Failure> {
    let failed = |error: std::io::Error| {
        Failure::network("listen", format!("can't listen on this machine's own address 127.0.0.1: {error}"))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

/// The servers that run.
struct Servers {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Servers {
    fn new() -> Self {
        Self { stop: watch::Sender::new(false), running: JoinSet::new() }
    }

    fn start(&mut self, listener: TcpListener, router: Router) {
        let mut stopped = self.stop.subscribe();
        self.running.spawn(async move {
            let shutdown = async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            // It fails only over TLS files, of which there are none.
            let _ = legation_host::serve(listener, router, None, shutdown).await;
        });
    }

    async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}
