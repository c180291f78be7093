//! Security Event Tokens (RFC 8417) as Shared Signals and CAEP have them, and alerts. All claims are built here, so that
//! nobody has a token signed that could be another one.

use crate::{
    access_token,
    ask::{self, Key},
    master::Master,
    refused::{Refused, shorten},
    rsa::{ALGORITHM, RsaKey},
    signing,
    verbs::{key_place, name},
};
use legation_credential::CredentialError;
use legation_keys::{
    json::{self, Json, JsonLimits},
    jws,
};
use serde_json::{Map, Value, json};

/// The `typ` of a token (RFC 8417 §2.3).
const TYPE: &str = "secevent+jwt";
/// The `typ` of an alert's signature, and the `type` of an alert.
const ALERT: (&str, &str) = ("alert+jwt", "LegationAlert");
/// Bounds on what an event says, and on its subject.
const LIMITS: JsonLimits = JsonLimits { bytes: 16 * 1024, depth: 8 };
/// The events that are signed: what CAEP 1.0 has for what happens to a delegation, and the two of a stream itself (SSF 1.0
/// §8.1.4, §8.1.5).
const EVENTS: [&str; 5] = [
    "https://schemas.openid.net/secevent/caep/event-type/credential-change",
    "https://schemas.openid.net/secevent/caep/event-type/risk-level-change",
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
    "https://schemas.openid.net/secevent/ssf/event-type/stream-updated",
    "https://schemas.openid.net/secevent/ssf/event-type/verification",
];

/// Signs a token of one event. Neither `sub` nor `exp` is in it (SSF 1.0 §4.1.1, §4.1.7).
pub(crate) fn security_event(request: &ask::SecurityEvent, master: &Master) -> Result<String, Refused> {
    let ask::SecurityEvent { key, issuer, audience, jti, issued_at, .. } = request;
    for (member, text) in [("issuer", issuer), ("audience", audience), ("jti", jti)] {
        name(member, text)?;
    }
    // A key that was made as one issuer's signs for no other.
    let fragment = key.key_id.strip_prefix(issuer.as_str()).and_then(|rest| rest.strip_prefix('#'));
    // Nor does one that was made for tokens.
    if fragment.is_none_or(|fragment| fragment.starts_with(access_token::FRAGMENT)) {
        return Err(Refused::EventIssuer { issuer: shorten(issuer), key_id: shorten(&key.key_id) });
    }
    if !EVENTS.contains(&request.event.as_str()) {
        return Err(Refused::Event { found: shorten(&request.event) });
    }
    let (subject, said) = (object(&request.subject)?, object(&request.said)?);
    if !subject.get("format").is_some_and(Value::is_string) {
        return Err(Refused::Subject);
    }
    let mut claims = json!({
        "iss": issuer, "aud": audience, "jti": jti, "iat": issued_at, "sub_id": subject,
        "events": {request.event.as_str(): said},
    });
    if let (Some(txn), Some(claims)) = (&request.txn, claims.as_object_mut()) {
        claims.insert("txn".to_owned(), name("txn", txn)?.into());
    }
    let key = opened(key, master)?;
    let jwk = key.public_jwk()?;
    let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
    Ok(jws::sign_by(ALGORITHM, TYPE, kid, claims.to_string().as_bytes(), |input| key.sign(input))?)
}

/// Signs an alert of its organization, byte for byte as it stands.
pub(crate) fn alert(request: &ask::Alert, master: &Master) -> Result<String, Refused> {
    let issuer = signing::did("issuer", &request.issuer)?;
    let (typ, kind) = ALERT;
    let alert = object(&request.alert)?;
    let text = |name: &str| alert.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("type") != kind {
        return Err(Refused::AlertType { found: shorten(text("type")) });
    }
    if text("organization") != issuer.as_str() {
        return Err(Refused::Issuer { issuer, key_id: shorten(&request.key.key_id) });
    }
    let signer = signing::opened(&request.key, master)?;
    let method = signing::method(&issuer, &request.key.key_id, &signer)?;
    Ok(jws::sign(typ, &method, request.alert.as_bytes(), &signer)?)
}

/// A JSON object, read strictly: no name twice, no number that two readers would read differently.
fn object(text: &str) -> Result<Map<String, Value>, Refused> {
    let strict = json::parse(text.as_bytes(), LIMITS).map_err(CredentialError::from)?;
    let is_object = matches!(strict, Json::Object(_));
    let read = serde_json::from_str(text).ok().filter(|_| is_object);
    read.ok_or_else(|| Refused::NoObject { found: strict.kind() })
}

fn opened(key: &Key, master: &Master) -> Result<RsaKey, Refused> {
    let der = master.open(key_place(&key.organization, &key.key_id)?, &key.sealed.0)?;
    Ok(RsaKey::from_pkcs8(&der)?)
}
