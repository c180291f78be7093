//! The token endpoint: identity tokens of agents, for services that know OAuth (RFC 6749, RFC 8693, RFC 9449).
//!
//! | module | step |
//! |---|---|
//! | this | what is asked, decided and signed |
//! | `identify` | who asks: by a presentation of its chain, or by a JWT that its key signed |
//! | `code` | a program that a person has let act, by the code that it was sent |
//! | `svid` | a JWT-SVID in place of a token |
//! | `about` | whether a token holds (RFC 7662), that it holds no longer (RFC 7009) |
//! | `keep` | of which chain a token is, kept before anybody has it; its signature |
//! | `told` | what a caller gets, in OAuth's words |
//!
//! A token is an action like any other: `token:issue` on the service that it is for. It is decided on by `decide`, with a nonce
//! that passes once, policies, the epoch and a receipt; only then anything is signed. Whoever is not known yet makes nobody
//! fetch: until a nonce of ours was shown nothing but memory is looked at, and then only what the organization's own store has of
//! the chain that is named.

mod about;
mod code;
mod identify;
mod keep;
pub(crate) mod svid;
pub(crate) mod told;

pub(crate) use about::{introspect, revoke};

use crate::{
    decide::{BoxFuture, Cost, Passed, Undecided, Who},
    gateway::{Gateway, now},
    refused::Refused,
    resource::leads_to,
};
use axum::{body::Bytes, extract::Request as Asked, response::Response};
use http::{HeaderMap, header};
use legation_credential::{Facts, Request, Value};
use legation_keys::PublicKey;
use legation_registry::codes::Redeemed;
use legation_token::{
    Assertion, Grant, ISSUE, Issue, Narrowed, Nonces, Refused as Told, TokenAlgorithm, TokenRequest, dpop,
    dpop::{DpopError, Proof, Seen},
    narrow,
    narrow::Ask,
    nonce::Purpose,
    of_chain, request,
};
use legation_verifier::{NonceUse, Presentation, VerifiedChain};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// The media type of a request.
const FORM: &str = "application/x-www-form-urlencoded";
/// For how long what nonces are made by is used without looking at the store.
const KEPT: Duration = Duration::from_secs(10);

/// What the token endpoint remembers.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    nonces: Mutex<Option<(Instant, Nonces)>>,
    /// Proofs that were shown here before. Another process would take one once more, under a nonce of the presentation or
    /// assertion beside it that passes once.
    seen: Seen,
    require_dpop: AtomicBool,
}

impl Tokens {
    pub(crate) fn require_dpop(&self) {
        self.require_dpop.store(true, Ordering::Release);
    }
}

/// Answers a request for a token.
pub(crate) async fn answer(gateway: &Arc<Gateway>, arrived: Arrived) -> Response {
    let now = now();
    let nonces = match gateway.nonces(now).await {
        Ok(nonces) => nonces,
        Err(refused) => return told::answer(gateway, None, Err(told::of(&refused, None))),
    };
    let outcome = issue(gateway, &arrived, &nonces, now).await;
    // Whoever proves a key is told the next nonce each time (RFC 9449 §8.2).
    let nonce = nonces.make(Purpose::Dpop, now).ok();
    told::answer(gateway, nonce.as_deref(), outcome)
}

/// A request that arrived whole.
pub(crate) struct Arrived {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Reads a request, of which nobody knows yet whose it is: beside as many as sign, and as shortly.
pub(crate) async fn arrive(gateway: &Arc<Gateway>, asked: Asked) -> Result<Arrived, Response> {
    let refuse = |refused| told::answer(gateway, None, Err(refused));
    let (parts, body) = asked.into_parts();
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM)) {
        return Err(refuse(Told::request(
            "form_invalid",
            format!("the body is a form: `Content-Type: {FORM}`"),
        )));
    }
    let body = gateway.bodies.signed((body, request::MAX_BODY)).await;
    let body = body.map_err(|refused| refuse(told::of(&refused, None)))?;
    Ok(Arrived { headers: parts.headers, body })
}

/// What a presentation or a proof is made with: nonces, good for some minutes.
pub(crate) async fn challenge(gateway: &Arc<Gateway>) -> Response {
    let now = now();
    let made = gateway.nonces(now).await.map_err(|refused| told::of(&refused, None));
    let both = made.and_then(|nonces| {
        let both = (nonces.make(Purpose::Presentation, now), nonces.make(Purpose::Dpop, now));
        let (Ok(presentation), Ok(dpop)) = both else { return Err(told::of(&Refused::store(), None)) };
        Ok((presentation, dpop))
    });
    match both {
        Ok((presentation, dpop)) => {
            let body = serde_json::json!({
                "nonce": presentation, "audience": gateway.registry.did().as_str(), "expires_in": legation_token::nonce::LIFE,
            });
            told::answer(gateway, Some(&dpop), Ok(body))
        }
        Err(refused) => told::answer(gateway, None, Err(refused)),
    }
}

/// Who asks, well-formed and not yet believed.
enum Shows {
    Presentation(Presentation),
    Assertion(Assertion),
    /// A code that was spent for this token, and the `client_id` that it was given to.
    Code(Redeemed, String),
}

impl Shows {
    fn who(&self) -> Who<'_> {
        match self {
            Self::Presentation(presentation) => Who::Presented(presentation),
            Self::Assertion(assertion) => Who::Asserted(assertion),
            Self::Code(redeemed, _) => Who::Consented(redeemed),
        }
    }

    fn claimed(&self) -> &str {
        match self {
            Self::Presentation(presentation) => presentation.claimed_agent().as_str(),
            Self::Assertion(assertion) => assertion.agent.as_str(),
            Self::Code(_, client) => client,
        }
    }
}

async fn issue(
    gateway: &Arc<Gateway>,
    arrived: &Arrived,
    nonces: &Nonces,
    now: i64,
) -> Result<serde_json::Value, Told> {
    if arrived.headers.contains_key(header::AUTHORIZATION) {
        let message =
            "`Authorization` is not looked at here: show who asks by a presentation or an assertion";
        return Err(Told::new("invalid_client", "secret_shown", message));
    }
    let asked = TokenRequest::read(&arrived.body)?;
    let proof = proof(gateway, &arrived.headers, nonces, now)?;
    if asked.svid && proof.is_some() {
        return Err(svid::bound());
    }
    let id = uuid::Uuid::now_v7().to_string();
    let shows = shows(gateway, (&asked, proof.as_ref(), &id), nonces, now).await?;
    if asked.client_id.as_deref().is_some_and(|client| client != shows.claimed()) {
        let message = "`client_id` is another one than who asks; it is the DID of the agent, or left out";
        return Err(Told::new("invalid_client", "client_mismatch", message));
    }
    let audience = match &shows {
        Shows::Code(redeemed, _) => redeemed.audience.clone(),
        _ => asked.audience.clone().unwrap_or_default(),
    };
    let wanted = Wanted {
        gateway,
        asked: &asked,
        audience: &audience,
        proof: proof.as_ref(),
        id: &id,
        leads_to: Mutex::default(),
    };
    let judged = |epoch, chain: Arc<VerifiedChain>| -> BoxFuture<'_> {
        let wanted = &wanted;
        Box::pin(async move {
            wanted.look(epoch).await?;
            wanted.judged(&chain).map_err(Undecided::Refused)
        })
    };
    let decided = gateway.decide(shows.who(), Cost::Known, &judged).await;
    let refused = |refused: &Refused| told::of(refused, Some(&asked.grant));
    let Passed { done, caller } = decided.map_err(|error| refused(&error))?;
    // Only now: whoever is denied must not fill what is remembered.
    if let Some(proof) = &proof {
        let first = gateway.tokens.seen.first(proof, crate::gateway::now());
        first.map_err(|error| refused(&Refused::new(error.code(), error.to_string())))?;
    }
    if let Shows::Assertion(assertion) = &shows {
        gateway.assertion_is_first(assertion, now).await.map_err(|error| refused(&error))?;
    }
    let trust = gateway.verifier.trust();
    let status_until = now.saturating_add(trust.max_status_age.saturating_sub(caller.status_age));
    if asked.svid {
        done.synced.wait().await.map_err(|_| refused(&Refused::store()))?;
        let made = svid::answered(gateway, &caller, (&audience, &id), (status_until, now)).await;
        return made.map_err(|error| refused(&error));
    }
    let narrowed = wanted.narrowed(&caller.chain).map_err(|error| refused(&error))?;
    let claims = of_chain(
        &caller.chain,
        Issue {
            issuer: &gateway.registry.origin(),
            audience: &audience,
            narrowed: &narrowed,
            id: &id,
            key: proof.as_ref().map(Proof::thumbprint),
            status_until,
            now,
        },
    );
    let claims = claims.map_err(|error| refused(&Refused::new(error.code(), error.to_string())))?;
    let algorithm = asked.algorithm.unwrap_or(TokenAlgorithm::Es256);
    // What was decided is on the disk before anything comes of it.
    done.synced.wait().await.map_err(|_| refused(&Refused::store()))?;
    let next = match &shows {
        Shows::Code(redeemed, _) => gateway.keep_bought((&caller, redeemed), &claims, now).await.map(Some),
        _ => gateway.keep_token(&caller, (&claims.id, claims.expires_at), now).await.map(|()| None),
    };
    let next = next.map_err(|error| refused(&error))?;
    let token = gateway.sign_token(claims.clone(), algorithm, now).await.map_err(|error| refused(&error))?;
    Ok(told::token(&claims, &token, (&asked.grant, next.as_ref().map(|next| next.as_str()))))
}

/// The proof of possession beside a request; none where there is none, and none is demanded.
fn proof(gateway: &Gateway, headers: &HeaderMap, nonces: &Nonces, now: i64) -> Result<Option<Proof>, Told> {
    proof_at(gateway, (headers, "/token"), nonces, now)
}

/// The same at an end point.
pub(crate) fn proof_at(
    gateway: &Gateway,
    (headers, path): (&HeaderMap, &str),
    nonces: &Nonces,
    now: i64,
) -> Result<Option<Proof>, Told> {
    let shown: Option<Vec<&str>> = headers.get_all("dpop").iter().map(|one| one.to_str().ok()).collect();
    let shown = shown.ok_or_else(|| told::of_proof(&DpopError::Several))?;
    if shown.is_empty() && !gateway.tokens.require_dpop.load(Ordering::Acquire) {
        return Ok(None);
    }
    let url = format!("{}{path}", gateway.registry.origin());
    let is_ours = |nonce: &str| nonces.is_good(Purpose::Dpop, nonce, now);
    let of = dpop::Of { method: "POST", url: &url, token: None, nonce: Some(&is_ours) };
    dpop::check(&shown, &of, now).map(Some).map_err(|error| told::of_proof(&error))
}

/// What shows who asks, read; of a presentation the nonce is one that was made here, and a code is spent by it.
async fn shows(
    gateway: &Arc<Gateway>,
    (asked, proof, id): (&TokenRequest, Option<&Proof>, &str),
    nonces: &Nonces,
    now: i64,
) -> Result<Shows, Told> {
    let grant = &asked.grant;
    match grant {
        Grant::Code { .. } | Grant::Refresh { .. } => gateway.spend(asked, proof, id, now).await,
        Grant::Exchange { presentation } => {
            let read = gateway.verifier.parse(presentation.as_bytes());
            let read =
                read.map_err(|denial| told::of(&Refused::from(&denial.without_trust()), Some(grant)))?;
            if !nonces.is_good(Purpose::Presentation, read.nonce(), now) {
                let message = "the nonce of the presentation was not made here, or too long ago: ask `/token/challenge` for one";
                return Err(Told::request("nonce_unknown", message));
            }
            // It was made to meet somebody, and not to get a token (a handshake signs its challenge).
            if read.transcript().is_some() {
                let message = "the presentation is one of a handshake; make one without a `transcript`";
                return Err(Told::request("transcript_unexpected", message));
            }
            Ok(Shows::Presentation(read))
        }
        Grant::Client { assertion } => {
            // The issuer alone: another server can name our endpoint as its own, and be sent what is meant for us
            // (draft-ietf-oauth-rfc7523bis §4).
            let issuer = gateway.registry.origin();
            Ok(Shows::Assertion(Assertion::read(assertion, &[&issuer], now)?))
        }
    }
}

/// What is asked for, of whoever it turns out to be.
struct Wanted<'w> {
    gateway: &'w Arc<Gateway>,
    asked: &'w TokenRequest,
    audience: &'w str,
    proof: Option<&'w Proof>,
    id: &'w str,
    /// Where the audience leads to, where it is at a route that takes tokens.
    leads_to: Mutex<Option<String>>,
}

impl Wanted<'_> {
    /// Looks where the audience leads to, as of an epoch.
    async fn look(&self, epoch: i64) -> Result<(), Undecided> {
        let configured = self.gateway.configured_at(epoch).await?;
        let found = leads_to(&configured, &self.gateway.registry.origin(), self.audience);
        *self.leads_to.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// What goes into the token.
    fn narrowed(&self, chain: &VerifiedChain) -> Result<Narrowed, Refused> {
        let ledger = self.gateway.registry.origin();
        let leads_to = self.leads_to.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ask = Ask {
            audience: self.audience,
            scope: &self.asked.scope,
            ledger: &ledger,
            leads_to: leads_to.as_deref(),
        };
        narrow(chain.effective(), ask).map_err(|error| Refused::new(error.code(), error.to_string()))
    }

    /// The request that is judged: `token:issue` on the service.
    fn judged(&self, chain: &VerifiedChain) -> Result<Request, Refused> {
        if self.asked.svid {
            return self.judged_svid(chain);
        }
        let narrowed = self.narrowed(chain)?;
        if narrowed.own_key && !self.proof.is_some_and(|proof| is_own(chain, proof)) {
            let message =
                "the chain asks that the agent itself signs: send a proof of the agent's own key in `DPoP`";
            return Err(Refused::new("dpop_key_mismatch", message));
        }
        let facts = Facts::from([
            ("token.id".to_owned(), Value::from(self.id)),
            ("token.bound".to_owned(), Value::Bool(self.proof.is_some())),
        ]);
        let request = Request::new(ISSUE, &narrowed.resource, facts);
        request.map_err(|error| Refused::new("audience_invalid", error.to_string()))
    }
}

/// Whether a proof is of the key by which the agent has shown itself.
fn is_own(chain: &VerifiedChain, proof: &Proof) -> bool {
    let key = NonceUse::of(chain).and_then(|used| PublicKey::from_multikey(&used.key).ok());
    key.is_some_and(|key| key.thumbprint() == proof.thumbprint())
}

impl Gateway {
    /// The nonces of the token endpoint.
    pub(crate) async fn nonces(self: &Arc<Self>, now: i64) -> Result<Nonces, Refused> {
        let kept = self.tokens.nonces.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, nonces)) = kept
            && since.elapsed() < KEPT
        {
            return Ok(nonces);
        }
        let gateway = Arc::clone(self);
        let read = self.blocking(move || gateway.registry.nonce_key(now)).await.and_then(|read| read);
        let nonces = Nonces::new(read.map_err(|error| Refused::of_registry(&error))?);
        let kept = (Instant::now(), nonces.clone());
        *self.tokens.nonces.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(nonces)
    }
}
