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
    let folder = DataDir::of(&args.data);
    // What is wrong with the domain is told before anything is made.
    let did = legation_registry::names::organization(&args.domain).map_err(|error| failed(&error))?;
    folder.create(args.database_file.as_deref())?;
    let (registry, admin) = make(&folder, args)?;
    let place = folder.path().display();
    let text = format!(
        "{did} is ready in {place}\n\
         \n\
         `{place}/master.key` opens all keys of it. Keep a copy of that file apart from backups of the rest.\n\
         `{place}/admin.key` and `admin.jwt` are the first admin's, for `--host URL` once it is up.\n\
         Next: `legation agent add NAME --models '*' --budget 5USD/day`, then `legation up`.\n",
    );
    Ok(Output::done(
        json!({"did": registry.did().as_str(), "dataDir": folder.path(), "admin": admin.as_str()}),
        text,
    ))
}

/// The organization itself, and its first admin.
fn make(folder: &DataDir, args: &InitArgs) -> Result<(Registry, Did), Failure> {
    let signer = folder.signer().inspect_err(|_| folder.give_up())?;
    let made = || {
        let client = signer.client(Door::Registry)?;
        legation_registry::init(folder.store()?, client, &args.domain, files::now())
            .map_err(|error| failed(&error))
    };
    let registry = made().inspect_err(|_| folder.give_up())?;
    let admin = first_admin::make(folder, &registry, args.passphrase_file.as_deref())?;
    Ok((registry, admin))
}
