//! Requests that wait for an approval.

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT, Member},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_keys::time;
use legation_store::approval::Held;
use serde::Deserialize;
use serde_json::{Value, json};

const STATE: Member = Member {
    name: "state",
    kind: "string",
    about: "`pending`, which is what is listed by default, `granted`, `refused` or `used`.",
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/approvals", "admin:approvals.list"),
        "The requests that wait for an approval, the oldest first.",
        &[STATE, AFTER, LIMIT],
        "Approvals",
        list,
    ),
    Endpoint::get(("/v1/approvals/{id}", "admin:approvals.list"), "One request.", &[], "Approval", show),
    Endpoint::change(
        Method::POST,
        ("/v1/approvals/{id}/grant", "admin:approvals.grant"),
        "Hand in what an approver signed. It counts where the delegation names the approver; the request passes once when it is asked again.",
        (Some("GrantApproval"), "Approval"),
        grant,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/approvals/{id}/refuse", "admin:approvals.refuse"),
        "Refuse a request. It is denied for an hour, however often it is asked.",
        (Some("RefuseApproval"), "Approval"),
        refuse,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Grant {
    secured: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Refuse {
    #[serde(default)]
    reason: String,
}

fn form(held: &Held) -> Value {
    let request: Value = serde_json::from_str(&held.request).unwrap_or_default();
    let json = json!({
        "id": held.id, "digest": held.digest, "agent": held.agent, "state": held.state,
        "asked": time::format(held.asked), "until": time::format(held.until), "why": held.why, "approval": request,
    });
    if held.reason.is_empty() { json } else { forms::with(json, &[("reason", json!(held.reason))]) }
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let state = asked.query("state").unwrap_or("pending");
    if !["pending", "granted", "refused", "used"].contains(&state) {
        return Err(ApiError::bad("query_invalid", format!("`state` is `{state}`; {}", STATE.about)));
    }
    let found = asked.registry.approvals(state, &page.after, page.most)?;
    let next = found.last().map(|held| json!(held.id));
    // What ended waits for nobody any more.
    let there: Vec<Value> = found.iter().filter(|held| asked.now < held.until).map(form).collect();
    let full = i64::try_from(found.len()).is_ok_and(|found| found >= page.most);
    let mut json = listed("approvals", there, None, page.most);
    if let (true, Some(next), Some(members)) = (full, next, json.as_object_mut()) {
        members.insert("next".to_owned(), next);
    }
    Ok(json)
}

fn show(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let (held, approvers) = asked.registry.approval(asked.name)?;
    Ok(forms::with(form(&held), &[("approvers", json!(approvers))]))
}

fn grant(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let body: Grant = asked.body()?;
    Ok(form(&asked.registry.grant_approval(asked.name, &body.secured, asked.now)?))
}

fn refuse(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let body: Refuse = asked.body()?;
    Ok(form(&asked.registry.refuse_approval(asked.name, &body.reason, asked.now)?))
}
