//! PostgreSQL dies under load and its synchronous standby takes over: what was acknowledged is there, nothing is spent twice, and
//! the gateways go on by themselves.

use crate::{
    common::{Play, free_port},
    eight::{CALLERS, EIGHT, KILLS, call, folder, organization, spent},
    running::Up,
};
use legation_tests::{
    postgres::{self, Postgres},
    upstream::{Plan, Upstream},
};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long gateways may take until they pass again.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_for(passed: &AtomicUsize, most: usize, what: &str) {
    let begin = Instant::now();
    while passed.load(Ordering::Relaxed) < most {
        assert!(begin.elapsed() < PATIENCE, "{what}: {passed:?} passed");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn postgresql_dies_under_load_its_synchronous_standby_takes_over_and_totals_agree_with_what_was_acknowledged()
{
    if !postgres::is_at_hand() {
        return;
    }
    let mut first = Postgres::start().unwrap();
    let database = first.database("failover").unwrap();
    let second = first.standby().unwrap();
    let url = first.url_with(&second, database.rsplit('/').next().unwrap());
    let answers = Plan::says("hello").tokens(1, 1000).after(Duration::from_millis(300));
    let upstream = Upstream::always(answers).unwrap();
    let play = Play::new();
    let ports = [free_port(), free_port()];
    let keys = organization(&play, ports[0], &upstream, &url, EIGHT);
    let _ups: Vec<Up> = ports
        .iter()
        .enumerate()
        .map(|(number, port)| Up::again(&play, *port, &["--data-dir", &folder(number)], &[]))
        .collect();
    let (ends, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (ports, keys, told) = (&ports, &keys, (&ends, &passed));
            scope.spawn(move || call(ports, keys, caller, told));
        }
        wait_for(&passed, 40, "before");
        first.crash().unwrap();
        // What is decided meanwhile is out of what was set aside, for a second.
        thread::sleep(Duration::from_secs(2));
        let before = passed.load(Ordering::Relaxed);
        second.promote().unwrap();
        wait_for(&passed, before + 40, "after");
        ends.store(true, Ordering::Relaxed);
    });
    // What was decided in memory has been carried over, and leases have ended.
    thread::sleep(Duration::from_secs(2));
    spent(&play, &upstream, i64::try_from(passed.into_inner()).unwrap(), EIGHT, CALLERS * KILLS);
    for number in 0..ports.len() {
        let doctor = play.run(&format!("doctor --data-dir {}", folder(number)));
        assert_eq!(doctor.status, 0, "{doctor:?}");
    }
}
