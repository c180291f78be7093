//! `legation backup`.

use super::data_dir::DataDir;
use crate::{
    args::BackupArgs,
    files,
    output::{Failure, Output, counter},
};
use legation_keystore::encrypt_text;
use legation_signer::Master;
use legation_store::{StoreError, backup::Note};
use serde_json::json;
use std::{
    fs::{File, Permissions},
    io::BufWriter,
    os::unix::fs::PermissionsExt,
    path::Path,
};

pub(crate) fn run(args: &BackupArgs) -> Result<Output, Failure> {
    let folder = DataDir::whole(&args.data);
    let store = folder.store()?;
    let shown = args.file.display();
    if args.file.symlink_metadata().is_ok() {
        let message =
            format!("`{shown}` exists already and is left as it is; name another file or remove it first");
        return Err(Failure::file(message));
    }
    let note = Note { at: files::now(), master: master(&folder, args)? };
    let has_master = note.master.is_some();
    let failed = |error: std::io::Error| Failure::file(format!("`{shown}` can't be written: {error}"));
    let beside = args.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    // What is not whole yet has another name, and no end.
    let begun = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(beside)
        .map_err(failed)?;
    let counter = counter();
    let mut out = BufWriter::with_capacity(1 << 20, begun.as_file());
    let written = store.backup(&mut out, note, &mut |rows| counter.set_message(format!("{rows} rows")));
    counter.finish_and_clear();
    let written = written.map_err(|error| not_done(&error))?;
    drop(out);
    begun.as_file().sync_all().map_err(failed)?;
    begun.persist_noclobber(&args.file).map_err(|error| failed(error.error))?;
    File::open(beside).and_then(|folder| folder.sync_all()).map_err(failed)?;
    let keep = if has_master {
        "The master key is in it, encrypted by your passphrase."
    } else {
        "The master key is not in it: keep a copy of `master.key` elsewhere, without which no private key in it opens."
    };
    let text = format!(
        "{shown}: {} rows, SHA-256 {}\n{keep}\nKeep it where nobody else can write or read it.\n",
        written.rows, written.digest
    );
    let json =
        json!({"file": args.file, "rows": written.rows, "sha256": written.digest, "masterKey": has_master});
    Ok(Output::done(json, text))
}

/// The master key, encrypted, where it is to be kept with the rest.
fn master(folder: &DataDir, args: &BackupArgs) -> Result<Option<String>, Failure> {
    if !args.with_master_key {
        return Ok(None);
    }
    let passphrase = files::passphrase(args.passphrase_file.as_deref())?;
    let passphrase =
        passphrase.ok_or_else(|| Failure::usage("name the passphrase by --passphrase-file FILE"))?;
    let text = Master::text_of(&folder.master()).map_err(|error| Failure::file(error.to_string()))?;
    let sealed = encrypt_text(text.as_bytes(), &passphrase);
    sealed.map(Some).map_err(|error| Failure::file(error.to_string()))
}

/// How it is told that a backup was not made, or not put back.
pub(super) fn not_done(error: &StoreError) -> Failure {
    let (code, message) = (error.code().to_owned(), error.to_string());
    let exit = match error {
        StoreError::Unavailable { .. } => 3,
        _ => 2,
    };
    Failure { exit, code, message }
}
