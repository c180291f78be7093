//! What denials and complaints say: what is wrong, where, and what to do, as whoever gets them reads them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;
use legation_tests::{Vector, load_all};
use legation_verifier::MemoryLedger;

/// What the command says of the last step of a vector, whose other steps go before.
fn told(vector: &Vector) -> String {
    let play = Play::new();
    play.write("trust.json", &vector.trust_text);
    play.write("evidence.json", &vector.evidence_text);
    let ledger = MemoryLedger::with_limits(vector.ledger.unwrap_or_default());
    play.write("ledger.json", ledger.to_json().to_string());
    let mut said = String::new();
    for step in &vector.steps {
        play.write("p", &step.presentation);
        let mut arguments: Vec<String> =
            ["verify", "p", "--trust", "trust.json", "--evidence", "evidence.json", "--audience"]
                .map(str::to_owned)
                .to_vec();
        arguments.extend([vector.trust.audience.clone(), "--now".to_owned(), step.now_text.clone()]);
        arguments.push(format!("--nonce={}", step.nonce));
        if let Some(request) = &step.request {
            arguments.extend(["--ledger".to_owned(), "ledger.json".to_owned()]);
            arguments.extend(request.arguments());
        }
        said = play.run_list(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).stdout;
    }
    said
}

#[test]
fn a_denial_says_what_is_wrong_and_what_to_do_to_whoever_gets_it() {
    let vectors = load_all().unwrap();
    for (name, says) in [
        (
            "kid-without-fragment",
            &[
                "rule     A link is not issued by the subject of the link before it, or `iss` or the key that it names is not its issuer's.",
                "expected a `kid` that names one key of did:web:acme.example, such as `did:web:acme.example#key-1`",
                "found    `did:web:acme.example`, which names no key: the fragment is missing",
                "names a key of its issuer by a DID URL with a fragment",
            ][..],
        ),
        ("kid-without-did", &["such as `did:key:", "found    `#"]),
        (
            "key-of-a-kind-that-is-not-supported",
            &[
                "or of a kind that is not supported",
                "expected a key of a supported kind: Ed25519 or P-256",
                "cure     Sign with a key of a supported kind (Ed25519, P-256)",
            ],
        ),
        (
            "budget-exceeded",
            &[
                "of which 0.00 USD are left; unless more is used, there is room for this from 2026-11-21T13:00:00Z on",
            ],
        ),
        ("unknown-constraint", &["known are spend, total, rate, audience, argument, approval"]),
    ] {
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let told = told(vector);
        for said in says {
            assert!(told.contains(said), "{name}: {said}\n{told}");
        }
    }
}

#[test]
fn a_total_of_which_nothing_is_known_is_not_said_to_be_used_up() {
    let vectors = load_all().unwrap();
    let mut vector = vectors.into_iter().find(|vector| vector.name == "budget-exceeded").unwrap();
    vector.steps.truncate(1);
    let play = Play::new();
    play.write("trust.json", &vector.trust_text);
    play.write("evidence.json", &vector.evidence_text);
    let step = &vector.steps[0];
    play.write("p", &step.presentation);
    let ledger = MemoryLedger::new().unknown_until(step.now - 60);
    play.write("ledger.json", ledger.to_json().to_string());
    let mut arguments = vec!["verify", "p", "--trust", "trust.json", "--evidence", "evidence.json"];
    arguments.extend(["--audience", &vector.trust.audience, "--now", &step.now_text, "--nonce", &step.nonce]);
    arguments.extend(["--ledger", "ledger.json"]);
    let asked: Vec<String> = step.request.as_ref().unwrap().arguments().into_iter().collect();
    arguments.extend(asked.iter().map(String::as_str));
    let told = play.run_list(&arguments).stdout;
    assert!(told.contains("budget_exceeded"), "{told}");
    assert!(
        told.contains("how much of it is used is not known here, so that it counts as used up; unless more is used, there is room for this from 2026-11-21T12:59:00Z on"),
        "{told}"
    );
}

#[test]
fn a_card_that_is_no_object_is_told_so() {
    let play = Play::new();
    play.write("card.json", "[]");
    play.key("k.key");
    for arguments in ["card sign card.json --key k.key --out x", "card verify card.json --jwks card.json"] {
        let ran = play.run(arguments);
        assert!(!ran.stderr.contains("``") && !ran.stdout.contains("``"), "{ran:?}");
    }
    let ran = play.run("card verify card.json --did-documents .");
    assert!(format!("{ran:?}").contains("the card itself is an array, expected an object"), "{ran:?}");
}

#[test]
fn a_port_in_a_did_web_that_is_none_is_told() {
    let play = Play::new();
    play.key("k.key");
    let delegate = "delegate --key k.key --action a:b --resource https://a.example/ --valid-for 1h";
    let ran = play.run(&format!("{delegate} --to did:web:localhost:8443:x --out d"));
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.contains("if 8443 is the port, write `did:web:localhost%3A8443:x`"), "{ran:?}");
    let ran = play.run(&format!("{delegate} --to did:web:localhost%3A8443:x --out e"));
    assert!(!ran.stderr.contains("8443"), "{ran:?}");
}
