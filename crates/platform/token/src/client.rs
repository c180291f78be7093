//! Programs that tell of themselves: a Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document), whose URL is the
//! `client_id`. What it says is its word alone: its host is what people are shown.

use crate::redirect;
use legation_keys::{
    Json,
    json::{self, JsonLimits},
};

/// Most bytes of a document (§6.6 of the draft asks for 5 KB).
pub const MAX_DOCUMENT: usize = 5 << 10;
/// Most addresses, and most characters of a name.
const MOST: usize = 32;
const MAX_NAME: usize = 80;
const LIMITS: JsonLimits = JsonLimits { bytes: MAX_DOCUMENT, depth: 16 };

/// A program, as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// What it is called, by its own word or by an admin's.
    pub name: String,
    /// Where answers may go.
    pub redirects: Vec<String>,
}

impl Client {
    /// Whether an answer may go to an address.
    #[must_use]
    pub fn takes(&self, asked: &str) -> bool {
        self.redirects.iter().any(|known| redirect::fits(known, asked))
    }
}

/// Why a document tells of no program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what stands at the `client_id` tells of no program: {0}")]
pub struct ClientError(&'static str);

/// Whether a `client_id` is a URL whose document tells of a program: `https`, with a path, and without a query, a fragment, a user or
/// dots that lead elsewhere (§3 of the draft). `plain` lets `http` be one on this machine, where the organization itself is there.
#[must_use]
pub fn is_document(id: &str, plain: bool) -> bool {
    let rest = id.strip_prefix("https://").or_else(|| id.strip_prefix("http://localhost").filter(|_| plain));
    let Some((authority, path)) = rest.and_then(|rest| rest.split_once('/')) else { return false };
    let is_plain = id.starts_with("http:");
    !path.is_empty()
        && (is_plain || !authority.is_empty())
        && !id.contains(['?', '#', '@', '\\'])
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && path.split('/').all(|part| !matches!(part, "." | ".."))
}

/// Reads a document that was fetched from a `client_id`.
///
/// # Errors
/// [`ClientError`] where it is another one's, shows a secret, or names no address.
///
/// ```
/// use legation_token::client::read;
/// let id = "https://app.example/client.json";
/// let client = read(br#"{"client_id": "https://app.example/client.json", "client_name": "App", "redirect_uris": ["https://app.example/cb"]}"#, id)?;
/// assert!(client.takes("https://app.example/cb"));
/// assert!(read(br#"{"client_id": "https://other.example/", "redirect_uris": ["https://app.example/cb"]}"#, id).is_err());
/// # Ok::<(), legation_token::client::ClientError>(())
/// ```
pub fn read(bytes: &[u8], id: &str) -> Result<Client, ClientError> {
    let document =
        json::parse(bytes, LIMITS).map_err(|_| ClientError("it is no JSON object that can be read"))?;
    let text = |name: &str| document.get(name).and_then(Json::as_str);
    if text("client_id") != Some(id) {
        return Err(ClientError("its `client_id` is not the URL that it stands at"));
    }
    if document.get("client_secret").is_some() {
        return Err(ClientError("it shows a secret to everybody"));
    }
    if !matches!(text("token_endpoint_auth_method"), None | Some("none")) {
        return Err(ClientError(
            "its `token_endpoint_auth_method` is not `none`, the only one that is taken of such programs",
        ));
    }
    let all = document.get("redirect_uris").and_then(Json::as_array);
    let redirects: Option<Vec<String>> =
        all.and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
    let redirects = redirects.unwrap_or_default();
    if redirects.is_empty()
        || redirects.len() > MOST
        || redirects.iter().any(|one| redirect::check(one).is_err())
    {
        return Err(ClientError(
            "it names no `redirect_uris`, more than 32, or one that no answer can go to",
        ));
    }
    let name: String = text("client_name")
        .unwrap_or_default()
        .chars()
        .filter(|one| {
            !one.is_control()
                && !matches!(one, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .take(MAX_NAME)
        .collect();
    let name = if name.trim().is_empty() { id.chars().take(MAX_NAME).collect() } else { name };
    Ok(Client { id: id.to_owned(), name, redirects })
}
