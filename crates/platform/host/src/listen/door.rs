//! Tokens that partners send here (RFC 8935). Whoever does not show what was agreed on with that partner is refused before anything is
//! read, and so is whoever names nobody who is listened to: neither learns which it was.

use super::{Ear, Listening, now};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Uri},
    response::Response,
    routing::post,
};
use legation_agent::{
    SetError,
    signals::{Heard, answered, arrived},
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Most tokens of one partner that are heeded within a second, each by a transaction of its own.
const A_SECOND: u32 = 10;
/// What nobody shows.
const NOBODY: [u8; 32] = [0; 32];

/// A door of one partner.
#[derive(Clone, Debug)]
struct Door {
    ear: Ear,
    /// SHA-256 of the whole header `Authorization`.
    wanted: [u8; 32],
    second: i64,
    count: u32,
}

/// The doors that are open, by the names of partners.
#[derive(Debug, Default)]
pub(super) struct Doors(Mutex<HashMap<String, Door>>);

impl Doors {
    /// Opens a partner's door, or changes what is shown there. Gives the SHA-256 of that.
    pub(super) fn open(&self, ear: &Ear, header: &str) -> [u8; 32] {
        let wanted: [u8; 32] = Sha256::digest(header).into();
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (second, count) = doors.get(&ear.partner.name).map_or((0, 0), |door| (door.second, door.count));
        doors.insert(ear.partner.name.clone(), Door { ear: ear.clone(), wanted, second, count });
        wanted
    }

    pub(super) fn close(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn at(&self, name: &str) -> Option<Door> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Whether there is time for one more token of a partner.
    fn has_time(&self, name: &str, now: i64) -> bool {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(door) = doors.get_mut(name) else { return false };
        if door.second != now {
            (door.second, door.count) = (now, 0);
        }
        door.count = door.count.saturating_add(1);
        door.count <= A_SECOND
    }
}

/// Where a partner sends tokens to.
pub(super) fn url(origin: &str, partner: &str) -> String {
    format!("{origin}/ssf/heard/{partner}")
}

pub(super) fn router(listening: &Arc<Listening>) -> Router {
    Router::new().route("/ssf/heard/{partner}", post(take)).with_state(Arc::clone(listening))
}

async fn take(
    State(listening): State<Arc<Listening>>,
    Path(partner): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Response {
    let door = listening.doors.at(&partner);
    let wanted = door.as_ref().map_or(NOBODY, |door| door.wanted);
    let set = match arrived(&headers, &uri, body, Some(wanted)).await {
        Ok(set) => set,
        Err(response) => return response,
    };
    let Some(door) = door else { return answered(Err(SetError::Authentication)) };
    answered(listening.heard(&door.ear, &set).await)
}

impl Listening {
    async fn heard(self: &Arc<Self>, ear: &Ear, set: &str) -> Result<(), SetError> {
        if !self.doors.has_time(&ear.partner.name, now()) {
            return Err(SetError::Later { reason: format!("more than {A_SECOND} tokens within a second") });
        }
        match self.listener.hear(set, (&*ear.trust, &self.fetcher), now()).await? {
            Heard::Told(told) => self.heed(&ear.partner, &ear.trust, vec![told]).await,
            Heard::Again | Heard::Nothing | Heard::Verified => Ok(()),
        }
    }
}
