//! Finding one among all, and how soon a process is up.

use crate::{
    Report, at,
    world::{World, get},
};
use legation_store::{Location, Store, StoreError, holder, holder::Kind, organization};
use std::time::Instant;

/// How often something is looked up.
const TIMES: u32 = 10_000;

pub(crate) fn measure(world: &World, agents: u32, report: &mut Report) {
    let (up, start) = world.up("bulk");
    report.add("look-up", "up until ready s", start);
    let store = Store::open(Location::Sqlite(world.work.join("bulk/store.sqlite"))).unwrap();
    let id = store.read(|tx| Ok::<_, StoreError>(organization::all(tx, 1)?.remove(0).id)).unwrap();
    // Spread over all of them, in no order that a cache would like.
    let name = |turn: u32| format!("agent-{:07}", (u64::from(turn) * 611_953) % u64::from(agents));
    let mut timed = |what: &str, one: &dyn Fn(u32) -> bool| {
        let mut all: Vec<f64> = (0..TIMES)
            .map(|turn| {
                let begin = Instant::now();
                assert!(one(turn), "{what} {turn}");
                begin.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        let (half, most) = (at(&mut all, 0.5), at(&mut all, 0.99));
        report.add("look-up", &format!("{what} p50 ms"), half);
        report.add("look-up", &format!("{what} p99 ms"), most);
        most
    };
    let by_name =
        timed("by name", &|turn| store.read(|tx| holder::by_name(tx, &id, Kind::Agent, &name(turn))).is_ok());
    let by_did = timed("by DID", &|turn| {
        let did = format!("did:web:localhost:{}", name(turn));
        store.read(|tx| holder::by_did(tx, &id, &did)).is_ok()
    });
    let document = timed("did.json over HTTP", &|turn| {
        get(up.address, &format!("/{}/did.json", name(turn))).is_some_and(|(status, _)| status == 200)
    });
    let found = format!(
        "p99 {by_name:.2} ms by name, {by_did:.2} by DID, {document:.2} its did.json over HTTP; up in {start:.2} s"
    );
    report.row(&format!("one of {agents} agents"), &found, "p99 ≤ 5 ms; up in 2 s");
}
