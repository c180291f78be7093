//! A total over a sliding window.

use std::collections::VecDeque;

/// How far a clock may fall behind before a total can't be told any more, in seconds: threads
/// take the time before they wait for the ledger, and clocks are set back. What left a window
/// is kept for so much longer.
pub(crate) const BEHIND: i64 = 60;

/// What fell into one window: moments and amounts, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total {
    pub(crate) seconds: i64,
    pub(crate) moments: VecDeque<(i64, i64)>,
    /// The latest moment that is no longer kept.
    pub(crate) forgotten: Option<i64>,
}

impl Total {
    /// What fell into (now − seconds, now], and what a clock that went back has left after it.
    /// Beyond all bounds where something that is no longer kept fell into it.
    pub(crate) fn sum(&self, seconds: i64, now: i64) -> i64 {
        let start = now.saturating_sub(seconds);
        if self.forgotten.is_some_and(|moment| moment > start) {
            return i64::MAX;
        }
        let inside = self.moments.iter().filter(|(moment, _)| *moment > start);
        inside.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// The moment from which on all of it has left the window.
    pub(crate) fn end(&self) -> i64 {
        self.moments.back().map_or(i64::MIN, |(last, _)| last.saturating_add(self.seconds))
    }

    /// Adds an amount at a moment. Of more than `most` moments those within a small part of the
    /// window are counted as one, of the latest moment of that part.
    pub(crate) fn add(&mut self, amount: i64, now: i64, most: usize) {
        let kept = now.saturating_sub(self.seconds).saturating_sub(BEHIND);
        while self.moments.front().is_some_and(|(moment, _)| *moment <= kept) {
            self.forgotten = self.forgotten.max(self.moments.pop_front().map(|(moment, _)| moment));
        }
        // A clock that goes back must not put a moment before one that is already there.
        let now = self.moments.back().map_or(now, |(last, _)| now.max(*last));
        self.put(now, amount);
        if self.moments.len() > most {
            let part = part(self.seconds, most);
            for (moment, amount) in core::mem::take(&mut self.moments) {
                let beyond = moment.rem_euclid(part);
                let end = if beyond == 0 { moment } else { moment.saturating_add(part - beyond) };
                self.put(end, amount);
            }
        }
    }

    fn put(&mut self, moment: i64, amount: i64) {
        match self.moments.back_mut() {
            Some((last, sum)) if *last == moment => *sum = sum.saturating_add(amount),
            _ => self.moments.push_back((moment, amount)),
        }
    }
}

/// The parts of a window that are counted as one moment each, in seconds, so that there are
/// about half of `most`. They stand at multiples of their length: what is in its part stays in
/// it, and so no amount counts longer than by one part.
pub(crate) fn part(seconds: i64, most: usize) -> i64 {
    let parts = i64::try_from(most / 2).unwrap_or(i64::MAX).max(1);
    (seconds.saturating_add(BEHIND) / parts).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_moments_let_nothing_more_pass() {
        let mut total = Total { seconds: 100, ..Total::default() };
        for now in 0..50 {
            total.add(1, now, 4);
            assert!(total.moments.len() <= 4);
        }
        // What is merged counts as long as the latest of its part, and at most a part longer.
        for now in 50..200 {
            assert!(total.sum(100, now) >= (149 - now).clamp(0, 50), "{now}");
        }
        assert_eq!(total.sum(100, 149 + part(100, 4)), 0);
    }

    #[test]
    fn moments_are_merged_once_there_are_too_many_and_by_a_small_part_of_the_window() {
        let mut total = Total { seconds: 10_000, ..Total::default() };
        for now in 0..4 {
            total.add(1, now, 4);
        }
        assert_eq!(total.moments, [(0, 1), (1, 1), (2, 1), (3, 1)], "as many as may be are kept apart");
        assert_eq!(part(10_000, 64), (10_000 + BEHIND) / 32 + 1);
    }

    #[test]
    fn what_is_spent_evenly_for_ever_leaves_the_window_for_ever() {
        let mut total = Total { seconds: 10_000, ..Total::default() };
        for now in 0..100_000 {
            total.add(1, now, 64);
            assert!(total.moments.len() <= 64);
            assert!(total.sum(10_000, now) <= 10_000 + part(10_000, 64));
        }
        assert!(total.sum(10_000, 99_999) >= 10_000);
    }

    #[test]
    fn a_window_of_which_something_is_forgotten_holds_more_than_any_bound() {
        let mut total = Total { seconds: 100, ..Total::default() };
        total.add(8, 0, 1024);
        total.add(1, 100 + BEHIND - 1, 1024);
        assert_eq!(total.sum(100, 99), 9, "still kept");
        total.add(1, 100 + BEHIND, 1024);
        assert_eq!(total.sum(100, 99), i64::MAX);
        assert_eq!(total.sum(100, 100), 2);
    }
}
