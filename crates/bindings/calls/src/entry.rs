//! An entry of a log with its proof, as `legation log prove` writes it: verified, and decided again, with nothing but this text.

use crate::{Failure, receipt::document};
use legation_keys::{base64url, time};
use legation_log::{
    about,
    bundle::Bundle,
    replay::{Replay, Replayed},
};
use serde_json::{Value, json};

/// Verifies a proof and decides the entry again. `organization` is the organization's DID document as it was fetched; without
/// it the one that came along is taken, which is the organization's own word (`ownWord`).
///
/// The answer has `organization`, `log`, `index`, `size`, `root`, `kind`, `seq`, `at`, `entry` and `replay`: `same`,
/// `different` (with `recorded` and `now`), `erased`, or `beyond` what the entry's own authority decides.
///
/// # Errors
/// With the code of the rule that it breaks.
pub fn verify(text: &str, organization: Option<&[u8]>) -> Result<Value, Failure> {
    let bundle = Bundle::read(text).map_err(|error| Failure::new(error.code(), error))?;
    let document = document(organization.unwrap_or(bundle.document.as_bytes()))?;
    let said = about::verify(&bundle.about, &document).map_err(|error| Failure::new(error.code(), error))?;
    let proved = bundle.verify(&said.key).map_err(|error| Failure::new(error.code(), error))?;
    let entry: Value =
        serde_json::from_str(&proved.entry).map_err(|error| Failure::new("entry_malformed", error))?;
    // The one entry by itself: nothing else of the log is at hand.
    let (replayed, _) = Replay::default()
        .entry(bundle.index, bundle.leaf.as_bytes(), &bundle.shown)
        .map_err(|error| Failure::new("entry_malformed", error))?;
    let (word, recorded, now) = match &replayed {
        Replayed::Same => ("same", None, None),
        Replayed::Different { recorded, now } => ("different", Some(recorded), Some(now)),
        Replayed::Erased => ("erased", None, None),
        Replayed::Beyond => ("beyond", None, None),
    };
    Ok(json!({
        "organization": said.organization.as_str(), "ownWord": organization.is_none(),
        "log": proved.checkpoint.origin, "index": bundle.index, "size": proved.checkpoint.size,
        "root": base64url::encode(&proved.checkpoint.root),
        "kind": proved.head.kind.name(), "seq": proved.head.seq, "at": time::format(proved.head.at),
        "entry": entry, "replay": word, "recorded": recorded, "now": now,
    }))
}
