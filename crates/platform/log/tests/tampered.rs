//! What somebody could do to a log, an export or a proof, and that it is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use legation_keys::{Algorithm, SecretKey, Signer};
use legation_log::{
    Checkpoint, NoteKey, Reader, Writer,
    audit::Report,
    bundle::Bundle,
    entry::{self, Head, Kind, Leaf},
    export::{Export, Header, write_attached, write_end, write_entry},
    note,
    policy::Policy,
    proof::{Nodes, consistency, inclusion, subtrees},
    reader::checkpoint,
    verify::{self, Asked, WITNESSED},
    witness::{AddCheckpoint, cosignatures},
};
use std::{fs, path::Path};

const ORIGIN: &str = "acme.example/log/2026";
const NOW: i64 = 1_764_000_000;

struct Key(SecretKey, NoteKey);

fn key_of(name: &str, kind: note::Kind) -> Key {
    let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let key = NoteKey::new(name, kind, secret.public_key()).unwrap();
    Key(secret, key)
}

fn sign(key: &Key, next: &Checkpoint) -> String {
    format!("{}\n{}", next.text(), key.1.sign(&next.text(), 0, &key.0).unwrap())
}

/// Entry after entry, as an organization has them: events that name one another, receipts, settlements.
fn leaves(count: i64) -> Vec<Leaf> {
    let mut previous = [0; 32];
    let mut all = Vec::new();
    for number in 0..count {
        let at = NOW + number;
        if number % 5 == 0 {
            let event = entry::Event {
                kind: "agent.added",
                subject: "bot",
                actor: "owner",
                data: "{\"team\":\"a\"}",
                previous,
            };
            let bytes = entry::event(number / 5 + 1, at, &event);
            let (head, read) = entry::read(0, &bytes).map(|(head, read)| (head, read.clone())).unwrap();
            previous = legation_log::audit::digest_of_event(&head, &read).unwrap();
            all.push(Leaf { bytes, disclosures: Vec::new() });
        } else {
            let seq = number - number / 5;
            let head = Head { at, kind: Kind::Receipt, of: None, seq };
            let text = format!(
                r#"{{"agent":"did:web:acme.example:bot","decision":"permit","request":{{"action":"a","facts":{{"n":{number}}},"resource":"https://x.example/{number}"}}}}"#
            );
            all.push(entry::receipt(&head, text.as_bytes(), &[7; 32]).unwrap());
        }
    }
    all
}

fn write(folder: &Path, key: &Key, leaves: &[Leaf]) {
    let mut writer = Writer::open(folder, key.1.clone()).unwrap();
    for leaf in leaves.iter().skip(usize::try_from(writer.size()).unwrap()) {
        writer.append(&leaf.bytes).unwrap();
    }
    writer.publish(|next| Ok::<_, String>(sign(key, next))).unwrap();
}

fn asked(key: &Key) -> Asked {
    Asked { key: key.1.clone(), policy: Policy::of(Vec::new(), 0), against: Vec::new(), most_back: 60 }
}

/// The codes of all alarms, or why there was nothing to verify.
fn codes(folder: &Path, asked: &Asked) -> Vec<String> {
    match verify::folder(folder, asked, &mut |_, _, _| ()) {
        Ok(verified) => told(&verified.report),
        Err(error) => vec![error.code().to_owned()],
    }
}

fn told(report: &Report) -> Vec<String> {
    let mut codes: Vec<String> = report.alarms.iter().map(|alarm| alarm.code().to_owned()).collect();
    codes.dedup();
    codes
}

fn head(folder: &Path, key: &Key) -> Checkpoint {
    Checkpoint::open(&checkpoint(folder).unwrap(), &key.1).unwrap()
}

#[test]
fn a_bit_that_is_flipped_anywhere_is_told() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    write(folder.path(), &key, &leaves(300));
    assert_eq!(codes(folder.path(), &asked(&key)), Vec::<String>::new());
    for file in ["checkpoint", "tile/entries/000", "tile/entries/001.p/44"] {
        let path = folder.path().join(file);
        let whole = fs::read(&path).unwrap();
        for place in (0..whole.len()).step_by(if whole.len() > 1000 { 211 } else { 1 }) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, &bytes).unwrap();
            assert_ne!(codes(folder.path(), &asked(&key)), Vec::<String>::new(), "{file} at {place}");
        }
        // Torn and grown.
        for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_ne!(codes(folder.path(), &asked(&key)), Vec::<String>::new(), "{file} cut at {cut}");
        }
        fs::write(&path, &whole).unwrap();
    }
    fs::remove_file(folder.path().join("tile/entries/000")).unwrap();
    assert_eq!(codes(folder.path(), &asked(&key)), ["tile_missing", "log_cut"]);
}

/// Whoever has the key writes the log anew: signatures hold, and the order tells.
#[test]
fn an_entry_that_is_dropped_swapped_doubled_or_dated_back_is_told_though_the_log_signs_it() {
    let key = key_of(ORIGIN, note::Kind::Text);
    let of = |change: &dyn Fn(&mut Vec<Leaf>)| {
        let folder = tempfile::tempdir().unwrap();
        let mut all = leaves(40);
        change(&mut all);
        write(folder.path(), &key, &all);
        codes(folder.path(), &asked(&key))
    };
    assert_eq!(of(&|_| ()), Vec::<String>::new());
    assert_eq!(of(&|all| drop(all.remove(7))), ["entry_missing"]);
    // An event: its number, and the digest in the next one.
    assert_eq!(of(&|all| drop(all.remove(5))), ["entry_missing", "event_changed"]);
    assert_eq!(of(&|all| all.swap(7, 8)), ["entry_missing"]);
    assert_eq!(of(&|all| all.insert(7, all[7].clone())), ["entry_missing"]);
    let back = |seconds: i64| {
        move |all: &mut Vec<Leaf>| {
            let head = Head { at: NOW + 22 - seconds, kind: Kind::Receipt, of: None, seq: 18 };
            all[22] = entry::receipt(&head, b"{}", &[1; 32]).unwrap();
        }
    };
    assert_eq!(of(&back(59)), Vec::<String>::new(), "clocks of several processes differ");
    assert_eq!(of(&back(3600)), ["time_set_back"]);
    assert_eq!(of(&|all| all[3].bytes = b"{\"at\":1}".to_vec()), ["entry_malformed", "entry_missing"]);
    let event = entry::Event { kind: "x", subject: "x", actor: "x", data: "{}", previous: [9; 32] };
    assert_eq!(of(&|all| all[10].bytes = entry::event(3, NOW + 10, &event)), ["event_changed"]);
}

#[test]
fn another_history_that_was_shown_to_somebody_else_and_a_log_that_was_cut_and_continued_are_told() {
    let key = key_of(ORIGIN, note::Kind::Text);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(one.path(), &key, &leaves(30));
    let seen = head(one.path(), &key);
    let mut second = leaves(50);
    second[4] = entry::receipt(&Head { at: NOW + 4, kind: Kind::Receipt, of: None, seq: 4 }, b"{}", &[1; 32])
        .unwrap();
    write(other.path(), &key, &second);
    let with =
        |against: &Checkpoint| Asked { against: vec![(against.clone(), "theirs".to_owned())], ..asked(&key) };
    assert_eq!(codes(other.path(), &asked(&key)), Vec::<String>::new(), "by itself it is a log");
    assert_eq!(codes(other.path(), &with(&seen)), ["log_changed"]);
    write(one.path(), &key, &leaves(45));
    assert_eq!(codes(one.path(), &with(&seen)), Vec::<String>::new());
    let seen = head(one.path(), &key);
    let cut = tempfile::tempdir().unwrap();
    write(cut.path(), &key, &leaves(20));
    assert_eq!(codes(cut.path(), &with(&seen)), ["log_cut"]);
}

#[test]
fn a_checkpoint_of_another_log_or_key_is_not_taken() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    write(folder.path(), &key, &leaves(3));
    let stranger = key_of(ORIGIN, note::Kind::Text);
    assert_eq!(codes(folder.path(), &asked(&stranger)), ["checkpoint_unsigned"]);
    let elsewhere = NoteKey::new("acme.example/log/2027", note::Kind::Text, key.0.public_key()).unwrap();
    assert_eq!(codes(folder.path(), &Asked { key: elsewhere, ..asked(&key) }), ["origin_mismatch"]);
    // A witness's key signs no checkpoint, though it is the same key.
    let witness = NoteKey::new(ORIGIN, note::Kind::Cosignature, key.0.public_key()).unwrap();
    assert_eq!(codes(folder.path(), &Asked { key: witness, ..asked(&key) }), ["origin_mismatch"]);
}

/// An export of entries `from..to` of a log.
fn export(folder: &Path, key: &Key, leaves: &[Leaf], (from, to): (u64, u64)) -> Vec<u8> {
    let size = head(folder, key).size;
    let mut reader = Reader::new(folder, size);
    let mut nodes =
        |from, to| subtrees(from, to).map(|(level, index)| reader.node(level, index).unwrap()).collect();
    let header = Header {
        about: String::new(),
        document: String::new(),
        note: checkpoint(folder).unwrap(),
        witnessed: None,
        first: from,
        entries: to - from,
        left: nodes(0, from),
        right: nodes(to, size),
    };
    let mut out = Vec::new();
    header.write(&mut out).unwrap();
    for leaf in &leaves[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()] {
        write_entry(&mut out, &leaf.bytes, &leaf.disclosures).unwrap();
    }
    write_attached(&mut out, &serde_json::json!({"attached": "statusList", "text": "x"})).unwrap();
    write_end(&mut out, to - from, 1).unwrap();
    out
}

fn codes_of_export(bytes: &[u8], asked: &Asked) -> Vec<String> {
    let verified = Export::open(bytes)
        .map_err(Into::into)
        .and_then(|mut export| verify::export(&mut export, asked, &mut |_, _, _| ()));
    match verified {
        Ok(verified) => told(&verified.report),
        Err(error) => vec![error.code().to_owned()],
    }
}

#[test]
fn an_export_that_was_cut_padded_or_changed_in_any_line_is_told_wherever_in_the_log_it_is_from() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    let all = leaves(300);
    write(folder.path(), &key, &all);
    let asked = asked(&key);
    for range in [(0, 300), (0, 1), (1, 2), (17, 290), (255, 257), (299, 300)] {
        let whole = export(folder.path(), &key, &all, range);
        assert_eq!(codes_of_export(&whole, &asked), Vec::<String>::new(), "{range:?}");
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        for gone in 0..lines.len().min(12) {
            let cut: Vec<u8> = lines
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != gone)
                .flat_map(|(_, line)| line.to_vec())
                .collect();
            assert_ne!(codes_of_export(&cut, &asked), Vec::<String>::new(), "line {gone} of {range:?}");
        }
        for end in [whole.len() - 1, whole.len() / 2, whole.len() - lines.last().unwrap().len()] {
            assert_ne!(codes_of_export(&whole[..end], &asked), Vec::<String>::new(), "{end} of {range:?}");
        }
        for more in ["\n", "x\n", "{}\n", core::str::from_utf8(lines[lines.len() - 1]).unwrap()] {
            let padded = [&whole, more.as_bytes()].concat();
            assert_ne!(codes_of_export(&padded, &asked), Vec::<String>::new(), "{more:?}");
        }
        for place in (0..whole.len()).step_by(1 + whole.len() / 997) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            let is_attached = whole[..place].iter().filter(|byte| **byte == b'\n').count() > lines.len() - 3;
            // What is attached is signed by itself, and no part of the log. Of the header, what is said in no hash is told otherwise.
            let header = place < lines[0].len();
            assert!(
                is_attached || header || !codes_of_export(&bytes, &asked).is_empty(),
                "byte {place} of {range:?}"
            );
        }
    }
    let whole = export(folder.path(), &key, &all, (0, 300));
    let text = String::from_utf8(whole).unwrap();
    // What is shown of one entry can't be put beside another.
    let first = text.find(",\"shown\":[\"").unwrap() + 11;
    let second = first + text[first..].find(",\"shown\":[\"").unwrap() + 11;
    let (one, two) = (&text[first..first + 40], &text[second..second + 40]);
    let moved = text.replacen(one, "XX", 1).replacen(two, one, 1);
    assert_eq!(codes_of_export(moved.as_bytes(), &asked), ["value_mismatch"]);
    // More entries than the header says.
    let more = text.replacen("\"entries\":300", "\"entries\":299", 1);
    assert_ne!(codes_of_export(more.as_bytes(), &asked), Vec::<String>::new());
}

fn proof(folder: &Path, key: &Key, leaves: &[Leaf], index: u64) -> Bundle {
    let size = head(folder, key).size;
    let mut reader = Reader::new(folder, size);
    let leaf = &leaves[usize::try_from(index).unwrap()];
    Bundle {
        leaf: String::from_utf8(leaf.bytes.clone()).unwrap(),
        shown: leaf.disclosures.clone(),
        about: String::new(),
        document: String::new(),
        index,
        proof: inclusion(index, size, &mut reader).unwrap(),
        note: checkpoint(folder).unwrap(),
    }
}

#[test]
fn a_proof_with_any_bit_flipped_is_no_proof_and_one_of_another_entry_neither() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    let all = leaves(300);
    write(folder.path(), &key, &all);
    let asked = asked(&key);
    for index in [0, 6, 255, 256, 299] {
        let bundle = proof(folder.path(), &key, &all, index);
        let text = bundle.write();
        assert_eq!(Bundle::read(&text), Ok(bundle.clone()));
        let (verified, proved) = verify::bundle(&bundle, &asked).unwrap();
        assert_eq!((verified.report.alarms.len(), proved.head.at), (0, NOW + i64::try_from(index).unwrap()));
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let holds = Bundle::read(&changed)
                .ok()
                .is_some_and(|one| one.verify(&key.1).is_ok_and(|found| found != proved));
            assert!(!holds, "{index} at {place}");
        }
        for cut in 0..text.len() {
            let part = text.get(..cut).map(Bundle::read);
            assert!(part.is_none_or(|read| read.is_err() || read.unwrap().verify(&key.1).is_err()), "{cut}");
        }
        let other = Bundle { index: (index + 1) % 300, ..bundle.clone() };
        let code = verify::bundle(&other, &asked).unwrap_err().code();
        assert!(["proof_mismatch", "proof_length"].contains(&code), "{code}");
        let elsewhere = Bundle { leaf: String::from_utf8(all[1].bytes.clone()).unwrap(), ..bundle };
        assert_eq!(elsewhere.verify(&key.1).unwrap_err().code(), "proof_mismatch");
    }
    let alien = Bundle { shown: all[7].disclosures.clone(), ..proof(folder.path(), &key, &all, 6) };
    assert_eq!(alien.verify(&key.1).unwrap_err().code(), "value_mismatch");
}

#[test]
fn a_witness_signs_what_goes_on_from_what_it_signed_and_one_that_lies_is_told() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    let witness = key_of("witness.example/w1", note::Kind::Cosignature);
    let ask = |old: u64, folder: &Path| {
        let size = head(folder, &key).size;
        let proof = consistency(old, size, &mut Reader::new(folder, size)).unwrap();
        AddCheckpoint { old, proof, note: checkpoint(folder).unwrap() }
    };
    let mut last = None;
    for size in [3, 7, 7, 256, 300] {
        write(folder.path(), &key, &leaves(size));
        let asked = ask(last.map_or(0, |(size, _)| size), folder.path());
        assert_eq!(AddCheckpoint::read(&asked.write()), Ok(asked.clone()));
        let signed = asked.judge(last, &key.1).unwrap();
        last = Some((signed.size, signed.root));
    }
    let code = |asked: &AddCheckpoint, last| {
        asked.judge(last, &key.1).map(drop).map_err(|error| (error.status(), error.code()))
    };
    let now = ask(300, folder.path());
    assert_eq!(code(&ask(0, folder.path()), last), Err((409, "witness_is_elsewhere")));
    assert_eq!(code(&now, Some((300, [1; 32]))), Err((409, "log_forked")));
    assert_eq!(code(&ask(7, folder.path()), Some((7, [1; 32]))), Err((422, "proof_mismatch")));
    assert_eq!(code(&AddCheckpoint { old: 301, ..now.clone() }, last), Err((400, "malformed")));
    let stranger = key_of(ORIGIN, note::Kind::Text);
    let forged = AddCheckpoint { note: sign(&stranger, &head(folder.path(), &key)), ..now.clone() };
    assert_eq!(code(&forged, last), Err((403, "checkpoint_unsigned")));
    assert_eq!(
        code(&AddCheckpoint { proof: vec![[0; 32]], ..ask(0, folder.path()) }, None),
        Err((422, "proof_length"))
    );
    for wrong in ["", "old 01\n\nx", "old 1\nx\n\nx", "new 1\n\nx", "old 1\nx"] {
        assert_eq!(AddCheckpoint::read(wrong).unwrap_err().status(), 400, "{wrong}");
    }
    // Its signature stands below the checkpoint; one of another text, or of another key, is told.
    let text = head(folder.path(), &key).text();
    let line = witness.1.sign(&text, 1_764_000_100, &witness.0).unwrap();
    assert_eq!(cosignatures(&text, &line, &witness.1), Ok((line.clone(), 1_764_000_100)));
    let note = checkpoint(folder.path()).unwrap();
    let of = |line: &str, quorum| {
        fs::write(folder.path().join(WITNESSED), format!("{note}{line}")).unwrap();
        let policy = Policy::of(vec![witness.1.clone()], quorum);
        codes(folder.path(), &Asked { policy, ..asked(&key) })
    };
    assert_eq!(of(&line, 1), Vec::<String>::new());
    assert_eq!(of("", 1), ["unwitnessed"]);
    let lie = witness.1.sign("something else\n1\nx\n", 1_764_000_100, &witness.0).unwrap();
    assert_eq!(
        of(&lie, 0),
        ["unwitnessed"],
        "a signature that does not fit is told even where none is asked for"
    );
    assert_eq!(of(&lie, 1), ["unwitnessed"]);
    let impostor = key_of("witness.example/w1", note::Kind::Cosignature);
    assert_eq!(of(&impostor.1.sign(&text, 1, &impostor.0).unwrap(), 1), ["unwitnessed"]);
}

#[test]
fn a_policy_of_groups_is_judged_as_it_is_written_and_a_wrong_one_is_refused() {
    let keys: Vec<Key> =
        (0..4).map(|number| key_of(&format!("w{number}.example"), note::Kind::Cosignature)).collect();
    let log = key_of(ORIGIN, note::Kind::Text);
    let names: String = keys
        .iter()
        .enumerate()
        .map(|(number, key)| format!("witness w{number} {} https://w.example/\n", key.1))
        .collect();
    let text = format!(
        "# whom we trust\nlog {}\n{names}group x 2 w0 w1 w2\ngroup all-of all x w3\nquorum all-of\n",
        log.1
    );
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.logs, std::slice::from_ref(&log.1));
    let next = Checkpoint { origin: ORIGIN.to_owned(), size: 1, root: [1; 32] };
    let signed = |by: &[usize]| {
        let lines: String = by
            .iter()
            .map(|number| keys[*number].1.sign(&next.text(), 9, &keys[*number].0).unwrap())
            .collect();
        policy.witnessed(&format!("{}{lines}", sign(&log, &next))).unwrap().is_enough
    };
    assert!(signed(&[0, 1, 3]) && signed(&[1, 2, 3]) && signed(&[0, 1, 2, 3]));
    assert!(!signed(&[0, 1, 2]) && !signed(&[0, 3]) && !signed(&[]));
    let w = keys[0].1.to_string();
    for wrong in [
        String::new(),
        "quorum x\n".to_owned(),
        format!("witness a {w}\n"),
        format!("witness a {w}\nwitness b {w}\nquorum a\n"),
        format!("witness none {w}\nquorum none\n"),
        format!("witness a {}\nquorum a\n", log.1),
        format!("log {w}\nquorum none\n"),
        format!("witness a {w}\ngroup g 2 a\nquorum g\n"),
        format!("witness a {w}\ngroup g any a a\nquorum g\n"),
        format!("witness a {w}\ngroup g any b\nquorum g\n"),
        format!("witness a {w}\nquorum a\nquorum none\n"),
        "what\nquorum none\n".to_owned(),
    ] {
        assert!(Policy::parse(&wrong).is_err(), "{wrong}");
    }
    assert!(!Policy::parse("quorum none\n").unwrap().asks_for_witnesses());
}
