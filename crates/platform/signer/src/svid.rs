//! JWT-SVIDs of agents (SPIFFE JWT-SVID). Whoever asks says what one says, which is read strictly and written anew here: these keys sign
//! nothing else, for no other trust domain, and no SVID that lives longer than a token may.

use crate::{
    access_token::{CLOCKS, now},
    ask,
    master::Master,
    refused::{Refused, shorten},
    signing::opened,
};
use legation_keys::{Algorithm, Signer, jws};
use legation_token::{
    LIFE,
    svid::{SvidClaims, TYPE},
};
use serde_json::Value;

/// What the fragment of a key's id begins with.
const FRAGMENT: &str = "#svid-";

/// Signs an SVID.
pub(crate) fn jwt_svid(request: &ask::JwtSvid, master: &Master) -> Result<String, Refused> {
    let claims = SvidClaims::read(request.claims.as_bytes())?;
    let key_id = &request.key.key_id;
    let trust_domain = claims.id.trust_domain();
    let rest = key_id.strip_prefix("spiffe://").and_then(|rest| rest.strip_prefix(trust_domain));
    if !rest.is_some_and(|rest| rest.starts_with(FRAGMENT)) {
        return Err(Refused::EventIssuer { issuer: shorten(trust_domain), key_id: shorten(key_id) });
    }
    let written = claims.to_json();
    // What was not read would not be signed, and whoever asked would not know.
    let is_whole = serde_json::from_str::<Value>(&request.claims).is_ok_and(|asked| asked == written);
    let issued = claims.issued_at.ok_or(Refused::TokenTerms)?;
    let life = claims.expires_at.saturating_sub(issued);
    let is_now = issued.saturating_sub(now()).checked_abs().is_some_and(|apart| apart <= CLOCKS);
    if !is_whole || !is_now || !(1..=LIFE).contains(&life) || claims.not_before.is_some() {
        return Err(Refused::TokenTerms);
    }
    let key = opened(&request.key, master)?;
    let public = key.public_key();
    // JWT-SVID §2.1: EdDSA is no algorithm of SVIDs.
    if public.algorithm() != Algorithm::Es256 {
        return Err(Refused::Algorithm { found: public.algorithm().jose().to_owned() });
    }
    Ok(jws::sign(TYPE, &public.thumbprint(), written.to_string().as_bytes(), &key)?)
}
