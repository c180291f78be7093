//! Places of connections. Where all are taken, one that says nothing gives way to the next that comes: that of the source which
//! has most, the one that has been idle for longest. So whoever opens connections and sends nothing, or its headers byte by
//! byte, keeps nobody else out. One source never has all places, nor all of the queue in front of them.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// For how long one that says nothing has its place for sure: its first request may be on its way.
const SURE: Duration = Duration::from_millis(500);
/// For how long a place is waited for.
const WAIT: Duration = Duration::from_secs(5);

/// The places of a listener.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    /// How many one source does not get: an eighth. As many may wait of each.
    reserve: usize,
    held: Mutex<Held>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// The next number, by which the idlest is known.
    next: u64,
    by_source: HashMap<Option<IpAddr>, Source>,
}

/// What one source has. Where sources are not told apart, they are one.
#[derive(Debug, Default)]
struct Source {
    count: usize,
    waiting: usize,
    /// Those who wait do so one behind the other.
    queue: Arc<tokio::sync::Mutex<()>>,
    /// Those that are idle and since when, the one that has been so for longest first.
    idle: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

/// Why there is none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// All are answered.
    Busy,
    /// One has to give way from a moment on.
    Until(Instant),
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    source: Option<IpAddr>,
    /// Tells it to give way.
    give_way: Arc<Notify>,
    state: Mutex<State>,
}

/// What is done on a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing, since a number.
    Idle(u64),
    /// So many requests are being answered.
    Busy(usize),
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Place>);

/// One who waits, until it is dropped.
struct Waiting<'p>(&'p Places, Option<IpAddr>);

impl Places {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let most = most.max(1);
        Arc::new(Self { most, reserve: most / 8, held: Mutex::default(), left: Notify::new() })
    }

    /// A place for a connection from a source; `None` where none comes free in time, or too many of that source wait.
    pub(crate) async fn take(self: &Arc<Self>, source: Option<IpAddr>) -> Option<Arc<Place>> {
        let source = source.map(network);
        let (_waiting, queue) = self.wait(source)?;
        let _first = queue.lock().await;
        let end = Instant::now() + WAIT;
        loop {
            let left = self.left.notified();
            let until = match self.try_take(source) {
                Ok(place) => return Some(place),
                Err(Full::Busy) => end,
                Err(Full::Until(sure)) => sure.min(end),
            };
            if Instant::now() >= end {
                return None;
            }
            let _ = timeout_at(until, left).await;
        }
    }

    fn wait(&self, source: Option<IpAddr>) -> Option<(Waiting<'_>, Arc<tokio::sync::Mutex<()>>)> {
        let mut held = self.held();
        let own = held.by_source.entry(source).or_default();
        if source.is_some() && own.waiting > self.reserve {
            return None;
        }
        own.waiting = own.waiting.saturating_add(1);
        let queue = Arc::clone(&own.queue);
        Some((Waiting(self, source), queue))
    }

    fn try_take(self: &Arc<Self>, source: Option<IpAddr>) -> Result<Arc<Place>, Full> {
        let mut held = self.held();
        let own = held.by_source.get(&source).map_or(0, |source| source.count);
        // Where sources can't be told apart, none has a share.
        if source.is_some() && own >= self.most.saturating_sub(self.reserve) {
            held.end_idlest(source)?;
        } else if held.all >= self.most {
            let fullest = held.fullest();
            match held.end_idlest(fullest) {
                Err(Full::Busy) => held.end_any()?,
                ended => ended?,
            }
        }
        let give_way = Arc::new(Notify::new());
        held.all = held.all.saturating_add(1);
        let own = held.by_source.entry(source).or_default();
        own.count = own.count.saturating_add(1);
        let since = held.idle(source, &give_way);
        Ok(Arc::new(Place {
            places: Arc::clone(self),
            source,
            give_way,
            state: Mutex::new(State::Idle(since)),
        }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut held = self.0.held();
        if let Some(own) = held.by_source.get_mut(&self.1) {
            own.waiting = own.waiting.saturating_sub(1);
        }
        held.forget(self.1);
    }
}

/// Whoever has one address of IPv6 has all of its network (RFC 6177 gives a site at least that much).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [first, second, third, fourth, ..] = address.segments();
            Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

impl Held {
    /// The source that has most.
    fn fullest(&self) -> Option<IpAddr> {
        let fullest = self.by_source.iter().max_by_key(|(_, source)| source.count);
        fullest.and_then(|(address, _)| *address)
    }

    /// Ends what has been idle for longest of a source, which counts no more from now on.
    fn end_idlest(&mut self, source: Option<IpAddr>) -> Result<(), Full> {
        let own = self.by_source.get_mut(&source).ok_or(Full::Busy)?;
        let first = own.idle.first_entry().ok_or(Full::Busy)?;
        let sure = first.get().0 + SURE;
        if sure > Instant::now() {
            return Err(Full::Until(sure));
        }
        first.remove().1.notify_one();
        self.left(source);
        Ok(())
    }

    /// The same of whichever source.
    fn end_any(&mut self) -> Result<(), Full> {
        let first = |(address, source): (&Option<IpAddr>, &Source)| {
            source.idle.first_key_value().map(|(number, _)| (*number, *address))
        };
        let idlest = self.by_source.iter().filter_map(first).min_by_key(|(number, _)| *number);
        idlest.map_or(Err(Full::Busy), |(_, address)| self.end_idlest(address))
    }

    /// One is idle from now on.
    fn idle(&mut self, source: Option<IpAddr>, give_way: &Arc<Notify>) -> u64 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        if let Some(own) = self.by_source.get_mut(&source) {
            own.idle.insert(number, (Instant::now(), Arc::clone(give_way)));
        }
        number
    }

    /// One less of a source.
    fn left(&mut self, source: Option<IpAddr>) {
        self.all = self.all.saturating_sub(1);
        if let Some(own) = self.by_source.get_mut(&source) {
            own.count = own.count.saturating_sub(1);
        }
        self.forget(source);
    }

    /// Forgets a source that has nothing.
    fn forget(&mut self, source: Option<IpAddr>) {
        if self.by_source.get(&source).is_some_and(|own| own.count == 0 && own.waiting == 0) {
            self.by_source.remove(&source);
        }
    }

    /// One is not idle any more; `false` where it has given way before.
    fn not_idle(&mut self, source: Option<IpAddr>, since: u64) -> bool {
        self.by_source.get_mut(&source).is_some_and(|source| source.idle.remove(&since).is_some())
    }
}

impl Place {
    /// A request has arrived on it, and is answered until what this gives is dropped.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        let mut held = self.places.held();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match *state {
            State::Busy(count) => State::Busy(count.saturating_add(1)),
            State::Idle(since) => {
                if !held.not_idle(self.source, since) {
                    // It has just given way; what it began to ask is cut off.
                    return Busy(Arc::clone(self));
                }
                State::Busy(1)
            }
        };
        Busy(Arc::clone(self))
    }

    /// Completes when it has to give way to another connection.
    pub(crate) async fn given_away(&self) {
        self.give_way.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held();
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = match state {
            State::Busy(_) => true,
            State::Idle(since) => held.not_idle(self.source, since),
        };
        if counts {
            held.left(self.source);
        }
        drop(held);
        self.places.left.notify_waiters();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Place { places, source, give_way, state } = &*self.0;
        let mut held = places.held();
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match *state {
            State::Busy(1) => {
                let since = held.idle(*source, give_way);
                drop(held);
                // Whoever waits may take its place.
                places.left.notify_waiters();
                State::Idle(since)
            }
            State::Busy(count) => State::Busy(count.saturating_sub(1)),
            given_away @ State::Idle(_) => given_away,
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;
    use tokio::time::timeout;

    fn from(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([127, 0, 0, last]))
    }

    async fn is_given_away(place: &Place) -> bool {
        timeout(Duration::from_millis(20), place.given_away()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_idlest_of_the_source_that_has_most_gives_way_and_none_that_is_answered() {
        let places = Places::new(8);
        let mut of_one = Vec::new();
        for _ in 0..6 {
            of_one.push(places.take(from(1)).await.unwrap());
        }
        let other = places.take(from(2)).await.unwrap();
        let busy = of_one[0].busy();
        let _eighth = places.take(from(3)).await.unwrap();
        let _ninth = places.take(from(4)).await.unwrap();
        assert!(!is_given_away(&of_one[0]).await, "it is answered");
        assert!(is_given_away(&of_one[1]).await, "it has been idle for longest");
        assert!(!is_given_away(&other).await);
        drop(busy);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_just_come_has_its_place_for_sure() {
        let places = Places::new(1);
        let first = places.take(from(1)).await.unwrap();
        assert!(timeout(SURE / 2, places.take(from(2))).await.is_err());
        assert!(!is_given_away(&first).await);
        assert!(timeout(SURE, places.take(from(2))).await.unwrap().is_some());
        assert!(is_given_away(&first).await);
    }

    #[tokio::test(start_paused = true)]
    async fn one_source_never_has_all_places_nor_all_of_the_queue_and_others_still_come_in() {
        let places = Places::new(16);
        let mut busy = Vec::new();
        for _ in 0..14 {
            let place = places.take(from(1)).await.unwrap();
            busy.push((place.busy(), place));
        }
        let wait = || {
            let places = Arc::clone(&places);
            tokio::spawn(async move { places.take(from(1)).await })
        };
        let waiting: Vec<_> = (0..3).map(|_| wait()).collect();
        tokio::task::yield_now().await;
        assert!(timeout(Duration::from_millis(1), places.take(from(1))).await.unwrap().is_none(), "at once");
        assert!(timeout(Duration::from_millis(1), places.take(from(2))).await.unwrap().is_some());
        for waits in waiting {
            assert!(waits.await.unwrap().is_none(), "after its time");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_answered_the_next_waits_for_one_that_ends_or_is_idle() {
        let places = Places::new(1);
        let place = places.take(None).await.unwrap();
        let busy = place.busy();
        assert!(timeout(Duration::from_secs(1), places.take(None)).await.is_err());
        drop(busy);
        let next = timeout(Duration::from_secs(1), places.take(None)).await.unwrap().unwrap();
        assert!(is_given_away(&place).await);
        let busy = next.busy();
        // One that has given way takes nothing with it.
        drop(place.busy());
        drop(place);
        assert_eq!(places.held().all, 1);
        assert!(timeout(Duration::from_secs(1), places.take(None)).await.is_err());
        drop((busy, next));
        assert_eq!(places.held().all, 0);
        assert!(places.held().by_source.is_empty());
        assert!(places.take(None).await.is_some());
    }

    #[test]
    fn whoever_has_a_network_of_ipv6_is_one_source() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
