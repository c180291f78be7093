//! How long a command takes that stops somebody, and whether it is denied everywhere when it has returned.

use crate::{
    Report, at,
    world::{Up, World, call},
};
use legation_tests::upstream::{Plan, Upstream};
use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

/// How many are stopped with all processes alive, and with one that has just died.
const ALIVE: usize = 100;
const DEAD: usize = 12;

pub(crate) fn measure(world: &World, report: &mut Report) {
    let database = legation_tests::postgres::Postgres::start().unwrap();
    fs::write(world.work.join("database"), database.database("revoke").unwrap()).unwrap();
    fs::set_permissions(world.work.join("database"), fs::Permissions::from_mode(0o600)).unwrap();
    world.json("init localhost --data-dir revoke --database-file database");
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let model = serde_json::json!({
        "group": "standard", "name": "small", "maxOutputTokens": 100, "maxInputTokens": 1000,
        "targets": [{"baseUrl": upstream.url().replace("127.0.0.1", "localhost"), "model": "small"}],
        "price": {"currency": "USD", "input": 1, "output": 1},
    });
    fs::write(world.work.join("model.json"), model.to_string()).unwrap();
    world.json("model set model.json --data-dir revoke");
    // A signer that runs, as `up` has one: a command needs none of its own.
    let ups: Vec<Up> = (0..2).map(|_| world.up("revoke").0).collect();
    let mut bare: Vec<f64> =
        (0..20).map(|_| timed(|| drop(world.command("--version").output().unwrap()))).collect();
    // What is about to be stopped, with its key, and the command that does it.
    let make = |number: usize| {
        let name = format!("agent-{number}");
        world.json(&format!("agent add {name} --models * --data-dir revoke"));
        let key = world.json(&format!("api-key create {name} --data-dir revoke"));
        let key = key["secret"].as_str().unwrap().to_owned();
        for up in &ups {
            assert_eq!(call(up.address, &key), 200);
        }
        let verb = if number.is_multiple_of(2) {
            format!("agent suspend {name} --data-dir revoke")
        } else {
            let shown = world.json(&format!("delegation list {name} --data-dir revoke"));
            let id = shown["delegations"][0]["id"].as_str().unwrap().to_owned();
            format!("delegation revoke {id} --data-dir revoke")
        };
        (key, verb)
    };
    let stop = |(key, verb): (String, String)| {
        let took = timed(|| drop(world.json(&verb)));
        for up in &ups {
            let status = call(up.address, &key);
            assert!(matches!(status, 401 | 403), "it is denied everywhere, and not answered by {status}");
        }
        took
    };
    let mut alive: Vec<f64> = (0..ALIVE).map(|number| stop(make(number))).collect();
    world.json("agent add busy --models * --budget 1000USD/day --data-dir revoke");
    let busy = world.json("api-key create busy --data-dir revoke")["secret"].as_str().unwrap().to_owned();
    let mut dead: Vec<f64> = (0..DEAD)
        .map(|number| {
            // In a folder of its own, as on another machine: a command that finds its journal would not have to wait for it.
            let own = format!("revoke-{number}");
            fs::create_dir_all(world.work.join(&own).join("run")).unwrap();
            for (file, mode) in [("legation.json", 0o600), ("master.key", 0o600), ("run", 0o700), ("", 0o700)]
            {
                let (from, to) = (world.work.join("revoke").join(file), world.work.join(&own).join(file));
                if to.is_dir() {
                    fs::set_permissions(to, fs::Permissions::from_mode(mode)).unwrap();
                } else {
                    fs::copy(from, to).unwrap();
                }
            }
            let (mut third, _) = world.up(&own);
            let made = make(ALIVE + number);
            // Calls that come thick are committed in memory, under a lease that ends a second after its death.
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| (0..40).for_each(|_| assert_eq!(call(third.address, &busy), 200)));
                }
            });
            third.kill();
            stop(made)
        })
        .collect();
    let start = at(&mut bare, 0.5);
    report.add("revocation", "a process that says its version, p50 ms", start);
    let mut told = Vec::new();
    for (what, all) in [("all alive", &mut alive), ("one dead", &mut dead)] {
        let (half, most) = (at(all, 0.5), at(all, 0.99));
        report.add("revocation", &format!("{what}, p50 ms"), half);
        report.add("revocation", &format!("{what}, p99 ms"), most);
        told.push(format!("{what}: p50 {half:.0} ms, p99 {most:.0}"));
    }
    report.row(
        "revoked by a command, denied by all",
        &told.join("; "),
        "p99 ≤ 100 ms; with a dead process ≤ 1,200",
    );
}

fn timed(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64() * 1000.0
}
