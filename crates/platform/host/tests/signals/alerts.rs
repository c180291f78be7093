//! Webhooks of alerts: each thing is told once, signed, until it was taken.

use crate::world::{Receiver, World, blocking, both, now, soon, sqlite};
use axum::http::HeaderMap;
use legation_did::document::KeyUse;
use legation_keys::{Algorithm, base64url, jws};
use legation_registry::Alert;
use legation_store::NewReceipt;
use serde_json::{Value, json};
use std::sync::Arc;

/// What an alert says, whose signature is the organization's.
fn alert(world: &World, (headers, body): &(HeaderMap, String)) -> Value {
    assert_eq!(headers["content-type"], "application/json");
    let signature = headers["legation-signature"].to_str().unwrap();
    let (header, signature) = signature.split_once("..").unwrap();
    let input = format!("{header}.{}", base64url::encode(body.as_bytes()));
    let signature = jws::read_signature(signature).unwrap();
    let said: Value = serde_json::from_slice(&base64url::decode(header).unwrap()).unwrap();
    assert_eq!((&said["typ"], &said["alg"]), (&json!("alert+jwt"), &json!("EdDSA")));
    let document = blocking(|| world.registry.document(world.registry.did().as_str())).unwrap();
    let purpose = legation_did::Purpose::AssertionMethod;
    let id = said["kid"].as_str().unwrap();
    let wanted = KeyUse { id, algorithm: Algorithm::EdDsa, purpose, now: now() };
    let key = document.key(wanted).unwrap();
    assert!(key.verify(input.as_bytes(), &signature).is_ok());
    serde_json::from_str(body).unwrap()
}

fn hook(world: &World, receiver: &Receiver, on: &[Alert]) {
    blocking(|| world.registry.add_alert(&receiver.url, on, now())).unwrap();
}

fn look(world: &World, at: i64) -> usize {
    blocking(|| world.registry.look_out(at)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expires_is_told_once_however_many_look_and_signed_by_the_organization() {
    for world in both() {
        world.run();
        let receiver = Receiver::start(|number| if number == 0 { (500, "") } else { (200, "") }).await;
        hook(&world, &receiver, &[Alert::Expiry]);
        assert_eq!(look(&world, now()), 0);
        let day = 86_400;
        let key = blocking(|| {
            world.registry.create_key("bot", "far", Some(30 * day), now()).unwrap();
            world.registry.create_key("bot", "near", Some(3 * day), now()).unwrap()
        });
        let found: usize = blocking(|| {
            std::thread::scope(|scope| {
                let looks: Vec<_> =
                    (0..4).map(|_| scope.spawn(|| world.registry.look_out(now()).unwrap())).collect();
                looks.into_iter().map(|look| look.join().unwrap()).sum()
            })
        });
        assert_eq!((found, look(&world, now())), (1, 0), "{}", world.engine);
        soon("the second try", || receiver.got().len() >= 2).await;
        let got = receiver.got();
        assert_eq!(got[0].1, got[1].1, "told again as it was");
        let said = alert(&world, &got[1]);
        assert_eq!((&said["type"], &said["alert"]), (&json!("LegationAlert"), &json!("expiry")));
        assert_eq!(
            (&said["organization"], &said["audience"]),
            (&json!("did:web:acme.example"), &json!(receiver.url))
        );
        assert_eq!(said["data"]["id"], json!(key.key.id));
        let message = said["message"].as_str().unwrap();
        assert!(message.contains(&format!("legation api-key rotate {}", key.key.id)), "{message}");
        assert!(!got[1].1.contains(key.secret.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_webhook_is_told_of_what_it_asks_for() {
    for world in both() {
        world.run();
        let (all, models) = (Receiver::start(|_| (204, "")).await, Receiver::start(|_| (204, "")).await);
        hook(&world, &all, &[]);
        hook(&world, &models, &[Alert::ClosedModel]);
        blocking(|| world.registry.close_model("big", now())).unwrap();
        soon("both", || all.got().len() == 1 && models.got().len() == 1).await;
        assert_eq!(alert(&world, &models.got()[0])["data"], json!({"model": "big"}));
        // Lists live for an hour and are signed anew at half of it.
        assert_eq!(look(&world, now() + 1700), 0);
        assert_eq!(look(&world, now() + 2800), 1);
        assert_eq!(look(&world, now() + 2805), 0, "told for now");
        let organization: Arc<str> = world.registry.id().into();
        for _ in 0..60 {
            let receipt = NewReceipt {
                at: now(),
                kind: "deny",
                code: "budget_exceeded".to_owned(),
                agent: "did:web:acme.example:bot".to_owned(),
                resource: "https://acme.example/models/a/b".to_owned(),
                amount: None,
                currency: None,
                of: None,
                end_user: None,
                proved: None,
                holder: None,
                body: b"{}".to_vec().into(),
            };
            world.registry.store().deny(&organization, receipt).await.unwrap();
        }
        assert_eq!((look(&world, now()), look(&world, now())), (1, 0));
        soon("three", || all.got().len() == 3).await;
        let told: Vec<Value> = all.got().iter().map(|got| alert(&world, got)["alert"].clone()).collect();
        assert_eq!(told, ["closed-model", "stale-status", "denials"]);
        assert_eq!(models.got().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_webhook_is_refused_and_one_that_is_removed_is_told_nothing() {
    let world = sqlite();
    world.run();
    for url in [
        "http://pager.example/",
        "pager.example",
        "https://me:pw@pager.example/",
        "ftp://x.example/",
        "https://x.example/a b",
    ] {
        assert!(blocking(|| world.registry.add_alert(url, &[], now())).is_err(), "{url}");
    }
    let receiver = Receiver::start(|_| (200, "")).await;
    let added = blocking(|| world.registry.add_alert(&receiver.url, &[], now())).unwrap();
    let twice = blocking(|| world.registry.add_alert(&receiver.url, &[], now())).unwrap_err();
    assert_eq!(twice.code(), "already_exists");
    // A stream is no webhook.
    let token = world.receiver("shop", &[]);
    let stream = world.stream(&token, json!({})).await;
    assert_eq!(blocking(|| world.registry.remove_alert(&stream, now())).unwrap_err().code(), "not_found");
    blocking(|| world.registry.remove_alert(&added.id, now())).unwrap();
    blocking(|| world.registry.close_model("big", now())).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(receiver.got().is_empty());
}
