//! DID syntax (DID Core §3.1).

use crate::web;
use core::{fmt, str::FromStr};
use std::{borrow::Cow, sync::Arc};

/// Most bytes of a DID. A did:key takes 56; a did:web of a long domain and path some hundreds.
pub const MAX_LENGTH: usize = 1024;

/// A DID, known to be well-formed. A did:web is also known to name a domain and a path that
/// can be fetched ([`web::url`]). Cloning it is cheap.
///
/// DIDs are compared byte by byte (DID Core §3.1), so there is one spelling of each inside: where a method would know
/// several, one is accepted, and of escapes, whose digits may be in either case (RFC 3986 §2.1), the spelling in capitals
/// is kept, whichever was read.
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
        let (did, fragment) = url.split_once('#')?;
        (self.is(did) && !fragment.is_empty()).then_some(fragment)
    }

    /// Whether a text is this DID, in whichever case its escapes are.
    ///
    /// ```
    /// use legation_did::Did;
    /// let did: Did = "did:web:localhost%3A8080".parse()?;
    /// assert!(did.is("did:web:localhost%3a8080") && !did.is("did:web:localhost"));
    /// # Ok::<(), legation_did::DidError>(())
    /// ```
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.as_str() == text || one_spelling(text) == self.as_str()
    }

    /// The DID URL that a reference in this DID's document means: one that is relative is resolved against the DID (DID
    /// Core §3.2.2), one that is whole is as it stands, its DID in the one spelling that it has inside. Whatever reads
    /// a document asks here.
    ///
    /// ```
    /// use legation_did::Did;
    /// let did: Did = "did:web:a.example".parse()?;
    /// assert_eq!(did.resolve("#key-1"), "did:web:a.example#key-1");
    /// assert_eq!(did.resolve("did:web:b.example%3a81#key-1"), "did:web:b.example%3A81#key-1");
    /// # Ok::<(), legation_did::DidError>(())
    /// ```
    #[must_use]
    pub fn resolve(&self, reference: &str) -> String {
        match reference.split_once(['#', '?', '/']) {
            Some(("", _)) => format!("{self}{reference}"),
            Some((did, _)) => match one_spelling(did) {
                Cow::Borrowed(_) => reference.to_owned(),
                Cow::Owned(capitals) => capitals + reference.get(did.len()..).unwrap_or_default(),
            },
            None => one_spelling(reference).into_owned(),
        }
    }
}

/// A DID in the spelling that is compared, where it stands among names that need be no DIDs, such as those of audiences: the
/// hexadecimal digits of its escapes are in capitals (RFC 3986 §6.2.2.1). Any other name is left as it is.
///
/// ```
/// use legation_did::one_spelling;
/// assert_eq!(one_spelling("did:web:localhost%3a8080"), "did:web:localhost%3A8080");
/// assert_eq!(one_spelling("https://a.example/%3a"), "https://a.example/%3a");
/// ```
#[must_use]
pub fn one_spelling(text: &str) -> Cow<'_, str> {
    let small = |escape: &str| escape.bytes().take(2).any(|digit| digit.is_ascii_lowercase());
    if !text.starts_with("did:") || !text.split('%').skip(1).any(small) {
        return text.into();
    }
    let mut parts = text.split('%');
    let mut capitals = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        capitals.push('%');
        capitals.push_str(&escape.to_ascii_uppercase());
        capitals.push_str(rest);
    }
    capitals.into()
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
        let known = one_spelling(text);
        if method == "web" {
            let id = known.strip_prefix("did:web:").unwrap_or(id);
            web::check(id).map_err(|reason| DidError::Web { found: shorten(text), reason })?;
        }
        Ok(Self(known.into()))
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

    #[test]
    fn escapes_in_small_letters_make_no_other_did() {
        for (small, capitals) in [
            ("did:web:localhost%3a8080", "did:web:localhost%3A8080"),
            ("did:web:a.example:caf%c3%A9", "did:web:a.example:caf%C3%A9"),
            ("did:web:a.example:a%2bb", "did:web:a.example:a%2Bb"),
            ("did:ex:%ab%cd:x%3a", "did:ex:%AB%CD:x%3A"),
        ] {
            let did: Did = small.parse().unwrap();
            assert_eq!((did.as_str(), capitals.parse::<Did>().as_ref()), (capitals, Ok(&did)));
            assert!(did.is(small) && did.is(capitals) && !did.is(&format!("{small}1")));
            assert_eq!(did.fragment_of(&format!("{small}#k%3a")), Some("k%3a"));
            assert_eq!(did.resolve(&format!("{small}#k%3a")), format!("{capitals}#k%3a"));
        }
    }

    #[test]
    fn a_relative_reference_is_of_the_documents_own_did() {
        let did: Did = "did:web:a.example:agent".parse().unwrap();
        for (reference, url) in [
            ("#k", "did:web:a.example:agent#k"),
            ("?versionId=1#k", "did:web:a.example:agent?versionId=1#k"),
            ("/path#k", "did:web:a.example:agent/path#k"),
            ("did:web:b.example#k", "did:web:b.example#k"),
            ("did:web:b.example", "did:web:b.example"),
            ("https://a.example/#k", "https://a.example/#k"),
        ] {
            assert_eq!(did.resolve(reference), url);
        }
        assert_eq!(did.fragment_of(&did.resolve("#")), None, "an empty fragment names nothing");
    }

    proptest::proptest! {
        #[test]
        fn a_did_prints_as_it_was_read(text in "did:[a-z0-9]{1,5}:[a-zA-Z0-9._:%-]{0,30}") {
            if let Ok(did) = text.parse::<Did>() {
                proptest::prop_assert!(did.is(&text));
                proptest::prop_assert_eq!(did.to_string().parse::<Did>(), Ok(did.clone()));
                if !text.contains('%') {
                    proptest::prop_assert_eq!(did.to_string(), text);
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "(did:(web|key):)?.{0,60}") {
            let _ = text.parse::<Did>();
        }
    }
}
