//! Policies: versions, what differs, who is bound, and what one would have changed.

use crate::world::{Browser, World, blocking, encoded, form, now};
use axum::http::StatusCode;
use legation_registry::identity::Role;

const FIRST: &str = "forbid (principal, action, resource)\nwhen { context.at < 0 };\n";
const SECOND: &str = "// No model at all.\nforbid (principal, action in Action::\"model\", resource);\n";

fn kept(world: &World) {
    world.registry.put_policy("quiet", FIRST, now()).unwrap();
    world.registry.bind_policy("quiet", None, &"agent:bot".parse().unwrap(), now()).unwrap();
    world.registry.put_policy("quiet", SECOND, now()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_shown_with_its_versions_what_differs_and_who_is_bound() {
    let world = blocking(World::new);
    blocking(|| kept(&world));
    let browser = world.signed_in(Role::Auditor).await;
    let page = browser.get(&world, "/console/policies").await;
    assert!(
        page.text.contains("href=\"/console/policies/quiet\"") && page.text.contains("agent:bot (version 1)"),
        "{}",
        page.text
    );
    let page = browser.get(&world, "/console/policies/quiet").await;
    for part in ["Version 2", "No model at all.", "version 1 to agent:bot", "?version=2&amp;against=1"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let page = browser.get(&world, "/console/policies/quiet?version=2&against=1").await;
    assert!(page.text.contains("From version 1 to version 2"), "{}", page.text);
    for line in ["<del>- when { context.at &lt; 0 };", "<ins>+ // No model at all."] {
        assert!(page.text.contains(line), "{line}: {}", page.text);
    }
    for path in
        ["/console/policies/none", "/console/policies/quiet?version=9", "/console/policies/quiet?against=x"]
    {
        assert!(browser.get(&world, path).await.status.is_client_error(), "{path}");
    }
}

async fn tried(world: &World, browser: &Browser, form: &str, fields: &[(&str, &str)]) -> crate::world::Page {
    let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, encoded(value))).collect();
    let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("form", form));
    browser.post(world, "/console/policies/quiet/test", &all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_policy_would_have_changed_is_told_with_for_whom_and_nothing_is_changed() {
    let world = blocking(World::new);
    blocking(|| kept(&world));
    let (upstream, key) = world.calling("bot");
    assert_eq!(world.call(&key).await, 200);
    assert_eq!(world.call(&key).await, 200);
    let browser = world.signed_in(Role::Auditor).await;
    let form = form(&browser.get(&world, "/console/policies/quiet").await);
    let events = || blocking(|| world.registry.events(0, 1000)).unwrap().len();
    let before = events();
    let page = tried(&world, &browser, &form, &[("version", "2"), ("since", "1d")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for part in [
        "Would be denied: <strong>2</strong>",
        "<a href=\"/console/agents/bot\">bot</a></td><td class=\"number\">2</td>",
        "quiet@2",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    // The version that is bound changes nothing; another text is tried as it is written.
    let page = tried(&world, &browser, &form, &[("version", "1")]).await;
    assert!(page.text.contains("Nothing would be decided otherwise"), "{}", page.text);
    let page =
        tried(&world, &browser, &form, &[("version", "1"), ("text", SECOND), ("to", "team:sales")]).await;
    assert!(page.text.contains("Would be denied: <strong>2</strong>"), "{}", page.text);
    let page =
        tried(&world, &browser, &form, &[("version", "1"), ("text", SECOND), ("to", "agent:other")]).await;
    assert!(page.text.contains("Nothing would be decided otherwise"), "{}", page.text);
    // What is no policy is told at its field, with what was written.
    let wrong = "permit (<script>";
    let page = tried(&world, &browser, &form, &[("version", "1"), ("text", wrong)]).await;
    assert!(page.status.is_client_error() && page.text.contains("aria-invalid=\"true\""), "{}", page.text);
    assert!(page.text.contains("permit (&lt;script&gt;") && !page.text.contains("<script"), "{}", page.text);
    assert_eq!(events(), before, "a trial is no change");
    assert_eq!((world.call(&key).await, upstream.requests().len()), (200, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_try_is_told_so() {
    let world = blocking(World::new);
    blocking(|| kept(&world));
    let browser = world.signed_in(Role::Approver).await;
    assert_eq!(browser.get(&world, "/console/policies").await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get(&world, "/console/policies/quiet").await.status, StatusCode::FORBIDDEN);
}
