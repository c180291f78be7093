//! Cards of A2A 0.3, which are still published. They are read, as a 1.0 card that nobody vouches for:
//! 0.3 signatures cover other bytes, under rules that its SDKs did not share.

use crate::{
    UnverifiedCard,
    error::{CardError, LIMITS},
    form,
};
use legation_keys::{Json, json};
use serde_json::{Map, Value, json};

/// Whether a card is of A2A 0.3: it has `url` or a `protocolVersion` of 0, and no `supportedInterfaces`.
pub(crate) fn is_legacy(card: &Json<'_>) -> bool {
    let version = card.get("protocolVersion").and_then(Json::as_str);
    let old = card.get("url").is_some() || version.is_some_and(|version| version.starts_with("0."));
    old && card.get("supportedInterfaces").is_none()
}

/// Reads a card of A2A 0.3 and converts it to 1.0. **Nothing in it is verified**, and its signatures
/// are not handed on.
///
/// | 0.3 | 1.0 |
/// |---|---|
/// | `url`, `preferredTransport`, `protocolVersion` | the first of `supportedInterfaces` |
/// | `additionalInterfaces` | the others |
/// | `security`, of the card and of a skill | `securityRequirements` |
/// | `type` of a scheme, `in` of an API key | the member that is named for it, `location` |
/// | `supportsAuthenticatedExtendedCard: true` | `capabilities.extendedAgentCard` |
///
/// # Errors
/// [`CardError`]; a card of A2A 1.0 is [`CardError::NotLegacy`].
///
/// ```
/// use legation_agent_card::legacy;
/// let card = legacy::read(br#"{"protocolVersion":"0.3.0","name":"A","url":"https://a.example/a2a"}"#)?;
/// assert_eq!(card["supportedInterfaces"][0]["protocolBinding"], "JSONRPC");
/// # Ok::<(), legation_agent_card::CardError>(())
/// ```
pub fn read(bytes: &[u8]) -> Result<Value, CardError> {
    let json = json::parse(bytes, LIMITS)?;
    if !is_legacy(&json) {
        return Err(CardError::NotLegacy);
    }
    let Value::Object(mut card) = form::value(&json) else { return Err(CardError::NotLegacy) };
    interfaces(&mut card);
    requirements(&mut card)?;
    for skill in card.get_mut("skills").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(skill) = skill.as_object_mut() {
            requirements(skill)?;
        }
    }
    for scheme in card.get_mut("securitySchemes").and_then(Value::as_object_mut).into_iter().flatten() {
        wrap(scheme.1);
    }
    if card.get("supportsAuthenticatedExtendedCard") == Some(&Value::Bool(true)) {
        let capabilities = card.entry("capabilities").or_insert_with(|| json!({}));
        if let Some(capabilities) = capabilities.as_object_mut() {
            capabilities.insert("extendedAgentCard".to_owned(), true.into());
        }
    }
    card.remove("signatures");
    let text = Value::Object(card).to_string();
    Ok(form::value(&UnverifiedCard::parse(text.as_bytes())?.spec))
}

fn interfaces(card: &mut Map<String, Value>) {
    let version = card.get("protocolVersion").cloned().unwrap_or_else(|| "0.3.0".into());
    let transport = card.get("preferredTransport").cloned().unwrap_or_else(|| "JSONRPC".into());
    let mut found = Vec::new();
    let mut add = |url: Option<&Value>, transport: Option<&Value>| {
        if let (Some(url), Some(transport)) = (url, transport) {
            let interface = json!({"url": url, "protocolBinding": transport, "protocolVersion": version});
            // Additional interfaces SHOULD repeat the main one (A2A 0.3 §5.6.1).
            if !found.contains(&interface) {
                found.push(interface);
            }
        }
    };
    add(card.get("url"), Some(&transport));
    for one in card.get("additionalInterfaces").and_then(Value::as_array).into_iter().flatten() {
        add(one.get("url"), one.get("transport"));
    }
    card.insert("supportedInterfaces".to_owned(), found.into());
}

/// `[{"google": ["openid"]}]` to `[{"schemes": {"google": {"list": ["openid"]}}}]`. What is of another kind
/// is refused: left out, it would make a card that asks for no credentials.
fn requirements(owner: &mut Map<String, Value>) -> Result<(), CardError> {
    let wrong = |expected, found| CardError::Kind { at: "security".to_owned(), expected, found };
    let converted = match owner.remove("security") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(all)) => all.into_iter().map(|one| match one {
            Value::Object(one) => {
                let schemes: Map<_, _> =
                    one.into_iter().map(|(name, scopes)| (name, json!({"list": scopes}))).collect();
                Ok(json!({"schemes": schemes}))
            }
            _ => Err(wrong("objects", "an array with something else")),
        }),
        Some(_) => return Err(wrong("an array", "something else")),
    };
    let converted: Vec<Value> = converted.collect::<Result<_, _>>()?;
    owner.insert("securityRequirements".to_owned(), converted.into());
    Ok(())
}

/// A scheme that tells its kind by `type` becomes one that is named for it; of an unknown type it
/// becomes one of no kind, which nobody can meet.
fn wrap(scheme: &mut Value) {
    let Some(members) = scheme.as_object_mut() else { return };
    let Some(kind) = members.remove("type") else { return };
    let name = match kind.as_str() {
        Some("apiKey") => "apiKeySecurityScheme",
        Some("http") => "httpAuthSecurityScheme",
        Some("oauth2") => "oauth2SecurityScheme",
        Some("openIdConnect") => "openIdConnectSecurityScheme",
        Some("mutualTLS") => "mtlsSecurityScheme",
        _ => return members.clear(),
    };
    if let Some(location) = members.remove("in") {
        members.insert("location".to_owned(), location);
    }
    *scheme = json!({name: core::mem::take(members)});
}
