//! A refusal as the provider's SDKs read one: `{"type": "error", "error": {"type", "message"}}`, with our code beside.
//!
//! Which error an SDK raises it tells by the status, which is the same as in OpenAI's shape, and so is what it tries again
//! ([`crate::openai::error`]).

use crate::openai::ErrorShape;
use serde_json::{Value, json};

/// The type of an error that is answered with a status, in Anthropic's words.
fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn json(error: &ErrorShape<'_>) -> Value {
    let inner = json!({"type": kind(error.status()), "message": error.message, "code": error.code, "param": error.param});
    json!({"type": "error", "error": inner, "request_id": error.request_id})
}

/// The body.
///
/// ```
/// use legation_gateway::{anthropic, openai::ErrorShape};
/// let body = anthropic::error::body(&ErrorShape::new("budget_exceeded", "5.00 USD of 5.00 USD are used up"));
/// assert!(String::from_utf8_lossy(&body).contains(r#""type":"rate_limit_error""#));
/// ```
#[must_use]
pub fn body(error: &ErrorShape<'_>) -> Vec<u8> {
    json(error).to_string().into_bytes()
}

/// The same as an event of a stream that has begun, whose status is long gone: SDKs raise it.
#[must_use]
pub fn event(error: &ErrorShape<'_>) -> Vec<u8> {
    format!("event: error\ndata: {}\n\n", json(error)).into_bytes()
}
