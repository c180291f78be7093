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

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Account = [1; 32];
    const OTHER: Account = [2; 32];

    fn need(name: &str) -> Need {
        Need::StatusList(name.to_owned())
    }

    #[test]
    fn a_piece_that_is_replaced_or_freed_takes_no_room_any_more() {
        let mut room = Room::default();
        room.take(need("other's"), OTHER, 0, 15);
        for fetched_at in 1..=3 {
            room.take(need("one's"), ONE, fetched_at, 10);
        }
        assert_eq!(room.first_to_go(25), None, "25 bytes are held");
        assert_eq!(room.first_to_go(24), Some(need("other's")), "15 are more than 10");
        room.take(need("one's second"), ONE, 4, 40);
        room.free(&need("one's second"));
        room.take(need("one's second"), ONE, 4, 6);
        assert_eq!(room.first_to_go(30), Some(need("one's")), "16 are more than 15");
        room.free(&need("one's second"));
        // Who holds it last pays for it.
        room.take(need("one's"), OTHER, 4, 10);
        assert_eq!((room.account(&need("one's")), room.shares.len()), (Some(OTHER), 1));
        room.take(need("one's"), ONE, 5, 16);
        assert_eq!(room.first_to_go(30), Some(need("one's")));
        room.free(&need("one's"));
        assert_eq!((room.first_to_go(15), room.first_to_go(14)), (None, Some(need("other's"))));
        room.free(&need("other's"));
        assert_eq!((room.first_to_go(0), room.bytes, room.shares.len()), (None, 0, 0));
    }

    #[test]
    fn pieces_of_one_second_go_in_the_order_in_which_they_came() {
        let mut room = Room::default();
        for name in ["first", "second", "third"] {
            room.take(need(name), ONE, 7, 10);
        }
        for name in ["first", "second", "third"] {
            assert_eq!(room.first_to_go(9), Some(need(name)));
            room.free(&need(name));
        }
        assert_eq!(room.first_to_go(0), None);
    }
}
