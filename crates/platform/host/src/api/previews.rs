//! What an agent would be given, before it is added.

use super::{admins::gives_no_more, asked::Asked, error::ApiError, holders::Add};
use legation_keys::time;
use legation_registry::{FIRST_TEAM, profile::VALID_FOR};
use serde_json::{Value, json};

/// What adding an agent would give. Whether who asks may give it is held as there.
pub(super) fn preview(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let add: Add = asked.body()?;
    if add.key_proof.is_some() {
        let message = "a key is brought when the agent is added; leave out `keyProof`";
        return Err(ApiError::bad("body_invalid", message));
    }
    let (name, team) = (add.name.clone(), add.team.clone());
    let team = team.as_deref().unwrap_or(FIRST_TEAM);
    let profile = add.profile(VALID_FOR)?;
    gives_no_more(asked, &profile)?;
    let seen = asked.registry.preview_agent((&name, team), &profile, asked.now)?;
    Ok(json!({
        "name": name,
        "did": seen.terms.subject.as_str(),
        "team": team,
        "authority": seen.terms.authority.to_json(),
        "effective": seen.effective.to_json(),
        "account": seen.terms.account,
        "validFrom": time::format(seen.terms.valid_from),
        "validUntil": time::format(seen.terms.valid_until),
        "maxDepth": seen.terms.max_depth,
    }))
}
