//! Times, and the limits on them.

use crate::world::{LIST, NOW, World, check, code, entry, list, present, presentation};
use legation_credential::presentation::MEDIA_TYPE;
use legation_keys::time;
use legation_verifier::{Code, Evidence};

#[test]
fn a_link_whose_time_ends_before_it_begins_is_not_valid_within_the_skew() {
    let world = World::new();
    for (from, until) in [(NOW, NOW), (NOW + 30, NOW - 30)] {
        let mut claims = world.root();
        claims["validFrom"] = time::format(from).into();
        claims["validUntil"] = time::format(until).into();
        let presented = present(&[&world.root_link(&claims)], &world.agent);
        let mut trust = world.trust();
        trust.max_unrevocable = 0;
        let found = code(check(&presented, &trust, &Evidence::new()));
        assert_eq!(found, Some(Code::Expired), "{from} to {until}: no lifetime, and so no status needed");
    }
}

#[test]
fn no_setting_lets_a_presentation_live_longer_than_five_minutes() {
    let world = World::new();
    let link = world.root_link(&world.root());
    let mut claims = presentation(&[&link], &world.agent);
    claims["exp"] = (NOW + 301).into();
    let presented = world.agent.sign(MEDIA_TYPE, &claims);
    let mut trust = world.trust();
    trust.max_presentation_age = i64::MAX;
    assert_eq!(code(check(&presented, &trust, &Evidence::new())), Some(Code::PresentationStale));
}

#[test]
fn extreme_settings_do_not_overflow() {
    let world = World::new();
    let mut claims = world.root();
    claims["credentialStatus"] = entry("revocation", LIST);
    let presented = present(&[&world.root_link(&claims)], &world.agent);
    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, &list(&world.principal, NOW, false), NOW, 1 << 24);
    for skew in [i64::MIN, -1, i64::MAX] {
        let mut trust = world.trust();
        (trust.clock_skew, trust.max_status_age) = (skew, i64::MAX);
        for now in [i64::MIN, NOW, i64::MAX] {
            let parsed = legation_verifier::parse(presented.as_bytes(), &trust).unwrap();
            let _ = legation_verifier::verify(&parsed, &trust, &evidence, "n", now);
        }
    }
}

#[test]
fn a_chain_is_valid_until_the_first_of_its_links_or_its_presentation_ends() {
    let world = World::new();
    for (link, presented) in [(NOW + 200, NOW + 300), (NOW + 3600, NOW + 300), (NOW + 3600, NOW + 1)] {
        let mut claims = world.root();
        claims["validUntil"] = time::format(link).into();
        let mut claims = presentation(&[&world.root_link(&claims)], &world.agent);
        claims["exp"] = presented.into();
        let presentation = world.agent.sign(MEDIA_TYPE, &claims);
        let chain = check(&presentation, &world.trust(), &Evidence::new()).unwrap();
        assert_eq!(chain.valid_until(), link.min(presented));
    }
}
