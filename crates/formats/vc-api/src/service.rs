//! What a service has: keys, the status list of what it issued, and a way to the network.

use crate::{
    aside::Aside,
    key::{KeyAlgorithm, SigningKey},
    method::Method,
    problem::{CRYPTOGRAPHIC, PROOF_GENERATION, Problem},
};
use legation_credential::status::{MIN_ENTRIES, StatusList};
use legation_did::{Did, Document, one_spelling};
use legation_keys::Algorithm;
use legation_linked_data::Contexts;
use legation_resolver::Fetcher;
use legation_webvh::fetch;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A service of standalone credentials. Its issuer is the did:key of the key that signs. What it revoked it knows
/// while it runs.
pub struct Service {
    keys: Vec<SigningKey>,
    /// As whom it issues, and the URL that names its key, where that is not the key's did:key.
    issuer: Option<(String, String)>,
    methods: Vec<Method>,
    documents: Vec<Document>,
    contexts: Arc<Contexts>,
    /// Whose status lists are believed, besides those of a credential's own issuer.
    list_issuers: Vec<String>,
    fetcher: Fetcher,
    origin: String,
    status: Mutex<Issued>,
    aside: Aside,
}

/// Who signs.
pub(crate) struct Signs<'s> {
    pub(crate) key: &'s SigningKey,
    /// The issuer or holder, a URL.
    pub(crate) name: String,
    /// The URL that names the key.
    pub(crate) key_id: String,
    /// By which what is signed is read.
    pub(crate) contexts: &'s Contexts,
}

/// What was issued with a status.
struct Issued {
    list: StatusList,
    /// The next index that is free.
    next: usize,
    /// The indexes of all that was issued with an `id`, by that: who issues one again issues another credential.
    by_id: HashMap<String, Vec<usize>>,
}

impl Service {
    /// A service that signs with these keys, at most one for each algorithm, and is reached at `origin`, such as
    /// `https://localhost:8443`.
    #[must_use]
    pub fn new(keys: Vec<SigningKey>, fetcher: Fetcher, origin: &str) -> Self {
        let issued = Issued { list: StatusList::new(MIN_ENTRIES), next: 0, by_id: HashMap::new() };
        Self {
            keys,
            issuer: None,
            methods: Vec::new(),
            documents: Vec::new(),
            contexts: Arc::new(Contexts::compiled_in().clone()),
            list_issuers: Vec::new(),
            fetcher,
            origin: origin.trim_end_matches('/').to_owned(),
            status: Mutex::new(issued),
            aside: Aside::default(),
        }
    }

    /// Issues as this issuer or holder, a URL, whose key has this URL.
    #[must_use]
    pub fn issuing_as(mut self, issuer: String, key_id: String) -> Self {
        self.issuer = Some((issuer, key_id));
        self
    }

    /// Takes keys and documents that the caller vouches for, and asks nobody about those.
    #[must_use]
    pub fn knowing(mut self, methods: Vec<Method>, documents: Vec<Document>) -> Self {
        (self.methods, self.documents) = (methods, documents);
        self
    }

    /// Reads documents by these contexts. None is ever fetched.
    #[must_use]
    pub fn reading_by(mut self, contexts: Contexts) -> Self {
        self.contexts = Arc::new(contexts);
        self
    }

    /// Believes the status lists of these issuers, URLs, for credentials of others, besides those of the credential's own
    /// issuer (Bitstring Status List 1.0 §3.2 lets a list be another's whom the verifier trusts).
    #[must_use]
    pub fn believing_lists_of(mut self, issuers: Vec<String>) -> Self {
        self.list_issuers = issuers;
        self
    }

    /// The contexts that are known.
    pub(crate) fn contexts(&self) -> &Arc<Contexts> {
        &self.contexts
    }

    /// Whether a list of this signer says something of a credential of this issuer. The signer has the one spelling of a DID.
    pub(crate) fn believes_list(&self, signer: &str, issuer: &str) -> bool {
        signer == one_spelling(issuer) || self.list_issuers.iter().any(|named| signer == one_spelling(named))
    }

    /// The key that the caller vouches for under this name.
    pub(crate) fn method(&self, key_id: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.is_named(key_id))
    }

    /// The threads that documents are worked on with.
    pub(crate) fn aside(&self) -> &Aside {
        &self.aside
    }

    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Whether the document of a DID has to be fetched: it is neither vouched for nor in the DID itself.
    pub(crate) fn is_fetched(&self, did: &Did) -> bool {
        did.method() != "key" && self.documents.iter().all(|document| document.id() != did)
    }

    /// The document of a DID, as it is now.
    pub(crate) async fn document(&self, did: &Did) -> Result<Document, Problem> {
        let failed = |code: &'static str, reason: String| Problem::new(CRYPTOGRAPHIC, code, reason);
        if let Some(known) = self.documents.iter().find(|document| document.id() == did) {
            return Ok(known.clone());
        }
        if did.method() == "webvh" {
            let document = fetch::document(&self.fetcher, did).await;
            return document.map_err(|error| failed(error.code(), error.to_string()));
        }
        self.fetcher.document(did).await.map_err(|error| failed(error.code(), error.to_string()))
    }

    /// Who signs by an algorithm; by any, where it is `None`. Of several, the one that is `named`, else the first.
    pub(crate) fn signer(&self, algorithm: Option<Algorithm>, named: &str) -> Result<Signs<'_>, Problem> {
        let fits =
            |key: &&SigningKey| algorithm.is_none_or(|wanted| key.algorithm() == KeyAlgorithm::Chain(wanted));
        let mut all: Vec<Signs<'_>> = self.keys.iter().filter(fits).map(|key| self.signs(key)).collect();
        let place = all.iter().position(|signs| signs.name == named).unwrap_or_default();
        if all.is_empty() {
            return Err(no_key(algorithm));
        }
        Ok(all.swap_remove(place))
    }

    fn signs<'s>(&'s self, key: &'s SigningKey) -> Signs<'s> {
        let (name, key_id) = self.issuer.clone().unwrap_or_else(|| {
            let multikey = key.to_multikey();
            (format!("did:key:{multikey}"), format!("did:key:{multikey}#{multikey}"))
        });
        Signs { key, name, key_id, contexts: &self.contexts }
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
        if let Some(id) = id {
            issued.by_id.entry(id.to_owned()).or_default().push(index);
        }
        Ok(index)
    }

    /// Sets or clears the status of every credential that was issued here with this `id`. `false` where there is none.
    pub(crate) fn set_status(&self, id: &str, revoked: bool) -> bool {
        let mut issued = self.issued();
        let all = issued.by_id.get(id).cloned().unwrap_or_default();
        for index in &all {
            issued.list.set(*index, revoked);
        }
        !all.is_empty()
    }

    /// Sets or clears one entry of the list. `false` where it was given to no credential.
    pub(crate) fn set_entry(&self, index: usize, revoked: bool) -> bool {
        let mut issued = self.issued();
        index < issued.next && issued.list.set(index, revoked)
    }

    /// The status list as it is now.
    pub(crate) fn list(&self) -> StatusList {
        self.issued().list.clone()
    }
}

/// There is no key that signs by this algorithm.
pub(crate) fn no_key(algorithm: Option<Algorithm>) -> Problem {
    let wanted = algorithm.map_or_else(|| "any algorithm".to_owned(), |wanted| wanted.to_string());
    let detail = format!("there is no key for {wanted}");
    Problem { status: 501, ..Problem::new(PROOF_GENERATION, "key_not_found", detail) }
}
