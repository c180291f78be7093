//! A delegation by a form: within what the team has, seen before it is issued, and the same as by the command.

use crate::world::{Browser, Page, World, blocking, encoded, form, limited, now};
use axum::http::StatusCode;
use legation_registry::{Profile, identity::Role};
use legation_store::holder::Kind;

const PATH: &str = "/console/delegate";

/// A team that may call one group of models and read one service, for 5 USD a day.
fn narrow(world: &World) {
    let profile = Profile {
        groups: vec!["standard".to_owned()],
        actions: vec!["http:GET".to_owned()],
        resources: vec!["https://crm.example/*".to_owned()],
        ..limited("5USD/day")
    };
    blocking(|| world.registry.add_team("narrow", &profile, now())).unwrap();
}

async fn sent(world: &World, browser: &Browser, form: &str, step: &str, fields: &[(&str, &str)]) -> Page {
    let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, encoded(value))).collect();
    let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend([("form", form), ("step", step)]);
    browser.post(world, PATH, &all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_within_the_team_is_seen_before_it_is_issued_and_then_is_what_was_seen() {
    let world = blocking(World::new);
    blocking(|| narrow(&world));
    let browser = world.signed_in(Role::Operator).await;
    let page = browser.get(&world, &format!("{PATH}?team=narrow")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for bound in ["5.00 USD", "https://crm.example/*", "further links at most: 0"] {
        assert!(page.text.contains(bound), "{bound}: {}", page.text);
    }
    let form = form(&page);
    let fields = [
        ("team", "narrow"),
        ("name", "reader"),
        ("purpose", "reads \"the\" <b>CRM</b>"),
        ("models", "standard"),
        ("actions", "http:GET"),
        ("resources", "https://crm.example/contacts/*"),
        ("budgets", "1USD/day"),
        ("constraints", r#"{"type":"rate","seconds":60,"max":10}"#),
        ("valid_for", "7d"),
    ];
    let seen = sent(&world, &browser, &form, "preview", &fields).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    for part in [
        "Nothing is issued yet",
        "did:web:acme.example:reader",
        "https://crm.example/contacts/*",
        // In sentences, and in JSON.
        "May do ",
        "1.00 USD",
        "&quot;constraints&quot;",
        "legation agent add reader --team narrow",
        "--constraint '{",
        "--valid-for 7d",
    ] {
        assert!(seen.text.contains(part), "{part}: {}", seen.text);
    }
    assert!(!seen.text.contains("<b>"), "{}", seen.text);
    assert!(blocking(|| world.registry.show(Kind::Agent, "reader")).is_err(), "a preview makes nothing");
    // Back to the form, with all that was written.
    let again = sent(&world, &browser, &form, "edit", &fields).await;
    assert!(
        again.text.contains("https://crm.example/contacts/*") && again.text.contains("checked"),
        "{}",
        again.text
    );
    let done = sent(&world, &browser, &form, "issue", &fields).await;
    assert_eq!(
        (done.status, done.location.as_str()),
        (StatusCode::SEE_OTHER, "/console/agents/reader"),
        "{}",
        done.text
    );
    let shown = blocking(|| world.registry.show(Kind::Agent, "reader")).unwrap();
    assert_eq!((shown.parent.as_deref(), shown.profile.valid_for), (Some("narrow"), 7 * 86_400));
    assert_eq!(shown.profile.budgets[0].to_string(), "1.00 USD/day");
    // Sent twice, it is made once.
    let twice = sent(&world, &browser, &form, "issue", &fields).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(
        twice.text.contains("id=\"name-wrong\"") && twice.text.contains("already_exists"),
        "{}",
        twice.text
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wider_than_the_team_is_refused_by_its_rule_at_its_field_when_it_is_seen_and_when_it_is_issued()
 {
    let world = blocking(World::new);
    blocking(|| narrow(&world));
    let browser = world.signed_in(Role::Owner).await;
    let form = form(&browser.get(&world, &format!("{PATH}?team=narrow")).await);
    let (get, all) = (("actions", "http:GET"), ("resources", "https://crm.example/*"));
    for (field, rule, expected, fields) in [
        ("models", "resource_widened", "models/standard/*", vec![("models", "*")]),
        ("actions", "action_widened", "http:GET", vec![("actions", "http:DELETE"), all]),
        (
            "resources",
            "resource_widened",
            "https://crm.example/*",
            vec![get, ("resources", "https://pay.example/*")],
        ),
        ("budgets", "constraint_widened", "5.00 USD", vec![get, all, ("budgets", "6USD/day")]),
        ("max_depth", "redelegation_not_permitted", "maxDepth at most 0", vec![get, all, ("max_depth", "1")]),
    ] {
        let mut fields = fields;
        fields.extend([("team", "narrow"), ("name", "wide")]);
        for step in ["preview", "issue"] {
            let page = sent(&world, &browser, &form, step, &fields).await;
            let what = format!("{field} {step}: {}", page.text);
            assert_eq!(page.status, StatusCode::CONFLICT, "{what}");
            let at = page.text.split(&format!("id=\"{field}-wrong\"")).nth(1).expect(&what);
            let said = at.split("</div>").next().unwrap();
            for part in [rule, expected, "Expected", "Found"] {
                assert!(said.contains(part), "{part}: {what}");
            }
            assert!(page.text.contains("aria-invalid=\"true\""), "{what}");
        }
        assert!(blocking(|| world.registry.show(Kind::Agent, "wide")).is_err(), "{field}");
    }
    // What can't be read is told at its field, too.
    for (field, fields) in [
        ("name", vec![("name", "Not A Name"), get, all]),
        ("constraints", vec![("name", "a"), get, all, ("constraints", "{")]),
        ("constraints", vec![("name", "a"), get, all, ("constraints", "{\"type\":\"none\"}")]),
        ("budgets", vec![("name", "a"), get, all, ("budgets", "much")]),
        ("valid_for", vec![("name", "a"), get, all, ("valid_for", "soon")]),
        ("valid_for", vec![("name", "a"), get, all, ("valid_for", "4000d")]),
        ("resources", vec![("name", "a"), get]),
        ("models", vec![("name", "a")]),
    ] {
        let mut fields = fields;
        fields.push(("team", "narrow"));
        let page = sent(&world, &browser, &form, "preview", &fields).await;
        assert!(page.status.is_client_error(), "{fields:?}: {}", page.status);
        assert!(page.text.contains(&format!("id=\"{field}-wrong\"")), "{fields:?}: {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_groups_within_the_team_are_offered_and_a_team_is_chosen_where_there_are_several() {
    let world = blocking(World::new);
    blocking(|| narrow(&world));
    let browser = world.signed_in(Role::Operator).await;
    let (_upstream, _) = world.calling("bot");
    let choice = browser.get(&world, PATH).await;
    assert!(choice.text.contains("<option>narrow</option>"), "{}", choice.text);
    let narrow = browser.get(&world, &format!("{PATH}?team=narrow")).await;
    assert!(
        narrow.text.contains("value=\"standard\"") && !narrow.text.contains("value=\"*\""),
        "{}",
        narrow.text
    );
    let wide = browser.get(&world, &format!("{PATH}?team=sales")).await;
    assert!(wide.text.contains("value=\"standard\"") && wide.text.contains("value=\"*\""), "{}", wide.text);
    blocking(|| world.registry.suspend(Kind::Team, "narrow", now())).unwrap();
    let page = browser.get(&world, &format!("{PATH}?team=narrow")).await;
    assert!(page.text.contains("can give nothing at the moment"), "{}", page.text);
    let form = form(&page);
    let fields = [("team", "narrow"), ("name", "late"), ("models", "standard")];
    let page = sent(&world, &browser, &form, "preview", &fields).await;
    assert!(page.status == StatusCode::CONFLICT && page.text.contains("wrong_state"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_looks_sees_what_would_be_given_and_gives_nothing() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Auditor).await;
    let form = form(&browser.get(&world, &format!("{PATH}?team=sales")).await);
    let fields = [("team", "sales"), ("name", "mine"), ("models", "*")];
    assert_eq!(sent(&world, &browser, &form, "preview", &fields).await.status, StatusCode::OK);
    let page = sent(&world, &browser, &form, "issue", &fields).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
    assert!(blocking(|| world.registry.show(Kind::Agent, "mine")).is_err());
    // Nobody gives what administers beyond oneself.
    let fields = [
        ("team", "sales"),
        ("name", "mine"),
        ("actions", "admin:*"),
        ("resources", "https://acme.example/v1/*"),
    ];
    let page = sent(&world, &browser, &form, "preview", &fields).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
    assert!(page.text.contains("wider_than_parent"), "{}", page.text);
}
