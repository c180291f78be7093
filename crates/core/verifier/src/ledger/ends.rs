//! When each total ends, in order: those that have ended are found without looking at the others.

use super::TotalName;
use std::collections::BTreeSet;

/// The totals that are held, by the moment from which on all of each has left its window.
#[derive(Debug, Default)]
pub(super) struct Ends {
    order: BTreeSet<(i64, TotalName)>,
    /// How many were looked at to find those that have ended.
    #[cfg(test)]
    pub(super) looked_at: usize,
}

impl Ends {
    /// Notes that a total ends at `new` and no longer at `old`, in Unix seconds.
    pub(super) fn change(&mut self, name: TotalName, old: Option<i64>, new: i64) {
        if let Some(old) = old {
            self.order.remove(&(old, name));
        }
        self.order.insert((new, name));
    }

    /// Takes out the total that ended first, where one has by `now`.
    pub(super) fn pop(&mut self, now: i64) -> Option<(i64, TotalName)> {
        #[cfg(test)]
        {
            self.looked_at += 1;
        }
        self.order.first().filter(|(end, _)| *end <= now)?;
        self.order.pop_first()
    }
}
