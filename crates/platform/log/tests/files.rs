//! Logs in real folders, read by another implementation: `tlog_tiles` and `signed_note`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_keys::{Algorithm, SecretKey, Signer};
use legation_log::{
    Checkpoint, NoteKey, Reader, WriteError, Writer,
    note::Kind,
    proof::{consistency, inclusion, verify_consistency, verify_inclusion},
    reader::checkpoint,
    tile::MAX_ENTRY,
    tree::leaf_hash,
};
use signed_note::{Note, StandardVerifier, VerifierList};
use std::{fmt::Display, path::Path};
use tlog_tiles::{
    tile::{Tile, TileHashReader, TileReader},
    tlog::{
        Hash, HashReader, check_record, check_tree, prove_record, prove_tree, record_hash, stored_hash_index,
        tree_hash,
    },
};

const ORIGIN: &str = "acme.example/log/main";

struct Key(SecretKey, NoteKey);

fn key() -> Key {
    let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let key = NoteKey::new(ORIGIN, Kind::Text, secret.public_key()).unwrap();
    Key(secret, key)
}

impl Key {
    fn sign(&self, next: &Checkpoint) -> Result<String, impl Display + use<>> {
        self.1.sign(&next.text(), 0, &self.0).map(|line| format!("{}\n{line}", next.text()))
    }
}

fn entry(number: u64) -> Vec<u8> {
    format!("{{\"entry\":{number}}}").into_bytes()
}

fn grown(folder: &Path, key: &Key, to: u64) -> Writer {
    let mut writer = Writer::open(folder, key.1.clone()).unwrap();
    for number in writer.size()..to {
        writer.append(&entry(number)).unwrap();
    }
    writer.publish(|next| key.sign(next)).unwrap();
    writer
}

/// Tiles as the other implementation asks for them: its paths say the height first, C2SP's do not.
struct Others<'p>(&'p Path);

impl TileReader for Others<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::tlog::Error> {
        let read = |tile: &Tile| {
            let path = tile.path();
            let path = path.strip_prefix("tile/8/").map_or(path.clone(), |rest| format!("tile/{rest}"));
            Ok(std::fs::read(self.0.join(path)).unwrap())
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn another_implementation_reads_checkpoints_and_tiles_and_proves_the_same() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key());
    // 70,000 is the example of C2SP tlog-tiles: three levels, partial tiles on each.
    let sizes = [1_u64, 2, 255, 256, 257, 1000, 70_000];
    let mut roots = Vec::new();
    for size in sizes {
        drop(grown(folder.path(), &key, size));
        let note = checkpoint(folder.path()).unwrap();
        let verifier = StandardVerifier::new(&key.1.to_string()).unwrap();
        let (verified, _) = Note::from_bytes(note.as_bytes())
            .unwrap()
            .verify(&VerifierList::new(vec![Box::new(verifier)]))
            .unwrap();
        assert_eq!(verified.len(), 1);
        let text = Note::from_bytes(note.as_bytes()).unwrap().text().to_vec();
        let theirs = tlog_tiles::checkpoint::Checkpoint::from_bytes(&text).unwrap();
        let ours = Checkpoint::open(&note, &key.1).unwrap();
        assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), (ORIGIN, size, ours.root));
        let others = Others(folder.path());
        let reader = TileHashReader::new(size, Hash(ours.root), &others);
        assert_eq!(tree_hash(size, &reader).unwrap().0, ours.root);
        let mut own = Reader::new(folder.path(), size);
        for index in [0, 1, 254, 255, 256, 999, 65_535, 69_999].into_iter().filter(|index| *index < size) {
            let theirs = prove_record(size, index, &reader).unwrap();
            let mine = inclusion(index, size, &mut own).unwrap();
            assert_eq!(theirs.iter().map(|hash| hash.0).collect::<Vec<_>>(), mine, "{index} of {size}");
            check_record(&theirs, size, Hash(ours.root), index, record_hash(&entry(index))).unwrap();
            verify_inclusion(&leaf_hash(&entry(index)), (index, size), &mine, &ours.root).unwrap();
            assert_eq!(own.entry(index).unwrap().unwrap(), entry(index));
            let leaf = reader.read_hashes(&[stored_hash_index(0, index)]).unwrap();
            assert_eq!(leaf[0].0, leaf_hash(&entry(index)));
        }
        for (old, root) in &roots {
            let theirs = prove_tree(size, *old, &reader).unwrap();
            let mine = consistency(*old, size, &mut own).unwrap();
            assert_eq!(theirs.iter().map(|hash| hash.0).collect::<Vec<_>>(), mine, "{old} of {size}");
            check_tree(&theirs, size, Hash(ours.root), *old, Hash(*root)).unwrap();
            verify_consistency((*old, root), (size, &ours.root), &mine).unwrap();
        }
        roots.push((size, ours.root));
    }
    let all: Vec<_> = Reader::new(folder.path(), 70_000).entries(65_530).map(Result::unwrap).collect();
    assert_eq!(all.len(), 4470);
    assert_eq!((all.first().unwrap(), all.last().unwrap()), (&entry(65_530), &entry(69_999)));
}

#[test]
fn a_note_of_the_other_implementation_is_read_and_a_changed_one_is_not() {
    let key = key();
    let next = Checkpoint { origin: ORIGIN.to_owned(), size: 7, root: [9; 32] };
    let note = key.sign(&next).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(Checkpoint::open(&note, &key.1), Ok(next));
    for place in 0..note.len() {
        for bit in [1, 0x80] {
            let mut bytes = note.clone().into_bytes();
            bytes[place] ^= bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(Checkpoint::open(&changed, &key.1).is_err(), "{place}: {changed}");
            }
        }
    }
    for cut in 0..note.len() {
        assert!(note.get(..cut).is_none_or(|part| Checkpoint::open(part, &key.1).is_err()), "{cut}");
    }
    let parsed = NoteKey::parse(&key.1.to_string()).unwrap();
    assert_eq!(parsed, key.1);
    for wrong in ["", "a+b", "a+00000000+AQ==", "a b+1+2", &format!("x{}", key.1)] {
        assert_eq!(NoteKey::parse(wrong).unwrap_err().code(), "log_key_invalid", "{wrong}");
    }
}

#[test]
fn one_process_adds_at_a_time_and_nothing_is_added_by_another_key_or_beyond_a_bundle() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key());
    let mut writer = grown(folder.path(), &key, 3);
    assert_eq!(Writer::open(folder.path(), key.1.clone()).unwrap_err().code(), "log_busy");
    let found = writer.append(&vec![0; MAX_ENTRY + 1]).unwrap_err();
    assert_eq!(found, WriteError::TooLarge { found: MAX_ENTRY + 1 });
    writer.append(&vec![0; MAX_ENTRY]).unwrap();
    let stranger = self::key();
    let signed = writer.publish(|next| stranger.sign(next)).unwrap_err();
    assert_eq!(signed.code(), "checkpoint_unsigned");
    let refused = writer.publish(|_| Err::<String, _>("the signer is gone")).unwrap_err();
    assert_eq!(refused.code(), "checkpoint_unsigned");
    // What could not be signed is signed the next time.
    writer.publish(|next| key.sign(next)).unwrap();
    assert_eq!(writer.published(), 4);
    drop(writer);
    let other = NoteKey::new("acme.example/log/other", Kind::Text, key.0.public_key()).unwrap();
    assert_eq!(Writer::open(folder.path(), other).unwrap_err().code(), "origin_mismatch");
    assert_eq!(Writer::open(folder.path(), stranger.1.clone()).unwrap_err().code(), "checkpoint_unsigned");
}

#[test]
fn partial_tiles_go_when_they_are_whole_and_older_checkpoints_are_proved_all_the_same() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key());
    drop(grown(folder.path(), &key, 200));
    assert!(folder.path().join("tile/entries/000.p/200").exists());
    drop(grown(folder.path(), &key, 300));
    assert!(
        !folder.path().join("tile/entries/000.p/200").exists()
            || folder.path().join("tile/entries/000").exists()
    );
    let mut old = Reader::new(folder.path(), 200);
    assert_eq!(old.entries(0).map(Result::unwrap).count(), 200);
    assert_eq!(inclusion(7, 200, &mut old).unwrap().len(), 8);
}
