//! Streams made, changed, paused, verified (SSF 1.0 §8.1).

use super::{
    Signals,
    bearer::{Refused, read as body},
    now,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use legation_registry::{
    SignalError,
    signals::{Delivery, Scope, Shown, Status, Wanted},
};
use legation_store::signal::Receiver;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const PUSH: &str = "urn:ietf:rfc:8935";
const POLL: &str = "urn:ietf:rfc:8936";

#[derive(Deserialize)]
struct Asked {
    stream_id: Option<String>,
    delivery: Option<Method>,
    events_requested: Option<Vec<String>>,
    description: Option<String>,
    iss: Option<Value>,
    aud: Option<Value>,
}

#[derive(Deserialize)]
struct Method {
    method: String,
    endpoint_url: Option<String>,
    authorization_header: Option<String>,
}

#[derive(Deserialize)]
struct AskedStatus {
    stream_id: String,
    status: Status,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct AskedSubject {
    stream_id: String,
    subject: Value,
}

#[derive(Deserialize)]
struct AskedVerification {
    stream_id: String,
    state: Option<String>,
}

fn answer(status: StatusCode, json: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, json.to_string()).into_response()
}

fn done() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

fn status_of(shown: &Shown) -> Value {
    let stream = &shown.subscription;
    let mut json = json!({"stream_id": stream.id, "status": stream.state});
    if let (false, Some(members)) = (stream.reason.is_empty(), json.as_object_mut()) {
        members.insert("reason".to_owned(), json!(stream.reason));
    }
    json
}

/// The stream that a query names. An id has nothing that is escaped.
fn asked_for(uri: &Uri) -> Option<String> {
    let members = uri.query().unwrap_or_default().split('&');
    members.filter_map(|member| member.strip_prefix("stream_id=")).next().map(str::to_owned)
}

fn named(id: Option<String>) -> Result<String, SignalError> {
    let missing =
        || SignalError::Value { member: "stream_id", reason: "it is missing; name the stream".to_owned() };
    id.ok_or_else(missing)
}

impl Signals {
    /// What a receiver asks for, where it can be.
    fn wanted(&self, asked: Asked) -> Result<Wanted, SignalError> {
        let wrong = |reason: String| SignalError::Value { member: "delivery", reason };
        let delivery = match asked.delivery {
            None => None,
            // Where it is polled is the transmitter's to say.
            Some(method) if method.method == POLL => Some(Delivery::Poll),
            Some(Method { method, endpoint_url, authorization_header }) if method == PUSH => {
                let url = endpoint_url.ok_or_else(|| wrong("`endpoint_url` is missing".to_owned()))?;
                self.fetcher.check(&url).map_err(|error| wrong(error.to_string()))?;
                Some(Delivery::Push { url, authorization: authorization_header })
            }
            Some(_) => return Err(wrong(format!("`method` is `{PUSH}` or `{POLL}`"))),
        };
        Ok(Wanted { delivery, events: asked.events_requested, description: asked.description })
    }

    async fn change(
        self: &Arc<Self>,
        headers: &HeaderMap,
        asked: Body,
        anew: bool,
    ) -> Result<Response, Refused> {
        let receiver = self.changing(headers).await?;
        let asked: Asked = body(asked).await?;
        let id = named(asked.stream_id.clone())?;
        // What the transmitter says may be repeated, and not be changed (SSF 1.0 §8.1.1.3).
        let origin = self.registry.origin();
        for (member, said, own) in [("iss", &asked.iss, &origin), ("aud", &asked.aud, &receiver.audience)] {
            if said.as_ref().is_some_and(|said| said.as_str() != Some(own.as_str())) {
                return Err(SignalError::Value {
                    member,
                    reason: format!("it is `{own}`, and not yours to change"),
                }
                .into());
            }
        }
        let wanted = self.wanted(asked)?;
        let shown =
            self.blocking(move |registry| registry.change_stream(&receiver, (&id, anew), wanted, now()));
        Ok(answer(StatusCode::OK, &shown.await?.configuration))
    }
}

pub(super) async fn create(
    State(signals): State<Arc<Signals>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Refused> {
    let receiver = signals.changing(&headers).await?;
    let wanted = signals.wanted(body(asked).await?)?;
    let shown = signals.blocking(move |registry| registry.create_stream(&receiver, wanted, now())).await?;
    Ok(answer(StatusCode::CREATED, &shown.configuration))
}

pub(super) async fn read(
    State(signals): State<Arc<Signals>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let receiver = signals.receiver(&headers, Scope::Read).await?;
    let json = match asked_for(&uri) {
        Some(id) => signals.blocking(move |registry| registry.stream(&receiver, &id)).await?.configuration,
        None => {
            let own = signals.blocking(move |registry| registry.own_stream(&receiver)).await?;
            own.into_iter().map(|own| own.configuration).collect()
        }
    };
    Ok(answer(StatusCode::OK, &json))
}

pub(super) async fn update(
    State(signals): State<Arc<Signals>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Refused> {
    signals.change(&headers, asked, false).await
}

pub(super) async fn replace(
    State(signals): State<Arc<Signals>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Refused> {
    signals.change(&headers, asked, true).await
}

pub(super) async fn delete(
    State(signals): State<Arc<Signals>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let receiver = signals.changing(&headers).await?;
    let id = named(asked_for(&uri))?;
    signals.blocking(move |registry| registry.delete_stream(&receiver, &id, now())).await?;
    Ok(done())
}

pub(super) async fn status(
    State(signals): State<Arc<Signals>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let receiver = signals.receiver(&headers, Scope::Read).await?;
    let id = named(asked_for(&uri))?;
    let shown = signals.blocking(move |registry| registry.stream(&receiver, &id)).await?;
    Ok(answer(StatusCode::OK, &status_of(&shown)))
}

pub(super) async fn set_status(
    State(signals): State<Arc<Signals>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Refused> {
    let receiver = signals.changing(&headers).await?;
    let AskedStatus { stream_id, status, reason } = body(asked).await?;
    let set = move |registry: &legation_registry::Registry| {
        registry.set_stream_status(&receiver, &stream_id, (status, &reason), now())
    };
    let shown = signals.blocking(set).await?;
    signals.tell();
    Ok(answer(StatusCode::OK, &status_of(&shown)))
}

pub(super) async fn add_subject(
    State(signals): State<Arc<Signals>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Refused> {
    subject(&signals, &headers, asked, false).await?;
    Ok(answer(StatusCode::OK, &json!({})))
}

pub(super) async fn remove_subject(
    State(signals): State<Arc<Signals>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Refused> {
    subject(&signals, &headers, asked, true).await?;
    Ok(done())
}

/// Whether the organization knows the subject is not told (SSF 1.0 §9.1): any is taken.
async fn subject(
    signals: &Arc<Signals>,
    headers: &HeaderMap,
    asked: Body,
    leaves: bool,
) -> Result<(), Refused> {
    let receiver: Receiver = signals.changing(headers).await?;
    let AskedSubject { stream_id, subject } = body(asked).await?;
    signals.blocking(move |registry| registry.leave_out(&receiver, &stream_id, (&subject, leaves))).await
}

pub(super) async fn verify(
    State(signals): State<Arc<Signals>>,
    headers: HeaderMap,
    asked: Body,
) -> Result<Response, Refused> {
    let receiver = signals.changing(&headers).await?;
    let AskedVerification { stream_id, state } = body(asked).await?;
    let verify = move |registry: &legation_registry::Registry| {
        registry.verify_stream(&receiver, &stream_id, state.as_deref(), now())
    };
    signals.blocking(verify).await?;
    signals.tell();
    Ok(done())
}
