//! Web servers on this machine, and what they publish.

use super::world::Party;
use crate::{files, output::Failure};
use axum::Router;
use legation_did::web;
use legation_keys::Signer;
use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// A folder that is published at an origin.
pub(super) struct Site {
    /// Such as `http://localhost:41233`.
    pub(super) origin: String,
    /// The same as people write it: `localhost:41233`.
    pub(super) domain: String,
    pub(super) folder: PathBuf,
}

impl Site {
    /// Publishes a file, in place of the one before.
    pub(super) fn publish(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::network("storage", format!("`{}` can't be made: {error}", folder.display()))
            })?;
        }
        files::write_public(&path, text, true)
    }

    /// Publishes a DID document with keys of one DID.
    pub(super) fn publish_keys(&self, keys: &[&Party]) -> Result<(), Failure> {
        let Some(owner) = keys.first() else { return Ok(()) };
        let public: Vec<_> = keys.iter().map(|party| party.key.public_key().clone()).collect();
        let document = web::document(&owner.did, &public).to_json().to_string();
        // `https://localhost:41233/shop/did.json` stands at `shop/did.json`.
        let url = web::url(&owner.did).unwrap_or_default();
        let name = url.splitn(4, '/').nth(3).unwrap_or_default();
        self.publish(name, &document)
    }

    /// Publishes the domain's card.
    pub(super) fn publish_card(&self, card: &str) -> Result<(), Failure> {
        self.publish(".well-known/agent-card.json", card)
    }
}

/// A port that is free, and the folder that will be published there.
pub(super) async fn site(folder: &Path, name: &str) -> Result<(TcpListener, Site), Failure> {
    let failed = |error: std::io::Error| {
        Failure::network("listen", format!("can't listen on this machine's own address 127.0.0.1: {error}"))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let domain = format!("localhost:{}", listener.local_addr().map_err(failed)?.port());
    let site = Site { origin: format!("http://{domain}"), domain, folder: folder.join(name) };
    Ok((listener, site))
}

/// The servers that run.
pub(super) struct Servers {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Servers {
    pub(super) fn new() -> Self {
        Self { stop: watch::Sender::new(false), running: JoinSet::new() }
    }

    /// Serves the public files of a site, and further routes.
    pub(super) fn start(&mut self, listener: TcpListener, site: &Site, routes: Router) {
        let router = legation_host::router(site.folder.clone()).merge(routes);
        let mut stopped = self.stop.subscribe();
        self.running.spawn(async move {
            let shutdown = async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            // It fails only over TLS files, of which there are none.
            let _ = legation_host::serve(listener, router, None, shutdown).await;
        });
    }

    pub(super) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}
