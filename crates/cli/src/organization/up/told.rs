//! What whoever runs it is told: where it is up, and how it goes.

use super::{dev, served::Organization};
use crate::output::{self, Failure, complain};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use legation_gateway::{Gateway, of_several};
use legation_registry::Registry;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Tells on standard output where it is up, as JSON of one line, or for people what `--dev` made.
pub(super) fn up(
    (all, made): (&[Organization], Option<&dev::Made>),
    origin: &str,
    admin: &str,
    as_json: bool,
) -> Result<(), Failure> {
    let text = match (as_json, made) {
        (true, made) => {
            let dids: Vec<&str> = all.iter().map(|one| one.did().as_str()).collect();
            let first = dids.first().filter(|_| dids.len() == 1);
            let up = json!({"up": {
                "did": first, "organizations": dids, "callers": format!("{origin}/v1"), "admin": admin,
                "dev": made.map(dev::Made::json),
            }});
            format!("{up}\n")
        }
        (false, Some(made)) => made.text(origin),
        (false, None) => return Ok(()),
    };
    output::print(&text).map_err(|error| Failure::network("output", error.to_string()))
}

/// Tells people that it is up, what of the folder it does not serve, and how the first admins are made.
pub(super) fn people(all: &[Organization], domains: &[String], origin: &str, admin: &str) {
    let names: Vec<String> = all.iter().map(|one| one.did().to_string()).collect();
    let is = if all.len() == 1 { "is up" } else { "are up, each at its own host" };
    complain(&format!(
        "{} {is}: callers at {origin}/v1, health, metrics and admins at {admin}; end with Ctrl-C\n",
        names.join(", ")
    ));
    let served: Vec<String> = all.iter().map(|one| one.registry.host()).collect();
    let others: Vec<&str> =
        domains.iter().filter(|domain| !served.contains(domain)).map(String::as_str).collect();
    if !others.is_empty() {
        complain(&format!(
            "note: not served here: {}; leave --organization out to serve all\n",
            others.join(", ")
        ));
    }
    for one in all {
        let Some(claim) = &one.claim else { continue };
        let (of, option) = match all {
            [_] => (String::new(), String::new()),
            _ => (format!(" of {}", one.did()), format!(" --organization {}", one.registry.host())),
        };
        complain(&format!(
            "there is no admin{of} yet. Whoever types this within an hour is the first one, and may do everything:\n  \
             legation admin claim {} --host {admin}{option}\n",
            claim.as_str()
        ));
    }
}

/// What whoever runs it looks at, on an origin of its own.
pub(super) fn operations(all: &[Organization], ends: &Arc<AtomicBool>) -> Router {
    type Each = Arc<[(Arc<Registry>, Arc<Gateway>)]>;
    type All = State<(Each, Arc<AtomicBool>)>;
    async fn ready(State((all, ends)): All) -> (StatusCode, &'static str) {
        if ends.load(Ordering::Acquire) {
            return (StatusCode::SERVICE_UNAVAILABLE, "it ends; calls that run go on\n");
        }
        // Of several one may be closed, and the others are there all the same.
        let is_there = move || all.iter().any(|(registry, _)| registry.epoch().is_ok());
        match tokio::task::spawn_blocking(is_there).await {
            Ok(true) => (StatusCode::OK, "ready\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the store can't be used\n"),
        }
    }
    async fn metrics(State((all, _)): All) -> String {
        match &*all {
            [(_, gateway)] => gateway.metrics(),
            all => {
                let each = all.iter().map(|(registry, gateway)| (registry.host(), gateway.metrics()));
                of_several(&each.collect::<Vec<_>>())
            }
        }
    }
    let each: Each = all.iter().map(|one| (Arc::clone(&one.registry), Arc::clone(&one.gateway))).collect();
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state((each, Arc::clone(ends)))
}
