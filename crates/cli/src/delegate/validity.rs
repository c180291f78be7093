//! From when and until when a delegation is valid: within its parent's time, whatever is asked for.

use super::Asked;
use crate::{args::DelegateArgs, files, output::Failure};
use legation_credential::Delegation;
use legation_keys::time;

/// From, until, and what was made of what was asked for.
pub(super) fn of(
    args: &DelegateArgs,
    one: &Asked,
    parent: Option<&Delegation>,
) -> Result<(i64, i64, Vec<String>), Failure> {
    let now = files::now();
    let Some(parent) = parent.map(|parent| &parent.terms) else {
        let from = args.valid_from.unwrap_or(now);
        let until = asked(one, from).ok_or_else(|| {
            Failure::usage(
                "it is not said how long it is valid: give --valid-for, such as 30d, or --valid-until, such as \
                 2026-12-31T00:00:00Z",
            )
        })?;
        return Ok((from, until, Vec::new()));
    };
    let (begins, ends) = (parent.valid_from, parent.valid_until);
    if now >= ends {
        let message =
            format!("the parent ended at {}: have it issued anew before it is passed on", time::format(ends));
        return Err(Failure::invalid("window_not_nested", message));
    }
    // What is asked for by name is not moved; that it is now is only what nobody said otherwise.
    let from = args.valid_from.unwrap_or_else(|| now.max(begins));
    let until = asked(one, from);
    let mut notes = Vec::new();
    if from > now && args.valid_from.is_none() {
        notes.push(format!("it begins with its parent, at {}", time::format(begins)));
    }
    if until.is_none_or(|until| until > ends) {
        notes.push(format!("it ends with its parent, at {}", time::format(ends)));
    }
    Ok((from, until.map_or(ends, |until| until.min(ends)), notes))
}

/// Until when it is asked to be valid.
fn asked(one: &Asked, from: i64) -> Option<i64> {
    one.valid_until.or_else(|| one.valid_for.map(|seconds| from.saturating_add(seconds)))
}
