//! Reading what a caller gives: strictly and within bounds. A member that is not known is an error, since a misspelt one
//! would silently ask for something else.

use crate::Failure;
use legation_credential::{Facts, Request, Value as Fact};
use legation_did::Did;
use legation_keys::json::{self, Json, JsonLimits, Object};
use legation_verifier::{Code, Denial};

/// Bounds of what is given in one call, evidence and cards aside.
pub(crate) const LIMITS: JsonLimits = JsonLimits { bytes: 256 << 10, depth: 16 };

/// Reads an object with the members that are named.
pub(crate) fn object<'t>(name: &str, text: &'t str, members: &[&str]) -> Result<Object<'t>, Failure> {
    let json = json::parse(text.as_bytes(), LIMITS)
        .map_err(|error| Failure::new(error.code(), format!("`{name}`: {error}")))?;
    let Json::Object(object) = json else { return Err(Failure::input(name, "an object")) };
    check_members(name, &object, members)?;
    Ok(object)
}

pub(crate) fn check_members(name: &str, object: &Object<'_>, members: &[&str]) -> Result<(), Failure> {
    match object.unknown_member(members) {
        None => Ok(()),
        Some(found) => {
            let found: String = found.chars().take(80).collect();
            let known = members.join(", ");
            Err(Failure::new("input", format!("`{name}` has no member `{found}`; there are {known}")))
        }
    }
}

pub(crate) fn text<'o>(object: &'o Object<'_>, name: &str) -> Result<Option<&'o str>, Failure> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Failure::input(name, "a text")),
    }
}

pub(crate) fn required<'o>(object: &'o Object<'_>, name: &str) -> Result<&'o str, Failure> {
    text(object, name)?.ok_or_else(|| Failure::input(name, "a text"))
}

pub(crate) fn integer(object: &Object<'_>, name: &str) -> Result<Option<i64>, Failure> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Integer(number)) => Ok(Some(*number)),
        Some(_) => Err(Failure::input(name, "an integer")),
    }
}

pub(crate) fn texts(object: &Object<'_>, name: &str) -> Result<Vec<String>, Failure> {
    let wrong = || Failure::input(name, "a list of texts");
    match object.get(name) {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(all)) => {
            all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

pub(crate) fn did(name: &str, text: &str) -> Result<Did, Failure> {
    text.parse().map_err(|error| Failure::new("did_malformed", format!("`{name}`: {error}")))
}

/// What is asked for: `action`, `resource`, `facts`, `approvals`. A request that is not well-formed is denied like any other,
/// and no failure of the call.
pub(crate) struct Asked {
    pub(crate) request: Result<Request, Denial>,
    pub(crate) approvals: Vec<String>,
}

impl Asked {
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let json = match json::parse(text.as_bytes(), LIMITS) {
            Ok(json) => json,
            Err(error) => {
                let denial = Denial::new(Code::Malformed, "a request that can be read", error.to_string());
                return Ok(Self { request: Err(denial), approvals: Vec::new() });
            }
        };
        let Json::Object(object) = json else { return Err(Failure::input("request", "an object")) };
        check_members("request", &object, &["action", "resource", "facts", "approvals"])?;
        let (action, resource) = (required(&object, "action")?, required(&object, "resource")?);
        let request =
            facts(&object)?.and_then(|facts| Request::new(action, resource, facts).map_err(Denial::from));
        Ok(Self { request, approvals: texts(&object, "approvals")? })
    }
}

fn facts(object: &Object<'_>) -> Result<Result<Facts, Denial>, Failure> {
    let mut facts = Facts::new();
    let Some(given) = object.get("facts").filter(|given| **given != Json::Null) else { return Ok(Ok(facts)) };
    let given = given.as_object().ok_or_else(|| Failure::input("facts", "an object"))?;
    for (name, value) in given.iter() {
        match Fact::from_json(value) {
            Some(value) => drop(facts.insert(name.to_owned(), value)),
            None => {
                let expected = "a text, an integer up to 2^53-1, true or false as each fact";
                return Ok(Err(Denial::new(Code::Malformed, expected, format!("`{name}`"))));
            }
        }
    }
    Ok(Ok(facts))
}
