//! Compact JWS (RFC 7515 §3.1), as VC-JOSE-COSE uses it.
//!
//! Reading takes three steps that a caller may bound and order for itself: [`split`] the text,
//! [`read_header`] (which decides on `alg`, `typ`, `crit` and the key headers), decode the
//! payload. Nothing here chooses a key: that is the caller's, from its own trust.

use crate::{
    Algorithm, Signer,
    base64url::{self, Base64Error},
    json::{self, JsonError, JsonLimits},
    public::Signature,
    secret::SignError,
};

/// Header members by which a sender would choose the key it is verified with (RFC 7515 §4.1.2–6).
pub const FORBIDDEN_KEY_HEADERS: [&str; 4] = ["jwk", "jku", "x5c", "x5u"];

/// The parts of a compact JWS, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compact<'a> {
    /// What the signature covers: header, `.`, payload.
    pub signing_input: &'a str,
    /// The header, base64url.
    pub header: &'a str,
    /// The payload, base64url.
    pub payload: &'a str,
    /// The signature, base64url.
    pub signature: &'a str,
}

/// The header members that a verifier acts on. Its algorithm is one of ours, but where [`read_header_by`] reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<A = Algorithm> {
    /// The signature algorithm.
    pub algorithm: A,
    /// The key, as a DID URL. RFC 7515 §4.1.4 leaves it to the signer whether to name one.
    pub key_id: Option<String>,
}

impl<A> Header<A> {
    /// The key, where nothing else can name it.
    ///
    /// # Errors
    /// [`JwsError::NoKeyId`] where the header names none.
    pub fn required_key_id(self) -> Result<String, JwsError> {
        self.key_id.ok_or(JwsError::NoKeyId)
    }
}

/// Why a text is not a JWS that may be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not three parts joined by dots.
    #[error("a compact JWS has three parts joined by `.`, this has {found}")]
    Parts {
        /// How many there are; 4 stands for more than three.
        found: usize,
    },
    /// A part is not base64url.
    #[error("{0}")]
    Base64(#[from] Base64Error),
    /// The header is not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// The header is no object, or `alg`, `typ` or `kid` is there and no string.
    #[error("the header is no object with text in `alg`, `typ` and `kid`")]
    HeaderShape,
    /// The header has no `kid`, and the signer is no did:key, which is its one key.
    #[error("the header has no `kid`; name the key as a DID URL of the signer")]
    NoKeyId,
    /// An algorithm that is unknown or not allowed, `none` among them.
    #[error("the algorithm `{found}` is not allowed; allowed are {allowed}")]
    Algorithm {
        /// What `alg` says.
        found: String,
        /// What would do.
        allowed: String,
    },
    /// The `typ` is missing or names something else.
    #[error("`typ` is `{found}`, expected `{expected}`")]
    Type {
        /// What was wanted.
        expected: &'static str,
        /// What `typ` says; empty where it is missing.
        found: String,
    },
    /// The header has `crit` or `b64`: nothing critical is understood here (RFC 7515 §4.1.11).
    #[error("the header has the critical member `{member}`, which is not understood")]
    Critical {
        /// Which.
        member: &'static str,
    },
    /// The header brings its own key.
    #[error("the header member `{member}` would choose its own key")]
    KeyInHeader {
        /// Which of [`FORBIDDEN_KEY_HEADERS`].
        member: &'static str,
    },
    /// A signature that has not 64 bytes.
    #[error("the signature has not 64 bytes")]
    SignatureLength,
}

/// Splits a compact JWS at its dots.
///
/// # Errors
/// [`JwsError::Parts`].
pub fn split(text: &str) -> Result<Compact<'_>, JwsError> {
    let wrong = || JwsError::Parts { found: text.split('.').take(4).count() };
    let (signing_input, signature) = text.rsplit_once('.').ok_or_else(wrong)?;
    let (header, payload) = signing_input.split_once('.').ok_or_else(wrong)?;
    if memchr::memchr(b'.', payload.as_bytes()).is_some() {
        return Err(wrong());
    }
    Ok(Compact { signing_input, header, payload, signature })
}

/// Decodes and judges the header, in this order: encoding, JSON, `alg`, `typ`, `crit`, key
/// headers, `kid`.
///
/// `typ` is compared as a media type, with or without `application/` (RFC 7515 §4.1.9).
///
/// # Errors
/// [`JwsError`], the first rule that is broken.
pub fn read_header(
    encoded: &str,
    typ: &'static str,
    allowed: &[Algorithm],
    limits: JsonLimits,
) -> Result<Header, JwsError> {
    let among = |alg: &str| {
        let known = Algorithm::from_jose(alg).filter(|algorithm| allowed.contains(algorithm));
        known.ok_or_else(|| allowed.iter().map(|algorithm| algorithm.jose()).collect::<Vec<_>>().join(", "))
    };
    read_header_by(encoded, typ, limits, among)
}

/// As [`read_header`], for whoever knows more algorithms: `algorithm` is given the value of `alg`, and gives what that
/// stands for, or the names of all that are allowed.
///
/// # Errors
/// As [`read_header`].
///
/// ```
/// use legation_keys::{base64url, json::JsonLimits, jws};
/// let header = base64url::encode(br#"{"alg":"ES384","kid":"did:example:a#k","typ":"vc+jwt"}"#);
/// let limits = JsonLimits { bytes: 1000, depth: 4 };
/// let es384 = |alg: &str| (alg == "ES384").then_some(384).ok_or_else(|| "ES384".to_owned());
/// assert_eq!(jws::read_header_by(&header, "vc+jwt", limits, es384)?.algorithm, 384);
/// assert!(jws::read_header(&header, "vc+jwt", &legation_keys::Algorithm::ALL, limits).is_err());
/// # Ok::<(), jws::JwsError>(())
/// ```
pub fn read_header_by<A>(
    encoded: &str,
    typ: &'static str,
    limits: JsonLimits,
    algorithm: impl FnOnce(&str) -> Result<A, String>,
) -> Result<Header<A>, JwsError> {
    let bytes = base64url::decode(encoded)?;
    let header = json::parse(&bytes, limits)?;
    if header.as_object().is_none() {
        return Err(JwsError::HeaderShape);
    }
    let text = |name: &str| match header.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(JwsError::HeaderShape),
    };
    let (alg, found_typ, kid) =
        (text("alg")?.unwrap_or_default(), text("typ")?.unwrap_or_default(), text("kid")?);
    let algorithm =
        algorithm(alg).map_err(|allowed| JwsError::Algorithm { found: alg.to_owned(), allowed })?;
    if !is_type(found_typ, typ) {
        return Err(JwsError::Type { expected: typ, found: found_typ.to_owned() });
    }
    if let Some(member) = ["crit", "b64"].into_iter().find(|name| header.get(name).is_some()) {
        return Err(JwsError::Critical { member });
    }
    if let Some(member) = FORBIDDEN_KEY_HEADERS.into_iter().find(|name| header.get(name).is_some()) {
        return Err(JwsError::KeyInHeader { member });
    }
    Ok(Header { algorithm, key_id: kid.map(str::to_owned) })
}

fn is_type(found: &str, wanted: &str) -> bool {
    const PREFIX: &str = "application/";
    let bare = match found.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => found,
    };
    bare.eq_ignore_ascii_case(wanted)
}

/// Decodes a signature.
///
/// # Errors
/// [`JwsError::Base64`] or [`JwsError::SignatureLength`].
pub fn read_signature(encoded: &str) -> Result<Signature, JwsError> {
    base64url::decode_array(encoded).map_err(|error| match base64url::decode(encoded) {
        Ok(_) => JwsError::SignatureLength,
        Err(_) => JwsError::Base64(error),
    })
}

/// Signs a payload as a compact JWS with the header `alg`, `kid`, `typ`.
///
/// # Errors
/// [`SignError`] where the signer does not sign.
///
/// ```
/// use legation_keys::{Algorithm, SecretKey, json::JsonLimits, jws};
/// let key = SecretKey::generate(Algorithm::EdDsa)?;
/// let text = jws::sign("vc+jwt", "did:example:a#k", b"{}", &key)?;
/// let parts = jws::split(&text)?;
/// let limits = JsonLimits { bytes: 1000, depth: 4 };
/// let header = jws::read_header(parts.header, "vc+jwt", &[Algorithm::EdDsa], limits)?;
/// assert_eq!(header.key_id.as_deref(), Some("did:example:a#k"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sign(typ: &str, key_id: &str, payload: &[u8], signer: &dyn Signer) -> Result<String, SignError> {
    let algorithm = signer.public_key().algorithm().jose();
    sign_by(algorithm, typ, key_id, payload, |input| signer.sign(input))
}

/// As [`sign`], by an algorithm that may be none of ours: `sign` is given what is to be signed, and gives the signature
/// as RFC 7518 has it.
///
/// # Errors
/// What `sign` fails by.
pub fn sign_by<S: AsRef<[u8]>>(
    algorithm: &str,
    typ: &str,
    key_id: &str,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<S, SignError>,
) -> Result<String, SignError> {
    sign_with(&serde_json::json!({"alg": algorithm, "kid": key_id, "typ": typ}), payload, sign)
}

/// As [`sign`], with the header `alg`, `typ`: for a signer that its payload names and that is its one key, as
/// a did:key is. `kid` is optional (RFC 7515 §4.1.4), and would name the key a second and a third time.
///
/// # Errors
/// As [`sign`].
pub fn sign_unnamed(typ: &str, payload: &[u8], signer: &dyn Signer) -> Result<String, SignError> {
    let algorithm = signer.public_key().algorithm().jose();
    sign_with(&serde_json::json!({"alg": algorithm, "typ": typ}), payload, |input| signer.sign(input))
}

/// As [`sign`], with the header `alg`, `kid` and nothing else, for a format that allows no `typ`: DIF's Well Known DID
/// Configuration.
///
/// # Errors
/// As [`sign`].
pub fn sign_untyped(key_id: &str, payload: &[u8], signer: &dyn Signer) -> Result<String, SignError> {
    let algorithm = signer.public_key().algorithm().jose();
    sign_with(&serde_json::json!({"alg": algorithm, "kid": key_id}), payload, |input| signer.sign(input))
}

fn sign_with<S: AsRef<[u8]>>(
    header: &serde_json::Value,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<S, SignError>,
) -> Result<String, SignError> {
    let header = header.to_string();
    let mut text = base64url::encode(header.as_bytes());
    text.push('.');
    text.push_str(&base64url::encode(payload));
    let signature = sign(text.as_bytes())?;
    text.push('.');
    text.push_str(&base64url::encode(signature.as_ref()));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: JsonLimits = JsonLimits { bytes: 2000, depth: 8 };

    fn header(json: &str) -> Result<Header, JwsError> {
        read_header(&base64url::encode(json.as_bytes()), "vc+jwt", &[Algorithm::EdDsa], LIMITS)
    }

    #[test]
    fn each_header_rule_refuses_what_it_is_for() {
        assert!(header(r#"{"alg":"EdDSA","kid":"k","typ":"application/vc+jwt"}"#).is_ok());
        assert!(header(r#"{"alg":"Ed25519","kid":"k","typ":"vc+jwt","extra":1}"#).is_ok());
        for alg in ["none", "HS256", "ES256", "eddsa", ""] {
            let refused = header(&format!(r#"{{"alg":"{alg}","kid":"k","typ":"vc+jwt"}}"#));
            assert!(matches!(refused, Err(JwsError::Algorithm { .. })), "{alg}");
        }
        for typ in ["", "JWT", "vp+jwt", "vc-ld+jwt", "text/vc+jwt"] {
            let refused = header(&format!(r#"{{"alg":"EdDSA","kid":"k","typ":"{typ}"}}"#));
            assert!(matches!(refused, Err(JwsError::Type { .. })), "{typ}");
        }
        for member in FORBIDDEN_KEY_HEADERS {
            let refused = header(&format!(r#"{{"alg":"EdDSA","kid":"k","typ":"vc+jwt","{member}":null}}"#));
            assert_eq!(refused, Err(JwsError::KeyInHeader { member }));
        }
        for member in ["crit", "b64"] {
            let refused = header(&format!(r#"{{"alg":"EdDSA","kid":"k","typ":"vc+jwt","{member}":[]}}"#));
            assert_eq!(refused, Err(JwsError::Critical { member }));
        }
        let unnamed = header(r#"{"alg":"EdDSA","typ":"vc+jwt"}"#).unwrap();
        assert_eq!(unnamed.required_key_id(), Err(JwsError::NoKeyId));
        assert_eq!(header(r#"{"alg":"EdDSA","kid":1,"typ":"vc+jwt"}"#), Err(JwsError::HeaderShape));
        assert_eq!(header("[]"), Err(JwsError::HeaderShape));
        assert!(matches!(header(r#"{"alg":"EdDSA","alg":"none"}"#), Err(JwsError::Json(_))));
    }

    #[test]
    fn only_three_parts_make_a_compact_jws() {
        assert_eq!(split(""), Err(JwsError::Parts { found: 1 }));
        assert_eq!(split("a.b"), Err(JwsError::Parts { found: 2 }));
        assert_eq!(split("a.b.c.d"), Err(JwsError::Parts { found: 4 }));
        assert_eq!(split("a.b.c").map(|parts| parts.signing_input), Ok("a.b"));
    }
}
