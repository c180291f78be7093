//! What is told, and of whom, to whoever polls.

use crate::world::{World, blocking, both, claims, event, now, sqlite};
use legation_keys::base64url;
use legation_registry::{
    Profile,
    signals::{MOST_WAITING, Scope},
};
use legation_store::{holder::Kind, subscription, subscription::Pending};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

fn follow(world: &World) {
    blocking(|| while world.registry.follow_events(now()).unwrap().is_some_and(|followed| followed > 0) {});
}

fn did(url: &str) -> Value {
    json!({"format": "did", "url": url})
}

fn of(application: &str) -> Value {
    json!({"format": "complex", "user": did("did:web:acme.example"), "application": did(application)})
}

/// The SHA-256 of the current delegation of a holder.
fn digest(world: &World, kind: Kind, name: &str) -> (String, String) {
    let (_, link) = blocking(|| world.registry.delegations(Some((kind, name)))).unwrap().remove(0);
    (link.id, base64url::encode(&Sha256::digest(&link.secured)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_one_event_that_names_the_link_and_is_given_until_it_is_acknowledged() {
    for world in both() {
        let shop = world.receiver("shop", &[]);
        let id = world.stream(&shop, json!({})).await;
        // Two agents below the team: what descends is told by no event of its own.
        let profile = Profile { groups: vec!["*".to_owned()], ..Profile::default() };
        blocking(|| world.registry.add_agent("other", "default", &profile, now())).unwrap();
        let (team, link) = digest(&world, Kind::Team, "default");
        blocking(|| world.registry.revoke(&team, "a secret reason", now())).unwrap();
        follow(&world);
        let got = world.poll(&shop, &id, &[]).await;
        assert_eq!(got.len(), 1, "{}: {got:?}", world.engine);
        let (claims, text) = &got[0];
        let (name, said) = event(claims);
        assert_eq!(name, "credential-change");
        assert_eq!(
            (&said["credential_type"], &said["change_type"]),
            (&json!("verifiable-credential"), &json!("revoke"))
        );
        assert!(said["event_timestamp"].as_i64().unwrap() <= claims["iat"].as_i64().unwrap());
        let mut subject = of("did:web:acme.example:teams:default");
        subject["session"] = json!({"format": "opaque", "id": link});
        assert_eq!(claims["sub_id"], subject);
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!("https://acme.example"), &json!("https://shop.example"))
        );
        // Why, is the organization's own.
        assert!(!claims.to_string().contains("secret reason"));
        // Given again as it was, until it is acknowledged.
        assert_eq!(world.poll(&shop, &id, &[]).await[0].1, *text);
        let jti = claims["jti"].as_str().unwrap().to_owned();
        assert!(world.poll(&shop, &id, &["x".to_owned(), jti]).await.is_empty());
        assert_eq!(blocking(|| world.registry.streams("", 1)).unwrap()[0].subscription.waiting, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verb_is_told_as_what_it_is_and_nothing_of_what_concerns_nobody_else() {
    for world in both() {
        let shop = world.receiver("shop", &[]);
        let id = world.stream(&shop, json!({})).await;
        let registry = &world.registry;
        let bot = (Kind::Agent, "bot");
        let (_, before) = digest(&world, Kind::Agent, "bot");
        let admin = legation_keys::SecretKey::generate(legation_keys::Algorithm::EdDsa).unwrap();
        let admin = legation_did::key::did(legation_keys::Signer::public_key(&admin));
        let mut told = Vec::new();
        for step in 0..8 {
            blocking(|| match step {
                0 => drop(registry.suspend(Kind::Agent, "bot", now()).unwrap()),
                1 => drop(registry.resume(Kind::Agent, "bot", now()).unwrap()),
                2 => drop(registry.rotate(bot, true, now()).unwrap()),
                3 => drop(registry.rotate(bot, false, now()).unwrap()),
                4 => {
                    let budget = legation_registry::Budget::parse("5USD/day").unwrap();
                    registry.set_budget(bot, Some(budget), now()).unwrap();
                }
                5 => {
                    registry.add_admin(&admin, &["admin:spend.show".to_owned()], now()).unwrap();
                    registry.remove_admin(admin.as_str(), now()).unwrap();
                }
                6 => drop(registry.create_key("bot", "", None, now()).unwrap()),
                _ => drop(registry.retire(Kind::Agent, "bot", now()).unwrap()),
            });
            follow(&world);
            let got = world.poll(&shop, &id, &[]).await;
            let acks: Vec<String> =
                got.iter().map(|(claims, _)| claims["jti"].as_str().unwrap().to_owned()).collect();
            world.poll(&shop, &id, &acks).await;
            let told_of = got.iter().map(|(claims, _)| {
                let (name, said) = event(claims);
                assert_eq!(
                    claims["sub_id"]["application"],
                    did("did:web:acme.example:bot"),
                    "{step}: {claims}"
                );
                format!("{name} {}", said.get("current_level").and_then(Value::as_str).unwrap_or_default())
            });
            let mut all: Vec<String> = told_of.collect();
            all.sort();
            // Both events of a suspension name one cause.
            assert!(got.windows(2).all(|pair| pair[0].0["txn"] == pair[1].0["txn"]), "{got:?}");
            if step == 4 {
                assert_eq!(got[0].0["sub_id"]["session"]["id"], json!(before));
            }
            told.push(all.join(", "));
        }
        let revoked = "credential-change ";
        let wanted = [
            "risk-level-change HIGH, session-revoked ",
            "risk-level-change LOW",
            revoked,
            "",
            revoked,
            "",
            "",
            revoked,
        ];
        assert_eq!(told, wanted, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_an_event_has_it_while_it_happens() {
    let world = sqlite();
    world.run();
    let shop = world.receiver("shop", &[Scope::Manage]);
    let id = world.stream(&shop, json!({})).await;
    let begin = Instant::now();
    let body = json!({"maxEvents": 1});
    let path = format!("/ssf/poll/{id}");
    let waits = world.ask(&shop, "POST", &path, &body);
    let happens = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
    };
    let (polled, ()) = tokio::join!(waits, happens);
    let took = begin.elapsed();
    assert!((Duration::from_millis(600)..Duration::from_secs(5)).contains(&took), "{took:?}");
    let set = polled.json["sets"].as_object().unwrap().values().next().unwrap().as_str().unwrap();
    assert_eq!(event(&claims(set, &world.keys().await)).0, "session-revoked");
    assert_eq!(polled.json["moreAvailable"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stream_leaves_out_is_not_told_and_what_it_takes_in_again_is() {
    let world = sqlite();
    let (shop, rival) = (world.receiver("shop", &[]), world.receiver("rival", &[]));
    let (id, other) = (world.stream(&shop, json!({})).await, world.stream(&rival, json!({})).await);
    let subject = json!({"stream_id": id, "subject": did("did:web:acme.example:bot")});
    assert_eq!(world.ask(&shop, "POST", "/ssf/subjects/remove", &subject).await.status, 204);
    blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
    follow(&world);
    assert_eq!(world.poll(&shop, &id, &[]).await.len(), 0);
    assert_eq!(world.poll(&rival, &other, &[]).await.len(), 2);
    assert_eq!(world.ask(&shop, "POST", "/ssf/subjects/add", &subject).await.status, 200);
    blocking(|| world.registry.resume(Kind::Agent, "bot", now())).unwrap();
    follow(&world);
    assert_eq!(world.poll(&shop, &id, &[]).await.len(), 1);
    // Nobody is told whether there is such a subject.
    let nobody = json!({"stream_id": id, "subject": did("did:web:acme.example:nobody")});
    assert_eq!(world.ask(&shop, "POST", "/ssf/subjects/add", &nobody).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_while_a_stream_is_paused_waits_and_while_it_is_disabled_is_not_kept() {
    for world in both() {
        let shop = world.receiver("shop", &[]);
        let id = world.stream(&shop, json!({})).await;
        let set = async |status: &str| {
            let body = json!({"stream_id": id, "status": status, "reason": "a rest"});
            let answer = world.ask(&shop, "POST", "/ssf/status", &body).await;
            assert_eq!((answer.status, &answer.json["status"]), (200, &json!(status)), "{answer:?}");
        };
        set("paused").await;
        blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
        follow(&world);
        assert_eq!(world.poll(&shop, &id, &[]).await.len(), 0, "paused");
        set("enabled").await;
        assert_eq!(world.poll(&shop, &id, &[]).await.len(), 2, "what waited");
        set("disabled").await;
        blocking(|| world.registry.resume(Kind::Agent, "bot", now())).unwrap();
        follow(&world);
        set("enabled").await;
        assert_eq!(world.poll(&shop, &id, &[]).await.len(), 0, "nothing was kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_for_which_too_much_waits_is_disabled_and_told_so() {
    for world in both() {
        let (shop, rival) = (world.receiver("shop", &[]), world.receiver("rival", &[]));
        let (id, other) = (world.stream(&shop, json!({})).await, world.stream(&rival, json!({})).await);
        let fill = (0..MOST_WAITING - 1).map(|number| {
            let kind = "https://schemas.openid.net/secevent/caep/event-type/session-revoked".to_owned();
            let body = r#"{"sub":{"format":"opaque","id":"x"},"said":{}}"#.to_owned();
            (id.clone(), Pending { seq: 0, id: format!("j-{number}"), at: now(), kind, body })
        });
        let organization = world.registry.id();
        blocking(|| world.registry.store().write(|tx| subscription::put(tx, organization, fill.collect())))
            .unwrap();
        blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
        follow(&world);
        let streams = blocking(|| world.registry.streams("", 10)).unwrap();
        let full = &streams.iter().find(|one| one.subscription.id == id).unwrap().subscription;
        assert_eq!((full.state.as_str(), full.waiting), ("disabled", 1), "{}", world.engine);
        let got = world.poll(&shop, &id, &[]).await;
        let (name, said) = event(&got[0].0);
        assert_eq!((got.len(), name, &said["status"]), (1, "stream-updated", &json!("disabled")));
        assert!(said["reason"].as_str().unwrap().contains("fetch the status lists"));
        assert_eq!(world.poll(&rival, &other, &[]).await.len(), 2, "nobody else is the worse for it");
        blocking(|| world.registry.resume(Kind::Agent, "bot", now())).unwrap();
        follow(&world);
        assert_eq!(world.poll(&shop, &id, &[]).await.len(), 1, "nothing more is kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_replaced_verifies_what_it_signed_and_one_that_others_have_does_not() {
    let world = sqlite();
    let shop = world.receiver("shop", &[]);
    let id = world.stream(&shop, json!({})).await;
    blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
    follow(&world);
    let before = world.poll(&shop, &id, &[]).await;
    let own = (Kind::Organization, "acme.example");
    blocking(|| world.registry.rotate(own, false, now())).unwrap();
    let keys = world.keys().await;
    for (_, text) in world.poll(&shop, &id, &[]).await.iter().chain(&before) {
        claims(text, &keys);
    }
    blocking(|| world.registry.rotate(own, true, now())).unwrap();
    let keys = world.ask("", "GET", "/.well-known/jwks.json", &Value::Null).await;
    let of = |algorithm: &str| {
        keys.json["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == algorithm).count()
    };
    assert_eq!(of("RS256"), 1, "those that others may have are gone");
    assert_eq!(of("ES256"), 1, "so are those of tokens");
    assert!(world.poll(&shop, &id, &[]).await.len() >= 2, "what waits is signed by the new one");
}
