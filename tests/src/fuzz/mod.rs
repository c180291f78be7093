//! The fuzz targets, as plain functions: any bytes in, a panic where something does not hold.
//!
//! `fuzz/` beside this crate runs them under libFuzzer; `tests/fuzz.rs` runs them over the kept corpus and
//! some thousand changes of it, on any toolchain. Each asserts more than that nothing panics: what is
//! read is written as the same, two readers agree, what verifies is within what was delegated.
//!
//! | target | what enters | what must hold |
//! |---|---|---|
//! | [`agent_card`] | cards of both versions, JWK sets | canonical forms are fixed points; what verifies was signed |
//! | [`delegation`] | claims, authorities, patterns | what is written is read; `extend` gives the meet or a refusal |
//! | [`handshake`] | the four messages, on both sides | two agents meet only where nothing was bent |
//! | [`http_signature`] | requests with their headers | what is signed says what is sent |
//! | [`json`] | any text | the tree is that of `serde_json`; the canonical form is a fixed point |
//! | [`keys`] | signatures, bent | one by one and all at once give the same answer |
//! | [`names`] | DIDs, documents, keys | one key and one DID have one text |
//! | [`presentation`] | presentations, compact chains | what is read is what was sent; cold and warm agree |
//! | [`request`] | queries, facts, chains of authorities | what a child permits the parent and a model permit |
//! | [`settings`] | trust, evidence, ledger and receipt files | what is read is what stands there |
//! | [`status_list`] | status lists, packed and secured | what is unpacked stays within the bound |
//! | [`verify`] | chains, bent in every way | the answer is the model's, cold and warm; what verifies is within all |

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a target tells what it found by a panic"
)]

mod actors;
mod agent_card;
mod bend;
mod choices;
mod delegation;
mod handshake;
mod http_signature;
mod json;
mod judge;
mod keys;
mod model;
mod names;
mod presentation;
mod request;
mod scene;
mod settings;
mod status_list;
mod verify;
mod warm;

pub use agent_card::agent_card;
pub use delegation::delegation;
pub use handshake::handshake;
pub use http_signature::http_signature;
pub use json::json;
pub use keys::keys;
pub use names::names;
pub use presentation::presentation;
pub use request::request;
pub use settings::settings;
pub use status_list::status_list;
pub use verify::verify;

/// A target: any bytes, and a panic where something does not hold.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 12] = [
    ("agent_card", agent_card),
    ("delegation", delegation),
    ("handshake", handshake),
    ("http_signature", http_signature),
    ("json", json),
    ("keys", keys),
    ("names", names),
    ("presentation", presentation),
    ("request", request),
    ("settings", settings),
    ("status_list", status_list),
    ("verify", verify),
];
