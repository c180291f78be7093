//! A total over a window.

use legation_credential::Window;
use std::collections::VecDeque;

/// How far a clock may fall behind before a total can't be told any more, in seconds: threads
/// take the time before they wait for the ledger, and clocks are set back. What left a window
/// is kept for so much longer.
pub(crate) const BEHIND: i64 = 60;

/// What fell into one window: moments and amounts, oldest first. Of the calendar a moment is the beginning of its
/// period, so that there is one for each period that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    pub(crate) window: Window,
    pub(crate) moments: VecDeque<(i64, i64)>,
    /// The latest moment that is no longer kept.
    pub(crate) forgotten: Option<i64>,
}

impl Total {
    /// An empty one, of which everything up to a moment may have been forgotten.
    pub(crate) fn new(window: Window, forgotten: Option<i64>) -> Self {
        Self { window, moments: VecDeque::new(), forgotten }
    }

    /// What fell into the window at `now`, and what a clock that went back has left after it.
    /// Beyond all bounds where something that is no longer kept fell into it.
    pub(crate) fn sum(&self, window: Window, now: i64) -> i64 {
        let before = window.before(now);
        if self.forgotten.is_some_and(|moment| moment > before) {
            return i64::MAX;
        }
        let inside = self.moments.iter().filter(|(moment, _)| *moment > before);
        inside.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// The moment from which on all of it has left the window.
    pub(crate) fn end(&self) -> i64 {
        self.moments.back().map_or(i64::MIN, |(last, _)| self.window.end(*last))
    }

    /// Adds an amount at a moment. Of more than `most` moments those within a small part of the
    /// window are counted as one, of the latest moment of that part. Gives the moment that it is counted as.
    pub(crate) fn add(&mut self, amount: i64, now: i64, most: usize) -> i64 {
        let gone = |moment: i64| self.window.end(moment).saturating_add(BEHIND) <= now;
        while self.moments.front().is_some_and(|(moment, _)| gone(*moment)) {
            self.forgotten = self.forgotten.max(self.moments.pop_front().map(|(moment, _)| moment));
        }
        // A clock that goes back must not put a moment before one that is already there.
        let moment = self.window.moment(now);
        let moment = self.moments.back().map_or(moment, |(last, _)| moment.max(*last));
        self.put(moment, amount);
        if let Window::Sliding { seconds } = self.window
            && self.moments.len() > most
        {
            let part = part(seconds, most);
            for (moment, amount) in core::mem::take(&mut self.moments) {
                let beyond = moment.rem_euclid(part);
                let end = if beyond == 0 { moment } else { moment.saturating_add(part - beyond) };
                self.put(end, amount);
            }
        }
        moment
    }

    /// Adds an amount as of a moment that may lie before others.
    pub(crate) fn insert(&mut self, amount: i64, at: i64, most: usize) {
        let moment = self.window.moment(at);
        let is_last = self.moments.back().is_none_or(|(last, _)| *last <= moment);
        if is_last {
            self.add(amount, at, most);
            return;
        }
        // What is no longer kept has left the window.
        if self.forgotten.is_some_and(|forgotten| forgotten >= moment) {
            return;
        }
        let place = self.moments.partition_point(|(kept, _)| *kept < moment);
        let is_full = self.moments.len() >= most;
        match self.moments.get_mut(place) {
            Some((kept, sum)) if *kept == moment || is_full => *sum = sum.saturating_add(amount),
            _ => self.moments.insert(place, (moment, amount)),
        }
    }

    /// Takes back some of what was added and counted as this moment, wherever it is kept by now.
    ///
    /// It is in the moments that are not before it: merging moves what is counted to the end of its part. What was
    /// [inserted](Self::insert) since may stand in between; then that is taken first, and what is left of the one stands for
    /// the other, which counts longer for it and never shorter. What is no longer kept has left the window.
    pub(crate) fn lower(&mut self, moment: i64, by: i64) {
        if self.forgotten.is_some_and(|forgotten| forgotten >= moment) {
            return;
        }
        let from = self.moments.partition_point(|(kept, _)| *kept < moment);
        let mut left = by;
        // Of a sum that is beyond all bounds nobody knows how far: it may be in there, and nothing later is taken for it.
        for (_, amount) in self.moments.iter_mut().skip(from).take_while(|(_, amount)| *amount < i64::MAX) {
            let taken = left.min(*amount);
            *amount = amount.saturating_sub(taken);
            left = left.saturating_sub(taken);
            if left <= 0 {
                return;
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
        let mut total = Total::new(Window::Sliding { seconds: 100 }, None);
        for now in 0..50 {
            total.add(1, now, 4);
            assert!(total.moments.len() <= 4);
        }
        // What is merged counts as long as the latest of its part, and at most a part longer.
        for now in 50..200 {
            assert!(total.sum(Window::Sliding { seconds: 100 }, now) >= (149 - now).clamp(0, 50), "{now}");
        }
        assert_eq!(total.sum(Window::Sliding { seconds: 100 }, 149 + part(100, 4)), 0);
    }

    #[test]
    fn moments_are_merged_once_there_are_too_many_and_by_a_small_part_of_the_window() {
        let mut total = Total::new(Window::Sliding { seconds: 10_000 }, None);
        for now in 0..4 {
            total.add(1, now, 4);
        }
        assert_eq!(total.moments, [(0, 1), (1, 1), (2, 1), (3, 1)], "as many as may be are kept apart");
        assert_eq!(part(10_000, 64), (10_000 + BEHIND) / 32 + 1);
    }

    #[test]
    fn what_is_spent_evenly_for_ever_leaves_the_window_for_ever() {
        let mut total = Total::new(Window::Sliding { seconds: 10_000 }, None);
        for now in 0..100_000 {
            total.add(1, now, 64);
            assert!(total.moments.len() <= 64);
            assert!(total.sum(Window::Sliding { seconds: 10_000 }, now) <= 10_000 + part(10_000, 64));
        }
        assert!(total.sum(Window::Sliding { seconds: 10_000 }, 99_999) >= 10_000);
    }

    #[test]
    fn a_window_of_which_something_is_forgotten_holds_more_than_any_bound() {
        let mut total = Total::new(Window::Sliding { seconds: 100 }, None);
        total.add(8, 0, 1024);
        total.add(1, 100 + BEHIND - 1, 1024);
        assert_eq!(total.sum(Window::Sliding { seconds: 100 }, 99), 9, "still kept");
        total.add(1, 100 + BEHIND, 1024);
        assert_eq!(total.sum(Window::Sliding { seconds: 100 }, 99), i64::MAX);
        assert_eq!(total.sum(Window::Sliding { seconds: 100 }, 100), 2);
    }
    #[test]
    fn what_is_taken_back_is_taken_back_whole_whatever_was_inserted_before_it_since() {
        let window = Window::Sliding { seconds: 10_000 };
        let mut total = Total::new(window, None);
        let counted = total.add(100, 0, 4);
        // It is merged to the end of its part, and others come to stand before that.
        for now in 1..6 {
            total.add(1, now, 4);
        }
        assert!(total.moments.back().is_some_and(|(last, _)| *last > 100), "{:?}", total.moments);
        total.insert(7, 50, 1024);
        total.lower(counted, 100);
        assert_eq!(total.sum(window, 60), 12);
        total.lower(50, 7);
        assert_eq!(total.sum(window, 60), 5);
        // Where it is may be beyond all bounds: what came after that is not taken for it.
        let mut beyond = Total::new(Window::Sliding { seconds: 100 }, None);
        beyond.add(i64::MAX, 0, 1024);
        beyond.add(9, 50, 1024);
        beyond.lower(0, 9);
        assert_eq!(beyond.sum(Window::Sliding { seconds: 100 }, 120), 9);
        // More than was added is never taken back from what is before it.
        total.insert(3, 10, 1024);
        total.lower(50, 1000);
        assert_eq!(total.sum(window, 60), 3);
    }

    #[test]
    fn what_is_taken_back_is_taken_from_where_it_was_counted() {
        let window = Window::Sliding { seconds: 100 };
        let mut total = Total::new(window, None);
        let moments: Vec<i64> = (0..50).map(|now| total.add(4, now, 4)).collect();
        for moment in moments {
            total.lower(moment, 3);
        }
        assert_eq!(total.sum(window, 50), 50, "of each four three are back, merged or not");
        let later = total.add(7, 400, 4);
        total.lower(10, 1);
        assert_eq!(total.sum(window, 400), 7, "what has left the window is not taken from another");
        total.lower(later, 9);
        assert_eq!(total.sum(window, 400), 0);
        let beyond = total.add(i64::MAX, 401, 4);
        total.lower(beyond, 5);
        assert_eq!(total.sum(window, 401), i64::MAX);
    }

    #[test]
    fn a_period_is_kept_past_its_end_as_long_as_clocks_may_be_behind() {
        let day = Window::calendar("day", None).unwrap();
        let mut total = Total::new(day, None);
        total.add(5, 86_399, 1024);
        total.add(3, 86_400, 1024);
        assert_eq!(total.sum(day, 86_400), 3, "a new day");
        assert_eq!(total.sum(day, 86_399), 8, "a clock that is behind finds both");
        total.add(1, 86_390, 1024);
        assert_eq!(total.sum(day, 86_400), 4, "what is added behind counts on");
        total.add(1, 86_400 + BEHIND - 1, 1024);
        assert_eq!(total.sum(day, 86_399), 10, "still kept");
        total.add(1, 86_400 + BEHIND, 1024);
        assert_eq!(total.sum(day, 86_399), i64::MAX);
        assert_eq!((total.sum(day, 86_400), total.moments.len()), (6, 1));
    }
}
