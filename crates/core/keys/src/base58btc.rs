//! base58btc with its multibase prefix `z` (Controlled Identifiers 1.0 §2.4), the one base that keys and proofs are written in here.

/// Reads a text. It takes time quadratic in its length: callers bound it.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    bs58::decode(text.strip_prefix('z')?).into_vec().ok()
}

/// Writes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    format!("z{}", bs58::encode(bytes).into_string())
}
