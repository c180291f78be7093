//! Issuing and passing on: what would widen is refused and told what fits, and what is issued is
//! what a verifier reads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod proofs;

use legation_credential::{
    Authority, Delegation, IssueError, Terms, delegation::link_digest, issue, issue::effective, pass_on,
};
use legation_did::Did;
use legation_keys::{Algorithm, SecretKey, Signer};
use serde_json::{Value as Json, json};

struct Party {
    key: SecretKey,
    did: Did,
}

impl Party {
    fn new() -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let did = legation_did::key::did(key.public_key());
        Self { key, did }
    }

    fn key_id(&self) -> String {
        legation_did::key::method_id(&self.did)
    }
}

fn authority(grants: &Json, constraints: &Json) -> Authority {
    Authority::parse(&json!({"grants": grants, "constraints": constraints}).to_string()).unwrap()
}

fn grants() -> Json {
    json!([{"actions": ["pay.*"], "resources": ["https://shop.example/api/*"]}])
}

fn constraints() -> Json {
    json!([
        {"type": "spend", "currency": "USD", "perAction": 50, "window": {"seconds": 3600, "amount": 200}},
        {"type": "rate", "seconds": 60, "max": 10},
        {"type": "audience", "allow": ["did:web:shop.example"]},
        {"type": "argument", "name": "n", "max": 5},
        {"type": "argument", "name": "n", "min": 2},
        {"type": "argument", "name": "t", "prefix": "/a/"},
        {"type": "argument", "name": "u", "oneOf": ["x", "y"]},
        {"type": "argument", "name": "u", "notOneOf": ["z"]},
        {"type": "argument", "name": "v", "equals": true},
        {"type": "argument", "name": "w", "rank": "mid", "order": ["low", "mid", "high"]},
        {"type": "approval", "above": 25, "currency": "USD", "approver": "did:web:boss.example"}
    ])
}

fn terms(subject: &Party) -> Terms {
    Terms {
        id: None,
        subject: subject.did.clone(),
        valid_from: 1000,
        valid_until: 2000,
        max_depth: 2,
        account: None,
        authority: authority(&grants(), &constraints()),
        status: vec![],
    }
}

/// A principal, an agent that holds a delegation of depth 2, and another agent.
fn delegated() -> (Party, Party, String) {
    let (principal, agent, other) = (Party::new(), Party::new(), Party::new());
    let secured = issue(terms(&agent), &principal.did, &principal.key_id(), &principal.key).unwrap();
    (agent, other, secured)
}

/// The terms of a child that is as wide as its parent.
fn child(of: &Party) -> Terms {
    Terms { max_depth: 1, ..terms(of) }
}

#[test]
fn a_child_as_wide_as_its_parent_is_passed_on() {
    let (agent, other, secured) = delegated();
    let passed = pass_on(&[&secured], child(&other), &agent.key_id(), &agent.key).unwrap();
    let link = Delegation::read_unverified(&passed).unwrap();
    let parent = Delegation::read_unverified(&secured).unwrap();
    assert_eq!((link.issuer, link.principal), (parent.terms.subject, parent.issuer));
    assert_eq!((link.parent, link.terms), (Some(link_digest(&secured)), child(&other)));
    let (last, held) = effective(&[&secured, &passed]).unwrap();
    assert_eq!((last.terms.subject, held), (other.did, parent.terms.authority));
}

/// One dimension after another, with what is said to fit.
#[test]
fn a_child_that_is_wider_is_refused_and_told_what_fits() {
    let (agent, other, secured) = delegated();
    let with = |change: fn(&mut Terms)| {
        let mut terms = child(&other);
        change(&mut terms);
        terms
    };
    let granting = |actions: &str, resources: &str| Terms {
        authority: authority(&json!([{"actions": [actions], "resources": [resources]}]), &json!([])),
        ..child(&other)
    };
    let limited =
        |constraint: Json| Terms { authority: authority(&grants(), &json!([constraint])), ..child(&other) };
    let argument = |name: &str, operator: &str, value: Json| {
        limited(json!({"type": "argument", "name": name, operator: value}))
    };
    let path = "https://shop.example/api/*";
    for (terms, code, fits) in [
        (with(|terms| terms.valid_from = 999), "window_not_nested", "within 1970-01-01T00:16:40Z to"),
        (with(|terms| terms.valid_until = 2001), "window_not_nested", "to 1970-01-01T00:33:20Z"),
        (with(|terms| terms.max_depth = 2), "redelegation_not_permitted", "maxDepth at most 1"),
        (with(|terms| terms.authority = Authority::everything()), "action_widened", "within pay.*"),
        (granting("refund.all", path), "action_widened", "within pay.*"),
        (granting("pay", path), "action_widened", "within pay.*"),
        (
            granting("pay.*", "https://shop.example/*"),
            "resource_widened",
            "pay.* within https://shop.example/api/*",
        ),
        (
            granting("pay.in", "https://shop.example/api/"),
            "resource_widened",
            "pay.in within https://shop.example/api/*",
        ),
        (granting("pay.in", "http://shop.example/api/x"), "resource_widened", "https://shop.example/api/*"),
        (
            limited(json!({"type": "spend", "currency": "USD", "perAction": 51})),
            "constraint_widened",
            "at most 0.50 USD",
        ),
        (
            limited(json!({"type": "spend", "currency": "EUR", "perAction": 1})),
            "constraint_widened",
            "the currency is \"USD\"",
        ),
        (
            limited(json!({"type": "spend", "currency": "USD", "window": {"seconds": 3600, "amount": 201}})),
            "constraint_widened",
            "at most 2.00 USD",
        ),
        (
            limited(json!({"type": "rate", "seconds": 60, "max": 11})),
            "constraint_widened",
            "at most 10 actions",
        ),
        (
            limited(json!({"type": "audience", "allow": ["did:web:shop.example", "did:web:b.example"]})),
            "constraint_widened",
            "the audience is \"did:web:shop.example\"",
        ),
        (
            limited(
                json!({"type": "approval", "above": 26, "currency": "USD", "approver": "did:web:boss.example"}),
            ),
            "constraint_widened",
            "without the approval of did:web:boss.example",
        ),
        (
            limited(
                json!({"type": "approval", "above": 1, "currency": "EUR", "approver": "did:web:boss.example"}),
            ),
            "constraint_widened",
            "the currency is \"USD\"",
        ),
        (argument("n", "max", json!(6)), "constraint_widened", "`n` is at most 5"),
        (argument("n", "min", json!(1)), "constraint_widened", "`n` is at least 2"),
        (argument("t", "prefix", json!("/a")), "constraint_widened", "a text that starts with \"/a/\""),
        (argument("u", "oneOf", json!(["x", "z"])), "constraint_widened", "`u` is one of \"x\", \"y\""),
        (argument("u", "notOneOf", json!(["a"])), "constraint_widened", "`u` is none of \"z\""),
        (argument("v", "equals", json!(false)), "constraint_widened", "`v` is true"),
        (
            limited(
                json!({"type": "argument", "name": "w", "rank": "high", "order": ["low", "mid", "high"]}),
            ),
            "constraint_widened",
            "`w` is one of \"low\", \"mid\"",
        ),
    ] {
        match pass_on(&[&secured], terms.clone(), &agent.key_id(), &agent.key) {
            Err(IssueError::Refused(refusal)) => {
                assert_eq!(refusal.code(), code, "{refusal}");
                assert!(refusal.fits().contains(fits), "{} should say {fits}", refusal.fits());
                assert!(IssueError::Refused(refusal).to_string().contains(fits));
            }
            other => panic!("{code} {fits}: {other:?}"),
        }
    }
}

#[test]
fn a_limit_that_the_child_left_out_binds_the_grandchild() {
    let (agent, other, secured) = delegated();
    let silent = Terms { authority: authority(&grants(), &json!([])), ..child(&other) };
    let passed = pass_on(&[&secured], silent, &agent.key_id(), &agent.key).unwrap();
    let third = Party::new();
    let wider = Terms {
        max_depth: 0,
        authority: authority(&grants(), &json!([{"type": "rate", "seconds": 60, "max": 11}])),
        ..terms(&third)
    };
    let refused = pass_on(&[&secured, &passed], wider.clone(), &other.key_id(), &other.key);
    assert!(matches!(refused, Err(IssueError::Refused(refusal)) if refusal.code() == "constraint_widened"));
    let last = Terms { authority: authority(&grants(), &json!([])), ..wider };
    let passed_on = pass_on(&[&secured, &passed], last, &other.key_id(), &other.key).unwrap();
    // What may not be passed on is not, even to do nothing.
    let nothing = Terms { max_depth: 0, authority: authority(&json!([]), &json!([])), ..terms(&other) };
    let refused = pass_on(&[&secured, &passed, &passed_on], nothing, &third.key_id(), &third.key);
    assert!(
        matches!(refused, Err(IssueError::Refused(refusal)) if refusal.code() == "redelegation_not_permitted")
    );
}

#[test]
fn links_that_do_not_follow_one_another_are_refused() {
    let (agent, other, secured) = delegated();
    let passed = pass_on(&[&secured], child(&other), &agent.key_id(), &agent.key).unwrap();
    let (_, _, foreign) = delegated();
    let again = pass_on(&[&secured], child(&other), &agent.key_id(), &agent.key).unwrap();
    let sibling = issue(terms(&agent), &other.did, &other.key_id(), &other.key).unwrap();
    for (chain, index) in [
        (vec![&*passed, &*secured], 1),
        (vec![&secured, &secured], 1),
        (vec![&foreign, &passed], 1),
        // The same subject, but another link than the one that the child names.
        (vec![&sibling, &passed], 1),
        (vec![&secured, &again, &passed], 2),
    ] {
        let last = Terms { max_depth: 0, ..terms(&Party::new()) };
        let refused = pass_on(&chain, last, &other.key_id(), &other.key);
        assert_eq!(refused, Err(IssueError::Order { index }));
    }
    // The same principal and subject, but another link.
    let principal = Party::new();
    let roots = [2000, 2001].map(|valid_until| {
        let terms = Terms { valid_until, ..terms(&agent) };
        issue(terms, &principal.did, &principal.key_id(), &principal.key).unwrap()
    });
    let passed = pass_on(&[&roots[0]], child(&other), &agent.key_id(), &agent.key).unwrap();
    assert!(effective(&[&roots[0], &passed]).is_ok());
    assert_eq!(effective(&[&roots[1], &passed]), Err(IssueError::Order { index: 1 }));
    assert_eq!(pass_on(&[], child(&other), &agent.key_id(), &agent.key), Err(IssueError::NoParent));
    for text in ["", "x", "a.b.c", secured.get(1..).unwrap()] {
        let refused = pass_on(&[&secured, text], child(&other), &agent.key_id(), &agent.key);
        assert!(matches!(refused, Err(IssueError::Parent { index: 1, .. })), "{text}");
    }
}

#[test]
fn a_key_id_of_somebody_else_is_refused() {
    let (agent, other, secured) = delegated();
    for key_id in [
        other.key_id(),
        agent.did.to_string(),
        format!("{}#", agent.did),
        format!("{}x#k", agent.did),
        "#k".to_owned(),
        String::new(),
    ] {
        let refused = pass_on(&[&secured], child(&other), &key_id, &agent.key);
        let wanted = IssueError::Key { issuer: agent.did.clone(), found: key_id.clone() };
        assert_eq!(refused, Err(wanted), "{key_id}");
        assert!(issue(terms(&other), &agent.did, &key_id, &agent.key).is_err(), "{key_id}");
    }
}

/// The key of a did:key is its name; that of another DID stands in its document, which is not asked for.
#[test]
fn a_did_key_is_signed_for_by_its_own_key_only() {
    let (one, other) = (Party::new(), Party::new());
    let issued = |did: &Did, key_id: &str, key: &SecretKey| issue(terms(&other), did, key_id, key);
    assert!(issued(&one.did, &one.key_id(), &one.key).is_ok());
    let refused = IssueError::Key { issuer: one.did.clone(), found: one.key_id() };
    assert_eq!(issued(&one.did, &one.key_id(), &other.key), Err(refused));
    let web: Did = "did:web:a.example".parse().unwrap();
    assert!(issued(&web, "did:web:a.example#key-1", &one.key).is_ok());
    assert!(issued(&web, "did:web:b.example#key-1", &one.key).is_err());
}

#[test]
fn what_a_delegation_need_not_say_takes_no_bytes() {
    let (principal, agent) = (Party::new(), Party::new());
    let claims = |max_depth, authority| {
        let terms = Terms { max_depth, authority, ..terms(&agent) };
        let secured = issue(terms, &principal.did, &principal.key_id(), &principal.key).unwrap();
        Delegation::read_unverified(&secured).unwrap().to_json()["credentialSubject"]["delegation"].take()
    };
    let least = claims(0, authority(&grants(), &json!([])));
    assert_eq!((least.get("maxDepth"), least.get("constraints")), (None, None));
    let more = claims(1, authority(&grants(), &constraints()));
    assert_eq!((&more["maxDepth"], more["constraints"].is_array()), (&json!(1), true));
}

#[test]
fn a_time_that_ends_before_it_begins_is_not_issued() {
    let (agent, other, secured) = delegated();
    for (from, until) in [(1500, 1500), (1500, 1499)] {
        let terms = Terms { valid_from: from, valid_until: until, ..child(&other) };
        let refused = IssueError::Window { from, until };
        assert_eq!(issue(terms.clone(), &agent.did, &agent.key_id(), &agent.key), Err(refused.clone()));
        assert_eq!(pass_on(&[&secured], terms, &agent.key_id(), &agent.key), Err(refused));
    }
}

/// A file ends in a line break; the digest of its link must not.
#[test]
fn white_space_around_a_link_does_not_make_a_child_of_another_link() {
    let (agent, other, secured) = delegated();
    let padded = format!("{secured}\n");
    let passed = pass_on(&[&padded], child(&other), &agent.key_id(), &agent.key).unwrap();
    assert_eq!(Delegation::read_unverified(&passed).unwrap().parent, Some(link_digest(&secured)));
    assert!(effective(&[&padded, &format!(" {passed}\r\n")]).is_ok());
}

/// What nobody would read must not be signed.
#[test]
fn a_delegation_that_could_not_be_read_is_not_issued() {
    let (principal, agent) = (Party::new(), Party::new());
    let many: Vec<Json> =
        (1..=100).map(|seconds| json!({"type": "rate", "seconds": seconds, "max": 1})).collect();
    let more: Vec<Json> =
        (101..=200).map(|seconds| json!({"type": "rate", "seconds": seconds, "max": 1})).collect();
    let both =
        legation_credential::extend(authority(&grants(), &many.into()), &authority(&grants(), &more.into()));
    let status = legation_credential::status::StatusEntry {
        purpose: legation_credential::status::StatusPurpose::Revocation,
        list: "https://Acme.example/status".to_owned(),
        index: 0,
    };
    let long = format!("urn:x:{}", "a".repeat(70_000));
    for (terms, code) in [
        (Terms { authority: Authority::everything(), ..terms(&agent) }, "malformed"),
        (Terms { authority: both.unwrap(), ..terms(&agent) }, "malformed"),
        (Terms { status: vec![status], ..terms(&agent) }, "malformed"),
        (Terms { valid_until: i64::MAX, ..terms(&agent) }, "malformed"),
        (Terms { id: Some(long), ..terms(&agent) }, "input_too_large"),
    ] {
        match issue(terms, &principal.did, &principal.key_id(), &principal.key) {
            Err(IssueError::Unreadable(error)) => assert_eq!(error.code(), code),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_action_that_is_not_held_is_told_before_a_resource_that_is_not() {
    let read = |grants: &str| Authority::parse(&format!(r#"{{"grants": {grants}}}"#)).unwrap();
    let parent = read(r#"[{"actions": ["a", "c"], "resources": ["https://a.example/x"]}]"#);
    let child = read(r#"[{"actions": ["a", "b"], "resources": ["https://a.example/y"]}]"#);
    assert_eq!(legation_credential::extend(parent, &child).unwrap_err().code(), "action_widened");
}
