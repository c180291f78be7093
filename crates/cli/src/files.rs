//! Files that commands read and write.

use crate::{
    args::{KeyArgs, OutArgs, ToFileArgs},
    output::{Failure, complain, notice, working},
    passphrase, stream,
};
use legation_keys::SecretKey;
use legation_keystore::{
    Access, ChangeError, LoadError, Overwrite, Passphrase, Rules, load, open_to_others, write_new,
};
use std::{
    fs::File,
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Most bytes of a file that a command reads.
pub(crate) const MAX_FILE: u64 = 64 << 20;

/// Now, in Unix seconds. The one place where the command reads the clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Reads a file, or standard input where it is called `-`, up to [`MAX_FILE`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::file(cant_be_read(path, &error));
    let mut bytes = Vec::new();
    match stream::is_stream(path) {
        true => stream::input()?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?,
        false => {
            File::open(path).map_err(failed)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?
        }
    };
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure::file(format!("{} has more than {MAX_FILE} bytes", name(path))));
    }
    Ok(bytes)
}

/// What a file that is read is called in a sentence.
pub(crate) fn name(path: &Path) -> String {
    if stream::is_stream(path) { "standard input".to_owned() } else { format!("`{}`", path.display()) }
}

/// Why a file can't be read. A URL is no file, however often one is typed in its place.
fn cant_be_read(path: &Path, error: &std::io::Error) -> String {
    let text = path.to_string_lossy();
    match text.starts_with("https://") || text.starts_with("http://") {
        true => {
            format!("`{text}` is a URL, and a file is expected: fetch it first, as by `curl -o FILE {text}`")
        }
        false => format!("{} can't be read: {error}", name(path)),
    }
}

/// Reads a credential file: the text of one compact JWS.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let text =
        String::from_utf8(read(path)?).map_err(|_| Failure::file(format!("{} is no text", name(path))))?;
    Ok(text.trim().to_owned())
}

pub(crate) use passphrase::named as passphrase;

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

/// Several keys, with one passphrase file for all of them or one for each.
pub(crate) fn load_keys(keys: &[PathBuf], passphrase_files: &[PathBuf]) -> Result<Vec<SecretKey>, Failure> {
    let (count, passphrases) = (keys.len(), passphrase_files.len());
    if passphrases > 1 && passphrases != count {
        return Err(Failure::usage(format!(
            "there are {count} keys and {passphrases} passphrase files; give one for all of them or one for each"
        )));
    }
    let load = |(index, key): (usize, &PathBuf)| {
        let passphrase_file = passphrase_files.get(index).or(passphrase_files.first()).cloned();
        load_key(&KeyArgs { key: key.clone(), passphrase_file })
    };
    keys.iter().enumerate().map(load).collect()
}

/// Notices a secret that others on this machine can read or change.
pub(crate) fn look_who_reads(path: &Path, what: &str) {
    if let Some(mode) = open_to_others(path) {
        let path = path.display();
        notice(format!("the {what} `{path}` is open to others (mode {mode:03o}): `chmod 600 {path}`"));
    }
}

fn open_key<K>(
    args: &KeyArgs,
    open: impl Fn(&Path, Option<&Passphrase>) -> Result<K, LoadError>,
) -> Result<K, Failure> {
    check_named(&args.key)?;
    let passphrase = passphrase::named(args.passphrase_file.as_deref())?;
    look_who_reads(&args.key, "key file");
    let open = |passphrase: Option<&Passphrase>| working("opening the key", || open(&args.key, passphrase));
    let opened = match open(passphrase.as_ref()) {
        // Only a key that needs one has anybody asked for it.
        Err(error @ LoadError::NeedsPassphrase { .. }) => match passphrase::to_open(&args.key)? {
            Some(passphrase) => open(Some(&passphrase)),
            None => Err(error),
        },
        opened => opened,
    };
    opened.map_err(|error| {
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

/// Writes a file that everybody may read, where one is named. Gives its name.
pub(crate) fn write_to(to: &ToFileArgs, text: &str) -> Result<Option<String>, Failure> {
    let Some(out) = &to.out else { return Ok(None) };
    write_public(out, text, to.force)?;
    Ok(Some(out.display().to_string()))
}

/// Writes a file that everybody may read, whole or not at all.
pub(crate) fn write_public(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    write(path, text, Access::Public, force)
}

fn write(path: &Path, text: &str, access: Access, force: bool) -> Result<(), Failure> {
    if stream::is_stream(path) {
        stream::check_output()?;
        return stream::write(text);
    }
    if force {
        return change(path, access, |_| Ok((text.to_owned(), ())));
    }
    write_new(path, format!("{text}\n").as_bytes(), access, Overwrite::Refuse).map_err(|error| {
        let hint = match error {
            legation_keystore::WriteError::Exists { .. } => ", or give --force",
            legation_keystore::WriteError::Io { .. } => "",
        };
        Failure::file(format!("{error}{hint}"))
    })
}

/// What is read again, or must not be seen, is no stream.
pub(crate) fn check_named(path: &Path) -> Result<(), Failure> {
    match stream::is_stream(path) {
        true => Err(Failure::usage("`-` can't stand here: it is a file that stays; name it")),
        false => Ok(()),
    }
}

/// Tells whoever sits at a terminal which lock is waited for.
pub(crate) fn tell_waiting(lock: &Path) {
    if std::io::stderr().is_terminal() {
        complain(&format!("waiting for the process that has `{}`\n", lock.display()));
    }
}

/// Changes a file, or makes it: the one way for whatever is read and written back. Other processes wait meanwhile.
pub(crate) fn change<T>(
    path: &Path,
    access: Access,
    change: impl FnOnce(Option<&[u8]>) -> Result<(String, T), Failure>,
) -> Result<T, Failure> {
    check_named(path)?;
    let most = usize::try_from(MAX_FILE).unwrap_or(usize::MAX);
    let rules = Rules { waiting: &tell_waiting, ..Rules::new(access, most) };
    let with_line_ending = |found: Option<&[u8]>| {
        let (mut text, told) = change(found)?;
        text.push('\n');
        Ok((text.into_bytes(), told))
    };
    legation_keystore::change(path, rules, with_line_ending).map_err(|error| match error {
        ChangeError::Refused(failure) => failure,
        ChangeError::Busy { .. } => Failure::network("busy", error.to_string()),
        ChangeError::Unsynced { .. } => Failure::network("storage", error.to_string()),
        _ => Failure::file(error.to_string()),
    })
}

/// Makes the folder of a file, whose folders may not be there yet.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::file(format!("`{}` can't be made: {error}", folder.display())))
}

/// Whether two names are of one file.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
