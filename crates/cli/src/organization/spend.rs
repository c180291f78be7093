//! `legation spend`.

use super::{
    place::{ask, items, target, text},
    table::table,
};
use crate::{
    args::{SpendArgs, SpendBy},
    files,
    output::{Failure, Output},
};
use legation_credential::money::money;
use legation_keys::time;
use serde_json::{Value, json};
use std::{cmp::Reverse, collections::BTreeMap};

/// Calls and what they cost, in millionths of a minor unit.
type Sum = (i64, i64);

/// What is added up: what was asked for, in that order, and the currency.
type Line = (Vec<String>, String);

pub(crate) fn run(args: &SpendArgs) -> Result<Output, Failure> {
    let since = files::now().saturating_sub(args.since);
    let since_text = time::format(since);
    let mut query = vec![("since", since_text.as_str())];
    if args.by.contains(&SpendBy::EndUser) {
        query.push(("endUser", "true"));
    }
    let path = target("/v1/spend", &query);
    let json = ask(&args.data, "GET", &path, None)?;
    let lines = add_up(items(&json, "spent"), &args.by);
    let text = if args.csv { csv(&lines, &args.by) } else { for_people(&lines, &args.by, since) };
    let one = |((of, currency), (calls, amount)): &(Line, Sum)| {
        let mut json = json!({
            "currency": currency, "calls": calls, "amountMicros": amount, "amount": money(*amount, currency),
        });
        if let Some(members) = json.as_object_mut() {
            members.extend(
                args.by.iter().zip(of).map(|(by, value)| (by.name().to_owned(), value.as_str().into())),
            );
        }
        json
    };
    let all: Vec<Value> = lines.iter().map(one).collect();
    Ok(Output::done(json!({"since": time::format(since), "spent": all}), text))
}

impl SpendBy {
    /// What it is called where it is told.
    fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Agent => "agent",
            Self::Model => "model",
            Self::EndUser => "endUser",
        }
    }
}

impl SpendBy {
    /// What it is called over a column.
    fn head(self) -> &'static str {
        match self {
            Self::EndUser => "end-user",
            other => other.name(),
        }
    }
}

fn add_up(spent: &[Value], by: &[SpendBy]) -> Vec<(Line, Sum)> {
    let mut sums: BTreeMap<Line, Sum> = BTreeMap::new();
    for one in spent {
        let of = by.iter().map(|by| text(one, by.name()).to_owned()).collect();
        let number = |name: &str| one.get(name).and_then(Value::as_i64).unwrap_or_default();
        let currency = text(one, "currency").to_owned();
        let (calls, amount) = sums.entry((of, currency)).or_default();
        *calls = calls.saturating_add(number("calls"));
        *amount = amount.saturating_add(number("amountMicros"));
    }
    let mut lines: Vec<(Line, Sum)> = sums.into_iter().collect();
    // Amounts of two currencies can't be compared; within one the dearest comes first.
    lines.sort_by_key(|((_, currency), (_, amount))| (currency.clone(), Reverse(*amount)));
    lines
}

fn for_people(lines: &[(Line, Sum)], by: &[SpendBy], since: i64) -> String {
    let since = time::format(since);
    if lines.is_empty() {
        return format!("nothing was spent since {since}");
    }
    let heads: Vec<String> = by.iter().map(|by| by.head().to_uppercase()).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).chain(["CALLS", "AMOUNT"]).collect();
    let row = |((of, currency), (calls, amount)): &(Line, Sum)| {
        let of = of.iter().map(|value| if value.is_empty() { "-".to_owned() } else { value.clone() });
        of.chain([calls.to_string(), money(*amount, currency)]).collect()
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for ((_, currency), (_, amount)) in lines {
        let sum = sums.entry(currency).or_default();
        *sum = sum.saturating_add(*amount);
    }
    let sums: Vec<String> = sums.into_iter().map(|(currency, sum)| money(sum, currency)).collect();
    format!("{}{} since {since}\n", table(&heads, &rows), sums.join(", "))
}

/// RFC 4180, with amounts in units of the currency.
fn csv(lines: &[(Line, Sum)], by: &[SpendBy]) -> String {
    let heads: Vec<&str> = by.iter().map(|by| by.head()).chain(["currency", "calls", "amount"]).collect();
    let mut text = format!("{}\n", heads.join(","));
    for ((of, currency), (calls, amount)) in lines {
        let written = money(*amount, currency);
        let number = written.split(' ').next().unwrap_or_default();
        let of = of.iter().map(|value| cell(value));
        let row: Vec<String> = of.chain([cell(currency), calls.to_string(), number.to_owned()]).collect();
        text.push_str(&format!("{}\n", row.join(",")));
    }
    text
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn spent(agent: &str, model: &str, currency: &str, amount: i64) -> Value {
        json!({"agent": agent, "model": model, "currency": currency, "calls": 2, "amountMicros": amount})
    }

    #[test]
    fn amounts_of_two_currencies_are_never_added_up() {
        let all = [
            spent("a", "x", "USD", 1_000_000),
            spent("a", "y", "USD", 2_500_000),
            spent("b", "x", "USD", 9_000_000),
            spent("a", "x", "JPY", 7_000_000),
        ];
        let lines = add_up(&all, &[SpendBy::Agent]);
        assert_eq!(
            csv(&lines, &[SpendBy::Agent]),
            "agent,currency,calls,amount\na,JPY,2,7\nb,USD,2,0.09\na,USD,4,0.035\n"
        );
        let lines = add_up(&all, &[SpendBy::Model]);
        assert_eq!(csv(&lines, &[SpendBy::Model]).lines().nth(2).unwrap(), "x,USD,4,0.10");
        assert!(
            for_people(
                &add_up(&all, &[SpendBy::Agent, SpendBy::Model]),
                &[SpendBy::Agent, SpendBy::Model],
                0
            )
            .ends_with("7 JPY, 0.125 USD since 1970-01-01T00:00:00Z\n")
        );
    }

    #[test]
    fn a_comma_in_a_name_makes_no_column() {
        assert_eq!((cell("a,b\"c").as_str(), cell("plain").as_str()), ("\"a,b\"\"c\"", "plain"));
    }
}
