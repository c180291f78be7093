//! Thirty-two gateways on one PostgreSQL and one budget, with crashes, partitions and clocks that differ: nothing is overspent, and at
//! least 95 % of the budget can be spent.

use crate::{
    common::{Play, free_port},
    eight::{Sizes, call, folder, organization, spent},
    faults::faketime,
    running::Up,
};
use legation_tests::{
    postgres::Postgres,
    upstream::{Plan, Upstream},
};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const SIZES: Sizes = Sizes { processes: 32, team: 2000, agent: 600 };
const CALLERS: usize = 32;
/// How often one dies, and another one hears and says nothing for longer than a lease.
const FAULTS: usize = 12;
/// How long all of the budget may take to be spent.
const PATIENCE: Duration = Duration::from_secs(240);

/// Ends those who call, however the test ends.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A process whose clock is ahead, behind or right, by its number.
fn start(play: &Play, number: usize, port: u16, library: Option<&str>) -> Up {
    let by = ["+8s", "-8s", "+0"][number % 3];
    let env: Vec<(&str, String)> = library
        .map(|library| {
            vec![
                ("LD_PRELOAD", library.to_owned()),
                ("FAKETIME", by.to_owned()),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ]
        })
        .unwrap_or_default();
    // Sixty-four processes on two cores: one that could not reach its store in time is started once more.
    let start = || Up::try_by(play, port, &[], &["--data-dir", &folder(number)], &env);
    start().or_else(|_| start()).or_else(|_| start()).unwrap()
}

#[test]
#[ignore = "starts 64 processes, and takes some minutes"]
fn thirty_two_gateways_that_crash_are_cut_off_and_differ_in_time_overspend_nothing_and_leave_little() {
    let library = faketime();
    assert!(library.is_some(), "there is no libfaketimeMT; `tests/run --install` installs it");
    // Each process has some.
    let postgres = Postgres::start_with(&["max_connections=800"]).unwrap();
    let url = postgres.database("thirty_two").unwrap();
    let answers = Plan::says("hello").tokens(1, 1000).after(Duration::from_millis(400));
    let upstream = Upstream::always(answers).unwrap();
    let play = Play::new();
    let ports: Vec<u16> = (0..SIZES.processes).map(|_| free_port()).collect();
    let keys = organization(&play, ports[0], &upstream, &url, SIZES);
    let mut ups: Vec<Up> = Vec::new();
    for (number, port) in ports.iter().enumerate() {
        ups.push(start(&play, number, *port, library.as_deref()));
    }
    let (ends, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let most = usize::try_from(SIZES.team).unwrap();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (ports, keys, told) = (&ports, &keys, (&ends, &passed));
            scope.spawn(move || call(ports, keys, caller, told));
        }
        let ends = Ends(&ends);
        for fault in 0..FAULTS {
            // Cut off from all others, for longer than a lease: when it goes on, it decides by nothing that it had.
            let stopped = (fault * 7 + 3) % SIZES.processes;
            ups[stopped].signal("STOP");
            let killed = fault * 5 % SIZES.processes;
            if killed != stopped {
                ups[killed].kill();
                ups[killed] = start(&play, killed, ports[killed], library.as_deref());
            }
            thread::sleep(Duration::from_millis(1500));
            ups[stopped].signal("CONT");
        }
        let (begin, mut before) = (Instant::now(), (Instant::now(), 0));
        // Until nothing more passes, for ten seconds on end.
        while before.0.elapsed() < Duration::from_secs(10) {
            assert!(begin.elapsed() < PATIENCE, "{passed:?} of {most} have passed");
            let now = passed.load(Ordering::Relaxed);
            if now != before.1 {
                before = (Instant::now(), now);
            }
            thread::sleep(Duration::from_millis(200));
        }
        drop(ends);
    });
    thread::sleep(Duration::from_secs(2));
    let passed = passed.into_inner();
    let open = spent(&play, &upstream, i64::try_from(passed).unwrap(), SIZES, CALLERS * FAULTS);
    println!("{passed} calls of a cent were answered, {open} were cut off by a crash, of {most} that fit");
    assert!(passed * 100 >= most * 95, "{passed} of {most} passed: too little can be spent");
}
