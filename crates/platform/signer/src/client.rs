//! Asking a signer.

mod domain;
mod process;
mod together;
mod webvh;

pub use crate::client_error::ClientError;
use crate::{
    ask::{self, Answer, Bytes, Request, Secret},
    frame::{self, FrameError, Timed},
    socket::{self, other_user},
};
pub use domain::DomainTerms;
use legation_credential::{Terms, status::StatusPurpose};
use legation_did::Did;
use legation_keys::{Algorithm, PublicKey};
pub use process::ProcessKey;
use std::{
    io::{self, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};
pub use together::{Ask, Told};
pub use webvh::EntryTerms;
use zeroize::Zeroizing;

/// How long connecting may take, and how long a request with its answer.
pub(crate) const TIME: Duration = Duration::from_secs(10);

/// A connection to a signer, at one of its doors. One request at a time; keep it behind a mutex, or have several.
///
/// Where the connection that it keeps has gone, such as after a pause or when the signer was started anew, it
/// connects once more.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    kept: Option<UnixStream>,
    /// Whether the signer has to be of this very user.
    is_ours: bool,
}

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Its public part, to publish.
    pub public_key: PublicKey,
    /// Its private part, to keep. It opens only in the signer, for the organization and key id that it was made for.
    pub sealed: Vec<u8>,
}

/// A new RSA key, which signs Security Event Tokens or identity tokens, as its id says, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedRsa {
    /// Its public JWK, a JSON text with `kid`, `alg` and `use`, to publish.
    pub public_jwk: String,
    /// Its private part, as [`Generated::sealed`].
    pub sealed: Vec<u8>,
}

/// A Security Event Token (RFC 8417) that is to be signed, of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTerms<'a> {
    /// The transmitter: its `iss`, a URL, with which the key's id begins.
    pub issuer: &'a str,
    /// Who it is for.
    pub audience: &'a str,
    /// What it is known by: one that is sent again has the same.
    pub jti: &'a str,
    /// When it was made, Unix seconds.
    pub issued_at: i64,
    /// Of whom: a subject identifier (RFC 9493), as JSON.
    pub subject: &'a str,
    /// The type of the event, a URL: one of those that Legation sends.
    pub event: &'a str,
    /// What the event says, a JSON object.
    pub said: &'a str,
    /// What events of one cause have in common.
    pub txn: Option<&'a str>,
}

/// A key that is to sign, as it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedKey<'a> {
    /// The organization that it was made for.
    pub organization: &'a str,
    /// The key id that it was made for. Where it is a DID URL, it names the key in what is signed, and the key signs
    /// for that DID only. Where it is any other text, the key is named as [`legation_did::method_id`] does.
    pub key_id: &'a str,
    /// [`Generated::sealed`].
    pub sealed: &'a [u8],
}

/// A Bitstring status list that is to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListTerms<'a> {
    /// Who signs it.
    pub issuer: &'a Did,
    /// The URL that it is published at.
    pub id: &'a str,
    /// When it is made, Unix seconds.
    pub valid_from: i64,
    /// From when on it is no longer valid, Unix seconds.
    pub valid_until: i64,
    /// What its bits mean: revocation or suspension.
    pub purpose: StatusPurpose,
    /// The bits, 16 KiB to 512 KiB; index 0 is the left-most bit of the first byte.
    pub bits: &'a [u8],
}

impl Client {
    /// Connects to a signer's socket ([`Door::socket`](crate::Door::socket)).
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], [`ClientError::NotOurs`].
    pub fn connect(socket: &Path) -> Result<Self, ClientError> {
        Ok(Self { socket: socket.to_owned(), kept: Some(connect(socket, true)?), is_ours: true })
    }

    /// Asks for the version of the signer's protocol.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn ping(&mut self) -> Result<u32, ClientError> {
        match self.ask(&Request::Ping {})? {
            Answer::Pong { version } => Ok(version),
            _ => Err(self.odd()),
        }
    }

    /// Makes a key that is bound to an organization and a key id, each of 1 to 2048 bytes ([`SealedKey::key_id`] says
    /// what the key id means).
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn generate(
        &mut self,
        organization: &str,
        key_id: &str,
        algorithm: Algorithm,
    ) -> Result<Generated, ClientError> {
        let answer = self.ask(&Ask::key(organization, key_id, algorithm).0)?;
        match self.read(answer)? {
            Told::Key(made) => Ok(*made),
            Told::Secured(_) | Told::All(_) => Err(self.odd()),
        }
    }

    /// Makes an RSA key of 2048 bits for Security Event Tokens, or for identity tokens. Its key id is the `iss` with a fragment; it
    /// signs for no other.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn generate_rsa(&mut self, organization: &str, key_id: &str) -> Result<GeneratedRsa, ClientError> {
        let (organization, key_id) = (organization.to_owned(), key_id.to_owned());
        let request = ask::Generate { organization, key_id, algorithm: crate::rsa::ALGORITHM.to_owned() };
        match self.ask(&Request::Generate(request))? {
            Answer::Generated { public_jwk, sealed } => Ok(GeneratedRsa { public_jwk, sealed: sealed.0 }),
            _ => Err(self.odd()),
        }
    }

    /// Signs a Security Event Token by RS256, as a compact JWS of `typ` `secevent+jwt`. The same terms give the same text.
    ///
    /// # Errors
    /// [`ClientError`]; `issuer_mismatch` for a key of another issuer, `event_unknown` for an event that is not sent.
    pub fn security_event(
        &mut self,
        key: SealedKey<'_>,
        event: &EventTerms<'_>,
    ) -> Result<String, ClientError> {
        self.secured(&Request::SecurityEvent(ask::SecurityEvent {
            key: key.into(),
            issuer: event.issuer.to_owned(),
            audience: event.audience.to_owned(),
            jti: event.jti.to_owned(),
            issued_at: event.issued_at,
            subject: event.subject.to_owned(),
            event: event.event.to_owned(),
            said: event.said.to_owned(),
            txn: event.txn.map(str::to_owned),
        }))
    }

    /// Signs an identity token of an agent as a compact JWS of `typ` `at+jwt`, by the algorithm of the key, whose id is the
    /// issuer with a fragment that begins with `token-`.
    ///
    /// # Errors
    /// [`ClientError`]; `issuer_mismatch` for a key of another issuer or for something else, `token_terms` for a token that lives
    /// longer than one may.
    pub fn access_token(
        &mut self,
        key: SealedKey<'_>,
        claims: &legation_token::Claims,
    ) -> Result<String, ClientError> {
        let claims = claims.to_json().to_string();
        self.secured(&Request::AccessToken(ask::AccessToken { key: key.into(), claims }))
    }

    /// Signs a JWT-SVID of an agent as a compact JWS of `typ` `JWT` by ES256. The key's id is the URI of the trust domain with a fragment
    /// that begins with `svid-`.
    ///
    /// # Errors
    /// [`ClientError`]; `issuer_mismatch` for a key of another trust domain or for something else, `token_terms` for an SVID that lives
    /// longer than a token may.
    pub fn jwt_svid(
        &mut self,
        key: SealedKey<'_>,
        claims: &legation_token::svid::SvidClaims,
    ) -> Result<String, ClientError> {
        let claims = claims.to_json().to_string();
        self.secured(&Request::JwtSvid(ask::JwtSvid { key: key.into(), claims }))
    }

    /// Signs an alert of an organization, a JSON text whose `type` is `LegationAlert`, as it stands. Gives a compact JWS.
    ///
    /// # Errors
    /// [`ClientError`]; `type_mismatch` for what is no alert.
    pub fn alert(&mut self, key: SealedKey<'_>, issuer: &Did, alert: &str) -> Result<String, ClientError> {
        let (issuer, alert) = (issuer.as_str().to_owned(), alert.to_owned());
        self.secured(&Request::Alert(ask::Alert { key: key.into(), issuer, alert }))
    }

    /// Signs a delegation of `issuer`, as a compact JWS. Without parents the issuer is the principal. With parents,
    /// root first, it passes their chain on, whose last subject the issuer is, with at most what the chain holds.
    ///
    /// # Errors
    /// [`ClientError`]; what is refused has the code that a verifier would deny it with.
    pub fn delegate(
        &mut self,
        key: SealedKey<'_>,
        issuer: &Did,
        parents: &[&str],
        terms: &Terms,
    ) -> Result<String, ClientError> {
        self.secured(&Ask::delegation(key, issuer, parents, terms).0)
    }

    /// Signs a status list, as a compact JWS.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn status_list(&mut self, key: SealedKey<'_>, list: &ListTerms<'_>) -> Result<String, ClientError> {
        self.secured(&Request::StatusList(ask::StatusList {
            key: key.into(),
            issuer: list.issuer.as_str().to_owned(),
            id: list.id.to_owned(),
            valid_from: list.valid_from,
            valid_until: list.valid_until,
            purpose: list.purpose.name().to_owned(),
            bits: Bytes(list.bits.to_vec()),
        }))
    }

    /// Signs a receipt, the JSON text of `legation_verifier::receipt`, or a batch of `legation_verifier::batch`, as it stands: up to some 750 KiB. The key is
    /// that of its `verifier`; where that is no DID, [`SealedKey::key_id`] is the DID URL of the key.
    ///
    /// # Errors
    /// [`ClientError`]; `type_mismatch` for what is no receipt.
    pub fn receipt(&mut self, key: SealedKey<'_>, receipt: &str) -> Result<String, ClientError> {
        self.secured(&Request::Receipt(ask::Receipt { key: key.into(), receipt: receipt.to_owned() }))
    }

    /// Signs an agent card, a JSON text that declares this DID, whose key it is. Signatures of other keys stay. Gives the card as
    /// it is to be published.
    ///
    /// # Errors
    /// [`ClientError`]; what is refused has the code of `legation card sign`.
    pub fn card(&mut self, key: SealedKey<'_>, did: &Did, card: &str) -> Result<String, ClientError> {
        let (did, card) = (did.as_str().to_owned(), card.to_owned());
        self.secured(&Request::Card(ask::Card { key: key.into(), did, card }))
    }

    /// Signs the tie of a did:web to its origin, valid between two moments (Unix seconds): a Domain Linkage Credential, as a JWT.
    ///
    /// # Errors
    /// [`ClientError`]; `issuer_mismatch` for another origin than the DID's.
    pub fn domain_linkage(
        &mut self,
        key: SealedKey<'_>,
        did: &Did,
        origin: &str,
        (valid_from, valid_until): (i64, i64),
    ) -> Result<String, ClientError> {
        let (key, did, origin) = (key.into(), did.as_str().to_owned(), origin.to_owned());
        self.secured(&Request::DomainLinkage(ask::DomainLinkage {
            key,
            did,
            origin,
            valid_from,
            valid_until,
        }))
    }

    /// Signs a checkpoint of a log as a note, by the log's key, which is called `log:` and its origin.
    ///
    /// # Errors
    /// [`ClientError`]; `origin_mismatch` for the key of anything else.
    pub fn checkpoint(
        &mut self,
        key: SealedKey<'_>,
        checkpoint: &legation_log::Checkpoint,
    ) -> Result<String, ClientError> {
        self.secured(&Request::Checkpoint(ask::Checkpoint {
            key: key.into(),
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: Bytes(checkpoint.root.to_vec()),
        }))
    }

    /// Seals a secret for an upstream, of 1 byte to 16 KiB. It opens only for that organization, name and origin, which
    /// are compared byte by byte.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn seal_secret(
        &mut self,
        organization: &str,
        name: &str,
        origin: &str,
        secret: &str,
    ) -> Result<Vec<u8>, ClientError> {
        let request = Request::SealSecret(ask::SealSecret {
            organization: organization.to_owned(),
            name: name.to_owned(),
            origin: origin.to_owned(),
            secret: Secret(Zeroizing::new(secret.to_owned())),
        });
        match self.ask(&request)? {
            Answer::Sealed { sealed } => Ok(sealed.0),
            _ => Err(self.odd()),
        }
    }

    /// Opens a secret for an upstream.
    ///
    /// # Errors
    /// [`ClientError`]; `sealed_mismatch` where it was sealed for another organization, name or origin.
    pub fn open_secret(
        &mut self,
        organization: &str,
        name: &str,
        origin: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<String>, ClientError> {
        let request = Request::OpenSecret(ask::OpenSecret {
            organization: organization.to_owned(),
            name: name.to_owned(),
            origin: origin.to_owned(),
            sealed: Bytes(sealed.to_vec()),
        });
        match self.ask(&request)? {
            Answer::Secret { secret } => Ok(secret.0),
            _ => Err(self.odd()),
        }
    }

    /// A key as the master key that seals now seals it, while another one is replaced; `None` where it is so already.
    ///
    /// # Errors
    /// [`ClientError`]; `sealed_mismatch` where no master key that is there opens it.
    pub fn reseal_key(&mut self, key: SealedKey<'_>) -> Result<Option<Vec<u8>>, ClientError> {
        self.resealed(&Request::ResealKey(key.into()))
    }

    /// The same of a secret for an upstream.
    ///
    /// # Errors
    /// As [`Client::reseal_key`].
    pub fn reseal_secret(
        &mut self,
        organization: &str,
        name: &str,
        origin: &str,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, ClientError> {
        self.resealed(&Request::ResealSecret(ask::OpenSecret {
            organization: organization.to_owned(),
            name: name.to_owned(),
            origin: origin.to_owned(),
            sealed: Bytes(sealed.to_vec()),
        }))
    }

    fn resealed(&mut self, request: &Request) -> Result<Option<Vec<u8>>, ClientError> {
        match self.ask(request)? {
            Answer::Resealed { sealed } => Ok(sealed.map(|sealed| sealed.0)),
            _ => Err(self.odd()),
        }
    }

    fn secured(&mut self, request: &Request) -> Result<String, ClientError> {
        match self.ask(request)? {
            Answer::Secured { secured } => Ok(secured),
            _ => Err(self.odd()),
        }
    }

    fn odd(&self) -> ClientError {
        ClientError::Answer { socket: self.socket.clone() }
    }

    /// Asks, and asks once more where the connection that was kept has gone. Asking twice does no harm: the signer
    /// keeps nothing.
    fn ask(&mut self, request: &Request) -> Result<Answer, ClientError> {
        let frame = frame::of(request).map_err(|error| match error {
            FrameError::Length { found } => ClientError::TooLarge { found },
            other => self.lost(other),
        })?;
        if let Some(kept) = self.kept.take() {
            match exchange(&kept, &frame) {
                Err(FrameError::Ended) => {}
                other => return self.answered(kept, other),
            }
        }
        let new = connect(&self.socket, self.is_ours)?;
        let answer = exchange(&new, &frame);
        self.answered(new, answer)
    }

    /// Keeps a connection that has answered; any other is in the midst of something.
    fn answered(
        &mut self,
        stream: UnixStream,
        answer: Result<Zeroizing<Vec<u8>>, FrameError>,
    ) -> Result<Answer, ClientError> {
        let answer = answer.map_err(|error| self.lost(error))?;
        let answer = serde_json::from_slice(&answer).map_err(|_| self.odd())?;
        // Of an agent's process the signer keeps few connections, for all of its user's.
        self.kept = self.is_ours.then_some(stream);
        match answer {
            Answer::Refused { code, message } => Err(ClientError::Refused { code, message }),
            other => Ok(other),
        }
    }

    fn lost(&self, error: FrameError) -> ClientError {
        let socket = self.socket.clone();
        match error {
            FrameError::TimedOut => ClientError::TimedOut { socket },
            FrameError::Ended => ClientError::Gone { socket, reason: "the connection ended".to_owned() },
            FrameError::Length { .. } => ClientError::Answer { socket },
            FrameError::Io(error) => ClientError::Gone { socket, reason: error.to_string() },
        }
    }
}

fn connect(socket: &Path, is_ours: bool) -> Result<UnixStream, ClientError> {
    let unreachable = |error: io::Error| {
        let reason = error.to_string();
        ClientError::Unreachable { socket: socket.to_owned(), reason }
    };
    let stream = socket::connect(socket, TIME).map_err(unreachable)?;
    match other_user(&stream).map_err(unreachable)? {
        Some((found, expected)) if is_ours => {
            Err(ClientError::NotOurs { socket: socket.to_owned(), found, expected })
        }
        _ => Ok(stream),
    }
}

fn exchange(stream: &UnixStream, frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let mut timed = Timed::new(stream, TIME);
    match timed.write_all(frame).map_err(FrameError::from) {
        // It may have said why before it closed.
        Ok(()) | Err(FrameError::Ended) => frame::read(&mut timed),
        Err(error) => Err(error),
    }
}

impl From<SealedKey<'_>> for ask::Key {
    fn from(key: SealedKey<'_>) -> Self {
        Self {
            organization: key.organization.to_owned(),
            key_id: key.key_id.to_owned(),
            sealed: Bytes(key.sealed.to_vec()),
        }
    }
}

impl From<&Terms> for ask::Terms {
    fn from(terms: &Terms) -> Self {
        Self {
            id: terms.id.clone(),
            subject: terms.subject.as_str().to_owned(),
            valid_from: terms.valid_from,
            valid_until: terms.valid_until,
            max_depth: terms.max_depth,
            account: terms.account.clone(),
            authority: terms.authority.to_json().to_string(),
            status: terms.status.iter().map(|entry| entry.to_json().to_string()).collect(),
        }
    }
}
