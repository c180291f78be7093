//! SPIFFE IDs (SPIFFE-ID §2): one workload has one spelling.

use core::fmt;

/// The scheme.
const SCHEME: &str = "spiffe://";
/// Most bytes of an ID, and of the name of a trust domain (§2.3).
pub const MAX_ID: usize = 2048;
/// Most bytes of the name of a trust domain.
pub const MAX_DOMAIN: usize = 255;

/// The name of a workload: `spiffe://` with its trust domain and its path. It is compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    text: String,
    /// Where the path begins, with its `/`.
    path: usize,
}

/// Why a text is no SPIFFE ID of a workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeIdError {
    /// It is too long.
    #[error("a SPIFFE ID has at most {MAX_ID} bytes, this has {found}")]
    TooLong {
        /// How many.
        found: usize,
    },
    /// It is of another scheme.
    #[error("a SPIFFE ID begins with `spiffe://`, in small letters")]
    Scheme,
    /// The name of its trust domain can't be one.
    #[error(
        "a trust domain is 1 to {MAX_DOMAIN} of `a`-`z`, `0`-`9`, `.`, `_`, `-`: no port, no user, no capital letter"
    )]
    TrustDomain,
    /// It names a trust domain and nobody in it.
    #[error("the SPIFFE ID of a workload has a path; this one is a trust domain's")]
    NoPath,
    /// A segment of its path can't be one.
    #[error(
        "each segment of the path is 1 or more of `a`-`z`, `A`-`Z`, `0`-`9`, `.`, `_`, `-`, and neither `.` nor `..`; no `/` \
         stands at the end, and nothing is escaped"
    )]
    Path,
}

/// Whether a text can be the name of a trust domain (§2.1).
///
/// ```
/// use legation_token::svid::id::is_trust_domain;
/// assert!(is_trust_domain("acme.example") && is_trust_domain("localhost_8080"));
/// assert!(!is_trust_domain("Acme.example") && !is_trust_domain("acme.example:8080") && !is_trust_domain(""));
/// ```
#[must_use]
pub fn is_trust_domain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=MAX_DOMAIN).contains(&name.len()) && name.bytes().all(fits)
}

impl SpiffeId {
    /// Reads the ID of a workload.
    ///
    /// # Errors
    /// [`SpiffeIdError`].
    ///
    /// ```
    /// use legation_token::SpiffeId;
    /// let id = SpiffeId::parse("spiffe://acme.example/ns/crm")?;
    /// assert_eq!((id.trust_domain(), id.path()), ("acme.example", "/ns/crm"));
    /// assert!(SpiffeId::parse("spiffe://acme.example/ns/crm/").is_err());
    /// # Ok::<(), legation_token::SpiffeIdError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > MAX_ID {
            return Err(SpiffeIdError::TooLong { found: text.len() });
        }
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeIdError::Scheme)?;
        let (domain, path) = rest.split_once('/').map_or((rest, None), |(domain, path)| (domain, Some(path)));
        if !is_trust_domain(domain) {
            return Err(SpiffeIdError::TrustDomain);
        }
        let path = path.ok_or(SpiffeIdError::NoPath)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_segment = |one: &str| !one.is_empty() && one != "." && one != ".." && one.bytes().all(fits);
        if !path.split('/').all(is_segment) {
            return Err(SpiffeIdError::Path);
        }
        let path = SCHEME.len().saturating_add(domain.len());
        Ok(Self { text: text.to_owned(), path })
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain whose word it is.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.text.get(SCHEME.len()..self.path).unwrap_or_default()
    }

    /// The path, with the `/` that it begins with.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.path..).unwrap_or_default()
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
