//! `legation init`.

use super::{
    data_dir::{DataDir, failed},
    first_admin,
};
use crate::{
    args::InitArgs,
    files,
    output::{Failure, Output},
};
use legation_did::Did;
use legation_registry::Registry;
use legation_signer::Door;
use serde_json::json;

pub(crate) fn run(args: &InitArgs) -> Result<Output, Failure> {
    let folder = DataDir::whole(&args.data);
    // What is wrong with the domain is told before anything is made.
    let did = legation_registry::names::organization(&args.domain).map_err(|error| failed(&error))?;
    if args.beside {
        folder.location()?;
        folder.make_room(&did)?;
    } else {
        folder.create(args.database_file.as_deref())?;
    }
    let (registry, admin) = make(&folder, args)?;
    let (place, own) = (folder.path().display(), folder.of_organization(&did));
    let own = own.display();
    let first = match &admin {
        Some(_) => format!("`{own}/admin.key` and `admin.jwt` are the first admin's, for `--host URL` once it is up."),
        None => "There is no admin yet: `legation up` prints a code, by which `legation admin claim` makes the first one.".to_owned(),
    };
    let history = registry.history_did().map_err(|error| failed(&error))?;
    let also = history.as_ref().map(|did| format!("Its versions are logged as {did}.\n")).unwrap_or_default();
    let (next, of) = if args.beside {
        let next = "A `legation up` that runs serves it once it was started again.\n";
        (next, format!(" --organization {}", registry.host()))
    } else {
        ("", String::new())
    };
    let text = format!(
        "{did} is ready in {place}\n{also}\
         \n\
         `{place}/master.key` opens all keys of it. Keep a copy of that file apart from backups of the rest.\n\
         {first}\n\
         {next}Next: `legation agent add NAME --models '*' --budget 5USD/day{of}`, then `legation up`.\n",
    );
    Ok(Output::done(
        json!({"did": registry.did().as_str(), "webvh": history, "dataDir": folder.path(), "admin": admin.as_ref().map(Did::as_str)}),
        text,
    ))
}

/// The organization itself, and its first admin.
fn make(folder: &DataDir, args: &InitArgs) -> Result<(Registry, Option<Did>), Failure> {
    // What was there before stays.
    let give_up = || {
        if !args.beside {
            folder.give_up()
        } else if let Ok(did) = legation_registry::names::organization(&args.domain) {
            // It was made for this one, and is empty.
            let _ = std::fs::remove_dir(folder.of_organization(&did));
        }
    };
    let signer = folder.signer().inspect_err(|_| give_up())?;
    let made = || {
        let client = signer.client(Door::Registry)?;
        let init = if args.webvh { legation_registry::init_with_history } else { legation_registry::init };
        init(folder.store()?, client, &args.domain, files::now()).map_err(|error| failed(&error))
    };
    let registry = made().inspect_err(|_| give_up())?;
    if args.no_admin {
        return Ok((registry, None));
    }
    let admin = first_admin::make(folder, &registry, args.passphrase_file.as_deref())?;
    Ok((registry, Some(admin)))
}
