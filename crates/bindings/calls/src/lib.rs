//! What a program in another language calls: plain values in, JSON out. `wasm` and `python` wrap it, each in the way of its
//! language, so that all say the same.
//!
//! | module | what it holds |
//! |---|---|
//! | [`desk`], [`look`] | a verifier: what is shown, what evidence it takes, the decision |
//! | [`holder`] | an agent: its key, its delegations; it presents, signs requests, delegates |
//! | [`hand`] | a key here, or one that signs elsewhere: in WebCrypto, behind a callback |
//! | [`meeting`] | the caller's side of a handshake |
//! | [`card`], [`receipt`], [`entry`] | an agent card, a signed receipt, the proof of an entry of a log |
//! | [`place`] | where a DID document or an agent card is published |
//! | [`failure`] | why there is no answer: a stable code, and what to do |
//!
//! Nothing here opens a socket or a file or reads a clock: `now` (Unix seconds) and evidence are arguments. Randomness comes
//! from the system, of a browser `crypto.getRandomValues`.

pub mod card;
pub mod desk;
pub mod entry;
pub mod failure;
pub mod hand;
pub mod holder;
mod input;
pub mod look;
pub mod meeting;
pub mod place;
pub mod receipt;
mod terms;

pub use desk::Desk;
pub use failure::Failure;
pub use holder::Holder;
pub use look::{Look, Shown};
pub use meeting::Meeting;
