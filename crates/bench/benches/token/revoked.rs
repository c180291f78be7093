//! For how long a token is accepted after its chain was revoked: at two gateways of the organization, of which one did not do it; and elsewhere,
//! by whoever looks at nothing but its `exp`.

use crate::world::{World, now};
use axum::body::Body;
use http::Request;
use legation_keys::base64url;
use legation_store::holder::Kind;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const ROUNDS: usize = 20;

/// Shows a token again and again, until it is told to stop. Gives when one that passed was shown last.
async fn shows(world: Arc<World>, gateway: usize, token: String, stop: Arc<AtomicBool>) -> Option<Instant> {
    let mut last = None;
    while !stop.load(Ordering::Acquire) {
        // When it was asked: what was decided before the revocation is no acceptance after it.
        let began = Instant::now();
        let request = Request::get("/crm/x").header("authorization", format!("Bearer {token}"));
        let (status, _) = world.send(gateway, request.body(Body::empty()).unwrap()).await;
        if status == 200 {
            last = Some(began);
        }
    }
    last
}

pub(crate) async fn run(world: &Arc<World>) {
    let (mut after_begin, mut after_return, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let token = world.token().await;
        let stop = Arc::new(AtomicBool::new(false));
        let shown =
            |gateway| tokio::spawn(shows(Arc::clone(world), gateway, token.clone(), Arc::clone(&stop)));
        let all = [shown(0), shown(1)];
        tokio::time::sleep(Duration::from_millis(100)).await;
        let registry = Arc::clone(&world.registry);
        let revoked = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            registry.suspend(Kind::Agent, "mail", now()).unwrap();
            (began, Instant::now())
        });
        let (began, returned) = revoked.await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, Ordering::Release);
        let mut last = None;
        for one in all {
            last = last.max(one.await.unwrap());
        }
        let last = last.unwrap();
        after_begin.push(last.saturating_duration_since(began).as_secs_f64() * 1e3);
        after_return.push(last.saturating_duration_since(returned).as_secs_f64() * 1e3);
        let payload = base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        elsewhere.push(claims["exp"].as_i64().unwrap() - now());
        tokio::task::block_in_place(|| world.registry.resume(Kind::Agent, "mail", now())).unwrap();
    }
    let most = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
    println!("accepted at the organization's gateways, {ROUNDS} rounds:");
    println!("  at most {:.2} ms after the command began", most(&after_begin));
    println!("  at most {:.2} ms after it returned", most(&after_return));
    println!(
        "accepted elsewhere, by `exp` alone: up to {} s more; the bound that is stated is 300 s",
        elsewhere.iter().max().unwrap()
    );
}
