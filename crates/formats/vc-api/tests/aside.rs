//! One document that takes long keeps nobody else waiting.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod world;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use world::World;

const OURS: &str = "https://www.w3.org/ns/credentials/v2";

/// So many objects of a type whose context has so many terms.
fn heavy(issuer: &str, objects: usize, terms: usize) -> Value {
    let terms: serde_json::Map<_, _> =
        (0..terms).map(|index| (format!("t{index}"), json!(format!("urn:t:{index}")))).collect();
    json!({
        "@context": [OURS, {"T": {"@id": "urn:t:T", "@context": terms}, "p": "urn:p"}], "type": ["VerifiableCredential"],
        "issuer": issuer, "credentialSubject": {
            "id": "did:example:b",
            "p": (0..objects).map(|index| json!({"id": format!("urn:e:{index}"), "type": "T"})).collect::<Vec<_>>(),
        },
    })
}

/// 75 KB that took nine seconds.
#[tokio::test]
async fn what_would_take_seconds_is_refused_at_once() {
    let world = World::new();
    let document = heavy(&world.ed25519, 2040, 900);
    let started = Instant::now();
    let (status, told) = world.post("/credentials/issue", &json!({"credential": document})).await;
    assert_eq!((status, &told["code"]), (400, &json!("input_too_large")), "{told}");
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    let mut proved = document;
    let proof = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofPurpose": "assertionMethod",
        "verificationMethod": format!("{0}#{1}", world.ed25519, world.ed25519.strip_prefix("did:key:").unwrap()),
        "proofValue": format!("z{}", "2".repeat(88)),
    });
    proved["proof"] = proof;
    let started = Instant::now();
    assert_eq!(world.verify(&proved).await.0, 400);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

/// On one worker: were anything worked out on it, the others would be answered after it.
#[tokio::test(flavor = "current_thread")]
async fn others_are_answered_while_a_document_is_worked_on() {
    let world = World::new();
    // Every one is let through, and takes as long as one may.
    let body = json!({"credential": heavy(&world.ed25519, 60, 200)});
    let path = format!("/1.0/identifiers/{}", world.ed25519);
    let long = async {
        let all = (0..4).map(|_| world.post("/credentials/issue", &body));
        let mut answers = Vec::new();
        for one in all {
            answers.push(one.await.0);
        }
        (answers, Instant::now())
    };
    let others = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut answered = Vec::new();
        for _ in 0..3 {
            assert_eq!(world.get(&path, "application/did").await.0, 200);
            answered.push(Instant::now());
        }
        answered
    };
    let ((answers, end), answered) = tokio::join!(long, others);
    assert_eq!(answers, [201; 4]);
    assert!(answered.iter().all(|at| *at < end), "they waited for it");
}
