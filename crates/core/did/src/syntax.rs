//! DID syntax (DID Core §3.1).

use crate::web;
use core::{fmt, str::FromStr};
use std::sync::Arc;

/// Most bytes of a DID. A did:key takes 56; a did:web of a long domain and path some hundreds.
pub const MAX_LENGTH: usize = 1024;

/// A DID, known to be well-formed. A did:web is also known to name a domain and a path that
/// can be fetched ([`web::url`]). Cloning it is cheap.
///
/// DIDs are compared byte by byte (DID Core §3.1), so only one spelling is accepted where a
/// method would know several.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Did(Arc<str>);

/// Why a text is not a DID that is used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DidError {
    /// Not `did:METHOD:ID` in the characters of DID Core §3.1.
    #[error("`{found}` is not a DID; expected `did:METHOD:ID`, such as `did:web:example.com`")]
    Syntax {
        /// The text, shortened.
        found: String,
    },
    /// Longer than [`MAX_LENGTH`] bytes.
    #[error("a DID has at most {MAX_LENGTH} bytes, this has {found}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// A did:web whose domain or path is not one that may be fetched.
    #[error("`{found}` is not a did:web: {reason}")]
    Web {
        /// The text, shortened.
        found: String,
        /// What is wrong and what would do.
        reason: &'static str,
    },
    /// A did:key whose identifier is no supported key.
    #[error("`{found}` is not a did:key: {reason}")]
    Key {
        /// The text, shortened.
        found: String,
        /// What is wrong.
        reason: String,
    },
}

impl Did {
    /// A DID that this crate has put together from parts that fit.
    pub(crate) fn known_good(text: String) -> Self {
        Self(text.into())
    }

    /// The whole DID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The method: `key`, `web`, or another one.
    #[must_use]
    pub fn method(&self) -> &str {
        self.split().0
    }

    /// What stands after the method.
    #[must_use]
    pub fn method_specific_id(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let rest = self.0.strip_prefix("did:").unwrap_or_default();
        rest.split_once(':').unwrap_or_default()
    }

    /// The fragment of a DID URL of this DID: `key-1` of `did:web:a.example#key-1`. `None` where
    /// the URL is of another DID, has a path or query, or an empty fragment, which names nothing.
    #[must_use]
    pub fn fragment_of<'u>(&self, url: &'u str) -> Option<&'u str> {
        url.strip_prefix(self.as_str())?.strip_prefix('#').filter(|fragment| !fragment.is_empty())
    }
}

impl FromStr for Did {
    type Err = DidError;

    /// Reads a DID. Reading a did:key does not yet decode its key: [`crate::key::public_key`] does.
    fn from_str(text: &str) -> Result<Self, DidError> {
        if text.len() > MAX_LENGTH {
            return Err(DidError::TooLong { found: text.len() });
        }
        let syntax = || DidError::Syntax { found: shorten(text) };
        let (method, id) =
            text.strip_prefix("did:").and_then(|rest| rest.split_once(':')).ok_or_else(syntax)?;
        let method_fits = !method.is_empty()
            && method.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !method_fits || !is_method_specific_id(id) {
            return Err(syntax());
        }
        if method == "web" {
            web::check(id).map_err(|reason| DidError::Web { found: shorten(text), reason })?;
        }
        Ok(Self(text.into()))
    }
}

/// `*( *idchar ":" ) 1*idchar` where idchar is ALPHA, DIGIT, `.`, `-`, `_` or a percent escape.
fn is_method_specific_id(id: &str) -> bool {
    let mut bytes = id.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'.' | b'-' | b'_' | b':' => true,
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|hex| hex.is_some_and(|hex| hex.is_ascii_hexdigit()))
            }
            other => other.is_ascii_alphanumeric(),
        };
        if !fits {
            return false;
        }
    }
    !id.is_empty() && !id.ends_with(':')
}

/// At most 80 characters of a text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl fmt::Display for Did {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_did_is_refused() {
        for text in [
            "",
            "did:",
            "did:key",
            "did:key:",
            "did::x",
            "DID:key:z",
            "did:KEY:z",
            "did:ex:a b",
            "did:ex:a#f",
            "did:ex:a/b",
            "did:ex:a?b",
            "did:ex:%4",
            "did:ex:%zz",
            "did:ex:a:",
            "did:ex:é",
            "https://example.com",
        ] {
            assert!(matches!(text.parse::<Did>(), Err(DidError::Syntax { .. })), "{text}");
        }
        assert!(matches!(
            format!("did:ex:{}", "a".repeat(2000)).parse::<Did>(),
            Err(DidError::TooLong { found: 2007 })
        ));
    }

    #[test]
    fn a_fragment_belongs_to_exactly_one_did() {
        let did: Did = "did:web:a.example".parse().unwrap();
        assert_eq!(did.fragment_of("did:web:a.example#k"), Some("k"));
        assert_eq!(did.fragment_of("did:web:a.example:b#k"), None);
        assert_eq!(did.fragment_of("did:web:a.example.evil#k"), None);
        assert_eq!(did.fragment_of("#k"), None);
        assert_eq!(did.fragment_of("did:web:a.example#"), None);
        assert_eq!((did.method(), did.method_specific_id()), ("web", "a.example"));
    }

    proptest::proptest! {
        #[test]
        fn a_did_prints_as_it_was_read(text in "did:[a-z0-9]{1,5}:[a-zA-Z0-9._:%-]{0,30}") {
            if let Ok(did) = text.parse::<Did>() {
                proptest::prop_assert_eq!(did.to_string(), text);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "(did:(web|key):)?.{0,60}") {
            let _ = text.parse::<Did>();
        }
    }
}
