//! DID documents, agent cards and status lists over HTTP, within the limits that a hostile network needs.
//!
//! | module | what it holds |
//! |---|---|
//! | [`fetch`] | [`Fetcher`]: one GET, bounded in time, bytes, content type and place |
//! | [`card`] | [`Fetcher::card`]: an agent card, and what ties it to its DID and its domain |
//! | [`options`] | [`Options`]: every knob with its unit and its reason |
//! | [`guard`] | which addresses may be connected to |
//! | [`shared`] | [`SharedEvidence`]: what a service's verifications have fetched, and whose turn it is |
//! | [`arriving`] | [`Fetcher::begin`]: a call whose answer is passed on while it arrives |
//! | [`passing`] | [`Fetcher::pass`]: a request that is passed on while it arrives, by HTTP/2 where the service speaks it |
//! | [`approvals`](mod@approvals) | the documents of those who approved a request |
//! | [`verify`](mod@verify) | all rounds of a verification in one call |
//! | [`error`] | [`FetchError`], [`CardFetchError`]: one variant per rule, each with a stable code |
//!
//! A DID or the URL of a status list comes from whoever presents a credential, so fetching it is
//! connecting where a stranger says. A [`Fetcher`] remembers no answer: what is kept is
//! [`SharedEvidence`], within bounds for each root link.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use legation_resolver::{Fetcher, Options};
//!
//! let fetcher = Fetcher::new(Options::default())?;
//! // A did:key needs no network; a did:web on this very machine is refused.
//! let did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp".parse()?;
//! assert_eq!(fetcher.document(&did).await?.id(), &did);
//! let refused = fetcher.document(&"did:web:localhost%3A8443".parse()?).await.unwrap_err();
//! assert_eq!(refused.code(), "address_refused");
//! # Ok(())
//! # }
//! ```

pub mod approvals;
pub mod arriving;
pub mod call;
pub mod card;
pub mod error;
pub mod fetch;
pub mod guard;
pub mod options;
pub mod passing;
pub mod shared;
pub mod verify;

pub use approvals::{Asked, approvals, approvals_shared};
pub use arriving::{Arriving, NoAnswer};
pub use call::{Call, Reply};
pub use card::FetchedCard;
pub use error::{CardFetchError, FetchError, SetupError};
pub use fetch::Fetcher;
pub use options::Options;
pub use passing::{Passing, Upgrading};
pub use shared::SharedEvidence;
pub use verify::{verify, verify_anew, verify_shared};
