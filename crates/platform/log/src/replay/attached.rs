//! What decisions rested on, as an export has it attached: delegations, DID documents and status lists as they were. Each is
//! known by the SHA-256 of its text, which receipts name, so that nothing need be believed of who attached it.

use legation_keys::{base64url, json::Json, time};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most bytes that are kept; what is beyond is missing.
const MOST: usize = 1 << 30;

/// It.
#[derive(Debug, Default)]
pub struct Attached {
    texts: HashMap<String, String>,
    bytes: usize,
}

impl Attached {
    /// Takes what is attached, as far as it has a text.
    pub fn add(&mut self, attached: &Value) {
        let Some(text) = attached.get("text").and_then(Value::as_str) else { return };
        if self.bytes.saturating_add(text.len()) > MOST {
            return;
        }
        self.bytes = self.bytes.saturating_add(text.len());
        self.texts.insert(base64url::encode(&Sha256::digest(text)), text.to_owned());
    }

    /// A text by its SHA-256, base64url.
    #[must_use]
    pub fn get(&self, digest: &str) -> Option<&str> {
        self.texts.get(digest).map(String::as_str)
    }
}

/// What entries name by its SHA-256, base64url.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Delegations.
    pub links: BTreeSet<String>,
    /// DID documents and status lists.
    pub evidence: BTreeSet<String>,
    /// All that was bound of policies, each with a moment at which it was, Unix seconds.
    pub policies: BTreeMap<String, i64>,
}

impl Named {
    /// Adds what an entry names.
    pub fn add(&mut self, entry: &Json<'_>) {
        let all = |name: &str| entry.get(name).and_then(Json::as_array).unwrap_or_default();
        self.links.extend(all("chain").iter().filter_map(Json::as_str).map(str::to_owned));
        let digest = |one: &Json<'_>| Some(one.get("digest")?.as_str()?.to_owned());
        self.evidence.extend(all("evidence").iter().filter_map(digest));
        let at = entry.get("at").and_then(Json::as_str).and_then(|at| time::parse(at, time::Round::Down));
        self.policies.extend(entry.get("policy").and_then(digest).zip(at));
    }
}
