//! Which request is answered by what.

use crate::{
    access::Access,
    issue::{LIMITS, Securing, check_reserved, issue, status_list},
    problem::{MALFORMED, Problem},
    resolution,
    service::Service,
    verify::{Expected, Verification, object},
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use legation_keys::json::{self, Json, Object};
use legation_linked_data::Suite;
use percent_encoding::percent_decode_str;
use serde_json::json;
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// The routes:
///
/// | request | what is done | answer |
/// |---|---|---|
/// | `POST /credentials/issue` | as by `eddsa-rdfc-2022` | 201 and the bare credential |
/// | `POST /issuers/{way}/credentials/issue` | issued by `eddsa-rdfc-2022`, `eddsa-jcs-2022`, `ecdsa-rdfc-2019`, as `vc-jwt` in an envelope, or with a `bitstring-status-list` entry | 201 and the bare credential |
/// | `POST /credentials/status` | what was issued with a `credentialId`, or one entry, a `credentialStatus`, is set or cleared | 200 |
/// | `POST /credentials/verify` | `verifiableCredential`, by whichever it is secured | 200 |
/// | `POST /presentations/verify` | `verifiablePresentation`, with its credentials | 200 |
/// | `GET /credentials/status/1` | the status list | 200 |
/// | `GET /1.0/identifiers/{did}` | a DID is resolved, or a DID URL dereferenced | 200 |
///
/// What does not hold is answered with 400 and problem details, a body above 1 MiB with 413.
///
/// The first three sign, and are done only for whom `access` says so: 401 or 403 for others. No credential is issued
/// of a type that a verifier of Legation gives a meaning to, such as a delegation: 403. A request that names another host is
/// answered with 421, one from another site with 403, one whose body is not `application/json` with 415.
///
/// A presentation has at most 64 credentials. For one verification at most 32 status lists and DID documents are
/// fetched, each once.
pub fn router(service: Arc<Service>, access: Access) -> Router {
    let access = Arc::new(access);
    let sign = from_fn_with_state(Arc::clone(&access), may_sign);
    Router::new()
        .route("/credentials/issue", post(issue_by_default))
        .route("/issuers/{way}/credentials/issue", post(issue_by))
        .route("/credentials/status", post(set_status))
        .route_layer(sign)
        .route("/credentials/verify", post(verify_credential))
        .route("/issuers/{way}/credentials/verify", post(verify_credential))
        .route("/presentations/verify", post(verify_presentation))
        .route("/credentials/status/1", get(list))
        .route("/1.0/identifiers/{*did}", get(identifier))
        .layer(DefaultBodyLimit::max(LIMITS.bytes))
        .route_layer(from_fn_with_state(access, admitted))
        .with_state(service)
}

/// Before anything of the body is read.
async fn admitted(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    access.admit(request.method(), request.headers())?;
    Ok(next.run(request).await)
}

async fn may_sign(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    access.sign(request.headers())?;
    Ok(next.run(request).await)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], body)
        .into_response()
}

/// A required member of a body.
fn member<'o, 'a>(body: &'o Object<'a>, name: &str) -> Result<&'o Json<'a>, Problem> {
    let missing = || Problem::new(MALFORMED, "malformed", format!("the body has no `{name}`"));
    body.get(name).ok_or_else(missing)
}

async fn issue_by_default(State(service): State<Arc<Service>>, body: Bytes) -> Result<Response, Problem> {
    issued(service, Securing::Proof(Suite::EddsaRdfc2022), body).await
}

async fn issue_by(
    State(service): State<Arc<Service>>,
    Path(way): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let unknown =
        || Problem { status: 404, ..Problem::new(MALFORMED, "not_found", "there is no such issuer") };
    issued(service, Securing::from_name(&way).ok_or_else(unknown)?, body).await
}

async fn issued(service: Arc<Service>, securing: Securing, body: Bytes) -> Result<Response, Problem> {
    let signs = Arc::clone(&service);
    let work = move || {
        let body = json::parse(&body, LIMITS)?;
        let credential = member(object(&body)?, "credential")?;
        check_reserved(credential)?;
        Ok(issue(&signs, securing, credential, now())?.into_json())
    };
    Ok(answer(StatusCode::CREATED, "application/json", service.aside().run(work).await?))
}

async fn set_status(State(service): State<Arc<Service>>, body: Bytes) -> Result<Response, Problem> {
    let body = json::parse(&body, LIMITS)?;
    let body = object(&body)?;
    let revoked = !matches!(body.get("status"), Some(Json::Bool(false)));
    // A credential that was issued without an `id` is known by its entry alone.
    let entry = body.get("credentialStatus").filter(|entry| entry.get("statusListIndex").is_some());
    let (done, told) = match entry {
        Some(entry) => {
            let index = status_entry(&service, entry)?;
            let told =
                json!({"statusListIndex": index.to_string(), "statusListCredential": service.list_url()});
            (service.set_entry(index, revoked), json!({"credentialStatus": told, "status": revoked}))
        }
        None => {
            let id = member(body, "credentialId")?.as_str().unwrap_or_default();
            (service.set_status(id, revoked), json!({"credentialId": id, "status": revoked}))
        }
    };
    if !done {
        let detail = "no credential of this id, or with this entry, was issued here with a status";
        return Err(Problem { status: 404, ..Problem::new(MALFORMED, "not_found", detail) });
    }
    Ok(answer(StatusCode::OK, "application/json", told.to_string()))
}

/// The index of an entry of this service's list, as the credential has it.
fn status_entry(service: &Service, entry: &Json<'_>) -> Result<usize, Problem> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
    let index = text("statusListIndex").parse().ok();
    let index = index.filter(|_| text("statusListCredential") == service.list_url());
    index.ok_or_else(|| {
        let url = service.list_url();
        let detail =
            format!("`credentialStatus`: expected an entry of {url}, with its `statusListIndex` as a text");
        Problem::new(MALFORMED, "malformed", detail)
    })
}

async fn verify_credential(State(service): State<Arc<Service>>, body: Bytes) -> Result<Response, Problem> {
    let body = json::parse(&body, LIMITS)?;
    let body = object(&body)?;
    let verification = Verification::new(&service, now());
    verification.credential(member(body, "verifiableCredential")?, expected(body)).await?;
    Ok(verified(&verification))
}

async fn verify_presentation(State(service): State<Arc<Service>>, body: Bytes) -> Result<Response, Problem> {
    let body = json::parse(&body, LIMITS)?;
    let body = object(&body)?;
    let verification = Verification::new(&service, now());
    verification.presentation(member(body, "verifiablePresentation")?, expected(body)).await?;
    Ok(verified(&verification))
}

/// `options.challenge` and `options.domain`.
fn expected<'o>(body: &'o Object<'_>) -> Expected<'o> {
    let option =
        |name: &str| body.get("options").and_then(|options| options.get(name)).and_then(Json::as_str);
    Expected { challenge: option("challenge"), domain: option("domain") }
}

fn verified(verification: &Verification<'_>) -> Response {
    let body = json!({"verified": true, "problemDetails": [], "warnings": verification.warnings()});
    answer(StatusCode::OK, "application/json", body.to_string())
}

async fn list(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, Problem> {
    // Clients that know no media type of credentials parse what is called JSON only.
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = accept.contains("json") && !accept.contains("application/vc");
    let content_type = if plain { "application/json" } else { "application/vc" };
    let signs = Arc::clone(&service);
    let list = service.aside().run(move || status_list(&signs, now())).await?;
    Ok(answer(StatusCode::OK, content_type, list))
}

async fn identifier(State(service): State<Arc<Service>>, uri: Uri, headers: HeaderMap) -> Response {
    // As it was sent: what is decoded before would take a `#` of a DID URL for the request's own.
    let path = uri.path().strip_prefix("/1.0/identifiers/").unwrap_or_default();
    // Decoded once (DID Resolution, HTTPS binding). A did:web has escapes of its own, so that a DID which was sent as it is keeps
    // them: one that was encoded has none but those of its colons or, where those stand plainly, of its percent signs.
    let plain = path.starts_with("did:") && !path.contains("%25");
    let text = if plain { path.into() } else { percent_decode_str(path).decode_utf8_lossy() };
    resolution::resolve(service.fetcher(), &text, uri.query().unwrap_or_default(), &headers).await
}
