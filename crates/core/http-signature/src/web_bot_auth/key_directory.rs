//! Where a bot publishes its keys, and what stands there (§5.5).

use super::{
    error::DirectoryError,
    signature_agent::{identifier, is_host},
};
use legation_keys::{
    PublicKey,
    json::{self, Json, JsonLimits},
};

/// Where a domain publishes its directory.
pub const DIRECTORY_PATH: &str = "/.well-known/http-message-signatures-directory";
/// The media type of a directory there.
pub const DIRECTORY_TYPE: &str = "application/http-message-signatures-directory+json";
/// Most keys of a directory.
pub(super) const MAX_KEYS: usize = 64;

/// Where the keys of an agent are: the URL that `Signature-Agent` names. Where that has no path it was, until the last
/// draft, the origin of a directory at [`DIRECTORY_PATH`], and is taken for it still: deployed bots name it so. A query is
/// a part of what is fetched and not of who it is ([`identifier`]); without a path there is none. `None` for what is no
/// https URL in normal form, or has a user or a fragment.
///
/// ```
/// use legation_http_signature::web_bot_auth::directory_url;
/// let origin = directory_url("https://agent.example");
/// assert_eq!(origin.as_deref(), Some("https://agent.example/.well-known/http-message-signatures-directory"));
/// assert_eq!(directory_url("https://agent.example/keys?v=2").as_deref(), Some("https://agent.example/keys?v=2"));
/// assert_eq!(directory_url("http://agent.example"), None);
/// ```
#[must_use]
pub fn directory_url(agent: &str) -> Option<String> {
    let identifier = identifier(agent)?;
    Some(if is_host(agent) { identifier } else { agent.to_owned() })
}

/// A directory of these keys, as JSON: a JWK set, each key with its thumbprint as `kid`.
#[must_use]
pub fn directory(keys: &[PublicKey]) -> String {
    let jwk = |key: &PublicKey| {
        let mut jwk = key.to_jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), key.thumbprint().into());
            members.insert("use".to_owned(), "sig".into());
        }
        jwk.to_string()
    };
    format!(r#"{{"keys":[{}]}}"#, keys.iter().map(jwk).collect::<Vec<_>>().join(","))
}

/// Reads a directory: the keys of it that are of a kind that is used here. Others are passed over. A `kid` is not looked
/// at: keys are told by the thumbprint that is computed of them.
///
/// # Errors
/// [`DirectoryError`].
pub fn read_directory(bytes: &[u8]) -> Result<Vec<PublicKey>, DirectoryError> {
    let json = json::parse(bytes, JsonLimits { bytes: 64 * 1024, depth: 8 })?;
    let keys = json.get("keys").and_then(Json::as_array).filter(|keys| keys.len() <= MAX_KEYS);
    let keys = keys.ok_or(DirectoryError::Keys)?;
    Ok(keys.iter().filter_map(|key| PublicKey::from_jwk(key.as_object()?).ok()).collect())
}
