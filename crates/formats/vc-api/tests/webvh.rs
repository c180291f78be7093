//! did:webvh over HTTP: a real host serves the log, the service resolves and verifies by it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod world;

use legation_did::{Did, method_id};
use legation_keys::{
    Algorithm, SecretKey, Signer,
    data_integrity::{ProofOptions, add},
    json::{self, JsonLimits},
    time,
};
use legation_resolver::Options;
use legation_webvh::{Content, create, deactivate, update};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use world::World;

const START: i64 = 1_790_000_000;
const DAY: i64 = 86_400;
const RESULT: &str = "application/did-resolution";

fn key() -> SecretKey {
    SecretKey::generate(Algorithm::EdDsa).unwrap()
}

/// An organization whose log a host serves on this machine.
struct Organization {
    folder: TempDir,
    did: Did,
    log: String,
    update_key: SecretKey,
    first: SecretKey,
    second: SecretKey,
}

impl Organization {
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let routes = legation_host::router(folder.path().to_owned());
        tokio::spawn(legation_host::serve(listener, routes, None, core::future::pending()));
        let (update_key, first, second) = (key(), key(), key());
        let content = Content::new(&[first.public_key().clone()]);
        let made = create(&format!("localhost:{port}"), &content, &update_key, START).unwrap();
        let made = Self { folder, did: made.did, log: made.log, update_key, first, second };
        made.publish(&made.log);
        made
    }

    fn publish(&self, log: &str) {
        let path = self.folder.path().join(".well-known/did.jsonl");
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(path, log).unwrap();
    }

    /// The second key takes the first one's place a day later.
    fn rotate(&mut self) {
        let content = Content::new(&[self.second.public_key().clone()]);
        self.log = update(&self.did, &self.log, &content, &self.update_key, START + DAY).unwrap();
        self.publish(&self.log);
    }

    fn end(&mut self) {
        self.log = deactivate(&self.did, &self.log, &self.update_key, START + 2 * DAY).unwrap();
        self.publish(&self.log);
    }

    /// A credential that it issues, signed by one of its keys.
    fn credential(&self, key: &SecretKey) -> Value {
        let credential = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
            "issuer": self.did.as_str(), "credentialSubject": {"id": "did:example:b"},
        })
        .to_string();
        let json = json::parse(credential.as_bytes(), JsonLimits { bytes: 10_000, depth: 10 }).unwrap();
        let method = method_id(&self.did, key.public_key());
        let options = ProofOptions {
            id: None,
            verification_method: &method,
            purpose: "assertionMethod",
            created: None,
            expires: None,
            domain: None,
            challenge: None,
            previous: &[],
        };
        serde_json::from_str(&add(json.as_object().unwrap(), options, key).unwrap()).unwrap()
    }
}

fn world() -> World {
    World::with(Options { http_on_loopback: true, ..Options::default() })
}

/// Where the document has a key: its thumbprint is the key's name.
fn has(result: &Value, key: &SecretKey) -> bool {
    result["didDocument"].to_string().contains(&key.public_key().thumbprint())
}

#[tokio::test]
async fn which_key_was_valid_then_is_answered() {
    let (world, mut acme) = (world(), Organization::new().await);
    acme.rotate();
    let path = format!("/1.0/identifiers/{}", acme.did);
    let (status, now) = world.get(&path, RESULT).await;
    assert_eq!(status, 200, "{now}");
    assert!(has(&now, &acme.second) && !has(&now, &acme.first), "{now}");
    assert_eq!(now["didDocumentMetadata"]["created"], json!(time::format(START)));

    let asked = format!("{path}?versionTime={}", time::format(START + DAY - 1));
    let (status, then) = world.get(&asked, RESULT).await;
    assert_eq!(status, 200, "{then}");
    assert!(has(&then, &acme.first) && !has(&then, &acme.second), "{then}");
    assert_eq!(then["didDocumentMetadata"]["nextUpdate"], json!(time::format(START + DAY)));
    let version = then["didDocumentMetadata"]["versionId"].as_str().unwrap();
    let (_, same) = world.get(&format!("{path}?versionId={version}"), RESULT).await;
    assert_eq!(same, then);

    for (query, status, name) in [
        (format!("?versionTime={}", time::format(START - 1)), 404, "NOT_FOUND"),
        ("?versionId=7-Qm".to_owned(), 404, "NOT_FOUND"),
        ("?versionTime=yesterday".to_owned(), 400, "INVALID_OPTIONS"),
        (format!("?versionId={version}&versionId=7-Qm"), 400, "INVALID_OPTIONS"),
    ] {
        let (told, result) = world.get(&format!("{path}{query}"), RESULT).await;
        assert_eq!(
            (told, &result["didResolutionMetadata"]["error"]["title"]),
            (status, &json!(name)),
            "{query}"
        );
    }
    let (status, result) = world
        .get(&format!("/1.0/identifiers/{}?versionTime={}", world.ed25519, time::format(START)), RESULT)
        .await;
    let error = &result["didResolutionMetadata"]["error"]["title"];
    assert_eq!((status, error), (501, &json!("FEATURE_NOT_SUPPORTED")));
}

#[tokio::test]
async fn an_ended_did_is_gone_and_its_history_stays() {
    let (world, mut acme) = (world(), Organization::new().await);
    acme.rotate();
    acme.end();
    let path = format!("/1.0/identifiers/{}", acme.did);
    let (status, gone) = world.get(&path, RESULT).await;
    assert_eq!((status, &gone["didDocument"]), (410, &Value::Null));
    assert_eq!(gone["didDocumentMetadata"]["deactivated"], json!(true));
    let (status, then) = world.get(&format!("{path}?versionTime={}", time::format(START)), RESULT).await;
    assert_eq!(status, 200, "{then}");
    assert!(has(&then, &acme.first));
    assert_eq!(world.verify(&acme.credential(&acme.second)).await, (400, "did_deactivated".to_owned()));
}

#[tokio::test]
async fn a_log_with_a_forged_entry_is_no_document() {
    let (world, mut acme) = (world(), Organization::new().await);
    acme.rotate();
    let thief = key();
    let (first, second) = acme.log.split_once('\n').unwrap();
    let stolen =
        |text: &str| text.replace(&acme.second.public_key().thumbprint(), &thief.public_key().thumbprint());
    for (name, log) in [
        ("another key in the last entry", format!("{first}\n{}", stolen(second))),
        (
            "another key in the first entry",
            format!("{}\n{second}", stolen(first).replace("assertionMethod", "x")),
        ),
        ("the first entry left out", second.to_owned()),
        ("the last entry twice", format!("{}{second}", acme.log)),
        ("the entries exchanged", format!("{second}{first}\n")),
        ("no JSON", "{".to_owned()),
        (
            "a member twice",
            format!("{}\n", first.replacen("\"versionId\"", "\"versionId\":\"1-a\",\"versionId\"", 1)),
        ),
        ("nothing", String::new()),
    ] {
        acme.publish(&log);
        let (status, result) = world.get(&format!("/1.0/identifiers/{}", acme.did), RESULT).await;
        let error = &result["didResolutionMetadata"]["error"]["title"];
        // A host hands out no file that is no log at all.
        let is_log = !["no JSON", "a member twice"].contains(&name);
        let wanted = if is_log { (500, "INVALID_DID_DOCUMENT") } else { (404, "NOT_FOUND") };
        assert_eq!((status, error.as_str()), (wanted.0, Some(wanted.1)), "{name}: {result}");
    }
    // Somebody else's whole log under this name.
    let other = create("localhost:1", &Content::new(&[thief.public_key().clone()]), &thief, START).unwrap();
    acme.publish(&other.log);
    assert_eq!(world.get(&format!("/1.0/identifiers/{}", acme.did), RESULT).await.0, 500);
    std::fs::remove_file(acme.folder.path().join(".well-known/did.jsonl")).unwrap();
    assert_eq!(world.get(&format!("/1.0/identifiers/{}", acme.did), RESULT).await.0, 404);
}

#[tokio::test]
async fn a_credential_of_a_did_webvh_is_verified_by_its_key_of_today() {
    let (world, mut acme) = (world(), Organization::new().await);
    let (by_first, by_second) = (acme.credential(&acme.first), acme.credential(&acme.second));
    assert_eq!(world.verify(&by_first).await, (200, String::new()));
    assert_eq!(world.verify(&by_second).await, (400, "key_not_found".to_owned()));
    acme.rotate();
    assert_eq!(world.verify(&by_first).await, (400, "key_not_found".to_owned()));
    assert_eq!(world.verify(&by_second).await, (200, String::new()));
}
