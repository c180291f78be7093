//! A call of a model, from the request to the last byte of its answer, whichever interface it is asked by.

use crate::{
    answer,
    asked::{Asked, Endpoint, Meter, outcome, refused},
    auth,
    decide::{Passed, Undecided},
    forward::Forwarded,
    gateway::Gateway,
    models::Configured,
    openai::ErrorShape,
    refused::Refused,
    settle::{Open, Outcome},
    stop::{By, Guard},
};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::{HeaderValue, header};
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

/// Answers a call of a model.
pub(crate) async fn answer(gateway: &Arc<Gateway>, at: Endpoint, message: &Message<'_>) -> Response {
    let told = run(gateway, at, message).await;
    gateway.told_as(at.shape(), told)
}

async fn run(gateway: &Arc<Gateway>, at: Endpoint, message: &Message<'_>) -> Result<Response, Refused> {
    // Who shows nothing has nothing of it read.
    let who = auth::who(message)?;
    let asked = at.read(message.body).map_err(|error| refused(&error));
    // From before it is decided on, so that no change after that is missed.
    let epochs = gateway.watch();
    // The model as it was when that was decided.
    let meant = Mutex::new(None);
    let passed =
        gateway.decide(who, &|epoch| Box::pin(request(gateway, (at, &asked), epoch, &meant))).await?;
    let asked = asked?;
    let model = meant.into_inner().unwrap_or_else(PoisonError::into_inner);
    let model: Arc<Model> =
        model.ok_or_else(|| Refused::new("model_not_found", "there is no such model here"))?;
    let Passed { done, chain, told } = passed;
    let by = By::of(who, chain.agent());
    let (synced, open) = (done.synced.clone(), Open { done, chain, told });
    let body = |target: &Target| asked.body(target, &model).map_err(|error| refused(&error));
    let arriving = match gateway.post(&model, at, body).await {
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
    if let (Some(meter), true, 200) = (asked.meter(), is_stream, arriving.status) {
        let guard = gateway.guard(by, epochs);
        let streamed = Streamed { at, arriving, meter, guard };
        return Ok(stream(gateway, streamed, open, model));
    }
    whole(gateway, (at, arriving), open, (&model, asked.prompt(&model))).await
}

/// What is judged: the model's own resource, and facts of numbers.
async fn request(
    gateway: &Arc<Gateway>,
    (at, asked): (Endpoint, &Result<Asked, Refused>),
    epoch: i64,
    meant: &Mutex<Option<Arc<Model>>>,
) -> Result<Request, Undecided> {
    let asked = asked.as_ref().map_err(Clone::clone)?;
    let model = model_of(&*gateway.configured_at(epoch).await?, at, asked.model())?;
    let facts = asked.facts(&model).map_err(|error| refused(&error))?;
    let resource = model.resource(&gateway.registry.host());
    *meant.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
    Ok(Request::new(at.action(), &resource, facts)
        .map_err(|error| Refused::new("bad_request", error.to_string()))?)
}

fn model_of(configured: &Configured, at: Endpoint, name: &str) -> Result<Arc<Model>, Refused> {
    let about = |code: &str, message: String| Refused {
        param: Some("model".to_owned()),
        ..Refused::new(code, message)
    };
    let model = configured.models.iter().find(|model| model.name == name);
    let model = model.ok_or_else(|| about("model_not_found", format!("there is no model `{name}` here")))?;
    if model.protocol != at.protocol() {
        let message = format!("the model `{name}` speaks {}", model.protocol.told());
        return Err(about("other_protocol", message));
    }
    if configured.closed.contains(&model.name) {
        let message = format!(
            "the model `{name}` is closed: an answer cost more than its price and bounds say; whoever runs it mends them"
        );
        return Err(Refused::new("route_closed", message));
    }
    Ok(Arc::clone(model))
}

/// An answer that is read whole: settled, then passed on.
async fn whole(
    gateway: &Arc<Gateway>,
    (at, mut arriving): (Endpoint, Arriving),
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
    let outcome = if status == 200 { at.outcome(&body) } else { at.refusal(status, prompt) };
    gateway.settle(open, model, &outcome);
    match status {
        200 => Ok(answer::whole(200, "application/json", body)),
        // The caller's to mend, and told by the provider in its own words; a limit of the provider's may be tried again.
        400 | 404 | 413 | 422 | 429 => Ok(answer::whole(status, "application/json", body)),
        529 if outcome == Outcome::Nothing => Ok(answer::whole(status, "application/json", body)),
        _ => Err(Refused::new(
            "upstream_failed",
            format!("the model's provider answered with status {status}"),
        )),
    }
}

/// A streamed answer that has begun.
struct Streamed {
    at: Endpoint,
    arriving: Arriving,
    meter: Meter,
    guard: Guard,
}

/// An answer that is passed on while it arrives. Where the caller goes away, or is stopped, the rest is read all the same, so
/// that what it cost is known.
fn stream(gateway: &Arc<Gateway>, streamed: Streamed, open: Open, model: Arc<Model>) -> Response {
    let (to_caller, from_provider) = mpsc::channel::<Bytes>(AHEAD);
    let gateway = Arc::clone(gateway);
    tokio::spawn(pass_on(gateway, streamed, open, (model, to_caller)));
    let pieces = futures::stream::unfold(from_provider, |mut pieces| async {
        pieces.recv().await.map(|piece| (Ok::<_, Infallible>(piece), pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn pass_on(
    gateway: Arc<Gateway>,
    streamed: Streamed,
    open: Open,
    (model, to_caller): (Arc<Model>, mpsc::Sender<Bytes>),
) {
    let Streamed { at, mut arriving, mut meter, mut guard } = streamed;
    let mut to_caller = Some(to_caller);
    let mut broke = false;
    loop {
        let piece = tokio::select! {
            piece = arriving.piece() => piece,
            refused = guard.stopped(), if to_caller.is_some() => {
                gateway.count(&refused.code);
                if let Some(to_caller) = to_caller.take() {
                    // A caller that reads nothing is not waited for.
                    let _ = to_caller.try_send(at.event(&refused.shape("")).into());
                }
                continue;
            }
        };
        match piece {
            Ok(Some(piece)) => {
                let out = meter.push(&piece);
                if let (false, Some(caller)) = (out.is_empty(), &to_caller) {
                    tokio::select! {
                        // The caller may have gone.
                        _ = caller.send(out.into()) => {}
                        // Or reads nothing, and is stopped.
                        refused = guard.stopped() => {
                            gateway.count(&refused.code);
                            to_caller = None;
                        }
                    }
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
    gateway.settle(open, &model, &outcome(&ended));
    let Some(to_caller) = to_caller else { return };
    if !ended.rest.is_empty() {
        let _ = to_caller.send(ended.rest.into()).await;
    }
    if broke || !ended.finished {
        let message = "the model's provider broke off; what came is all there is";
        let _ = to_caller.send(at.event(&ErrorShape::new("upstream_failed", message)).into()).await;
    }
}
