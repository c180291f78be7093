//! A request as its signature sees it, and the values of its components (RFC 9421 §2.1 and §2.2).

use crate::{
    MAX_DELEGATION_BYTES, MAX_FIELD_BYTES,
    error::{BaseError, shorten},
    field::{self, Dictionary},
};
use http::HeaderMap;
use std::borrow::Cow;

/// The header that carries a chain or its digest.
pub(crate) const AGENT_DELEGATION: &str = "agent-delegation";
/// The header that says where a signer publishes its keys (Web Bot Auth).
pub(crate) const SIGNATURE_AGENT: &str = "signature-agent";
/// The header that carries digests of the body (RFC 9530).
pub(crate) const CONTENT_DIGEST: &str = "content-digest";
/// The header that says what each signature covers (RFC 9421 §4.1).
pub(crate) const SIGNATURE_INPUT: &str = "signature-input";
/// The header that carries the signatures (RFC 9421 §4.2).
pub(crate) const SIGNATURE: &str = "signature";

/// A request as its signature sees it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The method as it is sent, such as `POST`; its case counts.
    pub method: &'a str,
    /// The whole URL, its query included and no fragment; it counts byte for byte. A service takes scheme and authority
    /// from its own settings and not from `Host`, which the sender chooses.
    pub target_uri: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body; empty where there is none.
    pub body: &'a [u8],
}

/// The parts of a target URI.
struct Target<'a> {
    scheme: &'a str,
    authority: &'a str,
    /// `/` where it is empty.
    path: &'a str,
    empty_path: bool,
    query: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// Method and target hold nothing that would end a line of a signature base, or that the
    /// derived components would not show.
    pub(crate) fn check(&self) -> Result<(), BaseError> {
        if self.method.len() > 64 || !is_token(self.method) {
            return Err(BaseError::Method { found: shorten(self.method) });
        }
        if self.target_uri.len() > MAX_FIELD_BYTES {
            return Err(too_large("@target-uri", self.target_uri.len(), MAX_FIELD_BYTES));
        }
        self.target().map(drop)
    }

    fn target(&self) -> Result<Target<'a>, BaseError> {
        let text = self.target_uri;
        let wrong = || BaseError::TargetUri { found: shorten(text) };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).ok_or_else(wrong)?;
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !plain
            || !matches!(scheme, "http" | "https")
            || authority.is_empty()
            || authority.starts_with(':')
            || authority.contains('@')
        {
            return Err(wrong());
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let empty_path = path.is_empty();
        Ok(Target { scheme, authority, path: if empty_path { "/" } else { path }, empty_path, query })
    }

    /// A derived component without parameters (RFC 9421 §2.2); `None` for those that are not
    /// evaluated here.
    pub(crate) fn derived(&self, name: &str) -> Result<Option<Cow<'a, str>>, BaseError> {
        let target = self.target()?;
        Ok(Some(match name {
            "@method" => self.method.into(),
            // An empty path is sent as `/` (RFC 9110 §4.2.3); everything else counts as it stands.
            "@target-uri" => match (target.empty_path, target.query) {
                (false, _) => self.target_uri.into(),
                (true, None) => format!("{}/", self.target_uri).into(),
                (true, Some(query)) => format!("{}://{}/?{query}", target.scheme, target.authority).into(),
            },
            "@scheme" => target.scheme.into(),
            "@authority" => {
                let authority = target.authority.to_ascii_lowercase();
                let default = if target.scheme == "https" { ":443" } else { ":80" };
                authority.strip_suffix(default).map(str::to_owned).unwrap_or(authority).into()
            }
            "@path" => target.path.into(),
            // A target without a query has the value `?` (§2.2.7).
            "@query" => format!("?{}", target.query.unwrap_or_default()).into(),
            "@request-target" => match target.query {
                Some(query) => format!("{}?{query}", target.path).into(),
                None => target.path.into(),
            },
            _ => return Ok(None),
        }))
    }

    /// The value of a header (RFC 9421 §2.1): its lines, trimmed and joined by `, `.
    pub(crate) fn field(&self, name: &str) -> Result<Cow<'a, str>, BaseError> {
        let most = if name == AGENT_DELEGATION { MAX_DELEGATION_BYTES } else { MAX_FIELD_BYTES };
        let lines = || self.headers.get_all(name).iter();
        if lines().next().is_none() {
            return Err(BaseError::Missing { header: shorten(name) });
        }
        let bytes: usize = lines().map(|line| line.len() + ", ".len()).sum();
        if bytes > most + ", ".len() {
            return Err(too_large(name, bytes - ", ".len(), most));
        }
        let mut value = Cow::Borrowed("");
        for (index, line) in lines().enumerate() {
            let line = line.to_str().map_err(|_| BaseError::NotAscii { header: shorten(name) })?;
            let line = line.trim_matches([' ', '\t']);
            if index == 0 {
                value = Cow::Borrowed(line);
            } else {
                value.to_mut().push_str(", ");
                value.to_mut().push_str(line);
            }
        }
        Ok(value)
    }

    /// The value of a header that is a dictionary.
    pub(crate) fn dictionary(&self, name: &str) -> Result<Dictionary, BaseError> {
        let text = self.field(name)?;
        field::dictionary(&text)
            .map_err(|error| BaseError::Field { header: shorten(name), reason: shorten(&error.to_string()) })
    }
}

/// A token (RFC 9110 §5.6.2), such as the name of a method or a header.
pub(crate) fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn too_large(name: &str, bytes: usize, most: usize) -> BaseError {
    BaseError::TooLarge { name: shorten(name), bytes, most }
}
