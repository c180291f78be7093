//! Which request is answered with which file, and how.

use crate::{
    file,
    location::{Kind, locate},
    problem::Problem,
    reads_as::Known,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use std::{path::PathBuf, sync::Arc};

pub use crate::file::MAX_BYTES;

/// Serves the public files of the folder `root`:
///
/// | path | file | content type | a cache may keep it |
/// |---|---|---|---|
/// | `/.well-known/did.json` | the same | `application/did+json` | and asks again each time |
/// | `/PATH/did.json` | the same; no name starts with a dot | `application/did+json` | and asks again each time |
/// | `/.well-known/did.jsonl`, `/PATH/did.jsonl` | the log of a did:webvh | `text/jsonl` | and asks again each time |
/// | `/.well-known/did-witness.json`, `/PATH/did-witness.json` | its witnesses' proofs | `application/json` | and asks again each time |
/// | `/.well-known/agent-card.json` | the same | `application/json` | for 5 minutes |
/// | `/PATH/agent-card.json` | the same; no name starts with a dot | `application/json` | for 5 minutes |
/// | `/.well-known/did-configuration.json` | the same | `application/json` | for 5 minutes |
/// | `/status/NAME` | the same; 1 to 64 of `A-Z a-z 0-9 . _ -`, no dot first | `application/vc+jwt`, or `application/vc` where it is JSON | and asks again each time |
/// | `/.well-known/http-message-signatures-directory` | the same | `application/http-message-signatures-directory+json` | for 5 minutes |
/// | `/healthz` | none: the service runs | `text/plain` | not at all |
///
/// A file that does not read as what its place is for is not there (`not_found`): in `status/` only a status list, a
/// Bitstring or a Token Status List, and nowhere what holds a private key.
///
/// The bytes are served as they are, up to [`MAX_BYTES`], with a strong `ETag` and no
/// `Last-Modified`, whose seconds could hide a change. Documents and status lists have
/// `Cache-Control: no-cache`: a revocation must show at once. Agent cards have `max-age`, as A2A §8.6
/// asks: the keys of a card are looked up in the DID document, so that a key that was taken out of it
/// ends at once, however old the card is. Everybody may read all of it from any web page, as did:web
/// wants. Only GET and HEAD are answered. Errors are problem details with a `code`: `not_found`, `method_not_allowed`,
/// `file_too_large`, `file_unreadable`.
///
/// The folder is looked at anew for each request, and may come into being later. Further
/// routes can be merged in.
pub fn router(root: PathBuf) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/{*path}", get(public_file))
        .method_not_allowed_fallback(async || Problem::Method)
        .fallback(async || Problem::NotFound)
        .layer(axum::middleware::map_response(open_to_web_pages))
        .with_state(Arc::new(Folder { root, known: Known::default() }))
}

/// The folder, and what is known of its files.
struct Folder {
    root: PathBuf,
    known: Known,
}

async fn healthz() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

async fn public_file(
    State(folder): State<Arc<Folder>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let location = locate(uri.path()).ok_or(Problem::NotFound)?;
    let kind = location.kind;
    // A disk may be slow; other requests go on meanwhile.
    let (bytes, digest) = tokio::task::spawn_blocking(move || {
        let bytes = file::read(&folder.root, &location)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if folder.known.reads_as(kind, &bytes, digest) { Ok((bytes, digest)) } else { Err(Problem::NotFound) }
    })
    .await
    .map_err(|_| Problem::Storage)??;
    answer(kind, bytes.into(), digest, &headers)
}

pub(crate) fn answer(
    kind: Kind,
    bytes: Bytes,
    digest: [u8; 32],
    request: &HeaderMap,
) -> Result<Response, Problem> {
    let tag = format!("\"{}\"", BASE64URL_NOPAD.encode(&digest));
    let known = is_known(request, &tag);
    let is_json = bytes.trim_ascii_start().starts_with(b"{");
    let mut response = Response::new(if known { Body::empty() } else { Body::from(bytes) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let (content_type, cache_control) = match kind {
        Kind::Document => ("application/did+json", "no-cache"),
        Kind::Log => ("text/jsonl", "no-cache"),
        Kind::Witnesses => ("application/json", "no-cache"),
        Kind::AgentCard | Kind::Configuration => ("application/json", "public, max-age=300"),
        // Secured by proofs (VC Data Model 2.0 §C.1), or as a JWT (VC-JOSE-COSE §6.1).
        Kind::StatusList if is_json => ("application/vc", "no-cache"),
        Kind::StatusList => ("application/vc+jwt", "no-cache"),
        Kind::KeyDirectory => ("application/http-message-signatures-directory+json", "public, max-age=300"),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(header::ETAG, HeaderValue::try_from(tag).map_err(|_| Problem::Storage)?);
    Ok(response)
}

/// Whether `If-None-Match` names this version (RFC 9110 §13.1.2, weak comparison).
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Adds what every answer has: any web page may read it, and none may run it.
pub(crate) async fn open_to_web_pages(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
