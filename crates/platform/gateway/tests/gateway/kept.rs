//! Files and batches: whose they are, and what they cost.

use crate::world::{World, blocking, both, get, post_to, sqlite};
use axum::{
    body::Body,
    http::{Request, header},
};
use legation_tests::upstream::{Plan, Seen, Upstream};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

const CENT: u64 = 1_000_000;

/// A provider that keeps files and batches, of whomever.
#[derive(Clone, Default)]
struct Provider(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, String>,
    batches: BTreeMap<String, Value>,
    made: usize,
}

impl Provider {
    fn start(&self) -> Upstream {
        let this = self.clone();
        Upstream::start(move |seen, _| this.answer(seen)).unwrap()
    }

    fn answer(&self, seen: &Seen) -> Plan {
        let mut state = self.0.lock().unwrap();
        let path = seen.path.strip_prefix("/v1/").unwrap().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        let told = |value: &Value| Plan::body(200, "application/json", value.to_string());
        let file = |id: &str| json!({"id": id, "object": "file", "purpose": "batch"});
        match (seen.method.as_str(), parts.as_slice()) {
            ("POST", ["files"]) => {
                state.made += 1;
                let id = format!("file-{}", state.made);
                let text = String::from_utf8(seen.body.clone()).unwrap();
                let content = text.split("\r\n\r\n").last().unwrap().split("\r\n--legation").next().unwrap();
                state.files.insert(id.clone(), content.to_owned());
                told(&file(&id))
            }
            ("POST", ["batches"]) => {
                let id = format!("batch_{}", state.made);
                let asked = seen.json();
                let batch = json!({"id": id, "object": "batch", "status": "in_progress", "asked": asked});
                state.batches.insert(id, batch.clone());
                told(&batch)
            }
            ("POST", ["batches", id, "cancel"]) => {
                let Some(batch) = state.batches.get_mut(*id) else { return Plan::error(404) };
                batch["status"] = json!("cancelled");
                told(batch)
            }
            ("GET", ["files", id, "content"]) => match state.files.get(*id) {
                Some(content) => Plan::body(200, "application/octet-stream", content.as_str()),
                None => Plan::error(404),
            },
            ("GET", ["files", id]) if state.files.contains_key(*id) => told(&file(id)),
            ("GET", ["batches", id]) if state.batches.contains_key(*id) => told(&state.batches[*id]),
            ("DELETE", ["files", id]) if state.files.remove(*id).is_some() => {
                told(&json!({"id": id, "deleted": true}))
            }
            _ => Plan::error(404),
        }
    }

    /// A batch has ended, with what it answered to each line.
    fn ends(&self, batch: &str, status: &str, output: Option<&str>) {
        let mut state = self.0.lock().unwrap();
        let made = output.map(|text| {
            state.files.insert("file-out".to_owned(), text.to_owned());
            "file-out"
        });
        let batch = state.batches.get_mut(batch).unwrap();
        batch["status"] = json!(status);
        batch["output_file_id"] = json!(made);
    }

    fn status(&self, batch: &str) -> Value {
        self.0.lock().unwrap().batches[batch]["status"].clone()
    }
}

fn line(name: &str, max_tokens: u64) -> String {
    let body =
        json!({"model": "small", "max_tokens": max_tokens, "messages": [{"role": "user", "content": "hi"}]});
    json!({"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}).to_string()
}

fn upload(key: &str, purpose: &str, lines: &[String]) -> Request<Body> {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--b\r\nContent-Disposition: \
         form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n{}\r\n--b--\r\n",
        lines.join("\n")
    );
    let mut request = post_to("/v1/files", key, body);
    request.headers_mut().insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
    request
}

fn begin(key: &str, file: &str) -> Request<Body> {
    let asked =
        json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    post_to("/v1/batches", key, asked.to_string())
}

async fn id(world: &World, request: Request<Body>) -> String {
    let answer = world.send(0, request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn status(world: &World, request: Request<Body>) -> u16 {
    world.send(0, request).await.status.as_u16()
}

fn delete(key: &str, path: &str) -> Request<Body> {
    let mut request = get(key, path);
    *request.method_mut() = axum::http::Method::DELETE;
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_let_a_provider_keep_is_not_there_for_anybody_else() {
    for mut world in both() {
        let provider = Provider::default();
        let upstream = provider.start();
        blocking(|| world.add_gateway());
        world.model("small", &upstream, CENT);
        let (one, other) = (world.agent("one", "1USD/day"), world.agent("other", "1USD/day"));
        let file = id(&world, upload(&one, "batch", &[line("a", 1)])).await;
        let batch = id(&world, begin(&one, &file)).await;
        provider.ends(&batch, "completed", Some(""));
        let before = upstream.count();
        for request in [
            get(&other, &format!("/v1/files/{file}")),
            get(&other, &format!("/v1/files/{file}/content")),
            delete(&other, &format!("/v1/files/{file}")),
            begin(&other, &file),
            get(&other, &format!("/v1/batches/{batch}")),
            post_to(&format!("/v1/batches/{batch}/cancel"), &other, String::new()),
            get(&other, "/v1/files?after=file-1"),
            // Nor is what a batch has made, before anybody looked at it.
            get(&other, "/v1/files/file-out/content"),
            get(&one, &format!("/v1/files/{batch}")),
            get(&one, &format!("/v1/batches/{file}")),
        ] {
            let what = format!("{}: {} {}", world.engine, request.method(), request.uri());
            assert_eq!(status(&world, request).await, 404, "{what}");
        }
        for path in ["/v1/files", "/v1/batches"] {
            assert_eq!(world.send(0, get(&other, path)).await.json()["data"], json!([]), "{path}");
        }
        assert_eq!(upstream.count(), before, "the provider was asked nothing");
        // The one whose they are finds them, at any gateway.
        let answer = world.send(1, get(&one, &format!("/v1/batches/{batch}"))).await;
        assert_eq!(answer.json()["status"], "completed", "{}", answer.text());
        assert_eq!(status(&world, get(&one, "/v1/files/file-out/content")).await, 200);
        let listed = world.send(1, get(&one, "/v1/files?limit=1")).await.json();
        assert_eq!((listed["data"].as_array().unwrap().len(), &listed["has_more"]), (1, &json!(true)));
        let after = format!("/v1/files?after={}", listed["last_id"].as_str().unwrap());
        let rest = world.send(0, get(&one, &after)).await.json();
        assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (1, &json!(false)));
        assert_eq!(status(&world, delete(&one, &format!("/v1/files/{file}"))).await, 200);
        assert_eq!(status(&world, get(&one, &format!("/v1/files/{file}"))).await, 404);
        assert_eq!(status(&world, get("legation_nobody", "/v1/files")).await, 401);
        world.suspend("one");
        assert_eq!(status(&world, get(&one, "/v1/files/file-out/content")).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_reserved_line_by_line_and_settled_by_its_output() {
    let provider = Provider::default();
    let upstream = provider.start();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "0.10USD/day");
    let file = id(&world, upload(&key, "batch", &[line("a", 4), line("b", 3), line("c", 2)])).await;
    // What the target keeps names its own model, and bounds each answer.
    let kept = provider.0.lock().unwrap().files[&file].clone();
    assert!(kept.contains("gpt-scripted") && !kept.contains("\"small\""), "{kept}");
    let batch = id(&world, begin(&key, &file)).await;
    let asked = provider.0.lock().unwrap().batches[&batch]["asked"].clone();
    assert_eq!(
        asked,
        json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"})
    );
    assert_eq!(
        world.chat(0, &key, json!({"max_tokens": 2})).await.told().1,
        "budget_exceeded",
        "one cent is left"
    );
    let answer = |name: &str, status: u16, tokens: u64| {
        let usage = json!({"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1});
        json!({"custom_id": name, "response": {"status_code": status, "body": {"choices": [], "usage": usage}}})
    };
    // A line that is there twice, and one of nobody's, count for nothing.
    let output = [answer("b", 200, 1), answer("a", 200, 2), answer("a", 200, 9), answer("x", 200, 9)];
    let output: Vec<String> = output.iter().map(Value::to_string).collect();
    provider.ends(&batch, "expired", Some(&output.join("\n")));
    assert_eq!(status(&world, get(&key, &format!("/v1/batches/{batch}"))).await, 200);
    let settled = async |count: usize| {
        for _ in 0..300 {
            let all = world.receipts();
            let of: Vec<_> =
                all.into_iter().filter(|one| one.0 == "settle" && one.2.unwrap_or(1) > 0).collect();
            if of.len() >= count {
                return of;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", world.receipts())
    };
    let mut amounts: Vec<_> = settled(2).await.into_iter().map(|(_, code, amount)| (code, amount)).collect();
    amounts.sort();
    let cents = |cents: i64| (String::new(), Some(cents * 1_000_000));
    assert_eq!(amounts, [cents(1), cents(2)], "the third was not run, and is free again");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let chat = world.chat(0, &key, json!({"max_tokens": 7})).await;
    assert_ne!(chat.status, 429, "seven of ten cents are left: {}", chat.text());
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 8})).await.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_which_one_line_does_not_pass_is_not_begun_and_one_of_a_stopped_agent_is_cancelled() {
    let provider = Provider::default();
    let upstream = provider.start();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "0.10USD/day");
    let dear = id(&world, upload(&key, "batch", &[line("a", 9), line("b", 2)])).await;
    let answer = world.send(0, begin(&key, &dear)).await;
    assert_eq!(answer.told(), (429, "budget_exceeded".to_owned()), "{}", answer.text());
    assert!(answer.text().contains("line 2"), "{}", answer.text());
    assert!(provider.0.lock().unwrap().batches.is_empty());
    // What the first line had reserved is free again.
    let fits = id(&world, upload(&key, "batch", &[line("a", 9)])).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let batch = id(&world, begin(&key, &fits)).await;
    world.suspend("mail");
    for _ in 0..100 {
        if provider.status(&batch) == "cancelled" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_batch_of_requests_is_not_kept() {
    let provider = Provider::default();
    let upstream = provider.start();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "1USD/day");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&line("b", 1)).unwrap();
        change(&mut value);
        vec![line("a", 1), value.to_string()]
    };
    for (what, lines) in [
        ("nothing", vec![]),
        ("no JSON", vec!["x".to_owned()]),
        ("another model", with(&|line| line["body"]["model"] = json!("other"))),
        ("another end point", with(&|line| line["url"] = json!("/v1/embeddings"))),
        ("an end point that is none", with(&|line| line["url"] = json!("/v1/../files"))),
        ("another method", with(&|line| line["method"] = json!("GET"))),
        ("the same name", with(&|line| line["custom_id"] = json!("a"))),
        ("a stream", with(&|line| line["body"]["stream"] = json!(true))),
        ("a tool that nobody bounds", with(&|line| line["body"]["tools"] = json!([{"type": "web_search"}]))),
        ("a picture", with(&|line| line["body"]["messages"][0]["content"] = json!([{"type": "image_url"}]))),
        ("a longer answer than the model gives", with(&|line| line["body"]["max_tokens"] = json!(1001))),
        ("a member more", with(&|line| line["more"] = json!(1))),
    ] {
        let answer = world.send(0, upload(&key, "batch", &lines)).await;
        assert!(answer.status.is_client_error(), "{what}: {}", answer.text());
    }
    for purpose in ["assistants", "vision", "fine-tune", "user_data"] {
        assert_eq!(status(&world, upload(&key, purpose, &[line("a", 1)])).await, 400, "{purpose}");
    }
    assert_eq!(upstream.count(), 0);
    let file = id(&world, upload(&key, "batch", &[line("a", 1)])).await;
    for asked in [
        json!({"input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "24h"}),
        json!({"input_file_id": file, "endpoint": "/v1/files", "completion_window": "24h"}),
        json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "metadata": {"a": "b"}}),
        json!({"input_file_id": "file-9", "endpoint": "/v1/chat/completions"}),
        json!([]),
    ] {
        let answer = world.send(0, post_to("/v1/batches", &key, asked.to_string())).await;
        assert!(answer.status.is_client_error(), "{asked}: {}", answer.text());
    }
    assert!(provider.0.lock().unwrap().batches.is_empty());
}
