//! Witnesses (C2SP tlog-witness): somebody else who has seen that a log only grew, and signs that.
//!
//! A witness keeps one thing for each log: the size and root that it signed last. What is asked of it brings the proof that
//! the log goes on from there.

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    note::{MAX_NOTE, Note, NoteKey},
    proof::{MAX_HASHES, ProofError, verify_consistency},
    tree::Hash,
};
use data_encoding::BASE64;

/// Most bytes of what is asked.
pub const MAX_REQUEST: usize = MAX_NOTE + 8192;

/// Bytes of a cosignature in a note: the key's four, eight of the time and 64 of the signature, in base64.
const COSIGNATURE: usize = 104;

/// What a witness is asked to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that it signed last, 0 for none.
    pub old: u64,
    /// The proof that the log goes on from there.
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by the log.
    pub note: String,
}

/// Why a witness does not sign, as it answers it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// Nothing that is asked of a witness.
    #[error("it is no request of a checkpoint: {reason}")]
    Format {
        /// What is wrong.
        reason: &'static str,
    },
    /// A log that it does not know.
    #[error("the log `{origin}` is not known here")]
    Unknown {
        /// The log.
        origin: String,
    },
    /// The log has not signed it.
    #[error("{0}")]
    Checkpoint(CheckpointError),
    /// It has signed another size last.
    #[error(
        "the last checkpoint that was signed here has {size} entries; prove that the log goes on from there"
    )]
    Conflict {
        /// That size.
        size: u64,
    },
    /// It has signed another root of the same size: there are two histories.
    #[error("another tree of {size} entries was signed here: the log has two histories")]
    Fork {
        /// That size.
        size: u64,
    },
    /// The proof does not hold.
    #[error("the log does not go on from what was signed here: {0}")]
    Proof(ProofError),
}

impl WitnessError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "malformed",
            Self::Unknown { .. } => "log_unknown",
            Self::Checkpoint(error) => error.code(),
            Self::Conflict { .. } => "witness_is_elsewhere",
            Self::Fork { .. } => "log_forked",
            Self::Proof(error) => error.code(),
        }
    }

    /// The status of the answer over HTTP.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Format { .. } => 400,
            Self::Unknown { .. } => 404,
            Self::Checkpoint(_) => 403,
            Self::Conflict { .. } | Self::Fork { .. } => 409,
            Self::Proof(_) => 422,
        }
    }
}

impl AddCheckpoint {
    /// The body of the request.
    #[must_use]
    pub fn write(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| format!("{}\n", BASE64.encode(hash))).collect();
        format!("old {}\n{proof}\n{}", self.old, self.note)
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`WitnessError::Format`].
    pub fn read(body: &str) -> Result<Self, WitnessError> {
        let wrong = |reason| WitnessError::Format { reason };
        let (head, note) = body.split_once("\n\n").ok_or_else(|| wrong("no empty line stands in it"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let number = old.and_then(|old| old.parse().ok().filter(|number: &u64| number.to_string() == old));
        let hash = |line: &str| BASE64.decode(line.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
        let proof: Option<Vec<Hash>> = lines.take(MAX_HASHES + 1).map(hash).collect();
        let proof = proof.filter(|proof| proof.len() <= MAX_HASHES);
        Ok(Self {
            old: number.ok_or_else(|| wrong("its first line is no `old SIZE`"))?,
            proof: proof.ok_or_else(|| wrong("a line is no hash, or there are too many"))?,
            note: note.to_owned(),
        })
    }

    /// The log that it is of, by its own word.
    ///
    /// # Errors
    /// [`WitnessError::Format`].
    pub fn origin(&self) -> Result<&str, WitnessError> {
        let origin = self.note.split('\n').next().filter(|origin| !origin.is_empty());
        origin.ok_or(WitnessError::Format { reason: "its checkpoint names no log" })
    }

    /// Judges what is asked, by what was signed last of that log (size and root) and by its key. What it gives has to be kept
    /// before it is signed.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn judge(&self, last: Option<(u64, Hash)>, key: &NoteKey) -> Result<Checkpoint, WitnessError> {
        let asked = Checkpoint::open(&self.note, key).map_err(WitnessError::Checkpoint)?;
        if self.old > asked.size {
            return Err(WitnessError::Format { reason: "the old size is above that of the checkpoint" });
        }
        let (size, root) = last.unwrap_or_default();
        if self.old != size {
            return Err(WitnessError::Conflict { size });
        }
        if size == asked.size && last.is_some() && root != asked.root {
            return Err(WitnessError::Fork { size });
        }
        let length = ProofError::Length { found: self.proof.len() };
        match size {
            // Whatever it is goes on from nothing (C2SP tlog-witness: the proof is empty then).
            0 if self.proof.is_empty() => Ok(()),
            0 => Err(length),
            _ => verify_consistency((size, &root), (asked.size, &asked.root), &self.proof),
        }
        .map_err(WitnessError::Proof)?;
        Ok(asked)
    }
}

/// The lines of an answer that are cosignatures of a checkpoint by a witness, and when it was signed (Unix seconds).
///
/// # Errors
/// [`CheckpointError::Note`] where the witness has not signed this text.
pub fn cosignatures(text: &str, answer: &str, key: &NoteKey) -> Result<(String, u64), CheckpointError> {
    let own: String = answer
        .split_inclusive('\n')
        .filter(|line| {
            line.strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .is_some_and(|(name, signed)| name == key.name() && signed.trim_end().len() == COSIGNATURE)
        })
        .take(4)
        .collect();
    let note = format!("{text}\n{own}");
    let unsigned = || crate::note::NoteError::Unsigned { name: key.name().to_owned() };
    if own.is_empty() {
        return Err(unsigned().into());
    }
    let at = Note::parse(&note)?.signed_at(key)?;
    Ok((own, at))
}
