//! `legation approval`: what waits for somebody's approval.

use super::{
    place::{Place, ask, escape, items, text},
    table::{facts, table},
};
use crate::{
    approve::{approver, words},
    args::{ApprovalCommand, GrantApprovalArgs, IdArgs, KeyArgs, ListApprovalsArgs, RefuseApprovalArgs},
    files,
    output::{Failure, Output, complain, one_line},
};
use legation_credential::{Approval, ApprovalRequest, Securing, approve};
use legation_did::method_id;
use legation_keys::{Signer, time};
use serde_json::{Value, json};

pub(crate) fn run(command: &ApprovalCommand) -> Result<Output, Failure> {
    match command {
        ApprovalCommand::List(args) => list(args),
        ApprovalCommand::Show(args) => show(args),
        ApprovalCommand::Grant(args) => grant(args),
        ApprovalCommand::Refuse(args) => refuse(args),
    }
}

fn path(id: &str, verb: &str) -> String {
    format!("/v1/approvals/{}{verb}", escape(id))
}

fn list(args: &ListApprovalsArgs) -> Result<Output, Failure> {
    let all = Place::of(&args.data)?.all("/v1/approvals", &[("state", args.state.name())], "approvals")?;
    let row = |one: &Value| {
        let action = text(one.get("approval").unwrap_or(&Value::Null), "action").to_owned();
        let cell = |name: &str| text(one, name).to_owned();
        vec![cell("id"), cell("agent"), action, cell("asked"), cell("until")]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = match rows.is_empty() {
        true => format!("no request is {}", args.state.name()),
        false => table(&["ID", "AGENT", "ACTION", "ASKED", "UNTIL"], &rows),
    };
    Ok(Output::done(json!({ "approvals": all }), told))
}

fn show(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "GET", &path(&args.id, ""), None)?;
    let asked = request(&json)?;
    let approvers: Vec<&str> = items(&json, "approvers").iter().filter_map(Value::as_str).collect();
    let lines = [
        ("state", text(&json, "state").to_owned()),
        ("until", text(&json, "until").to_owned()),
        ("why", text(&json, "why").to_owned()),
        ("signed, it says, by", approvers.join(", ")),
    ];
    let told = format!("{}\n{}", facts(&lines), words(&asked).join("\n"));
    Ok(Output::done(json, told))
}

/// What is approved, read strictly: what is shown is what is signed.
fn request(held: &Value) -> Result<ApprovalRequest, Failure> {
    let text = held.get("approval").map(Value::to_string).unwrap_or_default();
    let wrong = |error: legation_credential::CredentialError| {
        Failure::invalid(error.code(), format!("the request can't be read: {error}"))
    };
    ApprovalRequest::parse(&text).map_err(wrong)
}

fn grant(args: &GrantApprovalArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let held = place.ask("GET", &path(&args.id, ""), None)?;
    let asked = request(&held)?;
    let key = KeyArgs { key: args.own_key.clone(), passphrase_file: args.own_key_passphrase_file.clone() };
    let signer = files::load_key(&key)?;
    let issuer = approver(args.issuer.as_ref(), signer.public_key())?;
    // Whoever signs sees what, before it is signed.
    words(&asked).iter().for_each(|line| complain(&format!("{}\n", one_line(line))));
    let from = files::now();
    let approval = Approval {
        issuer,
        agent: asked.agent.clone(),
        request: asked.digest(),
        valid_from: from,
        valid_until: from.saturating_add(args.valid_for),
    };
    let key_id = method_id(&approval.issuer, signer.public_key());
    let secured = approve(Securing::Jwt, &approval, &key_id, &signer)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let json = place.ask("POST", &path(&args.id, "/grant"), Some(&json!({ "secured": secured })))?;
    let until = time::format(approval.valid_until);
    Ok(Output::done(json, format!("{} approves it, once, until {until}", approval.issuer)))
}

fn refuse(args: &RefuseApprovalArgs) -> Result<Output, Failure> {
    let body = json!({"reason": args.reason});
    let json = ask(&args.data, "POST", &path(&args.id, "/refuse"), Some(&body))?;
    let until = text(&json, "until").to_owned();
    Ok(Output::done(json, format!("refused; the same request is denied until {until}")))
}
