//! DID resolution over HTTP (DID Resolution 1.0, HTTPS binding): a document alone, or with its metadata; a DID URL
//! dereferenced.

use crate::did_key;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use legation_did::{Did, DidError};
use legation_keys::time::{self, Round};
use legation_resolver::{FetchError, Fetcher};
use legation_webvh::{At, LogError, ResolveError};
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

/// A document, and what is known of it.
struct Found {
    document: Value,
    metadata: Value,
    /// The DID has been ended, and this is its last document.
    is_ended: bool,
}

/// Answers `GET /1.0/identifiers/{did}`; `text` is the DID or DID URL, decoded, `options` the request's query.
pub(crate) async fn resolve(fetcher: &Fetcher, text: &str, options: &str, headers: &HeaderMap) -> Response {
    let (did, url) = text.split_once(['#', '?', '/']).map_or((text, false), |(did, _)| (did, true));
    let form = accepted(headers);
    let url = url || form == Some(Form::Dereferenced);
    let Some(form) = form else {
        let detail = format!("only {RESULT}, {DEREFERENCED} and {DOCUMENT} are written");
        return failed(Failure::new("REPRESENTATION_NOT_SUPPORTED", StatusCode::NOT_ACCEPTABLE, detail), url);
    };
    let query = text.split('#').next().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
    let found = match version(&[options, query]) {
        Ok(at) => find(fetcher, did, &at, url).await,
        Err(failure) => Err(failure),
    };
    match found {
        Err(failure) => failed(failure, url),
        // HTTPS binding: 410, and the metadata say why.
        Ok(found) if found.is_ended => {
            answer(StatusCode::GONE, RESULT, &result(&Value::Null, &found.metadata))
        }
        Ok(found) if url => dereferenced(&found.document, text, form),
        Ok(found) if form == Form::Document => answer(StatusCode::OK, DOCUMENT, &found.document),
        Ok(found) => answer(StatusCode::OK, RESULT, &result(&found.document, &found.metadata)),
    }
}

fn result(document: &Value, metadata: &Value) -> Value {
    json!({
        "@context": "https://w3id.org/did-resolution/v1",
        "didDocument": document,
        "didResolutionMetadata": {"contentType": RESULT},
        "didDocumentMetadata": metadata,
    })
}

/// The version that resolution options or a DID URL's parameters ask for (DID Core 1.0 §3.2.1).
fn version(queries: &[&str]) -> Result<At, Failure> {
    let parameters = queries.iter().flat_map(|query| url::form_urlencoded::parse(query.as_bytes()));
    let invalid = |detail: &str| Failure::new("INVALID_OPTIONS", StatusCode::BAD_REQUEST, detail);
    let mut at = None;
    for (name, value) in parameters {
        let asked = match name.as_ref() {
            "versionTime" => {
                let seconds = time::parse(&value, Round::Down);
                At::Time(seconds.ok_or_else(|| invalid("`versionTime` is no RFC 3339 time"))?)
            }
            "versionId" => At::Version(value.into_owned()),
            _ => continue,
        };
        if at.replace(asked).is_some() {
            return Err(invalid("one version is asked for, by `versionTime` or `versionId`, once"));
        }
    }
    Ok(at.unwrap_or(At::Latest))
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

async fn find(fetcher: &Fetcher, text: &str, at: &At, url: bool) -> Result<Found, Failure> {
    let name = if url { "INVALID_DID_URL" } else { "INVALID_DID" };
    let invalid = |error: String| Failure::new(name, StatusCode::BAD_REQUEST, error);
    let did: Did = text.parse().map_err(|error: DidError| invalid(error.to_string()))?;
    match did.method() {
        "webvh" => of_history(fetcher, &did, at).await.map_err(|error| match error {
            ResolveError::Log(error @ LogError::NotWebvh { .. }) => invalid(error.to_string()),
            ResolveError::Log(error @ LogError::NoVersion { .. }) => not_found(&error),
            ResolveError::Fetch(error) => not_found(&error),
            other => invalid_document(&other),
        }),
        "key" | "web" if *at != At::Latest => {
            let detail = format!("a did:{} keeps no versions; a did:webvh does", did.method());
            Err(Failure::new("FEATURE_NOT_SUPPORTED", StatusCode::NOT_IMPLEMENTED, detail))
        }
        "key" if let Some(document) = did_key::document(&did).await => {
            Ok(Found { document: document.map_err(invalid)?, metadata: json!({}), is_ended: false })
        }
        "key" | "web" => match fetcher.document(&did).await {
            Ok(document) => Ok(Found { document: document.to_json(), metadata: json!({}), is_ended: false }),
            Err(FetchError::DidInvalid(error)) => Err(invalid(error.to_string())),
            Err(error @ (FetchError::DocumentInvalid { .. } | FetchError::IdMismatch { .. })) => {
                Err(invalid_document(&error))
            }
            Err(error) => Err(not_found(&error)),
        },
        other => {
            let detail = format!("did:{other} is not resolved here; did:key, did:web and did:webvh are");
            Err(Failure::new("METHOD_NOT_SUPPORTED", StatusCode::NOT_IMPLEMENTED, detail))
        }
    }
}

fn not_found(error: &dyn core::fmt::Display) -> Failure {
    Failure::new("NOT_FOUND", StatusCode::NOT_FOUND, error.to_string())
}

fn invalid_document(error: &dyn core::fmt::Display) -> Failure {
    Failure::new("INVALID_DID_DOCUMENT", StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

async fn of_history(fetcher: &Fetcher, did: &Did, at: &At) -> Result<Found, ResolveError> {
    let version = legation_webvh::resolve(fetcher, did, at).await?;
    let mut metadata = json!({
        "versionId": version.version_id,
        "created": time::format(version.created),
        "updated": time::format(version.version_time),
    });
    if let (Some(members), Some(next)) = (metadata.as_object_mut(), version.next_version_time) {
        members.insert("nextUpdate".to_owned(), time::format(next).into());
    }
    if let (Some(members), true) = (metadata.as_object_mut(), version.is_ended()) {
        members.insert("deactivated".to_owned(), true.into());
    }
    let is_ended = version.is_ended();
    Ok(Found { document: version.document, metadata, is_ended })
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
            .find(|one| is_named(one, document, url)),
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

/// Whether a part of a document has this name, be it whole or relative there.
fn is_named(part: &Value, document: &Value, url: &str) -> bool {
    let did = document.get("id").and_then(|did| did.as_str()?.parse::<Did>().ok());
    let name = part.get("id").and_then(Value::as_str);
    did.zip(name).is_some_and(|(did, name)| did.resolve(name) == did.resolve(url))
}

/// The endpoint that a DID URL selects by its parameters `service` and `relativeRef` (DID Core 1.0 §3.2.1).
fn service_of(document: &Value, url: &str) -> Option<HeaderValue> {
    let (did, query) = url.split('#').next()?.split_once('?')?;
    let parameters: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let parameter =
        |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let id = format!("{did}#{}", parameter("service")?);
    let service = document.get("service")?.as_array()?.iter().find(|one| is_named(one, document, &id))?;
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
