//! What the cost is of longer and larger chains.

use crate::{Line, Panel, clock, linear, log};
use legation_bench::{Chain, NOW, Plan};
use legation_credential::{Facts, Request};
use legation_verifier::{Decision, Evidence, authorize, parse, verify};
use std::hint::black_box;

/// Three lines, of the medians of chains.
fn lines(chains: impl Iterator<Item = (f64, Chain)>) -> Vec<Line> {
    let mut lines = ["cold", "warm", "warm signed request"].map(|name| Line { name, points: Vec::new() });
    for (x, chain) in chains {
        for (line, y) in lines.iter_mut().zip(clock::of_chain(&chain, &Evidence::new())) {
            line.points.push((x, y));
        }
    }
    lines.into()
}

pub(crate) fn depth() -> Vec<Panel> {
    let chains = [1, 2, 3, 4, 6, 8, 12, 16].map(|depth| (f64::from(depth), Chain::new(depth).unwrap()));
    vec![Panel {
        title: "Depth of the chain",
        x: linear("delegations"),
        y: linear("µs per verification"),
        lines: lines(chains.into_iter()),
    }]
}

fn kilobytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap()) / 1024.0
}

pub(crate) fn size() -> Vec<Panel> {
    let plain = Plan::wide(3, 1);
    let padded = [0, 400, 1200, 2700, 5800, 11_000].map(|padding| {
        let chain = Chain::of(&Plan { padding: Some(padding), ..plain.clone() }).unwrap();
        (kilobytes(chain.links[1].len()), chain)
    });
    let wide = [1, 5, 15, 35, 80, 145].map(|resources| {
        let chain = Chain::of(&Plan::wide(3, resources)).unwrap();
        (kilobytes(chain.links[1].len()), chain)
    });
    let named = |mut lines: Vec<Line>, names: [&'static str; 3]| {
        lines.iter_mut().zip(names).for_each(|(line, name)| line.name = name);
        lines.truncate(2);
        lines
    };
    let mut all = named(lines(padded.into_iter()), ["cold", "warm", ""]);
    all.extend(named(lines(wide.into_iter()), ["cold by resources", "warm by resources", ""]));
    vec![Panel {
        title: "Size of each of three delegations",
        x: log("KiB as sent"),
        y: log("µs per verification"),
        lines: all,
    }]
}

pub(crate) fn constraints() -> Vec<Panel> {
    let counts = [0_u8, 5, 10, 20, 40, 60, 80, 100];
    let chains: Vec<(f64, Chain)> = counts
        .map(|count| (f64::from(count), Chain::of(&Plan::constrained(3, count.into())).unwrap()))
        .into();
    let authorized = chains.iter().zip(counts).map(|((x, chain), count)| (*x, authorized(chain, count)));
    let authorized = Line { name: "only to authorize", points: authorized.collect() };
    let mut lines = lines(chains.into_iter());
    lines.truncate(2);
    lines.push(authorized);
    vec![Panel {
        title: "Constraints of each of three delegations",
        x: linear("constraints"),
        y: linear("µs per verification"),
        lines,
    }]
}

/// What authorizing alone costs, after verification.
fn authorized(chain: &Chain, constraints: u8) -> f64 {
    let facts: Facts = (0..constraints).map(|index| (format!("a{index}"), "x".into())).collect();
    let request = Request::new(legation_bench::ACTION, legation_bench::RESOURCE, facts).unwrap();
    let presented = chain.present("n-1").unwrap();
    let presentation = parse(presented.as_bytes(), &chain.trust).unwrap();
    let verified = verify(&presentation, &chain.trust, &Evidence::new(), "n-1", NOW).unwrap();
    clock::median(
        |_| (),
        |()| {
            let decision = black_box(authorize(&verified, &request, NOW));
            assert!(matches!(decision, Decision::Permit(_)));
        },
    )
}
