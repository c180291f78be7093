//! Evidence that many verifications share: each works on its own part, and what it brings counts for
//! its root link, so that nobody can push out what others rely on.

use super::{Evidence, Held, Need, OWN};
use crate::{
    Trust,
    presentation::{Account, Link, Presentation},
};
use legation_credential::status::SignedStatusList;
use legation_did::Did;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Seconds for which a failure does not replace what somebody fetched: they ran side by side.
const SIDE_BY_SIDE: i64 = 10;

/// On whose behalf a piece of evidence is fetched and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sponsor {
    /// Whose room it takes: that of a root link, or of somebody whom the verifier itself trusts.
    pub account: Account,
    /// Whether the verifier's trust or a trusted root's own link names it. Otherwise somebody does
    /// to whom a delegation was passed on, and who may mean ill.
    pub trusted: bool,
}

/// On whose behalf a need of a presentation is met. It may be relied on once the verifier has asked
/// for this need: then all that leads to it has verified.
#[must_use]
pub fn sponsor(need: &Need, presentation: &Presentation, trust: &Trust) -> Sponsor {
    let account = match need {
        Need::Document(did) if trust.roots.contains_key(did) || trust.status_issuers.contains(did) => {
            account_of(did)
        }
        Need::Document(_) => link_account(presentation),
        Need::StatusList(url) => list_account(url, presentation),
    };
    Sponsor { account, trusted: account != link_account(presentation) }
}

/// What a root's own list is noted under is its principal: all its root links may name that list.
fn list_account(url: &str, presentation: &Presentation) -> Account {
    let root = presentation.links.first().filter(|root| names(root, url));
    root.map_or_else(|| link_account(presentation), |root| account_of(&root.delegation.issuer))
}

fn names(link: &Link, url: &str) -> bool {
    link.delegation.terms.status.iter().any(|entry| entry.list == url)
}

fn link_account(presentation: &Presentation) -> Account {
    presentation.links.first().map_or(OWN, |root| root.account)
}

fn account_of(did: &Did) -> Account {
    Sha256::digest(format!("evidence of {did}")).into()
}

/// The URLs of a presentation's status lists.
fn lists(presentation: &Presentation) -> impl Iterator<Item = &str> {
    let entries = presentation.links.iter().flat_map(|link| &link.delegation.terms.status);
    entries.map(|entry| entry.list.as_str())
}

impl Evidence {
    /// The part of this evidence that a presentation names: documents, status lists, and which lists
    /// were seen. It can be verified with for as long as that takes, while nobody waits and nothing
    /// of it can be pushed out. What it holds is shared, not copied.
    #[must_use]
    pub fn excerpt(&self, presentation: &Presentation) -> Self {
        let mut part = Self::new();
        let issuers = presentation.links.iter().map(|link| &link.delegation.issuer);
        for did in issuers.chain([&presentation.agent]) {
            part.share_document(did, self);
        }
        for url in lists(presentation) {
            if let Some(held) = self.status_lists.get(url) {
                part.put_list(url, held.clone(), OWN);
                if let Ok(list) = &held.item {
                    part.share_document(&list.credential.issuer, self);
                }
            }
            if let Some(made) = self.seen.newest(url, &list_account(url, presentation)) {
                part.note_status_list(url, made);
            }
        }
        let blocked = presentation.links.iter().flat_map(|link| link.digests());
        part.blocked.extend(blocked.filter(|digest| self.blocked.contains(digest)));
        part
    }

    fn share_document(&mut self, did: &Did, other: &Self) {
        if let Some(held) = other.documents.get(did) {
            self.put_document(did, held.clone(), OWN);
        }
    }

    /// Takes over what `other` holds for a need, be it a failure, where that was fetched or tried after
    /// `since` (Unix seconds). Says whether it was.
    pub fn take_since(&mut self, need: &Need, other: &Self, since: i64) -> bool {
        match need {
            Need::Document(did) => {
                let held = other.documents.get(did).filter(|held| held.fetched_at > since);
                held.inspect(|held| self.put_document(did, (*held).clone(), OWN)).is_some()
            }
            Need::StatusList(url) => {
                let held = other.status_lists.get(url).filter(|held| held.fetched_at > since);
                held.inspect(|held| self.put_list(url, (*held).clone(), OWN)).is_some()
            }
        }
    }

    /// Adds what `brought` holds for a need that the verifier has asked for to verify a presentation,
    /// and forgets at `now` (Unix seconds) as [`Evidence::forget`] does. It counts for its [`sponsor`].
    pub fn add_for(
        &mut self,
        need: &Need,
        presentation: &Presentation,
        brought: &Self,
        trust: &Trust,
        now: i64,
    ) {
        let account = sponsor(need, presentation, trust).account;
        match need {
            Need::Document(did) => {
                let new = brought.documents.get(did);
                if let Some(new) = new.filter(|new| !stays(self.documents.get(did), new)) {
                    self.put_document(did, new.clone(), account);
                }
            }
            Need::StatusList(url) => {
                let new = brought.status_lists.get(url);
                let old = self.status_lists.get(url);
                let old = old.filter(|old| now.saturating_sub(old.fetched_at) <= trust.max_status_age);
                let newer = self.verified(url).filter(|_| old.is_some());
                // Whoever serves a list from before one that still serves changes nothing.
                let older = |made: i64| newer.is_some_and(|newer| made < newer);
                let made = |new: &Held<Arc<SignedStatusList>>| {
                    new.item.as_ref().ok().map(|list| list.credential.valid_from)
                };
                if let Some(new) = new.filter(|new| !stays(old, new) && !made(new).is_some_and(older)) {
                    self.put_list(url, new.clone(), account);
                }
            }
        }
        self.forget(trust, now);
    }

    /// Notes, at `now` (Unix seconds), which status lists another evidence has seen verified, and takes
    /// nothing else of it: for a verification that fetches everything anew, and must not take an older
    /// list for a newer one.
    pub fn note_seen(&mut self, other: &Self, now: i64) {
        for url in other.status_lists.keys() {
            if let Some(made) = other.verified(url).filter(|made| *made <= now) {
                self.seen.note(OWN, url, made);
            }
        }
        self.seen.note_all(OWN, &other.seen);
    }

    /// Notes, at `now` (Unix seconds), which of a presentation's status lists its verification has seen
    /// with its own evidence. Only where all signatures of the chain have verified: the notes count for
    /// its root link.
    pub fn note_seen_for(&mut self, presentation: &Presentation, own: &Self, now: i64) {
        for url in lists(presentation) {
            let verified = own.verified(url).filter(|made| *made <= now);
            if let Some(made) = verified.max(own.newest_status(url)) {
                self.seen.note(list_account(url, presentation), url, made);
            }
        }
    }
}

/// Whether what is held does not give way: to a failure, where it was fetched at about the same time.
fn stays<T>(old: Option<&Held<T>>, new: &Held<T>) -> bool {
    let young = |old: &Held<T>| old.fetched_at > new.fetched_at.saturating_sub(SIDE_BY_SIDE);
    new.item.is_err() && old.is_some_and(|old| old.item.is_ok() && young(old))
}
