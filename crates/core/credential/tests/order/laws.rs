//! The laws of the order, on every pair and triple of a domain.

use crate::{
    model::{Model, span},
    naive,
};
use legation_credential::{Authority, Request, extend};
use std::collections::BTreeMap;

/// Amount and most of each total.
type Totals = BTreeMap<naive::Total, (i64, i64)>;

/// What an authority answers to every request: whether it permits it, and for each total that
/// it takes from, the amount and the most.
type Answers = Vec<Option<Vec<(naive::Total, (i64, i64))>>>;

pub(crate) fn total(debit: &legation_credential::Debit<'_>) -> naive::Total {
    use legation_credential::limit::LimitKind;
    let counted = match &debit.key.kind {
        LimitKind::SpendWindow { currency, .. } => currency.clone(),
        LimitKind::TotalWindow { fact, .. } => format!("fact {fact}"),
        _ => String::new(),
    };
    let actions = debit.key.actions.as_ref().map(|all| all.iter().map(ToString::to_string).collect());
    (counted, span(debit.window), actions)
}

fn answers(authority: &Authority, requests: &[(Request, &str)]) -> Answers {
    let answer = |(request, audience): &(Request, &str)| {
        authority.permits(request, audience).ok()?;
        let debits = authority.debits(request);
        Some(debits.map(|debit| (total(&debit), (debit.amount, debit.most))).collect())
    };
    requests.iter().map(answer).collect()
}

/// Whether one permits nothing that the other does not, and totals as tightly.
fn included(one: &Answers, other: &Answers) -> bool {
    one.iter().zip(other).all(|pair| match pair {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(totals)) => totals.iter().all(|(total, (_, most))| {
            own.iter().any(|(other, (_, tighter))| other == total && tighter <= most)
        }),
    })
}

/// A set of indices.
#[derive(Clone, PartialEq)]
struct Set(Vec<u64>);

impl Set {
    fn of(holds: impl Iterator<Item = bool>) -> Self {
        let holds: Vec<bool> = holds.collect();
        let word = |chunk: &[bool]| chunk.iter().rev().fold(0, |word, bit| word << 1 | u64::from(*bit));
        Self(holds.chunks(64).map(word).collect())
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & !other == 0)
    }

    fn both(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| own & other).collect())
    }
}

/// Holds all laws on a domain and on all that its pairs extend to. Gives the pairs of the domain
/// itself that are included in one another without being within.
pub(crate) fn hold(domain: &[Model], requests: &[(Request, &str)]) -> Vec<(usize, usize)> {
    let mut all: Vec<Authority> = Vec::new();
    for model in domain {
        let authority = model.authority();
        for (request, audience) in requests {
            let permitted = authority.permits(request, audience).is_ok();
            assert_eq!(naive::permits(model, request, audience), permitted, "{model:?}\n{request:?}");
            if permitted {
                let debits = authority.debits(request);
                let found = debits.map(|debit| (total(&debit), (debit.amount, debit.most)));
                let expected: Totals = naive::takes(model, request).into_iter().collect();
                assert_eq!(found.collect::<Totals>(), expected, "{model:?}\n{request:?}");
            }
        }
        all.push(authority);
    }
    for one in 0..domain.len() {
        for other in 0..domain.len() {
            if let Ok(next) = extend(all[one].clone(), &all[other])
                && !all.contains(&next)
            {
                all.push(next);
            }
        }
    }
    all.push(Authority::everything());
    let answered: Vec<Answers> = all.iter().map(|one| answers(one, requests)).collect();
    // Above and below each: the order, asked once for each pair.
    let above: Vec<Set> =
        all.iter().map(|one| Set::of(all.iter().map(|other| one.is_within(other)))).collect();
    let below: Vec<Set> =
        (0..all.len()).map(|one| Set::of(above.iter().map(|above| above.has(one)))).collect();
    let mut exceptions = Vec::new();
    for one in 0..all.len() {
        assert!(above[one].has(one), "not reflexive: {:?}", all[one]);
        for other in 0..all.len() {
            let within = above[one].has(other);
            assert_eq!(within && above[other].has(one), all[one] == all[other], "not antisymmetric");
            assert!(!within || above[other].within(&above[one]), "not transitive");
            let included = included(&answered[one], &answered[other]);
            assert!(included || !within, "{:?}\nis not within\n{:?}", all[one], all[other]);
            if included && !within && one.max(other) < domain.len() {
                exceptions.push((one, other));
            }
        }
    }
    meets(&all, domain.len(), &answered, [&above, &below], requests);
    groupings(&all[..domain.len()]);
    exceptions
}

/// `extend` on every pair of an authority and one of the domain, with every third below both.
fn meets(
    all: &[Authority],
    domain: usize,
    answered: &[Answers],
    [above, below]: [&[Set]; 2],
    requests: &[(Request, &str)],
) {
    let models: Vec<Model> = all[..all.len() - 1].iter().map(Model::of).collect();
    for one in 0..models.len() {
        for other in 0..domain {
            let (parent, link) = (&all[one], &all[other]);
            let next = extend(parent.clone(), link);
            let refused = next.as_ref().err().map(legation_credential::Refusal::code);
            let before = core::slice::from_ref(&models[one]);
            assert_eq!(refused, naive::widens(before, &models[other]), "{parent:?}\n{link:?}");
            let Ok(next) = next else {
                assert!(!above[other].has(one), "refused, and within: {link:?}");
                continue;
            };
            assert!(next.is_within(parent) && next.is_within(link), "{next:?}\nis not within both");
            let under_both = below[one].both(&below[other]);
            let under_next = Set::of(all.iter().map(|third| third.is_within(&next)));
            assert!(under_both.within(&under_next), "{next:?} is not the meet of\n{parent:?}\n{link:?}");
            assert!(!above[other].has(one) || next == *link, "a link within its parent was changed");
            assert_monotone(&answers(&next, requests), &answered[one], &answered[other]);
        }
        assert_eq!(extend(Authority::everything(), &all[one]).as_ref(), Ok(&all[one]));
        assert!(extend(all[one].clone(), &Authority::everything()).is_err());
    }
}

/// What is extended permits exactly what both permit, and totals as tightly as the tighter.
fn assert_monotone(next: &Answers, parent: &Answers, link: &Answers) {
    for ((next, parent), link) in next.iter().zip(parent).zip(link) {
        assert_eq!(next.is_some(), parent.is_some() && link.is_some());
        let (Some(next), Some(parent), Some(link)) = (next, parent, link) else { continue };
        let mut expected: Totals = parent.iter().cloned().collect();
        for (total, (amount, most)) in link {
            let held = expected.entry(total.clone()).or_insert((*amount, *most));
            held.1 = held.1.min(*most);
        }
        assert_eq!(next.iter().cloned().collect::<Totals>(), expected);
    }
}

/// A chain of three, extended from its root or with its last two links first.
fn groupings(all: &[Authority]) {
    for middle in all {
        let upper: Vec<_> = all.iter().map(|one| (one, extend(one.clone(), middle).ok())).collect();
        for last in all {
            let lower = extend(middle.clone(), last).ok();
            for (first, upper) in &upper {
                let (Some(upper), Some(lower)) = (upper, &lower) else { continue };
                let (one, other) = (extend(upper.clone(), last).ok(), extend((*first).clone(), lower).ok());
                assert_eq!(one, other, "{first:?}\n{middle:?}\n{last:?}");
            }
        }
    }
}
