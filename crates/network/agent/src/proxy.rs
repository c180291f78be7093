//! The agent proxy: programs that can't sign send to it as they are, and it signs what they send for a gateway.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Proxy`]: an agent, the gateway that it calls, and who may use it |
//! | [`door`] | [`Door`]: who may: whoever reaches a socket of its owner's, or shows the token of the run |
//! | [`socket`] | [`OwnSocket`]: a unix socket of mode 0600, of which only its owner's connections are accepted |
//! | `held` | the delegations that it holds, and how they are renewed |
//! | `pass` | a request: read, signed, passed on; its answer while it arrives |
//! | `told` | refusals, as SDKs of models read them |
//!
//! What leaves is signed for the organization's own origin, with the agent's key, once; nothing that a program sends as a
//! secret goes on. A request's body is read whole, since its digest is signed; an answer is passed on while it arrives.

pub mod door;
mod held;
mod pass;
pub mod socket;
mod told;

pub use door::{Door, Token};
pub use socket::{OwnSocket, SocketError};

use crate::{CallError, Identity};
use axum::{
    Router,
    extract::{Request, State},
    response::Response,
};
use held::Holding;
use legation_resolver::Fetcher;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Most requests at a time: each has a body of [`pass::MAX_BODY`] at most.
const PLACES: usize = 64;

/// Where a proxy passes on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The URL at which it is reached, without a slash at its end: `https://gateway.acme.example`.
    pub url: String,
    /// The organization's own origin, for which requests are signed, wherever its gateway is reached.
    pub origin: String,
}

/// A proxy of one agent.
#[derive(Debug)]
pub struct Proxy {
    identity: Identity,
    gateway: Gateway,
    fetcher: Fetcher,
    door: Door,
    holding: Holding,
    places: Semaphore,
}

impl Proxy {
    /// A proxy that signs as `identity`, whose delegations are `chain`, root first.
    ///
    /// # Errors
    /// [`CallError::Header`] where the chain is none, or too long for a header.
    pub fn new(
        identity: Identity,
        chain: &[&str],
        gateway: Gateway,
        fetcher: Fetcher,
        door: Door,
    ) -> Result<Arc<Self>, CallError> {
        let holding = Holding::new(&identity, chain, &fetcher)?;
        Ok(Arc::new(Self { identity, gateway, fetcher, door, holding, places: Semaphore::new(PLACES) }))
    }

    /// Whatever programs ask, passed on.
    pub fn router(self: &Arc<Self>) -> Router {
        async fn any(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
            proxy.pass(request).await.unwrap_or_else(|refused| refused.answer())
        }
        Router::new().fallback(any).with_state(Arc::clone(self))
    }
}
