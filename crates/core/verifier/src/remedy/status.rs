//! Status: a list that is there and fresh, or a link that lives short enough.

use super::{Case, Change, Remedy, To, What, keys::fetch, least, member, most};
use crate::{
    Code, Denial, Need, Party,
    evidence::Lack,
    link::longest_without_status,
    presentation::{Link, Presentation},
};
use legation_credential::status::StatusEntry;

pub(super) fn remedy(denial: &Denial, case: &Case<'_>) -> Option<Remedy> {
    let presentation = case.presentation?;
    let index = denial.link?;
    let link = presentation.links.get(index)?;
    // The others are not looked up.
    let entries = link.delegation.terms.status.iter().filter(|entry| entry.purpose.is_ending());
    match denial.code {
        Code::StatusMissing => Some(shorter(index, presentation, case).unwrap_or_else(|| Remedy {
            by: Party::Issuer,
            changes: vec![Change { link: Some(index), what: member("credentialStatus"), to: To::Present }],
        })),
        Code::StatusUnavailable => {
            let lacks = |entry: &&StatusEntry| {
                let held = case.evidence.status_list(&entry.list);
                held.is_none_or(|held| matches!(held.item, Err(Lack::Unavailable(_))))
            };
            let changes = entries.filter(lacks).map(|entry| Change {
                link: None,
                what: What::Evidence(Need::StatusList(entry.list.clone())),
                to: To::Present,
            });
            Remedy::new(Party::Operator, changes.collect())
        }
        Code::StatusStale => stale(link, case),
        // A list that does not answer for the link, or does and says no: only its issuer has another.
        _ => None,
    }
}

/// A lifetime that needs no status, where the link and those below it can have it and still be valid.
fn shorter(index: usize, presentation: &Presentation, case: &Case<'_>) -> Option<Remedy> {
    let own = &presentation.links.get(index)?.delegation.terms;
    let trust = case.trust;
    let before = index.checked_sub(1).and_then(|before| presentation.links.get(before));
    let most_seconds = longest_without_status(before.map(|before| &**before), trust);
    let until = own.valid_from.checked_add(most_seconds)?;
    let passed = case.now.saturating_sub(trust.clock_skew);
    let changes: Option<Vec<Change>> = presentation
        .links
        .iter()
        .enumerate()
        .skip(index)
        .filter(|(_, link)| link.delegation.terms.valid_until > until)
        .map(|(at, link)| {
            let lives = until > passed && link.delegation.terms.valid_from < until;
            lives.then(|| Change { link: Some(at), what: What::Time("validUntil"), to: most(until) })
        })
        .collect();
    Remedy::new(Party::Issuer, changes?)
}

/// A newer fetch of the list, or a newer list.
fn stale(link: &Link, case: &Case<'_>) -> Option<Remedy> {
    let (trust, now) = (case.trust, case.now);
    let (mut fetches, mut lists) = (Vec::new(), Vec::new());
    for entry in &link.delegation.terms.status {
        let url = &entry.list;
        let Some(held) = case.evidence.status_list(url) else { continue };
        let Ok(signed) = &held.item else { continue };
        let (made, until) = (signed.credential.valid_from, signed.credential.valid_until);
        let newer = fetch(Need::StatusList(url.clone()), held.fetched_at, trust.max_status_age, trust, now);
        fetches.extend(newer.into_iter().flat_map(|remedy| remedy.changes));
        let change = |name, to| Change { link: None, what: What::List(url.clone(), name), to };
        let oldest = now.saturating_sub(trust.max_status_age);
        let oldest = case.evidence.newest_status(url).map_or(oldest, |newest| newest.max(oldest));
        if made < oldest {
            lists.push(change("validFrom", least(oldest)));
        } else if made > now.saturating_add(trust.clock_skew) {
            lists.push(change("validFrom", most(now.saturating_add(trust.clock_skew))));
        }
        let passed = now.saturating_sub(trust.clock_skew);
        if until.is_some_and(|until| until <= passed) {
            lists.push(change("validUntil", least(passed.saturating_add(1))));
        }
    }
    // A new list comes with a new fetch.
    if lists.is_empty() {
        Remedy::new(Party::Operator, fetches)
    } else {
        Remedy::new(Party::Issuer, [lists, fetches].concat())
    }
}
