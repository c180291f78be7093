//! What a compact JWS secures (VC-JOSE-COSE §3.1).

use crate::{
    key::{KeyAlgorithm, Seal},
    problem::{CRYPTOGRAPHIC, MALFORMED, Problem, RANGE},
    verify::{Expected, Kind, SKEW, Verification, check_occasion, object},
};
use legation_credential::delegation::check_no_old_claims;
use legation_keys::{
    base64url,
    json::{self, Json, Object},
    jws,
};

impl Verification<'_> {
    /// A compact JWS (VC-JOSE-COSE §3.1), whose key is named by its `kid`.
    pub(crate) async fn enveloped(
        &self,
        media_type: &str,
        secured: &str,
        kind: Kind,
        expected: Expected<'_>,
    ) -> Result<String, Problem> {
        let wanted = format!("application/{}", kind.media_type);
        if media_type != wanted {
            let found: String = media_type.chars().take(60).collect();
            let detail = format!("`id`: expected a data URL of {wanted}, found `{found}`");
            return Err(Problem::new(CRYPTOGRAPHIC, "type_mismatch", detail));
        }
        let unsecured =
            |error: jws::JwsError| Problem::from(legation_credential::CredentialError::from(error));
        let parts = jws::split(secured).map_err(unsecured)?;
        let header = jws::read_header_by(parts.header, kind.media_type, kind.limits, KeyAlgorithm::from_jose)
            .map_err(unsecured)?;
        let signature = base64url::decode(parts.signature).map_err(|error| unsecured(error.into()))?;
        let seal = Seal::new(header.algorithm, &signature).map_err(unsecured)?;
        let payload = base64url::decode(parts.payload).map_err(|error| unsecured(error.into()))?;
        let json = json::parse(&payload, kind.limits)?;
        let claims = object(&json)?;
        check_no_old_claims(claims)?;
        let key_id = header.required_key_id().map_err(unsecured)?;
        let by = self.who(&key_id)?;
        self.check_signer(claims, &by, kind)?;
        check_iss(claims, &by)?;
        self.check_claims(claims, expected)?;
        self.check_signature(&key_id, kind.purpose, parts.signing_input.as_bytes(), &seal).await?;
        String::from_utf8(payload)
            .map_err(|_| Problem::new(MALFORMED, "malformed", "the payload is no UTF-8"))
    }

    /// What the claims of a JWS say of the occasion.
    fn check_claims(&self, claims: &Object<'_>, expected: Expected<'_>) -> Result<(), Problem> {
        let seconds = |name: &str| match claims.get(name).map(|value| value.as_integer().ok_or(value)) {
            None => Ok(None),
            Some(Ok(seconds)) => Ok(Some(seconds)),
            Some(Err(value)) => {
                let detail = format!("`{name}`: expected whole Unix seconds, found {}", value.kind());
                Err(Problem::new(MALFORMED, "malformed", detail))
            }
        };
        if seconds("exp")?.is_some_and(|end| end <= self.now - SKEW) {
            return Err(Problem::new(RANGE, "expired", "`exp` has passed"));
        }
        if seconds("nbf")?.is_some_and(|start| start > self.now + SKEW) {
            return Err(Problem::new(RANGE, "not_yet_valid", "`nbf` is still to come"));
        }
        let text = |name: &str| claims.get(name).and_then(Json::as_str);
        check_occasion(text("nonce"), &text("aud").into_iter().collect::<Vec<_>>(), expected)
    }
}

/// The claim `iss`, where a JWT has it, names who signs.
pub(crate) fn check_iss(claims: &Object<'_>, by: &str) -> Result<(), Problem> {
    if claims.get("iss").is_some_and(|iss| iss.as_str() != Some(by)) {
        return Err(Problem::new(CRYPTOGRAPHIC, "issuer_mismatch", format!("`iss`: expected {by}")));
    }
    Ok(())
}
