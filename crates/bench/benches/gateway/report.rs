//! What was measured: kept as it came, and told in tables.

use crate::load::share_of;
use std::{fmt::Write, fs, path::Path};

pub(crate) struct Report {
    keep: bool,
    notes: Vec<String>,
    lines: Vec<Line>,
}

struct Line {
    measurement: String,
    peer: String,
    round: usize,
    values: Vec<(&'static str, f64)>,
}

impl Report {
    pub(crate) fn new(keep: bool) -> Self {
        Self { keep, notes: Vec::new(), lines: Vec::new() }
    }

    pub(crate) fn note(&mut self, text: &str) {
        println!("{text}");
        self.notes.push(text.to_owned());
    }

    pub(crate) fn add(
        &mut self,
        measurement: &str,
        peer: &str,
        round: usize,
        values: &[(&'static str, f64)],
    ) {
        let told: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        println!("{measurement} | {peer} | {round} | {}", told.join(", "));
        let (measurement, peer) = (measurement.to_owned(), peer.to_owned());
        self.lines.push(Line { measurement, peer, round, values: values.to_vec() });
    }

    /// Writes the files, and gives the tables.
    pub(crate) fn finish(&self) -> String {
        let mut text = String::new();
        for note in &self.notes {
            writeln!(text, "{note}  ").unwrap();
        }
        self.throughput(&mut text);
        self.latency(&mut text);
        self.at_once(&mut text);
        self.block(&mut text);
        self.mcp(&mut text);
        self.streams(&mut text);
        if self.keep {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway");
            fs::write(folder.join("raw.csv"), self.csv()).unwrap();
            fs::write(folder.join("table.md"), &text).unwrap();
        }
        text
    }

    fn csv(&self) -> String {
        let mut text = "measurement;peer;round;value;number\n".to_owned();
        for line in &self.lines {
            for (name, value) in &line.values {
                let Line { measurement, peer, round, .. } = line;
                writeln!(text, "{measurement};{peer};{round};{name};{value:.4}").unwrap();
            }
        }
        text
    }

    fn throughput(&self, text: &mut String) {
        text.push_str("\nCalls/s, upstream at once, medians of the rounds:\n\n| | 1 connection | 16 | 64 | p99 at 64, ms | 64 ÷ checks off | 64 ÷ Envoy jwt_authn |\n|---|---|---|---|---|---|---|\n");
        let of = |peer: &str, connections: usize, value: &str| {
            self.median(&format!("throughput {connections}"), peer, value)
        };
        for peer in self.peers("throughput 1") {
            let ratio = |other: &str| of(&peer, 64, "calls/s") / of(other, 64, "calls/s");
            let rates = [1, 16, 64].map(|connections| format!("{:.0}", of(&peer, connections, "calls/s")));
            writeln!(
                text,
                "| {peer} | {} | {:.1} | {:.2} | {:.2} |",
                rates.join(" | "),
                of(&peer, 64, "p99 µs") / 1000.0,
                ratio("the gateway, checks off"),
                ratio("Envoy, jwt_authn ES256"),
            )
            .unwrap();
        }
    }

    fn latency(&self, text: &mut String) {
        text.push_str("\nLatency, µs, upstream of 20 ms, 8 connections; *more* are medians of the differences within a round:\n\n| | p50 | p99 | p50 more than direct | p99 more than direct | p50 more than checks off |\n|---|---|---|---|---|---|\n");
        for peer in self.peers("latency") {
            let more = |other: &str, value: &str| {
                let differences = self
                    .values("latency", &peer, value)
                    .into_iter()
                    .zip(self.values("latency", other, value));
                median(differences.map(|(own, other)| own - other).collect())
            };
            writeln!(
                text,
                "| {peer} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
                self.median("latency", &peer, "p50 µs"),
                self.median("latency", &peer, "p99 µs"),
                more("direct", "p50 µs"),
                more("direct", "p99 µs"),
                more("the gateway, checks off", "p50 µs"),
            )
            .unwrap();
        }
    }

    fn at_once(&self, text: &mut String) {
        text.push_str("\n64 calls at once by a fresh key:\n\n| | | passed, of which 10 fit | refused | failed | USD overspent, most |\n|---|---|---|---|---|---|\n");
        for measurement in self.measurements("at once") {
            for peer in self.peers(&measurement) {
                let range = |value: &str| range(self.values(&measurement, &peer, value));
                let over = self.values(&measurement, &peer, "USD overspent").into_iter().fold(0.0, f64::max);
                writeln!(
                    text,
                    "| {peer} | {} | {} | {} | {} | {over:.2} |",
                    measurement.trim_start_matches("at once, "),
                    range("passed"),
                    range("refused"),
                    range("failed"),
                )
                .unwrap();
            }
        }
    }

    fn block(&self, text: &mut String) {
        text.push_str("\nA key is blocked under load:\n\n| | command, s, median | most | asked to first refusal, s, median | returned to last pass, s, most | passed after it returned, most | tries |\n|---|---|---|---|---|---|---|\n");
        for peer in self.peers("block") {
            let most = |value: &str| self.values("block", &peer, value).into_iter().fold(0.0, f64::max);
            writeln!(
                text,
                "| {peer} | {:.3} | {:.3} | {:.3} | {:.4} | {} | {} |",
                self.median("block", &peer, "command s"),
                most("command s"),
                self.median("block", &peer, "asked to first refusal s"),
                most("returned to last pass s"),
                most("passed after it returned"),
                self.values("block", &peer, "command s").len(),
            )
            .unwrap();
        }
    }

    fn mcp(&self, text: &mut String) {
        text.push_str("\nA call of a tool, µs; *more* is the median of the differences within a round:\n\n| | 1 connection, p50 | p99 | p50 more than the server alone | 8 connections, p50 | p99 | p50 more |\n|---|---|---|---|---|---|---|\n");
        for peer in self.peers("mcp 1") {
            let of = |connections: u8| {
                let measurement = format!("mcp {connections}");
                let alone = self.peers(&measurement).swap_remove(0);
                let own = self.values(&measurement, &peer, "p50 µs").into_iter();
                let more = own.zip(self.values(&measurement, &alone, "p50 µs"));
                let more = median(more.map(|(own, other)| own - other).collect());
                let at = |value: &str| self.median(&measurement, &peer, value);
                format!("{:.0} | {:.0} | {more:.0}", at("p50 µs"), at("p99 µs"))
            };
            writeln!(text, "| {peer} | {} | {} |", of(1), of(8)).unwrap();
        }
    }

    fn streams(&self, text: &mut String) {
        text.push_str("\nA thousand streamed answers at a time, of 20 pieces each; µs from when the provider sent a piece until it was there:\n\n| | open at a time | failed | first piece, p50 | p99 | all pieces, p50 | p99 | MB before | MB when all are open | MB 3 s later |\n|---|---|---|---|---|---|---|---|---|---|\n");
        for peer in self.peers("streams") {
            let of = |value: &str| self.median("streams", &peer, value);
            writeln!(
                text,
                "| {peer} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} |",
                of("open at a time"),
                of("failed"),
                of("first p50 µs"),
                of("first p99 µs"),
                of("all p50 µs"),
                of("all p99 µs"),
                of("MB before"),
                of("MB when all are open"),
                of("MB three seconds later"),
            )
            .unwrap();
        }
    }

    fn measurements(&self, prefix: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for line in self.lines.iter().filter(|line| line.measurement.starts_with(prefix)) {
            if !found.contains(&line.measurement) {
                found.push(line.measurement.clone());
            }
        }
        found
    }

    fn peers(&self, measurement: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for line in self.lines.iter().filter(|line| line.measurement == measurement) {
            if !found.contains(&line.peer) {
                found.push(line.peer.clone());
            }
        }
        found
    }

    /// One for each round.
    fn values(&self, measurement: &str, peer: &str, value: &str) -> Vec<f64> {
        let lines = self.lines.iter().filter(|line| line.measurement == measurement && line.peer == peer);
        lines
            .filter_map(|line| line.values.iter().find(|(name, _)| *name == value).map(|(_, number)| *number))
            .collect()
    }

    fn median(&self, measurement: &str, peer: &str, value: &str) -> f64 {
        median(self.values(measurement, peer, value))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    share_of(&values, 0.5)
}

fn range(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    match (values.first(), values.last()) {
        (Some(least), Some(most)) if least < most => format!("{least}–{most}"),
        (Some(least), _) => least.to_string(),
        _ => String::new(),
    }
}
