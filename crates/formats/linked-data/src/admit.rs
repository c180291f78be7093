//! What a document may hold before anything of it is expanded: how much, and nothing that would be dropped in silence
//! or that the libraries below do not expect.
//!
//! RDF has no place for some of what JSON-LD reads: a term that is defined as `null`, a name that looks like a keyword
//! and is none, an `@index`, a keyword where it means nothing, `null` itself and an array of nothing. All of it vanishes
//! in expansion, so that anybody could add it to what others signed, and their signature would still fit. Here it is
//! refused: the last two only of what is signed as RDF, since others write them and sign them with the rest.

use crate::{LinkedDataError, contexts::Contexts, work};
use legation_keys::json::{Json, Object};
use std::collections::HashMap;

/// Most objects of one document.
pub const MAX_OBJECTS: usize = 4096;
/// Most contexts of one document, those inside of it included: of 64 credentials in a presentation each has some. Each is
/// processed whole.
pub const MAX_CONTEXTS: usize = 256;
/// Most members of the contexts that stand inline.
pub const MAX_TERMS: usize = 1024;
/// Most members of one context that is handed over: vocabularies of hundreds of terms take some thousands.
pub const MAX_GIVEN_TERMS: usize = 8192;
/// Most terms that are defined by one another in turn, since they are worked out by one call within the other: a prefix,
/// a term and a keyword's other name are three.
pub const MAX_CHAIN: usize = 8;

/// How deep contexts of terms may stand in contexts, since the calls that read them stand in one another, too.
pub const MAX_NESTED: usize = 4;

/// The keywords of JSON-LD 1.1 (§1.7, §9.15).
const KEYWORDS: [&str; 25] = [
    "@base",
    "@container",
    "@context",
    "@default",
    "@direction",
    "@graph",
    "@id",
    "@import",
    "@included",
    "@index",
    "@json",
    "@language",
    "@list",
    "@nest",
    "@none",
    "@null",
    "@prefix",
    "@propagate",
    "@protected",
    "@reverse",
    "@set",
    "@type",
    "@value",
    "@version",
    "@vocab",
];
/// The members of a context that may be `null`: they undo what a context before said, and drop nothing.
const NULLABLE: [&str; 4] = ["@base", "@direction", "@language", "@vocab"];

/// The keywords that may be names in a document, where they mean something. Of others what they name is left out, or, as of
/// `@graph` and `@included`, nodes of which nothing is said.
const NAMES: [&str; 9] =
    ["@context", "@direction", "@id", "@language", "@list", "@reverse", "@set", "@type", "@value"];
/// The keywords that a term may be another name of. By another name, the rest would look like a claim.
const ALIASED: [&str; 2] = ["@id", "@type"];

/// What signs a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// A signature over its RDF.
    AsRdf,
    /// One over the JSON.
    AsJson,
}

/// Looks at a whole document, and gives the texts of it that look like keywords. They are dropped where an identifier
/// is expected, and are as good as any other where a text is: which of both is known after expansion.
///
/// # Errors
/// [`LinkedDataError::TooLarge`], [`LinkedDataError::Dropped`], [`LinkedDataError::Escape`].
pub(crate) fn check<'j>(
    document: &'j Json<'_>,
    signed: Signed,
    contexts: &Contexts,
) -> Result<Vec<&'j str>, LinkedDataError> {
    let mut walk = Walk::new(signed, MAX_TERMS);
    walk.body(document)?;
    work::check(document, contexts)?;
    Ok(walk.keyword_like)
}

/// Looks at a context that is handed over: nothing of a document that names it may be dropped, either.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_context(context: &Json<'_>) -> Result<(), LinkedDataError> {
    Walk::new(Signed::AsRdf, MAX_GIVEN_TERMS).context(context, 0)
}

struct Walk<'j> {
    signed: Signed,
    most_terms: usize,
    objects: usize,
    contexts: usize,
    terms: usize,
    keyword_like: Vec<&'j str>,
}

impl<'j> Walk<'j> {
    fn new(signed: Signed, most_terms: usize) -> Self {
        Self { signed, most_terms, objects: 0, contexts: 0, terms: 0, keyword_like: Vec::new() }
    }

    fn body(&mut self, json: &'j Json<'_>) -> Result<(), LinkedDataError> {
        match json {
            Json::String(text) => {
                if is_keyword_like(text) {
                    self.keyword_like.push(text);
                }
                check_escapes(text, false)
            }
            Json::Null if self.signed == Signed::AsRdf => Err(dropped("null", "a document")),
            Json::Array(all) if all.is_empty() && self.signed == Signed::AsRdf => {
                Err(dropped("[]", "a document"))
            }
            Json::Array(all) => all.iter().try_for_each(|one| self.body(one)),
            Json::Object(object) => {
                count(&mut self.objects, 1, MAX_OBJECTS, "objects")?;
                check_shape(object)?;
                object.iter().try_for_each(|(name, value)| {
                    if is_keyword_like(name) && !NAMES.contains(&name) {
                        return Err(dropped(name, "a document"));
                    }
                    check_escapes(name, false)?;
                    match (name, value) {
                        ("@context", _) => self.context(value, 0),
                        ("@type", Json::String(text)) if text == "@json" => Ok(()),
                        // An empty list is one, and not nothing.
                        ("@list", Json::Array(all)) if all.is_empty() => Ok(()),
                        _ => self.body(value),
                    }
                })
            }
            _ => Ok(()),
        }
    }

    /// A context, or an array of them, which stands in so many others.
    fn context(&mut self, json: &'j Json<'_>, depth: usize) -> Result<(), LinkedDataError> {
        if let Json::Array(all) = json {
            return all.iter().try_for_each(|one| self.context(one, depth));
        }
        count(&mut self.contexts, 1, MAX_CONTEXTS, "contexts")?;
        count(&mut 0, depth, MAX_NESTED, "contexts in one another")?;
        self.definitions(json, depth)
    }

    fn definitions(&mut self, json: &'j Json<'_>, depth: usize) -> Result<(), LinkedDataError> {
        match json {
            Json::Null => Err(dropped("null", "a context")),
            Json::String(text) => {
                if is_keyword_like(text) {
                    check_name(text)?;
                }
                check_printable(text)?;
                check_escapes(text, true)
            }
            Json::Array(all) => all.iter().try_for_each(|one| self.definitions(one, depth)),
            Json::Object(object) => {
                count(&mut self.terms, object.len(), self.most_terms, "terms of contexts")?;
                check_chains(object)?;
                object.iter().try_for_each(|(name, value)| {
                    check_name(name)?;
                    check_printable(name)?;
                    check_escapes(name, true)?;
                    match (name, value) {
                        (name, Json::Null) if NULLABLE.contains(&name) => Ok(()),
                        ("@nest", _) => Err(dropped(name, "a context")),
                        ("@container", _) => check_container(value),
                        (name, Json::String(text)) if is_alias(name, text) => Err(dropped(text, "a context")),
                        ("@context", _) => self.context(value, depth + 1),
                        _ => self.definitions(value, depth),
                    }
                })
            }
            _ => Ok(()),
        }
    }
}

/// No term of a context is defined by too many others in turn, be it in a circle.
fn check_chains(context: &Object<'_>) -> Result<(), LinkedDataError> {
    let places: HashMap<&str, usize> =
        context.iter().enumerate().map(|(place, (name, _))| (name, place)).collect();
    let place = |text: &str| places.get(text).copied();
    let prefix = |text: &str| text.split_once(':').and_then(|(prefix, _)| place(prefix));
    let needed = context.iter().map(|(name, value)| {
        let members = value.as_object().into_iter().flat_map(Object::iter).map(|(_, value)| value);
        let texts = members.chain([value]).filter_map(Json::as_str);
        texts.flat_map(|text| [place(text), prefix(text)]).chain([prefix(name)]).flatten().collect()
    });
    let needed: Vec<Vec<usize>> = needed.collect();
    // Which terms begin a chain, of one more each time.
    let mut long = vec![true; needed.len()];
    for _ in 0..MAX_CHAIN {
        let is_long = |needed: &Vec<usize>| needed.iter().any(|place| long.get(*place) == Some(&true));
        long = needed.iter().map(is_long).collect();
    }
    let (what, found) = ("terms and more that are defined by one another", MAX_CHAIN + 1);
    match long.contains(&true) {
        true => Err(LinkedDataError::TooLarge { what, found, most: MAX_CHAIN }),
        false => Ok(()),
    }
}

fn count(counter: &mut usize, more: usize, most: usize, what: &'static str) -> Result<(), LinkedDataError> {
    *counter += more;
    match *counter > most {
        true => Err(LinkedDataError::TooLarge { what, found: *counter, most }),
        false => Ok(()),
    }
}

/// An object with a keyword that says what kind of object it is has no other members, which would be left out, and no
/// `null` in its place (JSON-LD 1.1 §9.5 to §9.7).
fn check_shape(object: &Object<'_>) -> Result<(), LinkedDataError> {
    let others = |allowed: &[&str]| match object.iter().find(|(name, _)| !allowed.contains(name)) {
        Some((name, _)) => Err(dropped(name, "a value")),
        None => Ok(()),
    };
    let text = |name: &str| match object.get(name) {
        None | Some(Json::String(_)) => Ok(()),
        Some(other) => Err(dropped(other.kind(), "a value")),
    };
    if let Some(value) = object.get("@value") {
        others(&["@value", "@type", "@language", "@direction"])?;
        ["@type", "@language", "@direction"].into_iter().try_for_each(text)?;
        let is_json = object.get("@type").and_then(Json::as_str) == Some("@json");
        return match value {
            Json::Null | Json::Array(_) | Json::Object(_) if !is_json => {
                Err(dropped(value.kind(), "a value"))
            }
            _ => Ok(()),
        };
    }
    if let Some(name) = ["@language", "@direction"].into_iter().find(|name| object.get(name).is_some()) {
        return Err(dropped(name, "an object without a value"));
    }
    match ["@list", "@set"].into_iter().find_map(|name| Some((name, object.get(name)?))) {
        Some((name, Json::Null)) => Err(dropped("null", if name == "@list" { "a list" } else { "a set" })),
        Some((name, _)) => others(&[name]),
        None => Ok(()),
    }
}

/// A container is one whose members all have a place in what is signed: names of objects in a map may have none.
fn check_container(json: &Json<'_>) -> Result<(), LinkedDataError> {
    let all = json.as_array().unwrap_or_else(|| core::slice::from_ref(json));
    let known = |one: &Json<'_>| matches!(one.as_str(), Some("@graph" | "@language" | "@list" | "@set"));
    match all.iter().find(|one| !known(one)) {
        Some(other) => Err(dropped(other.as_str().unwrap_or(other.kind()), "a context's container")),
        None => Ok(()),
    }
}

/// Whether this member of a context or of a term makes the term another name of a keyword that may have none.
fn is_alias(member: &str, text: &str) -> bool {
    member != "@type" && KEYWORDS.contains(&text) && !ALIASED.contains(&text)
}

/// A name that looks like a keyword is one, and not the one whose value is no part of the RDF.
fn check_name(name: &str) -> Result<(), LinkedDataError> {
    let known = KEYWORDS.contains(&name) && name != "@index";
    if known || !is_keyword_like(name) { Ok(()) } else { Err(dropped(name, "a document")) }
}

fn dropped(found: &str, place: &'static str) -> LinkedDataError {
    LinkedDataError::Dropped { found: found.chars().take(120).collect(), place }
}

/// `@` and letters (JSON-LD 1.1 §9.2): what no processor takes for a term or an identifier.
fn is_keyword_like(text: &str) -> bool {
    text.strip_prefix('@')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// Every text that may become an IRI, or a part of one, has escapes that stand for UTF-8: the IRI library hashes IRIs by
/// what their escapes stand for, takes that to be UTF-8 and panics where it is not, which RFC 3987 §3.2 allows.
///
/// Which texts those are is known only after expansion. A text with a space is none; of any other, a name and a value
/// alike, the escapes have to be UTF-8 by themselves, so that those of what is put together of them are. In a context,
/// whose texts are the beginnings of others, they also have to be `whole`.
fn check_escapes(text: &str, whole: bool) -> Result<(), LinkedDataError> {
    // Other white space than that of ASCII may stand in an IRI (RFC 3987 §2.2, `ucschar`).
    if !text.contains('%') || text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Ok(());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut fits = true;
    while let Some((byte, after)) = rest.split_first() {
        let escape = (*byte == b'%').then(|| after.split_first_chunk::<2>()).flatten();
        match escape.and_then(|(digits, after)| Some((octet(*digits)?, after))) {
            Some((octet, after)) => {
                decoded.push(octet);
                rest = after;
            }
            None => {
                fits &= *byte != b'%' || !whole;
                decoded.push(*byte);
                rest = after;
            }
        }
    }
    match fits && String::from_utf8(decoded).is_ok() {
        true => Ok(()),
        false => Err(LinkedDataError::Escape { found: text.chars().take(120).collect() }),
    }
}

/// The library prints what it takes for no IRI in a context of a term, for whoever looks at the process's errors.
fn check_printable(text: &str) -> Result<(), LinkedDataError> {
    match text.find(char::is_control) {
        Some(_) => Err(dropped("a control character", "a context")),
        None => Ok(()),
    }
}

fn octet([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
