//! What caller and shop send one another.

use legation_keys::base64url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What an agent wants to buy.
#[derive(Clone)]
pub(super) struct Order {
    /// Where it is sent: what is ordered.
    pub(super) path: &'static str,
    /// How many.
    pub(super) quantity: i64,
    /// Where to.
    pub(super) deliver_to: &'static str,
}

impl Order {
    /// What is sent there. It names no price: that is the shop's to know.
    pub(super) fn body(&self) -> Value {
        json!({"quantity": self.quantity, "deliverTo": self.deliver_to})
    }
}

/// One call: an order, and who says so.
#[derive(Clone)]
pub(super) struct Call {
    /// Path and query that it is sent to.
    pub(super) path: String,
    /// What is ordered.
    pub(super) order: Value,
    /// The shop's challenge.
    pub(super) challenge: String,
    /// The chain and the proof of possession, over [`nonce`].
    pub(super) presentation: String,
}

impl Call {
    /// The body of the request.
    pub(super) fn to_json(&self) -> Value {
        json!({"challenge": self.challenge, "presentation": self.presentation, "order": self.order})
    }

    /// Reads the body of a request to a path.
    pub(super) fn read(path: &str, body: &[u8]) -> Option<Self> {
        let mut body: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| body.get(name)?.as_str().map(str::to_owned);
        let (challenge, presentation) = (text("challenge")?, text("presentation")?);
        let order = body.get_mut("order").map(Value::take)?;
        Some(Self { path: path.to_owned(), order, challenge, presentation })
    }
}

/// The nonce that the agent signs: the challenge, bound to the order. Without that, whoever
/// intercepts a call could send another order under the same signature.
pub(super) fn nonce(challenge: &str, path: &str, order: &Value) -> String {
    // Both sides write JSON without spaces and with sorted members.
    let digest = Sha256::digest(format!("POST {path}\n{order}"));
    format!("{challenge}.{}", base64url::encode(&digest))
}
