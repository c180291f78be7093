//! How much room the evidence takes that each root link's chains brought, and what goes first.

use super::Need;
use crate::presentation::Account;
use std::collections::{BTreeMap, HashMap};

/// Who takes how much. What is held stands elsewhere; this only counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    places: HashMap<Need, Place>,
    shares: HashMap<Account, Share>,
    bytes: usize,
    count: u64,
}

/// When a piece was fetched, and which of those of that second it was.
type Moment = (i64, u64);

#[derive(Clone, Copy, Debug)]
struct Place {
    account: Account,
    moment: Moment,
    size: usize,
}

/// What one account takes, the longest held first.
#[derive(Clone, Debug, Default)]
struct Share {
    bytes: usize,
    order: BTreeMap<Moment, Need>,
}

impl Room {
    /// Counts a piece, in place of an earlier one of that name.
    pub(super) fn take(&mut self, need: Need, account: Account, fetched_at: i64, size: usize) {
        self.free(&need);
        self.count += 1;
        let moment = (fetched_at, self.count);
        let share = self.shares.entry(account).or_default();
        share.bytes += size;
        share.order.insert(moment, need.clone());
        self.bytes += size;
        self.places.insert(need, Place { account, moment, size });
    }

    /// Counts a piece no longer.
    pub(super) fn free(&mut self, need: &Need) {
        let Some(Place { account, moment, size }) = self.places.remove(need) else { return };
        self.bytes -= size;
        if let Some(share) = self.shares.get_mut(&account) {
            share.bytes -= size;
            share.order.remove(&moment);
            if share.order.is_empty() {
                self.shares.remove(&account);
            }
        }
    }

    /// Where all take more than `most` bytes, the piece to go: the longest held of the account that
    /// takes most. So an account loses something only while none takes more than it does.
    pub(super) fn first_to_go(&self, most: usize) -> Option<Need> {
        if self.bytes <= most {
            return None;
        }
        let largest = self.shares.values().max_by_key(|share| share.bytes)?;
        largest.order.first_key_value().map(|(_, need)| need.clone())
    }

    pub(super) fn account(&self, need: &Need) -> Option<Account> {
        self.places.get(need).map(|place| place.account)
    }
}
