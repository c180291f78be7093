//! How often, and how much, verification allocates. The numbers are the same on each run; who makes one
//! smaller writes the smaller one here.
#![allow(clippy::unwrap_used)]

use allocation_counter::{AllocationInfo, measure};
use legation_bench::{Chain, NOW, Plan};
use legation_did::key;
use legation_keys::{base64url, jws};
use legation_verifier::{Evidence, Limits, Trust, Verifier, Vouched, parse, verify};

/// What one call allocates, by a verifier without memory.
fn cold(chain: &Chain) -> AllocationInfo {
    let (presented, evidence) = (chain.present("n-1").unwrap(), Evidence::new());
    let call = || {
        let presentation = parse(presented.as_bytes(), &chain.trust).unwrap();
        verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap();
    };
    call();
    measure(call)
}

/// What one call allocates, by a verifier that knows the chain and has seen its agent often.
fn warm(chain: &Chain) -> AllocationInfo {
    let (verifier, evidence) = (Verifier::new(chain.trust.clone()), Evidence::new());
    let call = |nonce: &str| {
        let presented = chain.present(nonce).unwrap();
        measure(|| {
            let presentation = verifier.parse(presented.as_bytes()).unwrap();
            verifier.verify(&presentation, &evidence, nonce, NOW).unwrap();
        })
    };
    for visit in 0..7 {
        let _ = call(&format!("n-{visit}"));
    }
    call("n-7")
}

/// The same for a signed request.
fn request(chain: &Chain) -> AllocationInfo {
    let (verifier, evidence) = (Verifier::new(chain.trust.clone()), Evidence::new());
    let call = |nonce: &str| {
        let (compact, proof) = chain.request(nonce).unwrap();
        measure(|| {
            let presentation = verifier.parse_request(&compact, proof).unwrap();
            verifier.verify(&presentation, &evidence, nonce, NOW).unwrap();
        })
    };
    for visit in 0..7 {
        let _ = call(&format!("n-{visit}"));
    }
    call("n-7")
}

/// The same for an agent that the verifier vouches for, by turns with its own signed requests.
fn vouched(chain: &Chain) -> AllocationInfo {
    let trust = Trust { vouched: true, ..chain.trust.clone() };
    let (verifier, evidence) = (Verifier::new(trust), Evidence::new());
    let (agent, _) = chain.agent().unwrap();
    let call = |nonce: &str| {
        let (compact, proof) = chain.request(nonce).unwrap();
        let presentation = verifier.parse_request(&compact, proof).unwrap();
        verifier.verify(&presentation, &evidence, nonce, NOW).unwrap();
        measure(|| {
            let vouched = Vouched { agent: &agent, known_by: "key-1", at: NOW };
            let presentation = verifier.parse_vouched(&compact, vouched).unwrap();
            verifier.verify(&presentation, &evidence, "", NOW).unwrap();
        })
    };
    for visit in 0..7 {
        let _ = call(&format!("n-{visit}"));
    }
    call("n-7")
}

/// How often, and bytes in all.
type Bound = (u64, u64);

#[test]
fn a_verification_allocates_no_more_than_it_did() {
    let bounds: [(u8, Bound, Bound, Bound, Bound); 3] = [
        (1, (111, 31_231), (27, 8_055), (30, 8_659), (9, 6_242)),
        (3, (221, 68_725), (31, 15_689), (30, 18_569), (9, 16_152)),
        (8, (501, 200_624), (42, 35_018), (31, 43_928), (10, 41_511)),
    ];
    for (depth, of_cold, of_warm, of_request, of_vouched) in bounds {
        let chain = Chain::new(depth).unwrap();
        let found = [
            ("cold", cold(&chain), of_cold),
            ("warm", warm(&chain), of_warm),
            ("request", request(&chain), of_request),
            ("vouched", vouched(&chain), of_vouched),
        ];
        for (name, info, _) in &found {
            println!("{name}/{depth}: ({}, {})", info.count_total, info.bytes_total);
        }
        for (name, info, (times, bytes)) in found {
            assert!(info.count_total <= times, "{name}/{depth}: {} times, not {times}", info.count_total);
            assert!(info.bytes_total <= bytes, "{name}/{depth}: {} bytes, not {bytes}", info.bytes_total);
        }
    }
}

/// A presentation of one link with one more member, of so many bytes in all; what the member holds is the
/// same text again and again.
fn stuffed(chain: &Chain, item: &str, bytes: usize) -> String {
    let presented = chain.present("n-1").unwrap();
    let parts = jws::split(&presented).unwrap();
    let payload = String::from_utf8(base64url::decode(parts.payload).unwrap()).unwrap();
    let room = bytes / 4 * 3 - payload.len() - 400;
    let items = item.repeat(room / item.len());
    let payload = payload.replacen('{', &format!(r#"{{"x":[{}],"#, items.trim_end_matches(',')), 1);
    let (agent, leaf) = chain.agent().unwrap();
    let stuffed = jws::sign("vp+jwt", &key::method_id(&agent), payload.as_bytes(), leaf).unwrap();
    assert!((bytes - 1000..=bytes).contains(&stuffed.len()), "{} bytes", stuffed.len());
    stuffed
}

/// The largest presentation of the longest chain that is read by default, its links filled up evenly.
fn longest() -> (Chain, String) {
    let limits = Limits::default();
    let most = u8::try_from(limits.chain_links).unwrap();
    let of = |padding: usize| {
        let chain = Chain::of(&Plan { padding: Some(padding), ..Plan::ordinary(most) }).unwrap();
        let presented = chain.present("n-1").unwrap();
        (chain, presented)
    };
    let room = limits.presentation_bytes - of(0).1.len();
    // A byte of a link is base64 twice in a presentation.
    let (chain, presented) = of(room / limits.chain_links * 9 / 16 - 10);
    let size = limits.presentation_bytes - 1000..=limits.presentation_bytes;
    assert!(size.contains(&presented.len()), "{} bytes", presented.len());
    (chain, presented)
}

/// What the largest inputs take at their peak. The text itself is not counted, it is the caller's.
#[test]
fn the_largest_input_takes_no_more_memory_than_it_did() {
    let bytes = Limits::default().presentation_bytes;
    let one = Chain::new(1).unwrap();
    let (chain, presented) = longest();
    let cases = [
        ("a chain of 16 links", &chain, presented, 2_159_250),
        ("numbers", &one, stuffed(&one, "0,", bytes), 12_975_734),
        ("arrays of one number", &one, stuffed(&one, "[0],", bytes), 18_153_561),
        ("objects of one member", &one, stuffed(&one, r#"{"":0},"#, bytes), 16_056_341),
        ("texts with an escape", &one, stuffed(&one, r#""\n","#, bytes), 6_749_823),
    ];
    for (name, chain, presented, most) in cases {
        let evidence = Evidence::new();
        let info = measure(|| {
            let presentation = parse(presented.as_bytes(), &chain.trust).unwrap();
            verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap();
        });
        println!("{name}: {} bytes at most", info.bytes_max);
        assert!(info.bytes_max <= most, "{name}: {} bytes, not {most}", info.bytes_max);
    }
}
