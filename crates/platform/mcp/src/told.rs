//! A denial as its caller gets it: as the result of a tool, which the model reads, or as an error of JSON-RPC.

use crate::message::{Brings, Id, Message};
use serde_json::{Value, json};

/// Where a result says what was denied, for programs.
pub const META: &str = "org.w3id.legation/denial";

/// By which name a client is asked for an approval, and answers that it was (2026-07-28, basic/patterns/mrtr).
pub const APPROVAL: &str = "org.w3id.legation/approval";
/// What may be answered so (the same, Supported Requests).
const MAY_ASK: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];

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
/// What waits for an approval is an `input_required` result to clients of 2026-07-28 that can ask by a form: whoever it acts for is told
/// where it waits, and the client comes again with the same request. The form asks for nothing: to accept approves nothing, and who
/// declines is answered by the denial itself. Where the request brings what its server asked for, it is that, too, since a client keeps
/// only what it was asked for last.
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
    if let Some(id) = why.approval.filter(|_| why.code == "approval_required" && may_ask(message)) {
        return asks(message, id, why);
    }
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

/// Whether the client of a request can be asked for something before there is an answer.
fn may_ask(message: &Message) -> bool {
    let is_open = matches!(message.brings, Brings::Nothing | Brings::Asked);
    let may = message.method.as_deref().is_some_and(|method| MAY_ASK.contains(&method));
    is_open && may && message.elicits && message.version.is_some()
}

fn asks(message: &Message, id: &str, why: &Denied<'_>) -> Value {
    let again = if message.brings == Brings::Asked { "It was not granted yet: " } else { "" };
    // What it says tells that it waits, and as what.
    let text = format!(
        "{again}{}. Whoever may grant it sees it by `legation approval show {id}`. Accept once it was granted; to accept here grants nothing.",
        why.message.trim_end_matches('.')
    );
    let form = json!({"type": "object", "properties": {}});
    let params = json!({"mode": "form", "message": text, "requestedSchema": form});
    let result = json!({
        "resultType": "input_required",
        "inputRequests": {APPROVAL: {"method": "elicitation/create", "params": params}},
        "_meta": {META: why.data()},
    });
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
