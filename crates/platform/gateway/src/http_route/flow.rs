//! Bodies that pass while they arrive: nothing of them is held, their bytes are counted, and they end where their caller is
//! stopped or one side says nothing for too long.

use crate::{
    gateway::Gateway,
    http_route::fields,
    refused::Refused,
    settle::{Open, Passed},
    stop::Guard,
};
use axum::body::{Body, Bytes};
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use http_body::{Body as HttpBody, Frame, SizeHint};
use legation_registry::route::Timeouts;
use legation_resolver::passing;
use std::{
    io,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

/// The body of a request.
#[derive(Debug)]
pub(crate) enum Coming {
    /// It was read.
    Whole(Bytes),
    /// It flows.
    Flowing(Body),
}

impl Coming {
    /// What was read of it; `None` where it flows.
    pub(crate) fn read(&self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => Some(bytes.clone()),
            Self::Flowing(_) => None,
        }
    }
}

/// A body that is sent once, or where nothing of it was taken, again.
#[derive(Debug)]
pub(crate) enum Source {
    Whole(Bytes),
    Flowing(Arc<Flowing>),
}

#[derive(Debug)]
pub(crate) struct Flowing {
    body: Mutex<Body>,
    begun: AtomicBool,
}

impl Source {
    pub(crate) fn of(body: Coming) -> Self {
        match body {
            Coming::Whole(bytes) => Self::Whole(bytes),
            Coming::Flowing(body) => {
                Self::Flowing(Arc::new(Flowing { body: Mutex::new(body), begun: AtomicBool::new(false) }))
            }
        }
    }

    /// Whether something of it was taken and can't be sent again.
    pub(crate) fn is_begun(&self) -> bool {
        match self {
            Self::Whole(_) => false,
            Self::Flowing(flowing) => flowing.begun.load(Ordering::Acquire),
        }
    }
}

/// What both directions of a request have in common. It is settled once both have ended, where anything flowed unread.
#[derive(Debug)]
pub(crate) struct Exchange {
    gateway: Arc<Gateway>,
    open: Mutex<Option<Open>>,
    pub(crate) timeouts: Timeouts,
    since: Instant,
    /// When something moved last, in milliseconds since then.
    moved: AtomicU64,
    /// Bytes to the service, and from it.
    sent: AtomicU64,
    received: AtomicU64,
    /// Whether the request's body is on its way.
    is_sending: AtomicBool,
    /// Why it ended early.
    why: OnceLock<Refused>,
    _place: OwnedSemaphorePermit,
}

impl Exchange {
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        open: Option<Open>,
        place: OwnedSemaphorePermit,
        timeouts: Timeouts,
    ) -> Arc<Self> {
        Arc::new(Self {
            gateway: Arc::clone(gateway),
            open: Mutex::new(open),
            timeouts,
            since: Instant::now(),
            moved: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            is_sending: AtomicBool::new(false),
            why: OnceLock::new(),
            _place: place,
        })
    }

    /// Something moved to the service.
    pub(crate) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.touch();
    }

    /// Something moved from it.
    pub(crate) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        let elapsed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(elapsed, Ordering::Relaxed);
    }

    /// Ends early; the first reason counts.
    pub(crate) fn ends(&self, why: Refused) {
        let _ = self.why.set(why);
    }

    /// Why it ended early, where it did.
    pub(crate) fn why(&self) -> Option<Refused> {
        self.why.get().cloned()
    }

    /// Waits until nothing has moved for so long.
    pub(crate) async fn is_idle(&self, limit: Duration) {
        loop {
            let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
            let idle = self.since.elapsed().saturating_sub(moved);
            match limit.checked_sub(idle).filter(|left| !left.is_zero()) {
                Some(left) => sleep(left).await,
                None => return,
            }
        }
    }

    /// Waits until the head of an answer is overdue, or the rest of the request's body.
    pub(crate) async fn is_still(&self) -> Refused {
        self.is_idle(self.timeouts.first_byte()).await;
        let why = if self.is_sending.load(Ordering::Acquire) {
            Refused::new("bad_request", "the body did not arrive in time")
        } else {
            let message = "the service did not answer in time; it may have done what was asked";
            Refused::new("upstream_timeout", message)
        };
        self.ends(why.clone());
        why
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(open) = open else { return };
        let passed = Passed {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            code: self.why.take().map(|why| why.code).unwrap_or_default(),
        };
        self.gateway.settle_passed(open, passed);
    }
}

/// A request's body on its way to the service.
#[derive(Debug)]
pub(crate) struct Sent {
    flowing: Arc<Flowing>,
    exchange: Arc<Exchange>,
    guard: Guard,
    /// Trailers that the route lets pass beside the usual ones.
    named: Vec<String>,
}

impl Sent {
    pub(crate) fn new(
        flowing: &Arc<Flowing>,
        exchange: &Arc<Exchange>,
        guard: Guard,
        named: Vec<String>,
    ) -> Self {
        Self { flowing: Arc::clone(flowing), exchange: Arc::clone(exchange), guard, named }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(refused) = this.guard.poll_stopped(context) {
            this.exchange.ends(refused.clone());
            return Poll::Ready(Some(Err(io::Error::other(refused))));
        }
        this.flowing.begun.store(true, Ordering::Release);
        this.exchange.is_sending.store(true, Ordering::Release);
        let mut body = this.flowing.body.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = match ready!(Pin::new(&mut *body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                this.exchange.ends(Refused::new("bad_request", "the body broke off"));
                return Poll::Ready(Some(Err(io::Error::other(error))));
            }
            None => {
                this.exchange.is_sending.store(false, Ordering::Release);
                this.exchange.touch();
                return Poll::Ready(None);
            }
        };
        Poll::Ready(Some(Ok(counted(frame, &this.named, |bytes| this.exchange.add_sent(bytes)))))
    }

    fn size_hint(&self) -> SizeHint {
        self.flowing.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

/// A frame, counted; of trailers those that pass.
fn counted(frame: Frame<Bytes>, named: &[String], count: impl FnOnce(usize)) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(trailers) => Frame::trailers(fields::trailers(trailers, named)),
        Err(frame) => {
            count(frame.data_ref().map_or(0, Bytes::len));
            frame
        }
    }
}

/// An answer's body on its way to the caller.
#[derive(Debug)]
pub(crate) struct Given {
    /// `None` once it has ended.
    body: Option<passing::Body>,
    exchange: Arc<Exchange>,
    guard: Guard,
    named: Vec<String>,
    /// Since when the service is waited for, where it is.
    waits: Option<Pin<Box<Sleep>>>,
}

impl Given {
    pub(crate) fn new(
        body: passing::Body,
        exchange: &Arc<Exchange>,
        guard: Guard,
        named: Vec<String>,
    ) -> Self {
        Self { body: Some(body), exchange: Arc::clone(exchange), guard, named, waits: None }
    }

    fn breaks(&mut self, why: Refused) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.body = None;
        self.exchange.ends(why.clone());
        Poll::Ready(Some(Err(io::Error::other(why))))
    }
}

impl HttpBody for Given {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(refused) = this.guard.poll_stopped(context) {
            return this.breaks(refused);
        }
        match Pin::new(body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.waits = None;
                let exchange = &this.exchange;
                Poll::Ready(Some(Ok(counted(frame, &this.named, |bytes| exchange.add_received(bytes)))))
            }
            Poll::Ready(Some(Err(_))) => {
                this.breaks(Refused::new("upstream_failed", "the service's answer broke off"))
            }
            Poll::Ready(None) => {
                this.body = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                // From now on, and not while the caller was waited for.
                let limit = this.exchange.timeouts.idle();
                let waits = this.waits.get_or_insert_with(|| Box::pin(sleep(limit)));
                ready!(waits.as_mut().poll(context));
                this.breaks(Refused::new("upstream_timeout", "the service's answer paused for too long"))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }
}
