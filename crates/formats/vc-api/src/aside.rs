//! What takes a processor's time is worked out apart from the workers that answer requests: on threads that may be busy, a
//! bounded number of documents at once. Others wait for their turn, and beyond so many they are told to come again.

use crate::problem::{BLANK, Problem};
use std::{sync::Arc, thread::available_parallelism};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Most documents that wait for their turn; each is held in memory meanwhile.
const WAITING: usize = 64;

/// The threads for that.
pub(crate) struct Aside {
    /// Half of the processors, so that requests are answered meanwhile.
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Aside {
    fn default() -> Self {
        let half = available_parallelism().map_or(1, |all| all.get().div_ceil(2));
        Self { at_once: Arc::new(Semaphore::new(half)), waiting: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Aside {
    /// Works something out when its turn comes.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = |detail: &str| Problem { status: 503, ..Problem::new(BLANK, "busy", detail) };
        let too_many = |_| busy("too many documents are worked on; come again later");
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(too_many)?;
        let turn = Arc::clone(&self.at_once).acquire_owned().await;
        let turn = turn.map_err(|_| busy("the service is about to end"))?;
        // Whoever asked may be gone; what has begun keeps its turn until it is done.
        let done = spawn_blocking(move || {
            let _held = (place, turn);
            work()
        });
        done.await.unwrap_or_else(|_| Err(busy("the work was given up; come again later")))
    }
}
