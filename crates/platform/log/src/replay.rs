//! Deciding again: each decision that is recorded whole, by the rules that decided it, and each total as it was seen.

use crate::{
    entry::{self, Kind},
    hidden::{self, Disclosure},
};
use legation_credential::{Authority, Facts, Possession, Request, Situation, Value};
use legation_did::Did;
use legation_keys::json::{self, Json};

/// What replaying an entry came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is decided the same.
    Same,
    /// It is decided otherwise.
    Different {
        /// What was recorded: a decision, or the code of a denial.
        recorded: String,
        /// What is decided now.
        now: String,
    },
    /// Values that the decision rests on were erased, or are not shown.
    Erased,
    /// It was not decided by the authority alone: a signature, a status, a total, a request that could not be read.
    Beyond,
}

/// Decides an entry again: whether its effective authority permits the request that is recorded.
///
/// What is recorded beyond that (signatures, status, totals that were full) is not decided here; that a permit took no more
/// than its totals hold is.
///
/// # Errors
/// [`entry::EntryError`] where it is no entry.
pub fn replay(index: u64, leaf: &[u8], shown: &[Disclosure]) -> Result<Replayed, entry::EntryError> {
    let (head, entry) = entry::read(index, leaf)?;
    if head.kind != Kind::Receipt {
        return Ok(Replayed::Beyond);
    }
    let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
    let recorded = if text("decision") == "permit" { "permit" } else { text("code") };
    if !["permit", "not_granted", "missing_fact", "constraint_violated"].contains(&recorded) {
        return Ok(Replayed::Beyond);
    }
    let (Some(effective), Some(_)) = (entry.get("effective"), entry.get("request")) else {
        return Ok(Replayed::Beyond);
    };
    let Some(request) = request(&entry, shown) else { return Ok(Replayed::Erased) };
    let wrong = |reason: String| entry::EntryError { index, reason };
    let effective = legation_keys::jcs::canonicalize(effective);
    let authority = Authority::parse(&effective).map_err(|error| wrong(error.to_string()))?;
    let approvers: Vec<Did> = approvers(&entry);
    let possession =
        [Possession::Signed, Possession::Vouched].into_iter().find(|one| one.name() == text("possession"));
    let situation = Situation { approvers: &approvers, possession, ..Situation::at(text("verifier")) };
    let now = match authority.permits_in(&request, situation) {
        Ok(()) => "permit",
        Err(violation) => violation.code(),
    };
    if now != recorded {
        return Ok(Replayed::Different { recorded: recorded.to_owned(), now: now.to_owned() });
    }
    Ok(overdrawn(&entry).map_or(Replayed::Same, |limit| Replayed::Different {
        recorded: "permit".to_owned(),
        now: format!("budget_exceeded by `{limit}`"),
    }))
}

fn approvers(entry: &Json<'_>) -> Vec<Did> {
    let all = entry.get("consumed").and_then(|consumed| consumed.get("approvals")).and_then(Json::as_array);
    let approver = |one: &Json<'_>| one.get("approver").and_then(Json::as_str)?.parse().ok();
    all.unwrap_or_default().iter().filter_map(approver).collect()
}

/// The limit of a debit that takes more than the most that its window may hold.
fn overdrawn(entry: &Json<'_>) -> Option<String> {
    let debits =
        entry.get("consumed").and_then(|consumed| consumed.get("debits")).and_then(Json::as_array)?;
    let beyond = |debit: &&Json<'_>| {
        let number = |name: &str| debit.get(name).and_then(Json::as_integer);
        let most = number("most").unwrap_or_default();
        match (number("amountMicros"), number("amount")) {
            (Some(micros), _) => micros > most.saturating_mul(1_000_000),
            (None, amount) => amount.unwrap_or_default() > most,
        }
    };
    let found = debits.iter().find(beyond)?;
    Some(found.get("limit").and_then(Json::as_str).unwrap_or_default().to_owned())
}

/// The request, where all of it is shown.
fn request(entry: &Json<'_>, shown: &[Disclosure]) -> Option<Request> {
    let told = hidden::show(entry, shown).ok()?;
    let told = json::parse(told.as_bytes(), entry::LIMITS).ok()?;
    let request = told.get("request")?;
    let mut facts = Facts::new();
    for (name, value) in request.get("facts")?.as_object()?.iter() {
        facts.insert(name.to_owned(), Value::from_json(value)?);
    }
    let resource = request.get("resource").and_then(Json::as_str)?;
    Request::new(request.get("action").and_then(Json::as_str)?, resource, facts).ok()
}
