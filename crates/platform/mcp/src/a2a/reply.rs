//! What an agent answers.

use super::message::is_id;
use crate::reply::{self, Kind, ReplyError, with_items};
use legation_keys::{Json, json::Object};

/// What an answer tells of, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tells {
    /// The tasks.
    pub tasks: Vec<String>,
    /// The contexts.
    pub contexts: Vec<String>,
}

fn form(reason: &'static str) -> ReplyError {
    ReplyError::Form { reason }
}

/// Reads an answer: which request it answers, and of what it tells (A2A 1.0 §3.2.3; 0.3 §6.1).
///
/// # Errors
/// [`ReplyError`], also of what is no answer: an agent asks its client for nothing.
pub fn read(text: &[u8]) -> Result<(Option<crate::Id>, Tells), ReplyError> {
    let reply = reply::read(text)?;
    let Kind::Answer(id) = &reply.kind else { return Err(form("it is no answer")) };
    let mut tells = Tells::default();
    if let Some(result) = reply.result() {
        // 1.0 wraps what it is; before, `kind` says it, and a task that was asked for is itself in both.
        let wrapped = ["task", "message", "statusUpdate", "artifactUpdate"];
        let inner: Vec<_> = wrapped.iter().filter_map(|name| Some((*name, result.get(name)?))).collect();
        for (name, object) in &inner {
            let object = object.as_object().ok_or_else(|| form("a task or message is no object"))?;
            tells.add(object, *name == "task")?;
        }
        if inner.is_empty() {
            let kind = result.get("kind").and_then(Json::as_str);
            let is_task = kind == Some("task") || (kind.is_none() && result.get("status").is_some());
            tells.add(result, is_task)?;
        }
    }
    Ok((id.clone(), tells))
}

impl Tells {
    fn add(&mut self, object: &Object<'_>, is_task: bool) -> Result<(), ReplyError> {
        let id = |name: &str| match object.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(id)) if id.is_empty() => Ok(None),
            Some(Json::String(id)) if is_id(id) => Ok(Some(id.clone().into_owned())),
            Some(_) => Err(form("the id of a task or context is no text that can be one")),
        };
        self.tasks.extend(id(if is_task { "id" } else { "taskId" })?);
        self.contexts.extend(id("contextId")?);
        Ok(())
    }
}

/// The ids of the tasks of a list; `None` where it is an error of the agent.
///
/// # Errors
/// [`ReplyError`] where it is no such list.
pub fn listed(text: &str) -> Result<Option<Vec<String>>, ReplyError> {
    let reply = reply::read(text.as_bytes())?;
    if reply.is_error() {
        return Ok(None);
    }
    let result = reply.result().ok_or_else(|| form("its `result` is no object"))?;
    let tasks = match result.get("tasks") {
        // A list of nothing may be left out (ProtoJSON).
        None => return Ok(Some(Vec::new())),
        Some(tasks) => tasks.as_array().ok_or_else(|| form("its `tasks` is no list"))?,
    };
    let id = |task: &Json<'_>| task.get("id").and_then(Json::as_str).map(str::to_owned);
    tasks
        .iter()
        .map(|task| id(task).ok_or_else(|| form("a task has no id")))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The list with those of its tasks that are kept, as the agent wrote them, and no count of the others.
///
/// # Errors
/// [`ReplyError`].
pub fn filtered(text: &str, kept: &[bool]) -> Result<String, ReplyError> {
    let count = kept.iter().filter(|kept| **kept).count();
    with_items(text, "tasks", kept, |result| {
        if result.contains_key("totalSize") {
            result.insert("totalSize".to_owned(), serde_json::value::to_raw_value(&count)?);
        }
        Ok(())
    })
}
