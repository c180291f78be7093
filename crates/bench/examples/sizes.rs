//! How long chains are: `cargo run -p legation-bench --example sizes`. Bytes; links by did:key with a status, an
//! audience, a spend and a rate. *Ordinary* links have an id and say everything, *lean* ones have none and
//! after the root say only what is narrower, as `tests/sizes.rs` has both.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use legation_bench::{Chain, LIST, Plan};

fn main() {
    println!("| links | | root link | last link | compact chain | presentation (`vp+jwt`) |");
    println!("|---|---|---|---|---|---|");
    for links in 1..=8 {
        for (name, plan) in [("ordinary", Plan::ordinary(links)), ("lean", Plan::lean(links))] {
            let chain = Chain::of(&Plan { status: Some(LIST.to_owned()), ..plan }).unwrap();
            let (first, last) = (chain.links.first().unwrap().len(), chain.links.last().unwrap().len());
            let presented = chain.present("0123456789abcdef0123456789abcdef").unwrap().len();
            println!("| {links} | {name} | {first} | {last} | {} | {presented} |", chain.compact().len());
        }
    }
}
