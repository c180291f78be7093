//! The delegation credential: a W3C Verifiable Credential (Data Model 2.0) in which an issuer
//! gives a subject an authority for a time.

use crate::{
    authority::Authority,
    error::{CredentialError, malformed, members, seconds, text},
    status::StatusEntry,
};
use legation_did::Did;
use legation_keys::{
    base64url,
    json::{Json, JsonLimits, Object},
    time::{self, Round},
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The context of the Verifiable Credentials Data Model 2.0.
pub const CONTEXT_CREDENTIALS: &str = "https://www.w3.org/ns/credentials/v2";
/// The context that types `delegation` as JSON.
pub const CONTEXT_LEGATION: &str = "https://w3id.org/legation/v1";
/// The type of a delegation, beside `VerifiableCredential`.
pub const TYPE: &str = "DelegationCredential";
/// The `typ` of a credential secured as a JWS (VC-JOSE-COSE §3.1.1).
pub const MEDIA_TYPE: &str = "vc+jwt";
/// Bounds on one credential's payload and header.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 64 * 1024, depth: 16 };

/// SHA-256 of a link's bytes.
pub type LinkDigest = [u8; 32];

/// What an issuer decides about a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The credential's id, a URL such as `urn:uuid:…`. It identifies nothing to a verifier.
    pub id: Option<String>,
    /// Who receives the authority.
    pub subject: Did,
    /// First moment of validity, Unix seconds.
    pub valid_from: i64,
    /// The moment from which on it is no longer valid, Unix seconds.
    pub valid_until: i64,
    /// How many further links may follow.
    pub max_depth: u32,
    /// What a ledger counts its totals on, of 1 to 64 bytes of `a`–`z`, `0`–`9`, `.`, `_` and `-`: links of one
    /// issuer that name the same account share their totals, so that a renewed link goes on where the old one was.
    /// `None` is an account of its own.
    pub account: Option<String>,
    /// What may be done.
    pub authority: Authority,
    /// Where its revocation and suspension are published.
    pub status: Vec<StatusEntry>,
}

/// One delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// Who signed it.
    pub issuer: Did,
    /// Who granted the first authority of the chain.
    pub principal: Did,
    /// Digest of the link before it; `None` in the root.
    pub parent: Option<LinkDigest>,
    /// What it says.
    pub terms: Terms,
}

impl Delegation {
    /// Reads the claims of a `vc+jwt` link. JWT claims bind where they stand: `nbf` and `exp`
    /// can only shorten the validity (RFC 7519 §4.1.4–5). Members outside `delegation` that are
    /// not known are ignored, as VC Data Model 2.0 §5.2 asks.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn from_claims(claims: &Json<'_>) -> Result<Self, CredentialError> {
        let object = claims.as_object().ok_or_else(|| malformed("the payload", "an object", claims))?;
        check_no_old_claims(object)?;
        check_context(object, &[CONTEXT_CREDENTIALS, CONTEXT_LEGATION])?;
        check_types(object, &["VerifiableCredential", TYPE])?;
        check_issued_at(object)?;
        if object.get("status").is_some() {
            // The claim of a Token Status List, which is not looked up for links: what it says must not be missed.
            return Err(CredentialError::UnknownMember { member: "status".to_owned(), place: "delegation" });
        }
        let subject = member_object(object, "credentialSubject")?;
        let delegation = member_object(subject, "delegation")?;
        members(
            delegation,
            "delegation",
            &["principal", "parent", "maxDepth", "account", "grants", "constraints"],
        )?;
        let terms = Terms {
            id: object.get("id").map(|_| text(object, "id")).transpose()?.map(str::to_owned),
            subject: did(subject, "id")?,
            valid_from: moment(object, "validFrom", Round::Up)?
                .max(claim(object, "nbf", Round::Up)?.unwrap_or(i64::MIN)),
            valid_until: moment(object, "validUntil", Round::Down)?
                .min(claim(object, "exp", Round::Down)?.unwrap_or(i64::MAX)),
            max_depth: max_depth(delegation)?,
            account: account(delegation)?,
            authority: Authority::from_members(delegation)?,
            status: StatusEntry::all_of(object)?,
        };
        let parent = match delegation.get("parent") {
            None => None,
            Some(_) => Some(base64url::decode_array(text(delegation, "parent")?).map_err(|error| {
                CredentialError::Malformed {
                    member: "parent".to_owned(),
                    expected: "the base64url SHA-256 of the parent",
                    found: error.to_string(),
                }
            })?),
        };
        Ok(Self { issuer: issuer(object)?, principal: did(delegation, "principal")?, parent, terms })
    }

    /// The credential as JSON, unsecured.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut delegation = self.terms.authority.to_json();
        let mut json = json!({
            "@context": [CONTEXT_CREDENTIALS, CONTEXT_LEGATION],
            "type": ["VerifiableCredential", TYPE],
            "issuer": self.issuer.as_str(),
            "validFrom": time::format(self.terms.valid_from),
            "validUntil": time::format(self.terms.valid_until),
        });
        if let Some(members) = delegation.as_object_mut() {
            members.insert("principal".to_owned(), self.principal.as_str().into());
            if let Some(parent) = &self.parent {
                members.insert("parent".to_owned(), base64url::encode(parent).into());
            }
            if let Some(account) = &self.terms.account {
                members.insert("account".to_owned(), account.as_str().into());
            }
            if self.terms.max_depth > 0 {
                members.insert("maxDepth".to_owned(), self.terms.max_depth.into());
            }
            if members.get("constraints").and_then(|list| list.as_array()).is_some_and(Vec::is_empty) {
                members.remove("constraints");
            }
        }
        if let Some(members) = json.as_object_mut() {
            if let Some(id) = &self.terms.id {
                members.insert("id".to_owned(), id.as_str().into());
            }
            match self.terms.status.as_slice() {
                [] => {}
                [one] => drop(members.insert("credentialStatus".to_owned(), one.to_json())),
                all => {
                    let all: Vec<_> = all.iter().map(StatusEntry::to_json).collect();
                    members.insert("credentialStatus".to_owned(), all.into());
                }
            }
            members.insert(
                "credentialSubject".to_owned(),
                json!({"id": self.terms.subject.as_str(), "delegation": delegation}),
            );
        }
        json
    }

    /// Reads a secured delegation without verifying it: for its holder to look at and to pass on. A
    /// verifier never takes this path.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn read_unverified(secured: &str) -> Result<Self, CredentialError> {
        crate::secured::read_unverified(secured)
    }
}

/// Most bytes of an account's name.
const MAX_ACCOUNT: usize = 64;

/// What stands for a named account in a ledger. It is its issuer's: another's link that names the same account has
/// another. No link's own digest is one, since what is hashed here is neither a JWS nor a JSON document.
#[must_use]
pub fn account_digest(issuer: &Did, account: &str) -> LinkDigest {
    Sha256::digest(format!("legation account\n{issuer}\n{account}")).into()
}

/// The digest by which a child names this link as its parent: SHA-256 of the compact JWS or of the canonical
/// document ([`crate::secured::canonical`]).
#[must_use]
pub fn link_digest(canonical: &str) -> LinkDigest {
    Sha256::digest(canonical).into()
}

/// The claims of the first data model, `vc` and `vp`, must not be there (VC-JOSE-COSE §3.1).
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn check_no_old_claims(object: &Object<'_>) -> Result<(), CredentialError> {
    match ["vc", "vp"].into_iter().find(|claim| object.get(claim).is_some()) {
        None => Ok(()),
        Some(claim) => Err(CredentialError::Malformed {
            member: claim.to_owned(),
            expected: "no such claim",
            found: "one".to_owned(),
        }),
    }
}

/// Requires `@context` to be exactly these, in order: any other context could change what the
/// members mean.
///
/// # Errors
/// [`CredentialError::Context`].
pub fn check_context(object: &Object<'_>, expected: &[&str]) -> Result<(), CredentialError> {
    let found = object.get("@context").and_then(Json::as_array).unwrap_or_default();
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| found.as_str() == Some(expected));
    if same {
        return Ok(());
    }
    let found: Vec<&str> = found.iter().map(|one| one.as_str().unwrap_or("(an object)")).collect();
    Err(CredentialError::Context {
        expected: expected.join(", "),
        found: crate::pattern::shorten(&found.join(", ")),
    })
}

/// Requires `type` to name all of these, alone or in an array.
///
/// # Errors
/// [`CredentialError::Type`].
pub fn check_types(object: &Object<'_>, expected: &[&'static str]) -> Result<(), CredentialError> {
    let found = match object.get("type") {
        Some(Json::Array(types)) => types.as_slice(),
        Some(one @ Json::String(_)) => core::slice::from_ref(one),
        _ => &[],
    };
    match expected.iter().find(|expected| !found.iter().any(|found| found.as_str() == Some(expected))) {
        None => Ok(()),
        Some(expected) => {
            let found: Vec<&str> = found.iter().filter_map(Json::as_str).collect();
            Err(CredentialError::Type { expected, found: crate::pattern::shorten(&found.join(", ")) })
        }
    }
}

/// The issuer: a DID, or an object whose `id` is one (VC Data Model 2.0 §4.7).
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn issuer(object: &Object<'_>) -> Result<Did, CredentialError> {
    match object.get("issuer") {
        Some(Json::Object(issuer)) => did(issuer, "id"),
        _ => did(object, "issuer"),
    }
}

/// A member that is a DID.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn did(object: &Object<'_>, member: &'static str) -> Result<Did, CredentialError> {
    text(object, member)?.parse().map_err(|error: legation_did::DidError| CredentialError::Malformed {
        member: member.to_owned(),
        expected: "a DID",
        found: error.to_string(),
    })
}

/// A member that is a time with zone, in Unix seconds.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn moment(object: &Object<'_>, member: &'static str, round: Round) -> Result<i64, CredentialError> {
    let found = text(object, member)?;
    time::parse(found, round).ok_or_else(|| CredentialError::Malformed {
        member: member.to_owned(),
        expected: "a time with zone, such as 2026-11-21T10:00:00Z",
        found: crate::pattern::shorten(found),
    })
}

/// A NumericDate claim (RFC 7519 §2), where there is one.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn claim(object: &Object<'_>, name: &'static str, round: Round) -> Result<Option<i64>, CredentialError> {
    object.get(name).map(|_| seconds(object, name, round)).transpose()
}

/// The claim `iat` is a number where it stands (RFC 7519 §4.1.6), though nothing follows from it: what one reader passes over
/// another may take for something.
pub(crate) fn check_issued_at(object: &Object<'_>) -> Result<(), CredentialError> {
    claim(object, "iat", Round::Down).map(drop)
}

pub(crate) fn member_object<'o, 'a>(
    object: &'o Object<'a>,
    member: &'static str,
) -> Result<&'o Object<'a>, CredentialError> {
    let value = object.get(member).unwrap_or(&Json::Null);
    value.as_object().ok_or_else(|| malformed(member, "one object", value))
}

/// The account that a link names. One spelling, and nothing that a log or a file name would have to escape.
fn account(delegation: &Object<'_>) -> Result<Option<String>, CredentialError> {
    if delegation.get("account").is_none() {
        return Ok(None);
    }
    let found = text(delegation, "account")?;
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if (1..=MAX_ACCOUNT).contains(&found.len()) && found.bytes().all(known) {
        return Ok(Some(found.to_owned()));
    }
    Err(CredentialError::Malformed {
        member: "account".to_owned(),
        expected: "1 to 64 small letters, digits, `.`, `_` and `-`",
        found: crate::pattern::shorten(found),
    })
}

fn max_depth(delegation: &Object<'_>) -> Result<u32, CredentialError> {
    if delegation.get("maxDepth").is_none() {
        return Ok(0);
    }
    let found = crate::error::integer(delegation, "maxDepth")?;
    u32::try_from(found).map_err(|_| CredentialError::Malformed {
        member: "maxDepth".to_owned(),
        expected: "an integer that is not negative",
        found: found.to_string(),
    })
}
