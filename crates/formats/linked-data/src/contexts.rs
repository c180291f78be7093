//! JSON-LD contexts: compiled in, never fetched (DESIGN §2, 5).

use crate::{
    LinkedDataError,
    work::{self, Scoped, Weight},
};
use iref::IriBuf;
use json_syntax::{Parse, Value};
use legation_keys::json::{self, Json, JsonLimits, Object};
use ssi_json_ld::RemoteDocument;
use std::{collections::HashMap, sync::LazyLock};

/// A context that is known: its URL, its text, and the SHA-256 and SHA-384 of the file that is published there,
/// whose layout is its own; no digests where it is not published as one file.
struct Known {
    url: &'static str,
    text: &'static str,
    digests: Option<(&'static str, &'static str)>,
}

macro_rules! known {
    ($url:literal, $file:literal, $digests:expr) => {
        Known { url: $url, text: include_str!(concat!("../contexts/", $file)), digests: $digests }
    };
}

const KNOWN: [Known; 11] = [
    known!(
        "https://www.w3.org/2018/credentials/v1",
        "credentials-v1.json",
        Some((
            "ab4ddd9a531758807a79a5b450510d61ae8d147eab966cc9a200c07095b0cdcc",
            "82c3b3eab863754bbfd2b9f17d8d6db9f61169f301cbf0b05e1fc4beb5f5c51dd4d2e888c274f49c3fbb2408f61faed1",
        ))
    ),
    known!(
        "https://www.w3.org/ns/credentials/v2",
        "credentials-v2.json",
        Some((
            "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
            "97f1eb8e5042356c805fdd61afa2c557663785e0794dcafa21e138fd38def18cb360133c221aa31d6896a6bf3e65b614",
        ))
    ),
    known!(
        "https://www.w3.org/ns/credentials/examples/v2",
        "credentials-examples-v2.json",
        Some((
            "57393fbc69d6efb9b9b5dc9cb6b9880b0944360abfe2eaf459c9e58cf2279d7c",
            "ccd35b4135824944a2d1b6f3edd6ee6be45c10dbfb0ba16f966609d58f88ef6ec7b0f387773c042cc60ef4ccfaf0cdba",
        ))
    ),
    known!(
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
        "credentials-undefined-terms-v2.json",
        Some((
            "82dab514ba44eb18f5d1b0f638c5e140c6a556fbfb5089601bdc0fa5eb8b2581",
            "b2a66ccddba70ba67ad99c2ff52e60558df0063cea51c4ca886e25d9ea73cfabb878baf92dc2ad2bda26c31391850d68",
        ))
    ),
    known!("https://www.w3.org/ns/credentials/status/v1", "credentials-status-v1.json", None),
    known!(
        "https://w3id.org/security/data-integrity/v1",
        "data-integrity-v1.json",
        Some((
            "b5d829bd09aa7c42abc6efa0c8ed7635313b5487f37ccfce3ecd149ca9418554",
            "1f7b51154c2cb596b804d3eedeabb7678c7ea4d36f5201496a681dbd868d5dc0cb90a8839f5142ccdc91fdb92c5adcf2",
        ))
    ),
    known!(
        "https://w3id.org/security/data-integrity/v2",
        "data-integrity-v2.json",
        Some((
            "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
            "0ee2d7626717f8b07cd449b525d5e2b71fe27209fc99e53089e0169dd2944d793feea4526fc60bb9cca1cd96512391f6",
        ))
    ),
    known!(
        "https://w3id.org/security/multikey/v1",
        "multikey-v1.json",
        Some((
            "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
            "0fa51641d12fb8c701b2e6a9492556f25d32bb4af84a96f11808f0a623b972434dd18a8f1f1865bc68d8ee046c4e5a3e",
        ))
    ),
    known!(
        "https://w3id.org/security/jwk/v1",
        "jwk-v1.json",
        Some((
            "0f14b62f6071aafe00df265770ea0c7508e118247d79b7d861a406d2aa00bece",
            "762dc55ce79f361e3bbeb7d3cb0ddb3e44b8e2885261f8283183959d1aaa33904af6a8005059ed9641500eab7d8ddae5",
        ))
    ),
    known!("https://www.w3.org/ns/did/v1", "did-v1.json", None),
    Known {
        url: "https://w3id.org/legation/v1",
        text: include_str!("../../../../schemas/legation-v1.jsonld"),
        digests: None,
    },
];

/// Whether a context is compiled in.
#[must_use]
pub fn is_known(url: &str) -> bool {
    KNOWN.iter().any(|known| known.url == url)
}

/// SHA-256 and SHA-384, in hex, of the file that is published at a URL, where it is a known context.
///
/// ```
/// let (sha256, _) = legation_linked_data::contexts::digests("https://www.w3.org/ns/credentials/v2").unwrap();
/// assert!(sha256.starts_with("59955ced"));
/// assert_eq!(legation_linked_data::contexts::digests("https://a.example/context"), None);
/// ```
#[must_use]
pub fn digests(url: &str) -> Option<(&'static str, &'static str)> {
    KNOWN.iter().find(|known| known.url == url)?.digests
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

/// The first context of a document, at any depth, that is named by a URL and not compiled in.
///
/// ```
/// use legation_keys::json::{JsonLimits, parse};
/// use legation_linked_data::contexts::unknown;
/// let limits = JsonLimits { bytes: 1000, depth: 8 };
/// let json = parse(br#"{"@context": ["https://www.w3.org/ns/credentials/v2", "https://a.example/"]}"#, limits)?;
/// assert_eq!(unknown(json.as_object().unwrap()), Some("https://a.example/"));
/// # Ok::<(), legation_keys::json::JsonError>(())
/// ```
#[must_use]
pub fn unknown<'d>(document: &'d Object<'_>) -> Option<&'d str> {
    document.iter().find_map(|(name, value)| match name {
        "@context" => unknown_url(value),
        _ => unknown_within(value),
    })
}

fn unknown_url<'d>(context: &'d Json<'_>) -> Option<&'d str> {
    match context {
        Json::String(url) => (!is_known(url)).then_some(url),
        Json::Array(all) => all.iter().find_map(unknown_url),
        // What stands inline may name others, for its terms.
        other => unknown_within(other),
    }
}

fn unknown_within<'d>(json: &'d Json<'_>) -> Option<&'d str> {
    match json {
        Json::Array(all) => all.iter().find_map(unknown_within),
        Json::Object(object) => unknown(object),
        _ => None,
    }
}

/// Whether any object is so: this one, or one of an array, in whatever others that stands.
fn any_object(json: &Json<'_>, is: fn(&Object<'_>) -> bool) -> bool {
    match json {
        Json::Array(all) => all.iter().any(|one| any_object(one, is)),
        Json::Object(object) => is(object),
        _ => false,
    }
}

/// What a JSON-LD processor loads contexts from.
pub(crate) type Loader = HashMap<IriBuf, RemoteDocument>;

static LOADER: LazyLock<Option<Loader>> = LazyLock::new(|| {
    let load = |known: &Known| {
        let url = IriBuf::new(known.url.to_owned()).ok()?;
        let (document, _) = Value::parse_str(known.text).ok()?;
        let media_type = "application/ld+json".parse().ok()?;
        Some((url.clone(), RemoteDocument::new(Some(url), Some(media_type), document)))
    };
    KNOWN.iter().map(load).collect()
});

/// What a known context weighs, and which of its terms have contexts of their own.
struct Weighed {
    weight: Weight,
    scoped: Scoped<'static>,
}

static WEIGHED: LazyLock<HashMap<&'static str, Weighed>> = LazyLock::new(|| {
    let weighed = |known: &Known| {
        let document = json::parse(known.text.as_bytes(), JsonLimits { bytes: 1 << 20, depth: 32 }).ok()?;
        // They live as long as the process, as their texts do.
        let document: &'static Json<'static> = Box::leak(Box::new(document));
        let mut scoped = Scoped::new();
        let weight = work::weigh(document.get("@context")?, &mut scoped);
        Some((known.url, Weighed { weight, scoped }))
    };
    KNOWN.iter().filter_map(weighed).collect()
});

/// What the context at a URL weighs; nothing where it is not known, since it is not worked out then.
pub(crate) fn weight(url: &str) -> Weight {
    WEIGHED.get(url).map_or(Weight::default(), |weighed| weighed.weight)
}

/// The terms of a known context that have contexts of their own.
pub(crate) fn scoped(url: &str) -> impl Iterator<Item = (&'static str, &'static Weight)> {
    WEIGHED
        .get(url)
        .into_iter()
        .flat_map(|weighed| weighed.scoped.iter().map(|(name, weight)| (*name, weight)))
}

/// The loader of the contexts that are compiled in.
pub(crate) fn loader() -> Result<&'static Loader, LinkedDataError> {
    // That each of them can be read is a test's to hold.
    LOADER
        .as_ref()
        .ok_or_else(|| LinkedDataError::Expansion { reason: "a built-in context is broken".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_that_is_compiled_in_can_be_read() {
        assert_eq!(loader().unwrap().len(), KNOWN.len());
        assert_eq!(WEIGHED.len(), KNOWN.len());
        let credentials = weight("https://www.w3.org/ns/credentials/v2");
        assert!(credentials.terms > 100 && credentials.entered > 10, "{credentials:?}");
    }
}
