//! Searches: what can be listed whole, to whom, by pages.

use super::{Asked, SHOP, nights};
use crate::world::{blocking, now};
use legation_registry::Profile;
use legation_store::holder::Kind;
use serde_json::{Value, json};

fn subjects() -> Value {
    json!({
        "subject": {"type": "agent"}, "action": {"name": "a2a:skill:book"},
        "resource": {"type": "url", "id": SHOP}, "context": {"facts": {"nights": 3}},
    })
}

fn ids(answer: &Value) -> Vec<String> {
    let found = answer["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
    found.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_searches_what_is_its_own_and_whoever_asks_about_others_needs_to_be_granted_that() {
    let asked = Asked::new();
    let (key, did) = asked.agent("mail", ("a2a:skill:book", SHOP), nights());
    let (other, _) = asked.agent("eve", ("a2a:skill:book", SHOP), vec![]);
    let mine = json!({"subject": {"type": "agent", "id": did}, "resource": {"type": "url", "id": SHOP},
                      "context": {"facts": {"nights": 3}}});
    let names = async |body: &Value| {
        let found = asked.at("search/action", &key, body).await.json();
        let found = found["results"].as_array().unwrap_or_else(|| panic!("{found}")).clone();
        found.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Whoever sends messages follows its tasks, too.
    let all = names(&mine).await;
    assert!(all.iter().any(|name| name == "a2a:skill:book"), "{all:?}");
    // What no evaluation of these facts would let through is not found.
    let mut long = mine.clone();
    long["context"]["facts"]["nights"] = 4.into();
    let without: Vec<String> = all.into_iter().filter(|name| name != "a2a:skill:book").collect();
    assert_eq!(names(&long).await, without);
    for (what, body) in [("action", &mine), ("subject", &subjects())] {
        let told = asked.at(&format!("search/{what}"), &other, body).await;
        assert_eq!(told.told(), (403, "not_granted".to_owned()), "{what}");
    }
    // A name that is nobody's is told as little as one that is somebody's.
    let mut nobody = mine.clone();
    nobody["subject"]["id"] = "nobody".into();
    assert_eq!(asked.at("search/action", &other, &nobody).await.told(), (403, "not_granted".to_owned()));
    assert_eq!(asked.one(&other, &super::book("nobody", 1)).await.told(), (403, "not_granted".to_owned()));
    assert_eq!(asked.at("search/action", "legation_nobody", &mine).await.status, 401);
    assert!(asked.world.receipts().is_empty(), "nothing was done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_may_are_found_as_they_are_now() {
    let asked = Asked::new();
    let (_, mail) = asked.agent("mail", ("a2a:skill:book", SHOP), nights());
    let (_, eve) = asked.agent("eve", ("a2a:skill:book", SHOP), vec![]);
    asked.agent("reader", ("a2a:skill:read", SHOP), vec![]);
    let gate = asked.gate();
    let found = async |body: &Value| ids(&asked.at("search/subject", &gate, body).await.json());
    assert_eq!(found(&subjects()).await, [eve.clone(), mail.clone()]);
    let mut long = subjects();
    long["context"]["facts"]["nights"] = 4.into();
    assert_eq!(found(&long).await, std::slice::from_ref(&eve));
    blocking(|| {
        let registry = &asked.world.registry;
        registry.suspend(Kind::Agent, "eve", now()).unwrap();
        let text = r#"forbid (principal == Agent::"mail", action, resource);"#;
        registry.put_policy("no-mail", text, now()).unwrap();
        registry.bind_policy("no-mail", None, &legation_policy::Target::Organization, now()).unwrap();
    });
    assert!(found(&subjects()).await.is_empty());
    blocking(|| asked.world.registry.resume(Kind::Agent, "eve", now()).unwrap());
    assert_eq!(found(&subjects()).await, [eve]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_is_refused_and_not_answered_half() {
    let asked = Asked::new();
    let profile = |actions: &[&str], resources: &[&str]| Profile {
        actions: actions.iter().map(|one| (*one).to_owned()).collect(),
        resources: resources.iter().map(|one| (*one).to_owned()).collect(),
        ..Profile::default()
    };
    let wide = profile(&["read", "a2a:*"], &["authzen://record/*", "authzen://file/a", SHOP]);
    asked.users(&wide, "forbid (principal == Agent::\"nobody\", action, resource);");
    asked.user("wide", &wide);
    let gate = asked.gate();
    let mut body = json!({"subject": {"type": "agent", "id": "wide"}, "action": {"name": "read"}});
    for (kind, expected) in [
        ("file", Some(json!([{"type": "file", "id": "a"}]))),
        ("record", None),
        ("url", Some(json!([{"type": "url", "id": SHOP}]))),
    ] {
        body["resource"] = json!({"type": kind});
        let answer = asked.at("search/resource", &gate, &body).await;
        match expected {
            Some(expected) => assert_eq!(answer.json()["results"], expected, "{kind}"),
            None => assert_eq!(answer.told(), (400, "search_not_exact".to_owned()), "{kind}"),
        }
    }
    body["resource"] = json!({"type": "file", "id": "a"});
    let answer = asked.at("search/action", &gate, &body).await;
    assert_eq!(answer.told(), (400, "search_not_exact".to_owned()));
    // Where nothing is granted, nothing is open.
    body["resource"] = json!({"type": "file", "id": "b"});
    assert_eq!(asked.at("search/action", &gate, &body).await.json()["results"], json!([]));
}

/// A name that an evaluation of what is told would not come to is none that can be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_search_tells_is_what_an_evaluation_answers() {
    let asked = Asked::new();
    let profile = |resource: &str| Profile {
        actions: vec!["read".to_owned()],
        resources: vec![resource.to_owned()],
        ..Profile::default()
    };
    let all = ["authzen://record/a%21", "authzen://record/https://shop.example/x", "authzen://a/b/c"];
    let every = Profile { resources: all.map(str::to_owned).to_vec(), ..profile(all[0]) };
    asked.users(&every, "forbid (principal == Agent::\"nobody\", action, resource);");
    for (name, resource) in ["odd", "url", "deep"].into_iter().zip(all) {
        asked.user(name, &profile(resource));
    }
    let gate = asked.gate();
    let body = |id: &str, resource: Value| json!({"subject": {"type": "agent", "id": id}, "action": {"name": "read"}, "resource": resource});
    for name in ["odd", "url"] {
        let answer = asked.at("search/resource", &gate, &body(name, json!({"type": "record"}))).await;
        assert_eq!(answer.told(), (400, "search_not_exact".to_owned()), "{name}");
    }
    // A type is not the beginning of another one's ids.
    let found = asked.at("search/resource", &gate, &body("deep", json!({"type": "a"}))).await.json();
    assert_eq!(found["results"], json!([{"type": "a", "id": "b/c"}]));
    let found = asked.at("search/resource", &gate, &body("deep", json!({"type": "a/b"}))).await.json();
    assert_eq!(found["results"], json!([]));
    for (kind, id, passes) in [("a", "b/c", true), ("a/b", "c", false)] {
        let answer = asked.one(&gate, &body("deep", json!({"type": kind, "id": id}))).await;
        assert_eq!(answer.json()["decision"] == true, passes, "{kind} {id}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_of_one_search_and_end() {
    let asked = Asked::new();
    let names: Vec<String> = (0..120).map(|number| format!("a{number:03}")).collect();
    let profile = Profile {
        actions: vec!["a2a:skill:book".to_owned()],
        resources: vec![SHOP.to_owned()],
        ..Profile::default()
    };
    for (number, name) in names.iter().enumerate() {
        let actions = if number < 110 { vec!["a2a:skill:read".to_owned()] } else { profile.actions.clone() };
        blocking(|| {
            asked.world.registry.add_agent(name, "travel", &Profile { actions, ..profile.clone() }, now())
        })
        .unwrap();
    }
    let gate = asked.gate();
    let mut body = subjects();
    body["page"] = json!({"limit": 4});
    let (mut found, mut pages, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..20 {
        let answer = asked.at("search/subject", &gate, &body).await.json();
        pages.push(ids(&answer).len());
        assert_eq!(answer["page"]["count"], ids(&answer).len());
        found.extend(ids(&answer));
        let token = answer["page"]["next_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
        body["page"] = json!({"token": token, "limit": 4});
        tokens.push(token);
    }
    // The first one has looked at a hundred that may not.
    assert_eq!(pages, [0, 4, 4, 2]);
    let expected: Vec<String> =
        names[110..].iter().map(|name| format!("did:web:acme.example:{name}")).collect();
    assert_eq!(found, expected);
    let refused = async |body: &Value, why: &str| {
        assert_eq!(asked.at("search/subject", &gate, body).await.status, 400, "{why}");
    };
    for (page, why) in [
        (json!({"token": tokens[0], "limit": 5}), "another limit"),
        (json!({"token": "AAAA"}), "no token"),
        (json!({"token": 1}), "no text"),
        (json!({"limit": -1}), "below nothing"),
        (json!([]), "no object"),
    ] {
        body["page"] = page;
        refused(&body, why).await;
    }
    body["page"] = json!({ "token": tokens[0] });
    body["context"]["facts"]["nights"] = 1.into();
    refused(&body, "other facts").await;
    body["page"] = json!({"limit": 0});
    let none = asked.at("search/subject", &gate, &body).await.json();
    assert_eq!(
        (&none["results"], none["page"]["next_token"].as_str().unwrap().is_empty()),
        (&json!([]), false)
    );
}
