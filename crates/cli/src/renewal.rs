//! Status lists that are signed anew before they are stale, while `legation serve` publishes them.

use crate::{
    files,
    list_file::{believed, renew, sign},
    output::{Failure, complain, one_line},
    signed_by::AtHand,
};
use legation_credential::status::{SignedStatusList, StatusListCredential};
use legation_keys::SecretKey;
use legation_keystore::Access;
use legation_verifier::Trust;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// The longest time until the folder is looked at again: lists come, and clocks are set.
const LOOK: i64 = 30;

/// How old verifiers let a list be that say nothing else, in seconds.
pub(crate) fn usual_age() -> i64 {
    Trust::new("").max_status_age
}

/// The lists of a folder, and the keys that sign them.
pub(crate) struct Renewal {
    folder: PathBuf,
    keys: Vec<SecretKey>,
    /// What was told of a list, so that it is told once.
    told: HashMap<PathBuf, String>,
}

impl Renewal {
    pub(crate) fn new(folder: &Path, keys: Vec<SecretKey>) -> Self {
        Self { folder: folder.to_owned(), keys, told: HashMap::new() }
    }

    /// Goes on for as long as the process does.
    pub(crate) fn run(mut self) {
        loop {
            let next = self.look();
            thread::sleep(Duration::from_secs(next.unsigned_abs()));
        }
    }

    /// Signs what is due, and says in how many seconds to look again.
    pub(crate) fn look(&mut self) -> i64 {
        let mut next = LOOK;
        for path in self.lists() {
            match self.attend(&path) {
                Ok(due) => {
                    self.told.remove(&path);
                    next = next.min(due.saturating_sub(files::now()));
                }
                Err(failure) => {
                    // In time or not at all: a disk that is full may have room again.
                    next = next.min(5);
                    let text = one_line(&format!("`{}` is not signed anew: {failure}", path.display()));
                    if self.told.get(&path) != Some(&text) {
                        complain(&format!("{text}\n"));
                        self.told.insert(path, text);
                    }
                }
            }
        }
        next.max(1)
    }

    /// The files of `status/`, and none that a link brings in from elsewhere.
    fn lists(&self) -> Vec<PathBuf> {
        let Ok(root) = self.folder.canonicalize() else { return Vec::new() };
        let all = std::fs::read_dir(root.join("status")).into_iter().flatten().flatten();
        let inside =
            |path: &PathBuf| path.is_file() && path.canonicalize().is_ok_and(|path| path.starts_with(&root));
        all.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
            .map(|entry| entry.path())
            .filter(inside)
            .collect()
    }

    /// Signs a list anew if it is due, and says when it will be. What is no list has no time.
    fn attend(&self, path: &Path) -> Result<i64, Failure> {
        let found = files::read(path)?;
        let Some(list) = read(&found) else { return Ok(i64::MAX) };
        let key = self.key(path, &found)?;
        let due = due(&list);
        if due > files::now() {
            return Ok(due);
        }
        files::change(path, Access::Public, |found| {
            // Somebody may have revoked since.
            let found = found.ok_or_else(|| Failure::file("it is gone"))?;
            let read = believed(path, found, AtHand { signer: key, documents: None })?;
            let mut list = read.credential;
            renew(&mut list, files::now());
            Ok((sign(&list, read.securing, key)?, self::due(&list)))
        })
    }

    /// The key that signed a list.
    fn key(&self, path: &Path, found: &[u8]) -> Result<&SecretKey, Failure> {
        let mut refused = Failure::invalid("key_not_found", "there is no key");
        for key in &self.keys {
            match believed(path, found, AtHand { signer: key, documents: None }) {
                Ok(_) => return Ok(key),
                // By this key and changed since says more than by another one.
                Err(failure) if refused.code != "status_invalid" => refused = failure,
                Err(_) => {}
            }
        }
        Err(refused)
    }
}

fn read(found: &[u8]) -> Option<StatusListCredential> {
    let text = core::str::from_utf8(found).ok()?;
    SignedStatusList::parse(text, crate::list_file::MOST).ok().map(|list| list.credential)
}

/// At half the time that a list is good for: what fails then can be tried again in the other half.
fn due(list: &StatusListCredential) -> i64 {
    let lifetime = list.valid_until.map_or(i64::MAX, |until| until.saturating_sub(list.valid_from));
    list.valid_from.saturating_add(lifetime.min(usual_age()) / 2)
}
