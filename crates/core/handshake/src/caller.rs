//! The caller's side, as states: each is used up by the step that leads to the next.

use crate::{
    challenge::{Challenge, MAX_LIFETIME, MEDIA_TYPE, Sha256Digest, transcript},
    message::{Answer, Hello},
};
use legation_credential::{CredentialError, Occasion, PresentError, present};
use legation_did::{Did, Document, KeyUse, Purpose};
use legation_keys::{
    Algorithm, Signer, base64url,
    json::JsonLimits,
    jws,
    secret::{SecretKeyError, random},
    time::{self, Clock, Round},
};
use legation_verifier::{Code, Denial, error::printable, receipt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How long an answer is good for, in seconds.
const ANSWER_LIFETIME: i64 = 60;
/// Most bytes and levels of a challenge's header.
const HEADER: JsonLimits = JsonLimits { bytes: 4096, depth: 4 };

/// Whom a caller means to meet: what it verified before it called.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The current DID document of the callee, whose DID its card declares.
    pub document: &'a Document,
    /// The URL that the card declares for the handshake.
    pub endpoint: &'a str,
    /// SHA-256 of the card's canonical form, as it was verified.
    pub card: Sha256Digest,
}

/// A handshake that has begun: the hello is on its way. A copy is for a key that signs elsewhere, and gives one answer in two steps.
#[derive(Clone, Debug)]
pub struct Begun {
    hello: Hello,
}

/// The callee is who its card says. It holds the key of its DID and answers this caller, now.
#[derive(Debug)]
pub struct Challenged {
    caller: Did,
    callee: Did,
    card: Sha256Digest,
    nonce: String,
    challenge: String,
    /// The earliest moment of the callee's receipt: that of its challenge, less the skew.
    since: i64,
}

/// The answer is on its way.
#[derive(Debug)]
pub struct Answered {
    caller: Did,
    callee: Did,
    card: Sha256Digest,
    answer: Answer,
    since: i64,
}

/// A handshake that came to its end: each knows who the other is.
#[derive(Clone, Debug)]
pub struct Met {
    caller: Did,
    callee: Did,
    card: Sha256Digest,
    transcript: String,
    receipt: String,
    said: Value,
}

/// How a handshake ended that nothing was wrong with.
#[derive(Clone, Debug)]
pub enum Ended {
    /// The callee accepts the caller.
    Met(Box<Met>),
    /// The callee refuses the caller and has signed why.
    Refused {
        /// The code that the callee gives. Its words are cut short, and hold nothing that would end a
        /// line or move a cursor.
        code: String,
        /// Index of the link that failed; `None` where none did.
        link: Option<u64>,
        /// What would have passed, in the callee's words.
        expected: String,
        /// What it found.
        found: String,
        /// The callee's signed receipt.
        receipt: String,
    },
}

/// Begins a handshake as `caller`, with a new nonce.
///
/// # Errors
/// [`SecretKeyError::Generate`] where the system's random source fails.
pub fn begin(caller: Did) -> Result<Begun, SecretKeyError> {
    let nonce = base64url::encode(&random::<24>()?);
    Ok(Begun { hello: Hello { caller, nonce } })
}

impl Begun {
    /// The first message.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Verifies the challenge at `now` (Unix seconds), give or take `skew` seconds: the callee's own,
    /// for this caller, endpoint, nonce and card, made now, and signed by an `authentication` key of
    /// the callee's document.
    ///
    /// # Errors
    /// A [`Denial`] of the callee: the byte codes, `issuer_mismatch`, `audience_mismatch`,
    /// `nonce_mismatch`, `request_binding_mismatch` (endpoint or card), `presentation_stale`, and those
    /// of keys and signatures.
    pub fn receive(self, challenge: &str, peer: Peer<'_>, skew: i64, now: i64) -> Result<Challenged, Denial> {
        let (parts, said) = Challenge::read(challenge)?;
        let header = jws::read_header(parts.header, MEDIA_TYPE, &Algorithm::ALL, HEADER);
        let header = header.map_err(CredentialError::from)?;
        let algorithm = header.algorithm;
        let key_id = header.required_key_id().map_err(CredentialError::from)?;
        let signature = jws::read_signature(parts.signature).map_err(CredentialError::from)?;
        self.check_meaning(&said, peer)?;
        check_moment(&said, skew, now)?;
        let (id, purpose) = (key_id.as_str(), Purpose::Authentication);
        let key = peer.document.key(KeyUse { id, algorithm, purpose, now })?;
        key.verify(parts.signing_input.as_bytes(), &signature).map_err(|_| {
            let expected = format!("a signature by {id}");
            Denial::new(Code::SignatureInvalid, expected, "one that does not fit")
        })?;
        Ok(Challenged {
            caller: self.hello.caller,
            callee: said.callee,
            card: said.card,
            nonce: said.nonce,
            challenge: challenge.to_owned(),
            since: said.issued_at.saturating_sub(skew),
        })
    }

    fn check_meaning(&self, said: &Challenge, peer: Peer<'_>) -> Result<(), Denial> {
        let callee = peer.document.id();
        let differs = |code, expected: &str, found: &str| Err(Denial::new(code, expected, found));
        if said.callee != *callee {
            return differs(Code::IssuerMismatch, callee.as_str(), said.callee.as_str());
        }
        if said.caller != self.hello.caller || said.caller == said.callee {
            return differs(Code::AudienceMismatch, self.hello.caller.as_str(), said.caller.as_str());
        }
        if said.endpoint != peer.endpoint {
            return differs(Code::RequestBindingMismatch, peer.endpoint, &said.endpoint);
        }
        if said.caller_nonce != self.hello.nonce {
            return differs(Code::NonceMismatch, &self.hello.nonce, &said.caller_nonce);
        }
        if said.card != peer.card {
            let (expected, found) = (base64url::encode(&peer.card), base64url::encode(&said.card));
            return differs(Code::RequestBindingMismatch, &format!("the card {expected}"), &found);
        }
        Ok(())
    }
}

/// The challenge is made now, for a short time.
fn check_moment(said: &Challenge, skew: i64, now: i64) -> Result<(), Denial> {
    let clock = Clock { now, skew };
    let lifetime = said.expires_at.saturating_sub(said.issued_at);
    let stale = |expected: String, found: String| Err(Denial::new(Code::PresentationStale, expected, found));
    if !(1..=MAX_LIFETIME).contains(&lifetime) {
        return stale(format!("a lifetime of 1 to {MAX_LIFETIME} s"), format!("{lifetime} s"));
    }
    if !clock.has_begun(said.issued_at) || clock.has_ended(said.expires_at) {
        let (from, until) = (time::format(said.issued_at), time::format(said.expires_at));
        return stale(format!("{from} to {until}"), format!("now is {}", time::format(now)));
    }
    Ok(())
}

impl Challenged {
    /// Who was verified.
    #[must_use]
    pub fn callee(&self) -> &Did {
        &self.callee
    }

    /// Answers with a chain, root first, whose last subject is this caller, at `now` (Unix seconds).
    /// `key_id` is one of the caller's `authentication` keys.
    ///
    /// # Errors
    /// [`PresentError`] where a link can't be read or the key does not sign.
    pub fn answer(
        self,
        chain: &[&str],
        key_id: &str,
        signer: &dyn Signer,
        now: i64,
    ) -> Result<Answered, PresentError> {
        let transcript = transcript(&self.challenge);
        let occasion = Occasion {
            audience: self.callee.as_str(),
            nonce: &self.nonce,
            issued_at: now,
            expires_at: now.saturating_add(ANSWER_LIFETIME),
            transcript: Some(&transcript),
        };
        let presentation = present(chain, &self.caller, occasion, key_id, signer)?;
        let answer = Answer { challenge: self.challenge, presentation };
        let Self { caller, callee, card, since, .. } = self;
        Ok(Answered { caller, callee, card, answer, since })
    }
}

impl Answered {
    /// The third message.
    #[must_use]
    pub fn message(&self) -> &Answer {
        &self.answer
    }

    /// Verifies the callee's receipt: signed by the callee, of this handshake and this presentation.
    /// Only then it counts, whatever it says.
    ///
    /// # Errors
    /// A [`Denial`] of the receipt: `issuer_mismatch`, `nonce_mismatch` (the transcript),
    /// `request_binding_mismatch` (the presentation), `holder_mismatch`, `presentation_stale` where it is
    /// dated before its challenge, those of bytes, keys and signatures.
    pub fn finish(self, receipt: &str, document: &Document) -> Result<Ended, Denial> {
        let said = receipt::verify(receipt, document).map_err(|error| {
            let code = Code::from_name(error.code()).unwrap_or(Code::Malformed);
            Denial::new(code, "a receipt by the callee", error.to_string())
        })?;
        let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
        let transcript = transcript(&self.answer.challenge);
        let presented = base64url::encode(&Sha256::digest(&self.answer.presentation));
        let decision = text("decision");
        // A denial may know no agent: nothing may have been readable.
        let agent = if decision == "valid" { self.caller.as_str() } else { text("agent") };
        for (name, code, expected) in [
            ("verifier", Code::IssuerMismatch, self.callee.as_str()),
            ("transcript", Code::NonceMismatch, &transcript),
            ("presentation", Code::RequestBindingMismatch, &presented),
            ("agent", Code::HolderMismatch, agent),
        ] {
            if text(name) != expected {
                return Err(Denial::new(code, format!("`{name}` {expected}"), text(name)));
            }
        }
        check_date(text("at"), self.since)?;
        let owned = |name: &str| printable(text(name).to_owned());
        match decision {
            "valid" => {
                let Self { caller, callee, card, .. } = self;
                let receipt = receipt.to_owned();
                Ok(Ended::Met(Box::new(Met { caller, callee, card, transcript, receipt, said })))
            }
            "deny" => Ok(Ended::Refused {
                code: owned("code"),
                link: said.get("link").and_then(Value::as_u64),
                expected: owned("expected"),
                found: owned("found"),
                receipt: receipt.to_owned(),
            }),
            other => Err(Denial::new(Code::TypeMismatch, "`valid` or `deny`", other)),
        }
    }
}

/// The receipt is not dated before its challenge. Its key is judged as of the receipt's own date, so
/// that otherwise a key that has ended could still sign one, dated back.
fn check_date(at: &str, since: i64) -> Result<(), Denial> {
    if time::parse(at, Round::Down).is_some_and(|at| at >= since) {
        return Ok(());
    }
    let expected = format!("a receipt of {} or later", time::format(since));
    Err(Denial::new(Code::PresentationStale, expected, format!("one of {at}")))
}

impl Met {
    /// Who was met.
    #[must_use]
    pub fn callee(&self) -> &Did {
        &self.callee
    }

    /// The transcript, by which both sides' receipts name this handshake.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// The callee's signed receipt.
    #[must_use]
    pub fn receipt(&self) -> &str {
        &self.receipt
    }

    /// What the callee's receipt says: the principal, the effective authority, the evidence.
    #[must_use]
    pub fn said(&self) -> &Value {
        &self.said
    }

    /// The caller's own receipt, made at `now` (Unix seconds): JSON bytes for [`receipt::sign`]. Its
    /// decision is `met`: it says whom, by which card, and nothing of a chain.
    #[must_use]
    pub fn record(&self, now: i64) -> Vec<u8> {
        let record = json!({
            "type": receipt::TYPE,
            "decision": "met",
            "at": time::format(now),
            "verifier": self.caller.as_str(),
            // What the callee presented is the challenge, whose SHA-256 is the transcript.
            "presentation": self.transcript,
            "transcript": self.transcript,
            "peer": self.callee.as_str(),
            "card": base64url::encode(&self.card),
        });
        record.to_string().into_bytes()
    }
}
