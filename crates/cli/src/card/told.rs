//! What is said of a card that was verified or refused.

use crate::output::{Output, one_line};
use legation_agent_card::{Binding, Form, VerifiedCard, VerifyError, error::Failure, verdict};
use serde_json::Value;

/// A card that is refused, with the rule that it breaks.
pub(super) struct Denied {
    pub(super) code: &'static str,
    pub(super) reason: String,
    /// What is wrong with each signature, where none is valid.
    pub(super) failures: Vec<Failure>,
}

impl Denied {
    pub(super) fn new(code: &'static str, reason: impl ToString) -> Self {
        Self { code, reason: reason.to_string(), failures: Vec::new() }
    }
}

impl From<VerifyError> for Denied {
    fn from(error: VerifyError) -> Self {
        let (code, reason) = (error.code(), error.to_string());
        let failures = match error {
            VerifyError::NoneValid { failures, .. } => failures,
            _ => Vec::new(),
        };
        Self { code, reason, failures }
    }
}

/// A refused card.
pub(super) fn denied(denied: &Denied) -> Output {
    let mut text = format!("deny: {}\n  {}\n", denied.code, one_line(&denied.reason));
    for Failure { index, reason } in &denied.failures {
        let why = one_line(&reason.to_string());
        text.push_str(&format!("  signature {index}: {}: {why}\n", reason.code()));
    }
    let json = verdict::denied(denied.code, &denied.reason, &denied.failures);
    Output { json, text, notes: Vec::new(), exit: 1 }
}

/// A verified card; without a binding where a JWK set verified it.
pub(super) fn verified(card: &VerifiedCard, binding: Option<&Binding>) -> Output {
    let json = verdict::verified(card, binding);
    let mut output = Output::done(json, text(card, binding));
    if !card.uncovered().is_empty() {
        output.notes.push(format!(
            "the signature does not cover these members, which are no part of the card: {}",
            card.uncovered()
        ));
    }
    if card.form() == Form::Sdk {
        output.notes.push(
            "only the SDK form verified: empty members, such as a security requirement without scopes, may have been \
             added or removed by somebody else"
                .to_owned(),
        );
    }
    output
}

fn text(card: &VerifiedCard, binding: Option<&Binding>) -> String {
    let member =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let who = card.did().map_or("no DID is proven", legation_did::Did::as_str);
    let mut lines = vec![format!("valid: {who}, the card of `{}`", member(card.card(), "name"))];
    let form = match (card.form(), card.uncovered().is_empty()) {
        (Form::Spec, true) => "spec: every member is covered",
        (Form::Spec, false) => "spec: every member that A2A 1.0 knows is covered, and no other one",
        (Form::Sdk, _) => "sdk: members that are empty are not covered",
    };
    lines.push(format!("  form       {form}"));
    lines.push(format!("  key        {} ({})", card.key_id(), card.algorithm()));
    lines.push(format!(
        "  tie        {}",
        match binding {
            None => "none: a JWK set proves no DID and no domain".to_owned(),
            Some(Binding::KeyOnly) => "the key only: no domain vouches for the card".to_owned(),
            Some(Binding::Domain { origin }) => {
                format!("{origin}: each interface is there, or at a service that the DID's document names")
            }
        }
    ));
    match card.delegation() {
        None => {}
        Some(true) => lines.push("  delegation required".to_owned()),
        Some(false) => lines.push("  delegation understood".to_owned()),
    }
    if let Some(url) = card.handshake() {
        lines.push(format!("  handshake  {url}"));
    }
    for interface in card.card().get("supportedInterfaces").and_then(Value::as_array).into_iter().flatten() {
        let (url, kind) = (member(interface, "url"), member(interface, "protocolBinding"));
        lines.push(format!("  interface  {url} {kind}"));
    }
    lines.iter().map(|line| one_line(line)).collect::<Vec<_>>().join("\n")
}
