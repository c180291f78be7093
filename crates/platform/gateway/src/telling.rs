//! What a gateway counts, in Prometheus' text format.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
};

/// Most names that are counted apart.
const MOST: usize = 256;

/// Requests by outcome. Nothing of who asked or for what.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<String, u64>>);

impl Counts {
    /// Counts one more of an outcome: `permit`, or the code of a refusal.
    pub(crate) fn add(&self, outcome: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if counts.len() < MOST || counts.contains_key(outcome) { outcome } else { "other" };
        *counts.entry(name.to_owned()).or_default() += 1;
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from(
            "# HELP legation_gateway_requests_total Requests that were decided, by outcome.\n\
             # TYPE legation_gateway_requests_total counter\n",
        );
        for (outcome, count) in counts.iter() {
            // Writing to a text does not fail.
            let _ = writeln!(text, "legation_gateway_requests_total{{outcome=\"{outcome}\"}} {count}");
        }
        text
    }
}
