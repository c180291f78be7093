//! A refusal in the shape that A2A clients read, and a request that waits as the task that it is to them.

use super::{Asked, Wire, forward::A2A_JSON};
use crate::{
    access, answer,
    gateway::{Gateway, now},
    refused::Refused,
    rpc,
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, header};
use legation_mcp::{
    a2a::{
        Binding, Message,
        told::{Waits, error, held, http_error},
    },
    told::Denied,
};
use legation_store::approval::Held;
use legation_verifier::Code;
use serde_json::Value;

/// A refusal as the answer to what was asked, counted by its code. By JSON-RPC errors stand in the envelope, with the status 200 (A2A 1.0
/// §9.5); who calls, and what was no message at all, is told by the status, too. By HTTP+JSON the status says what is wrong (§11.6).
pub(crate) fn refused(gateway: &Gateway, wire: Wire, asked: Option<&Asked>, refused: &Refused) -> Response {
    if let Some(Asked::Card | Asked::Overlay) = asked {
        return gateway.refuse(refused);
    }
    gateway.count(&refused.code);
    access::code(&refused.code);
    let message = asked.and_then(Asked::message);
    let waits = refused.code == Code::ApprovalRequired.as_str() && refused.approval.is_some();
    if let Some(message) = message.filter(|message| waits && message.operation.is_message()) {
        return given(message, &held(message, Waits::Pending, &why(refused)));
    }
    let status = match refused.status() {
        _ if refused.code == "origin_denied" => 403,
        // Whoever shows a token is to ask for one with more scopes.
        status @ (400 | 403) if refused.challenge.is_some() => status,
        status @ (401 | 405 | 413) => status,
        status if status >= 500 || wire == Wire::HttpJson => status,
        _ => 200,
    };
    let mut response = rpc::refusal(status, &error_body(wire, message, refused), refused);
    if wire == Wire::HttpJson {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(A2A_JSON));
    }
    response
}

/// By which binding a message is answered.
pub(super) fn wire(message: &Message) -> Wire {
    match message.binding {
        Binding::JsonRpc(_) => Wire::JsonRpc,
        Binding::HttpJson => Wire::HttpJson,
    }
}

/// How a request stands that was held for an approval.
pub(super) fn waits(message: &Message, of: &Held) -> Response {
    let is_over = of.until <= now();
    let (waits, code, says) = match of.state.as_str() {
        "used" => (Waits::Used, "approval_used", "it was approved, and has passed"),
        "refused" => (Waits::Refused, "approval_refused", "it was looked at and refused"),
        _ if is_over => {
            (Waits::Refused, "approval_refused", "nobody decided in time; send the message again")
        }
        "granted" => (
            Waits::Granted,
            "approval_granted",
            "it was approved; send the same message again, without the id of this task, and it passes once",
        ),
        _ => (Waits::Pending, Code::ApprovalRequired.as_str(), "it waits for somebody to approve it"),
    };
    let message_of = match of.reason.as_str() {
        "" => says.to_owned(),
        reason => format!("{says}: {reason}"),
    };
    let why = Denied { code, message: &message_of, cure: None, retry_after: None, approval: Some(&of.id) };
    given(message, &held(message, waits, &why))
}

/// An answer of our own as the operation has it: one message, or a stream of one.
fn given(message: &Message, body: &Value) -> Response {
    let kind = match wire(message) {
        Wire::JsonRpc => "application/json",
        Wire::HttpJson => A2A_JSON,
    };
    if message.operation.is_streamed() {
        return rpc::streamed(Body::from(format!("data: {body}\n\n")));
    }
    answer::whole(200, kind, body.to_string().into_bytes())
}

fn why(refused: &Refused) -> Denied<'_> {
    Denied {
        code: &refused.code,
        message: &refused.message,
        // Of what was decided: elsewhere a code speaks of a delegation, and not of a message.
        cure: Code::from_name(&refused.code)
            .filter(|_| matches!(refused.status(), 403 | 429))
            .map(Code::cure),
        retry_after: refused.retry_after,
        approval: refused.approval.as_deref(),
    }
}

/// A refusal as an error of the binding.
pub(super) fn error_body(wire: Wire, message: Option<&Message>, refused: &Refused) -> Value {
    let id = message.and_then(|message| match &message.binding {
        Binding::JsonRpc(id) => Some(id),
        Binding::HttpJson => None,
    });
    match wire {
        Wire::JsonRpc => error(id, rpc_code(refused), &why(refused)),
        Wire::HttpJson => http_error(refused.status(), &why(refused)),
    }
}

/// The code of JSON-RPC: of the specifications where they have one (A2A 1.0 §5.4), else the HTTP status.
fn rpc_code(refused: &Refused) -> i64 {
    match refused.code.as_str() {
        "duplicate_member" | "json_too_deep" | "input_too_large" => -32700,
        "malformed" | "batch" | "other_protocol" => -32600,
        "method_unknown" => -32601,
        "unknown_member" | "unfit_name" | "unfit_arguments" => -32602,
        "upstream_failed" | "upstream_timeout" => -32603,
        "task_unknown" => -32001,
        _ => i64::from(refused.status()),
    }
}
