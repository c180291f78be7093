//! SPIFFE: the bundle of the organization's trust domain, for whoever relies on its SVIDs; and the bundles of the trust domains that it relies
//! on, fetched again and again, and never because of a request.

use crate::router::open_to_web_pages;
use axum::{
    Router,
    http::{StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use legation_registry::{Registry, RegistryError, trust::TrustDomain};
use legation_resolver::{Fetcher, Options, SetupError};
use legation_token::svid::{BUNDLE_PATH, bundle::MAX_BYTES};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::runtime::Handle;

/// How long a bundle may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a bundle may be called. The specification names no type; servers write these.
const TYPES: [&str; 3] = ["application/json", "application/jwk-set+json", "application/octet-stream"];

/// `/.well-known/spiffe-bundle` of an organization with a domain of its own: a bundle endpoint of the profile `https_web` (SPIFFE Federation
/// §5.2.1), asked by anybody.
pub fn spiffe(registry: Arc<Registry>) -> Router {
    let told = move || told(Arc::clone(&registry));
    Router::new().route(BUNDLE_PATH, get(told)).layer(map_response(open_to_web_pages))
}

async fn told(registry: Arc<Registry>) -> Response {
    let read = tokio::task::spawn_blocking(move || registry.spiffe_bundle(now())).await;
    match read {
        Ok(Ok(bundle)) => {
            let headers =
                [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=60")];
            (StatusCode::OK, headers, bundle.to_string()).into_response()
        }
        Ok(Err(RegistryError::Value { .. })) => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

/// Fetches the bundles of other trust domains.
#[derive(Debug)]
pub struct Bundles {
    fetcher: Fetcher,
}

impl Bundles {
    /// `private` says that they may be at addresses of a private network, and on this machine by plain http.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(private: bool) -> Result<Self, SetupError> {
        let options = Options {
            timeout: PATIENCE,
            max_bytes: MAX_BYTES,
            allow_private: private,
            http_on_loopback: private,
            ..Options::default()
        };
        Ok(Self { fetcher: Fetcher::new(options)? })
    }

    /// Fetches those that are due at `now` (Unix seconds). What fails leaves the bundle that is held. Gives what failed, by the names of trust
    /// domains. It blocks.
    ///
    /// # Errors
    /// [`RegistryError`] where the organization can't be read.
    pub fn fetch_due(
        &self,
        registry: &Registry,
        runtime: &Handle,
        now: i64,
    ) -> Result<Vec<(String, String)>, RegistryError> {
        let mut failed = Vec::new();
        for domain in registry.bundles_due(now)? {
            if let Err(reason) = self.fetch(registry, &domain, runtime, now) {
                failed.push((domain.name, reason));
            }
        }
        Ok(failed)
    }

    fn fetch(
        &self,
        registry: &Registry,
        domain: &TrustDomain,
        runtime: &Handle,
        now: i64,
    ) -> Result<(), String> {
        let url = domain.endpoint.as_deref().unwrap_or_default();
        let bytes =
            runtime.block_on(self.fetcher.file(url, &TYPES, MAX_BYTES)).map_err(|error| error.to_string())?;
        registry.keep_bundle(domain, &bytes, now).map_err(|error| error.to_string())
    }
}
