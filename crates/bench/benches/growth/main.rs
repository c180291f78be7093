//! How the cost of a verification grows: `cargo bench -p legation-bench --bench growth`, under three minutes.
//! Writes `growth/growth.svg` and the numbers behind it, `growth/growth.csv`, beside this crate's manifest.
//!
//! A point is the median of some hundred calls, each timed by itself, from bytes to a `VerifiedChain`; where
//! calls differ on purpose (issuers, hit rate) it is their mean. What a call needs is made before its time
//! starts: each presentation has a new nonce. *Cold* is a verifier without memory, *warm* one that has
//! verified the chain before, *signed request* the same with the chain in compact form.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

mod clock;
mod inputs;
mod plot;
mod service;

use std::{fmt::Write as _, path::Path, time::Instant};

/// A small diagram: what it shows, and its lines.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) log: bool,
}

pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

pub(crate) fn linear(label: &'static str) -> Axis {
    Axis { label, log: false }
}

pub(crate) fn log(label: &'static str) -> Axis {
    Axis { label, log: true }
}

fn csv(panels: &[Panel]) -> String {
    let mut text = "diagram,line,x,x_is,y,y_is\n".to_owned();
    for panel in panels {
        for line in &panel.lines {
            for (x, y) in &line.points {
                let (title, name) = (panel.title, line.name);
                writeln!(text, "{title},{name},{x},{},{y:.2},{}", panel.x.label, panel.y.label).unwrap();
            }
        }
    }
    text
}

fn main() {
    let measures: [fn() -> Vec<Panel>; 7] = [
        inputs::depth,
        inputs::size,
        inputs::constraints,
        service::issuers,
        service::status_lists,
        service::hit_rate,
        service::threads,
    ];
    let started = Instant::now();
    let panels: Vec<Panel> = measures
        .iter()
        .flat_map(|measure| {
            let panels = measure();
            panels.iter().for_each(|panel| println!("{:4} s  {}", started.elapsed().as_secs(), panel.title));
            panels
        })
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("growth");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("growth.csv"), csv(&panels)).unwrap();
    std::fs::write(folder.join("growth.svg"), plot::svg(&panels)).unwrap();
    println!("{}", csv(&panels));
}
