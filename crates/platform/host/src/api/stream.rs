//! Events and receipts as they come (`text/event-stream`, WHATWG HTML §9.2), in place of a list of those that are there.

use super::{error::ApiError, forms};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use legation_registry::{Registry, RegistryError};
use legation_store::{Event, StoreError, holder::State, receipt::Receipt};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The type of such an answer.
const TYPE: &str = "text/event-stream";
/// Most of them at a time.
pub(crate) const MOST: usize = 64;
/// How often it is looked whether there are new ones.
const LOOK: Duration = Duration::from_millis(500);
/// After so long without an event a comment is sent, so that whoever has gone is noticed.
const QUIET: Duration = Duration::from_secs(10);
/// For how long one goes on, less than a connection lives: whoever wants more asks again behind the last number.
const LIFE: Duration = Duration::from_secs(50);
/// Most of one look.
const BATCH: i64 = 100;

/// Whether a request asks for a stream.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let kinds = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    kinds
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == TYPE))
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Events,
    Receipts,
}

/// What a stream goes on by.
struct Following {
    registry: Arc<Registry>,
    what: What,
    /// The admin who reads.
    admin: String,
    after: i64,
    ends: Instant,
    told: Instant,
    _place: OwnedSemaphorePermit,
}

/// The events or receipts behind a number, and those that follow, for as long as the admin is one. `path` is the end point's.
pub(crate) fn follow(
    registry: &Arc<Registry>,
    places: &Arc<Semaphore>,
    admin: &str,
    (path, query): (&str, &BTreeMap<String, String>),
) -> Result<Response, ApiError> {
    let (what, one) =
        if path == "/v1/receipts" { (What::Receipts, "a receipt") } else { (What::Events, "an event") };
    if query.contains_key("last") || query.contains_key("agent") {
        let message =
            "a stream begins behind a number, `after`, and tells of all; leave out `last` and `agent`";
        return Err(ApiError::bad("query_invalid", message));
    }
    let after = query.get("after").map_or(Some(0), |after| after.parse().ok()).filter(|after| *after >= 0);
    let after =
        after.ok_or_else(|| ApiError::bad("query_invalid", format!("`after` is no number of {one}")))?;
    let full = |_| ApiError::new(503, "overloaded", "too many read a stream at once; try again");
    let now = Instant::now();
    let following = Following {
        registry: Arc::clone(registry),
        what,
        admin: admin.to_owned(),
        after,
        ends: now + LIFE,
        told: now,
        _place: Arc::clone(places).try_acquire_owned().map_err(full)?,
    };
    let pieces = futures::stream::unfold(following, |mut following| async move {
        let piece = following.next().await?;
        Some((Ok::<Bytes, Infallible>(piece), following))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TYPE));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl Following {
    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if Instant::now() >= self.ends {
                return None;
            }
            let (registry, admin) = (Arc::clone(&self.registry), self.admin.clone());
            let (what, after) = (self.what, self.after);
            let read = tokio::task::spawn_blocking(move || read(&registry, &admin, (what, after)));
            if let (text, last) = read.await.ok()?.ok()??
                && last > self.after
            {
                (self.after, self.told) = (last, Instant::now());
                return Some(text.into());
            }
            if self.told.elapsed() >= QUIET {
                self.told = Instant::now();
                return Some(Bytes::from_static(b":\n\n"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What is behind a number as text, and the number of the last; `None` where who reads is no admin any more.
fn read(
    registry: &Registry,
    admin: &str,
    (what, after): (What, i64),
) -> Result<Option<(String, i64)>, RegistryError> {
    let found: Vec<(i64, String, Value)> = match what {
        What::Events => {
            let one = |event: Event| (event.seq, event.kind.clone(), forms::event(&event));
            registry.events(after, BATCH)?.into_iter().map(one).collect()
        }
        What::Receipts => {
            let organization = registry.did();
            let one = |receipt: Receipt| {
                (receipt.seq, receipt.kind.clone(), forms::receipt(&receipt, organization))
            };
            registry.receipts_after(after, BATCH)?.into_iter().map(one).collect()
        }
    };
    // Asked for after they were read: what was told before a revocation may be told.
    let holds = match registry.admin(admin) {
        Ok(admin) => admin.link.is_some() && admin.shown.holder.state == State::Active,
        Err(RegistryError::Store(StoreError::NotFound { .. })) => false,
        Err(error) => return Err(error),
    };
    if !holds {
        return Ok(None);
    }
    let mut text = String::new();
    for (seq, kind, json) in &found {
        // JSON on one line; writing to a text does not fail.
        let _ = write!(text, "id: {seq}\nevent: {kind}\ndata: {json}\n\n");
    }
    Ok(Some((text, found.last().map_or(after, |(last, ..)| *last))))
}
