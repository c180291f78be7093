//! `Agent-Delegation`: the chain in one header, or the digest of a chain that was sent before.

use crate::{
    MAX_DELEGATION_BYTES,
    error::{HeaderError, shorten},
    field::{self, Item},
    message::AGENT_DELEGATION,
};
use http::{HeaderMap, HeaderValue};
use legation_credential::secured::{canonical, to_token};
use sfv::BareItem;
use sha2::{Digest, Sha256};

/// A chain as one text: its links, root first, joined by `~`, each a compact JWS or the base64url of a document
/// with proofs ([`legation_credential::secured::to_token`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactChain(String);

/// What the header `Agent-Delegation` says, a structured field Item (RFC 9651 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentDelegation {
    /// The chain itself, a Token.
    Chain(CompactChain),
    /// SHA-256 of the text of a chain that the service has verified before, a Byte Sequence.
    Digest([u8; 32]),
}

/// Joins the links of a chain, root first.
///
/// # Errors
/// [`HeaderError`]: no link, one that is neither a compact JWS nor a document, or more than
/// [`MAX_DELEGATION_BYTES`].
///
/// ```
/// use legation_http_signature::join;
/// let chain = join(&["eyJh.eyJp.c2ln", "eyJh.eyJx.c2lo"])?;
/// assert_eq!(chain.as_str(), "eyJh.eyJp.c2ln~eyJh.eyJx.c2lo");
/// assert_eq!(chain.links().count(), 2);
/// assert_eq!(join(&["eyJh.eyJp"]).unwrap_err().code(), "malformed");
/// assert_eq!(join(&["{ \"a\": 1 }"])?.as_str(), "eyJhIjoxfQ");
/// # Ok::<(), legation_http_signature::error::HeaderError>(())
/// ```
pub fn join(links: &[&str]) -> Result<CompactChain, HeaderError> {
    if links.is_empty() {
        return Err(HeaderError::Empty);
    }
    // Counted first: a `~` inside a link would otherwise make two of it.
    if let Some(index) = links.iter().position(|link| link.contains('~')) {
        return Err(HeaderError::Link { index });
    }
    let token = |(index, link): (usize, &&str)| {
        let canonical = canonical(link).map_err(|_| HeaderError::Link { index })?;
        Ok(to_token(&canonical).into_owned())
    };
    let tokens: Result<Vec<String>, HeaderError> = links.iter().enumerate().map(token).collect();
    CompactChain::read(tokens?.join("~"))
}

impl CompactChain {
    fn read(text: String) -> Result<Self, HeaderError> {
        if text.len() > MAX_DELEGATION_BYTES {
            return Err(HeaderError::TooLarge { bytes: text.len(), most: MAX_DELEGATION_BYTES });
        }
        if let Some(index) = text.split('~').position(|link| !is_link(link)) {
            return Err(HeaderError::Link { index });
        }
        // A Token starts with a letter, as the base64url of a JSON object does; the characters of
        // links are all characters of tokens (RFC 9651 §3.3.4).
        if !text.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(HeaderError::Link { index: 0 });
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The links, root first. There is at least one.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        self.0.split('~')
    }
}

/// Three parts of base64url characters, or one that begins as JSON with a member does in base64. What they hold is
/// the verifier's to judge.
fn is_link(link: &str) -> bool {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_');
    let filled = |part: &str| !part.is_empty() && part.bytes().all(known);
    let parts = link.split('.').count();
    (parts == 3 || parts == 1 && link.starts_with("ey")) && link.split('.').all(filled)
}

impl AgentDelegation {
    /// Reads the header: one line, a Token or a Byte Sequence, without parameters.
    ///
    /// # Errors
    /// [`HeaderError`].
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use legation_http_signature::AgentDelegation;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("agent-delegation", HeaderValue::from_static("eyJh.eyJp.c2ln"));
    /// let delegation = AgentDelegation::parse(&headers)?;
    /// assert_eq!(delegation.to_header(), "eyJh.eyJp.c2ln");
    /// assert_eq!(AgentDelegation::parse(&HeaderMap::new()).unwrap_err().code(), "chain_empty");
    /// # Ok::<(), legation_http_signature::error::HeaderError>(())
    /// ```
    pub fn parse(headers: &HeaderMap) -> Result<Self, HeaderError> {
        let mut lines = headers.get_all(AGENT_DELEGATION).iter();
        let line = lines.next().ok_or(HeaderError::Missing)?;
        if lines.next().is_some() {
            return Err(HeaderError::Repeated);
        }
        if line.len() > MAX_DELEGATION_BYTES {
            return Err(HeaderError::TooLarge { bytes: line.len(), most: MAX_DELEGATION_BYTES });
        }
        let shape = |reason: &str| HeaderError::Shape { reason: shorten(reason) };
        let text = line.to_str().map_err(|_| shape("characters outside ASCII"))?;
        let item = field::item(text.trim_matches([' ', '\t'])).map_err(|error| shape(&error.to_string()))?;
        match item {
            Item { params, .. } if !params.is_empty() => Err(shape("parameters")),
            Item { value: BareItem::Token(token), .. } => CompactChain::read(token.into()).map(Self::Chain),
            Item { value: BareItem::ByteSequence(bytes), .. } => {
                let digest = bytes.as_slice().try_into();
                digest.map(Self::Digest).map_err(|_| HeaderError::Digest { bytes: bytes.len() })
            }
            _ => Err(shape("another kind of item")),
        }
    }

    /// The value of the header.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        let text = match self {
            Self::Chain(chain) => chain.0.clone(),
            Self::Digest(digest) => {
                let value = BareItem::ByteSequence(digest.to_vec());
                field::item_text(&Item { value, params: Vec::new() })
            }
        };
        // Both are ASCII without controls, so that nothing is ever left out.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }

    /// SHA-256 of the chain's text: what stands for the chain once a service knows it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        match self {
            Self::Chain(chain) => Sha256::digest(&chain.0).into(),
            Self::Digest(digest) => *digest,
        }
    }
}
