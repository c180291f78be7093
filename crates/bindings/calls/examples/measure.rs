//! What the calls cost natively: `measure INPUT.json` prints microseconds, the least and the median of many, as JSON. `../../measure/run` compares them with
//! the module and the wheel in one run.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use legation_calls::{Desk, Shown};
use serde_json::Value;
use std::{env, fs, time::Instant};

fn told(times: usize, mut work: impl FnMut()) -> String {
    let mut all: Vec<u128> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_nanos()
        })
        .collect();
    all.sort_unstable();
    let [least, median] =
        [all[0], all[times / 2]].map(|nanos| format!("{}.{}", nanos / 1000, nanos / 100 % 10));
    format!("[{least}, {median}]")
}

fn main() {
    let input: Value = serde_json::from_slice(&fs::read(env::args().nth(1).unwrap()).unwrap()).unwrap();
    let text = |name: &str| input[name].as_str().unwrap().to_owned();
    let (trust, presentation, nonce) = (text("trust"), text("presentation"), text("nonce"));
    let now = input["now"].as_i64().unwrap();
    let shown = Shown::Presentation { bytes: presentation.as_bytes(), nonce: &nonce };
    let once = |desk: &mut Desk| {
        let mut look = desk.look(shown, None, now).unwrap();
        let verdict = desk.decide(&mut look, false, now).unwrap().to_string();
        assert!(verdict.contains(r#""decision":"valid""#), "{verdict}");
    };
    let cold = told(2000, || once(&mut Desk::new(&trust, None).unwrap()));
    let mut desk = Desk::new(&trust, None).unwrap();
    let warm = told(4000, || once(&mut desk));
    println!(r#"{{"cold": {cold}, "warm": {warm}}}"#);
}
