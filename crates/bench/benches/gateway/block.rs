//! A key is blocked while it is used, on all gateways: what still passes of what was begun after the command returned.

use crate::{Plan, legation::Legation, load::as_f64, machine, report::Report, upstream};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Connections to each gateway.
const CONNECTIONS: usize = 4;
/// For how long it is called before and after.
const BEFORE: Duration = Duration::from_millis(700);
const AFTER: Duration = Duration::from_millis(1500);

struct Call {
    sent: Instant,
    answered: Instant,
    status: u16,
}

pub(crate) fn measure(all: &[&Legation], plan: &Plan, report: &mut Report) {
    for repeat in 0..plan.repeats * 2 {
        for one in all {
            machine::wait_until_quiet();
            let key = one.agent(&format!("blocked-{repeat}"), "1000000USD/day");
            let name = format!("Legation, {}, {} gateway(s)", one.name, one.gateways());
            let peer = one.peer(&name, one.gateways()).with_bearer(key.secret.clone());
            let done = AtomicBool::new(false);
            let (asked, returned, calls) = thread::scope(|scope| {
                let threads: Vec<_> = (0..CONNECTIONS * one.gateways())
                    .map(|number| {
                        let mut client = peer.client(number, upstream::AT_ONCE);
                        let done = &done;
                        scope.spawn(move || {
                            let mut calls = Vec::new();
                            while !done.load(Ordering::Relaxed) {
                                let sent = Instant::now();
                                let status = client.call().map_or(0, |(status, _)| status);
                                calls.push(Call { sent, answered: Instant::now(), status });
                            }
                            calls
                        })
                    })
                    .collect();
                thread::sleep(BEFORE);
                let asked = Instant::now();
                one.block(&key);
                let returned = Instant::now();
                thread::sleep(AFTER);
                done.store(true, Ordering::Relaxed);
                let calls: Vec<Call> =
                    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
                (asked, returned, calls)
            });
            report.add("block", &name, repeat, &told(asked, returned, &calls));
        }
    }
}

fn told(asked: Instant, returned: Instant, calls: &[Call]) -> [(&'static str, f64); 6] {
    let passed = |call: &&Call| call.status == 200;
    let late: Vec<&Call> = calls.iter().filter(passed).filter(|call| call.sent >= returned).collect();
    let last = late.iter().map(|call| call.sent - returned).max().unwrap_or_default();
    let refused = calls.iter().filter(|call| (400..500).contains(&call.status));
    let first = refused.map(|call| call.answered).min();
    // Before the command returns, a key may be refused already.
    let first = first.map_or(f64::NAN, |first| first.saturating_duration_since(asked).as_secs_f64());
    [
        ("command s", (returned - asked).as_secs_f64()),
        ("asked to first refusal s", first),
        ("returned to last pass s", last.as_secs_f64()),
        ("passed after it returned", as_f64(late.len())),
        ("passed in all", as_f64(calls.iter().filter(passed).count())),
        ("refused", as_f64(calls.iter().filter(|call| (400..500).contains(&call.status)).count())),
    ]
}
