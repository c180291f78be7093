//! Identity and delegated authority for AI agents.
//!
//! A company gives its agent a credential: these actions, on these resources, up to this amount,
//! until tomorrow. The agent gives a narrower one to the next agent. Whoever is called checks
//! the whole chain back to the company, offline, and where the answer is no, says why in one
//! named reason. No central provider takes part.
//! Each room is a crate of its own, too; a service that only verifies needs `legation-verifier` alone.
//! Pages by role, and of constraints and trust settings, stand in `guide/` beside these sources.
//!
//! | room | what it does | there |
//! |---|---|---|
//! | [`keys`] | algorithms, keys, signatures, strict JSON | always |
//! | [`did`] | DIDs and their documents: did:key, did:web | always |
//! | [`credential`] | delegations, authority and its order, status lists, presentations | always |
//! | [`verifier`] | parse, gather, verify, authorize, commit, receipt | always |
//! | [`http_signature`] | requests that an agent signs, and the chain in a header | always |
//! | `agent_card` | A2A agent cards: sign, verify, hold against a domain | feature `agent-card` |
//! | `handshake` | the four messages by which two agents meet | feature `handshake` |
//! | `resolver` | DID documents, agent cards and status lists over HTTP | feature `resolver` |
//! | `agent` | an agent on the network: meet, call, answer, admit | feature `agent` |
//! | `keystore` | keys at rest, encrypted | feature `keystore` |
//! | `host` | an organization's own server | feature `host` |
//!
//! What is always there opens no file or socket, reads no clock and spawns no thread.
//!
//! ```
//! use legation::{Algorithm, Authority, Evidence, Facts, MemoryLedger, Occasion, Request, SecretKey};
//! use legation::{Signer, Terms, Trust, authorize, did::key, issue, parse, pass_on, present, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Three parties, each with keys of its own.
//! let company = SecretKey::generate(Algorithm::EdDsa)?;
//! let (agent, helper) = (SecretKey::generate(Algorithm::EdDsa)?, SecretKey::generate(Algorithm::Es256)?);
//! let did = |secret: &SecretKey| key::did(secret.public_key());
//! let now = 1_795_255_200;
//! let terms = |subject, max_depth, authority: &str| -> Result<Terms, Box<dyn std::error::Error>> {
//!     let authority = Authority::parse(authority)?;
//!     Ok(Terms { id: None, subject, valid_from: now, valid_until: now + 3600, max_depth, account: None, authority, status: vec![] })
//! };
//!
//! // The company lets its agent book rooms; the agent lets a helper look at prices.
//! let book = r#"{"grants": [{"actions": ["rooms.*"], "resources": ["https://shop.example/rooms/*"]}]}"#;
//! let look = r#"{"grants": [{"actions": ["rooms.price"], "resources": ["https://shop.example/rooms/*"]}]}"#;
//! let first = issue(terms(did(&agent), 1, book)?, &did(&company), &key::method_id(&did(&company)), &company)?;
//! let agent_key = key::method_id(&did(&agent));
//! let second = pass_on(&[&first], terms(did(&helper), 0, look)?, &agent_key, &agent)?;
//! // It could not give more than it holds.
//! let wider = r#"{"grants": [{"actions": ["money.send"], "resources": ["https://shop.example/rooms/*"]}]}"#;
//! assert!(pass_on(&[&first], terms(did(&helper), 0, wider)?, &agent_key, &agent).is_err());
//!
//! // The helper presents the chain to the shop, which trusts the company up to a ceiling.
//! let occasion = Occasion { audience: "did:web:shop.example", nonce: "n-1", issued_at: now, expires_at: now + 60, transcript: None };
//! let presented = present(&[&first, &second], &did(&helper), occasion, &key::method_id(&did(&helper)), &helper)?;
//! let mut trust = Trust::new("did:web:shop.example");
//! trust.roots.insert(did(&company), Authority::parse(book)?);
//! trust.max_unrevocable = 3600;
//!
//! let presentation = parse(presented.as_bytes(), &trust)?;
//! let chain = verify(&presentation, &trust, &Evidence::new(), "n-1", now)?;
//! let price = Request::new("rooms.price", "https://shop.example/rooms/7", Facts::new())?;
//! let permit = authorize(&chain, &price, now).into_permit()?;
//! assert!(MemoryLedger::new().commit(permit, now).is_ok());
//!
//! let booking = Request::new("rooms.book", "https://shop.example/rooms/7", Facts::new())?;
//! let denial = authorize(&chain, &booking, now).into_permit().unwrap_err();
//! assert_eq!(denial.code.as_str(), "not_granted");
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "agent")]
pub use legation_agent as agent;
#[cfg(feature = "agent-card")]
pub use legation_agent_card as agent_card;
pub use legation_credential as credential;
pub use legation_did as did;
#[cfg(feature = "handshake")]
pub use legation_handshake as handshake;
#[cfg(feature = "host")]
pub use legation_host as host;
pub use legation_http_signature as http_signature;
pub use legation_keys as keys;
#[cfg(feature = "keystore")]
pub use legation_keystore as keystore;
#[cfg(feature = "resolver")]
pub use legation_resolver as resolver;
pub use legation_verifier as verifier;

pub use legation_credential::{Authority, Delegation, Facts, Occasion, Request};
pub use legation_credential::{Terms, body_facts, issue, pass_on, present};
pub use legation_did::{Did, Document};
pub use legation_keys::{Algorithm, SecretKey, Signer};
pub use legation_verifier::{
    Code, Decision, Denial, Evidence, MemoryLedger, Trust, VerifiedChain, authorize, parse, verify,
};

#[cfg(doctest)]
#[doc = concat!(include_str!("../guide/services.md"), include_str!("../guide/meeting.md"))]
pub struct Guide;
