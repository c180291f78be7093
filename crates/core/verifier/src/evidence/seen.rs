//! Which status lists were seen verified, so that no older one is accepted in their place.
//!
//! Whoever holds a delegation can name new lists by passing it on, so that each account (a root link,
//! or a principal) has a bound. What is forgotten beyond it leaves a floor for that account: a list of
//! which nothing is known must be at least as young as whatever was forgotten. So forgetting refuses,
//! it never admits, and it refuses nobody else's lists.

use super::OWN;
use crate::presentation::Account;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Most lists of one account; one for each delegation below a large root link.
const MOST_OF_ONE: usize = 4096;
/// Most lists of all accounts, some ten megabytes.
const MOST: usize = 65_536;

/// SHA-256 of a URL: a stranger chooses how long that is.
type Name = [u8; 32];

#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    newest: HashMap<Name, Newest>,
    accounts: HashMap<Account, Own>,
    notes: usize,
}

/// When the newest list of a URL was made, and how many accounts have noted that URL.
#[derive(Clone, Debug)]
struct Newest {
    made: i64,
    accounts: usize,
}

/// What one account has noted: when the newest list of each URL was made.
#[derive(Clone, Debug, Default)]
struct Own {
    made: HashMap<Name, i64>,
    floor: Option<i64>,
}

impl Seen {
    /// Notes a list of a URL, made at `made`, for an account.
    pub(super) fn note(&mut self, account: Account, url: &str, made: i64) {
        self.note_name(account, name(url), made);
    }

    /// Notes for an account all that another memory holds.
    pub(super) fn note_all(&mut self, account: Account, other: &Self) {
        for (name, newest) in &other.newest {
            self.note_name(account, *name, newest.made);
        }
    }

    fn note_name(&mut self, account: Account, name: Name, made: i64) {
        let own = self.accounts.entry(account).or_default();
        let known = own.made.get(&name).copied();
        // Whatever was forgotten of this URL was not younger than the floor.
        let made = made.max(known.or(own.floor).unwrap_or(made));
        if known == Some(made) {
            return;
        }
        own.made.insert(name, made);
        let newest = self.newest.entry(name).or_insert(Newest { made, accounts: 0 });
        newest.made = newest.made.max(made);
        if known.is_none() {
            newest.accounts += 1;
            self.notes += 1;
            self.make_room(account);
        }
    }

    /// When the newest list of this URL was made, as far as `account` must hold it against another.
    pub(super) fn newest(&self, url: &str, account: &Account) -> Option<i64> {
        let (own, name) = (self.accounts.get(account), name(url));
        let floor = own.filter(|own| !own.made.contains_key(&name)).and_then(|own| own.floor);
        self.newest.get(&name).map(|newest| newest.made).max(floor)
    }

    /// Keeps what was made at a time that `keep` still holds for.
    pub(super) fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        for own in self.accounts.values_mut() {
            own.made.retain(|name, made| {
                let stays = keep(*made);
                if !stays {
                    self.notes -= 1;
                    release(&mut self.newest, name);
                }
                stays
            });
            own.floor = own.floor.filter(|floor| keep(*floor));
        }
        self.accounts.retain(|_, own| !own.made.is_empty() || own.floor.is_some());
    }

    /// What its owner notes is not bounded: nobody else chooses it.
    fn make_room(&mut self, account: Account) {
        if account != OWN && self.accounts.get(&account).is_some_and(|own| own.made.len() > MOST_OF_ONE) {
            self.drop_oldest(account);
        }
        if self.notes > MOST {
            let others = self.accounts.iter().filter(|(account, _)| **account != OWN);
            let largest = others.max_by_key(|(_, own)| own.made.len()).map(|(account, _)| *account);
            largest.into_iter().for_each(|largest| self.drop_oldest(largest));
        }
    }

    fn drop_oldest(&mut self, account: Account) {
        let Some(own) = self.accounts.get_mut(&account) else { return };
        let oldest = own.made.iter().min_by_key(|(_, made)| **made).map(|(name, made)| (*name, *made));
        let Some((name, made)) = oldest else { return };
        own.made.remove(&name);
        own.floor = own.floor.max(Some(made));
        self.notes -= 1;
        release(&mut self.newest, &name);
    }
}

fn name(url: &str) -> Name {
    Sha256::digest(url).into()
}

/// One account less has noted a URL.
fn release(newest: &mut HashMap<Name, Newest>, name: &Name) {
    let Some(held) = newest.get_mut(name) else { return };
    held.accounts -= 1;
    if held.accounts == 0 {
        newest.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTACKER: Account = [1; 32];
    const HONEST: Account = [2; 32];

    #[test]
    fn a_flood_of_lists_forgets_nobody_elses_and_admits_nothing_older() {
        let mut seen = Seen::default();
        seen.note(HONEST, "honest", 500);
        seen.note(ATTACKER, "first", 500);
        // A URL of somebody else, noted in a flood to have it forgotten with the flood.
        seen.note(ATTACKER, "honest", 400);
        for index in 0..5_000 {
            seen.note(ATTACKER, &format!("flood {index}"), 600);
        }
        assert_eq!((seen.notes, seen.newest.len()), (MOST_OF_ONE + 1, MOST_OF_ONE + 1));
        assert_eq!(seen.newest("honest", &HONEST), Some(500));
        assert_eq!(seen.newest("other", &HONEST), None, "the flood's floor is not another's");
        assert_eq!(seen.newest("first", &ATTACKER), Some(600), "what is forgotten leaves a floor");
        seen.note(ATTACKER, "first", 450);
        assert_eq!(seen.newest("first", &ATTACKER), Some(600), "noting an older one does not lower it");
        seen.retain(|made| made > 600);
        assert_eq!((seen.notes, seen.newest.len(), seen.accounts.len()), (0, 0, 0));
    }

    #[test]
    fn many_accounts_stay_within_the_bound_and_the_largest_gives_way() {
        let mut seen = Seen::default();
        seen.note(HONEST, "honest", 1);
        for account in 3..=19_u8 {
            for index in 0..4000 {
                seen.note([account; 32], &format!("{account} {index}"), 600);
            }
        }
        assert_eq!(seen.notes, MOST);
        assert_eq!(seen.newest("honest", &HONEST), Some(1));
        let largest = seen.accounts.values().map(|own| own.made.len()).max();
        assert!(largest <= Some(MOST_OF_ONE), "{largest:?}");
    }
}
