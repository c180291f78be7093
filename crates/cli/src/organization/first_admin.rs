//! The first admin of an organization: a key in its folder, and the delegation that goes with it.

use super::data_dir::{DataDir, failed};
use crate::{
    args::KeyArgs,
    files,
    output::{Failure, working},
};
use legation_did::Did;
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_keystore::{Overwrite, Protection, save};
use legation_registry::Registry;
use std::path::Path;

/// The key of the next first admin, until it is one.
const NEXT: &str = "admin.key.new";

/// Makes the first admin, who may do everything: `admin.key` and `admin.jwt` in its folder. A key that somebody who did
/// not get further left there is used.
pub(crate) fn make(
    folder: &DataDir,
    registry: &Registry,
    passphrase_file: Option<&Path>,
) -> Result<Did, Failure> {
    let own = folder.of_organization(registry.did());
    let key = key_in(&own.join("admin.key"), passphrase_file)?;
    let did = legation_did::key::did(key.public_key());
    let added = registry.add_admin(&did, &everything(), files::now()).map_err(|error| failed(&error))?;
    let secured = added.link.map(|link| link.secured).unwrap_or_default();
    files::write_public(&own.join("admin.jwt"), &secured, true)?;
    Ok(did)
}

/// What a first admin may do.
pub(crate) fn everything() -> [String; 1] {
    ["admin:*".to_owned()]
}

/// The key of a new first admin in the place of the one there is; one that somebody who did not get further left there is used.
pub(crate) fn next(folder: &Path, passphrase_file: Option<&Path>) -> Result<Did, Failure> {
    let key = key_in(&folder.join(NEXT), passphrase_file)?;
    Ok(legation_did::key::did(key.public_key()))
}

/// Key and delegation of the new first admin stand where those of the one before stood.
pub(crate) fn settle(folder: &Path, secured: &str) -> Result<(), Failure> {
    let path = folder.join("admin.key");
    files::write_public(&folder.join("admin.jwt"), secured, true)?;
    std::fs::rename(folder.join(NEXT), &path)
        .map_err(|error| Failure::file(format!("`{}` can't be replaced: {error}", path.display())))
}

/// The key in a file, which is made where there is none.
pub(crate) fn key_in(path: &Path, passphrase_file: Option<&Path>) -> Result<SecretKey, Failure> {
    let passphrase = files::passphrase(passphrase_file)?;
    if path.exists() {
        let passphrase_file = passphrase_file.map(Path::to_owned);
        return files::load_key(&KeyArgs { key: path.to_owned(), passphrase_file });
    }
    let key = SecretKey::generate(Algorithm::EdDsa)
        .map_err(|error| Failure::network("random", error.to_string()))?;
    let protection = passphrase.as_ref().map_or(Protection::InsecurePlaintext, Protection::Passphrase);
    working("keeping the key", || save(path, &key, protection, Overwrite::Refuse))
        .map_err(|error| Failure::file(error.to_string()))?;
    Ok(key)
}
