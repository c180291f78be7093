//! The header of a JWS whose key is named in no other way than its payload or itself does: proofs of possession, and clients'
//! assertions. Tokens are read by `jws::read_header_by`, which takes no key from a header.

use legation_keys::{
    Algorithm, Signer, base64url,
    json::{self, JsonError, JsonLimits, Object},
    jws::{FORBIDDEN_KEY_HEADERS, JwsError},
    secret::SignError,
};

/// Bounds on a header.
pub(crate) const HEADER: JsonLimits = JsonLimits { bytes: 4096, depth: 4 };
/// Bounds on a payload of a proof or an assertion.
pub(crate) const PAYLOAD: JsonLimits = JsonLimits { bytes: 8192, depth: 4 };

/// Reads a header: bounded, no member twice, nothing critical, no key but one in `jwk` where `by_jwk` says so, and an algorithm of
/// agents' keys.
pub(crate) fn read<'b>(bytes: &'b [u8], by_jwk: bool) -> Result<(Object<'b>, Algorithm), JwsError> {
    let header = json::parse(bytes, HEADER)?;
    let legation_keys::Json::Object(header) = header else { return Err(JwsError::HeaderShape) };
    let alg = header.get("alg").and_then(|alg| alg.as_str()).unwrap_or_default();
    let algorithm = Algorithm::from_jose(alg).ok_or_else(|| JwsError::Algorithm {
        found: alg.chars().take(40).collect(),
        allowed: Algorithm::ALL.map(Algorithm::jose).join(", "),
    })?;
    if let Some(member) = ["crit", "b64"].into_iter().find(|name| header.get(name).is_some()) {
        return Err(JwsError::Critical { member });
    }
    let chosen = FORBIDDEN_KEY_HEADERS.into_iter().filter(|name| !by_jwk || *name != "jwk");
    match chosen.into_iter().find(|name| header.get(name).is_some()) {
        Some(member) => Err(JwsError::KeyInHeader { member }),
        None => Ok((header, algorithm)),
    }
}

/// The object that a payload holds.
pub(crate) fn payload(bytes: &[u8]) -> Result<Object<'_>, JsonError> {
    match json::parse(bytes, PAYLOAD)? {
        legation_keys::Json::Object(claims) => Ok(claims),
        other => {
            Err(JsonError::Malformed { reason: format!("an object is expected, this is {}", other.kind()) })
        }
    }
}

/// A text of a payload.
pub(crate) fn text<'o>(claims: &'o Object<'_>, name: &str) -> Option<&'o str> {
    claims.get(name).and_then(|value| value.as_str())
}

/// Signs a header and a payload as a compact JWS.
pub(crate) fn sign(
    header: &serde_json::Value,
    payload: &serde_json::Value,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let encode = |value: &serde_json::Value| base64url::encode(value.to_string().as_bytes());
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = signer.sign(input.as_bytes())?;
    Ok(format!("{input}.{}", base64url::encode(&signature)))
}
