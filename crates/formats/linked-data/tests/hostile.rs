//! What is refused before it costs much, and what would be left unsigned.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use legation_keys::json::{self, JsonLimits};
use legation_linked_data::{
    Contexts, LinkedDataError,
    admit::{MAX_CHAIN, MAX_NESTED},
    canonical::MAX_ALIKE,
    canonicalize, check,
};
use serde_json::{Value, json};
use std::time::Instant;

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };

fn canonical(document: &Value) -> Result<String, LinkedDataError> {
    let text = document.to_string();
    canonicalize(&json::parse(text.as_bytes(), LIMITS).unwrap(), Contexts::compiled_in())
}

fn credential(more: Value) -> Value {
    let mut document = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": "did:example:a", "credentialSubject": {"id": "did:example:b"},
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

/// So many blank nodes of which each knows each other in so many ways: nothing tells them apart.
fn clique(size: usize, ways: usize) -> Value {
    let name = |index: usize| format!("_:n{index}");
    let node = |index: usize| {
        let others: Vec<Value> =
            (0..size).filter(|other| *other != index).map(|other| json!({"@id": name(other)})).collect();
        let ways = (0..ways).map(|way| (format!("https://a.example/knows{way}"), json!(others)));
        let mut node: Value = Value::Object(ways.collect());
        node["@id"] = name(index).into();
        node
    };
    json!({"@id": "urn:a:b", "https://a.example/has": (0..size).map(node).collect::<Vec<_>>()})
}

#[test]
fn blank_nodes_that_nothing_tells_apart_are_refused_beyond_a_few() {
    for (size, ways) in [(MAX_ALIKE, 1), (MAX_ALIKE, 3), (5, 30), (4, 200)] {
        assert!(canonical(&clique(size, ways)).is_ok(), "{size} in {ways} ways");
    }
    let started = Instant::now();
    for (size, ways) in [(MAX_ALIKE + 1, 1), (12, 1), (30, 1), (MAX_ALIKE, 5), (MAX_ALIKE, 130), (5, 50)] {
        let refused = canonical(&clique(size, ways)).unwrap_err();
        assert_eq!((refused.code(), size), ("input_too_large", size), "{refused}");
    }
    // The same few in many graphs, which is as many orders as if they were more.
    let graphs = |count: usize| {
        let graph = |_| json!({"@id": "_:a", "ref": ["_:b", "_:c"]});
        let term = json!({"@id": "https://a.example/g", "@container": "@graph"});
        let reference = json!({"@id": "https://a.example/ref", "@type": "@id"});
        let context = json!(["https://www.w3.org/ns/credentials/v2", {"g": term, "ref": reference}]);
        credential(json!({"@context": context, "g": (0..count).map(graph).collect::<Vec<_>>()}))
    };
    assert!(canonical(&graphs(2)).is_ok());
    assert_eq!(canonical(&graphs(20)).unwrap_err().code(), "input_too_large");
    // A minute would be right for one of twelve; this is no measurement.
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn more_statements_than_are_worked_on_are_refused() {
    let many: Vec<Value> = (0..5000).map(|index| json!(format!("https://a.example/{index}"))).collect();
    let refused = canonical(&json!({"@id": "https://a.example/", "https://a.example/p": many})).unwrap_err();
    assert_eq!(refused.code(), "input_too_large", "{refused}");
}

#[test]
fn a_term_that_no_context_defines_is_refused_and_not_left_unsigned() {
    assert!(canonical(&credential(json!({}))).is_ok());
    for more in [
        json!({"favouriteColour": "blue"}),
        json!({"credentialSubject": {"id": "did:example:b", "favouriteColour": "blue"}}),
        json!({"type": ["VerifiableCredential", "FavouriteColour"]}),
    ] {
        let refused = canonical(&credential(more.clone())).unwrap_err();
        assert_eq!(refused.code(), "malformed", "{more}: {refused}");
    }
    let defined = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", {"favouriteColour": "https://a.example/colour"}],
        "favouriteColour": "blue",
    });
    assert!(canonical(&credential(defined)).unwrap().contains("\"blue\""));
}

#[test]
fn a_context_document_that_stands_inline_is_the_context_in_it() {
    let with = |context: Value| {
        let contexts =
            json!({"@context": ["https://www.w3.org/ns/credentials/v2", context], "colour": "blue"});
        canonical(&credential(contexts))
    };
    let context = json!({"colour": "https://a.example/colour"});
    assert_eq!(with(json!({"@context": context})).unwrap(), with(context).unwrap());
    assert!(with(json!({"@context": "https://a.example/context"})).is_err());
}

#[test]
fn a_context_that_is_not_compiled_in_is_never_fetched() {
    for context in ["https://a.example/context", "http://127.0.0.1:1/", "file:///etc/passwd"] {
        let contexts = json!({"@context": ["https://www.w3.org/ns/credentials/v2", context]});
        let refused = canonical(&credential(contexts)).unwrap_err();
        assert_eq!(refused.code(), "malformed", "{context}: {refused}");
    }
}

#[test]
fn a_number_is_the_same_however_it_is_written() {
    let with = |number: &str| {
        let text = format!(r#"{{"@id": "https://a.example/", "https://a.example/n": {number}}}"#);
        canonicalize(&json::parse(text.as_bytes(), LIMITS).unwrap(), Contexts::compiled_in()).unwrap()
    };
    assert_eq!(with("10"), with("10.0"));
    assert_eq!(with("10"), with("1e1"));
    assert_ne!(with("10"), with("10.5"));
}

/// What the library below would panic on.
#[test]
fn an_escape_that_is_no_utf8_is_refused_wherever_it_may_become_an_iri() {
    let ours = "https://www.w3.org/ns/credentials/v2";
    let bent = [
        json!({"id": "urn:a:%ff"}),
        json!({"id": "https://a.example/%E2%82/x"}),
        json!({"id": "https://a.example/?q=%80#%80"}),
        json!({"credentialSubject": {"id": "did:example:%c3"}}),
        json!({"credentialSubject": {"https://a.example/%ff": 1}}),
        json!({"credentialSubject": [{"https://a.example/p": {"id": "urn:a:%fe"}}]}),
        // White space that an IRI may hold.
        json!({"id": "urn:a:\u{3000}%ff"}),
        json!({"credentialSubject": {"https://a.example/\u{a0}%ff": 1}}),
        // Two halves in two places.
        json!({"@context": [ours, {"x": "https://a.example/%"}], "x:ff": 1}),
        json!({"@context": [ours, {"x": "https://a.example/%f"}], "x:f": 1}),
        json!({"@context": [ours, {"x": "https://a.example/%e2%82"}], "x:%ac": 1}),
        json!({"@context": [ours, {"@vocab": "https://a.example/%"}], "ff": {"id": "urn:a:b"}}),
        json!({"@context": [ours, {"@base": "https://a.example/%"}], "id": "ff"}),
        json!({"@context": [ours, {"a": {"@id": "urn:a:b", "@context": {"@vocab": "urn:a:%"}}}], "a": {"ff": {"id": "urn:a"}}}),
    ];
    for more in bent {
        let refused = canonical(&credential(more.clone())).unwrap_err();
        assert!(matches!(refused, LinkedDataError::Escape { .. }), "{more}: {refused}");
    }
    for more in [
        json!({"id": "https://a.example/%E2%82%AC/%25ff?%C3%A9"}),
        json!({"name": "100% of it, or %ff"}),
        json!({"name": "50%"}),
    ] {
        assert!(canonical(&credential(more.clone())).is_ok(), "{more}");
    }
}

/// Whoever signs the JSON signs these with it, so that they may stand there.
#[test]
fn what_says_nothing_in_rdf_may_stand_in_json_that_is_signed() {
    let context = json!(["https://www.w3.org/ns/credentials/v2", {"p": "https://a.example/p"}]);
    for value in [json!(null), json!([]), json!([null]), json!("a\u{fffe}b")] {
        let document = credential(json!({"@context": context, "p": value}));
        assert!(canonical(&document).is_err(), "{value}");
        let text = document.to_string();
        assert_eq!(
            check(&json::parse(text.as_bytes(), LIMITS).unwrap(), Contexts::compiled_in()),
            Ok(()),
            "{value}"
        );
    }
    let undefined = credential(json!({"vip": true})).to_string();
    assert!(check(&json::parse(undefined.as_bytes(), LIMITS).unwrap(), Contexts::compiled_in()).is_err());
}

/// The libraries left out each text in a list, and the types of a node that stands in two places.
#[test]
fn whatever_is_said_is_in_the_canonical_form() {
    let ours = "https://www.w3.org/ns/credentials/v2";
    let terms = json!({
        "p": "https://a.example/p", "list": {"@id": "https://a.example/list", "@container": "@list"},
        "data": {"@id": "https://a.example/data", "@type": "@json"},
        "words": {"@id": "https://a.example/words", "@container": "@language"},
        "T": "https://a.example/T", "U": "https://a.example/U",
    });
    let with =
        |more: Value| canonical(&credential(json!({"@context": [ours, terms], "evidence": more}))).unwrap();
    for (name, one, other) in [
        ("a text in a list", json!({"list": ["a", "b"]}), json!({"list": ["a", "c"]})),
        ("the order of a list", json!({"list": ["a", "b"]}), json!({"list": ["b", "a"]})),
        ("the last of a list", json!({"list": ["a", "b"]}), json!({"list": ["a"]})),
        ("a number in a list", json!({"p": {"@list": [1, 2]}}), json!({"p": {"@list": [1, 3]}})),
        ("a list in a list", json!({"list": [["a"], ["b"]]}), json!({"list": [["a"], ["c"]]})),
        ("a node in a list", json!({"list": [{"p": "a"}]}), json!({"list": [{"p": "b"}]})),
        (
            "the types of a node in two places",
            json!({"p": [{"id": "urn:n:1", "type": "T"}, {"id": "urn:n:1", "type": "U"}]}),
            json!({"p": [{"id": "urn:n:1", "type": "U"}, {"id": "urn:n:1", "type": "U"}]}),
        ),
        ("whether it is a number", json!({"p": 1}), json!({"p": "1"})),
        ("whether it is true", json!({"p": true}), json!({"p": "true"})),
        ("a fraction", json!({"p": 1.5}), json!({"p": 1.25})),
        (
            "a language",
            json!({"p": {"@value": "a", "@language": "en"}}),
            json!({"p": {"@value": "a", "@language": "de"}}),
        ),
        (
            "a word of a language",
            json!({"words": {"en": "a", "de": "b"}}),
            json!({"words": {"en": "a", "de": "c"}}),
        ),
        ("a type", json!({"p": {"@value": "a", "@type": "T"}}), json!({"p": {"@value": "a", "@type": "U"}})),
        ("JSON as it stands", json!({"data": {"a": [1.5]}}), json!({"data": {"a": [2.5]}})),
        (
            "what names whom",
            json!({"p": {"@reverse": {"p": {"id": "urn:n:1"}}}}),
            json!({"p": {"@reverse": {"p": {"id": "urn:n:2"}}}}),
        ),
    ] {
        assert_ne!(with(one), with(other), "{name}");
    }
    assert_eq!(
        with(json!({"p": {"@value": "a", "@language": "de-CH"}})),
        with(json!({"p": {"@value": "a", "@language": "de-ch"}})),
        "in lower case, as others write it"
    );
}

/// What a holder could add to a credential that somebody else signed, and the signature would still fit.
#[test]
fn what_expansion_drops_is_refused_and_not_left_unsigned() {
    let ours = "https://www.w3.org/ns/credentials/v2";
    let with = |context: Value, more: Value| {
        let mut document = credential(more);
        document["@context"] = json!([ours, context]);
        document
    };
    let p = json!({"p": "https://a.example/p", "ref": {"@id": "https://a.example/ref", "@type": "@id"}});
    let subject = |context: Value, more: Value| {
        let mut subject = json!({"id": "did:example:b"});
        subject.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut context = context;
        if context.get("p").is_none() {
            context["p"] = "https://a.example/p".into();
        }
        with(context, json!({"credentialSubject": subject}))
    };
    let graph = json!({"g": {"@id": "https://a.example/g", "@container": "@graph"}});
    for (name, document) in [
        ("a term without a meaning", with(json!({"vip": null}), json!({"vip": true}))),
        ("the same at length", with(json!({"vip": {"@id": null}}), json!({"vip": true}))),
        (
            "the same in a scoped context",
            with(
                json!({"x": {"@id": "https://a.example/x", "@context": {"vip": null}}}),
                json!({"x": {"vip": 1}}),
            ),
        ),
        ("a keyword that is none as a term", with(json!({"vip": "@vip"}), json!({"vip": true}))),
        ("a keyword that is none as a name", with(p.clone(), json!({"@vip": true}))),
        ("a blank node as a name", with(json!({"vip": "_:vip"}), json!({"vip": true}))),
        ("an index", with(p.clone(), json!({"credentialSubject": {"id": "did:example:b", "@index": "vip"}}))),
        (
            "an index by another name",
            with(
                json!({"vip": "@index"}),
                json!({"credentialSubject": {"id": "did:example:b", "vip": "yes"}}),
            ),
        ),
        (
            "names of a container",
            with(
                json!({"vip": {"@id": "https://a.example/vip", "@container": "@index"}}),
                json!({"vip": {"yes": 1}}),
            ),
        ),
        (
            "a graph by another name",
            with(json!({"vip": "@graph"}), json!({"credentialSubject": {"vip": true}})),
        ),
        ("the same at length", with(json!({"vip": {"@id": "@graph"}}), json!({"vip": ["yes"]}))),
        ("a text in a graph", with(p.clone(), json!({"credentialSubject": {"@graph": ["vip"]}}))),
        ("a node beside", with(json!({"vip": "@included"}), json!({"vip": [{"id": "urn:vip:yes"}]}))),
        (
            "an id that is no IRI",
            with(p.clone(), json!({"credentialSubject": {"id": "https://a.example/#a#b"}})),
        ),
        (
            "an id that is no IRI, deeper",
            with(p.clone(), json!({"p": {"id": "https://a.example/[", "p": 1}})),
        ),
        ("a reference that is no IRI", with(p.clone(), json!({"ref": "not an iri"}))),
        ("a reference that leads nowhere", with(p.clone(), json!({"ref": "relative"}))),
        ("a reference like a keyword", with(p.clone(), json!({"ref": "@vip"}))),
        ("an id like a keyword", with(p.clone(), json!({"credentialSubject": {"id": "@vip", "p": 1}}))),
        ("a keyword as an id", with(p.clone(), json!({"credentialSubject": {"id": "@type", "p": 1}}))),
        ("a type like a keyword", with(p.clone(), json!({"type": ["VerifiableCredential", "@vip"]}))),
        (
            "a type that is no IRI",
            with(json!({"@vocab": "https://a.example/"}), json!({"type": ["VerifiableCredential", "a b"]})),
        ),
        ("a term without a name", with(p.clone(), json!({"": 1}))),
        ("a keyword where it means nothing", subject(p.clone(), json!({"@json": {"vip": true}}))),
        ("the same", subject(p.clone(), json!({"@none": "vip"}))),
        ("the same", subject(p.clone(), json!({"@base": "vip"}))),
        ("the same", subject(p.clone(), json!({"@nest": {"p": 1}}))),
        ("the same by another name", subject(json!({"vip": "@none"}), json!({"vip": true}))),
        ("the same by another name", subject(json!({"vip": "@json"}), json!({"vip": {"yes": 1}}))),
        ("the same by another name", subject(json!({"vip": {"@id": "@none"}}), json!({"vip": true}))),
        ("the same by another name", subject(json!({"vip": "@language"}), json!({"vip": "yes"}))),
        ("the same by another name", subject(json!({"vip": "@direction"}), json!({"vip": ["yes"]}))),
        ("the same by another name", subject(json!({"vip": "@list"}), json!({"vip": "yes"}))),
        ("the same by another name", subject(json!({"vip": "@value"}), json!({"p": {"vip": "yes"}}))),
        ("a term that is a nest", subject(json!({"vip": "@nest"}), json!({"vip": {"id": "did:example:b"}}))),
        ("a language of nothing", subject(p.clone(), json!({"p": {"@language": "vip"}}))),
        ("a direction of a node", subject(p.clone(), json!({"@direction": "ltr"}))),
        ("a value that is none", subject(p.clone(), json!({"p": {"@value": null}}))),
        ("a value with something beside", subject(p.clone(), json!({"p": {"@value": 1, "vip": true}}))),
        ("a value that is an object", subject(p.clone(), json!({"p": {"@value": {"vip": true}}}))),
        ("a language that is none", subject(p.clone(), json!({"p": {"@value": "a", "@language": "v i p"}}))),
        ("a list that is none", subject(p.clone(), json!({"p": {"@list": null}}))),
        ("a list with something beside", subject(p.clone(), json!({"p": {"@list": ["a"], "vip": true}}))),
        ("a set that is none", subject(p.clone(), json!({"p": {"@set": null}}))),
        ("null", subject(p.clone(), json!({"p": null}))),
        ("null in an array", subject(p.clone(), json!({"p": ["a", null]}))),
        ("an array of nothing", subject(p.clone(), json!({"p": []}))),
        ("an array of nothing in a set", subject(p.clone(), json!({"p": {"@set": []}}))),
        ("a node of which nothing is said", subject(graph.clone(), json!({"g": {"id": "urn:vip:yes"}}))),
        ("a text in a graph of a term", subject(graph, json!({"g": ["vip"]}))),
        ("a control character in a context", with(json!({"p": "\u{1b}[2J"}), json!({}))),
        (
            "names of objects in a map",
            with(
                json!({"vip": {"@id": "https://a.example/vip", "@container": "@id"}}),
                json!({"vip": {"urn:vip:yes": "a"}}),
            ),
        ),
        ("a node beside in a graph", json!({"@graph": [credential(json!({})), {"@id": "urn:vip:yes"}]})),
        ("a document that says nothing", json!({"@id": "urn:vip:yes"})),
        ("no context", with(Value::Null, json!({}))),
    ] {
        let refused = canonical(&document);
        assert_eq!(refused.map_err(|error| error.code()), Err("malformed"), "{name}");
    }
    // What is a text, and looks like a keyword, is a text.
    let handle = canonical(&with(p, json!({"p": ["@alice", "@type"]}))).unwrap();
    assert!(handle.contains("\"@alice\"") && handle.contains("\"@type\""));
}

#[test]
fn contexts_and_objects_are_bounded_before_they_are_expanded() {
    let ours = "https://www.w3.org/ns/credentials/v2";
    // Each term is defined by the next: one call within the other.
    let chain = move |length: usize, last: Value| {
        let mut terms = serde_json::Map::new();
        for index in 1..length {
            terms.insert(format!("t{index}"), json!(format!("t{}", index + 1)));
        }
        terms.insert(format!("t{length}"), last);
        Value::Object(terms)
    };
    // And in contexts of terms in contexts.
    let nested = move |length: usize| {
        let inner = chain(length, json!("https://a.example/t"));
        (0..MAX_NESTED)
            .fold(inner, |inner, _| chain(length, json!({"@id": "https://a.example/t", "@context": inner})))
    };
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let run = small.spawn(move || {
        let with = |context: Value| canonical(&credential(json!({"@context": [ours, context], "t1": {}})));
        assert!(with(nested(MAX_CHAIN)).is_ok());
        let deepest = json!({"@context": nested(MAX_CHAIN), "t1": {}});
        let property = |index: usize| format!("https://a.example/{index}");
        let deep = (0..18).fold(deepest, |inner, index| json!({property(index): inner}));
        assert_eq!(canonical(&credential(json!({"evidence": deep}))).err(), None);
        let circle = json!({"@id": "t1", "@context": {}});
        let deeper = chain(1, json!({"@id": "https://a.example/t", "@context": nested(1)}));
        [nested(MAX_CHAIN + 1), deeper, chain(1000, circle), chain(50_000, json!("https://a.example/t"))]
            .map(|context| with(context).unwrap_err().code())
    });
    assert_eq!(run.unwrap().join().unwrap(), ["input_too_large"; 4]);
    let contexts: Vec<Value> = (0..300).map(|_| json!({"@context": ours})).collect();
    let nodes: Vec<Value> = (0..5000).map(|_| json!({})).collect();
    for more in [json!({"evidence": contexts}), json!({"evidence": nodes})] {
        assert_eq!(canonical(&credential(more)).unwrap_err().code(), "input_too_large");
    }
}

#[test]
fn what_the_libraries_panic_on_is_refused() {
    let ours = "https://www.w3.org/ns/credentials/v2";
    let prefix = json!({"@context": [ours, {"a": {"@id": null, "@prefix": true}}]});
    assert_eq!(canonical(&credential(prefix)).unwrap_err().code(), "malformed");
}
