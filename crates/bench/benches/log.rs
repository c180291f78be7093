//! The log: durable entries a second beside the same bytes appended to a file and synced, a proof among ten million entries,
//! searching a million by their index, and verifying a million beside hashing them and checking the checkpoint's signature.
//!
//! `cargo bench -p legation-bench --bench log`. `LEGATION_ENTRIES` sets how many entries the large log has (10,000,000), `LEGATION_ONLY` one part of it, and
//! `LEGATION_DIR` where it is written: a real disk, since every batch is synced. Entries are 1,400 bytes, as a receipt's are;
//! those of the large log are short, which changes nothing for a proof.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, missing_docs)]

use legation_keys::{Algorithm, SecretKey, Signer};
use legation_log::{
    Checkpoint, NoteKey, Reader, Writer,
    audit::{Audit, MAX_BACK},
    entry::{self, Head, Kind as Entry},
    find::Query,
    index::{Index, IndexError},
    note::Kind,
    policy::Policy,
    proof::{inclusion, verify_inclusion},
    reader::checkpoint,
    tree::{Compact, leaf_hash},
    verify::{self, Asked},
};
use std::{
    fs::{self, File},
    hint::black_box,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORIGIN: &str = "acme.example/log/2026";
const MILLION: u64 = 1_000_000;

struct Key(SecretKey, NoteKey);

impl Key {
    fn new() -> Self {
        let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let key = NoteKey::new(ORIGIN, Kind::Text, secret.public_key()).unwrap();
        Self(secret, key)
    }

    fn publish(&self, writer: &mut Writer) {
        let sign = |next: &Checkpoint| {
            self.1.sign(&next.text(), 0, &self.0).map(|line| format!("{}\n{line}", next.text()))
        };
        writer.publish(sign).unwrap();
    }
}

/// An entry as a receipt has it.
fn plain(number: u64, filling: &str) -> Vec<u8> {
    let seq = number + 1;
    let at = 1_764_000_000 + number / 1000;
    format!("{{\"at\":{at},\"entry\":{{\"agent\":\"did:web:acme.example:bot\",\"fill\":\"{filling}\"}},\"kind\":\"receipt\",\"seq\":{seq}}}").into_bytes()
}

fn fresh(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let _ = fs::remove_dir_all(&path);
    let _ = fs::remove_file(&path);
    path
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0) / 1024
}

/// Entries a second, in batches: each synced, under a checkpoint that is signed. By turns with a bare loop, so that
/// what else the disk does is the same for both.
fn durable(dir: &Path, key: &Key) {
    let filling = "x".repeat(1300);
    println!("batch  log entries/s  bare loop entries/s  log ÷ bare");
    for batch in [64_u64, 256, 1024, 4096] {
        let mut writer = Writer::open(&fresh(dir, "durable"), key.1.clone()).unwrap();
        let mut bare = File::create(fresh(dir, "bare")).unwrap();
        let (mut log, mut loop_) = (Duration::ZERO, Duration::ZERO);
        let (mut entries, began) = (0_u64, Instant::now());
        while began.elapsed() < Duration::from_secs(6) {
            let all: Vec<Vec<u8>> =
                (entries..entries + batch).map(|number| plain(number, &filling)).collect();
            let start = Instant::now();
            for one in &all {
                writer.append(one).unwrap();
            }
            key.publish(&mut writer);
            log += start.elapsed();
            let start = Instant::now();
            for one in &all {
                bare.write_all(one).unwrap();
            }
            bare.sync_data().unwrap();
            loop_ += start.elapsed();
            entries += batch;
        }
        let rate = |time: Duration| entries as f64 / time.as_secs_f64();
        println!("{batch:>5}  {:>13.0}  {:>19.0}  {:>10.2}", rate(log), rate(loop_), rate(log) / rate(loop_));
    }
    let _ = fs::remove_file(dir.join("bare"));
    let _ = fs::remove_dir_all(dir.join("durable"));
}

fn grown(dir: &Path, name: &str, key: &Key, (entries, filling): (u64, &str)) -> PathBuf {
    let path = fresh(dir, name);
    let mut writer = Writer::open(&path, key.1.clone()).unwrap();
    let (start, before) = (Instant::now(), resident());
    for number in 0..entries {
        writer.append(&plain(number, filling)).unwrap();
    }
    key.publish(&mut writer);
    let (took, after) = (start.elapsed().as_secs_f64(), resident());
    println!("{entries} entries written in {took:.1} s; memory {before} MiB before, {after} MiB after");
    path
}

fn proofs(dir: &Path, key: &Key, entries: u64) {
    let path = grown(dir, "large", key, (entries, ""));
    let head = Checkpoint::open(&checkpoint(&path).unwrap(), &key.1).unwrap();
    let mut times = Vec::new();
    for round in 0..2000_u64 {
        let index = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) % entries;
        let start = Instant::now();
        // A reader that has read nothing: what one command does.
        let mut reader = Reader::new(&path, entries);
        let leaf = reader.entry(index).unwrap().unwrap();
        let proof = inclusion(index, entries, &mut reader).unwrap();
        times.push(start.elapsed());
        verify_inclusion(&leaf_hash(&leaf), (index, entries), &proof, &head.root).unwrap();
    }
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e6;
    println!(
        "a proof with its entry, {entries} entries: median {:.0} µs, 99th percentile {:.0} µs",
        at(50),
        at(99)
    );
    let _ = fs::remove_dir_all(path);
}

/// Hashing the same entries into the same tree, read the same way, and one signature: what verifying can't do without.
fn bare(path: &Path, key: &Key) -> Duration {
    let start = Instant::now();
    let head = Checkpoint::open(&checkpoint(path).unwrap(), &key.1).unwrap();
    let mut tree = Compact::default();
    for leaf in Reader::new(path, head.size).entries(0) {
        tree.push(leaf_hash(&leaf.unwrap()));
    }
    assert_eq!(black_box(tree.root()), head.root);
    start.elapsed()
}

fn whole(path: &Path, key: &Key) -> Duration {
    let asked = Asked {
        key: key.1.clone(),
        policy: Policy::of(Vec::new(), 0),
        against: Vec::new(),
        most_back: MAX_BACK,
    };
    let start = Instant::now();
    let verified = verify::folder(path, &asked, &mut |_, _, _| ()).unwrap();
    assert!(verified.report.alarms.is_empty());
    start.elapsed()
}

/// In memory alone, without reading: the judgement beside the hashes.
fn judged(path: &Path, key: &Key) -> f64 {
    let head = Checkpoint::open(&checkpoint(path).unwrap(), &key.1).unwrap();
    let leaves: Vec<Vec<u8>> =
        Reader::new(path, head.size.min(100_000)).entries(0).map(Result::unwrap).collect();
    let start = Instant::now();
    let mut tree = Compact::default();
    leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
    let bare = start.elapsed();
    black_box(tree.root());
    let start = Instant::now();
    let mut audit = Audit::new(Compact::default(), MAX_BACK);
    leaves.iter().for_each(|leaf| audit.entry(leaf));
    start.elapsed().as_secs_f64() / bare.as_secs_f64()
}

fn verifying(dir: &Path, key: &Key) {
    let filling = "x".repeat(1300);
    let path = grown(dir, "million", key, (MILLION, &filling));
    bare(&path, key);
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let (bare, whole) = (bare(&path, key), whole(&path, key));
        println!(
            "a million entries: hashing and one signature {:.2} s, verifying {:.2} s",
            bare.as_secs_f64(),
            whole.as_secs_f64()
        );
        ratios.push(whole.as_secs_f64() / bare.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "verifying ÷ hashing: {:.3} (without reading: {:.3}); memory {} MiB",
        ratios[2],
        judged(&path, key),
        resident()
    );
    let _ = fs::remove_dir_all(path);
}

/// An entry as a permit has it, of one of a thousand agents under one of a hundred delegations.
fn permit(number: u64) -> Vec<u8> {
    let at = i64::try_from(1_764_000_000 + number / 1000).unwrap();
    let head = Head { at, kind: Entry::Receipt, of: None, seq: i64::try_from(number + 1).unwrap() };
    let (agent, link) = (number % 1000, number % 100);
    let text = format!(
        "{{\"agent\":\"did:web:acme.example:agent-{agent}\",\"chain\":[\"root\",\"link-{link}\"],\"decision\":\"permit\",\
         \"principal\":\"did:web:acme.example\",\"request\":{{\"action\":\"a\",\"facts\":{{}},\
         \"resource\":\"https://x.example/{link}/{number}\"}}}}"
    );
    let leaf = entry::receipt(&head, text.as_bytes(), &[7; 32]).unwrap();
    leaf.bytes
}

/// A million entries found by the index, beside reading all of them; what is shown of each is made as it is asked for.
fn searching(dir: &Path, key: &Key) {
    let path = fresh(dir, "searched");
    let mut writer = Writer::open(&path, key.1.clone()).unwrap();
    (0..MILLION).for_each(|number| writer.append(&permit(number)).unwrap());
    key.publish(&mut writer);
    drop(writer);
    let mut reader = Reader::new(&path, MILLION);
    let start = Instant::now();
    let mut index = Index::open(&path, &mut reader).unwrap();
    let mut shown = |number: u64| {
        let link = number % 100;
        let text = format!("{{\"request\":{{\"resource\":\"https://x.example/{link}/{number}\"}}}}");
        let head = Head { at: 0, kind: Entry::Receipt, of: None, seq: 1 };
        Ok::<_, IndexError>(entry::receipt(&head, text.as_bytes(), &[7; 32]).unwrap().disclosures)
    };
    index.update(&mut reader, &mut shown).unwrap();
    let folder = path.join(legation_log::index::FOLDER);
    let bytes: u64 = fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!(
        "an index of a million entries: made in {:.1} s, {} MiB",
        start.elapsed().as_secs_f64(),
        bytes >> 20
    );
    let text = |text: &str| Some(text.to_owned());
    for (what, query) in [
        ("an agent", Query { agent: text("did:web:acme.example:agent-7"), ..Query::default() }),
        ("a delegation", Query { delegation: text("link-7"), ..Query::default() }),
        ("a resource", Query { resource: text("https://x.example/7/"), ..Query::default() }),
        ("a code and a time", Query { code: text("permit"), from: Some(1_764_000_500), ..Query::default() }),
    ] {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..9 {
            let start = Instant::now();
            // As one command does it: opened, looked up, and the last twenty read.
            let mut reader = Reader::new(&path, MILLION);
            let opened = {
                drop(index);
                Index::open(&path, &mut reader).unwrap()
            };
            let (count, places) = opened.search(&query, 20).unwrap();
            places.iter().for_each(|place| drop(black_box(reader.entry(*place).unwrap())));
            times.push(start.elapsed());
            (found, index) = (count, opened);
        }
        times.sort_unstable();
        println!(
            "{what}: {found} found in {:.0} ms, {:.0} ms at most",
            times[4].as_secs_f64() * 1e3,
            times[8].as_secs_f64() * 1e3
        );
    }
    let start = Instant::now();
    let query = Query { agent: text("did:web:acme.example:agent-7"), ..Query::default() };
    let found = (0..)
        .zip(reader.entries(0))
        .filter(|(at, leaf)| query.find(*at, leaf.as_ref().unwrap(), Vec::new).is_some());
    println!(
        "an agent, by reading all entries: {} found in {:.0} ms",
        found.count(),
        start.elapsed().as_secs_f64() * 1e3
    );
    let _ = fs::remove_dir_all(path);
}

fn main() {
    let dir = std::env::var("LEGATION_DIR")
        .map_or_else(|_| std::env::temp_dir().join("legation-log-bench"), PathBuf::from);
    fs::create_dir_all(&dir).unwrap();
    let entries =
        std::env::var("LEGATION_ENTRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(10 * MILLION);
    let key = Key::new();
    let only = std::env::var("LEGATION_ONLY").unwrap_or_default();
    let is_meant = |name: &str| only.is_empty() || only == name;
    if is_meant("durable") {
        durable(&dir, &key);
    }
    if is_meant("searching") {
        searching(&dir, &key);
    }
    if is_meant("verifying") {
        verifying(&dir, &key);
    }
    if is_meant("proofs") {
        proofs(&dir, &key, entries);
    }
}
