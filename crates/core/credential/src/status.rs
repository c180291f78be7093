//! Bitstring Status List (W3C, v1.0): where a credential's revocation is published.

pub use crate::bitstring::{MIN_ENTRIES, StatusList};
pub use crate::signed_list::{ListSeal, SignedStatusList};
use crate::{
    delegation::{
        CONTEXT_CREDENTIALS, check_context, check_issued_at, check_no_old_claims, check_types, claim, issuer,
        moment,
    },
    error::{CredentialError, malformed, text},
};
use legation_did::Did;
use legation_keys::{
    json::{Json, Object},
    time::{self, Round},
};
use serde_json::json;

const TYPE: &str = "BitstringStatusListCredential";
/// Most entries of one credential's `credentialStatus`, each of which may be fetched.
pub const MAX_ENTRIES: usize = 4;

/// What a set bit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusPurpose {
    /// The credential is withdrawn for good.
    Revocation,
    /// The credential is not to be accepted for now.
    Suspension,
    /// There is a newer credential; this one is as good as before.
    Refresh,
    /// Something is to be known of the credential, which ends nothing.
    Message,
}

impl StatusPurpose {
    /// Its value of `statusPurpose`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
            Self::Refresh => "refresh",
            Self::Message => "message",
        }
    }

    /// Reads a `statusPurpose` (§2.1); `None` for one that is not known, and might mean anything.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Revocation, Self::Suspension, Self::Refresh, Self::Message];
        all.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Whether a credential whose bit is set is not to be accepted, for now or for good. What does not end it need not
    /// be looked up.
    #[must_use]
    pub fn is_ending(self) -> bool {
        matches!(self, Self::Revocation | Self::Suspension)
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
    /// Reads a `BitstringStatusListEntry` (§2.1). Other types and purposes, and of what may end a credential a
    /// `statusSize` other than 1, are refused: a status that is not understood is no good status.
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
        let purpose = StatusPurpose::from_name(purpose).ok_or_else(|| {
            wrong("statusPurpose", "`revocation`, `suspension`, `refresh` or `message`", purpose)
        })?;
        let size = object.get("statusSize").unwrap_or(&Json::Integer(1));
        match size.as_integer() {
            Some(1) => {}
            Some(2..) if !purpose.is_ending() => {}
            _ => return Err(malformed("statusSize", "1", size)),
        }
        let index = text(object, "statusListIndex")?;
        let digits = index.bytes().all(|byte| byte.is_ascii_digit());
        let index: u64 = index
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or_else(|| wrong("statusListIndex", "a number in a text", index))?;
        // Where 32 bits are all there is, the largest of them is in no list, as what is beyond them.
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let list = text(object, "statusListCredential")?;
        if !is_list_url(list) {
            return Err(wrong("statusListCredential", "an http or https URL in normal form", list));
        }
        Ok(Self { purpose, list: list.to_owned(), index })
    }

    /// Every entry of a credential's `credentialStatus`: none, one, or an array of one to [`MAX_ENTRIES`].
    ///
    /// # Errors
    /// As [`StatusEntry::from_json`]; [`CredentialError::Malformed`] for an array of another length.
    pub fn all_of(credential: &Object<'_>) -> Result<Vec<Self>, CredentialError> {
        let Some(value) = credential.get("credentialStatus") else { return Ok(Vec::new()) };
        let entries = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
        if !(1..=MAX_ENTRIES).contains(&entries.len()) {
            return Err(CredentialError::Malformed {
                member: "credentialStatus".to_owned(),
                expected: "one to four entries",
                found: "another number".to_owned(),
            });
        }
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            all.push(Self::from_json(entry)?);
        }
        Ok(all)
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
    /// The URL that it is published at, where it says (VC Data Model 2.0 §4.4: it may leave that out).
    pub id: Option<String>,
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
        let mut subject = json!({
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": self.list.encode(),
        });
        let mut json = json!({
            "@context": [CONTEXT_CREDENTIALS],
            "type": ["VerifiableCredential", TYPE],
            "issuer": self.issuer.as_str(),
            "validFrom": time::format(self.valid_from),
        });
        if let (Some(id), Some(members)) = (&self.id, subject.as_object_mut()) {
            members.insert("id".to_owned(), format!("{id}#list").into());
        }
        if let Some(members) = json.as_object_mut() {
            members.extend(self.id.as_ref().map(|id| ("id".to_owned(), id.as_str().into())));
            members
                .extend(self.valid_until.map(|until| ("validUntil".to_owned(), time::format(until).into())));
            members.insert("credentialSubject".to_owned(), subject);
        }
        json
    }

    pub(crate) fn from_claims(claims: &Json<'_>, most_entries: usize) -> Result<Self, CredentialError> {
        let object = claims.as_object().ok_or_else(|| malformed("the payload", "an object", claims))?;
        check_no_old_claims(object)?;
        check_context(object, &[CONTEXT_CREDENTIALS])?;
        check_issued_at(object)?;
        let PublishedList { id, purposes, list } = PublishedList::read(object, most_entries)?;
        let issuer = issuer(object)?;
        if object.get("iss").is_some_and(|iss| !iss.as_str().is_some_and(|iss| issuer.is(iss))) {
            return Err(CredentialError::Malformed {
                member: "iss".to_owned(),
                expected: "the issuer",
                found: "somebody else".to_owned(),
            });
        }
        let until =
            object.get("validUntil").map(|_| moment(object, "validUntil", Round::Down)).transpose()?;
        Ok(Self {
            id,
            issuer,
            valid_from: moment(object, "validFrom", Round::Up)?
                .max(claim(object, "nbf", Round::Up)?.unwrap_or(i64::MIN)),
            valid_until: until.into_iter().chain(claim(object, "exp", Round::Down)?).min(),
            purposes,
            list,
        })
    }
}

/// What a status list says, whoever signed it and whenever: one reader for all who look a status up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedList {
    /// The URL that it is published at, where it says.
    pub id: Option<String>,
    /// What its bits mean; those that are not known mean nothing here.
    pub purposes: Vec<StatusPurpose>,
    /// The bits.
    pub list: StatusList,
}

impl PublishedList {
    /// Reads a `BitstringStatusListCredential` (§2.2), unpacking at most so many entries.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn read(credential: &Object<'_>, most_entries: usize) -> Result<Self, CredentialError> {
        check_types(credential, &["VerifiableCredential", TYPE])?;
        let subject = credential.get("credentialSubject").unwrap_or(&Json::Null);
        let subject =
            subject.as_object().ok_or_else(|| malformed("credentialSubject", "one object", subject))?;
        check_types(subject, &["BitstringStatusList"])?;
        Ok(Self {
            id: credential.get("id").map(|_| text(credential, "id")).transpose()?.map(str::to_owned),
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
