//! Decisions that others ask for: the Authorization API 1.0 of OpenID's AuthZEN, as a policy decision point.
//!
//! | AuthZEN | here |
//! |---|---|
//! | `subject.id` | the DID of an agent, or its name: the caller's own, or of one that the caller may vouch for by `access:evaluate` |
//! | `subject.type` | beside a name `agent`, or a tag of the agent ([`subject`]); beside a DID nothing |
//! | `action.name` | the action, such as `mcp:tools/call:book` |
//! | `resource.id` | the resource, a URL in normal form; what is none is `authzen://TYPE/ID` in delegations ([`resource`]) |
//! | `context.facts` | the facts |
//! | `properties` | facts, too: `subject.NAME`, `action.NAME`, `resource.NAME` |
//! | `options.commit` | `true`: what is used up is taken, and a receipt is kept. Else the chain alone is asked, and nothing changes |
//!
//! Members that mean nothing here are ignored, as §3 wants it. A denial is `200` with `"decision": false` and its code in
//! `context` (§5.5); what is wrong with the asking itself is 400, 401 or 403. Searches are in [`search`].

mod page;
mod read;
mod resource;
mod search;
mod subject;

use crate::{
    access, answer,
    decide::{Cost, Identified, Passed, Undecided, Who},
    gateway::{Gateway, now},
    refused::Refused,
    router::identified,
    signature::nobody,
};
use axum::response::Response;
use http::{HeaderValue, header::CONTENT_TYPE};
use legation_credential::Request;
use legation_http_signature::Message;
use legation_keys::base64url;
use legation_verifier::{Code, VerifiedChain, authorize};
use read::{Asking, Semantic};
pub(crate) use search::Wanted;
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
        "search_subject_endpoint": format!("{origin}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{origin}/access/v1/search/resource"),
        "search_action_endpoint": format!("{origin}/access/v1/search/action"),
    });
    metadata.to_string().into_bytes()
}

/// What is asked of the decision point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// One evaluation.
    Evaluation,
    /// Several.
    Evaluations,
    /// Who may, where, or what.
    Search(Wanted),
}

impl Endpoint {
    /// Its path (§12.1), by which it is told in logs.
    pub(crate) fn route(self) -> &'static str {
        match self {
            Self::Evaluation => "/access/v1/evaluation",
            Self::Evaluations => "/access/v1/evaluations",
            Self::Search(Wanted::Subjects) => "/access/v1/search/subject",
            Self::Search(Wanted::Resources) => "/access/v1/search/resource",
            Self::Search(Wanted::Actions) => "/access/v1/search/action",
        }
    }
}

/// Answers what is asked.
pub(crate) async fn answer(gateway: &Arc<Gateway>, message: &Message<'_>, at: Endpoint) -> Response {
    let outcome = run(gateway, message, at).await;
    let outcome = outcome.map(|json| answer::whole(200, "application/json", json.to_string().into_bytes()));
    let mut response = gateway.told(outcome);
    // §12.1.3: whoever asks knows the answer again by its own number.
    let id = message.headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(|id| id.len() <= 256);
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// A body is JSON, where it says what it is (§12.1).
fn check_type(message: &Message<'_>) -> Result<(), Refused> {
    let said = message.headers.get(CONTENT_TYPE).map(|said| said.to_str().unwrap_or_default());
    let media = said.map(|said| said.split(';').next().unwrap_or_default().trim());
    match media.is_none_or(|media| media.eq_ignore_ascii_case("application/json")) {
        true => Ok(()),
        false => Err(Refused::new("bad_request", "the body is not said to be `application/json`")),
    }
}

async fn run(gateway: &Arc<Gateway>, message: &Message<'_>, at: Endpoint) -> Result<Value, Refused> {
    // Who asks first: strangers learn nothing of what they wrote.
    let (caller, _) = identified(gateway, message, now()).await?;
    access::take_turn(gateway, gateway.holder(&caller.chain).as_str())?;
    check_type(message)?;
    match at {
        Endpoint::Evaluation => evaluate(gateway, message, &caller, false).await,
        Endpoint::Evaluations => evaluate(gateway, message, &caller, true).await,
        Endpoint::Search(wanted) => search::run(gateway, message.body, &caller, wanted).await,
    }
}

async fn evaluate(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    caller: &Identified,
    several: bool,
) -> Result<Value, Refused> {
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
            Ok(asking) => alone(gateway, caller, &asking).await?,
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
    let subject = match gateway.asked_about(asks, &asking.subject, now).await? {
        Ok(subject) => subject,
        Err(refused) => return denied(&refused),
    };
    match gateway.would_pass(&subject, &asking.request, now).await? {
        None => Ok(json!({"decision": true})),
        Some(against) => against.told(),
    }
}

/// Decides as if it were done: totals are taken, a receipt is kept.
async fn commit(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    (asks, asking): (&VerifiedChain, &Asking),
) -> Result<Value, Refused> {
    let request = &asking.request;
    let by = asks.agent().clone();
    let mut who = crate::auth::who(message)?;
    let subject = gateway.did_of(&asking.subject).await?;
    if subject.as_ref() != Some(&by) {
        // To have something counted of another one is done, too: policies are asked, and a signed request passes once.
        let may = evaluates(gateway)?;
        let asked = |_, _| -> crate::decide::BoxFuture<'_> { Box::pin(async { Ok(may.clone()) }) };
        gateway.decide(who, Cost::Known, &asked).await.map_err(|refused| about_another(gateway, refused))?;
        let Some(subject) = &subject else { return denied(&nobody()) };
        who = Who::Named { subject, by: &by };
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
    async fn may_ask(self: &Arc<Self>, asks: &Identified, now: i64) -> Result<(), Refused> {
        let may = evaluates(self)?;
        match self.would_pass(asks, &may, now).await? {
            Some(against) => Err(about_another(self, against.refused)),
            None => Ok(()),
        }
    }

    /// Why somebody could not do something now, as chain and policies have it; `None` where nothing stands against it.
    async fn would_pass(
        self: &Arc<Self>,
        subject: &Identified,
        request: &Request,
        now: i64,
    ) -> Result<Option<Against>, Refused> {
        if let Err(denial) = authorize(&subject.chain, request, now).into_permit() {
            return Ok(Some(Against { refused: Refused::from(&denial), always: false }));
        }
        let said = self.asks_policies(subject, request, now).await.map_err(undecided)?;
        Ok(said.denial.map(|denial| Against { refused: Refused::from(&denial), always: said.always }))
    }
}

/// What stands against a request.
#[derive(Debug)]
struct Against {
    refused: Refused,
    /// Whether it does whatever its facts are, which whoever shows lists asks for.
    always: bool,
}

impl Against {
    /// As a decision: `always` is `true` where no facts would help.
    fn told(&self) -> Result<Value, Refused> {
        let mut told = denied(&self.refused)?;
        if let Some(context) = told.get_mut("context").and_then(Value::as_object_mut).filter(|_| self.always)
        {
            context.insert("always".to_owned(), true.into());
        }
        Ok(told)
    }
}

/// Why nothing is said at all.
fn undecided(why: Undecided) -> Refused {
    match why {
        Undecided::Changed => Refused::new("overloaded", "the organization changed; try again"),
        Undecided::Refused(refused) => refused,
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
