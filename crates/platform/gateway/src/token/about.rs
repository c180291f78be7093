//! What is asked about a token: whether it holds (RFC 7662), that it holds no longer (RFC 7009).
//!
//! Whether a token holds is nobody's business but of the service that it is for. A service is an agent of the organization that is
//! granted `token:introspect` on what the token is for; to anybody else each token is inactive. What is answered is how the chain of
//! the token stands now.

use super::{Arrived, proof_at, told};
use crate::{
    decide::{BoxFuture, Cost, Passed, Undecided, Who},
    gateway::{Gateway, now},
    refused::Refused,
    resource::{KnownToken, leads_to},
};
use axum::response::Response;
use http::header;
use legation_credential::{Facts, Request, Value};
use legation_did::Did;
use legation_token::{
    AboutToken, Assertion, Grant, INTROSPECT, Nonces, Refused as Told,
    about::{active, inactive},
    narrow::resource_of,
};
use legation_verifier::VerifiedChain;
use serde_json::json;
use std::sync::Arc;

/// How often it is looked again because the organization changed meanwhile.
const AGAIN: usize = 4;

/// Answers whether a token holds.
pub(crate) async fn introspect(gateway: &Arc<Gateway>, arrived: Arrived) -> Response {
    told::answer(gateway, None, introspected(gateway, &arrived, now()).await)
}

/// Answers that a token holds no longer.
pub(crate) async fn revoke(gateway: &Arc<Gateway>, arrived: Arrived) -> Response {
    let now = now();
    let nonces = match gateway.nonces(now).await {
        Ok(nonces) => nonces,
        Err(refused) => return told::answer(gateway, None, Err(told::of(&refused, None))),
    };
    let outcome = revoked(gateway, &arrived, &nonces, now).await;
    let nonce = nonces.make(legation_token::nonce::Purpose::Dpop, now).ok();
    told::answer(gateway, nonce.as_deref(), outcome)
}

fn read(arrived: &Arrived) -> Result<AboutToken, Told> {
    if arrived.headers.contains_key(header::AUTHORIZATION) {
        let message = "`Authorization` is not looked at here: show who asks by `client_assertion`";
        return Err(Told::new("invalid_client", "secret_shown", message));
    }
    AboutToken::read(&arrived.body)
}

/// How refusals of whoever proves itself by an assertion are told.
fn of_client(refused: &Refused) -> Told {
    told::of(refused, Some(&Grant::Client { assertion: String::new() }))
}

/// Who asks, as far as it shows that.
fn asserted(gateway: &Gateway, asked: &AboutToken, now: i64) -> Result<Option<Assertion>, Told> {
    let Some(assertion) = &asked.assertion else { return Ok(None) };
    let assertion = Assertion::read(assertion, &[&gateway.registry.origin()], now)?;
    if asked.client_id.as_deref().is_some_and(|client| client != assertion.agent.as_str()) {
        let message = "`client_id` is another one than who asks; it is the DID of the agent, or left out";
        return Err(Told::new("invalid_client", "client_mismatch", message));
    }
    Ok(Some(assertion))
}

async fn identified(gateway: &Arc<Gateway>, assertion: &Assertion, now: i64) -> Result<Did, Told> {
    for _ in 0..AGAIN {
        match gateway.identify(Who::Asserted(assertion), now).await {
            Ok(caller) => {
                let first = gateway.assertion_is_first(assertion, now).await;
                return first.map(|()| caller.chain.agent().clone()).map_err(|refused| of_client(&refused));
            }
            Err(Undecided::Changed) => gateway.forget(),
            Err(Undecided::Refused(refused)) => return Err(of_client(&refused)),
        }
    }
    Err(of_client(&changing()))
}

fn changing() -> Refused {
    Refused::new("overloaded", "the organization is changing all the time; try again")
}

async fn introspected(
    gateway: &Arc<Gateway>,
    arrived: &Arrived,
    now: i64,
) -> Result<serde_json::Value, Told> {
    let asked = read(arrived)?;
    let assertion = asserted(gateway, &asked, now)?.ok_or_else(|| {
        let message =
            "who asks proves itself by `client_assertion`, a JWT that its key signed (`private_key_jwt`)";
        Told::new("invalid_client", "client_assertion", message)
    })?;
    identified(gateway, &assertion, now).await?;
    let standing = gateway.standing_token(&asked.token, now).await.map_err(|refused| of_client(&refused))?;
    let Some(token) = standing else { return Ok(inactive()) };
    let about = |epoch: i64, _: Arc<VerifiedChain>| -> BoxFuture<'_> {
        let token = Arc::clone(&token);
        Box::pin(async move {
            let configured = gateway.configured_at(epoch).await?;
            let audience = &token.claims().audience;
            let leads = leads_to(&configured, &gateway.registry.origin(), audience);
            let wrong = |error: String| Undecided::Refused(Refused::new("audience_invalid", error));
            let resource = match leads {
                Some(url) => url,
                None => resource_of(audience).map_err(|error| wrong(error.to_string()))?,
            };
            let facts = Facts::from([("token.digest".to_owned(), Value::from(token.id.as_str()))]);
            Request::new(INTROSPECT, &resource, facts).map_err(|error| wrong(error.to_string()))
        })
    };
    match gateway.decide(Who::Asserted(&assertion), Cost::Known, &about).await {
        Ok(Passed { done, .. }) => {
            done.synced.wait().await.map_err(|_| of_client(&Refused::store()))?;
            Ok(active(token.claims()))
        }
        // A stranger learns nothing, and not even that (RFC 7662 §2.2).
        Err(refused) if refused.status() == 403 => Ok(inactive()),
        Err(refused) => Err(of_client(&refused)),
    }
}

async fn revoked(
    gateway: &Arc<Gateway>,
    arrived: &Arrived,
    nonces: &Nonces,
    now: i64,
) -> Result<serde_json::Value, Told> {
    let asked = read(arrived)?;
    let holder = match asserted(gateway, &asked, now)? {
        Some(assertion) => Some(identified(gateway, &assertion, now).await?),
        None => None,
    };
    let proof = match arrived.headers.contains_key("dpop") {
        true => proof_at(gateway, (&arrived.headers, "/token/revoke"), nonces, now)?,
        false => None,
    };
    // What is no token of ours, and what has ended, is as good as revoked (RFC 7009 §2.2).
    let token = match gateway.known_token(&asked.token, now).await {
        Ok(token) => token,
        Err(refused) if refused.challenge.is_some() => {
            // An SVID is bound to no key: it is whoever's who has it.
            gateway.revoke_svid(&asked.token, now).await.map_err(|error| of_client(&error))?;
            return Ok(json!({}));
        }
        Err(refused) => return Err(of_client(&refused)),
    };
    let claims = token.claims();
    let may = match (&holder, claims.key.as_deref()) {
        (Some(agent), _) => *agent == claims.client_id,
        // Bound to no key it is whoever's who has it.
        (None, None) => true,
        (None, Some(key)) => proof.is_some_and(|proof| proof.thumbprint() == key),
    };
    if !may {
        let message = "a token is revoked by its agent, by a proof of the key that it is bound to, or, where it is bound to none, \
                       by whoever has it";
        return Err(Told::new("invalid_client", "token_of_another", message));
    }
    let (registry, id) = (Arc::clone(&gateway.registry), token.id.clone());
    let done = gateway.blocking(move || registry.revoke_token(&id, now)).await.and_then(|done| done);
    done.map_err(|error| of_client(&Refused::of_registry(&error)))?;
    Ok(json!({}))
}

impl Gateway {
    /// A token that holds now, as its chain does; `None` of any other.
    async fn standing_token(
        self: &Arc<Self>,
        token: &str,
        now: i64,
    ) -> Result<Option<Arc<KnownToken>>, Refused> {
        for _ in 0..AGAIN {
            let known = match self.known_token(token, now).await {
                Ok(known) => known,
                Err(refused) if refused.challenge.is_some() => return Ok(None),
                Err(refused) => return Err(refused),
            };
            if self.epoch().await? != known.epoch() {
                self.forget();
                continue;
            }
            let holds = known.is_live(now)
                && self.token_stands(&known.id).await?
                && known.vouched(&self.verifier, now).is_ok();
            return Ok(holds.then_some(known));
        }
        Err(changing())
    }
}
