//! Codes by which somebody signs in to the console.

use super::{
    admins::{actions_of, no_more_than},
    asked::Asked,
    endpoint::Endpoint,
    error::ApiError,
};
use legation_keys::time;
use legation_registry::{console::CODE_LIFE, identity::Role};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::make(
    ("/v1/console-codes", "admin:console.code"),
    "Make a code by which somebody signs in to the console, once and within ten minutes, with a role that may do no more than whoever asks.",
    ("MakeConsoleCode", "ConsoleCode"),
    make,
)
.with_secret()];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Make {
    role: Role,
}

fn make(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let Make { role } = asked.body()?;
    if let Some(own) = asked.authority {
        no_more_than(own, asked.registry, &actions_of(role))?;
    }
    let code = asked.registry.new_console_code(role, asked.now)?;
    let until = time::format(asked.now.saturating_add(CODE_LIFE));
    Ok(json!({"code": code.as_str(), "role": role.name(), "until": until}))
}
