//! `legation up`: signer, host and gateway of a folder, until it is asked to end.

mod dev;
mod keeper;
mod log;
mod providers;
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
use legation_host::{Signals, TlsFiles, logs, published, serve as answer, serve_long};
use legation_registry::{Budget, Registry};
use legation_signer::{Door, hide_memory};
use legation_store::StoreError;
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::net::TcpListener;

/// What to do about another master key.
const OTHER_MASTER: &str = "the master key is not the one that sealed what is kept: put back the `master.key` that was kept apart; where \
                            nobody has it, `legation master-key lost`";

/// For how long a request that has begun may go on when its connection has lived for its time: as long as a model
/// may answer.
const LAST_REQUEST: Duration = Duration::from_secs(600);

pub(crate) fn run(args: &UpArgs, as_json: bool) -> Result<Output, Failure> {
    // What passes through is read by nobody else: prompts, keys that callers show, keys of providers.
    hide_memory().map_err(|error| Failure::network("memory", error.to_string()))?;
    let folder = DataDir::of(&args.data);
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            files::look_who_reads(key, "TLS key");
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
        }
        _ => None,
    };
    // What is wrong is told before anything is made.
    let budget = args.budget.as_deref().map(Budget::parse).transpose().map_err(|error| failed(&error))?;
    let doors = (bind(args.listen)?, bind(args.admin_listen)?);
    let _alone = if args.dev {
        if !folder.is_there() {
            folder.create(None)?;
        }
        Some(dev::alone(&folder)?)
    } else {
        folder.location()?;
        None
    };
    let signer = folder.signer()?;
    if args.dev {
        dev::init(&folder, &signer, args.listen.port())?;
    }
    let registry = Arc::new(folder.open(&signer)?);
    let gateway = Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway)?, args.allow_private)
        .map_err(|error| Failure::network("gateway", error.to_string()))?;
    let signals = Signals::new(Arc::clone(&registry), signer.client(Door::Gateway)?, args.allow_private)
        .map_err(|error| Failure::network("signals", error.to_string()))?;
    if !args.dev
        && registry.models().is_ok_and(|models| models.iter().any(|model| model.name == scripted::NAME))
    {
        complain("note: the model `scripted` answers under `legation up --dev` only\n");
    }
    // What is due is done before anybody asks. What is closed answers so until it is opened.
    match registry.closed().map_err(|error| failed(&error))? {
        Some(why) => complain(&format!("note: {}\n", StoreError::Restored { why })),
        None => {
            // A master key that opens nothing is told before anybody calls.
            registry.check_keys().map_err(|error| match error.code() {
                "sealed_mismatch" => Failure::network("sealed_mismatch", OTHER_MASTER),
                _ => failed(&error),
            })?;
            keeper::look(&registry).map_err(|error| failed(&error))?;
        }
    }
    log::start(&registry, folder.logs())?;
    let signer = Arc::new(Mutex::new(signer));
    keeper::start(&registry, &signer)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    let done =
        runtime.block_on(serve_all((args, as_json), (doors, budget), (&registry, &gateway, &signals), tls));
    // What still waits to be kept is kept before the signer ends.
    drop(runtime);
    signer.lock().unwrap_or_else(PoisonError::into_inner).stop();
    done?;
    Ok(Output::done(json!({"served": registry.did().as_str()}), "stopped"))
}

/// Listens at an address.
fn bind(at: SocketAddr) -> Result<std::net::TcpListener, Failure> {
    let listener = std::net::TcpListener::bind(at).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| {
        let hint = "name a free one by --listen and --admin-listen, such as `--listen 127.0.0.1:8090`";
        Failure::network("listen", format!("can't listen at {at}: {error}; {hint}"))
    })
}

async fn serve_all(
    (args, as_json): (&UpArgs, bool),
    ((listener, admin), budget): ((std::net::TcpListener, std::net::TcpListener), Option<Budget>),
    (registry, gateway, signals): (&Arc<Registry>, &Arc<Gateway>, &Arc<Signals>),
    tls: Option<TlsFiles>,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::network("listen", error.to_string());
    let (listener, admin) =
        (TcpListener::from_std(listener).map_err(failed)?, TcpListener::from_std(admin).map_err(failed)?);
    let address = listener.local_addr().map_err(failed)?;
    let admin_address = admin.local_addr().map_err(failed)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://{address}");
    let made = if args.dev { Some(dev::start(registry, budget).await?) } else { None };
    let public = legation_gateway::router(Arc::clone(gateway))
        .merge(published(Arc::clone(registry)))
        .merge(signals.router())
        .merge(logs(DataDir::of(&args.data).logs()))
        .route("/healthz", get(|| async { "ok\n" }));
    let admin_scheme = match (admin_address.ip().is_loopback(), tls.is_some()) {
        (false, true) => "https",
        (true, _) => "http",
        (false, false) => {
            output::notice(format!(
                "the admin address {admin_address} is reached over a network without TLS: API keys and secrets pass in \
                 clear; put it behind TLS, or listen on 127.0.0.1"
            ));
            "http"
        }
    };
    tell((registry, made.as_ref()), &origin, &format!("{admin_scheme}://{admin_address}"), as_json)?;
    output::tell_noticed();
    complain(&format!(
        "{} is up: callers at {origin}/v1, health, metrics and admins at {admin_scheme}://{admin_address}; end with Ctrl-C\n",
        registry.did()
    ));
    // Who reaches the admin address over a network gets secrets over it.
    let admin_tls = if admin_address.ip().is_loopback() { None } else { tls.clone() };
    // It ends with the runtime; what it did not write down is sent again.
    tokio::spawn(Arc::clone(signals).run(complain));
    let public = serve_long(listener, public, tls, LAST_REQUEST, serve::stopped());
    let own =
        operations(registry, gateway).merge(legation_host::api(Arc::clone(gateway), Arc::clone(registry)));
    let own = answer(admin, own, admin_tls, serve::stopped());
    tokio::try_join!(public, own).map(drop).map_err(|error| Failure::file(error.to_string()))
}

/// Tells on standard output where it is up, as JSON of one line, or for people what `--dev` made.
fn tell(
    (registry, made): (&Registry, Option<&dev::Made>),
    origin: &str,
    admin: &str,
    as_json: bool,
) -> Result<(), Failure> {
    let text = match (as_json, made) {
        (true, made) => {
            let did = registry.did().as_str();
            let up = json!({"up": {"did": did, "callers": format!("{origin}/v1"), "admin": admin, "dev": made.map(dev::Made::json)}});
            format!("{up}\n")
        }
        (false, Some(made)) => made.text(origin),
        (false, None) => return Ok(()),
    };
    output::print(&text).map_err(|error| Failure::network("output", error.to_string()))
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
