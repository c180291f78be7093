//! What a service has: keys, the status list of what it issued, and a way to the network.

use crate::problem::{CRYPTOGRAPHIC, PROOF_GENERATION, Problem};
use legation_credential::status::{MIN_ENTRIES, StatusList};
use legation_did::{Did, Document, key};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::Fetcher;
use legation_webvh::fetch;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A service of standalone credentials. Its issuer is the did:key of the key that signs. What it revoked it knows
/// while it runs.
pub struct Service {
    keys: Vec<SecretKey>,
    fetcher: Fetcher,
    origin: String,
    status: Mutex<Issued>,
}

/// What was issued with a status.
struct Issued {
    list: StatusList,
    /// The next index that is free.
    next: usize,
    /// The index of each credential by its `id`.
    by_id: HashMap<String, usize>,
}

impl Service {
    /// A service that signs with these keys, at most one for each algorithm, and is reached at `origin`, such as
    /// `https://localhost:8443`.
    #[must_use]
    pub fn new(keys: Vec<SecretKey>, fetcher: Fetcher, origin: &str) -> Self {
        let issued = Issued { list: StatusList::new(MIN_ENTRIES), next: 0, by_id: HashMap::new() };
        Self { keys, fetcher, origin: origin.trim_end_matches('/').to_owned(), status: Mutex::new(issued) }
    }

    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// The document of a DID, as it is now.
    pub(crate) async fn document(&self, did: &Did) -> Result<Document, Problem> {
        let failed = |code: &'static str, reason: String| Problem::new(CRYPTOGRAPHIC, code, reason);
        if did.method() == "webvh" {
            let document = fetch::document(&self.fetcher, did).await;
            return document.map_err(|error| failed(error.code(), error.to_string()));
        }
        self.fetcher.document(did).await.map_err(|error| failed(error.code(), error.to_string()))
    }

    /// The key for an algorithm, and whose it is.
    pub(crate) fn signer(&self, algorithm: Algorithm) -> Result<(&SecretKey, Did), Problem> {
        let found = self.keys.iter().find(|key| key.public_key().algorithm() == algorithm);
        let none = || {
            let detail = format!("this service has no key for {algorithm}");
            Problem { status: 501, ..Problem::new(PROOF_GENERATION, "key_not_found", detail) }
        };
        found.map(|secret| (secret, key::did(secret.public_key()))).ok_or_else(none)
    }

    /// The URL of the one status list.
    pub(crate) fn list_url(&self) -> String {
        format!("{}/credentials/status/1", self.origin)
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        // Every change is whole before the next can panic.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new entry of the status list, for a credential of this `id` if it has one.
    pub(crate) fn new_entry(&self, id: Option<&str>) -> Result<usize, Problem> {
        let mut issued = self.issued();
        let index = issued.next;
        if index >= issued.list.entries() {
            let detail = "the status list is full; start the service anew with another origin";
            return Err(Problem {
                status: 503,
                ..Problem::new(PROOF_GENERATION, "status_list_full", detail)
            });
        }
        issued.next += 1;
        issued.by_id.extend(id.map(|id| (id.to_owned(), index)));
        Ok(index)
    }

    /// Sets or clears the status of a credential that was issued here. `false` where there is none of this `id`.
    pub(crate) fn set_status(&self, id: &str, revoked: bool) -> bool {
        let mut issued = self.issued();
        match issued.by_id.get(id).copied() {
            Some(index) => issued.list.set(index, revoked),
            None => false,
        }
    }

    /// The status list as it is now.
    pub(crate) fn list(&self) -> StatusList {
        self.issued().list.clone()
    }
}
