//! Headers that mirror what the body says (2026-07-28, basic/transports/streamable-http, Request Metadata), held against
//! it: whoever stands between and looks at them only must not see another call than the one that is made.

use crate::message::Message;
use http::{HeaderMap, HeaderName};

/// The first version whose requests carry them.
const FIRST: &str = "2026-07-28";
/// The code of JSON-RPC for a header that says something else than the body.
pub const MISMATCH: i64 = -32020;

/// The header that says the version of the protocol.
pub const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The header that says the method.
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// The header that says what is called, got or read.
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// The header of a session, before 2026-07-28.
pub const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// What the names of headers begin with that mirror arguments.
pub const PARAM: &str = "mcp-param-";

/// Holds the headers of a request against its message.
///
/// # Errors
/// A sentence: a header says something else than the body, stands twice, or is missing where this version has it.
pub fn hold(headers: &HeaderMap, message: &Message) -> Result<(), String> {
    let version = one(headers, &VERSION)?;
    let said = message.version.as_deref();
    let is_new = |version: &str| version >= FIRST;
    let new = said.is_some() || version.as_deref().is_some_and(is_new);
    same(&VERSION, version.as_deref(), said, new && message.method.is_some())?;
    same(&METHOD, one(headers, &METHOD)?.as_deref(), message.method.as_deref(), new)?;
    let names = matches!(message.method.as_deref(), Some("tools/call" | "prompts/get" | "resources/read"));
    let named = message.named.as_deref().filter(|_| names);
    same(&NAME, one(headers, &NAME)?.as_deref(), named, new && names)
}

/// Whether a request speaks a version without sessions.
#[must_use]
pub fn is_stateless(headers: &HeaderMap, message: Option<&Message>) -> bool {
    let version = headers.get(VERSION).and_then(|value| value.to_str().ok());
    let said = message.and_then(|message| message.version.as_deref());
    said.is_some() || version.is_some_and(|version| version >= FIRST)
}

fn same(header: &HeaderName, found: Option<&str>, body: Option<&str>, needed: bool) -> Result<(), String> {
    match (found, body) {
        (None, _) if needed => Err(format!("the header `{header}` is missing")),
        (None, _) => Ok(()),
        // Before 2026-07-28 the version is in the header alone.
        (Some(_), None) if *header == VERSION && !needed => Ok(()),
        (Some(found), Some(body)) if found == body => Ok(()),
        (Some(_), _) => Err(format!("the header `{header}` says something else than the body")),
    }
}

/// The value of a header that may stand once; what is written in Base64 is decoded (Value Encoding).
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the header `{name}` stands twice"));
    }
    let unfit = || format!("the header `{name}` can't be read");
    let text = value.to_str().map_err(|_| unfit())?;
    let encoded = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let Some(encoded) = encoded else { return Ok(Some(text.to_owned())) };
    let bytes = base64_simd::STANDARD.decode_to_vec(encoded).map_err(|_| unfit())?;
    String::from_utf8(bytes).map(Some).map_err(|_| unfit())
}
