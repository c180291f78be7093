//! Tokens for whoever asks (RFC 8936).

use super::{
    Signals,
    bearer::{Refused, read},
};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use legation_registry::signals::{Polled, Scope};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// For how long whoever asks waits for the first token. Less than the patience of usual clients, ten seconds.
const HOLD: Duration = Duration::from_secs(8);
/// After so long it is looked again, whatever is heard: another process may have put something there.
const LOOK: Duration = Duration::from_secs(1);
/// Most tokens that one request acknowledges.
const MOST: usize = 1000;

/// RFC 8936 §2.2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    max_events: Option<i64>,
    #[serde(default)]
    return_immediately: bool,
    #[serde(default)]
    ack: Vec<String>,
    #[serde(default)]
    set_errs: Map<String, Value>,
}

pub(super) async fn poll(
    State(signals): State<Arc<Signals>>,
    Path(stream): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let receiver = signals.receiver(&headers, Scope::Read).await?;
    let Asked { max_events, return_immediately, mut ack, set_errs } = read(body).await?;
    // What a receiver can't use is not kept for it: it would be none the better the next time.
    ack.extend(set_errs.into_iter().map(|(jti, _)| jti));
    if ack.len() > MOST {
        return Err(Refused::new(
            400,
            "value_invalid",
            format!("at most {MOST} tokens are acknowledged at a time"),
        ));
    }
    if max_events.is_some_and(|most| most < 0) {
        return Err(Refused::new(400, "value_invalid", "`maxEvents` is less than none"));
    }
    let begin = Instant::now();
    let mut news = signals.news.subscribe();
    let place = Arc::clone(&signals.waiting).try_acquire_owned();
    let waits = !return_immediately && max_events != Some(0) && place.is_ok();
    loop {
        // Before it is looked, so that nothing is missed in between.
        news.mark_unchanged();
        let (receiver, stream, ack) = (receiver.clone(), stream.clone(), core::mem::take(&mut ack));
        let polled = signals.blocking(move |registry| registry.poll(&receiver, &stream, &ack, max_events));
        let Polled { sets, more } = polled.await?;
        if !sets.is_empty() || !waits || begin.elapsed() >= HOLD {
            return Ok(answer(sets, more));
        }
        // The sender of news lives as long as this.
        let _ = tokio::time::timeout(LOOK, news.changed()).await;
    }
}

fn answer(sets: Vec<(String, String)>, more: bool) -> Response {
    let sets: Map<String, Value> = sets.into_iter().map(|(jti, set)| (jti, set.into())).collect();
    let mut json = json!({ "sets": sets });
    if let (true, Some(members)) = (more, json.as_object_mut()) {
        members.insert("moreAvailable".to_owned(), true.into());
    }
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::OK, headers, json.to_string()).into_response()
}
