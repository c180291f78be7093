//! The fuzz targets without a fuzzer: the kept corpus, and some thousand changes of it that are the same on every run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_tests::fuzz::{TARGETS, Target};
use std::{fs, panic::catch_unwind, path::Path};

/// xorshift64*: no crate is needed for changes that are always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % count.max(1)
    }
}

/// The kept inputs of a target, sorted by name.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut all: Vec<_> = files.map(|path| (name(&path), fs::read(path).unwrap())).collect();
    all.sort();
    all
}

fn change(input: &mut Vec<u8>, all: &[(String, Vec<u8>)], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let byte = u8::try_from(random.below(256)).unwrap();
        match random.below(6) {
            0 => input.insert(at, byte),
            1 if at < input.len() => input[at] = byte,
            2 if at < input.len() => input[at] ^= 1 << random.below(8),
            3 if at < input.len() => _ = input.remove(at),
            4 => {
                // The beginning of one and the end of another.
                let other = &all[random.below(all.len())].1;
                input.truncate(at);
                input.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
            _ => {
                let end = (at + random.below(16)).min(input.len());
                let twice = input[at..end].to_vec();
                input.splice(at..at, twice);
            }
        }
    }
}

/// Runs a target on one input, and says which one it was where it fails.
fn check(target: Target, name: &str, input: &[u8]) {
    let outcome = catch_unwind(|| target(input));
    assert!(outcome.is_ok(), "{name} fails on b\"{}\"", input.escape_ascii());
}

/// Runs a target over its corpus and `times` changes of it.
fn run(name: &str, times: usize) {
    let target: Target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let all = corpus(name);
    assert!(!all.is_empty(), "{name} has no corpus");
    for (file, input) in &all {
        check(target, &format!("{name}/{file}"), input);
    }
    let mut random = Random(0x5eed);
    for _ in 0..times {
        let mut input = all[random.below(all.len())].1.clone();
        change(&mut input, &all, &mut random);
        input.truncate(1 << 16);
        check(target, name, &input);
    }
}

/// One test for each target, with the number of changes that takes well under a second where nothing else runs.
macro_rules! targets {
    ($($name:ident $times:literal)+) => {
        $(#[test] fn $name() { run(stringify!($name), $times); })+

        #[test]
        fn every_target_is_run_here_and_by_the_fuzzer() {
            let run = [$(stringify!($name)),+];
            let all: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, run);
            for name in all {
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
                assert!(fs::read_to_string(file).unwrap().contains(&format!("fuzz::{name}(data)")), "{name}");
            }
        }
    };
}

targets! {
    agent_card 300
    delegation 300
    handshake 200
    http_signature 500
    json 3000
    keys 200
    names 1000
    presentation 300
    request 500
    settings 500
    status_list 200
    verify 200
}
