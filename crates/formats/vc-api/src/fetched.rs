//! What one verification fetches: each status list and each DID document once, and not more than so many. Otherwise
//! whoever hands in one presentation has thousands of requests sent for it, to whom it likes.

use crate::{problem::Problem, status::IssuedList, token_status::Token};
use core::sync::atomic::{AtomicUsize, Ordering};
use legation_did::Document;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Most status lists and DID documents, together, that are fetched for one verification.
const MOST: usize = 32;

/// What a verification fetched so far, and read: it does not read a list again for every entry, either.
#[derive(Default)]
pub(crate) struct Fetched {
    count: AtomicUsize,
    /// Documents by their DIDs.
    pub(crate) documents: Held<Document>,
    /// Bitstring Status Lists by their URLs, verified; whose each is, is compared for each issuer who refers to it.
    pub(crate) bitstrings: Held<IssuedList>,
    /// Token Status Lists by their URLs, whose signatures are verified for each issuer who refers to them.
    pub(crate) tokens: Held<Token>,
}

impl Fetched {
    /// Counts a fetch that is about to be made; refused, by this type and code, where there were enough.
    pub(crate) fn count(&self, kind: &'static str, code: &'static str, what: &str) -> Result<(), Problem> {
        if self.count.fetch_add(1, Ordering::Relaxed) < MOST {
            return Ok(());
        }
        let detail = format!(
            "at most {MOST} status lists and DID documents are fetched for one verification; {what} is one more"
        );
        Err(Problem::new(kind, code, detail))
    }
}

/// What is held by its name, or why it could not be had.
pub(crate) struct Held<T>(Mutex<HashMap<String, Outcome<T>>>);

type Outcome<T> = Result<Arc<T>, Problem>;

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Held<T> {
    /// What has this name; it is had in this way the first time.
    pub(crate) async fn once(
        &self,
        name: &str,
        first: impl Future<Output = Result<T, Problem>>,
    ) -> Outcome<T> {
        if let Some(held) = self.lock(|all| all.get(name).cloned()) {
            return held;
        }
        let outcome = first.await.map(Arc::new);
        self.lock(|all| all.insert(name.to_owned(), outcome.clone()));
        outcome
    }

    /// The lock is never held while something is waited for.
    fn lock<R>(&self, with: impl FnOnce(&mut HashMap<String, Outcome<T>>) -> R) -> R {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
