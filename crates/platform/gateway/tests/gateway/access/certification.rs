//! The scenario by which OpenID certifies decision points (Authorization API 1.0, certification scenario, e287920): its fixture as agents,
//! delegations and one policy, and its requests, with the numbers that they have there.

use super::Asked;
use crate::world::{Answer, get, post_to};
use legation_registry::Profile;
use serde_json::{Value, json};

/// Rules 4 to 6 of C.1.4. Who is an admin the organization says by a tag, and whoever asks may say it, too.
const POLICY: &str = r#"
    forbid (principal == Agent::"bob", action, resource == Resource::"authzen://record/record-1")
    when { context.action == "write" };
    forbid (principal, action, resource)
    when { context.action == "write" && context.text.hasTag("resource.status")
           && context.text.getTag("resource.status") == "archived" }
    unless { principal in Tag::"admin"
             || (context.text.hasTag("subject.role") && context.text.getTag("subject.role") == "admin") };
"#;

struct Fixture {
    asked: Asked,
    gate: String,
}

impl Fixture {
    fn new() -> Self {
        let asked = Asked::new();
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let soft = json!({"type": "argument", "name": "action.soft", "equals": true, "actions": ["delete"]});
        let alice = Profile {
            actions: texts(&["read", "write", "delete"]),
            resources: texts(&["authzen://record/record-1", "authzen://record/record-2"]),
            ..Profile::default()
        };
        asked.users(&alice, POLICY);
        let tags = texts(&["user"]);
        asked.user("alice", &Profile { constraints: vec![soft], tags, ..alice.clone() });
        let (actions, tags) = (texts(&["read", "write"]), texts(&["user", "admin"]));
        asked.user("bob", &Profile { actions, tags, ..alice });
        let gate = asked.gate();
        Self { asked, gate }
    }

    async fn at(&self, path: &str, body: &Value) -> Answer {
        self.asked.at(path, &self.gate, body).await
    }

    async fn decides(&self, body: &Value) -> Value {
        let answer = self.at("evaluation", body).await;
        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(answer.headers["content-type"], "application/json");
        answer.json()["decision"].clone()
    }

    async fn batch(&self, body: &Value) -> Vec<Value> {
        let answer = self.at("evaluations", body).await;
        assert_eq!(answer.status, 200, "{body}");
        let all = answer.json();
        all["evaluations"].as_array().unwrap().iter().map(|one| one["decision"].clone()).collect()
    }

    async fn found(&self, what: &str, body: &Value) -> Vec<Value> {
        let answer = self.at(&format!("search/{what}"), body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.json());
        answer.json()["results"].as_array().unwrap().clone()
    }
}

fn ask(subject: &str, action: &str, resource: &str) -> Value {
    json!({
        "subject": {"type": "user", "id": subject}, "action": {"name": action},
        "resource": {"type": "record", "id": resource},
    })
}

fn with(mut body: Value, of: &str, properties: Value) -> Value {
    body[of]["properties"] = properties;
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn basic_core_and_properties() {
    let fixture = Fixture::new();
    let archived = || json!({"status": "archived"});
    let context = json!({"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"});
    let mut said = ask("alice", "read", "record-1");
    said["context"] = context;
    let mut unknown = ask("alice", "read", "record-1");
    unknown["foo"] = "bar".into();
    unknown["futureField"] = json!({"nested": true});
    let mut more =
        with(ask("alice", "read", "record-1"), "subject", json!({"department": "Sales", "role": "manager"}));
    more["action"]["properties"] = json!({"method": "GET"});
    more["resource"]["properties"] = json!({"status": "active", "owner": "bob"});
    let admin = with(ask("bob", "write", "record-2"), "subject", json!({"role": "admin"}));
    for (body, expected) in [
        (ask("alice", "read", "record-1"), true),
        (ask("alice", "write", "record-1"), true),
        (ask("bob", "read", "record-1"), true),
        (ask("bob", "write", "record-1"), false),
        (said, true),
        (with(ask("alice", "write", "record-2"), "resource", archived()), false),
        (with(admin, "resource", archived()), true),
        (with(ask("alice", "delete", "record-1"), "action", json!({"soft": true})), true),
        (with(ask("alice", "delete", "record-1"), "action", json!({"soft": false})), false),
        (more, true),
        (unknown, true),
    ] {
        for _ in 0..3 {
            assert_eq!(fixture.decides(&body).await, expected, "{body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn basic_errors_and_headers() {
    let fixture = Fixture::new();
    let send = |body: String| post_to("/access/v1/evaluation", &fixture.gate, body);
    let good = ask("alice", "read", "record-1");
    for (of, member) in
        [("subject", "type"), ("subject", "id"), ("action", "name"), ("resource", "type"), ("resource", "id")]
    {
        let mut body = good.clone();
        body[of].as_object_mut().unwrap().remove(member);
        assert_eq!(fixture.at("evaluation", &body).await.status, 400, "{of}.{member}");
        body.as_object_mut().unwrap().remove(of);
        assert_eq!(fixture.at("evaluation", &body).await.status, 400, "{of}");
        body[of] = "alice".into();
        assert_eq!(fixture.at("evaluation", &body).await.status, 400, "{of}");
    }
    for body in ["", "{", "[]"] {
        assert_eq!(fixture.asked.world.send(0, send(body.to_owned())).await.status, 400, "{body}");
    }
    let mut text = send(good.to_string());
    text.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(fixture.asked.world.send(0, text).await.status, 400, "C.2.4.3");
    let mut numbered = send(good.to_string());
    numbered.headers_mut().insert("x-request-id", "r-1".parse().unwrap());
    numbered.headers_mut().insert("content-type", "application/json; charset=utf-8".parse().unwrap());
    let answer = fixture.asked.world.send(0, numbered).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["x-request-id"]), (200, &"r-1".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_core_and_properties() {
    let fixture = Fixture::new();
    let record =
        |id: &str, status: &str| json!({"type": "record", "id": id, "properties": {"status": status}});
    let (subject, read) = (json!({"type": "user", "id": "alice"}), json!({"name": "read"}));
    let write = json!({"name": "write"});
    let one = json!({"type": "record", "id": "record-1"});
    let two = json!({"type": "record", "id": "record-2"});
    let admin = json!({"type": "user", "id": "bob", "properties": {"role": "admin"}});
    let time = json!({"time": "2025-06-27T18:03-07:00"});
    for (body, expected) in [
        (
            json!({"subject": subject, "action": read, "evaluations": [{"resource": one}, {"resource": two}]}),
            [true, true],
        ),
        (
            json!({"subject": {"type": "user", "id": "bob"}, "resource": one,
                   "evaluations": [{"action": read}, {"action": write}]}),
            [true, false],
        ),
        (
            json!({"subject": subject, "action": write, "evaluations": [
                {"resource": record("record-1", "active")}, {"resource": record("record-2", "archived")}]}),
            [true, false],
        ),
        (
            json!({"action": write, "resource": record("record-2", "archived"),
                   "evaluations": [{"subject": subject}, {"subject": admin}]}),
            [false, true],
        ),
        (
            json!({"evaluations": [ask("alice", "read", "record-1"), ask("bob", "write", "record-1")]}),
            [true, false],
        ),
        (
            json!({"subject": subject, "action": read, "context": time,
                   "evaluations": [{"resource": one}, {"resource": two, "context": {"source": "batch-override"}}]}),
            [true, true],
        ),
        (
            json!({"subject": subject, "action": write, "resource": record("record-1", "active"),
                   "evaluations": [{}, {"resource": record("record-2", "archived")}]}),
            [true, false],
        ),
        (
            json!({"subject": subject, "action": read, "options": {"evaluations_semantic": "execute_all"},
                   "evaluations": [{"resource": one}, {}]}),
            [true, false],
        ),
    ] {
        assert_eq!(fixture.batch(&body).await, expected, "{body}");
    }
    let mut alone = ask("alice", "read", "record-1");
    assert_eq!(fixture.at("evaluations", &alone).await.json(), json!({"decision": true}));
    alone["evaluations"] = json!([]);
    assert_eq!(fixture.at("evaluations", &alone).await.json(), json!({"decision": true}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_core_and_properties() {
    let fixture = Fixture::new();
    let user = |id: &str| json!({"type": "user", "id": id});
    let record = |id: &str| json!({"type": "record", "id": id});
    let without = |mut body: Value, of: &str, member: &str| {
        body[of].as_object_mut().unwrap().remove(member);
        body
    };
    // C.4.2, with and without what has to be ignored.
    let named = ask("alice", "read", "record-1");
    let open = without(named.clone(), "subject", "id");
    let mut timed = open.clone();
    timed["context"] = json!({"time": "2025-06-27T18:03-07:00"});
    for body in [&named, &open, &timed] {
        assert_eq!(fixture.found("subject", body).await, [user("alice"), user("bob")], "{body}");
    }
    let archived = with(ask("", "write", "record-2"), "resource", json!({"status": "archived"}));
    assert_eq!(fixture.found("subject", &archived).await, [user("bob")]);
    // C.4.3
    for body in [&named, &without(named.clone(), "resource", "id")] {
        assert_eq!(fixture.found("resource", body).await, [record("record-1"), record("record-2")], "{body}");
    }
    let admin = with(ask("bob", "write", "record-1"), "subject", json!({"role": "admin"}));
    assert_eq!(fixture.found("resource", &admin).await, [record("record-2")]);
    // C.4.4
    let mut what = named.clone();
    what.as_object_mut().unwrap().remove("action");
    assert_eq!(fixture.found("action", &what).await, [json!({"name": "read"}), json!({"name": "write"})]);
    let what = json!({"subject": admin["subject"], "resource": archived["resource"]});
    assert_eq!(fixture.found("action", &what).await, [json!({"name": "read"}), json!({"name": "write"})]);
    // C.4.6
    for (what, body) in [
        ("action", json!({"subject": user("nonexistent-user"), "resource": record("record-1")})),
        ("action", json!({"subject": {"type": "spaceship", "id": "alice"}, "resource": record("record-1")})),
        ("action", json!({"subject": user("alice"), "resource": {"type": "spaceship", "id": "record-1"}})),
        (
            "subject",
            json!({"subject": {"type": "spaceship"}, "action": {"name": "read"}, "resource": record("record-1")}),
        ),
        (
            "subject",
            json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": record("record-9")}),
        ),
        (
            "resource",
            json!({"subject": user("nobody"), "action": {"name": "read"}, "resource": {"type": "record"}}),
        ),
        (
            "resource",
            json!({"subject": user("alice"), "action": {"name": "read"}, "resource": {"type": "spaceship"}}),
        ),
    ] {
        assert!(fixture.found(what, &body).await.is_empty(), "{what} {body}");
    }
    // C.4.7
    for (what, body) in [
        ("subject", json!({"subject": {"type": "user"}, "resource": record("record-1")})),
        ("subject", without(open.clone(), "resource", "id")),
        ("resource", json!({"action": {"name": "read"}, "resource": {"type": "record"}})),
        ("resource", without(open.clone(), "resource", "id")),
        ("action", json!({"subject": user("alice")})),
        ("action", json!({"subject": {"type": "user"}, "resource": record("record-1")})),
    ] {
        assert_eq!(fixture.at(&format!("search/{what}"), &body).await.status, 400, "{what} {body}");
    }
}

/// C.4.5: one at a time, up to the empty token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_by_pages() {
    let fixture = Fixture::new();
    let mut body = ask("alice", "read", "record-1");
    body["page"] = json!({"limit": 1});
    let mut found = Vec::new();
    for _ in 0..5 {
        let answer = fixture.at("search/subject", &body).await.json();
        found.extend(
            answer["results"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        let token = answer["page"]["next_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
        body["page"] = json!({ "token": token });
    }
    assert_eq!(found, ["alice", "bob"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery() {
    let fixture = Fixture::new();
    let answer = fixture.asked.world.send(0, get("", "/.well-known/authzen-configuration")).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let metadata = answer.json();
    assert_eq!(metadata["policy_decision_point"], "https://acme.example");
    for name in
        ["access_evaluation", "access_evaluations", "search_subject", "search_resource", "search_action"]
    {
        let url = metadata[format!("{name}_endpoint")].as_str().unwrap().to_owned();
        let path = url.strip_prefix("https://acme.example/access/v1/").unwrap();
        assert_eq!(fixture.at(path, &json!({})).await.status, 400, "{name} is there");
    }
}
