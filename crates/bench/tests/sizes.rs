//! How long a chain is in compact form. Headers have limits: common servers take 8 KiB of them, some proxies 4.
#![allow(clippy::unwrap_used)]

use legation_bench::{Chain, LIST, NOW, Plan, charge, publish};
use legation_verifier::{Decision, Evidence, authorize, parse_request, verify};

/// The length of the compact chain, which is shown to serve.
fn compact(plan: Plan) -> usize {
    let chain = Chain::of(&Plan { status: Some(LIST.to_owned()), ..plan }).unwrap();
    let (compact, proof) = chain.request("n-1").unwrap();
    let mut evidence = Evidence::new();
    evidence.add_status_list(LIST, &publish(0).unwrap(), NOW, 1 << 17);
    let presentation = parse_request(&compact, proof, &chain.trust).unwrap();
    let verified = verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap();
    assert!(matches!(authorize(&verified, &charge().unwrap(), NOW), Decision::Permit(_)));
    compact.len()
}

/// Links by did:key with an id, a status, an audience, a spend and a rate (DESIGN §4), each in full; and the
/// same without ids, the links after the root saying only what is narrower.
#[test]
fn a_chain_of_three_delegations_gets_no_longer() {
    for (name, plan, most) in [("ordinary", Plan::ordinary(3), 5117), ("lean", Plan::lean(3), 4544)] {
        let found = compact(plan);
        assert!(found <= most, "{name}: {found} bytes, not {most}");
    }
}
