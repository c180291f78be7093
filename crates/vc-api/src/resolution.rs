//! DID resolution over HTTP (DID Resolution 1.0, HTTPS binding): a document alone, or with its metadata; a DID URL
//! dereferenced.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use legation_did::{Did, DidError};
use legation_resolver::{FetchError, Fetcher};
use serde_json::{Value, json};

/// A DID resolution result.
const RESULT: &str = "application/did-resolution";
/// A DID URL dereferencing result.
const DEREFERENCED: &str = "application/did-url-dereferencing";
/// A DID document.
const DOCUMENT: &str = "application/did+json";

/// What a caller accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// What fits to what is asked for, with its metadata.
    Result,
    /// The same, as that of a DID URL, which a DID is as well.
    Dereferenced,
    /// The document or its part alone.
    Document,
}

/// An error of DID resolution: its name in the specification, and the status that it is answered with.
struct Failure {
    name: &'static str,
    status: StatusCode,
    detail: String,
}

impl Failure {
    fn new(name: &'static str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into() }
    }
}

/// Answers `GET /1.0/identifiers/{did}`; `text` is the DID or DID URL, decoded.
pub(crate) async fn resolve(fetcher: &Fetcher, text: &str, headers: &HeaderMap) -> Response {
    let (did, url) = text.split_once(['#', '?', '/']).map_or((text, false), |(did, _)| (did, true));
    let form = accepted(headers);
    let url = url || form == Some(Form::Dereferenced);
    let Some(form) = form else {
        let detail = format!("only {RESULT}, {DEREFERENCED} and {DOCUMENT} are written");
        return failed(Failure::new("REPRESENTATION_NOT_SUPPORTED", StatusCode::NOT_ACCEPTABLE, detail), url);
    };
    let found = document(fetcher, did, url).await;
    match found {
        Err(failure) => failed(failure, url),
        Ok(document) if url => dereferenced(&document, text, form),
        Ok(document) if form == Form::Document => answer(StatusCode::OK, DOCUMENT, &document),
        Ok(document) => {
            let result = json!({
                "@context": "https://w3id.org/did-resolution/v1",
                "didDocument": document,
                "didResolutionMetadata": {"contentType": RESULT},
                "didDocumentMetadata": {},
            });
            answer(StatusCode::OK, RESULT, &result)
        }
    }
}

fn accepted(headers: &HeaderMap) -> Option<Form> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let types = accept.split(',').map(|one| one.split(';').next().unwrap_or_default().trim());
    types
        .filter_map(|one| match one {
            RESULT | "*/*" | "application/*" | "application/ld+json" => Some(Form::Result),
            DEREFERENCED => Some(Form::Dereferenced),
            DOCUMENT | "application/did" | "application/did+ld+json" | "application/json" => {
                Some(Form::Document)
            }
            _ => None,
        })
        .next()
}

async fn document(fetcher: &Fetcher, text: &str, url: bool) -> Result<Value, Failure> {
    let name = if url { "INVALID_DID_URL" } else { "INVALID_DID" };
    let invalid = |error: DidError| Failure::new(name, StatusCode::BAD_REQUEST, error.to_string());
    let did: Did = text.parse().map_err(invalid)?;
    if !["key", "web"].contains(&did.method()) {
        let detail = format!("did:{} is not resolved here; did:key and did:web are", did.method());
        return Err(Failure::new("METHOD_NOT_SUPPORTED", StatusCode::NOT_IMPLEMENTED, detail));
    }
    match fetcher.document(&did).await {
        Ok(document) => Ok(document.to_json()),
        Err(FetchError::DidInvalid(error)) => Err(invalid(error)),
        Err(error @ (FetchError::DocumentInvalid { .. } | FetchError::IdMismatch { .. })) => {
            Err(Failure::new("INVALID_DID_DOCUMENT", StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
        }
        Err(error) => Err(Failure::new("NOT_FOUND", StatusCode::NOT_FOUND, error.to_string())),
    }
}

/// The verification method or service that a DID URL names by its fragment, or the whole document.
fn dereferenced(document: &Value, url: &str, form: Form) -> Response {
    if let Some(location) = service_of(document, url) {
        // HTTPS binding: the endpoint of a service is redirected to, without a body.
        return (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    }
    let resource = match url.split_once('#') {
        None => Some(document),
        Some(_) => ["verificationMethod", "service"]
            .into_iter()
            .filter_map(|list| document.get(list)?.as_array())
            .flatten()
            .find(|one| one.get("id").and_then(Value::as_str) == Some(url)),
    };
    match resource {
        None => {
            let detail = "the document has nothing of this name";
            failed(Failure::new("NOT_FOUND", StatusCode::NOT_FOUND, detail), true)
        }
        Some(resource) if form == Form::Document => answer(StatusCode::OK, "application/json", resource),
        Some(resource) => {
            let result = json!({
                "dereferencingMetadata": {"contentType": DEREFERENCED},
                "contentStream": resource,
                "contentMetadata": {},
            });
            answer(StatusCode::OK, DEREFERENCED, &result)
        }
    }
}

/// The endpoint that a DID URL selects by its parameters `service` and `relativeRef` (DID Core 1.0 §3.2.1).
fn service_of(document: &Value, url: &str) -> Option<HeaderValue> {
    let (did, query) = url.split('#').next()?.split_once('?')?;
    let parameters: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let parameter =
        |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let id = format!("{did}#{}", parameter("service")?);
    let service =
        document.get("service")?.as_array()?.iter().find(|one| one.get("id") == Some(&json!(id)))?;
    let endpoint = service.get("serviceEndpoint")?.as_str()?.parse::<url::Url>().ok()?;
    let location = endpoint.join(parameter("relativeRef").unwrap_or_default()).ok()?;
    // The document's word sends nobody elsewhere than to the service's own origin.
    (location.origin() == endpoint.origin()).then(|| HeaderValue::try_from(location.as_str()).ok()).flatten()
}

fn failed(failure: Failure, url: bool) -> Response {
    let Failure { name, status, detail } = failure;
    let error = json!({
        "type": format!("https://www.w3.org/ns/did#{name}"), "title": name, "detail": detail,
    });
    let (content_type, body) = match url {
        true => (
            DEREFERENCED,
            json!({
                "dereferencingMetadata": {"contentType": DEREFERENCED, "error": error},
                "contentStream": null, "contentMetadata": {},
            }),
        ),
        false => (
            RESULT,
            json!({
                "@context": "https://w3id.org/did-resolution/v1",
                "didDocument": null,
                "didResolutionMetadata": {"contentType": RESULT, "error": error},
                "didDocumentMetadata": {},
            }),
        ),
    };
    answer(status, content_type, &body)
}

fn answer(status: StatusCode, content_type: &'static str, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, content_type)], body.to_string()).into_response()
}
