//! Deciding again, from what is recorded and attached alone: the chain by the verifier itself, with the documents and status
//! lists that the receipt names by their digests; the request by the chain's authority; totals as the entries before say.
//!
//! | module | what it holds |
//! |---|---|
//! | [`attached`] | what decisions rested on, by its SHA-256 |
//! | `chain` | a chain verified as of then |
//! | [`totals`] | what was taken of totals, as it was seen |

pub mod attached;
mod chain;
pub mod totals;

use crate::{
    entry::{self, EntryError, Head, Kind},
    hidden::{self, Disclosure},
};
use attached::Attached;
use chain::Chains;
use legation_credential::{Authority, Facts, Possession, Request, Situation, Value};
use legation_did::Did;
use legation_keys::json::{self, Json};
use legation_verifier::{Code, shadow};
use std::collections::HashMap;
use totals::Totals;

/// How long after a delegation was ended a call under it may still have been let through, seconds: a process decides within
/// its lease, and times are whole seconds.
const LEASE: i64 = 1;

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
    /// It rests on what no receipt tells: a request that could not be read, a chain that did not verify, a total as one
    /// process saw it.
    Beyond,
}

impl Replayed {
    fn different(recorded: &str, now: impl Into<String>) -> Self {
        Self::Different { recorded: recorded.to_owned(), now: now.into() }
    }
}

/// What became of the chain of a decision that was made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Signatures, documents, status and times hold, as of then.
    Verified,
    /// Something that the receipt names is not attached, so that the recorded authority is believed.
    Missing,
}

/// Decides entries again, in their order.
#[derive(Debug, Default)]
pub struct Replay {
    attached: Attached,
    chains: Chains,
    totals: Totals,
    /// When delegations were ended, by their digest.
    stopped: HashMap<String, i64>,
}

impl Replay {
    /// By what is attached.
    #[must_use]
    pub fn new(attached: Attached) -> Self {
        Self { attached, ..Self::default() }
    }

    /// Decides an entry again. Of a chain is told where there was one to verify.
    ///
    /// # Errors
    /// [`EntryError`] where it is no entry.
    pub fn entry(
        &mut self,
        index: u64,
        leaf: &[u8],
        shown: &[Disclosure],
    ) -> Result<(Replayed, Option<Chain>), EntryError> {
        let (head, entry) = entry::read(index, leaf)?;
        match head.kind {
            Kind::Receipt => {
                let decided = self.receipt(index, &head, &entry, shown)?;
                // What was taken was taken, whatever is decided now.
                let over = self.totals.permit(&head, &entry);
                Ok(match (decided, over) {
                    ((Replayed::Same, chain), Some(limit)) => {
                        (Replayed::different("permit", format!("budget_exceeded by `{limit}`")), chain)
                    }
                    (decided, _) => decided,
                })
            }
            Kind::Settlement => {
                self.totals.settle(head.of.unwrap_or_default(), &entry);
                Ok((Replayed::Beyond, None))
            }
            Kind::Event => {
                self.event(&head, &entry);
                Ok((Replayed::Beyond, None))
            }
            Kind::Count => Ok((Replayed::Beyond, None)),
        }
    }

    fn receipt(
        &mut self,
        index: u64,
        head: &Head,
        entry: &Json<'_>,
        shown: &[Disclosure],
    ) -> Result<(Replayed, Option<Chain>), EntryError> {
        let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
        // What passed in shadow says by which rule it would have been denied: that is decided again.
        let passed = text("decision") == "permit";
        let recorded = if passed && text("code").is_empty() { "permit" } else { text("code") };
        let is_watched = entry.get("shadow") == Some(&Json::Bool(true))
            && Code::from_name(recorded).is_some_and(shadow::passes)
            && (!is_of_totals(recorded) || is_own(entry));
        if passed && recorded != "permit" && !is_watched {
            return Ok((Replayed::different(recorded, "deny"), None));
        }
        let of_totals = is_of_totals(recorded);
        // What a policy denied the authority permits; policies themselves are whoever calls to ask.
        let by_policy = ["policy_denied", "policy_error"].contains(&recorded);
        let by_authority =
            by_policy || ["permit", "not_granted", "missing_fact", "constraint_violated"].contains(&recorded);
        let (Some(effective), Some(_)) = (entry.get("effective"), entry.get("request")) else {
            return Ok((Replayed::Beyond, None));
        };
        if !of_totals && !by_authority {
            return Ok((Replayed::Beyond, None));
        }
        let wrong = |reason: String| EntryError { index, reason };
        let effective = legation_keys::jcs::canonicalize(effective);
        let effective = Authority::parse(&effective).map_err(|error| wrong(error.to_string()))?;
        let chain = match self.chains.check(&self.attached, head.at, entry, &effective) {
            Ok(chain) => chain,
            Err(now) => return Ok((Replayed::different(recorded, now), None)),
        };
        if passed && self.is_stopped(head.at, entry) {
            return Ok((Replayed::different(recorded, "link_revoked"), Some(chain)));
        }
        let Some(request) = request(entry, shown) else { return Ok((Replayed::Erased, Some(chain))) };
        let now = decide(&effective, &request, entry);
        if of_totals {
            // Parts that other processes had set aside are in no receipt: that there was room is no difference.
            let is_full = now == "permit" && self.totals.is_full(head.at, entry, &request);
            return Ok((if is_full { Replayed::Same } else { Replayed::Beyond }, Some(chain)));
        }
        if (recorded, now.as_str()) == ("permit", "permit")
            && let Some(due) = effective.debits(&request).find(|due| !totals::is_debited(entry, due))
        {
            let now = format!("permit that takes from `{}`", due.key.total());
            return Ok((Replayed::different(recorded, now), Some(chain)));
        }
        let expected = if by_policy { "permit" } else { recorded };
        let replayed = if now == expected { Replayed::Same } else { Replayed::different(recorded, now) };
        Ok((replayed, Some(chain)))
    }

    /// Whether a delegation of the chain was ended before, by what the log itself says.
    fn is_stopped(&self, at: i64, entry: &Json<'_>) -> bool {
        let links = entry.get("chain").and_then(Json::as_array).unwrap_or_default();
        links
            .iter()
            .filter_map(Json::as_str)
            .filter_map(|link| self.stopped.get(link))
            .any(|ended| at > ended.saturating_add(LEASE))
    }

    fn event(&mut self, head: &Head, entry: &Json<'_>) {
        let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
        let ended: Vec<String> = match text("kind") {
            "delegation.blocked" => vec![text("subject").to_owned()],
            "delegation.revoked" => {
                let data: serde_json::Value = serde_json::from_str(text("data")).unwrap_or_default();
                let all = data.get("sha256").and_then(serde_json::Value::as_array);
                all.into_iter().flatten().filter_map(|one| Some(one.as_str()?.to_owned())).collect()
            }
            _ => Vec::new(),
        };
        for link in ended {
            self.stopped.entry(link).or_insert(head.at);
        }
    }
}

/// Whether an authority permits the request that is recorded, in the situation that is.
fn decide(effective: &Authority, request: &Request, entry: &Json<'_>) -> String {
    let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
    let approvers: Vec<Did> = approvers(entry);
    let possession =
        [Possession::Signed, Possession::Vouched].into_iter().find(|one| one.name() == text("possession"));
    let situation = Situation { approvers: &approvers, possession, ..Situation::at(text("verifier")) };
    match effective.permits_in(request, situation) {
        Ok(()) => "permit".to_owned(),
        Err(violation) => violation.code().to_owned(),
    }
}

fn is_of_totals(code: &str) -> bool {
    ["budget_exceeded", "rate_exceeded"].contains(&code)
}

/// Whether what a receipt tells of is of the last link, the agent's own: totals of all above it hold in shadow, too.
fn is_own(entry: &Json<'_>) -> bool {
    let links = entry.get("chain").and_then(Json::as_array).unwrap_or_default().len();
    matches!(entry.get("link"), Some(Json::Integer(link)) if usize::try_from(*link).is_ok_and(|link| link.saturating_add(1) == links))
}

fn approvers(entry: &Json<'_>) -> Vec<Did> {
    let all = entry.get("consumed").and_then(|consumed| consumed.get("approvals")).and_then(Json::as_array);
    let approver = |one: &Json<'_>| one.get("approver").and_then(Json::as_str)?.parse().ok();
    all.unwrap_or_default().iter().filter_map(approver).collect()
}

/// The request of a receipt, where all of it is shown.
#[must_use]
pub fn request(entry: &Json<'_>, shown: &[Disclosure]) -> Option<Request> {
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
