//! How many calls go on at a time, of all and of one: whoever opens calls and never ends them takes no more than its share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Such turns.
#[derive(Debug)]
pub(crate) struct Turns(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    /// Most of all, and most of one.
    most: usize,
    most_of_one: usize,
    all: usize,
    by: HashMap<Arc<str>, usize>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    All,
    /// Whoever asks has its share.
    One(usize),
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    taken: Arc<Mutex<Taken>>,
    by: Arc<str>,
    count: usize,
}

impl Turns {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken { most, most_of_one, all: 0, by: HashMap::new() })))
    }

    /// Sets how many there are. What is taken stays so.
    pub(crate) fn set(&self, most: usize, most_of_one: usize) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (taken.most, taken.most_of_one) = (most, most_of_one);
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    pub(crate) fn take(&self, by: &str) -> Result<Turn, Full> {
        self.take_many(by, 1)
    }

    /// As many as are wanted, or none.
    pub(crate) fn take_many(&self, by: &str, count: usize) -> Result<Turn, Full> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by.get(by).copied().unwrap_or_default();
        if own.saturating_add(count) > taken.most_of_one {
            return Err(Full::One(taken.most_of_one));
        }
        if taken.all.saturating_add(count) > taken.most {
            return Err(Full::All);
        }
        let by = taken.by.get_key_value(by).map_or_else(|| Arc::from(by), |(by, _)| Arc::clone(by));
        taken.all = taken.all.saturating_add(count);
        taken.by.insert(Arc::clone(&by), own.saturating_add(count));
        Ok(Turn { taken: Arc::clone(&self.0), by, count })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(self.count);
        if let Some(own) = taken.by.get_mut(&self.by) {
            *own = own.saturating_sub(self.count);
            if *own == 0 {
                taken.by.remove(&self.by);
            }
        }
    }
}
