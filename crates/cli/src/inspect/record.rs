//! Approvals, status lists, receipts, trust settings, and credentials of other kinds.

use super::{LIMITS, Told, Wrong, relative};
use crate::{explain, list_file, output::pretty};
use legation_credential::{
    Approval, CredentialError,
    secured::is_document,
    status::{SignedStatusList, StatusPurpose},
};
use legation_keys::{base64url, json, jws, time};
use legation_verifier::Trust;
use serde_json::{Value, json};

fn unreadable(error: &CredentialError) -> Wrong {
    (error.code(), error.to_string())
}

/// What is signed: the payload of a JWS, or the document itself.
fn payload(text: &str) -> Result<Vec<u8>, Wrong> {
    if is_document(text) {
        return Ok(text.as_bytes().to_vec());
    }
    let parts = jws::split(text).map_err(|error| ("malformed", error.to_string()))?;
    base64url::decode(parts.payload).map_err(|error| ("malformed", error.to_string()))
}

/// The same as JSON, read strictly before it is shown.
fn shown(text: &str) -> Result<Value, Wrong> {
    let payload = payload(text)?;
    json::parse(&payload, LIMITS).map_err(|error| (error.code(), error.to_string()))?;
    serde_json::from_slice(&payload).map_err(|error| ("malformed", error.to_string()))
}

pub(super) fn approval(text: &str, now: i64) -> Result<Told, Wrong> {
    let payload = payload(text)?;
    let claims = json::parse(&payload, LIMITS).map_err(|error| (error.code(), error.to_string()))?;
    let approval = match is_document(text) {
        true => Approval::from_document(&claims).map(|(approval, _)| approval),
        false => Approval::from_claims(&claims),
    };
    let approval = approval.map_err(|error| unreadable(&error))?;
    let (from, until) = (time::format(approval.valid_from), time::format(approval.valid_until));
    let relative = relative(approval.valid_from, approval.valid_until, now);
    let request = base64url::encode(&approval.request);
    let lines = vec![
        format!("{} approves one request of {}, once.", approval.issuer, approval.agent),
        format!("It names the request by its digest: {request}."),
        format!("It is valid from {from} until {until}{relative}."),
    ];
    let json = json!({
        "issuer": approval.issuer.as_str(), "agent": approval.agent.as_str(), "request": request,
        "validFrom": from, "validUntil": until,
    });
    Ok(Told::new(lines, json))
}

pub(super) fn status_list(text: &str, now: i64) -> Result<Told, Wrong> {
    let signed = SignedStatusList::parse(text, list_file::MOST).map_err(|error| unreadable(&error))?;
    let list = &signed.credential;
    let set = (0..list.list.entries()).filter(|index| list.list.get(*index) == Some(true)).count();
    let purposes: Vec<&str> = list.purposes.iter().map(|purpose| purpose.name()).collect();
    let mut lines = vec![
        format!(
            "{} publishes the {} of credentials here, in {} entries.",
            list.issuer,
            purposes.join(" and "),
            list.list.entries()
        ),
        match set {
            0 => "No entry is set.".to_owned(),
            1 => "One entry is set.".to_owned(),
            many => format!("{many} entries are set."),
        },
    ];
    lines.extend(list.id.as_ref().map(|url| format!("It is published at {url}.")));
    lines.push(format!("It was made {}.", time::format(list.valid_from)));
    if let Some(until) = list.valid_until {
        let relative = relative(list.valid_from, until, now);
        lines.push(format!("It is valid until {}{relative}.", time::format(until)));
    }
    if list.purposes.contains(&StatusPurpose::Revocation) {
        lines
            .push("Who is revoked is not to be read out of it: a delegation names its own index.".to_owned());
    }
    let seals: Vec<&str> = signed.seals.iter().map(|seal| seal.key_id.as_str()).collect();
    lines.push(format!("It says that it is signed by {}.", seals.join(" and ")));
    let json = json!({
        "issuer": list.issuer.as_str(), "url": list.id, "purposes": purposes, "entries": list.list.entries(),
        "set": set, "validFrom": time::format(list.valid_from), "validUntil": list.valid_until.map(time::format),
        "signedBy": seals,
    });
    Ok(Told::new(lines, json))
}

pub(super) fn receipt(text: &str) -> Result<Told, Wrong> {
    let receipt = shown(text)?;
    let of = |name: &str| receipt.get(name).and_then(Value::as_str);
    let decided = match of("decision") {
        Some("permit") => "permitted a request",
        Some("deny") => "denied a request",
        Some("valid") => "found a chain valid",
        Some("met") => "met an agent",
        Some("settle") => "settled what a permit really cost",
        other => return Err(("malformed", format!("`decision` is {}", other.unwrap_or("missing")))),
    };
    let who = of("verifier").unwrap_or("a verifier that it does not name");
    let mut lines = vec![format!("{who} {decided}, {}.", of("at").unwrap_or("at no time that it says"))];
    let agent = of("agent").map(|agent| format!("The agent was {agent}"));
    let principal = of("principal").map(|principal| format!(", acting for {principal}"));
    lines.extend(agent.map(|agent| format!("{agent}{}.", principal.unwrap_or_default())));
    if let Some(request) = receipt.get("request") {
        let of = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        lines.push(format!("It asked for {} on {}.", of("action"), of("resource")));
    }
    if let Some(code) = of("code") {
        let (expected, found) = (of("expected").unwrap_or_default(), of("found").unwrap_or_default());
        lines.push(format!("The rule that it broke is {code}: expected {expected}, found {found}."));
    }
    lines.push("All that it says:".to_owned());
    lines.push(pretty(&receipt));
    Ok(Told::new(lines, receipt))
}

pub(super) fn trust(text: &str) -> Result<Told, Wrong> {
    let trust = Trust::parse(text.as_bytes()).map_err(|error| ("malformed", error.to_string()))?;
    let mut lines = vec![format!("They are those of {}.", trust.audience)];
    for (root, ceiling) in &trust.roots {
        lines.push(format!("It trusts {root}, and whoever that one delegates to, within this:"));
        lines.extend(explain::authority(ceiling).lines().map(str::to_owned));
    }
    if trust.roots.is_empty() {
        lines.push("It trusts nobody: every chain is denied.".to_owned());
    }
    let roots: Vec<&str> = trust.roots.keys().map(|root| root.as_str()).collect();
    Ok(Told::new(lines, json!({"audience": trust.audience, "roots": roots})))
}

pub(super) fn other(text: &str) -> Result<Told, Wrong> {
    let credential = shown(text)?;
    let lines = vec![
        "`legation credential verify` verifies credentials of any kind.".to_owned(),
        pretty(&credential),
    ];
    Ok(Told::new(lines, credential))
}
