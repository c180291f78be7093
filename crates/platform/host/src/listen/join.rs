//! The stream of a partner (SSF 1.0 §7.1, §8.1), found or made at its transmitter. The token goes nowhere but to the transmitter's
//! own origin, whatever its metadata say.

use legation_resolver::{
    Call, Fetcher,
    call::{
        Method,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    },
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const PUSH: &str = "urn:ietf:rfc:8935";
const POLL: &str = "urn:ietf:rfc:8936";
/// Most bytes of the metadata.
const MAX_METADATA: usize = 64 * 1024;
/// Most characters of what is told of an answer.
const MAX_TOLD: usize = 200;

/// A partner's transmitter, and the token that it gave.
pub(super) struct Transmitter<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) origin: &'a str,
    pub(super) token: &'a Zeroizing<String>,
}

/// What it says of itself.
pub(super) struct Metadata {
    pub(super) jwks: String,
    configuration: String,
    status: Option<String>,
}

/// A stream that was joined.
pub(super) struct Stream {
    /// Where it is asked; nowhere where tokens are sent.
    pub(super) poll: Option<String>,
}

impl Transmitter<'_> {
    /// What it says of itself, as far as it is of its own origin.
    pub(super) async fn metadata(&self) -> Result<Metadata, String> {
        let origin = self.origin;
        let url = format!("{origin}/.well-known/ssf-configuration");
        let bytes = self.fetcher.file(&url, &["application/json"], MAX_METADATA).await;
        let bytes = bytes.map_err(|error| error.to_string())?;
        let read: Value =
            serde_json::from_slice(&bytes).map_err(|error| format!("`{url}` is no JSON: {error}"))?;
        if text(&read, "issuer") != origin {
            return Err(format!(
                "`{url}` is of the issuer `{}`, expected `{origin}`",
                short(text(&read, "issuer"))
            ));
        }
        let own = |name: &str| {
            let found = text(&read, name);
            self.is_its_own(found).then(|| found.to_owned())
        };
        let missing = |name: &str| format!("`{name}` of `{url}` is no URL of `{origin}`");
        Ok(Metadata {
            jwks: own("jwks_uri").ok_or_else(|| missing("jwks_uri"))?,
            configuration: own("configuration_endpoint").ok_or_else(|| missing("configuration_endpoint"))?,
            status: own("status_endpoint"),
        })
    }

    /// Finds the stream, or makes it, for whoever is called `audience`: asked for, or sent to a URL with a header. `anew` says that
    /// one that is there gets the header again.
    pub(super) async fn join(
        &self,
        metadata: &Metadata,
        audience: &str,
        push: Option<(&str, &str)>,
        anew: bool,
    ) -> Result<Stream, String> {
        let delivery = match push {
            None => json!({"method": POLL}),
            Some((url, header)) => {
                json!({"method": PUSH, "endpoint_url": url, "authorization_header": header})
            }
        };
        let found = self.ask(Method::GET, &metadata.configuration, None).await?;
        let found = match found {
            Value::Array(all) => all.into_iter().next(),
            one => Some(one),
        };
        let stream = match found {
            None => {
                self.ask(Method::POST, &metadata.configuration, Some(json!({"delivery": delivery}))).await?
            }
            Some(stream) => {
                let now = stream.get("delivery").cloned().unwrap_or_default();
                let same = text(&now, "method") == text(&delivery, "method")
                    && push.is_none_or(|(url, _)| text(&now, "endpoint_url") == url);
                if same && (push.is_none() || !anew) {
                    stream
                } else {
                    let change = json!({"stream_id": text(&stream, "stream_id"), "delivery": delivery});
                    self.ask(Method::PATCH, &metadata.configuration, Some(change)).await?
                }
            }
        };
        let is_ours = match stream.get("aud") {
            Some(Value::Array(all)) => all.iter().any(|one| one == audience),
            Some(one) => one == audience,
            None => false,
        };
        if !is_ours {
            let found = stream.get("aud").map(Value::to_string).unwrap_or_default();
            return Err(format!(
                "the stream is for {}, and this is `{audience}`: ask the partner for a receiver with that audience",
                short(&found)
            ));
        }
        self.enable(metadata, text(&stream, "stream_id")).await?;
        if push.is_some() {
            return Ok(Stream { poll: None });
        }
        let url = stream.get("delivery").map(|delivery| text(delivery, "endpoint_url")).unwrap_or_default();
        if !self.is_its_own(url) {
            return Err(format!(
                "the stream is asked at `{}`, which is no URL of `{}`",
                short(url),
                self.origin
            ));
        }
        Ok(Stream { poll: Some(url.to_owned()) })
    }

    /// Enables a stream for which too much waited. What was dropped meanwhile the partner's status lists tell.
    async fn enable(&self, metadata: &Metadata, stream: &str) -> Result<(), String> {
        let Some(url) = &metadata.status else { return Ok(()) };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if stream.is_empty() || !stream.bytes().all(is_plain) {
            return Err(format!("`stream_id` is `{}`, which no query holds", short(stream)));
        }
        let status = self.ask(Method::GET, &format!("{url}?stream_id={stream}"), None).await?;
        if text(&status, "status") == "disabled" {
            let enable = json!({"stream_id": stream, "status": "enabled"});
            self.ask(Method::POST, url, Some(enable)).await?;
        }
        Ok(())
    }

    fn is_its_own(&self, url: &str) -> bool {
        url.strip_prefix(self.origin).is_some_and(|rest| rest.starts_with('/')) && url.len() <= 2048
    }

    async fn ask(&self, method: Method, url: &str, body: Option<Value>) -> Result<Value, String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let bearer = Zeroizing::new(format!("Bearer {}", self.token.as_str()));
        let mut bearer =
            HeaderValue::from_str(&bearer).map_err(|_| "the token is no value of a header".to_owned())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let reply = self
            .fetcher
            .call(Call { method, url, headers, body })
            .await
            .map_err(|error| error.to_string())?;
        if !matches!(reply.status, 200 | 201) {
            return Err(format!("`{url}` answers {}", reply.status));
        }
        serde_json::from_slice(&reply.body).map_err(|error| format!("`{url}` answers no JSON: {error}"))
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What another side wrote, as far as it is told.
fn short(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).take(MAX_TOLD).collect()
}
