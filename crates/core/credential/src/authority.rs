//! Authority: what may be done, in a normal form with a partial order.

use crate::{
    constraint::{self, Limits},
    cover::{Pair, count},
    error::{CredentialError, list, malformed, members},
    limit::{Bound, Limit, LimitKey, LimitKind},
    pattern::{Pattern, covered_by, normalize},
    refusal::Refusal,
    request::Value,
};
use legation_keys::json::{self, Json, JsonLimits, Object};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Most (action, resource) pairs of one delegation: what one link makes a verifier sort and compare before it
/// knows whose it is.
pub const MAX_PAIRS: usize = 256;
/// Most grants of one delegation. As many as pairs: the normal form regroups the pairs, and what
/// was read in few grants may be written in as many as one for each pair.
pub const MAX_GRANTS: usize = MAX_PAIRS;
/// Most constraints of one delegation.
pub const MAX_CONSTRAINTS: usize = 128;

/// What may be done: grants narrowed by limits, in normal form. The same authority has one
/// form however it was written, so `==` means that neither permits more than the other.
/// Cloning it is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    pub(crate) granted: Granted,
    pub(crate) limits: Arc<Limits>,
}

/// What is granted before limits narrow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    /// Every action on every resource: the ceiling of a root that is trusted without one.
    Everything,
    /// These pairs of action and resource: sorted, none covered by another.
    Pairs(Arc<[Pair]>),
}

impl Authority {
    /// Everything, without a limit: the top of the order. Only a verifier's trust may say so;
    /// no credential can.
    #[must_use]
    pub fn everything() -> Self {
        Self { granted: Granted::Everything, limits: Arc::default() }
    }

    /// Reads `{"grants": […], "constraints": […]}` from a JSON text.
    ///
    /// # Errors
    /// [`CredentialError`]: every member must be known and in its range.
    ///
    /// ```
    /// use legation_credential::Authority;
    /// let authority = Authority::parse(r#"{
    ///   "grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/api/*"]}],
    ///   "constraints": [{"type": "rate", "seconds": 60, "max": 10}]
    /// }"#)?;
    /// assert_eq!(Authority::parse(&authority.to_json().to_string())?, authority);
    /// assert!(Authority::parse(r#"{"grants": [], "constraints": [{"type": "mood"}]}"#).is_err());
    /// # Ok::<(), legation_credential::CredentialError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let json = json::parse(text.as_bytes(), JsonLimits { bytes: 256 * 1024, depth: 16 })?;
        let object = json.as_object().ok_or_else(|| malformed("authority", "an object", &json))?;
        members(object, "authority", &["grants", "constraints"])?;
        Self::from_members(object)
    }

    /// Reads the members `grants` and `constraints` of an object that may have others.
    ///
    /// # Errors
    /// As [`Authority::parse`].
    pub fn from_members(object: &Object<'_>) -> Result<Self, CredentialError> {
        let mut pairs = Vec::new();
        for grant in list(object, "grants", MAX_GRANTS)? {
            read_grant(grant, &mut pairs)?;
        }
        let mut limits = Limits::new();
        if object.get("constraints").is_some() {
            for one in list(object, "constraints", MAX_CONSTRAINTS)? {
                constraint::read(one, &mut limits)?;
            }
        }
        Ok(Self { granted: Granted::Pairs(maximal(pairs).into()), limits: Arc::new(limits) })
    }

    /// Writes `{"grants": […], "constraints": […]}`. Actions that are granted on the same
    /// resources share a grant. [`Authority::everything`] has `"grants": "everything"`, which
    /// is never read.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let grants = match &self.granted {
            Granted::Everything => "everything".into(),
            Granted::Pairs(pairs) => write_grants(pairs),
        };
        json!({"grants": grants, "constraints": constraint::write(&self.limits)})
    }

    /// Whether this authority permits nothing that `other` does not: the partial order on normal
    /// forms.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let granted = match (&self.granted, &other.granted) {
            (_, Granted::Everything) => true,
            (Granted::Everything, Granted::Pairs(_)) => false,
            (Granted::Pairs(pairs), Granted::Pairs(others)) => !count(others, pairs).contains(&0),
        };
        granted
            && other.limits.iter().all(|(key, bound)| match self.limits.get(key) {
                Some(own) => own.is_within(bound),
                // An amount limit of a currency that may not be spent at all limits nothing.
                None => is_idle(key, &self.limits),
            })
    }

    /// The pairs of action and resource that are granted, none covered by another; `None` where
    /// everything is.
    #[must_use]
    pub fn pairs(&self) -> Option<&[Pair]> {
        match &self.granted {
            Granted::Everything => None,
            Granted::Pairs(pairs) => Some(pairs),
        }
    }

    /// All limits, in the order of their keys.
    pub fn limits(&self) -> impl Iterator<Item = (&LimitKey, &Bound)> {
        self.limits.iter()
    }

    /// The limits that bind a request for an action, in the order of their keys.
    pub fn limits_on<'a>(&'a self, action: &'a str) -> impl Iterator<Item = (&'a LimitKey, &'a Bound)> {
        self.limits.iter().filter(move |(key, _)| key.binds(action))
    }

    /// Whether the limits that bind every request admit this verifier; otherwise the limit
    /// that does not.
    #[must_use]
    pub fn audience_refused(&self, audience: &str) -> Option<String> {
        let key = LimitKey { kind: LimitKind::Audience, actions: None };
        let bound = self.limits.get(&key)?;
        (!bound.admits(&audience.into())).then(|| key.describe(bound))
    }

    /// Whether sums or counts over time are limited, for which a ledger is needed.
    #[must_use]
    pub fn is_cumulative(&self) -> bool {
        self.limits.keys().any(|key| key.kind.window().is_some())
    }

    /// Whether every request is bound to one single audience.
    #[must_use]
    pub fn has_single_audience(&self) -> bool {
        let key = LimitKey { kind: LimitKind::Audience, actions: None };
        matches!(self.limits.get(&key), Some(Bound::OneOf(values)) if values.len() == 1)
    }
}

/// The next effective authority: `effective` narrowed by what a link grants and limits, or the
/// reason why the link would widen it.
///
/// What the link leaves out stays inherited. The result is the meet of the two: it is within
/// both, and everything within both is within it.
///
/// # Errors
/// [`Refusal::ActionWidened`], [`Refusal::ResourceWidened`], [`Refusal::ConstraintWidened`], the
/// first in this order; each says what would fit.
///
/// ```
/// use legation_credential::{Authority, extend};
/// let parent = Authority::parse(r#"{"grants": [{"actions": ["pay.*"], "resources": ["https://a.example/*"]}]}"#)?;
/// let narrow = Authority::parse(r#"{"grants": [{"actions": ["pay.in"], "resources": ["https://a.example/x"]}]}"#)?;
/// assert_eq!(extend(parent.clone(), &narrow), Ok(narrow.clone()));
/// assert_eq!(extend(narrow, &parent).unwrap_err().code(), "action_widened");
/// # Ok::<(), legation_credential::CredentialError>(())
/// ```
pub fn extend(effective: Authority, link: &Authority) -> Result<Authority, Refusal> {
    check_grants(&effective.granted, &link.granted)?;
    let mut limits = effective.limits;
    let mut idle = Vec::new();
    for (key, bound) in link.limits.iter() {
        match limits.get(key) {
            Some(inherited) if inherited == bound => continue,
            Some(inherited) if !bound.is_within(inherited) => {
                return Err(Refusal::ConstraintWidened {
                    found: Limit::of(key, bound),
                    fits: Limit::of(key, inherited),
                });
            }
            _ => {}
        }
        if let Some(before) = Arc::make_mut(&mut limits).insert(key.clone(), bound.clone()) {
            idle.extend(amounts_left(key, &before, bound, &limits));
        }
    }
    for key in idle {
        Arc::make_mut(&mut limits).remove(&key);
    }
    Ok(Authority { granted: link.granted.clone(), limits })
}

/// Where a currency list became shorter, the limits on amounts of the currencies that fell off it: they
/// limit nothing any more.
fn amounts_left(list: &LimitKey, before: &Bound, now: &Bound, limits: &Limits) -> Vec<LimitKey> {
    let (Bound::OneOf(before), Bound::OneOf(now)) = (before, now) else { return Vec::new() };
    let gone = before.difference(now).filter_map(|one| match one {
        Value::Text(currency) => Some(currency),
        _ => None,
    });
    gone.flat_map(|currency| list.amounts_of(currency))
        .flat_map(|(first, last)| limits.range(first..=last).map(|(key, _)| key))
        .filter(|key| key.actions == list.actions)
        .cloned()
        .collect()
}

/// Whether a limit is on amounts of a currency that the currency list leaves out.
fn is_idle(key: &LimitKey, limits: &Limits) -> bool {
    let Some((list, currency)) = key.currency_list() else { return false };
    matches!(limits.get(&list), Some(Bound::OneOf(listed)) if !listed.contains(&currency.into()))
}

fn check_grants(effective: &Granted, link: &Granted) -> Result<(), Refusal> {
    let Granted::Pairs(inherited) = effective else { return Ok(()) };
    let Granted::Pairs(pairs) = link else {
        let held = normalize(inherited.iter().map(|(action, _)| action.clone()).collect());
        return Err(Refusal::ActionWidened { found: "everything".to_owned(), fits: texts(&held) });
    };
    let covered = count(inherited, pairs);
    let mut widened = pairs.iter().zip(covered).filter(|(_, covered)| *covered == 0).map(|(pair, _)| pair);
    let Some(first) = widened.next() else { return Ok(()) };
    // An action that is not held at all is told before a resource, whichever pair comes first.
    let held = normalize(inherited.iter().map(|(action, _)| action.clone()).collect());
    let is_held = |action: &Pattern| covered_by(&held, action);
    if let Some((action, _)) = core::iter::once(first).chain(widened).find(|(action, _)| !is_held(action)) {
        return Err(Refusal::ActionWidened { found: action.to_string(), fits: texts(&held) });
    }
    let (action, resource) = first;
    let fits = inherited.iter().filter(|(parent, _)| parent.covers(action));
    Err(Refusal::ResourceWidened {
        found: resource.to_string(),
        action: action.to_string(),
        fits: fits.map(|(_, resource)| resource.to_string()).collect(),
    })
}

fn texts(patterns: &[Pattern]) -> Vec<String> {
    patterns.iter().map(Pattern::to_string).collect()
}

fn read_grant(grant: &Json<'_>, pairs: &mut Vec<Pair>) -> Result<(), CredentialError> {
    let object = grant.as_object().ok_or_else(|| malformed("grants", "an array of objects", grant))?;
    members(object, "grant", &["actions", "resources"])?;
    let read = |member: &'static str| -> Result<Vec<Pattern>, CredentialError> {
        list(object, member, MAX_PAIRS)?
            .iter()
            .map(|entry| {
                let text = entry.as_str().ok_or_else(|| malformed(member, "an array of texts", entry))?;
                Ok(if member == "actions" { Pattern::action(text)? } else { Pattern::resource(text)? })
            })
            .collect()
    };
    let (actions, resources) = (read("actions")?, read("resources")?);
    if pairs.len() + actions.len() * resources.len() > MAX_PAIRS {
        return Err(CredentialError::Malformed {
            member: "grants".to_owned(),
            expected: "at most 256 pairs of action and resource",
            found: "more; use patterns, or two delegations".to_owned(),
        });
    }
    for action in &actions {
        pairs.extend(resources.iter().map(|resource| (action.clone(), resource.clone())));
    }
    Ok(())
}

/// The pairs that no other pair covers, sorted.
pub(crate) fn maximal(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_unstable();
    pairs.dedup();
    // Each covers itself.
    let mut covered = count(&pairs, &pairs).into_iter();
    pairs.retain(|_| covered.next() == Some(1));
    pairs
}

fn write_grants(pairs: &[Pair]) -> serde_json::Value {
    let mut resources_of: BTreeMap<&Pattern, Vec<String>> = BTreeMap::new();
    for (action, resource) in pairs {
        resources_of.entry(action).or_default().push(resource.to_string());
    }
    let mut actions_on: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for (action, resources) in resources_of {
        actions_on.entry(resources).or_default().push(action.to_string());
    }
    actions_on
        .into_iter()
        .map(|(resources, actions)| json!({"actions": actions, "resources": resources}))
        .collect::<Vec<_>>()
        .into()
}
