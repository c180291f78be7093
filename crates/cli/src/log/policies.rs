//! Policies asked again: those that were bound then, of whom they were asked then.

use legation_credential::Possession;
use legation_log::{
    entry,
    hidden::Disclosure,
    replay::{Replayed, request},
};
use legation_policy::{
    Asked, Set,
    replay::{asked_then, set_of},
};
use serde_json::Value;
use std::collections::HashMap;

/// What came of it.
pub(super) enum Again {
    /// They say what was recorded, or something else.
    Decided(Replayed),
    /// What was bound is not attached, or of whom they were asked is not said.
    Missing,
}

/// All that was bound, by the digests that receipts name.
#[derive(Default)]
pub(super) struct Policies(HashMap<String, Set>);

impl Policies {
    /// Takes what is attached, where it is that.
    pub(super) fn attached(&mut self, attached: &Value) {
        if attached.get("attached").and_then(Value::as_str) == Some("policies")
            && let Some(set) = set_of(attached)
        {
            self.0.insert(set.digest().to_owned(), set);
        }
    }

    /// Asks them again about a receipt. `None` where they were not asked, or what was asked for is not shown.
    pub(super) fn again(&self, leaf: &[u8], shown: &[Disclosure]) -> Option<Again> {
        let (head, read) = entry::read(0, leaf).ok()?;
        let json: Value = serde_json::from_slice(leaf).ok()?;
        let receipt = json.get("entry")?;
        let policy = receipt.get("policy")?;
        let request = request(&read, shown)?;
        let text = |name: &str| receipt.get(name).and_then(Value::as_str).unwrap_or_default();
        let set = policy.get("digest").and_then(Value::as_str).and_then(|digest| self.0.get(digest));
        let then = policy.get("asked").and_then(asked_then);
        let possession = [Possession::Signed, Possession::Vouched]
            .into_iter()
            .find(|one| one.name() == text("possession"));
        let (Some(set), Some((principals, status_age)), Some(possession)) = (set, then, possession) else {
            return Some(Again::Missing);
        };
        // A did:web's host, with the port that stands escaped in it.
        let organization = text("verifier");
        let host = organization.strip_prefix("did:web:").unwrap_or_default().replace("%3A", ":");
        let asked = Asked {
            host: &host,
            organization,
            principals: &principals,
            agent: text("agent"),
            root: text("principal"),
            links: receipt.get("chain").and_then(Value::as_array).map_or(0, Vec::len),
            possession,
            status_age,
            request: &request,
            at: head.at,
        };
        let now = set.decide(&asked).code().unwrap_or("permit");
        // Of what was denied otherwise they were asked before, and let it through.
        let recorded = if text("code").starts_with("policy_") { text("code") } else { "permit" };
        Some(Again::Decided(if now == recorded {
            Replayed::Same
        } else {
            Replayed::Different { recorded: recorded.to_owned(), now: now.to_owned() }
        }))
    }
}
