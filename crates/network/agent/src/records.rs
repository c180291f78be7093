//! Where a service keeps what it decided, before it tells anybody.
//!
//! [`Gate`](crate::Gate) and [`Responder`](crate::Responder) hand each decision to the [`Records`] of their desk, and answer
//! once it is kept: what is not kept opens nothing, and the door is closed (503, with the code of [`RecordError`]). What such a
//! request took, its nonce and what it debited, stays taken: it is safe to lose, and not to give twice.

use core::{fmt::Debug, pin::Pin};
use legation_did::Did;
use legation_verifier::{Account, Code, VerifiedChain};

/// What keeping a decision is waited for.
pub type Kept<'a> = Pin<Box<dyn Future<Output = Result<(), RecordError>> + Send + 'a>>;

/// Keeps decisions.
pub trait Records: Debug + Send + Sync {
    /// Keeps one. It survives the death of the machine once this is ready.
    ///
    /// What comes from nobody known is counted at most; a denial that repeats may be counted together with the one that was
    /// kept. A flood of one agent's, or of all agents below one root link, may close the door for those and for nobody else.
    fn keep(&self, decided: Decided) -> Kept<'_>;
}

/// A decision to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// When, Unix seconds.
    pub at: i64,
    /// The rule that denied it; `None` of a permit, or of a chain that holds.
    pub denied: Option<Code>,
    /// Who asked; `None` where no chain verified, so that it may have been anybody.
    pub who: Option<Who>,
    /// The receipt, as it is signed.
    pub receipt: Vec<u8>,
}

/// Whose decision it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// The agent.
    pub agent: Did,
    /// The account of its chain's first link.
    pub root: Account,
}

impl Who {
    /// Of a chain that verified.
    #[must_use]
    pub fn of(chain: &VerifiedChain) -> Option<Self> {
        let root = chain.links().first()?.account;
        Some(Self { agent: chain.agent().clone(), root })
    }
}

/// Why a decision was not kept, so that nothing opens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It can't be written now: the disk is full, the log is broken, nothing answers.
    #[error("decisions can't be kept: {reason}")]
    Unavailable {
        /// What is wrong, for whoever runs the service; callers are not told.
        reason: String,
    },
    /// So many wait to be kept that this one, or those of its root link, must come again.
    #[error("too many decisions wait to be kept")]
    Overloaded,
}

impl RecordError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "log_unavailable",
            Self::Overloaded => "log_overloaded",
        }
    }
}
