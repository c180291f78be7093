//! Entries found by the index are those that are found by reading all of them, whatever became of the index.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_keys::{Algorithm, SecretKey, Signer};
use legation_log::{
    Checkpoint, NoteKey, Reader, Writer,
    entry::{self, Head, Kind, Leaf},
    find::Query,
    hidden::Disclosure,
    index::{self, Index, IndexError},
    note,
};
use std::{fs, path::Path};

struct Log {
    folder: tempfile::TempDir,
    secret: SecretKey,
    key: NoteKey,
    leaves: Vec<Leaf>,
    erased: bool,
}

/// A receipt: of one of seven agents, below one of three links, with one of four codes.
fn receipt(number: i64) -> Leaf {
    let head = Head { at: 1_764_000_000 + number, kind: Kind::Receipt, of: None, seq: number + 1 };
    let (agent, link) = (number % 7, number % 3);
    let code = ["", "not_granted", "budget_exceeded", "link_revoked"][usize::try_from(number % 4).unwrap()];
    let decision = if code.is_empty() { "permit" } else { "deny" };
    let text = format!(
        r#"{{"agent":"did:web:acme.example:bot{agent}","chain":["root","link{link}"],"code":"{code}","decision":"{decision}","principal":"did:web:acme.example","request":{{"action":"a","facts":{{}},"resource":"https://x.example/{}/{number}"}}}}"#,
        number % 5
    );
    entry::receipt(&head, text.as_bytes(), &[7; 32]).unwrap()
}

impl Log {
    fn new() -> Self {
        let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let key = NoteKey::new("acme.example/log/1", note::Kind::Text, secret.public_key()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), secret, key, leaves: Vec::new(), erased: false }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn grow(&mut self, leaves: impl Iterator<Item = Leaf>) {
        let mut writer = Writer::open(self.path(), self.key.clone()).unwrap();
        for leaf in leaves {
            writer.append(&leaf.bytes).unwrap();
            self.leaves.push(leaf);
        }
        let sign = |next: &Checkpoint| {
            self.key.sign(&next.text(), 0, &self.secret).map(|line| format!("{}\n{line}", next.text()))
        };
        writer.publish(sign).unwrap();
    }

    fn shown(&self, index: u64) -> Vec<Disclosure> {
        let shown = self.leaves[usize::try_from(index).unwrap()].disclosures.clone();
        if self.erased { Vec::new() } else { shown }
    }

    fn search(&self, query: &Query, last: usize) -> (u64, Vec<u64>) {
        let mut reader = Reader::new(self.path(), self.leaves.len().try_into().unwrap());
        let mut index = Index::open(self.path(), &mut reader).unwrap();
        index.update(&mut reader, &mut |at| Ok::<_, IndexError>(self.shown(at))).unwrap();
        assert_eq!(index.size(), reader.size());
        index.search(query, last).unwrap()
    }

    fn read(&self, query: &Query) -> Vec<u64> {
        let all = (0_u64..).zip(&self.leaves);
        all.filter_map(|(at, leaf)| query.find(at, &leaf.bytes, || self.shown(at)))
            .map(|one| one.index)
            .collect()
    }

    fn agrees(&self) {
        let text = |text: &str| Some(text.to_owned());
        let all = Query::default();
        for query in [
            all.clone(),
            Query { agent: text("did:web:acme.example:bot3"), ..all.clone() },
            Query { agent: text("did:web:acme.example:bot"), ..all.clone() },
            Query { principal: text("did:web:acme.example"), code: text("deny"), ..all.clone() },
            Query { code: text("budget_exceeded"), delegation: text("link1"), ..all.clone() },
            Query { delegation: text("link"), ..all.clone() },
            Query {
                delegation: text("root"),
                from: Some(1_764_000_100),
                to: Some(1_764_000_200),
                ..all.clone()
            },
            Query { resource: text("https://x.example/2/"), code: text("permit"), ..all.clone() },
            Query { resource: text("https://x.example/2/17"), ..all.clone() },
            Query { code: text("agent.added"), ..all.clone() },
            Query { agent: text("did:web:nobody.example"), ..all },
        ] {
            let expected = self.read(&query);
            let (count, found) = self.search(&query, 1_000_000);
            assert_eq!((count, &found), (u64::try_from(expected.len()).unwrap(), &expected), "{query:?}");
            let last = expected[expected.len().saturating_sub(3)..].to_vec();
            assert_eq!(self.search(&query, 3).1, last, "the latest: {query:?}");
        }
    }
}

fn event(seq: i64, kind: &str) -> Leaf {
    let event = entry::Event { kind, subject: "bot", actor: "owner", data: "{}", previous: [0; 32] };
    Leaf { bytes: entry::event(seq, 1_764_000_050, &event), disclosures: Vec::new() }
}

#[test]
fn what_the_index_finds_is_what_reading_finds_while_the_log_grows_and_whatever_became_of_the_index() {
    let mut log = Log::new();
    log.grow((0..300).map(receipt).chain([event(1, "agent.added")]));
    log.agrees();
    log.grow((300..700).map(receipt));
    log.agrees();
    let folder = log.path().join(index::FOLDER);
    // Cut, emptied, gone, garbage, of another log: it is made anew.
    for file in ["rows", "words", "head"] {
        let whole = fs::read(folder.join(file)).unwrap();
        fs::write(folder.join(file), &whole[..whole.len() / 2]).unwrap();
        log.agrees();
        fs::write(folder.join(file), "").unwrap();
        log.agrees();
        fs::remove_file(folder.join(file)).unwrap();
        log.agrees();
    }
    fs::write(folder.join("head"), [0xff; 100]).unwrap();
    log.agrees();
    let mut other = Log::new();
    other.grow((1000..1700).map(receipt));
    other.agrees();
    for file in ["rows", "words", "head"] {
        fs::copy(other.path().join(index::FOLDER).join(file), folder.join(file)).unwrap();
    }
    log.agrees();
    index::remove(log.path()).unwrap();
    log.agrees();
    // What a process that died wrote behind what holds.
    for file in ["rows", "words"] {
        let mut whole = fs::read(folder.join(file)).unwrap();
        whole.extend([7; 100]);
        fs::write(folder.join(file), whole).unwrap();
    }
    log.grow((700..710).map(receipt));
    log.agrees();
}

#[test]
fn what_was_erased_does_not_stay_in_an_index_once_the_log_says_so() {
    let mut log = Log::new();
    log.grow((0..40).map(receipt));
    let query = Query { resource: Some("https://x.example/".to_owned()), ..Query::default() };
    assert_eq!(log.search(&query, 9).0, 40);
    let words = log.path().join(index::FOLDER).join("words");
    let holds = || String::from_utf8_lossy(&fs::read(&words).unwrap()).contains("x.example/");
    assert!(holds());
    log.erased = true;
    log.grow([event(1, "receipts.erased")].into_iter());
    assert_eq!(log.search(&query, 9).0, 0);
    assert!(!holds(), "it was made anew");
    log.grow((40..50).map(receipt));
    assert_eq!(log.search(&Query { code: Some("deny".to_owned()), ..Query::default() }, 1).0, 37);
}
