//! Workload identity tokens: `wit+jwt`.

use super::WimseError;
use crate::{SKEW, header};
use legation_agent_card::JwkSet;
use legation_keys::{
    Algorithm, Json, PublicKey, base64url,
    json::JsonLimits,
    jws::{self, JwsError},
    time::{Clock, Round, numeric_date},
};

/// The `typ`.
const TYPE: &str = "wit+jwt";
/// Most bytes of a token.
const MAX: usize = 16 << 10;
const HEADER: JsonLimits = JsonLimits { bytes: 2048, depth: 2 };
/// Most bytes of an identifier (SPIFFE-ID §2.3).
const MAX_ID: usize = 2048;

/// The keys of one trust domain, which are configured for it: nothing in a token says where they are.
#[derive(Clone, Copy, Debug)]
pub struct Anchor<'a> {
    /// Its name.
    pub trust_domain: &'a str,
    /// Its keys for these tokens.
    pub keys: &'a JwkSet,
    /// Whether it is a SPIFFE trust domain, whose tokens are WIT-SVIDs: no EdDSA, neither by who issues nor by who proves
    /// (WIT-SVID §2.2, §3.2).
    pub spiffe: bool,
}

/// A token as it was read, and not believed.
#[derive(Clone, Debug)]
pub struct Wit {
    pub(super) id: String,
    pub(super) key: PublicKey,
    expires_at: i64,
    begins_at: Vec<i64>,
}

impl Wit {
    /// Reads a token.
    ///
    /// # Errors
    /// [`WimseError`], of its form and its claims.
    pub fn read(text: &str) -> Result<Self, WimseError> {
        if text.len() > MAX {
            return Err(WimseError::TooLarge { limit: MAX, found: text.len() });
        }
        let payload = base64url::decode(jws::split(text)?.payload).map_err(JwsError::from)?;
        let claims = header::payload(&payload)?;
        // A token that anybody may show to anybody says nothing of whom it is for (WIT-SVID §3.1).
        if claims.get("aud").is_some() {
            return Err(WimseError::Claim("aud"));
        }
        let id = header::text(&claims, "sub").filter(|id| id.len() <= MAX_ID && trust_domain(id).is_some());
        let id = id.ok_or(WimseError::Claim("sub"))?.to_owned();
        let moment = |name, round| match claims.get(name) {
            None => Ok(None),
            Some(value) => numeric_date(value, round).map(Some).ok_or(WimseError::Claim(name)),
        };
        let expires_at = moment("exp", Round::Down)?.ok_or(WimseError::Claim("exp"))?;
        let begins_at =
            [moment("iat", Round::Up)?, moment("nbf", Round::Up)?].into_iter().flatten().collect();
        let cnf = claims.get("cnf").and_then(Json::as_object);
        let jwk =
            cnf.and_then(|cnf| cnf.get("jwk")).and_then(Json::as_object).ok_or(WimseError::Claim("cnf"))?;
        let key = PublicKey::from_jwk(jwk)?;
        // The proof is by this algorithm and no other.
        let said = header::text(jwk, "alg").and_then(Algorithm::from_jose);
        if said != Some(key.algorithm()) {
            return Err(WimseError::Claim("cnf.jwk.alg"));
        }
        Ok(Self { id, key, expires_at, begins_at })
    }

    /// By its own word: who it is of.
    #[must_use]
    pub fn claimed_id(&self) -> &str {
        &self.id
    }

    /// Holds that the anchor's trust domain has signed it, and that it holds at `now` (Unix seconds).
    pub(super) fn verify(&self, text: &str, anchor: &Anchor<'_>, now: i64) -> Result<(), WimseError> {
        let parts = jws::split(text)?;
        let allowed: &[Algorithm] = if anchor.spiffe { &[Algorithm::Es256] } else { &Algorithm::ALL };
        let head = jws::read_header(parts.header, TYPE, allowed, HEADER)?;
        let algorithm = legation_agent_card::CardAlgorithm::Own(head.algorithm);
        let key_id = head.required_key_id()?;
        let found = trust_domain(&self.id).unwrap_or_default();
        if found != anchor.trust_domain {
            let (expected, found) = (anchor.trust_domain.to_owned(), found.to_owned());
            return Err(WimseError::TrustDomain { expected, found });
        }
        if anchor.spiffe
            && (self.key.algorithm() != Algorithm::Es256 || crate::SpiffeId::parse(&self.id).is_err())
        {
            return Err(WimseError::Claim("cnf.jwk.alg"));
        }
        let signature = base64url::decode(parts.signature).map_err(JwsError::from)?;
        if !anchor.keys.verifies(&key_id, algorithm, parts.signing_input.as_bytes(), &signature)? {
            return Err(WimseError::Signature);
        }
        let clock = Clock { now, skew: SKEW };
        let has_begun = self.begins_at.iter().all(|from| clock.has_begun(*from));
        if now < self.expires_at && has_begun { Ok(()) } else { Err(WimseError::Time) }
    }
}

/// The trust domain of a workload's identifier.
fn trust_domain(id: &str) -> Option<&str> {
    let rest = id.strip_prefix("spiffe://").or_else(|| id.strip_prefix("wimse://"))?;
    let (domain, path) = rest.split_once('/')?;
    (crate::svid::id::is_trust_domain(domain) && !path.is_empty()).then_some(domain)
}
