//! Pages of a search (AuthZEN 1.0, §8.2). A token says where the next one begins, and of which search it is: whoever
//! changes what is asked between two pages is told so. It is no secret and grants nothing, since each page is asked for by somebody.

use super::read::wrong;
use crate::refused::Refused;
use legation_keys::{Json, base64url, jcs::canonicalize, json::Object};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Most results of a page, and how many it has where nobody says.
pub(super) const MOST: usize = 1000;
/// How many bytes of the digest of what is asked are in a token.
const DIGEST: usize = 16;
/// Most bytes of a token.
const MAX_TOKEN: usize = 8192;

/// Which part of what was found is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    asked: [u8; DIGEST],
    /// At most so many results.
    pub(super) limit: usize,
    /// Behind that one, in their order; the empty text is before all.
    pub(super) after: String,
}

impl Page {
    /// Reads which one is asked for. `route` says at which end point.
    pub(super) fn read(query: &Object<'_>, route: &str) -> Result<Self, Refused> {
        let asked = Json::Object(query.without("page"));
        let mut hash = Sha256::new();
        hash.update(route);
        hash.update(canonicalize(&asked));
        let asked = hash.finalize().first_chunk().copied().unwrap_or_default();
        let Some(page) = query.get("page") else {
            return Ok(Self { asked, limit: MOST, after: String::new() });
        };
        let page = page.as_object().ok_or_else(|| wrong("`page` is no object"))?;
        let limit = match page.get("limit") {
            None => None,
            Some(limit) => Some(
                limit
                    .as_integer()
                    .and_then(|limit| usize::try_from(limit).ok())
                    .ok_or_else(|| wrong("`page.limit` is no whole number from 0 on"))?
                    .min(MOST),
            ),
        };
        let token = match page.get("token") {
            None => "",
            Some(token) => token.as_str().ok_or_else(|| wrong("`page.token` is no text"))?,
        };
        if token.is_empty() {
            return Ok(Self { asked, limit: limit.unwrap_or(MOST), after: String::new() });
        }
        let before =
            Self::of_token(token).ok_or_else(|| wrong("`page.token` is none that was given here"))?;
        // The specification's own examples leave the limit out from the second page on.
        if before.asked != asked || limit.is_some_and(|limit| limit != before.limit) {
            return Err(wrong(
                "`page.token` is of a search that asked for something else; begin anew without it",
            ));
        }
        Ok(before)
    }

    fn of_token(token: &str) -> Option<Self> {
        let bytes = base64url::decode(token).ok().filter(|_| token.len() <= MAX_TOKEN)?;
        let (asked, rest) = bytes.split_first_chunk::<DIGEST>()?;
        let (limit, after) = rest.split_first_chunk::<2>()?;
        let limit = usize::from(u16::from_be_bytes(*limit));
        let after = String::from_utf8(after.to_vec()).ok()?;
        (limit <= MOST).then_some(Self { asked: *asked, limit, after })
    }

    /// The page with what was found on it. `next` is behind which one there may be more.
    pub(super) fn told(&self, results: Vec<Value>, next: Option<&str>) -> Value {
        let token = next.map(|after| {
            let limit = u16::try_from(self.limit).unwrap_or(u16::MAX).to_be_bytes();
            base64url::encode(&[self.asked.as_slice(), limit.as_slice(), after.as_bytes()].concat())
        });
        json!({
            "page": {"next_token": token.unwrap_or_default(), "count": results.len()},
            "results": results,
        })
    }
}
