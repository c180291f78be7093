//! `legation restore`.

use super::{
    backup::not_done,
    data_dir::{DataDir, failed},
};
use crate::{
    args::RestoreArgs,
    files,
    output::{Failure, Output, counter},
};
use legation_credential::status::{PublishedList, SignedStatusList};
use legation_keys::time;
use legation_keystore::decrypt_text;
use legation_registry::restored::{Confirm, Learned};
use legation_signer::Master;
use legation_store::backup::{Contents, contents, restore};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;
use std::{
    fs::{self, File, Permissions},
    io::BufReader,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Most entries of a list of what was published.
const MOST_ENTRIES: usize = 1 << 20;
/// Most files of a folder that was published that are looked at.
const MOST_FILES: usize = 100_000;

pub(crate) fn run(args: &RestoreArgs) -> Result<Output, Failure> {
    match &args.file {
        Some(file) if !args.reopen => put_back(file, args),
        _ => reopen(args),
    }
}

fn put_back(file: &Path, args: &RestoreArgs) -> Result<Output, Failure> {
    let target = args.data.folder.data_dir.as_path();
    let taken = || {
        let message =
            format!("`{}` exists already and is left as it is; name another --data-dir", target.display());
        Failure::file(message)
    };
    if target.symlink_metadata().is_ok() {
        return Err(taken());
    }
    let open = || {
        let opened = File::open(file).map(|file| BufReader::with_capacity(1 << 20, file));
        opened.map_err(|error| Failure::file(format!("`{}` can't be read: {error}", file.display())))
    };
    // All of it is read before anything is written.
    let found = contents(&mut open()?).map_err(|error| not_done(&error))?;
    if let Some(wanted) = args.digest.as_ref().filter(|wanted| !wanted.eq_ignore_ascii_case(&found.digest)) {
        let message = format!("`{}` has the SHA-256 {}, expected {wanted}", file.display(), found.digest);
        return Err(Failure::invalid("backup_digest", message));
    }
    let io = |error: std::io::Error| Failure::file(format!("`{}` can't be made: {error}", target.display()));
    let beside = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // What is not whole yet has another name.
    let begun = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(beside)
        .map_err(io)?;
    let folder = DataDir::at(begun.path());
    folder.settle(args.database_file.as_deref())?;
    folder.make_own(&found.domains)?;
    let has_master = master(&folder, file, &found, args)?;
    let now = files::now();
    let why = format!("restored at {} from a backup of {}", time::format(now), time::format(found.at));
    let counter = counter();
    let progress = &mut |rows| counter.set_message(format!("{rows} of {} rows", found.rows));
    let again = restore(&folder.location()?, &mut open()?, (&why, now), progress);
    counter.finish_and_clear();
    let again = again.map_err(|error| not_done(&error))?;
    if again != found {
        return Err(Failure::file(format!("`{}` was changed meanwhile; begin again", file.display())));
    }
    sync_all(begun.path()).map_err(io)?;
    renameat_with(CWD, begun.path(), CWD, target, RenameFlags::NOREPLACE).map_err(|error| match error {
        rustix::io::Errno::EXIST => taken(),
        error => io(error.into()),
    })?;
    drop(begun.keep());
    File::open(beside).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(told(target, &found, has_master))
}

fn told(target: &Path, found: &Contents, has_master: bool) -> Output {
    let (place, at) = (target.display(), time::format(found.at));
    let domains = found.domains.join(", ");
    let key = if has_master {
        String::new()
    } else {
        format!("  Put the copy of the master key back: `{place}/master.key`, with mode 600.\n")
    };
    let text = format!(
        "{domains} as of {at} is in {place}, and closed: nothing is decided, published or changed.\n\
         Next:\n{key}\
         \x20 `legation restore --reopen --data-dir {place}`, with `--status-from DIR` where a copy of what was published is left.\n\
         \x20 `legation confirm --data-dir {place}` lists what has to be confirmed then.\n",
    );
    let json = json!({
        "dataDir": target, "domains": found.domains, "at": at, "rows": found.rows, "sha256": found.digest,
        "masterKey": has_master, "closed": true,
    });
    Output::done(json, text)
}

/// Writes the master key that is in the backup, where it can be opened.
fn master(folder: &DataDir, file: &Path, found: &Contents, args: &RestoreArgs) -> Result<bool, Failure> {
    let passphrase = files::passphrase(args.passphrase_file.as_deref())?;
    let (Some(sealed), Some(passphrase)) = (&found.master, &passphrase) else {
        if passphrase.is_some() {
            let message =
                format!("there is no master key in `{}`; leave --passphrase-file out", file.display());
            return Err(Failure::usage(message));
        }
        return Ok(false);
    };
    let text = decrypt_text(sealed, passphrase, file).map_err(|error| Failure::file(error.to_string()))?;
    Master::write_text(&folder.master(), &text).map_err(|error| Failure::file(error.to_string()))?;
    Ok(true)
}

/// Syncs the files of a folder, and the folder.
fn sync_all(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(folder)?.sync_all()
}

fn reopen(args: &RestoreArgs) -> Result<Output, Failure> {
    let folder = DataDir::of(&args.data);
    folder.location()?;
    let published = published(&args.status_from)?;
    let signer = folder.signer()?;
    let registry = folder.open(&signer)?;
    let Some(why) = registry.closed().map_err(|error| failed(&error))? else {
        let message = format!("{} is open already; `legation confirm` lists what waits", registry.did());
        return Err(Failure::invalid("not_closed", message));
    };
    let now = files::now();
    let learned = registry.reopen(&published, now).map_err(|error| failed(&error))?;
    if args.all {
        registry.confirm(Confirm::All, now).map_err(|error| failed(&error))?;
    }
    let waits = registry.unconfirmed().map_err(|error| failed(&error))?;
    let Learned { lists, revoked, suspended } = learned;
    let next = if args.all {
        "Everything was confirmed by your word: what was revoked, suspended, blocked or replaced since the backup and stands in \
         no list that you named holds again.\n"
            .to_owned()
    } else {
        format!(
            "{} of organization, teams, agents and admins and {} API keys wait to be confirmed: `legation confirm`\n",
            waits.holders, waits.api_keys
        )
    };
    let text = format!(
        "{} is open again ({why}).\n\
         Budgets and rates count as used up until their windows have passed: what was taken since the backup is not known.\n\
         {lists} published lists were read: {revoked} delegations revoked and {suspended} holders suspended by them.\n{next}",
        registry.did()
    );
    let json = json!({
        "did": registry.did().as_str(), "why": why, "lists": lists, "revoked": revoked, "suspended": suspended,
        "unconfirmed": {"holders": waits.holders, "apiKeys": waits.api_keys},
    });
    let mut output = Output::done(json, text);
    if published.is_empty() && !args.status_from.is_empty() {
        output.notes.push("no status list was found in what --status-from names".to_owned());
    }
    Ok(output)
}

/// The status lists in folders of what was published: their `status` below, or the files of the folder itself. What they say is only
/// ever added, so that nobody gains anything by a list that is not the organization's.
fn published(folders: &[PathBuf]) -> Result<Vec<PublishedList>, Failure> {
    let mut lists = Vec::new();
    for folder in folders {
        let below = folder.join("status");
        let folder = if below.is_dir() { &below } else { folder };
        let failed =
            |error: std::io::Error| Failure::file(format!("`{}` can't be read: {error}", folder.display()));
        for entry in fs::read_dir(folder).map_err(failed)?.take(MOST_FILES) {
            let entry = entry.map_err(failed)?;
            if !entry.file_type().map_err(failed)?.is_file() {
                continue;
            }
            let path = entry.path();
            let text = files::read_text(&path)?;
            let list = SignedStatusList::parse(&text, MOST_ENTRIES).map_err(|error| {
                Failure::file(format!("`{}` is no status list: {error}; move it away", path.display()))
            })?;
            let credential = list.credential;
            lists.push(PublishedList {
                id: credential.id,
                purposes: credential.purposes,
                list: credential.list,
            });
        }
    }
    Ok(lists)
}
