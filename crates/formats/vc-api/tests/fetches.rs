//! What one presentation makes the service fetch, counted by a real HTTPS site: each thing once, and not without end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod world;

use flate2::{Compression, write::ZlibEncoder};
use legation_credential::status::{MIN_ENTRIES, StatusList, StatusListCredential, StatusPurpose};
use legation_did::{Did, key, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer, base64url, jws};
use serde_json::{Value, json};
use std::io::Write as _;
use world::{
    World,
    site::{Answer, Site, credential, token},
};

/// Somebody who issues, by a did:key or a did:web.
struct Issuer {
    key: SecretKey,
    did: Did,
    key_id: String,
}

impl Issuer {
    fn new() -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let did = key::did(key.public_key());
        Self { key_id: key::method_id(&did), did, key }
    }

    /// An organization of which the site has the document.
    fn on(site: &Site, name: &str) -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let port = site.origin.rsplit(':').next().unwrap();
        let did: Did = format!("did:web:localhost%3A{port}:{name}").parse().unwrap();
        let document = web::document(&did, core::slice::from_ref(key.public_key())).to_json().to_string();
        site.put(&format!("{name}/did.json"), Answer::new("application/did+json", document));
        Self { key_id: method_id(&did, key.public_key()), did, key }
    }

    fn credential(&self, more: &Value) -> Value {
        credential(self.did.as_str(), &self.key_id, &self.key, more)
    }

    /// Publishes a Bitstring Status List, and gives an entry of it.
    fn bitstring(&self, site: &Site, path: &str) -> Value {
        let list = StatusListCredential {
            id: Some(format!("{}/{path}", site.origin)),
            issuer: self.did.clone(),
            valid_from: 1_790_000_000,
            valid_until: None,
            purposes: vec![StatusPurpose::Revocation],
            list: StatusList::new(MIN_ENTRIES),
        };
        let payload = list.to_json().to_string();
        let secured = jws::sign("vc+jwt", &self.key_id, payload.as_bytes(), &self.key).unwrap();
        let url = site.put(path, Answer::new("application/vc+jwt", secured));
        json!({
            "type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "6",
            "statusListCredential": url,
        })
    }

    /// Publishes a Token Status List, and gives the claim that refers to it.
    fn token_list(&self, site: &Site, path: &str) -> Value {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&[0; 8]).unwrap();
        let lst = base64url::encode(&encoder.finish().unwrap());
        let url = format!("{}/{path}", site.origin);
        let header = json!({"alg": "EdDSA", "kid": self.key_id, "typ": "statuslist+jwt"});
        let claims = json!({"sub": url, "iat": 1_790_000_000, "status_list": {"bits": 1, "lst": lst}});
        site.put(path, Answer::new("application/statuslist+jwt", token(&header, &claims, &self.key)));
        json!({"status_list": {"idx": 6, "uri": url}})
    }
}

/// The code and the detail of the verification of a presentation of these.
async fn present(world: &World, credentials: &[Value]) -> (String, String) {
    let holder = Issuer::new();
    let header = json!({"alg": "EdDSA", "kid": holder.key_id, "typ": "vp+jwt"});
    let claims = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiablePresentation",
        "holder": holder.did.as_str(), "verifiableCredential": credentials,
    });
    let presentation = json!({
        "@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiablePresentation",
        "id": format!("data:application/vp+jwt,{}", token(&header, &claims, &holder.key)),
    });
    let body = json!({"verifiablePresentation": presentation});
    let (status, told) = world.post("/presentations/verify", &body).await;
    assert_eq!(told["verified"], json!(status == 200), "{told}");
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("detail"))
}

#[tokio::test]
async fn a_list_and_a_document_are_fetched_once_for_all_credentials() {
    let site = Site::open().await;
    let (world, issuer) = (site.world(), Issuer::on(&site, "acme"));
    let entry = issuer.bitstring(&site, "bits");
    let claim = issuer.token_list(&site, "tokens");
    let with_status = |index| {
        let id = format!("urn:example:{index}");
        issuer
            .credential(&json!({"id": id, "credentialStatus": [entry, entry, entry, entry], "status": claim}))
    };
    let all: Vec<Value> = (0..64).map(with_status).collect();
    assert_eq!(present(&world, &all).await.0, "");
    let mut asked: Vec<String> = site.asked().into_iter().map(|(path, _)| path).collect();
    asked.sort();
    assert_eq!(asked, ["acme/did.json", "bits", "tokens"]);
    // Another verification asks anew: what a list says may have changed.
    assert_eq!(present(&world, &all).await.0, "");
    assert_eq!(site.asked().len(), 3);
}

/// What was read once is held against each credential that refers to it.
#[tokio::test]
async fn a_list_of_one_issuer_is_no_status_of_another_s_credential_beside_it() {
    let site = Site::open().await;
    let (world, acme, mallory) = (site.world(), Issuer::new(), Issuer::new());
    for kind in ["bitstring", "token"] {
        let more = match kind {
            "token" => json!({"status": mallory.token_list(&site, kind)}),
            _ => json!({"credentialStatus": mallory.bitstring(&site, kind)}),
        };
        let (own, others) = (mallory.credential(&more), acme.credential(&more));
        assert_eq!(present(&world, &[own.clone(), own.clone()]).await.0, "", "{kind}");
        let (code, detail) = present(&world, &[own, others]).await;
        assert_eq!(code, "status_invalid", "{kind}: {detail}");
        assert!(detail.contains(&format!(", not by {};", acme.did)), "{kind}: {detail}");
    }
}

#[tokio::test]
async fn only_so_many_lists_are_fetched_for_one_verification() {
    let site = Site::open().await;
    let (world, issuer) = (site.world(), Issuer::new());
    for kind in ["bitstring", "token"] {
        let with_list = |index: usize| {
            let path = format!("{kind}/{index}");
            issuer.credential(&match kind {
                "token" => json!({"status": issuer.token_list(&site, &path)}),
                _ => json!({"credentialStatus": issuer.bitstring(&site, &path)}),
            })
        };
        let all: Vec<Value> = (0..33).map(with_list).collect();
        assert_eq!(present(&world, &all[1..]).await.0, "", "{kind}");
        assert_eq!(site.asked().len(), 32, "{kind}");
        let (code, detail) = present(&world, &all).await;
        assert_eq!(code, "status_unavailable", "{kind}: {detail}");
        assert!(detail.starts_with("at most 32 ") && detail.contains(&format!("{kind}/32")), "{detail}");
        assert_eq!(site.asked().len(), 32, "{kind}");
    }
}

#[tokio::test]
async fn only_so_many_documents_are_fetched_for_one_verification() {
    let site = Site::open().await;
    let world = site.world();
    // A did:key is its own document.
    let all: Vec<Value> = (0..64).map(|_| Issuer::new().credential(&json!({}))).collect();
    assert_eq!(present(&world, &all).await.0, "");
    let all: Vec<Value> =
        (0..33).map(|index| Issuer::on(&site, &format!("org-{index}")).credential(&json!({}))).collect();
    assert_eq!(present(&world, &all[1..]).await.0, "");
    assert_eq!(site.asked().len(), 32);
    let (code, detail) = present(&world, &all).await;
    assert_eq!(code, "did_unresolved", "{detail}");
    assert!(detail.starts_with("at most 32 ") && detail.contains(":org-32"), "{detail}");
    assert_eq!(site.asked().len(), 32);
}

#[tokio::test]
async fn a_presentation_of_too_many_credentials_asks_nobody() {
    let site = Site::open().await;
    let issuer = Issuer::on(&site, "acme");
    let all: Vec<Value> = (0..65).map(|_| issuer.credential(&json!({}))).collect();
    let (code, detail) = present(&site.world(), &all).await;
    assert_eq!(code, "input_too_large");
    assert!(detail.contains("65 credentials, at most 64"), "{detail}");
    assert_eq!(site.asked(), []);
}
