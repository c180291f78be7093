//! Facts out of a request's body.

use crate::{Facts, RequestError, Value, pattern::shorten};
use legation_keys::json::{self, JsonLimits};

/// Bounds on a body: the bytes are those that a gate lets through by default, the levels more than an
/// order or a tool call has.
pub const BODY_LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };

/// Reads the named members of a JSON object as facts; each fact has its member's name.
///
/// A member that is not there gives no fact, and a limit on it then denies by `missing_fact`. Members
/// that are not named give none either: name each one that the service acts on.
///
/// # Errors
/// [`RequestError::Body`] where the body is no JSON object within [`BODY_LIMITS`], or has a member twice,
/// which two readers would read differently. [`RequestError::Fact`] where a named member is neither a
/// boolean nor a text nor an integer within 2^53 − 1.
///
/// ```
/// use legation_credential::{request::RequestError, body_facts};
/// let facts = body_facts(br#"{"nights":2,"amount":1800,"currency":"USD"}"#, &["amount", "currency"])?;
/// assert_eq!((&facts["amount"], &facts["currency"]), (&1800.into(), &"USD".into()));
/// assert!(matches!(body_facts(b"amount=1800", &["amount"]), Err(RequestError::Body { .. })));
/// # Ok::<(), RequestError>(())
/// ```
pub fn body_facts(body: &[u8], names: &[&str]) -> Result<Facts, RequestError> {
    let json =
        json::parse(body, BODY_LIMITS).map_err(|error| RequestError::Body { reason: error.to_string() })?;
    if json.as_object().is_none() {
        return Err(RequestError::Body { reason: format!("{}, expected an object", json.kind()) });
    }
    let fact = |name: &&str| {
        let member = json.get(name)?;
        let value = Value::from_json(member).ok_or_else(|| RequestError::Fact {
            name: shorten(name),
            found: member.kind().to_owned(),
            expected: "a boolean, a text of at most 4096 bytes, or an integer of at most 2^53-1",
        });
        Some(value.map(|value| ((*name).to_owned(), value)))
    };
    names.iter().filter_map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_readers_would_read_differently_gives_no_facts() {
        let read = |body: &str| body_facts(body.as_bytes(), &["amount"]);
        for body in [
            "",
            "null",
            "[1]",
            "7",
            "amount=1",
            r#"{"amount":1"#,
            r#"{"amount":1,"amount":2}"#,
            r#"{"amount":1,"\u0061mount":2}"#,
            r#"{"x":{"y":1,"y":2}}"#,
            "{\"amount\":1}\u{0}",
            "\u{feff}{\"amount\":1}",
        ] {
            assert!(matches!(read(body), Err(RequestError::Body { .. })), "{body}");
        }
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert!(matches!(read(&format!(r#"{{"x":{deep}}}"#)), Err(RequestError::Body { .. })));
        let long = " ".repeat(BODY_LIMITS.bytes);
        assert!(matches!(read(&format!("{{}}{long}")), Err(RequestError::Body { .. })));
        for value in ["null", "1.5", "1e3000", "9007199254740992", "{}", "[1]", "-9007199254740992"] {
            let refused = read(&format!(r#"{{"amount":{value}}}"#));
            assert!(refused.is_err(), "{value}: {refused:?}");
        }
        assert_eq!(read(r#"{"Amount":1,"total":2}"#), Ok(Facts::new()), "a name is exact");
        assert_eq!(read(r#"{"amount":-1}"#), Ok(Facts::from([("amount".into(), (-1).into())])));
    }
}
