//! Which program asks: one that an admin told of, or one that tells of itself at its `client_id`. What that document says is fetched for
//! nobody but a person who is signed in, under the resolver's guard: never from a private address, without redirects, five KiB at most.

use super::{Stopped, bad};
use crate::{gateway::Gateway, refused::Refused};
use legation_resolver::{Fetcher, Options, SetupError};
use legation_token::client::{Client, MAX_DOCUMENT, is_document, read};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// For how long a document is used before it is fetched again, and how many are kept.
const KEPT: Duration = Duration::from_secs(300);
const MOST: usize = 256;
/// For how long a document is waited for.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many are fetched at a time, and how many people sign in.
const FETCHING: usize = 4;
const SIGNING_IN: usize = 4;
/// What a document may be (the draft, §4).
const TYPES: [&str; 2] = ["application/json", "application/client-id-metadata+json"];

/// Programs that tell of themselves, and people who sign in.
pub(crate) struct Programs {
    fetcher: Fetcher,
    /// Whether the organization is on this machine, and such programs may be, too.
    plain: bool,
    known: Mutex<HashMap<String, (Instant, Client)>>,
    fetching: Semaphore,
    /// Places for those who type a code, and are nobody yet.
    pub(super) signing_in: Semaphore,
}

impl core::fmt::Debug for Programs {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Programs").finish_non_exhaustive()
    }
}

impl Programs {
    /// `plain` says whether the organization is on this machine: only then programs may be there, whatever upstreams may.
    pub(crate) fn new(plain: bool) -> Result<Self, SetupError> {
        let options = Options {
            timeout: TIMEOUT,
            connect_timeout: TIMEOUT / 2,
            max_bytes: MAX_DOCUMENT,
            http_on_loopback: plain,
            allow_private: false,
            ..Options::default()
        };
        Ok(Self {
            fetcher: Fetcher::new(options)?,
            plain,
            known: Mutex::default(),
            fetching: Semaphore::new(FETCHING),
            signing_in: Semaphore::new(SIGNING_IN),
        })
    }

    fn known(&self, id: &str) -> Option<Client> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).filter(|(since, _)| since.elapsed() < KEPT).map(|(_, client)| client.clone())
    }

    fn keep(&self, client: &Client) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (since, _)| since.elapsed() < KEPT);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(client.id.clone(), (Instant::now(), client.clone()));
    }
}

impl Gateway {
    /// The program of a `client_id`, and whether an admin has told of it.
    pub(super) async fn program(self: &Arc<Self>, id: &str) -> Result<(Client, bool), Stopped> {
        if is_document(id, self.programs.plain) {
            return Ok((self.told_of_itself(id).await?, false));
        }
        let (gateway, asked) = (Arc::clone(self), id.to_owned());
        let found = self.blocking(move || gateway.registry.client(&asked)).await.and_then(|found| found);
        let found = found.map_err(|error| Refused::of_registry(&error))?;
        let found = found.ok_or_else(|| {
            bad("The program is not known here. Whoever runs the organization adds one by `legation client add`.")
        })?;
        let redirects: Vec<String> = serde_json::from_str(&found.redirects).unwrap_or_default();
        Ok((Client { id: found.id, name: found.name, redirects }, true))
    }

    async fn told_of_itself(self: &Arc<Self>, id: &str) -> Result<Client, Stopped> {
        if let Some(known) = self.programs.known(id) {
            return Ok(known);
        }
        let Ok(_turn) = self.programs.fetching.acquire().await else {
            return Err(Refused::store().into());
        };
        let fetched = self.programs.fetcher.file(id, &TYPES, MAX_DOCUMENT).await;
        let bytes = fetched.map_err(|error| {
            bad(format!("What the program tells of itself could not be fetched: {error}"))
        })?;
        let client = read(&bytes, id).map_err(|error| bad(format!("The program can't ask: {error}.")))?;
        self.programs.keep(&client);
        Ok(client)
    }
}
