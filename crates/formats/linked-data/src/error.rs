//! Why a document has no canonical form here, or no proof.

use legation_keys::{Algorithm, data_integrity::ProofError, secret::SignError};

/// Why a document can't be canonicalized, or its proof not be made or checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkedDataError {
    /// A context that is named is not known here.
    #[error(
        "the context `{url}` is not known here, and no context is ever fetched; hand over the file that is published there"
    )]
    Context {
        /// Its URL.
        url: String,
    },
    /// The JSON-LD can't be expanded: a term that no context defines, an identifier that is none.
    #[error("the document is no JSON-LD that is understood: {reason}")]
    Expansion {
        /// What the processor says.
        reason: String,
    },
    /// A text without spaces, which may be an IRI or a part of one, has percent-escapes of no UTF-8 (or, in a context,
    /// half of one).
    #[error(
        "`{found}` has escapes that stand for no UTF-8; write the text itself, or `%25` for a percent sign"
    )]
    Escape {
        /// The text.
        found: String,
    },
    /// Something that expansion drops, so that nobody would have signed it: a term defined as `null`, a name or an
    /// identifier that looks like a keyword and is none, an `@index`.
    #[error("`{found}` in {place} has no place in what is signed; leave it out, or write it another way")]
    Dropped {
        /// What it is.
        found: String,
        /// Where it stands.
        place: &'static str,
    },
    /// A text has a character that its canonical form can't be made of here.
    #[error("a text has the character U+{:04X}, of which no canonical form is made here; leave it out, or secure the JSON itself", *.found as u32)]
    Character {
        /// The character.
        found: char,
    },
    /// More than is worked on.
    #[error("the document has {found} {what}, at most {most} are worked on")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: usize,
        /// The most.
        most: usize,
    },
    /// The proofs can't be read, or are by another cryptosuite.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The key is for another algorithm than the cryptosuite.
    #[error("`{suite}` needs a key for {expected}, this is one for {found}")]
    Algorithm {
        /// The cryptosuite.
        suite: &'static str,
        /// What it needs.
        expected: Algorithm,
        /// What the key is for.
        found: Algorithm,
    },
    /// The signer did not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
}

impl LinkedDataError {
    /// The stable code, as a denial has it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Context { .. }
            | Self::Expansion { .. }
            | Self::Escape { .. }
            | Self::Dropped { .. }
            | Self::Character { .. } => "malformed",
            Self::TooLarge { .. } => "input_too_large",
            Self::Proof(error) => error.code(),
            Self::Algorithm { .. } => "algorithm_key_mismatch",
            Self::Sign(_) => "sign",
        }
    }
}
