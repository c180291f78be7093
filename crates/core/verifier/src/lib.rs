//! The verifier: who presents this chain, for whom, and may they do this?
//!
//! The story, top to bottom:
//!
//! 1. [`parse`]: bytes become a [`Presentation`], strictly and within bounds. It means nothing yet.
//! 2. [`gather`]: what evidence is needed, in rounds; somebody with a socket fetches it
//!    (`legation-resolver` does all rounds in one call).
//! 3. [`verify`]: a [`VerifiedChain`], or the first [`Denial`] in a fixed order. Nothing else
//!    makes one.
//! 4. [`authorize()`]: a [`VerifiedChain`] and a [`Request`](legation_credential::Request) give a
//!    [`Decision`].
//!    Where somebody else has to approve it, [`verify_approvals`] and [`authorize_approved`].
//! 5. [`MemoryLedger::commit`]: the permit's nonce, approvals and debits are consumed, once.
//!    Where the cost is known only afterwards, [`MemoryLedger::reserve`] holds the most that it may be, and
//!    [`MemoryLedger::settle`] lowers it.
//! 6. [`receipt`]: bytes to sign, for whoever asks later; [`batch`]: one signature for many of them.
//!
//! What would have passed in place of a [`Denial`], [`remedy()`] says to whoever asks.
//!
//! A [`Verifier`] is a [`Trust`] that remembers which chains it has verified: the same story and the same
//! answers, faster the second time.
//!
//! Nothing here reads a clock, opens a socket or spawns a thread; `now` (Unix seconds) and
//! evidence are arguments. [`Trust`] holds every setting; no credential changes any.
//!
//! ```
//! use legation_credential::{Authority, Facts, Occasion, Request, Terms, issue, present};
//! use legation_keys::{Algorithm, SecretKey, Signer};
//! use legation_verifier::{Evidence, MemoryLedger, Trust, authorize, parse, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (company, agent) = (SecretKey::generate(Algorithm::EdDsa)?, SecretKey::generate(Algorithm::EdDsa)?);
//! let (principal, holder) = (legation_did::key::did(company.public_key()), legation_did::key::did(agent.public_key()));
//! let authority = r#"{"grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/*"]}]}"#;
//! let now = 1_795_255_200;
//! let terms = Terms {
//!     id: None, subject: holder.clone(), valid_from: now, valid_until: now + 3600,
//!     max_depth: 0, account: None, authority: Authority::parse(authority)?, status: vec![],
//! };
//! let link = issue(terms, &principal, &legation_did::key::method_id(&principal), &company)?;
//! let occasion = Occasion { audience: "did:web:shop.example", nonce: "n-1", issued_at: now, expires_at: now + 60, transcript: None };
//! let presented = present(&[&link], &holder, occasion, &legation_did::key::method_id(&holder), &agent)?;
//!
//! // The verifier's side.
//! let mut trust = Trust::new("did:web:shop.example");
//! trust.roots.insert(principal.clone(), Authority::parse(authority)?);
//! trust.max_unrevocable = 3600;
//! let presentation = parse(presented.as_bytes(), &trust)?;
//! let chain = verify(&presentation, &trust, &Evidence::new(), "n-1", now)?;
//! assert_eq!((chain.principal(), chain.agent()), (&principal, &holder));
//!
//! let request = Request::new("a2a:skill:book", "https://shop.example/rooms", Facts::new())?;
//! let permit = authorize(&chain, &request, now).into_permit()?;
//! let mut ledger = MemoryLedger::new();
//! assert!(ledger.commit(permit, now).is_ok());
//!
//! let replayed = authorize(&chain, &request, now).into_permit()?;
//! assert_eq!(ledger.commit(replayed, now).unwrap_err().code.as_str(), "nonce_replayed");
//! # Ok(())
//! # }
//! ```

pub mod approval;
pub mod authorize;
pub mod batch;
pub mod chain;
mod claims;
pub mod code;
pub mod error;
pub mod evidence;
mod known;
pub mod ledger;
mod link;
pub mod presentation;
pub mod proof;
mod read;
pub mod receipt;
pub mod remedy;
mod root;
mod seal;
pub mod shadow;
mod stop;
pub mod trust;
pub mod verdict;
pub mod verified;
pub mod verifier;
mod window;

pub use approval::{
    ApprovalUse, Approvals, MAX_APPROVALS, approval_request, gather_approvals, verify_approvals,
};
pub use authorize::{Decision, LinkDebit, NonceUse, Permit, authorize, authorize_approved};
pub use chain::{Progress, Step, advance, gather, verify, verify_with};
pub use code::{Code, Party, Phase};
pub use error::Denial;
pub use evidence::{Evidence, EvidenceError, Need, Sponsor, Used, sponsor};
pub use known::CacheLimits;
pub use ledger::{Actual, Committed, LedgerLimits, MemoryLedger, Overrun, Settled};
pub use presentation::{Account, Presentation, Vouched, parse, parse_request, parse_vouched};
pub use proof::Proof;
pub use remedy::{Case, Remedy, remedy};
pub use root::root_signed;
pub use trust::{Limits, SignalSource, Trust, TrustError};
pub use verified::{VerifiedChain, VerifiedLink};
pub use verifier::Verifier;
