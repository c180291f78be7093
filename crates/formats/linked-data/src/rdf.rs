//! RDF out of expanded JSON-LD (JSON-LD 1.1 API §8.1, §8.2). What can't be said is an error here: the libraries below leave it
//! out, as they do with each value in a list, and nobody would have signed it.

use crate::LinkedDataError;
use iref::{Iri, IriBuf};
use json_syntax::Print as _;
use legation_keys::{
    jcs,
    json::{self, JsonLimits},
};
use sophia_api::{
    MownStr,
    quad::Spog,
    term::{BnodeId, IriRef, LanguageTag, SimpleTerm},
};
use ssi_json_ld::{
    BlankIdBuf, ExpandedDocument, Id, Node, Object, ValidId, Value,
    object::{List, Literal as Scalar},
    rdf::{
        RDF_FIRST, RDF_JSON, RDF_NIL, RDF_REST, RDF_TYPE, XSD_BOOLEAN, XSD_DOUBLE, XSD_INTEGER, XSD_STRING,
    },
};
use std::collections::{HashMap, HashSet};

type Expanded = ExpandedDocument<IriBuf, BlankIdBuf>;
type Term = SimpleTerm<'static>;

/// The statements of a document, each once, and two IRIs that are escaped differently are two.
pub(crate) type Statements = HashSet<Spog<Term>>;

/// The statements of a document, each once.
///
/// # Errors
/// [`LinkedDataError`] for whatever has no statement.
pub(crate) fn statements(document: &Expanded) -> Result<Statements, LinkedDataError> {
    if document.is_empty() {
        return Err(dropped("a node of which nothing is said"));
    }
    let mut writer = Writer::default();
    document.iter().try_for_each(|object| writer.free(object.inner(), None))?;
    Ok(writer.said)
}

#[derive(Default)]
struct Writer {
    said: Statements,
    /// What each blank node of the document is called.
    labels: HashMap<BlankIdBuf, Term>,
    blanks: usize,
}

impl Writer {
    /// An object that is no property's.
    fn free(
        &mut self,
        object: &Object<IriBuf, BlankIdBuf>,
        graph: Option<&Term>,
    ) -> Result<(), LinkedDataError> {
        match object {
            Object::Node(node) if !node.is_empty() => self.node(node, graph).map(drop),
            Object::Node(_) => Err(dropped("a node of which nothing is said")),
            Object::Value(_) | Object::List(_) => Err(dropped("a value that is no property's")),
        }
    }

    /// What a node says (§8.1.3), and its name.
    fn node(
        &mut self,
        node: &Node<IriBuf, BlankIdBuf>,
        graph: Option<&Term>,
    ) -> Result<Term, LinkedDataError> {
        let subject = match &node.id {
            Some(id) => self.id(id)?,
            None => self.blank(),
        };
        for kind in node.types() {
            let kind = self.id(kind)?;
            self.say(&subject, RDF_TYPE, kind, graph);
        }
        for included in node.included().into_iter().flatten() {
            self.node(included.inner(), graph)?;
        }
        if node.graph().is_some_and(|graph| graph.is_empty()) {
            return Err(dropped("a graph in which nothing is said"));
        }
        for object in node.graph().into_iter().flatten() {
            self.free(object.inner(), Some(&subject))?;
        }
        for (property, objects) in node.properties() {
            let property = property_iri(property)?;
            for object in objects {
                let object = self.object(object.inner(), graph)?;
                self.say(&subject, property, object, graph);
            }
        }
        for (property, subjects) in node.reverse_properties().into_iter().flatten() {
            let property = property_iri(property)?;
            for other in subjects {
                let other = self.node(other.inner(), graph)?;
                self.say(&other, property, subject.clone(), graph);
            }
        }
        Ok(subject)
    }

    /// What stands for an object (§8.2.1).
    fn object(
        &mut self,
        object: &Object<IriBuf, BlankIdBuf>,
        graph: Option<&Term>,
    ) -> Result<Term, LinkedDataError> {
        match object {
            Object::Node(node) => self.node(node, graph),
            Object::List(list) => self.list(list, graph),
            Object::Value(value) => literal(value),
        }
    }

    /// The head of a list (§8.2.2).
    fn list(
        &mut self,
        list: &List<IriBuf, BlankIdBuf>,
        graph: Option<&Term>,
    ) -> Result<Term, LinkedDataError> {
        let mut head = iri(RDF_NIL);
        for item in list.iter().rev() {
            let (cell, first) = (self.blank(), self.object(item.inner(), graph)?);
            self.say(&cell, RDF_FIRST, first, graph);
            self.say(&cell, RDF_REST, head, graph);
            head = cell;
        }
        Ok(head)
    }

    fn say(&mut self, subject: &Term, property: &Iri, object: Term, graph: Option<&Term>) {
        self.said.insert(([subject.clone(), iri(property), object], graph.cloned()));
    }

    /// The name of a node: its own, or one of ours where it is blank.
    fn id(&mut self, id: &Id<IriBuf, BlankIdBuf>) -> Result<Term, LinkedDataError> {
        match id {
            Id::Valid(ValidId::Iri(own)) => Ok(iri(own)),
            Id::Valid(ValidId::Blank(label)) => {
                if let Some(known) = self.labels.get(label) {
                    return Ok(known.clone());
                }
                let own = self.blank();
                self.labels.insert(label.clone(), own.clone());
                Ok(own)
            }
            Id::Invalid(text) => Err(not_an_iri(text)),
        }
    }

    fn blank(&mut self) -> Term {
        self.blanks += 1;
        Term::BlankNode(BnodeId::new_unchecked(format!("b{}", self.blanks).into()))
    }
}

fn iri(iri: &Iri) -> Term {
    Term::Iri(reference(iri))
}

fn reference(iri: &Iri) -> IriRef<MownStr<'static>> {
    IriRef::new_unchecked(iri.as_str().to_owned().into())
}

fn property_iri(property: &Id<IriBuf, BlankIdBuf>) -> Result<&Iri, LinkedDataError> {
    match property {
        Id::Valid(ValidId::Iri(iri)) => Ok(iri),
        Id::Valid(ValidId::Blank(label)) => Err(dropped(label.as_str())),
        Id::Invalid(text) => Err(not_an_iri(text)),
    }
}

/// A value as a literal (§8.2.1). A direction has none, as `rdfDirection` is not set.
fn literal(value: &Value<IriBuf>) -> Result<Term, LinkedDataError> {
    match value {
        Value::Json(json) => {
            let text = json.compact_print().to_string();
            let json = json::parse(text.as_bytes(), JsonLimits { bytes: text.len(), depth: 100 });
            let text = jcs::canonicalize(&json.map_err(|error| dropped(&error.to_string()))?);
            Ok(typed(text, RDF_JSON))
        }
        Value::LangString(said) => {
            let (text, language, _) = said.parts();
            match language {
                None => Ok(typed(text.to_owned(), XSD_STRING)),
                Some(tag) => {
                    // In lower case, as other processors write it (JSON-LD 1.1 §9.5 lets them).
                    let known = tag.as_well_formed().ok_or_else(|| dropped(tag.as_str()))?;
                    let known = LanguageTag::new_unchecked(known.as_str().to_ascii_lowercase().into());
                    Ok(Term::LiteralLanguage(text.to_owned().into(), known, None))
                }
            }
        }
        Value::Literal(scalar, kind) => {
            let kind = kind.as_deref();
            Ok(match scalar {
                Scalar::Null => return Err(dropped("`@value` null")),
                Scalar::Boolean(value) => typed(value.to_string(), kind.unwrap_or(XSD_BOOLEAN)),
                Scalar::String(text) => typed(text.to_string(), kind.unwrap_or(XSD_STRING)),
                Scalar::Number(number) => number_literal(number.as_str(), kind)?,
            })
        }
    }
}

/// A number (§8.2.1, steps 9 and 10): whole ones as they are, others as doubles. Its text is that of canonical JSON.
fn number_literal(text: &str, kind: Option<&Iri>) -> Result<Term, LinkedDataError> {
    let whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if whole && kind != Some(XSD_DOUBLE) {
        return Ok(typed(text.to_owned(), kind.unwrap_or(XSD_INTEGER)));
    }
    let value: f64 = text.parse().map_err(|_| dropped(text))?;
    Ok(typed(canonical_double(value), kind.unwrap_or(XSD_DOUBLE)))
}

/// The canonical form of a double (§8.6): fifteen digits after the point, of which zeros at the end but one are left out.
fn canonical_double(value: f64) -> String {
    let text = format!("{value:.15E}");
    let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let digits = digits.trim_end_matches('0');
    let zero = if digits.ends_with('.') { "0" } else { "" };
    format!("{digits}{zero}E{exponent}")
}

fn typed(text: String, kind: &Iri) -> Term {
    Term::LiteralDatatype(text.into(), reference(kind))
}

fn dropped(found: &str) -> LinkedDataError {
    LinkedDataError::Dropped { found: found.chars().take(120).collect(), place: "a document" }
}

fn not_an_iri(text: &str) -> LinkedDataError {
    // A data URL may be as long as what it holds.
    let found: String = text.chars().take(120).collect();
    LinkedDataError::Expansion { reason: format!("`{found}` is no IRI") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_xml_schema_has_them() {
        for (text, expected) in [
            ("1.5", "1.5E0"),
            ("0", "0.0E0"),
            ("-0.1", "-1.0E-1"),
            ("1e-7", "1.0E-7"),
            ("1e+21", "1.0E21"),
            ("123456789.25", "1.2345678925E8"),
            ("0.30000000000000004", "3.0E-1"),
            ("5e-324", "4.940656458412465E-324"),
            ("1.7976931348623157e+308", "1.797693134862316E308"),
        ] {
            let value: f64 = text.parse().unwrap();
            assert_eq!(canonical_double(value), expected, "{text}");
        }
    }
}
