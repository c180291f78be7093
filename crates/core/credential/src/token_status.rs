//! Token Status List (IETF, draft-ietf-oauth-status-list): the status of a token, of one to eight bits, in a list
//! that is a JWT of its own. Read and checked, not issued.

use crate::{
    delegation::claim,
    error::{CredentialError, integer, malformed, seconds, text},
};
use flate2::bufread::ZlibDecoder;
use legation_keys::{
    Algorithm, PublicKey, base64url,
    json::{self, Json, JsonLimits, Object},
    jws,
    public::SignatureInvalid,
    time::{Round, numeric_date},
};
use std::io::Read;

/// The `typ` of a list that is a JWT (§5.1).
pub const MEDIA_TYPE: &str = "statuslist+jwt";

/// What a status means (§7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// 0: valid.
    Valid,
    /// 1: revoked for good.
    Invalid,
    /// 2: not to be accepted for now.
    Suspended,
    /// Anything else, which an application or a later registration gives a meaning that is not known here.
    Other(u8),
}

impl From<u8> for TokenStatus {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            other => Self::Other(other),
        }
    }
}

/// Where a token's status stands: its claim `status` (§6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReference {
    /// The URL of the list.
    pub uri: String,
    /// The index of the status in it.
    pub index: usize,
}

impl StatusReference {
    /// Reads the claim `status` of a token; `None` where it has none.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`], also for a status by another mechanism: one that is not understood is no
    /// good status.
    pub fn from_claims(claims: &Object<'_>) -> Result<Option<Self>, CredentialError> {
        let Some(status) = claims.get("status") else { return Ok(None) };
        let expected = "an object with `status_list`";
        let list = status.get("status_list").and_then(Json::as_object);
        let list = list.ok_or_else(|| malformed("status", expected, status))?;
        let index = u64::try_from(integer(list, "idx")?);
        let index =
            index.map_err(|_| malformed("idx", "an index", list.get("idx").unwrap_or(&Json::Null)))?;
        // As in `StatusEntry`.
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        Ok(Some(Self { uri: text(list, "uri")?.to_owned(), index }))
    }
}

/// The statuses of a list, unpacked.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenStatusList {
    /// Bits of each: 1, 2, 4 or 8.
    bits: usize,
    bytes: Vec<u8>,
}

impl TokenStatusList {
    /// Reads `bits` and `lst` (§4.2), unpacking at most so many bytes.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`] for another number of bits, another encoding, data behind the list, or more
    /// than `most` bytes.
    pub fn from_json(list: &Object<'_>, most: usize) -> Result<Self, CredentialError> {
        let bits = match integer(list, "bits")? {
            bits @ (1 | 2 | 4 | 8) => usize::try_from(bits).unwrap_or(1),
            _ => return Err(malformed("bits", "1, 2, 4 or 8", list.get("bits").unwrap_or(&Json::Null))),
        };
        let wrong = |found: String| CredentialError::Malformed {
            member: "lst".to_owned(),
            expected: "the base64url of a list packed by ZLIB",
            found,
        };
        let packed = base64url::decode(text(list, "lst")?).map_err(|error| wrong(error.to_string()))?;
        let mut bytes = Vec::new();
        let mut unpacked = ZlibDecoder::new(packed.as_slice()).take(most as u64 + 1);
        unpacked.read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
        if bytes.len() > most {
            return Err(wrong(format!("more than {most} bytes")));
        }
        if !unpacked.into_inner().into_inner().is_empty() {
            return Err(wrong("data behind the list".to_owned()));
        }
        Ok(Self { bits, bytes })
    }

    /// How many statuses there are.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.bytes.len() * (8 / self.bits)
    }

    /// The status at an index, counted from the least significant bits of the first byte (§4.1); `None` behind the
    /// end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<TokenStatus> {
        let each = 8 / self.bits;
        let byte = self.bytes.get(index / each)?;
        let mask = u8::MAX >> (8 - self.bits);
        Some(TokenStatus::from(byte >> (index % each * self.bits) & mask))
    }
}

impl core::fmt::Debug for TokenStatusList {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{} statuses of {} bits", self.entries(), self.bits)
    }
}

/// A list as it was published; to be believed only after [`StatusListToken::verify`].
#[derive(Debug)]
pub struct StatusListToken<A = Algorithm> {
    /// `sub`: the URL that it is published at.
    pub uri: String,
    /// `iat`, Unix seconds.
    pub issued_at: i64,
    /// `exp`, Unix seconds.
    pub expires_at: Option<i64>,
    /// `nbf`, Unix seconds.
    pub not_before: Option<i64>,
    /// `ttl`: for how many seconds after it was fetched a copy may be kept before a fresh one is asked for.
    pub time_to_live: Option<i64>,
    /// The verification method that is said to have signed it.
    pub key_id: String,
    /// Its algorithm.
    pub algorithm: A,
    /// The statuses.
    pub list: TokenStatusList,
    signing_input: String,
    signature: Vec<u8>,
}

impl<A> StatusListToken<A> {
    /// As [`StatusListToken::parse`], for whoever knows more algorithms, as [`jws::read_header_by`] has it.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn parse_by(
        secured: &str,
        most: usize,
        algorithm: impl FnOnce(&str) -> Result<A, String>,
    ) -> Result<Self, CredentialError> {
        let parts = jws::split(secured)?;
        let limits = JsonLimits { bytes: most.saturating_mul(2).saturating_add(4096), depth: 8 };
        let header = jws::read_header_by(parts.header, MEDIA_TYPE, limits, algorithm)?;
        let payload = base64url::decode(parts.payload).map_err(jws::JwsError::from)?;
        let claims = json::parse(&payload, limits)?;
        let object = claims.as_object().ok_or_else(|| malformed("the payload", "an object", &claims))?;
        let list = object.get("status_list").unwrap_or(&Json::Null);
        let list = list.as_object().ok_or_else(|| malformed("status_list", "an object", list))?;
        Ok(Self {
            uri: text(object, "sub")?.to_owned(),
            issued_at: seconds(object, "iat", Round::Up)?,
            expires_at: claim(object, "exp", Round::Down)?,
            not_before: claim(object, "nbf", Round::Up)?,
            time_to_live: time_to_live(object)?,
            algorithm: header.algorithm,
            key_id: header.key_id.ok_or(jws::JwsError::NoKeyId)?,
            list: TokenStatusList::from_json(list, most)?,
            signing_input: parts.signing_input.to_owned(),
            signature: base64url::decode(parts.signature).map_err(jws::JwsError::from)?,
        })
    }

    /// What is signed, and the signature.
    #[must_use]
    pub fn signed(&self) -> (&[u8], &[u8]) {
        (self.signing_input.as_bytes(), &self.signature)
    }
}

impl StatusListToken {
    /// Reads a list that is a JWT (§5.1), unpacking at most so many bytes of statuses.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn parse(secured: &str, most: usize) -> Result<Self, CredentialError> {
        let all = || Algorithm::ALL.map(Algorithm::jose).join(", ");
        let list = Self::parse_by(secured, most, |alg| Algorithm::from_jose(alg).ok_or_else(all))?;
        match list.signature.len() {
            64 => Ok(list),
            _ => Err(jws::JwsError::SignatureLength.into()),
        }
    }

    /// Verifies the signature by a key.
    ///
    /// # Errors
    /// [`SignatureInvalid`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureInvalid> {
        let signature = self.signature.first_chunk().filter(|_| key.algorithm() == self.algorithm);
        key.verify(self.signing_input.as_bytes(), signature.ok_or(SignatureInvalid)?)
    }
}

/// `ttl`, which has to be positive (§5.1).
fn time_to_live(claims: &Object<'_>) -> Result<Option<i64>, CredentialError> {
    let Some(value) = claims.get("ttl") else { return Ok(None) };
    // A number that need be no integer; what is left of less than a second is none.
    let positive = numeric_date(value, Round::Up).is_some_and(|seconds| seconds > 0);
    let seconds = numeric_date(value, Round::Down).filter(|_| positive);
    seconds.map(Some).ok_or_else(|| malformed("ttl", "a positive number of seconds", value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 8 };

    fn list(text: &str, most: usize) -> Result<TokenStatusList, CredentialError> {
        TokenStatusList::from_json(json::parse(text.as_bytes(), LIMITS).unwrap().as_object().unwrap(), most)
    }

    /// The lists of the draft's appendix: 2^20 statuses of 1, 2, 4 and 8 bits.
    #[test]
    fn the_lists_of_the_draft_are_read() {
        let text = include_str!("../tests/token-status-list.json");
        let file = json::parse(text.as_bytes(), LIMITS).unwrap();
        let mut counts = Vec::new();
        for case in file.get("cases").and_then(Json::as_array).unwrap() {
            let encoded = case.get("json").and_then(Json::as_object).unwrap();
            let list = TokenStatusList::from_json(encoded, 1 << 20).unwrap();
            assert_eq!(list.entries(), 1 << 20);
            let expected = case.get("status").and_then(Json::as_object).unwrap();
            let set = (0..1 << 20).filter(|index| list.get(*index) != Some(TokenStatus::Valid)).count();
            for (index, status) in expected.iter() {
                let status = u8::try_from(status.as_integer().unwrap()).unwrap();
                assert_eq!(list.get(index.parse().unwrap()), Some(status.into()), "{index}");
            }
            assert_eq!(set, expected.iter().filter(|(_, status)| status.as_integer() != Some(0)).count());
            assert_eq!(list.get(1 << 20), None);
            counts.push(set);
            assert!(TokenStatusList::from_json(encoded, 1 << 16).is_err(), "more than may be unpacked");
        }
        assert_eq!(counts.len(), 4, "{counts:?}");
    }

    #[test]
    fn a_list_of_another_form_is_refused() {
        let lst = "eNrbuRgAAhcBXQ";
        // Draft §4.1: sixteen statuses of one bit.
        let read = list(&format!(r#"{{"bits": 1, "lst": "{lst}"}}"#), 16).unwrap();
        let statuses: Vec<bool> =
            (0..16).map(|index| read.get(index) == Some(TokenStatus::Invalid)).collect();
        let expected = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1].map(|bit| bit == 1);
        assert_eq!(statuses, expected);
        for text in [
            format!(r#"{{"bits": 3, "lst": "{lst}"}}"#),
            format!(r#"{{"bits": 1, "lst": "{lst}AA"}}"#),
            r#"{"bits": 1, "lst": "AAAA"}"#.to_owned(),
            r#"{"bits": 1}"#.to_owned(),
            format!(r#"{{"lst": "{lst}"}}"#),
        ] {
            assert_eq!(list(&text, 16).unwrap_err().code(), "malformed", "{text}");
        }
    }
}
