//! The shop's service: what somebody writes who lets other people's agents in.
//!
//! | | |
//! |---|---|
//! | `GET /challenge` | `{"challenge": …}`, good for five minutes |
//! | `POST /api/…` | an order with a presentation; the answer is the decision and its receipt |

use super::{
    wire::{self, Call},
    world::Party,
};
use crate::files;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use legation_credential::{Facts, Request, request::split_query};
use legation_keys::{base64url, secret::random};
use legation_resolver::Fetcher;
use legation_verifier::{
    Code, Committed, Denial, Evidence, MemoryLedger, Trust, VerifiedChain, authorize, parse, receipt,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use tokio::sync::Mutex;

/// How long a challenge may be answered, in seconds; as long as a presentation lives.
const CHALLENGE_LIFETIME: i64 = 300;
/// Most challenges at a time: anybody may ask for one, and nobody may fill the memory.
const MAX_CHALLENGES: usize = 10_000;
/// What the shop sells, in cents.
const PRICES: [(&str, i64); 4] =
    [("office/paper", 1_200), ("office/pens", 200), ("office/chair", 9_000), ("it/laptop", 120_000)];

/// A shop: who it is, whom it trusts, and what it remembers.
pub(super) struct Shop {
    pub(super) identity: Party,
    /// Where the goods are that it sells.
    pub(super) origin: String,
    pub(super) trust: Trust,
    pub(super) fetcher: Fetcher,
    pub(super) books: Mutex<Books>,
}

/// What a shop remembers from call to call.
#[derive(Default)]
pub(super) struct Books {
    /// Challenges that were given, each with the moment it ends, oldest first.
    challenges: VecDeque<(String, i64)>,
    /// Nonces that were used, and what was spent.
    ledger: MemoryLedger,
    /// When the newest status list was made that was seen of each URL.
    newest_lists: BTreeMap<String, i64>,
}

/// What is known of a call so far, for its receipt.
#[derive(Default)]
struct Known {
    chain: Option<VerifiedChain>,
    request: Option<Request>,
}

/// The routes, to be merged with those that publish the shop's did.json.
pub(super) fn router(shop: Shop) -> Router {
    Router::new()
        .route("/challenge", get(challenge))
        .route("/api/{*path}", post(answer))
        .with_state(Arc::new(shop))
}

async fn challenge(State(shop): State<Arc<Shop>>) -> Response {
    let Ok(bytes) = random::<16>() else { return problem(StatusCode::INTERNAL_SERVER_ERROR, "random") };
    let (challenge, now) = (base64url::encode(&bytes), files::now());
    let mut books = shop.books.lock().await;
    while books.challenges.front().is_some_and(|(_, until)| *until <= now) {
        books.challenges.pop_front();
    }
    if books.challenges.len() >= MAX_CHALLENGES {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "too_many_challenges");
    }
    books.challenges.push_back((challenge.clone(), now.saturating_add(CHALLENGE_LIFETIME)));
    reply(StatusCode::OK, &json!({"challenge": challenge}))
}

async fn answer(State(shop): State<Arc<Shop>>, uri: Uri, body: Bytes) -> Response {
    let path = uri.path_and_query().map_or_else(|| uri.path(), |path| path.as_str());
    let Some(call) = Call::read(path, &body) else { return problem(StatusCode::BAD_REQUEST, "malformed") };
    let (now, mut known) = (files::now(), Known::default());
    let outcome = shop.judge(&call, &mut known, now).await;
    let (status, mut said, record) = match (&outcome, &known.chain) {
        (Ok(committed), Some(chain)) => {
            (StatusCode::OK, json!({"decision": "permit"}), receipt::of_permit(committed, chain, &shop.trust))
        }
        // Nothing is permitted without a chain.
        (Ok(_), None) => return problem(StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        (Err(denial), _) => {
            let presented = call.presentation.as_bytes();
            let subject = receipt::Subject {
                presented,
                chain: known.chain.as_ref(),
                request: known.request.as_ref(),
                transcript: None,
            };
            let said = json!({
                "decision": "deny", "code": denial.code.as_str(), "link": denial.link,
                "reason": denial.to_string(),
            });
            (StatusCode::FORBIDDEN, said, receipt::of_denial(denial, subject, &shop.trust, now))
        }
    };
    match receipt::sign(&record, &shop.identity.key_id(), &shop.identity.key) {
        Ok(signed) => {
            set(&mut said, "receipt", signed.into());
            reply(status, &said)
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "sign"),
    }
}

impl Shop {
    /// From bytes to a decision that is final, in the order that the verifier's story tells.
    async fn judge(&self, call: &Call, known: &mut Known, now: i64) -> Result<Committed, Denial> {
        let presentation = parse(call.presentation.as_bytes(), &self.trust)?;
        let nonce = self.nonce(call, now).await?;
        let mut evidence = self.evidence().await;
        let chain =
            legation_resolver::verify(&presentation, &self.trust, &self.fetcher, &mut evidence, &nonce, now)
                .await?;
        let chain = known.chain.insert(chain);
        let request = known.request.insert(self.request(call)?);
        let permit = authorize(chain, request, now).into_permit()?;
        let mut books = self.books.lock().await;
        for used in chain.evidence() {
            if let Some(made) = used.valid_from {
                let newest = books.newest_lists.entry(used.id.clone()).or_insert(made);
                *newest = made.max(*newest);
            }
        }
        // Nonce and budgets are taken together, or nothing is.
        books.ledger.commit(permit, now)
    }

    /// The nonce that this call must have signed: its challenge, bound to its order.
    ///
    /// A challenge stays known after it was used: that it was used is the ledger's to tell.
    async fn nonce(&self, call: &Call, now: i64) -> Result<String, Denial> {
        let books = self.books.lock().await;
        if books.challenges.iter().any(|(given, until)| *given == call.challenge && now < *until) {
            return Ok(wire::nonce(&call.challenge, &call.path, &call.order));
        }
        Err(Denial {
            code: Code::NonceMismatch,
            link: None,
            expected: format!("a challenge of this shop from the last {CHALLENGE_LIFETIME} s"),
            found: "another".to_owned(),
        })
    }

    /// No DID document and no status list of an earlier call, only when each list was newest.
    ///
    /// The trust would accept a status list for some minutes, which spares fetches and lets a
    /// revoked agent go on for as long. An order moves money, so this shop asks each time, and a
    /// revocation shows on the very next call. A list older than one already seen is refused.
    async fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::new();
        for (url, made) in &self.books.lock().await.newest_lists {
            evidence.note_status_list(url, *made);
        }
        evidence
    }

    /// What the call asks for, in the shop's own words. Nothing of it is the agent's to say but
    /// what, how many and where to: the price is the shop's.
    fn request(&self, call: &Call) -> Result<Request, Denial> {
        let url = format!("{}{}", self.origin, call.path);
        let (resource, mut facts) = split_query(&url)?;
        let path = resource.strip_prefix(&self.origin).unwrap_or_default();
        let action = if path.starts_with("/api/refunds/") { "shop:refunds.pay" } else { "shop:orders.place" };
        let item = path.strip_prefix("/api/orders/").unwrap_or_default();
        add_facts(&mut facts, item, &call.order);
        Ok(Request::new(action, resource, facts)?)
    }
}

/// A fact that the shop can't tell is left out; a limit that needs it then denies.
fn add_facts(facts: &mut Facts, item: &str, order: &Value) {
    let price = PRICES.iter().find(|(name, _)| *name == item).map(|(_, price)| *price);
    let quantity = order.get("quantity").and_then(Value::as_i64).filter(|quantity| *quantity > 0);
    let amount = price.zip(quantity).and_then(|(price, quantity)| price.checked_mul(quantity));
    if let Some(amount) = amount {
        facts.insert("amount".to_owned(), legation_credential::Value::Integer(amount));
        facts.insert("currency".to_owned(), "USD".into());
    }
    if let Some(place) = order.get("deliverTo").and_then(Value::as_str) {
        facts.insert("deliverTo".to_owned(), place.into());
    }
}

fn set(json: &mut Value, name: &str, value: Value) {
    if let Some(members) = json.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn reply(status: StatusCode, json: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, json.to_string()).into_response()
}

fn problem(status: StatusCode, code: &str) -> Response {
    reply(status, &json!({"status": status.as_u16(), "code": code}))
}
