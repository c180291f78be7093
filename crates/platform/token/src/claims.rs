//! What a token says (RFC 9068 §2.2), written and read.

use crate::{DETAIL, MAX_CLAIMS};
use legation_credential::{Authority, CredentialError, LinkDigest};
use legation_did::Did;
use legation_keys::{
    Json, base64url,
    json::{self, JsonError, JsonLimits, Object},
    time::{Round, numeric_date},
};
use serde_json::{Value, json};

/// Bounds on the payload of a token.
pub(crate) const LIMITS: JsonLimits = JsonLimits { bytes: MAX_CLAIMS, depth: 80 };
/// Most actors of `act`, and most links of a chain: no verifier reads longer chains.
pub(crate) const MAX_LINKS: usize = 64;
/// Most bytes of a `jti`, and of an audience.
pub(crate) const MAX_NAME: usize = 512;
/// Members of a token's entry in `authorization_details`. One that is not known could limit it.
const MEMBERS: [&str; 7] = ["type", "locations", "grants", "constraints", "chain", "links", "ledger"];

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`: the origin of the organization, such as `https://acme.example`.
    pub issuer: String,
    /// `sub`: the principal of the chain, for whom the agent acts.
    pub subject: Did,
    /// `client_id`: the agent.
    pub client_id: Did,
    /// `aud`: the one service that it is for.
    pub audience: String,
    /// `iat`, Unix seconds.
    pub issued_at: i64,
    /// `nbf`, Unix seconds. None is written.
    pub not_before: Option<i64>,
    /// `exp`, Unix seconds: from then on it is no longer accepted.
    pub expires_at: i64,
    /// `jti`.
    pub id: String,
    /// `act`, the agent first, then who handed its authority on to whoever stands before, up to whom the principal gave it. It is
    /// history (RFC 8693 §4.1), and nothing is granted by it.
    pub actors: Vec<String>,
    /// What the agent may do at the audience.
    pub authority: Authority,
    /// SHA-256 of each link of the chain, root first, by which Shared Signals tell of one that was revoked.
    pub links: Vec<LinkDigest>,
    /// Whose ledger takes from the totals of the authority; `None` where it has none.
    pub ledger: Option<String>,
    /// `cnf.jkt`: the thumbprint (RFC 7638) of the key that whoever shows it proves; `None` of a bearer token.
    pub key: Option<String>,
}

/// Why bytes are not the claims of a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Not strict JSON, too long, or too deep.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A claim is missing, or of another kind.
    #[error("`{member}` is missing, or not what it has to be: {expected}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// An audience of several could hand the token on among them.
    #[error("a token is for exactly one audience, this is for {found}")]
    Audiences {
        /// How many there are.
        found: usize,
    },
    /// `authorization_details` have another number of entries, or of another type.
    #[error("`authorization_details` is exactly one entry of the type `{DETAIL}`")]
    Details,
    /// The entry has a member that is not known.
    #[error("the entry of `authorization_details` has `{found}`, which is not known here and could limit it")]
    UnknownMember {
        /// Which.
        found: String,
    },
    /// Grants or constraints can't be read.
    #[error("{0}")]
    Authority(#[from] CredentialError),
    /// `act` names another one than `client_id` first, or says more than who.
    #[error(
        "`act` is a history of who acted, the agent of `client_id` first, and says no more than `sub` and `iss`"
    )]
    Actors,
    /// `cnf` confirms in a way that can't be checked.
    #[error("`cnf` has something else than `jkt`, which nobody here can check")]
    Confirmation,
}

impl ClaimsError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Member { .. } => "malformed",
            Self::Audiences { .. } => "audience_mismatch",
            Self::Details => "details_mismatch",
            Self::UnknownMember { .. } => "unknown_member",
            Self::Authority(error) => error.code(),
            Self::Actors => "actors_mismatch",
            Self::Confirmation => "confirmation_unknown",
        }
    }
}

impl Claims {
    /// The claims as they are signed.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let digests: Vec<String> = self.links.iter().map(|digest| base64url::encode(digest)).collect();
        let mut detail = json!({
            "type": DETAIL, "locations": [self.audience], "chain": digests.last(), "links": digests,
        });
        let mut claims = json!({
            "iss": self.issuer, "sub": self.subject.as_str(), "client_id": self.client_id.as_str(),
            "aud": self.audience, "iat": self.issued_at, "exp": self.expires_at, "jti": self.id,
        });
        if let (Some(members), Value::Object(authority)) = (detail.as_object_mut(), self.authority.to_json())
        {
            members.extend(authority);
            members.extend(self.ledger.as_ref().map(|ledger| ("ledger".to_owned(), ledger.as_str().into())));
        }
        if let Some(members) = claims.as_object_mut() {
            let mut add = |name: &str, value: Option<Value>| {
                members.extend(value.map(|value| (name.to_owned(), value)))
            };
            add("act", act(&self.actors));
            add("scope", self.scope().map(Value::from));
            add("cnf", self.key.as_ref().map(|key| json!({ "jkt": key })));
            add("nbf", self.not_before.map(Value::from));
            add("authorization_details", Some(json!([detail])));
        }
        claims
    }

    /// `scope`: the actions that are granted by their names, on all of the audience and without a limit: whoever compares scopes
    /// sees neither resources nor limits, and would permit more than the chain does. What is granted by a pattern has none,
    /// whose text would be taken for one (RFC 6749 §3.3 knows no pattern).
    #[must_use]
    pub fn scope(&self) -> Option<String> {
        let is_scope = |text: &str| text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        let whole = format!("{}/*", self.audience.strip_suffix('/').unwrap_or(&self.audience));
        // What has no path has nothing below it.
        let is_all = |resource: &str| match self.audience.contains("://") {
            true => resource == whole,
            false => resource == self.audience,
        };
        let pairs = self.authority.pairs().unwrap_or_default().iter();
        let actions =
            pairs.filter(|(_, resource)| is_all(&resource.to_string())).map(|(action, _)| action.to_string());
        let is_free = |action: &str| self.authority.limits_on(action).next().is_none();
        let mut scopes: Vec<String> =
            actions.filter(|action| !action.ends_with('*') && is_scope(action) && is_free(action)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }

    /// Reads claims. Those that are not known are ignored, as RFC 7519 §4 has it, but for what stands in the one entry of
    /// `authorization_details`. `scope` is not read: the entry says more.
    ///
    /// # Errors
    /// [`ClaimsError`].
    pub fn read(payload: &[u8]) -> Result<Self, ClaimsError> {
        let json = json::parse(payload, LIMITS)?;
        let wrong = |member, expected| ClaimsError::Member { member, expected };
        let claims = json.as_object().ok_or_else(|| wrong("the payload", "an object"))?;
        let client_id = did(claims, "client_id")?;
        let detail = detail(claims)?;
        let audience = audience(claims)?.to_owned();
        let located = detail.get("locations").and_then(Json::as_array).unwrap_or_default();
        if located.len() != 1 || located.iter().any(|one| one.as_str() != Some(&audience)) {
            return Err(wrong("locations", "an array with the audience"));
        }
        let links = digests(detail)?;
        let actors = match claims.get("act") {
            None => Vec::new(),
            Some(act) => actors(act, client_id.as_str())?,
        };
        let ledger = detail.get("ledger").map(|_| name(detail, "ledger")).transpose()?.map(str::to_owned);
        let not_before = claims.get("nbf").map(|_| moment(claims, "nbf", Round::Up)).transpose()?;
        Ok(Self {
            issuer: name(claims, "iss")?.to_owned(),
            subject: did(claims, "sub")?,
            audience,
            issued_at: moment(claims, "iat", Round::Up)?,
            not_before,
            expires_at: moment(claims, "exp", Round::Down)?,
            id: name(claims, "jti")?.to_owned(),
            actors,
            authority: Authority::from_members(detail)?,
            links,
            ledger,
            key: claims.get("cnf").map(confirmation).transpose()?,
            client_id,
        })
    }
}

/// `act`, the first one outermost.
fn act(actors: &[String]) -> Option<Value> {
    actors.iter().rev().fold(None, |inner: Option<Value>, actor| {
        let mut act = json!({ "sub": actor });
        if let Some(members) = act.as_object_mut() {
            members.extend(inner.map(|inner| ("act".to_owned(), inner)));
        }
        Some(act)
    })
}

/// Who acted. Nothing but names stands there (RFC 8693 §4.1): whoever found more could take it for what is granted.
fn actors(act: &Json<'_>, agent: &str) -> Result<Vec<String>, ClaimsError> {
    let (mut all, mut next) = (Vec::new(), Some(act));
    while let Some(act) = next {
        let act = act.as_object().filter(|act| act.unknown_member(&["sub", "iss", "act"]).is_none());
        let act = act.filter(|_| all.len() < MAX_LINKS).ok_or(ClaimsError::Actors)?;
        all.push(name(act, "sub").map_err(|_| ClaimsError::Actors)?.to_owned());
        next = act.get("act");
    }
    match all.first() {
        Some(first) if first == agent => Ok(all),
        _ => Err(ClaimsError::Actors),
    }
}

/// `aud`: a text, or an array of one (RFC 7519 §4.1.3).
fn audience<'o>(claims: &'o Object<'_>) -> Result<&'o str, ClaimsError> {
    match claims.get("aud") {
        Some(Json::Array(all)) => match all.as_slice() {
            [Json::String(one)] => Ok(one),
            all => Err(ClaimsError::Audiences { found: all.len() }),
        },
        _ => name(claims, "aud"),
    }
}

/// The one entry of `authorization_details`.
fn detail<'o>(claims: &'o Object<'_>) -> Result<&'o Object<'o>, ClaimsError> {
    let entries = claims.get("authorization_details").and_then(Json::as_array);
    let Some([Json::Object(entry)]) = entries else { return Err(ClaimsError::Details) };
    if entry.get("type").and_then(Json::as_str) != Some(DETAIL) {
        return Err(ClaimsError::Details);
    }
    match entry.unknown_member(&MEMBERS) {
        Some(found) => Err(ClaimsError::UnknownMember { found: found.chars().take(40).collect() }),
        None => Ok(entry),
    }
}

/// `links`, of which `chain` is the last.
fn digests(detail: &Object<'_>) -> Result<Vec<LinkDigest>, ClaimsError> {
    let wrong = || ClaimsError::Member {
        member: "links",
        expected: "1 to 64 SHA-256 in base64url, of which `chain` is the last",
    };
    let read = |text: &Json<'_>| base64url::decode_array(text.as_str()?).ok();
    let links = detail
        .get("links")
        .and_then(Json::as_array)
        .filter(|all| all.len() <= MAX_LINKS)
        .ok_or_else(wrong)?;
    let links: Option<Vec<LinkDigest>> = links.iter().map(read).collect();
    let (links, chain) = (links.ok_or_else(wrong)?, detail.get("chain").and_then(read));
    if links.is_empty() || links.last() != chain.as_ref() { Err(wrong()) } else { Ok(links) }
}

/// `cnf` (RFC 7800 §3.1): all of it has to be understood, since it limits who may show the token.
fn confirmation(cnf: &Json<'_>) -> Result<String, ClaimsError> {
    let cnf = cnf.as_object().filter(|cnf| cnf.unknown_member(&["jkt"]).is_none());
    let jkt = cnf.and_then(|cnf| cnf.get("jkt")).and_then(Json::as_str);
    let jkt = jkt.filter(|jkt| base64url::decode_array::<32>(jkt).is_ok());
    jkt.map(str::to_owned).ok_or(ClaimsError::Confirmation)
}

fn name<'o>(object: &'o Object<'_>, member: &'static str) -> Result<&'o str, ClaimsError> {
    let text = object.get(member).and_then(Json::as_str).filter(|text| (1..=MAX_NAME).contains(&text.len()));
    text.ok_or(ClaimsError::Member { member, expected: "a text of 1 to 512 bytes" })
}

fn did(object: &Object<'_>, member: &'static str) -> Result<Did, ClaimsError> {
    let did = object.get(member).and_then(Json::as_str).and_then(|text| text.parse().ok());
    did.ok_or(ClaimsError::Member { member, expected: "a DID" })
}

fn moment(object: &Object<'_>, member: &'static str, round: Round) -> Result<i64, ClaimsError> {
    let moment = object.get(member).and_then(|value| numeric_date(value, round));
    moment.ok_or(ClaimsError::Member { member, expected: "seconds since 1970" })
}
