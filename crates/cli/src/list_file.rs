//! A status list in a file: believed before it is signed anew.

use crate::{files, output::Failure, signed_by::AtHand};
use legation_credential::{
    Securing,
    status::{SignedStatusList, StatusListCredential},
};
use legation_did::{key, method_id};
use legation_keys::{SecretKey, Signer, data_integrity::AddProofError};
use std::path::Path;

/// Most entries of a list that the command works on.
pub(crate) const MOST: usize = 1 << 28;

/// Reads a list that is to be signed anew, and holds it to its signatures: somebody who can write the folder, but
/// has no key, must not have its bits signed.
///
/// An older list that was signed as well can't be told from the newest one.
pub(crate) fn believed(path: &Path, found: &[u8], hand: AtHand<'_>) -> Result<SignedStatusList, Failure> {
    let no_list = |reason: String| Failure::file(format!("`{}` is no status list: {reason}", path.display()));
    let text = core::str::from_utf8(found).map_err(|error| no_list(error.to_string()))?;
    let list = SignedStatusList::parse(text, MOST).map_err(|error| no_list(error.to_string()))?;
    let issuer = &list.credential.issuer;
    hand.check_signer(issuer)?;
    let mut keys = Vec::with_capacity(list.seals.len());
    for seal in &list.seals {
        keys.push(hand.key(issuer, &seal.key_id, seal.algorithm)?.ok_or_else(|| {
            let message = format!(
                "`{}` is signed by `{}`, and nothing here says that this is a key of `{issuer}`; sign with that key, \
                 or name a folder of your own by --did-documents, whose document of `{issuer}` has both keys",
                path.display(),
                seal.key_id
            );
            Failure::invalid("issuer_mismatch", message)
        })?);
    }
    list.verify(&keys).map_err(|_| {
        let message = format!(
            "`{}` is not what `{issuer}` signed: it was changed, and is left as it is; restore it from a backup, or \
             remove it, publish a new list and revoke again what was revoked",
            path.display()
        );
        Failure::invalid("status_invalid", message)
    })?;
    Ok(list)
}

/// Lets a list live from now on, as long as it did.
pub(crate) fn renew(list: &mut StatusListCredential, now: i64) {
    let lifetime = list.valid_until.map(|until| until.saturating_sub(list.valid_from));
    list.valid_from = now.max(list.valid_from.saturating_add(1));
    list.valid_until = lifetime.map(|lifetime| list.valid_from.saturating_add(lifetime));
}

/// Signs a list.
pub(crate) fn sign(
    list: &StatusListCredential,
    securing: Securing,
    signer: &SecretKey,
) -> Result<String, Failure> {
    if list.issuer.method() == "key" && list.issuer != key::did(signer.public_key()) {
        let message = format!("the list is issued by `{}`, whose key this is not", list.issuer);
        return Err(Failure::invalid("issuer_mismatch", message));
    }
    let key_id = method_id(&list.issuer, signer.public_key());
    list.secure(securing, &key_id, signer).map_err(|error| match error {
        AddProofError::Algorithm { .. } => {
            Failure::usage(format!("{error}; take `--format jwt`, or a list that was written so"))
        }
        error => Failure::network("sign", error.to_string()),
    })
}

/// Signs a list and puts it into a file, whatever was there.
pub(crate) fn write(
    path: &Path,
    list: &StatusListCredential,
    securing: Securing,
    signer: &SecretKey,
) -> Result<(), Failure> {
    files::make_folder(path)?;
    files::write_public(path, &sign(list, securing, signer)?, true)
}
