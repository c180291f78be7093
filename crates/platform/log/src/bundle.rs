//! One entry with its proof, as a text of a few kilobytes: C2SP tlog-proof, whose extra data hold the entry, what is shown of
//! it, and what ties the log to its organization.

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    entry::{self, EntryError},
    hidden::{self, Disclosure},
    note::NoteKey,
    proof::{MAX_HASHES, ProofError, verify_inclusion},
    tree::{Hash, leaf_hash},
};
use base64_simd::STANDARD as BASE64;
use serde_json::{Value, json};

/// The first line.
pub const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Most bytes of a bundle.
pub const MAX_BUNDLE: usize = 1 << 20;

/// Such a bundle. Nothing of it is believed before [`Bundle::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The entry.
    pub leaf: String,
    /// What is shown of it.
    pub shown: Vec<Disclosure>,
    /// What the organization says of the log.
    pub about: String,
    /// The organization's DID document, by its own word.
    pub document: String,
    /// The index of the entry.
    pub index: u64,
    /// The proof.
    pub proof: Vec<Hash>,
    /// The checkpoint, as a note.
    pub note: String,
}

/// Why a bundle proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It can't be read.
    #[error("it is no proof of an entry: {reason}")]
    Format {
        /// What is wrong.
        reason: &'static str,
    },
    /// The checkpoint does not hold.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof does not hold.
    #[error("the entry is not in the log: {0}")]
    Proof(#[from] ProofError),
    /// The entry is none.
    #[error("{0}")]
    Entry(#[from] EntryError),
    /// What is shown is not what was recorded.
    #[error("what is shown of the entry is not what was recorded: {place}")]
    Shown {
        /// Where it says to be.
        place: String,
    },
}

impl BundleError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "proof_malformed",
            Self::Checkpoint(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Entry(_) => "entry_malformed",
            Self::Shown { .. } => "value_mismatch",
        }
    }
}

/// What a bundle proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The checkpoint that it is in.
    pub checkpoint: Checkpoint,
    /// What the entry says.
    pub head: entry::Head,
    /// The entry, with what is shown of it put in its place, as a JSON text.
    pub entry: String,
}

impl Bundle {
    /// The text.
    #[must_use]
    pub fn write(&self) -> String {
        let shown: Vec<&str> = self.shown.iter().map(Disclosure::text).collect();
        let extra =
            json!({"leaf": self.leaf, "shown": shown, "about": self.about, "document": self.document});
        let extra = BASE64.encode_to_string(extra.to_string().as_bytes());
        let proof: String =
            self.proof.iter().map(|hash| format!("{}\n", BASE64.encode_to_string(hash))).collect();
        format!("{FIRST_LINE}\nextra {extra}\nindex {}\n{proof}\n{}", self.index, self.note)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`BundleError::Format`].
    pub fn read(text: &str) -> Result<Self, BundleError> {
        let wrong = |reason| BundleError::Format { reason };
        if text.len() > MAX_BUNDLE {
            return Err(wrong("it is too long"));
        }
        let (head, note) = text.split_once("\n\n").ok_or_else(|| wrong("no empty line stands in it"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(wrong("its first line is not `c2sp.org/tlog-proof@v1`"));
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let extra = extra.and_then(|extra| BASE64.decode_to_vec(extra.as_bytes()).ok());
        let extra: Value = extra.and_then(|extra| serde_json::from_slice(&extra).ok()).ok_or_else(|| {
            wrong("it does not hold the entry that it is about; `legation log prove` writes that")
        })?;
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let number =
            index.and_then(|index| index.parse().ok().filter(|number: &u64| number.to_string() == index));
        let hash =
            |line: &str| BASE64.decode_to_vec(line.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
        let proof: Option<Vec<Hash>> = lines.take(MAX_HASHES + 1).map(hash).collect();
        let text = |name: &str| extra.get(name).and_then(Value::as_str).map(str::to_owned);
        let members = extra.as_object().map_or(0, serde_json::Map::len);
        let shown = extra.get("shown").and_then(Value::as_array).filter(|_| members == 4);
        let shown =
            shown.ok_or_else(|| wrong("what it holds beside the proof has other members than it should"))?;
        let shown = shown.iter().map(|one| one.as_str().map(|one| Disclosure::of(one.to_owned())));
        Ok(Self {
            leaf: text("leaf").ok_or_else(|| wrong("it does not hold the entry"))?,
            shown: shown.collect::<Option<_>>().ok_or_else(|| wrong("what it shows is no text"))?,
            about: text("about").ok_or_else(|| wrong("it does not say whose log it is"))?,
            document: text("document").ok_or_else(|| wrong("it has no DID document"))?,
            index: number.ok_or_else(|| wrong("its third line is no `index NUMBER`"))?,
            proof: proof.ok_or_else(|| wrong("a line of the proof is no hash"))?,
            note: note.to_owned(),
        })
    }

    /// Checks that the entry is in the log whose key is given, and that what is shown of it was recorded.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn verify(&self, key: &NoteKey) -> Result<Proved, BundleError> {
        let checkpoint = Checkpoint::open(&self.note, key)?;
        let leaf = leaf_hash(self.leaf.as_bytes());
        verify_inclusion(&leaf, (self.index, checkpoint.size), &self.proof, &checkpoint.root)?;
        let (head, entry) = entry::read(self.index, self.leaf.as_bytes())?;
        let entry = hidden::show(&entry, &self.shown).map_err(|one| {
            let place = one.read().map(|(place, _)| place).unwrap_or_default();
            BundleError::Shown { place }
        })?;
        Ok(Proved { checkpoint, head, entry })
    }
}
