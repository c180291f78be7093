//! The handshake: two agents that know nothing but a domain name learn who the other is and for whom
//! it acts.
//!
//! Four messages, and no session token at the end: later requests are each signed. The caller knows
//! the callee's verified card (`legation-agent-card`) before it says hello; the callee knows nothing.
//!
//! ```text
//!  caller                                                        callee
//!    │                                                             │  keeps no state
//!  begin                                                           │
//!    ●─ Begun ── hello {caller, nonceC} ────────────────────────▶ challenge()
//!    │                                                             │  signs, remembers nothing
//!  receive() ◀── challenge {iss, aud, endpoint, nonceC, nonceS, ───●
//!    │            card, iat, exp} signed by the callee             │
//!    ├─ Denial: not whom I called                                  │
//!    ●─ Challenged: the callee is who its card says                │
//!  answer()                                                        │
//!    ●─ Answered ─ challenge + vp+jwt {chain, aud, nonceS, ─────▶ open()
//!    │             transcript} signed by the caller                ├─ Denial: not an answer to me
//!    │                                                             ●─ Opened
//!    │                                                           verify()   (the verifier's own)
//!    │                                                             ├─ Denial: the chain does not hold
//!    │                                                             ●─ VerifiedChain
//!    │                                                           conclude()  consumes nonceS
//!  finish() ◀──── receipt {decision, transcript} ──────────────────● signed by the callee
//!    ├─ Denial: not the callee's receipt of this handshake
//!    ├─ Refused: the callee says no, and has signed why
//!    ●─ Met: both decided, each holds the other's signature
//! ```
//!
//! | message | what it proves, to whom |
//! |---|---|
//! | hello | nothing; it carries the caller's nonce |
//! | challenge | to the caller: whoever holds the key of the callee's DID answers this caller's nonce, now, at this endpoint, and stands by this card |
//! | presentation | to the callee: whoever holds the key of the chain's last subject answers this very challenge, and the chain leads to a principal that the callee trusts |
//! | receipt | to the caller and to any auditor: the callee decided so on this transcript; by the transcript it is tied to the caller's own signature |
//!
//! # Attacks, and what stops each
//!
//! | attack | check | code |
//! |---|---|---|
//! | Relay: Mallory passes on the challenge of another callee | [`Begun::receive`]: `iss` is the DID that was called | `issuer_mismatch` |
//! | Relay: Mallory passes the caller's answer on to another callee | [`Callee::open`]: the challenge is not one that it gave | `nonce_mismatch`, `audience_mismatch` |
//! | Reflection: an agent is shown its own hello or challenge | [`Callee::challenge`], [`Begun::receive`]: caller and callee differ | `holder_mismatch`, `issuer_mismatch`, `audience_mismatch` |
//! | Replay of a challenge to the caller | [`Begun::receive`]: it answers another nonce | `nonce_mismatch` |
//! | Replay of an answer to the callee, or a second answer to one challenge | [`conclude`]: the nonce is consumed, and remembered for as long as its challenge | `nonce_replayed` |
//! | An old nonce | [`Callee::open`], [`Begun::receive`]: `exp` | `presentation_stale` |
//! | A challenge that the callee never gave | [`Callee::open`]: the nonce's tag | `nonce_mismatch` |
//! | A challenge made for one caller, answered by another | [`Callee::open`]: `aud` | `holder_mismatch` |
//! | A stolen chain, presented with another key | the verifier: the holder is the last subject | `holder_mismatch` |
//! | The card is swapped between fetch and handshake | [`Begun::receive`]: the digest of the card that was verified | `request_binding_mismatch` |
//! | The endpoint is another | [`Begun::receive`] | `request_binding_mismatch` |
//! | A key of the callee's that is for other purposes | [`Begun::receive`]: `authentication`; [`Answered::finish`]: `assertionMethod` | `key_purpose_mismatch` |
//! | A key that has left the DID document | [`Begun::receive`], the verifier | `key_not_found` |
//! | Another algorithm, or none | both sides read `alg` against what the key is for | `algorithm_not_allowed`, `algorithm_key_mismatch` |
//! | A receipt of another handshake, or made up | [`Answered::finish`]: transcript, presentation, signature | `nonce_mismatch`, `signature_invalid` |
//! | A receipt that is dated back, by a key that has ended | [`Answered::finish`]: its date is not before the challenge's | `presentation_stale` |
//! | Ten thousand hellos without an answer | the callee keeps nothing until a chain has verified | |
//! | Ten thousand answers | the nonce memory is bounded by key, and denies when full | `nonce_memory_full` |
//!
//! # In code
//!
//! ```
//! use legation_credential::{Authority, Terms, issue};
//! use legation_did::{key, method_id, web};
//! use legation_handshake::{Callee, ChallengeKey, Ended, Peer, begin, conclude};
//! use legation_keys::{Algorithm, SecretKey, Signer};
//! use legation_verifier::{Evidence, MemoryLedger, Trust, receipt, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = 1_795_255_200;
//! # let (acme, alice_key, shop_key) = (SecretKey::generate(Algorithm::EdDsa)?, SecretKey::generate(Algorithm::EdDsa)?, SecretKey::generate(Algorithm::EdDsa)?);
//! # let (principal, alice) = (key::did(acme.public_key()), key::did(alice_key.public_key()));
//! # let authority = r#"{"grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/*"]}]}"#;
//! # let terms = Terms { id: None, subject: alice.clone(), valid_from: now, valid_until: now + 3600,
//! #     max_depth: 0, account: None, authority: Authority::parse(authority)?, status: vec![] };
//! # let link = issue(terms, &principal, &key::method_id(&principal), &acme)?;
//! # let shop: legation_did::Did = "did:web:shop.example".parse()?;
//! # let document = web::document(&shop, &[shop_key.public_key().clone()]);
//! # let shop_key_id = method_id(&shop, shop_key.public_key());
//! # let mut trust = Trust::new(shop.as_str());
//! # trust.roots.insert(principal.clone(), Authority::parse(authority)?);
//! # trust.max_unrevocable = 3600;
//! # let mut ledger = MemoryLedger::new();
//! let endpoint = "https://shop.example/handshake";
//! let card = [7; 32]; // SHA-256 of the canonical form of the shop's verified card
//! let callee = Callee::new(shop.clone(), endpoint.to_owned(), card, ChallengeKey::generate()?);
//!
//! let begun = begin(alice.clone())?;
//! let challenge = callee.challenge(begun.hello(), &shop_key_id, &shop_key, now)?;
//! let challenged = begun.receive(&challenge, Peer { document: &document, endpoint, card }, 60, now)?;
//! let answered = challenged.answer(&[&link], &key::method_id(&alice), &alice_key, now)?;
//!
//! // The callee's side again.
//! let answer = answered.message().clone();
//! let opened = callee.open(&answer, &trust, now);
//! let outcome = opened.and_then(|opened| {
//!     let presentation = opened.presentation();
//!     verify(presentation, &trust, &Evidence::new(), presentation.nonce(), now)
//! });
//! let concluded = conclude(outcome, &answer, &trust, &mut ledger, now);
//! assert_eq!(concluded.outcome?.principal(), &principal);
//! let signed = receipt::sign(&concluded.receipt, &shop_key_id, &shop_key)?;
//!
//! // And the caller's.
//! let Ended::Met(met) = answered.finish(&signed, &document)? else { panic!("refused") };
//! assert_eq!((met.callee(), met.said()["principal"].as_str()), (&shop, Some(principal.as_str())));
//!
//! let again = callee.open(&answer, &trust, now)?;
//! let again = verify(again.presentation(), &trust, &Evidence::new(), again.presentation().nonce(), now);
//! let again = conclude(again, &answer, &trust, &mut ledger, now);
//! assert_eq!(again.outcome.unwrap_err().code.as_str(), "nonce_replayed");
//! # Ok(())
//! # }
//! ```

pub mod callee;
pub mod caller;
pub mod challenge;
pub mod message;

pub use callee::{Callee, Concluded, HelloError, Opened, conclude, conclude_consumed, nonce_until};
pub use caller::{Answered, Begun, Challenged, Ended, Met, Peer, begin};
pub use challenge::{ChallengeKey, Sha256Digest, transcript};
pub use message::{Answer, Hello, MAX_CHALLENGE, MAX_ENVELOPE, Message};
