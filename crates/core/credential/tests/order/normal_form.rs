//! One authority has one form, however it was written, and is read as it is printed.

use crate::{
    cases,
    draw::{chain, model, near},
    model::{Grant, Model, Rule, Test},
    naive,
};
use fastrand::Rng;
use legation_credential::{
    Authority, Delegation, Terms,
    delegation::LIMITS,
    extend,
    status::{StatusEntry, StatusPurpose},
};
use legation_keys::json;
use serde_json::Value as Json;

/// Puts the elements of a set into another order, and one of them a second time.
fn shuffle<T: Clone>(draw: &mut Rng, set: &mut Vec<T>) {
    if let (true, Some(first)) = (draw.bool(), set.first().cloned()) {
        set.push(first);
    }
    draw.shuffle(set);
}

/// The same written in another way.
fn rewritten(draw: &mut Rng, model: &Model) -> Model {
    let mut other = model.clone();
    for grant in &mut other.grants {
        shuffle(draw, &mut grant.actions);
        shuffle(draw, &mut grant.resources);
    }
    // One grant as one for each of its actions.
    if let Some(grant) = other.grants.pop() {
        for action in grant.actions {
            other.grants.push(Grant { actions: vec![action], resources: grant.resources.clone() });
        }
    }
    shuffle(draw, &mut other.grants);
    for constraint in &mut other.constraints {
        if let Some(actions) = &mut constraint.actions {
            shuffle(draw, actions);
        }
        match &mut constraint.rule {
            Rule::Audience(allow) => shuffle(draw, allow),
            Rule::Argument { test: Test::OneOf(values) | Test::NotOneOf(values), .. } => {
                shuffle(draw, values);
            }
            _ => {}
        }
    }
    // A spend of two limits as two constraints.
    for at in 0..other.constraints.len() {
        let mut second = other.constraints[at].clone();
        if let Rule::Spend { per_action: per_action @ Some(_), window: Some(_), .. } = &mut second.rule {
            *per_action = None;
            if let Rule::Spend { window, .. } = &mut other.constraints[at].rule {
                *window = None;
            }
            other.constraints.push(second);
        }
    }
    draw.shuffle(&mut other.constraints);
    other
}

fn terms(draw: &mut Rng) -> Terms {
    let purpose = |draw: &mut Rng| {
        if draw.bool() { StatusPurpose::Suspension } else { StatusPurpose::Revocation }
    };
    let entry = |draw: &mut Rng| StatusEntry {
        purpose: purpose(draw),
        list: "https://s.example/status/1".to_owned(),
        index: draw.usize(..200_000),
    };
    let subject = if draw.bool() {
        "did:web:s.example"
    } else {
        "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
    };
    let valid_from = draw.i64(0..100);
    Terms {
        id: draw.bool().then(|| "urn:uuid:1".to_owned()),
        subject: subject.parse().unwrap(),
        valid_from,
        valid_until: valid_from + draw.i64(1..100),
        max_depth: draw.u32(0..3),
        account: draw.bool().then(|| "team-sales".to_owned()),
        authority: model(draw).authority(),
        status: (0..draw.usize(0..4)).map(|_| entry(draw)).collect(),
    }
}

#[test]
fn an_authority_is_read_as_it_is_printed() {
    cases(|draw| {
        let links = chain(draw, 2);
        let root = links[0].authority();
        let next = extend(root.clone(), &links[1].authority()).unwrap();
        for authority in [root, next] {
            let text = authority.to_json().to_string();
            assert_eq!(Authority::parse(&text), Ok(authority), "{text}");
        }
    });
}

#[test]
fn a_delegation_is_read_as_it_is_printed() {
    cases(|draw| {
        let terms = terms(draw);
        let issuer = "did:web:i.example:a".parse().unwrap();
        let principal = "did:web:p.example".parse().unwrap();
        let parent = draw.bool().then(|| core::array::from_fn(|_| draw.u8(..)));
        let delegation = Delegation { issuer, principal, parent, terms };
        let text = delegation.to_json().to_string();
        let claims = json::parse(text.as_bytes(), LIMITS).unwrap();
        assert_eq!(Delegation::from_claims(&claims), Ok(delegation), "{text}");
    });
}

#[test]
fn the_way_of_writing_does_not_matter() {
    cases(|draw| {
        let plain = model(draw);
        let other = rewritten(draw, &plain);
        assert_eq!(other.authority(), plain.authority(), "{plain:?}\n{other:?}");
    });
}

/// Two authorities have one form if and only if they hold the same pairs, and the same limits
/// about the same things.
#[test]
fn one_form_for_one_meaning() {
    cases(|draw| {
        let one = model(draw);
        let other = near(draw, &one);
        let same =
            naive::pairs(&one) == naive::pairs(&other) && naive::limits([&one]) == naive::limits([&other]);
        assert_eq!(one.authority() == other.authority(), same, "{one:?}\n{other:?}");
    });
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
