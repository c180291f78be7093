//! Identity tokens of agents (RFC 9068). Whoever asks says what one says, which is read strictly and written anew here: nothing
//! else is signed by these keys, and no token that lives longer than one may.

use crate::{
    ask,
    master::Master,
    refused::{Refused, shorten},
    rsa::{ALGORITHM, RsaKey},
    verbs::key_place,
};
use legation_keys::{SecretKey, Signer, jws, secret::SecretKeyError};
use legation_token::{Claims, LIFE, TYPE};
use serde_json::Value;
use std::time::SystemTime;

/// What the fragment of a key's id begins with.
pub(crate) const FRAGMENT: &str = "token-";

/// By how much the clock of whoever asks may differ, and how old its request may be, seconds.
pub(crate) const CLOCKS: i64 = 60;

/// The time, Unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MIN)
}

/// Signs a token.
pub(crate) fn access_token(request: &ask::AccessToken, master: &Master) -> Result<String, Refused> {
    let claims = Claims::read(request.claims.as_bytes())?;
    let ask::AccessToken { key, .. } = request;
    let fragment = key.key_id.strip_prefix(claims.issuer.as_str()).and_then(|rest| rest.strip_prefix('#'));
    if !fragment.is_some_and(|fragment| fragment.starts_with(FRAGMENT)) {
        return Err(Refused::EventIssuer { issuer: shorten(&claims.issuer), key_id: shorten(&key.key_id) });
    }
    let written = claims.to_json();
    // What was not read would not be signed, and whoever asked would not know.
    let is_whole = serde_json::from_str::<Value>(&request.claims).is_ok_and(|asked| asked == written);
    let life = claims.expires_at.saturating_sub(claims.issued_at);
    // A token of tomorrow would be one that nobody can stop: services look at its end alone (RFC 9068 §4).
    let is_now = (claims.issued_at.saturating_sub(now())).checked_abs().is_some_and(|apart| apart <= CLOCKS);
    if !is_whole || !is_now || !(1..=LIFE).contains(&life) || claims.not_before.is_some() {
        return Err(Refused::TokenTerms);
    }
    let opened = master.open(key_place(&key.organization, &key.key_id)?, &key.sealed.0)?;
    let payload = written.to_string();
    // A key of ours is a JWK, an RSA key is PKCS#8 (RFC 5958), a sequence in DER.
    if opened.first() != Some(&b'{') {
        let key = RsaKey::from_pkcs8(&opened)?;
        let jwk = key.public_jwk()?;
        let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
        return Ok(jws::sign_by(ALGORITHM, TYPE, kid, payload.as_bytes(), |input| key.sign(input))?);
    }
    let jwk = core::str::from_utf8(&opened).map_err(|_| SecretKeyError::NotAKey)?;
    let key = SecretKey::from_jwk(jwk)?;
    Ok(jws::sign(TYPE, &key.public_key().thumbprint(), payload.as_bytes(), &key)?)
}
