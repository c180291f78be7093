//! A2A 1.0 Agent Cards: who an agent is, said so that it can be checked.
//!
//! A card is fetched from a domain and says what an agent does and where. Its signatures are detached
//! JWS over a canonical form (A2A §8.4). From bytes to belief, in four steps:
//!
//! 1. [`UnverifiedCard::parse`] reads strictly and projects onto the 1.0 schema; it gives away
//!    nothing but the DID that the card claims.
//! 2. The caller resolves that DID, or has a [`JwkSet`] that it trusts: there is no third source of
//!    keys, and `jku` is ignored.
//! 3. [`verify()`] tries the spec form, then the [SDK form](Form), and hands on a [`VerifiedCard`]
//!    that is rebuilt from the verified bytes: what was not signed never reaches anybody.
//! 4. [`check_binding`] holds the interfaces and the handshake against the domain of the DID.
//!
//! | module | what it holds |
//! |---|---|
//! | [`card`] | bytes → [`UnverifiedCard`] |
//! | [`form`], [`dropped`] | the two canonical forms, and what they leave out |
//! | [`mod@sign`], [`mod@verify`], [`binding`] | one verb each |
//! | [`jwks`], [`algorithm`] | keys of signers without a DID |
//! | [`extension`] | how a card declares its DID, that it understands delegations, and its handshake |
//! | [`legacy`] | A2A 0.3, read and never believed |
//! | [`verdict`] | the answer as JSON |
//! | [`error`] | one enum per verb, one variant per rule, stable codes |
//!
//! Nothing here opens a socket or reads a clock.
//!
//! ```
//! use legation_agent_card::{Binding, Form, Keys, UnverifiedCard, check_binding, extension, sign, verify};
//! use legation_did::{Did, method_id, web};
//! use legation_keys::{Algorithm, SecretKey, Signer};
//!
//! let key = SecretKey::generate(Algorithm::EdDsa)?;
//! let did: Did = "did:web:shop.example".parse()?;
//! let document = web::document(&did, &[key.public_key().clone()]);
//!
//! let mut card = serde_json::json!({
//!     "name": "Shop", "description": "Sells.", "version": "1.0.0",
//!     "supportedInterfaces": [
//!         {"url": "https://shop.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
//!     "capabilities": {"streaming": false},
//!     "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [],
//! });
//! extension::declare_identity(&mut card, &did)?;
//! let text = card.to_string();
//! let signed = sign(&UnverifiedCard::parse(text.as_bytes())?, &method_id(&did, key.public_key()), &key)?;
//!
//! // What a server adds afterwards is dropped; what it changes breaks the signature.
//! let received = signed.replacen('{', r#"{"url":"https://evil.example","#, 1);
//! let received = UnverifiedCard::parse(received.as_bytes())?;
//! assert_eq!(received.claimed_did()?, Some(did.clone()));
//! let card = verify(&received, Keys::Document { document: &document, now: 1_795_255_200 }, &Form::ALL)?;
//! assert_eq!((card.form(), card.did()), (Form::Spec, Some(&did)));
//! assert_eq!(card.card().get("url"), None);
//! assert_eq!(card.uncovered().paths(), ["/url"]);
//! let binding = check_binding(&card, &document)?;
//! assert_eq!(binding, Binding::Domain { origin: "https://shop.example".to_owned() });
//!
//! let altered = signed.replace("Sells.", "Steals.");
//! let altered = UnverifiedCard::parse(altered.as_bytes())?;
//! let error = verify(&altered, Keys::Document { document: &document, now: 1_795_255_200 }, &Form::ALL);
//! assert_eq!(error.map_err(|error| error.code()), Err("signature_invalid"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod algorithm;
pub mod binding;
pub mod card;
pub mod dropped;
pub mod error;
pub mod extension;
pub mod form;
mod header;
pub mod jwks;
pub mod legacy;
#[cfg(not(target_family = "wasm"))]
#[path = "library/native.rs"]
mod library;
#[cfg(target_family = "wasm")]
#[path = "library/portable.rs"]
mod library;
mod loss;
mod schema;
pub mod sign;
pub mod verdict;
pub mod verify;

pub use algorithm::CardAlgorithm;
pub use binding::{Binding, check_binding, check_binding_with};
pub use card::UnverifiedCard;
pub use dropped::Dropped;
pub use error::{BindingError, CardError, SignError, VerifyError};
pub use form::Form;
pub use jwks::JwkSet;
pub use sign::sign;
pub use verify::{Keys, VerifiedCard, verify};

/// Most signatures that are tried, of however many a card has. Two forms, two keys during a rotation
/// and some of other parties take eight; each costs up to two signature equations.
pub const MAX_SIGNATURES: usize = 16;
