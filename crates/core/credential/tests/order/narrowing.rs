//! `extend` never widens, and gives the meet.

use crate::{
    cases,
    draw::{ACTIONS, chain, link, model, near, request},
    laws::total,
    model::Model,
    naive,
};
use fastrand::Rng;
use legation_credential::{Authority, Request, extend};
use std::collections::BTreeMap;

fn permits(authority: &Authority, (request, audience): &(Request, &str)) -> bool {
    authority.permits(request, audience).is_ok()
}

/// The effective authority after each link of a chain that narrows.
fn effective(links: &[Model]) -> Vec<Authority> {
    let mut all = vec![links[0].authority()];
    for link in &links[1..] {
        all.push(extend(all.last().unwrap().clone(), &link.authority()).unwrap());
    }
    all
}

fn requests(draw: &mut Rng, count: usize) -> Vec<(Request, &'static str)> {
    (0..count).map(|_| request(draw)).collect()
}

#[test]
fn a_chain_permits_what_every_link_permits() {
    cases(|draw| {
        let links = chain(draw, 3);
        let effective = effective(&links);
        let last = effective.last().unwrap();
        for (link, next) in links.iter().zip(&effective) {
            assert!(last.is_within(next) && last.is_within(&link.authority()), "{links:?}");
        }
        for asked in requests(draw, 5) {
            let expected = links.iter().all(|link| naive::permits(link, &asked.0, asked.1));
            assert_eq!(permits(last, &asked), expected, "{links:?}\n{asked:?}");
            if !expected {
                continue;
            }
            // Each total of each link, at its tightest; nothing else is totalled.
            let mut totals = BTreeMap::new();
            for (total, (amount, most)) in links.iter().flat_map(|link| naive::takes(link, &asked.0)) {
                let held = totals.entry(total).or_insert((amount, most));
                held.1 = most.min(held.1);
            }
            let found = last.debits(&asked.0).map(|debit| (total(&debit), (debit.amount, debit.most)));
            assert_eq!(found.collect::<BTreeMap<_, _>>(), totals, "{links:?}\n{asked:?}");
        }
    });
}

#[test]
fn a_link_is_refused_exactly_where_it_is_wider() {
    cases(|draw| {
        let before = chain(draw, 2);
        let next = if draw.bool() { model(draw) } else { near(draw, &before[1]) };
        let effective = effective(&before).pop().unwrap();
        let link = next.authority();
        let found = extend(effective.clone(), &link);
        let code = found.as_ref().err().map(legation_credential::Refusal::code);
        assert_eq!(code, naive::widens(&before, &next), "{before:?}\n{next:?}");
        if let Err(refusal) = found {
            assert!(!link.is_within(&effective), "{refusal}");
            assert!(!refusal.found().is_empty() && !refusal.fits().is_empty());
        }
    });
}

#[test]
fn what_is_within_both_is_within_the_result() {
    cases(|draw| {
        let links = chain(draw, 2);
        let effective = effective(&links);
        let (parent, next, own) = (&effective[0], &effective[1], links[1].authority());
        // Something below the link, something below the result, and something near either.
        let mut candidates = vec![near(draw, &links[0]).authority(), near(draw, &links[1]).authority()];
        let under_link = link(draw, &links[1..]).authority();
        candidates.extend(extend(next.clone(), &under_link));
        candidates.extend(extend(under_link.clone(), parent));
        candidates.push(under_link);
        candidates.extend(extend(own.clone(), parent));
        for one in candidates {
            let both = one.is_within(parent) && one.is_within(&own);
            assert_eq!(both, one.is_within(next), "{one:?}\n{links:?}");
        }
        if own.is_within(parent) {
            assert_eq!(*next, own);
        }
        assert_eq!(extend(parent.clone(), next).as_ref(), Ok(next));
        assert_eq!(extend(Authority::everything(), next).as_ref(), Ok(next));
    });
}

#[test]
fn links_may_be_extended_in_any_grouping() {
    cases(|draw| {
        let (first, middle) = (model(draw), model(draw));
        let middle = if draw.bool() { link(draw, core::slice::from_ref(&first)) } else { middle };
        let last = if draw.bool() { near(draw, &middle) } else { link(draw, core::slice::from_ref(&middle)) };
        let [first, middle, last] = [first, middle, last].map(|one| one.authority());
        let (Ok(upper), Ok(lower)) = (extend(first.clone(), &middle), extend(middle, &last)) else { return };
        assert_eq!(extend(upper, &last).ok(), extend(first, &lower).ok());
    });
}

#[test]
fn the_order_is_partial() {
    cases(|draw| {
        let links = chain(draw, 2);
        let mut all = effective(&links);
        all.push(links[1].authority());
        all.push(near(draw, &links[0]).authority());
        all.push(near(draw, &links[1]).authority());
        all.push(Authority::everything());
        let within: Vec<Vec<bool>> =
            all.iter().map(|one| all.iter().map(|other| one.is_within(other)).collect()).collect();
        for (a, one) in all.iter().enumerate() {
            assert!(within[a][a], "{one:?}");
            for (b, other) in all.iter().enumerate() {
                assert_eq!(within[a][b] && within[b][a], one == other, "{one:?}\n{other:?}");
                for (c, third) in all.iter().enumerate() {
                    let through = within[a][b] && within[b][c];
                    assert!(!through || within[a][c], "{one:?}\n{other:?}\n{third:?}");
                }
            }
        }
    });
}

#[test]
fn what_is_within_permits_no_more() {
    cases(|draw| {
        let one = model(draw);
        let other = if draw.bool() { near(draw, &one) } else { link(draw, core::slice::from_ref(&one)) };
        let (a, b) = (one.authority(), other.authority());
        let within = [a.is_within(&b), b.is_within(&a)];
        for (request, audience) in requests(draw, 5) {
            let permitted = [&one, &other].map(|link| naive::permits(link, &request, audience));
            assert_eq!(permitted, [&a, &b].map(|one| one.permits(&request, audience).is_ok()));
            assert!(!(within[0] && permitted[0]) || permitted[1], "{one:?}\n{other:?}\n{request:?}");
            assert!(!(within[1] && permitted[1]) || permitted[0], "{other:?}\n{one:?}\n{request:?}");
        }
    });
}

#[test]
fn a_limit_that_a_link_leaves_out_is_not_widened_by_the_next() {
    cases(|draw| {
        let parent = model(draw);
        let silent = Model { grants: parent.grants.clone(), constraints: Vec::new() };
        let mut looser = near(draw, &parent);
        looser.grants.clone_from(&parent.grants);
        let (parent, looser) = (parent.authority(), looser.authority());
        let next = extend(parent.clone(), &silent.authority()).unwrap();
        assert_eq!(next, parent);
        // Whatever the grandchild says: taken or refused as if the child had not been.
        assert_eq!(extend(next, &looser), extend(parent, &looser));
    });
}

/// Properties that say "if" prove nothing where the condition never holds.
#[test]
fn the_generators_reach_what_the_properties_speak_of() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in 0..500 {
        let draw = &mut Rng::with_seed(case);
        let mut count = |what, holds: bool| *counts.entry(what).or_default() += usize::from(holds);
        let links = chain(draw, 3);
        let effective = effective(&links);
        let (first, last) = (&effective[0], &effective[2]);
        let other = near(draw, &links[1]);
        for code in ["action_widened", "resource_widened", "constraint_widened"] {
            count(code, naive::widens(&links[..2], &other) == Some(code));
        }
        let (own, other) = (links[1].authority(), other.authority());
        count("extended", extend(own.clone(), &other).is_ok());
        count("comparable", own != other && (own.is_within(&other) || other.is_within(&own)));
        count("not comparable", !own.is_within(&other) && !other.is_within(&own));
        let keys = |one: &Authority| one.limits().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let lost = |pair: &[Authority]| keys(&pair[0]).iter().any(|key| !keys(&pair[1]).contains(key));
        count("idle limits dropped", effective.windows(2).any(lost));
        for asked in requests(draw, 5) {
            let permitted = permits(last, &asked);
            count("permitted", permitted);
            count("taken away", permits(first, &asked) && !permitted);
            count("debited", permitted && last.debits(&asked.0).next().is_some());
        }
        count(
            "limits on some actions",
            ACTIONS.iter().any(|action| last.limits_on(action).count() < last.limits().count()),
        );
    }
    assert_eq!(counts.len(), 11);
    for (what, count) in counts {
        assert!(count >= 10, "{what}: {count}");
    }
}
