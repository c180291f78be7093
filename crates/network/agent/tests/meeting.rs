//! Two agents meet over real HTTP, or don't.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use legation_agent::{Desk, MeetError, Responder, ResponderError};
use legation_agent_card::extension;
use legation_handshake::{ChallengeKey, Message, begin};
use legation_keys::Algorithm;
use legation_verifier::receipt;
use world::{Party, Shop, card_json, fetcher, grant, hand_on, now, open, secret, sign_card};

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

#[tokio::test]
async fn a_service_verifies_and_answers_only_as_itself() {
    let acme = Party::new();
    let (shop, other) = (open(&acme.did, false).await, open(&acme.did, false).await);
    let trust = shop.desk.trust().clone();
    let error = Desk::new(other.party.identity(), trust, fetcher()).unwrap_err();
    assert_eq!((error.audience, error.did), (shop.party.did.to_string(), other.party.did.to_string()));
    let key = || ChallengeKey::generate().unwrap();
    assert!(Responder::new(shop.desk.clone(), &shop.card, key()).is_ok());
    let refused = Responder::new(shop.desk.clone(), &other.card, key()).unwrap_err();
    assert!(matches!(refused, ResponderError::Card { .. }), "{refused}");
}

/// What a caller says to a card that the shop's domain publishes in place of its own.
async fn with_card(change: impl FnOnce(&Shop) -> String) -> String {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let card = change(&shop);
    shop.publish(&card);
    let link = grant(&acme, &alice.did, &shop.origin);
    let outcome = alice.agent(&[&link]).meet(&shop.origin, now()).await;
    outcome.map_or_else(|error| error.code().to_owned(), |_| "met".to_owned())
}

#[tokio::test]
async fn a_card_that_is_not_the_domains_own_as_it_was_signed_is_refused() {
    let own = |shop: &Shop| card_json(&shop.party.did, &shop.origin);
    assert_eq!(with_card(|shop| sign_card(&own(shop), &shop.party)).await, "met");
    let altered = |shop: &Shop| shop.published().replace("Books rooms.", "Sells gold.");
    assert_eq!(with_card(altered).await, "signature_invalid");
    let unsigned = |shop: &Shop| own(shop).to_string();
    assert_eq!(with_card(unsigned).await, "card_unsigned");
    // A member that the SDKs leave out was taken away: only their form verifies.
    let dropped = |shop: &Shop| {
        let mut card = own(shop);
        card["documentationUrl"] = "".into();
        let signed = sign_card(&card, &shop.party);
        let altered = signed.replacen(r#""documentationUrl":"","#, "", 1);
        assert_ne!(signed, altered);
        altered
    };
    assert_eq!(with_card(dropped).await, "card_form");
    // Mallory's card on the shop's domain, and the card of another domain.
    let mallory = |_: &Shop| {
        let mallory = Party::new();
        sign_card(&card_json(&mallory.did, "https://mallory.example"), &mallory)
    };
    assert_eq!(with_card(mallory).await, "card_unbound");
    let elsewhere = |shop: &Shop| {
        let other = Party { did: "did:web:other.example".parse().unwrap(), ..shop.party.clone() };
        sign_card(&card_json(&other.did, "https://other.example"), &other)
    };
    assert_eq!(with_card(elsewhere).await, "card_domain_mismatch");
    // The shop's own card, and a handshake that is spoken somewhere else.
    let leads_away = |shop: &Shop| {
        let mut card = own(shop);
        let evil = Some("https://evil.example/handshake");
        extension::declare_delegation(&mut card, true, evil).unwrap();
        sign_card(&card, &shop.party)
    };
    assert_eq!(with_card(leads_away).await, "card_origin_mismatch");
    let silent = |shop: &Shop| {
        let mut card = own(shop);
        extension::declare_delegation(&mut card, true, None).unwrap();
        sign_card(&card, &shop.party)
    };
    assert_eq!(with_card(silent).await, "handshake_missing");
    // An older card of the shop's: the challenge stands by the present one.
    let older = |shop: &Shop| {
        let mut card = own(shop);
        card["version"] = "0.9.0".into();
        sign_card(&card, &shop.party)
    };
    assert_eq!(with_card(older).await, "request_binding_mismatch");
    // Signed by a key that is not in the document, as after a rotation.
    let retired = |shop: &Shop| {
        let old = Party { key: secret(Algorithm::EdDsa), ..shop.party.clone() };
        sign_card(&own(shop), &old)
    };
    assert_eq!(with_card(retired).await, "key_not_found");
}

/// What a caller says to a callee that answers `first` to a hello and `second` to a presentation.
async fn with_answers(first: impl Fn(&World) -> Message, second: impl Fn(&World) -> Message) -> String {
    let (acme, alice, bob) = (Party::new(), Party::new(), Party::new());
    let (shop, other) = (open(&acme.did, true).await, open(&acme.did, true).await);
    let link = grant(&acme, &alice.did, &shop.origin);
    let card = fetcher().card(&shop.origin, now()).await.unwrap();
    let hello = |who: &Party| Message::Hello(begin(who.did.clone()).unwrap().hello().clone());
    let fresh = shop.responder.respond(hello(&alice), now()).await.unwrap();
    let for_bob = shop.responder.respond(hello(&bob), now()).await.unwrap();
    let mut asked = 0;
    let send = async |message: Message| {
        asked += 1;
        let theirs = other.responder.respond(message.clone(), now()).await.unwrap();
        let honest = shop.responder.respond(message, now()).await.unwrap();
        let world = World { honest, theirs, fresh: fresh.clone(), for_bob: for_bob.clone() };
        Ok(if asked == 1 { first(&world) } else { second(&world) })
    };
    let outcome = alice.agent(&[&link]).meet_over(card, &shop.endpoint(), send, now()).await;
    outcome.map_or_else(|error| error.code().to_owned(), |_| "met".to_owned())
}

/// What somebody between caller and callee may have at hand.
struct World {
    honest: Message,
    theirs: Message,
    fresh: Message,
    for_bob: Message,
}

#[tokio::test]
async fn whoever_stands_between_two_agents_can_only_pass_on_or_break_off() {
    let honest = |world: &World| world.honest.clone();
    assert_eq!(with_answers(honest, honest).await, "met");
    assert_eq!(with_answers(|world| world.theirs.clone(), honest).await, "issuer_mismatch");
    assert_eq!(with_answers(|world| world.fresh.clone(), honest).await, "nonce_mismatch");
    assert_eq!(with_answers(|world| world.for_bob.clone(), honest).await, "audience_mismatch");
    assert_eq!(with_answers(honest, |world| world.theirs.clone()).await, "issuer_mismatch");
    assert_eq!(with_answers(honest, |world| world.fresh.clone()).await, "malformed");
    let receipt = |_: &World| Message::Receipt("a.b.c".to_owned());
    assert_eq!(with_answers(receipt, honest).await, "malformed");
    assert_eq!(with_answers(honest, receipt).await, "malformed");
}
