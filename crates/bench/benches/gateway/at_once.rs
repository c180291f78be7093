//! A key that was never used, and many calls of it at once. Its budget is for ten calls, or for ten and a half; what is
//! reserved for a call is what it costs.

use crate::{
    Plan,
    legation::Legation,
    litellm::LiteLlm,
    load::as_f64,
    machine,
    peer::{CENTS, Peer},
    report::Report,
    upstream::{AT_ONCE, SLOW},
};
use std::{sync::Barrier, thread};

const CALLS: usize = 64;
/// Budgets, in US cents.
const BUDGETS: [u64; 2] = [10 * CENTS, 10 * CENTS + CENTS / 2];

pub(crate) fn measure(ours: &[&Legation], theirs: &[Option<&LiteLlm>], plan: &Plan, report: &mut Report) {
    for repeat in 0..plan.repeats {
        for (budget, delay) in [(0, AT_ONCE), (0, SLOW), (1, AT_ONCE), (1, SLOW)] {
            let budget = BUDGETS[budget];
            let mut peers: Vec<Peer> = Vec::new();
            for one in ours {
                let agent = format!("once-{delay}-{budget}-{repeat}");
                let key = one.agent(&agent, &format!("{}.{:02}USD/day", budget / 100, budget % 100));
                let name = format!("Legation, {}, {} gateway(s)", one.name, one.gateways());
                peers.push(one.peer(&name, one.gateways()).with_bearer(key.secret));
            }
            for one in theirs.iter().flatten() {
                peers.push(one.peer(one.name, &format!("{budget}-{delay}-{repeat}")));
            }
            for peer in peers {
                machine::wait_until_quiet();
                let (passed, refused, failed) = all_at_once(&peer, delay);
                let spent = as_f64(passed) * as_f64(usize::try_from(CENTS).unwrap());
                let budget_cents = as_f64(usize::try_from(budget).unwrap());
                let values = [
                    ("passed", as_f64(passed)),
                    ("refused", as_f64(refused)),
                    ("failed", as_f64(failed)),
                    ("USD overspent", (spent - budget_cents).max(0.0) / 100.0),
                ];
                let what = format!("at once, budget {:.1} calls, upstream {delay} ms", budget_cents / 2.0);
                report.add(&what, &peer.name, repeat, &values);
            }
        }
    }
}

/// How many passed, were refused, and got no answer or one of a server's failure.
fn all_at_once(peer: &Peer, delay: u64) -> (usize, usize, usize) {
    let barrier = Barrier::new(CALLS);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let barrier = &barrier;
        let threads: Vec<_> = (0..CALLS)
            .map(|number| {
                let mut client = peer.client(number, delay);
                scope.spawn(move || {
                    let connected = client.connect();
                    barrier.wait();
                    connected.and_then(|()| client.call()).map_or(0, |(status, _)| status)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = |what: fn(u16) -> bool| statuses.iter().filter(|status| what(**status)).count();
    (
        count(|status| status == 200),
        count(|status| (400..500).contains(&status)),
        count(|status| status == 0 || status >= 500),
    )
}
