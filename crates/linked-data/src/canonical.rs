//! A JSON-LD document as canonical N-Quads (RDF Dataset Canonicalization 1.0), within bounds.

use crate::{LinkedDataError, contexts, escapes};
use futures::FutureExt;
use json_syntax::{Parse, Value};
use legation_keys::{jcs, json::Json};
use ssi_json_ld::{CompactJsonLd, Expandable};
use ssi_rdf::{
    AnyLdEnvironment, LdEnvironment, LexicalQuad,
    urdna2015::{
        BlankNodeComponents, IdentifierIssuer, NormalizationState, hash_first_degree_quads, normalize,
    },
};
use std::collections::BTreeMap;

/// Most statements of one document.
pub const MAX_QUADS: usize = 4096;
/// Most blank nodes of one document that look alike as far as their own statements go. To tell them apart takes
/// up to as many steps as they have orders (RDFC 1.0 §7.1): 720 of six, half a million of nine.
pub const MAX_ALIKE: usize = 6;

/// The canonical N-Quads of a document, each line ending in a line break. Terms that no context defines are
/// refused, so that nothing of the document is left unsigned.
///
/// # Errors
/// [`LinkedDataError`].
pub fn canonicalize(document: &Json<'_>) -> Result<String, LinkedDataError> {
    escapes::check(document)?;
    // By the canonical JSON a number has one text, which its RDF literal is made of.
    let (mut value, _) = Value::parse_str(&jcs::canonicalize(document)).map_err(expansion)?;
    unwrap_contexts(&mut value);
    let mut environment = LdEnvironment::default();
    // Every context is at hand, so that nothing is waited for.
    let expanded = CompactJsonLd(value).expand_with(&mut environment, contexts::loader()?).now_or_never();
    let expanded = expanded.ok_or_else(|| expansion("a context is not at hand"))?.map_err(expansion)?;
    let quads = environment.quads_of(&expanded).map_err(expansion)?;
    if quads.len() > MAX_QUADS {
        return Err(LinkedDataError::TooLarge { what: "statements", found: quads.len(), most: MAX_QUADS });
    }
    let alike = alike(&quads);
    if alike > MAX_ALIKE {
        return Err(LinkedDataError::TooLarge { what: "blank nodes alike", found: alike, most: MAX_ALIKE });
    }
    Ok(normalize(quads.iter().map(LexicalQuad::as_lexical_quad_ref)).into_nquads())
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

fn expansion(error: impl ToString) -> LinkedDataError {
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
