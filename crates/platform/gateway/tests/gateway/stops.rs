//! A stop holds on the next call, by every gateway.

use crate::world::{CENT, blocking, both, now};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_blocked_suspended_revoked_or_retired_is_refused_on_the_next_call_by_every_gateway() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, CENT);
        let key = world.agent("mail", "1USD/day");
        let call = json!({"max_tokens": 1});
        for gateway in [0, 1] {
            assert_eq!(world.chat(gateway, &key, call.clone()).await.status, 200);
        }
        world.suspend("mail");
        for gateway in [0, 1] {
            let told = world.chat(gateway, &key, call.clone()).await.told();
            assert_eq!(told, (401, "link_suspended".to_owned()), "{}", world.engine);
        }
        blocking(|| world.registry.resume(Kind::Agent, "mail", now())).unwrap();
        for gateway in [0, 1] {
            assert_eq!(world.chat(gateway, &key, call.clone()).await.status, 200, "resumed at once");
        }
        let (_, link) =
            blocking(|| world.registry.delegations(Some((Kind::Agent, "mail")))).unwrap().remove(0);
        blocking(|| world.registry.revoke(&link.id, "test", now())).unwrap();
        for gateway in [1, 0] {
            let told = world.chat(gateway, &key, call.clone()).await.told();
            assert_eq!(told.1, "no_delegation");
            assert!([401, 403].contains(&told.0));
        }
        blocking(|| world.registry.delegate_again(Kind::Agent, "mail", now())).unwrap();
        assert_eq!(world.chat(1, &key, call.clone()).await.status, 200);
        blocking(|| world.registry.suspend(Kind::Team, "default", now())).unwrap();
        assert_eq!(world.chat(0, &key, call.clone()).await.told().1, "link_suspended", "by its team");
        blocking(|| world.registry.resume(Kind::Team, "default", now())).unwrap();
        world.block("mail");
        for gateway in [0, 1] {
            assert_eq!(world.chat(gateway, &key, call.clone()).await.told().1, "api_key_blocked");
        }
        blocking(|| world.registry.retire(Kind::Agent, "mail", now())).unwrap();
        assert!(blocking(|| world.registry.resume(Kind::Agent, "mail", now())).is_err());
    }
}

/// A thousand calls go on while the key is blocked: none that begins after the block has returned passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_begins_after_a_block_has_returned_passes() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, 1);
        let key = world.agent("mail", "1USD/day");
        let world = std::sync::Arc::new(world);
        let blocked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let calls: Vec<_> = (0..4)
            .map(|number| {
                let (world, key, blocked) = (world.clone(), key.clone(), blocked.clone());
                tokio::spawn(async move {
                    let mut after = 0;
                    while after < 20 {
                        let was_blocked = blocked.load(std::sync::atomic::Ordering::SeqCst);
                        let status = world.chat(number % 2, &key, json!({"max_tokens": 1})).await.status;
                        assert!(!(was_blocked && status == 200), "{}", world.engine);
                        after += usize::from(was_blocked);
                    }
                })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        world.block("mail");
        blocked.store(true, std::sync::atomic::Ordering::SeqCst);
        for call in calls {
            call.await.unwrap();
        }
    }
}

/// A store that is gone or hangs lets nothing through, says when to ask again, and is used again once it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_gone_or_hangs_lets_nothing_through_and_recovers_by_itself() {
    if !legation_tests::postgres::is_at_hand() {
        return;
    }
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let mut server = blocking(legation_tests::postgres::Postgres::start).unwrap();
    let url = server.database("stops").unwrap();
    let world = crate::world::on_postgres(url);
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "1USD/day");
    let call = || world.chat(0, &key, json!({"max_tokens": 1}));
    assert_eq!(call().await.status, 200);
    for gone in ["crashed", "hanging"] {
        let sent = upstream.count();
        blocking(|| if gone == "crashed" { server.crash() } else { server.stop_answering() }).unwrap();
        let answer = call().await;
        assert_eq!(answer.told(), (503, "store_unavailable".to_owned()), "{gone}");
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(upstream.count(), sent, "{gone}");
        blocking(|| if gone == "crashed" { server.restart() } else { server.go_on() }).unwrap();
        let mut status = 0;
        for _ in 0..20 {
            status = call().await.status.as_u16();
            if status == 200 {
                break;
            }
        }
        assert_eq!(status, 200, "{gone}, and back");
    }
}
