//! The logs of a gateway: of requests, and of what administrators did.

use crate::lines::Lines;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Most lines of the access log in a second about requests of nobody who is known: further ones are counted.
const STRANGERS: u32 = 100;

/// Such logs. Each is one JSON object a line.
#[derive(Debug, Default)]
pub struct Logs {
    /// Of each request to the gateway.
    pub access: Option<Arc<Lines>>,
    /// Of each request to the administration.
    pub audit: Option<Arc<Lines>>,
    /// The organization that each line names, where a process writes of several.
    pub organization: Option<String>,
    strangers: Mutex<Option<(Instant, u32)>>,
    untold: AtomicU64,
}

impl Logs {
    /// Logs at these places.
    #[must_use]
    pub fn new(access: Option<Arc<Lines>>, audit: Option<Arc<Lines>>) -> Self {
        Self { access, audit, ..Self::default() }
    }

    /// The same logs, whose lines name an organization.
    #[must_use]
    pub fn of(self, organization: Option<String>) -> Self {
        Self { organization, ..self }
    }

    /// Writes a line about a request, of somebody who is known or not.
    pub(crate) fn access(&self, is_known: bool, line: impl FnOnce() -> String) {
        self.tell(self.access.as_ref(), is_known, line);
    }

    /// Writes a line about what was asked of the administration.
    pub(crate) fn audit(&self, is_known: bool, line: impl FnOnce() -> String) {
        self.tell(self.audit.as_ref(), is_known, line);
    }

    fn tell(&self, to: Option<&Arc<Lines>>, is_known: bool, line: impl FnOnce() -> String) {
        let Some(to) = to else { return };
        if is_known || self.may_tell() {
            to.write(line());
        } else {
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether one more stranger is told of in this second: whoever is nobody fills no disk.
    fn may_tell(&self) -> bool {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = strangers.get_or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
        *count <= STRANGERS
    }

    /// How many lines are missing: of strangers beyond their number, and what found no room.
    pub(crate) fn missing(&self) -> (u64, u64) {
        let lost = [&self.access, &self.audit].into_iter().flatten().map(|lines| lines.lost()).sum();
        (self.untold.load(Ordering::Relaxed), lost)
    }
}
