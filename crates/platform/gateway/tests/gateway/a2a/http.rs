//! The same by HTTP+JSON: the same actions, facts, tasks and approvals, in the words of that binding.

use super::{Hotel, JSON, approver, denied, get, grant, nights, post_to, result, task, uuid};
use crate::world::Answer;
use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use legation_tests::upstream::{Plan, Seen, Upstream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const A2A_JSON: &str = "application/a2a+json";

/// An agent of both bindings: a message begins the task `task-N` of the N-th request.
fn agent() -> Upstream {
    let script = |seen: &Seen, count: usize| {
        let id = format!("task-{}", count + 1);
        let named = seen.json()["message"]["taskId"].as_str().map_or(id.clone(), str::to_owned);
        let done = json!({"id": named, "contextId": format!("context-{named}"), "status": {"state": "TASK_STATE_COMPLETED"}});
        if seen.path == "/rpc" {
            return Plan::body(200, JSON, result(seen, &json!({"task": done})));
        }
        let path = seen.path.split('?').next().unwrap_or_default();
        match (seen.method.as_str(), path.trim_start_matches("/acme")) {
            ("POST", "/message:send") => Plan::body(200, A2A_JSON, json!({"task": done}).to_string()),
            ("POST", "/message:stream") => {
                let update = json!({"statusUpdate": {"taskId": id, "contextId": format!("context-{id}"),
                    "status": {"state": "TASK_STATE_WORKING"}}});
                let begun = format!("data: {}\n\n", json!({"task": done}));
                Plan::body(200, "text/event-stream", begun + &format!("data: {update}\n\n").repeat(50))
                    .hang_after(2000)
            }
            ("GET", "/tasks") => {
                let tasks: Vec<Value> =
                    (1..20).map(|number| json!({"id": format!("task-{number}")})).collect();
                let list = json!({"tasks": tasks, "totalSize": 19, "pageSize": 50, "nextPageToken": ""});
                Plan::body(200, JSON, list.to_string())
            }
            ("DELETE", _) => Plan::body(204, "", ""),
            _ => Plan::body(200, JSON, json!({"id": "task-1", "status": {}}).to_string()),
        }
    };
    Upstream::start(script).unwrap()
}

/// A request of this binding.
fn asks(method: &str, path: &str, key: &str, body: &str) -> Request<Body> {
    let builder = Request::builder().method(method).uri(format!("/hotel/{path}"));
    let builder = builder.header("authorization", format!("Bearer {key}")).header("a2a-version", "1.0");
    builder.header("content-type", A2A_JSON).body(Body::from(body.to_owned())).unwrap()
}

fn says(data: &Value, members: &Value) -> String {
    let mut message = json!({"messageId": uuid(), "role": "ROLE_USER", "parts": [{"data": data}], "metadata": {"skillId": "book"}});
    message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({"message": message}).to_string()
}

impl Hotel {
    async fn over_http(&self, method: &str, path: &str, key: &str, body: &str) -> Answer {
        self.world.send(0, asks(method, path, key, body)).await
    }

    /// What the agent was asked last.
    fn asked_last(&self) -> (String, String) {
        let seen = self.upstream.requests().pop().unwrap();
        (seen.method, seen.path)
    }
}

/// Status, reason and our code of an error.
fn refused(answer: &Answer) -> (u16, String, String) {
    let json = answer.json();
    let (status, error) = (answer.status.as_u16(), &json["error"]);
    assert_eq!(answer.headers["content-type"], A2A_JSON, "{}", answer.text());
    assert_eq!(error["code"], status, "{}", answer.text());
    assert!(error["status"].is_string() && error["message"].is_string(), "{}", answer.text());
    let info = &error["details"][0];
    assert_eq!(info["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (status, said(&info["reason"]), said(&info["metadata"]["code"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skill_is_the_same_action_by_both_bindings() {
    let hotel = Hotel::of(agent());
    let key = hotel.agent("mail", &["skill:book"], vec![nights(3)]);
    let passed =
        hotel.over_http("POST", "message:send", &key, &says(&json!({"nights": 3}), &json!({}))).await;
    assert_eq!(passed.json()["task"]["id"], "task-1", "{}", passed.text());
    assert_eq!(passed.headers["content-type"], A2A_JSON);
    let seen = hotel.upstream.requests().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/message:send"));
    assert_eq!((seen.header("a2a-version"), seen.header("authorization")), (Some("1.0"), None));
    for (path, data, members, code) in [
        ("message:send", json!({"nights": 4}), json!({}), "constraint_violated"),
        ("message:stream", json!({"nights": 4}), json!({}), "constraint_violated"),
        ("message:send", json!({}), json!({}), "missing_fact"),
        ("message:send", json!({"nights": 1}), json!({"metadata": {"skillId": "refund"}}), "not_granted"),
        ("message:send", json!({"nights": 1}), json!({"metadata": {}}), "not_granted"),
    ] {
        let denied = hotel.over_http("POST", path, &key, &says(&data, &members)).await;
        assert_eq!(refused(&denied), (403, code.to_ascii_uppercase(), code.to_owned()), "{path}");
        let told = denied.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(told.contains(code) && told.contains("What can be done"), "{told}");
    }
    assert_eq!(hotel.upstream.count(), 1, "nothing of what was denied was sent");
    // The same asked by either binding is one request, in one receipt's words.
    assert_eq!(task(&hotel.book(&key, json!({"nights": 3}), json!({})).await), "task-2");
    let bodies = hotel.world.bodies();
    let permits: Vec<&Value> = bodies.iter().filter(|body| body["decision"] == "permit").collect();
    let [first, second] = permits.as_slice() else { panic!("{bodies:?}") };
    assert_eq!(first["request"]["action"], second["request"]["action"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_of_whoever_began_them_by_either_binding() {
    let hotel = Hotel::of(agent());
    let may = ["skill:book", "tasks/pushNotificationConfig/*"];
    let (own, other) = (hotel.agent("mail", &may, vec![]), hotel.agent("eve", &may, vec![]));
    let by_rpc = task(&hotel.book(&own, json!({}), json!({})).await);
    let by_http = hotel.over_http("POST", "message:send", &own, &says(&json!({}), &json!({}))).await;
    let by_http = by_http.json()["task"]["id"].as_str().unwrap().to_owned();
    assert_eq!((by_rpc.as_str(), by_http.as_str()), ("task-1", "task-2"));
    let place = json!({"url": "https://hooks.acme.example/x"}).to_string();
    for id in [&by_rpc, &by_http] {
        for (method, path, body) in [
            ("GET", format!("tasks/{id}"), ""),
            ("GET", format!("tasks/{id}?historyLength=2"), ""),
            ("POST", format!("tasks/{id}:cancel"), ""),
            ("POST", format!("tasks/{id}:cancel"), "{}"),
            ("POST", format!("tasks/{id}:subscribe"), ""),
            ("GET", format!("tasks/{id}:subscribe"), ""),
            ("POST", format!("tasks/{id}/pushNotificationConfigs"), place.as_str()),
            ("GET", format!("tasks/{id}/pushNotificationConfigs"), ""),
            ("GET", format!("tasks/{id}/pushNotificationConfigs/one"), ""),
            ("DELETE", format!("tasks/{id}/pushNotificationConfigs/one"), ""),
        ] {
            let before = hotel.upstream.count();
            let theirs = hotel.over_http(method, &path, &other, body).await;
            assert_eq!(
                refused(&theirs),
                (404, "TASK_NOT_FOUND".to_owned(), "task_unknown".to_owned()),
                "{path}"
            );
            assert_eq!(theirs.json()["error"]["details"][0]["domain"], "a2a-protocol.org");
            assert_eq!(hotel.upstream.count(), before, "{path}");
            let mine = hotel.over_http(method, &path, &own, body).await;
            assert!(mine.status.is_success(), "{method} {path}: {}", mine.text());
            assert_eq!(hotel.asked_last(), (method.to_owned(), format!("/{path}")));
        }
        let more = says(&json!({}), &json!({"taskId": id}));
        assert_eq!(refused(&hotel.over_http("POST", "message:send", &other, &more).await).0, 404);
        assert_eq!(denied(&hotel.ask(&other, "GetTask", json!({"id": id})).await).0, -32001);
    }
    let list = hotel.over_http("GET", "tasks?pageSize=50&status=TASK_STATE_COMPLETED", &own, "").await.json();
    assert_eq!(list["tasks"], json!([{"id": "task-1"}, {"id": "task-2"}]), "{list}");
    assert_eq!(list["totalSize"], 2);
    let list = hotel.over_http("GET", "tasks", &other, "").await.json();
    assert_eq!((&list["tasks"], &list["totalSize"]), (&json!([]), &json!(0)));
    let context = hotel.over_http("GET", "tasks?contextId=context-task-1", &other, "").await;
    assert_eq!(refused(&context).0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_read_in_two_ways_at_a_path_is_not_passed_on() {
    let hotel = Hotel::of(agent());
    let key = hotel.agent("mail", &["*"], vec![]);
    let begun = hotel.over_http("POST", "message:send", &key, &says(&json!({}), &json!({}))).await;
    assert_eq!(begun.json()["task"]["id"], "task-1");
    let (send, get) = (says(&json!({}), &json!({})), String::new());
    let cases: Value = serde_json::from_str(include_str!("../../a2a_bad_requests.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let [method, path] = ["method", "path"].map(|name| case[name].as_str().unwrap());
        let body = match &case["body"] {
            Value::Null if method == "POST" => send.clone(),
            Value::Null => get.clone(),
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let mut request = asks(method, path, &key, &body);
        if let Some(version) = case["version"].as_str() {
            request.headers_mut().insert("a2a-version", version.parse().unwrap());
        }
        let answer = hotel.world.send(0, request).await;
        let (status, _, code) = refused(&answer);
        let expected = (case["status"].as_u64().unwrap(), case["code"].as_str().unwrap());
        assert_eq!((u64::from(status), code.as_str()), expected, "{}: {}", case["name"], answer.text());
    }
    assert_eq!(hotel.upstream.count(), 1);
    let mut twice = asks("GET", "tasks/task-1", &key, "");
    twice.headers_mut().append("a2a-version", "1.0".parse().unwrap());
    assert_eq!(refused(&hotel.world.send(0, twice).await).2, "version_unsupported");
    let mut page = asks("GET", "tasks/task-1", &key, "");
    page.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(refused(&hotel.world.send(0, page).await).2, "origin_denied");
    assert_eq!(hotel.over_http("GET", "tasks/task-1", "legation_nobody", "").await.status, 401);
    assert_eq!(hotel.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_named_by_the_path_and_is_a_fact() {
    let hotel = Hotel::of(agent());
    let acme = json!({"type": "argument", "name": "a2a.tenant", "oneOf": ["acme"]});
    let key = hotel.agent("mail", &["skill:book"], vec![acme]);
    let (plain, named) = (says(&json!({}), &json!({})), |tenant: &str| {
        let mut body: Value = serde_json::from_str(&says(&json!({}), &json!({}))).unwrap();
        body["tenant"] = tenant.into();
        body.to_string()
    });
    let send = async |path: &str, body: &str| hotel.over_http("POST", path, &key, body).await;
    for body in [plain.clone(), named("acme"), named("")] {
        assert_eq!(send("acme/message:send", &body).await.status, 200, "{body}");
        assert_eq!(hotel.asked_last().1, "/acme/message:send");
    }
    assert_eq!(hotel.over_http("GET", "acme/tasks/task-1", &key, "").await.status, 200);
    let before = hotel.upstream.count();
    for (path, body, code) in [
        ("message:send", plain.clone(), "missing_fact"),
        ("evil/message:send", plain.clone(), "constraint_violated"),
        ("acme/evil/message:send", plain, "constraint_violated"),
        ("evil/message:send", named("acme"), "malformed"),
        ("message:send", named("acme"), "malformed"),
        ("acme/message:send", named("evil"), "malformed"),
    ] {
        assert_eq!(refused(&send(path, &body).await).2, code, "{path} {body}");
    }
    assert_eq!(hotel.upstream.count(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_an_approval_waits_as_a_task_by_both_bindings() {
    let hotel = Hotel::of(agent());
    let (boss, above) = approver();
    let key = hotel.agent("mail", &["skill:book"], vec![above.clone()]);
    let eve = hotel.agent("eve", &["skill:book"], vec![above]);
    let dear = json!({"amount": 5001, "currency": "USD"});
    let send = async |path: &str| hotel.over_http("POST", path, &key, &says(&dear, &json!({}))).await;
    let held = send("message:send").await;
    let waits = held.json()["task"].clone();
    assert_eq!((held.status.as_u16(), &held.headers["content-type"]), (200, &A2A_JSON.parse().unwrap()));
    assert_eq!(waits["status"]["state"], "TASK_STATE_AUTH_REQUIRED", "{}", held.text());
    let id = waits["id"].as_str().unwrap().to_owned();
    let streamed = send("message:stream").await;
    assert_eq!(streamed.headers["content-type"], "text/event-stream");
    let event = streamed.text();
    let event: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap().trim_end()).unwrap();
    assert_eq!(event["task"]["status"]["state"], "TASK_STATE_AUTH_REQUIRED");
    let path = format!("tasks/{id}");
    let state = async || hotel.over_http("GET", &path, &key, "").await.json()["status"]["state"].clone();
    assert_eq!(state().await, "TASK_STATE_AUTH_REQUIRED");
    let by_rpc = hotel.ask(&key, "GetTask", json!({"id": id})).await;
    assert_eq!(by_rpc.json()["result"]["status"]["state"], "TASK_STATE_AUTH_REQUIRED", "{}", by_rpc.text());
    assert_eq!(refused(&hotel.over_http("GET", &path, &eve, "").await).0, 404);
    assert_eq!(hotel.upstream.count(), 0);
    grant(&hotel.world, &id, &boss);
    assert_eq!(state().await, "TASK_STATE_INPUT_REQUIRED");
    assert_eq!(send("message:send").await.json()["task"]["id"], "task-1");
    assert_eq!(state().await, "TASK_STATE_COMPLETED");
    assert_eq!(
        send("message:send").await.json()["task"]["status"]["state"],
        "TASK_STATE_AUTH_REQUIRED",
        "it was used"
    );
    assert_eq!(hotel.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_passes_and_ends_by_an_event_of_its_own_where_its_caller_is_stopped() {
    let hotel = Hotel::of(agent());
    let key = hotel.agent("mail", &["skill:book"], vec![]);
    let request = asks("POST", "message:stream", &key, &says(&json!({}), &json!({})));
    let response = hotel.world.begin(0, request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("task-1"), "{first:?}");
    assert_eq!(
        hotel.over_http("GET", "tasks/task-1", &key, "").await.status,
        200,
        "it is known before it has ended"
    );
    hotel.world.suspend("mail");
    let begin = Instant::now();
    let rest = body.collect().await.unwrap().to_bytes();
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let all = String::from_utf8_lossy(&[first, rest].concat()).into_owned();
    let last = all.split("event: error\ndata: ").nth(1).unwrap_or_else(|| panic!("{all}"));
    let last: Value = serde_json::from_str(last.trim_end()).unwrap();
    assert_eq!(last["error"]["details"][0]["metadata"]["code"], "link_suspended", "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_answers_is_read_strictly_before_it_is_anybodys() {
    let script = |seen: &Seen, _: usize| {
        let answer = seen.path.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
        let task = json!({"id": "always-this", "contextId": "", "status": {}});
        match answer.as_str() {
            "both" => Plan::body(400, JSON, json!({"error": {}, "tasks": [task]}).to_string()),
            "twice" => Plan::body(200, JSON, r#"{"task":{"id":"a","id":"b","status":{}}}"#),
            "moved" => Plan::body(302, JSON, "{}"),
            "words" => Plan::body(404, "text/plain", "no"),
            "error" => Plan::body(404, JSON, json!({"error": {"code": 404, "message": "gone"}}).to_string()),
            _ => Plan::body(200, JSON, json!({"task": task}).to_string()),
        }
    };
    let hotel = Hotel::of(Upstream::start(script).unwrap());
    let (own, eve) = (hotel.agent("mail", &["*"], vec![]), hotel.agent("eve", &["*"], vec![]));
    let send = async |place: &str, key: &str| {
        hotel.over_http("POST", &format!("{place}/message:send"), key, &says(&json!({}), &json!({}))).await
    };
    assert_eq!(send("task", &own).await.status, 200);
    let theirs = send("task", &eve).await;
    assert_eq!(refused(&theirs).2, "upstream_failed");
    assert!(!theirs.text().contains("always-this"), "{}", theirs.text());
    for place in ["twice", "moved", "words"] {
        assert_eq!(
            refused(&send(place, &own).await),
            (502, "UPSTREAM_FAILED".to_owned(), "upstream_failed".to_owned()),
            "{place}"
        );
    }
    let both = hotel.over_http("GET", "both/tasks", &eve, "").await;
    assert_eq!(refused(&both).2, "upstream_failed", "tasks of others beside an error: {}", both.text());
    let error = send("error", &own).await;
    assert_eq!((error.status.as_u16(), &error.json()["error"]["message"]), (404, &json!("gone")));
    // The card is read at its own address as before.
    assert_eq!(hotel.world.send(0, get(&own, "/hotel/.well-known/agent-card.json")).await.status, 200);
    assert!(
        hotel.world.send(0, post_to("/hotel/rpc", &own, "{}".to_owned())).await.json()["error"].is_object()
    );
}
