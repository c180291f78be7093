//! For how long receipts and events are kept.

use crate::{error::RegistryError, registry::Registry};
use legation_store::retention;
use serde_json::json;

pub use legation_store::retention::Retention;

/// Batches of receipts that are forgotten in one transaction.
const BATCHES: i64 = 8;
/// Events that are forgotten in one transaction.
const EVENTS: i64 = 2000;
/// Least time that something is kept, seconds: a day.
const LEAST: i64 = 86_400;

impl Registry {
    /// For how long receipts and events are kept.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn retention(&self) -> Result<Retention, RegistryError> {
        Ok(self.store.read(|tx| retention::get(tx, &self.id))?)
    }

    /// Sets it: at least a day of either.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where it is shorter.
    pub fn set_retention(&self, to: Retention, now: i64) -> Result<(), RegistryError> {
        if let Some(short) = [to.receipts, to.events].into_iter().flatten().find(|kept| *kept < LEAST) {
            let reason = "receipts and events are kept for a day at least".to_owned();
            return Err(RegistryError::Value { what: "retention", found: format!("{short}s"), reason });
        }
        self.change(|tx| {
            if retention::get(tx, &self.id)? == to {
                return Ok(());
            }
            retention::set(tx, &self.id, to)?;
            let told = json!({"receipts": to.receipts, "events": to.events});
            self.note(tx, ("retention.set", "retention"), &told, now)
        })
    }

    /// Forgets some of what need not be kept any longer, as of `now` (Unix seconds). Gives how many receipts and events that were;
    /// where it is any, there may be more.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn forget_old(&self, now: i64) -> Result<u64, RegistryError> {
        let kept = self.retention()?;
        if kept == Retention::default() {
            return Ok(0);
        }
        let before = |kept: i64| now.saturating_sub(kept);
        let is_due = self.store.read(|tx| {
            retention::is_due(tx, &self.id, (kept.receipts.map(before), kept.events.map(before)))
        })?;
        if !is_due {
            return Ok(0);
        }
        self.change(|tx| {
            let receipts = match kept.receipts {
                Some(kept) => retention::forget_receipts(tx, &self.id, before(kept), BATCHES)?,
                None => 0,
            };
            let events = match kept.events {
                Some(kept) => retention::forget_events(tx, &self.id, before(kept), EVENTS)?,
                None => 0,
            };
            if receipts + events > 0 {
                let told = json!({"receipts": receipts, "events": events});
                self.note(tx, ("retention.forgotten", "retention"), &told, now)?;
            }
            Ok(receipts + events)
        })
    }
}
