//! Files that commands read and write.

use crate::{
    args::{KeyArgs, OutArgs},
    output::{Failure, working},
};
use legation_keys::SecretKey;
use legation_keystore::{Access, LoadError, Overwrite, Passphrase, load, read_passphrase_file, write_new};
use std::{
    fs::File,
    io::Read,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Most bytes of a file that a command reads.
pub(crate) const MAX_FILE: u64 = 64 << 20;

/// Now, in Unix seconds. The one place where the command reads the clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Reads a file, up to [`MAX_FILE`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed =
        |error: std::io::Error| Failure::file(format!("`{}` can't be read: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure::file(format!("`{}` has more than {MAX_FILE} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a credential file: the text of one compact JWS.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_| Failure::file(format!("`{}` is no text", path.display())))?;
    Ok(text.trim().to_owned())
}

/// The passphrase in a file, where one is named.
pub(crate) fn passphrase(file: Option<&Path>) -> Result<Option<Passphrase>, Failure> {
    file.map(read_passphrase_file).transpose().map_err(|error| Failure::file(error.to_string()))
}

/// Loads the key that signs.
pub(crate) fn load_key(args: &KeyArgs) -> Result<SecretKey, Failure> {
    open_key(args, load)
}

/// Loads the key that signs a credential of any kind.
#[cfg(feature = "vc-api")]
pub(crate) fn load_signing_key(args: &KeyArgs) -> Result<legation_vc_api::SigningKey, Failure> {
    let jwk = open_key(args, legation_keystore::load_jwk)?;
    let key = legation_vc_api::SigningKey::from_jwk(&jwk);
    key.map_err(|error| Failure::file(format!("`{}` is no key file: {error}", args.key.display())))
}

fn open_key<K>(
    args: &KeyArgs,
    open: impl FnOnce(&Path, Option<&Passphrase>) -> Result<K, LoadError>,
) -> Result<K, Failure> {
    let passphrase = passphrase(args.passphrase_file.as_deref())?;
    working("opening the key", || open(&args.key, passphrase.as_ref())).map_err(|error| {
        let hint = match error {
            LoadError::NeedsPassphrase { .. } => " with --passphrase-file FILE",
            _ => "",
        };
        Failure::file(format!("{error}{hint}"))
    })
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(out: &OutArgs, text: &str) -> Result<(), Failure> {
    write(&out.out, text, Access::Private, out.force)
}

/// Writes a file that everybody may read, whole or not at all.
pub(crate) fn write_public(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    write(path, text, Access::Public, force)
}

fn write(path: &Path, text: &str, access: Access, force: bool) -> Result<(), Failure> {
    let overwrite = if force { Overwrite::Replace } else { Overwrite::Refuse };
    write_new(path, format!("{text}\n").as_bytes(), access, overwrite).map_err(|error| {
        let hint = match error {
            legation_keystore::WriteError::Exists { .. } => ", or give --force",
            legation_keystore::WriteError::Io { .. } => "",
        };
        Failure::file(format!("{error}{hint}"))
    })
}
