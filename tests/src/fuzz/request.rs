//! Requests: their form, and that what a child permits its parent permits.

use super::{choices::Choices, model};
use legation_credential::{
    Authority, Facts, Request, extend,
    request::{MAX_FACTS, RequestError, split_query},
};

/// The bytes as a URL with a query; the bytes as decisions that build a chain of authorities and requests.
pub fn request(data: &[u8]) {
    if let Ok(text) = core::str::from_utf8(data) {
        url(text);
    }
    narrowed(&mut Choices::new(data));
}

/// A query is read as the URL standard reads it, and no name twice.
fn url(text: &str) {
    let Ok((resource, facts)) = split_query(text) else { return };
    assert!(!resource.contains('?'));
    if let Some((before, query)) = text.split_once('?') {
        assert_eq!(before, resource);
        let wanted = url::form_urlencoded::parse(query.as_bytes());
        let wanted: Facts =
            wanted.map(|(name, value)| (format!("query.{name}"), value.as_ref().into())).collect();
        assert_eq!(facts, wanted, "{text}");
    }
    let many = facts.len() > MAX_FACTS;
    match Request::new("a:b", resource, facts.clone()) {
        Ok(request) => {
            assert!(!many && request.facts() == &facts && request.resource() == resource);
            let parsed = url::Url::parse(resource);
            assert!(
                resource.contains("xn--") || parsed.is_ok_and(|url| url.as_str() == resource),
                "{resource}"
            );
            assert!(!request.resource().contains('*'));
        }
        Err(RequestError::TooManyFacts { .. }) => assert!(many),
        Err(_) => {}
    }
}

/// Each authority narrowed by the next; whatever the result permits, all of them permit, and the model too.
fn narrowed(choices: &mut Choices<'_>) {
    let first = model::authority(choices, None);
    let mut all = vec![first];
    let mut effective = read(&all[0]);
    for _ in 0..choices.below(4) {
        let next = model::authority(choices, all.last());
        let Ok(result) = extend(effective.clone(), &read(&next)) else {
            // A refusal is never about what is within already.
            assert!(!read(&next).is_within(&effective), "{next}");
            continue;
        };
        effective = result;
        all.push(next);
    }
    for one in &all {
        assert!(effective.is_within(&read(one)), "{effective:?} is wider than {one}");
    }
    for _ in 0..=choices.below(8) {
        let (action, resource, facts) = model::request(choices);
        let request = Request::new(action, resource, model::named(&facts)).unwrap();
        let audience = choices.pick(&model::AUDIENCES);
        let by_each = all.iter().all(|one| model::permits(one, action, resource, &facts, audience));
        let permitted = effective.permits(&request, audience);
        assert_eq!(permitted.is_ok(), by_each, "{request:?} to {audience}: {permitted:?} by {all:?}");
        for one in &all {
            let own = read(one).permits(&request, audience);
            assert_eq!(
                own.is_ok(),
                model::permits(one, action, resource, &facts, audience),
                "{one} {request:?}"
            );
        }
    }
}

fn read(json: &serde_json::Value) -> Authority {
    Authority::parse(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}"))
}
