//! `legation log spend`.

use super::source::each;
use crate::{
    args::SpendLogArgs,
    organization::table::table,
    output::{Failure, Output},
};
use legation_credential::money::money;
use legation_log::find::{Spend, Total};
use serde_json::{Value, json};

pub(crate) fn run(args: &SpendLogArgs) -> Result<Output, Failure> {
    let mut spend = Spend::default();
    each(args.file.as_deref(), &args.of, &mut |index, leaf, _| {
        spend.add(index, leaf);
        Ok(())
    })?;
    let wanted = |total: &Total| args.delegation.as_ref().is_none_or(|wanted| *wanted == total.delegation);
    let totals: Vec<_> = spend.totals().into_iter().filter(|(_, total)| wanted(total)).collect();
    let amount =
        |limit: &str, micros: i64| match limit.strip_prefix("spend ").and_then(|rest| rest.split(' ').next())
        {
            Some(currency) => money(micros, currency),
            None => micros.to_string(),
        };
    let row = |((_, limit), total): &((String, String), Total)| {
        vec![
            total.delegation.clone(),
            limit.clone(),
            total.permits.to_string(),
            amount(limit, total.micros),
            amount(limit, total.open),
        ]
    };
    let rows: Vec<Vec<String>> = totals.iter().map(row).collect();
    let text = if rows.is_empty() {
        "nothing was taken of any total".to_owned()
    } else {
        table(&["DELEGATION", "LIMIT", "PERMITS", "TAKEN", "OF IT OPEN"], &rows)
    };
    let one = |((account, limit), total): &((String, String), Total)| {
        json!({
            "account": account, "limit": limit, "delegation": total.delegation, "permits": total.permits,
            "amountMicros": total.micros, "amount": amount(limit, total.micros), "open": total.open,
            "most": total.most,
        })
    };
    let all: Vec<Value> = totals.iter().map(one).collect();
    Ok(Output::done(json!({"totals": all}), text))
}
