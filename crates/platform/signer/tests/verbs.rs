//! Each verb end to end. What is signed is read by those who will read it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use legation_credential::{
    Delegation, Facts, Occasion, Request, Terms, present,
    status::{MIN_ENTRIES, SignedStatusList, StatusEntry, StatusPurpose},
};
use legation_did::{Document, Purpose, key, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_signer::{Ask, ClientError, Door, EntryTerms, ListTerms, Told};
use legation_verifier::{Evidence, Trust, authorize, batch, parse, receipt, verify};
use legation_webvh_entry::{check, read, unnamed};

const LIST: &str = "https://acme.example/status/1";

fn entry() -> StatusEntry {
    StatusEntry { purpose: StatusPurpose::Revocation, list: LIST.to_owned(), index: 9 }
}

fn bits(set: &[usize]) -> Vec<u8> {
    let mut bits = vec![0; MIN_ENTRIES / 8];
    for index in set {
        bits[index / 8] |= 0x80 >> (index % 8);
    }
    bits
}

#[test]
fn a_chain_whose_links_and_status_list_the_signer_signed_is_verified_and_ends_when_its_bit_is_set() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    assert_eq!(signer.ping().unwrap(), 1);
    let (acme, team) = (did("did:web:acme.example"), did("did:web:acme.example:team"));
    let root = signer.generate(ACME, "root-1", Algorithm::Es256).unwrap();
    let teams = signer.generate(ACME, "team-1", Algorithm::EdDsa).unwrap();
    let agent = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let holder = key::did(agent.public_key());

    let first = Terms { status: vec![entry()], ..terms(&team, 1) };
    let first = signer.delegate(key("root-1", &root), &acme, &[], &first).unwrap();
    let second = Terms { id: None, account: None, status: vec![entry()], ..terms(&holder, 0) };
    let second = signer.delegate(key("team-1", &teams), &team, &[&first], &second).unwrap();
    assert_eq!(Delegation::read_unverified(&second).unwrap().principal, acme);
    assert_eq!(
        Delegation::read_unverified(&first).unwrap().terms,
        Terms { status: vec![entry()], ..terms(&team, 1) }
    );

    let occasion = Occasion {
        audience: "did:web:shop.example",
        nonce: "n-1",
        issued_at: NOW,
        expires_at: NOW + 60,
        transcript: None,
    };
    let presented = present(&[&first, &second], &holder, occasion, &key::method_id(&holder), &agent).unwrap();
    let mut trust = Trust::new("did:web:shop.example");
    trust.roots.insert(acme.clone(), authority("a2a:skill:book"));
    // The team's link has its bit in the organization's list.
    trust.status_issuers.insert(acme.clone());
    let presentation = parse(presented.as_bytes(), &trust).unwrap();
    for (set, expected) in [(vec![8, 10], Ok(())), (vec![9], Err("link_revoked"))] {
        let list = ListTerms {
            issuer: &acme,
            id: LIST,
            valid_from: NOW,
            valid_until: NOW + 600,
            purpose: StatusPurpose::Revocation,
            bits: &bits(&set),
        };
        let list = signer.status_list(key("root-1", &root), &list).unwrap();
        let mut evidence = Evidence::new();
        for (did, made) in [(&acme, &root), (&team, &teams)] {
            let document = web::document(did, std::slice::from_ref(&made.public_key)).to_json().to_string();
            evidence.add_document(did, document.as_bytes(), NOW).unwrap();
        }
        evidence.add_status_list(LIST, &list, NOW, MIN_ENTRIES);
        let chain = verify(&presentation, &trust, &evidence, "n-1", NOW);
        assert_eq!(chain.as_ref().map(|_| ()).map_err(|denial| denial.code.as_str()), expected);
        if let Ok(chain) = chain {
            let request = Request::new("a2a:skill:book", "https://shop.example/rooms", Facts::new()).unwrap();
            assert!(authorize(&chain, &request, NOW).into_permit().is_ok());
        }
    }
}

#[test]
fn a_status_list_has_every_bit_where_it_was_and_the_largest_fits_into_an_answer() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let acme = did("did:web:acme.example");
    let made = signer.generate(ACME, "k", Algorithm::EdDsa).unwrap();
    // Bits that can't be packed.
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let bits: Vec<u8> = (0..512 * 1024).map(|_| random()).collect();
    let list = ListTerms {
        issuer: &acme,
        id: LIST,
        valid_from: NOW,
        valid_until: NOW + 600,
        purpose: StatusPurpose::Suspension,
        bits: &bits,
    };
    let secured = signer.status_list(key("k", &made), &list).unwrap();
    let read = SignedStatusList::parse(&secured, bits.len() * 8).unwrap();
    read.verify(std::slice::from_ref(&made.public_key)).unwrap();
    let (credential, seal) = (&read.credential, &read.seals[0]);
    assert_eq!(seal.key_id, method_id(&acme, &made.public_key));
    assert_eq!((credential.id.as_deref(), &credential.issuer), (Some(LIST), &acme));
    assert_eq!((credential.valid_from, credential.valid_until), (NOW, Some(NOW + 600)));
    assert_eq!(credential.purposes, [StatusPurpose::Suspension]);
    assert_eq!(credential.list.entries(), bits.len() * 8);
    for index in 0..bits.len() * 8 {
        assert_eq!(credential.list.get(index), Some(bits[index / 8] & (0x80 >> (index % 8)) != 0), "{index}");
    }
}

#[test]
fn a_status_list_that_its_verifiers_would_not_read_is_not_signed() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let acme = did("did:web:acme.example");
    let stranger = key::did(SecretKey::generate(Algorithm::EdDsa).unwrap().public_key());
    let made = signer.generate(ACME, "k", Algorithm::EdDsa).unwrap();
    let (bits, few, many) = (bits(&[]), [0; 100], vec![0; 512 * 1024 + 1]);
    let good = ListTerms {
        issuer: &acme,
        id: LIST,
        valid_from: NOW,
        valid_until: NOW + 600,
        purpose: StatusPurpose::Revocation,
        bits: &bits,
    };
    assert!(signer.status_list(key("k", &made), &good).is_ok());
    for (bad, code) in [
        (ListTerms { id: "ftp://acme.example/1", ..good }, "malformed"),
        (ListTerms { valid_until: NOW, ..good }, "window_empty"),
        (ListTerms { valid_until: i64::MAX, ..good }, "malformed"),
        (ListTerms { purpose: StatusPurpose::Message, ..good }, "malformed"),
        (ListTerms { issuer: &stranger, ..good }, "issuer_mismatch"),
        (ListTerms { bits: &few, ..good }, "length_out_of_range"),
        (ListTerms { bits: &many, ..good }, "length_out_of_range"),
    ] {
        assert_eq!(signer.status_list(key("k", &made), &bad).unwrap_err().code(), code, "{code}");
    }
    let huge = vec![0; 1 << 20];
    let refused = signer.status_list(key("k", &made), &ListTerms { bits: &huge, ..good });
    assert_eq!(refused.unwrap_err().code(), "input_too_large");
}

#[test]
fn a_delegation_that_widens_its_parent_or_is_anothers_is_not_signed() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let (acme, team) = (did("did:web:acme.example"), did("did:web:acme.example:team"));
    let made = signer.generate(ACME, "k", Algorithm::EdDsa).unwrap();
    let key = key("k", &made);
    let first = signer.delegate(key, &acme, &[], &terms(&team, 1)).unwrap();
    let agent = did("did:web:acme.example:agent");
    let good = terms(&agent, 0);
    let second = signer.delegate(key, &team, &[&first], &good).unwrap();
    let many = vec![first.as_str(); 64];
    let bent = Terms { authority: authority("a2a:skill:*"), ..good.clone() };
    let late = Terms { valid_until: NOW + 3601, ..good.clone() };
    let deep = Terms { max_depth: 1, ..good.clone() };
    let never = Terms { valid_until: NOW, ..good.clone() };
    let odd = Terms { account: Some("Not An Account".to_owned()), ..good.clone() };
    for (issuer, parents, terms, code) in [
        (&team, vec![first.as_str()], &bent, "action_widened"),
        (&team, vec![first.as_str()], &late, "window_not_nested"),
        (&team, vec![first.as_str()], &deep, "redelegation_not_permitted"),
        (&agent, vec![first.as_str()], &good, "issuer_mismatch"),
        (&agent, vec![second.as_str(), first.as_str()], &good, "issuer_mismatch"),
        (&team, vec![second.as_str(), first.as_str()], &good, "parent_mismatch"),
        (&team, vec!["no delegation"], &good, "malformed"),
        (&team, many, &good, "input_too_large"),
        (&acme, vec![], &never, "window_empty"),
        (&acme, vec![], &odd, "malformed"),
    ] {
        assert_eq!(signer.delegate(key, issuer, &parents, terms).unwrap_err().code(), code, "{code}");
    }
}

#[test]
fn a_receipt_is_signed_at_both_doors_and_nothing_else_is_signed_as_one() {
    let running = Running::start();
    let made = running.at(Door::Registry).generate(ACME, "k", Algorithm::Es256).unwrap();
    let shop = did("did:web:shop.example");
    let trust = Trust::new(shop.as_str());
    let denial = parse(b"x", &trust).unwrap_err();
    let text = receipt::of_denial(&denial, receipt::Subject::default(), &trust, NOW);
    let text = String::from_utf8(text).unwrap();
    let document = web::document(&shop, std::slice::from_ref(&made.public_key));
    for door in Door::ALL {
        let mut signer = running.at(door);
        let secured = signer.receipt(key("k", &made), &text).unwrap();
        assert_eq!(receipt::verify(&secured, &document).unwrap()["decision"], "deny");
        for (bad, code) in [
            (text.replace("LegationReceipt", "DelegationCredential"), "type_mismatch"),
            (text.replace(r#""LegationReceipt""#, r#"["LegationReceipt"]"#), "type_mismatch"),
            (text.replace(r#""type":"#, r#""typ":"#), "type_mismatch"),
            ("[]".to_owned(), "type_mismatch"),
            (format!("{text},"), "malformed"),
            (text.replacen('{', r#"{"type":"LegationReceipt","#, 1), "duplicate_member"),
            (text.replace(shop.as_str(), "the shop"), "issuer_mismatch"),
            (format!("{}1{}", r#"{"a":["#.repeat(40), "]}".repeat(40)), "json_too_deep"),
            ("x".repeat(1 << 20), "input_too_large"),
        ] {
            assert_eq!(signer.receipt(key("k", &made), &bad).unwrap_err().code(), code, "{door:?} {code}");
        }
        let many = batch::of_receipts(shop.as_str(), 1, &[text.as_bytes()], "", NOW);
        let secured = signer.receipt(key("k", &made), core::str::from_utf8(&many).unwrap()).unwrap();
        assert_eq!(batch::verify(&secured, &document, (1, &[text.as_bytes()]), ""), Ok(()));
        let long = text.replacen('{', &format!(r#"{{"more":"{}","#, "x".repeat(900_000)), 1);
        assert_eq!(signer.receipt(key("k", &made), &long).unwrap_err().code(), "answer_too_large");
        assert!(signer.receipt(key("k", &made), &text).is_ok(), "the connection goes on");
    }
}

#[test]
fn a_key_that_is_named_by_a_did_url_signs_by_that_name_and_for_that_did_only() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let (acme, other) = (did("did:web:acme.example"), did("did:web:other.example"));
    let id = "did:web:acme.example#gateway-1";
    let made = signer.generate(ACME, id, Algorithm::EdDsa).unwrap();
    let mut document = Document::new(acme.clone());
    document.add_key(id.to_owned(), made.public_key.clone(), &[Purpose::AssertionMethod]);
    let text = r#"{"type":"LegationReceipt","decision":"permit","at":"2026-11-21T10:00:00Z","verifier":"V"}"#;
    // Also where the verifier is called by no DID.
    for verifier in [acme.as_str(), "https://tools.acme.example"] {
        let secured = signer.receipt(key(id, &made), &text.replace('V', verifier)).unwrap();
        assert!(receipt::verify(&secured, &document).is_ok());
    }
    let refused = signer.receipt(key(id, &made), &text.replace('V', other.as_str()));
    assert_eq!(refused.unwrap_err().code(), "issuer_mismatch");
    assert!(signer.delegate(key(id, &made), &acme, &[], &terms(&other, 0)).is_ok());
    let refused = signer.delegate(key(id, &made), &other, &[], &terms(&acme, 0));
    assert_eq!(refused.unwrap_err().code(), "issuer_mismatch");
}

#[test]
fn a_did_key_signs_for_itself_and_for_no_other() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    for algorithm in Algorithm::ALL {
        let made = signer.generate(ACME, "agent", algorithm).unwrap();
        assert_eq!(made.public_key.algorithm(), algorithm);
        let (own, other) = (key::did(&made.public_key), signer.generate(ACME, "agent", algorithm).unwrap());
        let secured = signer.delegate(key("agent", &made), &own, &[], &terms(&own, 0)).unwrap();
        assert_eq!(Delegation::read_unverified(&secured).unwrap().issuer, own);
        let refused = signer.delegate(key("agent", &other), &own, &[], &terms(&own, 0));
        assert_eq!(refused.unwrap_err().code(), "issuer_mismatch");
    }
}

#[test]
fn a_secret_comes_back_as_it_was_to_the_gateway() {
    let running = Running::start();
    let (mut registry, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    for secret in ["s", "sk-\"quoted\"\\ \u{1f511}\n\0", &"x".repeat(16 * 1024)] {
        let sealed = registry.seal_secret(ACME, "openai", "https://api.openai.example", secret).unwrap();
        assert!(!sealed.windows(secret.len()).any(|part| secret.len() > 1 && part == secret.as_bytes()));
        let opened = gateway.open_secret(ACME, "openai", "https://api.openai.example", &sealed).unwrap();
        assert_eq!(opened.as_str(), secret);
    }
    for secret in ["", &"x".repeat(16 * 1024 + 1)] {
        let refused = registry.seal_secret(ACME, "openai", "https://api.openai.example", secret);
        assert_eq!(refused.unwrap_err().code(), "length_out_of_range");
    }
}

#[test]
fn what_has_no_name_or_one_without_end_is_refused() {
    let running = Running::start();
    let (mut registry, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    let long = "x".repeat(2049);
    for bad in ["", &long] {
        for (organization, name) in [(bad, "k"), (ACME, bad)] {
            let refused = registry.generate(organization, name, Algorithm::EdDsa).unwrap_err();
            assert_eq!(refused.code(), "length_out_of_range");
            let refused = registry.seal_secret(organization, name, "https://a.example", "s").unwrap_err();
            assert_eq!(refused.code(), "length_out_of_range");
        }
        assert_eq!(gateway.open_secret(ACME, "n", bad, b"").unwrap_err().code(), "length_out_of_range");
    }
    assert!(registry.generate(ACME, &"x".repeat(2048), Algorithm::EdDsa).is_ok());
}

#[test]
fn a_card_and_a_tie_to_a_domain_are_signed_for_the_key_s_own_did_and_at_the_registry_s_door_only() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let made = signer.generate(ACME, "k", Algorithm::EdDsa).unwrap();
    let shop = did("did:web:shop.example");
    let card = |did: &str| {
        format!(
            r#"{{"name":"Shop","capabilities":{{"extensions":[{{"uri":"https://w3id.org/legation/a2a/identity/v1","params":{{"did":"{did}"}}}}]}}}}"#
        )
    };
    let good = card(shop.as_str());
    assert!(signer.card(key("k", &made), &shop, &good).unwrap().contains("\"signatures\":["));
    let code = |outcome: Result<String, _>| {
        let error: legation_signer::ClientError = outcome.unwrap_err();
        error.code().to_owned()
    };
    assert_eq!(code(signer.card(key("k", &made), &shop, &card("did:web:other.example"))), "issuer_mismatch");
    assert_eq!(code(signer.card(key("k", &made), &shop, r#"{"name":"Shop"}"#)), "issuer_mismatch");
    assert_eq!(
        code(signer.card(key("k", &made), &shop, &good.replacen('{', r#"{"name":"A","#, 1))),
        "duplicate_member"
    );
    let window = (NOW, NOW + 100);
    assert!(signer.domain_linkage(key("k", &made), &shop, "https://shop.example", window).is_ok());
    for origin in [
        "https://other.example",
        "http://shop.example",
        "https://shop.example/",
        "https://shop.example:1",
        "",
    ] {
        let outcome = signer.domain_linkage(key("k", &made), &shop, origin, window);
        assert_eq!(code(outcome), "issuer_mismatch", "{origin}");
    }
    let ended = signer.domain_linkage(key("k", &made), &shop, "https://shop.example", (NOW, NOW));
    assert_eq!(code(ended), "window_empty");
    let mut gateway = running.at(Door::Gateway);
    assert_eq!(code(gateway.card(key("k", &made), &shop, &good)), "not_at_this_door");
    let outcome = gateway.domain_linkage(key("k", &made), &shop, "https://shop.example", window);
    assert_eq!(code(outcome), "not_at_this_door");
}

#[test]
fn what_is_asked_together_is_answered_in_order_and_what_is_refused_stands_in_its_place() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let acme = did("did:web:acme.example");
    let root = signer.generate(ACME, "root-1", Algorithm::EdDsa).unwrap();
    let subject = |number: usize| did(&format!("did:web:acme.example:agent-{number}"));
    // Each third is a key, each third is refused, and one is larger than all that is sent ahead.
    let asks: Vec<Ask> = (0..300)
        .map(|number| match number % 3 {
            0 => Ask::key(ACME, &format!("key-{number}"), Algorithm::EdDsa),
            1 => {
                let account = (number == 100).then(|| "a".repeat(200_000));
                let terms = Terms { account, ..terms(&subject(number), 0) };
                Ask::delegation(key("root-1", &root), &acme, &[], &terms)
            }
            _ => Ask::delegation(key("another", &root), &acme, &[], &terms(&subject(number), 0)),
        })
        .collect();
    let told = signer.together(&asks).unwrap();
    assert_eq!(told.len(), asks.len());
    for (number, told) in told.into_iter().enumerate() {
        match (number % 3, told) {
            (0, Ok(Told::Key(made))) => {
                let own = format!("key-{number}");
                let terms = terms(&subject(number), 0);
                signer.delegate(key(&own, &made), &acme, &[], &terms).unwrap();
            }
            (1, Ok(Told::Secured(secured))) => {
                let read = Delegation::read_unverified(&secured).unwrap();
                assert_eq!(read.terms.subject, subject(number));
            }
            (1, Err(ClientError::Refused { .. })) => assert_eq!(number, 100),
            (2, Err(ClientError::Refused { code, .. })) => assert_eq!(code, "sealed_mismatch"),
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
    // One that is larger than a frame is told before anybody waits for it, and the signer is asked again.
    let huge = Terms { account: Some("a".repeat(2 << 20)), ..terms(&subject(0), 0) };
    let huge = Ask::delegation(key("root-1", &root), &acme, &[], &huge);
    let few = Ask::key(ACME, "last", Algorithm::EdDsa);
    assert!(matches!(signer.together(&[few, huge]), Err(ClientError::TooLarge { .. })));
    assert_eq!(signer.ping().unwrap(), 1);
    assert!(signer.together(&[]).unwrap().is_empty());
}

#[test]
fn of_what_was_asked_together_of_a_signer_that_ends_nothing_is_known() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let asks: Vec<Ask> =
        (0..20).map(|number| Ask::key(ACME, &format!("key-{number}"), Algorithm::EdDsa)).collect();
    assert_eq!(signer.together(&asks).unwrap().len(), 20);
    let (_folder, ended) = running.stop();
    ended.unwrap();
    assert!(matches!(
        signer.together(&asks),
        Err(ClientError::Unreachable { .. } | ClientError::Gone { .. })
    ));
}

/// A checkpoint is signed by the key of that log and no other, and that key signs nothing that anybody believes of a DID.
#[test]
fn a_checkpoint_is_signed_by_the_key_of_its_log_alone() {
    use legation_log::{Checkpoint, NoteKey, about, note::Kind};
    let running = Running::start();
    let (mut signer, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    let origin = "acme.example/log/2026";
    let own = signer.generate(ACME, "log:acme.example/log/2026", Algorithm::EdDsa).unwrap();
    let next = Checkpoint { origin: origin.to_owned(), size: 7, root: [9; 32] };
    let sealed = key("log:acme.example/log/2026", &own);
    let note = signer.checkpoint(sealed, &next).unwrap();
    let public = NoteKey::new(origin, Kind::Text, &own.public_key).unwrap();
    assert_eq!(Checkpoint::open(&note, &public), Ok(next.clone()));
    let code = |outcome: Result<String, ClientError>| outcome.unwrap_err().code().to_owned();
    let other = Checkpoint { origin: "acme.example/log/2027".to_owned(), ..next.clone() };
    assert_eq!(code(signer.checkpoint(sealed, &other)), "origin_mismatch");
    let lines = Checkpoint { origin: "acme.example/log/2026\n9".to_owned(), ..next.clone() };
    let bent = signer.generate(ACME, "log:acme.example/log/2026\n9", Algorithm::EdDsa).unwrap();
    assert_eq!(
        code(signer.checkpoint(key("log:acme.example/log/2026\n9", &bent), &lines)),
        "origin_mismatch"
    );
    // The organization's key signs what is said of a log, and no checkpoint.
    let (acme, organizations) =
        (did("did:web:acme.example"), signer.generate(ACME, "k", Algorithm::EdDsa).unwrap());
    assert_eq!(code(signer.checkpoint(key("k", &organizations), &next)), "origin_mismatch");
    // One name for another key does not open.
    assert_eq!(
        code(signer.checkpoint(key("log:acme.example/log/2026", &organizations), &next)),
        "sealed_mismatch"
    );
    assert_eq!(code(gateway.checkpoint(sealed, &next)), "not_at_this_door");
    let statement = String::from_utf8(about::statement(&acme, &public, NOW)).unwrap();
    let secured = signer.receipt(key("k", &organizations), &statement).unwrap();
    let document = web::document(&acme, std::slice::from_ref(&organizations.public_key));
    let said = about::verify(&secured, &document).unwrap();
    assert_eq!((said.key, said.organization), (public, acme.clone()));
    let stranger = web::document(&acme, std::slice::from_ref(&own.public_key));
    assert_eq!(about::verify(&secured, &stranger).unwrap_err().code(), "key_not_found");
    let elsewhere =
        web::document(&did("did:web:other.example"), std::slice::from_ref(&organizations.public_key));
    assert_eq!(about::verify(&secured, &elsewhere).unwrap_err().code(), "issuer_mismatch");
}

#[test]
fn many_of_one_issuer_are_signed_by_one_request_and_each_is_held_to_the_chain_by_itself() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let (acme, team) = (did("did:web:acme.example"), did("did:web:acme.example:teams:a"));
    let root = signer.generate(ACME, "root-1", Algorithm::EdDsa).unwrap();
    let own = signer.generate(ACME, "team-1", Algorithm::EdDsa).unwrap();
    let first = signer.delegate(key("root-1", &root), &acme, &[], &terms(&team, 1)).unwrap();
    let subject = |number: usize| did(&format!("did:web:acme.example:agent-{number}"));
    // The third could pass it on, which its parent does not permit.
    let all: Vec<Terms> = (0..64).map(|number| terms(&subject(number), u32::from(number == 2))).collect();
    let keys: Vec<String> = (0..64).map(|number| format!("key-{number}")).collect();
    let asks = [
        Ask::keys(ACME, keys, Algorithm::EdDsa),
        Ask::delegations(key("team-1", &own), &team, &[&first], all.iter()),
        Ask::delegations(key("root-1", &root), &acme, &[], all.iter()),
        // Who signs is not who was delegated to.
        Ask::delegations(key("root-1", &root), &acme, &[&first], all.iter()),
        Ask::keys(ACME, (0..65).map(|number| format!("key-{number}")).collect(), Algorithm::EdDsa),
        Ask::delegations(key("root-1", &root), &acme, &[], all.iter().chain([&all[0]])),
    ];
    let told = signer.together(&asks).unwrap();
    let [made, signed, roots, refused @ ..] = told.as_slice() else { panic!("{told:?}") };
    let Ok(Told::All(made)) = made else { panic!("{made:?}") };
    for (number, made) in made.iter().enumerate() {
        let Ok(Told::Key(made)) = made else { panic!("{made:?}") };
        // Each opens for its own place.
        let own = format!("key-{number}");
        signer.delegate(key(&own, made), &acme, &[], &terms(&team, 0)).unwrap();
    }
    let Ok(Told::All(signed)) = signed else { panic!("{signed:?}") };
    for (number, signed) in signed.iter().enumerate() {
        match signed {
            Err(ClientError::Refused { code, .. }) => {
                assert_eq!((number, code.as_str()), (2, "redelegation_not_permitted"));
            }
            Ok(Told::Secured(secured)) => {
                let read = Delegation::read_unverified(secured).unwrap();
                assert_eq!((read.terms.subject, &read.issuer), (subject(number), &team));
                assert!(read.parent.is_some() && number != 2);
            }
            other => panic!("{other:?}"),
        }
    }
    let Ok(Told::All(roots)) = roots else { panic!("{roots:?}") };
    assert!(roots.len() == 64 && roots.iter().all(Result::is_ok));
    let codes: Vec<&str> = refused
        .iter()
        .map(|told| match told {
            Err(ClientError::Refused { code, .. }) => code.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, ["issuer_mismatch", "input_too_large", "input_too_large"]);
    let mut gateway = running.at(Door::Gateway);
    for asks in asks.chunks(1) {
        let told = gateway.together(asks).unwrap().remove(0);
        assert!(matches!(told, Err(ClientError::Refused { code, .. }) if code == "not_at_this_door"));
    }
}

/// An entry of a did:webvh log is written here and signed by a key of that place and no other; each names the next one.
#[test]
fn an_entry_of_a_history_is_signed_by_a_key_of_its_place_alone() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let place = did("did:web:acme.example");
    let document = |place: &str| {
        let own = unnamed(&did(place)).unwrap();
        web::document(&own, &[SecretKey::generate(Algorithm::EdDsa).unwrap().public_key().clone()])
            .to_json()
            .to_string()
    };
    let ids = ["webvh:acme.example#1", "webvh:acme.example#2", "webvh:acme.example#3"];
    let made = ids.map(|id| signer.generate(ACME, id, Algorithm::EdDsa).unwrap());
    let names = |number: usize| made[number].public_key.to_multikey();
    let (first, second, own) = (names(1), names(2), document("did:web:acme.example"));
    let terms = EntryTerms { place: &place, before: None, time: NOW, next: &first, document: &own };
    let line = signer.webvh_entry(key(ids[0], &made[0]), &terms).unwrap();
    let named = did(Document::parse(read(&line).unwrap().document.as_bytes()).unwrap().id().as_str());
    let version = check(&named, [line.as_str()]).unwrap().remove(0);
    let next =
        EntryTerms { before: Some((&named, &version.version_id)), time: NOW + 60, next: &second, ..terms };
    let further = signer.webvh_entry(key(ids[1], &made[1]), &next).unwrap();
    assert_eq!(check(&named, [line.as_str(), &further]).unwrap().len(), 2);

    let code = |done: Result<String, ClientError>| done.unwrap_err().code().to_owned();
    // A key of something else, or of another place.
    for id in
        ["k", "webvh:mallory.example#1", "webvh:acme.example", "webvh:acme.example:bot#1", "log:acme.example"]
    {
        let other = signer.generate(ACME, id, Algorithm::EdDsa).unwrap();
        assert_eq!(code(signer.webvh_entry(key(id, &other), &terms)), "issuer_mismatch", "{id}");
    }
    assert_eq!(code(signer.webvh_entry(key(ids[1], &made[0]), &terms)), "sealed_mismatch");
    // A document of another place, of somebody else, of none.
    let others = document("did:web:mallory.example");
    let elsewhere = EntryTerms { document: &others, ..terms };
    assert_eq!(code(signer.webvh_entry(key(ids[0], &made[0]), &elsewhere)), "issuer_mismatch");
    let elsewhere = EntryTerms { document: &others, ..next };
    assert_eq!(code(signer.webvh_entry(key(ids[1], &made[1]), &elsewhere)), "issuer_mismatch");
    let foreign = did(&named.as_str().replace("acme.example", "mallory.example"));
    let elsewhere = EntryTerms { before: Some((&foreign, &version.version_id)), document: &others, ..next };
    assert_eq!(code(signer.webvh_entry(key(ids[1], &made[1]), &elsewhere)), "issuer_mismatch");
    for odd in ["", "[]", "{}", "{\"id\":\"did:web:acme.example\"}", "{\"a\":1,\"a\":2}"] {
        let refused = signer.webvh_entry(key(ids[0], &made[0]), &EntryTerms { document: odd, ..terms });
        assert!(matches!(refused, Err(ClientError::Refused { .. })), "{odd}");
    }
    for odd in ["", "z6Mk", "did:key:z6Mk", "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"] {
        assert_eq!(
            code(signer.webvh_entry(key(ids[0], &made[0]), &EntryTerms { next: odd, ..terms })),
            "malformed"
        );
    }
    let odd = EntryTerms { before: Some((&named, "first")), ..next };
    assert_eq!(code(signer.webvh_entry(key(ids[1], &made[1]), &odd)), "malformed");
    let mut gateway = running.at(Door::Gateway);
    assert_eq!(code(gateway.webvh_entry(key(ids[0], &made[0]), &terms)), "not_at_this_door");
}
