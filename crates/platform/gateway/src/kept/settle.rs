//! A batch is settled line by line, by what its output says. The process that began it looks after it; where that ends before,
//! what was reserved stays taken.

use super::{Kind, ask, is_id, note, target_of};
use crate::{
    asked::Endpoint,
    gateway::Gateway,
    members::Members,
    refused::Refused,
    settle::{Open, Outcome},
    stop::Guard,
    turns::Turn,
};
use futures::{StreamExt, stream};
use http::Method;
use legation_registry::model::Model;
use legation_store::kept::Kept;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// How often a batch is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// For how long: providers give one up after a day.
const LONGEST: Duration = Duration::from_secs(48 * 3600);

/// How many lines are settled at a time.
const TOGETHER: usize = 256;

/// What was reserved for each line, by its name.
pub(super) type Lines = HashMap<String, Open>;

/// A batch on its way.
pub(super) struct Running {
    pub(super) kept: Kept,
    pub(super) model: Arc<Model>,
    pub(super) open: Lines,
    pub(super) at: Endpoint,
    pub(super) guard: Guard,
    pub(super) room: Turn,
}

/// Settles all lines alike.
pub(super) async fn all(gateway: &Arc<Gateway>, open: Lines, model: &Model, outcome: &Outcome) {
    some(gateway, open.into_values().map(|one| (one, outcome.clone())), (model, None)).await;
}

/// Settles lines, a few at a time: of thousands at once most would find no room in the store's line, and stay taken.
async fn some(
    gateway: &Arc<Gateway>,
    lines: impl Iterator<Item = (Open, Outcome)>,
    of: (&Model, Option<usize>),
) {
    let one = |(open, outcome): (Open, Outcome)| async move { gateway.settle_now(open, of, &outcome).await };
    stream::iter(lines).for_each_concurrent(TOGETHER, one).await;
}

impl Gateway {
    /// Looks at a batch now, where it is looked after here.
    pub(crate) fn look_at_batch(&self, id: &str) {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = batches.get(id) {
            look.notify_one();
        }
    }
}

/// Looks after a batch until it has ended. It is cancelled where its agent is stopped.
pub(super) fn watch(gateway: &Arc<Gateway>, running: Running) {
    let (gateway, look) = (Arc::clone(gateway), Arc::new(Notify::new()));
    let id = running.kept.id.clone();
    gateway.batches.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), Arc::clone(&look));
    tokio::spawn(async move {
        let Running { kept, model, open, at, mut guard, room } = running;
        let begun = Instant::now();
        let mut open = Some(open);
        while open.is_some() && begun.elapsed() < LONGEST {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = look.notified() => {}
                refused = guard.stopped() => {
                    gateway.count(&refused.code);
                    cancel(&gateway, &kept, &model).await;
                    continue;
                }
            }
            if let Some(ended) = ended(&gateway, &kept, &model).await
                && let Some(open) = open.take()
            {
                settle(&gateway, open, (&kept, &model, at), &ended).await;
            }
        }
        if let Some(open) = open {
            all(&gateway, open, &model, &Outcome::Unknown("answer_lost")).await;
        }
        drop(room);
        gateway.batches.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    });
}

async fn cancel(gateway: &Arc<Gateway>, kept: &Kept, model: &Model) {
    let Ok(target) = target_of(model, &kept.base_url) else { return };
    let path = format!("batches/{}/cancel", kept.id);
    // What runs all the same is in its output, and settled by it.
    let _ = ask(gateway, target, (Method::POST, &path), None).await;
}

/// What a provider says of a batch that has ended.
async fn ended(gateway: &Arc<Gateway>, kept: &Kept, model: &Model) -> Option<Value> {
    let target = target_of(model, &kept.base_url).ok()?;
    let path = format!("batches/{}", kept.id);
    let (status, _, body) = ask(gateway, target, (Method::GET, &path), None).await.ok()?;
    let said: Value = serde_json::from_slice(&body).ok().filter(|_| status == 200)?;
    let state = said.get("status").and_then(Value::as_str)?;
    ["completed", "failed", "expired", "cancelled"].contains(&state).then_some(said)
}

/// The files that a batch has made, by what its provider says of it.
fn files(said: &Value) -> impl Iterator<Item = &str> {
    let ids = ["output_file_id", "error_file_id"].map(|name| said.get(name).and_then(Value::as_str));
    ids.into_iter().flatten().filter(|id| is_id(id))
}

/// What a batch has made belongs to the agent that made the batch.
pub(super) async fn note_files(gateway: &Arc<Gateway>, batch: &Kept, body: &[u8]) -> Result<(), Refused> {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    for id in files(&said) {
        let file = Kept { id: id.to_owned(), kind: Kind::File.name().to_owned(), ..batch.clone() };
        if !note(gateway, file).await? {
            return Err(Refused::new("upstream_failed", "the provider names a file that is somebody else's"));
        }
    }
    Ok(())
}

async fn settle(
    gateway: &Arc<Gateway>,
    mut open: Lines,
    (kept, model, at): (&Kept, &Model, Endpoint),
    said: &Value,
) {
    let target = model.targets.iter().position(|target| target.base_url == kept.base_url);
    let state = said.get("status").and_then(Value::as_str).unwrap_or_default();
    let mut is_whole = true;
    for id in files(said) {
        let Ok(at_target) = target_of(model, &kept.base_url) else { continue };
        let path = format!("files/{id}/content");
        let Ok((200, _, content)) = ask(gateway, at_target, (Method::GET, &path), None).await else {
            is_whole = false;
            continue;
        };
        let lines = content.split(|byte| *byte == b'\n').filter_map(|line| outcome(line, at));
        let told = lines.filter_map(|(name, outcome)| Some((open.remove(&name)?, outcome)));
        some(gateway, told, (model, target)).await;
    }
    // Of a batch that was given up what it did not answer was not run; of one that is done everything should be there.
    let rest = match state {
        "failed" | "expired" | "cancelled" if is_whole => Outcome::Nothing,
        _ => Outcome::Unknown("answer_missing"),
    };
    all(gateway, open, model, &rest).await;
}

/// The name of a line, and what its answer took.
fn outcome(line: &[u8], at: Endpoint) -> Option<(String, Outcome)> {
    let members = Members::read(line.trim_ascii()).ok()?;
    let name: String = serde_json::from_str(members.get("custom_id")?).ok()?;
    let response = members.get("response").and_then(|text| Members::read(text.as_bytes()).ok());
    let Some(response) = response else { return Some((name, Outcome::Nothing)) };
    let status: Option<u16> = response.get("status_code").and_then(|text| serde_json::from_str(text).ok());
    let outcome = match (status, response.get("body")) {
        (Some(200), Some(body)) => at.outcome(body.as_bytes()),
        (Some(status @ 400..500), _) => match at.refusal(status, 0) {
            Outcome::Nothing => Outcome::Nothing,
            // Nobody keeps how long its prompt may be.
            _ => Outcome::Unknown("refused_by_provider"),
        },
        _ => Outcome::Unknown("answer_missing"),
    };
    Some((name, outcome))
}
