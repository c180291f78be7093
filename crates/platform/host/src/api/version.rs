//! Versions of what is there, so that nobody overwrites what he has not seen: `ETag`, `If-Match`, `If-None-Match`
//! (RFC 9110 §8.8.3, §13.1).

use super::{
    asked::Asked,
    endpoint::{Endpoint, all},
    error::ApiError,
};
use axum::http::{HeaderMap, HeaderName, Method, header};
use legation_keys::base64url;
use legation_registry::Registry;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Most bytes of such a header.
const MAX_HEADER: usize = 1024;

/// What has to be so for a change to be made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    /// What is there has to have one of these versions; with `*` there has to be something.
    matches: Option<String>,
    /// There must be nothing yet (`If-None-Match: *`).
    is_new: bool,
}

impl Condition {
    /// The condition of a request.
    ///
    /// # Errors
    /// [`ApiError`] where it can't be read: a condition that is not understood is not met.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        let matches = one(headers, &header::IF_MATCH)?;
        let none = one(headers, &header::IF_NONE_MATCH)?;
        if let Some(found) = none.as_deref().filter(|found| *found != "*") {
            let message = format!("`If-None-Match` is `{found}`; expected `*`: that there is nothing yet");
            return Err(ApiError::bad("condition_invalid", message));
        }
        Ok(Self { matches, is_new: none.is_some() })
    }

    /// Holds the condition against what is there under a path, in the transaction of the change.
    ///
    /// # Errors
    /// [`ApiError`] with 412 where it is not met.
    pub(crate) fn hold(&self, registry: &Registry, path: &str, now: i64) -> Result<(), ApiError> {
        if *self == Self::default() {
            return Ok(());
        }
        let found = current(registry, path, now)?;
        if self.is_new && found.is_some() {
            return Err(unmet("there is one already, and `If-None-Match: *` asks for none"));
        }
        let Some(wanted) = &self.matches else { return Ok(()) };
        let found = found.ok_or_else(|| unmet("there is none, and `If-Match` asks for one"))?;
        // Compared strongly (§13.1.1): one that begins with `W/` never matches.
        let mut tags = wanted.split(',').map(str::trim);
        if wanted == "*" || tags.any(|tag| tag == found) {
            return Ok(());
        }
        Err(unmet(&format!(
            "it was changed meanwhile: `If-Match` asks for `{wanted}`, and it is `{found}` now; get it again, and decide anew"
        )))
    }
}

fn unmet(message: &str) -> ApiError {
    ApiError::new(412, "precondition_failed", message)
}

/// The one value of a header.
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| text.len() <= MAX_HEADER && values.next().is_none());
    let wrong = || {
        ApiError::bad(
            "condition_invalid",
            format!("`{name}` stands once, with at most {MAX_HEADER} visible ASCII characters"),
        )
    };
    text.map(|text| Some(text.trim().to_owned())).ok_or_else(wrong)
}

/// What a path is about: `/v1/agents/mail` of `/v1/agents/mail/suspend`.
fn resource(path: &str) -> &str {
    let end = path.match_indices('/').nth(3).map_or(path.len(), |(end, _)| end);
    path.get(..end).unwrap_or(path)
}

/// The version of what is there now; `None` where there is nothing.
fn current(registry: &Registry, path: &str, now: i64) -> Result<Option<String>, ApiError> {
    let path = resource(path);
    let reads = all().filter(|one| one.method == Method::GET);
    let found = reads.filter_map(|one| one.name_in(path).map(|name| (one, name))).next();
    let Some((endpoint, name)) = found.filter(|(_, name)| !name.is_empty()) else {
        let message = "what this changes has no version; send neither `If-Match` nor `If-None-Match`";
        return Err(ApiError::bad("condition_invalid", message));
    };
    let asked = Asked {
        registry,
        name: &name,
        query: &BTreeMap::new(),
        body: &[],
        authority: None,
        keys: None,
        domains: None,
        logs: None,
        now,
    };
    match (endpoint.run)(&asked) {
        Ok(answer) => Ok(Some(tag(&answer))),
        Err(error) if error.status == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// The version of an answer, where it is of one thing that has one.
pub(crate) fn of(endpoint: &Endpoint, path: &str, answer: &Value) -> Option<String> {
    let is_one = endpoint.path.contains('{') && resource(path) == path;
    (is_one && (endpoint.method == Method::GET || answer.get("version").is_some())).then(|| tag(answer))
}

/// Its number, where it counts its versions, which what it has spent does not change; else what it says.
fn tag(answer: &Value) -> String {
    match answer.get("version").and_then(Value::as_i64) {
        Some(version) => format!("\"{version}\""),
        None => {
            let digest: [u8; 32] = Sha256::digest(answer.to_string()).into();
            format!("\"{}\"", base64url::encode(digest.get(..12).unwrap_or_default()))
        }
    }
}
