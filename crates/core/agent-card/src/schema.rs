//! The members of an Agent Card, as data: the tree of messages under `AgentCard` in A2A 1.0's
//! `a2a.proto`, with the names that ProtoJSON gives them.
//!
//! A test holds the table against the descriptors of the official SDK. `AgentCard.signatures` is
//! not in it: what is signed excludes it (A2A §8.4.1), and it is read by itself.

/// One message: its members, and whether at most one of them may be set.
#[derive(Debug)]
pub(crate) struct Message {
    /// The name in the proto.
    pub(crate) name: &'static str,
    /// Whether the members are alternatives (`oneof`).
    pub(crate) one_of: bool,
    /// The members.
    pub(crate) fields: &'static [Field],
}

/// One member of a message.
#[derive(Debug)]
pub(crate) struct Field {
    /// The ProtoJSON name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// Whether a value that equals the default is told from none.
    pub(crate) presence: Presence,
}

/// What a member holds. A card has no number outside a `Struct`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A boolean.
    Bool,
    /// Another message.
    Message(&'static Message),
    /// `google.protobuf.Struct`: any JSON object, numbers among its values.
    Struct,
    /// A list of strings.
    Texts,
    /// A list of messages.
    Messages(&'static Message),
    /// An object of strings by name.
    TextMap,
    /// An object of messages by name.
    MessageMap(&'static Message),
}

/// When a member stays in the canonical form (A2A §5.7, §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// `REQUIRED`: always, even if empty.
    Required,
    /// `optional`, or a single message, which proto3 gives presence: whenever it is set.
    Explicit,
    /// Only with another value than the default.
    Implicit,
}

impl Message {
    /// The member of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

const fn message(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, one_of: false, fields }
}

const fn one_of(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, one_of: true, fields }
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, presence: Presence::Required }
}

const fn explicit(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, presence: Presence::Explicit }
}

const fn implicit(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, presence: Presence::Implicit }
}

/// The root.
pub(crate) static AGENT_CARD: Message = message(
    "AgentCard",
    &[
        required("name", Kind::Text),
        required("description", Kind::Text),
        required("supportedInterfaces", Kind::Messages(&AGENT_INTERFACE)),
        explicit("provider", Kind::Message(&AGENT_PROVIDER)),
        required("version", Kind::Text),
        explicit("documentationUrl", Kind::Text),
        required("capabilities", Kind::Message(&AGENT_CAPABILITIES)),
        implicit("securitySchemes", Kind::MessageMap(&SECURITY_SCHEME)),
        implicit("securityRequirements", Kind::Messages(&SECURITY_REQUIREMENT)),
        required("defaultInputModes", Kind::Texts),
        required("defaultOutputModes", Kind::Texts),
        required("skills", Kind::Messages(&AGENT_SKILL)),
        explicit("iconUrl", Kind::Text),
    ],
);

static AGENT_INTERFACE: Message = message(
    "AgentInterface",
    &[
        required("url", Kind::Text),
        required("protocolBinding", Kind::Text),
        implicit("tenant", Kind::Text),
        required("protocolVersion", Kind::Text),
    ],
);

static AGENT_PROVIDER: Message =
    message("AgentProvider", &[required("url", Kind::Text), required("organization", Kind::Text)]);

static AGENT_CAPABILITIES: Message = message(
    "AgentCapabilities",
    &[
        explicit("streaming", Kind::Bool),
        explicit("pushNotifications", Kind::Bool),
        implicit("extensions", Kind::Messages(&AGENT_EXTENSION)),
        explicit("extendedAgentCard", Kind::Bool),
    ],
);

static AGENT_EXTENSION: Message = message(
    "AgentExtension",
    &[
        implicit("uri", Kind::Text),
        implicit("description", Kind::Text),
        implicit("required", Kind::Bool),
        explicit("params", Kind::Struct),
    ],
);

static AGENT_SKILL: Message = message(
    "AgentSkill",
    &[
        required("id", Kind::Text),
        required("name", Kind::Text),
        required("description", Kind::Text),
        required("tags", Kind::Texts),
        implicit("examples", Kind::Texts),
        implicit("inputModes", Kind::Texts),
        implicit("outputModes", Kind::Texts),
        implicit("securityRequirements", Kind::Messages(&SECURITY_REQUIREMENT)),
    ],
);

static SECURITY_REQUIREMENT: Message =
    message("SecurityRequirement", &[implicit("schemes", Kind::MessageMap(&STRING_LIST))]);

static STRING_LIST: Message = message("StringList", &[implicit("list", Kind::Texts)]);

static SECURITY_SCHEME: Message = one_of(
    "SecurityScheme",
    &[
        explicit("apiKeySecurityScheme", Kind::Message(&API_KEY)),
        explicit("httpAuthSecurityScheme", Kind::Message(&HTTP_AUTH)),
        explicit("oauth2SecurityScheme", Kind::Message(&OAUTH2)),
        explicit("openIdConnectSecurityScheme", Kind::Message(&OPEN_ID_CONNECT)),
        explicit("mtlsSecurityScheme", Kind::Message(&MUTUAL_TLS)),
    ],
);

static API_KEY: Message = message(
    "APIKeySecurityScheme",
    &[implicit("description", Kind::Text), required("location", Kind::Text), required("name", Kind::Text)],
);

static HTTP_AUTH: Message = message(
    "HTTPAuthSecurityScheme",
    &[
        implicit("description", Kind::Text),
        required("scheme", Kind::Text),
        implicit("bearerFormat", Kind::Text),
    ],
);

static OAUTH2: Message = message(
    "OAuth2SecurityScheme",
    &[
        implicit("description", Kind::Text),
        required("flows", Kind::Message(&OAUTH_FLOWS)),
        implicit("oauth2MetadataUrl", Kind::Text),
    ],
);

static OPEN_ID_CONNECT: Message = message(
    "OpenIdConnectSecurityScheme",
    &[implicit("description", Kind::Text), required("openIdConnectUrl", Kind::Text)],
);

static MUTUAL_TLS: Message = message("MutualTlsSecurityScheme", &[implicit("description", Kind::Text)]);

static OAUTH_FLOWS: Message = one_of(
    "OAuthFlows",
    &[
        explicit("authorizationCode", Kind::Message(&AUTHORIZATION_CODE)),
        explicit("clientCredentials", Kind::Message(&CLIENT_CREDENTIALS)),
        explicit("implicit", Kind::Message(&IMPLICIT)),
        explicit("password", Kind::Message(&PASSWORD)),
        explicit("deviceCode", Kind::Message(&DEVICE_CODE)),
    ],
);

static AUTHORIZATION_CODE: Message = message(
    "AuthorizationCodeOAuthFlow",
    &[
        required("authorizationUrl", Kind::Text),
        required("tokenUrl", Kind::Text),
        implicit("refreshUrl", Kind::Text),
        required("scopes", Kind::TextMap),
        implicit("pkceRequired", Kind::Bool),
    ],
);

static CLIENT_CREDENTIALS: Message = message(
    "ClientCredentialsOAuthFlow",
    &[
        required("tokenUrl", Kind::Text),
        implicit("refreshUrl", Kind::Text),
        required("scopes", Kind::TextMap),
    ],
);

static IMPLICIT: Message = message(
    "ImplicitOAuthFlow",
    &[
        implicit("authorizationUrl", Kind::Text),
        implicit("refreshUrl", Kind::Text),
        implicit("scopes", Kind::TextMap),
    ],
);

static PASSWORD: Message = message(
    "PasswordOAuthFlow",
    &[
        implicit("tokenUrl", Kind::Text),
        implicit("refreshUrl", Kind::Text),
        implicit("scopes", Kind::TextMap),
    ],
);

static DEVICE_CODE: Message = message(
    "DeviceCodeOAuthFlow",
    &[
        required("deviceAuthorizationUrl", Kind::Text),
        required("tokenUrl", Kind::Text),
        implicit("refreshUrl", Kind::Text),
        required("scopes", Kind::TextMap),
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    /// One line per member, in the form of `tests/interop/schema.txt`.
    fn describe(message: &'static Message, seen: &mut Vec<&'static str>, out: &mut Vec<String>) {
        if seen.contains(&message.name) {
            return;
        }
        seen.push(message.name);
        for field in message.fields {
            let (kind, inner) = match field.kind {
                Kind::Text => ("string", None),
                Kind::Bool => ("bool", None),
                Kind::Struct => ("Struct", None),
                Kind::Texts => ("repeated string", None),
                Kind::TextMap => ("map string", None),
                Kind::Message(inner) => ("", Some(inner)),
                Kind::Messages(inner) => ("repeated ", Some(inner)),
                Kind::MessageMap(inner) => ("map ", Some(inner)),
            };
            let mut line = format!("{}.{}: {kind}", message.name, field.name);
            if let Some(inner) = inner {
                line.push_str(inner.name);
                describe(inner, seen, out);
            }
            let alternative = if message.one_of { " oneof" } else { "" };
            write!(line, " {:?}{alternative}", field.presence).unwrap();
            out.push(line);
        }
    }

    #[test]
    fn the_table_is_that_of_the_official_descriptors() {
        let mut lines = Vec::new();
        describe(&AGENT_CARD, &mut Vec::new(), &mut lines);
        lines.sort_unstable();
        let wanted: Vec<_> = include_str!("../tests/interop/schema.txt").lines().collect();
        assert_eq!(lines, wanted);
    }
}
