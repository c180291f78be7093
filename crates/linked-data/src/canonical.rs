//! A JSON-LD document as canonical N-Quads (RDF Dataset Canonicalization 1.0), within bounds.

use crate::{
    LinkedDataError,
    admit::{self, Signed},
    contexts, rdf,
};
use core::fmt::Display;
use futures::FutureExt;
use iref::IriBuf;
use json_syntax::{Parse, Value};
use legation_keys::{jcs, json::Json};
use ssi_json_ld::{
    BlankIdBuf, Context, Expand, ExpandedDocument,
    context_processing::{self, algorithm::Action},
    expansion::{self, Options, Policy},
    warning,
};
use ssi_rdf::{
    LexicalQuad,
    urdna2015::{
        BlankNodeComponents, IdentifierIssuer, NormalizationState, hash_first_degree_quads, normalize,
    },
    vocabulary::no_vocabulary_mut,
};
use std::{collections::BTreeMap, thread};

/// Most statements of one document.
pub const MAX_QUADS: usize = 4096;
/// Most blank nodes of one document that look alike as far as their own statements go. To tell them apart takes
/// up to as many steps as they have orders (RDFC 1.0 §7.1): 720 of six, half a million of nine.
pub const MAX_ALIKE: usize = 6;

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
pub fn canonicalize(document: &Json<'_>) -> Result<String, LinkedDataError> {
    apart(document, Signed::AsRdf, |document, keyword_like| {
        let quads = statements(document, keyword_like)?;
        check_texts(&quads)?;
        let alike = alike(&quads);
        if alike > MAX_ALIKE {
            return Err(LinkedDataError::TooLarge {
                what: "blank nodes alike",
                found: alike,
                most: MAX_ALIKE,
            });
        }
        Ok(normalize(quads.iter().map(LexicalQuad::as_lexical_quad_ref)).into_nquads())
    })
}

/// Checks that a document says something in RDF wherever it says something in JSON, for whoever signs its JSON.
///
/// # Errors
/// [`LinkedDataError`], as [`canonicalize`] but for what only a canonical form can't have.
pub fn check(document: &Json<'_>) -> Result<(), LinkedDataError> {
    apart(document, Signed::AsJson, |document, keyword_like| statements(document, keyword_like).map(drop))
}

/// Does something with a document that is admitted, on a thread of its own.
fn apart<T: Send>(
    document: &Json<'_>,
    signed: Signed,
    work: impl FnOnce(&Json<'_>, &[&str]) -> Result<T, LinkedDataError> + Send,
) -> Result<T, LinkedDataError> {
    let keyword_like = admit::check(document, signed)?;
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(STACK);
        let worker = worker.spawn_scoped(scope, || work(document, &keyword_like));
        let worker = worker.map_err(|error| not_understood(format!("no room to work it out: {error}")))?;
        worker.join().unwrap_or_else(|_| Err(not_understood("what its terms stand for can't be worked out")))
    })
}

fn statements(document: &Json<'_>, keyword_like: &[&str]) -> Result<Vec<LexicalQuad>, LinkedDataError> {
    // By the canonical JSON a number has one text, which its RDF literal is made of.
    let (mut value, _) = Value::parse_str(&jcs::canonicalize(document)).map_err(not_understood)?;
    unwrap_contexts(&mut value);
    let quads = rdf::quads(&expand(&value)?)?;
    if quads.len() > MAX_QUADS {
        return Err(LinkedDataError::TooLarge { what: "statements", found: quads.len(), most: MAX_QUADS });
    }
    check_said(&quads, keyword_like)?;
    Ok(quads)
}

/// No text has a character that canonical N-Quads escape and the library does not (RDFC 1.0 §5.2, canonical N-Quads).
fn check_texts(quads: &[LexicalQuad]) -> Result<(), LinkedDataError> {
    let unescaped = |one: &char| {
        let known = matches!(one, '\n' | '\r');
        (one.is_ascii_control() && !known) || matches!(one, '\u{fffe}' | '\u{ffff}')
    };
    let texts = quads.iter().filter_map(|quad| quad.2.as_literal());
    match texts.flat_map(|literal| literal.value.chars()).find(unescaped) {
        Some(one) => Err(LinkedDataError::Character { found: one }),
        None => Ok(()),
    }
}

/// Expands a document (JSON-LD 1.1 API §5.1). What other processors warn of is an error here: all of it is dropped.
fn expand(value: &Value) -> Result<ExpandedDocument<IriBuf, BlankIdBuf>, LinkedDataError> {
    let policy = Policy { invalid: Action::Reject, allow_undefined: false, ..Policy::default() };
    let options = Options { policy, ..Options::default() };
    let mut warnings = Warnings::default();
    let (loader, context) = (contexts::loader()?, Context::default());
    // Every context is at hand, so that nothing is waited for.
    let expanded = value
        .expand_full(no_vocabulary_mut(), context, None, loader, options, &mut warnings)
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
fn check_said(quads: &[LexicalQuad], keyword_like: &[&str]) -> Result<(), LinkedDataError> {
    // How often each is written and not said; in one pass, since a stranger chooses how many there are.
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for text in keyword_like {
        *missing.entry(text).or_default() += 1;
    }
    for literal in quads.iter().filter_map(|quad| quad.2.as_literal()) {
        if let Some(left) = missing.get_mut(literal.value.as_str()) {
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

/// How many blank nodes share the hash of their own statements with another one.
fn alike(quads: &[LexicalQuad]) -> usize {
    let mut state = NormalizationState {
        blank_node_to_quads: BTreeMap::new(),
        hash_to_blank_nodes: BTreeMap::new(),
        canonical_issuer: IdentifierIssuer::new("_:c14n".to_owned()),
    };
    for quad in quads.iter().map(LexicalQuad::as_lexical_quad_ref) {
        for node in quad.blank_node_components() {
            state.blank_node_to_quads.entry(node).or_default().push(quad);
        }
    }
    let nodes: Vec<_> = state.blank_node_to_quads.keys().copied().collect();
    let mut of_hash: BTreeMap<String, usize> = BTreeMap::new();
    for node in nodes {
        *of_hash.entry(hash_first_degree_quads(&mut state, node)).or_default() += 1;
    }
    of_hash.into_values().filter(|count| *count > 1).sum()
}
