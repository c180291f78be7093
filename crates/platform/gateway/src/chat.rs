//! A chat completion, from the request to the last byte of its answer.

use crate::{
    answer, auth,
    decide::{Passed, Undecided},
    forward::Forwarded,
    gateway::Gateway,
    models::Configured,
    openai::{Chat, ChatError, ErrorShape, Meter, bound::ACTION, of_answer},
    refused::Refused,
    settle::{Open, Outcome},
};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::header;
use legation_credential::Request;
use legation_http_signature::Message;
use legation_registry::model::{Model, Target};
use legation_resolver::Arriving;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;

/// Most bytes of an answer that is not streamed.
const MAX_ANSWER: usize = 32 << 20;
/// Pieces of a streamed answer that wait for the caller: more are not read from the provider.
const AHEAD: usize = 16;

/// Answers a chat completion.
pub(crate) async fn complete(gateway: &Arc<Gateway>, message: &Message<'_>) -> Response {
    gateway.told(run(gateway, message).await)
}

async fn run(gateway: &Arc<Gateway>, message: &Message<'_>) -> Result<Response, Refused> {
    // Who shows nothing has nothing of it read.
    let who = auth::who(message)?;
    let chat = Chat::read(message.body).map_err(|error| refused(&error));
    // The model as it was when that was decided.
    let meant = Mutex::new(None);
    let passed = gateway.decide(who, &|epoch| Box::pin(request(gateway, &chat, epoch, &meant))).await?;
    let chat = chat?;
    let model = meant.into_inner().unwrap_or_else(PoisonError::into_inner);
    let model: Arc<Model> =
        model.ok_or_else(|| Refused::new("model_not_found", "there is no such model here"))?;
    let Passed { done, chain, told } = passed;
    let (synced, open) = (done.synced.clone(), Open { done, chain, told });
    let body = |target: &Target| chat.forward(target, &model).map_err(|error| refused(&error));
    let arriving = match gateway.post(&model.targets, "chat/completions", body).await {
        Forwarded::Answer(arriving) => *arriving,
        Forwarded::NotSent(refused) => {
            gateway.settle(open, &model, &Outcome::Nothing);
            return Err(refused);
        }
        Forwarded::Lost(refused) => {
            gateway.settle(open, &model, &Outcome::Unknown("answer_lost"));
            return Err(refused);
        }
    };
    // The caller gets its answer only once the receipt survives the death of the machine, which the time that the
    // provider took has hidden.
    if synced.wait().await.is_err() {
        gateway.settle(open, &model, &Outcome::Unknown("not_synced"));
        return Err(Refused::store());
    }
    let kind = arriving.headers.get(header::CONTENT_TYPE);
    let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if chat.is_streamed() && is_stream && arriving.status == 200 {
        return Ok(stream(gateway, arriving, open, model, chat.wants_usage()));
    }
    let prompt = chat.at_most(&model).map_or(u64::MAX, |most| most.input);
    whole(gateway, arriving, open, (&model, prompt)).await
}

fn refused(error: &ChatError) -> Refused {
    Refused { param: error.param().map(str::to_owned), ..Refused::new(error.code(), error.to_string()) }
}

/// What is judged: the model's own resource, and facts of numbers.
async fn request(
    gateway: &Arc<Gateway>,
    chat: &Result<Chat, Refused>,
    epoch: i64,
    meant: &Mutex<Option<Arc<Model>>>,
) -> Result<Request, Undecided> {
    let chat = chat.as_ref().map_err(Clone::clone)?;
    let model = model_of(&*gateway.configured_at(epoch).await?, chat)?;
    let facts = chat.facts(&model).map_err(|error| refused(&error))?;
    let resource = model.resource(&gateway.registry.host());
    *meant.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
    Ok(Request::new(ACTION, &resource, facts)
        .map_err(|error| Refused::new("bad_request", error.to_string()))?)
}

fn model_of(configured: &Configured, chat: &Chat) -> Result<Arc<Model>, Refused> {
    let model = configured.models.iter().find(|model| model.name == chat.model());
    let model = model.ok_or_else(|| Refused {
        param: Some("model".to_owned()),
        ..Refused::new("model_not_found", format!("there is no model `{}` here", chat.model()))
    })?;
    if configured.closed.contains(&model.name) {
        let message = format!(
            "the model `{}` is closed: an answer cost more than its price and bounds say; whoever runs it mends them",
            model.name
        );
        return Err(Refused::new("route_closed", message));
    }
    Ok(Arc::clone(model))
}

/// An answer that is read whole: settled, then passed on.
async fn whole(
    gateway: &Arc<Gateway>,
    mut arriving: Arriving,
    open: Open,
    (model, prompt): (&Model, u64),
) -> Result<Response, Refused> {
    let mut body = Vec::new();
    loop {
        match arriving.piece().await {
            Ok(None) => break,
            Ok(Some(piece)) if body.len().saturating_add(piece.len()) <= MAX_ANSWER => body.extend(piece),
            Ok(Some(_)) | Err(_) => {
                gateway.settle(open, model, &Outcome::Unknown("answer_lost"));
                return Err(Refused::new(
                    "upstream_failed",
                    "the provider's answer broke off or is too large; the call was made and stays counted at its most",
                ));
            }
        }
    }
    let status = arriving.status;
    let outcome = match status {
        200 => Outcome::of(of_answer(&body)),
        // Of these nothing was run. Others may be charged: a filter that looked at the prompt answers 400.
        401 | 403 | 404 | 413 | 422 | 429 => Outcome::Nothing,
        400..=499 => Outcome::Prompt(prompt),
        _ => Outcome::Unknown("upstream_failed"),
    };
    gateway.settle(open, model, &outcome);
    match status {
        200 => Ok(answer::whole(200, "application/json", body)),
        // The caller's to mend, and told by the provider in its own words; a limit of the provider's may be tried again.
        400 | 404 | 413 | 422 | 429 => Ok(answer::whole(status, "application/json", body)),
        _ => Err(Refused::new(
            "upstream_failed",
            format!("the model's provider answered with status {status}"),
        )),
    }
}

/// An answer that is passed on while it arrives. Where the caller goes away, the rest is read all the same, so that what
/// it cost is known.
fn stream(
    gateway: &Arc<Gateway>,
    mut arriving: Arriving,
    open: Open,
    model: Arc<Model>,
    wants_usage: bool,
) -> Response {
    let (to_caller, from_provider) = mpsc::channel::<Bytes>(AHEAD);
    let gateway = Arc::clone(gateway);
    tokio::spawn(async move {
        let mut meter = Meter::new(wants_usage);
        let mut broke = false;
        loop {
            match arriving.piece().await {
                Ok(Some(piece)) => {
                    let out = meter.push(&piece);
                    if !out.is_empty() {
                        // The caller may have gone.
                        let _ = to_caller.send(out.into()).await;
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    broke = true;
                    break;
                }
            }
        }
        let ended = meter.end();
        let outcome = match (ended.usage, ended.problem) {
            (Some(usage), _) => Outcome::Used(usage),
            (None, Some(problem)) => Outcome::Unknown(problem.code()),
            (None, None) => Outcome::Unknown("usage_missing"),
        };
        gateway.settle(open, &model, &outcome);
        if !ended.rest.is_empty() {
            let _ = to_caller.send(ended.rest.into()).await;
        }
        if broke || !ended.finished {
            let message = "the model's provider broke off; what came is all there is";
            let _ = to_caller.send(ErrorShape::new("upstream_failed", message).event().into()).await;
        }
    });
    let pieces = futures::stream::unfold(from_provider, |mut pieces| async {
        pieces.recv().await.map(|piece| (Ok::<_, Infallible>(piece), pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
