//! Two agents meet over real HTTP, or don't.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use legation_agent::MeetError;
use legation_keys::Algorithm;
use legation_verifier::receipt;
use world::{Party, grant, hand_on, now, open};

#[tokio::test]
async fn two_strangers_meet_by_a_domain_name_and_each_holds_the_others_signature() {
    for algorithm in Algorithm::ALL {
        let (acme, alice) = (Party::new(), Party::of(algorithm));
        let shop = open(&acme.did, true).await;
        let link = grant(&acme, &alice.did, &shop.origin);
        let met = alice.agent(&[&link]).meet(&shop.origin, now()).await.unwrap();
        assert_eq!(met.met.callee(), &shop.party.did);
        let theirs = receipt::verify(met.met.receipt(), &shop.document).unwrap();
        assert_eq!(theirs["principal"], acme.did.as_str());
        assert_eq!((&theirs["agent"], &theirs["decision"]), (&alice.did.as_str().into(), &"valid".into()));
        let document = legation_did::key::document(&alice.did).unwrap();
        let ours = receipt::verify(&met.receipt, &document).unwrap();
        assert_eq!(ours["peer"], shop.party.did.as_str());
        assert_eq!(ours["transcript"], theirs["transcript"]);
    }
}

#[tokio::test]
async fn a_chain_that_does_not_hold_is_refused_with_a_signed_reason() {
    let (acme, alice, mallory) = (Party::new(), Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let link = grant(&acme, &alice.did, &shop.origin);
    let foreign = grant(&mallory, &mallory.did.clone(), &shop.origin);
    let deeper = hand_on(&[&link], &alice, &mallory.did, &shop.origin, 0);
    for (who, chain, wanted) in [
        (&alice, vec![link.as_str()], None),
        (&mallory, vec![link.as_str(), deeper.as_str()], None),
        (&mallory, vec![foreign.as_str()], Some("root_untrusted")),
        (&mallory, vec![link.as_str()], Some("holder_mismatch")),
        (&alice, vec![link.as_str(), deeper.as_str()], Some("holder_mismatch")),
        (&mallory, vec![deeper.as_str()], Some("root_untrusted")),
    ] {
        let outcome = who.agent(&chain).meet(&shop.origin, now()).await;
        match (outcome, wanted) {
            (Ok(_), None) => {}
            (Err(MeetError::Refused { code, receipt, .. }), Some(wanted)) => {
                assert_eq!(code, wanted);
                let said = receipt::verify(&receipt, &shop.document).unwrap();
                assert_eq!(said["decision"], "deny");
            }
            (outcome, wanted) => panic!("{wanted:?}: {outcome:?}"),
        }
    }
}
