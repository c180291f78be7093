//! Admins whom an OpenID provider knows: what its groups stand for, and what an ID token of it says (OpenID Connect Core 1.0
//! §3.1.3.7).
//!
//! An ID token says who somebody is, and gives nothing by itself. It is exchanged for a delegation that ends soon, to a key
//! that whoever shows it holds: its `nonce` is made of that key, so that nobody else has any use for it.

use crate::{Admin, Profile, error::RegistryError, links::Why, registry::Registry};
use legation_agent_card::{
    CardAlgorithm,
    jwks::{JwkError, JwkSet},
};
use legation_did::{Did, key};
use legation_keys::{
    base64url,
    json::{self, Json, JsonLimits, Object},
    jws,
};
use legation_store::{
    StoreError, configuration,
    holder::{self, Kind, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const KIND: &str = "identity-provider";
/// Bounds on a token.
const HEADER: JsonLimits = JsonLimits { bytes: 4096, depth: 4 };
const CLAIMS: JsonLimits = JsonLimits { bytes: 64 << 10, depth: 8 };
/// How old a token may be, and by how much clocks may differ: seconds.
const MAX_AGE: i64 = 600;
const SKEW: i64 = 60;
/// How long a session lives where nobody says it, and at most: seconds.
const SESSION: i64 = 8 * 3600;
const LONGEST: i64 = 24 * 3600;
/// Most groups that stand for something, and most bytes of a name.
const MOST: usize = 256;
const MAX_NAME: usize = 255;

/// An OpenID provider whose groups stand for roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provider {
    /// What it is called here.
    pub name: String,
    /// Its `iss`, an HTTPS URL.
    pub issuer: String,
    /// For whom its tokens have to be: the client id of this organization there.
    pub audience: String,
    /// Its keys, a JWK set; without, they are fetched from where its configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// The claim that lists somebody's groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// How long a session lives, seconds.
    #[serde(default = "session")]
    pub session: i64,
    /// What groups stand for.
    pub roles: Vec<Mapping>,
}

/// What a group stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The group, as the provider calls it.
    pub group: String,
    /// `owner`, `operator` or `auditor`.
    pub role: Role,
    /// Of this team's agents alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// What people do who administer an organization, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, and changes nothing.
    Auditor,
    /// Decides on what waits for an approval.
    Approver,
    /// All that is done day by day: who is an admin, and the organization's own key, are not.
    Operator,
    /// Everything.
    Owner,
}

impl Role {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Auditor, Self::Approver, Self::Operator, Self::Owner];

    /// Its name: `auditor`, `approver`, `operator` or `owner`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

fn groups() -> String {
    "groups".to_owned()
}

fn session() -> i64 {
    SESSION
}

/// Who a token is of, and what that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its `sub`.
    pub subject: String,
    /// The greatest role of its groups.
    pub role: Role,
    /// The teams that it is bound to; all where there is none.
    pub teams: Vec<String>,
}

/// Why a token makes nobody an admin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// It is no ID token.
    #[error("the ID token can't be read: {0}")]
    Malformed(String),
    /// Nobody here knows who made it.
    #[error("the ID token is of `{found}`, which is no identity provider of this organization")]
    Issuer {
        /// Its `iss`.
        found: String,
    },
    /// Its key is not one of the provider's, or is for another algorithm.
    #[error("the ID token is signed by a key that its provider does not have: {0}")]
    Key(JwkError),
    /// The signature is not by that key.
    #[error("the signature of the ID token is not by the key that it names")]
    Signature,
    /// It is for somebody else.
    #[error("the ID token is for `{found}`, and `{expected}` is expected")]
    Audience {
        /// Its `aud` or `azp`.
        found: String,
        /// The client id.
        expected: String,
    },
    /// It has ended, or was made too long ago, or has not begun.
    #[error("the ID token was made more than {MAX_AGE} s ago, has ended, or the clocks differ; log in again")]
    Time,
    /// It was asked for by somebody else, or for another key.
    #[error(
        "the `nonce` of the ID token is not made of the key that is shown; log in by `legation admin login`"
    )]
    Nonce,
    /// None of its groups stands for anything.
    #[error(
        "none of the groups of `{subject}` is one of an admin; have one added to the identity provider's `roles`"
    )]
    Group {
        /// Its `sub`.
        subject: String,
    },
}

impl IdentityError {
    /// A stable name of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "id_token_malformed",
            Self::Issuer { .. } => "id_token_issuer",
            Self::Key(_) => "id_token_key",
            Self::Signature => "id_token_signature",
            Self::Audience { .. } => "id_token_audience",
            Self::Time => "id_token_expired",
            Self::Nonce => "id_token_nonce",
            Self::Group { .. } => "id_token_group",
        }
    }
}

/// The `nonce` that a token has to have for whoever holds the key of `did` at an organization.
#[must_use]
pub fn nonce(organization: &Did, did: &Did) -> String {
    let text = format!("legation session\n{organization}\n{did}");
    base64url::encode(&Sha256::digest(text))
}

/// The `iss` of a token of which nothing is known yet.
///
/// # Errors
/// [`IdentityError::Malformed`].
pub fn issuer_of(token: &str) -> Result<String, IdentityError> {
    let (_, claims) = split(token)?;
    let claims = json::parse(&claims, CLAIMS).map_err(malformed)?;
    Ok(claims.get("iss").and_then(Json::as_str).unwrap_or_default().chars().take(MAX_NAME).collect())
}

fn malformed(error: impl ToString) -> IdentityError {
    IdentityError::Malformed(error.to_string())
}

fn split(token: &str) -> Result<(jws::Compact<'_>, Vec<u8>), IdentityError> {
    if token.len() > CLAIMS.bytes {
        return Err(malformed(format!("it has more than {} bytes", CLAIMS.bytes)));
    }
    let parts = jws::split(token).map_err(malformed)?;
    let claims = base64url::decode(parts.payload).map_err(malformed)?;
    Ok((parts, claims))
}

impl Provider {
    /// Checks what it says.
    ///
    /// # Errors
    /// [`RegistryError::Value`].
    pub fn validate(&self) -> Result<(), RegistryError> {
        let wrong = |what, found: &str, reason: &str| {
            let found = found.chars().take(MAX_NAME).collect();
            Err(RegistryError::Value { what, found, reason: reason.to_owned() })
        };
        let fits = |text: &str| (1..=MAX_NAME).contains(&text.len()) && !text.contains(char::is_control);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !fits(&self.name) || !self.name.bytes().all(plain) {
            return wrong(
                "name of an identity provider",
                &self.name,
                "write `a`-`z`, `0`-`9`, `.`, `_`, `-`",
            );
        }
        let is_url = self.issuer.starts_with("https://") || self.issuer.starts_with("http://localhost");
        if !fits(&self.issuer) || !is_url || self.issuer.contains(['?', '#', '@']) {
            return wrong("issuer", &self.issuer, "write the `iss` of its tokens, an https URL");
        }
        for (what, text) in [("audience", &self.audience), ("claim of groups", &self.groups_claim)] {
            if !fits(text) {
                return wrong(what, text, "write 1 to 255 bytes, without control characters");
            }
        }
        if !(SKEW..=LONGEST).contains(&self.session) {
            return wrong("length of a session", &self.session.to_string(), "write seconds, 60 to 86400");
        }
        if self.roles.is_empty() || self.roles.len() > MOST {
            return wrong("list of `roles`", &self.roles.len().to_string(), "name 1 to 256 groups");
        }
        for Mapping { group, role, team } in &self.roles {
            if !fits(group) || team.as_ref().is_some_and(|team| !fits(team)) {
                return wrong("group", group, "write 1 to 255 bytes, without control characters");
            }
            if *role == Role::Owner && team.is_some() {
                return wrong(
                    "role of a team",
                    "owner",
                    "an owner is of all teams; write `operator` or `auditor`",
                );
            }
        }
        self.keys().map(drop)
    }

    /// Its keys, where they are not fetched.
    ///
    /// # Errors
    /// [`RegistryError::Value`].
    pub fn keys(&self) -> Result<Option<JwkSet>, RegistryError> {
        let Some(jwks) = &self.jwks else { return Ok(None) };
        let wrong = |error: legation_agent_card::jwks::JwkSetError| RegistryError::Value {
            what: "JWK set",
            found: self.name.clone(),
            reason: error.to_string(),
        };
        JwkSet::parse(jwks.to_string().as_bytes()).map(Some).map_err(wrong)
    }

    /// Who a token is of, by these keys, for whoever the `nonce` is of, at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`IdentityError`], the first rule that is broken.
    pub fn verify(
        &self,
        token: &str,
        keys: &JwkSet,
        nonce: &str,
        now: i64,
    ) -> Result<Identity, IdentityError> {
        let (parts, claims) = split(token)?;
        // `typ` is optional, and `JWT` where it is there (RFC 7519 §5.1): an access token has another one.
        let header = base64url::decode(parts.header).map_err(malformed)?;
        let header = json::parse(&header, HEADER).map_err(malformed)?;
        let typ = if header.get("typ").is_some() { "JWT" } else { "" };
        // Neither `none` nor an HMAC has a value here.
        let known = |alg: &str| {
            CardAlgorithm::from_jose(alg).ok_or_else(|| "RS256, PS256, ES256, ES384, EdDSA".to_owned())
        };
        let header = jws::read_header_by(parts.header, typ, HEADER, known).map_err(malformed)?;
        let id = header.key_id.ok_or_else(|| malformed("its header names no key by `kid`"))?;
        let signature = base64url::decode(parts.signature).map_err(malformed)?;
        let fits = keys.verifies(&id, header.algorithm, parts.signing_input.as_bytes(), &signature);
        if !fits.map_err(IdentityError::Key)? {
            return Err(IdentityError::Signature);
        }
        let claims = json::parse(&claims, CLAIMS).map_err(malformed)?;
        let claims = claims.as_object().ok_or_else(|| malformed("its claims are no object"))?;
        let text = |name: &str| claims.get(name).and_then(Json::as_str);
        if text("iss") != Some(&self.issuer) {
            return Err(IdentityError::Issuer { found: shorten(text("iss").unwrap_or_default()) });
        }
        self.is_for_us(claims)?;
        self.is_of_now(claims, now)?;
        if text("nonce") != Some(nonce) {
            return Err(IdentityError::Nonce);
        }
        let subject = text("sub").filter(|sub| (1..=MAX_NAME).contains(&sub.len()));
        let subject = subject.ok_or_else(|| malformed("`sub` is no text of 1 to 255 bytes"))?;
        self.meant(subject, claims)
    }

    /// §3.1.3.7, 3 to 5.
    fn is_for_us(&self, claims: &Object<'_>) -> Result<(), IdentityError> {
        let other =
            |found: &str| IdentityError::Audience { found: shorten(found), expected: self.audience.clone() };
        let all: Vec<&str> = match claims.get("aud") {
            Some(Json::String(one)) => vec![one],
            Some(aud) => aud.as_array().unwrap_or_default().iter().filter_map(Json::as_str).collect(),
            None => Vec::new(),
        };
        if !all.contains(&self.audience.as_str()) {
            return Err(other(&all.join(", ")));
        }
        match claims.get("azp") {
            None if all.len() == 1 => Ok(()),
            None => Err(other(&all.join(", "))),
            Some(azp) if azp.as_str() == Some(&self.audience) => Ok(()),
            Some(azp) => Err(other(azp.as_str().unwrap_or_default())),
        }
    }

    fn is_of_now(&self, claims: &Object<'_>, now: i64) -> Result<(), IdentityError> {
        let time = |name: &str| claims.get(name).and_then(Json::as_integer);
        let (Some(made), Some(ends)) = (time("iat"), time("exp")) else { return Err(IdentityError::Time) };
        let has_begun = match claims.get("nbf") {
            None => true,
            Some(begins) => begins.as_integer().is_some_and(|begins| begins <= now.saturating_add(SKEW)),
        };
        let is_new = (now.saturating_sub(MAX_AGE)..=now.saturating_add(SKEW)).contains(&made);
        if is_new && now < ends && has_begun { Ok(()) } else { Err(IdentityError::Time) }
    }

    /// Of several groups that stand for something the greatest role counts, and of that what is bound to no team.
    fn meant(&self, subject: &str, claims: &Object<'_>) -> Result<Identity, IdentityError> {
        let groups: Vec<&str> = match claims.get(&self.groups_claim) {
            Some(Json::String(one)) => vec![one],
            Some(many) => many.as_array().unwrap_or_default().iter().filter_map(Json::as_str).collect(),
            None => Vec::new(),
        };
        let fitting = || self.roles.iter().filter(|mapping| groups.contains(&mapping.group.as_str()));
        let role = fitting().map(|mapping| mapping.role).max();
        let role = role.ok_or_else(|| IdentityError::Group { subject: shorten(subject) })?;
        let mut teams: Vec<Option<String>> =
            fitting().filter(|mapping| mapping.role == role).map(|mapping| mapping.team.clone()).collect();
        teams.sort();
        teams.dedup();
        let teams: Option<Vec<String>> = teams.into_iter().collect();
        Ok(Identity { subject: subject.to_owned(), role, teams: teams.unwrap_or_default() })
    }
}

fn shorten(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).take(MAX_NAME).collect()
}

impl Registry {
    /// Writes an identity provider, a new one or the next version of the one of its name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn put_identity_provider(&self, provider: &Provider, now: i64) -> Result<(), RegistryError> {
        provider.validate()?;
        self.change(|tx| self.put(tx, (KIND, &provider.name), (provider, &serde_json::json!({})), now))
    }

    /// The identity providers, in the order of their names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn identity_providers(&self) -> Result<Vec<Provider>, RegistryError> {
        self.all(KIND)
    }

    /// Removes an identity provider. Sessions that it gave end when they end; `remove_admin` ends one before.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_identity_provider(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::remove(tx, &self.id, KIND, name)?;
            self.tell(tx, ("identity-provider.removed", name), &json!({}), now)
        })
    }

    /// Makes the key of `did` an admin for a while, as an identity provider says who holds it. A session of the same key
    /// before is replaced.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::Exists`] where it is an admin by itself.
    pub fn add_session(
        &self,
        did: &Did,
        (provider, identity): (&Provider, &Identity),
        actions: &[String],
        now: i64,
    ) -> Result<Admin, RegistryError> {
        if key::public_key(did).is_err() {
            let reason = "write a did:key, as `legation key generate` prints it".to_owned();
            return Err(RegistryError::Value { what: "DID of an admin", found: did.to_string(), reason });
        }
        let Identity { subject, teams, role } = identity;
        let bound = json!({"type": "argument", "name": "team", "oneOf": teams});
        let profile = Profile {
            purpose: format!("a session of `{subject}`, whom `{}` knows", provider.name),
            constraints: if teams.is_empty() { Vec::new() } else { vec![bound] },
            until: Some(now.saturating_add(provider.session)),
            ..self.admin_profile(actions)
        };
        let data = json!({"provider": provider.name, "subject": subject, "role": role, "teams": teams});
        self.change(|tx| {
            let known = match holder::by_name(tx, &self.id, Kind::Admin, did.as_str()) {
                Ok(known) if known.state == State::Active => Some(known),
                Ok(_) | Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let Some(known) = known else {
                self.tell(tx, ("admin.session", did.as_str()), &data, now)?;
                return self.add_admin_in(tx, did, &profile, now);
            };
            if Profile::read(&known.body, did.as_str())?.until.is_none() {
                return Err(StoreError::Exists { what: format!("the admin `{did}`") }.into());
            }
            holder::change(tx, &self.id, &known.id, (State::Active, &profile.write()?), now)?;
            let holder = holder::get(tx, &self.id, &known.id)?;
            let link = self.reissue(tx, &holder, Why::Changed, now)?;
            self.tell(tx, ("admin.session", did.as_str()), &data, now)?;
            Ok(Admin { shown: self.shown(tx, holder)?, link: Some(link) })
        })
    }
}
