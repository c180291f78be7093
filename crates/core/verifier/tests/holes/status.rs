//! Status lists that are old, wrong for a while, or swapped.

use crate::world::{LIST, NOW, Party, World, check, check_at, code, entry, list, present};
use legation_credential::{
    delegation::MEDIA_TYPE,
    secured::Securing,
    status::{StatusList, StatusListCredential, StatusPurpose},
};
use legation_keys::{
    Algorithm, Signer as _, base64url,
    data_integrity::{ProofOptions, add},
    json::{self, JsonLimits},
    time,
};
use legation_verifier::{Code, Evidence, Need, gather, parse};
use serde_json::json;
use sha2::Digest as _;

const MOST: usize = 1 << 24;

fn revocable(world: &World, status: serde_json::Value) -> String {
    let mut claims = world.root();
    claims["credentialStatus"] = status;
    present(&[&world.root_link(&claims)], &world.agent)
}

#[test]
fn a_list_that_showed_a_revocation_is_not_followed_by_an_older_one() {
    let world = World::new();
    let (presented, trust) = (revocable(&world, entry("revocation", LIST)), world.trust());
    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, &list(&world.principal, NOW - 10, true), NOW, MOST);
    assert_eq!(code(check(&presented, &trust, &evidence)), Some(Code::LinkRevoked));
    // Whoever serves the list, not its signer, now serves the one from before the revocation.
    evidence.add_status_list(LIST, &list(&world.principal, NOW - 20, false), NOW, MOST);
    assert_eq!(code(check(&presented, &trust, &evidence)), Some(Code::StatusStale));
    evidence.add_status_list(LIST, &list(&world.principal, NOW - 5, false), NOW, MOST);
    assert_eq!(code(check(&presented, &trust, &evidence)), None);
}

#[test]
fn a_list_that_nobody_signed_keeps_no_other_away() {
    let world = World::new();
    let (presented, trust) = (revocable(&world, entry("revocation", LIST)), world.trust());
    let mut evidence = Evidence::new();
    for (signer, made) in [(&world.agent, NOW - 1), (&world.principal, NOW + 30)] {
        evidence.add_status_list(LIST, &list(signer, made, false), NOW, MOST);
        let _ = check(&presented, &trust, &evidence);
        evidence.add_status_list(LIST, &list(&world.principal, NOW - 20, false), NOW, MOST);
        assert_eq!(code(check(&presented, &trust, &evidence)), None, "made at {made}");
    }
}

#[test]
fn a_list_that_was_wrong_once_is_not_wrong_for_ever() {
    let world = World::new();
    let (presented, trust) = (revocable(&world, entry("revocation", LIST)), world.trust());
    let parsed = parse(presented.as_bytes(), &trust).unwrap();
    let needs = |evidence: &Evidence, now| gather(&parsed, &trust, evidence, "n", now).ok();
    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, "<html>", NOW, MOST);
    assert_eq!(needs(&evidence, NOW), Some(vec![Need::StatusList(LIST.to_owned())]), "not readable");
    assert_eq!(code(check(&presented, &trust, &evidence)), Some(Code::StatusInvalid));

    // Signed by another: another fetch may mend it, once this one is old.
    let now = NOW + 100;
    evidence.add_status_list(LIST, &list(&world.agent, NOW, false), now - trust.max_status_age - 1, MOST);
    assert_eq!(needs(&evidence, now), Some(vec![Need::StatusList(LIST.to_owned())]), "not authentic");
    assert_eq!(code(check_at(&presented, &trust, &evidence, now)), Some(Code::StatusInvalid));
    evidence.add_status_list(LIST, &list(&world.agent, NOW, false), now, MOST);
    assert_eq!(needs(&evidence, now), None, "not again and again");
}

#[test]
fn all_lists_of_a_link_are_asked_for_together_and_the_first_rule_answers() {
    let world = World::new();
    let other = "https://acme.example/status/2";
    let status = json!([entry("revocation", LIST), entry("suspension", other)]);
    let (presented, trust) = (revocable(&world, status), world.trust());
    let parsed = parse(presented.as_bytes(), &trust).unwrap();
    let needs = gather(&parsed, &trust, &Evidence::new(), "n", NOW).unwrap();
    assert_eq!(needs, [LIST, other].map(|url| Need::StatusList(url.to_owned())));

    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, &list(&world.principal, NOW - 9999, false), NOW, MOST);
    let found = code(check(&presented, &trust, &evidence));
    assert_eq!(found, Some(Code::StatusUnavailable), "before the other list's `status_stale`");
}

/// Root and leaf, each with its status in a list.
fn links_of_lists(world: &World, lists: [&str; 2]) -> [String; 2] {
    let mut root = world.root();
    root["credentialStatus"] = entry("revocation", lists[0]);
    let root = world.root_link(&root);
    let mut leaf = world.claims(&world.agent.did, &world.helper.did, Some(&root));
    leaf["credentialStatus"] = entry("revocation", lists[1]);
    let leaf = world.agent.sign(MEDIA_TYPE, &leaf);
    [root, leaf]
}

#[test]
fn a_revoked_link_is_denied_before_anything_is_asked_for() {
    let world = World::new();
    let other = "https://acme.example/status/2";
    let [root, leaf] = links_of_lists(&world, [LIST, other]);
    let (presented, trust) = (present(&[&root, &leaf], &world.helper), world.trust());
    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, &list(&world.principal, NOW - 10, true), NOW, MOST);
    let parsed = parse(presented.as_bytes(), &trust).unwrap();
    let needs = gather(&parsed, &trust, &Evidence::new(), "n", NOW).unwrap();
    assert_eq!(needs, [LIST, other].map(|url| Need::StatusList(url.to_owned())), "at once, of all links");
    let denial = gather(&parsed, &trust, &evidence, "n", NOW).unwrap_err();
    assert_eq!((denial.code, denial.link), (Code::LinkRevoked, Some(0)));
}

#[test]
fn why_a_document_or_a_list_could_not_be_had_is_told() {
    let mut world = World::new();
    let (presented, trust) = (revocable(&world, entry("revocation", LIST)), world.trust());
    let mut evidence = Evidence::new();
    evidence.add_failure(&Need::StatusList(LIST.to_owned()), "connection refused", NOW);
    let denial = check(&presented, &trust, &evidence).unwrap_err();
    assert_eq!(denial.code, Code::StatusUnavailable);
    assert!(denial.to_string().contains("connection refused"), "{denial}");

    world.principal.did = "did:web:acme.example".parse().unwrap();
    let (presented, trust) = (revocable(&world, entry("revocation", LIST)), world.trust());
    evidence.add_failure(&Need::Document(world.principal.did.clone()), "no such host", NOW);
    let denial = check(&presented, &trust, &evidence).unwrap_err();
    assert_eq!(denial.code, Code::DidUnresolved);
    assert!(denial.to_string().contains("no such host"), "{denial}");
}

#[test]
fn one_list_of_two_links_is_asked_for_once() {
    let world = World::new();
    let [root, leaf] = links_of_lists(&world, [LIST, LIST]);
    let trust = world.trust();
    let parsed = parse(present(&[&root, &leaf], &world.helper).as_bytes(), &trust).unwrap();
    let needs = gather(&parsed, &trust, &Evidence::new(), "n", NOW).unwrap();
    assert_eq!(needs, [Need::StatusList(LIST.to_owned())]);
}

#[test]
fn a_misspelt_member_of_evidence_is_not_ignored() {
    let with = |list: &str, member: &str| {
        let at = "2026-11-21T10:00:00Z";
        let entry =
            json!({"url": LIST, "did": "did:web:a.example", "fetchedAt": at, member: at, "document": {}});
        let mut entry = entry;
        let other = if list == "statusLists" { ["did", "document"] } else { ["url", "credential"] };
        for name in other {
            entry.as_object_mut().unwrap().remove(name);
        }
        if list == "statusLists" {
            entry["credential"] = "a.b.c".into();
        }
        Evidence::parse(json!({list: [entry]}).to_string().as_bytes(), MOST)
    };
    assert!(with("statusLists", "newestSeen").is_ok() && with("didDocuments", "fetchedAt").is_ok());
    assert!(with("statusLists", "newestseen").is_err(), "an older list would be accepted again");
    assert!(with("didDocuments", "fetched").is_err());
}

/// A list of the principal with as many proofs of its key.
fn with_proofs(world: &World, count: usize) -> String {
    let id = legation_did::method_id(&world.principal.did, world.principal.key.public_key());
    let list = StatusListCredential {
        id: Some(LIST.to_owned()),
        issuer: world.principal.did.clone(),
        valid_from: NOW - 10,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(0),
    };
    let first = list.secure(Securing::EddsaJcs2022, &id, &world.principal.key).unwrap();
    (1..count).fold(first, |text, _| {
        let document = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 16, depth: 16 }).unwrap();
        let options =
            ProofOptions { verification_method: &id, purpose: "assertionMethod", ..ProofOptions::default() };
        add(document.as_object().unwrap(), options, &world.principal.key).unwrap()
    })
}

#[test]
fn what_several_signatures_and_links_rely_on_is_evidence_once() {
    let mut world = World::new();
    world.principal.did = "did:web:acme.example".parse().unwrap();
    let [root, leaf] = links_of_lists(&world, [LIST, LIST]);
    let mut trust = world.trust();
    trust.status_issuers.insert(world.principal.did.clone());

    let mut evidence = Evidence::new();
    let did = &world.principal.did;
    let document = legation_did::web::document(did, core::slice::from_ref(world.principal.key.public_key()));
    evidence.add_document(did, document.to_json().to_string().as_bytes(), NOW).unwrap();
    // Somebody's editor put white space around it.
    let list = format!("\n  {}\n", with_proofs(&world, 8));
    evidence.add_status_list(LIST, &list, NOW, MOST);
    let chain = check(&present(&[&root, &leaf], &world.helper), &trust, &evidence).unwrap();
    let ids: Vec<&str> = chain.evidence().iter().map(|used| used.id.as_str()).collect();
    assert_eq!(ids, [did.as_str(), LIST]);
    let told: Vec<_> = chain.evidence().iter().map(legation_verifier::evidence::Used::to_json).collect();
    let digest = |text: &str| base64url::encode(&sha2::Sha256::digest(text));
    let at = time::format(NOW);
    assert_eq!(
        told,
        [
            json!({"id": did.as_str(), "digest": digest(&document.to_json().to_string()), "fetchedAt": at}),
            json!({"id": LIST, "digest": digest(&list), "fetchedAt": at, "validFrom": time::format(NOW - 10)}),
        ]
    );
}

/// A link without any list, as one that was made offline, ends by its digest: of its text, of what was signed, and
/// whichever of its two forms the signature has that somebody sends it with.
#[test]
fn a_link_that_is_blocked_is_denied_in_either_form_of_its_signature() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let world = World { principal: Party::new(algorithm), ..World::new() };
        let link = world.root_link(&world.root());
        let (input, signature) = link.rsplit_once('.').unwrap();
        let mut forms = vec![link.clone()];
        if algorithm == Algorithm::Es256 {
            let other = other_form(&base64url::decode(signature).unwrap());
            forms.push(format!("{input}.{}", base64url::encode(&other)));
        }
        let digest = |text: &str| <[u8; 32]>::from(sha2::Sha256::digest(text));
        let blocks = forms.iter().map(|form| digest(form)).chain([digest(input)]);
        for block in blocks {
            let mut evidence = Evidence::new();
            evidence.block(digest("another"));
            for form in &forms {
                let presented = present(&[form], &world.agent);
                assert_eq!(code(check(&presented, &world.trust(), &evidence)), None);
            }
            evidence.block(block);
            for form in &forms {
                let presented = present(&[form], &world.agent);
                assert_eq!(code(check(&presented, &world.trust(), &evidence)), Some(Code::LinkRevoked));
            }
        }
    }
}

/// The order of P-256's group, its halves.
const ORDER: (u128, u128) =
    (0xffff_ffff_0000_0000_ffff_ffff_ffff_ffff, 0xbce6_faad_a717_9e84_f3b9_cac2_fc63_2551);

/// Of an ES256 signature (r, s) the form (r, order − s).
fn other_form(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    let half = |bytes: &[u8]| u128::from_be_bytes(bytes.try_into().unwrap());
    let (high, low) = (half(&s[..16]), half(&s[16..]));
    let (low, borrow) = ORDER.1.overflowing_sub(low);
    let high = ORDER.0 - high - u128::from(borrow);
    [r, &high.to_be_bytes(), &low.to_be_bytes()].concat()
}
