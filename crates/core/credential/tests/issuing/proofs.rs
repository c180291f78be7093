//! Links and presentations that are documents with proofs.

use crate::{Party, child, terms};
use legation_credential::{
    Delegation, IssueError, Occasion, Securing, delegation::link_digest, issue::effective, issue_as,
    pass_on_as, present_as,
};
use legation_keys::{Algorithm, SecretKey, Signer, data_integrity::AddProofError};
use serde_json::{Value as Json, json};

#[test]
fn the_links_of_one_chain_may_be_secured_in_different_ways() {
    let principal = Party::new();
    for (first, second) in [
        (Securing::EddsaJcs2022, Securing::EddsaJcs2022),
        (Securing::EddsaJcs2022, Securing::Jwt),
        (Securing::Jwt, Securing::EddsaJcs2022),
    ] {
        let (agent, other) = (Party::new(), Party::new());
        let root =
            issue_as(first, terms(&agent), &principal.did, &principal.key_id(), &principal.key).unwrap();
        let passed = pass_on_as(second, &[&root], child(&other), &agent.key_id(), &agent.key).unwrap();
        assert_eq!(effective(&[&root, &passed]).unwrap().0.terms, child(&other));
        assert_eq!(Delegation::read_unverified(&passed).unwrap().parent, Some(link_digest(&root)));
        // However a file is laid out, its child names the same parent.
        let pretty = match serde_json::from_str::<Json>(&root) {
            Ok(document) => format!("{document:#}\n"),
            Err(_) => format!("{root}\n"),
        };
        assert!(effective(&[&pretty, &passed]).is_ok());
    }
}

#[test]
fn a_proof_says_who_made_it_and_that_of_a_presentation_for_whom_and_how_long() {
    let (principal, agent) = (Party::new(), Party::new());
    let (by, key) = (principal.key_id(), &principal.key);
    let link = issue_as(Securing::EddsaJcs2022, terms(&agent), &principal.did, &by, key).unwrap();
    let occasion =
        Occasion { audience: "shop", nonce: "n-1", issued_at: 1000, expires_at: 1060, transcript: None };
    let way = Securing::EddsaJcs2022;
    let presented = present_as(way, &[&link], &agent.did, occasion, &agent.key_id(), &agent.key).unwrap();
    let proof = |document: &str| serde_json::from_str::<Json>(document).unwrap()["proof"].take();
    let (link, presented) = (proof(&link), proof(&presented));
    for (proof, member, expected) in [
        (&link, "verificationMethod", json!(by)),
        (&link, "proofPurpose", json!("assertionMethod")),
        (&link, "domain", Json::Null),
        (&presented, "verificationMethod", json!(agent.key_id())),
        (&presented, "proofPurpose", json!("authentication")),
        (&presented, "created", json!("1970-01-01T00:16:40Z")),
        (&presented, "expires", json!("1970-01-01T00:17:40Z")),
        (&presented, "domain", json!("shop")),
        (&presented, "challenge", json!("n-1")),
    ] {
        assert_eq!(proof[member], expected, "{member} of {proof}");
    }
}

#[test]
fn a_proof_needs_an_ed25519_key() {
    let (key, subject) = (SecretKey::generate(Algorithm::Es256).unwrap(), Party::new());
    let did = legation_did::key::did(key.public_key());
    let key_id = legation_did::key::method_id(&did);
    let refused = issue_as(Securing::EddsaJcs2022, terms(&subject), &did, &key_id, &key).unwrap_err();
    assert_eq!(refused, IssueError::Proof(AddProofError::Algorithm { found: Algorithm::Es256 }));
    let told = refused.to_string();
    assert_eq!(told, "`eddsa-jcs-2022` needs an Ed25519 key, this is one for ES256");
}
