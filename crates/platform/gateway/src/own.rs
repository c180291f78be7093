//! What an agent asks about itself: `/v1/self/…`.

use crate::{
    answer,
    frees::{self, Left},
    gateway::{Gateway, now},
    openai::bound::ACTION,
    refused::Refused,
};
use axum::response::Response;
use legation_credential::{Facts, Request, RequestError, Value, amount::AMOUNT_MICROS};
use legation_did::{Did, Purpose};
use legation_http_signature::{AgentDelegation, Message, read};
use legation_registry::{Registry, RegistryError, model::Model};
use legation_store::StoreError;
use legation_verifier::{Proof, VerifiedChain};
use serde_json::json;
use std::sync::Arc;

/// Longest life of a request that is signed, and how far clocks may differ: seconds.
const LIFE: i64 = 300;
const SKEW: i64 = 60;

/// The delegations of an agent that keeps its own key, as they hold now. Whoever signs shows that it has the agent's key and
/// no more than that: what it presents may have ended, since that is why it asks. What it gets is good for nothing to
/// whoever has not the key.
pub(crate) async fn delegation(gateway: &Arc<Gateway>, message: &Message<'_>) -> Result<Response, Refused> {
    let now = now();
    let wrong = |code: &str, error: String| Refused::new(code, error);
    let delegation =
        AgentDelegation::parse(message.headers).map_err(|error| wrong(error.code(), error.to_string()))?;
    let AgentDelegation::Chain(chain) = delegation else {
        return Err(wrong(
            "chain_unknown",
            "send the delegations themselves in `Agent-Delegation`".to_owned(),
        ));
    };
    let proof = read(message).map_err(|error| wrong(error.code(), error.to_string()))?;
    check_time(&proof, now)?;
    let presentation = gateway.verifier.parse_request(chain.as_str(), proof.clone());
    let presentation = presentation.map_err(|denial| Refused::from(&denial.without_trust()))?;
    let agent = presentation.claimed_agent().clone();
    if !gateway.registry.is_own(&agent) {
        return Err(not_renewed());
    }
    let reader = Arc::clone(gateway);
    let read = gateway.blocking(move || current(&reader.registry, &agent, &proof, now)).await;
    let (name, did, chain) = read.map_err(|error| Refused::of_registry(&error))??;
    let body = json!({"agent": name, "did": did.as_str(), "chain": chain});
    Ok(answer::whole(200, "application/json", body.to_string().into_bytes()))
}

fn check_time(proof: &Proof, now: i64) -> Result<(), Refused> {
    let Proof { created, expires, .. } = *proof;
    let fits = created <= now.saturating_add(SKEW)
        && now < expires.saturating_add(SKEW)
        && (0..=LIFE).contains(&expires.saturating_sub(created));
    let message = "the signature has ended, is of a time to come, or lives for more than five minutes";
    if fits { Ok(()) } else { Err(Refused::new("presentation_stale", message)) }
}

/// One answer for whoever is not known here: nobody learns which agents there are.
fn not_renewed() -> Refused {
    let message = "no delegation of this agent is renewed here: the organization does not have it, or it made itself a child \
                   of one; whoever made it makes another";
    Refused::new("not_renewable", message)
}

fn current(
    registry: &Registry,
    agent: &Did,
    proof: &Proof,
    now: i64,
) -> Result<(String, Did, Vec<String>), Refused> {
    let document = registry.document(agent.as_str()).map_err(|error| unknown(&error))?;
    let key =
        document.key_by_thumbprint(&proof.key_thumbprint, proof.algorithm, Purpose::Authentication, now);
    let verified = key.is_ok_and(|key| key.verify(proof.signing_input.as_bytes(), &proof.signature).is_ok());
    if !verified {
        return Err(not_renewed());
    }
    // From here on it is the agent itself.
    let (name, chain) = registry.chain_of(agent).map_err(|error| match error {
        RegistryError::Store(StoreError::NotFound { .. }) => {
            let message =
                format!("`{agent}` has no delegation that holds: it was revoked, or the agent is retired");
            Refused::new("no_delegation", message)
        }
        error => Refused::of_registry(&error),
    })?;
    Ok((name, agent.clone(), chain))
}

fn unknown(error: &RegistryError) -> Refused {
    match error {
        RegistryError::Store(StoreError::NotFound { .. }) => not_renewed(),
        error => Refused::of_registry(error),
    }
}

/// What a caller has left to spend: each of the budgets that its calls of models count on, from the organization's down to
/// its own.
pub(crate) async fn budget(
    gateway: &Arc<Gateway>,
    chain: &VerifiedChain,
    models: &[Arc<Model>],
    now: i64,
) -> Result<Response, Refused> {
    let mut all: Vec<Left> = Vec::new();
    for model in models {
        // What is counted does not depend on what a call costs.
        let Ok(request) = free_call(model, &gateway.registry.host()) else { continue };
        for left in gateway.totals_of(chain, &request, now).await? {
            let is_known = |known: &Left| {
                (known.debit.account, &known.debit.limit) == (left.debit.account, &left.debit.limit)
            };
            if frees::is_money(&left) && !all.iter().any(is_known) {
                all.push(left);
            }
        }
    }
    let one = |left: &Left| {
        let holder = left.debit.link.and_then(|index| chain.links().get(index));
        let currency = left.debit.limit.clone();
        let taken = left.taken(now);
        json!({
            "of": holder.map(|link| link.subject.as_str()), "limit": currency, "window": left.debit.window.to_string(),
            "mostMicros": left.debit.most, "takenMicros": taken,
            "leftMicros": taken.map(|taken| left.debit.most.saturating_sub(taken).max(0)),
        })
    };
    let budgets: Vec<_> = all.iter().map(one).collect();
    let body = json!({"agent": chain.agent().as_str(), "budgets": budgets});
    Ok(answer::whole(200, "application/json", body.to_string().into_bytes()))
}

/// A call of a model that costs nothing.
pub(crate) fn free_call(model: &Model, host: &str) -> Result<Request, RequestError> {
    let currency = model.currency().unwrap_or_default();
    let facts: Facts = [
        ("currency", Value::from(currency)),
        (AMOUNT_MICROS, Value::Integer(0)),
        ("model", Value::from(model.name.as_str())),
        ("max_tokens", Value::Integer(0)),
        ("n", Value::Integer(1)),
        ("tokens", Value::Integer(0)),
        ("tools", Value::Integer(0)),
        ("stream", Value::Bool(false)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    Request::new(ACTION, &model.resource(host), facts)
}
