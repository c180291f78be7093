//! Forwarding: to the first target that can be reached, with its own key in place of the caller's.

use crate::{asked::Endpoint, gateway::Gateway, refused::Refused};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use legation_registry::model::{Model, Protocol, Target};
use legation_resolver::{Arriving, Call, FetchError, call::Method};
use legation_signer::ClientError;
use legation_store::configuration;
use std::sync::{Arc, PoisonError};
use zeroize::Zeroizing;

/// What came of forwarding.
#[derive(Debug)]
pub(crate) enum Forwarded {
    /// The head of an answer is there.
    Answer(Box<Arriving>),
    /// Nothing was sent to anybody, so that nothing was spent.
    NotSent(Refused),
    /// It was sent, and what became of it is not known.
    Lost(Refused),
}

impl Gateway {
    /// Posts a body to the first of a model's targets that can be reached. What each gets differs, since each has a name of
    /// its own for the model.
    pub(crate) async fn post(
        self: &Arc<Self>,
        model: &Model,
        at: Endpoint,
        body: impl Fn(&Target) -> Result<Vec<u8>, Refused>,
    ) -> Forwarded {
        let mut last = Refused::new("upstream_unreachable", "the model has no target");
        for target in self.health.order(model) {
            let headers = match self.headers(target, at).await {
                Ok(headers) => headers,
                Err(refused) => {
                    last = refused;
                    continue;
                }
            };
            let body = match body(target) {
                Ok(body) => body,
                Err(refused) => return Forwarded::NotSent(refused),
            };
            let url = target.url(at.path());
            match self.fetcher.begin(Call { method: Method::POST, url: &url, headers, body }).await {
                Ok(arriving) => {
                    self.health.there(target);
                    return Forwarded::Answer(Box::new(arriving));
                }
                Err(none) if none.sent => return Forwarded::Lost(lost(&none.error)),
                Err(_) => {
                    self.health.away(target);
                    last = Refused::new(
                        "upstream_unreachable",
                        "the model's provider can't be reached; nothing was sent and nothing was spent",
                    );
                }
            }
        }
        Forwarded::NotSent(last)
    }

    /// The headers that a target gets: those of this gateway, and nothing of the caller's.
    async fn headers(self: &Arc<Self>, target: &Target, at: Endpoint) -> Result<HeaderMap, Refused> {
        let mut headers = at.headers();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(name) = &target.secret {
            // Where its keys stand; elsewhere they are bearer tokens.
            let own = match at.protocol() {
                Protocol::OpenAi if target.is_azure() => Some("api-key"),
                Protocol::OpenAi => None,
                Protocol::Anthropic => Some("x-api-key"),
            };
            let (name, value) = match own {
                Some(own) => {
                    (HeaderName::from_static(own), sensitive(&self.secret(name, target.origin()).await?)?)
                }
                None => (header::AUTHORIZATION, self.bearer(name, target.origin()).await?),
            };
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// A secret as the header that shows it to an upstream.
    pub(crate) async fn bearer(self: &Arc<Self>, name: &str, origin: &str) -> Result<HeaderValue, Refused> {
        let secret = self.secret(name, origin).await?;
        sensitive(&Zeroizing::new(format!("Bearer {}", secret.as_str())))
    }

    /// A secret, opened by the signer for this origin and no other.
    async fn secret(self: &Arc<Self>, name: &str, origin: &str) -> Result<Zeroizing<String>, Refused> {
        let (gateway, name, origin) = (Arc::clone(self), name.to_owned(), origin.to_owned());
        let opened = self.blocking(move || {
            let all = gateway.store.read(|tx| configuration::secrets(tx, &gateway.organization));
            let all = all.map_err(|_| Refused::store())?;
            let known = all.into_iter().find(|secret| secret.name == name);
            let known = known.ok_or_else(|| no_secret(&name))?;
            if known.origin != origin {
                // It was set for another place: whoever changed the target must set it anew.
                return Err(no_secret(&name));
            }
            let mut signer = gateway.signer.lock().unwrap_or_else(PoisonError::into_inner);
            let opened = signer.open_secret(&gateway.organization, &name, &origin, &known.sealed);
            opened.map_err(|error| match error {
                ClientError::Refused { .. } => no_secret(&name),
                error => {
                    Refused::new(error.code(), "the provider's key can't be opened now; try again later")
                }
            })
        });
        opened.await.map_err(|_| Refused::store())?
    }
}

/// A secret text as the value of a header.
fn sensitive(text: &str) -> Result<HeaderValue, Refused> {
    let wrong = |_| Refused::new("upstream_secret", "the provider's key can't be sent in a header");
    let mut value = HeaderValue::from_str(text).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

fn no_secret(name: &str) -> Refused {
    let message = format!(
        "the provider's key `{name}` is not set for where the model runs now; whoever runs it sets it"
    );
    Refused::new("upstream_secret", message)
}

/// What the caller is told of an upstream that failed. What it said is not repeated: it may hold anything.
pub(crate) fn lost(error: &FetchError) -> Refused {
    match error {
        FetchError::Timeout { .. } => Refused::new(
            "upstream_timeout",
            "the provider did not answer in time; the call may have been made",
        ),
        _ => Refused::new("upstream_failed", "the provider broke off; the call may have been made"),
    }
}
