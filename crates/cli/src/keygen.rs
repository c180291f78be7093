//! `legation key generate`.

use crate::{
    args::GenerateArgs,
    files,
    output::{Failure, Output, working},
};
use legation_keys::{SecretKey, Signer};
use legation_keystore::{Overwrite, Protection, save};
use serde_json::json;

pub(crate) fn generate(args: &GenerateArgs) -> Result<Output, Failure> {
    let passphrase = files::passphrase(args.passphrase_file.as_deref())?;
    let protection = passphrase.as_ref().map_or(Protection::InsecurePlaintext, Protection::Passphrase);
    let overwrite = if args.force { Overwrite::Replace } else { Overwrite::Refuse };
    let key = SecretKey::generate(args.alg.into())
        .map_err(|error| Failure::network("random", error.to_string()))?;
    working("encrypting the key", || save(&args.out, &key, protection, overwrite)).map_err(|error| {
        let hint = if args.out.exists() { ", or give --force" } else { "" };
        Failure::file(format!("{error}{hint}"))
    })?;
    let did = legation_did::key::did(key.public_key());
    let out = args.out.display().to_string();
    let mut output = Output::done(
        json!({"did": did.as_str(), "key": out, "encrypted": passphrase.is_some()}),
        format!("wrote {out}\n{did}"),
    );
    if passphrase.is_none() {
        output.notes.push(format!("`{out}` is not encrypted: whoever reads it can sign as this key"));
    }
    Ok(output)
}
