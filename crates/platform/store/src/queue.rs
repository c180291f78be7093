//! What waits to be committed, in the order in which it came.

use crate::{error::StoreError, job::Job};
use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Most jobs that wait. More are refused at once.
const WAITING: usize = 4096;
/// For how long jobs wait that nobody waits for, so that they go with one that somebody does.
const MOMENT: Duration = Duration::from_millis(2);

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Rung when something comes, or nothing more will.
    bell: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Whether somebody waits for one of them.
    is_awaited: bool,
    closed: bool,
}

impl Queue {
    /// # Errors
    /// [`StoreError::Unavailable`] where too many wait, or it is closed.
    pub(crate) fn put(&self, job: Job, is_awaited: bool) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::unavailable("it is being closed, or its thread has ended"));
        }
        if state.jobs.len() >= WAITING {
            return Err(StoreError::unavailable("too many calls wait for it"));
        }
        let was_empty = state.jobs.is_empty();
        state.jobs.push_back(job);
        state.is_awaited |= is_awaited;
        if is_awaited || was_empty {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Waits for something to do; `false` where nothing more will come.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.state();
        while state.jobs.is_empty() {
            if state.closed {
                return false;
            }
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let begin = Instant::now();
        while !state.is_awaited && !state.closed && !state.jobs.is_empty() {
            let left = MOMENT.saturating_sub(begin.elapsed());
            if left.is_zero() {
                break;
            }
            let woken = self.bell.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// The first of what waits, so many at most.
    pub(crate) fn take(&self, most: usize) -> Vec<Job> {
        let mut state = self.state();
        let count = state.jobs.len().min(most);
        let taken = state.jobs.drain(..count).collect();
        state.is_awaited &= !state.jobs.is_empty();
        taken
    }

    /// All that waits; `None` where it is more than so many, or the queue is closed.
    pub(crate) fn take_if_few(&self, most: usize) -> Option<Vec<Job>> {
        let mut state = self.state();
        if state.closed || state.jobs.len() > most {
            return None;
        }
        state.is_awaited = false;
        Some(state.jobs.drain(..).collect())
    }

    /// What was taken and not done goes before all else.
    pub(crate) fn put_back(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let mut state = self.state();
        jobs.into_iter().rev().for_each(|job| state.jobs.push_front(job));
        state.is_awaited = true;
        self.bell.notify_one();
    }

    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.bell.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
