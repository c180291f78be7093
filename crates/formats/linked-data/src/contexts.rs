//! JSON-LD contexts: compiled in, or handed over by whoever embeds this; never fetched (DESIGN §2, 5).

mod known;

use crate::{
    LinkedDataError, admit,
    work::{self, Scoped, Weight},
};
use iref::IriBuf;
use json_syntax::{Parse, Value};
use known::{KNOWN, Known};
use legation_keys::json::{self, Json, JsonError, JsonLimits, Object};
use sha2::{Digest as _, Sha256, Sha384};
use ssi_json_ld::RemoteDocument;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::LazyLock,
};

/// How much of a context that is handed over is read.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };
/// Most contexts that are handed over.
pub const MAX_GIVEN: usize = 64;

/// SHA-256 and SHA-384, in hex, of the file that is published at a context's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The SHA-256.
    pub sha256: String,
    /// The SHA-384.
    pub sha384: String,
}

/// The contexts that a document may name. Any other is not known, and none is ever fetched.
#[derive(Clone)]
pub struct Contexts {
    all: HashMap<String, Held>,
    given: usize,
    loader: Loader,
}

/// What a JSON-LD processor loads contexts from.
pub(crate) type Loader = HashMap<IriBuf, RemoteDocument>;

/// What is known of a context.
#[derive(Clone)]
struct Held {
    /// None where it is not published as one file.
    digests: Option<Digests>,
    weight: Weight,
    /// Those of its terms that have contexts of their own.
    scoped: HashMap<String, Weight>,
}

/// Why a context is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// What it is to be known by is no absolute URL.
    #[error("`{url}` is no URL by which a document could name a context")]
    Url {
        /// What was given.
        url: String,
    },
    /// One of this URL is compiled in, or was handed over before.
    #[error("the context `{url}` is known already; one URL stands for one context")]
    Known {
        /// The URL.
        url: String,
    },
    /// More than are taken.
    #[error("at most {MAX_GIVEN} contexts are handed over")]
    TooMany,
    /// The file is no JSON, or too large.
    #[error("the context `{url}` can't be read: {error}")]
    Json {
        /// The URL.
        url: String,
        /// What is wrong.
        error: JsonError,
    },
    /// The file is JSON, and no context.
    #[error("the file for `{url}` holds no context: it is no object with `@context`")]
    NoContext {
        /// The URL.
        url: String,
    },
    /// It names a context that is not known.
    #[error("the context `{url}` names `{inner}`, which is not known here; hand that one over first")]
    Names {
        /// The URL.
        url: String,
        /// What it names.
        inner: String,
    },
    /// By it something of a document would be dropped, or it takes too long.
    #[error("the context `{url}` is not taken: {error}")]
    Refused {
        /// The URL.
        url: String,
        /// What is wrong.
        error: Box<LinkedDataError>,
    },
}

static COMPILED_IN: LazyLock<Contexts> = LazyLock::new(|| {
    let mut contexts = Contexts { all: HashMap::new(), given: 0, loader: HashMap::new() };
    for Known { url, text, digests } in KNOWN {
        let digests =
            digests.map(|(sha256, sha384)| Digests { sha256: sha256.into(), sha384: sha384.into() });
        // That each of them can be read is a test's to hold.
        if let Ok(json) = json::parse(text.as_bytes(), LIMITS) {
            let _ = contexts.hold(url, text, &json, digests);
        }
    }
    contexts
});

impl Contexts {
    /// Those that are compiled in.
    ///
    /// ```
    /// let contexts = legation_linked_data::Contexts::compiled_in();
    /// assert!(contexts.is_known("https://www.w3.org/ns/credentials/v2"));
    /// assert!(!contexts.is_known("https://a.example/context"));
    /// ```
    #[must_use]
    pub fn compiled_in() -> &'static Self {
        &COMPILED_IN
    }

    /// These and one more: the file that is published at a URL, which the caller vouches for. What it names has to be known
    /// before. Nothing that is compiled in can be replaced.
    ///
    /// # Errors
    /// [`ContextError`].
    ///
    /// ```
    /// use legation_linked_data::{Contexts, contexts::ContextError};
    /// let file = br#"{"@context": {"colour": "https://a.example/terms#colour"}}"#;
    /// let contexts = Contexts::compiled_in().clone().with("https://a.example/context", file)?;
    /// assert!(contexts.is_known("https://a.example/context"));
    /// assert!(matches!(contexts.with("https://www.w3.org/ns/credentials/v2", file), Err(ContextError::Known { .. })));
    /// # Ok::<(), ContextError>(())
    /// ```
    pub fn with(mut self, url: &str, file: &[u8]) -> Result<Self, ContextError> {
        let named = || url.chars().take(200).collect::<String>();
        if self.is_known(url) {
            return Err(ContextError::Known { url: named() });
        }
        if self.given == MAX_GIVEN {
            return Err(ContextError::TooMany);
        }
        let json = json::parse(file, LIMITS).map_err(|error| ContextError::Json { url: named(), error })?;
        let context = json.get("@context").ok_or_else(|| ContextError::NoContext { url: named() })?;
        if let Some(inner) = self.unknown_url(context) {
            return Err(ContextError::Names { url: named(), inner: inner.chars().take(200).collect() });
        }
        let refused = |error| ContextError::Refused { url: named(), error: Box::new(error) };
        admit::check_context(context).map_err(refused)?;
        let digests = Digests { sha256: hex(&Sha256::digest(file)), sha384: hex(&Sha384::digest(file)) };
        // The strict reader has found it to be UTF-8.
        let text = core::str::from_utf8(file).unwrap_or_default();
        self.hold(url, text, &json, Some(digests)).ok_or_else(|| ContextError::Url { url: named() })?;
        self.given += 1;
        Ok(self)
    }

    /// Whether a context is known by this URL.
    #[must_use]
    pub fn is_known(&self, url: &str) -> bool {
        self.all.contains_key(url)
    }

    /// The digests of the file that is published at a URL, where it is a known context that is one file.
    ///
    /// ```
    /// let contexts = legation_linked_data::Contexts::compiled_in();
    /// let digests = contexts.digests("https://www.w3.org/ns/credentials/v2").unwrap();
    /// assert!(digests.sha256.starts_with("59955ced"));
    /// assert_eq!(contexts.digests("https://a.example/context"), None);
    /// ```
    #[must_use]
    pub fn digests(&self, url: &str) -> Option<&Digests> {
        self.all.get(url)?.digests.as_ref()
    }

    /// The first context of a document, at any depth, that is named by a URL and not known.
    ///
    /// ```
    /// use legation_keys::json::{JsonLimits, parse};
    /// let limits = JsonLimits { bytes: 1000, depth: 8 };
    /// let json = parse(br#"{"@context": ["https://www.w3.org/ns/credentials/v2", "https://a.example/"]}"#, limits)?;
    /// let contexts = legation_linked_data::Contexts::compiled_in();
    /// assert_eq!(contexts.unknown(json.as_object().unwrap()), Some("https://a.example/"));
    /// # Ok::<(), legation_keys::json::JsonError>(())
    /// ```
    #[must_use]
    pub fn unknown<'d>(&self, document: &'d Object<'_>) -> Option<&'d str> {
        document.iter().find_map(|(name, value)| match name {
            "@context" | "@import" => self.unknown_url(value),
            _ => self.unknown_within(value),
        })
    }

    fn unknown_url<'d>(&self, context: &'d Json<'_>) -> Option<&'d str> {
        match context {
            Json::String(url) => (!self.is_known(url)).then_some(url),
            Json::Array(all) => all.iter().find_map(|one| self.unknown_url(one)),
            // What stands inline may name others, for its terms.
            other => self.unknown_within(other),
        }
    }

    fn unknown_within<'d>(&self, json: &'d Json<'_>) -> Option<&'d str> {
        match json {
            Json::Array(all) => all.iter().find_map(|one| self.unknown_within(one)),
            Json::Object(object) => self.unknown(object),
            _ => None,
        }
    }

    /// Takes a context up; `None` where its URL or its text is none.
    fn hold(&mut self, url: &str, text: &str, file: &Json<'_>, digests: Option<Digests>) -> Option<()> {
        let iri = IriBuf::new(url.to_owned()).ok()?;
        let (document, _) = Value::parse_str(text).ok()?;
        let media_type = "application/ld+json".parse().ok()?;
        let mut scoped = Scoped::new();
        let weight = work::weigh(file.get("@context")?, &mut scoped, self);
        let scoped = scoped.into_iter().map(|(name, weight)| (name.to_owned(), weight)).collect();
        match self.all.entry(url.to_owned()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => place.insert(Held { digests, weight, scoped }),
        };
        self.loader.insert(iri.clone(), RemoteDocument::new(Some(iri), Some(media_type), document));
        Some(())
    }

    /// What the context at a URL weighs; nothing where it is not known, since it is not worked out then.
    pub(crate) fn weight(&self, url: &str) -> Weight {
        self.all.get(url).map_or(Weight::default(), |held| held.weight)
    }

    /// The terms of a known context that have contexts of their own.
    pub(crate) fn scoped(&self, url: &str) -> impl Iterator<Item = (&str, &Weight)> {
        let held = self.all.get(url).into_iter();
        held.flat_map(|held| held.scoped.iter().map(|(name, weight)| (name.as_str(), weight)))
    }

    pub(crate) fn loader(&self) -> &Loader {
        &self.loader
    }
}

impl core::fmt::Debug for Contexts {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_set().entries(self.all.keys()).finish()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a context stands in the document itself, at any depth. A signature over RDF covers what its terms mean and not
/// what they are called, so that whoever hands the document on may have given them other names.
///
/// ```
/// use legation_keys::json::{JsonLimits, parse};
/// use legation_linked_data::contexts::is_inline;
/// let limits = JsonLimits { bytes: 1000, depth: 8 };
/// let inline = parse(br#"{"@context": ["https://a.example/", {"role": "https://a.example/colour"}]}"#, limits)?;
/// assert!(is_inline(inline.as_object().unwrap()));
/// let deeper = parse(br#"{"claims": [[{"@context": [[{"role": "https://a.example/colour"}]]}]]}"#, limits)?;
/// assert!(is_inline(deeper.as_object().unwrap()));
/// let known = parse(br#"{"@context": "https://a.example/", "role": {}}"#, limits)?;
/// assert!(!is_inline(known.as_object().unwrap()));
/// # Ok::<(), legation_keys::json::JsonError>(())
/// ```
#[must_use]
pub fn is_inline(document: &Object<'_>) -> bool {
    document.iter().any(|(name, value)| match name {
        "@context" => any_object(value, |_| true),
        _ => any_object(value, is_inline),
    })
}

/// Whether any object is so: this one, or one of an array, in whatever others that stands.
fn any_object(json: &Json<'_>, is: fn(&Object<'_>) -> bool) -> bool {
    match json {
        Json::Array(all) => all.iter().any(|one| any_object(one, is)),
        Json::Object(object) => is(object),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_that_is_compiled_in_can_be_read() {
        let contexts = Contexts::compiled_in();
        assert_eq!((contexts.loader().len(), contexts.all.len()), (KNOWN.len(), KNOWN.len()));
        let credentials = contexts.weight("https://www.w3.org/ns/credentials/v2");
        assert!(credentials.terms > 100 && credentials.entered > 10, "{credentials:?}");
    }
}
