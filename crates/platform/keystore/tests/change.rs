//! Changing a file: by many at once, through links, past locks that are held, and past writers that were killed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

use core::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use legation_keystore::{Access, ChangeError, Rules, change};
use std::{
    convert::Infallible,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    time::Instant,
};

const RULES: Rules<'static> =
    Rules { access: Access::Public, most_bytes: 1 << 20, wait: Duration::from_secs(20), waiting: &|_| {} };

/// Adds one letter.
fn add(path: &Path, rules: Rules<'_>) -> Result<usize, ChangeError<Infallible>> {
    change(path, rules, |found| {
        let mut bytes = found.unwrap_or_default().to_vec();
        bytes.push(b'a');
        let length = bytes.len();
        Ok((bytes, length))
    })
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

#[test]
fn of_many_changes_at_once_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| _ = add(&path, RULES).unwrap()));
        }
    });
    assert_eq!(fs::read(&path).unwrap().len(), 200);
    assert_eq!(names(folder.path()), ["list"], "neither locks nor halves stay behind");
}

#[test]
fn two_names_of_one_file_are_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("real")).unwrap();
    fs::create_dir(at("other")).unwrap();
    symlink("real/file", at("link")).unwrap();
    symlink("../link", at("other/link")).unwrap();
    symlink("real", at("folder")).unwrap();
    // The file is not there yet: that is where it will be.
    assert_eq!(add(&at("other/link"), RULES), Ok(1));
    std::thread::scope(|scope| {
        for name in ["real/file", "link", "other/link", "folder/file"] {
            let path = at(name);
            scope.spawn(move || (0..25).for_each(|_| _ = add(&path, RULES).unwrap()));
        }
    });
    assert_eq!(fs::read(at("real/file")).unwrap().len(), 101);
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink(), "a link stays one");
    assert_eq!(names(&at("real")), ["file"]);
    symlink("loop", at("loop")).unwrap();
    assert!(matches!(add(&at("loop"), RULES), Err(ChangeError::Read { .. })));
    assert!(matches!(add(&at("no/such/folder"), RULES), Err(ChangeError::Read { .. })));
}

#[test]
fn a_lock_that_is_held_is_awaited_told_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (path, lock) = (folder.path().join("list"), folder.path().join(".list.lock"));
    fs::write(&path, "b").unwrap();
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    let told = AtomicUsize::new(0);
    let waiting = |found: &Path| {
        assert_eq!(found.file_name(), lock.file_name());
        told.fetch_add(1, Ordering::Relaxed);
    };
    let begin = Instant::now();
    let rules = Rules { wait: Duration::from_millis(300), waiting: &waiting, ..RULES };
    let refused = add(&path, rules).unwrap_err();
    assert!(matches!(&refused, ChangeError::Busy { .. }), "{refused}");
    assert!(refused.to_string().contains(".list.lock` if no such process runs"), "{refused}");
    assert!((300..5_000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert_eq!((told.load(Ordering::Relaxed), fs::read(&path).unwrap()), (1, b"b".to_vec()));

    // As soon as it ends there is nothing to wait for.
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| add(&path, RULES));
        std::thread::sleep(Duration::from_millis(100));
        drop(held);
        assert_eq!(waiter.join().unwrap(), Ok(2));
    });
    assert_eq!(names(folder.path()), ["list"]);
}

#[test]
fn a_lock_is_its_owner_s_and_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let (path, lock) = (folder.path().join("list"), folder.path().join(".list.lock"));
    change(&path, RULES, |_| {
        assert_eq!(mode(&lock), 0o600);
        Ok::<_, Infallible>((b"x".to_vec(), ()))
    })
    .unwrap();
    // Whoever may write the folder, but not the target, would have it opened.
    let target = folder.path().join("target");
    symlink(&target, &lock).unwrap();
    assert!(matches!(add(&path, RULES), Err(ChangeError::Lock { .. })));
    assert!(!target.exists());
}

#[test]
fn what_was_left_by_a_writer_that_was_killed_stops_nobody_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    for left in [".list.lock", ".list.Ab12Cd.new", ".list.x.Ab12Cd.new", "list.new"] {
        fs::write(folder.path().join(left), "half").unwrap();
    }
    let begin = Instant::now();
    assert_eq!(add(&path, RULES), Ok(1));
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(names(folder.path()), [".list.x.Ab12Cd.new", "list", "list.new"]);
}

#[test]
fn a_mode_is_kept_unless_the_file_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    for given in [0o644, 0o600, 0o664, 0o640] {
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(given)).unwrap();
        add(&path, RULES).unwrap();
        assert_eq!(mode(&path), given, "{given:o}");
    }
    let private = Rules { access: Access::Private, ..RULES };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    add(&path, private).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn what_is_refused_too_large_or_unreadable_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    fs::write(&path, "abc").unwrap();
    let refused = change(&path, RULES, |_| Err::<(Vec<u8>, ()), _>("no"));
    assert_eq!(refused, Err(ChangeError::Refused("no")));
    let small = add(&path, Rules { most_bytes: 2, ..RULES });
    assert!(matches!(small, Err(ChangeError::TooLarge { most: 2, .. })), "{small:?}");
    let is_folder = add(folder.path(), RULES);
    assert!(is_folder.is_err(), "{is_folder:?}");
    assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"abc".to_vec(), vec!["list".to_owned()]));
}
