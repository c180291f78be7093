//! What somebody asks to do: an action on a resource, and facts about it.

use crate::{
    amount::{AMOUNT, AMOUNT_MICROS, Amount, MAX_AMOUNT},
    pattern::{PatternError, check_action, shorten},
    resource,
};
use core::fmt;
use legation_keys::{Json, json::MAX_INTEGER};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// Most facts of one request.
pub const MAX_FACTS: usize = 256;
/// Most bytes of a fact's name.
pub const MAX_NAME: usize = 128;
/// Most bytes of a text in a fact or a constraint.
pub const MAX_TEXT: usize = 4096;

/// A value of a fact or of a constraint. Values are compared by type and bytes: the text `5` is
/// not the number 5.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `true` or `false`
    Bool(bool),
    /// An integer of at most 2^53 − 1 either way; amounts are in minor units of their currency.
    Integer(i64),
    /// A text.
    Text(String),
}

impl Value {
    /// Reads a JSON boolean, integer or string; `None` for anything else or too long.
    #[must_use]
    pub fn from_json(json: &Json<'_>) -> Option<Self> {
        match json {
            Json::Bool(value) => Some(Self::Bool(*value)),
            Json::Integer(value) => Some(Self::Integer(*value)),
            Json::String(text) if text.len() <= MAX_TEXT => Some(Self::Text(text.clone().into_owned())),
            _ => None,
        }
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.to_json())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// The fact that nobody's mapping may set: how the agent is known to be there. The verifier gives it from
/// the chain itself, so that a link can demand `{"type":"argument","name":"possession","equals":"signed"}`.
pub const POSSESSION: &str = "possession";

/// How an agent is known to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Possession {
    /// Its key has signed for this moment: a presentation, or the request itself.
    Signed,
    /// The verifier vouches for it: it keeps the agent's key itself, or knows the agent by an API key that
    /// it issued.
    Vouched,
}

impl Possession {
    /// Its name: `signed` or `vouched`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Vouched => "vouched",
        }
    }

    /// The same as the value of the fact [`POSSESSION`].
    pub(crate) fn value(self) -> &'static Value {
        static SIGNED: LazyLock<Value> = LazyLock::new(|| Possession::Signed.name().into());
        static VOUCHED: LazyLock<Value> = LazyLock::new(|| Possession::Vouched.name().into());
        match self {
            Self::Signed => &SIGNED,
            Self::Vouched => &VOUCHED,
        }
    }
}

/// Facts about a request by name, from the verifier's own mapping of it.
///
/// Well-known names: `amount` (integer, minor units, not negative, at most 9·10¹²) or in its place, exactly,
/// `amountMicros` (millionths of a minor unit), `currency` (text, ISO 4217), `channel`, `domain` (lower-case A-label), `purpose`, `query.NAME`; every other name is an
/// argument of the tool that is called, except [`POSSESSION`], which no mapping may set.
pub type Facts = BTreeMap<String, Value>;

/// A request, known to be well-formed. Copies share what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    said: Arc<Said>,
    body: Option<[u8; 32]>,
}

#[derive(Debug, PartialEq, Eq)]
struct Said {
    action: String,
    resource: String,
    facts: Facts,
}

/// Why a request can't be decided on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The action or the resource is not one exact value in normal form.
    #[error("{0}")]
    Pattern(#[from] PatternError),
    /// The action or the resource holds a `*`, which only a pattern may.
    #[error("`{found}` holds a `*`; a request names one action on one resource")]
    Star {
        /// The action or the resource, shortened.
        found: String,
    },
    /// A fact that can't be compared safely.
    #[error("the fact `{name}` is `{found}`; expected {expected}")]
    Fact {
        /// Its name.
        name: String,
        /// Its value, shortened.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two facts that both say the amount: one limit would look at the one, another at the other.
    #[error("`amount` and `amountMicros` both say the amount; give one of them")]
    TwoAmounts,
    /// The body, which the facts should come from, can't be read.
    #[error("the body can't be read: {reason}")]
    Body {
        /// Why not, without what the body says.
        reason: String,
    },
    /// Too many facts.
    #[error("{found} facts, at most {MAX_FACTS} are read")]
    TooManyFacts {
        /// How many there are.
        found: usize,
    },
}

impl Request {
    /// A request for one action on one resource. Put a query string into facts first:
    /// [`split_query`].
    ///
    /// # Errors
    /// [`RequestError`]: a `*` in the action or the resource, a resource that is not in normal
    /// form, a well-known fact of the wrong kind.
    ///
    /// ```
    /// use legation_credential::{Facts, Request};
    /// assert!(Request::new("a2a:skill:book", "https://shop.example/api", Facts::new()).is_ok());
    /// assert!(Request::new("a2a:skill:*", "https://shop.example/api", Facts::new()).is_err());
    /// ```
    pub fn new(action: &str, resource: &str, facts: Facts) -> Result<Self, RequestError> {
        if let Some(found) = [action, resource].into_iter().find(|text| text.contains('*')) {
            return Err(RequestError::Star { found: shorten(found) });
        }
        check_action(action).map_err(|reason| PatternError::Action { found: shorten(action), reason })?;
        resource::check(resource)
            .map_err(|reason| PatternError::Resource { found: shorten(resource), reason })?;
        if facts.len() > MAX_FACTS {
            return Err(RequestError::TooManyFacts { found: facts.len() });
        }
        facts.iter().try_for_each(|(name, value)| check_fact(name, value))?;
        if facts.contains_key(AMOUNT) && facts.contains_key(AMOUNT_MICROS) {
            return Err(RequestError::TwoAmounts);
        }
        let said = Said { action: action.to_owned(), resource: resource.to_owned(), facts };
        Ok(Self { said: Arc::new(said), body: None })
    }

    /// The same request with the SHA-256 of the body that it comes with: an approval is of this body, too.
    #[must_use]
    pub fn with_body(self, sha256: [u8; 32]) -> Self {
        Self { body: Some(sha256), ..self }
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.said.action
    }

    /// The resource.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.said.resource
    }

    /// The SHA-256 of its body, where it was said to have one.
    #[must_use]
    pub fn body(&self) -> Option<&[u8; 32]> {
        self.body.as_ref()
    }

    /// The facts.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.said.facts
    }

    /// The amount of money that it is about, if it says one.
    #[must_use]
    pub fn amount(&self) -> Option<Amount<'_>> {
        Amount::of(&self.said.facts)
    }
}

fn check_fact(name: &str, value: &Value) -> Result<(), RequestError> {
    // What holds of every fact first: a number beyond it would overflow the totals it is added to.
    let expected = match (name, value) {
        _ if name.is_empty() || name.len() > MAX_NAME => Some("a name of 1 to 128 bytes"),
        (_, Value::Integer(value)) if !(-MAX_INTEGER..=MAX_INTEGER).contains(value) => {
            Some("an integer of at most 2^53-1")
        }
        (_, Value::Text(text)) if text.len() > MAX_TEXT => Some("a text of at most 4096 bytes"),
        // A request that could say how it came would forge what a link demands.
        (POSSESSION, _) => Some("no such fact: the verifier itself says whether the agent signed"),
        (AMOUNT, Value::Integer(0..=MAX_AMOUNT)) | (AMOUNT_MICROS, Value::Integer(0..)) => None,
        (AMOUNT, _) => Some("an integer of minor units that is not negative, at most 9000000000000"),
        (AMOUNT_MICROS, _) => Some("an integer of millionths of a minor unit that is not negative"),
        ("currency" | "channel" | "purpose", Value::Text(_)) => None,
        ("currency" | "channel" | "purpose", _) => Some("a text"),
        ("domain", Value::Text(text)) if is_a_label(text) => None,
        ("domain", _) => Some("a domain name in lower-case ASCII"),
        _ => None,
    };
    match expected {
        None => Ok(()),
        Some(expected) => {
            Err(RequestError::Fact { name: shorten(name), found: shorten(&value.to_string()), expected })
        }
    }
}

fn is_a_label(domain: &str) -> bool {
    (1..=253).contains(&domain.len())
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
                })
        })
}

/// Takes the query string off a URL and gives it as facts named `query.NAME`, all of them texts.
/// Names and values are unescaped as `application/x-www-form-urlencoded` (URL §5.1), as the
/// server will: `%61dmin` must not pass where `admin` does not.
///
/// # Errors
/// [`RequestError::Fact`] where one name stands twice, however it is spelled: servers differ in
/// which one they take. The same for escapes that are not UTF-8, and for a plain `;` or `#`,
/// which some servers take for an end.
///
/// ```
/// use legation_credential::request::split_query;
/// let (resource, facts) = split_query("https://shop.example/api?page=2&q=a%20b")?;
/// assert_eq!(resource, "https://shop.example/api");
/// assert_eq!((&facts["query.page"], &facts["query.q"]), (&"2".into(), &"a b".into()));
/// assert!(split_query("https://shop.example/api?a=1&%61=2").is_err());
/// # Ok::<(), legation_credential::request::RequestError>(())
/// ```
pub fn split_query(url: &str) -> Result<(&str, Facts), RequestError> {
    let Some((resource, query)) = url.split_once('?') else { return Ok((url, Facts::new())) };
    let wrong =
        |name: &str, expected| RequestError::Fact { name: shorten(name), found: shorten(query), expected };
    let mut facts = Facts::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (unescape(name), unescape(value)) else {
            return Err(wrong(&format!("query.{name}"), "UTF-8, and `;` and `#` only as `%3B` and `%23`"));
        };
        let name = format!("query.{name}");
        if facts.insert(name.clone(), Value::Text(value)).is_some() {
            return Err(wrong(&name, "one value"));
        }
    }
    Ok((resource, facts))
}

/// A name or a value of a query as its reader sees it.
fn unescape(text: &str) -> Option<String> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            b';' | b'#' => return None,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: Value) -> Result<Request, RequestError> {
        Request::new("a", "https://shop.example/", Facts::from([(name.to_owned(), value)]))
    }

    #[test]
    fn a_fact_that_compares_unsafely_is_refused() {
        assert!(with("amount", Value::Integer(0)).is_ok());
        assert!(with("amount", Value::Integer(-1)).is_err());
        assert!(with("amount", "5".into()).is_err());
        assert!(with("currency", Value::Integer(1)).is_err());
        assert!(with("domain", "shop.example".into()).is_ok());
        for domain in ["Shop.example", "", "shop.example.", "münchen.example", "a b"] {
            assert!(with("domain", domain.into()).is_err(), "{domain}");
        }
        assert!(with("", Value::Bool(true)).is_err());
        assert!(with(&"n".repeat(MAX_NAME), Value::Bool(true)).is_ok());
        assert!(with(&"n".repeat(MAX_NAME + 1), Value::Bool(true)).is_err());
        for (name, most) in [("x", MAX_INTEGER), ("amountMicros", MAX_INTEGER), ("amount", MAX_AMOUNT)] {
            assert!(with(name, Value::Integer(i64::MAX)).is_err(), "{name}");
            assert!(with(name, Value::Integer(most + 1)).is_err(), "{name}");
            assert!(with(name, Value::Integer(most)).is_ok(), "{name}");
        }
        assert!(with("amountMicros", Value::Integer(-1)).is_err());
        assert!(with("amountMicros", "5".into()).is_err());
        for name in ["x", "currency", "channel", "purpose"] {
            assert!(with(name, "y".repeat(MAX_TEXT + 1).as_str().into()).is_err(), "{name}");
            assert!(with(name, "y".repeat(MAX_TEXT).as_str().into()).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_amount_is_said_once_and_kept_exactly() {
        let said = |facts: &[(&str, i64)]| {
            let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), Value::Integer(*value)));
            Request::new("a", "https://shop.example/", facts.collect())
        };
        let micros = |facts: &[(&str, i64)]| said(facts).unwrap().amount().map(|amount| amount.micros);
        assert_eq!(micros(&[("amount", MAX_AMOUNT)]), Some(9_000_000_000_000_000_000));
        assert_eq!(micros(&[("amountMicros", 1)]), Some(1));
        assert_eq!(micros(&[("x", 1)]), None);
        let both = said(&[("amount", 1), ("amountMicros", 1_000_000)]);
        assert_eq!(both.unwrap_err(), RequestError::TwoAmounts, "even where they agree");
    }

    #[test]
    fn a_query_that_two_servers_read_differently_is_refused() {
        for query in [
            "a=1&a=2",
            "a=1&%61=2",
            "a+b=1&a%20b=2",
            "a&a",
            "a=1;a=2",
            "a=1#",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=%ff",
            "a=%c0%ae",
            "%ff=1",
        ] {
            assert!(split_query(&format!("https://shop.example/?{query}")).is_err(), "{query}");
        }
        let (_, facts) = split_query("https://shop.example/?role=%61dmin&x=%3B&&y&z=a=b?c").unwrap();
        let wanted = [("query.role", "admin"), ("query.x", ";"), ("query.y", ""), ("query.z", "a=b?c")];
        assert_eq!(facts, wanted.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect());
    }

    proptest::proptest! {
        #[test]
        fn a_query_is_read_as_the_url_standard_reads_it(query in "[ab&=+%26cé]{0,12}") {
            if let Ok((_, facts)) = split_query(&format!("https://shop.example/?{query}")) {
                let wanted = url::form_urlencoded::parse(query.as_bytes());
                let wanted: Facts =
                    wanted.map(|(name, value)| (format!("query.{name}"), value.as_ref().into())).collect();
                proptest::prop_assert_eq!(facts, wanted);
            }
        }
    }

    #[test]
    fn a_request_holding_a_star_or_a_query_is_malformed() {
        assert!(Request::new("a:*", "https://shop.example/", Facts::new()).is_err());
        assert!(Request::new("a", "https://shop.example/*", Facts::new()).is_err());
        assert!(Request::new("a", "https://shop.example/?x=1", Facts::new()).is_err());
    }
}
