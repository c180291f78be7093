//! Constraints as the wire writes them, to and from limits. [`crate::Authority`] reads and writes them.

use crate::{
    error::{CredentialError, integer, list, malformed, members, text},
    limit::{Bound, LimitKey, LimitKind, Operator, same_type, steps_out},
    pattern::{Pattern, normalize},
    request::{MAX_NAME, MAX_TEXT, Value},
};
use legation_did::Did;
use legation_keys::json::{Json, Object};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Most values in one constraint, and most actions that one names.
const MAX_VALUES: usize = 256;
/// Longest window: ten years, in seconds. A ledger keeps what fell into a window for as long.
const MAX_WINDOW: i64 = 315_576_000;

/// Limits by key.
pub(crate) type Limits = BTreeMap<LimitKey, Bound>;

/// Reads one constraint into limits.
///
/// Several constraints of one delegation are a conjunction; two of them about the same thing
/// would leave open which was meant, and are refused.
pub(crate) fn read(json: &Json<'_>, limits: &mut Limits) -> Result<(), CredentialError> {
    let object = json.as_object().ok_or_else(|| malformed("constraints", "an array of objects", json))?;
    let actions = match object.get("actions") {
        None => None,
        Some(_) => Some(actions(object)?),
    };
    let mut add = |kind: LimitKind, bound: Bound| {
        let key = LimitKey { kind, actions: actions.clone() };
        let list = match (limits.get_mut(&key), &bound) {
            (None, _) => None,
            // Each currency has a constraint of its own; the list of them grows with each.
            (Some(Bound::OneOf(all)), Bound::OneOf(more))
                if matches!(key.kind, LimitKind::SpendCurrency | LimitKind::ApprovalCurrency { .. }) =>
            {
                all.extend(more.iter().cloned());
                Some(())
            }
            (Some(_), _) => return Err(malformed("constraints", "one constraint for one thing", json)),
        };
        if list.is_none() {
            limits.insert(key, bound);
        }
        Ok(())
    };
    match text(object, "type")? {
        "spend" => spend(object, &mut add),
        "rate" => rate(object, &mut add),
        "audience" => audience(object, &mut add),
        "argument" => argument(object, &mut add),
        "approval" => approval(object, &mut add),
        other => Err(CredentialError::UnknownConstraint { found: crate::pattern::shorten(other) }),
    }
}

/// The actions that a constraint binds. It must name one: a constraint that binds nothing looks
/// like a limit and is none.
fn actions(object: &Object<'_>) -> Result<Vec<Pattern>, CredentialError> {
    let mut patterns = Vec::new();
    for entry in list(object, "actions", MAX_VALUES)? {
        let text = entry.as_str().ok_or_else(|| malformed("actions", "an array of texts", entry))?;
        patterns.push(Pattern::action(text)?);
    }
    if patterns.is_empty() {
        return Err(CredentialError::Malformed {
            member: "actions".to_owned(),
            expected: "at least one action; leave it out to bind all",
            found: "none".to_owned(),
        });
    }
    Ok(normalize(patterns))
}

type Add<'f> = dyn FnMut(LimitKind, Bound) -> Result<(), CredentialError> + 'f;

fn spend(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(object, "constraint", &["type", "currency", "perAction", "window", "actions"])?;
    let code = currency(object)?;
    if object.get("perAction").is_none() && object.get("window").is_none() {
        return Err(CredentialError::Malformed {
            member: "perAction".to_owned(),
            expected: "`perAction` or `window` in a spend",
            found: "neither".to_owned(),
        });
    }
    add(LimitKind::SpendCurrency, one_of([code.as_str().into()]))?;
    if object.get("perAction").is_some() {
        let most = Bound::Most(amount(object, "perAction")?);
        add(LimitKind::SpendPerAction { currency: code.clone() }, most)?;
    }
    if let Some(window) = object.get("window") {
        let window = window.as_object().ok_or_else(|| malformed("window", "an object", window))?;
        members(window, "window", &["seconds", "amount"])?;
        let kind = LimitKind::SpendWindow { currency: code, seconds: seconds(window)? };
        add(kind, Bound::Most(amount(window, "amount")?))?;
    }
    Ok(())
}

fn rate(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(object, "constraint", &["type", "seconds", "max", "actions"])?;
    add(LimitKind::Rate { seconds: seconds(object)? }, Bound::Most(amount(object, "max")?))
}

fn audience(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(object, "constraint", &["type", "allow", "actions"])?;
    let allow: Result<BTreeSet<Value>, _> = list(object, "allow", MAX_VALUES)?
        .iter()
        .map(|entry| match Value::from_json(entry) {
            Some(Value::Text(text)) => Ok(Value::Text(text)),
            _ => Err(malformed("allow", "an array of texts", entry)),
        })
        .collect();
    add(LimitKind::Audience, Bound::OneOf(allow?))
}

fn argument(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(
        object,
        "constraint",
        &["type", "name", "actions", "equals", "oneOf", "notOneOf", "prefix", "min", "max", "rank", "order"],
    )?;
    let name = text(object, "name")?.to_owned();
    let wrong = |expected| CredentialError::Malformed {
        member: "argument".to_owned(),
        expected,
        found: crate::pattern::shorten(&name),
    };
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(wrong("a name of 1 to 128 bytes"));
    }
    let operators: Vec<Operator> =
        Operator::ALL.into_iter().filter(|operator| object.get(operator.member()).is_some()).collect();
    match (operators.as_slice(), object.get("rank"), object.get("order")) {
        ([operator], None, None) => {
            let bound = operand(object, *operator)?;
            add(LimitKind::Argument { name, operator: *operator }, bound)
        }
        ([], Some(rank), Some(_)) => {
            let order = values(object, "order")?;
            let rank =
                Value::from_json(rank).ok_or_else(|| malformed("rank", "one value of `order`", rank))?;
            let index = order
                .iter()
                .position(|value| *value == rank)
                .ok_or_else(|| wrong("a `rank` that is one of `order`"))?;
            if order.iter().collect::<BTreeSet<_>>().len() != order.len() {
                return Err(wrong("an `order` in which each value stands once"));
            }
            add(LimitKind::Rank { name, order }, Bound::Most(i64::try_from(index).unwrap_or(0)))
        }
        _ => Err(wrong("exactly one of equals, oneOf, notOneOf, prefix, min, max, or rank with its order")),
    }
}

fn operand(object: &Object<'_>, operator: Operator) -> Result<Bound, CredentialError> {
    let member = operator.member();
    match operator {
        Operator::Equals => {
            let value = object.get(member).and_then(Value::from_json);
            let value = value.ok_or_else(|| CredentialError::Malformed {
                member: member.to_owned(),
                expected: "a text, an integer or a boolean",
                found: object.get(member).map_or("nothing", Json::kind).to_owned(),
            })?;
            Ok(one_of([value]))
        }
        Operator::OneOf => Ok(Bound::OneOf(values(object, member)?.into_iter().collect())),
        Operator::NotOneOf => {
            let values = values(object, member)?;
            // Of one type, because a value of any other type must not slip past.
            match values.first() {
                Some(first) if values.iter().all(|value| same_type(first, value)) => {
                    Ok(Bound::NotOneOf(values.into_iter().collect()))
                }
                _ => Err(CredentialError::Malformed {
                    member: member.to_owned(),
                    expected: "at least one value, all of one type",
                    found: format!("{values:?}"),
                }),
            }
        }
        Operator::Prefix => match text(object, member)? {
            prefix if steps_out(prefix) || prefix.len() > MAX_TEXT => Err(CredentialError::Malformed {
                member: member.to_owned(),
                expected: "a text without `..`, `//`, `\\`, `%` and NUL",
                found: crate::pattern::shorten(prefix),
            }),
            prefix => Ok(Bound::Prefix(prefix.to_owned())),
        },
        Operator::Min => Ok(Bound::Least(integer(object, member)?)),
        Operator::Max => Ok(Bound::Most(integer(object, member)?)),
    }
}

fn approval(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(object, "constraint", &["type", "above", "currency", "approver", "actions"])?;
    let code = currency(object)?;
    let approver: Did = text(object, "approver")?.parse().map_err(|error: legation_did::DidError| {
        CredentialError::Malformed {
            member: "approver".to_owned(),
            expected: "a DID",
            found: error.to_string(),
        }
    })?;
    add(LimitKind::ApprovalCurrency { approver: approver.clone() }, one_of([code.as_str().into()]))?;
    add(LimitKind::Approval { currency: code, approver }, Bound::Most(amount(object, "above")?))
}

fn one_of<const N: usize>(values: [Value; N]) -> Bound {
    Bound::OneOf(BTreeSet::from(values))
}

fn values(object: &Object<'_>, member: &'static str) -> Result<Vec<Value>, CredentialError> {
    list(object, member, MAX_VALUES)?
        .iter()
        .map(|entry| {
            Value::from_json(entry)
                .ok_or_else(|| malformed(member, "an array of texts, integers or booleans", entry))
        })
        .collect()
}

fn currency(object: &Object<'_>) -> Result<String, CredentialError> {
    let code = text(object, "currency")?;
    if (3..=16).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    {
        return Ok(code.to_owned());
    }
    Err(CredentialError::Malformed {
        member: "currency".to_owned(),
        expected: "a currency code in capitals, such as `USD`",
        found: crate::pattern::shorten(code),
    })
}

fn amount(object: &Object<'_>, member: &'static str) -> Result<i64, CredentialError> {
    match integer(object, member)? {
        amount @ 0.. => Ok(amount),
        found => Err(CredentialError::Malformed {
            member: member.to_owned(),
            expected: "an integer that is not negative",
            found: found.to_string(),
        }),
    }
}

fn seconds(object: &Object<'_>) -> Result<i64, CredentialError> {
    match integer(object, "seconds")? {
        seconds @ 1..=MAX_WINDOW => Ok(seconds),
        found => Err(CredentialError::Malformed {
            member: "seconds".to_owned(),
            expected: "1 to 315576000 seconds",
            found: found.to_string(),
        }),
    }
}

/// Writes limits as constraints that are read as the same limits again.
pub(crate) fn write(limits: &Limits) -> Vec<serde_json::Value> {
    limits
        .iter()
        .filter_map(|(key, bound)| {
            let mut json = write_one(key, bound, limits)?;
            if let (Some(actions), Some(object)) = (&key.actions, json.as_object_mut()) {
                let actions: Vec<String> = actions.iter().map(Pattern::to_string).collect();
                object.insert("actions".to_owned(), actions.into());
            }
            Some(json)
        })
        .collect()
}

/// One limit as a constraint. A window takes the most per action along where it is the first of
/// its currency; the currency lists are written by the amounts that stand under them.
fn write_one(key: &LimitKey, bound: &Bound, limits: &Limits) -> Option<serde_json::Value> {
    let json = match (&key.kind, bound) {
        (LimitKind::Audience, Bound::OneOf(values)) => json!({"type": "audience", "allow": list_of(values)}),
        (LimitKind::Argument { name, operator }, bound) => {
            let value = match (operator, bound) {
                (Operator::Equals, Bound::OneOf(values)) => values.first()?.to_json(),
                (_, Bound::OneOf(values) | Bound::NotOneOf(values)) => list_of(values),
                (_, Bound::Most(number) | Bound::Least(number)) => (*number).into(),
                (_, Bound::Prefix(prefix)) => prefix.as_str().into(),
            };
            let mut json = json!({"type": "argument", "name": name});
            json.as_object_mut()?.insert(operator.member().to_owned(), value);
            json
        }
        (LimitKind::Rank { name, order }, Bound::Most(index)) => {
            let rank = order.get(usize::try_from(*index).ok()?)?.to_json();
            let order: Vec<_> = order.iter().map(Value::to_json).collect();
            json!({"type": "argument", "name": name, "rank": rank, "order": order})
        }
        (LimitKind::SpendPerAction { currency }, Bound::Most(most)) => {
            let mut json = json!({"type": "spend", "currency": currency, "perAction": most});
            if let Some((seconds, amount)) = first_window(key, currency, limits) {
                json.as_object_mut()?
                    .insert("window".to_owned(), json!({"seconds": seconds, "amount": amount}));
            }
            json
        }
        (LimitKind::SpendWindow { currency, seconds }, Bound::Most(most)) => {
            let per_action = LimitKey {
                kind: LimitKind::SpendPerAction { currency: currency.clone() },
                actions: key.actions.clone(),
            };
            let written = limits.contains_key(&per_action)
                && first_window(key, currency, limits).is_some_and(|(first, _)| first == *seconds);
            if written {
                return None;
            }
            json!({"type": "spend", "currency": currency, "window": {"seconds": seconds, "amount": most}})
        }
        (LimitKind::Rate { seconds }, Bound::Most(most)) => {
            json!({"type": "rate", "seconds": seconds, "max": most})
        }
        (LimitKind::Approval { currency, approver }, Bound::Most(most)) => {
            json!({"type": "approval", "above": most, "currency": currency, "approver": approver.as_str()})
        }
        _ => return None,
    };
    Some(json)
}

fn first_window(key: &LimitKey, wanted: &str, limits: &Limits) -> Option<(i64, i64)> {
    let window = |seconds| LimitKind::SpendWindow { currency: wanted.to_owned(), seconds };
    let first = LimitKey { kind: window(i64::MIN), actions: None };
    let last = LimitKey { kind: window(i64::MAX), actions: key.actions.clone() };
    limits.range(first..=last).find_map(|(other, bound)| match (&other.kind, bound) {
        (LimitKind::SpendWindow { seconds, .. }, Bound::Most(most)) if other.actions == key.actions => {
            Some((*seconds, *most))
        }
        _ => None,
    })
}

fn list_of(values: &BTreeSet<Value>) -> serde_json::Value {
    values.iter().map(Value::to_json).collect::<Vec<_>>().into()
}
