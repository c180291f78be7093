//! How much work the contexts of a document make, counted before any of it is done.
//!
//! A processor works out a context anew wherever the document enters it: where it stands, at each object of a type
//! that has a context of its own, at each value of a property that has one. Each time it copies all the terms that hold there,
//! and once more for each context within that one. Bytes say little of it: two thousand objects of two letters may each
//! enter a context of a thousand terms.
//!
//! What is counted is never less than what is done: any text that is called as a term with a context of its own counts as
//! a type, and a term that several contexts define counts as the heaviest of them.

use crate::{LinkedDataError, contexts::Contexts};
use legation_keys::json::{Json, Object};
use std::collections::{HashMap, HashSet};

/// Most steps of one document. A step is the copy of a term, some fifth of a microsecond; a term that is defined counts as
/// several. A presentation of 64 ordinary credentials takes a third of it. The worst input found takes a quarter of a second of
/// one core, built for release, as `tests/work.rs` measures.
pub const MAX_WORK: usize = 1_500_000;
/// Steps of a definition of a term, by what it costs beside a copy.
const DEFINED: usize = 16;

/// What one context weighs, all contexts within it included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Terms that are defined.
    pub(crate) terms: usize,
    /// Contexts that are entered, each of which copies the terms that hold there.
    pub(crate) entered: usize,
}

impl Weight {
    fn plus(self, other: Self) -> Self {
        Self {
            terms: self.terms.saturating_add(other.terms),
            entered: self.entered.saturating_add(other.entered),
        }
    }

    /// Steps of working it out where so many terms hold.
    fn steps(self, held: usize) -> usize {
        // With the terms that hold, those of the context around a type's are copied, too.
        let copied = self.entered.saturating_mul(2).saturating_mul(held);
        copied.saturating_add(self.terms.saturating_mul(DEFINED))
    }
}

/// The terms that have a context of their own, each with the heaviest that it has anywhere.
pub(crate) type Scoped<'j> = HashMap<&'j str, Weight>;

/// What a context weighs, and the terms in it that have one of their own.
pub(crate) fn weigh<'j>(context: &'j Json<'_>, scoped: &mut Scoped<'j>, contexts: &Contexts) -> Weight {
    match context {
        Json::Array(all) => {
            all.iter().fold(Weight::default(), |weight, one| weight.plus(weigh(one, scoped, contexts)))
        }
        Json::String(url) => contexts.weight(url).plus(Weight { terms: 0, entered: 1 }),
        Json::Object(object) => {
            let mut weight = Weight { terms: object.len(), entered: 1 };
            for (name, definition) in object.iter() {
                // A whole context document that stands inline is what is in it, and `@import` names a context.
                let inner = match (name, definition) {
                    ("@context", inner) | ("@import", inner @ Json::String(_)) => Some(inner),
                    (_, definition) => definition.get("@context"),
                };
                if let Some(inner) = inner {
                    let own = weigh(inner, scoped, contexts);
                    if !name.starts_with('@') {
                        let heaviest = scoped.entry(name).or_default();
                        if heaviest.steps(1) < own.steps(1) {
                            *heaviest = own;
                        }
                    }
                    weight = weight.plus(own);
                }
            }
            weight
        }
        _ => Weight { terms: 0, entered: 1 },
    }
}

/// How many steps the contexts of a document take, at most.
///
/// ```
/// use legation_keys::json::{JsonLimits, parse};
/// let limits = JsonLimits { bytes: 1000, depth: 8 };
/// let one = parse(br#"{"@context": {"T": {"@id": "urn:t:t", "@context": {"a": "urn:a:a"}}}, "type": "T"}"#, limits)?;
/// let two = parse(br#"{"@context": {"T": {"@id": "urn:t:t", "@context": {"a": "urn:a:a"}}}, "type": ["T", "T"]}"#, limits)?;
/// let contexts = legation_linked_data::Contexts::compiled_in();
/// assert!(legation_linked_data::work(&one, contexts) < legation_linked_data::work(&two, contexts));
/// # Ok::<(), legation_keys::json::JsonError>(())
/// ```
#[must_use]
pub fn work(document: &Json<'_>, contexts: &Contexts) -> usize {
    let mut found = Found::default();
    found.contexts(document, contexts);
    let named: HashSet<&str> = found.urls.iter().copied().filter(|url| contexts.is_known(url)).collect();
    for url in &named {
        for (name, weight) in contexts.scoped(url) {
            let heaviest = found.scoped.entry(name).or_default();
            if heaviest.steps(1) < weight.steps(1) {
                *heaviest = *weight;
            }
        }
    }
    // A context that is named again holds no further terms.
    let terms = named.iter().map(|url| contexts.weight(url).terms).sum::<usize>();
    let held = terms.saturating_add(found.inline_terms).max(1);
    let standing = found.standing.steps(held);
    standing.saturating_add(entered(document, &found.scoped, held))
}

/// Refuses a document whose contexts take too long.
pub(crate) fn check(document: &Json<'_>, contexts: &Contexts) -> Result<(), LinkedDataError> {
    let (found, what) =
        (work(document, contexts), "steps to work its contexts out, counted wherever they are entered");
    match found > MAX_WORK {
        true => Err(LinkedDataError::TooLarge { what, found, most: MAX_WORK }),
        false => Ok(()),
    }
}

/// The contexts of a document.
#[derive(Default)]
struct Found<'j> {
    /// All that stand in it, together.
    standing: Weight,
    scoped: Scoped<'j>,
    /// The contexts that are named, in others as well.
    urls: HashSet<&'j str>,
    /// The terms of those that stand inline.
    inline_terms: usize,
}

impl<'j> Found<'j> {
    fn contexts(&mut self, json: &'j Json<'_>, contexts: &Contexts) {
        match json {
            Json::Array(all) => all.iter().for_each(|one| self.contexts(one, contexts)),
            Json::Object(object) => object.iter().for_each(|(name, value)| match name {
                "@context" => {
                    self.standing = self.standing.plus(weigh(value, &mut self.scoped, contexts));
                    self.names(value);
                }
                _ => self.contexts(value, contexts),
            }),
            _ => {}
        }
    }

    /// What is named in a context at any depth, and its own terms.
    fn names(&mut self, context: &'j Json<'_>) {
        match context {
            Json::String(text) => {
                self.urls.insert(text);
            }
            Json::Array(all) => all.iter().for_each(|one| self.names(one)),
            Json::Object(object) => {
                self.inline_terms += object.len();
                object.iter().for_each(|(_, value)| self.names(value));
            }
            _ => {}
        }
    }
}

/// The steps of the contexts of types and properties, wherever a document enters them.
fn entered(json: &Json<'_>, scoped: &Scoped<'_>, held: usize) -> usize {
    match json {
        Json::String(text) => scoped.get(text.as_ref()).map_or(0, |weight| weight.steps(held)),
        Json::Array(all) => all.iter().fold(0, |sum, one| sum.saturating_add(entered(one, scoped, held))),
        Json::Object(object) => {
            // What held before a type's context holds again in each object within.
            let again = if scoped.is_empty() { 0 } else { held };
            object.iter().filter(|(name, _)| *name != "@context").fold(again, |sum, (name, value)| {
                let by_name =
                    scoped.get(name).map_or(0, |weight| weight.steps(held).saturating_mul(values(value)));
                sum.saturating_add(by_name).saturating_add(entered(value, scoped, held))
            })
        }
        _ => 0,
    }
}

/// How many values a property has, each of which is expanded by itself.
fn values(json: &Json<'_>) -> usize {
    match json {
        Json::Array(all) => all.iter().map(values).sum(),
        Json::Object(object) => 1 + keywords(object),
        _ => 1,
    }
}

/// Values of a property that stand in one, under a keyword: in a list or a set.
fn keywords(object: &Object<'_>) -> usize {
    let inner = |name: &str| name.starts_with('@') && !matches!(name, "@context" | "@id" | "@type");
    object.iter().filter(|(name, _)| inner(name)).map(|(_, value)| values(value)).sum()
}
