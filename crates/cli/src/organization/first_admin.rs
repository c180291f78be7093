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

/// Makes the first admin, who may do everything: `admin.key` and `admin.jwt` in the folder. A key that somebody who did
/// not get further left there is used.
pub(crate) fn make(
    folder: &DataDir,
    registry: &Registry,
    passphrase_file: Option<&Path>,
) -> Result<Did, Failure> {
    let path = folder.path().join("admin.key");
    let passphrase = files::passphrase(passphrase_file)?;
    let key = if path.exists() {
        let passphrase_file = passphrase_file.map(Path::to_owned);
        files::load_key(&KeyArgs { key: path, passphrase_file })?
    } else {
        let key = SecretKey::generate(Algorithm::EdDsa)
            .map_err(|error| Failure::network("random", error.to_string()))?;
        let protection = passphrase.as_ref().map_or(Protection::InsecurePlaintext, Protection::Passphrase);
        working("keeping the key", || save(&path, &key, protection, Overwrite::Refuse))
            .map_err(|error| Failure::file(error.to_string()))?;
        key
    };
    let did = legation_did::key::did(key.public_key());
    let everything = ["admin:*".to_owned()];
    let added = registry.add_admin(&did, &everything, files::now()).map_err(|error| failed(&error))?;
    let secured = added.link.map(|link| link.secured).unwrap_or_default();
    files::write_public(&folder.path().join("admin.jwt"), &secured, true)?;
    Ok(did)
}
