//! A chain that stands beside a signed request, cold and warm.

use crate::world::{NOW, Party, World};
use legation_keys::{Algorithm, PublicKey, Signer as _};
use legation_verifier::{Code, Evidence, Proof, Verifier, parse_request, verify};

/// The proof of a request, by the agent's key; `named` says which key and algorithm it names.
fn proof(agent: &Party, named: &PublicKey, algorithm: Option<Algorithm>) -> Proof {
    let signing_input = "\"@method\": GET".to_owned();
    Proof {
        algorithm,
        key_thumbprint: named.thumbprint(),
        signature: agent.key.sign(signing_input.as_bytes()).unwrap(),
        signing_input,
        nonce: "n".to_owned(),
        created: NOW,
        expires: NOW + 60,
    }
}

#[test]
fn a_key_that_is_known_signs_only_what_names_it() {
    for algorithm in Algorithm::ALL {
        let world = World { agent: Party::new(algorithm), ..World::new() };
        let other = Party::new(algorithm);
        let another = Algorithm::ALL.into_iter().find(|other| *other != algorithm);
        let (chain, trust) = (world.root_link(&world.root()), world.trust());
        let (own, foreign) = (world.agent.key.public_key(), other.key.public_key());
        let warm = Verifier::new(trust.clone());
        for (named, says, expected) in [
            (own, None, None),
            // It is known from here on.
            (own, Some(algorithm), None),
            (foreign, None, Some(Code::KeyNotFound)),
            (own, another, Some(Code::AlgorithmKeyMismatch)),
        ] {
            let proof = || proof(&world.agent, named, says);
            let cold = parse_request(&chain, proof(), &trust)
                .and_then(|presentation| verify(&presentation, &trust, &Evidence::new(), "n", NOW));
            let warm = warm
                .parse_request(&chain, proof())
                .and_then(|presentation| warm.verify(&presentation, &Evidence::new(), "n", NOW));
            let codes = [cold, warm].map(|outcome| outcome.err().map(|denial| denial.code));
            assert_eq!(codes, [expected, expected], "{says:?} of a key of {algorithm:?}");
        }
    }
}

/// What a receipt names by its digest: whoever keeps it can repeat the decision.
#[test]
fn the_record_of_a_request_is_the_chain_what_was_signed_and_the_signature() {
    let world = World::new();
    let proof = proof(&world.agent, world.agent.key.public_key(), None);
    let signature = legation_keys::base64url::encode(&proof.signature);
    assert_eq!(proof.record("a~b"), format!("a~b\n\"@method\": GET\n{signature}"));
}
