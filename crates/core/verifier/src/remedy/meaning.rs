//! Meaning: what would have fitted, by the very rules that refuse it.

use super::{Case, Change, Remedy, To, What, exactly, key_name, least, member, most, one_of};
use crate::{
    Code, Denial, Party,
    presentation::{Envelope, Names, Presentation, Shown},
};
use legation_credential::{
    Authority, extend,
    limit::{Bound, LimitKey, LimitKind},
    presentation::MAX_LIFETIME,
    widening::widening,
};
use legation_did::{Did, key};
use legation_keys::base64url;

pub(super) fn remedy(denial: &Denial, case: &Case<'_>) -> Option<Remedy> {
    let presentation = case.presentation?;
    match denial.link {
        Some(index) => of_link(denial.code, index, presentation, case),
        None => of_presentation(denial.code, presentation, case),
    }
}

fn of_link(code: Code, index: usize, presentation: &Presentation, case: &Case<'_>) -> Option<Remedy> {
    let links = &presentation.links;
    let link = links.get(index)?;
    let (delegation, terms) = (&link.delegation, &link.delegation.terms);
    let before = index.checked_sub(1).and_then(|before| links.get(before));
    let at = Some(index);
    let one = |what, to| Remedy::one(Party::Issuer, at, what, to);
    match code {
        // With which ceiling is the operator's to say.
        Code::RootUntrusted => {
            Remedy::one(Party::Operator, None, What::Root(delegation.issuer.clone()), To::Present)
        }
        Code::PrincipalMismatch => {
            one(member("principal"), exactly(links.first()?.delegation.issuer.as_str()))
        }
        Code::IssuerMismatch => {
            let subject = before.map(|before| &before.delegation.terms.subject);
            match subject.filter(|subject| **subject != delegation.issuer) {
                Some(subject) => one(member("issuer"), exactly(subject.as_str())),
                None => {
                    let (what, to) =
                        names(&delegation.issuer, link.claimed_issuer(), key_name(at, case), case);
                    one(what, to)
                }
            }
        }
        Code::ParentMismatch => match before {
            Some(before) => one(member("parent"), exactly(&base64url::encode(&before.digest))),
            None => one(member("parent"), To::Absent),
        },
        Code::Cycle => {
            let earlier = links.get(..index)?.iter().map(|one| &one.delegation);
            let all = earlier.chain([delegation]).map(|one| one.issuer.as_str().into());
            one(What::Member("credentialSubject.id".to_owned()), To::Bound(Bound::NotOneOf(all.collect())))
        }
        Code::NotYetValid => {
            let begins = terms.valid_from.saturating_sub(case.trust.clock_skew);
            Remedy::one(Party::Holder, None, What::Now, least(begins))
        }
        Code::Expired => {
            let passes = case.now.saturating_sub(case.trust.clock_skew).max(terms.valid_from);
            let mut changes = vec![time(at, "validUntil", least(passes.saturating_add(1)))];
            changes.extend(before.map(|one| time(at, "validUntil", most(one.delegation.terms.valid_until))));
            Remedy::new(Party::Issuer, changes)
        }
        Code::WindowNotNested => {
            let parent = &before?.delegation.terms;
            let mut changes = Vec::new();
            if terms.valid_from < parent.valid_from {
                changes.push(time(at, "validFrom", least(parent.valid_from)));
            }
            if terms.valid_until > parent.valid_until {
                changes.push(time(at, "validUntil", most(parent.valid_until)));
            }
            Remedy::new(Party::Issuer, changes)
        }
        Code::RedelegationNotPermitted => redelegation(index, presentation),
        Code::ActionWidened | Code::ResourceWidened | Code::ConstraintWidened => {
            narrower(index, code, presentation, case)
        }
        Code::AudienceMismatch => {
            let key = LimitKey { kind: LimitKind::Audience, actions: None };
            let own = terms.authority.limits().any(|(own, _)| *own == key);
            let here = case.trust.audience.as_str();
            // Neither: the ceiling leaves this very verifier out.
            match own {
                true => one(What::Constraint(key), To::Include(here.into())),
                false if !link.is_for(here) => one(member("aud"), exactly(here)),
                false => None,
            }
        }
        Code::HolderMismatch => one(member("sub"), exactly(terms.subject.as_str())),
        _ => None,
    }
}

fn time(link: Option<usize>, name: &'static str, to: To) -> Change {
    Change { link, what: What::Time(name), to }
}

/// `iss` where it is another's, or else what names the key.
fn names(did: &Did, claimed: Option<&str>, kid: What, case: &Case<'_>) -> (What, To) {
    if claimed.is_some_and(|claimed| claimed != did.as_str()) {
        return (member("iss"), exactly(did.as_str()));
    }
    if did.method() == "key" {
        return (kid, exactly(&key::method_id(did)));
    }
    let document = case.evidence.document(did).and_then(|held| held.item.as_ref().ok());
    let ids = document.map(|document| document.usable(legation_did::Purpose::AssertionMethod, case.now));
    let ids: Vec<&str> = ids.into_iter().flatten().map(|(id, _)| id).collect();
    match ids.is_empty() {
        true => (kid, To::Bound(Bound::Prefix(format!("{did}#")))),
        false => (kid, one_of(ids)),
    }
}

/// The link itself asks for too much, or those before it were not to be passed on that often.
fn redelegation(index: usize, presentation: &Presentation) -> Option<Remedy> {
    let depth = |at: usize| presentation.links.get(at).map(|link| link.delegation.terms.max_depth);
    let (own, parent) = (depth(index)?, depth(index.checked_sub(1)?)?);
    let name = || member("maxDepth");
    if let Some(fits) = parent.checked_sub(1) {
        return Remedy::one(Party::Issuer, Some(index), name(), most(fits.into()));
    }
    let changes = (0..index).filter_map(|at| {
        let needed = i64::from(own).saturating_add(i64::try_from(index - at).ok()?);
        let short = i64::from(depth(at)?) < needed;
        short.then(|| Change { link: Some(at), what: name(), to: least(needed) })
    });
    Remedy::new(Party::Issuer, changes.collect())
}

/// All of the link that is wider, and what of it fits. Actions and resources are told before
/// constraints, as they are checked.
fn narrower(index: usize, code: Code, presentation: &Presentation, case: &Case<'_>) -> Option<Remedy> {
    let links = presentation.links.get(..=index)?;
    let (link, before) = links.split_last()?;
    let mut effective = case.trust.roots.get(&links.first()?.delegation.issuer)?.clone();
    for one in before {
        effective = extend(effective, &one.delegation.terms.authority).ok()?;
    }
    let own: &Authority = &link.delegation.terms.authority;
    let found = widening(&effective, own);
    let change = |what, to| Change { link: Some(index), what, to };
    let changes = match code {
        Code::ConstraintWidened => {
            let limits = found.limits.into_iter();
            limits.map(|limit| change(What::Constraint(limit.key), To::Bound(limit.bound))).collect()
        }
        _ => {
            let grants = found.grants.into_iter();
            let grant = |grant: legation_credential::widening::WidenedGrant| {
                let what = What::Grant { action: grant.action, resource: grant.resource };
                change(what, To::Pairs(grant.fits))
            };
            grants.map(grant).collect()
        }
    };
    Remedy::new(Party::Issuer, changes)
}

fn of_presentation(code: Code, presentation: &Presentation, case: &Case<'_>) -> Option<Remedy> {
    let one = |what, to| Remedy::one(Party::Holder, None, what, to);
    if matches!(presentation.shown, Shown::Vouched(_)) {
        // The agent has signed nothing that it could sign otherwise.
        return None;
    }
    match code {
        Code::AudienceMismatch => one(member(presentation.names().audience), exactly(&case.trust.audience)),
        Code::NonceMismatch => one(member(presentation.names().nonce), exactly(case.nonce)),
        Code::PresentationStale if case.chain.is_none() => fresh(presentation, case),
        Code::HolderMismatch => {
            let Shown::Envelope(Envelope { holder, claimed_issuer, .. }) = &presentation.shown else {
                return None;
            };
            if *holder != presentation.agent {
                return one(member("holder"), exactly(presentation.agent.as_str()));
            }
            let (what, to) = names(holder, claimed_issuer.as_deref(), key_name(None, case), case);
            one(what, to)
        }
        _ => None,
    }
}

/// The times of a new presentation, as near as can be to those of this one.
fn fresh(presentation: &Presentation, case: &Case<'_>) -> Option<Remedy> {
    let Presentation { issued_at, expires_at, .. } = *presentation;
    let Names { issued_at: begins, expires_at: ends, .. } = presentation.names();
    let not_before = match &presentation.shown {
        Shown::Envelope(envelope) => envelope.not_before,
        Shown::Request(_) | Shown::Vouched(_) => None,
    };
    let trust = case.trust;
    let longest = trust.max_presentation_age.min(MAX_LIFETIME);
    let latest = case.now.saturating_add(trust.clock_skew);
    let earliest_end = case.now.saturating_sub(trust.clock_skew).saturating_add(1);
    let issued = issued_at.clamp(earliest_end.saturating_sub(longest), latest);
    let mut changes = Vec::new();
    if issued != issued_at {
        changes.push(time(None, begins, if issued > issued_at { least(issued) } else { most(issued) }));
    }
    if not_before.is_some_and(|not_before| not_before > latest) {
        changes.push(time(None, "nbf", most(latest)));
    }
    let ends_least = earliest_end.max(issued);
    if expires_at < ends_least {
        changes.push(time(None, ends, least(ends_least)));
    } else if expires_at > issued.saturating_add(longest) {
        changes.push(time(None, ends, most(issued.saturating_add(longest))));
    }
    Remedy::new(Party::Holder, changes)
}
