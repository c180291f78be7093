//! Messages of A2A: actions, facts and digests in both generations; what agents answer; what callers are told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_mcp::{
    Id,
    a2a::{
        Binding, Generation, Message, Operation,
        message::read,
        reply,
        told::{Waits, error, held},
    },
    connecting::{with_arguments, with_connecting},
    told::Denied,
};
use serde_json::{Value, json};

fn message(method: &str, params: &Value) -> Message {
    let body = json!({"jsonrpc": "2.0", "id": "1", "method": method, "params": params}).to_string();
    read(body.as_bytes()).unwrap()
}

fn rpc() -> Binding {
    Binding::JsonRpc(Id::Number(1))
}

fn send(method: &str, members: &Value) -> Message {
    let mut message_of = json!({"messageId": "m", "parts": [{"data": {"nights": 2}}]});
    message_of.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    message(method, &json!({"message": message_of}))
}

#[test]
fn both_generations_are_the_same_action_and_a_task_is_named_where_each_names_it() {
    for (old, new) in [
        (("tasks/get", json!({"id": "t"})), ("GetTask", json!({"id": "t"}))),
        (("tasks/cancel", json!({"id": "t"})), ("CancelTask", json!({"id": "t"}))),
        (("tasks/resubscribe", json!({"id": "t"})), ("SubscribeToTask", json!({"id": "t"}))),
        (
            ("tasks/pushNotificationConfig/get", json!({"id": "t", "pushNotificationConfigId": "c"})),
            ("GetTaskPushNotificationConfig", json!({"taskId": "t", "id": "c"})),
        ),
        (
            ("tasks/pushNotificationConfig/list", json!({"id": "t"})),
            ("ListTaskPushNotificationConfigs", json!({"taskId": "t"})),
        ),
        (
            ("tasks/pushNotificationConfig/delete", json!({"id": "t", "pushNotificationConfigId": "c"})),
            ("DeleteTaskPushNotificationConfig", json!({"taskId": "t", "id": "c"})),
        ),
        (
            (
                "tasks/pushNotificationConfig/set",
                json!({"taskId": "t", "pushNotificationConfig": {"url": "https://a.example/"}}),
            ),
            (
                "CreateTaskPushNotificationConfig",
                json!({"taskId": "t", "id": "c", "url": "https://a.example/"}),
            ),
        ),
    ] {
        let (before, since) = (message(old.0, &old.1), message(new.0, &new.1));
        assert_eq!((before.action(), before.generation), (format!("a2a:{}", old.0), Generation::Old));
        assert_eq!((since.action(), since.generation), (format!("a2a:{}", old.0), Generation::New));
        assert_eq!((before.tasks, since.tasks), (vec!["t".to_owned()], vec!["t".to_owned()]), "{}", old.0);
        assert_eq!((before.push, before.facts), (since.push, since.facts));
    }
    let skill = json!({"metadata": {"skillId": "book"}});
    for (old, new) in [("message/send", "SendMessage"), ("message/stream", "SendStreamingMessage")] {
        assert_eq!(send(old, &skill).action(), "a2a:skill:book");
        assert_eq!(send(new, &skill).action(), "a2a:skill:book");
        assert_eq!(send(new, &json!({})).action(), format!("a2a:{old}"));
        assert_eq!(send(new, &json!({})).facts["a2a.method"], old.into());
    }
}

#[test]
fn whole_numbers_are_facts_however_they_are_written_and_other_values_are_none() {
    let data = r#"{"a":2.0,"b":2e0,"c":2.5,"d":1e300,"e":9007199254740993.0,"f":null,"g":[1],"h":{"i":-3.0,"j":true}}"#;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{{"message":{{"messageId":"m","parts":[{{"data":{data}}}]}}}}}}"#
    );
    let facts = read(body.as_bytes()).unwrap().facts;
    let of_data: Vec<_> = facts.iter().filter(|(name, _)| !name.starts_with("a2a.")).collect();
    let expected = [
        ("a", 2.into()),
        ("b", 2.into()),
        ("h.i", (-3).into()),
        ("h.j", legation_credential::Value::Bool(true)),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(of_data, expected.iter().map(|(name, value)| (name, value)).collect::<Vec<_>>());
    assert_eq!((&facts["a2a.data"], &facts["a2a.text"]), (&1.into(), &0.into()));
}

#[test]
fn the_same_words_are_the_same_request_and_others_are_not() {
    let one = send("SendMessage", &json!({"messageId": "1"}));
    assert_eq!(one.digest, send("SendMessage", &json!({"messageId": "2"})).digest);
    for other in [
        json!({"parts": [{"data": {"nights": 3}}]}),
        json!({"parts": [{"data": {"nights": 2}}, {"text": "and a yacht"}]}),
        json!({"contextId": "c"}),
        json!({"metadata": {"to": "eve"}}),
    ] {
        assert_ne!(one.digest, send("SendMessage", &other).digest, "{other}");
    }
}

#[test]
fn an_answer_tells_of_tasks_and_contexts_wherever_it_names_them() {
    let tells = |result: &Value| {
        let text = json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
        let tells = reply::read(&rpc(), text.as_bytes()).unwrap().unwrap();
        (tells.tasks.join(","), tells.contexts.join(","))
    };
    let task = json!({"id": "t", "contextId": "c", "status": {}});
    let of = json!({"taskId": "t", "contextId": "c"});
    let kind = |kind: &str, mut of: Value| {
        of["kind"] = kind.into();
        of
    };
    for result in [
        task.clone(),
        json!({"task": task}),
        json!({"message": of}),
        json!({"statusUpdate": of}),
        json!({"artifactUpdate": of}),
        kind("task", task),
        kind("message", of.clone()),
        kind("status-update", of.clone()),
        kind("artifact-update", of),
    ] {
        assert_eq!(tells(&result), ("t".to_owned(), "c".to_owned()), "{result}");
    }
    for wrong in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"task":{"id":"a","id":"b","status":{}}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"task":{"id":7,"status":{}}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{}}"#,
        "{}",
    ] {
        assert!(reply::read(&rpc(), wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn a_list_keeps_what_is_the_callers_and_no_count_of_the_rest() {
    let text =
        r#"{"jsonrpc":"2.0","id":1,"result":{"tasks":[{"id":"a", "x":1.0},{"id":"b"}],"totalSize":57}}"#;
    assert_eq!(reply::listed(&rpc(), text).unwrap().unwrap(), ["a", "b"]);
    let kept = reply::filtered(&rpc(), text, &[true, false]).unwrap();
    assert!(kept.contains(r#"{"id":"a", "x":1.0}"#) && !kept.contains("57"), "as it was written: {kept}");
    let none = r#"{"jsonrpc":"2.0","id":1,"result":{"totalSize":57}}"#;
    assert_eq!(reply::listed(&rpc(), none).unwrap().unwrap(), [""; 0]);
    assert!(!reply::filtered(&rpc(), none, &[]).unwrap().contains("57"));
    let failed = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32004,"message":"no"}}"#;
    assert_eq!(reply::listed(&rpc(), failed).unwrap(), None);
}

#[test]
fn what_a_caller_is_told_is_in_the_words_of_its_generation() {
    let why = Denied {
        code: "approval_required",
        message: "it waits",
        cure: Some("ask the boss"),
        retry_after: Some(7),
        approval: Some("a-1"),
    };
    let new = held(&send("SendMessage", &json!({})), Waits::Pending, &why);
    assert_eq!(new["result"]["task"]["status"]["state"], "TASK_STATE_AUTH_REQUIRED");
    assert_eq!(new["result"]["task"]["status"]["message"]["role"], "ROLE_AGENT");
    let old = held(&send("message/send", &json!({})), Waits::Pending, &why);
    assert_eq!(
        (&old["result"]["kind"], &old["result"]["status"]["state"]),
        (&json!("task"), &json!("auth-required"))
    );
    let asked = held(&message("GetTask", &json!({"id": "a-1"})), Waits::Granted, &why);
    assert_eq!(asked["result"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    let told = error(None, 403, &why);
    let metadata = &told["error"]["data"][0]["metadata"];
    assert_eq!(
        (&told["id"], &metadata["approval"], &metadata["retryAfter"]),
        (&Value::Null, &json!("a-1"), &json!("7"))
    );
    assert!(told["error"]["message"].as_str().unwrap().contains("ask the boss"));
}

#[test]
fn whoever_may_send_follows_what_it_began_and_constraints_bind_what_has_data() {
    let mut actions = vec!["a2a:skill:book".to_owned()];
    with_connecting(&mut actions);
    assert!(actions.iter().any(|action| action == "a2a:tasks/get"), "{actions:?}");
    assert!(
        !actions.iter().any(|action| action.contains("push") || action.contains("Extended")),
        "{actions:?}"
    );
    assert_eq!(with_arguments(&actions).collect::<Vec<_>>(), ["a2a:skill:book"]);
    let mut all = vec!["a2a:*".to_owned()];
    with_connecting(&mut all);
    assert_eq!(all, ["a2a:*"]);
    let bound: Vec<_> = with_arguments(&all).collect();
    assert_eq!(bound, ["a2a:skill:*", "a2a:message/*", "a2a:tasks/pushNotificationConfig/set"]);
    for operation in [Operation::Send, Operation::ExtendedCard] {
        assert_eq!(Operation::of(operation.name()), Some((operation, Generation::Old)));
    }
}
