//! Tokens that we ask for (RFC 8936).

use super::{
    Signals,
    token::{MAX_SET, SetError},
};
use crate::clock;
use core::time::Duration;
use legation_keys::json::{self, Json, JsonLimits};
use legation_resolver::{
    Call,
    call::{
        Method,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    },
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// Most tokens that are asked for at a time.
const MOST: usize = 50;
/// Bounds on an answer.
const ANSWER: JsonLimits = JsonLimits { bytes: 4 << 20, depth: 4 };
/// How long it waits after the first failure, and at the most, seconds.
const AGAIN: (u64, u64) = (1, 60);

/// Asks a transmitter for tokens: the end point of a stream, and the token that it was given for it.
pub struct Poller {
    url: String,
    token: Zeroizing<String>,
    /// What was taken, and is not acknowledged yet.
    taken: Vec<String>,
    /// What can't be used, and why.
    refused: Map<String, Value>,
}

impl core::fmt::Debug for Poller {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Poller").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Poller {
    /// Asks at a URL (`delivery.endpoint_url` of the stream) with a bearer token.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        let token = Zeroizing::new(token.to_owned());
        Self { url: url.to_owned(), token, taken: Vec::new(), refused: Map::new() }
    }

    /// Asks once, and heeds what comes, at `now` (Unix seconds). What has come is acknowledged by the next turn. `waits`
    /// says whether the transmitter may wait for the first event before it answers. Gives how many tokens came.
    ///
    /// # Errors
    /// [`SetError::Later`] where nobody answers, or no poll's answer; whoever is not told is as well off as before.
    pub async fn turn(&mut self, signals: &Signals, waits: bool, now: i64) -> Result<usize, SetError> {
        let body = json!({
            "maxEvents": MOST, "returnImmediately": !waits, "ack": self.taken, "setErrs": self.refused,
        });
        let later = |reason: String| SetError::Later { reason };
        let answer = self.ask(signals, body.to_string()).await.map_err(later)?;
        self.taken.clear();
        self.refused.clear();
        let read = json::parse(&answer, ANSWER).map_err(|error| later(error.to_string()))?;
        let sets = read.get("sets").and_then(Json::as_object);
        let sets = sets.ok_or_else(|| later("the answer has no object `sets`".to_owned()))?;
        let mut count = 0;
        for (jti, set) in sets.iter().take(MOST) {
            count += 1;
            let received = match set.as_str().filter(|set| set.len() <= MAX_SET) {
                Some(set) => signals.receive(set, now).await,
                None => Err(SetError::request("a token is a text")),
            };
            match received {
                Ok(_) => self.taken.push(jti.to_string()),
                // It comes again.
                Err(SetError::Later { .. } | SetError::Key { .. }) => {}
                Err(error) => {
                    let told = json!({"err": error.code(), "description": error.to_string()});
                    self.refused.insert(jti.to_string(), told);
                }
            }
        }
        Ok(count)
    }

    async fn ask(&self, signals: &Signals, body: String) -> Result<Vec<u8>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let bearer = Zeroizing::new(format!("Bearer {}", self.token.as_str()));
        let mut bearer =
            HeaderValue::from_str(&bearer).map_err(|_| "the token is no value of a header".to_owned())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let call = Call { method: Method::POST, url: &self.url, headers, body: body.into_bytes() };
        let reply = signals.desk().fetcher().call(call).await.map_err(|error| error.to_string())?;
        match reply.status {
            200 => Ok(reply.body),
            status => Err(format!("`{}` answers {status}", self.url)),
        }
    }

    /// Asks again and again, for as long as it is polled. Where nobody answers, it waits a while; meanwhile everything is as
    /// it would be without events.
    pub async fn run(mut self, signals: &Signals) {
        let (first, most) = AGAIN;
        let mut pause = first;
        loop {
            match self.turn(signals, true, clock::now()).await {
                Ok(_) => pause = first,
                Err(_) => {
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                    pause = (pause * 2).min(most);
                }
            }
        }
    }
}
