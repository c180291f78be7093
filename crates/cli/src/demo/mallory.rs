//! Mallory's server. She has a domain, a did:web and a card of her own, and stands in the way of
//! whoever talks to Shop through her.
//!
//! | | what she does with a message of a handshake |
//! |---|---|
//! | `POST /forward` | hands it on to Shop, and Shop's answer back; she reads along |
//! | `POST /own` | answers a hello as herself, and keeps what she is told |
//! | `POST /unsigned` | as `/forward`, but takes the signature off Shop's challenge |
//! | `POST /old-key` | answers a hello as Shop, with a key that was Shop's |

use super::{
    shop::{self, failed},
    site::Site,
    world::Party,
};
use crate::{files, output::Failure};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use legation_agent_card::VerifiedCard;
use legation_handshake::{Answer, Callee, ChallengeKey, Message};
use legation_keys::{base64url, jws};
use legation_resolver::{Call, Fetcher, call::Method};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes of a message that she reads.
const MOST: usize = 1 << 20;

/// The answers to challenges that passed through her server.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<Answer>>);

impl Heard {
    fn keep(&self, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    }

    /// The latest.
    pub(super) fn last(&self) -> Result<Answer, Failure> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.last().cloned().ok_or_else(|| failed("nobody has answered a challenge through Mallory"))
    }
}

/// What she works with.
pub(super) struct Wire {
    mallory: Party,
    /// She as a callee.
    own: Callee,
    /// She as Shop: she knows its card, but not the secret behind its nonces.
    as_shop: Callee,
    old_key: Party,
    /// Where Shop speaks the handshake.
    shop: String,
    fetcher: Fetcher,
    heard: Arc<Heard>,
}

/// Her card, which leads to one of her paths.
pub(super) fn card(mallory: &Party, site: &Site, path: &str) -> Result<String, Failure> {
    shop::signed_card(mallory, "Sells for less.", &format!("{}{path}", site.origin), &[mallory])
}

impl Wire {
    pub(super) fn new(
        mallory: &Party,
        site: &Site,
        old_key: &Party,
        shop_card: &VerifiedCard,
        shop: String,
        fetcher: Fetcher,
    ) -> Result<Self, Failure> {
        let own_card = shop::own_card(mallory, &card(mallory, site, "/own")?, files::now())?;
        let digest = |card: &VerifiedCard| Sha256::digest(card.canonical()).into();
        let key = || ChallengeKey::generate().map_err(failed);
        Ok(Self {
            own: Callee::new(mallory.did.clone(), format!("{}/own", site.origin), digest(&own_card), key()?),
            as_shop: Callee::new(old_key.did.clone(), shop.clone(), digest(shop_card), key()?),
            mallory: mallory.clone(),
            old_key: old_key.clone(),
            shop,
            fetcher,
            heard: Arc::default(),
        })
    }

    pub(super) fn heard(&self) -> Arc<Heard> {
        self.heard.clone()
    }

    /// Hands a message on to Shop and reads along.
    async fn hand_on(&self, body: Bytes) -> Response {
        if let Ok(Message::Presentation(answer)) = Message::parse(&body, MOST) {
            self.heard.keep(answer);
        }
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let call = Call { method: Method::POST, url: &self.shop, headers, body: body.to_vec() };
        match self.fetcher.call(call).await {
            Ok(reply) => json_of(reply.status, reply.body),
            Err(_) => nothing(),
        }
    }
}

pub(super) fn router(wire: Wire) -> Router {
    Router::new()
        .route("/forward", post(async |State(wire): State<Arc<Wire>>, body: Bytes| wire.hand_on(body).await))
        .route("/own", post(own))
        .route("/unsigned", post(unsigned))
        .route("/old-key", post(old_key))
        .with_state(Arc::new(wire))
}

async fn own(State(wire): State<Arc<Wire>>, body: Bytes) -> Response {
    match Message::parse(&body, MOST) {
        Ok(Message::Hello(hello)) => {
            let Party { key, .. } = &wire.mallory;
            challenge(wire.own.challenge(&hello, &wire.mallory.key_id(), &**key, files::now()).ok())
        }
        Ok(Message::Presentation(answer)) => {
            wire.heard.keep(answer);
            nothing()
        }
        _ => nothing(),
    }
}

async fn old_key(State(wire): State<Arc<Wire>>, body: Bytes) -> Response {
    let Ok(Message::Hello(hello)) = Message::parse(&body, MOST) else { return nothing() };
    let Party { key, .. } = &wire.old_key;
    challenge(wire.as_shop.challenge(&hello, &wire.old_key.key_id(), &**key, files::now()).ok())
}

async fn unsigned(State(wire): State<Arc<Wire>>, body: Bytes) -> Response {
    let response = wire.hand_on(body).await;
    let Ok(body) = axum::body::to_bytes(response.into_body(), MOST).await else { return nothing() };
    match Message::parse(&body, MOST) {
        Ok(Message::Challenge(signed)) => challenge(without_signature(&signed)),
        _ => json_of(200, body.to_vec()),
    }
}

/// The same challenge, whose header says that it needs no signature.
fn without_signature(signed: &str) -> Option<String> {
    let parts = jws::split(signed).ok()?;
    let mut header: Value = serde_json::from_slice(&base64url::decode(parts.header).ok()?).ok()?;
    *header.get_mut("alg")? = "none".into();
    Some(format!("{}.{}.", base64url::encode(header.to_string().as_bytes()), parts.payload))
}

fn challenge(challenge: Option<String>) -> Response {
    let message = challenge.map(|challenge| Message::Challenge(challenge).to_json().to_string());
    message.map_or_else(nothing, |message| json_of(200, message.into_bytes()))
}

fn json_of(status: u16, body: Vec<u8>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn nothing() -> Response {
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
