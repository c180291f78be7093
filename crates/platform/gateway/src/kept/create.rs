//! A file is kept, and a batch begins.

use super::{
    Asked, Kind, ask, decide, file_place, has_room, is_id, lines, mine, note, permit, settle, target_of, told,
};
use crate::{
    approve::may_need,
    asked::{Endpoint, refused},
    auth,
    call::model_of,
    decide::{Cost, Passed, Undecided, Who},
    form::{self, Part},
    gateway::{Gateway, now},
    refused::Refused,
    settle::{Open, Outcome},
    stop::By,
};
use axum::response::Response;
use http::{HeaderValue, Method, header};
use legation_credential::Request;
use legation_http_signature::Message;
use legation_registry::model::Model;
use legation_store::kept::Kept;
use legation_verifier::VerifiedChain;
use lines::{Line, Wrong};
use serde_json::{Value, json};
use std::sync::Arc;

/// Fields of a file that pass beside its purpose.
const PASSED: [&str; 2] = ["expires_after[anchor]", "expires_after[seconds]"];
/// What a batch may say.
const MEMBERS: [&str; 4] = ["completion_window", "endpoint", "input_file_id", "output_expires_after"];

fn bad(message: impl Into<String>) -> Refused {
    Refused::new("bad_request", message)
}

fn in_line(Wrong { number, error }: &Wrong) -> Refused {
    let of = refused(error);
    Refused { message: format!("line {number}: {}", of.message), ..of }
}

/// Keeps a file of requests for a batch: each line is read as it will be judged, and is written anew for the target.
pub(super) async fn file(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    asked: &Asked<'_>,
    agent: &str,
) -> Result<Response, Refused> {
    has_room(gateway, (agent, Kind::File)).await?;
    let kind = message.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let parts = form::read(kind.unwrap_or_default(), message.body).map_err(|error| refused(&error))?;
    let (mut purpose, mut input) = (None, None);
    let mut passed: Vec<Part<'_>> = Vec::new();
    for part in parts {
        match part.name.as_str() {
            "file" if input.is_none() && part.file.is_some() => input = Some(part),
            "purpose" if purpose.is_none() => purpose = Some(part),
            name if PASSED.contains(&name) => passed.push(part),
            name => return Err(bad(format!("the field `{name:.64}` does not pass, or is there twice"))),
        }
    }
    let input = input.ok_or_else(|| bad("the field `file` is missing; expected a file"))?;
    let purpose = purpose.ok_or_else(|| bad("the field `purpose` is missing; expected `batch`"))?;
    if purpose.data != b"batch" {
        return Err(bad(
            "a file is for a batch here, since no other request may name one; send `purpose` `batch`",
        ));
    }
    let requests = lines::read(input.data).map_err(|wrong| in_line(&wrong))?;
    let name = requests.first().map(|line| line.asked.model().to_owned()).unwrap_or_default();
    let model = permit(gateway, message, (asked.action(), &name)).await?;
    let target = model.targets.first().ok_or_else(|| bad("the model has no target"))?;
    let written = lines::write(&requests, target, &model).map_err(|error| refused(&error))?;
    let file = Part { name: input.name, file: input.file, kind: input.kind, data: &written };
    let parts = [vec![purpose], passed, vec![file]].concat();
    let (kind, body) = form::write(&parts).ok_or_else(Refused::store)?;
    let kind = HeaderValue::try_from(kind).map_err(|_| Refused::store())?;
    let said = ask(gateway, target, (Method::POST, Kind::File.path()), Some((kind, body))).await?;
    if said.0 == 200 {
        let id = id_of(&said.2)?;
        keep(gateway, (Kind::File, &id), agent, (&model, &target.base_url)).await?;
    }
    told(said)
}

/// The id that an answer gives to what it made.
fn id_of(body: &[u8]) -> Result<String, Refused> {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let id = said.get("id").and_then(Value::as_str).filter(|id| is_id(id));
    id.map(str::to_owned).ok_or_else(|| Refused::new("upstream_failed", "the provider's answer has no id"))
}

async fn keep(
    gateway: &Arc<Gateway>,
    (kind, id): (Kind, &str),
    agent: &str,
    (model, base_url): (&Model, &str),
) -> Result<Kept, Refused> {
    let kept = Kept {
        id: id.to_owned(),
        kind: kind.name().to_owned(),
        agent: agent.to_owned(),
        model: model.name.clone(),
        base_url: base_url.to_owned(),
        created: now(),
    };
    match note(gateway, kept.clone()).await? {
        true => Ok(kept),
        false => Err(Refused::new("upstream_failed", "the provider gave an id that is somebody else's")),
    }
}

/// Begins a batch. Each of its lines is decided on as the request that it is, and reserved at its most; if one does not pass,
/// none does.
pub(super) async fn batch(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    asked: &Asked<'_>,
    agent: &str,
) -> Result<Response, Refused> {
    let who = auth::who(message)?;
    let Who::Key(key) = who else {
        return Err(bad(
            "a signature is good for one decision, and a batch is many; begin it with an API key",
        ));
    };
    has_room(gateway, (agent, Kind::Batch)).await?;
    let wanted: Value = serde_json::from_slice(message.body).map_err(|_| bad("the body is no JSON"))?;
    let members = wanted.as_object().ok_or_else(|| bad("the body is no JSON object"))?;
    if let Some((name, _)) =
        members.iter().find(|(name, value)| !value.is_null() && !MEMBERS.contains(&name.as_str()))
    {
        return Err(bad(format!("the member `{name:.64}` does not pass; leave it out")));
    }
    let text = |name: &str| wanted.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = Endpoint::of_batch(text("endpoint"))
        .ok_or_else(|| bad("`endpoint` is none that a batch may have"))?;
    let input = mine(gateway, (agent, Kind::File), text("input_file_id")).await?;
    let (Passed { done, caller }, model) =
        decide(gateway, (who, message.body), (asked.action(), &input.model)).await?;
    let (chain_agent, holder) = (caller.chain.agent().clone(), gateway.holder(&caller.chain).clone());
    gateway.settle(Open::of(done, caller), (&model, None), &Outcome::Nothing);
    let target = target_of(&model, &input.base_url)?;
    let path = format!("files/{}/content", input.id);
    let _place = file_place(gateway, agent)?;
    let (status, _, content) = ask(gateway, target, (Method::GET, &path), None).await?;
    if status != 200 {
        return Err(Refused::new("upstream_failed", "the provider does not give the file of the batch"));
    }
    let requests = lines::read(&content).map_err(|wrong| in_line(&wrong))?;
    // It was written for a model of the provider's that may be priced as another one by now.
    if requests.first().is_some_and(|line| line.asked.model() != target.model) {
        return Err(bad("the file was kept for another model of the provider's; send it again"));
    }
    if requests.first().is_some_and(|line| line.at != at) {
        return Err(bad("`endpoint` is not the one that the lines of the file name"));
    }
    let busy = |_| Refused::new("overloaded", "too many batches are on their way; try again later");
    let room = gateway.batch_lines.take_many(holder.as_str(), requests.len()).map_err(busy)?;
    let epochs = gateway.watch();
    let open = reserve(gateway, who, &requests, &model).await?;
    let body = json!({
        "input_file_id": input.id, "endpoint": text("endpoint"), "completion_window": text("completion_window"),
        "output_expires_after": wanted.get("output_expires_after"),
    });
    let json = HeaderValue::from_static("application/json");
    let body = Some((json, without_null(body).to_string().into_bytes()));
    let said = match ask(gateway, target, (Method::POST, Kind::Batch.path()), body).await {
        Ok(said) => said,
        Err(refused) => {
            let nothing = refused.code == "upstream_unreachable";
            settle::all(gateway, open, &model, &if nothing { Outcome::Nothing } else { lost() }).await;
            return Err(refused);
        }
    };
    if said.0 != 200 {
        let refused = (400..500).contains(&said.0);
        settle::all(gateway, open, &model, &if refused { Outcome::Nothing } else { lost() }).await;
        return told(said);
    }
    let kept = match id_of(&said.2) {
        Ok(id) => keep(gateway, (Kind::Batch, &id), agent, (&model, &target.base_url)).await,
        Err(refused) => Err(refused),
    };
    match kept {
        Ok(kept) => {
            let guard = gateway.guard(By::of(Who::Key(key), &chain_agent), epochs);
            settle::watch(gateway, settle::Running { kept, model, open, at, guard, room });
            told(said)
        }
        Err(refused) => {
            settle::all(gateway, open, &model, &lost()).await;
            Err(refused)
        }
    }
}

fn lost() -> Outcome {
    Outcome::Unknown("answer_lost")
}

fn without_null(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    body
}

/// Decides on each line, with its cost at its most. What was reserved is free again where one does not pass.
async fn reserve(
    gateway: &Arc<Gateway>,
    who: Who<'_>,
    requests: &[Line],
    model: &Arc<Model>,
) -> Result<settle::Lines, Refused> {
    let mut open = settle::Lines::with_capacity(requests.len());
    for (index, line) in requests.iter().enumerate() {
        let judged = async |epoch: i64, chain: Arc<VerifiedChain>| -> Result<Request, Undecided> {
            let now = model_of(&*gateway.configured_at(epoch).await?, line.at, &model.name)?;
            let facts = line.asked.facts(&now).map_err(|error| refused(&error))?;
            let request = Request::new(line.at.action(), &now.resource(&gateway.registry.host()), facts);
            let request = request.map_err(|error| bad(error.to_string()))?;
            Ok(match may_need(chain.effective(), line.at.action()) {
                true => request.with_body(line.digest),
                false => request,
            })
        };
        match gateway.decide(who, Cost::AtMost, &|epoch, chain| Box::pin(judged(epoch, chain))).await {
            Ok(Passed { done, caller }) => {
                open.insert(line.name.clone(), Open::of(done, caller));
            }
            Err(refused) => {
                settle::all(gateway, open, model, &Outcome::Nothing).await;
                let message = format!("line {}: {}", index.saturating_add(1), refused.message);
                return Err(Refused { message, ..refused });
            }
        }
    }
    for one in open.values() {
        if one.done.synced.clone().wait().await.is_err() {
            settle::all(gateway, open, model, &Outcome::Nothing).await;
            return Err(Refused::store());
        }
    }
    Ok(open)
}
