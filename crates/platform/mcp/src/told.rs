//! A denial as its caller gets it: as the result of a tool, which the model reads, or as an error of JSON-RPC.

use crate::message::{Id, Message};
use serde_json::{Value, json};

/// Where a result says what was denied, for programs.
pub const META: &str = "org.w3id.legation/denial";

/// What is told of a denial.
#[derive(Clone, Copy, Debug)]
pub struct Denied<'a> {
    /// The stable code.
    pub code: &'a str,
    /// What was expected and what was found, in a sentence.
    pub message: &'a str,
    /// What can be done about it.
    pub cure: Option<&'a str>,
    /// Seconds after which the same would pass, where a window frees it.
    pub retry_after: Option<u32>,
    /// The id by which it waits for an approval.
    pub approval: Option<&'a str>,
}

impl Denied<'_> {
    fn data(&self) -> Value {
        let mut data = json!({"code": self.code, "message": self.message});
        if let Some(members) = data.as_object_mut() {
            members.extend(self.cure.map(|cure| ("cure".to_owned(), cure.into())));
            members.extend(self.approval.map(|id| ("approval".to_owned(), id.into())));
            members.extend(self.retry_after.map(|seconds| ("retryAfter".to_owned(), seconds.into())));
        }
        data
    }
}

/// A denial of a request. A call of a tool is answered by a result with `isError`, which clients give to their model
/// (server/tools, Error Handling), so that it can do otherwise; anything else by an error, whose code is the HTTP status: codes of
/// our own are outside the range of JSON-RPC (basic/index, Error Codes).
///
/// ```
/// use legation_mcp::{message, told::{Denied, denied}};
/// let body = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"pay"}}"#;
/// let why = Denied { code: "not_granted", message: "this was not granted", cure: None, retry_after: None, approval: None };
/// let told = denied(&message::read(body)?, 403, &why);
/// assert_eq!((&told["id"], &told["result"]["isError"]), (&7.into(), &true.into()));
/// # Ok::<(), legation_mcp::MessageError>(())
/// ```
#[must_use]
pub fn denied(message: &Message, status: u16, why: &Denied<'_>) -> Value {
    if message.method.as_deref() != Some("tools/call") {
        return error(message.id.as_ref(), i64::from(status), why);
    }
    let cure = why.cure.map(|cure| format!(" What can be done: {cure}.")).unwrap_or_default();
    let cure = cure.replace("..", ".");
    let text = format!("Denied ({}): {}.{cure}", why.code, why.message.trim_end_matches('.'));
    let mut result = json!({
        "content": [{"type": "text", "text": text}],
        "isError": true,
        "_meta": {META: why.data()},
    });
    if message.version.is_some()
        && let Some(members) = result.as_object_mut()
    {
        members.insert("resultType".to_owned(), "complete".into());
    }
    json!({"jsonrpc": "2.0", "id": message.id.as_ref().map(Id::to_json), "result": result})
}

/// An error of JSON-RPC. One that answers nothing that could be read has no `id`.
#[must_use]
pub fn error(id: Option<&Id>, code: i64, why: &Denied<'_>) -> Value {
    let mut message = json!({
        "jsonrpc": "2.0",
        "error": {"code": code, "message": format!("{}: {}", why.code, why.message), "data": why.data()},
    });
    if let (Some(id), Some(members)) = (id, message.as_object_mut()) {
        members.insert("id".to_owned(), id.to_json());
    }
    message
}
