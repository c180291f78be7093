//! Messages, headers, lists and streams: what is read, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use http::{HeaderMap, HeaderName, HeaderValue};
use legation_mcp::{
    Message,
    connecting::with_connecting,
    events::{Events, EventsError, MAX_EVENT},
    headers::hold,
    message::read,
    reply::{self, Kind, List, filter},
};
use serde_json::{Value, json};

fn call(params: &Value) -> Vec<u8> {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string().into_bytes()
}

fn code(body: &[u8]) -> &'static str {
    read(body).and_then(|message| message.action().map(drop)).map_or_else(|error| error.code(), |()| "")
}

#[test]
fn what_two_readers_could_read_differently_is_no_message() {
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}}}}}"#, "[".repeat(1000));
    for (body, expected) in [
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "batch"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, "duplicate_member"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"\u0078":2}}}"#,
            "duplicate_member",
        ),
        (deep.as_str(), "json_too_deep"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":1}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","result":{}}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"session/end"}"#, "unfit_name"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/*"}"#, "unfit_name"),
        ("7", "malformed"),
        ("", "malformed"),
    ] {
        assert_eq!(code(body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn a_call_that_comes_as_a_notification_is_refused() {
    let body = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"pay"}}"#;
    assert_eq!(code(body.as_bytes()), "malformed");
    assert_eq!(code(br#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#), "malformed");
    assert_eq!(code(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), "");
}

#[test]
fn a_name_that_a_server_could_take_for_another_one_is_refused() {
    for name in
        ["", "a b", "files/../admin", "files//a", "a.", "pay*", "p\u{430}y", "a\n", "a:", &"a".repeat(129)]
    {
        assert_eq!(code(&call(&json!({"name": name}))), "unfit_name", "{name}");
    }
    assert_eq!(code(&call(&json!({}))), "unfit_name");
    let read = read(&call(&json!({"name": "files.read-all_2", "arguments": null}))).unwrap();
    assert_eq!(read.action().unwrap(), "mcp:tools/call:files.read-all_2");
}

#[test]
fn arguments_are_facts_under_their_names_and_nothing_else_is() {
    let arguments = json!({
        "to": "bob@example.org", "nights": 2, "urgent": true, "rate": 1.5, "big": 9_007_199_254_740_993_u64,
        "none": null, "cc": ["a"], "room": {"kind": "suite", "beds": {"wide": 1}}, "long": "x".repeat(5000),
    });
    let read = read(&call(&json!({"name": "book", "arguments": arguments, "_meta": {"to": "x"}}))).unwrap();
    let names: Vec<&str> = read.facts.keys().map(String::as_str).collect();
    assert_eq!(names, ["nights", "room.beds.wide", "room.kind", "to", "urgent"]);
    assert_eq!(read.facts["room.beds.wide"], 1.into());
}

#[test]
fn an_argument_can_neither_be_two_nor_the_gateways_own() {
    for arguments in [
        json!({"a": {"b": 1}, "a.b": 2}),
        json!({"mcp.definition": "approved"}),
        json!({"mcp": {"definition": "approved"}}),
        Value::Object((0..300).map(|n| (format!("a{n}"), n.into())).collect()),
    ] {
        assert_eq!(code(&call(&json!({"name": "t", "arguments": arguments}))), "unfit_arguments");
    }
}

#[test]
fn what_a_resource_is_asked_by_is_a_fact() {
    let body = json!({"jsonrpc": "2.0", "id": "r", "method": "resources/read",
        "params": {"uri": "file:///a", "inputResponses": {"x": {"a": 1}}}});
    let read = read(body.to_string().as_bytes()).unwrap();
    assert_eq!(read.action().unwrap(), "mcp:resources/read");
    assert_eq!(read.facts.into_iter().collect::<Vec<_>>(), [("uri".to_owned(), "file:///a".into())]);
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn new(name: &str) -> Message {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    read(&call(&json!({"name": name, "_meta": meta}))).unwrap()
}

#[test]
fn a_header_that_says_another_call_than_the_body_is_refused() {
    let (version, method) = (("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"));
    let name = ("mcp-name", "pay");
    assert_eq!(hold(&headers(&[version, method, name]), &new("pay")), Ok(()));
    assert_eq!(hold(&headers(&[version, method, ("mcp-name", "=?base64?cGF5?=")]), &new("pay")), Ok(()));
    for wrong in [
        vec![version, method, ("mcp-name", "list")],
        vec![version, method],
        vec![version, name],
        vec![method, name],
        vec![version, ("mcp-method", "tools/list"), name],
        vec![("mcp-protocol-version", "2025-11-25"), method, name],
        vec![version, method, name, name],
        vec![version, method, ("mcp-name", "=?base64?!?=")],
        vec![version, method, ("mcp-name", "Pay")],
    ] {
        assert!(hold(&headers(&wrong), &new("pay")).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_older_client_sends_none_of_them_and_what_it_sends_must_be_true() {
    let old = read(&call(&json!({"name": "pay"}))).unwrap();
    assert_eq!(hold(&headers(&[]), &old), Ok(()));
    assert_eq!(hold(&headers(&[("mcp-protocol-version", "2025-11-25")]), &old), Ok(()));
    assert!(hold(&headers(&[("mcp-name", "list")]), &old).is_err());
    // A new version in the header and none in the body.
    let claims = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "pay")];
    assert!(hold(&headers(&claims), &old).is_err());
}

#[test]
fn whoever_may_call_anything_may_connect() {
    let mut all = vec!["mcp:*".to_owned()];
    with_connecting(&mut all);
    assert_eq!(all, ["mcp:*"]);
    let mut one = vec!["mcp:tools/call:a".to_owned(), "mcp:ping".to_owned()];
    with_connecting(&mut one);
    assert_eq!(one.iter().filter(|action| *action == "mcp:ping").count(), 1);
    assert!(!one.iter().any(|action| action.starts_with("mcp:sampling")), "{one:?}");
}

#[test]
fn a_list_shows_what_may_be_called_as_the_server_wrote_it() {
    let text = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","ttlMs":1000,"cacheScope":"public","tools":[
        {"name":"read","inputSchema":{"type":"object","x":1.50}},{"name":"delete"},
        {"name":"Get_It"},{"name":"get-it"},{"name":"a b"}],"nextCursor":"n"}}"#;
    let mut asked = Vec::new();
    let kept = filter(text, List::Tools, &mut |name| {
        asked.push(name.to_owned());
        name != "delete"
    })
    .unwrap();
    assert_eq!(asked, ["read", "delete"], "names that are alike, or no names, are nobody's");
    assert!(kept.contains(r#"{"name":"read","inputSchema":{"type":"object","x":1.50}}"#), "{kept}");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["result"]["tools"].as_array().unwrap().len(), 1);
    assert_eq!(kept["result"]["cacheScope"], "private");
    assert_eq!((&kept["result"]["nextCursor"], &kept["id"]), (&json!("n"), &json!(1)));
}

#[test]
fn a_list_of_another_form_is_not_passed_on() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"x"}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"title":"x"}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":[]}"#,
    ] {
        assert!(filter(text, List::Tools, &mut |_| true).is_err(), "{text}");
    }
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    assert_eq!(filter(error, List::Tools, &mut |_| true).unwrap(), error);
}

#[test]
fn of_what_no_action_can_name_nothing_is_kept_however_long_it_is() {
    let tools = json!([{"name": "a".repeat(1 << 20)}, {"name": "pay*"}, {"name": "book"}, {"title": "x"}]);
    let text = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools, "prompts": []}}).to_string();
    let reply = reply::read(text.as_bytes()).unwrap();
    assert_eq!(reply.definitions(), [("book".to_owned(), r#"{"name":"book"}"#.to_owned())]);
    assert_eq!(reply.lists(), [List::Tools, List::Prompts]);
}

#[test]
fn what_a_server_asks_its_client_for_is_seen() {
    let asks = reply::read(br#"{"jsonrpc":"2.0","id":"s-1","method":"sampling/createMessage","params":{}}"#)
        .unwrap();
    assert!(matches!(asks.kind, Kind::Asks { ref method, .. } if method == "sampling/createMessage"));
    let later = json!({"jsonrpc": "2.0", "id": 1, "result": {"resultType": "input_required", "inputRequests": {
        "a": {"method": "elicitation/create"}, "b": {"method": "sampling/createMessage"}}}});
    let later = later.to_string();
    let later = reply::read(later.as_bytes()).unwrap();
    assert_eq!(later.asks_for().unwrap(), ["elicitation/create", "sampling/createMessage"]);
    let hidden = br#"{"jsonrpc":"2.0","id":1,"result":{"inputRequests":{"a":{"method":7}}}}"#;
    assert!(reply::read(hidden).unwrap().asks_for().is_err());
}

proptest::proptest! {
    #[test]
    fn events_are_the_same_however_the_stream_is_cut(cuts in proptest::collection::vec(0_usize..200, 0..12)) {
        let stream = "\u{feff}event: message\ndata: {\"a\":1}\n\n: alive\r\n\r\nid: 7\rdata: one\rdata:two\r\rdata\n\n\r\ndata: ü\n\r\nx: left";
        let whole: Vec<_> = Events::default().push(stream.as_bytes()).unwrap();
        proptest::prop_assert_eq!(whole.len(), 5);
        proptest::prop_assert_eq!(whole[2].data().unwrap(), "one\ntwo");
        let again = whole[2].with_data("three\nfour").written();
        let again = Events::default().push(&again).unwrap();
        proptest::prop_assert_eq!(again.len(), 1);
        proptest::prop_assert_eq!(again[0].data().unwrap(), "three\nfour");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        let (mut events, mut found, mut from) = (Events::default(), Vec::new(), 0);
        for cut in cuts.into_iter().chain([stream.len()]) {
            found.extend(events.push(&stream.as_bytes()[from..cut]).unwrap());
            from = cut;
        }
        proptest::prop_assert_eq!(found, whole);
    }

    #[test]
    fn what_a_client_sends_never_stops_the_reader(body in ".{0,200}") {
        let _ = read(body.as_bytes());
        let _ = reply::read(body.as_bytes());
    }
}

#[test]
fn an_event_without_end_is_not_held_for_ever() {
    let mut events = Events::default();
    let piece = vec![b'x'; 1 << 20];
    let told = (0..=MAX_EVENT >> 20).find_map(|_| events.push(&piece).err());
    assert_eq!(told, Some(EventsError::TooLarge));
    let mut events = Events::default();
    let lines = "a\n".repeat(1 << 20);
    assert_eq!(events.push(lines.as_bytes()).err(), Some(EventsError::TooLarge), "lines take memory, too");
}
