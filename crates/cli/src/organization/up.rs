//! `legation up`: signer, host and gateway of a folder, until it is asked to end.

mod dev;
mod keeper;
pub(crate) mod scripted;

use super::data_dir::{DataDir, failed};
use crate::{
    args::UpArgs,
    files,
    output::{self, Failure, Output, complain},
    serve,
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use legation_gateway::Gateway;
use legation_host::{TlsFiles, published, serve as answer, serve_long};
use legation_registry::Registry;
use legation_signer::Door;
use serde_json::json;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// For how long a request that has begun may go on when its connection has lived for its time: as long as a model
/// may answer.
const LAST_REQUEST: Duration = Duration::from_secs(600);

pub(crate) fn run(args: &UpArgs) -> Result<Output, Failure> {
    let folder = DataDir::of(&args.data);
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            files::look_who_reads(key, "TLS key");
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
        }
        _ => None,
    };
    if args.dev && !folder.is_there() {
        folder.create(None)?;
    }
    let signer = folder.signer()?;
    if args.dev {
        dev::init(&folder, &signer, args.listen.port())?;
    }
    let registry = Arc::new(folder.open(&signer)?);
    let gateway = Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway)?, args.allow_private)
        .map_err(|error| Failure::network("gateway", error.to_string()))?;
    // What is due is done before anybody asks.
    keeper::look(&registry).map_err(|error| failed(&error))?;
    let signer = Arc::new(Mutex::new(signer));
    keeper::start(&registry, &signer)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    let done = runtime.block_on(serve_all(args, &registry, &gateway, tls));
    // What still waits to be kept is kept before the signer ends.
    drop(runtime);
    signer.lock().unwrap_or_else(PoisonError::into_inner).stop();
    done?;
    Ok(Output::done(json!({"served": registry.did().as_str()}), "stopped"))
}

async fn serve_all(
    args: &UpArgs,
    registry: &Arc<Registry>,
    gateway: &Arc<Gateway>,
    tls: Option<TlsFiles>,
) -> Result<(), Failure> {
    let (listener, address) = serve::listen(args.listen).await?;
    let (admin, admin_address) = serve::listen(args.admin_listen).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://{address}");
    if args.dev {
        dev::start(args, registry, &origin).await?;
    }
    let public = legation_gateway::router(Arc::clone(gateway))
        .merge(published(Arc::clone(registry)))
        .route("/healthz", get(|| async { "ok\n" }));
    output::tell_noticed();
    complain(&format!(
        "{} is up: callers at {origin}/v1, health and metrics at http://{admin_address}; end with Ctrl-C\n",
        registry.did()
    ));
    let public = serve_long(listener, public, tls, LAST_REQUEST, serve::stopped());
    let own = answer(admin, operations(registry, gateway), None, serve::stopped());
    tokio::try_join!(public, own).map(drop).map_err(|error| Failure::file(error.to_string()))
}

/// What whoever runs it looks at, on an origin of its own.
fn operations(registry: &Arc<Registry>, gateway: &Arc<Gateway>) -> Router {
    async fn ready(State((registry, _)): State<(Arc<Registry>, Arc<Gateway>)>) -> (StatusCode, &'static str) {
        match tokio::task::spawn_blocking(move || registry.epoch()).await {
            Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the store can't be used\n"),
        }
    }
    async fn metrics(State((_, gateway)): State<(Arc<Registry>, Arc<Gateway>)>) -> String {
        gateway.metrics()
    }
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state((Arc::clone(registry), Arc::clone(gateway)))
}
