//! What a service decided, in a log of its own: each decision is on the disk, under a signed checkpoint, before anybody is
//! told of it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`recorder`] | [`Recorder`]: what a [`Desk`](legation_agent::Desk) is given; one thread writes for all who wait |
//! | `gathered` | what waits, whose it is, and which denials repeat |
//! | `kept` | the log in its folder, with the numbers of its entries |
//! | [`values`] | what was left out of entries, beside the log: whoever removes it breaks no proof |
//!
//! ```no_run
//! # use std::{path::Path, sync::Arc};
//! # use legation_agent::Desk;
//! # use legation_keys::SecretKey;
//! # use legation_recorder::{Of, Recorder};
//! # fn example(desk: Desk, key: Arc<SecretKey>) -> Result<Desk, legation_log::WriteError> {
//! let of = Of { origin: "shop.example/log/1".to_owned(), signer: key, about: String::new() };
//! let recorder = Recorder::open(Path::new("/var/lib/shop/log/1"), of)?;
//! Ok(desk.with_records(Arc::new(recorder)))
//! # }
//! ```

mod gathered;
mod kept;
pub mod recorder;
pub mod values;

pub use recorder::{Of, Recorder};
