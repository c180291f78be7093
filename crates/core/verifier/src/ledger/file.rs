//! A ledger as a file has it.

use super::{LedgerLimits, MemoryLedger, nonces::NO_LINK, room::Kind, totals::Held};
use crate::{authorize::NonceUse, window::Total};
use legation_credential::Window;
use legation_keys::base64url;
use serde_json::json;
use std::collections::VecDeque;

/// The unit of totals of money, as a file says it.
const UNIT: &str = "millionths";

impl MemoryLedger {
    /// What the ledger holds, to keep it between two runs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let nonces: Vec<_> = self
            .nonces
            .iter()
            .flat_map(|(key, own)| {
                own.iter().map(move |(nonce, one)| {
                    json!([key, nonce, one.until, base64url::encode(&one.link), one.expires_at])
                })
            })
            .collect();
        let totals: Vec<_> = self
            .totals
            .iter()
            .map(|(name, Held { link, total, minor })| {
                let link = base64url::encode(link);
                json!([
                    base64url::encode(name),
                    write_window(total.window),
                    total.moments,
                    link,
                    total.forgotten,
                    minor
                ])
            })
            .collect();
        let LedgerLimits {
            nonces_per_key,
            nonces_per_root,
            nonces: most_nonces,
            totals: most_totals,
            totals_per_root,
            moments,
            share_percent,
        } = self.limits;
        let parents: Vec<_> = self
            .rooms
            .parents()
            .map(|(link, parent)| json!([base64url::encode(link), base64url::encode(parent)]))
            .collect();
        json!({
            "unit": UNIT,
            "limits": [nonces_per_key, most_nonces, most_totals, totals_per_root, moments, nonces_per_root, share_percent],
            "parents": parents,
            "forgotten": self.forgotten,
            "begun": self.begun,
            "ended": self.ended,
            "unknown": self.unknown,
            "nonces": nonces,
            "totals": totals,
        })
    }

    /// Reads what [`MemoryLedger::to_json`] wrote; `None` for anything else, since a ledger that
    /// forgets is none. A ledger from before nonces had a link is read, too: its nonces count
    /// for no link's share, and what it does not say of its limits is the default. So is one that does not say what
    /// it forgot of its totals, and one that says no unit: its totals of money are in minor units, and become
    /// millionths.
    ///
    /// ```
    /// use legation_verifier::MemoryLedger;
    /// let ledger = MemoryLedger::new();
    /// assert!(MemoryLedger::from_json(&ledger.to_json()).is_some());
    /// assert!(MemoryLedger::from_json(&serde_json::json!({})).is_none());
    /// ```
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        let limit = |index: usize| usize::try_from(json.get("limits")?.get(index)?.as_u64()?).ok();
        let mut ledger = Self::with_limits(LedgerLimits {
            nonces_per_key: limit(0)?,
            nonces_per_root: match json.get("limits")?.get(5) {
                None => LedgerLimits::default().nonces_per_root,
                Some(_) => limit(5)?,
            },
            nonces: limit(1)?,
            totals: limit(2)?,
            totals_per_root: limit(3)?,
            moments: limit(4)?,
            share_percent: match json.get("limits")?.get(6) {
                None => LedgerLimits::default().share_percent,
                Some(_) => u8::try_from(limit(6)?).ok()?,
            },
        });
        let parents = json.get("parents").map_or(Some(&[][..]), |all| all.as_array().map(Vec::as_slice))?;
        for pair in parents {
            let link = |index: usize| base64url::decode_array(pair.get(index)?.as_str()?).ok();
            ledger.rooms.set_parent(link(0)?, link(1)?);
        }
        let minor = match json.get("unit") {
            None => true,
            Some(unit) if unit == UNIT => false,
            Some(_) => return None,
        };
        // Earlier files have the moment until which it was remembered, which is later.
        ledger.forgotten = read_moment(json.get("forgotten")?)?;
        ledger.begun = json.get("begun").map_or(Some(None), read_moment)?;
        ledger.ended = json.get("ended").map_or(Some(None), read_moment)?;
        ledger.unknown = json.get("unknown").map_or(Some(None), read_moment)?;
        for entry in json.get("nonces")?.as_array()? {
            let text = |index: usize| Some(entry.get(index)?.as_str()?.to_owned());
            let until = entry.get(2)?.as_i64()?;
            let link = match entry.get(3) {
                None => NO_LINK,
                Some(link) => base64url::decode_array(link.as_str()?).ok()?,
            };
            ledger.rooms.change(link, Kind::Nonces, true);
            let expires_at = entry.get(4).map_or(Some(until), serde_json::Value::as_i64)?;
            let (key, nonce) = (text(0)?, text(1)?);
            ledger
                .remember(&NonceUse { key, nonce, root: link, until, signed_at: i64::MIN, expires_at }, link);
        }
        for entry in json.get("totals")?.as_array()? {
            let name = base64url::decode_array(entry.get(0)?.as_str()?).ok()?;
            let moment = |pair: &serde_json::Value| Some((pair.get(0)?.as_i64()?, pair.get(1)?.as_i64()?));
            let moments: Option<VecDeque<(i64, i64)>> =
                entry.get(2)?.as_array()?.iter().map(moment).collect();
            let forgotten = entry.get(4).map_or(Some(None), read_moment)?;
            let total = Total { window: read_window(entry.get(1)?)?, moments: moments?, forgotten };
            let link = base64url::decode_array(entry.get(3)?.as_str()?).ok()?;
            let minor = entry.get(5).map_or(Some(minor), serde_json::Value::as_bool)?;
            let end = total.end();
            let old = ledger.totals.insert(name, Held { link, total, minor });
            ledger.ends.change(name, old.map(|held| held.total.end()), end);
            ledger.rooms.change(link, Kind::Totals, true);
        }
        ledger.rooms.tidy();
        Some(ledger)
    }
}

/// A window: so many seconds, or a period with the offset that it is kept at.
fn write_window(window: Window) -> serde_json::Value {
    match window {
        Window::Sliding { seconds } => seconds.into(),
        Window::Calendar { period, .. } => json!([period.name(), window.offset()]),
    }
}

fn read_window(json: &serde_json::Value) -> Option<Window> {
    match json.as_i64() {
        Some(seconds) => Some(Window::Sliding { seconds }),
        None => Window::calendar(json.get(0)?.as_str()?, json.get(1)?.as_str()),
    }
}

/// A moment, or none.
#[allow(clippy::option_option, reason = "the outer one is whether it can be read")]
fn read_moment(json: &serde_json::Value) -> Option<Option<i64>> {
    if json.is_null() { Some(None) } else { json.as_i64().map(Some) }
}
