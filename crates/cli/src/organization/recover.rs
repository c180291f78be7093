//! `legation admin recover`: a new first admin, by whoever has the data folder.

use super::{
    data_dir::{DataDir, failed},
    first_admin,
};
use crate::{
    args::RecoverAdminArgs,
    files,
    output::{Failure, Output},
};
use legation_registry::{Admin, Registry, RegistryError};
use serde_json::json;
use std::path::Path;

/// Most admins that are looked at for the one whose delegation is in the folder.
const MOST: i64 = 10_000;

pub(crate) fn run(args: &RecoverAdminArgs) -> Result<Output, Failure> {
    let folder = DataDir::of(&args.data);
    folder.location()?;
    let signer = folder.signer()?;
    let registry = folder.open(&signer)?;
    let own = folder.of_organization(registry.did());
    let lost = match &args.lost {
        Some(did) => registry.admin(did).map(Some).map_err(|error| failed(&error))?,
        None => of_folder(&own, &registry)?,
    };
    let new = first_admin::next(&own, args.passphrase_file.as_deref())?;
    let lost = lost.map(|lost| lost.shown.holder.did).filter(|lost| *lost != new.as_str());
    let now = files::now();
    // The one comes as the other goes.
    let admin = registry.together(|registry| -> Result<Admin, RegistryError> {
        if let Some(lost) = &lost {
            registry.remove_admin(lost, now)?;
        }
        match registry.admin(new.as_str()) {
            Ok(admin) if admin.link.is_some() => Ok(admin),
            _ => registry.add_admin(&new, &first_admin::everything(), now),
        }
    });
    let admin = admin.map_err(|error| failed(&error))?;
    first_admin::settle(&own, &admin.link.map(|link| link.secured).unwrap_or_default())?;
    let ended = match &lost {
        Some(did) => format!("{did} is no admin any more."),
        None => "No other admin was removed: name the one whose key is lost by --lost DID.".to_owned(),
    };
    let place = own.display();
    let text = format!("{new} is an admin, by `{place}/admin.key` and `{place}/admin.jwt`.\n{ended}\n");
    Ok(Output::done(json!({"admin": new.as_str(), "removed": lost}), text))
}

/// The admin whose delegation is in the folder, where it is one still.
pub(super) fn of_folder(folder: &Path, registry: &Registry) -> Result<Option<Admin>, Failure> {
    let path = folder.join("admin.jwt");
    if !path.exists() {
        return Ok(None);
    }
    let secured = files::read_text(&path)?;
    let delegation = legation_credential::Delegation::read_unverified(&secured);
    let Ok(delegation) = delegation else { return Ok(None) };
    let did = delegation.terms.subject;
    let all = registry.list_admins("", MOST).map_err(|error| failed(&error))?;
    Ok(all.into_iter().find(|one| one.link.is_some() && one.shown.holder.did == did.as_str()))
}
