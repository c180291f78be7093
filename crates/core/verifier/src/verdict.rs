//! The answer as JSON, as `schemas/verdict.schema.json` describes it: the same from the command and in every language.

use crate::{Code, Denial, Used, VerifiedChain, approval_request};
use legation_credential::Request;
use legation_keys::{base64url, time};
use serde_json::{Map, Value, json};

/// What was said yes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yes {
    /// The chain holds; nothing was asked for.
    Valid,
    /// The request is permitted, and committed.
    Permit,
}

/// The answer. `chain` is there as soon as it holds, also where the request is then denied; `request` is what was asked for.
///
/// ```
/// use legation_verifier::{Code, Denial, verdict::to_json};
/// let denial = Denial::new(Code::Expired, "a link that is valid now", "one that has ended");
/// let json = to_json(Err(&denial), None, None);
/// assert_eq!((json["decision"].as_str(), json["code"].as_str()), (Some("deny"), Some("expired")));
/// ```
#[must_use]
pub fn to_json(
    answer: Result<Yes, &Denial>,
    chain: Option<&VerifiedChain>,
    request: Option<&Request>,
) -> Value {
    let mut json = Map::new();
    for name in ["code", "link", "reason", "principal", "agent", "effective"] {
        json.insert(name.to_owned(), Value::Null);
    }
    for name in ["chain", "evidence"] {
        json.insert(name.to_owned(), Value::Array(Vec::new()));
    }
    let mut set = |name: &str, value: Value| json.insert(name.to_owned(), value);
    match answer {
        Ok(Yes::Valid) => drop(set("decision", "valid".into())),
        Ok(Yes::Permit) => drop(set("decision", "permit".into())),
        Err(denial) => {
            set("decision", "deny".into());
            set("code", denial.code.as_str().into());
            set("link", denial.link.into());
            set("reason", denial.code.cause().into());
            set("expected", denial.expected.as_str().into());
            set("found", denial.found.as_str().into());
            set("cure", denial.code.cure().into());
            if let (Code::ApprovalRequired, Some(chain), Some(request)) = (denial.code, chain, request) {
                set("approval", approval_request(chain, request).to_json());
            }
        }
    }
    if let Some(chain) = chain {
        let links = chain.links().iter().map(|link| {
            json!({
                "issuer": link.issuer.as_str(), "subject": link.subject.as_str(),
                "digest": base64url::encode(&link.digest), "validUntil": time::format(link.valid_until),
            })
        });
        set("chain", links.collect());
        set("principal", chain.principal().as_str().into());
        set("agent", chain.agent().as_str().into());
        set("effective", chain.effective().to_json());
        set("evidence", chain.evidence().iter().map(Used::to_json).collect());
    }
    Value::Object(json)
}
