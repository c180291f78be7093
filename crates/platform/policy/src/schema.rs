//! What a policy can speak of: one schema for all of them, so that what holds against it evaluates without surprises.

use cedar_policy::{Schema, Validator};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Whom, what, and the context, as they stand in the schema.
const FIXED: &str = include_str!("schema.cedarschema");
/// The families of actions: an action that is none of [`KNOWN`] is its family's, and `context.action` says it in full.
pub const FAMILIES: [&str; 6] = ["model", "http", "mcp", "a2a", "admin", "other"];
/// Actions that have names of their own, each in its family.
pub const KNOWN: [&str; 18] = [
    "model:chat",
    "model:embed",
    "model:count-tokens",
    "model:image",
    "model:speak",
    "model:transcribe",
    "model:file-read",
    "model:file-write",
    "model:batch-read",
    "model:batch-write",
    "http:GET",
    "http:HEAD",
    "http:POST",
    "http:PUT",
    "http:PATCH",
    "http:DELETE",
    "http:OPTIONS",
    "http:WEBSOCKET",
];

/// The schema as Cedar writes it, for people and other tools.
#[must_use]
pub fn text() -> String {
    let mut text = FIXED.to_owned();
    let applies = "appliesTo { principal: [Agent, Admin, Foreign], resource: [Model, Resource], context: Situation };\n";
    for family in FAMILIES {
        text.extend(["\naction \"", family, "\" ", applies]);
    }
    for known in KNOWN {
        text.extend(["\naction \"", known, "\" in [\"", family(known), "\"] ", applies]);
    }
    text
}

/// The family of an action.
pub(crate) fn family(action: &str) -> &'static str {
    let begins = action.split(':').next().unwrap_or_default();
    FAMILIES.into_iter().find(|family| *family == begins).unwrap_or("other")
}

/// SHA-256 of the schema: what a text was held against.
#[must_use]
pub fn digest() -> [u8; 32] {
    static DIGEST: LazyLock<[u8; 32]> = LazyLock::new(|| Sha256::digest(text()).into());
    *DIGEST
}

/// The schema, read. What is built in reads; a test holds that, and without it nothing is valid.
pub(crate) fn schema() -> Option<&'static Schema> {
    static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| text().parse().ok());
    SCHEMA.as_ref()
}

/// What texts are held against.
pub(crate) fn validator() -> Option<&'static Validator> {
    static VALIDATOR: LazyLock<Option<Validator>> = LazyLock::new(|| schema().cloned().map(Validator::new));
    VALIDATOR.as_ref()
}
