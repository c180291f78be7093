//! Agent cards.

use super::{Told, Wrong};
use legation_agent_card::{CardError, UnverifiedCard, legacy};
use serde_json::{Value, json};

pub(super) fn card(text: &str) -> Result<Told, Wrong> {
    let wrong = |error: CardError| (error.code(), error.to_string());
    let card = match UnverifiedCard::parse(text.as_bytes()) {
        Err(CardError::Legacy) => return legacy(text),
        card => card.map_err(wrong)?,
    };
    let did = card.claimed_did().map_err(wrong)?;
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let mut lines = said(&json);
    lines.push(match &did {
        Some(did) => format!("It says that its DID is {did}."),
        None => "It names no DID, so that nobody can tell whose it is.".to_owned(),
    });
    let signatures = card.signature_count();
    lines.push(match signatures {
        0 => "It is not signed.".to_owned(),
        1 => "It has one signature.".to_owned(),
        many => format!("It has {many} signatures."),
    });
    if !card.dropped().is_empty() {
        lines.push(format!("A2A 1.0 does not know these members, which nobody signs: {}.", card.dropped()));
    }
    let json = json!({
        "protocol": "1.0", "name": json.get("name"), "did": did.as_ref().map(|did| did.as_str()),
        "interfaces": texts(&json, "supportedInterfaces", "url"), "skills": texts(&json, "skills", "id"),
        "signatures": signatures, "unknownMembers": card.dropped().paths(),
    });
    Ok(Told::new(lines, json))
}

/// A card of A2A 0.3.
fn legacy(text: &str) -> Result<Told, Wrong> {
    let card = legacy::read(text.as_bytes()).map_err(|error| (error.code(), error.to_string()))?;
    let mut lines = said(&card);
    lines.push("It is a card of A2A 0.3, whose signatures can't be verified here.".to_owned());
    let json = json!({
        "protocol": "0.3", "name": card.get("name"),
        "interfaces": texts(&card, "supportedInterfaces", "url"), "skills": texts(&card, "skills", "id"),
    });
    Ok(Told::new(lines, json))
}

fn said(card: &Value) -> Vec<String> {
    let text = |name: &str| card.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut lines = vec![format!("It is the card of `{}`, version `{}`.", text("name"), text("version"))];
    if !text("description").is_empty() {
        lines.push(format!("It describes itself so: {}", text("description")));
    }
    let (urls, skills) = (texts(card, "supportedInterfaces", "url"), texts(card, "skills", "id"));
    lines.push(match urls.as_slice() {
        [] => "It names no address.".to_owned(),
        urls => format!("It is to be called at {}.", urls.join(", ")),
    });
    if !skills.is_empty() {
        lines.push(format!("It offers {}.", skills.join(", ")));
    }
    lines
}

/// One text of each object in an array.
fn texts<'c>(card: &'c Value, array: &str, name: &str) -> Vec<&'c str> {
    let all = card.get(array).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| one.get(name).and_then(Value::as_str)).collect()
}
