//! What is published, as it was read last, for as long as the organization has not changed.
//!
//! Everything that is published follows from events (each change appends one, in its transaction). So before a page is told
//! again it is asked which event is the last one: the same as when the page was read, and the page is what the store has.
//! One question serves all who came before it was put, so that a thousand requests ask no more often than a few do, and
//! nobody is told what was so before he asked.

use crate::problem::Problem;
use axum::body::Bytes;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use legation_registry::{Registry, RegistryError};
use legation_store::StoreError;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Most bytes of pages that are kept; where there are more, all are read anew.
const MOST: usize = 32 << 20;
/// What a page costs besides its bytes.
const EACH: usize = 256;

/// A page as it is published.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    /// SHA-256 of them.
    pub(crate) digest: [u8; 32],
}

/// Which event is the last one: asked once for all who wait.
type Question = Shared<BoxFuture<'static, Result<Change, Problem>>>;
/// Epoch and number of an event.
type Change = (i64, i64);

/// What an organization publishes.
pub(crate) struct Fresh {
    registry: Arc<Registry>,
    kept: Mutex<Kept>,
    /// The question that is put next; whoever comes until then waits for its answer.
    next: Mutex<Option<Question>>,
    /// One question at a time.
    turn: tokio::sync::Mutex<()>,
}

/// Pages by their paths, as of an event.
#[derive(Default)]
struct Kept {
    event: Change,
    pages: HashMap<String, Page>,
    bytes: usize,
}

impl Fresh {
    pub(crate) fn new(registry: Arc<Registry>) -> Arc<Self> {
        Arc::new(Self {
            registry,
            kept: Mutex::default(),
            next: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The page of a path, made by `make` where it is not known.
    pub(crate) async fn page(
        self: &Arc<Self>,
        path: &str,
        make: impl FnOnce(&Registry) -> Result<Vec<u8>, RegistryError> + Send + 'static,
    ) -> Result<Page, Problem> {
        let event = self.last_event().await?;
        if let Some(page) = self.known(event, path) {
            return Ok(page);
        }
        let own = Arc::clone(self);
        let read = move || {
            let bytes = make(&own.registry)?;
            let digest = Sha256::digest(&bytes).into();
            Ok(Page { bytes: bytes.into(), digest })
        };
        let page = tokio::task::spawn_blocking(read).await.map_err(|_| Problem::Storage)?;
        let page = page.map_err(|error| problem(&error))?;
        self.keep(event, path, &page);
        Ok(page)
    }

    /// The number of the last event, as it is found at some moment from now on.
    async fn last_event(self: &Arc<Self>) -> Result<Change, Problem> {
        let answer = {
            let mut next = lock(&self.next);
            let own = Arc::clone(self);
            next.get_or_insert_with(|| own.ask().boxed().shared()).clone()
        };
        answer.await
    }

    async fn ask(self: Arc<Self>) -> Result<Change, Problem> {
        let _turn = self.turn.lock().await;
        // Who comes from here on has the next one.
        *lock(&self.next) = None;
        let registry = Arc::clone(&self.registry);
        let asked = tokio::task::spawn_blocking(move || registry.last_change()).await;
        asked.map_err(|_| Problem::Storage)?.map_err(|error| problem(&error))
    }

    fn known(&self, event: Change, path: &str) -> Option<Page> {
        let mut kept = lock(&self.kept);
        // Also where it is less: a store that was restored has other pages.
        if kept.event != event {
            *kept = Kept { event, ..Kept::default() };
        }
        kept.pages.get(path).cloned()
    }

    fn keep(&self, event: Change, path: &str, page: &Page) {
        let cost = path.len() + page.bytes.len() + EACH;
        let mut kept = lock(&self.kept);
        if kept.event != event || cost > MOST {
            return;
        }
        if kept.bytes + cost > MOST {
            *kept = Kept { event, ..Kept::default() };
        }
        if kept.pages.insert(path.to_owned(), page.clone()).is_none() {
            kept.bytes += cost;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn problem(error: &RegistryError) -> Problem {
    match error {
        RegistryError::Store(StoreError::NotFound { .. }) => Problem::NotFound,
        RegistryError::Store(StoreError::Restored { .. }) => Problem::Closed,
        _ => Problem::Storage,
    }
}
