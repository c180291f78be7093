//! Evidence that many verifications share: what one of them brings, and what it can't push out.

use crate::world::{LIST, NOW, Party, World, check, code, entry, list, present};
use legation_keys::Signer as _;
use legation_verifier::{Code, Evidence, Need, Presentation, Trust, parse, sponsor};

const MOST: usize = 1 << 24;

fn need() -> Need {
    Need::StatusList(LIST.to_owned())
}

fn revocable(world: &World, trust: &Trust) -> (String, Presentation) {
    let mut claims = world.root();
    claims["credentialStatus"] = entry("revocation", LIST);
    let presented = present(&[&world.root_link(&claims)], &world.agent);
    let parsed = parse(presented.as_bytes(), trust).unwrap();
    (presented, parsed)
}

/// Evidence with one list: by whom it is signed, when it was made, and when it was fetched.
fn fetched(signer: &Party, made: i64, at: i64) -> Evidence {
    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, &list(signer, made, false), at, MOST);
    evidence
}

fn failed(at: i64) -> Evidence {
    let mut evidence = Evidence::new();
    evidence.add_failure(&need(), "no answer", at);
    evidence
}

/// Of the shared evidence, when its list was made; `None` where there is none.
fn made(evidence: &Evidence, presented: &str, trust: &Trust) -> Option<i64> {
    let chain = check(presented, trust, evidence).ok()?;
    chain.evidence().iter().find(|used| used.id == LIST)?.valid_from
}

#[test]
fn what_was_fetched_since_is_taken_over_and_nothing_older() {
    let world = World::new();
    let did = "did:web:acme.example".parse::<legation_did::Did>().unwrap();
    let mut other = fetched(&world.principal, NOW - 10, NOW);
    other.add_document(&did, br#"{"id": "did:web:acme.example"}"#, NOW).unwrap();
    for need in [need(), Need::Document(did)] {
        for (since, expected) in [(NOW - 1, true), (NOW, false), (NOW + 1, false)] {
            assert_eq!(Evidence::new().take_since(&need, &other, since), expected, "{need:?} since {since}");
        }
    }
    assert!(!Evidence::new().take_since(&need(), &Evidence::new(), 0));
}

#[test]
fn a_failure_beside_what_somebody_fetched_changes_nothing_and_a_later_one_does() {
    let world = World::new();
    let trust = world.trust();
    let (presented, parsed) = revocable(&world, &trust);
    for (after, stays) in [(0, true), (9, true), (10, false), (11, false)] {
        let mut shared = fetched(&world.principal, NOW - 10, NOW - 20);
        shared.add_for(&need(), &parsed, &failed(NOW - 20 + after), &trust, NOW);
        let found = made(&shared, &presented, &trust);
        assert_eq!(found.is_some(), stays, "{after} seconds after");
    }
    // What failed before gives way to everything.
    let mut shared = failed(NOW - 1);
    shared.add_for(&need(), &parsed, &failed(NOW), &trust, NOW);
    shared.add_for(&need(), &parsed, &fetched(&world.principal, NOW - 10, NOW), &trust, NOW);
    assert_eq!(made(&shared, &presented, &trust), Some(NOW - 10));
}

#[test]
fn a_document_gives_way_to_what_was_fetched_and_not_to_a_failure_beside_it() {
    let mut world = World::new();
    world.principal.did = "did:web:acme.example".parse().unwrap();
    let trust = world.trust();
    let presented = present(&[&world.root_link(&world.root())], &world.agent);
    let parsed = parse(presented.as_bytes(), &trust).unwrap();
    let need = Need::Document(world.principal.did.clone());
    let key = core::slice::from_ref(world.principal.key.public_key());
    let document = legation_did::web::document(&world.principal.did, key).to_json().to_string();
    let (mut good, mut bad, mut later) = (Evidence::new(), Evidence::new(), Evidence::new());
    good.add_document(&world.principal.did, document.as_bytes(), NOW - 20).unwrap();
    bad.add_failure(&need, "no answer", NOW - 15);
    later.add_failure(&need, "no answer", NOW - 5);
    let mut shared = Evidence::new();
    for (brought, expected) in
        [(&bad, Some(Code::DidUnresolved)), (&good, None), (&bad, None), (&later, Some(Code::DidUnresolved))]
    {
        shared.add_for(&need, &parsed, brought, &trust, NOW);
        assert_eq!(code(check(&presented, &trust, &shared)), expected);
    }
}

#[test]
fn an_older_list_does_not_replace_one_that_still_serves() {
    let world = World::new();
    let trust = world.trust();
    let (presented, parsed) = revocable(&world, &trust);
    for (brought, expected) in [(NOW - 11, NOW - 10), (NOW - 10, NOW - 10), (NOW - 9, NOW - 9)] {
        let mut shared = fetched(&world.principal, NOW - 10, NOW - 5);
        // Once it has verified, it is known to be the signer's.
        assert_eq!(made(&shared, &presented, &trust), Some(NOW - 10));
        shared.add_for(&need(), &parsed, &fetched(&world.principal, brought, NOW), &trust, NOW);
        assert_eq!(made(&shared, &presented, &trust), Some(expected));
        let used = check(&presented, &trust, &shared).unwrap();
        let at = if brought < NOW - 10 { NOW - 5 } else { NOW };
        assert_eq!(used.evidence()[0].fetched_at, at, "one that is as new comes with its fetch");
    }
}

#[test]
fn a_list_that_was_seen_counts_for_others_and_one_of_tomorrow_does_not() {
    let world = World::new();
    let trust = world.trust();
    let (presented, parsed) = revocable(&world, &trust);
    for (seen, expected) in
        [(NOW - 5, Some(Code::StatusStale)), (NOW, Some(Code::StatusStale)), (NOW + 1, None)]
    {
        let own = fetched(&world.principal, seen, NOW);
        assert_eq!(made(&own, &presented, &trust), Some(seen));
        let older = || fetched(&world.principal, NOW - 10, NOW);

        let mut anew = older();
        anew.note_seen(&own, NOW);
        assert_eq!(code(check(&presented, &trust, &anew)), expected, "seen by all, made at {seen}");

        let mut shared = older();
        shared.note_seen_for(&parsed, &own, NOW);
        let excerpt = shared.excerpt(&parsed);
        assert_eq!(code(check(&presented, &trust, &excerpt)), expected, "seen for one, made at {seen}");
    }
}

#[test]
fn what_others_noted_is_noted_on() {
    let world = World::new();
    let trust = world.trust();
    let (presented, _) = revocable(&world, &trust);
    for (noted, expected) in [(NOW - 5, Some(Code::StatusStale)), (NOW - 10, None), (NOW - 11, None)] {
        let mut other = Evidence::new();
        other.note_status_list(LIST, noted);
        let mut anew = fetched(&world.principal, NOW - 10, NOW);
        anew.note_seen(&other, NOW);
        assert_eq!(code(check(&presented, &trust, &anew)), expected, "noted {noted}");
    }
}

#[test]
fn an_excerpt_holds_all_that_the_chain_names_and_nothing_else() {
    let mut world = World::new();
    world.principal.did = "did:web:acme.example".parse().unwrap();
    let mut trust = world.trust();
    trust.status_issuers.insert(world.principal.did.clone());
    let (presented, parsed) = revocable(&world, &trust);
    let mut shared = fetched(&world.principal, NOW - 10, NOW);
    let key = core::slice::from_ref(world.principal.key.public_key());
    for did in [&world.principal.did, &"did:web:other.example".parse().unwrap()] {
        let document = legation_did::web::document(did, key).to_json().to_string();
        shared.add_document(did, document.as_bytes(), NOW).unwrap();
    }
    let excerpt = shared.excerpt(&parsed);
    assert_eq!(code(check(&presented, &trust, &excerpt)), None);
    assert!(!format!("{excerpt:?}").contains("other.example"));
}

#[test]
fn who_is_trusted_pays_for_itself_and_who_is_not_for_its_root_link() {
    let world = World::new();
    let mut trust = world.trust();
    let (_, parsed) = revocable(&world, &trust);
    let root = &world.principal.did;
    let issuer: legation_did::Did = "did:web:lists.example".parse().unwrap();
    trust.status_issuers.insert(issuer.clone());
    let document = |did: &legation_did::Did| sponsor(&Need::Document(did.clone()), &parsed, &trust);
    let other = sponsor(&Need::StatusList("https://evil.example/status".to_owned()), &parsed, &trust);
    assert!(document(root).trusted && document(&issuer).trusted);
    assert!(!document(&world.agent.did).trusted && !other.trusted);
    assert_eq!(document(&world.agent.did).account, other.account);
    assert_ne!(document(root).account, document(&issuer).account);
    let mut again = world.root();
    again["validUntil"] = legation_keys::time::format(NOW + 3599).into();
    let again = present(&[&world.root_link(&again)], &world.agent);
    let again = parse(again.as_bytes(), &trust).unwrap();
    let of_another_link = sponsor(&Need::Document(world.agent.did.clone()), &again, &trust);
    assert_ne!(of_another_link.account, other.account);
    // A root's own list is the root's, whichever of its links names it.
    let own = sponsor(&need(), &parsed, &trust);
    assert_eq!((own.account, own.trusted), (document(root).account, true));
}
