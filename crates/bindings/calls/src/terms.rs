//! What a delegation is to say: `{"actions"?, "resources"?, "constraints"?, "validFor"?, "maxDepth"?, "account"?, "budget"?}`. `budget` is
//! short for a constraint: `0.50USD` for as long as the delegation lasts, `5USD/day` for each `day`, `week` or `month` in UTC.

use crate::{Failure, input};
use legation_credential::{Authority, Delegation, Pattern, Terms, money};
use legation_keys::{Json, jcs, json::Object};
use serde_json::{Value, json};

const MEMBERS: [&str; 7] =
    ["actions", "resources", "constraints", "validFor", "maxDepth", "account", "budget"];

/// Of the first link of a chain.
pub(crate) fn of_root(subject: &str, terms: &str, now: i64) -> Result<Terms, Failure> {
    let object = input::object("terms", terms, &MEMBERS)?;
    let (actions, resources) = (input::texts(&object, "actions")?, input::texts(&object, "resources")?);
    for (name, all) in [("actions", &actions), ("resources", &resources)] {
        if all.is_empty() {
            return Err(Failure::input(name, "a list of one or more"));
        }
    }
    let grants = [json!({"actions": actions, "resources": resources})];
    let until = now.saturating_add(life(&object)?);
    of(&object, subject, &grants, (now, until))
}

/// Of a further link, within its parent: without `actions` what the parent may.
pub(crate) fn of_child(
    subject: &str,
    terms: &str,
    parent: &Delegation,
    authority: &Authority,
    now: i64,
) -> Result<Terms, Failure> {
    let object = input::object("terms", terms, &MEMBERS)?;
    let (actions, mut resources) = (input::texts(&object, "actions")?, input::texts(&object, "resources")?);
    let pairs = authority.pairs().unwrap_or_default();
    let grants: Vec<Value> = if actions.is_empty() {
        let pair = |(action, resource): &(Pattern, Pattern)| json!({"actions": [action.to_string()], "resources": [resource.to_string()]});
        pairs.iter().map(pair).collect()
    } else {
        if resources.is_empty() {
            resources = pairs.iter().map(|(_, resource)| resource.to_string()).collect();
            resources.dedup();
        }
        vec![json!({"actions": actions, "resources": resources})]
    };
    let from = now.max(parent.terms.valid_from);
    let until = now.saturating_add(life(&object)?).min(parent.terms.valid_until);
    of(&object, subject, &grants, (from, until))
}

fn life(object: &Object<'_>) -> Result<i64, Failure> {
    match input::integer(object, "validFor")?.unwrap_or(3600) {
        life if life > 0 => Ok(life),
        _ => Err(Failure::input("validFor", "a number of seconds above 0")),
    }
}

fn of(
    object: &Object<'_>,
    subject: &str,
    grants: &[Value],
    (from, until): (i64, i64),
) -> Result<Terms, Failure> {
    let given = object.get("constraints").filter(|given| **given != Json::Null);
    let mut constraints = match given {
        None => Vec::new(),
        Some(Json::Array(all)) => all.iter().map(jcs::canonicalize).collect(),
        Some(_) => return Err(Failure::input("constraints", "a list of constraints")),
    };
    if let Some(text) = input::text(object, "budget")? {
        let spend = budget(text, until.saturating_sub(from));
        let expected = "an amount, and perhaps a period: `0.50USD`, `5USD/day`, by `week` or by `month`";
        constraints.push(spend.ok_or_else(|| Failure::input("budget", expected))?.to_string());
    }
    let text = format!(r#"{{"grants":{},"constraints":[{}]}}"#, json!(grants), constraints.join(","));
    let authority = Authority::parse(&text).map_err(|error| Failure::new(error.code(), error))?;
    let depth = input::integer(object, "maxDepth")?.unwrap_or_default();
    Ok(Terms {
        id: None,
        subject: input::did("subject", subject)?,
        valid_from: from,
        valid_until: until,
        max_depth: u32::try_from(depth).map_err(|_| Failure::input("maxDepth", "a number from 0 on"))?,
        account: input::text(object, "account")?.map(str::to_owned),
        authority,
        status: Vec::new(),
    })
}

/// A budget as a constraint, in minor units of its currency (ISO 4217).
fn budget(text: &str, life: i64) -> Option<Value> {
    let (amount, period) =
        text.split_once('/').map_or((text, None), |(amount, period)| (amount, Some(period)));
    let (number, currency) = amount.split_at_checked(amount.find(|one: char| one.is_ascii_alphabetic())?)?;
    let exponent = money::exponent(currency)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let missing = usize::try_from(exponent).ok()?.checked_sub(part.len())?;
    if whole.is_empty() || !digits(whole) || !digits(part) || number.ends_with('.') {
        return None;
    }
    let amount: i64 = format!("{whole}{part}{}", "0".repeat(missing)).parse().ok()?;
    let window = match period {
        None => json!({"amount": amount, "seconds": life}),
        Some("day" | "week" | "month") => json!({"amount": amount, "calendar": period}),
        Some(_) => return None,
    };
    Some(json!({"type": "spend", "currency": currency, "window": window}))
}

#[cfg(test)]
mod tests {
    use super::budget;

    #[test]
    fn a_budget_is_read_exactly_or_not_at_all() {
        for (text, amount) in
            [("0.50USD", 50), ("5USD", 500), ("5.5USD", 550), ("12JPY", 12), ("1.234BHD", 1234), ("0USD", 0)]
        {
            let read = budget(text, 60).unwrap();
            assert_eq!(
                (&read["window"]["amount"], &read["window"]["seconds"]),
                (&amount.into(), &60.into()),
                "{text}"
            );
        }
        assert_eq!(budget("5USD/month", 60).unwrap()["window"]["calendar"], "month");
        let wrong = "USD|5|-5USD|+5USD|5.USD|.5USD|0.505USD|1.5JPY|5usd|5USD/|5USD/year|5 USD|1e3USD|\u{665}USD|5USDX|9223372036854775807USD|";
        for text in wrong.split('|') {
            assert!(budget(text, 60).is_none(), "{text}");
        }
    }
}
