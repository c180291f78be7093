//! Dying at every write: a disk that keeps what a real one may keep, stopped at each of its steps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::{
    checkpoint::Checkpoint,
    disk::Disk,
    note::{Kind, NoteKey},
    tile::{self, Holds, Tile},
    tree::{Compact, leaf_hash},
    writer::{CHECKPOINT, Core, WriteError},
};
use legation_keys::SecretKey;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

/// What of the names that were not synced a disk may have when the machine is on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    Everything,
    /// Every other one: names of several folders reach the disk in any order.
    Some(usize),
}

#[derive(Clone, Debug)]
enum Change {
    Put(String, Vec<u8>),
    Gone(String),
}

/// A disk in memory.
#[derive(Clone, Debug, Default)]
struct Memory {
    now: BTreeMap<String, Vec<u8>>,
    kept: BTreeMap<String, Vec<u8>>,
    folders: BTreeSet<String>,
    pending: Vec<Change>,
    /// After so many steps it fails.
    left: usize,
    /// Bytes that still fit.
    room: Option<usize>,
}

impl Memory {
    fn step(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("died"))?;
        Ok(())
    }

    /// The disk when the machine is on again.
    fn after(mut self, left: Left) -> Self {
        let keeps = |number: usize| match left {
            Left::Nothing => false,
            Left::Everything => true,
            Left::Some(which) => number % 2 == which,
        };
        for (number, change) in self.pending.drain(..).enumerate().filter(|(number, _)| keeps(*number)) {
            let _ = number;
            apply(&mut self.kept, change);
        }
        Self { now: self.kept.clone(), kept: self.kept, left: usize::MAX, ..Self::default() }
    }
}

fn apply(files: &mut BTreeMap<String, Vec<u8>>, change: Change) {
    match change {
        Change::Put(path, bytes) => drop(files.insert(path, bytes)),
        Change::Gone(path) => drop(files.remove(&path)),
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk for Memory {
    fn read(&self, path: &str, _: u64) -> io::Result<Option<Vec<u8>>> {
        Ok(self.now.get(path).cloned())
    }

    fn make_folder(&mut self, path: &str) -> io::Result<()> {
        self.step()?;
        self.folders.insert(path.to_owned());
        Ok(())
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        assert!(folder(path).is_empty() || self.folders.contains(folder(path)), "{path}");
        if let Some(room) = &mut self.room {
            *room = room.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        }
        self.step()?;
        // Torn: half of it is there, and nothing of it is synced.
        self.now.insert(path.to_owned(), bytes[..bytes.len() / 2].to_vec());
        self.pending.push(Change::Put(path.to_owned(), bytes[..bytes.len() / 2].to_vec()));
        self.step()?;
        self.now.insert(path.to_owned(), bytes.to_vec());
        self.pending.pop();
        self.pending.push(Change::Put(path.to_owned(), bytes.to_vec()));
        self.step()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        let bytes = self.now.remove(from).unwrap();
        self.now.insert(to.to_owned(), bytes.clone());
        self.pending.push(Change::Put(to.to_owned(), bytes));
        self.pending.push(Change::Gone(from.to_owned()));
        self.step()
    }

    fn sync_folder(&mut self, path: &str) -> io::Result<()> {
        self.step()?;
        let (synced, rest): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|change| match change {
            Change::Put(name, _) | Change::Gone(name) => folder(name) == path,
        });
        self.pending = rest;
        synced.into_iter().for_each(|change| apply(&mut self.kept, change));
        self.step()
    }

    fn remove_folder(&mut self, path: &str) -> io::Result<()> {
        self.step()?;
        let gone: Vec<String> = self.now.keys().filter(|name| folder(name) == path).cloned().collect();
        for name in gone {
            self.now.remove(&name);
            self.pending.push(Change::Gone(name));
        }
        self.folders.remove(path);
        Ok(())
    }
}

fn key() -> (SecretKey, NoteKey) {
    let secret = SecretKey::from_ed25519_seed(&[7; 32]).unwrap();
    let public = legation_keys::Signer::public_key(&secret).clone();
    (secret, NoteKey::new("acme.example/log/main", Kind::Text, &public).unwrap())
}

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

/// Goes on with a history to its end, or until the disk fails. Gives up to which size it was told that it is kept.
fn go_on(core: &mut Core<Memory>, borders: &[u64]) -> (u64, Result<(), WriteError>) {
    let (secret, key) = key();
    let mut told = core.size();
    for border in borders {
        for number in core.size()..*border {
            if let Err(error) = core.append(&entry(number)) {
                return (told, Err(error));
            }
        }
        let done = core.publish(|next: &Checkpoint| {
            key.sign(&next.text(), 0, &secret).map(|line| format!("{}\n{line}", next.text()))
        });
        match done {
            Ok(()) => told = core.size(),
            Err(error) => return (told, Err(error)),
        }
    }
    (told, Ok(()))
}

/// Everything that the checkpoint speaks of is there, whole, and is what was added.
fn holds(disk: &Memory) -> u64 {
    let (_, key) = key();
    let Some(note) = disk.now.get(CHECKPOINT) else { return 0 };
    let found = Checkpoint::open(core::str::from_utf8(note).unwrap(), &key).unwrap();
    let mut tree = Compact::default();
    for number in 0..found.size {
        tree.push(leaf_hash(&entry(number)));
    }
    assert_eq!(tree.root(), found.root, "{}", found.size);
    for index in 0..found.size.div_ceil(256) {
        let width = usize::try_from((found.size - index * 256).min(256)).unwrap();
        for holds in [Holds::Entries, Holds::Hashes(0)] {
            let tile = Tile { holds, index, width };
            let bytes = disk.now.get(&tile.path()).or_else(|| disk.now.get(&tile.whole_path()));
            let bytes = bytes.unwrap_or_else(|| panic!("{} is there", tile.path()));
            let first = match holds {
                Holds::Entries => leaf_hash(crate::writer::entries_of(bytes, width).unwrap()[0]),
                Holds::Hashes(_) => tile::hashes(&bytes[..width * 32], width).unwrap()[0],
            };
            assert_eq!(first, leaf_hash(&entry(index * 256)), "{}", tile.path());
        }
    }
    found.size
}

fn at(disk: Memory) -> Core<Memory> {
    Core::open(disk, key().1).unwrap()
}

#[test]
fn a_log_whose_process_dies_at_any_write_keeps_what_was_told_and_goes_on() {
    for borders in [&[1, 3][..], &[254, 256, 257], &[3, 258, 511, 513]] {
        let mut whole = at(Memory { left: usize::MAX, ..Memory::default() });
        assert_eq!(go_on(&mut whole, borders).1, Ok(()));
        let steps = usize::MAX - whole.disk.left;
        let last = *borders.last().unwrap();
        assert_eq!(holds(&whole.disk), last);
        for dies in 0..steps {
            for left in [Left::Nothing, Left::Everything, Left::Some(0), Left::Some(1)] {
                let mut core = at(Memory { left: dies, ..Memory::default() });
                let (told, done) = go_on(&mut core, borders);
                // What is taken away at the end is in nobody's way.
                if done.is_err() {
                    assert!(core.append(b"more").is_err(), "after a failure nothing is added");
                }
                let disk = core.disk.after(left);
                let size = holds(&disk);
                assert!(
                    size >= told,
                    "{told} were told to be kept, {size} are, at step {dies} with {left:?}"
                );
                assert!(size == 0 || borders.contains(&size), "{size}");
                let mut again = at(disk);
                assert_eq!(again.size(), size);
                assert_eq!(go_on(&mut again, borders).1, Ok(()), "at step {dies} with {left:?}");
                assert_eq!(holds(&again.disk), last);
                assert_eq!(again.root(), whole.root());
            }
        }
    }
}

#[test]
fn a_full_disk_closes_the_log_and_it_goes_on_when_there_is_room() {
    let borders = [3, 258, 300];
    for room in (0..40_000).step_by(397) {
        let mut core = at(Memory { left: usize::MAX, room: Some(room), ..Memory::default() });
        let (told, done) = go_on(&mut core, &borders);
        if let Err(error) = &done {
            assert_eq!(error.code(), "log_unavailable", "{error}");
        }
        let mut disk = core.disk;
        assert!(holds(&disk) >= told);
        disk.room = None;
        let mut again = at(disk);
        assert_eq!(go_on(&mut again, &borders).1, Ok(()), "{room}");
        assert_eq!(holds(&again.disk), 300);
    }
}

#[test]
fn a_log_with_a_bit_flipped_in_what_it_goes_on_from_is_not_gone_on_with() {
    let mut core = at(Memory { left: usize::MAX, ..Memory::default() });
    assert_eq!(go_on(&mut core, &[259]).1, Ok(()));
    for (path, bytes) in core.disk.now.clone() {
        // Whole tiles are read by whoever verifies.
        if ["tile/0/000", "tile/entries/000"].contains(&path.as_str()) {
            continue;
        }
        for place in 0..bytes.len() {
            let mut disk = core.disk.clone();
            disk.now.get_mut(&path).unwrap()[place] ^= 1;
            assert!(Core::open(disk, key().1).is_err(), "{path} at {place}");
        }
        let mut disk = core.disk.clone();
        disk.now.remove(&path);
        let opened = Core::open(disk, key().1);
        assert!(path == CHECKPOINT || opened.is_err(), "{path}");
    }
}
