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

/// What is added up: the agent, the model, the currency. What is not asked for is empty.
type Line = (String, String, String);

pub(crate) fn run(args: &SpendArgs) -> Result<Output, Failure> {
    let since = files::now().saturating_sub(args.since);
    let path = target("/v1/spend", &[("since", &time::format(since))]);
    let json = ask(&args.data, "GET", &path, None)?;
    let lines = add_up(items(&json, "spent"), args.by);
    let text = if args.csv { csv(&lines, args.by) } else { for_people(&lines, args.by, since) };
    let one = |((agent, model, currency), (calls, amount)): &(Line, Sum)| {
        let mut json = json!({
            "currency": currency, "calls": calls, "amountMicros": amount, "amount": money(*amount, currency),
        });
        if let Some(members) = json.as_object_mut() {
            for (name, value) in columns(args.by, agent, model) {
                members.insert(name.to_lowercase(), value.into());
            }
        }
        json
    };
    let all: Vec<Value> = lines.iter().map(one).collect();
    Ok(Output::done(json!({"since": time::format(since), "spent": all}), text))
}

fn add_up(spent: &[Value], by: Option<SpendBy>) -> Vec<(Line, Sum)> {
    let mut sums: BTreeMap<Line, Sum> = BTreeMap::new();
    for one in spent {
        let (mut agent, mut model) = (text(one, "agent").to_owned(), text(one, "model").to_owned());
        match by {
            Some(SpendBy::Agent) => model.clear(),
            Some(SpendBy::Model) => agent.clear(),
            None => {}
        }
        let number = |name: &str| one.get(name).and_then(Value::as_i64).unwrap_or_default();
        let currency = text(one, "currency").to_owned();
        let (calls, amount) = sums.entry((agent, model, currency)).or_default();
        *calls = calls.saturating_add(number("calls"));
        *amount = amount.saturating_add(number("amountMicros"));
    }
    let mut lines: Vec<(Line, Sum)> = sums.into_iter().collect();
    // Amounts of two currencies can't be compared; within one the dearest comes first.
    lines.sort_by_key(|((_, _, currency), (_, amount))| (currency.clone(), Reverse(*amount)));
    lines
}

/// What a line is of, by the heads of its columns.
fn columns<'a>(by: Option<SpendBy>, agent: &'a str, model: &'a str) -> Vec<(&'static str, &'a str)> {
    match by {
        Some(SpendBy::Agent) => vec![("AGENT", agent)],
        Some(SpendBy::Model) => vec![("MODEL", model)],
        None => vec![("AGENT", agent), ("MODEL", model)],
    }
}

fn for_people(lines: &[(Line, Sum)], by: Option<SpendBy>, since: i64) -> String {
    let since = time::format(since);
    if lines.is_empty() {
        return format!("nothing was spent since {since}");
    }
    let mut heads: Vec<&str> = columns(by, "", "").into_iter().map(|(head, _)| head).collect();
    heads.extend(["CALLS", "AMOUNT"]);
    let row = |((agent, model, currency), (calls, amount)): &(Line, Sum)| {
        let of = columns(by, agent, model).into_iter().map(|(_, value)| value.to_owned());
        of.chain([calls.to_string(), money(*amount, currency)]).collect()
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for ((_, _, currency), (_, amount)) in lines {
        let sum = sums.entry(currency).or_default();
        *sum = sum.saturating_add(*amount);
    }
    let sums: Vec<String> = sums.into_iter().map(|(currency, sum)| money(sum, currency)).collect();
    format!("{}{} since {since}\n", table(&heads, &rows), sums.join(", "))
}

/// RFC 4180, with amounts in units of the currency.
fn csv(lines: &[(Line, Sum)], by: Option<SpendBy>) -> String {
    let mut heads: Vec<String> =
        columns(by, "", "").into_iter().map(|(head, _)| head.to_lowercase()).collect();
    heads.extend(["currency", "calls", "amount"].map(str::to_owned));
    let mut text = format!("{}\n", heads.join(","));
    for ((agent, model, currency), (calls, amount)) in lines {
        let written = money(*amount, currency);
        let number = written.split(' ').next().unwrap_or_default();
        let of = columns(by, agent, model).into_iter().map(|(_, value)| cell(value));
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
        let lines = add_up(&all, Some(SpendBy::Agent));
        assert_eq!(
            csv(&lines, Some(SpendBy::Agent)),
            "agent,currency,calls,amount\na,JPY,2,7\nb,USD,2,0.09\na,USD,4,0.035\n"
        );
        let lines = add_up(&all, Some(SpendBy::Model));
        assert_eq!(csv(&lines, Some(SpendBy::Model)).lines().nth(2).unwrap(), "x,USD,4,0.10");
        assert!(
            for_people(&add_up(&all, None), None, 0)
                .ends_with("7 JPY, 0.125 USD since 1970-01-01T00:00:00Z\n")
        );
    }

    #[test]
    fn a_comma_in_a_name_makes_no_column() {
        assert_eq!((cell("a,b\"c").as_str(), cell("plain").as_str()), ("\"a,b\"\"c\"", "plain"));
    }
}
