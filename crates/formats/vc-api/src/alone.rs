//! One credential or presentation in a file, without HTTP.

use crate::{
    issue::{LIMITS, Securing, envelope, issue, present},
    problem::{CRYPTOGRAPHIC, MALFORMED, Problem},
    service::Service,
    verify::{CREDENTIAL, Expected, Kind, PRESENTATION, Verification, object},
};
use legation_credential::CredentialError;
use legation_keys::{
    base64url,
    json::{self, Json, Object},
    jws,
};
use std::sync::Arc;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A credential.
    Credential,
    /// A presentation.
    Presentation,
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which of both it is.
    pub what: What,
    /// What its reader has to know, for people; none as a rule.
    pub warnings: Vec<String>,
}

/// For which occasion a presentation is made; what is `None` is not said, and not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// The challenge or `nonce`.
    pub nonce: Option<&'a str>,
    /// The domain or audience.
    pub audience: Option<&'a str>,
}

/// Secures a credential or a presentation, as its `type` says, whose issuer or holder the service is, by
/// `vc-jwt`, `eddsa-jcs-2022`, `eddsa-rdfc-2022` or `ecdsa-rdfc-2019`: JSON with a proof, or a compact JWS. A
/// presentation is made for an occasion, a credential for none.
///
/// # Errors
/// [`Problem`].
pub fn secure(
    service: &Service,
    way: &str,
    document: &[u8],
    occasion: Occasion<'_>,
    now: i64,
) -> Result<String, Problem> {
    let unknown = || Problem::new(MALFORMED, "algorithm_not_allowed", format!("`{way}` is no way to secure"));
    let securing = Securing::from_name(way).ok_or_else(unknown)?;
    let json = json::parse(document, LIMITS)?;
    let secured = match what(object(&json)?) {
        What::Credential if occasion != Occasion::default() => {
            let detail = "a credential is for no one occasion: a nonce and an audience are a presentation's";
            Err(Problem::new(MALFORMED, "malformed", detail))
        }
        What::Credential => issue(service, securing, &json, now),
        What::Presentation => present(service, securing, object(&json)?, occasion, now),
    };
    Ok(secured?.into_text())
}

/// Verifies a credential, with its status, or a presentation, with all in it: JSON with proofs, an envelope, or a
/// compact JWS.
///
/// # Errors
/// [`Problem`].
pub async fn verify(
    service: &Arc<Service>,
    text: &[u8],
    occasion: Occasion<'_>,
    now: i64,
) -> Result<Verified, Problem> {
    let text = text.trim_ascii();
    let enveloped;
    let document = match text.first() {
        Some(b'{') => text,
        _ => {
            enveloped = in_envelope(text)?;
            enveloped.as_bytes()
        }
    };
    let json = json::parse(document, LIMITS)?;
    let verification = Verification::new(service, now);
    let expected = Expected { challenge: occasion.nonce, domain: occasion.audience };
    let what = what(object(&json)?);
    match what {
        What::Credential => verification.credential(&json, expected).await?,
        What::Presentation => verification.presentation(&json, expected).await?,
    }
    Ok(Verified { what, warnings: verification.warnings() })
}

/// What a document is, by its `type`.
fn what(document: &Object<'_>) -> What {
    let types = document.get("type");
    let all = types.and_then(Json::as_array).unwrap_or_else(|| types.map_or(&[], core::slice::from_ref));
    let is = |name: &str| all.iter().any(|one| one.as_str() == Some(name));
    match is("VerifiablePresentation") || is(PRESENTATION.envelope) {
        true => What::Presentation,
        false => What::Credential,
    }
}

/// A compact JWS in the envelope that its `typ` asks for.
fn in_envelope(token: &[u8]) -> Result<String, Problem> {
    let no_text = |_| Problem::new(MALFORMED, "malformed", "it is neither JSON nor a compact JWS");
    let token = core::str::from_utf8(token).map_err(no_text)?;
    let unsecured = |error: jws::JwsError| Problem::from(CredentialError::from(error));
    let parts = jws::split(token).map_err(unsecured)?;
    let header = base64url::decode(parts.header).map_err(|error| unsecured(error.into()))?;
    let header = json::parse(&header, LIMITS)?;
    let found = header.get("typ").and_then(Json::as_str).unwrap_or_default();
    let is = |kind: Kind| found.strip_prefix("application/").unwrap_or(found) == kind.media_type;
    match [CREDENTIAL, PRESENTATION].into_iter().find(|kind| is(*kind)) {
        Some(kind) => Ok(envelope(token, kind)),
        None => {
            let found: String = found.chars().take(60).collect();
            let detail = format!(
                "`typ`: expected `{}` or `{}`, found `{found}`",
                CREDENTIAL.media_type, PRESENTATION.media_type
            );
            Err(Problem::new(CRYPTOGRAPHIC, "type_mismatch", detail))
        }
    }
}
