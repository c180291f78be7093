//! `legation master-key`.

use super::{
    data_dir::{DataDir, failed},
    recover,
};
use crate::{
    args::{LostMasterArgs, MasterKeyCommand, RotateMasterArgs},
    files,
    output::{Failure, Output, counter},
};
use legation_registry::{
    Registry,
    master::{MadeAnew, Resealed},
};
use legation_signer::{Master, MasterError, Token, rotation};
use legation_store::StoreError;
use serde_json::json;

pub(crate) fn run(command: &MasterKeyCommand) -> Result<Output, Failure> {
    match command {
        MasterKeyCommand::Rotate(args) => rotate(args),
        MasterKeyCommand::Lost(args) => lost(args),
    }
}

fn wrong(error: &MasterError) -> Failure {
    Failure { exit: 2, code: error.code().to_owned(), message: error.to_string() }
}

fn rotate(args: &RotateMasterArgs) -> Result<Output, Failure> {
    let folder = DataDir::whole(&args.data);
    folder.location()?;
    let path = folder.master();
    let shown = path.display();
    let token = token(args);
    if !args.prepare {
        for registry in folder.open_all(&folder.signer()?)? {
            // What it has could not be sealed anew, and the old key would stay.
            if let Some(why) = registry.closed().map_err(|error| failed(&error))? {
                return Err(failed(&StoreError::Restored { why }.into()));
            }
        }
    }
    let begun = rotation::begin(&path, token.as_ref()).map_err(|error| wrong(&error))?;
    if args.prepare {
        let text = format!(
            "`{shown}.new` is there, and seals from now on. Copy it beside the master key of each other machine, then run `legation \
             master-key rotate`.\n"
        );
        return Ok(Output::done(json!({"prepared": true, "begunBefore": begun}), text));
    }
    let signer = folder.signer()?;
    let all = folder.open_all(&signer)?;
    let counter = counter();
    let progress = &mut |keys| counter.set_message(format!("{keys} keys"));
    let mut done = Resealed::default();
    // What one of them has is sealed by the master key that is there for all.
    let resealed = all.iter().try_for_each(|registry| {
        let one = registry.reseal(progress, files::now())?;
        (done.keys, done.secrets) = (done.keys + one.keys, done.secrets + one.secrets);
        Ok(())
    });
    counter.finish_and_clear();
    resealed.map_err(|error| failed(&error))?;
    rotation::end(&path).map_err(|error| wrong(&error))?;
    let text = format!(
        "{} keys and {} secrets are sealed by the new master key.\n\
         Keep a copy of `{shown}` apart from backups of the rest; on each other machine, put it in the place of the old one.\n\
         `{shown}.old` opens what was backed up before: keep it with those backups, or destroy it.\n",
        done.keys, done.secrets
    );
    let json = json!({"keys": done.keys, "secrets": done.secrets, "begunBefore": begun});
    Ok(Output::done(json, text))
}

/// The token that is to hold the key of the next one.
fn token(args: &RotateMasterArgs) -> Option<Token> {
    let (module, pin_file) = (args.pkcs11_module.clone()?, args.pin_file.clone()?);
    Some(Token { module, token: args.token.clone()?, key: args.token_key.clone(), pin_file })
}

fn lost(args: &LostMasterArgs) -> Result<Output, Failure> {
    let folder = DataDir::whole(&args.data);
    folder.location()?;
    let path = folder.master();
    if !path.exists() {
        Master::create(&path).map_err(|error| wrong(&error))?;
    }
    let signer = folder.signer()?;
    let (all, mut lost) = (folder.open_all(&signer)?, Vec::new());
    for registry in &all {
        match registry.check_keys() {
            Ok(()) => {}
            Err(error) if error.code() == "sealed_mismatch" => lost.push(registry),
            Err(error) => return Err(failed(&error)),
        }
    }
    if lost.is_empty() {
        let message = format!("`{}` opens the keys that are kept: nothing is lost", path.display());
        return Err(Failure::invalid("not_lost", message));
    }
    let (mut keys, mut again, mut secrets, mut anew) = (0, String::new(), Vec::new(), false);
    for registry in lost {
        let one = make_anew(&folder, registry)?;
        keys += one.keys;
        anew |= one.history_anew;
        let of = if all.len() > 1 { format!(" --organization {}", registry.host()) } else { String::new() };
        for (name, origin) in one.secrets {
            again.push_str(&format!("  legation secret set {name} --origin {origin}{of}\n"));
            secrets.push(json!({"name": name, "origin": origin}));
        }
    }
    let text = format!(
        "{keys} keys were made anew, and what they sign. Publish at once: until then nothing verifies.\n\
         Keep a copy of `{}` apart from backups of the rest.\n{}{again}",
        path.display(),
        if again.is_empty() { "" } else { "Set these secrets again:\n" }
    );
    let mut output = Output::done(json!({"keys": keys, "secrets": secrets}), text);
    output
        .notes
        .push("admins have a new delegation: `legation admin show DID` prints it for each".to_owned());
    if anew {
        output.notes.push(
            "the did:webvh is another one, since nobody can sign the next version of the one before: `legation organization show`"
                .to_owned(),
        );
    }
    Ok(output)
}

/// Makes the keys of an organization anew, and keeps the delegation that its first admin has by them.
fn make_anew(folder: &DataDir, registry: &Registry) -> Result<MadeAnew, Failure> {
    let own = folder.of_organization(registry.did());
    let admin = recover::of_folder(&own, registry)?;
    let made = registry.make_keys_anew(files::now()).map_err(|error| failed(&error))?;
    if let Some(admin) = admin {
        let again = registry.admin(&admin.shown.holder.did).map_err(|error| failed(&error))?;
        let secured = again.link.map(|link| link.secured).unwrap_or_default();
        files::write_public(&own.join("admin.jwt"), &secured, true)?;
    }
    Ok(made)
}
