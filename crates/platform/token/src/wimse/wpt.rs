//! Workload proof tokens: `wpt+jwt`. A proof is made by the key of a token, for one request, and covers each other credential beside it.

use super::{WimseError, Wit, hash};
use crate::{SKEW, header};
use legation_keys::{
    Json, Signer, base64url,
    jws::{self, JwsError},
    secret::SignError,
    time::{Round, numeric_date},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The `typ`.
const TYPE: &str = "wpt+jwt";
/// Most bytes of a proof.
const MAX: usize = 8 << 10;
/// For how many seconds a proof may be good.
const LIFE: i64 = 300;
/// How many bytes a `jti` has.
const ID: core::ops::RangeInclusive<usize> = 16..=128;

/// The request that a proof has to be of.
#[derive(Clone, Copy, Debug)]
pub struct Of<'o> {
    /// What `aud` may be: the target URI without its query, or what was agreed on.
    pub audiences: &'o [&'o str],
    /// The access token beside it.
    pub access_token: Option<&'o str>,
    /// The transaction token beside it.
    pub transaction_token: Option<&'o str>,
    /// Other headers that count, by their names in small letters, such as [`AGENT_DELEGATION`](super::AGENT_DELEGATION): each has to be covered.
    pub others: &'o [(&'o str, &'o str)],
}

/// What a proof is made for.
#[derive(Clone, Copy, Debug)]
pub struct Making<'m> {
    /// The token of the workload.
    pub wit: &'m str,
    /// `aud`: the target URI without its query.
    pub audience: &'m str,
    /// `jti`, 16 to 128 characters that were not used before.
    pub id: &'m str,
    /// The access token beside it.
    pub access_token: Option<&'m str>,
    /// The transaction token beside it.
    pub transaction_token: Option<&'m str>,
    /// Other headers that it covers, by their names in small letters.
    pub others: &'m [(&'m str, &'m str)],
    /// Now, Unix seconds.
    pub now: i64,
}

/// Makes a proof, good for a minute, by the key of the token.
///
/// # Errors
/// [`SignError`].
pub fn make(making: &Making<'_>, signer: &dyn Signer) -> Result<String, SignError> {
    let head = json!({"alg": signer.public_key().algorithm().jose(), "typ": TYPE});
    let mut claims = json!({
        "aud": making.audience, "exp": making.now.saturating_add(60), "jti": making.id, "wth": hash(making.wit),
    });
    if let Some(members) = claims.as_object_mut() {
        let mut add = |name: &str, value: Option<Value>| {
            members.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("ath", making.access_token.map(|token| hash(token).into()));
        add("tth", making.transaction_token.map(|token| hash(token).into()));
        let others = making.others.iter().map(|(name, value)| ((*name).to_owned(), hash(value).into()));
        let others: serde_json::Map<String, Value> = others.collect();
        add("oth", (!others.is_empty()).then(|| others.into()));
    }
    header::sign(&head, &claims, signer)
}

/// Holds the values of all headers `Workload-Proof-Token` of a request against it. It is half of the whole: the token is verified first
/// ([`workload`](super::workload)). Gives what the proof is known by, and until when it could come again.
///
/// # Errors
/// [`WimseError`], the first rule that is broken.
pub fn check(
    proofs: &[&str],
    (wit, wit_text): (&Wit, &str),
    of: &Of<'_>,
    now: i64,
) -> Result<([u8; 32], i64), WimseError> {
    let [proof] = proofs else {
        return Err(WimseError::Count { header: "Workload-Proof-Token", found: proofs.len() });
    };
    if proof.len() > MAX {
        return Err(WimseError::TooLarge { limit: MAX, found: proof.len() });
    }
    let parts = jws::split(proof)?;
    let head = base64url::decode(parts.header).map_err(JwsError::from)?;
    let (head, algorithm) = header::read(&head, false)?;
    let typ = header::text(&head, "typ").unwrap_or_default();
    if !typ.eq_ignore_ascii_case(TYPE) {
        return Err(JwsError::Type { expected: TYPE, found: typ.chars().take(40).collect() }.into());
    }
    if algorithm != wit.key.algorithm() {
        let (found, allowed) = (algorithm.jose().to_owned(), wit.key.algorithm().jose().to_owned());
        return Err(JwsError::Algorithm { found, allowed }.into());
    }
    let signature = jws::read_signature(parts.signature)?;
    let verified = wit.key.verify(parts.signing_input.as_bytes(), &signature);
    verified.map_err(|_| WimseError::Signature)?;
    let payload = base64url::decode(parts.payload).map_err(JwsError::from)?;
    let claims = header::payload(&payload)?;
    let audience = header::text(&claims, "aud").ok_or(WimseError::Claim("aud"))?;
    if !of.audiences.contains(&audience) {
        return Err(WimseError::Audience);
    }
    let ends =
        claims.get("exp").and_then(|exp| numeric_date(exp, Round::Down)).ok_or(WimseError::Claim("exp"))?;
    if now >= ends || ends.saturating_sub(now) > LIFE.saturating_add(SKEW) {
        return Err(WimseError::Time);
    }
    let id =
        header::text(&claims, "jti").filter(|id| ID.contains(&id.len())).ok_or(WimseError::Claim("jti"))?;
    covers(&claims, "wth", Some(wit_text))?;
    covers(&claims, "ath", of.access_token)?;
    covers(&claims, "tth", of.transaction_token)?;
    covers_others(&claims, of.others)?;
    let known_by = Sha256::digest(format!("wpt\n{}\n{id}", wit.key.thumbprint()));
    Ok((known_by.into(), ends))
}

/// A hash stands there exactly where its token is beside it: one that is not covered could be somebody else's.
fn covers(
    claims: &legation_keys::json::Object<'_>,
    name: &'static str,
    token: Option<&str>,
) -> Result<(), WimseError> {
    let said = match claims.get(name) {
        None => None,
        Some(value) => Some(value.as_str().ok_or(WimseError::Claim(name))?),
    };
    if said == token.map(hash).as_deref() { Ok(()) } else { Err(WimseError::Binding(name)) }
}

fn covers_others(
    claims: &legation_keys::json::Object<'_>,
    others: &[(&str, &str)],
) -> Result<(), WimseError> {
    let none = Json::Object(legation_keys::json::Object::default());
    let said = claims.get("oth").unwrap_or(&none).as_object().ok_or(WimseError::Claim("oth"))?;
    for (name, value) in said.iter() {
        let Some((_, own)) = others.iter().find(|(other, _)| *other == name) else {
            return Err(WimseError::Other(name.chars().take(80).collect()));
        };
        if value.as_str() != Some(hash(own).as_str()) {
            return Err(WimseError::Binding("oth"));
        }
    }
    let is_covered = |(name, _): &(&str, &str)| said.get(name).is_some();
    if others.iter().all(is_covered) { Ok(()) } else { Err(WimseError::Binding("oth")) }
}
