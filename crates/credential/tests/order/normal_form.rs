//! One authority has one form, however it was written, and is read as it is printed.

use crate::{
    config,
    generate::{authority, chain, written},
};
use legation_credential::{
    Authority, Delegation, Terms,
    delegation::LIMITS,
    status::{StatusEntry, StatusPurpose},
};
use legation_keys::json;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::Value as Json;

/// Puts every array into another order, except that of a rank, and writes the elements of sets
/// a second time.
fn rewrite(json: &mut Json, seed: u64, twice: bool) {
    match json {
        Json::Object(members) => {
            for (name, value) in members.iter_mut() {
                if name != "order" {
                    let set = matches!(
                        name.as_str(),
                        "actions" | "resources" | "allow" | "oneOf" | "notOneOf" | "grants"
                    );
                    rewrite(value, seed, twice && set);
                }
            }
        }
        Json::Array(elements) => {
            for element in elements.iter_mut() {
                rewrite(element, seed.rotate_left(7), true);
            }
            if let (true, Some(first)) = (twice, elements.first().cloned()) {
                elements.push(first);
            }
            let mut state = seed;
            for end in (1..elements.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let other = usize::try_from(state >> 33).unwrap() % (end + 1);
                elements.swap(end, other);
            }
        }
        _ => {}
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let status = (any::<bool>(), 0..200_000_usize).prop_map(|(suspension, index)| StatusEntry {
        purpose: if suspension { StatusPurpose::Suspension } else { StatusPurpose::Revocation },
        list: "https://s.example/status/1".to_owned(),
        index,
    });
    let subject =
        select(vec!["did:web:s.example", "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"]);
    (
        option::of(Just("urn:uuid:1".to_owned())),
        subject,
        0..100_i64,
        1..100_i64,
        0..3_u32,
        authority(),
        vec(status, 0..4),
    )
        .prop_map(|(id, subject, valid_from, length, max_depth, authority, status)| Terms {
            id,
            subject: subject.parse().unwrap(),
            valid_from,
            valid_until: valid_from + length,
            max_depth,
            authority,
            status,
        })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_authority_is_read_as_it_is_printed(one in authority(), (effective, _) in chain(3)) {
        for authority in [&one].into_iter().chain(&effective) {
            let text = authority.to_json().to_string();
            prop_assert_eq!(Authority::parse(&text), Ok(authority.clone()), "{}", text);
        }
    }

    #[test]
    fn a_delegation_is_read_as_it_is_printed(terms in terms(), parent in option::of(any::<[u8; 32]>())) {
        let issuer = "did:web:i.example:a".parse().unwrap();
        let principal = "did:web:p.example".parse().unwrap();
        let delegation = Delegation { issuer, principal, parent, terms };
        let text = delegation.to_json().to_string();
        let claims = json::parse(text.as_bytes(), LIMITS).unwrap();
        prop_assert_eq!(Delegation::from_claims(&claims), Ok(delegation), "{}", text);
    }

    #[test]
    fn the_way_of_writing_does_not_matter(written in written(), seed in any::<u64>()) {
        let plain = Authority::parse(&written.to_string()).unwrap();
        let mut other = written.clone();
        rewrite(&mut other, seed, false);
        prop_assert_eq!(Authority::parse(&other.to_string()), Ok(plain), "{}", other);
    }
}

/// The groups of a printed authority are those of its normal form, of which there may be more
/// than its author wrote.
#[test]
fn an_authority_of_few_grants_that_overlap_is_read_as_it_is_printed() {
    let grants: Vec<Json> = (0..6)
        .map(|bit| {
            let actions: Vec<String> =
                (1..64).filter(|set| set >> bit & 1 == 1).map(|set| format!("a.{set}")).collect();
            serde_json::json!({"actions": actions, "resources": [format!("https://s.example/{bit}")]})
        })
        .collect();
    let authority = Authority::parse(&serde_json::json!({"grants": grants}).to_string()).unwrap();
    let printed = authority.to_json();
    assert_eq!(printed["grants"].as_array().unwrap().len(), 63);
    assert_eq!(Authority::parse(&printed.to_string()), Ok(authority));
}
