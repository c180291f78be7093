//! What is published is what the store has, also while everybody asks for it.

use crate::world::{World, blocking, both, now};
use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt;
use legation_store::holder::Kind;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tower::ServiceExt;

async fn get(router: &Router, path: &str) -> (u16, Vec<u8>) {
    let request = Request::get(path).header("host", "acme.example").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

fn lists(world: &World) -> Vec<String> {
    let lists = blocking(|| world.registry.lists(0, 100)).unwrap();
    lists.into_iter().map(|list| list.secured).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_verb_has_changed_is_published_when_it_returns_however_many_ask() {
    for world in both() {
        let router = legation_host::published(Arc::clone(&world.registry));
        blocking(|| world.registry.add_agent("bot", "default", &profile(), now())).unwrap();
        let (ends, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let others: Vec<_> = (0..6)
            .map(|number| {
                let (router, ends, asked) = (router.clone(), Arc::clone(&ends), Arc::clone(&asked));
                tokio::spawn(async move {
                    let path = ["/status/4", "/bot/did.json", "/.well-known/did.json"][number % 3];
                    while !ends.load(Ordering::Relaxed) {
                        assert_eq!(get(&router, path).await.0, 200);
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for turn in 0..40 {
            let changed = blocking(|| match turn % 2 {
                0 => world.registry.suspend(Kind::Agent, "bot", now()),
                _ => world.registry.resume(Kind::Agent, "bot", now()),
            });
            changed.unwrap();
            for (number, secured) in (1..).zip(lists(&world)) {
                let (status, body) = get(&router, &format!("/status/{number}")).await;
                assert_eq!(status, 200);
                assert!(body == secured.as_bytes(), "{}: list {number}, turn {turn}", world.engine);
            }
            if turn % 10 == 9 {
                let before = get(&router, "/bot/did.json").await;
                blocking(|| world.registry.rotate((Kind::Agent, "bot"), false, now())).unwrap();
                assert_ne!(get(&router, "/bot/did.json").await, before, "{}", world.engine);
            }
        }
        ends.store(true, Ordering::Relaxed);
        for other in others {
            other.await.unwrap();
        }
        assert!(asked.load(Ordering::Relaxed) > 100, "they asked {} times", asked.load(Ordering::Relaxed));
        assert_eq!(get(&router, "/nobody/did.json").await.0, 404);
        assert_eq!(get(&router, "/status/99").await.0, 404);
    }
}

fn profile() -> legation_registry::Profile {
    legation_registry::Profile { groups: vec!["*".to_owned()], ..legation_registry::Profile::default() }
}
