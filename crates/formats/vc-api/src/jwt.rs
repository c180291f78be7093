//! What a compact JWS secures (VC-JOSE-COSE §3.1).

use crate::{
    issue::is_first_model,
    key::{KeyAlgorithm, Seal},
    problem::{CRYPTOGRAPHIC, MALFORMED, Problem, RANGE},
    verify::{Expected, Kind, Verification, check_occasion, object},
};
use legation_credential::delegation::{check_no_old_claims, claim};
use legation_did::one_spelling;
use legation_keys::{
    base64url,
    json::{self, Json, Object},
    jws,
    time::Round,
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
        check_sub(claims)?;
        check_registered(claims)?;
        self.check_claims(claims, kind, expected)?;
        self.check_signature(&key_id, kind.purpose, parts.signing_input.as_bytes(), &seal).await?;
        if is_first_model(claims) {
            self.warn(FIRST_MODEL.to_owned());
        }
        String::from_utf8(payload)
            .map_err(|_| Problem::new(MALFORMED, "malformed", "the payload is no UTF-8"))
    }

    /// What the claims of a JWS say of the occasion.
    fn check_claims(&self, claims: &Object<'_>, kind: Kind, expected: Expected<'_>) -> Result<(), Problem> {
        if claim(claims, "exp", Round::Down)?.is_some_and(|end| self.clock().has_ended(end)) {
            return Err(Problem::new(RANGE, "expired", "`exp` has passed"));
        }
        if claim(claims, "nbf", Round::Up)?.is_some_and(|start| !self.clock().has_begun(start)) {
            return Err(Problem::new(RANGE, "not_yet_valid", "`nbf` is still to come"));
        }
        let text = |name: &str| claims.get(name).and_then(Json::as_str);
        let audience = claims.get("aud").unwrap_or(&Json::Null);
        let all = audience.as_array().unwrap_or_else(|| core::slice::from_ref(audience));
        let all: Vec<&str> = all.iter().filter_map(Json::as_str).collect();
        // A credential may be for several; a presentation for one, or each could replay it to the others.
        let here = all.iter().copied().find(|one| Some(*one) == expected.domain);
        let audiences = match here.filter(|_| kind.signer == "issuer") {
            Some(here) => vec![here],
            None => all,
        };
        if kind.signer == "issuer" && expected.domain.is_none() && claims.get("aud").is_some() {
            self.warn(FOR_SOMEBODY.to_owned());
        }
        check_occasion(text("nonce"), &audiences, expected)
    }
}

/// Told of a credential that is for somebody, where the verifier has not said who it is.
const FOR_SOMEBODY: &str = "its `aud` says for whom alone it is, and nobody asked whether that is you: give the audience that you are";

/// Told of a document of the first data model in a token of the second.
const FIRST_MODEL: &str = "it is of the first data model, which a token of this type is not for (VC-JOSE-COSE §3.1): its times \
     were read as that model has them";

/// The claims that every JWT may have are of the kind that they have to be (RFC 7519 §4.1), also where nothing follows from
/// them: another reader may take another meaning from what is none.
pub(crate) fn check_registered(claims: &Object<'_>) -> Result<(), Problem> {
    for name in ["iat", "exp", "nbf"] {
        claim(claims, name, Round::Down)?;
    }
    let is_text = |value: &Json<'_>| value.as_str().is_some();
    let is_texts = |value: &Json<'_>| value.as_array().is_some_and(|all| all.iter().all(is_text));
    for name in ["iss", "sub", "jti", "nonce", "aud"] {
        let fits = |value: &Json<'_>| is_text(value) || name == "aud" && is_texts(value);
        if !claims.get(name).is_none_or(fits) {
            let expected = if name == "aud" { "a text or an array of texts" } else { "a text" };
            return Err(Problem::new(MALFORMED, "malformed", format!("`{name}`: expected {expected}")));
        }
    }
    Ok(())
}

/// The claim `sub`, where a JWT has it, is a subject's `id` (VC-JOSE-COSE §3.1.3).
pub(crate) fn check_sub(claims: &Object<'_>) -> Result<(), Problem> {
    let (Some(sub), Some(subject)) = (claims.get("sub"), claims.get("credentialSubject")) else {
        return Ok(());
    };
    let all = subject.as_array().unwrap_or_else(|| core::slice::from_ref(subject));
    let mut ids = all.iter().filter_map(|subject| subject.get("id")).peekable();
    if ids.peek().is_none() || ids.any(|id| id == sub) {
        return Ok(());
    }
    Err(Problem::new(CRYPTOGRAPHIC, "holder_mismatch", "`sub`: expected the `id` of `credentialSubject`"))
}

/// The claim `iss`, where a JWT has it, names who signs.
pub(crate) fn check_iss(claims: &Object<'_>, by: &str) -> Result<(), Problem> {
    if claims.get("iss").is_some_and(|iss| iss.as_str().map(one_spelling).as_deref() != Some(by)) {
        return Err(Problem::new(CRYPTOGRAPHIC, "issuer_mismatch", format!("`iss`: expected {by}")));
    }
    Ok(())
}
