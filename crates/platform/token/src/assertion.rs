//! A client that proves itself by its key: `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §3). The client is an agent, known
//! by its DID, and the key is one of its document.

use crate::{Refused, SKEW, header};
use legation_did::Did;
use legation_keys::{
    Algorithm, Json, Signer, base64url,
    json::Object,
    jws,
    public::Signature,
    secret::SignError,
    time::{Clock, Round, numeric_date},
};
use serde_json::json;

/// For how many seconds after it was made an assertion is taken, whatever `exp` says.
pub const LIFE: i64 = 300;
/// Most bytes of an assertion.
const MAX: usize = 8 << 10;
/// Most bytes of a `jti`: as many as a ledger takes of a nonce.
const MAX_ID: usize = 128;
/// The `typ`s that an assertion may have. Most clients write none, or the one of any JWT; another one says that it is something else.
const TYPES: [&str; 3] = ["", "JWT", "client-authentication+jwt"];

/// An assertion, well-formed and not yet believed: its key is looked up in the document of the agent that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Who it is of, by its own word: `iss` and `sub`.
    pub agent: Did,
    /// `kid`: the DID URL of the key, its thumbprint, or none.
    pub key_id: Option<String>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What was signed.
    pub signing_input: String,
    /// The signature.
    pub signature: Signature,
    /// `jti`, which is used once.
    pub id: String,
    /// `iat`, Unix seconds.
    pub issued_at: i64,
    /// From when on it is no longer taken, Unix seconds.
    pub expires_at: i64,
}

impl Assertion {
    /// Reads an assertion for one of these audiences, at `now` (Unix seconds): the issuer, or its token endpoint.
    ///
    /// # Errors
    /// [`Refused`] with `invalid_client`.
    pub fn read(text: &str, audiences: &[&str], now: i64) -> Result<Self, Refused> {
        let wrong = |code: &str, message: String| Refused::new("invalid_client", code, message);
        let malformed = |message: String| wrong("malformed", message);
        if text.len() > MAX {
            return Err(wrong("input_too_large", format!("`client_assertion` has more than {MAX} bytes")));
        }
        let of_jws = |error: jws::JwsError| {
            wrong(crate::dpop::jws_code(&error), format!("`client_assertion`: {error}"))
        };
        let parts = jws::split(text).map_err(of_jws)?;
        let decode = |part: &str| base64url::decode(part).map_err(|error| of_jws(error.into()));
        let (head, payload) = (decode(parts.header)?, decode(parts.payload)?);
        let (head, algorithm) = header::read(&head, false).map_err(of_jws)?;
        let typ = header::text(&head, "typ").unwrap_or_default();
        if head.get("typ").is_some_and(|typ| typ.as_str().is_none())
            || !TYPES.iter().any(|one| one.eq_ignore_ascii_case(typ))
        {
            return Err(wrong(
                "type_mismatch",
                "`typ` of `client_assertion` is `JWT`, or left out".to_owned(),
            ));
        }
        let claims = header::payload(&payload);
        let claims = claims.map_err(|error| wrong(error.code(), format!("`client_assertion`: {error}")))?;
        let agent = issuer(&claims)
            .ok_or_else(|| malformed("`iss` and `sub` are both the DID of the agent".to_owned()))?;
        if !is_for(&claims, audiences) {
            let message =
                format!("`aud` of `client_assertion` is `{}`, and nothing else", audiences.join("` or `"));
            return Err(wrong("audience_mismatch", message));
        }
        let id = header::text(&claims, "jti").filter(|id| (1..=MAX_ID).contains(&id.len()));
        let id = id
            .ok_or_else(|| {
                malformed("`jti` is a text of 1 to 128 bytes that was not used before".to_owned())
            })?
            .to_owned();
        let (issued_at, expires_at) = times(&claims, now)?;
        let key_id = header::text(&head, "kid").map(str::to_owned);
        let signature = jws::read_signature(parts.signature).map_err(of_jws)?;
        let signing_input = parts.signing_input.to_owned();
        Ok(Self { agent, key_id, algorithm, signing_input, signature, id, issued_at, expires_at })
    }
}

fn issuer(claims: &Object<'_>) -> Option<Did> {
    let (issuer, subject) = (header::text(claims, "iss")?, header::text(claims, "sub")?);
    (issuer == subject).then(|| issuer.parse().ok()).flatten()
}

/// `aud`: one of these, alone. With another one beside it whoever that is could use it here.
fn is_for(claims: &Object<'_>, audiences: &[&str]) -> bool {
    let audience = match claims.get("aud") {
        Some(Json::Array(all)) => match all.as_slice() {
            [one] => one.as_str(),
            _ => None,
        },
        Some(one) => one.as_str(),
        None => None,
    };
    audience.is_some_and(|audience| audiences.contains(&audience))
}

fn times(claims: &Object<'_>, now: i64) -> Result<(i64, i64), Refused> {
    let wrong = |code: &str, message: &str| Refused::new("invalid_client", code, message);
    let moment = |name: &str, round| claims.get(name).map(|value| numeric_date(value, round));
    let (Some(Some(issued)), Some(Some(expires))) = (moment("iat", Round::Up), moment("exp", Round::Down))
    else {
        return Err(wrong("malformed", "`iat` and `exp` of `client_assertion` are seconds since 1970"));
    };
    let begins = match moment("nbf", Round::Up) {
        None => issued,
        Some(Some(from)) => issued.max(from),
        Some(None) => return Err(wrong("malformed", "`nbf` of `client_assertion` is no number")),
    };
    let ends = expires.min(issued.saturating_add(LIFE));
    let clock = Clock { now, skew: SKEW };
    if !clock.has_begun(begins) {
        return Err(wrong("not_yet_valid", "`client_assertion` is of a time to come; is the clock right?"));
    }
    if clock.has_ended(ends) || ends <= issued {
        let message =
            "`client_assertion` has ended: make one for each request, which is good for five minutes at most";
        return Err(wrong("expired", message));
    }
    Ok((issued, ends))
}

/// Makes an assertion of an agent, good for a minute from `now` (Unix seconds) on. `key_id` is the DID URL of its key, `id` a text
/// that it has not used before.
///
/// # Errors
/// [`SignError`].
pub fn make(
    (agent, key_id): (&Did, &str),
    audience: &str,
    id: &str,
    now: i64,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let head = json!({"alg": signer.public_key().algorithm().jose(), "kid": key_id, "typ": "client-authentication+jwt"});
    let claims = json!({
        "iss": agent.as_str(), "sub": agent.as_str(), "aud": audience, "jti": id, "iat": now, "exp": now.saturating_add(60),
    });
    header::sign(&head, &claims, signer)
}
