//! What an agent answers.

use super::message::{Binding, is_id};
use crate::reply::{self, Kind, LIMITS, Members, ReplyError, result_with_items, with_items};
use legation_keys::{
    Json,
    json::{self, Object},
};

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

/// Reads an answer by the binding of its message: of what it tells (A2A 1.0 §3.2.3, §11.4; 0.3 §6.1). `None` where it answers another
/// message.
///
/// # Errors
/// [`ReplyError`], also of what is no answer: an agent asks its client for nothing.
pub fn read(binding: &Binding, text: &[u8]) -> Result<Option<Tells>, ReplyError> {
    match binding {
        Binding::JsonRpc(asked) => {
            let reply = reply::read(text)?;
            let Kind::Answer(id) = &reply.kind else { return Err(form("it is no answer")) };
            if id.as_ref().is_some_and(|id| id != asked) {
                return Ok(None);
            }
            reply.result().map_or(Ok(Tells::default()), Tells::of).map(Some)
        }
        Binding::HttpJson => {
            let json = json::parse(text, LIMITS)?;
            result(&json)?.map_or(Ok(Tells::default()), Tells::of).map(Some)
        }
    }
}

/// What an answer of HTTP+JSON holds; `None` where it is an error (§11.6). What is both would be an error to one reader and tasks to
/// another.
fn result<'j, 'a>(json: &'j Json<'a>) -> Result<Option<&'j Object<'a>>, ReplyError> {
    let object = json.as_object().ok_or_else(|| form("it is no object"))?;
    match object.get("error") {
        None => Ok(Some(object)),
        Some(_) if object.len() == 1 => Ok(None),
        Some(_) => Err(form("it has something beside its `error`")),
    }
}

impl Tells {
    fn of(result: &Object<'_>) -> Result<Self, ReplyError> {
        let mut tells = Self::default();
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
        Ok(tells)
    }

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
pub fn listed(binding: &Binding, text: &str) -> Result<Option<Vec<String>>, ReplyError> {
    match binding {
        Binding::JsonRpc(_) => {
            let reply = reply::read(text.as_bytes())?;
            if reply.is_error() {
                return Ok(None);
            }
            tasks_of(reply.result().ok_or_else(|| form("its `result` is no object"))?).map(Some)
        }
        Binding::HttpJson => {
            let json = json::parse(text.as_bytes(), LIMITS)?;
            result(&json)?.map(tasks_of).transpose()
        }
    }
}

fn tasks_of(result: &Object<'_>) -> Result<Vec<String>, ReplyError> {
    let tasks = match result.get("tasks") {
        // A list of nothing may be left out (ProtoJSON).
        None => return Ok(Vec::new()),
        Some(tasks) => tasks.as_array().ok_or_else(|| form("its `tasks` is no list"))?,
    };
    let id = |task: &Json<'_>| task.get("id").and_then(Json::as_str).map(str::to_owned);
    tasks.iter().map(|task| id(task).ok_or_else(|| form("a task has no id"))).collect()
}

/// The list with those of its tasks that are kept, as the agent wrote them, and no count of the others.
///
/// # Errors
/// [`ReplyError`].
pub fn filtered(binding: &Binding, text: &str, kept: &[bool]) -> Result<String, ReplyError> {
    let count = kept.iter().filter(|kept| **kept).count();
    let edit = |result: &mut Members| -> Result<(), serde_json::Error> {
        if result.contains_key("totalSize") {
            result.insert("totalSize".to_owned(), serde_json::value::to_raw_value(&count)?);
        }
        Ok(())
    };
    match binding {
        Binding::JsonRpc(_) => with_items(text, "tasks", kept, edit),
        Binding::HttpJson => {
            let written = result_with_items(text, "tasks", kept, edit);
            written
                .and_then(|result| serde_json::to_string(&result))
                .map_err(|_| form("it was read, and can't be read again"))
        }
    }
}
