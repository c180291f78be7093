//! A call of a model, from the request to the last byte of its answer, whichever interface it is asked by.

use crate::{
    access, answer,
    approve::may_need,
    asked::{Asked, Endpoint, Meter, is_sound, outcome, refused},
    auth,
    decide::{Cost, Passed, Undecided},
    forward::Forwarded,
    gateway::Gateway,
    models::Configured,
    openai::Usage,
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
use legation_verifier::VerifiedChain;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tracing::{Instrument, info_span};

/// Most bytes of an answer that is not streamed.
pub(crate) const MAX_ANSWER: usize = 32 << 20;
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
    let asked = at.read(message.headers, message.body).map_err(|error| refused(&error));
    // From before it is decided on, so that no change after that is missed.
    let epochs = gateway.watch();
    // The model as it was when that was decided.
    let meant = Mutex::new(None);
    let passed = gateway
        .decide(who, Cost::AtMost, &|epoch, chain| {
            let bound = (message.body, chain);
            Box::pin(request(gateway, (at, &asked), (epoch, bound), &meant))
        })
        .await?;
    let asked = asked?;
    let model = meant.into_inner().unwrap_or_else(PoisonError::into_inner);
    let model: Arc<Model> =
        model.ok_or_else(|| Refused::new("model_not_found", "there is no such model here"))?;
    let Passed { done, caller } = passed;
    let by = By::of(who, caller.chain.agent());
    let (synced, open) = (done.synced.clone(), Open::of(done, caller));
    let body = |target: &Target| asked.body(target, &model).map_err(|error| refused(&error));
    let (arriving, target) = match gateway.post(&model, at, body).await {
        Forwarded::Answer(arriving, target) => (*arriving, target),
        Forwarded::NotSent(refused) => {
            gateway.settle(open, (&model, None), &Outcome::Nothing);
            return Err(refused);
        }
        Forwarded::Lost(refused) => {
            gateway.settle(open, (&model, None), &Outcome::Unknown("answer_lost"));
            return Err(refused);
        }
    };
    // The caller gets its answer only once the receipt survives the death of the machine, which the time that the
    // provider took has hidden.
    if synced.wait().instrument(info_span!("record")).await.is_err() {
        gateway.settle(open, (&model, target), &Outcome::Unknown("not_synced"));
        return Err(Refused::store());
    }
    let kind = arriving.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if let (Some(meter), 200) =
        (asked.meter().filter(|meter| meter.reads(kind.unwrap_or_default())), arriving.status)
    {
        let guard = gateway.guard(by, epochs);
        let known = asked.known(model.price_at(target));
        let streamed = Streamed { at, arriving, meter, guard, known };
        return Ok(stream(gateway, streamed, open, (model, target)));
    }
    whole(gateway, (at, arriving, &asked), open, (&model, target)).await
}

/// What is judged: the model's own resource, and facts of numbers.
async fn request(
    gateway: &Arc<Gateway>,
    (at, asked): (Endpoint, &Result<Asked, Refused>),
    (epoch, (body, chain)): (i64, (&[u8], Arc<VerifiedChain>)),
    meant: &Mutex<Option<Arc<Model>>>,
) -> Result<Request, Undecided> {
    let asked = asked.as_ref().map_err(Clone::clone)?;
    let model = model_of(&*gateway.configured_at(epoch).await?, at, asked.model())?;
    let facts = asked.facts(&model).map_err(|error| refused(&error))?;
    access::model(&model.name);
    let resource = model.resource(&gateway.registry.host());
    *meant.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
    let request = Request::new(at.action(), &resource, facts)
        .map_err(|error| Refused::new("bad_request", error.to_string()))?;
    // Whoever approves approves these words.
    Ok(match may_need(chain.effective(), at.action()) {
        true => request.with_body(Sha256::digest(body).into()),
        false => request,
    })
}

pub(crate) fn model_of(configured: &Configured, at: Endpoint, name: &str) -> Result<Arc<Model>, Refused> {
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
    (at, mut arriving, asked): (Endpoint, Arriving, &Asked),
    open: Open,
    (model, target): (&Model, Option<usize>),
) -> Result<Response, Refused> {
    let mut body = Vec::new();
    loop {
        match arriving.piece().await {
            Ok(None) => break,
            Ok(Some(piece)) if body.len().saturating_add(piece.len()) <= MAX_ANSWER => body.extend(piece),
            Ok(Some(_)) | Err(_) => {
                gateway.settle(open, (model, target), &Outcome::Unknown("answer_lost"));
                return Err(Refused::new(
                    "upstream_failed",
                    "the provider's answer broke off or is too large; the call was made and stays counted at its most",
                ));
            }
        }
    }
    let status = arriving.status;
    let outcome = match status {
        200 => asked.outcome(at, &body, model.price_at(target)),
        status => at.refusal(status, asked.prompt(model)),
    };
    gateway.settle(open, (model, target), &outcome);
    match status {
        200 => Ok(answer::whole(200, kind(&arriving), body)),
        // The caller's to mend, and told by the provider in its own words; a limit of the provider's may be tried again.
        400 | 404 | 413 | 422 | 429 => Ok(answer::whole(status, "application/json", body)),
        529 if outcome == Outcome::Nothing => Ok(answer::whole(status, "application/json", body)),
        _ => Err(Refused::new(
            "upstream_failed",
            format!("the model's provider answered with status {status}"),
        )),
    }
}

/// The content type of an answer that passes whole: JSON, unless it says that it is text or sound.
fn kind(arriving: &Arriving) -> &'static str {
    let kind =
        arriving.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind {
        kind if kind.starts_with("text/") => "text/plain; charset=utf-8",
        kind if is_sound(kind) => "application/octet-stream",
        _ => "application/json",
    }
}

/// A streamed answer that has begun.
struct Streamed {
    at: Endpoint,
    arriving: Arriving,
    meter: Meter,
    guard: Guard,
    /// What it takes, where that is known before.
    known: Option<Usage>,
}

/// An answer that is passed on while it arrives. Where the caller goes away, or is stopped, the rest is read all the same, so
/// that what it cost is known.
fn stream(
    gateway: &Arc<Gateway>,
    streamed: Streamed,
    open: Open,
    meant: (Arc<Model>, Option<usize>),
) -> Response {
    let (to_caller, from_provider) = mpsc::channel(AHEAD);
    let gateway = Arc::clone(gateway);
    let usual = HeaderValue::from_static("text/event-stream; charset=utf-8");
    let kind = match streamed.meter {
        Meter::Sound => streamed.arriving.headers.get(header::CONTENT_TYPE).cloned().unwrap_or(usual),
        _ => usual,
    };
    tokio::spawn(access::carried(pass_on(gateway, streamed, open, (meant, to_caller))));
    let pieces = futures::stream::unfold(from_provider, |mut pieces: mpsc::Receiver<Piece>| async {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A piece of a streamed answer on its way to the caller; an error breaks it off.
type Piece = Result<Bytes, Refused>;

async fn pass_on(
    gateway: Arc<Gateway>,
    streamed: Streamed,
    open: Open,
    ((model, target), to_caller): ((Arc<Model>, Option<usize>), mpsc::Sender<Piece>),
) {
    let Streamed { at, mut arriving, mut meter, mut guard, known } = streamed;
    // In a stream of events an error is one more event; sound just breaks off.
    let is_sound = matches!(meter, Meter::Sound);
    let told = |refused: &Refused| -> Piece {
        if is_sound { Err(refused.clone()) } else { Ok(at.event(&refused.shape("")).into()) }
    };
    let mut to_caller = Some(to_caller);
    let mut broke = false;
    loop {
        let piece = tokio::select! {
            piece = arriving.piece() => piece,
            refused = guard.stopped(), if to_caller.is_some() => {
                gateway.count(&refused.code);
                access::code(&refused.code);
                if let Some(to_caller) = to_caller.take() {
                    // A caller that reads nothing is not waited for.
                    let _ = to_caller.try_send(told(&refused));
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
                        _ = caller.send(Ok(out.into())) => {}
                        // Or reads nothing, and is stopped.
                        refused = guard.stopped() => {
                            gateway.count(&refused.code);
                            access::code(&refused.code);
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
    let came = known.map_or_else(|| outcome(&ended), Outcome::Used);
    gateway.settle(open, (&model, target), &came);
    let Some(to_caller) = to_caller else { return };
    if !ended.rest.is_empty() {
        let _ = to_caller.send(Ok(ended.rest.into())).await;
    }
    if broke || !ended.finished {
        let message = "the model's provider broke off; what came is all there is";
        let _ = to_caller.send(told(&Refused::new("upstream_failed", message))).await;
    }
}
