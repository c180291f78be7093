//! The description, held against what is mounted.

use crate::world::sqlite;
use axum::{body::Body, http::Request};
use legation_host::api::{action, openapi::document};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What nobody has to sign.
const OPEN: [&str; 2] = ["/v1/claims", "/v1/sessions"];
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Path, method and operation of all that is described.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((path.clone(), method.to_uppercase(), operation.clone()));
        }
    }
    all
}

fn some(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "some".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_described_is_mounted_and_nothing_else_is() {
    let world = sqlite();
    let answer = world.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    let document = answer.json();
    let all = operations(&document);
    assert!(all.len() > 40, "{}", all.len());
    let described: BTreeSet<(String, String)> =
        all.iter().map(|(path, method, _)| (some(path), method.clone())).collect();
    for (path, _, _) in &all {
        for method in METHODS {
            let path = some(path);
            let request = Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
            let status = world.send(request).await.status.as_u16();
            let wanted = match described.contains(&(path.clone(), method.to_owned())) {
                // What nobody has to sign is looked at.
                true if OPEN.contains(&path.as_str()) => 400,
                true => 401,
                false => 405,
            };
            assert_eq!(status, wanted, "{method} {path}");
        }
    }
    for (path, method, operation) in &all {
        if OPEN.contains(&path.as_str()) {
            assert_eq!((action(method, path), &operation["security"]), (None, &json!([])));
            continue;
        }
        let action = action(method, &some(path)).unwrap();
        assert!(operation["description"].as_str().unwrap().contains(&format!("`{action}`")), "{path}");
    }
}

/// What of OpenAPI 3.1 this document has to keep: the members of each object that are known, and those that must be there.
fn rules() -> Value {
    let reference = json!({
        "type": "object", "required": ["$ref"], "additionalProperties": false,
        "properties": {"$ref": {"type": "string", "pattern": "^#/components/schemas/[A-Za-z]+$"}},
    });
    let one = json!({"type": "object", "required": ["schema"], "properties": {"schema": reference}});
    let content = json!({
        "type": "object", "minProperties": 1,
        "properties": {
            "text/event-stream": {"const": {"schema": {"type": "string"}}},
            "application/json": one, "application/problem+json": one,
        },
        "additionalProperties": false,
    });
    let response = json!({
        "type": "object", "required": ["description", "content"], "additionalProperties": false,
        "properties": {"description": {"type": "string", "minLength": 1}, "content": content},
    });
    let parameter = json!({
        "type": "object", "required": ["name", "in", "required", "schema"], "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "minLength": 1}, "in": {"enum": ["path", "query", "header"]},
            "required": {"type": "boolean"}, "description": {"type": "string"}, "schema": {"type": "object"},
        },
        "if": {"properties": {"in": {"const": "path"}}},
        "then": {"properties": {"required": {"const": true}}},
    });
    let operation = json!({
        "type": "object", "required": ["operationId", "summary", "description", "parameters", "responses"],
        "additionalProperties": false,
        "properties": {
            "operationId": {"type": "string", "pattern": "^[a-z-]+$"},
            "summary": {"type": "string", "minLength": 1}, "description": {"type": "string", "minLength": 1},
            "parameters": {"type": "array", "items": parameter}, "security": {"const": []},
            "requestBody": {
                "type": "object", "required": ["required", "content"], "additionalProperties": false,
                "properties": {"required": {"type": "boolean"}, "content": content},
            },
            "responses": {
                "type": "object", "required": ["default"], "minProperties": 2,
                "propertyNames": {"pattern": "^(default|[1-5][0-9][0-9])$"}, "additionalProperties": response,
            },
        },
    });
    json!({
        "type": "object", "required": ["openapi", "info", "paths", "components", "security", "servers"],
        "additionalProperties": false,
        "properties": {
            "openapi": {"const": "3.1.0"},
            "info": {"type": "object", "required": ["title", "version"]},
            "servers": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["url"]}},
            "security": {"const": [{"signature": []}]},
            "paths": {
                "type": "object", "propertyNames": {"pattern": "^/v1/"},
                "additionalProperties": {
                    "type": "object", "propertyNames": {"enum": ["get", "post", "put", "delete"]},
                    "additionalProperties": operation,
                },
            },
            "components": {
                "type": "object", "required": ["schemas", "securitySchemes"], "additionalProperties": false,
                "properties": {
                    "schemas": {"type": "object", "minProperties": 10},
                    "securitySchemes": {"type": "object", "required": ["signature"]},
                },
            },
        },
    })
}

fn references(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(members) => members.iter().for_each(|(name, value)| match (name.as_str(), value) {
            ("$ref", Value::String(to)) => drop(found.insert(to.clone())),
            _ => references(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_description_is_one_and_all_that_it_names_is_there_and_all_that_is_there_is_named() {
    let document = document("https://acme.example");
    let validator = jsonschema::draft202012::new(&rules()).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    let mut named = BTreeSet::new();
    references(&document, &mut named);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let there: BTreeSet<String> = schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
    assert_eq!(named, there);
    for (name, schema) in schemas {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
    }
    let ids: Vec<Value> =
        operations(&document).into_iter().map(|(_, _, operation)| operation["operationId"].clone()).collect();
    let once: BTreeSet<String> = ids.iter().map(Value::to_string).collect();
    assert_eq!(once.len(), ids.len(), "each operation has a name of its own: {ids:?}");
}

#[test]
fn each_variable_of_a_path_is_a_parameter_of_its_operations() {
    for (path, method, operation) in operations(&document("https://acme.example")) {
        let variables: Vec<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = operation["parameters"].as_array().unwrap();
        let in_path: Vec<&str> = parameters
            .iter()
            .filter(|one| one["in"] == "path")
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(variables, in_path, "{method} {path}");
        let keyed = parameters.iter().any(|one| one["name"] == "Idempotency-Key");
        // What changes nothing, and what asks others, can be asked again as it is.
        let again =
            ["/v1/policy-tests", "/v1/agent-previews", "/v1/domains/{name}/check"].contains(&path.as_str());
        let is_once = !again && !OPEN.contains(&path.as_str());
        assert_eq!(keyed, method == "POST" && is_once, "{method} {path}");
    }
}
