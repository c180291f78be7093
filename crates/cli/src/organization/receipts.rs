//! `legation receipt list` and `receipt show`.

use super::{
    place::{ask, items, number, target, text, with_file},
    table::table,
};
use crate::{
    args::{ListReceiptsArgs, ShowReceiptArgs},
    files,
    output::{Failure, Output, pretty},
};
use serde_json::Value;

pub(crate) fn list(args: &ListReceiptsArgs) -> Result<Output, Failure> {
    if args.theirs {
        return list_theirs(args);
    }
    let last = args.last.to_string();
    let mut query = vec![("last", last.as_str())];
    query.extend(args.agent.iter().map(|agent| ("agent", agent.as_str())));
    let json = ask(&args.data, "GET", &target("/v1/receipts", &query), None)?;
    let rows: Vec<Vec<String>> = items(&json, "receipts").iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no receipt yet".to_owned()
    } else {
        table(&["SEQ", "TIME", "DECISION", "CODE", "AGENT", "MODEL", "AMOUNT"], &rows)
    };
    Ok(Output::done(json, told))
}

fn row(receipt: &Value) -> Vec<String> {
    let cell = |name: &str| text(receipt, name).to_owned();
    let decision = match number(receipt, "times") {
        1 => cell("decision"),
        times => format!("{} ×{times}", text(receipt, "decision")),
    };
    let amount = match (text(receipt, "amount"), text(receipt, "decision")) {
        // What a permit says is the most that it may cost; what it cost is in its settlement.
        (amount, "permit") if !amount.is_empty() => format!("at most {amount}"),
        (amount, _) => amount.to_owned(),
    };
    let seq = number(receipt, "seq").to_string();
    vec![seq, cell("at"), decision, cell("code"), cell("agent"), cell("model"), amount]
}

pub(crate) fn show(args: &ShowReceiptArgs) -> Result<Output, Failure> {
    if args.theirs {
        return show_theirs(args);
    }
    let mut json = ask(&args.data, "GET", &format!("/v1/receipts/{}", args.seq), None)?;
    let body = json.get("receipt").cloned().unwrap_or_default();
    let secured = text(&json, "secured");
    let signed = match secured {
        "" => "not signed yet; `legation up` signs it".to_owned(),
        _ => format!("signed by {}", text(&body, "verifier")),
    };
    let mut told = format!("receipt {}, {signed}\n{}\n", args.seq, pretty(&body));
    // Signed, as `receipt verify` takes it, once it is.
    let written = if secured.is_empty() { format!("{body:#}") } else { secured.to_owned() };
    if let Some(file) = files::write_to(&args.to, &written)? {
        told = format!("wrote {file}: receipt {}, {signed}\n", args.seq);
        json = with_file(json, file);
    }
    Ok(Output::done(json, told))
}

fn list_theirs(args: &ListReceiptsArgs) -> Result<Output, Failure> {
    let last = args.last.to_string();
    let mut query = vec![("last", last.as_str())];
    query.extend(args.agent.iter().map(|agent| ("agent", agent.as_str())));
    let json = ask(&args.data, "GET", &target("/v1/their-receipts", &query), None)?;
    let row = |one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        let seq = number(one, "seq").to_string();
        vec![seq, cell("at"), cell("agent"), cell("signer"), cell("decision"), cell("state"), cell("reason")]
    };
    let rows: Vec<Vec<String>> = items(&json, "receipts").iter().map(row).collect();
    let told = match rows.is_empty() {
        true => "no service has answered an agent with a receipt yet".to_owned(),
        false => table(&["SEQ", "TIME", "AGENT", "SIGNED BY", "DECISION", "STATE", "WHY"], &rows),
    };
    Ok(Output::done(json, told))
}

fn show_theirs(args: &ShowReceiptArgs) -> Result<Output, Failure> {
    let mut json = ask(&args.data, "GET", &format!("/v1/their-receipts/{}", args.seq), None)?;
    let state = match (text(&json, "state"), text(&json, "reason")) {
        (state, "") => state.to_owned(),
        (state, reason) => format!("{state}: {reason}"),
    };
    let (secured, signer) = (text(&json, "secured").to_owned(), text(&json, "signer").to_owned());
    let mut told =
        format!("receipt {} of others, signed by {signer}, {state}\n{}\n", args.seq, pretty(&json));
    if let Some(file) = files::write_to(&args.to, &secured)? {
        told = format!("wrote {file}: receipt {} of others, {state}\n", args.seq);
        json = with_file(json, file);
    }
    Ok(Output::done(json, told))
}
