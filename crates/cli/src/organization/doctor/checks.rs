//! Whether an organization is all right.

use super::Findings;
use legation_host::api::problems;
use legation_keys::time;
use legation_registry::{HistoryState, Registry, RegistryError, adopted, model::Model, webvh};
use legation_store::{
    api_key::ApiKey,
    holder::{Holder, State},
    link::Link,
};
use std::collections::BTreeSet;

/// Most findings of one kind that have a line of their own.
const LINES: usize = 20;

/// Looks at what an organization rests on, at `now` (Unix seconds).
pub(super) fn look(registry: &Registry, now: i64, found: &mut Findings) {
    match registry.closed() {
        Ok(None) => {}
        Ok(Some(why)) => {
            let text = format!(
                "it is closed, so that nothing is decided, published or changed ({why}): `legation restore --reopen`"
            );
            found.wrong("restored", text);
        }
        Err(error) => found.wrong("restored", error.to_string()),
    }
    let checks: [(&'static str, Check); 10] = [
        ("restored", restored),
        ("integrity", integrity),
        ("did:webvh", history),
        ("keys", keys),
        ("rotation", rotations),
        ("status list", status_lists),
        ("delegation", delegations),
        ("migration", migration),
        ("model", models),
        ("secret", secrets),
    ];
    for (check, look) in checks {
        if let Err(error) = look(registry, now, found) {
            found.wrong(check, error.to_string());
        }
    }
}

/// Looks at one kind of thing.
type Check = fn(&Registry, i64, &mut Findings) -> Result<(), RegistryError>;

/// Tells what is wrong, a line each as far as there are few.
fn tell_wrong(check: &'static str, wrong: Vec<String>, found: &mut Findings) {
    let more = wrong.len().saturating_sub(LINES);
    wrong.into_iter().take(LINES).for_each(|text| found.wrong(check, text));
    if more > 0 {
        found.wrong(check, format!("{more} more are like that"));
    }
}

fn keys(registry: &Registry, _: i64, found: &mut Findings) -> Result<(), RegistryError> {
    match registry.check_keys() {
        Ok(()) => found.ok("keys", "the master key opens them"),
        Err(error) if error.code() == "sealed_mismatch" => found.wrong(
            "keys",
            "the master key is not the one that sealed them: restore the `master.key` that was kept when the organization was made",
        ),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Most delegations, and most receipts, whose signatures are looked at.
const SIGNATURES: i64 = 10_000;

fn integrity(registry: &Registry, _: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let integrity = registry.integrity(SIGNATURES)?;
    if integrity.wrong.is_empty() {
        let text = format!(
            "{} events, status lists, delegations, receipts and versions are what was written and signed",
            integrity.looked
        );
        found.ok("integrity", text);
    }
    let wrong = integrity.wrong.into_iter();
    let told =
        wrong.map(|what| format!("{what}: restore what there was, and find out who can write the database"));
    tell_wrong("integrity", told.collect(), found);
    Ok(())
}

/// The share of what readers of a did:webvh read at most from which on it is told that a log is long.
const LONG: usize = 10;

fn history(registry: &Registry, _: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let state = match registry.history() {
        Ok(None) => return Ok(()),
        Ok(Some(state)) => state,
        // What is wrong with it stands under `integrity`.
        Err(RegistryError::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let HistoryState { did, versions, bytes, updated, is_current } = state;
    if is_current {
        let text = format!("{did} has {versions} versions, the last one of {}", time::format(updated));
        found.ok("did:webvh", text);
    } else {
        let text = format!(
            "the document is another one than the last version of {did} says: `legation up` and `legation publish` append it"
        );
        found.note("did:webvh", text);
    }
    let most = usize::try_from(webvh::MOST_ENTRIES).unwrap_or(usize::MAX);
    if versions > most - most / LONG || bytes > webvh::MOST_BYTES - webvh::MOST_BYTES / LONG {
        let text = format!(
            "{did} has {versions} versions in {bytes} bytes, and readers read {most} in {} at most: replace the organization's key less often",
            webvh::MOST_BYTES
        );
        found.note("did:webvh", text);
    }
    Ok(())
}

fn restored(registry: &Registry, _: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let waits = registry.unconfirmed()?;
    if waits.holders + waits.api_keys > 0 {
        let text = format!(
            "{} of organization, teams, agents and admins and {} API keys do nothing until they are confirmed: \
             `legation confirm` lists them",
            waits.holders, waits.api_keys
        );
        found.note("restored", text);
    }
    Ok(())
}

/// How long after its time a key is told as not replaced, and how long before as due soon, seconds.
const LATE: i64 = 3600;
const AHEAD: i64 = 7 * 86_400;

fn rotations(registry: &Registry, now: i64, found: &mut Findings) -> Result<(), RegistryError> {
    for (holder, due) in registry.rotations_due(now.saturating_add(AHEAD), 20)? {
        let of = format!("that of the {} `{}`", holder.kind.name(), holder.name);
        let at = time::format(due);
        if due < now.saturating_sub(LATE) {
            let text = format!(
                "{of} was to be replaced at {at}: let `legation up` run, or `legation {} rotate`",
                holder.kind.name()
            );
            found.wrong("rotation", text);
        } else {
            found.ok("rotation", format!("{of} is replaced at {at}"));
        }
    }
    Ok(())
}

/// Status lists that are named one by one where nothing is wrong with them.
const NAMED: usize = 8;

fn status_lists(registry: &Registry, now: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let (mut good, mut after) = (0_usize, 0);
    loop {
        let lists = registry.lists(after, 64)?;
        let Some(last) = lists.last() else { break };
        after = last.number;
        for list in lists {
            let until = time::format(list.valid_until);
            if list.valid_until <= now {
                let text = format!(
                    "{} is stale since {until}, so that nothing passes any more: `legation up` signs it anew",
                    list.url
                );
                found.wrong("status list", text);
            } else {
                good += 1;
                if good <= NAMED {
                    found.ok("status list", format!("{} for {}, until {until}", list.url, list.purpose));
                }
            }
        }
    }
    if good > NAMED {
        found.ok("status list", format!("{} more", good - NAMED));
    }
    Ok(())
}

fn delegations(registry: &Registry, now: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let all = registry.delegations(None)?;
    let ends = |(holder, link): &(Holder, Link)| {
        let (of, id) = (format!("the {} `{}`", holder.kind.name(), holder.name), &link.id);
        let until = time::format(link.valid_until);
        let left = link.valid_until.saturating_sub(now);
        let life = link.valid_until.saturating_sub(link.valid_from);
        if holder.state == State::Retired {
            None
        } else if left <= 0 {
            Some(format!("that of {of} ended at {until}: `legation delegation renew {id}`"))
        } else if left.saturating_mul(6) < life {
            // It is renewed within a third of its life, by whoever runs.
            Some(format!(
                "that of {of} ends at {until} and was not renewed: let `legation up` run, or `legation delegation renew {id}`"
            ))
        } else {
            None
        }
    };
    let wrong: Vec<String> = all.iter().filter_map(ends).collect();
    if wrong.is_empty() {
        found.ok("delegation", format!("{} hold, and none ends soon", all.len()));
    }
    tell_wrong("delegation", wrong, found);
    Ok(())
}

/// Most keys that are looked through for old ones.
const KEYS: i64 = 10_000;

fn migration(registry: &Registry, now: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let shadows = registry.shadows(now)?;
    for one in shadows.values().take(LINES) {
        let (agent, until) = (&one.agent, time::format(one.until));
        let text = format!(
            "`{agent}` is in shadow until {until}, so that what is denied it passes: `legation migrate report {agent}`, `legation migrate enforce {agent}`"
        );
        found.note("migration", text);
    }
    if shadows.len() > LINES {
        found.note("migration", format!("{} more are in shadow", shadows.len() - LINES));
    }
    let goes_on = |key: &ApiKey| adopted::is_adopted(key) && key.state == "active" && key.expires > Some(now);
    let keys = registry.keys_after(None, "", KEYS)?;
    let old = keys.iter().filter(|(_, key)| goes_on(key)).count();
    if old > 0 {
        let text = format!(
            "{old} agents go on with keys of another gateway: `legation migrate report` says which, make new ones"
        );
        found.note("migration", text);
    }
    Ok(())
}

fn models(registry: &Registry, _: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let (models, secrets, closed) = (registry.models()?, registry.secrets()?, registry.closed_models()?);
    if models.is_empty() {
        found.note("model", "there is none, so that no call passes: `legation model set FILE`");
        return Ok(());
    }
    let mut wrong: Vec<String> = models.iter().flat_map(|model| problems(model, &secrets)).collect();
    let is_closed = |model: &&Model| closed.contains(&model.name);
    wrong.extend(models.iter().filter(is_closed).map(|model| {
        format!(
            "`{}` is closed, since a call of it cost more than was reserved: mend its price or its bounds, and set it \
             anew with `legation model set FILE`",
            model.name
        )
    }));
    if wrong.is_empty() {
        found.ok("model", format!("{} can be called", models.len()));
    }
    tell_wrong("model", wrong, found);
    Ok(())
}

fn secrets(registry: &Registry, _: i64, found: &mut Findings) -> Result<(), RegistryError> {
    let (models, routes) = (registry.models()?, registry.routes()?);
    let targets =
        models.iter().flat_map(|model| &model.targets).filter_map(|target| target.secret.as_deref());
    let used: BTreeSet<&str> =
        targets.chain(routes.iter().filter_map(|route| route.secret.as_deref())).collect();
    let secrets = registry.secrets()?;
    let idle: Vec<&str> =
        secrets.iter().map(|secret| secret.name.as_str()).filter(|name| !used.contains(name)).collect();
    if !secrets.is_empty() && idle.is_empty() {
        found.ok("secret", format!("{} kept, and each is used", secrets.len()));
    }
    for name in idle.into_iter().take(LINES) {
        found.note(
            "secret",
            format!("`{name}` is used by no model: `legation secret remove {name}` if that stays so"),
        );
    }
    Ok(())
}
