//! The callee's side. It keeps nothing between the messages: what it needs again comes back with the
//! caller's answer, and the nonce's tag tells that it is its own.

use crate::{
    challenge::{Challenge, ChallengeKey, LIFETIME, Sha256Digest, transcript},
    message::{Answer, Hello},
};
use legation_did::Did;
use legation_keys::{
    Signer, base64url,
    secret::SignError,
    time::{self, Clock},
};
use legation_verifier::{
    Code, Denial, MemoryLedger, Presentation, Trust, VerifiedChain, parse,
    receipt::{self, Subject},
};

/// Who is called, where, and with which card.
#[derive(Clone, Debug)]
pub struct Callee {
    did: Did,
    endpoint: String,
    card: Sha256Digest,
    key: ChallengeKey,
}

/// An answer that belongs to a challenge of this callee. Who sent it is not known yet.
#[derive(Debug)]
pub struct Opened {
    presentation: Presentation,
}

/// What a callee decided: the chain that holds or why not, and the receipt to sign.
#[derive(Debug)]
pub struct Concluded {
    /// Who called and for whom, or the first rule that was broken.
    pub outcome: Result<VerifiedChain, Denial>,
    /// JSON bytes for [`receipt::sign`].
    pub receipt: Vec<u8>,
}

impl Callee {
    /// A callee. `endpoint` is the URL that its card declares for the handshake, `card` the SHA-256 of
    /// that card's canonical form.
    #[must_use]
    pub fn new(did: Did, endpoint: String, card: Sha256Digest, key: ChallengeKey) -> Self {
        Self { did, endpoint, card, key }
    }

    /// Answers a hello with a signed challenge at `now` (Unix seconds). `key_id` is one of the callee's
    /// `authentication` keys.
    ///
    /// Nothing is remembered and nobody is asked who the caller is, so that ten thousand hellos cost
    /// ten thousand signatures and no memory.
    ///
    /// # Errors
    /// [`HelloError`].
    pub fn challenge(
        &self,
        hello: &Hello,
        key_id: &str,
        signer: &dyn Signer,
        now: i64,
    ) -> Result<String, HelloError> {
        // An agent that calls itself is being shown its own words by somebody else.
        if hello.caller == self.did {
            let expected = format!("a caller other than {}", self.did);
            return Err(Denial::new(Code::HolderMismatch, expected, hello.caller.as_str()).into());
        }
        let mut challenge = Challenge {
            callee: self.did.clone(),
            caller: hello.caller.clone(),
            endpoint: self.endpoint.clone(),
            caller_nonce: hello.nonce.clone(),
            nonce: String::new(),
            card: self.card,
            issued_at: now,
            expires_at: now.saturating_add(LIFETIME),
        };
        challenge.nonce = self.key.nonce(&challenge).map_err(|_| HelloError::Unavailable)?;
        Ok(challenge.sign(key_id, signer)?)
    }

    /// Reads an answer and holds it against its challenge, cheapest check first: is the challenge our
    /// own, for this endpoint and card, and still open; then the presentation's bytes; then whether the
    /// presentation answers this challenge for the caller that it was made for.
    ///
    /// The challenge's signature is not looked at: its nonce's tag covers all that it says, and the
    /// transcript all of its bytes.
    ///
    /// # Errors
    /// A [`Denial`]: `nonce_mismatch` for a challenge that is not ours, `audience_mismatch`,
    /// `request_binding_mismatch`, `presentation_stale`, `holder_mismatch`, and the byte codes.
    pub fn open(&self, answer: &Answer, trust: &Trust, now: i64) -> Result<Opened, Denial> {
        let (_, challenge) = Challenge::read(&answer.challenge)?;
        if challenge.callee != self.did || trust.audience != self.did.as_str() {
            let found = challenge.callee.as_str();
            return Err(Denial::new(Code::AudienceMismatch, self.did.as_str(), found));
        }
        if !self.key.made(&challenge) {
            let expected = "a challenge that was given here";
            return Err(Denial::new(
                Code::NonceMismatch,
                expected,
                "one made elsewhere, or before a restart",
            ));
        }
        self.check_place(&challenge)?;
        check_open(&challenge, trust.clock_skew, now)?;
        let presentation = parse(answer.presentation.as_bytes(), trust)?;
        check_answer(&presentation, &challenge, &transcript(&answer.challenge))?;
        Ok(Opened { presentation })
    }

    /// The challenge is for this endpoint, and the card is still the one that is published.
    fn check_place(&self, challenge: &Challenge) -> Result<(), Denial> {
        let mismatch = |expected: &str, found: &str| {
            Err(Denial::new(Code::RequestBindingMismatch, expected.to_owned(), found.to_owned()))
        };
        if challenge.endpoint != self.endpoint {
            return mismatch(&self.endpoint, &challenge.endpoint);
        }
        if challenge.card != self.card {
            return mismatch(&base64url::encode(&self.card), &base64url::encode(&challenge.card));
        }
        Ok(())
    }
}

/// The challenge may still be answered.
fn check_open(challenge: &Challenge, skew: i64, now: i64) -> Result<(), Denial> {
    let clock = Clock { now, skew };
    if clock.has_begun(challenge.issued_at) && !clock.has_ended(challenge.expires_at) {
        return Ok(());
    }
    let until = time::format(challenge.expires_at);
    let expected = format!("an answer before {until}");
    Err(Denial::new(Code::PresentationStale, expected, format!("now is {}", time::format(now))))
}

/// The presentation answers this challenge and is of the agent that asked for it.
fn check_answer(presentation: &Presentation, challenge: &Challenge, transcript: &str) -> Result<(), Denial> {
    if presentation.nonce() != challenge.nonce {
        let expected = "the nonce of the challenge that came along";
        return Err(Denial::new(Code::NonceMismatch, expected, presentation.nonce()));
    }
    if presentation.transcript() != Some(transcript) {
        let found = presentation.transcript().unwrap_or("no `transcript`");
        let expected = format!("the transcript {transcript}");
        return Err(Denial::new(Code::RequestBindingMismatch, expected, found));
    }
    if presentation.claimed_agent() != &challenge.caller {
        let found = presentation.claimed_agent().as_str();
        return Err(Denial::new(Code::HolderMismatch, challenge.caller.as_str(), found));
    }
    Ok(())
}

impl Opened {
    /// The presentation, to be verified with its own [nonce](Presentation::nonce), which was the
    /// challenge's.
    #[must_use]
    pub fn presentation(&self) -> &Presentation {
        &self.presentation
    }
}

/// Ends a handshake: consumes the nonce of a chain that holds, so that no challenge is answered twice,
/// and writes the receipt. `outcome` is what opening and verifying gave.
pub fn conclude(
    outcome: Result<VerifiedChain, Denial>,
    answer: &Answer,
    trust: &Trust,
    ledger: &mut MemoryLedger,
    now: i64,
) -> Concluded {
    let outcome = outcome.and_then(|chain| {
        let until = nonce_until(answer, trust)?;
        ledger.commit_nonce(&chain, until, now).map(|()| chain)
    });
    conclude_consumed(outcome, answer, trust, now)
}

/// Until when (Unix seconds) the nonce of an answer has to be remembered at least: as long as its challenge can be
/// answered.
///
/// # Errors
/// A [`Denial`] where the challenge can't be read.
pub fn nonce_until(answer: &Answer, trust: &Trust) -> Result<i64, Denial> {
    let (_, challenge) = Challenge::read(&answer.challenge)?;
    Ok(challenge.expires_at.saturating_add(trust.clock_skew))
}

/// As [`conclude`], for whoever keeps a ledger of another kind: the nonce of a chain that holds must have been
/// consumed before, and is remembered [for long enough](nonce_until). Where it could not be, `outcome` is that denial.
#[must_use]
pub fn conclude_consumed(
    outcome: Result<VerifiedChain, Denial>,
    answer: &Answer,
    trust: &Trust,
    now: i64,
) -> Concluded {
    let receipt = match &outcome {
        Ok(chain) => receipt::of_chain(chain, trust, now),
        Err(denial) => {
            let transcript = transcript(&answer.challenge);
            let (presented, transcript) = (answer.presentation.as_bytes(), Some(transcript.as_str()));
            receipt::of_denial(denial, Subject { presented, transcript, ..Subject::default() }, trust, now)
        }
    };
    Concluded { outcome, receipt }
}

/// Why a hello gets no challenge.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HelloError {
    /// It is not from somebody who may be challenged.
    #[error("{0}")]
    Denied(#[from] Denial),
    /// The callee's key does not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
    /// The system's random source fails.
    #[error("no random bytes can be had; nothing is answered without them")]
    Unavailable,
}

impl HelloError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.code.as_str(),
            Self::Sign(_) | Self::Unavailable => "unavailable",
        }
    }
}
