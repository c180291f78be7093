//! When the gateway looks again at what a partner publishes: at once with what is told first, and then once a second at most, however
//! much is told. What is dropped all calls of the partner's agents have to fetch again, and what is fetched meanwhile is kept for nobody.

use super::{Listening, now};
use legation_did::Did;
use legation_verifier::SignalSource;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long it is between two looks of one partner.
const BETWEEN: Duration = Duration::from_secs(1);

/// When it was looked last, by the names of partners.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<HashMap<String, Look>>);

#[derive(Debug, Default)]
struct Look {
    at: Option<Instant>,
    /// Who was named since, where it will be looked again.
    waiting: Option<HashSet<Did>>,
}

impl Looks {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to look at now; otherwise for how long to wait until [`Looks::after`], where nobody waits for that yet.
    fn ask(
        &self,
        partner: &str,
        named: impl Iterator<Item = Did>,
        now: Instant,
    ) -> Result<HashSet<Did>, Option<Duration>> {
        let mut all = self.all();
        let look = all.entry(partner.to_owned()).or_default();
        if let Some(waiting) = &mut look.waiting {
            waiting.extend(named);
            return Err(None);
        }
        let since = look.at.map_or(BETWEEN, |at| now.saturating_duration_since(at));
        if since >= BETWEEN {
            look.at = Some(now);
            return Ok(named.collect());
        }
        look.waiting = Some(named.collect());
        Err(Some(BETWEEN.saturating_sub(since)))
    }

    /// Who was named meanwhile.
    fn after(&self, partner: &str, now: Instant) -> HashSet<Did> {
        let mut all = self.all();
        let look = all.entry(partner.to_owned()).or_default();
        look.at = Some(now);
        look.waiting.take().unwrap_or_default()
    }
}

impl Listening {
    /// Has the gateway look again at what a partner publishes, and at the documents of who is named: now or within a second.
    pub(super) fn look_again(
        self: &Arc<Self>,
        partner: &str,
        source: &SignalSource,
        named: impl Iterator<Item = Did>,
    ) {
        match self.looks.ask(partner, named, Instant::now()) {
            Ok(named) => drop(self.gateway.look_again(source, &|did| named.contains(did), now())),
            Err(None) => {}
            Err(Some(wait)) => {
                let (listening, partner, source) = (Arc::clone(self), partner.to_owned(), source.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    let named = listening.looks.after(&partner, Instant::now());
                    listening.gateway.look_again(&source, &|did| named.contains(did), now());
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_is_told_it_is_looked_once_a_second_and_nobody_is_forgotten() {
        let (looks, begin) = (Looks::default(), Instant::now());
        let did = |number: usize| format!("did:web:globex.example:bot-{number}").parse::<Did>().ok();
        let ask = |partner: &str, number: usize, millis: u64| {
            looks.ask(partner, did(number).into_iter(), begin + Duration::from_millis(millis))
        };
        assert_eq!(ask("globex", 0, 0), Ok(did(0).into_iter().collect()));
        assert_eq!(ask("globex", 1, 400), Err(Some(Duration::from_millis(600))));
        assert_eq!((ask("globex", 2, 500), ask("globex", 3, 999)), (Err(None), Err(None)));
        assert_eq!(ask("shop", 9, 500), Ok(did(9).into_iter().collect()), "others have a pace of their own");
        let named = looks.after("globex", begin + BETWEEN);
        assert_eq!(named, (1..4).filter_map(did).collect());
        assert_eq!(ask("globex", 4, 1500), Err(Some(Duration::from_millis(500))));
    }
}
