//! What a client sends: one message, read strictly, by whichever binding it came.

use super::{
    operation::{Generation, Operation},
    parts::{self, form, member, only, text},
};
use crate::{
    message::{Id, LIMITS, MessageError, shorten},
    name, rpc,
};
use legation_credential::Facts;
use legation_keys::{
    Json, jcs,
    json::{self, Object},
};
use sha2::{Digest, Sha256};

/// Most tasks and contexts that one message names.
pub const MOST_NAMED: usize = 16;
/// Most bytes of the id of a task or context.
pub const MAX_ID: usize = 256;
/// What a message may have (A2A 1.0 §4.1.4; 0.3 §6.4).
const MEMBERS: [&str; 9] = [
    "kind",
    "messageId",
    "contextId",
    "taskId",
    "role",
    "parts",
    "metadata",
    "extensions",
    "referenceTaskIds",
];
/// What its configuration may have (1.0 §3.2.2; 0.3 §7.1.1).
const CONFIGURATION: [&str; 6] = [
    "acceptedOutputModes",
    "historyLength",
    "blocking",
    "returnImmediately",
    "pushNotificationConfig",
    "taskPushNotificationConfig",
];
/// What a place for notifications may have (1.0 §4.3.1; 0.3 §6.8).
const PLACE: [&str; 6] = ["id", "url", "token", "authentication", "taskId", "tenant"];
/// By what metadata name a skill of the agent's card. The protocol has no member for it.
const SKILL: [&str; 3] = ["skillId", "skill_id", "skill"];

/// By which binding a message comes, and its answer goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// JSON-RPC (A2A 1.0 §9), with the id by which the answer is known.
    JsonRpc(Id),
    /// HTTP+JSON (1.0 §11): method, path and query say what is asked.
    HttpJson,
}

/// A message of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// By which binding it came.
    pub binding: Binding,
    /// What it asks for.
    pub operation: Operation,
    /// Which generation it is written in.
    pub generation: Generation,
    /// The skill that it names.
    pub skill: Option<String>,
    /// The tasks that it names.
    pub tasks: Vec<String>,
    /// The context that it names.
    pub context: Option<String>,
    /// Where it wants to be told of a task.
    pub push: Option<String>,
    /// What is asked for in particular: the members of its data.
    pub facts: Facts,
    /// SHA-256 of what is asked, in canonical form (RFC 8785): `method` and `params` without the id of the message. The same asked
    /// again has the same, and so has a message that came by the other binding.
    pub digest: [u8; 32],
}

impl Message {
    /// The action that it is: `a2a:skill:NAME` where it names a skill, else `a2a:OPERATION`.
    #[must_use]
    pub fn action(&self) -> String {
        match &self.skill {
            Some(skill) => format!("a2a:skill:{skill}"),
            None => format!("a2a:{}", self.operation.name()),
        }
    }
}

/// Reads the message that a body of JSON-RPC is.
///
/// # Errors
/// [`MessageError`]: what two readers could read differently, and what is not known here, is no message.
pub fn read(body: &[u8]) -> Result<Message, MessageError> {
    let json = json::parse(body, LIMITS)?;
    let rpc::Envelope { id, method, params, .. } = rpc::envelope(&json)?;
    let method = method.ok_or_else(|| form("it has no `method`"))?;
    // A2A has no notifications: what changes something must not come as what nobody answers.
    let id = id.ok_or_else(|| form("it has no `id`"))?;
    let unknown = || MessageError::Unknown { found: shorten(&method) };
    let (operation, generation) = Operation::of(&method).ok_or_else(unknown)?;
    of_params(Binding::JsonRpc(id), (operation, generation), params)
}

/// The message that an operation and its parameters are.
pub(super) fn of_params(
    binding: Binding,
    (operation, generation): (Operation, Generation),
    params: Option<&Object<'_>>,
) -> Result<Message, MessageError> {
    let digest = digest(operation.method(generation), params);
    let (skill, tasks, context, push, facts) = (None, Vec::new(), None, None, Facts::new());
    let mut read = Message { binding, operation, generation, skill, tasks, context, push, facts, digest };
    match params {
        Some(params) => with_params(&mut read, params)?,
        None if operation == Operation::ExtendedCard || operation == Operation::List => {}
        None => return Err(form("it has no `params`")),
    }
    if read.tasks.len() > MOST_NAMED {
        return Err(form("it names too many tasks"));
    }
    let named = read.tasks.iter().chain(&read.context);
    match named.into_iter().find(|id| !is_id(id)) {
        None => Ok(read),
        Some(_) => Err(form("the id of a task or context is empty, too long, or has control characters")),
    }
}

/// Whether a text can be the id of a task or context.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && !id.contains(char::is_control)
}

/// What is asked: two messages of the same content are the same, whatever they are called.
fn digest(method: &str, params: Option<&Object<'_>>) -> [u8; 32] {
    let asked = params.map(|params| match params.get("message") {
        Some(Json::Object(message)) => {
            params.clone().with("message", Json::Object(message.without("messageId")))
        }
        _ => params.clone(),
    });
    let asked = Json::Array(vec![Json::String(method.into()), asked.map_or(Json::Null, Json::Object)]);
    Sha256::digest(jcs::canonicalize(&asked)).into()
}

fn with_params(read: &mut Message, params: &Object<'_>) -> Result<(), MessageError> {
    let Message { operation, generation, .. } = *read;
    only(params, operation.members())?;
    if let Some(tenant) = text(params, "tenant")?.filter(|tenant| !tenant.is_empty()) {
        read.facts.insert("a2a.tenant".to_owned(), tenant.as_str().into());
    }
    if operation.is_message() {
        return with_message(read, params);
    }
    if let Some(name) = operation.task_member(generation) {
        let task = text(params, name)?.ok_or_else(|| form("it does not name the task"))?;
        read.tasks.push(task);
    }
    match operation {
        Operation::List => read.context = text(params, "contextId")?.filter(|context| !context.is_empty()),
        Operation::SetPush => {
            let place = match (member(params, "pushNotificationConfig"), generation) {
                (Some(Json::Object(place)), Generation::Old) => {
                    only(place, &PLACE)?;
                    place
                }
                (None, Generation::New) => params,
                _ => return Err(form("where to be told is not said as this version says it")),
            };
            let url = text(place, "url")?.ok_or_else(|| form("it does not say where to be told"))?;
            read.facts.insert("url".to_owned(), url.as_str().into());
            read.push = Some(url);
        }
        _ => {}
    }
    Ok(())
}

fn with_message(read: &mut Message, params: &Object<'_>) -> Result<(), MessageError> {
    let message = member(params, "message").and_then(Json::as_object);
    let message = message.ok_or_else(|| form("`params.message` is no object"))?;
    only(message, &MEMBERS)?;
    if let Some(configuration) = member(params, "configuration") {
        let configuration =
            configuration.as_object().ok_or_else(|| form("`params.configuration` is no object"))?;
        only(configuration, &CONFIGURATION)?;
        let places = ["pushNotificationConfig", "taskPushNotificationConfig"];
        if places.iter().any(|name| member(configuration, name).is_some()) {
            // It would be two actions in one.
            return Err(MessageError::Arguments {
                reason: "a message does not say where to be told of its task; say that by \
                         `tasks/pushNotificationConfig/set` once there is one"
                    .to_owned(),
            });
        }
    }
    // An empty text is none (ProtoJSON).
    let id = |name: &str| Ok::<_, MessageError>(text(message, name)?.filter(|id| !id.is_empty()));
    read.context = id("contextId")?;
    read.tasks.extend(id("taskId")?);
    if let Some(others) = member(message, "referenceTaskIds") {
        let others = others.as_array().ok_or_else(|| form("`referenceTaskIds` is no list"))?;
        for other in others {
            let other = other.as_str().ok_or_else(|| form("one of `referenceTaskIds` is no text"))?;
            read.tasks.push(other.to_owned());
        }
    }
    read.skill = skill(params, message)?;
    parts::facts(message, &mut read.facts)?;
    read.facts.insert("a2a.method".to_owned(), read.operation.name().into());
    Ok(())
}

/// The skill that is named, in one way or in several that say the same.
fn skill(params: &Object<'_>, message: &Object<'_>) -> Result<Option<String>, MessageError> {
    let mut named: Option<String> = None;
    for object in [params, message] {
        let Some(metadata) = member(object, "metadata") else { continue };
        let metadata = metadata.as_object().ok_or_else(|| form("`metadata` is no object"))?;
        for name in SKILL {
            let Some(found) = text(metadata, name)? else { continue };
            if !name::fits(&found) {
                return Err(MessageError::Name { what: "skill", found: shorten(&found) });
            }
            if named.as_ref().is_some_and(|named| *named != found) {
                return Err(form("it names two skills"));
            }
            named = Some(found);
        }
    }
    Ok(named)
}
