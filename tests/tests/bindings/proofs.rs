//! Proofs of entries of a log, what each proves natively, and what of them is decided again.

use legation_did::{Did, Document, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_log::{
    Checkpoint, NoteKey, about,
    bundle::Bundle,
    entry::{self, Head, Leaf},
    note::Kind,
    replay::{Replay, Replayed},
    tree::leaf_hash,
};
use legation_tests::{Vector, load};
use legation_verifier::{MemoryLedger, authorize, receipt, verify};
use serde_json::{Value, json};

const AT: i64 = 1_795_262_400;

/// The receipt of a permitted case of the corpus.
fn permitted(name: &str) -> (Vec<u8>, Vector) {
    let vector = load(&legation_tests::directory().join(format!("{name}.json"))).unwrap();
    let step = vector.steps.first().unwrap();
    let presentation = step.read(&vector.trust).unwrap();
    let chain = verify(&presentation, &vector.trust, &vector.evidence, &step.nonce, step.now).unwrap();
    let request = step.request.as_ref().unwrap().to_request().unwrap();
    let permit = authorize(&chain, &request, step.now).into_permit().unwrap();
    let committed = MemoryLedger::new().commit(permit, step.now).unwrap();
    (receipt::of_permit(&committed, &chain, &vector.trust), vector)
}

struct Log {
    organization: Did,
    signer: SecretKey,
    key: SecretKey,
}

impl Log {
    fn document(&self) -> Document {
        web::document(&self.organization, &[self.signer.public_key().clone()])
    }

    /// The proof of the one entry of a log.
    fn bundle(&self, leaf: &Leaf) -> Bundle {
        let name = format!("{}/log/main", self.organization.method_specific_id());
        let key = NoteKey::new(&name, Kind::Text, self.key.public_key()).unwrap();
        let checkpoint = Checkpoint { origin: name, size: 1, root: leaf_hash(&leaf.bytes) };
        let text = checkpoint.text();
        let note = format!("{text}\n{}", key.sign(&text, 0, &self.key).unwrap());
        let statement = about::statement(&self.organization, &key, AT);
        let key_id = method_id(&self.organization, self.signer.public_key());
        Bundle {
            leaf: String::from_utf8(leaf.bytes.clone()).unwrap(),
            shown: leaf.disclosures.clone(),
            about: about::sign(&statement, &key_id, &self.signer).unwrap(),
            document: self.document().to_json().to_string(),
            index: 0,
            proof: Vec::new(),
            note,
        }
    }
}

/// What comes of a proof natively, by the same steps.
fn expected(bundle: &Bundle, document: &Document) -> Value {
    let said = match about::verify(&bundle.about, document) {
        Ok(said) => said,
        Err(error) => return json!({"code": error.code()}),
    };
    let proved = match bundle.verify(&said.key) {
        Ok(proved) => proved,
        Err(error) => return json!({"code": error.code()}),
    };
    let (replayed, _) = Replay::default().entry(bundle.index, bundle.leaf.as_bytes(), &bundle.shown).unwrap();
    let (word, recorded, now) = match replayed {
        Replayed::Same => ("same", None, None),
        Replayed::Different { recorded, now } => ("different", Some(recorded), Some(now)),
        Replayed::Erased => ("erased", None, None),
        Replayed::Beyond => ("beyond", None, None),
    };
    json!({
        "organization": said.organization.as_str(), "kind": proved.head.kind.name(), "seq": proved.head.seq,
        "size": proved.checkpoint.size, "replay": word, "recorded": recorded, "now": now,
    })
}

/// Proofs that hold, and each in a way that does not.
pub(super) fn proofs() -> Vec<Value> {
    let generate = || SecretKey::generate(Algorithm::EdDsa).unwrap();
    let log =
        Log { organization: "did:web:shop.example".parse().unwrap(), signer: generate(), key: generate() };
    let other = Log { organization: log.organization.clone(), signer: generate(), key: generate() };
    let head = Head { at: AT, kind: entry::Kind::Receipt, of: None, seq: 7 };
    let mut all = Vec::new();
    let mut add = |name: &str, bundle: &Bundle, document: Option<&Document>| {
        let by = document.cloned().unwrap_or_else(|| log.document());
        let document = document.map(|document| document.to_json().to_string());
        all.push(json!({
            "name": name, "proof": bundle.write(), "document": document, "expect": expected(bundle, &by),
        }));
    };
    for name in ["argument-equal", "argument-max-tightened", "spend-in-the-second-of-two-currencies"] {
        let (text, _) = permitted(name);
        let leaf = entry::receipt(&head, &text, &[7; 32]).unwrap();
        let bundle = log.bundle(&leaf);
        add(name, &bundle, None);
        add(&format!("{name}, by a document"), &bundle, Some(&log.document()));
        add(&format!("{name}, by another's document"), &bundle, Some(&other.document()));
        add(&format!("{name}, with nothing shown"), &Bundle { shown: Vec::new(), ..bundle.clone() }, None);
        let changed = bundle.leaf.replacen("permit", "permit ", 1);
        add(&format!("{name}, changed"), &Bundle { leaf: changed, ..bundle.clone() }, None);
        add(&format!("{name}, elsewhere"), &Bundle { index: 1, ..bundle.clone() }, None);
        add(&format!("{name}, of another log"), &Bundle { note: other.bundle(&leaf).note, ..bundle }, None);
        // Recorded otherwise than its authority decides.
        let mut lied: Value = serde_json::from_slice(&text).unwrap();
        lied["request"]["action"] = "a2a:skill:never-granted".into();
        let leaf = entry::receipt(&head, lied.to_string().as_bytes(), &[7; 32]).unwrap();
        add(&format!("{name}, decided otherwise"), &log.bundle(&leaf), None);
    }
    // Each is there for what comes of it natively.
    for (name, expected) in [
        ("argument-equal", json!("same")),
        (", by a document", json!("same")),
        (", by another's document", Value::Null),
        (", with nothing shown", json!("erased")),
        (", changed", Value::Null),
        (", elsewhere", Value::Null),
        (", of another log", Value::Null),
        (", decided otherwise", json!("different")),
    ] {
        let mut of_it = all.iter().filter(|one| one["name"].as_str().unwrap().ends_with(name)).peekable();
        assert!(of_it.peek().is_some(), "no proof `{name}`");
        for one in of_it {
            assert_eq!(one["expect"]["replay"], expected, "{}", one["name"]);
            assert_eq!(one["expect"]["code"].is_string(), expected.is_null(), "{}", one["name"]);
        }
    }
    all
}
