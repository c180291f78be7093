//! Shared Signals (SSF 1.0): a receiver has a stream of Security Event Tokens, which it polls (RFC 8936) or is sent
//! (RFC 8935), and which tells what happens to the organization's delegations.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Signals`]: what all of it needs; its end points as a router |
//! | `bearer` | who asks: a receiver, by its token |
//! | `manage` | streams made, changed, paused, verified |
//! | `poll` | tokens for whoever asks |
//! | `send` | tokens, and alerts, for those to whom they are sent |

mod bearer;
mod manage;
mod poll;
mod send;

use crate::{problem::Problem, router::open_to_web_pages};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bearer::Refused;
use legation_registry::{Registry, RegistryError, SignalError};
use legation_resolver::{Fetcher, Options, SetupError};
use legation_signer::Client;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tokio::sync::{Semaphore, watch};

/// Most requests of receivers that read or change the store at a time: as many as it keeps connections for. One more would
/// have to make one first.
const AT_ONCE: usize = 4;
/// For how long one waits for its turn.
const TURN: Duration = Duration::from_secs(10);
/// Most receivers that wait for events at a time; a further one is answered at once.
const WAITING: usize = 512;
/// How long a receiver's end point may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of its answer.
const MAX_ANSWER: usize = 64 * 1024;

/// The signals of an organization.
pub struct Signals {
    registry: Arc<Registry>,
    /// The signer's door for gateways, which opens the headers that go with what is sent.
    secrets: Mutex<Client>,
    /// For receivers, who are others: they choose where tokens are sent to.
    fetcher: Fetcher,
    /// For webhooks of alerts, which admins choose: this machine is one of the places.
    own: Fetcher,
    turns: Semaphore,
    waiting: Arc<Semaphore>,
    /// Changes when there may be something new for whoever waits.
    news: watch::Sender<()>,
    /// How often each receiver changed something within a minute: the minute, and the number.
    changes: Mutex<HashMap<String, (i64, u32)>>,
}

impl core::fmt::Debug for Signals {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Signals").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl Signals {
    /// The signals of an organization, with the signer's door for gateways. `private` says whether receivers may be at
    /// addresses of a private network, and of this machine.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(registry: Arc<Registry>, signer: Client, private: bool) -> Result<Arc<Self>, SetupError> {
        let options = |http_on_loopback| Options {
            timeout: PATIENCE,
            max_bytes: MAX_ANSWER,
            http_on_loopback,
            allow_private: private,
            ..Options::default()
        };
        // What is tried out on one machine has its receivers there. Anywhere else whoever has a token could have tokens
        // sent to what listens on this machine alone.
        let (fetcher, own) = (private || registry.origin().starts_with("http://"), true);
        let (fetcher, own) = (Fetcher::new(options(fetcher))?, Fetcher::new(options(own))?);
        Ok(Arc::new(Self {
            registry,
            secrets: Mutex::new(signer),
            fetcher,
            own,
            turns: Semaphore::new(AT_ONCE),
            waiting: Arc::new(Semaphore::new(WAITING)),
            news: watch::Sender::new(()),
            changes: Mutex::default(),
        }))
    }

    /// `/.well-known/ssf-configuration`, `/.well-known/jwks.json` and what stands below `/ssf`, for the organization's origin.
    pub fn router(self: &Arc<Self>) -> Router {
        let published = Router::new()
            .route("/.well-known/ssf-configuration", get(configuration))
            .route("/.well-known/jwks.json", get(jwks))
            .layer(map_response(open_to_web_pages));
        let stream = get(manage::read)
            .post(manage::create)
            .patch(manage::update)
            .put(manage::replace)
            .delete(manage::delete);
        Router::new()
            .route("/ssf/stream", stream)
            .route("/ssf/status", get(manage::status).post(manage::set_status))
            .route("/ssf/subjects/add", post(manage::add_subject))
            .route("/ssf/subjects/remove", post(manage::remove_subject))
            .route("/ssf/verify", post(manage::verify))
            .route("/ssf/poll/{stream}", post(poll::poll))
            .merge(published)
            .with_state(Arc::clone(self))
    }

    /// Runs what blocks on a thread that may.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Registry) -> Result<T, SignalError> + Send + 'static,
    ) -> Result<T, Refused> {
        let turn = tokio::time::timeout(TURN, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| Refused::overloaded())?.map_err(|_| Refused::overloaded())?;
        let registry = Arc::clone(&self.registry);
        let done = tokio::task::spawn_blocking(move || work(&registry)).await;
        Ok(done.map_err(|_| Refused::overloaded())??)
    }

    /// Tells whoever waits that there may be something new.
    fn tell(&self) {
        self.news.send_replace(());
    }
}

/// Transmitter Configuration Metadata (SSF 1.0 §7.1).
async fn configuration(State(signals): State<Arc<Signals>>) -> Response {
    let origin = signals.registry.origin();
    let at = |path: &str| format!("{origin}{path}");
    published(&json!({
        "spec_version": "1_0",
        "issuer": origin,
        "jwks_uri": at("/.well-known/jwks.json"),
        "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
        "configuration_endpoint": at("/ssf/stream"),
        "status_endpoint": at("/ssf/status"),
        "add_subject_endpoint": at("/ssf/subjects/add"),
        "remove_subject_endpoint": at("/ssf/subjects/remove"),
        "verification_endpoint": at("/ssf/verify"),
        "critical_subject_members": [],
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }))
}

async fn jwks(State(signals): State<Arc<Signals>>) -> Result<Response, Problem> {
    let registry = Arc::clone(&signals.registry);
    let read = tokio::task::spawn_blocking(move || registry.jwks(now())).await;
    let keys = read.map_err(|_| Problem::Storage)?;
    keys.map(|keys| published(&keys)).map_err(|_: RegistryError| Problem::Storage)
}

fn published(json: &Value) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (StatusCode::OK, headers, json.to_string()).into_response()
}

/// The time, Unix seconds.
fn now() -> i64 {
    now_millis().div_euclid(1000)
}

/// The time, Unix milliseconds. The one place of the signals that reads the clock.
fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or_default()
}
