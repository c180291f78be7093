//! `legation agent activity`: what an agent does, beside what it did.

use super::{
    place::{ask, escape, items, number, text},
    table::table,
};
use crate::{
    args::ActivityArgs,
    output::{Failure, Output},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Most tools that are told of to people.
const MOST: usize = 40;

pub(crate) fn run(args: &ActivityArgs) -> Result<Output, Failure> {
    let path = format!("/v1/agents/{}/activity?days={}", escape(&args.of.name), args.days);
    let json = ask(&args.of.data, "GET", &path, None)?;
    let told = for_people(&json);
    Ok(Output::done(json, told))
}

fn for_people(json: &Value) -> String {
    let of = |name: &str| json.get(name).cloned().unwrap_or_default();
    let (last, before, days) = (of("last"), of("before"), number(json, "daysBefore"));
    let mut rows = vec![row("calls", number(&last, "calls"), number(&before, "calls"), days)];
    let names = |of: &Value| -> BTreeSet<String> {
        let denied = of.get("denied").and_then(Value::as_object);
        denied.into_iter().flatten().map(|(code, _)| code.clone()).collect()
    };
    for code in &names(&last) | &names(&before) {
        let times = |of: &Value| of.get("denied").map_or(0, |denied| number(denied, &code));
        rows.push(row(&format!("denied: {code}"), times(&last), times(&before), days));
    }
    rows.extend(spent(&last, &before));
    let is_new = |one: &Value| {
        items(json, "new").iter().any(|new| {
            (text(new, "action"), text(new, "resource")) == (text(one, "action"), text(one, "resource"))
        })
    };
    for one in items(&last, "used").iter().take(MOST) {
        let (action, resource) = (text(one, "action"), text(one, "resource"));
        let same = |other: &&Value| (text(other, "action"), text(other, "resource")) == (action, resource);
        let was = items(&before, "used").iter().find(same).map_or(0, |other| number(other, "calls"));
        let new = if is_new(one) { " (new)" } else { "" };
        rows.push(row(&format!("{action} {resource}{new}"), number(one, "calls"), was, days));
    }
    let head = format!("agent `{}` is {}", text(json, "agent"), text(json, "state"));
    let held = json.get("quarantine").filter(|one| one.is_object()).map(|one| {
        format!(
            ", by the rule `{}`: {}\nLift it by `{}`",
            text(one, "rule"),
            text(one, "reason"),
            text(one, "lift")
        )
    });
    let before = if days == 0 { "NOTHING BEFORE".to_owned() } else { format!("A DAY OF THE {days} BEFORE") };
    let cut = match json.get("cut") {
        Some(Value::Bool(true)) => "\nthere is more than is read: only the latest receipts count here",
        _ => "",
    };
    format!("{head}{}\n{}{cut}", held.unwrap_or_default(), table(&["WHAT", "LAST 24 H", &before], &rows))
}

/// A count beside that of a day before.
fn row(what: &str, last: i64, before: i64, days: i64) -> Vec<String> {
    vec![what.to_owned(), last.to_string(), a_day(before, days)]
}

/// How much of a count of several days was on one, with a decimal.
fn a_day(count: i64, days: i64) -> String {
    if days <= 0 {
        return "-".to_owned();
    }
    let tenths = count.saturating_mul(10).div_euclid(days);
    format!("{}.{}", tenths.div_euclid(10), tenths.rem_euclid(10))
}

/// What was spent, as it was in all of the days before: amounts are not split.
fn spent(last: &Value, before: &Value) -> Vec<Vec<String>> {
    let amount = |of: &Value, currency: &str| {
        let found = items(of, "spent").iter().find(|one| text(one, "currency") == currency);
        found.map_or("-", |one| text(one, "amount")).to_owned()
    };
    let all: BTreeSet<&str> =
        [last, before].iter().flat_map(|of| items(of, "spent")).map(|one| text(one, "currency")).collect();
    all.into_iter()
        .map(|currency| {
            let before = amount(before, currency);
            let before = if before == "-" { before } else { format!("{before} in all") };
            vec![format!("spent, {currency}"), amount(last, currency), before]
        })
        .collect()
}
