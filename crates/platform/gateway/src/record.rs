//! Receipts: what was decided, in the verifier's own form. No prompt is in any of them: a request's facts are the
//! model's name, numbers, and for whom somebody asks.

use legation_credential::Request;
use legation_did::Did;
use legation_store::NewReceipt;
use legation_verifier::{
    Committed, Denial, Trust,
    receipt::{self, Settlement, Subject, Text, Told},
};
use serde_json::json;

/// The fact that says for whom an agent asks, as it says: it is its own word, and what it spends is its own all the same.
pub(crate) const END_USER: &str = "end_user";

/// The receipt of a commit, or of its denial.
pub(crate) fn of_commit(
    outcome: Result<&Committed, &Denial>,
    told: &Told,
    (request, policy): (&Request, Option<&str>),
    trust: &Trust,
    now: i64,
) -> NewReceipt {
    let (chain, agent) = (told.chain(), told.chain().agent());
    match outcome {
        Ok(committed) => {
            let amount = legation_credential::Amount::of(request.facts()).map(|amount| amount.micros);
            NewReceipt {
                amount,
                currency: currency(request),
                end_user: end_user(request),
                ..new(
                    "permit",
                    // What it would have been denied by, in shadow.
                    committed.shadow().map_or("", |denial| denial.code.as_str()),
                    agent.as_str(),
                    request.resource(),
                    receipt::of_permit_under(committed, told, policy, trust),
                    now,
                )
            }
        }
        Err(denial) => {
            let subject =
                Subject { presented: b"", chain: Some(chain), request: Some(request), transcript: None };
            of_denial(denial, (subject, policy), agent, trust, now)
        }
    }
}

/// The receipt of a denial, with what there is to say of policies.
pub(crate) fn of_denial(
    denial: &Denial,
    (subject, policy): (Subject<'_>, Option<&str>),
    agent: &Did,
    trust: &Trust,
    now: i64,
) -> NewReceipt {
    let resource = subject.request.map_or("", Request::resource);
    let body = receipt::of_denial_under(denial, (subject, agent), policy, trust, now);
    new("deny", denial.code.as_str(), agent.as_str(), resource, body, now)
}

/// The receipt of a refusal before there was anything to judge: of a key that was blocked or has ended, or of what is no
/// request.
pub(crate) fn of_refusal(agent: &str, code: &str, verifier: &str, now: i64) -> NewReceipt {
    let at = legation_keys::time::format(now);
    let body = json!({
        "type": receipt::TYPE, "decision": "deny", "verifier": verifier, "at": at, "code": code, "agent": agent,
    });
    new("deny", code, agent, "", body.to_string().into_bytes(), now)
}

/// The receipt of a settlement, of the permit whose receipt has a number.
pub(crate) fn of_settlement(
    (of, settlement): (i64, &Settlement<'_>),
    told: &Told,
    request: &Request,
    trust: &Trust,
) -> NewReceipt {
    let Settlement { code, actual, at, .. } = *settlement;
    let amount = actual.amount.and_then(|amount| i64::try_from(amount).ok());
    let (agent, body) = (told.chain().agent().as_str(), receipt::of_settlement(settlement, told, trust));
    NewReceipt {
        amount,
        currency: currency(request),
        of: Some(of),
        end_user: end_user(request),
        ..new("settle", code, agent, request.resource(), body, at)
    }
}

fn new(
    kind: &'static str,
    code: &str,
    agent: &str,
    resource: &str,
    body: impl Into<Text>,
    at: i64,
) -> NewReceipt {
    NewReceipt {
        at,
        kind,
        code: code.to_owned(),
        agent: agent.to_owned(),
        resource: resource.to_owned(),
        amount: None,
        currency: None,
        of: None,
        end_user: None,
        proved: None,
        holder: None,
        body: body.into(),
    }
}

pub(crate) fn currency(request: &Request) -> Option<String> {
    text(request, "currency")
}

fn end_user(request: &Request) -> Option<String> {
    text(request, END_USER)
}

fn text(request: &Request, fact: &str) -> Option<String> {
    match request.facts().get(fact) {
        Some(legation_credential::Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}
