//! `legation up`: signer, host and gateway of a folder, until it is asked to end. Where the folder holds several organizations, each has a
//! host and a gateway of its own, and they share the addresses, the signer and the store.

mod bundles;
mod dev;
mod domains;
mod keeper;
mod log;
mod log_store;
mod providers;
mod proxies;
pub(crate) mod scripted;
mod served;
mod telemetry;
mod told;
mod witnesses;
mod workload;

use super::data_dir::{DataDir, Signer, domains, failed};
use crate::{
    args::{LimitArgs, UpArgs},
    files,
    output::{self, Failure, Output, complain},
    serve,
};
use axum::routing::get;
use legation_console::Console;
use legation_gateway::Limits;
use legation_host::{Serving, TlsFiles, serve_as};
use legation_log::policy::Policy;
use legation_registry::{Budget, Registry, identity::Role};
use legation_signer::hide_memory;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use served::Organization;
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
    let workloads = workload::open(args)?;
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
    let all = if args.dev { vec![folder.open(&signer)?] } else { folder.open_all(&signer)? };
    if all.len() > 1 && (doors.2.is_some() || workloads.is_some()) {
        let message = "proxies and processes ask one organization, and there are several here: name it by --organization, or run `legation up` for it alone";
        return Err(Failure::usage(message));
    }
    raise_files(&args.limits, all.len());
    let signer = Arc::new(Mutex::new(signer));
    let (all, left_out) = begin_all(all, (&folder, &signer), (args, witnesses.as_ref()))?;
    let telemetry = telemetry::start(&args.tell, &all)?;
    let code = match all.first() {
        Some(one) if args.dev && !args.no_console => {
            let made = one.registry.new_console_code(Role::Owner, files::now());
            // The console is there all the same; `legation console` makes a code.
            made.inspect_err(|error| complain(&format!("note: there is no code for the console: {error}\n")))
                .ok()
        }
        _ => None,
    };
    let mut domains = all.first().map(|one| domains(one.registry.store())).transpose()?.unwrap_or_default();
    domains.retain(|domain| !left_out.contains(domain));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    if let (Some(door), Some(one), Some(path)) = (workloads, all.first(), &args.workload_socket) {
        let gateway = Arc::clone(&one.gateway);
        runtime.spawn(workload::serve(door, path.display().to_string(), gateway));
    }
    let done = runtime.block_on(serve_all((args, as_json), (doors, budget), (&all, &domains), (tls, code)));
    // What still waits to be kept is kept before the signer ends.
    drop(runtime);
    // Its spans are sent with the others.
    all.iter().for_each(|one| one.registry.store().do_waiting());
    drop(telemetry);
    signer.lock().unwrap_or_else(PoisonError::into_inner).stop();
    done?;
    let served: Vec<&str> = all.iter().map(|one| one.did().as_str()).collect();
    let served = if let [one] = served.as_slice() { json!(one) } else { json!(served) };
    Ok(Output::done(json!({ "served": served }), "stopped"))
}

/// Begins each, and gives the domains of those that can't be served: of several, one keeps the others from nothing.
fn begin_all(
    all: Vec<Registry>,
    (folder, signer): (&DataDir, &Arc<Mutex<Signer>>),
    (args, witnesses): (&UpArgs, Option<&Policy>),
) -> Result<(Vec<Organization>, Vec<String>), Failure> {
    let (several, mut begun, mut left_out, mut failed) = (all.len() > 1, Vec::new(), Vec::new(), None);
    for registry in all {
        let (did, domain) = (registry.did().clone(), registry.host());
        let one = {
            let asked = signer.lock().unwrap_or_else(PoisonError::into_inner);
            Organization::begin(registry, (folder, &asked), args)
        };
        match one.and_then(|one| one.keep(folder, args, witnesses, signer).map(|()| one)) {
            Ok(one) => begun.push(one),
            Err(error) if several => {
                complain(&format!("note: {did} is not served: {error}\n"));
                left_out.push(domain);
                failed = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match failed {
        Some(error) if begun.is_empty() => Err(error),
        _ => Ok((begun, left_out)),
    }
}

fn limits(args: &LimitArgs) -> Limits {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let calls_of_one = args.max_calls_per_agent.unwrap_or((args.max_calls / 8).max(1));
    Limits { calls: number(args.max_calls), calls_of_one: number(calls_of_one) }
}

/// Each call is a connection of its caller and one to its upstream; what was allowed at the start is often less.
fn raise_files(args: &LimitArgs, organizations: usize) {
    let calls = u64::from(args.max_calls).saturating_mul(u64::try_from(organizations).unwrap_or(u64::MAX));
    let files = u64::from(args.max_connections).saturating_add(calls).saturating_add(512);
    let allowed = getrlimit(Resource::Nofile);
    if allowed.current.is_some_and(|current| current < files) {
        let current = Some(allowed.maximum.map_or(files, |maximum| files.min(maximum)));
        // Where even that is too little, connections wait.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..allowed });
    }
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
    (all, domains): (&[Organization], &[String]),
    (tls, code): (Option<TlsFiles>, Option<Zeroizing<String>>),
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::network("listen", error.to_string());
    let (listener, admin) =
        (TcpListener::from_std(listener).map_err(failed)?, TcpListener::from_std(admin).map_err(failed)?);
    let address = listener.local_addr().map_err(failed)?;
    let admin_address = admin.local_addr().map_err(failed)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://{address}");
    let made = match all.first() {
        Some(one) if args.dev => Some(dev::start(&one.registry, budget).await?),
        _ => None,
    };
    let public = served::public(all).route("/healthz", get(|| async { "ok\n" }));
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
    let admin_origin = format!("{admin_scheme}://{admin_address}");
    told::up((all, made.as_ref()), &origin, &admin_origin, as_json)?;
    output::tell_noticed();
    told::people(all, domains, &origin, &admin_origin);
    if let Some(code) = code {
        complain(&format!(
            "console: {admin_origin}{}, signed in to within ten minutes by the code {}\n",
            legation_console::PATH,
            code.as_str()
        ));
    }
    // Who reaches the admin address over a network gets secrets over it.
    let admin_tls = if admin_address.ip().is_loopback() { None } else { tls.clone() };
    // It ends with the runtime; what it did not write down is sent again.
    for one in all {
        tokio::spawn(Arc::clone(&one.signals).run(complain));
        tokio::spawn(Arc::clone(&one.listening).run(complain));
        tokio::spawn(domains::run(Arc::clone(&one.registry), args.allow_private));
        tokio::spawn(bundles::run(Arc::clone(&one.registry), args.allow_private || args.dev));
    }
    let connections = usize::try_from(args.limits.max_connections).unwrap_or(usize::MAX);
    let drain = Duration::from_secs(args.limits.drain.into());
    let of_public = Serving { tls, last_request: LAST_REQUEST, drain, connections };
    let of_own = Serving { tls: admin_tls, connections, ..Serving::default() };
    let ends = Arc::new(AtomicBool::new(false));
    let (api, each) = served::administration(all, args);
    let mut own = told::operations(all, &ends).merge(api);
    if !args.no_console {
        own = own.merge(Console::of_several(each, of_own.tls.is_some()).router());
    }
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
    let asked = async {
        match all {
            [one, ..] => proxies::serve(asked, &one.gateway, (connections, drain)).await,
            [] => Ok(()),
        }
    };
    let both = async { tokio::try_join!(public, own, asked).map(drop) };
    tokio::select! {
        served = both => served.map_err(|error| Failure::file(error.to_string())),
        () = twice => Ok(()),
    }
}
