//! Signed notes (C2SP signed-note): a text, and lines of signatures below it.

use base64_simd::STANDARD as BASE64;
use legation_keys::{Algorithm, PublicKey, Signer, base64url, secret::SignError};
use sha2::{Digest, Sha256};

/// Most bytes of a note.
pub const MAX_NOTE: usize = 64 << 10;
/// Most signatures of a note that are read.
pub const MAX_SIGNATURES: usize = 64;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The text itself: a log.
    Text,
    /// That a text was seen at a time (C2SP tlog-cosignature v1): a witness.
    Cosignature,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A key by which notes are verified, with the name that it signs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    kind: Kind,
    key: PublicKey,
    id: [u8; 4],
}

/// Why a text is no note, or no key of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A name that a key can't have.
    #[error("`{found}` can't be the name of a key: it is empty, or has white space or `+` in it")]
    Name {
        /// The name.
        found: String,
    },
    /// Not a key of Ed25519.
    #[error("only keys of Ed25519 sign notes")]
    Algorithm,
    /// A text that is no key.
    #[error("`{found}` is no key of a log or a witness: {reason}; it looks like `NAME+HEX+BASE64`")]
    Key {
        /// The text.
        found: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A text that is no signed note.
    #[error("it is no signed note: {reason}")]
    Format {
        /// What is wrong.
        reason: &'static str,
    },
    /// The key has signed something else.
    #[error("the signature of `{name}` does not fit: the text was changed, or somebody else signed it")]
    Signature {
        /// The name of the key.
        name: String,
    },
    /// The key has not signed it.
    #[error("it is not signed by `{name}`")]
    Unsigned {
        /// The name of the key.
        name: String,
    },
}

impl NoteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } | Self::Key { .. } => "log_key_invalid",
            Self::Algorithm => "algorithm_not_allowed",
            Self::Format { .. } => "note_malformed",
            Self::Signature { .. } => "signature_invalid",
            Self::Unsigned { .. } => "checkpoint_unsigned",
        }
    }
}

fn raw(key: &PublicKey) -> Option<[u8; 32]> {
    let jwk = key.to_jwk();
    let x =
        jwk.get("x").and_then(serde_json::Value::as_str).filter(|_| key.algorithm() == Algorithm::EdDsa)?;
    base64url::decode_array(x).ok()
}

impl NoteKey {
    /// A key by its name and public key.
    ///
    /// # Errors
    /// [`NoteError::Name`], [`NoteError::Algorithm`].
    pub fn new(name: &str, kind: Kind, key: &PublicKey) -> Result<Self, NoteError> {
        if name.is_empty() || name.contains(|one: char| one.is_whitespace() || one.is_control() || one == '+')
        {
            return Err(NoteError::Name { found: name.to_owned() });
        }
        let bytes = raw(key).ok_or(NoteError::Algorithm)?;
        let digest: [u8; 32] = Sha256::new_with_prefix(name)
            .chain_update([b'\n', kind.byte()])
            .chain_update(bytes)
            .finalize()
            .into();
        let id = digest.first_chunk().copied().unwrap_or_default();
        Ok(Self { name: name.to_owned(), kind, key: key.clone(), id })
    }

    /// Reads a key as the tools of C2SP write it: `NAME+HEX+BASE64`.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let wrong = |reason| NoteError::Key { found: text.chars().take(200).collect(), reason };
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let (name, id) = (name.unwrap_or_default(), id.ok_or_else(|| wrong("a part is missing"))?);
        let key = key.ok_or_else(|| wrong("a part is missing"))?;
        let bytes = BASE64.decode_to_vec(key.as_bytes()).map_err(|_| wrong("the last part is no base64"))?;
        let (kind, point) = match bytes.split_first() {
            Some((1, point)) => (Kind::Text, point),
            Some((4, point)) => (Kind::Cosignature, point),
            _ => return Err(wrong("its kind is not one that is used here (1 for a log, 4 for a witness)")),
        };
        let point = point.try_into().map_err(|_| wrong("a key of Ed25519 has 32 bytes"))?;
        let key = PublicKey::from_ed25519(point).map_err(|_| wrong("the bytes are no key of Ed25519"))?;
        let made = Self::new(name, kind, &key)?;
        if made.id_text() == id { Ok(made) } else { Err(wrong("its parts do not belong together")) }
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id))
    }

    /// The name that it signs under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Signs: the line of a note. Of a cosignature, `time` is when, Unix seconds.
    ///
    /// # Errors
    /// [`SignError`], also where the signer has another key.
    pub fn sign(&self, text: &str, time: u64, signer: &dyn Signer) -> Result<String, SignError> {
        if *signer.public_key() != self.key {
            return Err(SignError { reason: format!("the key of `{}` is another one", self.name) });
        }
        let mut bytes = self.id.to_vec();
        match self.kind {
            Kind::Text => bytes.extend(signer.sign(text.as_bytes())?),
            Kind::Cosignature => {
                bytes.extend(time.to_be_bytes());
                bytes.extend(signer.sign(cosigned(text, time).as_bytes())?);
            }
        }
        Ok(format!("\u{2014} {} {}\n", self.name, BASE64.encode_to_string(bytes)))
    }
}

impl core::fmt::Display for NoteKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut bytes = vec![self.kind.byte()];
        bytes.extend(raw(&self.key).unwrap_or_default());
        write!(f, "{}+{}+{}", self.name, self.id_text(), BASE64.encode_to_string(bytes))
    }
}

/// What a witness signs (C2SP tlog-cosignature).
fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// A line of a signature: whose, and its bytes, of which nothing is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line<'n> {
    name: &'n str,
    bytes: Vec<u8>,
}

/// A note that was read. Its text means nothing before a key has been asked ([`Note::signed_at`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'n> {
    text: &'n str,
    lines: Vec<Line<'n>>,
}

impl<'n> Note<'n> {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Format`].
    pub fn parse(note: &'n str) -> Result<Self, NoteError> {
        let wrong = |reason| NoteError::Format { reason };
        if note.len() > MAX_NOTE {
            return Err(wrong("it is too long"));
        }
        if note.contains(|one: char| one < ' ' && one != '\n') {
            return Err(wrong("a control character stands in it"));
        }
        let end = note.rfind("\n\n").ok_or_else(|| wrong("no empty line stands before its signatures"))?;
        let (text, below) = note.split_at_checked(end + 1).unwrap_or_default();
        let below = below.strip_prefix('\n').unwrap_or_default();
        let below = below.strip_suffix('\n').ok_or_else(|| wrong("it does not end with a line"))?;
        let lines: Vec<Line<'n>> = below.split('\n').take(MAX_SIGNATURES + 1).map_while(line).collect();
        if lines.len() != below.split('\n').count() {
            return Err(wrong("a line of its signatures is none, or there are too many"));
        }
        Ok(Self { text, lines })
    }

    /// The text, with its last line's end.
    #[must_use]
    pub fn text(&self) -> &'n str {
        self.text
    }

    /// Checks the signature of a key, and gives the time of a cosignature (Unix seconds; 0 of any other).
    ///
    /// # Errors
    /// [`NoteError::Unsigned`], [`NoteError::Signature`].
    pub fn signed_at(&self, key: &NoteKey) -> Result<u64, NoteError> {
        let mut found = None;
        for line in self.lines.iter().filter(|line| line.name == key.name) {
            let Some((id, signature)) = line.bytes.split_first_chunk::<4>() else { continue };
            if *id == key.id {
                let checked = check(key, self.text, signature);
                found = Some(checked.ok_or_else(|| NoteError::Signature { name: key.name.clone() })?);
            }
        }
        found.ok_or_else(|| NoteError::Unsigned { name: key.name.clone() })
    }
}

fn check(key: &NoteKey, text: &str, signature: &[u8]) -> Option<u64> {
    match key.kind {
        Kind::Text => {
            key.key.verify(text.as_bytes(), signature.try_into().ok()?).ok()?;
            Some(0)
        }
        Kind::Cosignature => {
            let (time, signature) = signature.split_first_chunk::<8>()?;
            let time = u64::from_be_bytes(*time);
            key.key.verify(cosigned(text, time).as_bytes(), signature.try_into().ok()?).ok()?;
            i64::try_from(time).is_ok().then_some(time)
        }
    }
}

fn line(text: &str) -> Option<Line<'_>> {
    let (name, bytes) = text.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = BASE64.decode_to_vec(bytes.as_bytes()).ok().filter(|bytes| bytes.len() > 4)?;
    (!name.is_empty() && !name.contains('+')).then_some(Line { name, bytes })
}
