//! How often an admin, and whoever asks from one address, may ask. Beyond it the answer is 429 with `Retry-After`, and an event
//! says so once a minute.
//!
//! Each process counts for itself: what is bounded is the work of a process. An address is that of the connection; what a
//! proxy says of who is behind it is anybody's word, and is not read.

use super::error::ApiError;
use core::net::IpAddr;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Most admins, and most addresses, that are counted by themselves. The others share one count.
const MOST: usize = 10_000;
/// How often one event may say of one admin, or of all addresses, that more was asked.
const TOLD: Duration = Duration::from_secs(60);

/// How often somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many at once.
    pub burst: u32,
    /// And one more each time that so much time has passed.
    pub every: Duration,
}

/// How often the administration may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// By one admin.
    pub admin: Rate,
    /// From one address, whoever asks.
    pub source: Rate,
    /// From one address for what nobody has to sign: a claim, a session.
    pub open: Rate,
}

impl Default for Rates {
    /// An admin 600 at once and 50 a second, an address 2,000 and 200, what nobody signs 10 and 1.
    fn default() -> Self {
        let rate = |burst, millis| Rate { burst, every: Duration::from_millis(millis) };
        Self { admin: rate(600, 20), source: rate(2000, 5), open: rate(10, 1000) }
    }
}

/// Too much was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    /// When one more may be asked.
    pub(crate) after: Duration,
    /// How often more was asked since it was told last, where it is to be told now.
    pub(crate) tell: Option<u64>,
}

impl From<Limited> for ApiError {
    fn from(limited: Limited) -> Self {
        let seconds = limited.after.as_secs().saturating_add(1);
        let message = format!("too much is asked; ask again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(429, "too_many_requests", message) }
    }
}

/// What was asked, by whom.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// By name, until when what was asked is worked off.
    worked_off: HashMap<String, Instant>,
    /// By name, when more was told last, and how often more was asked since.
    beyond: HashMap<String, (Option<Instant>, u64)>,
}

impl Counted {
    /// Counts one more request of `name`; what is beyond the rate is told under `told_of`.
    pub(crate) fn count(&self, name: &str, told_of: &str, rate: Rate, now: Instant) -> Result<(), Limited> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.worked_off.len() >= MOST && !table.worked_off.contains_key(name) {
            table.worked_off.retain(|_, worked_off| *worked_off > now);
        }
        let is_full = table.worked_off.len() >= MOST && !table.worked_off.contains_key(name);
        let worked_off = table.worked_off.entry(if is_full { "" } else { name }.to_owned()).or_insert(now);
        let next = (*worked_off).max(now) + rate.every;
        let latest = now + rate.every * rate.burst;
        if next <= latest {
            *worked_off = next;
            return Ok(());
        }
        Err(Limited { after: next.saturating_duration_since(latest), tell: table.beyond(told_of, now) })
    }
}

impl Table {
    fn beyond(&mut self, name: &str, now: Instant) -> Option<u64> {
        let is_old = |told: &Option<Instant>| told.is_none_or(|told| now.duration_since(told) >= TOLD);
        if self.beyond.len() >= MOST {
            self.beyond.retain(|_, (told, _)| !is_old(told));
        }
        let name = if self.beyond.len() >= MOST { "" } else { name };
        let (told, times) = self.beyond.entry(name.to_owned()).or_default();
        *times += 1;
        if !is_old(told) {
            return None;
        }
        *told = Some(now);
        Some(core::mem::take(times))
    }
}

/// An address as it is counted: of IPv6, whoever has one has all of its /64.
pub(crate) fn source(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(2) };

    #[test]
    fn a_burst_passes_then_one_each_time_and_others_are_not_held_up() {
        let (counted, now) = (Counted::default(), Instant::now());
        for _ in 0..3 {
            counted.count("a", "a", RATE, now).unwrap();
        }
        let limited = counted.count("a", "a", RATE, now).unwrap_err();
        assert_eq!(limited, Limited { after: RATE.every, tell: Some(1) });
        // It is told once a minute, with how often.
        assert_eq!(counted.count("a", "a", RATE, now).unwrap_err().tell, None);
        counted.count("b", "b", RATE, now).unwrap();
        let later = now + RATE.every;
        counted.count("a", "a", RATE, later).unwrap();
        assert!(counted.count("a", "a", RATE, later).is_err());
        let much_later = now + TOLD;
        for _ in 0..3 {
            counted.count("a", "a", RATE, much_later).unwrap();
        }
        assert_eq!(counted.count("a", "a", RATE, much_later).unwrap_err().tell, Some(3));
    }

    #[test]
    fn memory_is_bounded_and_who_is_new_shares_a_count_then() {
        let (counted, now) = (Counted::default(), Instant::now());
        for number in 0..MOST + 50 {
            let passed = counted.count(&format!("n{number}"), "all", RATE, now);
            assert_eq!(passed.is_ok(), number < MOST + 3, "{number}");
        }
        let table = counted.0.lock().unwrap();
        assert!(table.worked_off.len() <= MOST + 1 && table.beyond.len() == 1);
    }

    #[test]
    fn a_host_that_has_many_addresses_is_one() {
        let of = |text: &str| source(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
