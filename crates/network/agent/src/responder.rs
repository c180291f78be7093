//! The callee: answers handshakes, whatever carries them.

use crate::{
    Desk, LedgerError,
    records::{Decided, RecordError, Who},
};
use legation_agent_card::VerifiedCard;
use legation_did::Did;
use legation_handshake::{Answer, Callee, ChallengeKey, HelloError, Message, conclude_consumed, nonce_until};
use legation_http_signature::join;
use legation_verifier::{Denial, Presentation, VerifiedChain, receipt};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Answers the messages of callers. Between a hello and its answer it keeps nothing.
#[derive(Debug)]
pub struct Responder {
    desk: Arc<Desk>,
    callee: Callee,
}

/// Why there is no responder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponderError {
    /// The card is not that of the service.
    #[error("the card is of {}, and the service is `{expected}`", .found.as_ref().map_or("nobody".to_owned(), |did| format!("`{did}`")))]
    Card {
        /// Who the service is.
        expected: Did,
        /// Whose card it is.
        found: Option<Did>,
    },
    /// The card does not say where the handshake is spoken.
    #[error(
        "the card declares no handshake; sign it with the URL in the extension {}",
        legation_agent_card::extension::DELEGATION
    )]
    NoHandshake,
}

/// Why a message gets no answer. What can be signed is answered with a receipt instead.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The message itself is at fault.
    #[error("{0}")]
    Denied(#[from] Denial),
    /// A challenge or a receipt, which only a callee sends.
    #[error("`{kind}` is not a message to a callee; send `hello` or `presentation`")]
    Unexpected {
        /// Its type.
        kind: &'static str,
    },
    /// The service can't answer: its key does not sign, its ledger can't be used, or there is no randomness.
    #[error("the service can't answer now; try again later")]
    Unavailable,
    /// What was decided can't be kept, so that it was not decided.
    #[error("the service can't keep its decision now; try again later")]
    Unrecorded {
        /// The code of [`RecordError`].
        code: &'static str,
    },
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        Self::Unrecorded { code: error.code() }
    }
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.code.as_str(),
            Self::Unexpected { .. } => "malformed",
            Self::Unavailable => "unavailable",
            Self::Unrecorded { code } => code,
        }
    }

    /// The HTTP status that fits.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unavailable | Self::Unrecorded { .. } => 503,
            _ if self.code() == "input_too_large" => 413,
            _ => 400,
        }
    }
}

impl Responder {
    /// A responder at the endpoint that the card declares. `card` is the service's own, as it is
    /// published: a caller that sees another one is not answered.
    ///
    /// # Errors
    /// [`ResponderError`].
    pub fn new(desk: Arc<Desk>, card: &VerifiedCard, key: ChallengeKey) -> Result<Self, ResponderError> {
        let endpoint = card.handshake().ok_or(ResponderError::NoHandshake)?.to_owned();
        let did = desk.identity.did().clone();
        if card.did() != Some(&did) {
            return Err(ResponderError::Card { expected: did, found: card.did().cloned() });
        }
        let callee = Callee::new(did, endpoint, Sha256::digest(card.canonical()).into(), key);
        Ok(Self { desk, callee })
    }

    /// What it verifies with.
    #[must_use]
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Answers a message at `now` (Unix seconds): a hello with a challenge, a presentation with a signed
    /// receipt, whether it says `valid` or `deny`.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn respond(&self, message: Message, now: i64) -> Result<Message, Refusal> {
        let identity = &self.desk.identity;
        let answer = match message {
            Message::Hello(hello) => {
                let challenge = self.callee.challenge(&hello, identity.key_id(), identity.signer(), now);
                return challenge.map(Message::Challenge).map_err(|error| match error {
                    HelloError::Denied(denial) => denial.into(),
                    HelloError::Sign(_) | HelloError::Unavailable => Refusal::Unavailable,
                });
            }
            Message::Presentation(answer) => answer,
            other => return Err(Refusal::Unexpected { kind: other.kind() }),
        };
        let mut presentation = None;
        let outcome = match self.callee.open(&answer, self.desk.trust(), now) {
            Ok(opened) => {
                let outcome = self.desk.verify(opened.presentation(), false, now).await;
                presentation = Some(opened);
                outcome
            }
            Err(denial) => Err(denial),
        };
        let who = outcome.as_ref().ok().and_then(Who::of);
        let outcome = match outcome {
            Ok(chain) => self.consume(chain, &answer, now).await?,
            Err(denial) => Err(denial),
        };
        let concluded = conclude_consumed(outcome, &answer, self.desk.trust(), now);
        let signed = receipt::sign(&concluded.receipt, identity.key_id(), identity.signer());
        let signed = signed.map_err(|_| Refusal::Unavailable)?;
        let denied = concluded.outcome.as_ref().err().map(|denial| denial.code);
        self.desk.keep(Decided { at: now, denied, who, receipt: concluded.receipt.clone() }).await?;
        if let (Ok(chain), Some(opened)) = (&concluded.outcome, &presentation) {
            self.remember(opened.presentation(), chain);
        }
        Ok(Message::Receipt(signed))
    }

    /// Consumes the nonce that the caller answered with: the chain, or why it was not consumed.
    async fn consume(
        &self,
        chain: VerifiedChain,
        answer: &Answer,
        now: i64,
    ) -> Result<Result<VerifiedChain, Denial>, Refusal> {
        let until = match nonce_until(answer, self.desk.trust()) {
            Ok(until) => until,
            Err(denial) => return Ok(Err(denial)),
        };
        match self.desk.commit_nonce(&chain, until, now).await {
            Ok(()) => Ok(Ok(chain)),
            Err(LedgerError::Denied(denial)) => Ok(Err(denial)),
            Err(LedgerError::Unavailable { .. }) => Err(Refusal::Unavailable),
        }
    }

    /// From now on the chain can be named by its digest.
    fn remember(&self, presentation: &Presentation, chain: &VerifiedChain) {
        let links: Vec<String> = presentation.secured_links().collect();
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        // A chain that fits no header can't come with a request either.
        let Ok(compact) = join(&links) else { return };
        let digest = Sha256::digest(compact.as_str()).into();
        self.desk.remember(digest, compact.as_str(), chain, true);
    }
}
