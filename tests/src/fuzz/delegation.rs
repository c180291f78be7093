//! Delegations and authorities: what is written is read, and narrowing gives the meet or a refusal.

use super::choices::parts;
use legation_credential::{Authority, Delegation, Facts, Pattern, Request, extend};
use legation_keys::json::{self, JsonLimits};

/// The first part of a text as the claims of a link; the parts as authorities, each narrowed by the next.
pub fn delegation(data: &[u8]) {
    let Some(all) = parts(data) else { return };
    claims(all[0]);
    pattern(all[0]);
    let authorities: Vec<Authority> = all.iter().take(4).filter_map(|text| authority(text)).collect();
    for one in &authorities {
        order(one, &authorities);
    }
    let mut effective = Authority::everything();
    for next in &authorities {
        match extend(effective.clone(), next) {
            Ok(narrowed) => {
                meet(&effective, next, &narrowed);
                effective = narrowed;
            }
            Err(refusal) => {
                assert!(!next.is_within(&effective), "{next:?} is within, yet: {refusal}");
                assert!(!refusal.fits().is_empty() && refusal.code().ends_with("_widened"));
            }
        }
    }
}

fn claims(text: &str) {
    let limits = JsonLimits { bytes: 1 << 16, depth: 16 };
    let Ok(json) = json::parse(text.as_bytes(), limits) else { return };
    let Ok(delegation) = Delegation::from_claims(&json) else { return };
    let written = delegation.to_json().to_string();
    let (from, until) = (delegation.terms.valid_from, delegation.terms.valid_until);
    // A claim `nbf` or `exp` may say a moment that no text of a time can.
    if [from, until].iter().any(|moment| !(-62_167_219_200..=253_402_300_799).contains(moment)) {
        return;
    }
    // What was read in few grants may be longer when it is written out pair by pair.
    let json = json::parse(written.as_bytes(), JsonLimits { bytes: 1 << 24, depth: 16 }).unwrap();
    let again = Delegation::from_claims(&json).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(again, delegation, "{written}");
    assert_eq!(again.to_json().to_string(), written);
}

fn authority(text: &str) -> Option<Authority> {
    let authority = Authority::parse(text).ok()?;
    let written = authority.to_json().to_string();
    let json = json::parse(written.as_bytes(), JsonLimits { bytes: 1 << 24, depth: 16 }).unwrap();
    let again = Authority::from_members(json.as_object().unwrap());
    let again = again.unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(again, authority, "{written} is another authority than {text}");
    Some(authority)
}

/// A partial order: reflexive, antisymmetric, transitive, with everything at its top.
fn order(one: &Authority, all: &[Authority]) {
    assert!(one.is_within(one) && one.is_within(&Authority::everything()));
    assert!(!Authority::everything().is_within(one));
    assert_eq!(
        extend(Authority::everything(), one).map(|same| same == *one || same.is_within(one)),
        Ok(true)
    );
    for other in all {
        if one.is_within(other) && other.is_within(one) {
            assert_eq!(same_meaning(one), same_meaning(other), "each is within the other");
        }
        for third in all {
            let chain = one.is_within(other) && other.is_within(third);
            assert!(!chain || one.is_within(third), "the order is not transitive");
        }
    }
}

/// The form that `extend` leaves, without what limits nothing.
fn same_meaning(one: &Authority) -> Authority {
    extend(Authority::everything(), one).unwrap()
}

/// `narrowed` is what `effective` and `link` both permit.
fn meet(effective: &Authority, link: &Authority, narrowed: &Authority) {
    assert!(narrowed.is_within(effective) && narrowed.is_within(link), "{narrowed:?} is wider");
    assert_eq!(extend(narrowed.clone(), link).as_ref(), Ok(narrowed), "narrowing again changes it");
    for request in requests(effective).chain(requests(link)) {
        for audience in ["did:web:shop.example", "x"] {
            let both =
                effective.permits(&request, audience).is_ok() && link.permits(&request, audience).is_ok();
            let permitted = narrowed.permits(&request, audience).is_ok();
            assert_eq!(permitted, both, "{request:?} by {narrowed:?}");
        }
    }
}

/// Requests near what an authority grants: each of its patterns, its star filled in.
fn requests(authority: &Authority) -> impl Iterator<Item = Request> {
    let json = authority.to_json();
    let mut all = Vec::new();
    for grant in json["grants"].as_array().into_iter().flatten().take(4) {
        for action in grant["actions"].as_array().into_iter().flatten().take(4) {
            for resource in grant["resources"].as_array().into_iter().flatten().take(4) {
                let filled = |text: &serde_json::Value| text.as_str().unwrap().replace('*', "x");
                let (action, resource) = (filled(action), filled(resource));
                for facts in facts(&json) {
                    all.extend(Request::new(&action, &resource, facts));
                }
            }
        }
    }
    all.into_iter()
}

/// Facts near what the constraints name.
fn facts(json: &serde_json::Value) -> Vec<Facts> {
    let mut some = Facts::new();
    for constraint in json["constraints"].as_array().into_iter().flatten().take(8) {
        let text = |name: &str| constraint[name].as_str().map(str::to_owned);
        if let Some(currency) = text("currency") {
            some.insert("currency".to_owned(), currency.as_str().into());
            let most = constraint["perAction"].as_i64().or(constraint["above"].as_i64()).unwrap_or(7);
            some.insert("amount".to_owned(), legation_credential::Value::Integer(most));
        }
        let Some(name) = text("name") else { continue };
        let value = [&constraint["equals"], &constraint["oneOf"][0], &constraint["rank"], &constraint["max"]]
            .into_iter()
            .chain([&constraint["min"], &constraint["prefix"]])
            .find(|value| !value.is_null());
        let value = value.map_or_else(|| "x".to_owned(), serde_json::Value::to_string);
        let value = json::parse(value.as_bytes(), JsonLimits { bytes: 1 << 14, depth: 2 }).ok();
        let value = value.and_then(|value| legation_credential::Value::from_json(&value));
        some.insert(name, value.unwrap_or_else(|| "x".into()));
    }
    let mut more = some.clone();
    if let Some(legation_credential::Value::Integer(amount)) = more.get_mut("amount") {
        *amount = amount.saturating_add(1).min(legation_credential::amount::MAX_AMOUNT);
    }
    vec![some, more, Facts::new()]
}

/// A pattern prints as it was read, and means what starts with its stem and goes on.
fn pattern(text: &str) {
    for pattern in [Pattern::action(text), Pattern::resource(text)].into_iter().flatten() {
        assert_eq!(pattern.to_string(), text);
        assert!(pattern.covers(&pattern));
        let stem = text.strip_suffix('*');
        assert!(pattern.matches(stem.map_or_else(|| text.to_owned(), |stem| format!("{stem}x")).as_str()));
        assert!(!pattern.matches(stem.unwrap_or("")), "{text} matches its own stem");
        assert!(!pattern.matches(&format!("x{text}")));
    }
    // A resource is its own serialization for everybody.
    if legation_credential::resource::check(text).is_ok() && !text.contains("xn--") {
        let url = url::Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(url.as_str(), text);
    }
}
