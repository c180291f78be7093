//! Messages of A2A by HTTP+JSON: they are the same as by JSON-RPC, whatever the path, and what is alike is none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_mcp::{
    a2a::{
        Binding, Message, Operation,
        http::{self, place},
        message, reply,
        told::http_error,
    },
    told::Denied,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn over_http(method: &str, path: &str, query: &str, body: &Value) -> (Message, String) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let place = place(method, path).unwrap_or_else(|| panic!("{method} {path}"));
    let read = http::read(&place, (method, query), body.as_bytes()).unwrap();
    (read.message, read.query)
}

fn by_rpc(method: &str, params: &Value) -> Message {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    message::read(body.as_bytes()).unwrap()
}

#[test]
fn a_message_is_the_same_by_both_bindings() {
    let send = json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": {"nights": 2}}],
        "metadata": {"skillId": "book"}, "taskId": "t", "contextId": "c"}});
    let place = json!({"url": "https://a.example/", "id": "c"});
    let with = |mut one: Value, name: &str| {
        one[name] = "t".into();
        one
    };
    for (method, path, query, body, rpc, params) in [
        ("POST", "message:send", "", send.clone(), "SendMessage", send.clone()),
        ("POST", "message:stream", "", send.clone(), "SendStreamingMessage", send),
        ("GET", "tasks/t", "", Value::Null, "GetTask", json!({"id": "t"})),
        ("GET", "tasks", "contextId=c%20d", Value::Null, "ListTasks", json!({"contextId": "c d"})),
        ("POST", "tasks/t:cancel", "", json!({"id": "t"}), "CancelTask", json!({"id": "t"})),
        ("POST", "tasks/t:subscribe", "", Value::Null, "SubscribeToTask", json!({"id": "t"})),
        ("GET", "tasks/t:subscribe", "", Value::Null, "SubscribeToTask", json!({"id": "t"})),
        (
            "POST",
            "tasks/t/pushNotificationConfigs",
            "",
            place.clone(),
            "CreateTaskPushNotificationConfig",
            with(place, "taskId"),
        ),
        (
            "GET",
            "tasks/t/pushNotificationConfigs",
            "",
            Value::Null,
            "ListTaskPushNotificationConfigs",
            json!({"taskId": "t"}),
        ),
        (
            "GET",
            "tasks/t/pushNotificationConfigs/c",
            "",
            Value::Null,
            "GetTaskPushNotificationConfig",
            json!({"taskId": "t", "id": "c"}),
        ),
        (
            "DELETE",
            "tasks/t/pushNotificationConfigs/c",
            "",
            Value::Null,
            "DeleteTaskPushNotificationConfig",
            json!({"taskId": "t", "id": "c"}),
        ),
        ("GET", "extendedAgentCard", "", Value::Null, "GetExtendedAgentCard", json!({})),
    ] {
        let (read, _) = over_http(method, path, query, &body);
        let same = Message { binding: Binding::HttpJson, ..by_rpc(rpc, &params) };
        assert_eq!(read, same, "{method} {path}: action, facts, tasks and digest");
    }
}

#[test]
fn what_a_grant_is_on_has_no_id_in_it_and_a_query_is_written_anew() {
    for (path, address) in [
        ("tasks/t:cancel", "tasks"),
        ("rest/acme/tasks/t:cancel", "rest/acme/tasks"),
        ("message:send", "message:send"),
        ("v1/message:send", "v1/message:send"),
    ] {
        let found = place("POST", path).unwrap();
        assert_eq!(
            (found.address, found.tenant),
            (address, path.rsplit('/').rev().find(|part| ["acme", "v1"].contains(part)))
        );
    }
    let (read, query) = over_http("GET", "tasks", "pageToken=a%26b%3Dc&&contextId=x+y", &Value::Null);
    assert_eq!(
        (read.context.as_deref(), query.as_str()),
        (Some("x y"), "?contextId=x%20y&pageToken=a%26b%3Dc")
    );
    assert_eq!(over_http("GET", "tasks/t", "", &Value::Null).1, "");
}

#[test]
fn an_answer_by_http_is_what_it_is_without_an_envelope() {
    let http = Binding::HttpJson;
    let tells = |text: &str| reply::read(&http, text.as_bytes());
    let task = json!({"id": "t", "contextId": "c", "status": {}});
    for answer in
        [task.clone(), json!({"task": task}), json!({"statusUpdate": {"taskId": "t", "contextId": "c"}})]
    {
        let found = tells(&answer.to_string()).unwrap().unwrap();
        assert_eq!(
            (found.tasks.join(","), found.contexts.join(",")),
            ("t".to_owned(), "c".to_owned()),
            "{answer}"
        );
    }
    assert_eq!(tells(r#"{"error":{"code":404}}"#).unwrap().unwrap().tasks, [""; 0]);
    for wrong in ["[]", "{", r#"{"error":{},"tasks":[]}"#, r#"{"task":{"id":7}}"#, r#"{"task":{},"task":{}}"#]
    {
        assert!(tells(wrong).is_err(), "{wrong}");
    }
    let list = r#"{"tasks":[{"id":"a", "x":1.0},{"id":"b"}],"totalSize":57}"#;
    assert_eq!(reply::listed(&http, list).unwrap().unwrap(), ["a", "b"]);
    let kept = reply::filtered(&http, list, &[true, false]).unwrap();
    assert_eq!(kept, r#"{"tasks":[{"id":"a", "x":1.0}],"totalSize":1}"#);
    assert_eq!(reply::listed(&http, r#"{"error":{"code":400}}"#).unwrap(), None);
    assert!(reply::listed(&http, r#"{"error":{},"tasks":[{"id":"a"}]}"#).is_err());
}

#[test]
fn an_error_goes_by_the_protocols_name_where_it_has_one() {
    let why = |code| Denied { code, message: "no", cure: None, retry_after: Some(3), approval: None };
    let told = http_error(404, &why("task_unknown"));
    let info = &told["error"]["details"][0];
    assert_eq!((&told["error"]["code"], &told["error"]["status"]), (&json!(404), &json!("NOT_FOUND")));
    assert_eq!((&info["reason"], &info["domain"]), (&json!("TASK_NOT_FOUND"), &json!("a2a-protocol.org")));
    let told = http_error(429, &why("budget_exceeded"));
    let info = &told["error"]["details"][0];
    assert_eq!((&info["reason"], &info["domain"]), (&json!("BUDGET_EXCEEDED"), &json!("w3id.org/legation")));
    assert_eq!(
        (&info["metadata"]["retryAfter"], &told["error"]["status"]),
        (&json!("3"), &json!("RESOURCE_EXHAUSTED"))
    );
}

proptest! {
    /// Whatever a path is: where it is one of this binding, its parts say what was read of it, and nothing else of it is escaped or empty.
    #[test]
    fn a_path_that_is_read_is_one_text_to_every_reader(
        method in "GET|POST|DELETE",
        path in "([a-zA-Z0-9.%:;/_~-]|tasks|/tasks/|:cancel|:subscribe|message:send|/pushNotificationConfigs|%2f|/\\.\\./){0,12}",
    ) {
        if let Some(found) = place(&method, &path) {
            prop_assert!(!path.contains(['%', ';', '\\']) && !path.contains("//"), "{path}");
            prop_assert!(path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{path}");
            prop_assert!(path.starts_with(found.address), "{path}");
            prop_assert!(path.matches(':').count() <= 1, "{path}");
            let body: &[u8] = if method == "POST" { b"{}" } else { b"" };
            if let Ok(read) = http::read(&found, (&method, ""), body) {
                let task = path.strip_prefix(found.address).unwrap_or_default().trim_start_matches('/');
                let task = task.split(['/', ':']).next().unwrap_or_default();
                let named = read.message.tasks.first().map_or("", String::as_str);
                let has_task = !matches!(found.operation, Operation::Send | Operation::Stream | Operation::List | Operation::ExtendedCard);
                prop_assert_eq!(named, if has_task { task } else { "" }, "{}", path);
            }
        } else {
            prop_assert!(!["message:send", "message:stream"].contains(&path.as_str()) || method != "POST");
        }
    }
}
