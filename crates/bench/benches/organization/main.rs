//! What an organization costs at a million agents: registering them, finding one, publishing, revoking.
//!
//! `crates/bench/organization/run`, which installs `nginx` and `wrk` first and builds the command; `run --trial` takes 20,000
//! agents and keeps nothing. Everything runs on this machine, on the disk that `target` is on.
//!
//! | measurement | what | yardstick, in the same run |
//! |---|---|---|
//! | `bulk` | `legation agent import` of a file with as many lines | the same rows inserted bare into the same tables in as large transactions, and as many keys and signatures bare, one after the other |
//! | `look-up` | an agent by its name and by its DID; its `did.json` over HTTP; `up` until it is ready | |
//! | `did.json` | the organization's document over 64 connections | nginx with a file of that size |
//! | `revocation` | `agent suspend` and `delegation revoke` with two processes up on one PostgreSQL, and with one of three killed just before | a process that is started and says its version |
//!
//! Writes `organization/raw.csv` and `organization/table.md` beside this crate's manifest.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::panic)]

mod bulk;
mod document;
mod lookup;
mod revoke;
mod world;

use std::{env, fs, path::Path, thread};
use world::World;

/// What was measured.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<(String, String, f64)>,
    text: String,
}

impl Report {
    /// Keeps a number.
    pub(crate) fn add(&mut self, measurement: &str, what: &str, number: f64) {
        println!("{measurement} | {what} | {number:.3}");
        self.lines.push((measurement.to_owned(), what.to_owned(), number));
    }

    /// Writes a line of the table.
    pub(crate) fn row(&mut self, what: &str, found: &str, bar: &str) {
        self.text.push_str(&format!("| {what} | {found} | {bar} |\n"));
    }

    fn write(&self, head: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("organization");
        let rows = self.lines.iter().map(|(of, what, number)| format!("{of};{what};{number:.4}\n"));
        fs::write(folder.join("raw.csv"), format!("measurement;value;number\n{}", rows.collect::<String>()))
            .unwrap();
        fs::write(
            folder.join("table.md"),
            format!("{head}\n\n| what | found | bar |\n|---|---|---|\n{}", self.text),
        )
        .unwrap();
    }
}

/// The value below which a share of all lies.
pub(crate) fn at(all: &mut [f64], share: f64) -> f64 {
    all.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = ((all.len() as f64 * share).ceil() as usize).clamp(1, all.len());
    all[place - 1]
}

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let (agents, keep) = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => (1_000_000, true),
        ["--trial"] => (20_000, false),
        ["--agents", number] => (number.parse().unwrap(), false),
        _ => panic!("expected nothing, `--trial` or `--agents N`"),
    };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let head = format!("{agents} agents on SQLite; {cores} cores; load when it began: {load}");
    println!("{head}");
    let world = World::new();
    let mut report = Report::default();
    revoke::measure(&world, &mut report);
    document::measure(&world, &mut report);
    bulk::measure(&world, agents, &mut report);
    lookup::measure(&world, agents, &mut report);
    println!("\n{}", report.text);
    if keep {
        report.write(&head);
    }
}
