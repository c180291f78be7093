//! The logs of an organization, as C2SP tlog-tiles has them: signed checkpoints and hash tiles. Entries are for auditors, and
//! not here.

use crate::{problem::Problem, router::open_to_web_pages};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
    routing::get,
};
use legation_log::reader::{Published, published};
use std::{path::PathBuf, sync::Arc};

/// `/log/NAME/checkpoint`, `/log/NAME/witnessed`, the latest that witnesses signed, `/log/NAME/tile/…` and `/log/NAME/log.jwt`, what the organization says of the log, from a folder
/// of logs.
pub fn logs(folder: PathBuf) -> Router {
    Router::new()
        .route("/log/{name}/{*path}", get(file))
        .layer(map_response(open_to_web_pages))
        .with_state(Arc::new(folder))
}

async fn file(
    State(folder): State<Arc<PathBuf>>,
    Path((name, path)): Path<(String, String)>,
) -> Result<Response, Problem> {
    // The name is a segment of a path, and leads nowhere else.
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(Problem::NotFound);
    }
    let read = move || published(&folder.join(name), &path);
    let read = tokio::task::spawn_blocking(read).await.map_err(|_| Problem::Storage)?;
    let (kind, bytes) = read.map_err(|_| Problem::Storage)?.ok_or(Problem::NotFound)?;
    let (content_type, cache) = match kind {
        Published::Checkpoint => ("text/plain; charset=utf-8", "public, max-age=1"),
        Published::About => ("application/jwt", "public, max-age=300"),
        // It never changes.
        Published::Tile => ("application/octet-stream", "public, max-age=31536000, immutable"),
    };
    let mut response = Response::new(Body::from(Bytes::from(bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}
