//! What nothing comes of: tokens of strangers, about others' delegations, told again, for others, old, of other events; and what a
//! partner's flood, or its metadata, do to others.

use crate::{
    forger::{Forger, TOKEN},
    world::{Caller, Organization, blocking, now, soon},
};
use axum::{body::Body, http::Request};
use legation_credential::delegation::link_digest;
use legation_did::Did;
use legation_keys::{Algorithm, SecretKey, base64url};
use legation_registry::{
    FIRST_TEAM, Profile,
    proof::prove,
    quarantine::{Then, signal::EVENTS},
};
use legation_store::holder::Kind;
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tower::ServiceExt;

fn did(did: &str) -> Value {
    json!({"format": "did", "url": did})
}

fn event(name: &str, said: Value) -> Value {
    json!({"events": {format!("https://schemas.openid.net/secevent/caep/event-type/{name}"): said}})
}

/// A shop that hears a partner on all events, and an agent of its own with its own key.
async fn shop() -> (Organization, Forger) {
    let shop = Organization::open().await;
    let forger = Forger::open(shop.registry.did().as_str()).await;
    shop.rule("told", &EVENTS, &[], Then::Suspend);
    shop.hears("acme", forger.did.as_str(), &forger.origin, TOKEN, false);
    (shop, forger)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_of_a_token_that_is_no_word_of_its_issuer_about_its_own() {
    let (shop, forger) = shop().await;
    let other = Forger::open(shop.registry.did().as_str()).await;
    let own = format!("{}:bot", forger.did);
    let about = |more: &Value| forger.set(&did(&own), more);
    let told = |set: (String, String), expected: &'static str| (set, expected);
    let mut all = vec![
        told(about(&json!({"iss": "https://stranger.example"})), "invalid_issuer"),
        told(about(&json!({"iss": other.origin})), "invalid_issuer"),
        told(other.set(&did(&format!("{}:bot", other.did)), &json!({})), "invalid_issuer"),
        told(about(&json!({"aud": "did:web:elsewhere.example"})), "invalid_audience"),
        told(about(&json!({"aud": null})), "invalid_audience"),
        told(about(&json!({"iat": now() - 3700})), "invalid_request"),
        told(about(&json!({"iat": now() + 600})), "invalid_request"),
        told(about(&json!({"exp": now() + 600})), "invalid_request"),
        told((String::from("no-token"), String::from("a.b.c")), "invalid_request"),
        told(about(&event("session-established", json!({}))), "taken"),
        told(about(&event("token-claims-change", json!({}))), "taken"),
        told(
            about(
                &json!({"events": {"https://schemas.openid.net/secevent/risc/event-type/account-disabled": {}}}),
            ),
            "taken",
        ),
        told(
            about(&event("risk-level-change", json!({"current_level": "LOW", "previous_level": "HIGH"}))),
            "taken",
        ),
        told(
            about(&event("risk-level-change", json!({"current_level": "MEDIUM", "previous_level": "HIGH"}))),
            "taken",
        ),
        told(about(&event("assurance-level-change", json!({"change_direction": "increase"}))), "taken"),
        told(about(&event("device-compliance-change", json!({"current_status": "compliant"}))), "taken"),
        told(about(&event("credential-change", json!({"change_type": "create"}))), "taken"),
        told(
            about(&event(
                "credential-change",
                json!({"change_type": "revoke", "initiating_entity": "system"}),
            )),
            "taken",
        ),
    ];
    // About those who are none of its own.
    for subject in [
        did(other.did.as_str()),
        did("did:web:globex.example:bot"),
        did(&format!("{}:clerk", shop.registry.did())),
        json!({"format": "email", "email": "a@b.example"}),
        json!({"format": "complex", "application": did(shop.registry.did().as_str()), "user": did(forger.did.as_str())}),
    ] {
        all.push(told(forger.set(&subject, &json!({})), "taken"));
    }
    let expected: Vec<(String, &str)> =
        all.iter().map(|((jti, _), expected)| (jti.clone(), *expected)).collect();
    forger.tells(all.into_iter().map(|(set, _)| set).collect());
    for (jti, expected) in expected {
        let outcome = soon(&format!("{jti} ({expected})"), async || forger.outcome(&jti)).await;
        assert_eq!(outcome, expected, "{jti}");
    }
    assert_eq!(shop.shut_out(), Vec::new());
    assert_eq!(other.asked.load(Ordering::SeqCst), 0, "nobody asks a stranger for anything");
    // And what is one, of whom it is one.
    let (jti, set) = about(&json!({}));
    forger.tells(vec![(jti.clone(), set.clone())]);
    let one = soon("the quarantine", async || shop.shut_out().pop()).await;
    assert_eq!(one.subject, own);
    blocking(|| shop.registry.let_in(&one.id, now())).unwrap();
    // Told again, under another name of the stream's.
    forger.tells(vec![(String::from("again"), set)]);
    assert_eq!(soon("the replay", async || forger.outcome("again")).await, "taken");
    assert_eq!(shop.shut_out(), Vec::new(), "a replay does nothing");
    // Nor does it where it comes by another process, which has seen none of it.
    let signal = legation_registry::quarantine::signal::Signal {
        issuer: forger.origin.clone(),
        jti,
        issued: now(),
        events: vec![(crate::forger::CREDENTIAL_CHANGE.to_owned(), now())],
        dids: vec![own.parse().unwrap()],
        link: None,
    };
    assert_eq!(
        blocking(|| shop.registry.hear_signals("acme", std::slice::from_ref(&signal), now())).unwrap(),
        0
    );
    let fresh = legation_registry::quarantine::signal::Signal { jti: "fresh".to_owned(), ..signal.clone() };
    let posing =
        legation_registry::quarantine::signal::Signal { issuer: other.origin.clone(), ..fresh.clone() };
    assert_eq!(blocking(|| shop.registry.hear_signals("acme", &[posing], now())).unwrap(), 0);
    assert_eq!(blocking(|| shop.registry.hear_signals("acme", &[fresh], now())).unwrap(), 1);
}

/// A delegation of one partner's, told of by another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delegation_is_shut_out_by_who_issued_it_and_by_nobody_else() {
    let (shop, forger) = shop().await;
    let other = Forger::open(shop.registry.did().as_str()).await;
    shop.hears("globex", other.did.as_str(), &other.origin, TOKEN, false);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let key = Arc::new(SecretKey::generate(Algorithm::EdDsa).unwrap());
    let agent: Did = legation_did::key::did(legation_keys::Signer::public_key(&*key));
    let caller = forger.lends(&agent, key, &shop);
    assert_eq!(shop.asked_by(&caller).await, "200");
    let link = json!({"format": "opaque", "id": base64url::encode(&link_digest(&caller.chain[0]))});
    let (jti, set) = other.set(&link, &json!({}));
    other.tells(vec![(jti.clone(), set)]);
    assert_eq!(soon("the word of another", async || other.outcome(&jti)).await, "taken");
    assert_eq!(shop.asked_by(&caller).await, "200", "another one's word is nothing to it");
    forger.tells(vec![forger.set(&link, &json!({}))]);
    soon("the denial", async || (shop.asked_by(&caller).await == "link_suspended").then_some(())).await;
}

fn clerk(shop: &Organization) -> (Did, Arc<SecretKey>) {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = blocking(|| {
        let profile = Profile { groups: vec!["standard".to_owned()], ..Profile::default() };
        shop.registry.set_profile((Kind::Team, FIRST_TEAM), &profile, now()).unwrap();
        let proof = prove(&key, shop.registry.did(), "clerk", now()).unwrap();
        shop.registry.add_agent_with_key("clerk", FIRST_TEAM, &profile, &proof, now()).unwrap().did
    });
    (did.parse().unwrap(), Arc::new(key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_agent_that_calls_with_a_partners_delegation_is_suspended_with_it() {
    let (shop, forger) = shop().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (clerk_did, key) = clerk(&shop);
    let by_own = Caller {
        key: Arc::clone(&key),
        chain: blocking(|| shop.registry.chain(Kind::Agent, "clerk")).unwrap(),
    };
    let lent = forger.lends(&clerk_did, key, &shop);
    let link = json!({"format": "opaque", "id": base64url::encode(&link_digest(&lent.chain[0]))});
    // Before it has called with it, nobody here knows that it has it.
    assert_eq!(shop.asked_by(&lent).await, "200");
    forger.tells(vec![forger.set(&link, &json!({}))]);
    let held =
        soon("the suspension", async || blocking(|| shop.registry.quarantine_of("clerk")).unwrap()).await;
    assert!(held.rule == "told" && held.reason.contains(&forger.origin), "{held:?}");
    assert_eq!(shop.asked_by(&by_own).await, "link_suspended");
    assert_eq!(shop.asked_by(&lent).await, "link_suspended");
    let (actor, subject, data) = shop.events("agent.suspended").remove(0);
    assert_eq!((actor.as_str(), subject.as_str()), ("quarantine-rule:told", "clerk"));
    assert_eq!(data["quarantine"]["rule"], "told");
    // Both are lifted as any other.
    blocking(|| {
        shop.registry.resume(Kind::Agent, "clerk", now()).unwrap();
        shop.registry.let_in(&shop.registry.shut_out("", 10).unwrap()[0].id, now()).unwrap();
    });
    assert_eq!(
        (shop.asked_by(&by_own).await, shop.asked_by(&lent).await),
        ("200".to_owned(), "200".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_tells_a_flood_takes_no_room_of_another_and_none_beyond_its_own() {
    let (shop, forger) = shop().await;
    let other = Forger::open(shop.registry.did().as_str()).await;
    shop.hears("globex", other.did.as_str(), &other.origin, TOKEN, false);
    let flood = (0..400).map(|number| forger.set(&did(&format!("{}:bot-{number}", forger.did)), &json!({})));
    forger.tells(flood.collect());
    soon("the flood", async || (shop.shut_out().len() >= 3).then_some(())).await;
    let begin = std::time::Instant::now();
    let victim = format!("{}:bot", other.did);
    other.tells(vec![other.set(&did(&victim), &json!({}))]);
    soon("the other's word", async || shop.shut_out().into_iter().find(|one| one.subject == victim)).await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let of_flood = shop.shut_out().into_iter().filter(|one| one.root == forger.did.as_str()).count();
    assert_eq!(of_flood, 3, "its most in an hour");
    let told = shop.events("quarantine.told");
    assert!(told.len() == 1 && told[0].2["what"] == "held back", "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_a_stream_goes_to_its_own_origin_and_no_other_and_nobody_sends_where_no_door_is() {
    let (shop, forger) = shop().await;
    let thief = Forger::open(shop.registry.did().as_str()).await;
    soon("the first asking", async || (forger.asked.load(Ordering::SeqCst) > 1).then_some(())).await;
    // It has nothing, says so at once, and is asked once a second for all that.
    let first = forger.asked.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let often = forger.asked.load(Ordering::SeqCst) - first;
    assert!((2..=5).contains(&often), "asked {often} times");
    // Its metadata lead elsewhere, from the next time on that somebody joins.
    forger.stream.lock().unwrap().endpoint = format!("{}/stream", thief.origin);
    let asked = forger.asked.load(Ordering::SeqCst);
    let pushed = shop.registry.partners();
    let mut partner = blocking(|| pushed).unwrap().remove(0);
    partner.max_status_age = 60;
    blocking(|| shop.registry.put_partner(&partner, now())).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(thief.asked.load(Ordering::SeqCst), 0);
    assert!(forger.asked.load(Ordering::SeqCst) - asked < 60, "nor is it asked on");
    // Nobody sends anything to a partner that is asked, nor to nobody.
    let (_, set) = forger.set(&did(&format!("{}:bot", forger.did)), &json!({}));
    for (path, header) in [("acme", "Bearer x"), ("nobody", "Bearer x"), ("nobody", "")] {
        let request = Request::post(format!("/ssf/heard/{path}"))
            .header("content-type", "application/secevent+jwt")
            .header("authorization", header)
            .header("host", shop.registry.host())
            .body(Body::from(set.clone()))
            .unwrap();
        let response = shop.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 400, "{path}");
    }
    assert_eq!(shop.shut_out(), Vec::new());
}
