//! `extend` never widens, and gives the meet.

use crate::{
    config,
    generate::{ACTIONS, authority, chain, requests, written},
};
use legation_credential::{Authority, Request, extend};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::collections::BTreeSet;

fn permits(authority: &Authority, (request, audience): &(Request, &str)) -> bool {
    authority.permits(request, audience).is_ok()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_request_is_permitted_that_the_parent_or_the_link_refuses(
        parent in authority(), link in authority(), requests in requests()
    ) {
        if let Ok(next) = extend(parent.clone(), &link) {
            prop_assert!(next.is_within(&parent), "not within the parent: {next:?}");
            prop_assert!(next.is_within(&link), "not within the link: {next:?}");
            for request in &requests {
                prop_assert!(!permits(&next, request) || permits(&parent, request), "{request:?}");
                prop_assert!(!permits(&next, request) || permits(&link, request), "{request:?}");
            }
        }
    }

    #[test]
    fn no_request_is_permitted_that_any_link_of_a_chain_refuses(
        (effective, links) in chain(4), requests in requests()
    ) {
        for pair in effective.windows(2) {
            prop_assert!(pair[1].is_within(&pair[0]));
        }
        let last = effective.last().unwrap();
        for earlier in effective.iter().chain(&links) {
            prop_assert!(last.is_within(earlier), "{last:?}\nis not within\n{earlier:?}");
            for request in &requests {
                prop_assert!(!permits(last, request) || permits(earlier, request), "{request:?}");
            }
        }
        // And no more than that is taken away: what every link permits, the chain permits.
        for request in &requests {
            prop_assert_eq!(links.iter().all(|link| permits(link, request)), permits(last, request));
        }
    }

    #[test]
    fn what_is_within_both_is_within_the_result(
        (effective, links) in chain(2), below in chain(2), other in authority()
    ) {
        let (parent, link, next) = (&effective[0], &links[1], &effective[1]);
        // Something below the result, something anywhere, and both narrowed once more.
        let mut candidates = vec![parent.clone(), link.clone(), other];
        candidates.extend(below.0.iter().filter_map(|one| extend(next.clone(), one).ok()));
        candidates.extend(below.0.iter().filter_map(|one| extend(link.clone(), one).ok()));
        candidates.extend(extend(link.clone(), parent).ok());
        for one in candidates {
            if one.is_within(parent) && one.is_within(link) {
                prop_assert!(one.is_within(next), "{one:?}");
            }
        }
    }

    #[test]
    fn a_link_within_its_parent_is_taken_as_it_is(effective in chain(3)) {
        let [first, .., last] = effective.0.as_slice() else { return Ok(()) };
        prop_assert!(last.is_within(first));
        prop_assert_eq!(extend(first.clone(), last), Ok(last.clone()));
        prop_assert_eq!(extend(Authority::everything(), last), Ok(last.clone()));
        prop_assert_eq!(extend(last.clone(), last), Ok(last.clone()));
    }

    #[test]
    fn a_refused_link_is_not_within_its_parent(parent in authority(), link in authority()) {
        if let Err(refusal) = extend(parent.clone(), &link) {
            prop_assert!(!link.is_within(&parent), "{refusal}");
            prop_assert!(!refusal.found().is_empty() && !refusal.fits().is_empty());
        }
    }

    #[test]
    fn the_order_is_partial(
        a in authority(), (effective, links) in chain(3), others in proptest::collection::vec(authority(), 2)
    ) {
        let all: Vec<&Authority> = [&a].into_iter().chain(&effective).chain(&links).chain(&others).collect();
        for one in &all {
            prop_assert!(one.is_within(one), "{one:?}");
            prop_assert!(one.is_within(&Authority::everything()) && !Authority::everything().is_within(one));
            for other in &all {
                prop_assert_eq!(one.is_within(other) && other.is_within(one), one == other);
                for third in &all {
                    let through = one.is_within(other) && other.is_within(third);
                    prop_assert!(!through || one.is_within(third), "{one:?}\n{other:?}\n{third:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_within_permits_no_more(a in authority(), chain in chain(2), requests in requests()) {
        let all: Vec<&Authority> = [&a].into_iter().chain(&chain.0).chain(&chain.1).collect();
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
            if one.is_within(other) {
                for request in &requests {
                    prop_assert!(!permits(one, request) || permits(other, request), "{request:?}");
                }
            }
        }
    }

    #[test]
    fn a_limit_that_a_child_leaves_out_is_not_widened_by_its_child(
        parent in written(), looser in written()
    ) {
        let parent = Authority::parse(&parent.to_string()).unwrap();
        let grants = parent.to_json()["grants"].clone();
        let silent = Authority::parse(&serde_json::json!({"grants": grants}).to_string()).unwrap();
        let next = extend(parent.clone(), &silent).unwrap();
        prop_assert_eq!(&next, &parent);
        // Whatever the grandchild says: taken or refused as if the child had not been.
        let mut looser = looser;
        looser["grants"] = grants;
        let looser = Authority::parse(&looser.to_string()).unwrap();
        prop_assert_eq!(extend(next, &looser), extend(parent, &looser));
    }

    #[test]
    fn what_a_parent_totals_its_child_totals_as_tightly(chain in chain(4), requests in requests()) {
        let (effective, links) = chain;
        let last = effective.last().unwrap();
        for (request, _) in requests.iter().filter(|request| permits(last, request)) {
            for debit in effective.iter().chain(&links).flat_map(|one| one.debits(request)) {
                let below = last.debits(request).find(|below| below.key == debit.key);
                prop_assert!(below.is_some(), "{debit:?} is lost");
                let below = below.unwrap();
                prop_assert!(below.most <= debit.most, "{below:?} is more than {debit:?}");
                prop_assert_eq!((below.seconds, below.amount), (debit.seconds, debit.amount));
            }
        }
    }
}

/// Properties that say "if" prove nothing where the condition never holds.
#[test]
fn the_generators_reach_what_the_properties_speak_of() {
    let mut runner = TestRunner::deterministic();
    let (mut extended, mut permitted, mut refused, mut debited, mut pruned) = (0, 0, 0, 0, 0);
    for _ in 0..500 {
        let (one, other) = (authority(), authority()).new_tree(&mut runner).unwrap().current();
        extended += usize::from(extend(one, &other).is_ok());
        let ((effective, _), requests) = (chain(4), requests()).new_tree(&mut runner).unwrap().current();
        let (first, last) = (&effective[0], &effective[3]);
        let keys = |one: &Authority| {
            let binding = ACTIONS.iter().flat_map(|action| one.limits_on(action));
            binding.map(|(key, _)| key.clone()).collect::<BTreeSet<_>>()
        };
        pruned += usize::from(effective.windows(2).any(|pair| !keys(&pair[1]).is_superset(&keys(&pair[0]))));
        for request in &requests {
            permitted += usize::from(permits(last, request));
            refused += usize::from(permits(first, request) && !permits(last, request));
            debited += usize::from(permits(last, request) && last.debits(&request.0).next().is_some());
        }
    }
    for (what, count) in [
        ("extended", extended),
        ("permitted", permitted),
        ("refused", refused),
        ("debited", debited),
        ("pruned", pruned),
    ] {
        assert!(count >= 10, "{what}: {count}");
    }
}
