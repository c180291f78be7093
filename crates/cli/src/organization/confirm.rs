//! `legation confirm`: what still holds after a restore.

use super::data_dir::{DataDir, failed};
use crate::{
    args::{ConfirmArgs, ConfirmCommand},
    files,
    output::{Failure, Output},
};
use legation_registry::{Registry, restored::Confirm};
use legation_store::holder::Kind;
use serde_json::json;

/// Most of each kind that are listed.
const MOST: i64 = 1000;

pub(crate) fn run(args: &ConfirmArgs) -> Result<Output, Failure> {
    let data = match &args.what {
        None => &args.data,
        Some(ConfirmCommand::Organization(args) | ConfirmCommand::All(args)) => &args.data,
        Some(ConfirmCommand::Team(args) | ConfirmCommand::Admin(args) | ConfirmCommand::ApiKey(args)) => {
            &args.data
        }
        Some(ConfirmCommand::Agent(args)) => &args.data,
    };
    let folder = DataDir::of(data);
    folder.location()?;
    let signer = folder.signer()?;
    let registry = folder.open(&signer)?;
    let domain = registry.did().method_specific_id().to_owned();
    let holder = |kind, name, keys| Confirm::Holder { kind, name, keys };
    let (what, told) = match &args.what {
        None => return list(&registry),
        Some(ConfirmCommand::All(_)) => (Confirm::All, "everything".to_owned()),
        Some(ConfirmCommand::Organization(_)) => {
            (holder(Kind::Organization, &domain, false), "the organization".to_owned())
        }
        Some(ConfirmCommand::Team(one)) => {
            (holder(Kind::Team, &one.name, false), format!("the team `{}`", one.name))
        }
        Some(ConfirmCommand::Agent(one)) => {
            (holder(Kind::Agent, &one.name, one.with_keys), format!("the agent `{}`", one.name))
        }
        Some(ConfirmCommand::Admin(one)) => {
            (holder(Kind::Admin, &one.name, false), format!("the admin `{}`", one.name))
        }
        Some(ConfirmCommand::ApiKey(one)) => {
            (Confirm::ApiKey(&one.name), format!("the API key `{}`", one.name))
        }
    };
    let is_new = registry.confirm(what, files::now()).map_err(|error| failed(&error))?;
    let waits = registry.unconfirmed().map_err(|error| failed(&error))?;
    let left = match waits.holders + waits.api_keys {
        0 => "nothing waits any more".to_owned(),
        _ => format!("{} holders and {} API keys wait still", waits.holders, waits.api_keys),
    };
    let text = match &args.what {
        _ if is_new => format!("{told} is confirmed; {left}"),
        Some(ConfirmCommand::All(_)) => "nothing was waiting to be confirmed".to_owned(),
        _ => format!("{told} was not waiting; {left}"),
    };
    let json = json!({
        "confirmed": is_new, "unconfirmed": {"holders": waits.holders, "apiKeys": waits.api_keys},
    });
    Ok(Output::done(json, text))
}

fn list(registry: &Registry) -> Result<Output, Failure> {
    let closed = registry.closed().map_err(|error| failed(&error))?;
    if let Some(why) = closed {
        let message =
            format!("{} is closed ({why}): open it first with `legation restore --reopen`", registry.did());
        return Err(Failure::invalid("store_restored", message));
    }
    let waits = registry.unconfirmed().map_err(|error| failed(&error))?;
    let all = registry.list_unconfirmed(MOST).map_err(|error| failed(&error))?;
    let mut text: String = all.iter().map(|one| format!("{} {}\n", one.kind, one.name)).collect();
    let shown = i64::try_from(all.len()).unwrap_or(i64::MAX);
    match waits.holders + waits.api_keys {
        0 => text.push_str("nothing waits to be confirmed\n"),
        more if more > shown => text.push_str(&format!("and {} more\n", more - shown)),
        _ => {}
    }
    let items: Vec<_> = all.iter().map(|one| json!({"kind": one.kind, "name": one.name})).collect();
    let json = json!({
        "unconfirmed": items, "holders": waits.holders, "apiKeys": waits.api_keys,
    });
    Ok(Output::done(json, text))
}
