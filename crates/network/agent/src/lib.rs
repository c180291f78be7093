//! An agent on the network.
//!
//! As a caller: [`Agent::meet`] fetches the card of a domain, verifies it and speaks the handshake;
//! [`Agent::call`] signs requests. As a service: [`handshake_router`] answers handshakes, and
//! [`guard()`] lets only signed requests through that a chain permits. Both sides of a service share
//! one [`Desk`]: trust, evidence, ledger, and the chains it has verified.
//!
//! | module | what it holds |
//! |---|---|
//! | [`identity`] | [`Identity`]: a DID and the key that proves it |
//! | [`caller`] | [`Agent`]: meet, sign, call |
//! | [`desk`] | [`Desk`]: what a service verifies with |
//! | [`responder`], [`router`] | [`Responder`]: the callee, whatever carries its messages; the same over HTTP |
//! | [`gate`], [`mod@guard`] | [`Gate`]: a request is admitted or refused; the same in front of an axum router |
//! | [`proxy`] | [`Proxy`](proxy::Proxy): signs what programs send that can't |
//! | [`body`] | how long a body may take |
//! | [`signals`] | [`Signals`]: what a transmitter tells makes the desk look again (Shared Signals) |
//! | [`ledger`] | [`Ledger`]: where it is remembered what was used up |
//! | [`records`] | [`Records`]: where it is kept what was decided |
//! | [`known`] | the chains that a request may name by their digest |
//! | [`error`] | [`MeetError`], [`CallError`] |
//!
//! A handshake leaves no session behind: each request is signed, and its chain verified again. What
//! the handshake saves is bytes, since a chain that is known can be named by its SHA-256, and
//! acquaintance, where a service answers only those whom it has met.

pub mod body;
pub mod caller;
mod clock;
pub mod desk;
pub mod error;
pub mod gate;
pub mod guard;
pub mod identity;
pub mod known;
pub mod ledger;
mod problem;
#[cfg(unix)]
pub mod proxy;
pub mod records;
pub mod responder;
pub mod router;
pub mod signals;
mod single;

pub use caller::{Acquaintance, Agent, Carry};
pub use desk::{Desk, DeskError};
pub use error::{CallError, MeetError};
pub use gate::{Admitted, Gate, GateError, Incoming, Refused};
pub use guard::guard;
pub use identity::Identity;
pub use known::KnownLimits;
pub use ledger::{Ledger, LedgerError};
pub use records::{Decided, RecordError, Records, Who};
pub use responder::{Refusal, Responder, ResponderError};
pub use router::handshake_router;
pub use signals::{Listener, Poller, SetError, Signals};
