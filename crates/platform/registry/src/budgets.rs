//! Budgets of teams and agents: set, raised, and what of them is taken.

use crate::{
    Budget, Profile,
    error::RegistryError,
    links::{self, Why},
    registry::{Registry, must_be_active, named},
};
use legation_credential::{Authority, delegation::account_digest};
use legation_store::{
    Tx, holder,
    holder::{Holder, Kind, State},
    link,
};
use legation_verifier::ledger::parts::total_name;
use serde_json::json;

/// A budget, and what of it is taken in its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The budget.
    pub budget: Budget,
    /// What calls cost, and what is reserved for calls that go on, in millionths of a minor unit: what the next call is
    /// judged by. `None` where that can't be said any more, and nothing passes.
    pub micros: Option<i64>,
}

/// The budgets of one holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budgeted {
    /// The holder.
    pub holder: Holder,
    /// Its budgets.
    pub budgets: Vec<Taken>,
}

impl Registry {
    /// Sets a budget of a holder, in place of the one of the same currency and window; the others stay. What was spent in
    /// the window stays spent. With `None` all its budgets are taken away, and only those above it hold.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Wider`] where its team has less, or one below it would have more than it.
    pub fn set_budget(
        &self,
        (kind, name): (Kind, &str),
        budget: Option<Budget>,
        now: i64,
    ) -> Result<Profile, RegistryError> {
        self.change(|tx| self.set_budget_in(tx, (kind, name), budget, now))
    }

    /// Raises a budget of a holder: sets it, where it is more than the one of the same currency and window.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where it is not more, or there is none to raise.
    pub fn raise_budget(
        &self,
        (kind, name): (Kind, &str),
        budget: Budget,
        now: i64,
    ) -> Result<Profile, RegistryError> {
        self.change(|tx| {
            let (_, profile) = named(tx, &self.id, kind, name)?;
            let old = profile.budgets.iter().find(|old| is_of_one(old, &budget));
            let wrong = |reason| RegistryError::Value { what: "raise", found: budget.to_string(), reason };
            match old {
                None => Err(wrong(format!(
                    "`{name}` has no budget of that currency and window; give it one with `legation budget set`"
                ))),
                Some(old) if old.amount >= budget.amount => {
                    Err(wrong(format!("`{name}` has {old}; give more, or lower it with `legation budget set`")))
                }
                Some(_) => self.set_budget_in(tx, (kind, name), Some(budget), now),
            }
        })
    }

    fn set_budget_in(
        &self,
        tx: &mut Tx<'_>,
        (kind, name): (Kind, &str),
        budget: Option<Budget>,
        now: i64,
    ) -> Result<Profile, RegistryError> {
        let (holder, mut profile) = named(tx, &self.id, kind, name)?;
        if holder.state == State::Retired {
            must_be_active(&holder)?;
        }
        let told = budget.as_ref().map_or("none".to_owned(), Budget::to_string);
        match budget {
            None => profile.budgets.clear(),
            Some(budget) => {
                profile.budgets.retain(|old| !is_of_one(old, &budget));
                profile.budgets.push(budget);
            }
        }
        holder::change(tx, &self.id, &holder.id, holder.state, &profile.write()?)?;
        // Whose delegation was revoked gets none by this; the next one says it.
        if link::current(tx, &self.id, &holder.id).is_ok() {
            let changed = holder::get(tx, &self.id, &holder.id)?;
            self.reissue(tx, &changed, Why::Changed, now)?;
        }
        self.tell(tx, ("budget.set", name), &json!({"kind": kind.name(), "budget": told}), now)?;
        Ok(profile)
    }

    /// The budgets of a holder and of all above it, its own first, and what of each is taken at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn budgets(&self, kind: Kind, name: &str, now: i64) -> Result<Vec<Budgeted>, RegistryError> {
        self.store.read(|tx| {
            let holder = holder::by_name(tx, &self.id, kind, name)?;
            let path = links::path(tx, &self.id, &holder)?;
            // The organization, with which a path begins, has no delegation that could say one.
            let pairs = path.iter().zip(path.iter().skip(1)).rev();
            pairs.map(|(above, holder)| self.taken(tx, (above, holder), now)).collect()
        })
    }

    /// The account of a delegation is its issuer's: it outlives each delegation that names it.
    fn taken(
        &self,
        tx: &mut Tx<'_>,
        (above, holder): (&Holder, &Holder),
        now: i64,
    ) -> Result<Budgeted, RegistryError> {
        let profile = Profile::read(&holder.body, &holder.name)?;
        let account = account_digest(&links::read_did(&above.did)?, &holder.name);
        let mut budgets = Vec::new();
        for budget in profile.budgets {
            let limit = limit_of(&budget)?;
            let total = legation_store::total(tx, &self.id, total_name(&account, &limit))?;
            let micros = total.map_or(0, |total| total.sum(now));
            budgets.push(Taken { budget, micros: (micros < i64::MAX).then_some(micros) });
        }
        Ok(Budgeted { holder: holder.clone(), budgets })
    }
}

/// Whether two budgets are of one currency and window, so that one stands in place of the other.
fn is_of_one(one: &Budget, other: &Budget) -> bool {
    (&one.currency, &one.window) == (&other.currency, &other.window)
}

/// The limit that a budget is, in the words that name its total.
fn limit_of(budget: &Budget) -> Result<String, RegistryError> {
    let authority = json!({"grants": [], "constraints": [budget.constraint()]});
    let authority = Authority::parse(&authority.to_string())?;
    let mut totals = authority.limits().map(|(key, _)| key.total()).filter(|total| !total.is_empty());
    totals.next().ok_or_else(|| RegistryError::damaged("a budget", "it has no window"))
}
