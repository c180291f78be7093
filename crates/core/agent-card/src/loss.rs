//! What may not be left out of a card that is signed: who has to prove what to call it, and where.
//!
//! Leaving out a member that A2A 1.0 does not know is harmless in most places. In a security
//! requirement it makes the requirement weaker, in a scheme or an interface it makes it another one: signed,
//! `{"b": ["read"]}` in place of `{"schemes": {"b": {"list": ["read"]}}}` would be `{}`, by which no
//! credentials are needed (A2A 1.0 §4.5, §5.5).

use crate::schema::Message;
use legation_keys::{Json, json::Object};

/// What A2A 0.3 writes into a scheme; official servers add it beside what 1.0 says of the same scheme.
const FLAT: [&str; 9] = [
    "type",
    "description",
    "in",
    "name",
    "scheme",
    "bearerFormat",
    "flows",
    "openIdConnectUrl",
    "oauth2MetadataUrl",
];

/// The members of a card or a skill that say who may call, and where.
const GUARDED: [&str; 3] = ["securityRequirements", "securitySchemes", "supportedInterfaces"];

/// What would have to be written in place of what is lost, by the message that loses it.
pub(crate) fn instead(message: &str) -> &'static str {
    match message {
        "AgentCard" | "AgentSkill" => "`securityRequirements`, `securitySchemes` and `supportedInterfaces`",
        "AgentInterface" => "`url`, `protocolBinding`, `protocolVersion` and `tenant`",
        "SecurityRequirement" | "StringList" => r#"`{"schemes":{"NAME":{"list":["SCOPE"]}}}`"#,
        "SecurityScheme" => {
            r#"a scheme that is named for its kind, such as `{"httpAuthSecurityScheme":{"scheme":"bearer"}}`"#
        }
        _ => "the members that A2A 1.0 §4.5 has for this kind of scheme",
    }
}

/// Whether a message loses what it says when the member `name`, which its schema does not know, is left
/// out. `empty` says whether it says nothing, `left` is what stays.
pub(crate) fn loses(schema: &Message, name: &str, empty: bool, left: &Object<'_>) -> bool {
    let says = |name: &str| left.get(name).is_some_and(|value| !is_empty(value));
    match schema.name {
        "AgentCard" | "AgentSkill" => match name {
            "security" => !empty && !says("securityRequirements"),
            "url" | "preferredTransport" | "additionalInterfaces" => !says("supportedInterfaces"),
            _ => GUARDED
                .iter()
                .any(|guarded| schema.field(guarded).is_some() && letters(guarded).eq(letters(name))),
        },
        "AgentProvider" | "AgentCapabilities" | "AgentExtension" => false,
        "AgentInterface" => name != "transport" || !says("protocolBinding"),
        "SecurityScheme" => !FLAT.contains(&name) || left.is_empty(),
        // A requirement, or inside a scheme.
        _ => true,
    }
}

/// The letters of a name: the proto's own `security_requirements` is what its author meant, too.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// Whether a value says nothing.
pub(crate) fn is_empty(value: &Json<'_>) -> bool {
    match value {
        Json::Null => true,
        Json::Array(elements) => elements.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::String(text) => text.is_empty(),
        _ => false,
    }
}
