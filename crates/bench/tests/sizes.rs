//! How long a chain is in compact form. Headers have limits: common servers take 8 KiB of them, some proxies 4.
#![allow(clippy::unwrap_used)]

use legation_bench::{Chain, LIST, NOW, ORGANIZATION, Plan, charge, publish};
use legation_did::Did;
use legation_verifier::{Decision, Evidence, authorize, parse_request, verify};

/// The length of the compact chain, which is shown to serve.
fn compact(plan: Plan) -> usize {
    let chain = Chain::of(&Plan { status: Some(LIST.to_owned()), ..plan }).unwrap();
    let (compact, proof) = chain.request("n-1").unwrap();
    let (organization, mut evidence): (Did, _) = (ORGANIZATION.parse().unwrap(), Evidence::new());
    evidence.add_document(&organization, chain.document(&organization).unwrap().as_bytes(), NOW).unwrap();
    evidence.add_status_list(LIST, &publish(0).unwrap(), NOW, 1 << 17);
    let presentation = parse_request(&compact, proof, &chain.trust).unwrap();
    let verified = verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap();
    assert!(matches!(authorize(&verified, &charge().unwrap(), NOW), Decision::Permit(_)));
    compact.len()
}

/// Links with a status, an audience, a spend and a rate (DESIGN §4): from an organization's did:web to agents, each
/// saying what it narrows; the same from a did:key; and that in full, with ids and all limits in each link.
#[test]
fn a_chain_of_three_delegations_gets_no_longer() {
    let organization = Some(ORGANIZATION.parse().unwrap());
    for (name, plan, most) in [
        ("ordinary", Plan { organization, ..Plan::ordinary(3) }, 3994),
        ("by did:key", Plan::ordinary(3), 4088),
        ("full", Plan::full(3), 4661),
    ] {
        let found = compact(plan);
        println!("{name}: {found}");
        assert!(found <= most, "{name}: {found} bytes, not {most}");
    }
}
