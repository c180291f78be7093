//! Constraints as the wire writes them, to limits. [`crate::Authority`] reads and writes them.

mod writing;

pub(crate) use writing::write;

use crate::{
    amount::MAX_AMOUNT,
    error::{CredentialError, integer, list, malformed, members, text},
    limit::{Approvers, Bound, LimitKey, LimitKind, MAX_APPROVERS, Operator, same_type, steps_out},
    pattern::{Pattern, normalize},
    request::{MAX_NAME, MAX_TEXT, Value},
    window::Window,
};
use legation_did::{Did, DidError, one_spelling};
use legation_keys::json::{Json, Object};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// Most values in one constraint, and most actions that one names.
const MAX_VALUES: usize = 256;
/// Longest window: ten years, in seconds. A ledger keeps what fell into a window for as long.
const MAX_WINDOW: i64 = 315_576_000;

/// The types of constraints that are known.
pub(crate) const TYPES: [&str; 6] = ["spend", "total", "rate", "audience", "argument", "approval"];

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
        "total" => total(object, &mut add),
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
    limits_something(object)?;
    add(LimitKind::SpendCurrency, one_of([code.as_str().into()]))?;
    if object.get("perAction").is_some() {
        let most = Bound::Most(amount(object, "perAction")?);
        add(LimitKind::SpendPerAction { currency: code.clone() }, most)?;
    }
    if let Some(window) = object.get("window") {
        let window = window.as_object().ok_or_else(|| malformed("window", "an object", window))?;
        members(window, "window", &["seconds", "calendar", "offset", "amount"])?;
        let kind = LimitKind::SpendWindow { currency: code, window: read_window(window)? };
        add(kind, Bound::Most(amount(window, "amount")?))?;
    }
    Ok(())
}

fn total(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(object, "constraint", &["type", "fact", "perAction", "window", "actions"])?;
    let fact = name(object, "fact")?;
    limits_something(object)?;
    if object.get("perAction").is_some() {
        add(LimitKind::TotalPerAction { fact: fact.clone() }, Bound::Most(count(object, "perAction")?))?;
    }
    if let Some(window) = object.get("window") {
        let window = window.as_object().ok_or_else(|| malformed("window", "an object", window))?;
        members(window, "window", &["seconds", "calendar", "offset", "sum"])?;
        let kind = LimitKind::TotalWindow { fact, window: read_window(window)? };
        add(kind, Bound::Most(count(window, "sum")?))?;
    }
    Ok(())
}

/// A spend or a total limits an action, a window, or both.
fn limits_something(object: &Object<'_>) -> Result<(), CredentialError> {
    if object.get("perAction").is_some() || object.get("window").is_some() {
        return Ok(());
    }
    Err(CredentialError::Malformed {
        member: "perAction".to_owned(),
        expected: "`perAction` or `window`",
        found: "neither".to_owned(),
    })
}

fn rate(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(object, "constraint", &["type", "seconds", "calendar", "offset", "max", "actions"])?;
    add(LimitKind::Rate { window: read_window(object)? }, Bound::Most(count(object, "max")?))
}

fn audience(object: &Object<'_>, add: &mut Add<'_>) -> Result<(), CredentialError> {
    members(object, "constraint", &["type", "allow", "actions"])?;
    let allow: Result<BTreeSet<Value>, _> = list(object, "allow", MAX_VALUES)?
        .iter()
        .map(|entry| match Value::from_json(entry) {
            // Of a DID there is one spelling, by which audiences are compared.
            Some(Value::Text(text)) => {
                let other = Some(one_spelling(&text)).filter(|known| **known != text).map(Cow::into_owned);
                Ok(Value::Text(other.unwrap_or(text)))
            }
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
    let name = name(object, "name")?;
    let wrong = |expected| CredentialError::Malformed {
        member: "argument".to_owned(),
        expected,
        found: crate::pattern::shorten(&name),
    };
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
                    found: format!(
                        "[{}]",
                        values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
                    ),
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
    let known = ["type", "above", "currency", "approver", "approvers", "threshold", "actions"];
    members(object, "constraint", &known)?;
    let code = currency(object)?;
    let approvers = approvers(object)?;
    add(LimitKind::ApprovalCurrency { approvers: approvers.clone() }, one_of([code.as_str().into()]))?;
    add(LimitKind::Approval { currency: code, approvers }, Bound::Most(amount(object, "above")?))
}

/// One `approver`, or several `approvers` of whom `threshold` have to approve, one where it is left out.
fn approvers(object: &Object<'_>) -> Result<Approvers, CredentialError> {
    let wrong = |member: &str, expected, found: String| CredentialError::Malformed {
        member: member.to_owned(),
        expected,
        found,
    };
    let (alone, several) = (object.get("approver").is_some(), object.get("approvers").is_some());
    if alone == several {
        let found = if alone { "both" } else { "neither" };
        return Err(wrong("approvers", "`approver`, or `approvers`", found.to_owned()));
    }
    let all = if alone {
        core::slice::from_ref(object.get("approver").unwrap_or(&Json::Null))
    } else {
        list(object, "approvers", MAX_APPROVERS)?
    };
    let mut dids = BTreeSet::new();
    for one in all {
        let text = one.as_str().ok_or_else(|| malformed("approver", "a DID", one))?;
        let did: Did =
            text.parse().map_err(|error: DidError| wrong("approver", "a DID", error.to_string()))?;
        if !dids.insert(did) {
            // Of two that are one, a threshold of two would be met by nobody.
            return Err(wrong("approvers", "each DID once", crate::pattern::shorten(text)));
        }
    }
    let threshold = match object.get("threshold") {
        Some(_) if alone => {
            return Err(wrong("threshold", "`approvers` beside it", "one `approver`".to_owned()));
        }
        Some(_) => usize::try_from(integer(object, "threshold")?).unwrap_or(0),
        None => 1,
    };
    let count = dids.len();
    Approvers::new(dids, threshold).ok_or_else(|| {
        wrong("threshold", "from 1 to the number of approvers", format!("{threshold} of {count}"))
    })
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

/// The name of a fact.
fn name(object: &Object<'_>, member: &'static str) -> Result<String, CredentialError> {
    let name = text(object, member)?;
    if (1..=MAX_NAME).contains(&name.len()) {
        return Ok(name.to_owned());
    }
    Err(CredentialError::Malformed {
        member: member.to_owned(),
        expected: "a name of 1 to 128 bytes",
        found: crate::pattern::shorten(name),
    })
}

/// Minor units, of which a total in millionths can't overflow.
fn amount(object: &Object<'_>, member: &'static str) -> Result<i64, CredentialError> {
    match count(object, member)? {
        amount @ ..=MAX_AMOUNT => Ok(amount),
        found => Err(CredentialError::Malformed {
            member: member.to_owned(),
            expected: "at most 9000000000000 minor units",
            found: found.to_string(),
        }),
    }
}

/// An integer that is not negative.
fn count(object: &Object<'_>, member: &'static str) -> Result<i64, CredentialError> {
    match integer(object, member)? {
        count @ 0.. => Ok(count),
        found => Err(CredentialError::Malformed {
            member: member.to_owned(),
            expected: "an integer that is not negative",
            found: found.to_string(),
        }),
    }
}

/// A window: so many `seconds`, or a `calendar` with the `offset` that it is kept at.
fn read_window(object: &Object<'_>) -> Result<Window, CredentialError> {
    let wrong = |member: &str, expected, found: &str| CredentialError::Malformed {
        member: member.to_owned(),
        expected,
        found: crate::pattern::shorten(found),
    };
    if object.get("calendar").is_none() {
        if object.get("offset").is_some() {
            return Err(wrong("offset", "none beside `seconds`: it is of a `calendar`", "one"));
        }
        return Ok(Window::Sliding { seconds: seconds(object)? });
    }
    if object.get("seconds").is_some() {
        return Err(wrong("seconds", "either `seconds` or `calendar`", "both"));
    }
    let period = text(object, "calendar")?;
    let offset = object.get("offset").map(|_| text(object, "offset")).transpose()?;
    let expected = "`day`, `week` or `month`";
    Window::calendar(period, None).ok_or_else(|| wrong("calendar", expected, period))?;
    let expected = "hours and minutes east of UTC, such as `+02:00`, at most 14 hours";
    Window::calendar(period, offset).ok_or_else(|| wrong("offset", expected, offset.unwrap_or_default()))
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
