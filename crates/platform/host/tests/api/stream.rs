//! Events as they come.

use crate::world::{Admin, Draft, World, blocking, both, now, sqlite, told};
use axum::body::Body;
use http_body_util::BodyExt;
use legation_store::holder::Kind;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

async fn follow(world: &World, who: &Admin, target: &str) -> axum::response::Response {
    let mut request = who.sign(&Draft::new("GET", target, &Value::Null));
    request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    world.router.clone().oneshot(request).await.unwrap()
}

/// The next piece with an event; `None` where the stream has ended.
async fn next(body: &mut Body) -> Option<String> {
    loop {
        let frame =
            tokio::time::timeout(Duration::from_secs(30), body.frame()).await.expect("nothing comes")?;
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap();
        if text.starts_with("id: ") {
            return Some(text);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_told_as_they_come_to_whoever_is_still_an_admin() {
    for world in both() {
        let reader = world.admin_for(&["admin:events.list"]);
        let all = world.done("GET", "/v1/events?limit=1000", Value::Null).await["events"].clone();
        let answer = follow(&world, &reader, "/v1/events?after=1").await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut body = answer.into_body();
        let first = next(&mut body).await.unwrap();
        let told: Vec<Value> = first
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        assert_eq!(told, all.as_array().unwrap()[1..], "{}", world.engine);
        blocking(|| world.registry.suspend(Kind::Team, "default", now())).unwrap();
        let second = next(&mut body).await.unwrap();
        let number = all.as_array().unwrap().len() + 1;
        assert!(second.starts_with(&format!("id: {number}\nevent: team.suspended\ndata: {{")), "{second}");
        assert!(second.ends_with("}\n\n") && second.lines().count() == 4, "{second}");
        // Whoever is no admin any more learns no more.
        blocking(|| world.registry.remove_admin(&reader.did, now())).unwrap();
        assert_eq!(next(&mut body).await, None, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_asked_for_as_anything_else() {
    let world = sqlite();
    let other = world.admin_for(&["admin:teams.list"]);
    assert_eq!(follow(&world, &other, "/v1/events").await.status(), 403);
    assert_eq!(follow(&world, &world.admin, "/v1/events?after=x").await.status(), 400);
    assert_eq!(follow(&world, &world.admin, "/v1/events?after=-1").await.status(), 400);
    // Where there is no stream, the answer is the usual one.
    let answer = follow(&world, &world.admin, "/v1/teams").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    // A request that was replayed opens none.
    let draft = Draft::new("GET", "/v1/events", &Value::Null);
    let request = || {
        let mut request = world.admin.sign(&draft);
        request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
        request
    };
    let first = world.router.clone().oneshot(request()).await.unwrap();
    assert_eq!(first.status(), 200);
    assert_eq!(world.send(request()).await.problem(), told(401, "nonce_replayed"));
    assert_eq!(world.done("GET", "/v1/events?limit=1", Value::Null).await["next"], json!(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_are_told_as_they_come_to_whoever_is_still_an_admin() {
    for world in both() {
        let reader = world.admin_for(&["admin:receipts.list"]);
        // A request that is refused leaves one as well.
        assert_eq!(world.ask(&reader, "GET", "/v1/teams", &Value::Null).await.status, 403);
        let listed = world.done("GET", "/v1/receipts?last=1000", Value::Null).await;
        let last = listed["receipts"][0]["seq"].as_i64().unwrap();
        let answer = follow(&world, &reader, &format!("/v1/receipts?after={}", last - 1)).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut body = answer.into_body();
        let first = next(&mut body).await.unwrap();
        assert!(first.starts_with(&format!("id: {last}\nevent: ")), "{first}");
        let data = first.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let told: Value = serde_json::from_str(data).unwrap();
        assert_eq!((&told["seq"], &told["agent"]), (&json!(last), &listed["receipts"][0]["agent"]), "{told}");
        world.done("GET", "/v1/teams", Value::Null).await;
        let mut seen = first;
        while !seen.contains("/v1/teams") || !seen.contains("event: permit") {
            seen = next(&mut body).await.expect("the next one comes");
        }
        blocking(|| world.registry.remove_admin(&reader.did, now())).unwrap();
        assert_eq!(next(&mut body).await, None, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_receipts_takes_nothing_that_it_would_not_hold() {
    let world = sqlite();
    let other = world.admin_for(&["admin:events.list"]);
    assert_eq!(follow(&world, &other, "/v1/receipts").await.status(), 403);
    for query in ["last=5", "last=5&agent=bot", "after=x", "after=-1"] {
        assert_eq!(
            follow(&world, &world.admin, &format!("/v1/receipts?{query}")).await.status(),
            400,
            "{query}"
        );
    }
}
