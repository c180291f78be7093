//! Why the signer did not do what it was asked.

use crate::{
    ask::{MAX_BITS, MAX_NAME, MAX_PARENTS, MAX_SECRET, MAX_TOGETHER},
    frame::MAX_FRAME,
    master::{OpenError, SealError},
};
use legation_agent_card::{CardError, SignError as SignCardError};
use legation_credential::{CredentialError, IssueError, status::MIN_ENTRIES};
use legation_did::{Did, DidError};
use legation_keys::{
    data_integrity::AddProofError,
    secret::{SecretKeyError, SignError},
    time,
};
use legation_token::{ClaimsError, LIFE, svid::SvidClaimsError};
use legation_webvh_entry::EntryError;

/// Why nothing was done. It never holds anything of a key or a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// It is done at the other door.
    #[error("`{verb}` is not done at the door `{door}`; ask at the other one")]
    NotAtThisDoor { verb: &'static str, door: &'static str },
    /// No request that is known. What stands there is not told.
    #[error(
        "no request that is known, at line {line}, column {column}: it is no JSON, or a member is unknown, missing, \
         twice there or of another kind"
    )]
    Malformed { line: usize, column: usize },
    /// A frame of another length.
    #[error("a frame has 1 to {MAX_FRAME} bytes, this has {found}; the connection is closed")]
    FrameLength { found: usize },
    /// What would be answered does not fit into a frame.
    #[error("the answer has more than {MAX_FRAME} bytes")]
    AnswerTooLarge,
    /// There are as many connections at this door as there may be.
    #[error("there are {most} connections at this door already; close some, or try again later")]
    Busy { most: usize },
    /// The peer is another user.
    #[error("you are the user {found}, expected {expected}: only the signer's own user is answered")]
    NotOurs { found: u32, expected: u32 },
    /// What something is called is empty or too long.
    #[error("`{member}` has {found} bytes, expected 1 to {MAX_NAME}")]
    Name { member: &'static str, found: usize },
    /// An algorithm that no key is made for.
    #[error(
        "the algorithm `{found}` is not known; use `EdDSA` or `ES256`, or `RS256` for security events and tokens"
    )]
    Algorithm { found: String },
    /// What is sealed does not open.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// Nothing was sealed.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// What was opened is no key, or none could be made.
    #[error("{0}")]
    Key(#[from] SecretKeyError),
    /// No DID.
    #[error("`{member}`: {error}")]
    Did { member: &'static str, error: DidError },
    /// An authority or a status entry that can't be read.
    #[error("{0}")]
    Credential(#[from] CredentialError),
    /// No delegation was made.
    #[error("{0}")]
    Issue(#[from] IssueError),
    /// Somebody else must sign.
    #[error("the key `{key_id}` does not sign for `{issuer}`; name a key of its own")]
    Issuer { issuer: Did, key_id: String },
    /// The chain was given to somebody else.
    #[error("the chain was given to `{subject}`, so `{issuer}` can't pass it on")]
    NotTheSubject { issuer: Did, subject: Did },
    /// A chain that no verifier reads.
    #[error("{found} parents, at most {MAX_PARENTS} are read")]
    TooManyParents { found: usize },
    /// Too much for one request.
    #[error("{found} are asked for at once, at most {MAX_TOGETHER} are done")]
    TooManyTogether { found: usize },
    /// No URL of a status list.
    #[error("`{found}` is no http(s) URL in normal form")]
    ListUrl { found: String },
    /// No purpose of a status list.
    #[error("the purpose `{found}` is not known; use `revocation` or `suspension`")]
    Purpose { found: String },
    /// Too few or too many bits.
    #[error("the bits have {found} bytes, expected {least} to {MAX_BITS}", least = MIN_ENTRIES / 8)]
    Bits { found: usize },
    /// A list that ends before it begins.
    #[error("valid until {}, which is not after {}", time::format(*until), time::format(*from))]
    Window { from: i64, until: i64 },
    /// Something else than a receipt.
    #[error(
        "only receipts, batches of them and what is said of logs are signed, whose `type` is `LegationReceipt`, \
         `LegationReceiptBatch` or `LegationLog`; found {found}"
    )]
    ReceiptType { found: String },
    /// No card that can be signed.
    #[error("{0}")]
    Card(#[from] CardError),
    /// A card that is not signed.
    #[error("{0}")]
    SignCard(#[from] SignCardError),
    /// A card of somebody else.
    #[error("the card does not declare the DID `{did}`")]
    CardDid { did: Did },
    /// Another domain than the DID's.
    #[error("`{found}` is not the origin of `{did}`, which vouches for no other")]
    Origin { did: Did, found: String },
    /// An issuer of security events that is not the key's.
    #[error("the key `{key_id}` does not sign for `{issuer}`; its key id is the issuer with a fragment")]
    EventIssuer { issuer: String, key_id: String },
    /// An event that is not signed.
    #[error(
        "the event `{found}` is not known; nothing but CAEP's of delegations and a stream's own is signed"
    )]
    Event { found: String },
    /// A subject without a format.
    #[error("the subject has no `format`; it is a subject identifier (RFC 9493)")]
    Subject,
    /// What should be an object is something else.
    #[error("a JSON object is expected, this is {found}")]
    NoObject { found: &'static str },
    /// Something else than an alert.
    #[error("only alerts are signed, whose `type` is `LegationAlert`; found `{found}`")]
    AlertType { found: String },
    /// A key that is not the log's.
    #[error(
        "the key `{key_id}` does not sign checkpoints of `{origin}`; that of a log is called `log:` and its origin"
    )]
    Log { origin: String, key_id: String },
    /// A key that is not the log's of that did:webvh, or a DID of another place.
    #[error(
        "the key `{key_id}` does not sign for the history of `{place}`; one that does is called `webvh:`, the place and `#`"
    )]
    History { place: Did, key_id: String },
    /// An entry of a did:webvh log that is not written.
    #[error("{0}")]
    Entry(#[from] EntryError),
    /// What is no key that may sign the next entry.
    #[error("`{found}` is no Ed25519 key as a Multikey")]
    NextKey { found: String },
    /// A root of another length.
    #[error("a root has 32 bytes, this has {found}")]
    Root { found: usize },
    /// What is no token of an agent.
    #[error("{0}")]
    Claims(#[from] ClaimsError),
    /// What is no SVID of an agent.
    #[error("{0}")]
    Svid(#[from] SvidClaimsError),
    /// A token that lives too long, or says what would not be signed.
    #[error("a token lives for 1 to {LIFE} seconds and says what is known of tokens, as it is written here")]
    TokenTerms,
    /// A text that is no request of an agent.
    #[error("the signer signs requests of agents here and nothing else: {0}")]
    Request(#[from] legation_http_signature::ReadBaseError),
    /// A number that is no user's, or that of all that have none here.
    #[error("the user {found} may be anybody: make one for the agent, and name its number")]
    NobodysUser { found: u32 },
    /// A request that names another key.
    #[error("the request names the key `{found}`, which is another one; sign with the key that it names")]
    RequestKey { found: String },
    /// A request of another time.
    #[error(
        "the request is of {}, which is not now by the signer's clock; set this machine's clock",
        time::format(*found)
    )]
    RequestTime { found: i64 },
    /// A receipt that nobody is said to sign.
    #[error("the receipt's `verifier` is no DID; give a key id that is the DID URL of the key")]
    NoSigner,
    /// A secret that is empty or too long.
    #[error("a secret has 1 to {MAX_SECRET} bytes, this has {found}")]
    SecretLength { found: usize },
    /// The key did not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
    /// A mistake in the signer.
    #[error("the signer made a mistake; nothing was signed or opened")]
    Internal,
}

impl Refused {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotAtThisDoor { .. } => "not_at_this_door",
            Self::FrameLength { .. } => "frame_length",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Busy { .. } => "too_many_connections",
            Self::NotOurs { .. } => "not_ours",
            Self::Name { .. } | Self::SecretLength { .. } | Self::Bits { .. } => "length_out_of_range",
            Self::TooManyParents { .. } | Self::TooManyTogether { .. } => "input_too_large",
            Self::Algorithm { .. } => "algorithm_not_allowed",
            Self::Open(error) => error.code(),
            Self::Seal(error) => error.code(),
            Self::Key(SecretKeyError::Generate) => "random_failed",
            Self::Key(_) => "not_a_key",
            Self::Malformed { .. }
            | Self::Did { .. }
            | Self::ListUrl { .. }
            | Self::Purpose { .. }
            | Self::Subject
            | Self::NextKey { .. }
            | Self::NoObject { .. } => "malformed",
            Self::Event { .. } => "event_unknown",
            Self::Credential(error) => error.code(),
            Self::Issue(error) => issue_code(error),
            Self::Log { .. } => "origin_mismatch",
            Self::History { .. } => "issuer_mismatch",
            Self::Entry(error) => error.code(),
            Self::Claims(error) => error.code(),
            Self::Svid(error) => error.code(),
            Self::TokenTerms => "token_terms",
            Self::Request(error) => error.code(),
            Self::NobodysUser { .. } => "user_unusable",
            Self::RequestKey { .. } => "issuer_mismatch",
            Self::RequestTime { .. } => "presentation_stale",
            Self::Root { .. } => "length_out_of_range",
            Self::Issuer { .. } | Self::NotTheSubject { .. } | Self::NoSigner => "issuer_mismatch",
            Self::Card(error) => error.code(),
            Self::SignCard(error) => error.code(),
            Self::CardDid { .. } | Self::Origin { .. } | Self::EventIssuer { .. } => "issuer_mismatch",
            Self::Window { .. } => "window_empty",
            Self::ReceiptType { .. } | Self::AlertType { .. } => "type_mismatch",
            Self::Sign(_) => "sign_failed",
            Self::Internal => "internal",
        }
    }
}

fn issue_code(error: &IssueError) -> &'static str {
    match error {
        IssueError::Refused(refusal) => refusal.code(),
        IssueError::Unreadable(error) | IssueError::Parent { error, .. } => error.code(),
        IssueError::Order { .. } | IssueError::NoParent => "parent_mismatch",
        IssueError::Key { .. } => "issuer_mismatch",
        IssueError::Window { .. } => "window_empty",
        IssueError::Proof(AddProofError::Sign(_)) | IssueError::Sign(_) => "sign_failed",
        IssueError::Proof(_) => "algorithm_not_allowed",
    }
}

/// The beginning of a text from outside, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
