//! A JSON-LD document as canonical N-Quads (RDF Dataset Canonicalization 1.0), within bounds.

use crate::{
    LinkedDataError,
    admit::{self, Signed},
    contexts::Contexts,
    rdf::{self, Statements},
};
use core::fmt::Display;
use futures::FutureExt;
use iref::IriBuf;
use json_syntax::{Parse, Value};
use legation_keys::{jcs, json::Json};
use sophia_api::term::SimpleTerm;
use sophia_c14n::{C14nError, rdfc10};
use ssi_json_ld::{
    BlankIdBuf, Context, Expand, ExpandedDocument,
    context_processing::{self, algorithm::Action},
    expansion::{self, Options, Policy},
    warning,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    thread,
};

/// Most statements of one document.
pub const MAX_QUADS: usize = 4096;
/// Most blank nodes of one document that look alike as far as their own statements go. To tell them apart takes
/// up to as many steps as they have orders (RDFC 1.0 §7.1): 720 of six, half a million of nine.
pub const MAX_ALIKE: usize = 6;
/// Most steps for that, roughly: statements of those that look alike, times their orders. Some one microsecond each.
pub const MAX_STEPS: usize = 200_000;

/// Bytes of the stack that a document is worked on with. The libraries below call themselves for each object within
/// another and each term that another defines; what [`admit`] lets through needs three megabytes in a build for
/// debugging. On a thread of its own their panic is an error, too: they are large, and what they do not expect of a
/// stranger's document is that document's fault.
const STACK: usize = 16 << 20;

/// The canonical N-Quads of a document, each line ending in a line break. What would be dropped is refused, such as a term
/// that no context defines or an identifier that is none, so that nothing of the document is left unsigned.
///
/// # Errors
/// [`LinkedDataError`].
pub fn canonicalize(document: &Json<'_>, contexts: &Contexts) -> Result<String, LinkedDataError> {
    apart(document, Signed::AsRdf, contexts, |document, keyword_like| {
        let said = statements(document, keyword_like, contexts)?;
        check_texts(&said)?;
        check_alike(&said)?;
        let mut text = Vec::new();
        rdfc10::normalize(&said, &mut text).map_err(|error| match error {
            // The same few may name one another in many graphs.
            C14nError::ToxicGraph(_) => too_many_alike(MAX_ALIKE + 1),
            other => not_understood(other),
        })?;
        String::from_utf8(text).map_err(not_understood)
    })
}

/// Checks that a document says something in RDF wherever it says something in JSON, for whoever signs its JSON.
///
/// # Errors
/// [`LinkedDataError`], as [`canonicalize`] but for what only a canonical form can't have.
pub fn check(document: &Json<'_>, contexts: &Contexts) -> Result<(), LinkedDataError> {
    apart(document, Signed::AsJson, contexts, |document, keyword_like| {
        statements(document, keyword_like, contexts).map(drop)
    })
}

/// Does something with a document that is admitted, on a thread of its own.
fn apart<T: Send>(
    document: &Json<'_>,
    signed: Signed,
    contexts: &Contexts,
    work: impl FnOnce(&Json<'_>, &[&str]) -> Result<T, LinkedDataError> + Send,
) -> Result<T, LinkedDataError> {
    let keyword_like = admit::check(document, signed, contexts)?;
    let worked = thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(STACK);
        let worker = worker.spawn_scoped(scope, || work(document, &keyword_like));
        let worker = worker.map_err(|error| not_understood(format!("no room to work it out: {error}")))?;
        worker.join().unwrap_or_else(|_| Err(not_understood("what its terms stand for can't be worked out")))
    });
    // Said as it is, where that is what it failed for. What stands in a JSON literal needs no context to be known.
    let unknown = || document.as_object().and_then(|object| contexts.unknown(object));
    worked.map_err(|error| match unknown() {
        Some(url) if matches!(error, LinkedDataError::Expansion { .. }) => {
            LinkedDataError::Context { url: url.chars().take(200).collect() }
        }
        _ => error,
    })
}

fn statements(
    document: &Json<'_>,
    keyword_like: &[&str],
    contexts: &Contexts,
) -> Result<Statements, LinkedDataError> {
    // By the canonical JSON a number has one text, which its RDF literal is made of.
    let (mut value, _) = Value::parse_str(&jcs::canonicalize(document)).map_err(not_understood)?;
    unwrap_contexts(&mut value);
    let said = rdf::statements(&expand(&value, contexts)?)?;
    if said.len() > MAX_QUADS {
        return Err(LinkedDataError::TooLarge { what: "statements", found: said.len(), most: MAX_QUADS });
    }
    check_said(&said, keyword_like)?;
    Ok(said)
}

/// No text has one of the two characters that XML has not, which canonical N-Quads escape (RDF 1.2 N-Quads §3), and the
/// library does not.
fn check_texts(said: &Statements) -> Result<(), LinkedDataError> {
    let unescaped = |one: &char| matches!(one, '\u{fffe}' | '\u{ffff}');
    match texts(said).flat_map(str::chars).find(unescaped) {
        Some(found) => Err(LinkedDataError::Character { found }),
        None => Ok(()),
    }
}

/// The texts of all literals.
fn texts(said: &Statements) -> impl Iterator<Item = &str> {
    said.iter().filter_map(|([_, _, object], _)| match object {
        SimpleTerm::LiteralDatatype(text, _) | SimpleTerm::LiteralLanguage(text, _, _) => Some(&**text),
        _ => None,
    })
}

/// Expands a document (JSON-LD 1.1 API §5.1). What other processors warn of is an error here: all of it is dropped.
fn expand(
    value: &Value,
    contexts: &Contexts,
) -> Result<ExpandedDocument<IriBuf, BlankIdBuf>, LinkedDataError> {
    let policy = Policy { invalid: Action::Reject, allow_undefined: false, ..Policy::default() };
    let options = Options { policy, ..Options::default() };
    let mut warnings = Warnings::default();
    let (loader, context) = (contexts.loader(), Context::default());
    // Every context is at hand, so that nothing is waited for.
    let expanded = value
        .expand_full(&mut (), context, None, loader, options, &mut warnings)
        .now_or_never()
        .ok_or_else(|| not_understood("a context is not at hand"))?
        .map_err(not_understood)?;
    if let Some(warning) = warnings.0 {
        return Err(not_understood(warning));
    }
    Ok(expanded)
}

/// The first warning of an expansion. Those of the contexts are none of a document's: terms are tried out there.
#[derive(Default)]
struct Warnings(Option<String>);

impl<N, B: Display> warning::Handler<N, expansion::Warning<B>> for Warnings {
    fn handle(&mut self, _: &N, warning: expansion::Warning<B>) {
        // Names are tried out before the context that defines them is looked at; what stays no IRI is found below.
        if !matches!(warning, expansion::Warning::MalformedIri(_)) {
            self.0.get_or_insert_with(|| warning.to_string());
        }
    }
}

impl<N> warning::Handler<N, context_processing::Warning> for Warnings {
    fn handle(&mut self, _: &N, _: context_processing::Warning) {}
}

/// Each text that looks like a keyword is said as a text, and was not dropped as an identifier that is none.
fn check_said(said: &Statements, keyword_like: &[&str]) -> Result<(), LinkedDataError> {
    // How often each is written and not said; in one pass, since a stranger chooses how many there are.
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for text in keyword_like {
        *missing.entry(text).or_default() += 1;
    }
    for text in texts(said) {
        if let Some(left) = missing.get_mut(text) {
            *left = left.saturating_sub(1);
        }
    }
    match missing.into_iter().find(|(_, left)| *left > 0) {
        None => Ok(()),
        Some((text, _)) => {
            Err(LinkedDataError::Dropped { found: text.chars().take(120).collect(), place: "a document" })
        }
    }
}

/// A context that stands inline as a whole context document, `{"@context": {…}}`, is what is in it. JSON-LD 1.1 §9.15
/// has no such context, but the JavaScript processor reads it so, and issuers write it.
fn unwrap_contexts(document: &mut Value) {
    let contexts =
        document.as_object_mut().and_then(|object| object.get_unique_mut("@context").ok().flatten());
    let Some(Value::Array(contexts)) = contexts else { return };
    for context in contexts {
        let inner = match context.as_object() {
            Some(object) if object.len() == 1 => object.get_unique("@context").ok().flatten().cloned(),
            _ => None,
        };
        if let Some(inner) = inner {
            *context = inner;
        }
    }
}

fn not_understood(error: impl ToString) -> LinkedDataError {
    LinkedDataError::Expansion { reason: error.to_string().chars().take(300).collect() }
}

/// Not too many blank nodes are the same as far as their own statements go (RDFC 1.0 §4.6, whose hashes these texts
/// stand for).
fn check_alike(said: &Statements) -> Result<(), LinkedDataError> {
    let mut own: HashMap<&str, Vec<String>> = HashMap::new();
    for (spo, graph) in said {
        let terms = || spo.iter().chain(graph);
        let labels = terms().filter_map(|term| match term {
            SimpleTerm::BlankNode(label) => Some(label.as_str()),
            _ => None,
        });
        let mut seen = HashSet::new();
        for label in labels {
            // Some count such a statement once for the node, some twice (RDFC 1.0 §4.4.3, step 2.1).
            if !seen.insert(label) {
                return Err(not_understood("a node without an identifier names itself"));
            }
            let as_seen = terms().map(|term| match term {
                SimpleTerm::BlankNode(other) if other.as_str() == label => "_:a".to_owned(),
                SimpleTerm::BlankNode(_) => "_:z".to_owned(),
                other => format!("{other:?}"),
            });
            own.entry(label).or_default().push(as_seen.collect::<Vec<_>>().join(" "));
        }
    }
    let mut alike: HashMap<Vec<String>, usize> = HashMap::new();
    for mut statements in own.into_values() {
        statements.sort_unstable();
        *alike.entry(statements).or_default() += 1;
    }
    alike.retain(|_, count| *count > 1);
    let found = alike.values().sum();
    if found > MAX_ALIKE {
        return Err(too_many_alike(found));
    }
    let statements: usize = alike.iter().map(|(statements, count)| statements.len() * count).sum();
    let (what, steps) = ("steps to tell blank nodes apart", statements * (1..=found).product::<usize>());
    match steps > MAX_STEPS {
        true => Err(LinkedDataError::TooLarge { what, found: steps, most: MAX_STEPS }),
        false => Ok(()),
    }
}

fn too_many_alike(found: usize) -> LinkedDataError {
    LinkedDataError::TooLarge { what: "blank nodes alike", found, most: MAX_ALIKE }
}
