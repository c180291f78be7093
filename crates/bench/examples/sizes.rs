//! How long chains are: `cargo run -p legation-bench --example sizes`. Bytes; links with a status, an audience, a spend
//! and a rate. *Ordinary*: an organization's did:web delegates to agents' did:keys, and a link after the root says
//! what it narrows. *By did:key*: the same from a did:key. *Full*: that, with an id in each link and all limits again.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use legation_bench::{Chain, LIST, ORGANIZATION, Plan};

fn main() {
    println!("| links | | root link | last link | compact chain | presentation (`vp+jwt`) |");
    println!("|---|---|---|---|---|---|");
    for links in 1..=8 {
        let organization = Some(ORGANIZATION.parse().unwrap());
        for (name, plan) in [
            ("ordinary", Plan { organization, ..Plan::ordinary(links) }),
            ("by did:key", Plan::ordinary(links)),
            ("full", Plan::full(links)),
        ] {
            let chain = Chain::of(&Plan { status: Some(LIST.to_owned()), ..plan }).unwrap();
            let (first, last) = (chain.links.first().unwrap().len(), chain.links.last().unwrap().len());
            let presented = chain.present("0123456789abcdef0123456789abcdef").unwrap().len();
            println!("| {links} | {name} | {first} | {last} | {} | {presented} |", chain.compact().len());
        }
    }
}
