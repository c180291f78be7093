//! A chain verified again, as of then, by the verifier itself and the evidence that the receipt names.

use super::{Chain, attached::Attached};
use legation_credential::{Authority, secured};
use legation_did::Did;
use legation_keys::{jcs, json::Json, time};
use legation_verifier::{Evidence, Trust, Vouched, parse_vouched, verify};
use std::collections::HashMap;

/// Most chains that are remembered.
const MOST: usize = 10_000;
/// Longer than anything that a verifier may be set to.
const LONG: i64 = 1 << 40;

/// Chains that were found to hold, each with the first and the last moment at which they did: what holds at two moments by
/// the same evidence holds between them.
#[derive(Debug, Default)]
pub(super) struct Chains(HashMap<String, (i64, i64)>);

impl Chains {
    /// Verifies the chain of an entry as of its time, and that it gives the authority that is recorded. Gives the code of what
    /// is wrong.
    pub(super) fn check(
        &mut self,
        attached: &Attached,
        at: i64,
        entry: &Json<'_>,
        effective: &Authority,
    ) -> Result<Chain, String> {
        let name = ["chain", "evidence", "effective", "agent", "principal", "verifier"]
            .map(|name| entry.get(name).map(jcs::canonicalize).unwrap_or_default())
            .join("\n");
        if let Some((first, last)) = self.0.get(&name)
            && (*first..=*last).contains(&at)
        {
            return Ok(Chain::Verified);
        }
        let Some(evidence) = evidence(attached, entry) else { return Ok(Chain::Missing) };
        let Some(compact) = compact(attached, entry) else { return Ok(Chain::Missing) };
        again(&compact, &evidence, at, entry, effective)?;
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let (first, last) = self.0.entry(name).or_insert((at, at));
        (*first, *last) = ((*first).min(at), (*last).max(at));
        Ok(Chain::Verified)
    }
}

/// The verifier's own judgement.
fn again(
    compact: &str,
    evidence: &Evidence,
    at: i64,
    entry: &Json<'_>,
    effective: &Authority,
) -> Result<(), String> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
    let (agent, principal) = (text("agent").parse::<Did>(), text("principal").parse::<Did>());
    let (Ok(agent), Ok(principal)) = (agent, principal) else { return Err("malformed".to_owned()) };
    // Whom the service trusted for what, and how old its evidence might be, is no part of the record: what the principal
    // may give is bounded by what was recorded, below.
    let mut trust = Trust::new(text("verifier"));
    trust.roots.insert(principal, Authority::everything());
    trust.vouched = true;
    (trust.max_document_age, trust.max_status_age) = (LONG, LONG);
    (trust.max_unrevocable, trust.max_offline_child) = (LONG, LONG);
    // Who signed the request is told by the receipt; the signature itself is not kept.
    let vouched = Vouched { agent: &agent, known_by: "replay", at };
    let code = |denial: legation_verifier::Denial| denial.code.as_str().to_owned();
    let presentation = parse_vouched(compact, vouched, &trust).map_err(code)?;
    let chain = verify(&presentation, &trust, evidence, presentation.nonce(), at).map_err(code)?;
    if effective.is_within(chain.effective()) { Ok(()) } else { Err("authority_widened".to_owned()) }
}

fn evidence(attached: &Attached, entry: &Json<'_>) -> Option<Evidence> {
    let limits = Trust::new("").limits;
    let mut evidence = Evidence::new();
    for used in entry.get("evidence").and_then(Json::as_array)? {
        let text = |name: &str| used.get(name).and_then(Json::as_str);
        let bytes = attached.get(text("digest")?)?;
        let fetched_at = time::parse(text("fetchedAt")?, time::Round::Down)?;
        let id = text("id")?;
        match id.parse::<Did>() {
            Ok(did) => evidence.add_document(&did, bytes.as_bytes(), fetched_at).ok()?,
            Err(_) => evidence.add_status_list(id, bytes, fetched_at, limits.status_entries),
        }
    }
    Some(evidence)
}

/// The links, as they stand in a header.
fn compact(attached: &Attached, entry: &Json<'_>) -> Option<String> {
    let links = entry.get("chain").and_then(Json::as_array)?;
    let token = |link: &Json<'_>| Some(secured::to_token(attached.get(link.as_str()?)?).into_owned());
    let tokens: Vec<String> = links.iter().map(token).collect::<Option<_>>()?;
    (!tokens.is_empty()).then(|| tokens.join("~"))
}
