//! A real transmitter tells a real organization.

use crate::world::{Organization, blocking, now, soon};
use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use legation_registry::quarantine::Then;
use legation_store::holder::Kind;
use std::time::Duration;
use tower::ServiceExt;

async fn heard_by(push: bool) {
    let (shop, acme) = (Organization::open().await, Organization::open().await);
    let callers = acme.agents(&["buyer", "other"], &shop);
    let (buyer, other) = (&callers[0], &callers[1]);
    shop.rule("told", &["session-revoked"], &["acme"], Then::Suspend);
    shop.hears_of("acme", &acme, push);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for caller in [buyer, other] {
        assert_eq!(shop.asked_by(caller).await, "200");
    }
    soon("a stream", async || {
        (!blocking(|| acme.registry.streams("", 10)).unwrap().is_empty()).then_some(())
    })
    .await;
    blocking(|| acme.registry.suspend(Kind::Agent, "buyer", now())).unwrap();
    let one = soon("the quarantine", async || shop.shut_out().pop()).await;
    let did = format!("{}:buyer", acme.registry.did());
    assert_eq!((one.subject.as_str(), one.rule.as_str()), (did.as_str(), "told"));
    assert!(
        one.reason.contains(&acme.registry.origin()) && one.reason.contains("`session-revoked`"),
        "{one:?}"
    );
    assert_eq!(shop.asked_by(buyer).await, "link_suspended");

    // The partner takes it back, and that lets nobody in here.
    blocking(|| acme.registry.resume(Kind::Agent, "buyer", now())).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    soon("what it told last", async || {
        let waiting = blocking(|| acme.registry.streams("", 10)).unwrap().remove(0).subscription.waiting;
        (waiting == 0).then_some(())
    })
    .await;
    assert_eq!(shop.asked_by(buyer).await, "link_suspended");
    assert_eq!(shop.asked_by(other).await, "200", "others of it go on");

    // Who did what, for which word of whom, and how to lift it.
    let (actor, subject, data) = shop.events("quarantine.shut-out").remove(0);
    assert_eq!((actor.as_str(), &subject), ("quarantine-rule:told", &one.id));
    assert_eq!(
        (&data["issuer"], &data["event"]),
        (&acme.registry.origin().into(), &"session-revoked".into())
    );
    assert_eq!(data["lift"], format!("legation quarantine lift {}", one.id));
    for name in ["jti", "eventAt", "reason", "subject", "partner"] {
        assert!(data[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {data}");
    }
    blocking(|| shop.registry.by("did:web:alice.example").let_in(&one.id, now())).unwrap();
    soon("the permit", async || (shop.asked_by(buyer).await == "200").then_some(())).await;
    let (actor, subject, _) = shop.events("quarantine.lifted").remove(0);
    assert_eq!((actor.as_str(), &subject), ("did:web:alice.example", &one.id));
    assert_eq!(blocking(|| shop.registry.let_in(&one.id, now())).unwrap_err().code(), "not_found");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(shop.shut_out(), Vec::new(), "what came once does nothing again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_partner_suspends_is_shut_out_here_until_somebody_lifts_it() {
    heard_by(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_where_the_partner_sends_its_tokens() {
    heard_by(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_fetched_for_as_soon_as_it_is_told_also_without_a_rule() {
    let (shop, acme) = (Organization::open().await, Organization::open().await);
    let callers = acme.agents(&["buyer"], &shop);
    shop.hears_of("acme", &acme, false);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(shop.asked_by(&callers[0]).await, "200");
    soon("a stream", async || {
        (!blocking(|| acme.registry.streams("", 10)).unwrap().is_empty()).then_some(())
    })
    .await;
    blocking(|| {
        let (_, link) = acme.registry.delegations(Some((Kind::Agent, "buyer"))).unwrap().remove(0);
        acme.registry.revoke(&link.id, "", now()).unwrap();
    });
    // Its entry lets what it publishes be five minutes old.
    soon("the denial", async || (shop.asked_by(&callers[0]).await == "link_revoked").then_some(())).await;
    assert_eq!(shop.shut_out(), Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_alerts_stops_nobody_and_one_of_another_partner_hears_nothing() {
    let (shop, acme) = (Organization::open().await, Organization::open().await);
    let callers = acme.agents(&["buyer"], &shop);
    shop.rule("alert", &["risk-level-change"], &[], Then::Alert);
    shop.rule("others", &["risk-level-change", "session-revoked"], &["globex"], Then::Suspend);
    shop.hears_of("acme", &acme, false);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(shop.asked_by(&callers[0]).await, "200");
    soon("a stream", async || {
        (!blocking(|| acme.registry.streams("", 10)).unwrap().is_empty()).then_some(())
    })
    .await;
    blocking(|| acme.registry.suspend(Kind::Agent, "buyer", now())).unwrap();
    let (actor, _, data) = soon("the alert", async || shop.events("quarantine.told").pop()).await;
    assert_eq!((actor.as_str(), &data["what"]), ("quarantine-rule:alert", &"alert".into()));
    blocking(|| acme.registry.resume(Kind::Agent, "buyer", now())).unwrap();
    soon("the permit", async || (shop.asked_by(&callers[0]).await == "200").then_some(())).await;
    assert_eq!(shop.shut_out(), Vec::new());
}

/// Whether somebody who shows a secret at the door of a partner is let in.
async fn opens(shop: &Organization, secret: &str) -> bool {
    let request = Request::post("/ssf/heard/acme")
        .header("content-type", "application/secevent+jwt")
        .header("authorization", format!("Bearer {secret}"))
        .header("host", shop.registry.host())
        .body(Body::from("no.token.at-all"))
        .unwrap();
    let response = shop.router.clone().oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["err"] != "authentication_failed"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_was_rotated_is_told_to_the_partner_and_without_one_nobody_comes_in() {
    let (shop, acme) = (Organization::open().await, Organization::open().await);
    acme.agents(&["buyer"], &shop);
    shop.rule("told", &["session-revoked"], &["acme"], Then::Suspend);
    shop.hears_of("acme", &acme, true);
    soon("a stream", async || {
        (!blocking(|| acme.registry.streams("", 10)).unwrap().is_empty()).then_some(())
    })
    .await;
    assert!(opens(&shop, "shown-by-the-partner").await && !opens(&shop, "another").await);
    let origin = acme.registry.origin();
    blocking(|| shop.registry.set_secret("acme-push", &origin, "another", now())).unwrap();
    soon("the other secret", async || opens(&shop, "another").await.then_some(())).await;
    assert!(!opens(&shop, "shown-by-the-partner").await);
    // Its transmitter comes in, so it was told.
    blocking(|| acme.registry.suspend(Kind::Agent, "buyer", now())).unwrap();
    soon("the quarantine", async || shop.shut_out().pop()).await;
    blocking(|| shop.registry.remove_secret("acme-push", now())).unwrap();
    soon("a closed door", async || (!opens(&shop, "another").await).then_some(())).await;
}
