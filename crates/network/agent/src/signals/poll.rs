//! Tokens that we ask for (RFC 8936).

use super::{
    Signals,
    token::{MAX_SET, SetError},
};
use crate::clock;
use core::time::Duration;
use legation_keys::json::{self, Json, JsonLimits};
use legation_resolver::{
    Call, Fetcher,
    call::{
        Method,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    },
};
use serde_json::{Map, Value, json};
use std::time::Instant;
use zeroize::Zeroizing;

/// Most tokens that are asked for at a time.
const MOST: usize = 50;
/// Bounds on an answer.
const ANSWER: JsonLimits = JsonLimits { bytes: 4 << 20, depth: 4 };
/// How long it waits after the first failure, and at the most, seconds.
const AGAIN: (u64, u64) = (1, 60);
/// How long it waits where nothing came, and that was said at once.
const PACE: Duration = Duration::from_secs(1);

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

    /// Asks once, and gives the tokens that come, each by the name that the transmitter has for it. What was settled since the
    /// last time is acknowledged. `waits` says whether the transmitter may wait for the first event before it answers.
    ///
    /// # Errors
    /// [`SetError::Later`] where nobody answers, or no poll's answer; whoever is not told is as well off as before.
    pub async fn ask(
        &mut self,
        fetcher: &Fetcher,
        waits: bool,
    ) -> Result<Vec<(String, Result<String, SetError>)>, SetError> {
        let body = json!({
            "maxEvents": MOST, "returnImmediately": !waits, "ack": self.taken, "setErrs": self.refused,
        });
        let later = |reason: String| SetError::Later { reason };
        let answer = self.call(fetcher, body.to_string()).await.map_err(later)?;
        self.taken.clear();
        self.refused.clear();
        let read = json::parse(&answer, ANSWER).map_err(|error| later(error.to_string()))?;
        let sets = read.get("sets").and_then(Json::as_object);
        let sets = sets.ok_or_else(|| later("the answer has no object `sets`".to_owned()))?;
        let text = |set: &Json<'_>| {
            let text = set.as_str().filter(|set| set.len() <= MAX_SET).map(str::to_owned);
            text.ok_or_else(|| SetError::request(format!("a token is a text of at most {MAX_SET} bytes")))
        };
        Ok(sets.iter().take(MOST).map(|(jti, set)| (jti.to_string(), text(set))).collect())
    }

    /// Says what came of a token: it was taken, or why not. What is to come later comes again.
    pub fn settle(&mut self, jti: String, outcome: Result<(), SetError>) {
        match outcome {
            Ok(()) => self.taken.push(jti),
            Err(SetError::Later { .. } | SetError::Key { .. }) => {}
            Err(error) => {
                let told = json!({"err": error.code(), "description": error.to_string()});
                self.refused.insert(jti, told);
            }
        }
    }

    /// Asks once, and heeds what comes, at `now` (Unix seconds). Gives how many tokens came.
    ///
    /// # Errors
    /// As of [`Poller::ask`].
    pub async fn turn(&mut self, signals: &Signals, waits: bool, now: i64) -> Result<usize, SetError> {
        let sets = self.ask(signals.desk().fetcher(), waits).await?;
        let count = sets.len();
        for (jti, set) in sets {
            let received = match set {
                Ok(set) => signals.receive(&set, now).await.map(drop),
                Err(error) => Err(error),
            };
            self.settle(jti, received);
        }
        Ok(count)
    }

    async fn call(&self, fetcher: &Fetcher, body: String) -> Result<Vec<u8>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let bearer = Zeroizing::new(format!("Bearer {}", self.token.as_str()));
        let mut bearer =
            HeaderValue::from_str(&bearer).map_err(|_| "the token is no value of a header".to_owned())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let call = Call { method: Method::POST, url: &self.url, headers, body: body.into_bytes() };
        let reply = fetcher.call(call).await.map_err(|error| error.to_string())?;
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
            let asked = Instant::now();
            match self.turn(signals, true, clock::now()).await {
                Ok(came) => {
                    pause = first;
                    // One that holds nothing back is not asked all the time.
                    if came == 0 && asked.elapsed() < PACE {
                        tokio::time::sleep(PACE).await;
                    }
                }
                Err(_) => {
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                    pause = (pause * 2).min(most);
                }
            }
        }
    }
}
