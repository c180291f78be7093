//! What a gateway counts, in Prometheus' text format.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Most names that are counted apart.
const MOST: usize = 256;

/// How long requests took until their answer's last byte, seconds.
const TOOK: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];
/// How old what is known of keys and status was when it was decided by, seconds.
const AGES: [f64; 7] = [0.0, 1.0, 5.0, 30.0, 60.0, 300.0, 1200.0];

/// Requests by outcome. Nothing of who asked or for what.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    outcomes: Mutex<BTreeMap<String, u64>>,
    took: Histogram<12>,
    ages: Histogram<7>,
}

impl Counts {
    /// Counts one more of an outcome: `permit`, or the code of a refusal.
    pub(crate) fn add(&self, outcome: &str) {
        let mut counts = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(outcome) {
            *count += 1;
            return;
        }
        let name = if counts.len() < MOST { outcome } else { "other" };
        *counts.entry(name.to_owned()).or_default() += 1;
    }

    /// A request took so long.
    pub(crate) fn took(&self, took: Duration) {
        self.took.add(&TOOK, took.as_secs_f64());
    }

    /// What was decided by was so many seconds old.
    pub(crate) fn status_age(&self, age: i64) {
        // Ages are small.
        #[allow(clippy::cast_precision_loss, reason = "seconds")]
        self.ages.add(&AGES, age.max(0) as f64);
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        let counts = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from(
            "# HELP legation_gateway_requests_total Requests that were decided, by outcome.\n\
             # TYPE legation_gateway_requests_total counter\n",
        );
        for (outcome, count) in counts.iter() {
            // Writing to a text does not fail.
            let _ = writeln!(text, "legation_gateway_requests_total{{outcome=\"{outcome}\"}} {count}");
        }
        self.took.tell(
            &mut text,
            ("legation_gateway_request_seconds", "How long requests took until their answer's last byte."),
            &TOOK,
        );
        self.ages.tell(
            &mut text,
            (
                "legation_gateway_status_age_seconds",
                "How old what is known of keys and status was when it was decided by.",
            ),
            &AGES,
        );
        text
    }
}

/// What several gateways count, each by the name of its organization: every sample is labelled, and those of one metric stand together.
#[must_use]
pub fn of_several(all: &[(String, String)]) -> String {
    const BEGIN: &str = "# HELP ";
    let families = |text: &'_ str| -> Vec<String> {
        text.split(BEGIN).skip(1).map(|family| format!("{BEGIN}{family}")).collect()
    };
    let all: Vec<(&String, Vec<String>)> = all.iter().map(|(name, text)| (name, families(text))).collect();
    let most = all.iter().map(|(_, families)| families.len()).max().unwrap_or_default();
    let mut text = String::new();
    for place in 0..most {
        let mut of_all =
            all.iter().filter_map(|(name, families)| Some((name, families.get(place)?))).peekable();
        let told = of_all.peek().into_iter().flat_map(|(_, family)| family.lines());
        told.filter(|line| line.starts_with('#')).for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        for (name, family) in of_all {
            let samples = family.lines().filter(|line| !line.starts_with('#'));
            for (metric, value) in samples.filter_map(|line| line.rsplit_once(' ')) {
                // A domain needs no escape.
                let labelled = match metric.strip_suffix('}').and_then(|metric| metric.split_once('{')) {
                    Some((metric, labels)) => format!("{metric}{{organization=\"{name}\",{labels}}}"),
                    None => format!("{metric}{{organization=\"{name}\"}}"),
                };
                let _ = writeln!(text, "{labelled} {value}");
            }
        }
    }
    text
}

/// One number, with what it is.
pub(crate) fn number(text: &mut String, (name, help, kind): (&str, &str, &str), value: u64) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}

/// How often a value was at most so much, apart by steps.
#[derive(Debug)]
struct Histogram<const STEPS: usize> {
    steps: [AtomicU64; STEPS],
    count: AtomicU64,
    /// In millionths.
    sum: AtomicU64,
}

impl<const STEPS: usize> Default for Histogram<STEPS> {
    fn default() -> Self {
        let steps = std::array::from_fn(|_| AtomicU64::new(0));
        Self { steps, count: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }
}

impl<const STEPS: usize> Histogram<STEPS> {
    fn add(&self, at: &[f64; STEPS], value: f64) {
        if let Some((_, count)) = at.iter().zip(&self.steps).find(|(at, _)| value <= **at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded, and not below zero"
        )]
        self.sum.fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }

    fn tell(&self, text: &mut String, (name, help): (&str, &str), at: &[f64; STEPS]) {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut below = 0;
        for (at, count) in at.iter().zip(&self.steps) {
            below += count.load(Ordering::Relaxed);
            let _ = writeln!(text, "{name}_bucket{{le=\"{at}\"}} {below}");
        }
        let count = self.count.load(Ordering::Relaxed).max(below);
        #[allow(clippy::cast_precision_loss, reason = "seconds")]
        let sum = self.sum.load(Ordering::Relaxed) as f64 / 1e6;
        let _ =
            writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_count_stands_together_by_their_names() {
        let (one, other) = (Counts::default(), Counts::default());
        one.add("permit");
        other.add("permit");
        other.add("key_unknown");
        let tell = |counts: &Counts| {
            let mut text = counts.text();
            number(&mut text, ("open", "Calls that go on.", "gauge"), 3);
            text
        };
        let text =
            of_several(&[("a.example".to_owned(), tell(&one)), ("b.example/c".to_owned(), tell(&other))]);
        for line in [
            "legation_gateway_requests_total{organization=\"a.example\",outcome=\"permit\"} 1",
            "legation_gateway_requests_total{organization=\"b.example/c\",outcome=\"key_unknown\"} 1",
            "legation_gateway_request_seconds_bucket{organization=\"a.example\",le=\"+Inf\"} 0",
            "open{organization=\"b.example/c\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("# TYPE ").count(), 4, "each metric is told of once");
        let last = text.lines().rev().take(4).map(|line| line.split(['{', ' ']).next().unwrap_or_default());
        assert_eq!(last.collect::<Vec<_>>(), ["open", "open", "#", "#"]);
    }
}
