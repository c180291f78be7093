//! Credentials whose status stands in a Bitstring Status List of their issuer, over real HTTPS: a suspension is told
//! apart from a revocation.
#![allow(clippy::unwrap_used)] // a test's helpers may stop it

mod world;

use legation_credential::{
    secured::Securing,
    status::{MIN_ENTRIES, StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::key;
use legation_keys::{Algorithm, SecretKey, Signer, jws};
use legation_resolver::Fetcher;
use legation_vc_api::{
    Service,
    alone::{Occasion, verify},
};
use serde_json::{Value, json};
use std::sync::Arc;
use world::site::{Answer, Site, credential};

const REVOCATION: StatusPurpose = StatusPurpose::Revocation;
const SUSPENSION: StatusPurpose = StatusPurpose::Suspension;

/// What a list is for, what an entry asks for at which index, and the code; bit 7 of each list is set.
type Case = (&'static [StatusPurpose], &'static [(&'static str, u32)], &'static str);

const CASES: [Case; 13] = [
    (&[REVOCATION], &[("revocation", 6)], ""),
    (&[REVOCATION], &[("revocation", 7)], "link_revoked"),
    (&[SUSPENSION], &[("suspension", 6)], ""),
    (&[SUSPENSION], &[("suspension", 7)], "link_suspended"),
    (&[REVOCATION, SUSPENSION], &[("revocation", 7)], "link_revoked"),
    (&[REVOCATION, SUSPENSION], &[("suspension", 7)], "link_suspended"),
    (&[REVOCATION, SUSPENSION], &[("revocation", 6), ("suspension", 7)], "link_suspended"),
    (&[REVOCATION], &[("suspension", 6)], "status_invalid"),
    // What ends nothing is not looked up; what is not known might.
    (&[REVOCATION], &[("message", 7)], ""),
    (&[REVOCATION], &[("refresh", 7), ("revocation", 6)], ""),
    (&[REVOCATION], &[("message", 7), ("revocation", 7)], "link_revoked"),
    (&[REVOCATION], &[("retention", 6)], "status_invalid"),
    (&[REVOCATION], &[("revocation", 131_072)], "status_invalid"),
];

#[tokio::test]
async fn a_suspension_is_no_revocation() {
    let site = Site::open().await;
    let world = site.world();
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = key::did(key.public_key());
    let key_id = key::method_id(&did);
    let mut bits = StatusList::new(MIN_ENTRIES);
    assert!(bits.set(7, true));
    for (purposes, entries, code) in CASES {
        let list = StatusListCredential {
            id: Some(format!("{}/list", site.origin)),
            issuer: did.clone(),
            valid_from: 1_790_000_000,
            valid_until: None,
            purposes: purposes.to_vec(),
            list: bits.clone(),
        };
        let secured = jws::sign("vc+jwt", &key_id, list.to_json().to_string().as_bytes(), &key).unwrap();
        let url = site.put("list", Answer::new("application/vc+jwt", secured));
        let entry = |(purpose, index): &(&str, u32)| {
            json!({
                "type": "BitstringStatusListEntry", "statusPurpose": purpose,
                "statusListIndex": index.to_string(), "statusListCredential": url,
            })
        };
        let all: Vec<Value> = entries.iter().map(entry).collect();
        let secured = credential(did.as_str(), &key_id, &key, &json!({"credentialStatus": all}));
        let status = if code.is_empty() { 200 } else { 400 };
        assert_eq!(world.verify(&secured).await, (status, code.to_owned()), "{purposes:?} {entries:?}");
    }
    // A Token Status List is no Bitstring Status List, whatever stands in it.
    let url = site.put("other", Answer::new("application/statuslist+jwt", "eyJh.eyJi.c2ln"));
    let entry = json!({
        "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": "6", "statusListCredential": url,
    });
    let secured = credential(did.as_str(), &key_id, &key, &json!({"credentialStatus": entry}));
    assert_eq!(world.verify(&secured).await, (400, "status_unavailable".to_owned()));
}

/// What a stranger issues: a status of two bits that says something, and one that says that there is a newer credential.
#[tokio::test]
async fn a_status_that_ends_nothing_is_told_of_and_not_looked_up() {
    let site = Site::open().await;
    let world = site.world();
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = key::did(key.public_key());
    let told = json!([
        {"status": "0x0", "message": "ok"}, {"status": "0x1", "message": "lost"},
        {"status": "0x2", "message": "sold"}, {"status": "0x3", "message": "z"},
    ]);
    for more in [
        json!({"statusPurpose": "message", "statusSize": 2, "statusMessage": told}),
        json!({"statusPurpose": "refresh"}),
    ] {
        let mut entry = json!({
            "type": "BitstringStatusListEntry", "statusListIndex": "42",
            "statusListCredential": format!("{}/nowhere", site.origin),
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let secured =
            credential(did.as_str(), &key::method_id(&did), &key, &json!({"credentialStatus": entry}));
        let (status, answer) =
            world.post("/credentials/verify", &json!({"verifiableCredential": secured})).await;
        assert_eq!((status, answer["warnings"].as_array().map(Vec::len)), (200, Some(1)), "{answer}");
        assert!(
            answer["warnings"][0].as_str().is_some_and(|text| text.contains("revokes nothing")),
            "{answer}"
        );
    }
    assert!(site.asked().is_empty());
}

/// The `id` of a list is optional. One that is there has to be right.
#[tokio::test]
async fn a_list_without_an_id_is_that_of_the_url_it_stands_at() {
    let site = Site::open().await;
    let world = site.world();
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = key::did(key.public_key());
    let mut list = StatusListCredential {
        id: None,
        issuer: did.clone(),
        valid_from: 1_790_000_000,
        valid_until: None,
        purposes: vec![REVOCATION],
        list: StatusList::new(MIN_ENTRIES),
    };
    assert!(list.list.set(7, true));
    for (id, clear, set) in
        [(None, "", "link_revoked"), (Some("https://a.example/"), "status_invalid", "status_invalid")]
    {
        list.id = id.map(str::to_owned);
        let secured = list.secure(Securing::Jwt, &key::method_id(&did), &key).unwrap();
        let url = site.put("list", Answer::new("application/vc+jwt", secured));
        for (index, code) in [("6", clear), ("7", set)] {
            let entry = json!({
                "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
                "statusListIndex": index, "statusListCredential": url,
            });
            let secured =
                credential(did.as_str(), &key::method_id(&did), &key, &json!({"credentialStatus": entry}));
            assert_eq!(world.verify(&secured).await.1, code, "{id:?} {index}");
        }
    }
}

/// Whoever answers at a list's URL could put a list of its own there, in which nobody is revoked.
#[tokio::test]
async fn a_list_of_somebody_else_is_no_good_status() {
    let site = Site::open().await;
    let world = site.world();
    let [own, other] = [(); 2].map(|()| SecretKey::generate(Algorithm::EdDsa).unwrap());
    let did = |key: &SecretKey| key::did(key.public_key());
    let list_of = |key: &SecretKey| StatusListCredential {
        id: Some(format!("{}/list", site.origin)),
        issuer: did(key),
        valid_from: 1_790_000_000,
        valid_until: None,
        purposes: vec![REVOCATION],
        list: StatusList::new(MIN_ENTRIES),
    };
    for (securing, content_type) in
        [(Securing::Jwt, "application/vc+jwt"), (Securing::EddsaJcs2022, "application/vc")]
    {
        for (key, code) in [(&own, ""), (&other, "status_invalid")] {
            let secured = list_of(key).secure(securing, &key::method_id(&did(key)), key).unwrap();
            let url = site.put("list", Answer::new(content_type, secured));
            let entry = json!({
                "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
                "statusListIndex": "6", "statusListCredential": url,
            });
            let issuer = did(&own);
            // An issuer may be named by an object (VC Data Model 2.0 §4.7).
            for named in [json!(issuer.as_str()), json!({"id": issuer.as_str(), "name": "Acme"})] {
                let more = json!({"credentialStatus": entry, "issuer": named});
                let secured = credential(issuer.as_str(), &key::method_id(&issuer), &own, &more);
                let (_, told) =
                    world.post("/credentials/verify", &json!({"verifiableCredential": secured})).await;
                assert_eq!(told["code"].as_str().unwrap_or_default(), code, "{securing:?}: {told}");
                let by = format!("the list at {url} is signed by {}, not by {issuer};", did(key));
                let detail = told["detail"].as_str().unwrap_or_default();
                assert_eq!(detail.starts_with(&by), !code.is_empty(), "{told}");
            }
        }
    }
}

/// The standard lets a list be another's whom the verifier trusts; whoever verifies names them.
#[tokio::test]
async fn a_list_of_whoever_is_named_is_believed_and_of_nobody_else() {
    let site = Site::open().await;
    let [own, keeper, other] = [(); 3].map(|()| SecretKey::generate(Algorithm::EdDsa).unwrap());
    let did = |key: &SecretKey| key::did(key.public_key());
    let issuer = did(&own);
    for (securing, content_type) in
        [(Securing::Jwt, "application/vc+jwt"), (Securing::EddsaJcs2022, "application/vc")]
    {
        for (signer, named, index, code) in [
            (&keeper, vec![did(&keeper).to_string()], "6", ""),
            (&keeper, vec![did(&other).to_string(), did(&keeper).to_string()], "7", "link_revoked"),
            (&keeper, vec![did(&other).to_string()], "6", "status_invalid"),
            (&keeper, vec![], "6", "status_invalid"),
            (&own, vec![did(&keeper).to_string()], "6", ""),
        ] {
            let mut list = StatusListCredential {
                id: Some(format!("{}/list", site.origin)),
                issuer: did(signer),
                valid_from: 1_790_000_000,
                valid_until: None,
                purposes: vec![REVOCATION],
                list: StatusList::new(MIN_ENTRIES),
            };
            assert!(list.list.set(7, true));
            let secured = list.secure(securing, &key::method_id(&did(signer)), signer).unwrap();
            let url = site.put("list", Answer::new(content_type, secured));
            let entry = json!({
                "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
                "statusListIndex": index, "statusListCredential": url,
            });
            let more = json!({"credentialStatus": entry});
            let secured = credential(issuer.as_str(), &key::method_id(&issuer), &own, &more);
            let service = Service::new(vec![], Fetcher::new(site.options()).unwrap(), "");
            let (service, text) = (Arc::new(service.believing_lists_of(named.clone())), secured.to_string());
            let told = verify(&service, text.as_bytes(), Occasion::default(), 1_795_255_200).await;
            let told = told.map_or_else(|problem| problem.code, |_| "");
            assert_eq!(told, code, "{securing:?} {named:?} {index}");
        }
    }
}

/// Nothing of a list of random bits can be packed: 8,000,000 entries take a megabyte, and a third more in base64url,
/// which a JWS has around it once more.
#[tokio::test]
async fn a_list_of_millions_of_entries_that_can_t_be_packed_is_read() {
    const ENTRIES: usize = 8_000_000;
    let site = Site::open().await;
    let world = site.world();
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = key::did(key.public_key());
    let key_id = key::method_id(&did);
    let mut bits = StatusList::new(ENTRIES);
    let mut state = 1u64;
    for index in 7..ENTRIES {
        // Xorshift, of which the last bit is as good as any.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        assert!(bits.set(index, index == 7 || state & 1 == 1));
    }
    let list = StatusListCredential {
        id: Some(format!("{}/list", site.origin)),
        issuer: did.clone(),
        valid_from: 1_790_000_000,
        valid_until: None,
        purposes: vec![REVOCATION],
        list: bits,
    };
    for (securing, content_type) in
        [(Securing::Jwt, "application/vc+jwt"), (Securing::EddsaJcs2022, "application/vc")]
    {
        let secured = list.secure(securing, &key_id, &key).unwrap();
        assert!(secured.len() > 1_300_000, "{}", secured.len());
        let url = site.put("list", Answer::new(content_type, secured));
        for (index, status, code) in [("6", 200, ""), ("7", 400, "link_revoked")] {
            let entry = json!({
                "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
                "statusListIndex": index, "statusListCredential": url,
            });
            let secured = credential(did.as_str(), &key_id, &key, &json!({"credentialStatus": entry}));
            assert_eq!(world.verify(&secured).await, (status, code.to_owned()), "{securing:?} {index}");
        }
    }
}
