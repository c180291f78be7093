//! What the order on authorities promises, held against what authorities permit.
//!
//! Every generator draws from a small domain, so that patterns cover one another, constraints
//! are about the same thing and requests meet the bounds. `PROPTEST_CASES` sets the cases of
//! each property; without it there are 2,000.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod exhaustive;
mod generate;
mod narrowing;
mod normal_form;

use proptest::test_runner::Config;

/// The configuration of every property here.
fn config() -> Config {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { 2_000 };
    Config { cases, failure_persistence: None, ..Config::default() }
}
