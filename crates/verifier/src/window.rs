//! A total over a sliding window.

use std::collections::VecDeque;

/// What fell into one window: moments and amounts, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total {
    pub(crate) seconds: i64,
    pub(crate) moments: VecDeque<(i64, i64)>,
}

impl Total {
    /// What fell into (now − seconds, now], and what a clock that went back has left after it.
    pub(crate) fn sum(&self, seconds: i64, now: i64) -> i64 {
        let start = now.saturating_sub(seconds);
        let inside = self.moments.iter().filter(|(moment, _)| *moment > start);
        inside.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// Whether all of it has left the window.
    pub(crate) fn is_over(&self, now: i64) -> bool {
        self.moments.back().is_none_or(|(last, _)| *last <= now.saturating_sub(self.seconds))
    }

    pub(crate) fn add(&mut self, amount: i64, now: i64, most: usize) {
        let start = now.saturating_sub(self.seconds);
        while self.moments.front().is_some_and(|(moment, _)| *moment <= start) {
            self.moments.pop_front();
        }
        // A clock that goes back must not put a moment before one that is already there.
        let now = self.moments.back().map_or(now, |(last, _)| now.max(*last));
        match self.moments.back_mut() {
            Some((last, sum)) if *last == now => *sum = sum.saturating_add(amount),
            _ => self.moments.push_back((now, amount)),
        }
        if self.moments.len() > most
            && let (Some((_, oldest)), Some((_, next))) = (self.moments.pop_front(), self.moments.front_mut())
        {
            *next = next.saturating_add(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_moments_let_nothing_more_pass() {
        let mut total = Total { seconds: 100, moments: VecDeque::new() };
        for now in 0..50 {
            total.add(1, now, 4);
        }
        assert_eq!((total.moments.len(), total.sum(100, 50)), (4, 50));
        // What is merged counts as long as its latest part.
        assert_eq!(total.sum(100, 100), 50);
        assert_eq!(total.sum(100, 149), 0);
    }
}
