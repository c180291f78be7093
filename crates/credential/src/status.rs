//! Bitstring Status List (W3C, v1.0): where a credential's revocation is published.

pub use crate::bitstring::{MIN_ENTRIES, StatusList};
use crate::{
    delegation::{
        CONTEXT_CREDENTIALS, LIMITS, MEDIA_TYPE, check_context, check_no_old_claims, check_types, claim,
        issuer, moment,
    },
    error::{CredentialError, malformed, text},
};
use legation_did::Did;
use legation_keys::{
    Algorithm, PublicKey, base64url,
    json::{self, Json, JsonLimits, Object},
    jws,
    public::{Signature, SignatureInvalid},
    time::{self, Round},
};
use serde_json::json;
use std::sync::OnceLock;

const TYPE: &str = "BitstringStatusListCredential";

/// What a set bit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusPurpose {
    /// The credential is withdrawn for good.
    Revocation,
    /// The credential is not to be accepted for now.
    Suspension,
}

impl StatusPurpose {
    /// Its value of `statusPurpose`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
        }
    }

    /// Reads a `statusPurpose`; `None` for one that Legation does not act on.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Revocation, Self::Suspension].into_iter().find(|purpose| purpose.name() == name)
    }
}

/// Where one credential's status stands: a bit of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEntry {
    /// What the bit means.
    pub purpose: StatusPurpose,
    /// URL of the list's credential.
    pub list: String,
    /// Index of the bit.
    pub index: usize,
}

impl StatusEntry {
    /// Reads a `BitstringStatusListEntry` (§2.1). Other types and purposes, and a `statusSize`
    /// other than 1, are refused: a status that is not understood is no good status.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`], [`CredentialError::Type`].
    pub fn from_json(json: &Json<'_>) -> Result<Self, CredentialError> {
        let object = json.as_object().ok_or_else(|| malformed("credentialStatus", "an object", json))?;
        check_types(object, &["BitstringStatusListEntry"])?;
        let wrong = |member: &str, expected, found: &str| CredentialError::Malformed {
            member: member.to_owned(),
            expected,
            found: crate::pattern::shorten(found),
        };
        let purpose = text(object, "statusPurpose")?;
        let purpose = StatusPurpose::from_name(purpose)
            .ok_or_else(|| wrong("statusPurpose", "`revocation` or `suspension`", purpose))?;
        if let Some(size) = object.get("statusSize").filter(|size| size.as_integer() != Some(1)) {
            return Err(malformed("statusSize", "1", size));
        }
        let index = text(object, "statusListIndex")?;
        let digits = index.bytes().all(|byte| byte.is_ascii_digit());
        let index = index
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or_else(|| wrong("statusListIndex", "a number in a text", index))?;
        let list = text(object, "statusListCredential")?;
        if !is_list_url(list) {
            return Err(wrong("statusListCredential", "an http or https URL in normal form", list));
        }
        Ok(Self { purpose, list: list.to_owned(), index })
    }

    /// The entry as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json!({
            "type": "BitstringStatusListEntry",
            "statusPurpose": self.purpose.name(),
            "statusListIndex": self.index.to_string(),
            "statusListCredential": self.list,
        })
    }
}

/// Whether a text may name a status list. Plain `http` is for loopback; a resolver decides.
#[must_use]
pub fn is_list_url(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://")) && crate::resource::check(text).is_ok()
}

/// A status list with what its issuer says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusListCredential {
    /// The URL that it is published at.
    pub id: String,
    /// Who signs it.
    pub issuer: Did,
    /// When it was made, Unix seconds. Of two lists the later one counts.
    pub valid_from: i64,
    /// From when on it is no longer valid, Unix seconds; `None` where it says nothing.
    pub valid_until: Option<i64>,
    /// What its bits mean.
    pub purposes: Vec<StatusPurpose>,
    /// The bits.
    pub list: StatusList,
}

impl StatusListCredential {
    /// The credential as JSON, unsecured.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let purposes: Vec<&str> = self.purposes.iter().map(|purpose| purpose.name()).collect();
        let purpose = match purposes.as_slice() {
            [one] => (*one).into(),
            all => serde_json::Value::from(all.to_vec()),
        };
        let mut json = json!({
            "@context": [CONTEXT_CREDENTIALS],
            "id": self.id,
            "type": ["VerifiableCredential", TYPE],
            "issuer": self.issuer.as_str(),
            "validFrom": time::format(self.valid_from),
            "credentialSubject": {
                "id": format!("{}#list", self.id),
                "type": "BitstringStatusList",
                "statusPurpose": purpose,
                "encodedList": self.list.encode(),
            },
        });
        if let (Some(until), Some(members)) = (self.valid_until, json.as_object_mut()) {
            members.insert("validUntil".to_owned(), time::format(until).into());
        }
        json
    }

    fn from_claims(claims: &Json<'_>, most_entries: usize) -> Result<Self, CredentialError> {
        let object = claims.as_object().ok_or_else(|| malformed("the payload", "an object", claims))?;
        check_no_old_claims(object)?;
        check_context(object, &[CONTEXT_CREDENTIALS])?;
        check_types(object, &["VerifiableCredential", TYPE])?;
        let subject = object.get("credentialSubject").unwrap_or(&Json::Null);
        let subject =
            subject.as_object().ok_or_else(|| malformed("credentialSubject", "one object", subject))?;
        check_types(subject, &["BitstringStatusList"])?;
        let issuer = issuer(object)?;
        if object.get("iss").is_some_and(|iss| iss.as_str() != Some(issuer.as_str())) {
            return Err(CredentialError::Malformed {
                member: "iss".to_owned(),
                expected: "the issuer",
                found: "somebody else".to_owned(),
            });
        }
        let until =
            object.get("validUntil").map(|_| moment(object, "validUntil", Round::Down)).transpose()?;
        Ok(Self {
            id: text(object, "id")?.to_owned(),
            issuer,
            valid_from: moment(object, "validFrom", Round::Up)?
                .max(claim(object, "nbf")?.unwrap_or(i64::MIN)),
            valid_until: until.into_iter().chain(claim(object, "exp")?).min(),
            purposes: purposes(subject)?,
            list: StatusList::decode(text(subject, "encodedList")?, most_entries)?,
        })
    }
}

/// One purpose or several (§2.2); those that are not known mean nothing here.
fn purposes(subject: &Object<'_>) -> Result<Vec<StatusPurpose>, CredentialError> {
    let known = |json: &Json<'_>| json.as_str().and_then(StatusPurpose::from_name);
    match subject.get("statusPurpose") {
        Some(Json::Array(all)) => Ok(all.iter().filter_map(known).collect()),
        Some(one @ Json::String(_)) => Ok(known(one).into_iter().collect()),
        other => Err(malformed("statusPurpose", "a text or an array of texts", other.unwrap_or(&Json::Null))),
    }
}

/// A status list as it was published: unpacked once, its signature verified once per key.
#[derive(Debug)]
pub struct SignedStatusList {
    /// What it says; to be believed only after [`SignedStatusList::verify`].
    pub credential: StatusListCredential,
    /// The verification method that is said to have signed it.
    pub key_id: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    signing_input: String,
    signature: Signature,
    verified_with: OnceLock<PublicKey>,
}

impl SignedStatusList {
    /// Whether its signature was verified by some key.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified_with.get().is_some()
    }

    /// Reads a status list that is secured as a JWS, unpacking at most so many entries.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn parse(secured: &str, most_entries: usize) -> Result<Self, CredentialError> {
        let parts = jws::split(secured)?;
        let header = jws::read_header(parts.header, MEDIA_TYPE, &Algorithm::ALL, LIMITS)?;
        let payload = base64url::decode(parts.payload).map_err(jws::JwsError::from)?;
        // Packed bits take at most as much as the bits, and base64 a third more.
        let limits = JsonLimits { bytes: most_entries / 6 + LIMITS.bytes, depth: LIMITS.depth };
        let credential = StatusListCredential::from_claims(&json::parse(&payload, limits)?, most_entries)?;
        Ok(Self {
            credential,
            algorithm: header.algorithm,
            key_id: header.required_key_id()?,
            signing_input: parts.signing_input.to_owned(),
            signature: jws::read_signature(parts.signature)?,
            verified_with: OnceLock::new(),
        })
    }

    /// Verifies the signature by a key. The first key that fits is remembered, so that a list
    /// that stands behind many requests is verified once, and again if its key changes.
    ///
    /// # Errors
    /// [`SignatureInvalid`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureInvalid> {
        if self.verified_with.get() == Some(key) {
            return Ok(());
        }
        if key.algorithm() != self.algorithm {
            return Err(SignatureInvalid);
        }
        key.verify(self.signing_input.as_bytes(), &self.signature)?;
        // A second key of the same list is verified each time; that is the rare case.
        let _ = self.verified_with.set(key.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use legation_keys::{SecretKey, Signer};

    #[test]
    fn a_signed_list_is_verified_by_its_own_key_only() {
        let (key, other) =
            (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::EdDsa).unwrap());
        let issuer = legation_did::key::did(key.public_key());
        let credential = StatusListCredential {
            id: "https://a.example/status/1".to_owned(),
            issuer: issuer.clone(),
            valid_from: 1000,
            valid_until: Some(2000),
            purposes: vec![StatusPurpose::Revocation],
            list: StatusList::new(0),
        };
        let payload = credential.to_json().to_string();
        let signed = jws::sign(MEDIA_TYPE, &legation_did::key::method_id(&issuer), payload.as_bytes(), &key);
        let list = SignedStatusList::parse(&signed.unwrap(), MIN_ENTRIES).unwrap();
        assert_eq!(list.credential, credential);
        assert!(list.verify(other.public_key()).is_err());
        assert!(list.verify(key.public_key()).is_ok());
        assert!(list.verify(other.public_key()).is_err(), "the memory of one key must not serve another");
        assert!(list.verify(key.public_key()).is_ok());
    }
}
