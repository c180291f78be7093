//! A thousand streamed answers at a time: how long after the provider a piece is there, and what memory they take.

use crate::{
    Plan,
    legation::Legation,
    load::{as_f64, share_of},
    machine,
    peer::Peer,
    report::Report,
    upstream,
};
use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Streams that are open at a time.
const STREAMS: usize = 1000;
/// Over how long they begin.
const BEGIN: Duration = Duration::from_secs(4);

/// What was seen of one stream: how many microseconds after the provider sent it each piece was there.
type Seen = io::Result<Vec<f64>>;

pub(crate) fn measure(direct: &Peer, gateways: &[&Legation], plan: &Plan, report: &mut Report) {
    for round in 0..plan.repeats {
        one(direct, None, round, report);
        for gateway in gateways {
            one(&gateway.peer(&gateway.told(), gateway.gateways()), Some(gateway), round, report);
        }
    }
}

fn one(peer: &Peer, gateway: Option<&Legation>, round: usize, report: &mut Report) {
    let waited = machine::wait_until_quiet();
    let memory = || gateway.map_or(0.0, |gateway| gateway.processes().into_iter().map(memory_of).sum());
    let before = memory();
    let open = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..STREAMS)
        .map(|number| {
            let (peer, open) = (peer.clone(), Arc::clone(&open));
            let begin = BEGIN.mul_f64(as_f64(number) / as_f64(STREAMS));
            thread::Builder::new()
                .stack_size(128 << 10)
                .spawn(move || {
                    thread::sleep(begin);
                    stream(&peer, number, &open)
                })
                .unwrap()
        })
        .collect();
    thread::sleep(BEGIN + Duration::from_secs(1));
    let (early, early_open) = (memory(), open.load(Ordering::Relaxed));
    thread::sleep(Duration::from_secs(3));
    let late = memory();
    let seen: Vec<Seen> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let good: Vec<&Vec<f64>> =
        seen.iter().flatten().filter(|pieces| pieces.len() == upstream::PIECES).collect();
    let sorted = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values
    };
    let first = sorted(good.iter().filter_map(|pieces| pieces.first().copied()).collect());
    let all = sorted(good.iter().flat_map(|pieces| pieces.iter().copied()).collect());
    let values = [
        ("open at a time", as_f64(early_open)),
        ("failed", as_f64(STREAMS - good.len())),
        ("first p50 µs", share_of(&first, 0.5)),
        ("first p99 µs", share_of(&first, 0.99)),
        ("all p50 µs", share_of(&all, 0.5)),
        ("all p99 µs", share_of(&all, 0.99)),
        ("MB before", before),
        ("MB when all are open", early),
        ("MB three seconds later", late),
        ("waited s", waited),
    ];
    report.add("streams", &peer.name, round, &values);
}

fn stream(peer: &Peer, number: usize, open: &AtomicUsize) -> Seen {
    let mut stream = TcpStream::connect(peer.addresses[number % peer.addresses.len()])?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(&peer.streaming(upstream::BETWEEN))?;
    let (mut text, mut seen) = (Vec::new(), Vec::new());
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        let now = now();
        text.extend_from_slice(&buffer[..read]);
        while let Some((sent, end)) = sent(&text) {
            if seen.is_empty() {
                open.fetch_add(1, Ordering::Relaxed);
            }
            #[allow(clippy::cast_precision_loss)]
            seen.push(now.saturating_sub(sent) as f64 / 1e3);
            text.drain(..end);
        }
        if read == 0 || text.windows(6).any(|some| some == b"[DONE]") {
            open.fetch_sub(1, Ordering::Relaxed);
            return Ok(seen);
        }
    }
}

/// When the first piece in a text was sent, in nanoseconds, and where it ends.
fn sent(text: &[u8]) -> Option<(u128, usize)> {
    const BEFORE: &[u8] = b"\"content\":\"";
    let at = text.windows(BEFORE.len()).position(|some| some == BEFORE)? + BEFORE.len();
    let length = text[at..].iter().position(|byte| *byte == b'"')?;
    let number = std::str::from_utf8(&text[at..at + length]).ok()?.trim().parse().ok()?;
    Some((number, at + length))
}

/// The time of this machine, in nanoseconds.
pub(crate) fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

/// The memory of a process that is its own, in MB.
fn memory_of(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap_or_default();
    let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<u32>().ok());
    f64::from(kilobytes.unwrap_or_default()) / 1024.0
}
