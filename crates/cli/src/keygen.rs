//! `legation key generate`.

use crate::{
    args::GenerateArgs,
    files,
    output::{Failure, Output, working},
    passphrase::to_encrypt,
};
use legation_did::Did;
use legation_keys::{SecretKey, Signer};
use legation_keystore::{Overwrite, Passphrase, Protection, save};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// What stands for the number in the name of one file of many.
const NUMBER: &str = "{}";
/// Most keys that are encrypted at a time: each takes 64 MiB meanwhile.
const AT_A_TIME: usize = 8;

pub(crate) fn generate(args: &GenerateArgs) -> Result<Output, Failure> {
    files::check_named(&args.out)?;
    let paths = paths(args)?;
    let passphrase = passphrase(args)?;
    let made = match args.count {
        None => vec![working("encrypting the key", || make(args, &args.out, passphrase.as_ref()))?],
        Some(_) => working("encrypting the keys", || make_all(args, &paths, passphrase.as_ref()))?,
    };
    let encrypted = passphrase.is_some();
    let files: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let one =
        |(file, did): (&String, &Did)| json!({"did": did.as_str(), "key": file, "encrypted": encrypted});
    let told: Vec<_> = files.iter().zip(&made).map(one).collect();
    let mut output = match (args.count, files.as_slice(), made.as_slice()) {
        (None, [file], [did]) => {
            Output::done(told.first().cloned().unwrap_or_default(), format!("wrote {file}\n{did}"))
        }
        _ => {
            let lines: Vec<String> =
                files.iter().zip(&made).map(|(file, did)| format!("{file} {did}")).collect();
            Output::done(json!({"keys": told}), lines.join("\n"))
        }
    };
    if !encrypted {
        let (what, which) = match files.as_slice() {
            [one] => (format!("`{one}` is not encrypted"), "this key"),
            all => (format!("these {} keys are not encrypted", all.len()), "them"),
        };
        output.notes.push(format!("{what}: whoever reads it can sign as {which}"));
    }
    Ok(output)
}

/// The file of each key.
fn paths(args: &GenerateArgs) -> Result<Vec<PathBuf>, Failure> {
    let Some(count) = args.count else { return Ok(vec![args.out.clone()]) };
    let pattern = args.out.to_string_lossy();
    if pattern.matches(NUMBER).count() != 1 {
        let message = format!(
            "`{pattern}` has to hold `{NUMBER}` once, where each key's number goes: agent-{NUMBER}.key"
        );
        return Err(Failure::usage(message));
    }
    let width = count.to_string().len();
    let paths: Vec<PathBuf> =
        (1..=count).map(|number| pattern.replace(NUMBER, &format!("{number:0width$}")).into()).collect();
    match paths.iter().find(|path| !args.force && path.exists()) {
        None => Ok(paths),
        Some(there) => {
            let there = there.display();
            Err(Failure::file(format!(
                "`{there}` exists, so that none was made; name other files, or give --force"
            )))
        }
    }
}

/// What the key is encrypted by; `None` where it is to be written as it is.
fn passphrase(args: &GenerateArgs) -> Result<Option<Passphrase>, Failure> {
    if args.insecure_plaintext {
        return Ok(None);
    }
    let given = match files::passphrase(args.passphrase_file.as_deref())? {
        None => to_encrypt()?,
        given => given,
    };
    given.map(Some).ok_or_else(|| {
        Failure::usage(
            "a key is encrypted: give --passphrase-file FILE, or --insecure-plaintext to write it as it is; \
             see `legation key generate --help`",
        )
    })
}

fn make(args: &GenerateArgs, path: &Path, passphrase: Option<&Passphrase>) -> Result<Did, Failure> {
    let protection = passphrase.map_or(Protection::InsecurePlaintext, Protection::Passphrase);
    let overwrite = if args.force { Overwrite::Replace } else { Overwrite::Refuse };
    let key = SecretKey::generate(args.alg.into())
        .map_err(|error| Failure::network("random", error.to_string()))?;
    save(path, &key, protection, overwrite).map_err(|error| {
        let hint = if path.exists() { ", or give --force" } else { "" };
        Failure::file(format!("{error}{hint}"))
    })?;
    Ok(legation_did::key::did(key.public_key()))
}

/// Several at a time: encrypting is work that is meant to be long.
fn make_all(
    args: &GenerateArgs,
    paths: &[PathBuf],
    passphrase: Option<&Passphrase>,
) -> Result<Vec<Did>, Failure> {
    let workers =
        thread::available_parallelism().map_or(1, |most| most.get()).min(AT_A_TIME).min(paths.len());
    let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(paths.len())));
    let work = || -> Result<(), Failure> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else { return Ok(()) };
            let did = make(args, path, passphrase);
            if did.is_err() {
                next.store(paths.len(), Ordering::Relaxed);
            }
            made.lock().unwrap_or_else(PoisonError::into_inner).push((index, did?));
        }
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended = || Failure::network("runtime", "a worker ended before its time");
        all.into_iter().try_for_each(|one| one.join().map_err(|_| ended())?)
    })?;
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_by_key(|(index, _)| *index);
    Ok(made.into_iter().map(|(_, did)| did).collect())
}
