//! The organization itself; spending, receipts, events.

use super::{
    asked::{Asked, MOST, listed},
    endpoint::{Endpoint, LIMIT, Member},
    error::ApiError,
    forms,
};
use legation_keys::time::{self, Round};
use legation_registry::RegistryError;
use serde_json::{Value, json};

const SINCE: Member = Member {
    name: "since",
    kind: "string",
    about: "From this moment on (RFC 3339); by default of the last 24 hours.",
};
const END_USER: Member = Member {
    name: "endUser",
    kind: "boolean",
    about: "With `true`: by end user, too, as agents say it. At most 10,000 lines, the dearest.",
};
/// Most lines by end user.
const MOST_USERS: i64 = 10_000;
const AGENT: Member =
    Member { name: "agent", kind: "string", about: "With `last`: those of this agent only." };
const LAST: Member = Member {
    name: "last",
    kind: "integer",
    about: "So many of the latest, the latest first: 1 to 1000, in place of `after` and `limit`.",
};
const LATEST: Member = Member { name: "last", kind: "integer", about: "So many, 1 to 1000; 100 by default." };
const OF_AGENT: Member =
    Member { name: "agent", kind: "string", about: "Those of this agent only, by its name or its DID." };
const SEQ: Member = Member { name: "after", kind: "integer", about: "Begin behind this number." };
/// What is spent is told of so long, where nobody says it: a day, in seconds.
const DAY: i64 = 86_400;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/organization", "admin:organization.show"),
        "The organization: its DID, its origin, the did:webvh of its log where it has one, and the number of its last change that decisions depend on.",
        &[],
        "Organization",
        |asked| {
            let registry = asked.registry;
            let (did, origin) = (registry.did().as_str(), registry.origin());
            let history = registry.history_did()?;
            Ok(json!({"did": did, "origin": origin, "epoch": registry.epoch()?, "webvh": history}))
        },
    ),
    Endpoint::get(
        ("/v1/spend", "admin:spend.show"),
        "What settled calls cost, by agent, model and currency, the dearest first.",
        &[SINCE, END_USER],
        "Spend",
        spend,
    ),
    Endpoint::get(
        ("/v1/receipts", "admin:receipts.list"),
        "What was decided and settled, in order; or the latest, the latest first. With `Accept: text/event-stream` it is told as it comes.",
        &[SEQ, LIMIT, LAST, AGENT],
        "Receipts",
        receipts,
    )
    .or_stream(),
    Endpoint::get(
        ("/v1/receipts/{seq}", "admin:receipts.show"),
        "One receipt, with what was signed.",
        &[],
        "ReceiptShown",
        receipt,
    ),
    Endpoint::get(
        ("/v1/their-receipts", "admin:receipts.list"),
        "Receipts of others, the latest first: what services signed of what agents sent, and whether that holds.",
        &[LATEST, OF_AGENT],
        "TheirReceipts",
        their_receipts,
    ),
    Endpoint::get(
        ("/v1/their-receipts/{seq}", "admin:receipts.show"),
        "One receipt of others, with what was signed.",
        &[],
        "TheirReceiptShown",
        their_receipt,
    ),
    Endpoint::get(
        ("/v1/events", "admin:events.list"),
        "What was changed, in order, without gaps. Each event holds the SHA-256 of the one before it. With `Accept: text/event-stream` they are told as they come.",
        &[SEQ, LIMIT],
        "Events",
        events,
    )
    .or_stream(),
];

fn spend(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let since = match asked.query("since") {
        None => asked.now.saturating_sub(DAY),
        Some(text) => time::parse(text, Round::Down).ok_or_else(|| {
            ApiError::bad("query_invalid", format!("`since` is `{text}`; write it as 2026-01-31T00:00:00Z"))
        })?,
    };
    let organization = asked.registry.did();
    let spent = match asked.query("endUser") {
        None | Some("false") => asked.registry.spent(since)?,
        Some("true") => asked.registry.spent_by_end_user(since, MOST_USERS)?,
        Some(text) => {
            let message = format!("`endUser` is `{text}`; write `true`, or leave it out");
            return Err(ApiError::bad("query_invalid", message));
        }
    };
    let teams = asked.registry.teams_of(&spent.iter().map(|spent| spent.agent.as_str()).collect())?;
    let form = |spent| forms::spent(spent, organization, &teams);
    let spent: Vec<Value> = spent.iter().map(form).collect();
    Ok(json!({"since": time::format(since), "spent": spent}))
}

fn receipts(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let organization = asked.registry.did();
    let last = asked.number("last", 1, MOST)?;
    let after = asked.number("after", 0, i64::MAX)?;
    if last.is_some() && after.is_some() || last.is_none() && asked.query("agent").is_some() {
        let message = "`agent` goes with `last`, and `last` not with `after`";
        return Err(ApiError::bad("query_invalid", message));
    }
    let form = |receipts: &[legation_store::receipt::Receipt]| -> Vec<Value> {
        receipts.iter().map(|receipt| forms::receipt(receipt, organization)).collect()
    };
    if let Some(last) = last {
        return Ok(json!({"receipts": form(&asked.registry.receipts(asked.query("agent"), last)?)}));
    }
    let most = asked.page()?.most;
    let found = asked.registry.receipts_after(after.unwrap_or_default(), most)?;
    let next = found.last().map(|last| json!(last.seq));
    Ok(listed("receipts", form(&found), next, most))
}

fn receipt(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let missing = || ApiError::new(404, "not_found", format!("there is no receipt {}", asked.name));
    let seq = asked.name.parse().map_err(|_| missing())?;
    let receipt = asked.registry.receipt(seq)?;
    let body: Value = serde_json::from_slice(&receipt.body).map_err(|error| RegistryError::Damaged {
        what: format!("receipt {seq}"),
        reason: error.to_string(),
    })?;
    let json = forms::receipt(&receipt, asked.registry.did());
    Ok(forms::with(json, &[("receipt", body), ("secured", json!(asked.registry.signed_receipt(seq)?))]))
}

fn their_receipts(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let last = asked.number("last", 1, MOST)?.unwrap_or(100);
    let found = asked.registry.theirs(asked.query("agent"), last)?;
    let form = |one: &legation_store::theirs::Theirs| forms::theirs(one, asked.registry.did());
    Ok(json!({"receipts": found.iter().map(form).collect::<Vec<_>>()}))
}

fn their_receipt(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let missing = || ApiError::new(404, "not_found", format!("there is no receipt {} of others", asked.name));
    let found = asked.registry.their_receipt(asked.name.parse().map_err(|_| missing())?)?;
    let json = forms::theirs(&found, asked.registry.did());
    Ok(forms::with(json, &[("secured", json!(found.secured))]))
}

fn events(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let (after, most) = (asked.number("after", 0, i64::MAX)?, asked.page()?.most);
    let found = asked.registry.events(after.unwrap_or_default(), most)?;
    let next = found.last().map(|last| json!(last.seq));
    Ok(listed("events", found.iter().map(forms::event).collect(), next, most))
}
