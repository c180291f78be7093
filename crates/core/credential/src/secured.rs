//! A delegation as the text that is handed on: a compact JWS (VC-JOSE-COSE), or the canonical JSON of a
//! document with Data Integrity proofs by `eddsa-jcs-2022`.
//!
//! Either way one link has one text, whose SHA-256 is what a child names as its parent. In a header, where
//! JSON can't stand, a document travels as base64url of that text.

use crate::{
    delegation::{Delegation, LIMITS, MEDIA_TYPE},
    error::CredentialError,
};
use legation_keys::{
    Algorithm, base64url,
    data_integrity::{self, Hashes, Proof, ProofError},
    jcs,
    json::{self, Json, JsonLimits, Object},
    jws::{self, JwsError},
    public::Signature,
};
use std::borrow::Cow;

/// How a link or a presentation is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Securing {
    /// As a compact JWS: `vc+jwt`, `vp+jwt`.
    #[default]
    Jwt,
    /// By a Data Integrity proof of the cryptosuite `eddsa-jcs-2022`, for Ed25519 keys.
    EddsaJcs2022,
}

/// Whether a text is a document with proofs; a compact JWS never starts so.
#[must_use]
pub fn is_document(secured: &str) -> bool {
    secured.starts_with('{')
}

/// The one text of a link, without what stands around it in a file: a compact JWS as it is, a document as
/// canonical JSON.
///
/// # Errors
/// [`CredentialError::Json`] for a document that is no strict JSON.
pub fn canonical(secured: &str) -> Result<Cow<'_, str>, CredentialError> {
    let secured = secured.trim();
    if !is_document(secured) {
        return Ok(secured.into());
    }
    Ok(jcs::canonicalize(&json::parse(secured.as_bytes(), LIMITS)?).into())
}

/// A link's one text as it stands in a header beside others: a document as base64url.
#[must_use]
pub fn to_token(canonical: &str) -> Cow<'_, str> {
    if is_document(canonical) { base64url::encode(canonical.as_bytes()).into() } else { canonical.into() }
}

/// The text of a link that stands in a header. A document has to be canonical there, so that one link is one
/// token.
///
/// # Errors
/// [`CredentialError`] where what has no dots, as a JWS has, is no base64url of a canonical document.
pub fn from_token(token: &str, limits: JsonLimits) -> Result<Cow<'_, str>, CredentialError> {
    let text = decode_token(token)?;
    if is_document(&text) {
        check_canonical(&text, &json::parse(text.as_bytes(), limits)?)?;
    }
    Ok(text)
}

/// As [`from_token`], for whoever parses the document next and asks [`check_canonical`] then.
///
/// # Errors
/// [`CredentialError`].
pub fn decode_token(token: &str) -> Result<Cow<'_, str>, CredentialError> {
    if token.contains('.') {
        return Ok(token.into());
    }
    let bytes = base64url::decode(token).map_err(JwsError::from)?;
    let text = String::from_utf8(bytes).ok().filter(|text| is_document(text));
    text.map(Cow::Owned).ok_or_else(|| no_document("something else"))
}

/// Whether a text is the canonical one of a document.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn check_canonical(text: &str, document: &Json<'_>) -> Result<(), CredentialError> {
    match jcs::canonicalize(document) == text {
        true => Ok(()),
        false => Err(no_document("JSON that is not canonical")),
    }
}

fn no_document(found: &str) -> CredentialError {
    CredentialError::Malformed {
        member: "a link without dots".to_owned(),
        expected: "base64url of a document in canonical JSON",
        found: found.to_owned(),
    }
}

/// A proof of a link or of a presentation, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentProof {
    /// The key that is said to have made it, as a DID URL.
    pub verification_method: String,
    /// What it signs.
    pub hashes: Hashes,
    /// The signature.
    pub signature: Signature,
}

impl DocumentProof {
    /// One proof of a document, made for a purpose, over exactly the contexts that the document has.
    ///
    /// # Errors
    /// [`CredentialError::Proof`], [`CredentialError::Type`] for another purpose.
    pub fn read(
        document: &Object<'_>,
        proofs: &[Proof<'_>],
        proof: &Proof<'_>,
        purpose: &'static str,
    ) -> Result<Self, CredentialError> {
        let hashes = data_integrity::hashes(document, proofs, proof)?;
        // A context that is added below the signed ones could not change what is read here, but it would be
        // part of the link that nobody signed.
        if proof.object.get("@context").is_some_and(|signed| Some(signed) != document.get("@context")) {
            return Err(ProofError::Context.into());
        }
        if proof.purpose != purpose {
            let found = crate::pattern::shorten(proof.purpose);
            return Err(CredentialError::Type { expected: purpose, found });
        }
        Ok(Self {
            verification_method: proof.verification_method.to_owned(),
            hashes,
            signature: proof.signature,
        })
    }

    /// As [`DocumentProof::read`], of what is for everybody and any time: a proof with `domain` or `challenge`
    /// was made for one place or one moment. `place` names what it is, for the error.
    ///
    /// # Errors
    /// [`CredentialError::Proof`], [`CredentialError::Type`], [`CredentialError::UnknownMember`].
    pub(crate) fn read_unbound(
        document: &Object<'_>,
        proofs: &[Proof<'_>],
        proof: &Proof<'_>,
        place: &'static str,
    ) -> Result<Self, CredentialError> {
        let read = Self::read(document, proofs, proof, PURPOSE)?;
        match ["domain", "challenge"].into_iter().find(|member| proof.object.get(member).is_some()) {
            None => Ok(read),
            Some(member) => Err(CredentialError::UnknownMember { member: format!("proof.{member}"), place }),
        }
    }
}

/// The `proofPurpose` of a delegation's and of a status list's proofs.
pub const PURPOSE: &str = "assertionMethod";

/// Reads a delegation from a document with proofs, all of which have to be believed before it is. What a
/// proof's `expires` says binds as `exp` does in a JWS.
///
/// # Errors
/// [`CredentialError`]. A proof with `domain` or `challenge` is refused: it was made for one place or one
/// moment, which a delegation is not.
pub fn read_document(claims: &Json<'_>) -> Result<(Delegation, Vec<DocumentProof>), CredentialError> {
    let object = claims.as_object().ok_or(ProofError::Missing)?;
    // First, so that a document that is something else altogether is told to have no proof.
    let proofs = data_integrity::proofs(object)?;
    let mut delegation = Delegation::from_claims(claims)?;
    let mut all = Vec::with_capacity(proofs.len());
    for proof in &proofs {
        all.push(DocumentProof::read_unbound(object, &proofs, proof, "delegation")?);
        let terms = &mut delegation.terms;
        terms.valid_until = terms.valid_until.min(proof.expires.unwrap_or(i64::MAX));
    }
    Ok((delegation, all))
}

/// Reads a link's claims without verifying it.
pub(crate) fn read_unverified(secured: &str) -> Result<Delegation, CredentialError> {
    let secured = secured.trim();
    if is_document(secured) {
        return Ok(read_document(&json::parse(secured.as_bytes(), LIMITS)?)?.0);
    }
    let parts = jws::split(secured)?;
    jws::read_header(parts.header, MEDIA_TYPE, &Algorithm::ALL, LIMITS)?;
    let payload = base64url::decode(parts.payload).map_err(JwsError::from)?;
    Delegation::from_claims(&json::parse(&payload, LIMITS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_in_a_header_is_canonical() {
        let canonical = r#"{"a":1,"b":"x"}"#;
        assert_eq!(from_token(&to_token(canonical), LIMITS).unwrap(), canonical);
        for text in [r#"{"b":"x","a":1}"#, r#"{"a": 1,"b":"x"}"#, r#"{"a":1.0,"b":"x"}"#, "[1]", "1", ""] {
            let refused = from_token(&base64url::encode(text.as_bytes()), LIMITS).unwrap_err();
            assert_eq!(refused.code(), "malformed", "{text}");
        }
        let twice = from_token(&base64url::encode(br#"{"a":1,"a":1}"#), LIMITS).unwrap_err();
        assert_eq!(twice.code(), "duplicate_member");
    }

    #[test]
    fn the_text_of_a_link_is_the_same_however_a_file_lays_it_out() {
        assert_eq!(canonical(" a.b.c\n").unwrap(), "a.b.c");
        assert_eq!(canonical("{ \"b\": 1,\n \"a\": 2 }\n").unwrap(), r#"{"a":2,"b":1}"#);
        assert!(canonical("{ no JSON").is_err());
    }
}
