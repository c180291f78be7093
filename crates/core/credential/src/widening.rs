//! By what a link would widen what its issuer holds: all of it, with what of it fits. For whoever
//! explains a refusal; [`crate::extend`] stops at the first.

use crate::{
    Authority, Pattern,
    authority::maximal,
    cover::{Pair, covers},
    limit::Limit,
};

/// All by which a link is wider than what is effective before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Widening {
    /// The pairs that are not held, in order.
    pub grants: Vec<WidenedGrant>,
    /// For each limit that is looser than the inherited one, the loosest of it that fits.
    pub limits: Vec<Limit>,
}

/// A pair of action and resource that the parent does not hold as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WidenedGrant {
    /// The action.
    pub action: Pattern,
    /// The resource.
    pub resource: Pattern,
    /// The parts of it that are held; none where nothing of it is.
    pub fits: Vec<Pair>,
}

/// By what `link` would widen `effective`; nothing where [`crate::extend`] takes it.
///
/// ```
/// use legation_credential::{Authority, widening::widening};
/// let parent = Authority::parse(r#"{"grants": [{"actions": ["pay.in"], "resources": ["https://a.example/*"]}]}"#)?;
/// let wide = Authority::parse(r#"{"grants": [{"actions": ["pay.*"], "resources": ["https://a.example/x"]}]}"#)?;
/// let found = widening(&parent, &wide);
/// assert_eq!(found.grants[0].fits[0].0.to_string(), "pay.in");
/// assert_eq!(widening(&wide, &wide), Default::default());
/// # Ok::<(), legation_credential::CredentialError>(())
/// ```
#[must_use]
pub fn widening(effective: &Authority, link: &Authority) -> Widening {
    let (held, wanted) = (effective.pairs(), link.pairs().unwrap_or_default());
    let held = held.map_or_else(|| wanted.to_vec(), <[_]>::to_vec);
    let widened = wanted.iter().filter(|pair| !held.iter().any(|parent| covers(parent, pair)));
    let grants = widened.map(|pair| {
        let parts = held.iter().filter_map(|(action, resource)| {
            Some((action.common(&pair.0)?.clone(), resource.common(&pair.1)?.clone()))
        });
        let (action, resource) = pair.clone();
        WidenedGrant { action, resource, fits: maximal(parts.collect()) }
    });
    let limits = link.limits().filter_map(|(key, bound)| {
        let inherited = effective.limits.get(key).filter(|inherited| !bound.is_within(inherited))?;
        Some(Limit { key: key.clone(), bound: bound.within(inherited) })
    });
    Widening { grants: grants.collect(), limits: limits.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{authority::Granted, extend, limit::Bound};
    use proptest::{prelude::*, sample::subsequence};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn authorities() -> impl Strategy<Value = Authority> {
        let pairs = ["a.*", "a.b", "a.c", "d"].into_iter().flat_map(|action| {
            ["https://x.example/*", "https://x.example/p", "https://y.example/*"]
                .map(|resource| json!({"actions": [action], "resources": [resource]}))
        });
        let constraints: Vec<Value> = (1..4)
            .flat_map(|number| {
                let values: Vec<i64> = (number..5).collect();
                [
                    json!({"type": "argument", "name": "n", "max": number}),
                    json!({"type": "argument", "name": "n", "min": number, "actions": ["a.*"]}),
                    json!({"type": "argument", "name": "o", "oneOf": values}),
                    json!({"type": "argument", "name": "o", "notOneOf": values}),
                    json!({"type": "argument", "name": "p", "prefix": "/x".repeat(values.len())}),
                    json!({"type": "spend", "currency": "USD", "perAction": number}),
                    json!({"type": "spend", "currency": "EUR", "window": {"seconds": 60, "amount": number}}),
                    json!({"type": "argument", "name": "r", "rank": number, "order": [3, 1, 2]}),
                ]
            })
            .collect();
        (subsequence(pairs.collect::<Vec<_>>(), 0..=6), subsequence(constraints, 0..=4)).prop_filter_map(
            "two constraints about one thing",
            |(grants, constraints)| {
                Authority::parse(&json!({"grants": grants, "constraints": constraints}).to_string()).ok()
            },
        )
    }

    #[test]
    fn what_fits_is_what_both_let_pass_where_that_is_something() {
        let limited = |operator: &str, values: &Value| {
            let constraint = json!({"type": "argument", "name": "n", operator: values});
            Authority::parse(&json!({"grants": [], "constraints": [constraint]}).to_string()).unwrap()
        };
        for (operator, held, wanted, fits) in [
            ("oneOf", json!([1, 2, 3]), json!([2, 3, 4]), json!([2, 3])),
            ("oneOf", json!([1, 2]), json!([3]), json!([1, 2])),
            ("notOneOf", json!([1, 2]), json!([2, 3]), json!([1, 2, 3])),
            ("max", json!(5), json!(6), json!(5)),
        ] {
            let found = widening(&limited(operator, &held), &limited(operator, &wanted)).limits;
            let bounds: Vec<&Bound> = found.iter().map(|limit| &limit.bound).collect();
            let expected = limited(operator, &fits);
            assert_eq!(bounds, expected.limits.values().collect::<Vec<_>>(), "{operator} {wanted} in {held}");
        }
        let granted = |actions: &Value, resource: &str| {
            let grants = json!([{"actions": actions, "resources": [resource]}]);
            Authority::parse(&json!({"grants": grants}).to_string()).unwrap()
        };
        let held = granted(&json!(["pay.in", "pay.out", "go"]), "https://x.example/*");
        let found = widening(&held, &granted(&json!(["pay.*"]), "https://x.example/p/*")).grants;
        let fits: Vec<String> =
            found[0].fits.iter().map(|(action, resource)| format!("{action} {resource}")).collect();
        assert_eq!(fits, ["pay.in https://x.example/p/*", "pay.out https://x.example/p/*"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_where_extend_takes_it_and_what_fits_is_taken(
            parent in authorities(),
            link in authorities(),
        ) {
            let found = widening(&parent, &link);
            prop_assert_eq!(found == Widening::default(), extend(parent.clone(), &link).is_ok());

            let widened = |pair: &&(Pattern, Pattern)| {
                found.grants.iter().any(|one| (&one.action, &one.resource) == (&pair.0, &pair.1))
            };
            let kept = link.pairs().unwrap().iter().filter(|pair| !widened(pair)).cloned();
            let fits = found.grants.iter().flat_map(|one| one.fits.iter().cloned());
            let mut narrowed = link.clone();
            narrowed.granted = Granted::Pairs(maximal(kept.chain(fits).collect()).into());
            for limit in &found.limits {
                Arc::make_mut(&mut narrowed.limits).insert(limit.key.clone(), limit.bound.clone());
            }
            prop_assert!(extend(parent, &narrowed).is_ok(), "{:?}", narrowed);
        }
    }
}
