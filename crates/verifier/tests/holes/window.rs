//! Times, and the limits on them.

use crate::world::{NOW, World, check, code, present, presentation};
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
