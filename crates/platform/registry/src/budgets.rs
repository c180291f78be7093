//! Budgets of teams and agents: set, raised, and what of them is taken.

use crate::{
    Budget, Profile,
    error::RegistryError,
    links::{self, EARLY, Why},
    profile::Raise,
    registry::{Registry, must_be_active, named},
};
use legation_credential::{Authority, delegation::account_digest};
use legation_keys::time;
use legation_store::{
    Tx, holder,
    holder::{Holder, Kind, State},
    link,
};
use legation_verifier::ledger::parts::total_name;
use serde_json::{Value, json};

/// A budget, and what of it is taken in its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The budget.
    pub budget: Budget,
    /// Until when it stands in place of a lower one, Unix seconds; `None` where it is not raised for a while.
    pub until: Option<i64>,
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
        let told = json!({"budget": budget.as_ref().map_or("none".to_owned(), Budget::to_string)});
        self.change(|tx| {
            let (holder, profile) = named(tx, &self.id, kind, name)?;
            let profile = with_budget(profile, budget);
            self.keep_profile(tx, &holder, &profile, ("budget.set", told), now)?;
            Ok(profile)
        })
    }

    /// Raises a budget of a holder: sets it, where it is more than the one of the same currency and window. With
    /// `until` (Unix seconds) it stands in place of that one until then, and a few seconds less: what is raised is
    /// never in force for longer.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where it is not more, there is none to raise, or `until` is past.
    pub fn raise_budget(
        &self,
        (kind, name): (Kind, &str),
        budget: Budget,
        until: Option<i64>,
        now: i64,
    ) -> Result<Profile, RegistryError> {
        let wrong = |reason| RegistryError::Value { what: "raise", found: budget.to_string(), reason };
        self.change(|tx| {
            let (holder, mut profile) = named(tx, &self.id, kind, name)?;
            match profile.budgets.iter().find(|old| old.stands_for(&budget)) {
                None => Err(wrong(format!(
                    "`{name}` has no budget of that currency and window; give it one with `legation budget set`"
                ))),
                Some(old) if old.amount >= budget.amount => {
                    Err(wrong(format!("`{name}` has {old}; give more, or lower it with `legation budget set`")))
                }
                Some(_) => Ok(()),
            }?;
            let mut told = json!({"budget": budget.to_string()});
            match until {
                None => profile = with_budget(profile, Some(budget.clone())),
                Some(until) if until <= now.saturating_add(EARLY) => {
                    return Err(wrong("it would end at once; give a later time".to_owned()));
                }
                Some(until) => {
                    profile.raises.retain(|old| !old.budget.stands_for(&budget));
                    profile.raises.push(Raise { budget: budget.clone(), until });
                    told = json!({"budget": budget.to_string(), "until": time::format(until)});
                }
            }
            self.keep_profile(tx, &holder, &profile, ("budget.raised", told), now)?;
            Ok(profile)
        })
    }

    /// Writes down anew what a team or an agent is for and what it may do; its delegation says so from now on. What was spent
    /// stays spent, and a budget that is raised for a while stays raised. Gives whether anything changed.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Wider`] where its team has less, or one below it would have more than it.
    pub fn set_profile(
        &self,
        (kind, name): (Kind, &str),
        profile: &Profile,
        now: i64,
    ) -> Result<bool, RegistryError> {
        self.change(|tx| {
            let (holder, before) = named(tx, &self.id, kind, name)?;
            let mut profile = profile.clone();
            profile.raises.clone_from(&before.raises);
            profile.raises.retain(|raise| profile.budgets.iter().any(|one| raise.budget.stands_for(one)));
            if profile == before {
                return Ok(false);
            }
            let tags = profile.found_by()?;
            holder::set_tags(tx, &self.id, (kind, name), &tags)?;
            self.keep_profile(tx, &holder, &profile, ("profile.changed", json!({})), now)?;
            Ok(true)
        })
    }

    /// Keeps a holder's profile that has changed, and issues what says it.
    pub(crate) fn keep_profile(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        profile: &Profile,
        (what, mut told): (&str, Value),
        now: i64,
    ) -> Result<(), RegistryError> {
        if holder.state == State::Retired {
            must_be_active(holder)?;
        }
        holder::change(tx, &self.id, &holder.id, (holder.state, &profile.write()?), now)?;
        // Whose delegation was revoked gets none by this; the next one says it.
        if link::current(tx, &self.id, &holder.id).is_ok() {
            let changed = holder::get(tx, &self.id, &holder.id)?;
            self.reissue(tx, &changed, Why::Changed, now)?;
        }
        if let Some(told) = told.as_object_mut() {
            told.insert("kind".to_owned(), holder.kind.name().into());
        }
        self.tell(tx, (what, &holder.name), &told, now)
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
        let (mut budgets, unknown) = (Vec::new(), legation_store::unknown(tx, &self.id)?);
        for (budget, until) in profile.at(now.saturating_add(EARLY)).effective() {
            let limit = limit_of(budget)?;
            let total = legation_store::total(tx, &self.id, total_name(&account, &limit))?;
            // What was taken before may be lost: then nothing is left in a window that reaches back to it.
            let is_lost =
                unknown.is_some_and(|moment| budget.span().is_none_or(|span| moment > span.before(now)));
            let micros = if is_lost { i64::MAX } else { total.map_or(0, |total| total.sum(now)) };
            let micros = (micros < i64::MAX).then_some(micros);
            budgets.push(Taken { budget: budget.clone(), until, micros });
        }
        Ok(Budgeted { holder: holder.clone(), budgets })
    }
}

/// A profile with a budget in place of the one of its currency and window, or with none at all.
fn with_budget(mut profile: Profile, budget: Option<Budget>) -> Profile {
    let Some(budget) = budget else {
        profile.budgets.clear();
        profile.raises.clear();
        return profile;
    };
    profile.raises.retain(|raise| !raise.budget.stands_for(&budget));
    match profile.budgets.iter_mut().find(|old| old.stands_for(&budget)) {
        // In its place, so that what is written down the same is the same.
        Some(old) => *old = budget,
        None => profile.budgets.push(budget),
    }
    profile
}

/// The limit that a budget is, in the words that name its total.
fn limit_of(budget: &Budget) -> Result<String, RegistryError> {
    let authority = json!({"grants": [], "constraints": [budget.constraint()]});
    let authority = Authority::parse(&authority.to_string())?;
    let mut totals = authority.limits().map(|(key, _)| key.total()).filter(|total| !total.is_empty());
    totals.next().ok_or_else(|| RegistryError::damaged("a budget", "it has no window"))
}
