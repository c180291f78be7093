//! The arguments of a call as facts.

use legation_credential::{Facts, Value, request};
use legation_keys::{
    Json,
    json::{Double, Object},
};

/// What the names of facts begin with that no argument can set: a gate's own.
pub const OWN: [&str; 2] = ["mcp.", "a2a."];

/// Reads the members of an object as facts: booleans, integers and texts under their names, those of objects within as
/// `outer.inner`.
///
/// Arrays, `null`, numbers that are no integers within 2^53 − 1 (`2.0` is one), texts of more than 4096 bytes and names of more than 128 give
/// no fact: no constraint could hold them, so that one on such an argument denies by `missing_fact`.
///
/// # Errors
/// A sentence: two arguments that give facts of one name (`{"a":{"b":1},"a.b":2}`), a name that begins as [`OWN`] do, more
/// facts than a request may have.
pub fn facts(arguments: &Object<'_>) -> Result<Facts, String> {
    let mut facts = Facts::new();
    add_facts(&mut facts, arguments)?;
    Ok(facts)
}

/// The same beside facts that are there already, of which none may have the same name.
///
/// # Errors
/// As [`facts`].
pub fn add_facts(facts: &mut Facts, arguments: &Object<'_>) -> Result<(), String> {
    // Depth is bounded by whoever parsed it.
    let mut open: Vec<(String, &Object<'_>)> = vec![(String::new(), arguments)];
    while let Some((outer, object)) = open.pop() {
        for (name, value) in object.iter() {
            let name = if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") };
            if name.is_empty() || name.len() > request::MAX_NAME {
                continue;
            }
            if let Some(own) = OWN.iter().find(|own| name.starts_with(**own)) {
                return Err(format!(
                    "the argument `{name}`: names that begin with `{own}` are the gateway's own"
                ));
            }
            match value {
                Json::Object(inner) => open.push((name, inner)),
                value => add(facts, name, value)?,
            }
        }
    }
    Ok(())
}

fn add(facts: &mut Facts, name: String, value: &Json<'_>) -> Result<(), String> {
    let value = match value {
        Json::OtherNumber(number) => whole(*number).map(Value::from),
        value => Value::from_json(value),
    };
    let Some(value) = value else { return Ok(()) };
    if facts.len() >= request::MAX_FACTS {
        return Err(format!("more than {} arguments can't be judged", request::MAX_FACTS));
    }
    match facts.insert(name.clone(), value) {
        None => Ok(()),
        Some(_) => Err(format!("two arguments are named `{name}`, one of them within another")),
    }
}

/// The integer that a number is, however it is written: what is a structure of protobuf, as the data of A2A, has `2.0` for 2, and every
/// reader takes both for the same.
fn whole(number: Double) -> Option<i64> {
    let value = number.value();
    // 2^53 − 1: beyond it two integers have one double.
    let is_whole = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_991.0;
    is_whole.then(|| format!("{value:.0}").parse().ok()).flatten()
}
