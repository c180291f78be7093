//! Bodies of requests, while they arrive: for so many at a time, each within its time. Of whoever showed a key nobody has more
//! than a share of the places. Of those who sign nobody knows yet who they are, so that there the body which has been
//! arriving for longest gives way: whoever sends theirs at once is not kept waiting by those who do not.

use crate::{
    refused::Refused,
    turns::{Turn, Turns},
};
use axum::body::{Body, Bytes};
use http_body::Body as _;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout, timeout_at},
};

/// Most bytes of a request's body, where it holds no file.
pub(crate) const MAX_BODY: usize = 4 << 20;
/// Most bodies of requests that arrive at a time, of those who showed a key and of those who sign: a quarter of a gigabyte
/// each, where each is as large as may be.
const MOST: usize = 64;
/// Most of them of one agent.
const OF_ONE: usize = 16;
/// Most that are signed and may hold a file.
const FILES: usize = 8;
/// For how long a body may take to arrive.
const BODY: Duration = Duration::from_secs(30);
/// For how long a body has its place for sure.
const SURE: Duration = Duration::from_secs(1);
/// For how long a place is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// The places.
#[derive(Debug)]
pub(crate) struct Bodies {
    known: Turns,
    signed: Arc<Signed>,
    /// Those that may hold a file.
    signed_files: Arc<Signed>,
}

impl Default for Bodies {
    fn default() -> Self {
        let signed = |most| Arc::new(Signed { most, arriving: Mutex::default(), left: Notify::new() });
        Self { known: Turns::new(MOST, OF_ONE), signed: signed(MOST), signed_files: signed(FILES) }
    }
}

/// Bodies with a signature, the one that came first in front.
#[derive(Debug)]
struct Signed {
    most: usize,
    arriving: Mutex<VecDeque<Arriving>>,
    left: Notify,
}

#[derive(Debug)]
struct Arriving {
    since: Instant,
    /// Tells it to give way.
    give_way: oneshot::Sender<()>,
}

/// A place of one of them.
struct Place {
    signed: Arc<Signed>,
    since: Instant,
    give_way: oneshot::Receiver<()>,
}

impl Bodies {
    /// The body of a request of a known agent, of at most so many bytes.
    pub(crate) async fn of(&self, agent: &str, (body, most): (Body, usize)) -> Result<Bytes, Refused> {
        check(&body, most)?;
        let begin = Instant::now();
        // A body that is short is there in no time: whoever waits a moment has a place.
        let place: Turn = loop {
            match self.known.take(agent) {
                Ok(place) => break place,
                Err(_) if begin.elapsed() < WAIT => tokio::time::sleep(WAIT / 40).await,
                Err(_) => return Err(busy()),
            }
        };
        let read = read(body, most).await;
        drop(place);
        read
    }

    /// The body of a request that is signed.
    pub(crate) async fn signed(&self, (body, most): (Body, usize)) -> Result<Bytes, Refused> {
        check(&body, most)?;
        let signed = if most > MAX_BODY { &self.signed_files } else { &self.signed };
        let mut place = signed.place().await.ok_or_else(busy)?;
        tokio::select! {
            body = read(body, most) => body,
            _ = &mut place.give_way => Err(Refused::new(
                "overloaded", "the body came slowly, and others wait; try again",
            )),
        }
    }
}

impl Signed {
    async fn place(self: &Arc<Self>) -> Option<Place> {
        let until = Instant::now() + WAIT;
        loop {
            let left = self.left.notified();
            let sure_until = match self.try_place() {
                Ok(place) => return Some(place),
                Err(sure_until) => sure_until,
            };
            if Instant::now() >= until {
                return None;
            }
            let _ = timeout_at(until.min(sure_until), left).await;
        }
    }

    /// A place, or when the one that has had its own for longest has to give way.
    fn try_place(self: &Arc<Self>) -> Result<Place, Instant> {
        let mut arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if arriving.len() >= self.most {
            let sure_until = arriving.front().map_or(now, |first| first.since + SURE);
            if sure_until > now {
                return Err(sure_until);
            }
            if let Some(first) = arriving.pop_front() {
                let _ = first.give_way.send(());
            }
        }
        let (tell, give_way) = oneshot::channel();
        // Each has a moment of its own, by which it is found again.
        let since = arriving.back().map_or(now, |last| now.max(last.since + Duration::from_nanos(1)));
        arriving.push_back(Arriving { since, give_way: tell });
        Ok(Place { signed: Arc::clone(self), since, give_way })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut arriving = self.signed.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(at) = arriving.binary_search_by(|one| one.since.cmp(&self.since)) {
            arriving.remove(at);
        }
        drop(arriving);
        self.signed.left.notify_one();
    }
}

/// One that says itself that it is too large is not read at all.
fn check(body: &Body, most: usize) -> Result<(), Refused> {
    if body.size_hint().lower() > most as u64 { Err(large(most)) } else { Ok(()) }
}

async fn read(body: Body, most: usize) -> Result<Bytes, Refused> {
    let slow = |_| Refused::new("bad_request", "the body did not arrive in time");
    let body = timeout(BODY, axum::body::to_bytes(body, most)).await.map_err(slow)?;
    body.map_err(|_| large(most))
}

fn large(most: usize) -> Refused {
    Refused::new("input_too_large", format!("the body has more than {most} bytes, or broke off"))
}

fn busy() -> Refused {
    Refused::new("overloaded", "too many requests arrive at once; try again")
}
