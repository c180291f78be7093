//! What of a chain's authority goes into a token: what is granted at its audience, under the limits that bind it.

use crate::{ISSUE, claims::MAX_NAME};
use legation_credential::{
    Authority, CredentialError, Pattern, extend,
    limit::{Bound, LimitKey, LimitKind},
    request::POSSESSION,
    resource,
};
use serde_json::{Value, json};

/// An action on a resource, as a grant names both.
type Pair = (Pattern, Pattern);

/// What somebody asks a token for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The service that it is for: a URL, or any other URI.
    pub audience: &'a str,
    /// The actions that it is for; all that are granted where there are none.
    pub scope: &'a [Pattern],
    /// The origin of the gateway that takes from the totals of the chain: a token for it may have some.
    pub ledger: &'a str,
    /// Where the audience is a route of that gateway: the URL that it leads to, which grants name.
    pub leads_to: Option<&'a str>,
}

/// What goes into a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// The resource that the audience is, on which `token:issue` has to be granted.
    pub resource: String,
    /// What the agent may do there.
    pub authority: Authority,
    /// Whose ledger takes from its totals; `None` where it has none.
    pub ledger: Option<String>,
    /// Whether a limit asks how its holder is known to be there, so that only the agent's own key may show it.
    pub own_key: bool,
}

/// Why there is no token of a chain for an audience.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NarrowError {
    /// Not a resource.
    #[error(
        "the audience `{found}` is no URI in normal form: {reason}; write it as the service does, such as `https://api.example/`"
    )]
    Audience {
        /// The audience, shortened.
        found: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Nothing is granted there.
    #[error("nothing is granted at `{audience}`, so that a token for it would say nothing")]
    Nothing {
        /// The audience.
        audience: String,
    },
    /// An action that was asked for is not granted there.
    #[error("`{action}` is not granted at `{audience}`; ask for less")]
    Scope {
        /// The action.
        action: String,
        /// The audience.
        audience: String,
    },
    /// A limit on whom the chain may be used with leaves the audience out.
    #[error("the chain may not be used with `{audience}`: {limit}")]
    Refused {
        /// The audience.
        audience: String,
        /// The limit, in words.
        limit: String,
    },
    /// A total can't ride in a token.
    #[error(
        "{limit} is a total, which nobody takes from where a token is shown; ask for actions that it does not bind, or call \
         through the gateway `{ledger}`"
    )]
    Ledger {
        /// The limit, in words.
        limit: String,
        /// The gateway that takes from it.
        ledger: String,
    },
    /// What was written can't be read.
    #[error("{0}")]
    Authority(#[from] CredentialError),
    /// What was made would permit more than the chain, which is a mistake of ours.
    #[error("the token would permit more than the chain; it was not made")]
    Wider,
}

impl NarrowError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Audience { .. } => "audience_invalid",
            Self::Nothing { .. } => "nothing_granted",
            Self::Scope { .. } => "scope_not_granted",
            Self::Refused { .. } => "audience_refused",
            Self::Ledger { .. } => "ledger_needed",
            Self::Authority(error) => error.code(),
            Self::Wider => "token_widened",
        }
    }
}

/// Narrows the effective authority of a chain to what a token for an audience says. What comes out permits nothing that the chain
/// does not.
///
/// # Errors
/// [`NarrowError`], the first rule that is broken.
///
/// ```
/// use legation_credential::Authority;
/// use legation_token::narrow::{Ask, narrow};
/// let chain = Authority::parse(r#"{"grants": [{"actions": ["crm:read", "token:issue"], "resources": ["https://api.example/*", "https://api.example/"]},
///     {"actions": ["crm:write"], "resources": ["https://other.example/*"]}]}"#)?;
/// let ask = Ask { audience: "https://api.example", scope: &[], ledger: "https://acme.example", leads_to: None };
/// let token = narrow(&chain, ask)?;
/// let said = r#"{"grants": [{"actions": ["crm:read"], "resources": ["https://api.example/", "https://api.example/*"]}]}"#;
/// assert_eq!(token.authority, Authority::parse(said)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn narrow(effective: &Authority, ask: Ask<'_>) -> Result<Narrowed, NarrowError> {
    let resource = resource_of(ask.leads_to.unwrap_or(ask.audience))?;
    let all = at(effective.pairs().unwrap_or_default(), &resource)?;
    let pairs = scoped(&all, ask)?;
    if pairs.is_empty() {
        return Err(NarrowError::Nothing { audience: ask.audience.to_owned() });
    }
    let authority = written(effective, &pairs)?;
    check_not_wider(effective, &authority)?;
    let is_own =
        ask.leads_to.is_some() || ask.audience.strip_suffix('/').unwrap_or(ask.audience) == ask.ledger;
    // The gateway is called by the organization's DID, by which the chain has passed already.
    if !is_own {
        check_audience(&authority, ask.audience)?;
    }
    let total = authority.limits().find(|(key, _)| key.kind.window().is_some());
    if let Some((key, bound)) = total.filter(|_| !is_own) {
        return Err(NarrowError::Ledger { limit: key.describe(bound), ledger: ask.ledger.to_owned() });
    }
    let ledger = total.map(|_| ask.ledger.to_owned());
    let own_key = effective.limits().any(|(key, bound)| asks_possession(key, bound));
    Ok(Narrowed { resource, authority, ledger, own_key })
}

/// The resource that an audience is. `https://api.example` is one service with `https://api.example/`, and tokens name it as it
/// calls itself.
///
/// # Errors
/// [`NarrowError::Audience`].
pub fn resource_of(audience: &str) -> Result<String, NarrowError> {
    let wrong = |reason| NarrowError::Audience { found: audience.chars().take(120).collect(), reason };
    if audience.len() > MAX_NAME {
        return Err(wrong("it is longer than 512 bytes"));
    }
    let with_path = format!("{audience}/");
    match resource::check(audience) {
        Ok(_) => Ok(audience.to_owned()),
        Err(reason) if resource::check(&with_path).is_err() => Err(wrong(reason)),
        // Only where the path alone was missing.
        Err(reason) if audience.ends_with('/') || !audience.contains("://") => Err(wrong(reason)),
        Err(_) => Ok(with_path),
    }
}

/// What of the pairs is at a resource and below it.
fn at(pairs: &[Pair], resource: &str) -> Result<Vec<Pair>, NarrowError> {
    let own = Pattern::resource(resource).map_err(CredentialError::from)?;
    let stem = resource.strip_suffix('/').unwrap_or(resource);
    // What has no path, as `urn:isbn:1`, has nothing below it.
    let below = Pattern::resource(&format!("{stem}/*")).ok();
    let mut found = Vec::new();
    for (action, granted) in pairs {
        // A token buys no tokens.
        if action.to_string() == ISSUE {
            continue;
        }
        for area in [Some(&own), below.as_ref()].into_iter().flatten() {
            if let Some(common) = common(granted, area) {
                found.push((action.clone(), common.clone()));
            }
        }
    }
    Ok(found)
}

/// Of two patterns one contains the other, or they have nothing in common.
fn common<'p>(one: &'p Pattern, other: &'p Pattern) -> Option<&'p Pattern> {
    if one.covers(other) {
        return Some(other);
    }
    other.covers(one).then_some(one)
}

/// What of the pairs is of the actions that were asked for, each of which has to be granted.
fn scoped(pairs: &[Pair], ask: Ask<'_>) -> Result<Vec<Pair>, NarrowError> {
    if ask.scope.is_empty() {
        return Ok(pairs.to_vec());
    }
    let mut found = Vec::new();
    let issue = Pattern::action(ISSUE).map_err(CredentialError::from)?;
    for wanted in ask.scope {
        // A token buys no tokens, whatever pattern grants them.
        if common(wanted, &issue).is_some() {
            return Err(NarrowError::Scope { action: wanted.to_string(), audience: ask.audience.to_owned() });
        }
        let granted = pairs.iter().filter(|(action, _)| action.covers(wanted));
        let before = found.len();
        found.extend(granted.map(|(_, resource)| (wanted.clone(), resource.clone())));
        if found.len() == before {
            return Err(NarrowError::Scope { action: wanted.to_string(), audience: ask.audience.to_owned() });
        }
    }
    Ok(found)
}

/// The pairs under the constraints of the chain that can bind one of them.
fn written(effective: &Authority, pairs: &[Pair]) -> Result<Authority, NarrowError> {
    let grants: Vec<Value> = pairs
        .iter()
        .map(|(action, resource)| json!({"actions": [action.to_string()], "resources": [resource.to_string()]}))
        .collect();
    let chain = effective.to_json();
    let all = chain.get("constraints").and_then(Value::as_array).cloned().unwrap_or_default();
    let binds = |constraint: &Value| {
        let Some(actions) = constraint.get("actions").and_then(Value::as_array) else { return true };
        let patterns = actions.iter().filter_map(|action| Pattern::action(action.as_str()?).ok());
        let mut patterns = patterns.peekable();
        // What can't be told apart binds.
        patterns.peek().is_none()
            || patterns.any(|pattern| pairs.iter().any(|(action, _)| common(action, &pattern).is_some()))
    };
    let constraints: Vec<Value> = all.into_iter().filter(binds).collect();
    Ok(Authority::parse(&json!({"grants": grants, "constraints": constraints}).to_string())?)
}

/// Holds that an authority permits nothing that the chain does not: its grants are the chain's, and each limit of the chain that
/// can bind one of its actions is there, as tight or tighter.
fn check_not_wider(effective: &Authority, token: &Authority) -> Result<(), NarrowError> {
    extend(effective.clone(), token).map_err(|_| NarrowError::Wider)?;
    let actions: Vec<&Pattern> = token.pairs().unwrap_or_default().iter().map(|(action, _)| action).collect();
    let can_bind = |key: &LimitKey| {
        let of = key.actions.as_ref();
        of.is_none_or(|of| of.iter().any(|one| actions.iter().any(|action| common(one, action).is_some())))
    };
    let is_kept = |(key, bound): (&LimitKey, &Bound)| {
        token.limits().any(|(own, kept)| own == key && kept.is_within(bound))
    };
    let is_narrow = effective.limits().filter(|(key, _)| can_bind(key)).all(is_kept);
    if is_narrow { Ok(()) } else { Err(NarrowError::Wider) }
}

fn check_audience(token: &Authority, audience: &str) -> Result<(), NarrowError> {
    let refuses = |(key, bound): &(&LimitKey, &Bound)| {
        key.kind == LimitKind::Audience && !bound.admits(&audience.into())
    };
    match token.limits().find(refuses) {
        None => Ok(()),
        Some((key, bound)) => {
            Err(NarrowError::Refused { audience: audience.to_owned(), limit: key.describe(bound) })
        }
    }
}

/// Whether a limit lets nobody pass whom somebody vouches for.
fn asks_possession(key: &LimitKey, bound: &Bound) -> bool {
    match &key.kind {
        LimitKind::Argument { name, .. } if name == POSSESSION => !bound.admits(&"vouched".into()),
        LimitKind::Rank { name, order } if name == POSSESSION => {
            let place = order.iter().position(|one| *one == "vouched".into());
            let place = place.and_then(|place| i64::try_from(place).ok());
            !place.is_some_and(|place| matches!(bound, Bound::Most(most) if place <= *most))
        }
        // Of what can't be told nobody passes whom somebody vouches for.
        LimitKind::TotalPerAction { fact } | LimitKind::TotalWindow { fact, .. } => fact == POSSESSION,
        _ => false,
    }
}
