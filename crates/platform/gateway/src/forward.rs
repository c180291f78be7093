//! Forwarding: to the first target that can be reached, with its own key in place of the caller's.

use crate::{access, asked::Endpoint, gateway::Gateway, refused::Refused, trace};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use legation_registry::{
    model::{Model, Protocol, Target},
    route::{Route, origin_of},
};
use legation_resolver::{Arriving, Call, FetchError, call::Method};
use legation_signer::ClientError;
use legation_store::configuration;
use std::sync::{Arc, PoisonError};
use tracing::Instrument;
use zeroize::Zeroizing;

/// What came of forwarding.
#[derive(Debug)]
pub(crate) enum Forwarded {
    /// The head of an answer is there, of the target of that index.
    Answer(Box<Arriving>, Option<usize>),
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
        body: impl Fn(&Target) -> Result<(HeaderValue, Vec<u8>), Refused>,
    ) -> Forwarded {
        let mut last = Refused::new("upstream_unreachable", "the model has no target");
        for target in self.health.order(model) {
            let mut headers = match self.headers(target, at).await {
                Ok(headers) => headers,
                Err(refused) => {
                    last = refused;
                    continue;
                }
            };
            let (kind, body) = match body(target) {
                Ok(body) => body,
                Err(refused) => return Forwarded::NotSent(refused),
            };
            headers.insert(header::CONTENT_TYPE, kind);
            let url = target.url(at.path());
            let span = access::upstream(|max_tokens| trace::model(at, target, &model.name, max_tokens));
            access::pass_on(&span, &mut headers);
            let call = Call { method: Method::POST, url: &url, headers, body };
            match self.fetcher.begin(call).instrument(span.clone()).await {
                Ok(arriving) => {
                    self.health.answered(target, arriving.status);
                    span.record("http.response.status_code", i64::from(arriving.status));
                    let index = model.targets.iter().position(|one| core::ptr::eq(one, target));
                    return Forwarded::Answer(Box::new(arriving), index);
                }
                Err(none) if none.sent => {
                    self.health.failed(target);
                    let lost = lost(&none.error);
                    trace::failed(&span, &lost);
                    return Forwarded::Lost(lost);
                }
                Err(_) => {
                    self.health.away(target);
                    last = Refused::new(
                        "upstream_unreachable",
                        "the model's provider can't be reached; nothing was sent and nothing was spent",
                    );
                    trace::failed(&span, &last);
                }
            }
        }
        Forwarded::NotSent(last)
    }

    /// The headers that a target gets: those of this gateway, and nothing of the caller's.
    pub(crate) async fn headers(
        self: &Arc<Self>,
        target: &Target,
        at: Endpoint,
    ) -> Result<HeaderMap, Refused> {
        let mut headers = at.headers();
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

    /// Adds the secret that a route says, where it says one.
    pub(crate) async fn with_secret(
        self: &Arc<Self>,
        route: &Route,
        headers: &mut HeaderMap,
    ) -> Result<(), Refused> {
        if let Some(name) = &route.secret {
            let origin = origin_of(&route.upstream);
            let origin = origin.map_err(|error| Refused::new("not_found", error.to_string()))?;
            headers.insert(header::AUTHORIZATION, self.bearer(name, &origin).await?);
        }
        Ok(())
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
