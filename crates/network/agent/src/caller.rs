//! The caller: meets an agent by its domain, and signs what it asks of it.

use crate::{
    Identity,
    error::{CallError, MeetError},
};
use http::{HeaderMap, HeaderValue};
use legation_agent_card::{Binding, Form};
use legation_handshake::{Ended, MAX_ENVELOPE, Message, Met, Peer, begin};
use legation_http_signature::{
    AgentDelegation, CompactChain, Message as Signable, SignError as RequestSignError, Signing, join, sign,
    web_bot_auth::directory_url,
};
use legation_keys::{base64url, secret::random};
use legation_resolver::{
    Call, FetchedCard, Fetcher, Reply,
    call::{Method, header},
};
use legation_verifier::{error::printable, receipt};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Seconds that a signed request is good for.
const REQUEST_LIFETIME: i64 = 60;
/// Seconds by which the callee's clock may differ.
const CLOCK_SKEW: i64 = 60;
/// Most bytes of a callee's message: a challenge or a receipt.
const MAX_REPLY: usize = 1 << 20;
/// Most origins of which it is remembered that they know the chain; more only cost bytes.
const MAX_ORIGINS: usize = 1024;

/// An agent that calls others, with the one chain that it holds.
#[derive(Debug)]
pub struct Agent {
    identity: Identity,
    chain: CompactChain,
    fetcher: Fetcher,
    /// The URL of its key directory.
    directory: Option<String>,
    /// Origins that have verified the chain.
    knows: Mutex<HashSet<String>>,
}

/// An agent that was met: who it is, and what both have signed about it.
#[derive(Clone, Debug)]
pub struct Acquaintance {
    /// The callee's card, its DID document, and what ties them to a domain.
    pub card: FetchedCard,
    /// The end of the handshake, with the callee's receipt.
    pub met: Met,
    /// The caller's own signed receipt.
    pub receipt: String,
}

/// How a request names its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// By the chain itself.
    Chain,
    /// By its SHA-256, for a service that has verified it before.
    Digest,
}

impl Agent {
    /// An agent with its chain, root first, whose last subject is the identity.
    ///
    /// # Errors
    /// [`CallError::Header`] where the chain is none, or too long for a header.
    pub fn new(identity: Identity, chain: &[&str], fetcher: Fetcher) -> Result<Self, CallError> {
        let links: Vec<&str> = chain.iter().map(|link| link.trim()).collect();
        Ok(Self { identity, chain: join(&links)?, fetcher, directory: None, knows: Mutex::default() })
    }

    /// Signs as a bot of Web Bot Auth as well: each request names this https URL, where whoever is asked finds the
    /// identity's key ([`directory`](legation_http_signature::web_bot_auth::directory)).
    ///
    /// # Errors
    /// [`CallError::Sign`] for what is no https URL in normal form.
    pub fn with_directory(mut self, url: &str) -> Result<Self, CallError> {
        directory_url(url)
            .ok_or_else(|| RequestSignError::Agent { found: url.chars().take(80).collect() })?;
        self.directory = Some(url.to_owned());
        Ok(self)
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Meets the agent of a domain at `now` (Unix seconds): fetches and verifies its card, then speaks
    /// the handshake where the card says. `url` is a domain or the URL of a card.
    ///
    /// Only a card whose DID is of the domain is gone along with, in the spec form: of the SDK form,
    /// some members are not covered. For an agent that is known by its key, see
    /// [`meet_over`](Self::meet_over).
    ///
    /// # Errors
    /// [`MeetError`].
    pub async fn meet(&self, url: &str, now: i64) -> Result<Acquaintance, MeetError> {
        let card = self.fetcher.card(url, now).await?;
        if card.binding == Binding::KeyOnly {
            return Err(MeetError::Unbound { did: card.document.id().clone() });
        }
        let endpoint = card.card.handshake().ok_or(MeetError::NoHandshake)?.to_owned();
        let acquaintance = self
            .meet_over(card, &endpoint, async |message| self.post(&endpoint, &message).await, now)
            .await?;
        self.learn(&endpoint);
        Ok(acquaintance)
    }

    /// Speaks the handshake over anything that carries a message to `endpoint` and gives the answer,
    /// with an agent whose card is at hand. That the card is the wanted agent's is the caller's to know.
    ///
    /// # Errors
    /// [`MeetError`].
    pub async fn meet_over<S>(
        &self,
        card: FetchedCard,
        endpoint: &str,
        mut send: S,
        now: i64,
    ) -> Result<Acquaintance, MeetError>
    where
        S: AsyncFnMut(Message) -> Result<Message, MeetError>,
    {
        if card.card.form() != Form::Spec {
            return Err(MeetError::Form);
        }
        let digest = Sha256::digest(card.card.canonical()).into();
        let peer = Peer { document: &card.document, endpoint, card: digest };
        let begun = begin(self.identity.did().clone()).map_err(|_| MeetError::Random)?;
        let Message::Challenge(challenge) = send(Message::Hello(begun.hello().clone())).await? else {
            return Err(MeetError::Unexpected { expected: "challenge" });
        };
        let challenged = begun.receive(&challenge, peer, CLOCK_SKEW, now)?;
        let chain: Vec<&str> = self.chain.links().collect();
        let answered = challenged.answer(&chain, self.identity.key_id(), self.identity.signer(), now)?;
        let Message::Receipt(receipt) = send(Message::Presentation(answered.message().clone())).await? else {
            return Err(MeetError::Unexpected { expected: "receipt" });
        };
        match answered.finish(&receipt, &card.document)? {
            Ended::Met(met) => {
                let record = met.record(now);
                let receipt = receipt::sign(&record, self.identity.key_id(), self.identity.signer())?;
                Ok(Acquaintance { card, met: *met, receipt })
            }
            Ended::Refused { code, link, expected, found, receipt } => {
                Err(MeetError::Refused { code, link, expected, found, receipt })
            }
        }
    }

    /// Posts one message of a handshake and gives the answer: what [`meet`](Self::meet) sends with, for
    /// who speaks the handshake [over](Self::meet_over) HTTP with a card from elsewhere.
    ///
    /// # Errors
    /// [`MeetError`]: no answer, or an HTTP error with the callee's code.
    pub async fn post(&self, endpoint: &str, message: &Message) -> Result<Message, MeetError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = message.to_json().to_string().into_bytes();
        let call = Call { method: Method::POST, url: endpoint, headers, body };
        let reply = self.fetcher.call(call).await?;
        if reply.status != 200 {
            return Err(refused(&reply));
        }
        Ok(Message::parse(&reply.body, MAX_REPLY.max(MAX_ENVELOPE))?)
    }

    /// Signs a request at `now` (Unix seconds): adds `Agent-Delegation`, `Content-Digest` where there is
    /// a body, `Signature-Agent` where there is a directory, `Signature-Input` and `Signature` to `headers`.
    /// For whoever sends it with a client of their own; a signed request must be sent as it was signed, and
    /// once.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn sign(
        &self,
        method: &str,
        url: &str,
        headers: &mut HeaderMap,
        body: &[u8],
        carry: Carry,
        now: i64,
    ) -> Result<(), CallError> {
        self.sign_with(method, url, headers, body, (carry, &new_nonce()?), now)
    }

    /// As [`sign`](Self::sign), with a nonce under which a service admits one request.
    pub(crate) fn sign_with(
        &self,
        method: &str,
        url: &str,
        headers: &mut HeaderMap,
        body: &[u8],
        (carry, nonce): (Carry, &str),
        now: i64,
    ) -> Result<(), CallError> {
        let chain = AgentDelegation::Chain(self.chain.clone());
        let delegation = match carry {
            Carry::Chain => chain,
            Carry::Digest => AgentDelegation::Digest(chain.digest()),
        };
        headers.insert("agent-delegation", delegation.to_header());
        let (expires, agent) = (now.saturating_add(REQUEST_LIFETIME), self.directory.as_deref());
        let occasion = Signing { created: now, expires, nonce, agent };
        let message = Signable { method, target_uri: url, headers, body };
        sign(&message, occasion, self.identity.signer())?.apply(headers);
        Ok(())
    }

    /// Signs a request and sends it, at `now` (Unix seconds). A service that knows the chain gets its
    /// digest; where it has forgotten it, the chain follows, under the same nonce: whoever stands between
    /// and asks for the chain holds two signed requests, of which one is admitted.
    ///
    /// Whoever answers at that URL gets to see the chain. It is of no use to anybody without the
    /// agent's key, but it tells who works for whom: call those whom you mean to tell.
    ///
    /// # Errors
    /// [`CallError`] where there is no answer. An answer with another status than 200 is one.
    pub async fn call(&self, call: Call<'_>, now: i64) -> Result<Reply, CallError> {
        let (origin, nonce) = (origin(call.url), new_nonce()?);
        if self.knows().contains(&origin) {
            let reply = self.send(call.clone(), (Carry::Digest, &nonce), now).await?;
            if code(&reply).as_deref() != Some("chain_unknown") {
                return Ok(reply);
            }
            self.knows().remove(&origin);
        }
        let reply = self.send(call, (Carry::Chain, &nonce), now).await?;
        if reply.status < 400 {
            self.learn(&origin);
        }
        Ok(reply)
    }

    async fn send(&self, mut call: Call<'_>, how: (Carry, &str), now: i64) -> Result<Reply, CallError> {
        self.sign_with(call.method.as_str(), call.url, &mut call.headers, &call.body, how, now)?;
        Ok(self.fetcher.call(call).await?)
    }

    fn learn(&self, url: &str) {
        let mut knows = self.knows();
        if knows.len() >= MAX_ORIGINS {
            knows.clear();
        }
        knows.insert(origin(url));
    }

    fn knows(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.knows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A nonce of 144 random bits.
pub(crate) fn new_nonce() -> Result<String, CallError> {
    Ok(base64url::encode(&random::<18>().map_err(|_| CallError::Random)?))
}

/// Scheme and authority of a URL, as far as a set of them needs it.
fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

/// The code of a problem that a service answered with.
fn code(reply: &Reply) -> Option<String> {
    let problem: Value = serde_json::from_slice(&reply.body).ok()?;
    (reply.status >= 400).then_some(())?;
    problem.get("code").and_then(Value::as_str).map(str::to_owned)
}

fn refused(reply: &Reply) -> MeetError {
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text =
        |name: &str| printable(problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned());
    MeetError::Answer { status: reply.status, code: text("code"), detail: text("detail") }
}
