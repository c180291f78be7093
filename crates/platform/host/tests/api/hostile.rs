//! What strangers' words and another tenant's admins come to.

use crate::world::{Admin, World, blocking, both, told};
use serde_json::{Value, json};

/// Words that mean something to somebody, names that look like others, and what is far too long.
fn words() -> Vec<String> {
    let some = [
        "'; DROP TABLE holder; --",
        "\" OR \"1\"=\"1",
        "$1, ?1, %s, {0}",
        "<script>alert(1)</script>",
        "{{7*7}}${7*7}",
        "$(reboot)`reboot`|reboot;reboot",
        "../../../../etc/passwd",
        "a\r\nSet-Cookie: a=b",
        "\u{1b}[2J\u{7}",
        "\u{202e}tob\u{2066}",
        "a\u{0}b",
        // Letters of Cyrillic and of full width, and ones that are not there.
        "b\u{43e}t",
        "\u{ff42}\u{ff4f}\u{ff54}",
        "bot\u{200b}",
        "%00%2e%2e%2f",
        "=HYPERLINK(\"https://evil.example\")",
        "\u{1f600}",
        "",
        " ",
    ];
    let mut words: Vec<String> = some.map(str::to_owned).to_vec();
    words.push("a".repeat(10_000));
    words.push("\u{e4}".repeat(10_000));
    words
}

/// What is asked with a word in the place of each text.
fn asked(word: &str) -> Vec<(&'static str, String, Value)> {
    let name = |number: usize| format!("plain-{number}");
    let path: String = word.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut all = vec![
        ("POST", "/v1/agents".to_owned(), json!({"name": word, "models": ["a"]})),
        ("POST", "/v1/teams".to_owned(), json!({"name": word})),
        ("POST", "/v1/agents".to_owned(), json!({"name": name(0), "team": word, "models": ["a"]})),
        ("POST", "/v1/api-keys".to_owned(), json!({"agent": word})),
        ("POST", "/v1/api-keys".to_owned(), json!({"agent": "known", "name": word})),
        ("POST", "/v1/admins".to_owned(), json!({"did": word, "role": "auditor"})),
        ("POST", "/v1/admins".to_owned(), json!({"did": Admin::new().did, "actions": [word]})),
        ("POST", "/v1/domains".to_owned(), json!({"name": word})),
        ("POST", "/v1/delegation-blocks".to_owned(), json!({"digest": word, "reason": word})),
        ("POST", "/v1/alerts".to_owned(), json!({"url": word, "on": [word]})),
        ("POST", "/v1/signals/receivers".to_owned(), json!({"name": word, "audience": word})),
        ("PUT", "/v1/agents/known".to_owned(), json!({"models": [word]})),
        ("PUT", "/v1/agents/known".to_owned(), json!({"models": ["a"], "budgets": [word]})),
        (
            "PUT",
            "/v1/agents/known".to_owned(),
            json!({"models": ["a"], "actions": [word], "resources": [word]}),
        ),
    ];
    for member in ["purpose", "owner"] {
        all.push(("PUT", "/v1/agents/known".to_owned(), json!({"models": ["a"], member: word})));
    }
    for member in ["tags", "capabilities"] {
        all.push(("PUT", "/v1/agents/known".to_owned(), json!({"models": ["a"], member: [word]})));
    }
    if !path.is_empty() && path.len() < 8000 {
        for (method, at, body) in [
            ("GET", "/v1/agents/", Value::Null),
            ("POST", "/v1/api-keys/{}/block", Value::Null),
            ("POST", "/v1/delegations/{}/revoke", json!({"reason": word})),
            ("PUT", "/v1/secrets/", json!({"origin": word, "secret": word})),
            ("PUT", "/v1/models/", json!({"name": word, "group": word, "targets": []})),
            ("PUT", "/v1/routes/", json!({"name": word})),
            ("DELETE", "/v1/domains/", Value::Null),
        ] {
            let target = if at.contains("{}") { at.replace("{}", &path) } else { format!("{at}{path}") };
            all.push((method, target, body));
        }
        for query in ["begins", "tag", "team", "after", "limit", "other"] {
            all.push(("GET", format!("/v1/agents?{query}={path}"), Value::Null));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_means_more_than_a_text_and_what_is_kept_is_told_as_it_was_said() {
    for world in both() {
        world.done("POST", "/v1/agents", json!({"name": "known", "models": ["a"]})).await;
        world.done("POST", "/v1/agents", json!({"name": "bot", "models": ["a"]})).await;
        let before = world.done("GET", "/v1/agents/bot", Value::Null).await;
        let rates = legation_host::api::Rates::default();
        let slow = legation_host::api::Rate { burst: u32::MAX, ..rates.admin };
        let world = world.limited(legation_host::api::Rates { admin: slow, source: slow, open: slow });
        for word in words() {
            for (method, target, body) in asked(&word) {
                let answer = world.ask(&world.admin, method, &target, &body).await;
                let status = answer.status.as_u16();
                let engine = world.engine;
                assert!(
                    (200..500).contains(&status),
                    "{engine}: {method} {target} {body}: {}",
                    answer.text()
                );
                assert!(answer.json().is_object(), "{engine}: {method} {target}: {}", answer.text());
                let kept = status == 200 && target == "/v1/agents/known";
                for member in ["purpose", "owner", "tags", "capabilities"] {
                    if let Some(said) = body.get(member).filter(|_| kept) {
                        let shown = world.done("GET", "/v1/agents/known", Value::Null).await;
                        assert_eq!(&shown[member], said, "{engine}");
                    }
                }
            }
        }
        // A name is of few letters, so that none looks like another one in other letters.
        let agents = world.done("GET", "/v1/agents?limit=1000", Value::Null).await;
        for agent in agents["agents"].as_array().unwrap() {
            let name = agent["name"].as_str().unwrap();
            assert!(
                name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            );
        }
        assert_eq!(world.done("GET", "/v1/agents/bot", Value::Null).await, before, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_another_tenants_is_not_there() {
    for world in both() {
        world.done("POST", "/v1/agents", json!({"name": "bot", "models": ["a"]})).await;
        world.done("POST", "/v1/teams", json!({"name": "sales"})).await;
        world.done("POST", "/v1/domains", json!({"name": "acme.test"})).await;
        let key = world.done("POST", "/v1/api-keys", json!({"agent": "bot"})).await;
        let delegations = world.done("GET", "/v1/delegations?agent=bot", Value::Null).await;
        let (key, link) =
            (key["id"].as_str().unwrap(), delegations["delegations"][0]["id"].as_str().unwrap());
        let (key, link) = (key.to_owned(), link.replace(':', "%3A"));
        let first = world.admin.clone();
        let events = |world: &World| blocking(|| world.registry.events(0, 1000).unwrap().len());
        let before = events(&world);
        let acme = std::sync::Arc::clone(&world.registry);
        // Another organization of the same database and the same signer.
        let mut world = world.without_admins();
        world.admin = world.admin_for(&["admin:*"]);
        for (method, target, body) in [
            ("GET", "/v1/agents/bot".to_owned(), Value::Null),
            ("PUT", "/v1/agents/bot".to_owned(), json!({"models": ["a"]})),
            ("POST", "/v1/agents/bot/suspend".to_owned(), Value::Null),
            ("GET", "/v1/teams/sales".to_owned(), Value::Null),
            ("POST", "/v1/api-keys".to_owned(), json!({"agent": "bot"})),
            ("POST", format!("/v1/api-keys/{key}/block"), Value::Null),
            ("GET", format!("/v1/delegations/{link}"), Value::Null),
            ("POST", format!("/v1/delegations/{link}/revoke"), json!({"reason": "mine"})),
            ("GET", format!("/v1/admins/{}", first.did), Value::Null),
            ("DELETE", format!("/v1/admins/{}", first.did), Value::Null),
            ("DELETE", "/v1/domains/acme.test".to_owned(), Value::Null),
        ] {
            let answer = world.ask(&world.admin, method, &target, &body).await;
            assert_eq!(answer.problem(), told(404, "not_found"), "{}: {method} {target}", world.engine);
        }
        let none = world.done("GET", "/v1/agents", Value::Null).await;
        assert_eq!(none["agents"], json!([]));
        // Nor has an admin of the one a word at the other.
        let answer = world.ask(&first, "GET", "/v1/agents", &Value::Null).await;
        assert_eq!(answer.problem().0, 401, "{}", answer.text());
        assert_eq!(
            blocking(|| acme.events(0, 1000).unwrap().len()),
            before,
            "{}: it was changed",
            world.engine
        );
        assert!(blocking(|| acme.list(legation_store::holder::Kind::Agent, "", 10).unwrap().len()) == 1);
    }
}
