//! What the order on authorities promises, held against what authorities permit: on the code
//! that ships, exhaustively over small domains and by property tests.
//!
//! `naive` judges what links write in the slow and obvious way; whatever the library says is
//! held against it. `laws` looks at all pairs and triples of a domain and of what they extend to:
//!
//! - **safe**: what is within another permits nothing that the other does not, and totals no looser;
//! - **partial order**: reflexive, transitive, and antisymmetric with `==`;
//! - **meet**: `extend` gives what is within both, and everything within both is within it;
//! - **refusal**: `extend` refuses exactly where the link is wider for a pair or a limit;
//! - **monotone**: what a link extends permits exactly what each link permits, in any grouping.
//!
//! | constraint | all five laws, every pair and triple | exactness: `is_within` where inclusion holds |
//! |---|---|---|
//! | grants, patterns | `grants_of_all_patterns…`, `grants_of_pairs…`, `every_pattern_covers…`, `every_resource_pattern…` | the same |
//! | spend per action, currencies | `amounts_per_action_in_two_currencies…` | the same |
//! | spend in a window | `totals_are_compared…`, `windows_beside_amounts…` | the first |
//! | total of a fact | `sums_of_a_fact…` | the same |
//! | rate | `totals_are_compared…` | the same |
//! | sliding and calendar windows | `windows_of_another_kind…` | the same |
//! | audience | `audiences…` | the same |
//! | equals, oneOf, prefix, min, max | `one_value_some_values_and_ranges…` | the same |
//! | notOneOf | `excluded_values…` | the same, but for booleans |
//! | rank | `ranks…` | the same, within one order |
//! | approval | `approvals_in_two_currencies…`, `approvals_by_two…` | the first |
//! | `actions` of a constraint | `limits_for_some_actions…` | not claimed: `scopes_are_not_compared` |
//! | several at once | `limits_of_different_kinds…`, all properties of `narrowing` | not claimed |
//!
//! All constraint types together, at random, by the number of cases below:
//!
//! | law | property in `narrowing` and `normal_form` |
//! |---|---|
//! | safe | `what_is_within_permits_no_more` |
//! | partial order | `the_order_is_partial` |
//! | meet | `what_is_within_both_is_within_the_result` |
//! | refusal | `a_link_is_refused_exactly_where_it_is_wider`, `a_limit_that_a_link_leaves_out…` |
//! | monotone | `a_chain_permits_what_every_link_permits`, `links_may_be_extended_in_any_grouping` |
//! | normal form | `one_form_for_one_meaning`, `the_way_of_writing_does_not_matter`, `…read_as_it_is_printed` |
//!
//! That sliding windows admit no burst is held in the verifier, `src/ledger/bursts.rs`.
//!
//! Each property runs on 100,000 cases, always the same. `LEGATION_CASES` sets another number,
//! `LEGATION_FIRST` the first one's; a failure prints the two that repeat it. A long run, of
//! 10⁸ cases of each property:
//!
//! ```sh
//! LEGATION_CASES=100000000 cargo test --release -p legation-credential --test order
//! ```
//!
//! Not checked by a model checker: Kani could not be had where this was written. The domains of
//! `exhaustive` are looked at whole instead. That these tests notice a fault is shown by
//! `tests/faults.json`, and by cargo-mutants (`.cargo/mutants.toml`).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

mod draw;
mod exhaustive;
mod laws;
mod model;
mod naive;
mod narrowing;
mod normal_form;

use fastrand::Rng;

/// Holds a property on as many cases as are asked for.
fn cases(property: impl Fn(&mut Rng)) {
    let set = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, and no number")),
        Err(_) => default,
    };
    let first = set("LEGATION_FIRST", 0);
    for case in first..first + set("LEGATION_CASES", 100_000) {
        let _told = Told(case);
        property(&mut Rng::with_seed(case));
    }
}

/// Tells which case it was that failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat it: LEGATION_FIRST={} LEGATION_CASES=1", self.0);
        }
    }
}
