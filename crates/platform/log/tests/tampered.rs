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
    export_part(folder, key, (from, to), &mut |out, index| {
        let leaf = &leaves[usize::try_from(index).unwrap()];
        write_entry(out, &leaf.bytes, None, &leaf.disclosures).unwrap();
    })
}

/// All of a log, each entry written by `each`.
fn export_of(folder: &Path, key: &Key, each: &mut dyn FnMut(&mut Vec<u8>, u64)) -> Vec<u8> {
    export_part(folder, key, (0, head(folder, key).size), each)
}

fn export_part(
    folder: &Path,
    key: &Key,
    (from, to): (u64, u64),
    each: &mut dyn FnMut(&mut Vec<u8>, u64),
) -> Vec<u8> {
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
    (from..to).for_each(|index| each(&mut out, index));
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

#[test]
fn a_witnessed_checkpoint_of_another_log_and_a_key_that_was_replaced_are_not_taken() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    write(folder.path(), &key, &leaves(20));
    let asked = asked(&key);
    let own = checkpoint(folder.path()).unwrap();
    // What witnesses signed is of another log, by another key of this one, or of another history.
    let other = key_of("other.example/log/1", note::Kind::Text);
    let rotated = key_of(ORIGIN, note::Kind::Text);
    let head = head(folder.path(), &key);
    let elsewhere = Checkpoint { origin: "other.example/log/1".to_owned(), ..head.clone() };
    let forked = Checkpoint { root: [9; 32], ..head.clone() };
    for (note, code) in [
        (sign(&other, &elsewhere), "origin_mismatch"),
        (sign(&rotated, &head), "checkpoint_unsigned"),
        (sign(&key, &forked), "log_changed"),
        (own.clone(), ""),
    ] {
        fs::write(folder.path().join(WITNESSED), note).unwrap();
        let expected: Vec<&str> = if code.is_empty() { Vec::new() } else { vec![code] };
        assert_eq!(codes(folder.path(), &asked), expected);
    }
    // A witness that has another key by now is asked for by that; what its old one signs later counts for nothing.
    let (old, new) =
        (key_of("w.example", note::Kind::Cosignature), key_of("w.example", note::Kind::Cosignature));
    let cosigned = |by: &Key| format!("{own}{}", by.1.sign(&head.text(), 1_764_000_100, &by.0).unwrap());
    for (by, is_enough) in [(&old, false), (&new, true)] {
        let policy = Policy::of(vec![new.1.clone()], 1);
        assert_eq!(policy.witnessed(&cosigned(by)).unwrap().is_enough, is_enough);
    }
    // Which is not so where it signs in the new one's name.
    let forged = cosigned(&old);
    let line = forged.lines().last().unwrap();
    let (_, bytes) = line.rsplit_once(' ').unwrap();
    let genuine = cosigned(&new);
    let id = data_encoding::BASE64
        .decode(genuine.lines().last().unwrap().rsplit_once(' ').unwrap().1.as_bytes())
        .unwrap();
    let mut bytes = data_encoding::BASE64.decode(bytes.as_bytes()).unwrap();
    bytes[..4].copy_from_slice(&id[..4]);
    let forged = format!("{own}\u{2014} w.example {}\n", data_encoding::BASE64.encode(&bytes));
    let witnessed = Policy::of(vec![new.1.clone()], 1).witnessed(&forged).unwrap();
    assert!(!witnessed.is_enough && witnessed.wrong.len() == 1, "{witnessed:?}");
}

#[test]
fn what_an_organization_says_of_its_log_is_not_taken_from_a_key_that_its_document_has_no_more() {
    use legation_did::{method_id, web};
    use legation_log::about;
    let log = key_of(ORIGIN, note::Kind::Text);
    let did = web::did("acme.example").unwrap();
    let (old, new) =
        (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::EdDsa).unwrap());
    let statement = about::statement(&did, &log.1, NOW);
    let said = |key: &SecretKey| about::sign(&statement, &method_id(&did, key.public_key()), key).unwrap();
    let document = |keys: &[&SecretKey]| {
        let keys: Vec<_> = keys.iter().map(|key| key.public_key().clone()).collect();
        web::document(&did, &keys)
    };
    assert_eq!(about::verify(&said(&old), &document(&[&new, &old])).unwrap().key, log.1);
    assert_eq!(about::verify(&said(&old), &document(&[&new])).unwrap_err().code(), "key_not_found");
    // By the old key in the new one's name.
    let forged = about::sign(&statement, &method_id(&did, new.public_key()), &old).unwrap();
    assert_eq!(about::verify(&forged, &document(&[&new, &old])).unwrap_err().code(), "signature_invalid");
    let other = web::document(&web::did("other.example").unwrap(), &[old.public_key().clone()]);
    assert_eq!(about::verify(&said(&old), &other).unwrap_err().code(), "issuer_mismatch");
}

#[test]
fn entries_of_the_largest_size_are_in_the_log_and_larger_ones_apart_and_in_exports_and_neither_is_changed_unseen()
 {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    // To the byte: what fits into a bundle, and one more; then a megabyte.
    let of_length = |seq: i64, length: usize| {
        let head = Head { at: NOW, kind: Kind::Receipt, of: None, seq };
        let make = |fill: usize| {
            let text = format!(
                r#"{{"agent":"{}","decision":"permit","request":{{"resource":"https://x.example/"}}}}"#,
                "a".repeat(fill)
            );
            entry::receipt(&head, text.as_bytes(), &[7; 32]).unwrap()
        };
        let made = make(length - make(0).bytes.len());
        assert_eq!(made.bytes.len(), length);
        made
    };
    let most = legation_log::tile::MAX_ENTRY;
    let all: Vec<Leaf> = [most, most + 1, 1 << 20, 400]
        .into_iter()
        .zip(1..)
        .map(|(length, seq)| of_length(seq, length))
        .collect();
    let mut writer = Writer::open(folder.path(), key.1.clone()).unwrap();
    assert_eq!(writer.append(&all[1].bytes).unwrap_err().code(), "entry_too_large");
    all.iter().for_each(|leaf| writer.append_any(&leaf.bytes).unwrap());
    writer.publish(|next| Ok::<_, String>(sign(&key, next))).unwrap();
    drop(writer);
    let asked = asked(&key);
    let mut lengths = Vec::new();
    verify::folder(folder.path(), &asked, &mut |_, leaf, _| lengths.push(leaf.len())).unwrap();
    assert_eq!(lengths, [most, most + 1, 1 << 20, 400]);
    assert_eq!(codes(folder.path(), &asked), Vec::<String>::new());
    // In an export, with what is shown of them.
    let reader = Reader::new(folder.path(), 4);
    let whole = export_of(folder.path(), &key, &mut |out, index| {
        let leaf = reader.entry(index).unwrap().unwrap();
        let apart = reader.whole(&leaf).unwrap();
        write_entry(out, &leaf, apart.as_deref(), &all[usize::try_from(index).unwrap()].disclosures).unwrap();
    });
    assert_eq!(codes_of_export(&whole, &asked), Vec::<String>::new());
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for place in (first..whole.len()).filter(|place| whole[*place] == b'a').step_by(100_003) {
        let mut changed = whole.clone();
        changed[place] ^= 2;
        assert_ne!(codes_of_export(&changed, &asked), Vec::<String>::new(), "{place}");
    }
    // The file of one is gone, or another one.
    let apart: Vec<_> =
        fs::read_dir(folder.path().join("apart")).unwrap().map(|one| one.unwrap().path()).collect();
    assert_eq!(apart.len(), 2);
    let bytes = fs::read(&apart[0]).unwrap();
    fs::write(&apart[0], &bytes[1..]).unwrap();
    assert_eq!(codes(folder.path(), &asked), ["tile_damaged"]);
    fs::remove_file(&apart[0]).unwrap();
    assert_eq!(codes(folder.path(), &asked), ["tile_missing"]);
}

#[test]
fn a_clock_that_was_set_back_is_told_beyond_what_the_auditor_lets_pass() {
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(ORIGIN, note::Kind::Text));
    let at = |seq: i64, at: i64| {
        let head = Head { at, kind: Kind::Receipt, of: None, seq };
        entry::receipt(&head, br#"{"decision":"permit"}"#, &[7; 32]).unwrap()
    };
    // A minute is what several processes may differ by; an hour is none. The count of a denial is written later.
    let mut all = vec![at(1, NOW), at(2, NOW + 3600), at(3, NOW + 3541), at(4, NOW + 10)];
    all.push(Leaf { bytes: entry::count(1, 1, 5, NOW - 9999), disclosures: Vec::new() });
    write(folder.path(), &key, &all);
    assert_eq!(codes(folder.path(), &asked(&key)), ["time_set_back"]);
    assert_eq!(codes(folder.path(), &Asked { most_back: 3590, ..asked(&key) }), Vec::<String>::new());
    let strict = Asked { most_back: 0, ..asked(&key) };
    let verified = verify::folder(folder.path(), &strict, &mut |_, _, _| ()).unwrap();
    assert_eq!(verified.report.alarms.len(), 2, "{:?}", verified.report.alarms);
}
