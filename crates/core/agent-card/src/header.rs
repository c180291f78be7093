//! The protected header of a signature (RFC 7515 §4, A2A §8.4.2).

use crate::{
    CardAlgorithm,
    error::{Refusal, shorten},
};
use legation_keys::{
    Algorithm, base64url,
    json::{self, JsonLimits},
};

/// Most bytes and levels of a protected header: four short members are expected.
const LIMITS: JsonLimits = JsonLimits { bytes: 4096, depth: 4 };

/// The header members that a verifier acts on.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) algorithm: CardAlgorithm,
    pub(crate) key_id: String,
}

/// Reads a protected header and judges it, in this order: encoding, JSON, `alg`, `typ`, `crit`, key
/// headers, `kid`.
///
/// `jku` is ignored: A2A allows it, and keys come from the caller only. What else would bring a key
/// along is refused.
pub(crate) fn read(protected: &str) -> Result<Header, Refusal> {
    // Four thirds: base64 must not make us decode more than would be read.
    if protected.len() > LIMITS.bytes / 3 * 4 {
        return Err(json::JsonError::TooLarge { limit: LIMITS.bytes, found: protected.len() / 4 * 3 }.into());
    }
    let bytes = base64url::decode(protected)?;
    let header = json::parse(&bytes, LIMITS)?;
    let text = |name: &str| header.get(name).and_then(|value| value.as_str());
    let alg = text("alg").unwrap_or_default();
    let algorithm =
        CardAlgorithm::from_jose(alg).ok_or_else(|| Refusal::Algorithm { found: shorten(alg) })?;
    // A2A §8.4.2: SHOULD be `JOSE`. The Python SDK's JWS library writes `JWT` where its caller names
    // none; no other protocol's token has the canonical bytes of a card as its payload.
    match header.get("typ").map(|typ| typ.as_str().unwrap_or_default()) {
        None => {}
        Some(typ) if typ.eq_ignore_ascii_case("JOSE") || typ.eq_ignore_ascii_case("JWT") => {}
        Some(typ) => return Err(Refusal::Type { found: shorten(typ) }),
    }
    if let Some(member) = ["crit", "b64"].into_iter().find(|name| header.get(name).is_some()) {
        return Err(Refusal::Critical { member });
    }
    if let Some(member) = ["jwk", "x5c", "x5u"].into_iter().find(|name| header.get(name).is_some()) {
        return Err(Refusal::KeyInHeader { member });
    }
    let key_id = text("kid").ok_or(Refusal::NoKeyId)?.to_owned();
    Ok(Header { algorithm, key_id })
}

/// Writes a protected header, base64url.
pub(crate) fn write(algorithm: Algorithm, key_id: &str) -> String {
    let header = serde_json::json!({"alg": algorithm.jose(), "kid": key_id, "typ": "JOSE"});
    base64url::encode(header.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(header: &str) -> &'static str {
        read(&base64url::encode(header.as_bytes())).map_or_else(|refusal| refusal.code(), |_| "ok")
    }

    #[test]
    fn each_header_rule_refuses_what_it_is_for() {
        for (header, wanted) in [
            (r#"{"alg":"ES256","kid":"k","typ":"JOSE"}"#, "ok"),
            (r#"{"alg":"RS256","kid":"k","jku":"https://evil.example/jwks"}"#, "ok"),
            (r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#, "ok"),
            (r#"{"alg":"none","kid":"k","typ":"JOSE"}"#, "algorithm_not_allowed"),
            (r#"{"alg":"HS256","kid":"k","typ":"JOSE"}"#, "algorithm_not_allowed"),
            (r#"{"alg":"HS512","kid":"k"}"#, "algorithm_not_allowed"),
            (r#"{"alg":["ES256"],"kid":"k"}"#, "algorithm_not_allowed"),
            (r#"{"kid":"k"}"#, "algorithm_not_allowed"),
            (r#"{"alg":"ES256","kid":"k","typ":"vc+jwt"}"#, "type_mismatch"),
            (r#"{"alg":"ES256","kid":"k","typ":null}"#, "type_mismatch"),
            (r#"{"alg":"ES256","kid":"k","crit":["exp"]}"#, "critical_header"),
            (r#"{"alg":"ES256","kid":"k","b64":true}"#, "critical_header"),
            (r#"{"alg":"ES256","kid":"k","jwk":{}}"#, "header_key_forbidden"),
            (r#"{"alg":"ES256","kid":"k","x5c":[]}"#, "header_key_forbidden"),
            (r#"{"alg":"ES256","kid":"k","x5u":"https://evil.example"}"#, "header_key_forbidden"),
            (r#"{"alg":"ES256"}"#, "malformed"),
            (r#"{"alg":"ES256","kid":7}"#, "malformed"),
            (r#"{"alg":"ES256","alg":"none","kid":"k"}"#, "duplicate_member"),
            ("[]", "algorithm_not_allowed"),
            ("{", "malformed"),
        ] {
            assert_eq!(code(header), wanted, "{header}");
        }
        assert_eq!(read("e30=").map_err(|refusal| refusal.code()).err(), Some("padded_base64"));
        assert_eq!(code(&" ".repeat(5000)), "input_too_large");
        assert_eq!(code(&"[".repeat(40)), "json_too_deep");
    }

    #[test]
    fn what_is_written_is_read() {
        for algorithm in Algorithm::ALL {
            let header = read(&write(algorithm, "did:web:a.example#k")).unwrap();
            assert_eq!(header.algorithm, CardAlgorithm::Own(algorithm));
            assert_eq!(header.key_id, "did:web:a.example#k");
        }
    }
}
