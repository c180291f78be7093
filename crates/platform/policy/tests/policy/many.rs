//! Ten thousand policies.

use crate::world::*;
use legation_policy::{Bound, Set, Target};
use std::time::Instant;

fn many(count: usize) -> Set {
    let one = |number: usize| Bound {
        document: document(
            &format!("p{number}"),
            &format!(
                "forbid (principal, action, resource == Model::\"model-{number}\") when {{ context.hour < 24 }};"
            ),
        ),
        target: Target::Organization,
    };
    Set::of((0..count).map(one))
}

#[test]
fn a_thousand_policies_decide_each_for_itself() {
    let set = many(1000);
    let bot = [agent("bot", "sales", &[])];
    for number in [0, 1, 500, 999] {
        let verdict = set.decide(&asked(&bot, &chat(&format!("model-{number}"), &[])));
        assert_eq!(verdict.policies, [format!("p{number}@1")]);
    }
    assert!(set.decide(&asked(&bot, &chat("model-1000", &[]))).is_through());
}

#[test]
fn whoever_asks_for_ever_new_things_fills_no_memory() {
    // Each request is another slice, of which no more is kept than the bound.
    let text = (0..40)
        .map(|model| {
            format!(
                "forbid (principal, action, resource == Model::\"m{model}\") when {{ context.hour > 30 }};"
            )
        })
        .collect::<String>();
    let set = Set::of((0..20).map(|number| Bound {
        document: document(&format!("p{number}"), &text),
        target: Target::Organization,
    }));
    let bot = [agent("bot", "sales", &[])];
    let begun = Instant::now();
    for round in 0..2000 {
        assert!(set.decide(&asked(&bot, &chat(&format!("m{}", round % 60), &[]))).is_through());
    }
    println!("2,000 decisions: {:?}", begun.elapsed());
}
