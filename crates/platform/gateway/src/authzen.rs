//! Decisions that others ask for: the Authorization API 1.0 of OpenID's AuthZEN, as a policy decision point.
//!
//! | AuthZEN | here |
//! |---|---|
//! | `subject.id` | the DID of an agent: the caller's own, or of one that the caller may vouch for by `access:evaluate` |
//! | `action.name` | the action, such as `mcp:tools/call:book` |
//! | `resource.id` | the resource, a URL in normal form |
//! | `context.facts` | the facts |
//! | `options.commit` | `true`: what is used up is taken, and a receipt is kept. Else the chain alone is asked, and nothing changes |
//!
//! Members that mean nothing here are ignored, as §3 wants it. A denial is `200` with `"decision": false` and its code in
//! `context` (§5.5); what is wrong with the asking itself is 400, 401 or 403.

mod read;

use crate::{
    access, answer,
    decide::{Cost, Identified, Passed, Undecided, Who},
    gateway::{Gateway, now},
    refused::Refused,
    router::identified,
};
use axum::response::Response;
use http::HeaderValue;
use legation_credential::Request;
use legation_http_signature::Message;
use legation_keys::base64url;
use legation_verifier::{Code, Denial, VerifiedChain, authorize};
use read::{Asking, Semantic};
use serde_json::{Value, json};
use std::sync::Arc;

/// What whoever asks about others has to be granted, on [`asked_at`].
const EVALUATE: &str = "access:evaluate";

/// The resource that [`EVALUATE`] is granted on.
fn asked_at(gateway: &Gateway) -> String {
    format!("https://{}/access/v1", gateway.registry.host())
}

/// The metadata of the decision point (§9.1).
pub(crate) fn metadata(gateway: &Gateway) -> Vec<u8> {
    let origin = gateway.registry.origin();
    let metadata = json!({
        "policy_decision_point": origin,
        "access_evaluation_endpoint": format!("{origin}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{origin}/access/v1/evaluations"),
    });
    metadata.to_string().into_bytes()
}

/// Answers one evaluation, or several.
pub(crate) async fn answer(gateway: &Arc<Gateway>, message: &Message<'_>, several: bool) -> Response {
    let outcome = run(gateway, message, several).await;
    let outcome = outcome.map(|json| answer::whole(200, "application/json", json.to_string().into_bytes()));
    let mut response = gateway.told(outcome);
    // §6.2: whoever asks knows the answer again by its own number.
    let id = message.headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(|id| id.len() <= 256);
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

async fn run(gateway: &Arc<Gateway>, message: &Message<'_>, several: bool) -> Result<Value, Refused> {
    // Who asks first: strangers learn nothing of what they wrote.
    let (caller, _) = identified(gateway, message, now()).await?;
    access::take_turn(gateway, gateway.holder(&caller.chain).as_str())?;
    let query = read::read(message.body, several)?;
    if query.commit {
        let [Ok(asking)] = query.items.as_slice() else {
            let why = match query.items.into_iter().next() {
                Some(Err(refused)) => refused,
                _ => Refused::new("bad_request", "`options.commit` is for one evaluation at a time"),
            };
            return Err(why);
        };
        let decided = commit(gateway, message, (&caller.chain, asking)).await?;
        return Ok(if query.is_batch { json!({"evaluations": [decided]}) } else { decided });
    }
    let mut evaluations = Vec::new();
    for asking in query.items {
        let decided = match asking {
            Ok(asking) => alone(gateway, &caller, &asking).await?,
            Err(refused) if query.is_batch => {
                // §7.2: what is wrong with one of them is told there.
                let error = json!({"status": refused.status(), "message": refused.message});
                json!({"decision": false, "context": {"error": error}})
            }
            Err(refused) => return Err(refused),
        };
        let is_permitted = decided.get("decision") == Some(&json!(true));
        evaluations.push(decided);
        if query.semantic.ends_at(is_permitted) {
            break;
        }
    }
    match query.is_batch {
        true => Ok(json!({"evaluations": evaluations})),
        false => evaluations.pop().ok_or_else(|| Refused::new("bad_request", "nothing was asked")),
    }
}

impl Semantic {
    /// Whether nothing more is looked at after a decision (§7.1.2.1).
    fn ends_at(self, is_permitted: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !is_permitted,
            Self::PermitOnFirstPermit => is_permitted,
        }
    }
}

/// What the chain of the subject and the policies say, without what was used up. Nothing changes.
async fn alone(gateway: &Arc<Gateway>, asks: &Identified, asking: &Asking) -> Result<Value, Refused> {
    let now = now();
    let changed = || Refused::new("overloaded", "the organization changed; try again");
    let vouched;
    let subject = match asks.chain.agent() == &asking.subject {
        true => asks,
        false => {
            match gateway.may_ask(asks, now).await {
                Ok(()) => {}
                Err(Undecided::Changed) => return Err(changed()),
                Err(Undecided::Refused(refused)) => return Err(refused),
            }
            let who = Who::Named { subject: &asking.subject, by: asks.chain.agent() };
            vouched = match gateway.identify(who, now).await {
                Ok(found) => found,
                Err(Undecided::Changed) => return Err(changed()),
                Err(Undecided::Refused(refused)) => return denied(&refused),
            };
            &vouched
        }
    };
    let request = asking.request()?;
    if let Err(denial) = authorize(&subject.chain, &request, now).into_permit() {
        return denied(&Refused::from(&denial));
    }
    match gateway.asks_policies(subject, &request, now).await {
        Ok(said) => match said.denial {
            Some(denial) => denied(&Refused::from(&denial)),
            None => Ok(json!({"decision": true})),
        },
        Err(Undecided::Changed) => Err(changed()),
        Err(Undecided::Refused(refused)) => Err(refused),
    }
}

/// Decides as if it were done: totals are taken, a receipt is kept.
async fn commit(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    (asks, asking): (&VerifiedChain, &Asking),
) -> Result<Value, Refused> {
    let request: Request = asking.request()?;
    let by = asks.agent().clone();
    let mut who = crate::auth::who(message)?;
    if by != asking.subject {
        // To have something counted of another one is done, too: policies are asked, and a signed request passes once.
        let may = evaluates(gateway)?;
        let asked = |_, _| -> crate::decide::BoxFuture<'_> { Box::pin(async { Ok(may.clone()) }) };
        gateway.decide(who, Cost::Known, &asked).await.map_err(|refused| about_another(gateway, refused))?;
        who = Who::Named { subject: &asking.subject, by: &by };
    }
    let asked = |_, _| -> crate::decide::BoxFuture<'_> { Box::pin(async { Ok(request.clone()) }) };
    let Passed { done, .. } = match gateway.decide(who, Cost::Known, &asked).await {
        Ok(passed) => passed,
        Err(refused) => return denied(&refused),
    };
    done.synced.wait().await.map_err(|_| Refused::store())?;
    Ok(json!({"decision": true, "context": {"receipt": base64url::encode(&done.digest)}}))
}

/// What whoever asks about another one does.
fn evaluates(gateway: &Gateway) -> Result<Request, Refused> {
    Request::new(EVALUATE, &asked_at(gateway), legation_credential::Facts::new())
        .map_err(|error| Refused::new("bad_request", error.to_string()))
}

/// Why somebody may not ask about another one.
fn about_another(gateway: &Gateway, refused: Refused) -> Refused {
    if refused.code != Code::NotGranted.as_str() {
        return refused;
    }
    let message = format!("asking about another agent needs `{EVALUATE}` on `{}`", asked_at(gateway));
    Refused { message, ..refused }
}

impl Gateway {
    /// Holds that somebody may ask about others: it is granted, and policies let it through.
    async fn may_ask(self: &Arc<Self>, asks: &Identified, now: i64) -> Result<(), Undecided> {
        let may = evaluates(self)?;
        let denied = |denial: &Denial| Undecided::Refused(about_another(self, Refused::from(denial)));
        authorize(&asks.chain, &may, now).into_permit().map_err(|denial| denied(&denial))?;
        match self.asks_policies(asks, &may, now).await?.denial {
            Some(denial) => Err(denied(&denial)),
            None => Ok(()),
        }
    }
}

/// A denial as a decision. What is no decision, such as a store that is gone, is an error (§10.1.2).
fn denied(refused: &Refused) -> Result<Value, Refused> {
    if refused.status() >= 500 {
        return Err(refused.clone());
    }
    let mut context = json!({"code": refused.code, "reason_admin": {"en": refused.message}});
    if let Some(members) = context.as_object_mut() {
        let cure = Code::from_name(&refused.code).map(Code::cure);
        members.extend(cure.map(|cure| ("reason_user".to_owned(), json!({"en": cure}))));
        members.extend(refused.approval.as_ref().map(|id| ("approval".to_owned(), id.as_str().into())));
        members.extend(refused.retry_after.map(|seconds| ("retry_after".to_owned(), seconds.into())));
    }
    Ok(json!({"decision": false, "context": context}))
}
