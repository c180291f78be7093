//! Asking many things at once: what is asked next is sent before the answer to what was asked before has come.

use super::{Client, Generated, SealedKey, TIME};
use crate::{
    ask::{self, Answer, Request},
    client_error::ClientError,
    frame::{self, FrameError, Timed},
};
use legation_credential::Terms;
use legation_did::Did;
use legation_keys::{
    Algorithm, PublicKey,
    json::{self, JsonLimits},
};
use std::{
    collections::VecDeque,
    io::{BufReader, Write},
};

/// Most requests without an answer: they and their answers have room in the buffers of a socket, so that neither side ever
/// waits for the other to read.
const WINDOW: usize = 8;
/// Most bytes of them.
const BYTES: usize = 64 << 10;

/// What is asked together with others.
pub struct Ask(pub(super) Request);

/// What is answered to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A new key.
    Key(Box<Generated>),
    /// What was signed, as a compact JWS.
    Secured(String),
    /// What became of each of several, in their order.
    All(Vec<Result<Told, ClientError>>),
}

impl Ask {
    /// A key, as [`Client::generate`] makes it.
    #[must_use]
    pub fn key(organization: &str, key_id: &str, algorithm: Algorithm) -> Self {
        Self(Request::Generate(ask::Generate {
            organization: organization.to_owned(),
            key_id: key_id.to_owned(),
            algorithm: algorithm.jose().to_owned(),
        }))
    }

    /// Keys, 64 at most, as [`Client::generate`] makes one.
    #[must_use]
    pub fn keys(organization: &str, key_ids: Vec<String>, algorithm: Algorithm) -> Self {
        let (organization, algorithm) = (organization.to_owned(), algorithm.jose().to_owned());
        Self(Request::GenerateAll(ask::GenerateAll { organization, key_ids, algorithm }))
    }

    /// Delegations, 64 at most, that pass on the same chain, as [`Client::delegate`] signs one. The key is opened and the chain
    /// is read once.
    #[must_use]
    pub fn delegations<'t>(
        key: SealedKey<'_>,
        issuer: &Did,
        parents: &[&str],
        all: impl Iterator<Item = &'t Terms>,
    ) -> Self {
        Self(Request::DelegateAll(ask::DelegateAll {
            key: key.into(),
            issuer: issuer.as_str().to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            terms: all.map(Into::into).collect(),
        }))
    }

    /// A delegation, as [`Client::delegate`] signs it.
    #[must_use]
    pub fn delegation(key: SealedKey<'_>, issuer: &Did, parents: &[&str], terms: &Terms) -> Self {
        Self(Request::Delegate(ask::Delegate {
            key: key.into(),
            issuer: issuer.as_str().to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            terms: terms.into(),
        }))
    }
}

impl Client {
    /// Asks many things and gives an answer to each, in the same order.
    ///
    /// # Errors
    /// [`ClientError`] where the connection is lost or something is too large to be asked, and nothing is known of any of
    /// them; what is refused is an answer.
    pub fn together(&mut self, asks: &[Ask]) -> Result<Vec<Result<Told, ClientError>>, ClientError> {
        if let [one] = asks {
            let told = match self.ask(&one.0) {
                Ok(answer) => self.read(answer),
                refused @ Err(ClientError::Refused { .. }) => refused.and_then(|answer| self.read(answer)),
                Err(lost) => return Err(lost),
            };
            return Ok(vec![told]);
        }
        // It connects anew where the connection has gone.
        self.ping()?;
        let stream = self.kept.take().ok_or_else(|| self.odd())?;
        let mut answers = Vec::with_capacity(asks.len());
        let mut reader = BufReader::with_capacity(BYTES, &stream);
        // The lengths of what has no answer yet.
        let mut open: VecDeque<usize> = VecDeque::with_capacity(WINDOW);
        let mut bytes = 0;
        let next = |reader: &mut BufReader<_>| {
            // Buffered, so that most answers are read with others; no answer has longer than one has by itself.
            let _ = stream.set_read_timeout(Some(TIME));
            frame::read(reader)
        };
        for ask in asks {
            let frame = frame::of(&ask.0).map_err(|error| match error {
                FrameError::Length { found } => ClientError::TooLarge { found },
                other => self.lost(other),
            })?;
            while open.len() >= WINDOW || (bytes + frame.len() > BYTES && !open.is_empty()) {
                answers.push(next(&mut reader).map_err(|error| self.lost(error))?);
                bytes -= open.pop_front().unwrap_or_default();
            }
            bytes += frame.len();
            open.push_back(frame.len());
            let sent = Timed::new(&stream, TIME).write_all(&frame);
            sent.map_err(|error| self.lost(FrameError::from(error)))?;
        }
        while answers.len() < asks.len() {
            answers.push(next(&mut reader).map_err(|error| self.lost(error))?);
        }
        let is_over = reader.buffer().is_empty();
        drop(reader);
        let told = answers.iter().map(|answer| self.told(answer)).collect();
        // One that has said more than it was asked is not asked again.
        self.kept = is_over.then_some(stream);
        Ok(told)
    }

    fn told(&self, answer: &[u8]) -> Result<Told, ClientError> {
        self.one(serde_json::from_slice(answer).map_err(|_| self.odd())?)
    }

    fn one(&self, answer: Answer) -> Result<Told, ClientError> {
        match answer {
            Answer::Refused { code, message } => Err(ClientError::Refused { code, message }),
            answer => self.read(answer),
        }
    }

    /// What an answer to one of [`Ask`] says.
    pub(super) fn read(&self, answer: Answer) -> Result<Told, ClientError> {
        match answer {
            Answer::Secured { secured } => Ok(Told::Secured(secured)),
            Answer::All { answers } => {
                // Each is of one: nothing nests.
                let one = |answer| match self.one(answer) {
                    Ok(Told::All(_)) => Err(self.odd()),
                    other => other,
                };
                Ok(Told::All(answers.into_iter().map(one).collect()))
            }
            Answer::Generated { public_jwk, sealed } => {
                let limits = JsonLimits { bytes: 4096, depth: 4 };
                let jwk = json::parse(public_jwk.as_bytes(), limits).map_err(|_| self.odd())?;
                let public = jwk.as_object().and_then(|jwk| PublicKey::from_jwk(jwk).ok());
                let public_key = public.ok_or_else(|| self.odd())?;
                Ok(Told::Key(Box::new(Generated { public_key, sealed: sealed.0 })))
            }
            _ => Err(self.odd()),
        }
    }
}
