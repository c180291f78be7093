//! Which pairs of action and resource others cover, without comparing each with each.
//!
//! Patterns contain one another or have nothing in common. So, sorted, each one is followed by what it
//! covers, and is an interval of places; a pair is a rectangle, and what covers it are the rectangles
//! that its first corner lies in. One sweep over the actions counts them for all pairs. A credential is
//! read before its signature is verified: its sender must not be able to make this work grow with the
//! square of what was sent.

use crate::pattern::Pattern;

/// An action and a resource.
pub(crate) type Pair = (Pattern, Pattern);

/// Below so many comparisons comparing each with each is quicker.
const FEW: usize = 64;

/// Whether one pair covers another.
pub(crate) fn covers(one: &Pair, other: &Pair) -> bool {
    one.0.covers(&other.0) && one.1.covers(&other.1)
}

/// For each of `pairs` how many of `others` cover it.
pub(crate) fn count(others: &[Pair], pairs: &[Pair]) -> Vec<i32> {
    if others.len().saturating_mul(pairs.len()) <= FEW {
        let of = |pair: &Pair| others.iter().map(|other| i32::from(covers(other, pair))).sum();
        return pairs.iter().map(of).collect();
    }
    sweep(others, pairs)
}

/// The places that a pattern covers, its own first.
#[derive(Clone, Copy, Default)]
struct Interval {
    first: usize,
    last: usize,
}

/// What happens at a place of the actions, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Begins(usize),
    Asked(usize),
    Ends(usize),
}

fn sweep(others: &[Pair], pairs: &[Pair]) -> Vec<i32> {
    let all = || others.iter().chain(pairs);
    let actions = intervals(&all().map(|pair| &pair.0).collect::<Vec<_>>());
    let resources = intervals(&all().map(|pair| &pair.1).collect::<Vec<_>>());
    let mut events = Vec::with_capacity(2 * others.len() + pairs.len());
    for (index, action) in actions.iter().enumerate() {
        match index.checked_sub(others.len()) {
            None => events.extend([(action.first, Event::Begins(index)), (action.last, Event::Ends(index))]),
            Some(asked) => events.push((action.first, Event::Asked(asked))),
        }
    }
    events.sort_unstable();
    let mut open = Counts(vec![0; resources.len() + 2]);
    let mut counts = vec![0; pairs.len()];
    let resource = |index: usize| resources.get(index).copied().unwrap_or_default();
    for (_, event) in events {
        match event {
            Event::Begins(index) => open.add(resource(index), 1),
            Event::Ends(index) => open.add(resource(index), -1),
            Event::Asked(index) => {
                if let Some(count) = counts.get_mut(index) {
                    *count = open.at(resource(others.len() + index).first);
                }
            }
        }
    }
    counts
}

/// The interval of each pattern, equal ones having the same.
fn intervals(patterns: &[&Pattern]) -> Vec<Interval> {
    let mut order: Vec<(&Pattern, usize)> = patterns.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut intervals = vec![Interval::default(); patterns.len()];
    // Those that cover the place at hand, outermost first, with the places in `order` where they begin.
    let mut around: Vec<(&Pattern, usize)> = Vec::new();
    let mut close = |(pattern, first): (&Pattern, usize), last: usize| {
        for (_, index) in order.iter().skip(first).take_while(|(other, _)| *other == pattern) {
            if let Some(interval) = intervals.get_mut(*index) {
                *interval = Interval { first, last };
            }
        }
    };
    for (place, (pattern, _)) in order.iter().enumerate() {
        while let Some(innermost) = around.pop_if(|(other, _)| !other.covers(pattern)) {
            close(innermost, place - 1);
        }
        if around.last().is_none_or(|(other, _)| other != pattern) {
            around.push((pattern, place));
        }
    }
    for one in around {
        close(one, order.len().saturating_sub(1));
    }
    intervals
}

/// How many open intervals hold a place: a Fenwick tree, in which both a change and a question take the
/// logarithm of the number of places.
struct Counts(Vec<i32>);

impl Counts {
    fn add(&mut self, interval: Interval, times: i32) {
        self.step(interval.first + 1, times);
        self.step(interval.last + 2, -times);
    }

    fn step(&mut self, mut place: usize, times: i32) {
        while let Some(sum) = self.0.get_mut(place) {
            *sum += times;
            place += place & place.wrapping_neg();
        }
    }

    fn at(&self, place: usize) -> i32 {
        let (mut place, mut sum) = (place + 1, 0);
        while place > 0 {
            sum += self.0.get(place).copied().unwrap_or_default();
            place &= place - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs() -> impl Strategy<Value = Vec<Pair>> {
        let pair = ("[ab][.:]?[ab]?[.:]?\\*?", "u:/[ab]?/?[ab]?/?\\*?").prop_filter_map("no pair", |texts| {
            Some((Pattern::action(&texts.0).ok()?, Pattern::resource(&texts.1).ok()?))
        });
        proptest::collection::vec(pair, 0..20)
    }

    proptest! {
        #[test]
        fn a_sweep_counts_what_comparing_each_with_each_counts(others in pairs(), pairs in pairs()) {
            let expected: Vec<i32> = pairs
                .iter()
                .map(|pair| others.iter().map(|other| i32::from(covers(other, pair))).sum())
                .collect();
            prop_assert_eq!(sweep(&others, &pairs), expected);
        }
    }
}
