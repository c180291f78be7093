//! A remedy is true: what it proposes is made, mechanically, and then the rule passes; and it is the
//! smallest: one step less, and the same rule denies again. For every vector of the corpus that has one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../src/make/actors.rs"]
#[allow(dead_code, reason = "the generator uses all of it")]
mod actors;
mod apply;
mod scene;
#[path = "../../src/make/sealed.rs"]
#[allow(dead_code, reason = "the generator uses all of it")]
mod sealed;

use legation_credential::limit::Bound;
use legation_tests::{Vector, load_all, run};
use legation_verifier::{
    Code, Denial, Phase, Remedy,
    remedy::{Change, To, What},
};
use scene::Scene;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Codes whose denials have no change that would surely pass, each with the reason.
const WITHOUT_CHANGE: [(Code, &str); 14] = [
    (Code::Malformed, "what was meant can't be known"),
    (Code::ChainEmpty, "which chain was meant can't be known"),
    (
        Code::UnknownConstraint,
        "which known constraint was meant can't be known, and leaving it out would widen",
    ),
    (Code::ResourceNotNormalized, "the author must say which resource was meant"),
    (Code::RequestBindingMismatch, "the request as it was signed is not there any more"),
    (
        Code::KeyRevoked,
        "a revoked key stays revoked; where the document has another, a test of its own is below",
    ),
    (Code::VouchingNotAllowed, "whether it vouches for anybody is the operator's to say"),
    (Code::SignatureInvalid, "what was signed, and by whom, can't be known"),
    (Code::StatusInvalid, "only the issuer has a list that answers for the link"),
    (Code::LinkRevoked, "a revocation is for good"),
    (Code::LinkSuspended, "when the issuer reinstates the link can't be known"),
    (Code::PolicyDenied, "the policy is the operator's"),
    (Code::PolicyError, "the policy is the operator's"),
    (Code::InputTooLarge, "a size is named, but not what to leave out; where that is plain it is tested"),
];

/// Remedies that can't be made here, each with the reason.
const NOT_MADE: [(&str, &str); 6] = [
    ("presentation-one-byte-too-large", "what to leave out, the sender must say"),
    ("chain-of-a-thousand-links", "links above the limit of bytes are not links of the corpus' actors"),
    ("chain-of-two-hundred-tiny-links", "its links are no JWS"),
    ("link-of-ten-thousand-arrays", "nothing is left of the link without them"),
    ("link-of-three-thousand-objects", "nothing is left of the link without them"),
    ("presentation-of-ten-thousand-arrays", "nothing is left of the presentation without them"),
];

/// Each denial of a vector that has a remedy.
fn remedies(vector: &Vector) -> Vec<(usize, Denial, Remedy)> {
    let told = run::explain(vector).into_iter().enumerate();
    told.filter_map(|(index, told)| Some((index, told.denial?, told.remedy?))).collect()
}

/// What comes of a step of the vector when the changes are made; the steps before it happen as they are.
fn after(vector: &Vector, index: usize, changes: &[Change]) -> Option<Denial> {
    let mut ledger = run::ledger_of(vector);
    for step in &vector.steps[..index] {
        run::explain_step(vector, step, &mut ledger);
    }
    let mut scene = Scene::read(vector, index);
    changes.iter().for_each(|change| apply::apply(&mut scene, change));
    let changed = scene.into_vector();
    run::explain_step(&changed, &changed.steps[0], &mut ledger).denial
}

/// Whether a denial is by a rule that comes after the other. Of one link's bytes one defect is found after
/// the other, in the order of reading; what is used up, total after total.
fn is_later(found: &Denial, before: &Denial) -> bool {
    let place = |denial: &Denial| (denial.code.phase(), denial.link.unwrap_or(usize::MAX), denial.code);
    match (found.code.phase(), before.code.phase()) {
        (Phase::Bytes, Phase::Bytes) if found.link == before.link => found.code != before.code,
        (Phase::Commit, Phase::Commit) => found.code != before.code,
        _ => place(found) > place(before),
    }
}

#[test]
fn what_is_proposed_passes_or_is_denied_by_a_later_rule_only() {
    let mut wrong = Vec::new();
    let mut made: BTreeMap<Code, usize> = BTreeMap::new();
    for vector in load_all().unwrap() {
        if NOT_MADE.iter().any(|(name, _)| *name == vector.name) {
            continue;
        }
        for (index, denial, remedy) in remedies(&vector) {
            *made.entry(denial.code).or_default() += 1;
            match after(&vector, index, &remedy.changes) {
                Some(found) if !is_later(&found, &denial) => {
                    wrong.push(format!("{}\n  {denial}\n  {remedy}\n  then {found}", vector.name));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} remedies are not true:\n{}", wrong.len(), wrong.join("\n"));
    let made: BTreeSet<Code> = made.into_keys().collect();
    for code in Code::ALL {
        let excused = WITHOUT_CHANGE.iter().any(|(excused, _)| excused == code);
        assert!(made.contains(code) || excused, "no vector has a remedy for {code}");
    }
}

/// The same change, one step less far.
fn less(change: &Change) -> Option<Change> {
    let to = match &change.to {
        To::Bound(Bound::Most(most)) => To::Bound(Bound::Most(most + 1)),
        To::Bound(Bound::Least(least)) => To::Bound(Bound::Least(least - 1)),
        _ => return None,
    };
    // Bytes and levels go in larger steps; there is no half of a rank's value.
    let stepwise = !matches!(change.what, What::Bytes | What::Depth);
    stepwise.then(|| Change { to, ..change.clone() })
}

#[test]
fn one_step_less_is_denied_by_the_same_rule() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for vector in load_all().unwrap() {
        if NOT_MADE.iter().any(|(name, _)| *name == vector.name) {
            continue;
        }
        for (index, denial, remedy) in remedies(&vector) {
            for (at, change) in remedy.changes.iter().enumerate() {
                // A bound that says only how far one may go, as the parent's time, moves nothing.
                let others: Vec<Change> =
                    remedy.changes.iter().filter(|other| *other != change).cloned().collect();
                let idle = after(&vector, index, &others).is_none_or(|found| is_later(&found, &denial));
                let Some(less) = less(change).filter(|_| !idle) else { continue };
                compared += 1;
                let mut changes = remedy.changes.clone();
                changes[at] = less;
                let found = after(&vector, index, &changes);
                // Of several links that must change, one that lags behind breaks a rule before this one.
                let denied = |found: &Denial| match changes.len() {
                    1 => found.code == denial.code,
                    _ => !is_later(found, &denial),
                };
                if !found.as_ref().is_some_and(denied) {
                    wrong.push(format!("{}\n  {denial}\n  {remedy}\n  one less: {found:?}", vector.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} remedies are too large:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 40, "{compared} were compared");
}

#[test]
fn what_has_no_change_has_no_remedy() {
    for vector in load_all().unwrap() {
        for (_, denial, remedy) in remedies(&vector) {
            let sized = denial.code == Code::InputTooLarge;
            let excused = WITHOUT_CHANGE.iter().any(|(code, _)| *code == denial.code);
            assert!(!excused || sized, "{}: {denial}: {remedy}", vector.name);
        }
    }
}

#[test]
fn a_signer_with_another_key_than_the_revoked_one_is_told_of_it() {
    let mut vector =
        load_all().unwrap().into_iter().find(|vector| vector.name == "key-revoked-in-the-document").unwrap();
    assert_eq!(remedies(&vector), []);
    let mut evidence: serde_json::Value = serde_json::from_str(&vector.evidence_text).unwrap();
    let document = &mut evidence["didDocuments"][0]["document"];
    let (did, kid) = ("did:web:acme.example", "did:web:acme.example#key-2");
    let key = serde_json::json!({
        "id": kid, "controller": did, "type": "JsonWebKey", "publicKeyJwk": actors::agent("acme's next key").jwk(),
    });
    document["verificationMethod"].as_array_mut().unwrap().push(key);
    document["assertionMethod"].as_array_mut().unwrap().push(kid.into());
    vector.evidence_text = evidence.to_string();
    vector.evidence = legation_verifier::Evidence::parse(vector.evidence_text.as_bytes(), 1 << 24).unwrap();
    let told = remedies(&vector);
    let (index, denial, remedy) = told.first().unwrap();
    assert_eq!(denial.code, Code::KeyRevoked);
    assert_eq!(remedy.to_string(), format!("the issuer of link 0: `kid` of the header must be \"{kid}\""));
    let found = after(&vector, *index, &remedy.changes);
    assert!(found.as_ref().is_none_or(|found| found.code != Code::KeyRevoked), "{found:?}");
}

/// As JSON, for `--explain --json`: of each kind of change that the corpus knows one stands in `told.json`.
#[test]
fn a_remedy_is_told_as_json_with_all_that_its_changes_say() {
    let expected: BTreeMap<String, Vec<Json>> = serde_json::from_str(include_str!("told.json")).unwrap();
    // What is to change, and by which member it is said how; of a rank, a value stands for its place.
    let kinds = |told: &[Json]| -> BTreeSet<String> {
        let changes = told.iter().flat_map(|remedy| remedy["changes"].as_array().unwrap());
        let kind = |change: &Json| {
            let own = change
                .as_object()
                .unwrap()
                .keys()
                .filter(|name| !["link", "name", "what"].contains(&name.as_str()));
            let rank = change["name"]["member"] == "rank";
            format!("{} {:?} {rank}", change["what"], own.collect::<Vec<_>>())
        };
        changes.map(kind).collect()
    };
    let shown: BTreeSet<String> = expected.values().flat_map(|told| kinds(told)).collect();
    let mut compared = 0;
    for vector in load_all().unwrap() {
        let told: Vec<Json> = remedies(&vector).iter().map(|(_, _, remedy)| remedy.to_json()).collect();
        for kind in kinds(&told) {
            assert!(shown.contains(&kind), "{}: {kind} stands nowhere in told.json", vector.name);
        }
        if let Some(expected) = expected.get(&vector.name) {
            compared += 1;
            assert_eq!(&told, expected, "{}", vector.name);
        }
    }
    assert_eq!(compared, expected.len(), "vectors that are gone");
}
