//! The verifying side of requests: who asks, for whom, and may they?

use crate::{
    Desk, LedgerError,
    records::{Decided, RecordError, Who},
    single,
};
use http::HeaderMap;
use legation_credential::{ApprovalRequest, Request, RequestError};
use legation_did::Did;
use legation_http_signature::{AgentDelegation, HeaderError, Message, ReadError, read, read_approvals};
use legation_resolver::Asked;
use legation_verifier::{
    Code, Denial, VerifiedChain, approval_request, authorize_approved,
    error::printable,
    receipt::{self, Subject},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use url::Url;

/// Most bytes of a request's body, unless a gate says otherwise.
pub const MAX_BODY: usize = 1 << 20;

/// What admits requests to a service.
#[derive(Clone, Debug)]
pub struct Gate {
    pub(crate) desk: Arc<Desk>,
    origin: String,
    handshake: Option<String>,
    anew: bool,
    pub(crate) max_body: usize,
}

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, as they stand in the request line.
    pub path_and_query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

/// A request that may go on: nonce and debits are consumed.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// For whom it is.
    pub principal: Did,
    /// Who asks.
    pub agent: Did,
    /// What it was decided on.
    pub request: Request,
    /// The signed receipt of the permit.
    pub receipt: String,
}

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The service knows no chain of that digest; send the chain itself.
    #[error("no chain of that digest is known here; send the chain itself in `Agent-Delegation`")]
    ChainUnknown,
    /// The service answers only those whom it has met.
    #[error("the chain has not been presented in a handshake; begin one at `{endpoint}`")]
    HandshakeRequired {
        /// Where.
        endpoint: String,
    },
    /// A rule is broken.
    #[error("{denial}")]
    Denied {
        /// Which.
        denial: Denial,
        /// The signed receipt; `None` where the service can't sign.
        receipt: Option<String>,
        /// Of `approval_required`, what an approver has to approve.
        approval: Option<Box<ApprovalRequest>>,
    },
    /// A header that a request has once is there twice, or says another host than the target does.
    #[error("`{header}` is there more than once, or does not fit the request's target; send it once")]
    Ambiguous {
        /// Its name.
        header: &'static str,
    },
    /// The service's key does not sign, or its ledger can't be used, so that no decision can be recorded.
    #[error("the service can't record its decision now; try again later")]
    Unavailable,
    /// What was decided can't be kept, so that it was not decided.
    #[error("the service can't keep its decision now; try again later")]
    Unrecorded {
        /// The code of [`RecordError`].
        code: &'static str,
    },
}

impl From<RecordError> for Refused {
    fn from(error: RecordError) -> Self {
        Self::Unrecorded { code: error.code() }
    }
}

/// What is given as a service's origin is none, so that no caller's signature would fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{origin}` is no origin; expected `http` or `https`, host and port only, such as {expected}")]
pub struct GateError {
    /// What was given.
    pub origin: String,
    /// The origin that it may have meant, in backticks.
    pub expected: String,
}

impl Refused {
    /// The stable code: one of [`legation_verifier::Code`], `chain_unknown`, `handshake_required`, `header_repeated`,
    /// `unavailable`, or one of [`RecordError`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ChainUnknown => "chain_unknown",
            Self::HandshakeRequired { .. } => "handshake_required",
            Self::Denied { denial, .. } => denial.code.as_str(),
            Self::Ambiguous { .. } => "header_repeated",
            Self::Unavailable => "unavailable",
            Self::Unrecorded { code } => code,
        }
    }

    /// The HTTP status: 400 where a header is there twice, 401 where it is not proved who asks, 403 where that
    /// one may not.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::ChainUnknown | Self::HandshakeRequired { .. } => 401,
            Self::Ambiguous { .. } => 400,
            Self::Unavailable | Self::Unrecorded { .. } => 503,
            Self::Denied { denial, .. } => denial.code.http_status(),
        }
    }
}

impl Gate {
    /// A gate for the service whose public origin is `origin`, such as `https://shop.example`: what
    /// callers sign. The `Host` header is not believed.
    ///
    /// # Errors
    /// [`GateError`] for what no URL begins with as callers write it: a path or a slash at the end, a
    /// default port, capitals.
    pub fn new(desk: Arc<Desk>, origin: impl Into<String>) -> Result<Self, GateError> {
        let origin = origin.into();
        check_origin(&origin)?;
        Ok(Self { desk, origin, handshake: None, anew: false, max_body: MAX_BODY })
    }

    /// The same gate, for those only who came with a handshake; others are told its `endpoint`.
    #[must_use]
    pub fn handshaken_only(self, endpoint: impl Into<String>) -> Self {
        Self { handshake: Some(endpoint.into()), ..self }
    }

    /// The same gate, which fetches DID documents and status lists anew for each request, so that what was
    /// revoked a moment ago is denied. Without it a revocation shows as late as the trust allows, and a
    /// request costs no fetch.
    #[must_use]
    pub fn ask_anew(self) -> Self {
        Self { anew: true, ..self }
    }

    /// The same gate, for bodies of at most so many bytes.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        Self { max_body: bytes, ..self }
    }

    /// The whole URL that a caller must have signed.
    #[must_use]
    pub fn target_uri(&self, incoming: &Incoming<'_>) -> String {
        format!("{}{}", self.origin, incoming.path_and_query)
    }

    /// Decides on a request at `now` (Unix seconds). `map` is the service's own reading of what was
    /// signed: which action on which resource, with which facts. It is asked only after the chain has
    /// verified.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn admit(
        &self,
        incoming: &Incoming<'_>,
        map: impl FnOnce(&Message<'_>) -> Result<Request, RequestError>,
        now: i64,
    ) -> Result<Admitted, Refused> {
        if let Some(header) = single::repeated(incoming.headers) {
            return Err(Refused::Ambiguous { header });
        }
        let mut about = About::default();
        match self.judge(incoming, map, &mut about, now).await {
            Ok(admitted) => Ok(admitted),
            Err(Stop::Refused(refused)) => Err(refused),
            Err(Stop::Denied(denial)) => {
                let subject = Subject {
                    presented: about.record.as_bytes(),
                    chain: about.chain.as_ref(),
                    request: about.request.as_ref(),
                    transcript: None,
                };
                let receipt = receipt::of_denial(&denial, subject, self.desk.trust(), now);
                let who = about.chain.as_ref().and_then(Who::of);
                let denied = Some(denial.code);
                self.desk.keep(Decided { at: now, denied, who, receipt: receipt.clone() }).await?;
                Err(Refused::Denied {
                    approval: about.approval(&denial),
                    receipt: self.sign(&receipt),
                    denial,
                })
            }
        }
    }

    async fn judge(
        &self,
        incoming: &Incoming<'_>,
        map: impl FnOnce(&Message<'_>) -> Result<Request, RequestError>,
        about: &mut About,
        now: i64,
    ) -> Result<Admitted, Stop> {
        let delegation = AgentDelegation::parse(incoming.headers)?;
        let Incoming { method, headers, body, .. } = *incoming;
        let target_uri = self.target_uri(incoming);
        let message = Message { method, target_uri: &target_uri, headers, body };
        let proof = read(&message)?;
        let digest = delegation.digest();
        let compact = self.chain(&delegation, &digest)?;
        about.record = proof.record(&compact);
        let presentation = self.desk.verifier.parse_request(&compact, proof)?;
        let chain = about.chain.insert(self.desk.verify(&presentation, self.anew, now).await?);
        self.desk.remember(digest, &compact, chain, false);
        let mut request = map(&message).map_err(Denial::from)?;
        if request.body().is_none() && !body.is_empty() {
            request = request.with_body(Sha256::digest(body).into());
        }
        let request = about.request.insert(request);
        let approvals = read_approvals(headers)?;
        let asked = Asked { presentation: &presentation, chain, request };
        let approvals = self.desk.approvals(&approvals, asked, self.anew, now).await;
        let permit = authorize_approved(chain, request, &approvals, now).into_permit()?;
        let committed = self.desk.commit(permit, now).await?;
        let receipt = receipt::of_permit(&committed, chain, self.desk.trust());
        let signed = self.sign(&receipt).ok_or(Stop::Refused(Refused::Unavailable))?;
        let kept = Decided { at: now, denied: None, who: Who::of(chain), receipt };
        self.desk.keep(kept).await.map_err(|error| Stop::Refused(error.into()))?;
        let (principal, agent) = (chain.principal().clone(), chain.agent().clone());
        Ok(Admitted { principal, agent, request: committed.request().clone(), receipt: signed })
    }

    /// The chain that a request brings or names.
    fn chain(&self, delegation: &AgentDelegation, digest: &[u8; 32]) -> Result<Arc<str>, Stop> {
        let known = self.desk.known(digest);
        let met = known.as_ref().is_some_and(|(_, met)| *met);
        if let (Some(endpoint), false) = (&self.handshake, met) {
            return Err(Stop::Refused(Refused::HandshakeRequired { endpoint: endpoint.clone() }));
        }
        match (delegation, known) {
            (AgentDelegation::Chain(chain), _) => Ok(chain.as_str().into()),
            (AgentDelegation::Digest(_), Some((chain, _))) => Ok(chain),
            (AgentDelegation::Digest(_), None) => Err(Stop::Refused(Refused::ChainUnknown)),
        }
    }

    fn sign(&self, receipt: &[u8]) -> Option<String> {
        let identity = &self.desk.identity;
        receipt::sign(receipt, identity.key_id(), identity.signer()).ok()
    }
}

/// An origin is serialized in one way (WHATWG HTML, "ASCII serialization of an origin").
fn check_origin(origin: &str) -> Result<(), GateError> {
    let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let meant = url.map(|url| url.origin().ascii_serialization());
    match meant {
        Some(meant) if meant == origin => Ok(()),
        meant => Err(GateError {
            origin: printable(origin.to_owned()),
            expected: format!("`{}`", meant.as_deref().unwrap_or("https://shop.example")),
        }),
    }
}

/// What is known of a request when it is denied.
#[derive(Debug, Default)]
struct About {
    record: String,
    chain: Option<VerifiedChain>,
    request: Option<Request>,
}

impl About {
    /// What has to be approved, where that is what lacks.
    fn approval(&self, denial: &Denial) -> Option<Box<ApprovalRequest>> {
        let asked = || Some(Box::new(approval_request(self.chain.as_ref()?, self.request.as_ref()?)));
        if denial.code == Code::ApprovalRequired { asked() } else { None }
    }
}

/// Why judging stopped.
enum Stop {
    Refused(Refused),
    Denied(Denial),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Denied(denial) => Self::Denied(denial),
            LedgerError::Unavailable { .. } => Self::Refused(Refused::Unavailable),
        }
    }
}

impl From<HeaderError> for Stop {
    fn from(error: HeaderError) -> Self {
        Self::Denied(error.into())
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Denied(error.into())
    }
}
