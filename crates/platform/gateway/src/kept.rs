//! What a provider keeps: files and batches. Each belongs to the agent that made it; to anybody else it is not there.
//!
//! | module | what it holds |
//! |---|---|
//! | this | whose an object is, and what is asked about it |
//! | `lines` | the requests of a batch, each as its own end point reads it |
//! | `create` | a file is kept, a batch begins: each line is judged, and reserved, as the request that it is |
//! | `settle` | a batch is settled by what its output says |
//!
//! A file is for batches and nothing else, since no other request may name one. Its lines name one model, whose first target
//! keeps it: no request says at which provider something is, and none can be sent to another one. What is noted of it are its id
//! and whose it is, before anybody is told the id; what happens to be lost there belongs to nobody.

mod create;
mod lines;
mod settle;

use crate::{
    answer,
    approve::may_need,
    asked::Endpoint,
    auth, call,
    decide::{Cost, Passed, Undecided, Who},
    forward::lost,
    gateway::{Gateway, now},
    own::free_call,
    refused::Refused,
    router::as_of_now,
    settle::{Open, Outcome},
    turns::Turn,
};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use core::convert::Infallible;
use futures::{StreamExt, stream};
use http::{HeaderValue, Method, header};
use legation_credential::Request;
use legation_http_signature::Message;
use legation_registry::model::{Model, Target};
use legation_resolver::Call;
use legation_store::kept::{self, Kept};
use legation_verifier::VerifiedChain;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes of a file, and of the form around it.
pub(crate) const MAX_FILE: usize = 26 << 20;
/// Most objects of a kind that an agent has.
const MOST: i64 = 1000;
/// How many are told at a time: usually, and at most.
const PAGE: (i64, i64) = (20, 100);
/// Bytes of a file that are given at a time.
const PIECE: usize = 64 << 10;
/// After which time a batch is forgotten where its agent has no room for one more, seconds: providers give one up after a day.
const FORGOTTEN: i64 = 30 * 86_400;
/// How many are asked after at a time.
const TOGETHER: usize = 8;
/// Longest id of a provider's.
const MAX_ID: usize = 128;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Batch,
}

/// What is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    List,
    Show,
    Content,
    Remove,
    Cancel,
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: Kind,
    pub(crate) verb: Verb,
    pub(crate) id: Option<&'a str>,
    pub(crate) query: &'a str,
}

impl Kind {
    /// What it is called in the store.
    fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Batch => "batch",
        }
    }

    /// Where it is, at a target and here.
    fn path(self) -> &'static str {
        match self {
            Self::File => "files",
            Self::Batch => "batches",
        }
    }
}

impl Asked<'_> {
    /// The action that a grant names.
    fn action(&self) -> &'static str {
        match (self.kind, self.verb) {
            (Kind::File, Verb::Create | Verb::Remove) => "model:file-write",
            (Kind::File, _) => "model:file-read",
            (Kind::Batch, Verb::Create | Verb::Cancel) => "model:batch-write",
            (Kind::Batch, _) => "model:batch-read",
        }
    }
}

/// Does what is asked.
pub(crate) async fn run(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    asked: &Asked<'_>,
) -> Result<Response, Refused> {
    let now = now();
    // Who it is comes first: what is there depends on it.
    let (chain, _) = as_of_now(gateway, message, now).await?;
    let agent = chain.agent().as_str().to_owned();
    match (asked.verb, asked.kind, asked.id) {
        (Verb::Create, Kind::File, _) => create::file(gateway, message, asked, &agent).await,
        (Verb::Create, Kind::Batch, _) => create::batch(gateway, message, asked, &agent).await,
        (Verb::List, ..) => list(gateway, message, asked, &agent).await,
        (_, _, Some(id)) => {
            let kept = mine(gateway, (&agent, asked.kind), id).await?;
            one(gateway, message, asked, &kept).await
        }
        _ => Err(not_found(asked.kind, "")),
    }
}

fn not_found(kind: Kind, id: &str) -> Refused {
    let id: String = id.chars().filter(char::is_ascii_graphic).take(64).collect();
    Refused::new("not_found", format!("there is no {} `{id}`", kind.name()))
}

/// An object of an agent's own.
async fn mine(gateway: &Arc<Gateway>, (agent, kind): (&str, Kind), id: &str) -> Result<Kept, Refused> {
    if !is_id(id) {
        return Err(not_found(kind, id));
    }
    let (reader, agent, named) = (Arc::clone(gateway), agent.to_owned(), id.to_owned());
    let read =
        move || reader.store.read(|tx| kept::get(tx, &reader.organization, (&agent, kind.name()), &named));
    let found = gateway.blocking(read).await.map_err(|_| Refused::store())?;
    found.map_err(|error| Refused::of_store(&error))?.ok_or_else(|| not_found(kind, id))
}

/// Whether a text could be a provider's id, so that it is no path.
fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(fits)
}

/// Decides on something that costs nothing, of a model that has to be there.
async fn decide(
    gateway: &Arc<Gateway>,
    (who, body): (Who<'_>, &[u8]),
    (action, name): (&str, &str),
) -> Result<(Passed, Arc<Model>), Refused> {
    let meant = Mutex::new(None);
    let judged = async |epoch: i64, chain: Arc<VerifiedChain>| -> Result<Request, Undecided> {
        let model = call::model_of(&*gateway.configured_at(epoch).await?, Endpoint::Chat, name)?;
        let wrong = |error: legation_credential::RequestError| Refused::new("bad_request", error.to_string());
        let free = free_call(&model, &gateway.registry.host()).map_err(wrong)?;
        let request = Request::new(action, free.resource(), free.facts().clone()).map_err(wrong)?;
        // That of the last time counts, where it is decided again.
        *meant.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
        // Whoever approves approves these words.
        Ok(match may_need(chain.effective(), action) {
            true => request.with_body(Sha256::digest(body).into()),
            false => request,
        })
    };
    let passed = gateway.decide(who, Cost::AtMost, &|epoch, chain| Box::pin(judged(epoch, chain))).await?;
    let model = meant.into_inner().unwrap_or_else(PoisonError::into_inner);
    let model = model.ok_or_else(|| Refused::new("model_not_found", "there is no such model here"))?;
    Ok((passed, model))
}

/// The same, recorded on the disk and settled at once.
async fn permit(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    of: (&str, &str),
) -> Result<Arc<Model>, Refused> {
    let (Passed { done, caller }, model) = decide(gateway, (auth::who(message)?, message.body), of).await?;
    let synced = done.synced.clone();
    gateway.settle(Open::of(done, caller), (&model, None), &Outcome::Nothing);
    synced.wait().await.map_err(|_| Refused::store())?;
    Ok(model)
}

/// The target of a model that keeps something.
fn target_of<'m>(model: &'m Model, base_url: &str) -> Result<&'m Target, Refused> {
    let found = model.targets.iter().find(|target| target.base_url == base_url);
    found.ok_or_else(|| {
        Refused::new("not_found", "the provider that keeps it is none of the model's any more")
    })
}

/// Status, content type and body of what a target answers.
type Said = (u16, Option<HeaderValue>, Vec<u8>);

/// Asks a target.
async fn ask(
    gateway: &Arc<Gateway>,
    target: &Target,
    (method, path): (Method, &str),
    body: Option<(HeaderValue, Vec<u8>)>,
) -> Result<Said, Refused> {
    let mut headers = gateway.headers(target, Endpoint::Chat).await?;
    let (kind, body) = body.map_or((None, Vec::new()), |(kind, body)| (Some(kind), body));
    headers.extend(kind.map(|kind| (header::CONTENT_TYPE, kind)));
    let url = target.url(path);
    let begun = gateway.fetcher.begin(Call { method, url: &url, headers, body }).await;
    let mut arriving = begun.map_err(|none| {
        if none.sent {
            return lost(&none.error);
        }
        Refused::new("upstream_unreachable", "the model's provider can't be reached; nothing was sent")
    })?;
    let mut body = Vec::new();
    while let Some(piece) = arriving.piece().await.map_err(|error| lost(&error))? {
        if body.len().saturating_add(piece.len()) > call::MAX_ANSWER {
            return Err(Refused::new("upstream_failed", "the provider's answer is too large"));
        }
        body.extend(piece);
    }
    Ok((arriving.status, arriving.headers.get(header::CONTENT_TYPE).cloned(), body))
}

/// What a caller gets of it: what is its own to mend in the provider's words, the rest as a failure.
fn told((status, _, body): Said) -> Result<Response, Refused> {
    match status {
        200 | 400 | 404 | 409 | 413 | 422 | 429 => Ok(answer::whole(status, "application/json", body)),
        _ => Err(Refused::new(
            "upstream_failed",
            format!("the model's provider answered with status {status}"),
        )),
    }
}

async fn one(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    asked: &Asked<'_>,
    kept: &Kept,
) -> Result<Response, Refused> {
    let model = permit(gateway, message, (asked.action(), &kept.model)).await?;
    let target = target_of(&model, &kept.base_url)?;
    let base = format!("{}/{}", asked.kind.path(), kept.id);
    let (method, path) = match asked.verb {
        Verb::Content => (Method::GET, format!("{base}/content")),
        Verb::Remove => (Method::DELETE, base),
        Verb::Cancel => (Method::POST, format!("{base}/cancel")),
        _ => (Method::GET, base),
    };
    let place = (asked.verb == Verb::Content).then(|| file_place(gateway, &kept.agent)).transpose()?;
    let said = ask(gateway, target, (method, &path), None).await?;
    match (asked.verb, place) {
        (Verb::Content, Some(place)) if said.0 == 200 => return Ok(content(said.2, place)),
        _ => {}
    }
    match asked.verb {
        // What is not there any more is nobody's.
        Verb::Remove if matches!(said.0, 200 | 404) => forget(gateway, kept).await?,
        _ if asked.kind == Kind::Batch && said.0 == 200 => {
            settle::note_files(gateway, kept, &said.2).await?;
            gateway.look_at_batch(&kept.id);
        }
        _ => {}
    }
    told(said)
}

/// A place for a file that is held.
fn file_place(gateway: &Gateway, agent: &str) -> Result<Turn, Refused> {
    let busy = |_| Refused::new("overloaded", "too many files are held at once; try again");
    gateway.files.take(agent).map_err(busy)
}

/// A file as an answer, which has its place for as long as somebody reads it.
fn content(body: Vec<u8>, place: Turn) -> Response {
    let length = body.len();
    let pieces = stream::unfold((Bytes::from(body), place), async |(mut rest, place)| {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some((Ok::<Bytes, Infallible>(piece), (rest, place)))
    });
    let mut response = answer::whole(200, "application/octet-stream", Vec::new());
    *response.body_mut() = Body::from_stream(pieces);
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

async fn forget(gateway: &Arc<Gateway>, kept: &Kept) -> Result<(), Refused> {
    let (writer, agent, id) = (Arc::clone(gateway), kept.agent.clone(), kept.id.clone());
    let write = move || writer.store.write(|tx| kept::remove(tx, &writer.organization, &agent, &id));
    let done = gateway.blocking(write).await.map_err(|_| Refused::store())?;
    done.map_err(|error: legation_store::StoreError| Refused::of_store(&error))
}

/// Notes whose something is. `false` where that id is taken by somebody else's.
async fn note(gateway: &Arc<Gateway>, one: Kept) -> Result<bool, Refused> {
    let writer = Arc::clone(gateway);
    let write = move || {
        writer.store.write(|tx| {
            let is_new = kept::add(tx, &writer.organization, &one)?;
            let known = kept::get(tx, &writer.organization, (&one.agent, &one.kind), &one.id)?;
            Ok::<bool, legation_store::StoreError>(is_new || known.is_some())
        })
    };
    let done = gateway.blocking(write).await.map_err(|_| Refused::store())?;
    done.map_err(|error| Refused::of_store(&error))
}

/// Refuses one more where an agent has as many as there may be.
async fn has_room(gateway: &Arc<Gateway>, (agent, kind): (&str, Kind)) -> Result<(), Refused> {
    let (reader, agent, before) = (Arc::clone(gateway), agent.to_owned(), now().saturating_sub(FORGOTTEN));
    let read = move || {
        let of = (agent.as_str(), kind.name());
        let count = reader.store.read(|tx| kept::count(tx, &reader.organization, of))?;
        // Nobody can delete a batch.
        if count < MOST || kind == Kind::File {
            return Ok(count);
        }
        reader.store.write(|tx| {
            kept::forget_before(tx, &reader.organization, of, before)?;
            kept::count(tx, &reader.organization, of)
        })
    };
    let count = gateway.blocking(read).await.map_err(|_| Refused::store())?;
    if count.map_err(|error: legation_store::StoreError| Refused::of_store(&error))? < MOST {
        return Ok(());
    }
    let cure = if kind == Kind::File { "delete some" } else { "they are forgotten after 30 days" };
    let message = format!("there are {MOST} {} of this agent; {cure}", kind.path());
    Err(Refused::new("too_many_kept", message))
}

/// An agent's objects, each as its provider tells it now, the latest first.
async fn list(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    asked: &Asked<'_>,
    agent: &str,
) -> Result<Response, Refused> {
    let query = |name: &str| {
        let mut all = asked.query.split('&').filter_map(|one| one.split_once('='));
        all.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    };
    let wrong = || Refused::new("bad_request", "`limit` is no number from 1 to 100");
    let most = match query("limit") {
        None => PAGE.0,
        Some(text) => text.parse().ok().filter(|most| (1..=PAGE.1).contains(most)).ok_or_else(wrong)?,
    };
    let after = match query("after") {
        None => None,
        Some(id) => Some(mine(gateway, (agent, asked.kind), &id).await?),
    };
    let (reader, owner, kind) = (Arc::clone(gateway), agent.to_owned(), asked.kind.name());
    let read = move || {
        let of = (owner.as_str(), kind);
        reader
            .store
            .read(|tx| kept::list(tx, &reader.organization, of, after.as_ref(), most.saturating_add(1)))
    };
    let found = gateway.blocking(read).await.map_err(|_| Refused::store())?;
    let mut all = found.map_err(|error: legation_store::StoreError| Refused::of_store(&error))?;
    let has_more = i64::try_from(all.len()).unwrap_or(i64::MAX) > most;
    all.truncate(usize::try_from(most).unwrap_or_default());
    // One decision for all of a model.
    let mut models: Vec<Arc<Model>> = Vec::new();
    if let Who::Signed(_) = auth::who(message)?
        && all.iter().any(|one| Some(&one.model) != all.first().map(|first| &first.model))
    {
        let message =
            "a signature is good for one decision, and these are of several models; ask by an API key";
        return Err(Refused::new("bad_request", message));
    }
    for one in &all {
        if !models.iter().any(|model| model.name == one.model) {
            models.push(permit(gateway, message, (asked.action(), &one.model)).await?);
        }
    }
    let tell = async |one: &Kept| -> Option<Value> {
        let model = models.iter().find(|model| model.name == one.model)?;
        let target = target_of(model, &one.base_url).ok()?;
        let path = format!("{}/{}", asked.kind.path(), one.id);
        let (status, _, body) = ask(gateway, target, (Method::GET, &path), None).await.ok()?;
        serde_json::from_slice(&body).ok().filter(|_| status == 200)
    };
    let told: Vec<Option<Value>> = stream::iter(all.iter().map(tell)).buffered(TOGETHER).collect().await;
    let id = |one: Option<&Kept>| one.map(|one| one.id.clone());
    let body = json!({
        "object": "list", "data": told.into_iter().flatten().collect::<Vec<Value>>(),
        "first_id": id(all.first()), "last_id": id(all.last()), "has_more": has_more,
    });
    Ok(answer::whole(200, "application/json", body.to_string().into_bytes()))
}
