//! What a caller is told by the gateway itself: a denial as an error, or a task that waits for an approval.

use super::{
    message::{Binding, Message},
    operation::Generation,
};
use crate::{Id, told::Denied};
use serde_json::{Value, json};

/// The domain of our errors (`google.rpc.ErrorInfo`).
pub const DOMAIN: &str = "w3id.org/legation";
/// The domain of the protocol's own errors (A2A 1.0 §11.6).
const OF_A2A: &str = "a2a-protocol.org";

/// What became of a request that needs an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Nobody has decided yet.
    Pending,
    /// It was approved, and not asked again since.
    Granted,
    /// It was refused, or nobody decided in time.
    Refused,
    /// It was approved, and has passed.
    Used,
}

impl Waits {
    /// The state of a task that says so (A2A 1.0 §4.1.3; 0.3 §6.3).
    fn state(self, generation: Generation) -> &'static str {
        match (self, generation) {
            (Self::Pending, Generation::New) => "TASK_STATE_AUTH_REQUIRED",
            (Self::Pending, Generation::Old) => "auth-required",
            // What it waits for is the message, once more.
            (Self::Granted, Generation::New) => "TASK_STATE_INPUT_REQUIRED",
            (Self::Granted, Generation::Old) => "input-required",
            (Self::Refused, Generation::New) => "TASK_STATE_REJECTED",
            (Self::Refused, Generation::Old) => "rejected",
            (Self::Used, Generation::New) => "TASK_STATE_COMPLETED",
            (Self::Used, Generation::Old) => "completed",
        }
    }
}

/// The task that stands for a request which was held (§7.6.1): its id is the approval's. It is answered to a message, and to whoever
/// asks for that task.
#[must_use]
pub fn held(message: &Message, waits: Waits, why: &Denied<'_>) -> Value {
    let (id, text, details) = (why.approval.unwrap_or_default(), sentence(why), details(why));
    let (state, metadata) = (waits.state(message.generation), json!({crate::told::META: details}));
    let task = match message.generation {
        Generation::New => {
            let says = json!({"messageId": id, "taskId": id, "contextId": id, "role": "ROLE_AGENT",
                "parts": [{"text": text}]});
            json!({"id": id, "contextId": id, "status": {"state": state, "message": says}, "metadata": metadata})
        }
        Generation::Old => {
            let says = json!({"kind": "message", "messageId": id, "taskId": id, "contextId": id, "role": "agent",
                "parts": [{"kind": "text", "text": text}]});
            let status = json!({"state": state, "message": says});
            json!({"kind": "task", "id": id, "contextId": id, "status": status, "metadata": metadata})
        }
    };
    // 1.0 wraps it where it could be something else (§3.2.3): in the answer to a message, and in a stream.
    let is_wrapped = message.operation.is_message() || message.operation.is_streamed();
    let result = match message.generation {
        Generation::New if is_wrapped => json!({"task": task}),
        _ => task,
    };
    match &message.binding {
        Binding::JsonRpc(id) => json!({"jsonrpc": "2.0", "id": id.to_json(), "result": result}),
        Binding::HttpJson => result,
    }
}

/// An error of JSON-RPC (A2A 1.0 §9.5), with its code for people in `message` and for programs in `data`. What could not be read has no `id`
/// of its own, and `null` in place of it (JSON-RPC 2.0 §5).
#[must_use]
pub fn error(id: Option<&Id>, code: i64, why: &Denied<'_>) -> Value {
    let reason = why.code.to_ascii_uppercase();
    let info = info((reason.as_str(), DOMAIN), why);
    json!({
        "jsonrpc": "2.0",
        "id": id.map(Id::to_json),
        "error": {"code": code, "message": coded(why), "data": [info]},
    })
}

/// An error of HTTP+JSON (A2A 1.0 §11.6): `google.rpc.Status` with the HTTP status. What the protocol has a name for goes by that.
#[must_use]
pub fn http_error(status: u16, why: &Denied<'_>) -> Value {
    let own = why.code.to_ascii_uppercase();
    let named = match why.code {
        "task_unknown" => ("TASK_NOT_FOUND", OF_A2A),
        "version_unsupported" => ("VERSION_NOT_SUPPORTED", OF_A2A),
        _ => (own.as_str(), DOMAIN),
    };
    json!({"error": {
        "code": status, "status": status_name(status), "message": coded(why), "details": [info(named, why)],
    }})
}

/// The name of an HTTP status in `google.rpc.Code`.
fn status_name(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 => "UNIMPLEMENTED",
        409 => "ABORTED",
        413 => "OUT_OF_RANGE",
        429 => "RESOURCE_EXHAUSTED",
        502 | 503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500..=599 => "INTERNAL",
        _ => "UNKNOWN",
    }
}

fn info((reason, domain): (&str, &str), why: &Denied<'_>) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": details(why),
    })
}

/// For people, with the code behind it.
fn coded(why: &Denied<'_>) -> String {
    format!("{} ({})", sentence(why), why.code)
}

/// What is wrong, and what can be done.
fn sentence(why: &Denied<'_>) -> String {
    let cure = why.cure.map(|cure| format!(" What can be done: {cure}.")).unwrap_or_default();
    format!("{}.{cure}", why.message.trim_end_matches('.')).replace("..", ".")
}

/// The same for programs: of `ErrorInfo` each is a text.
fn details(why: &Denied<'_>) -> Value {
    let seconds = why.retry_after.map(|seconds| seconds.to_string());
    let said = [
        ("code", Some(why.code)),
        ("message", Some(why.message)),
        ("cure", why.cure),
        ("approval", why.approval),
        ("retryAfter", seconds.as_deref()),
    ];
    said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect()
}
