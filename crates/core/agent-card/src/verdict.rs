//! The answer on a card as JSON, as `schemas/card-verdict.schema.json` describes it: the same from the command and in every
//! language.

use crate::{Binding, VerifiedCard, error::Failure};
use serde_json::{Value, json};

/// A verified card; without a binding where a JWK set verified it.
#[must_use]
pub fn verified(card: &VerifiedCard, binding: Option<&Binding>) -> Value {
    let binding = match binding {
        None => Value::Null,
        Some(Binding::KeyOnly) => json!({"type": "key"}),
        Some(Binding::Domain { origin }) => json!({"type": "domain", "origin": origin}),
    };
    json!({
        "decision": "valid", "code": null, "reason": null, "failures": [],
        "did": card.did().map(legation_did::Did::as_str), "form": card.form().to_string(),
        "keyId": card.key_id(), "algorithm": card.algorithm().jose(), "binding": binding,
        "handshake": card.handshake(),
        "delegation": card.delegation().map(|required| json!({"required": required})),
        "uncovered": card.uncovered().paths(), "card": card.card(),
    })
}

/// A card that is refused: the code of the rule that it breaks, the reason, and what is wrong with each signature.
#[must_use]
pub fn denied(code: &str, reason: &str, failures: &[Failure]) -> Value {
    let failures = failures.iter().map(|Failure { index, reason }| {
        json!({"index": index, "code": reason.code(), "reason": reason.to_string()})
    });
    json!({
        "decision": "deny", "code": code, "reason": reason, "failures": failures.collect::<Vec<_>>(),
        "did": null, "form": null, "keyId": null, "algorithm": null, "binding": null, "handshake": null,
        "delegation": null, "uncovered": [], "card": null,
    })
}
