//! Why something was not fetched.

use core::{net::IpAddr, time::Duration};
use legation_agent_card::{BindingError, CardError, VerifyError};
use legation_did::{Did, DidError, DocumentError};

/// Why there is no [`crate::Fetcher`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// An extra root certificate is none.
    #[error("extra root certificate {position} can't be used: {reason}; PEM is expected")]
    Certificate {
        /// Which of them, counted from 1.
        position: usize,
        /// What is wrong.
        reason: String,
    },
    /// The HTTP client can't be set up on this system.
    #[error("fetching can't be set up: {reason}")]
    Client {
        /// What is wrong.
        reason: String,
    },
}

/// Why a DID document, an agent card or a status list was not fetched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FetchError {
    /// The DID is neither a did:key nor a did:web.
    #[error("the DID method `{method}` is not supported; use did:web or did:key")]
    MethodUnsupported {
        /// The method.
        method: String,
    },
    /// A did:key that holds no supported key.
    #[error("{0}")]
    DidInvalid(#[from] DidError),
    /// A URL that is not fetched from, whatever would be there.
    #[error("`{url}` is not fetched: {reason}")]
    UrlRefused {
        /// The URL.
        url: String,
        /// What is wrong and what would do.
        reason: &'static str,
    },
    /// The host has no address that may be connected to.
    #[error(
        "`{host}` is at {address} ({kind}), where nothing is fetched from unless private addresses are allowed"
    )]
    AddressRefused {
        /// The host.
        host: String,
        /// Its address; one of them, where it has several.
        address: IpAddr,
        /// What kind of address that is, as [`crate::guard::special`] says.
        kind: &'static str,
    },
    /// The name has no address, nobody answers there, or the connection broke off.
    #[error("`{url}` can't be reached: {reason}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// The server's certificate is not trusted, or no secure connection came about.
    #[error("no secure connection to `{url}`: {reason}")]
    Tls {
        /// The URL.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The answer was not there in time.
    #[error("`{url}` gave no complete answer within {} ms", .limit.as_millis())]
    Timeout {
        /// The URL.
        url: String,
        /// The total time there was; connecting may have had less.
        limit: Duration,
    },
    /// The answer leads elsewhere.
    #[error("`{url}` answers with the redirect {status}, which is not followed; it must answer directly")]
    RedirectRefused {
        /// The URL.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer has another status than 200.
    #[error("`{url}` answers with status {status}, expected 200")]
    HttpStatus {
        /// The URL.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer is compressed or otherwise encoded, though nobody asked for that.
    #[error("`{url}` answers with content encoding `{found}`; it must send the bytes as they are")]
    ContentEncoding {
        /// The URL.
        url: String,
        /// The encoding.
        found: String,
    },
    /// The answer is of another kind.
    #[error("`{url}` answers with content type `{found}`, expected {expected}")]
    ContentType {
        /// The URL.
        url: String,
        /// The content type; empty where there is none.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The answer is too large.
    #[error("`{url}` answers with more than {limit} bytes")]
    TooLarge {
        /// The URL.
        url: String,
        /// Most bytes.
        limit: usize,
    },
    /// The answer is no DID document.
    #[error("`{url}` holds no DID document: {error}")]
    DocumentInvalid {
        /// The URL.
        url: String,
        /// What is wrong.
        error: DocumentError,
    },
    /// The document is somebody else's.
    #[error(
        "the document of `{did}` says that it is of `{found}`; its `id` must be the DID it is fetched for"
    )]
    IdMismatch {
        /// Whose document was wanted.
        did: Did,
        /// Whose it is.
        found: Did,
    },
    /// The answer is no compact JWS.
    #[error(
        "`{url}` holds no status list: expected a JWT (three parts of base64url joined by `.`), or a credential with proofs as JSON"
    )]
    StatusListInvalid {
        /// The URL.
        url: String,
    },
}

impl FetchError {
    /// The stable name of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MethodUnsupported { .. } => "method_unsupported",
            Self::DidInvalid(_) => "did_invalid",
            Self::UrlRefused { .. } => "url_refused",
            Self::AddressRefused { .. } => "address_refused",
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::RedirectRefused { .. } => "redirect_refused",
            Self::HttpStatus { .. } => "http_status",
            Self::ContentEncoding { .. } => "content_encoding",
            Self::ContentType { .. } => "content_type",
            Self::TooLarge { .. } => "too_large",
            Self::DocumentInvalid { .. } => "document_invalid",
            Self::IdMismatch { .. } => "id_mismatch",
            Self::StatusListInvalid { .. } => "status_list_invalid",
        }
    }
}

/// Why an agent card is not believed. The variants stand in the order of the checks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CardFetchError {
    /// The card was not fetched.
    #[error("{0}")]
    Fetch(FetchError),
    /// It is no card of A2A 1.0, or its DID is none.
    #[error("{0}")]
    Card(#[from] CardError),
    /// It has no signatures. Nobody's document is fetched for it.
    #[error("the card is not signed, so that anybody may have written it")]
    Unsigned,
    /// It declares no DID.
    #[error("the card declares no DID, so that its signatures prove nothing without a key set of its signer")]
    NoDid,
    /// The card stands on one domain and its DID is of another. Nothing is fetched from there.
    #[error(
        "the card at `{origin}` declares `{did}`, which is of another domain; a card stands on the domain of its DID"
    )]
    Domain {
        /// The origin that the card was fetched from.
        origin: String,
        /// The DID that it declares.
        did: Did,
    },
    /// The DID's document was not fetched.
    #[error("the document of `{did}`: {error}")]
    Document {
        /// The DID that the card declares.
        did: Did,
        /// Why not.
        error: FetchError,
    },
    /// No signature is valid.
    #[error("{0}")]
    Verify(#[from] VerifyError),
    /// It is verified, and leads somewhere else than to its DID's domain.
    #[error("{0}")]
    Binding(#[from] BindingError),
}

impl CardFetchError {
    /// The stable name of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch(error) | Self::Document { error, .. } => error.code(),
            Self::Card(error) => error.code(),
            Self::Unsigned => "card_unsigned",
            Self::NoDid => "card_did_missing",
            Self::Domain { .. } => "card_domain_mismatch",
            Self::Verify(error) => error.code(),
            Self::Binding(error) => error.code(),
        }
    }
}
