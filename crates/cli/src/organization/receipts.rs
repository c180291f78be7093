//! `legation receipt list` and `receipt show`.

use super::{
    data_dir::with,
    spend::{agent_name, model_name},
    table::table,
};
use crate::{
    args::{ListReceiptsArgs, ShowReceiptArgs},
    files,
    output::{Failure, Output, pretty},
};
use legation_credential::money::money;
use legation_did::Did;
use legation_keys::time;
use legation_store::receipt::Receipt;
use serde_json::{Value, json};

/// A receipt in short.
fn summary(receipt: &Receipt, organization: &Did) -> Value {
    let amount = receipt.amount.zip(receipt.currency.as_deref());
    json!({
        "seq": receipt.seq,
        "at": time::format(receipt.at),
        "decision": receipt.kind,
        "code": receipt.code,
        "agent": agent_name(organization, &receipt.agent),
        "model": model_name(organization, &receipt.resource),
        "amount": amount.map(|(amount, currency)| money(amount, currency)),
        "amountMicros": receipt.amount,
        "currency": receipt.currency,
        "of": receipt.of,
        "times": receipt.times,
        "lastAt": time::format(receipt.last_at),
        "signed": receipt.secured.is_some(),
    })
}

pub(crate) fn list(args: &ListReceiptsArgs) -> Result<Output, Failure> {
    let (receipts, organization) = with(&args.data, |registry| {
        Ok((registry.receipts(args.agent.as_deref(), args.last)?, registry.did().clone()))
    })?;
    let row = |receipt: &Receipt| {
        let amount = receipt.amount.zip(receipt.currency.as_deref());
        let amount = amount.map_or(String::new(), |(amount, currency)| money(amount, currency));
        let decision = match receipt.times {
            1 => receipt.kind.clone(),
            times => format!("{} ×{times}", receipt.kind),
        };
        vec![
            receipt.seq.to_string(),
            time::format(receipt.at),
            decision,
            receipt.code.clone(),
            agent_name(&organization, &receipt.agent),
            model_name(&organization, &receipt.resource),
            // What a permit says is the most that it may cost; what it cost is in its settlement.
            if receipt.kind == "permit" && !amount.is_empty() { format!("at most {amount}") } else { amount },
        ]
    };
    let rows: Vec<Vec<String>> = receipts.iter().map(row).collect();
    let text = if rows.is_empty() {
        "there is no receipt yet".to_owned()
    } else {
        table(&["SEQ", "TIME", "DECISION", "CODE", "AGENT", "MODEL", "AMOUNT"], &rows)
    };
    let all: Vec<Value> = receipts.iter().map(|receipt| summary(receipt, &organization)).collect();
    Ok(Output::done(json!({ "receipts": all }), text))
}

pub(crate) fn show(args: &ShowReceiptArgs) -> Result<Output, Failure> {
    let (receipt, organization) =
        with(&args.data, |registry| Ok((registry.receipt(args.seq)?, registry.did().clone())))?;
    let body: Value = serde_json::from_slice(&receipt.body).map_err(|error| {
        Failure::invalid(
            "store_damaged",
            format!("what is stored of receipt {} can't be read: {error}", args.seq),
        )
    })?;
    let mut json = summary(&receipt, &organization);
    let signed = match &receipt.secured {
        Some(_) => format!("signed by {organization}"),
        None => "not signed yet; `legation up` signs it".to_owned(),
    };
    let mut text = format!("receipt {}, {signed}\n{}\n", args.seq, pretty(&body));
    if let Some(out) = &args.out {
        let written = receipt.secured.clone().unwrap_or_else(|| format!("{body:#}"));
        files::write_public(out, &written, args.force)?;
        text = format!("wrote {}: receipt {}, {signed}\n", out.display(), args.seq);
    }
    if let Some(members) = json.as_object_mut() {
        members.insert("receipt".to_owned(), body);
        members.insert("secured".to_owned(), receipt.secured.into());
        if let Some(out) = &args.out {
            members.insert("file".to_owned(), out.display().to_string().into());
        }
    }
    Ok(Output::done(json, text))
}
