//! The description of the API, OpenAPI 3.1, written from the table that mounts it.

use super::endpoint::{Endpoint, all};
use axum::http::Method;
use serde_json::{Map, Value, json};

/// The schemas of bodies and answers.
const SCHEMAS: &str = include_str!("schemas.json");
/// How a request shows who makes it.
const SIGNATURE: &str = "The request is signed (RFC 9421) by the key of an admin's DID over `@method`, `@target-uri`, \
     `agent-delegation` and, where there is a body, `content-digest`. \
     The signature has `created`, `expires`, `nonce`, `keyid` and `alg`. \
     `Agent-Delegation` holds the admin's delegation. The URL that is signed is that at the organization's own origin, \
     wherever the API is reached. Each request has a nonce of its own, a repeated one too.";

/// The description of the API of an organization whose origin this is.
#[must_use]
pub fn document(origin: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in all() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(endpoint.method.as_str().to_lowercase(), operation(endpoint));
        }
    }
    // What is built in reads; were it not so, the test of this document would tell.
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Legation: the administration of an organization",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "All answers are JSON; errors are problem details (RFC 9457) with a stable `code`.",
        },
        "servers": [{
            "url": origin,
            "description": "The origin that requests are signed for. It listens at the admin address of the host.",
        }],
        "security": [{"signature": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "signature": {"type": "apiKey", "in": "header", "name": "Signature", "description": SIGNATURE},
            },
        },
    })
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn operation(endpoint: &Endpoint) -> Value {
    let answer = |about: &str, kind: &str, schema: &str| json!({"description": about, "content": {kind: {"schema": reference(schema)}}});
    let mut operation = json!({
        // One path, one action and a method name it.
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "description": match endpoint.open {
            true => "Needs no signature.".to_owned(),
            false => format!("Needs the action `{}` on the URL.", endpoint.action),
        },
        "parameters": parameters(endpoint),
        "responses": {
            endpoint.status.to_string(): answer("Done.", "application/json", endpoint.answer),
            "default": answer("Not done.", "application/problem+json", "Problem"),
        },
    });
    if let (true, Some(members)) = (endpoint.open, operation.as_object_mut()) {
        members.insert("security".to_owned(), json!([]));
    }
    let content = operation.pointer_mut(&format!("/responses/{}/content", endpoint.status));
    if let (true, Some(kinds)) = (endpoint.streams, content.and_then(Value::as_object_mut)) {
        // Each `data` of the stream is an event, or a receipt.
        kinds.insert("text/event-stream".to_owned(), json!({"schema": {"type": "string"}}));
    }
    if let (Some(schema), Some(members)) = (endpoint.body, operation.as_object_mut()) {
        let content = json!({"application/json": {"schema": reference(schema)}});
        members.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    operation
}

/// Such as `put-agents-budgets`.
fn operation_id(endpoint: &Endpoint) -> String {
    let path = endpoint.path.split('/').filter(|part| !part.is_empty() && *part != "v1");
    let words = path.map(|part| part.trim_matches(['{', '}']));
    core::iter::once(endpoint.method.as_str().to_lowercase().as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("-")
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let mut all = Vec::new();
    let variable = endpoint.path.split('/').find_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    all.extend(
        variable
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})),
    );
    all.extend(endpoint.query.iter().map(|member| {
        json!({
            "name": member.name, "in": "query", "required": false, "description": member.about,
            "schema": {"type": member.kind},
        })
    }));
    if endpoint.method != Method::GET && endpoint.path.contains('{') {
        all.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` of what the first two segments below `/v1` name, as it was got: where it was changed \
                            meanwhile, nothing is done and the answer is `precondition_failed`.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 1024},
        }));
    }
    if endpoint.is_once() {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Chosen anew for each request: asked again by it within a day, the answer is the first one, and \
                            nothing is done twice. An answer with a secret is not repeated: `idempotency_secret`.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
    all
}
