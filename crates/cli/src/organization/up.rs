//! `legation up`: signer, host and gateway of a folder, until it is asked to end.

mod dev;
mod domains;
mod keeper;
mod log;
mod log_store;
mod providers;
mod proxies;
pub(crate) mod scripted;
mod telemetry;
mod witnesses;

use super::data_dir::{DataDir, failed};
use crate::{
    args::{LimitArgs, NetworkArgs, UpArgs},
    files,
    output::{self, Failure, Output, complain},
    serve,
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use legation_console::Console;
use legation_gateway::{Gateway, Limits};
use legation_host::{Serving, Signals, TlsFiles, api::Settings, logs, published, serve_as, tokens};
use legation_registry::{Budget, Registry, identity::Role};
use legation_signer::{Door, hide_memory};
use legation_store::StoreError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

/// What to do about another master key.
const OTHER_MASTER: &str = "the master key is not the one that sealed what is kept: put back the `master.key` that was kept apart; where \
                            nobody has it, `legation master-key lost`";

/// Connections that wait to be accepted; the kernel has a bound of its own, too.
const BACKLOG: i32 = 4096;
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
    let witnesses = args.witnesses.as_deref().map(witnesses::read).transpose()?;
    let doors = (bind(args.listen)?, bind(args.admin_listen)?, proxies::open(args)?);
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
    gateway.limit(limits(&args.limits));
    if args.require_dpop {
        gateway.require_dpop();
    }
    let telemetry = telemetry::start(&args.tell, registry.did().as_str(), &gateway)?;
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
    // Whoever is the first admin types what is printed here.
    let claim = match args.dev || registry.closed().map_err(|error| failed(&error))?.is_some() {
        true => None,
        false => registry.new_claim(files::now()).map_err(|error| failed(&error))?,
    };
    let code = if args.dev {
        let made = registry.new_console_code(Role::Owner, files::now());
        // The console is there all the same; `legation console` makes a code.
        made.inspect_err(|error| complain(&format!("note: there is no code for the console: {error}\n"))).ok()
    } else {
        None
    };
    log::start(&registry, folder.logs())?;
    if let Some(url) = &args.log_store {
        let network =
            NetworkArgs { allow_private: args.allow_private, http_on_loopback: true, ca: Vec::new() };
        log_store::start(url.clone(), folder.logs(), network)?;
    }
    if let Some(witnesses) = witnesses {
        witnesses::start(witnesses, folder.logs(), args.allow_private)?;
    }
    let signer = Arc::new(Mutex::new(signer));
    keeper::start(&registry, &signer)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    let done = runtime.block_on(serve_all(
        (args, as_json),
        (doors, budget),
        (&registry, &gateway, &signals),
        (tls, claim, code),
    ));
    // What still waits to be kept is kept before the signer ends.
    drop(runtime);
    drop(telemetry);
    signer.lock().unwrap_or_else(PoisonError::into_inner).stop();
    done?;
    Ok(Output::done(json!({"served": registry.did().as_str()}), "stopped"))
}

fn limits(args: &LimitArgs) -> Limits {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let calls_of_one = args.max_calls_per_agent.unwrap_or((args.max_calls / 8).max(1));
    // Each call is a connection of its caller and one to its upstream; what was allowed at the start is often less.
    let files = u64::from(args.max_connections).saturating_add(u64::from(args.max_calls)).saturating_add(512);
    let allowed = getrlimit(Resource::Nofile);
    if allowed.current.is_some_and(|current| current < files) {
        let current = Some(allowed.maximum.map_or(files, |maximum| files.min(maximum)));
        // Where even that is too little, connections wait.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..allowed });
    }
    Limits { calls: number(args.max_calls), calls_of_one: number(calls_of_one) }
}

/// Listens at an address.
fn bind(at: SocketAddr) -> Result<std::net::TcpListener, Failure> {
    let listener = std::net::TcpListener::bind(at).and_then(|listener| {
        listener.set_nonblocking(true)?;
        // Many may come at once, and each that finds no room in the queue waits for a second.
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(listener)
    });
    listener.map_err(|error| {
        let hint = "name a free one by --listen and --admin-listen, such as `--listen 127.0.0.1:8090`";
        Failure::network("listen", format!("can't listen at {at}: {error}; {hint}"))
    })
}

/// Where callers, admins and, where there are some, proxies come in.
type Doors = (std::net::TcpListener, std::net::TcpListener, Option<proxies::Door>);

async fn serve_all(
    (args, as_json): (&UpArgs, bool),
    ((listener, admin, asked), budget): (Doors, Option<Budget>),
    (registry, gateway, signals): (&Arc<Registry>, &Arc<Gateway>, &Arc<Signals>),
    (tls, claim, code): (Option<TlsFiles>, Option<Zeroizing<String>>, Option<Zeroizing<String>>),
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::network("listen", error.to_string());
    let (listener, admin) =
        (TcpListener::from_std(listener).map_err(failed)?, TcpListener::from_std(admin).map_err(failed)?);
    let address = listener.local_addr().map_err(failed)?;
    let admin_address = admin.local_addr().map_err(failed)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://{address}");
    let made = if args.dev { Some(dev::start(registry, budget).await?) } else { None };
    let pages =
        published(Arc::clone(registry)).merge(tokens(registry)).merge(logs(DataDir::of(&args.data).logs()));
    let public = legation_gateway::router(Arc::clone(gateway))
        .merge(legation_gateway::told(Arc::clone(gateway), "published", pages))
        .merge(legation_gateway::told(Arc::clone(gateway), "signals", signals.router()))
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
    if let Some(code) = code {
        complain(&format!(
            "console: {admin_scheme}://{admin_address}{}, signed in to within ten minutes by the code {}\n",
            legation_console::PATH,
            code.as_str()
        ));
    }
    if let Some(claim) = claim {
        complain(&format!(
            "there is no admin yet. Whoever types this within an hour is the first one, and may do everything:\n  \
             legation admin claim {} --host {admin_scheme}://{admin_address}\n",
            claim.as_str()
        ));
    }
    // Who reaches the admin address over a network gets secrets over it.
    let admin_tls = if admin_address.ip().is_loopback() { None } else { tls.clone() };
    // It ends with the runtime; what it did not write down is sent again.
    tokio::spawn(Arc::clone(signals).run(complain));
    tokio::spawn(domains::run(Arc::clone(registry), args.allow_private));
    let connections = usize::try_from(args.limits.max_connections).unwrap_or(usize::MAX);
    let drain = Duration::from_secs(args.limits.drain.into());
    let of_public = Serving { tls, last_request: LAST_REQUEST, drain, connections };
    let of_own = Serving { tls: admin_tls, connections, ..Serving::default() };
    let ends = Arc::new(AtomicBool::new(false));
    let own = operations(registry, gateway, &ends);
    let settings = Settings { allow_private: args.allow_private, ..Settings::default() };
    let api = legation_host::api::api_with(Arc::clone(gateway), Arc::clone(registry), settings);
    let console = Console::new(Arc::clone(registry), api.clone(), of_own.tls.is_some());
    let own = own.merge(api).merge(console.router());
    let asked_to_end = async {
        serve::stopped().await;
        // Whoever asks hears it before nobody answers any more.
        ends.store(true, Ordering::Release);
        complain(&format!("ending: calls that run may go on for {} s\n", drain.as_secs()));
    };
    // Whoever looks at how it ends can do so until all calls have ended.
    let (all_ended, has_ended) = tokio::sync::oneshot::channel::<()>();
    let public = async {
        let served = serve_as(listener, public, of_public, asked_to_end).await;
        drop(all_ended);
        served
    };
    let own = serve_as(admin, own, of_own, async { drop(has_ended.await) });
    let twice = async {
        serve::stopped().await;
        serve::stopped().await;
    };
    let asked = proxies::serve(asked, gateway, (connections, drain));
    let both = async { tokio::try_join!(public, own, asked).map(drop) };
    tokio::select! {
        served = both => served.map_err(|error| Failure::file(error.to_string())),
        () = twice => Ok(()),
    }
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
fn operations(registry: &Arc<Registry>, gateway: &Arc<Gateway>, ends: &Arc<AtomicBool>) -> Router {
    type All = State<(Arc<Registry>, Arc<Gateway>, Arc<AtomicBool>)>;
    async fn ready(State((registry, _, ends)): All) -> (StatusCode, &'static str) {
        if ends.load(Ordering::Acquire) {
            return (StatusCode::SERVICE_UNAVAILABLE, "it ends; calls that run go on\n");
        }
        match tokio::task::spawn_blocking(move || registry.epoch()).await {
            Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the store can't be used\n"),
        }
    }
    async fn metrics(State((_, gateway, _)): All) -> String {
        gateway.metrics()
    }
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state((Arc::clone(registry), Arc::clone(gateway), Arc::clone(ends)))
}
