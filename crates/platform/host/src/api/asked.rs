//! What an end point is asked.

use super::{error::ApiError, identity::Keys};
use crate::domains::Domains;
use legation_credential::Authority;
use legation_keys::{
    json::{self, JsonLimits},
    time::{self, Round},
};
use legation_registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// Most bytes of a body: 1 MiB.
pub const MAX_BODY: usize = 1 << 20;
/// Most arrays and objects of a body inside one another.
const MAX_DEPTH: usize = 16;
/// Most items of one answer.
pub(crate) const MOST: i64 = 1000;
/// Items of an answer where nobody says how many.
const USUAL: i64 = 100;

/// A request as its end point sees it: who asks is known, and may.
pub(crate) struct Asked<'a> {
    /// The organization, whose events name who asks.
    pub(crate) registry: &'a Registry,
    /// What stands in the path for its variable.
    pub(crate) name: &'a str,
    pub(crate) query: &'a BTreeMap<String, String>,
    pub(crate) body: &'a [u8],
    /// What who asks may do; `None` of whoever holds the organization's data.
    pub(crate) authority: Option<&'a Authority>,
    /// Keys of identity providers, where they can be fetched.
    pub(crate) keys: Option<&'a Keys>,
    /// Who looks at domains; where there is none, the end point does.
    pub(crate) domains: Option<&'a Domains>,
    /// The folder of the organization's logs, where this process has one.
    pub(crate) logs: Option<&'a Path>,
    /// Unix seconds.
    pub(crate) now: i64,
}

/// Which part of a list is asked for.
pub(crate) struct Page {
    /// Behind this one.
    pub(crate) after: String,
    /// So many at most.
    pub(crate) most: i64,
}

impl Asked<'_> {
    /// The body, read strictly: no name twice, none that is not known.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let limits = JsonLimits { bytes: MAX_BODY, depth: MAX_DEPTH };
        json::parse(self.body, limits)
            .map_err(|error| ApiError::bad(error.code(), format!("the body can't be read: {error}")))?;
        // No database has a text with a null character in it, and JSON has it as an escape alone.
        if self.body.windows(NULL.len()).any(|some| some == NULL) {
            let body = serde_json::from_slice(self.body).map_err(|error| unfit("the body", &error))?;
            if has_null(&body) {
                return Err(ApiError::bad(
                    "value_invalid",
                    "a text of the body has a null character; leave it out",
                ));
            }
        }
        serde_json::from_slice(self.body).map_err(|error| unfit("the body", &error))
    }

    /// A member of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A number of the query, within bounds.
    pub(crate) fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.query(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let wrong = || {
            ApiError::bad(
                "query_invalid",
                format!("`{name}` is `{text}`; expected a number from {least} to {most}"),
            )
        };
        number.map(Some).ok_or_else(wrong)
    }

    /// A moment of the query that has come, in Unix seconds.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.query(name) else { return Ok(None) };
        let later =
            || ApiError::bad("query_invalid", format!("`{name}` is `{text}`, which has not come yet"));
        let wrong = || {
            ApiError::bad(
                "query_invalid",
                format!("`{name}` is `{text}`; expected a time such as `2026-11-21T10:00:00Z`"),
            )
        };
        let moment = time::parse(text, Round::Down).ok_or_else(wrong)?;
        if moment > self.now { Err(later()) } else { Ok(Some(moment)) }
    }

    /// Which part of a list is asked for.
    pub(crate) fn page(&self) -> Result<Page, ApiError> {
        let most = self.number("limit", 1, MOST)?.unwrap_or(USUAL);
        Ok(Page { after: self.query("after").unwrap_or_default().to_owned(), most })
    }
}

/// A text as a segment of a path, or as a value of a query.
#[must_use]
pub fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// How JSON writes the null character.
const NULL: &[u8] = b"\\u0000";

fn has_null(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_null(value)),
        _ => false,
    }
}

/// Why `what` is none of what is asked for.
pub(crate) fn unfit(what: &str, error: &serde_json::Error) -> ApiError {
    // The reader's own words end with a place in the text.
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let message = format!("{what} is not what is asked for here: {said}; `/openapi.json` tells what is");
    ApiError::bad("body_invalid", message)
}

/// A part of a list, and behind which item the next one begins, where there may be more.
pub(crate) fn listed(name: &str, items: Vec<Value>, next: Option<Value>, most: i64) -> Value {
    let full = i64::try_from(items.len()).is_ok_and(|found| found >= most);
    let mut json = json!({ name: items });
    if let (true, Some(next), Some(members)) = (full, next, json.as_object_mut()) {
        members.insert("next".to_owned(), next);
    }
    json
}
