//! Proofs of possession (RFC 9449): made by whoever shows a token, checked by whoever is shown one.

mod error;
mod seen;
mod target;

pub use error::DpopError;
pub(crate) use error::jws_code;
pub use seen::Seen;

use crate::{SKEW, header};
use error::Wrong;
use legation_keys::{
    Algorithm, Json, PublicKey, Signer, base64url,
    json::Object,
    jws,
    public::Signature,
    secret::SignError,
    time::{Clock, Round, numeric_date},
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The `typ` of a proof (§4.2).
pub const TYPE: &str = "dpop+jwt";
/// The algorithms of proofs that are checked here.
pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::EdDsa];
/// For how many seconds after it was made a proof is taken.
pub const AGE: i64 = 120;
/// Most bytes of a proof.
const MAX_PROOF: usize = 8 << 10;
/// Most bytes of a `jti`, an `htm`, and an `htu`.
const MAX_ID: usize = 256;
const MAX_METHOD: usize = 16;
const MAX_URL: usize = 2048;

/// The request that a proof has to be of.
#[derive(Clone, Copy)]
pub struct Of<'r> {
    /// Its method.
    pub method: &'r str,
    /// Its URL as the caller knows it, which no header of the request may say. Query and fragment do not count (§4.3).
    pub url: &'r str,
    /// The token that is shown with it; `None` at a token endpoint.
    pub token: Option<&'r str>,
    /// Whether a nonce is one of the server's; `None` where none is demanded, and one that is there says nothing.
    pub nonce: Option<&'r dyn Fn(&str) -> bool>,
}

/// A proof that holds of a request. Nothing else makes one but [`check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    thumbprint: String,
    id: [u8; 32],
    until: i64,
    token: Option<[u8; 32]>,
    algorithm: Algorithm,
    signing_input: String,
    signature: Signature,
    issued: i64,
}

impl Proof {
    /// The thumbprint (RFC 7638) of the key that made it: what `cnf.jkt` of a token has to be.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Whether it was made with this token.
    #[must_use]
    pub fn is_with(&self, token: &str) -> bool {
        self.token == Some(Sha256::digest(token.as_bytes()).into())
    }

    /// The same as what a verifier looks up in the document of the chain's last subject: its own key has signed this very request. It
    /// is remembered by `under`, such as what stands for the token that it was made with, and its `jti`.
    #[must_use]
    pub fn of_possession(&self, under: &str) -> legation_verifier::Proof {
        legation_verifier::Proof {
            signing_input: self.signing_input.clone(),
            algorithm: Some(self.algorithm),
            key_thumbprint: self.thumbprint.clone(),
            signature: self.signature,
            nonce: format!("{under}.{}", base64url::encode(&self.id)),
            created: self.issued,
            expires: self.issued.saturating_add(AGE),
        }
    }

    /// What it is known by, when it comes a second time: SHA-256 of its key and its `jti`.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    /// Until when it could come a second time, Unix seconds.
    #[must_use]
    pub fn until(&self) -> i64 {
        self.until
    }
}

/// Checks the values of all `DPoP` headers of a request by all of §4.3 but whether it was seen before, which [`Seen`] says, and
/// whether its key is the token's, which [`verify`](crate::verify()) holds. `now` is in Unix seconds.
///
/// # Errors
/// [`DpopError`], the first rule that is broken.
pub fn check(headers: &[&str], of: &Of<'_>, now: i64) -> Result<Proof, DpopError> {
    let [proof] = headers else {
        return Err(if headers.is_empty() { DpopError::Missing } else { DpopError::Several });
    };
    if proof.len() > MAX_PROOF {
        return Err(DpopError::TooLarge { limit: MAX_PROOF, found: proof.len() });
    }
    let parts = jws::split(proof)?;
    let head = base64url::decode(parts.header).map_err(jws::JwsError::from)?;
    let (head, algorithm) = header::read(&head, true)?;
    let typ = header::text(&head, "typ").unwrap_or_default();
    if !typ.eq_ignore_ascii_case(TYPE) {
        return Err(jws::JwsError::Type { expected: TYPE, found: typ.chars().take(40).collect() }.into());
    }
    let key = key(&head, algorithm)?;
    let payload = base64url::decode(parts.payload).map_err(jws::JwsError::from)?;
    let claims = header::payload(&payload)?;
    let signature = jws::read_signature(parts.signature)?;
    key.verify(parts.signing_input.as_bytes(), &signature).map_err(|_| DpopError::Signature)?;
    // From here on it is the holder of that key who says so.
    let id = bounded(&claims, "jti", MAX_ID)?;
    if bounded(&claims, "htm", MAX_METHOD)? != of.method {
        return Err(DpopError::Method { expected: of.method.to_owned() });
    }
    let url = bounded(&claims, "htu", MAX_URL)?;
    if target::normal(url).is_none_or(|url| target::normal(of.url) != Some(url)) {
        return Err(DpopError::Url);
    }
    check_nonce(&claims, of)?;
    let issued = claims.get("iat").and_then(|iat| numeric_date(iat, Round::Up));
    let issued = issued.ok_or(DpopError::Claim(Wrong("iat")))?;
    let (clock, until) = (Clock { now, skew: SKEW }, issued.saturating_add(AGE));
    if !clock.has_begun(issued) || clock.has_ended(until) {
        return Err(DpopError::Time { now, issued });
    }
    let thumbprint = key.thumbprint();
    Ok(Proof {
        id: Sha256::digest(format!("{thumbprint}\n{id}")).into(),
        thumbprint,
        until: until.saturating_add(SKEW),
        algorithm,
        signing_input: parts.signing_input.to_owned(),
        signature,
        issued,
        token: of.token.map(|token| token_digest(&claims, token)).transpose()?,
    })
}

/// The key of a header: public, of the algorithm that the header says.
fn key(head: &Object<'_>, algorithm: Algorithm) -> Result<PublicKey, DpopError> {
    let jwk = head.get("jwk").and_then(Json::as_object).ok_or(DpopError::Claim(Wrong("jwk")))?;
    // Private members of any kind of key (RFC 7518 §6).
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].into_iter().any(|member| jwk.get(member).is_some()) {
        return Err(DpopError::Private);
    }
    let key = PublicKey::from_jwk(jwk)?;
    if key.algorithm() == algorithm { Ok(key) } else { Err(DpopError::Algorithm { algorithm }) }
}

fn bounded<'o>(claims: &'o Object<'_>, member: &'static str, most: usize) -> Result<&'o str, DpopError> {
    let text = header::text(claims, member).filter(|text| (1..=most).contains(&text.len()));
    text.ok_or(DpopError::Claim(Wrong(member)))
}

fn check_nonce(claims: &Object<'_>, of: &Of<'_>) -> Result<(), DpopError> {
    let Some(is_ours) = of.nonce else { return Ok(()) };
    match header::text(claims, "nonce") {
        Some(nonce) if is_ours(nonce) => Ok(()),
        _ => Err(DpopError::UseNonce),
    }
}

/// `ath`: the SHA-256 of the token that it is shown with (§4.2).
fn token_digest(claims: &Object<'_>, token: &str) -> Result<[u8; 32], DpopError> {
    let said = header::text(claims, "ath").and_then(|text| base64url::decode_array::<32>(text).ok());
    let token: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    if said == Some(token) { Ok(token) } else { Err(DpopError::Token) }
}

/// What a proof is made for.
#[derive(Clone, Copy, Debug)]
pub struct Making<'m> {
    /// The method of the request.
    pub method: &'m str,
    /// Its URL; query and fragment are left out.
    pub url: &'m str,
    /// An id that no other proof of the key has.
    pub id: &'m str,
    /// The nonce that the server asked for.
    pub nonce: Option<&'m str>,
    /// The token that it is shown with.
    pub token: Option<&'m str>,
    /// Now, Unix seconds.
    pub now: i64,
}

/// Makes a proof: the value of a `DPoP` header, good for one request.
///
/// # Errors
/// [`SignError`].
///
/// ```
/// use legation_keys::{Algorithm, SecretKey, Signer};
/// use legation_token::dpop::{Making, Of, check, make};
/// let key = SecretKey::generate(Algorithm::Es256)?;
/// let making = Making { method: "POST", url: "https://acme.example/token", id: "1", nonce: None, token: None, now: 1_795_255_200 };
/// let proof = make(&making, &key)?;
/// let of = Of { method: "POST", url: "https://ACME.example:443/token?x=1", token: None, nonce: None };
/// assert_eq!(check(&[&proof], &of, 1_795_255_200)?.thumbprint(), key.public_key().thumbprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn make(making: &Making<'_>, signer: &dyn Signer) -> Result<String, SignError> {
    let Making { method, url, id, nonce, token, now } = *making;
    let key = signer.public_key();
    let head = json!({"alg": key.algorithm().jose(), "jwk": key.to_jwk(), "typ": TYPE});
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let mut claims = json!({"htm": method, "htu": url, "iat": now, "jti": id});
    if let Some(members) = claims.as_object_mut() {
        members.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
        let digest = token.map(|token| base64url::encode(&Sha256::digest(token.as_bytes())));
        members.extend(digest.map(|digest| ("ath".to_owned(), digest.into())));
    }
    header::sign(&head, &claims, signer)
}
