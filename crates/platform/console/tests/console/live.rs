//! What is decided, as it comes to a page that follows it.

use crate::world::{Browser, World, blocking, form, now};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt;
use legation_registry::identity::Role;
use legation_store::holder::Kind;
use serde_json::Value;
use std::time::{Duration, Instant};
use tower::ServiceExt;

/// Follows, with further headers.
async fn follow(world: &World, browser: &Browser, query: &str, more: &[(&str, &str)]) -> Response {
    let mut request =
        Request::get(format!("/console/decisions/live{query}")).header(header::COOKIE, &browser.cookie);
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The rows that come, until there is one for which `last` holds; `None` where the stream has ended before.
async fn rows(body: &mut Body, last: impl Fn(&Value) -> bool) -> Option<Vec<Value>> {
    let (mut text, begin) = (String::new(), Instant::now());
    loop {
        assert!(begin.elapsed() < Duration::from_secs(30), "nothing comes: {text}");
        let frame =
            tokio::time::timeout(Duration::from_secs(30), body.frame()).await.expect("nothing comes")?;
        text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let found: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
        if found.iter().any(&last) {
            return Some(found);
        }
    }
}

/// Whether it ends within some seconds, whatever still comes.
async fn ends(body: &mut Body, within: Duration) -> bool {
    let end = async { while body.frame().await.is_some() {} };
    tokio::time::timeout(within, end).await.is_ok()
}

fn latest(world: &World) -> i64 {
    blocking(|| world.registry.receipts(None, 1)).unwrap().first().map_or(0, |one| one.seq)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_comes_to_the_page_without_what_administrators_ask() {
    let world = blocking(World::new);
    let (_upstream, key) = world.calling("bot");
    let browser = world.signed_in(Role::Auditor).await;
    let page = browser.get(&world, "/console/decisions").await;
    assert!(
        page.text.contains("src=\"/console/live.js\"") && page.text.contains("data-after="),
        "{}",
        page.text
    );
    assert!(
        page.policy.contains("script-src 'self'")
            && page.policy.contains("require-trusted-types-for 'script'")
    );
    let answer = follow(&world, &browser, &format!("?after={}", latest(&world)), &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let mut body = answer.into_body();
    assert_eq!(world.call(&key).await, 200);
    // An administrator's request, which nobody looks for here.
    browser.get(&world, "/console/agents").await;
    blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
    assert_eq!(world.call(&key).await, 401, "it is suspended");
    let found = rows(&mut body, |one| one["decision"] == "deny").await.unwrap();
    assert!(
        found.iter().all(|one| one["agent"] == "bot" && !one["on"].as_str().unwrap().contains("/v1/agents")),
        "{found:?}"
    );
    let denied = found.iter().find(|one| one["decision"] == "deny").unwrap();
    assert_eq!(
        (denied["class"].as_str(), denied["toAgent"].as_str()),
        (Some("bad"), Some("/console/agents/bot"))
    );
    let path = denied["to"].as_str().unwrap();
    assert_eq!(browser.get(&world, path).await.status, StatusCode::OK, "{path}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_begins_behind_the_last_one_that_was_read_and_tells_of_what_is_looked_for() {
    let world = blocking(World::new);
    let (_upstream, key) = world.calling("bot");
    let browser = world.signed_in(Role::Auditor).await;
    assert_eq!(world.call(&key).await, 200);
    let first = latest(&world);
    blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
    assert_eq!(world.call(&key).await, 401, "it is suspended");
    let denied = |one: &Value| one["decision"] == "deny";
    // A browser that asks again says what it has read.
    let last = [("last-event-id", first.to_string())];
    let last: Vec<(&str, &str)> = last.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut body = follow(&world, &browser, "?after=0", &last).await.into_body();
    let found = rows(&mut body, denied).await.unwrap();
    assert!(found.iter().all(|one| one["to"] != format!("/console/decisions/{first}")), "{found:?}");
    let code = blocking(|| world.registry.receipts(None, 1000)).unwrap();
    let code = code.iter().find(|one| one.kind == "deny").unwrap().code.clone();
    let query = format!("?after=0&code={code}&agent=did:web:acme.example:bot");
    let found = rows(&mut follow(&world, &browser, &query, &[]).await.into_body(), denied).await.unwrap();
    assert_eq!(found.iter().map(|one| one["code"].as_str().unwrap()).collect::<Vec<_>>(), [code.as_str()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_with_the_session_whoever_ends_it() {
    let world = blocking(World::new);
    for signs_out in [true, false] {
        let browser = world.signed_in(Role::Auditor).await;
        let page = browser.get(&world, "/console").await;
        let mut body = follow(&world, &browser, "?after=0", &[]).await.into_body();
        if signs_out {
            browser.post(&world, "/console/sign-out", &[("form", &form(&page))]).await;
        } else {
            let admins = blocking(|| world.registry.list_admins("", 10)).unwrap();
            let did = admins.iter().find(|admin| admin.link.is_some()).unwrap().shown.holder.did.clone();
            blocking(|| world.registry.remove_admin(&did, now())).unwrap();
        }
        assert!(ends(&mut body, Duration::from_secs(5)).await, "signed out: {signs_out}");
        let again = follow(&world, &browser, "?after=0", &[]).await;
        assert!(again.status().is_client_error(), "{}", again.status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_signed_in_and_another_site_follow_nothing_and_one_session_follows_little() {
    let world = blocking(World::new);
    let stranger = follow(&world, &Browser::default(), "", &[]).await;
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    let browser = world.signed_in(Role::Auditor).await;
    for site in ["cross-site", "same-site", "none"] {
        let other = follow(&world, &browser, "", &[("sec-fetch-site", site)]).await;
        assert_eq!(other.status(), StatusCode::FORBIDDEN, "{site}");
    }
    let mut open = Vec::new();
    for place in 0..4 {
        let answer = follow(&world, &browser, "", &[("sec-fetch-site", "same-origin")]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{place}");
        open.push(answer);
    }
    let full = follow(&world, &browser, "", &[]).await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(full.headers()["retry-after"], "30");
    // Another session has places of its own, and one that is closed is free again.
    let other = world.signed_in(Role::Auditor).await;
    assert_eq!(follow(&world, &other, "", &[]).await.status(), StatusCode::OK);
    drop(open.pop());
    assert_eq!(follow(&world, &browser, "", &[]).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sessions_together_follow_no_more_than_there_are_places_for() {
    let world = blocking(World::new);
    let mut open = Vec::new();
    let mut browsers = Vec::new();
    for _ in 0..9 {
        browsers.push(world.signed_in(Role::Auditor).await);
    }
    for browser in &browsers {
        for _ in 0..4 {
            open.push(follow(&world, browser, "", &[]).await);
        }
    }
    let many = open.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    assert_eq!((many, open.len()), (32, 36));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_see_decisions_follows_none() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Approver).await;
    assert_eq!(follow(&world, &browser, "", &[]).await.status(), StatusCode::FORBIDDEN);
}
