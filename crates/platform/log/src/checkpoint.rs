//! Checkpoints (C2SP tlog-checkpoint): which log, how large, which root; signed as a note.

use crate::{
    note::{Kind, Note, NoteError, NoteKey},
    tree::Hash,
};
use base64_simd::STANDARD as BASE64;

/// A log as it was at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, such as `acme.example/log/main`.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note can't be read, or is not signed by the log.
    #[error("the checkpoint does not hold: {0}")]
    Note(#[from] NoteError),
    /// The text is no checkpoint.
    #[error("it is no checkpoint: {reason}")]
    Format {
        /// What is wrong.
        reason: &'static str,
    },
    /// It is of another log.
    #[error("it is a checkpoint of `{found}`, expected one of `{expected}`")]
    Origin {
        /// The log that was asked for.
        expected: String,
        /// The log that it names.
        found: String,
    },
}

impl CheckpointError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Note(error) => error.code(),
            Self::Format { .. } => "checkpoint_malformed",
            Self::Origin { .. } => "origin_mismatch",
        }
    }
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode_to_string(self.root))
    }

    /// Reads the text of a checkpoint. Lines after the third are let stand: a log may add some.
    ///
    /// # Errors
    /// [`CheckpointError::Format`].
    pub fn read(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |reason| CheckpointError::Format { reason };
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or_default().split('\n').collect();
        let [origin, size, root, more @ ..] = lines.as_slice() else {
            return Err(wrong("it has fewer than three lines"));
        };
        if origin.is_empty() || more.iter().any(|line| line.is_empty()) {
            return Err(wrong("a line of it is empty"));
        }
        let number = size.parse().ok().filter(|number: &u64| number.to_string() == *size);
        let size = number.filter(|size| i64::try_from(*size).is_ok());
        let root = BASE64.decode_to_vec(root.as_bytes()).ok().and_then(|root| root.try_into().ok());
        Ok(Self {
            origin: (*origin).to_owned(),
            size: size.ok_or_else(|| wrong("its second line is no size"))?,
            root: root.ok_or_else(|| wrong("its third line is no hash"))?,
        })
    }

    /// Reads a signed checkpoint and checks that the key, which is named as its log is, has signed it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(note: &str, key: &NoteKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let read = Self::read(note.text())?;
        if read.origin != key.name() || key.kind() != Kind::Text {
            return Err(CheckpointError::Origin { expected: key.name().to_owned(), found: read.origin });
        }
        note.signed_at(key)?;
        Ok(read)
    }
}
