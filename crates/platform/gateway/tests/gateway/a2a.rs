//! A2A agents: skills by their data, tasks and contexts of who began them, cards, places for notifications, approvals, streams.

mod http;

use crate::world::{Answer, World, blocking, both, get, local, now, post_to, sqlite};
use ::http::Request;
use axum::body::Body;
use http_body_util::BodyExt;
use legation_agent_card::{Form, Keys, UnverifiedCard, verify};
use legation_credential::{Approval, ApprovalRequest, Securing, approve};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_registry::{
    Profile,
    a2a::Named,
    route::{Route, RouteProtocol},
};
use legation_tests::upstream::{Plan, Seen, Upstream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

const JSON: &str = "application/json";
/// Spaces and order as nobody would write it anew.
const CARD: &str = "{ \"version\":\"1\",\n  \"name\" : \"Hotel\",\"skills\":[ ], \"signatures\": [{\"protected\":\"e30\",\"signature\":\"AA\"}]}\n";

fn result(seen: &Seen, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": result}).to_string()
}

/// An agent of both generations. A message begins the task `task-N` of the N-th request, in the context `context-N`.
fn agent() -> Upstream {
    let script = |seen: &Seen, count: usize| {
        if seen.method == "GET" {
            return Plan::body(200, JSON, CARD).header("etag", "\"one\"");
        }
        let (asked, count) = (seen.json(), count + 1);
        let message = &asked["params"]["message"];
        let or = |name: &str, new: String| message[name].as_str().map_or(new, str::to_owned);
        let (id, context) =
            (or("taskId", format!("task-{count}")), or("contextId", format!("context-{count}")));
        let done = json!({"id": id, "contextId": context, "status": {"state": "TASK_STATE_COMPLETED"}});
        match asked["method"].as_str().unwrap_or_default() {
            "message/send" => {
                let task =
                    json!({"kind": "task", "id": id, "contextId": context, "status": {"state": "completed"}});
                Plan::body(200, JSON, result(seen, &task))
            }
            "SendMessage" => Plan::body(200, JSON, result(seen, &json!({"task": done}))),
            "SendStreamingMessage" => {
                let ids = json!({"taskId": id, "contextId": context});
                let mut update = ids.clone();
                update["status"] = json!({"state": "TASK_STATE_WORKING"});
                let first = result(seen, &json!({"task": done}));
                let other = json!({"jsonrpc": "2.0", "id": "other", "result": {"task": done}});
                let begun = format!("data: {first}\n\ndata: {other}\n\n");
                let more = format!("data: {}\n\n", result(seen, &json!({"statusUpdate": update})));
                Plan::body(200, "text/event-stream", begun + &more.repeat(50)).hang_after(2000)
            }
            "ListTasks" => {
                let tasks: Vec<Value> =
                    (1..20).map(|number| json!({"id": format!("task-{number}")})).collect();
                let list = json!({"tasks": tasks, "totalSize": 19, "pageSize": 50, "nextPageToken": ""});
                Plan::body(200, JSON, result(seen, &list))
            }
            _ => Plan::body(200, JSON, result(seen, &json!({"id": asked["params"]["id"], "status": {}}))),
        }
    };
    Upstream::start(script).unwrap()
}

struct Hotel {
    world: World,
    upstream: Upstream,
    /// Where the agent listens for messages.
    url: String,
}

impl Hotel {
    fn new() -> Self {
        Self::of(agent())
    }

    fn of(upstream: Upstream) -> Self {
        let world = sqlite();
        let route = Route {
            name: "hotel".to_owned(),
            path: "/hotel/".to_owned(),
            upstream: format!("{}/", local(&upstream.origin())),
            protocol: RouteProtocol::A2a,
            ..Route::default()
        };
        let (url, all) = (format!("{}rpc", route.upstream), format!("{}*", route.upstream));
        let team = Profile { actions: vec!["a2a:*".to_owned()], resources: vec![all], ..Profile::default() };
        blocking(|| {
            world.registry.put_route(&route, now()).unwrap();
            world.registry.add_team("travel", &team, now()).unwrap();
        });
        Self { world, upstream, url }
    }

    /// An agent that may do these at all addresses of the route, and its key.
    fn agent(&self, name: &str, actions: &[&str], constraints: Vec<Value>) -> String {
        let actions = actions.iter().map(|action| format!("a2a:{action}")).collect();
        let resources = vec![self.url.replace("/rpc", "/*")];
        let profile = Profile { actions, resources, constraints, ..Profile::default() };
        blocking(|| {
            self.world.registry.add_agent(name, "travel", &profile, now()).unwrap();
            self.world.registry.create_key(name, "test", None, now()).unwrap().secret.to_string()
        })
    }

    async fn ask(&self, key: &str, method: &str, params: Value) -> Answer {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.world.send(0, post_to("/hotel/rpc", key, body.to_string())).await
    }

    /// Asks for a skill with data, in a context and a task where they are named.
    async fn book(&self, key: &str, data: Value, members: Value) -> Answer {
        let mut message = json!({"messageId": uuid(), "role": "ROLE_USER", "parts": [{"data": data}],
            "metadata": {"skillId": "book"}});
        message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.ask(key, "SendMessage", json!({"message": message})).await
    }

    /// What the agent was sent last.
    fn last(&self) -> Value {
        self.upstream.requests().last().unwrap().json()
    }
}

/// Another one each time.
fn uuid() -> String {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    format!("m-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
}

/// The numeric code of an error, and ours.
fn denied(answer: &Answer) -> (i64, String) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let error = &answer.json()["error"];
    let info = &error["data"][0];
    assert_eq!(info["@type"], "type.googleapis.com/google.rpc.ErrorInfo", "{}", answer.text());
    let code = info["metadata"]["code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(info["reason"], code.to_ascii_uppercase());
    (error["code"].as_i64().unwrap_or_default(), code)
}

fn task(answer: &Answer) -> String {
    let id = answer.json()["result"]["task"]["id"].as_str().map(str::to_owned);
    id.unwrap_or_else(|| panic!("{}", answer.text()))
}

fn nights(most: i64) -> Value {
    json!({"type": "argument", "name": "nights", "max": most})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skill_is_decided_by_its_data_and_the_caller_is_told_what_to_do_otherwise() {
    let hotel = Hotel::new();
    let key = hotel.agent("mail", &["skill:book"], vec![nights(3)]);
    let passed = hotel.book(&key, json!({"nights": 3}), json!({})).await;
    assert_eq!(task(&passed), "task-1", "{}", passed.text());
    let long = hotel.book(&key, json!({"nights": 4}), json!({})).await;
    assert_eq!(denied(&long), (403, "constraint_violated".to_owned()));
    let told = long.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("nights") && told.contains('3') && told.contains("What can be done"), "{told}");
    assert_eq!(denied(&hotel.book(&key, json!({}), json!({})).await).1, "missing_fact");
    // The same without a skill, of another skill, and in the older words.
    let send = |method: &'static str, message: Value| {
        let (hotel, key) = (&hotel, &key);
        async move { denied(&hotel.ask(key, method, json!({"message": message})).await).1 }
    };
    let parts = json!([{"kind": "data", "data": {"nights": 1}}]);
    let free = json!({"kind": "message", "messageId": "m", "role": "user", "parts": parts});
    assert_eq!(send("message/send", free.clone()).await, "not_granted");
    assert_eq!(send("SendStreamingMessage", free.clone()).await, "not_granted");
    let mut refund = free.clone();
    refund["metadata"] = json!({"skillId": "refund"});
    assert_eq!(send("message/send", refund).await, "not_granted");
    let mut old = free;
    old["metadata"] = json!({"skillId": "book"});
    let old = hotel.ask(&key, "message/send", json!({"message": old})).await;
    assert_eq!(old.json()["result"]["kind"], "task", "{}", old.text());
    assert_eq!(hotel.upstream.count(), 2, "nothing of what was denied was sent");
    let kinds: Vec<String> = hotel.world.receipts().into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "permit").count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_beside_data_that_was_judged_can_be_forbidden() {
    let hotel = Hotel::new();
    let silent = json!({"type": "argument", "name": "a2a.text", "max": 0});
    let key = hotel.agent("mail", &["skill:book"], vec![nights(3), silent]);
    let parts = json!([{"data": {"nights": 1}}, {"text": "and a yacht"}]);
    let both = hotel.book(&key, json!({}), json!({"parts": parts})).await;
    assert_eq!(denied(&both).1, "constraint_violated");
    let forged = json!({"nights": 1, "a2a": {"text": 0}});
    assert_eq!(denied(&hotel.book(&key, forged, json!({})).await), (-32602, "unfit_arguments".to_owned()));
    assert_eq!(hotel.book(&key, json!({"nights": 1}), json!({})).await.status, 200);
    assert_eq!(hotel.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_and_a_context_are_of_the_agent_that_began_them() {
    let hotel = Hotel::new();
    let may = ["skill:book", "tasks/pushNotificationConfig/*"];
    let (own, other) = (hotel.agent("mail", &may, vec![]), hotel.agent("eve", &may, vec![]));
    let begun = hotel.book(&own, json!({}), json!({})).await;
    let (id, context) = (task(&begun), begun.json()["result"]["task"]["contextId"].clone());
    assert_eq!(task(&hotel.book(&own, json!({}), json!({"taskId": id, "contextId": context})).await), id);
    for named in [
        json!({"taskId": id}),
        json!({"referenceTaskIds": [id]}),
        json!({"contextId": context}),
        json!({"taskId": "made-up"}),
    ] {
        assert_eq!(
            denied(&hotel.book(&other, json!({}), named.clone()).await),
            (-32001, "task_unknown".to_owned()),
            "{named}"
        );
    }
    for (method, params) in [
        ("GetTask", json!({"id": id})),
        ("tasks/get", json!({"id": id})),
        ("CancelTask", json!({"id": id})),
        ("tasks/cancel", json!({"id": id})),
        ("SubscribeToTask", json!({"id": id})),
        ("tasks/resubscribe", json!({"id": id})),
        ("ListTaskPushNotificationConfigs", json!({"taskId": id})),
        ("GetTaskPushNotificationConfig", json!({"taskId": id, "id": "one"})),
        ("tasks/pushNotificationConfig/get", json!({"id": id})),
        ("tasks/pushNotificationConfig/list", json!({"id": id})),
        ("tasks/pushNotificationConfig/delete", json!({"id": id, "pushNotificationConfigId": "one"})),
    ] {
        assert_eq!(denied(&hotel.ask(&other, method, params.clone()).await).0, -32001, "{method}");
        assert!(hotel.ask(&own, method, params).await.json()["error"].is_null(), "{method}");
    }
    let list = hotel.ask(&own, "ListTasks", json!({})).await.json();
    assert_eq!(list["result"]["tasks"], json!([{"id": id}]), "{list}");
    assert_eq!(list["result"]["totalSize"], 1);
    let list = hotel.ask(&other, "ListTasks", json!({})).await.json();
    assert_eq!((&list["result"]["tasks"], &list["result"]["totalSize"]), (&json!([]), &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_tells_a_caller_of_anothers_task_is_not_passed_on() {
    let answer = |seen: &Seen, _: usize| {
        let task = json!({"task": {"id": "always-this", "contextId": "", "status": {}}});
        Plan::body(200, JSON, result(seen, &task))
    };
    let mut hotel = Hotel::new();
    hotel.upstream = Upstream::start(answer).unwrap();
    let route = Route {
        name: "hotel".to_owned(),
        path: "/hotel/".to_owned(),
        upstream: format!("{}/", local(&hotel.upstream.origin())),
        protocol: RouteProtocol::A2a,
        ..Route::default()
    };
    blocking(|| hotel.world.registry.put_route(&route, now())).unwrap();
    hotel.url = format!("{}rpc", route.upstream);
    let resources = vec![format!("{}*", route.upstream)];
    let team =
        Profile { actions: vec!["a2a:*".to_owned()], resources: resources.clone(), ..Profile::default() };
    let key = |name: &str| {
        blocking(|| {
            hotel.world.registry.add_agent(name, "other", &team, now()).unwrap();
            hotel.world.registry.create_key(name, "test", None, now()).unwrap().secret.to_string()
        })
    };
    blocking(|| hotel.world.registry.add_team("other", &team, now())).unwrap();
    let (own, eve) = (key("mail"), key("eve"));
    assert_eq!(task(&hotel.book(&own, json!({}), json!({})).await), "always-this");
    let other = hotel.book(&eve, json!({}), json!({})).await;
    assert_eq!(other.status, 502, "{}", other.text());
    assert!(!other.text().contains("always-this"), "{}", other.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_told_in_the_protocols_own_words_and_recorded() {
    let hotel = Hotel::new();
    let key = hotel.agent("mail", &["*"], vec![]);
    let cases: Value = serde_json::from_str(include_str!("../a2a_bad_messages.json")).unwrap();
    let mut codes = Vec::new();
    for case in cases.as_array().unwrap() {
        let body = match &case["body"] {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let answer = hotel.world.send(0, post_to("/hotel/rpc", &key, body)).await;
        let code = case["code"].as_str().unwrap();
        assert_eq!(denied(&answer), (case["rpc"].as_i64().unwrap(), code.to_owned()), "{}", case["name"]);
        codes.push(code);
    }
    assert_eq!(hotel.upstream.count(), 0);
    let recorded: Vec<String> = hotel.world.receipts().into_iter().map(|(_, code, _)| code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.iter().all(|code| recorded.iter().any(|one| one == code)), "{codes:?} {recorded:?}");
    let nobody = hotel.book("legation_nobody", json!({}), json!({})).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_at_an_address_of_another_binding_is_not_passed_on() {
    let hotel = Hotel::new();
    let key = hotel.agent("mail", &["*"], vec![]);
    let begun = task(&hotel.book(&key, json!({}), json!({})).await);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": begun}}).to_string();
    for path in [
        "message:send",
        "message%3Asend",
        "v1/message:stream",
        "tasks/task-1:cancel",
        "Tasks/task-1:cancel",
        "tasks/task-1%3acancel",
        "a/tasks/task-1/pushNotificationConfigs",
        "extendedAgentCard",
        ".well-known/agent-card.json",
        "rpc;x",
    ] {
        let answer = hotel.world.send(0, post_to(&format!("/hotel/{path}"), &key, body.clone())).await;
        assert!(answer.json()["error"]["code"].is_i64(), "{path}: {}", answer.text());
    }
    for (method, path) in [("GET", "rpc"), ("PUT", "tasks/task-1"), ("DELETE", "rpc"), ("PUT", "rpc")] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/hotel/{path}"))
            .header("authorization", format!("Bearer {key}"))
            .body(Body::empty())
            .unwrap();
        assert_eq!(hotel.world.send(0, request).await.status, 405, "{method} {path}");
    }
    assert_eq!(hotel.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_made_to_call_no_address_but_those_that_were_granted() {
    let hotel = Hotel::new();
    let hooks = json!({"type": "argument", "name": "origin", "oneOf": ["https://hooks.acme.example"],
        "actions": ["a2a:tasks/pushNotificationConfig/set"]});
    let key = hotel.agent("mail", &["skill:book", "tasks/pushNotificationConfig/set"], vec![hooks]);
    let other = hotel.agent("eve", &["skill:book"], vec![]);
    let id = task(&hotel.book(&key, json!({}), json!({})).await);
    let new = |url: &str| json!({"taskId": id, "url": url, "token": "t-secret"});
    let set = "CreateTaskPushNotificationConfig";
    for url in [
        "http://hooks.acme.example/x",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://metadata.google.internal/",
        "https://intranet/",
        "https://user@hooks.acme.example/",
        "file:///etc/passwd",
        "",
    ] {
        assert_eq!(denied(&hotel.ask(&key, set, new(url)).await).1, "push_denied", "{url}");
        let old = json!({"taskId": id, "pushNotificationConfig": {"url": url}});
        let old = hotel.ask(&key, "tasks/pushNotificationConfig/set", old).await;
        assert_eq!(denied(&old).1, "push_denied", "{url}");
    }
    let elsewhere = hotel.ask(&key, set, new("https://hooks.evil.example/x")).await;
    assert_eq!(denied(&elsewhere).1, "constraint_violated");
    let within = json!({"message": {"messageId": "m", "parts": [], "metadata": {"skillId": "book"}},
        "configuration": {"taskPushNotificationConfig": {"url": "https://hooks.evil.example/"}}});
    assert_eq!(denied(&hotel.ask(&key, "SendMessage", within).await).1, "unfit_arguments");
    let theirs = task(&hotel.book(&other, json!({}), json!({})).await);
    let no = json!({"taskId": theirs, "url": "https://hooks.acme.example/x"});
    assert_eq!(denied(&hotel.ask(&other, set, no).await).1, "not_granted");
    assert_eq!(hotel.upstream.count(), 2);
    let passed = hotel.ask(&key, set, new("https://hooks.acme.example/x?task=1")).await;
    assert!(passed.json()["error"].is_null(), "{}", passed.text());
    assert_eq!(hotel.last()["params"]["url"], "https://hooks.acme.example/x?task=1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_passes_byte_for_byte_to_whoever_may_read_it() {
    let hotel = Hotel::new();
    let key = hotel.agent("mail", &["skill:book"], vec![nights(3)]);
    for path in ["/hotel/.well-known/agent-card.json", "/hotel/.well-known/agent.json"] {
        let card = hotel.world.send(0, get(&key, path)).await;
        assert_eq!((card.status.as_u16(), card.text().as_str()), (200, CARD));
        assert_eq!(
            (&card.headers["content-type"], &card.headers["etag"]),
            (&JSON.parse().unwrap(), &"\"one\"".parse().unwrap())
        );
        assert_eq!(card.headers["cache-control"], "private, no-cache");
    }
    let mut again = get(&key, "/hotel/.well-known/agent-card.json");
    again.headers_mut().insert("if-none-match", "\"one\"".parse().unwrap());
    let again = hotel.world.send(0, again).await;
    assert_eq!((again.status.as_u16(), again.text().as_str()), (304, ""));
    assert_eq!(hotel.upstream.count(), 3);
    let stranger = Request::get("/hotel/.well-known/agent-card.json").body(Body::empty()).unwrap();
    assert_eq!(hotel.world.send(0, stranger).await.status, 401);
    let query = hotel.world.send(0, get(&key, "/hotel/.well-known/agent-card.json?x=1")).await;
    assert_eq!(query.status, 400);
    assert_eq!(hotel.upstream.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_passes_as_it_arrives_and_ends_within_a_second_of_a_stop() {
    let hotel = Hotel::new();
    let key = hotel.agent("mail", &["skill:book"], vec![]);
    let message = json!({"messageId": "m", "parts": [{"data": {}}], "metadata": {"skillId": "book"}});
    let body =
        json!({"jsonrpc": "2.0", "id": 7, "method": "SendStreamingMessage", "params": {"message": message}});
    let response = hotel.world.begin(0, post_to("/hotel/rpc", &key, body.to_string())).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("task-1"), "{first:?}");
    // Its task is known before it has ended.
    let state = hotel.ask(&key, "GetTask", json!({"id": "task-1"})).await;
    assert!(state.json()["error"].is_null(), "{}", state.text());
    hotel.world.suspend("mail");
    let begin = Instant::now();
    let rest = body.collect().await.unwrap().to_bytes();
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let all = String::from_utf8_lossy(&[first, rest].concat()).into_owned();
    assert!(all.contains("link_suspended"), "{all}");
    assert!(!all.contains("\"other\""), "an answer to another request: {all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_above_a_limit_waits_as_a_task_and_passes_once_when_it_was_approved() {
    let hotel = Hotel::new();
    let (boss, above) = approver();
    let key = hotel.agent("mail", &["skill:book"], vec![above.clone()]);
    let eve = hotel.agent("eve", &["skill:book"], vec![above]);
    let dear = json!({"amount": 5001, "currency": "USD", "to": ["bob"]});
    let held = hotel.book(&key, dear.clone(), json!({})).await;
    let waits = held.json()["result"]["task"].clone();
    assert_eq!(waits["status"]["state"], "TASK_STATE_AUTH_REQUIRED", "{}", held.text());
    assert_eq!(waits["metadata"]["org.w3id.legation/denial"]["code"], "approval_required");
    assert!(waits["status"]["message"]["parts"][0]["text"].as_str().unwrap().contains("approval"));
    let id = waits["id"].as_str().unwrap().to_owned();
    // The same words again, by another id of the message, are the same request; another body is another one.
    assert_eq!(task(&hotel.book(&key, dear.clone(), json!({})).await), id);
    let other = json!({"amount": 5001, "currency": "USD", "to": ["eve"]});
    assert_ne!(task(&hotel.book(&key, other, json!({})).await), id);
    let state = async |method: &str| {
        let state = hotel.ask(&key, method, json!({"id": id})).await;
        state.json()["result"]["status"]["state"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(state("GetTask").await, "TASK_STATE_AUTH_REQUIRED");
    assert_eq!(state("tasks/get").await, "auth-required");
    assert_eq!(denied(&hotel.ask(&eve, "GetTask", json!({"id": id})).await).0, -32001);
    assert_eq!(hotel.upstream.count(), 0);
    grant(&hotel.world, &id, &boss);
    assert_eq!(state("GetTask").await, "TASK_STATE_INPUT_REQUIRED");
    assert_eq!(task(&hotel.book(&key, dear.clone(), json!({})).await), "task-1");
    assert_eq!(state("GetTask").await, "TASK_STATE_COMPLETED");
    let again = hotel.book(&key, dear, json!({})).await;
    let again = again.json()["result"]["task"].clone();
    assert_eq!(again["status"]["state"], "TASK_STATE_AUTH_REQUIRED", "it was used: {again}");
    assert_eq!(hotel.upstream.count(), 1);
    let data = &hotel.last()["params"]["message"]["parts"][0]["data"];
    assert_eq!(data["to"], json!(["bob"]), "what was approved is what is sent");
}

/// Whoever approves what costs more than 50 dollars, and the constraint that says so.
fn approver() -> (SecretKey, Value) {
    let boss = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let approver = legation_did::key::did(boss.public_key());
    let above = json!({"type": "approval", "above": 5000, "currency": "USD", "approver": approver.as_str(),
        "actions": ["a2a:skill:book"]});
    (boss, above)
}

/// Approves what waits.
fn grant(world: &World, id: &str, boss: &SecretKey) {
    blocking(|| {
        let (held, _) = world.registry.approval(id).unwrap();
        let asked = ApprovalRequest::parse(&held.request).unwrap();
        let issuer = legation_did::key::did(boss.public_key());
        let key_id = legation_did::method_id(&issuer, boss.public_key());
        let (agent, request) = (asked.agent.clone(), asked.digest());
        let approval = Approval { issuer, agent, request, valid_from: now(), valid_until: now() + 600 };
        let signed = approve(Securing::Jwt, &approval, &key_id, boss).unwrap();
        world.registry.grant_approval(id, &signed, now()).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_host_speaks_to_no_agent_and_only_the_protocols_headers_pass() {
    let hotel = Hotel::new();
    let key = hotel.agent("mail", &["skill:book"], vec![]);
    let message = json!({"messageId": "m", "parts": [], "metadata": {"skillId": "book"}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}});
    let ask = |headers: &[(&'static str, &str)]| {
        let mut request = post_to("/hotel/rpc", &key, body.to_string());
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        hotel.world.send(0, request)
    };
    assert_eq!(ask(&[("origin", "https://evil.example")]).await.status, 403);
    assert_eq!(denied(&ask(&[("a2a-version", "1.0"), ("a2a-version", "0.3")]).await).1, "header_mismatch");
    let passed = [
        ("a2a-version", "1.0"),
        ("a2a-extensions", "urn:x"),
        ("x-forwarded-user", "root"),
        ("cookie", "a=b"),
    ];
    assert_eq!(ask(&passed).await.status, 200);
    let seen = &hotel.upstream.requests()[0];
    assert_eq!((seen.header("a2a-version"), seen.header("a2a-extensions")), (Some("1.0"), Some("urn:x")));
    assert_eq!(
        (seen.header("x-forwarded-user"), seen.header("cookie"), seen.header("authorization")),
        (None, None, None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_for_calls_through_the_gateway_is_signed_by_the_organization_and_names_the_agents_own() {
    let hotel = Hotel::new();
    let key = hotel.agent("mail", &["skill:book"], vec![]);
    let at = "/hotel/.well-known/agent-card-overlay.json";
    assert_eq!(hotel.world.send(0, get(&key, at)).await.status, 404);
    let registry = &hotel.world.registry;
    let own = json!({"name": "Hotel", "description": "Books.", "version": "1.0.0",
        "supportedInterfaces": [
            {"url": "https://elsewhere.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": hotel.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": hotel.url.replace("/rpc", ""), "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
            {"url": format!("{}/v1", hotel.url), "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
            {"url": hotel.url, "protocolBinding": "GRPC", "protocolVersion": "1.0"}],
        "capabilities": {"extensions": [
            {"uri": "https://w3id.org/legation/a2a/identity/v1", "params": {"did": "did:web:hotel.example"}},
            {"uri": "https://other.example/v1"}]},
        "securitySchemes": {"key": {"httpAuthSecurityScheme": {"scheme": "Basic"}}},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "book", "name": "Book", "description": "Books.", "tags": ["rooms"]}]});
    let text = format!("{own:#}\n");
    let made = blocking(|| registry.set_card_overlay("hotel", &text, now())).unwrap();
    let given = hotel.world.send(0, get(&key, at)).await;
    assert_eq!((given.status.as_u16(), given.text()), (200, made.card));
    let received = UnverifiedCard::parse(&given.body).unwrap();
    let document = blocking(|| registry.document(registry.did().as_str())).unwrap();
    let verified = verify(&received, Keys::Document { document: &document, now: now() }, &Form::ALL).unwrap();
    assert_eq!(verified.did(), Some(registry.did()), "the organization says so, and not the agent");
    let card = verified.card();
    let interfaces = card["supportedInterfaces"].as_array().unwrap();
    let urls: Vec<_> = interfaces.iter().map(|one| one["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["/hotel/rpc", "/hotel"].map(|path| format!("{}{path}", registry.origin())));
    let extensions = card["capabilities"]["extensions"].as_array().unwrap();
    let says = |uri: &str| extensions.iter().find(|one| one["uri"] == uri).cloned().unwrap_or_default();
    let digest = legation_keys::base64url::encode(&Sha256::digest(&text));
    assert_eq!(says("https://w3id.org/legation/a2a/overlay/v1")["params"]["digest"], digest.as_str());
    assert_eq!(made.of, digest);
    assert_eq!(says("https://other.example/v1")["uri"], "https://other.example/v1");
    assert!(card.get("securitySchemes").is_none());
    assert_eq!(hotel.upstream.count(), 0, "the agent is not asked");
    let stranger = Request::get(at).body(Body::empty()).unwrap();
    assert_eq!(hotel.world.send(0, stranger).await.status, 401);
    // Of what is no card of that agent's none is made; a route that is gone has none.
    let elsewhere = text.replace(&hotel.url.replace("/rpc", ""), "https://elsewhere.example");
    for wrong in ["{}", "", elsewhere.as_str()] {
        assert!(blocking(|| registry.set_card_overlay("hotel", wrong, now())).is_err(), "{wrong}");
    }
    assert!(blocking(|| registry.set_card_overlay("nothing", &text, now())).is_err());
    // One that was signed for other addresses is none, and the same route written anew keeps its own.
    let route = blocking(|| registry.routes()).unwrap().into_iter().find(|one| one.name == "hotel").unwrap();
    blocking(|| registry.put_route(&route, now())).unwrap();
    assert!(blocking(|| registry.card_overlay("hotel")).is_ok());
    blocking(|| registry.put_route(&Route { path: "/inn/".to_owned(), ..route.clone() }, now())).unwrap();
    assert!(blocking(|| registry.card_overlay("hotel")).is_err());
    blocking(|| registry.put_route(&route, now())).unwrap();
    blocking(|| registry.set_card_overlay("hotel", &text, now())).unwrap();
    blocking(|| registry.remove_route("hotel", now())).unwrap();
    assert!(blocking(|| registry.card_overlay("hotel")).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_name_a_new_context_at_once_one_has_it() {
    for world in both() {
        let callers =
            ["did:web:acme.example:mail", "did:web:acme.example:eve"].map(|did| did.parse().unwrap());
        for round in 0..200 {
            let (named, at_once) =
                ([(Named::Context, format!("context-{round}"))], std::sync::Barrier::new(2));
            let begin = |caller: &legation_did::Did| {
                at_once.wait();
                world.registry.begin_a2a("hotel", &named, caller, now()).unwrap()
            };
            let begun = blocking(|| {
                std::thread::scope(|scope| {
                    let begun = callers.each_ref().map(|caller| scope.spawn(|| begin(caller)));
                    begun.map(|one| one.join().unwrap())
                })
            });
            assert_eq!(begun.iter().filter(|own| **own).count(), 1, "{}: {begun:?}", world.engine);
        }
    }
}
