//! Delegation credentials: who gives whom which authority for how long, and the order that keeps
//! a child from ever holding more than its parent.
//!
//! | module | what it holds |
//! |---|---|
//! | [`pattern`], [`resource`] | actions and resources: exact, or everything behind a border |
//! | [`limit`] | constraints in normal form |
//! | [`window`] | over which time is summed and counted: so many seconds, or periods of the calendar |
//! | [`authority`] | [`Authority`], its partial order, and [`extend`], the one way to the next link |
//! | [`amount`] | how much money a request is about, in the unit that is compared and summed |
//! | [`mod@money`] | an amount as people write it |
//! | [`request`], [`body`], [`decide`] | what somebody asks to do, facts of its body, and whether an authority permits it |
//! | [`delegation`] | [`Delegation`]: the Verifiable Credential |
//! | [`secured`] | a delegation as text: a compact JWS, or a document with proofs |
//! | [`approval`] | the consent of somebody named to one request |
//! | [`issue`](mod@issue) | issuing a first delegation, and passing one on narrower |
//! | [`model`] | the Verifiable Credentials Data Model 2.0: whether a document is a credential |
//! | [`presentation`] | the holder's side: a chain presented to one verifier |
//! | [`status`] | Bitstring Status List: revocation and suspension |
//! | [`token_status`] | Token Status List (IETF), as others use it |
//! | [`refusal`], [`error`] | why something would widen; why bytes can't be read |
//!
//! Everything is a pure function of its arguments; times are Unix seconds that the caller gives.
//!
//! ```
//! use legation_credential::{Authority, Facts, Request, extend};
//!
//! let company = Authority::parse(r#"{
//!     "grants": [{"actions": ["pay.*"], "resources": ["https://shop.example/api/*"]}],
//!     "constraints": [{"type": "spend", "currency": "USD", "perAction": 5000}]
//! }"#)?;
//! let agent = Authority::parse(r#"{
//!     "grants": [{"actions": ["pay.order"], "resources": ["https://shop.example/api/*"]}]
//! }"#)?;
//! // What the link leaves out stays inherited.
//! let effective = extend(company, &agent)?;
//! let facts = Facts::from([("amount".into(), legation_credential::Value::Integer(6000)), ("currency".into(), "USD".into())]);
//! let request = Request::new("pay.order", "https://shop.example/api/orders", facts)?;
//! assert_eq!(effective.permits(&request, "did:web:shop.example").unwrap_err().code(), "constraint_violated");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod amount;
pub mod approval;
pub mod authority;
mod bitstring;
pub mod body;
mod constraint;
mod cover;
pub mod decide;
pub mod delegation;
pub mod error;
pub mod issue;
pub mod limit;
pub mod model;
pub mod money;
pub mod pattern;
pub mod presentation;
pub mod refusal;
pub mod request;
pub mod resource;
pub mod secured;
mod signed_list;
pub mod status;
pub mod token_status;
pub mod widening;
pub mod window;

pub use amount::Amount;
pub use approval::{Approval, ApprovalRequest, approve};
pub use authority::{Authority, extend};
pub use body::body_facts;
pub use decide::{Debit, Measure, Situation, Violation};
pub use delegation::{Delegation, LinkDigest, Terms};
pub use error::CredentialError;
pub use issue::{IssueError, issue, issue_as, pass_on, pass_on_all, pass_on_as};
pub use pattern::Pattern;
pub use presentation::{Occasion, PresentError, present, present_as};
pub use refusal::Refusal;
pub use request::{Facts, Possession, Request, RequestError, Value};
pub use secured::Securing;
pub use window::Window;
