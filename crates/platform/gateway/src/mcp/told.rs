//! A refusal in the shape that MCP clients read.

use super::Asked;
use crate::{access, gateway::Gateway, refused::Refused, rpc};
use axum::response::Response;
use legation_mcp::{
    Id, Message,
    headers::MISMATCH,
    told::{Denied, denied, error},
};
use legation_verifier::Code;
use serde_json::Value;

/// A refusal as the answer to what was asked, counted by its code.
///
/// What was decided is told with the status 200: to a client, 401 and 403 speak of the whole connection and start a dance
/// about tokens. Who calls, and what can't be read, is told by the status, too.
pub(crate) fn refused(gateway: &Gateway, asked: Option<&Asked>, refused: &Refused) -> Response {
    gateway.count(&refused.code);
    access::code(&refused.code);
    let message = asked.and_then(Asked::message);
    let is_decided = is_decision(refused) && message.is_some_and(Message::is_request);
    // Whoever shows a token is to ask for one with more scopes (MCP 2026-07-28, basic/authorization).
    let status = if is_decided && refused.challenge.is_none() { 200 } else { refused.status() };
    rpc::refusal(status, &body(message, refused), refused)
}

/// Whether something was decided, which a model can act on.
fn is_decision(refused: &Refused) -> bool {
    matches!(refused.status(), 403 | 429) && refused.code != "origin_denied"
}

/// A refusal as a message of JSON-RPC.
pub(super) fn body(message: Option<&Message>, refused: &Refused) -> Value {
    let code = Code::from_name(&refused.code);
    let why = Denied {
        code: &refused.code,
        message: &refused.message,
        cure: code.map(Code::cure),
        retry_after: refused.retry_after,
        approval: refused.approval.as_deref(),
    };
    match message.filter(|message| message.is_request()) {
        Some(message) if is_decision(refused) => denied(message, refused.status(), &why),
        message => error(message.and_then(|message| message.id.as_ref()), rpc_code(refused), &why),
    }
}

/// An error to the server of a request that its client does not get.
pub(super) fn not_asked(id: &Id, refused: &Refused) -> Value {
    let why = Denied {
        code: &refused.code,
        message: "the client may not be asked for this",
        cure: None,
        retry_after: None,
        approval: None,
    };
    // JSON-RPC 2.0 §5.1: the method is not available.
    error(Some(id), -32601, &why)
}

/// The code of JSON-RPC: of the specification where it has one, else the HTTP status.
fn rpc_code(refused: &Refused) -> i64 {
    match refused.code.as_str() {
        "header_mismatch" => MISMATCH,
        "duplicate_member" | "json_too_deep" | "input_too_large" => -32700,
        "malformed" | "batch" => -32600,
        "unfit_name" | "unfit_arguments" => -32602,
        _ => i64::from(refused.status()),
    }
}
