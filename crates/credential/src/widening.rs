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
