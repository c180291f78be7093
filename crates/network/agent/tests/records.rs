//! What a service decides is in its log before it is told, and what can't be kept there was not decided.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use futures::future::join_all;
use http::HeaderMap;
use legation_agent::{
    Agent, Carry, Decided, Desk, Gate, Incoming, KnownLimits, Records, Responder, Who, ledger::Memory,
};
use legation_handshake::{ChallengeKey, Message, Peer, begin};
use legation_keys::Algorithm;
use legation_log::{
    entry::{self, Head},
    hidden,
    policy::Policy,
    verify::{self, Asked},
};
use legation_recorder::{Of, Recorder, values};
use legation_verifier::LedgerLimits;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fs, path::Path, sync::Arc};
use world::{Party, Shop, fetcher, grant, map, now, open, secret};

/// A shop with a log.
struct Logged {
    shop: Shop,
    folder: tempfile::TempDir,
    key: legation_log::NoteKey,
    recorder: Arc<Recorder>,
    desk: Arc<Desk>,
}

async fn logged(root: &Party) -> Logged {
    let shop = open(&root.did, false).await;
    let folder = tempfile::tempdir().unwrap();
    let of = Of {
        origin: "shop.example/log/1".to_owned(),
        signer: secret(Algorithm::EdDsa),
        about: String::new(),
    };
    let recorder = Arc::new(Recorder::open(folder.path(), of).unwrap());
    let ledger = Arc::new(Memory::begin(LedgerLimits::default(), now() - 5));
    let (identity, trust) = (shop.party.identity(), shop.desk.trust().clone());
    let desk = Desk::with_ledger(identity, trust, fetcher(), ledger, KnownLimits::default()).unwrap();
    let desk = Arc::new(desk.with_records(recorder.clone()));
    Logged { key: recorder.key().clone(), shop, folder, recorder, desk }
}

/// Asks for a path: status and code.
async fn asks(logged: &Logged, agent: &Agent, path: &str) -> (u16, &'static str) {
    let gate = Gate::new(Arc::clone(&logged.desk), logged.shop.origin.clone()).unwrap();
    let mut headers = HeaderMap::new();
    let url = format!("{}{path}", logged.shop.origin);
    agent.sign("GET", &url, &mut headers, b"", Carry::Chain, now()).unwrap();
    let incoming = Incoming { method: "GET", path_and_query: path, headers: &headers, body: b"" };
    match gate.admit(&incoming, map, now()).await {
        Ok(_) => (200, "permit"),
        Err(refused) => (refused.status(), refused.code()),
    }
}

/// All entries of a log that holds.
fn entries(folder: &Path, key: &legation_log::NoteKey) -> Vec<(Head, Value)> {
    let policy = Policy::of(Vec::new(), 0);
    let asked = Asked { key: key.clone(), policy, against: Vec::new(), most_back: 60 };
    let mut all = Vec::new();
    let verified = verify::folder(folder, &asked, &mut |_, leaf, _| {
        let json: Value = serde_json::from_slice(leaf).unwrap();
        all.push((entry::head(leaf).unwrap(), json["entry"].clone()));
    });
    assert_eq!(verified.unwrap().report.alarms, []);
    all
}

async fn answered(logged: &Logged, root: &Party, alice: &Party) -> Result<Message, legation_agent::Refusal> {
    let shop = &logged.shop;
    let key = ChallengeKey::generate().unwrap();
    let responder = Responder::new(Arc::clone(&logged.desk), &shop.card, key).unwrap();
    let begun = begin(alice.did.clone()).unwrap();
    let Message::Challenge(challenge) =
        responder.respond(Message::Hello(begun.hello().clone()), now()).await.unwrap()
    else {
        panic!("no challenge")
    };
    let (endpoint, card) = (shop.endpoint(), Sha256::digest(shop.card.canonical()).into());
    let peer = Peer { document: &shop.document, endpoint: &endpoint, card };
    let challenged = begun.receive(&challenge, peer, 60, now()).unwrap();
    let link = grant(root, &alice.did, &shop.origin);
    let answered = challenged.answer(&[&link], &alice.key_id(), &*alice.key, now()).unwrap();
    responder.respond(Message::Presentation(answered.message().clone()), now()).await
}

#[tokio::test]
async fn requests_and_handshakes_are_in_the_log_before_they_are_answered_and_values_apart() {
    let (acme, alice) = (Party::new(), Party::new());
    let logged = logged(&acme).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &logged.shop.origin)]);
    assert_eq!(asks(&logged, &agent, "/api/rooms?room=7").await, (200, "permit"));
    let all = entries(logged.folder.path(), &logged.key);
    assert_eq!((all.len(), all[0].1["decision"].clone()), (1, "permit".into()));
    assert_eq!(all[0].1["agent"], alice.did.as_str());
    assert!(!all[0].1.to_string().contains("/api/rooms"), "what was asked for is hidden: {}", all[0].1);
    assert_eq!(asks(&logged, &agent, "/other").await, (403, "not_granted"));
    answered(&logged, &acme, &alice).await.unwrap();
    let all = entries(logged.folder.path(), &logged.key);
    let decisions: Vec<&str> = all.iter().map(|(_, one)| one["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["permit", "deny", "valid"]);
    // What was left out stands beside it, fits, and can be removed.
    let shown = values::shown(logged.folder.path(), 0).unwrap();
    let leaf = legation_log::Reader::new(logged.folder.path(), 3).entry(0).unwrap().unwrap();
    let (_, entry) = entry::read(0, &leaf).unwrap();
    assert!(hidden::show(&entry, &shown).unwrap().contains("/api/rooms"));
    fs::remove_dir_all(logged.folder.path().join(values::FOLDER)).unwrap();
    assert_eq!(entries(logged.folder.path(), &logged.key).len(), 3);
    assert_eq!(values::shown(logged.folder.path(), 0).unwrap(), []);
}

#[tokio::test]
async fn a_log_that_can_not_be_written_closes_the_door_with_a_code_and_goes_on_by_itself() {
    let (acme, alice) = (Party::new(), Party::new());
    let logged = logged(&acme).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &logged.shop.origin)]);
    assert_eq!(asks(&logged, &agent, "/api/rooms").await, (200, "permit"));
    // Where its tiles were, nothing can be written.
    let (tiles, aside) = (logged.folder.path().join("tile"), logged.folder.path().join("aside"));
    fs::rename(&tiles, &aside).unwrap();
    fs::write(&tiles, "").unwrap();
    for _ in 0..2 {
        assert_eq!(asks(&logged, &agent, "/api/rooms").await, (503, "log_unavailable"));
        assert_eq!(asks(&logged, &agent, "/other").await, (503, "log_unavailable"), "a denial neither");
        let refused = answered(&logged, &acme, &alice).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (503, "log_unavailable"));
        assert!(!refused.to_string().contains("tile"), "{refused}");
    }
    fs::remove_file(&tiles).unwrap();
    fs::rename(&aside, &tiles).unwrap();
    assert_eq!(asks(&logged, &agent, "/api/rooms").await, (200, "permit"));
    let all = entries(logged.folder.path(), &logged.key);
    assert_eq!(all.iter().map(|(head, _)| head.seq).collect::<Vec<_>>(), [1, 2], "nothing is left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_denials_is_one_entry_and_its_count_and_keeps_nobody_else_waiting() {
    let (acme, alice, mallory, nobody) = (Party::new(), Party::new(), Party::new(), Party::new());
    let logged = logged(&acme).await;
    let honest = alice.agent(&[&grant(&acme, &alice.did, &logged.shop.origin)]);
    let flood = mallory.agent(&[&grant(&acme, &mallory.did, &logged.shop.origin)]);
    let stranger = nobody.agent(&[&grant(&nobody, &nobody.did, &logged.shop.origin)]);
    for round in 0..200 {
        assert_eq!(asks(&logged, &flood, &format!("/other/{round}")).await, (403, "not_granted"));
        assert_eq!(asks(&logged, &stranger, "/api/rooms").await.1, "root_untrusted");
        if round % 50 == 0 {
            assert_eq!(asks(&logged, &honest, "/api/rooms").await, (200, "permit"));
        }
    }
    assert_eq!(logged.recorder.unknown().get("root_untrusted"), Some(&200));
    assert_eq!(entries(logged.folder.path(), &logged.key).len(), 5, "one denial, four permits");
    // At its end, or a minute later, the log says how often.
    let Logged { folder, key, recorder, desk, .. } = logged;
    drop((recorder, desk));
    let all = entries(folder.path(), &key);
    let (head, count) = all.last().unwrap();
    assert_eq!((head.kind, head.of), (entry::Kind::Count, Some(1)));
    assert_eq!(count["times"], 200);
    // Whoever opens it next goes on with its numbers.
    let signer = secret(Algorithm::EdDsa);
    let other = Of { origin: "shop.example/log/1".to_owned(), signer, about: String::new() };
    assert!(Recorder::open(folder.path(), other).is_err(), "another key has not signed it");
}

#[tokio::test]
async fn who_opens_a_log_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let signer = secret(Algorithm::EdDsa);
    let open = || {
        let of = Of { origin: "shop.example/log/1".to_owned(), signer: signer.clone(), about: String::new() };
        Recorder::open(folder.path(), of).unwrap()
    };
    let party = Party::new();
    for round in 0..3_i64 {
        let recorder = open();
        // All at once, in order.
        let keeping = (0..100_i64).map(|number| {
            // One of them is too long for a bundle.
            let host = if number == 50 { "x".repeat(70_000) } else { "x.example".to_owned() };
            let receipt =
                json!({"decision": "permit", "request": {"resource": format!("https://{host}/{number}")}});
            let who = Some(Who { agent: party.did.clone(), root: [1; 32] });
            let receipt = receipt.to_string().into_bytes();
            recorder.keep(Decided { at: 1_800_000_000 + round, denied: None, who, receipt })
        });
        assert!(join_all(keeping).await.into_iter().all(|kept| kept.is_ok()));
        // As when the process is killed: what was noted of the numbers is gone.
        let key = recorder.key().clone();
        drop(recorder);
        if round == 0 {
            fs::remove_file(folder.path().join("numbers")).unwrap();
        }
        let all = entries(folder.path(), &key);
        let numbers: Vec<i64> = all.iter().map(|(head, _)| head.seq).collect();
        assert_eq!(numbers, (1..=100 * (round + 1)).collect::<Vec<_>>());
    }
    assert!(!values::shown(folder.path(), 299).unwrap().is_empty());
    assert!(!values::shown(folder.path(), 50).unwrap().is_empty());
}
