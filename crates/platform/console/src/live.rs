//! What is decided, as it comes: the stream that `/v1/receipts` is, passed on to a page of the console that follows it. It is read with
//! the session's key, ends with the session, and keeps no session alive.

use crate::{
    Console, Organization,
    client::{Asking, Problem},
    decisions::{is_meant, word},
    page::{cookie, is_own},
    session::Session,
    told::{class, number, text},
};
use axum::{
    body::{Body, Bytes},
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use legation_host::api::{agent_name, escape};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

/// How often it is looked whether the session lives.
const LOOK: Duration = Duration::from_millis(500);
/// Most bytes of what is not told whole yet.
const MOST: usize = 1 << 20;
/// After how long a browser asks again once a stream has ended, milliseconds: those of `/v1` end within a minute.
const AGAIN: &str = "retry: 2000\n\n";
/// When to ask again where there is no place, seconds.
const FULL: &str = "30";

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    agent: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    after: String,
}

/// Follows what is decided behind a number, where somebody is signed in and there is a place.
pub(crate) async fn follow(
    State(console): State<Arc<Console>>,
    Query(wanted): Query<Wanted>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    match begin(&console, wanted, &parts).await {
        Ok(tail) => tail.answer(),
        Err(why) => {
            let status = StatusCode::from_u16(why.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, why.message).into_response();
            if let Some(after) = why.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, after);
            }
            response
        }
    }
}

async fn begin(console: &Arc<Console>, wanted: Wanted, parts: &Parts) -> Result<Tail, Problem> {
    let (headers, nobody) = (&parts.headers, || Problem::new(401, "signed_out", "sign in to the console"));
    let cookie = cookie(headers, console.tls).ok_or_else(nobody)?;
    let session = console.sessions.peek(&cookie).ok_or_else(nobody)?;
    if !is_own(headers, &parts.uri) {
        return Err(Problem::new(403, "form_denied", "another site asks for it"));
    }
    let full = |_| {
        let message = "so much is followed already; close another page";
        Problem {
            retry_after: Some(HeaderValue::from_static(FULL)),
            ..Problem::new(503, "overloaded", message)
        }
    };
    let own = Arc::clone(&session.followed).try_acquire_owned().map_err(full)?;
    let of_all = Arc::clone(&session.of.followed).try_acquire_owned().map_err(full)?;
    let asking = Asking { session: &session, from: &parts.extensions };
    let body =
        console.follow(&asking, &format!("/v1/receipts?after={}", after(headers, &wanted.after))).await?;
    let agent = agent_name(session.of.registry.did(), &wanted.agent);
    let console = Arc::clone(console);
    let text = AGAIN.to_owned();
    Ok(Tail {
        console,
        cookie,
        session,
        body,
        text,
        told: true,
        agent,
        code: wanted.code,
        _places: [own, of_all],
    })
}

/// Behind which number: a browser that asks again says the last one that it has read (WHATWG HTML §9.2.4).
fn after(headers: &HeaderMap, asked: &str) -> i64 {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let number = |text: &str| text.parse().ok().filter(|number: &i64| *number >= 0);
    last.and_then(number).or_else(|| number(asked)).unwrap_or_default()
}

/// What a page follows.
struct Tail {
    console: Arc<Console>,
    cookie: String,
    session: Arc<Session>,
    body: Body,
    /// What has come and is not told yet.
    text: String,
    /// Whether that is told as it is.
    told: bool,
    agent: String,
    code: String,
    _places: [OwnedSemaphorePermit; 2],
}

impl Tail {
    fn answer(self) -> Response {
        let pieces = futures::stream::unfold(self, |mut tail| async move {
            let piece = tail.next().await?;
            Some((Ok::<Bytes, Infallible>(piece.into()), tail))
        });
        let mut response = Response::new(Body::from_stream(pieces));
        for (name, value) in
            [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")]
        {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    /// The next piece; `None` once the session or the stream has ended.
    async fn next(&mut self) -> Option<String> {
        if core::mem::take(&mut self.told) {
            return Some(core::mem::take(&mut self.text));
        }
        loop {
            if let Some(whole) = self.text.rfind("\n\n") {
                let rest = self.text.split_off(whole + 2);
                let came = core::mem::replace(&mut self.text, rest);
                let all = came.split_terminator("\n\n");
                return Some(all.map(|one| told(&self.session.of, one, (&self.agent, &self.code))).collect());
            }
            // Another one may have signed out meanwhile, or nobody was there for long.
            let lives = self.console.sessions.peek(&self.cookie);
            if !lives.is_some_and(|session| Arc::ptr_eq(&session, &self.session)) {
                return None;
            }
            let Ok(frame) = timeout(LOOK, self.body.frame()).await else { continue };
            let data = frame?.ok()?.into_data().ok()?;
            self.text.push_str(core::str::from_utf8(&data).ok()?);
            if self.text.len() > MOST {
                return None;
            }
        }
    }
}

/// An event of `/v1` as the page is told it: of what is not meant, its number alone, so that it is not asked for again.
fn told(of: &Organization, event: &str, (agent, code): (&str, &str)) -> String {
    let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) else {
        return ":\n\n".to_owned();
    };
    let receipt: Value = serde_json::from_str(data).unwrap_or_default();
    let seq = number(&receipt, "seq");
    let is_of = agent.is_empty() || text(&receipt, "agent") == agent;
    if !is_of || !is_meant(of, &receipt, (agent, code)) {
        return format!("id: {seq}\n\n");
    }
    format!("id: {seq}\ndata: {}\n\n", row(&receipt))
}

/// What a row of the table shows: texts alone, which the page writes as texts.
fn row(receipt: &Value) -> Value {
    let (decision, agent, at) = (word(receipt), text(receipt, "agent"), text(receipt, "at"));
    let leads = !agent.is_empty() && !agent.starts_with("did:");
    json!({
        "to": format!("/console/decisions/{}", number(receipt, "seq")),
        "at": at, "when": at.trim_end_matches('Z').replace('T', " "),
        "decision": decision, "class": class(decision), "code": text(receipt, "code"),
        "agent": agent, "toAgent": if leads { format!("/console/agents/{}", escape(agent)) } else { String::new() },
        "on": text(receipt, "model"), "amount": text(receipt, "amount"),
        "times": receipt.get("times").and_then(Value::as_i64).unwrap_or(1).to_string(),
    })
}
