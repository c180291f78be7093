//! Resolution and verification over real HTTP and HTTPS on loopback, through the command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test's helpers may stop it

mod common;

use common::{Play, Server, free_port};

/// Acme with its site and status list at a port, a delegation to an agent, and its presentation.
fn acme(play: &Play, port: u16, scheme: &str) -> String {
    acme_as(play, port, scheme, "jwt")
}

/// The same with everything secured in a way of choice.
fn acme_as(play: &Play, port: u16, scheme: &str, format: &str) -> String {
    let agent = {
        play.key("acme.key");
        play.key("agent.key")
    };
    let did = play.json(&format!("did create web localhost:{port} --key acme.key --out site"));
    let did = did["did"].as_str().unwrap().to_owned();
    let list = format!("{scheme}://localhost:{port}/status/1");
    play.json(&format!(
        "status publish --key acme.key --issuer {did} --url {list} --format {format} --out site/status/1"
    ));
    play.json(&format!(
        "delegate --key acme.key --issuer {did} --to {agent} --action a2a:skill:book \
         --resource https://shop.example/* --valid-for 1d --status {list}#7 --format {format} --out root.jwt"
    ));
    play.json(&format!(
        "present --key agent.key --audience shop --nonce n --format {format} --out p.jwt root.jwt"
    ));
    did
}

const VERIFY: &str =
    "verify p.jwt --audience shop --nonce n --action a2a:skill:book --resource https://shop.example/r";

#[test]
fn a_chain_is_verified_and_its_revocation_seen_over_http() {
    for format in ["jwt", "di-jcs"] {
        verified_and_revoked(format);
    }
}

fn verified_and_revoked(format: &str) {
    let (play, port) = (Play::new(), free_port());
    let did = acme_as(&play, port, "http", format);
    let verify = format!("{VERIFY} --principal {did} --http-on-loopback --json");
    let server = Server::start(&play, port, &[]);

    let resolved = play.json(&format!("did resolve {did} --http-on-loopback"));
    assert_eq!(resolved["document"]["id"], did.as_str());
    let permit = play.run(&verify).json();
    assert_eq!(permit["decision"], "permit", "{permit}");
    assert_eq!(permit["principal"], did.as_str());

    play.json("revoke root.jwt --list site/status/1 --key acme.key");
    let denied = play.run(&verify).json();
    assert_eq!(
        (denied["code"].as_str(), denied["link"].as_u64()),
        (Some("link_revoked"), Some(0)),
        "{denied}"
    );

    // Without the flag this machine's own addresses are nothing that a stranger's DID may reach.
    let refused = play.run(&format!("did resolve {did} --json"));
    assert_eq!((refused.status, refused.json()["error"].as_str()), (3, Some("address_refused")));
    let denied = play.run(&format!("{VERIFY} --principal {did} --json")).json();
    assert_eq!(denied["code"], "did_unresolved", "{denied}");
    drop(server);

    let gone = play.run(&format!("did resolve {did} --http-on-loopback --json"));
    assert_eq!((gone.status, gone.json()["error"].as_str()), (3, Some("unreachable")));
}

#[test]
fn a_document_is_resolved_over_tls_only_from_a_trusted_certificate() {
    let (play, port) = (Play::new(), free_port());
    let did = acme(&play, port, "https");
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    play.write("cert.pem", certified.cert.pem());
    play.write("tls.key", certified.signing_key.serialize_pem());
    let _server = Server::start(&play, port, &["--tls-cert", "cert.pem", "--tls-key", "tls.key"]);

    let permit = play.run(&format!("{VERIFY} --principal {did} --allow-private --ca cert.pem --json")).json();
    assert_eq!(permit["decision"], "permit", "{permit}");
    let untrusted = play.run(&format!("did resolve {did} --allow-private --json"));
    assert_eq!((untrusted.status, untrusted.json()["error"].as_str()), (3, Some("tls")));
}

#[test]
fn a_receipt_is_checked_later_and_a_changed_one_is_not_believed() {
    let (play, port) = (Play::new(), free_port());
    let did = acme(&play, port, "http");
    play.key("shop.key");
    let shop = play.json("did create web shop.example --key shop.key --out shop-site");
    let shop = shop["did"].as_str().unwrap();
    play.json(&format!("present --key agent.key --audience {shop} --nonce n --out q.jwt root.jwt"));
    let verify = format!(
        "verify q.jwt --principal {did} --audience {shop} --nonce n --did-documents site --action a2a:skill:book \
         --receipt-key shop.key"
    );
    play.json(&format!("{verify} --resource https://shop.example/r --receipt permit.jwt"));
    let denied = play.run(&format!("{verify} --resource https://other.example/r --receipt deny.jwt --json"));
    assert_eq!((denied.status, denied.json()["code"].as_str()), (1, Some("not_granted")));
    for (file, decision) in [("permit.jwt", "permit"), ("deny.jwt", "deny")] {
        let receipt = play.json(&format!("receipt verify {file} --signer {shop} --did-documents shop-site"));
        assert_eq!(receipt["receipt"]["decision"], decision, "{receipt}");
        assert_eq!(receipt["receipt"]["principal"], did.as_str());
    }
    let (one, other) = (play.read("permit.jwt"), play.read("deny.jwt"));
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split('.').collect(), other.split('.').collect());
    play.write("mixed.jwt", [other[0], other[1], one[2]].join("."));
    let mixed =
        play.run(&format!("receipt verify mixed.jwt --signer {shop} --did-documents shop-site --json"));
    assert_eq!((mixed.status, mixed.json()["error"].as_str()), (1, Some("signature_invalid")));
}
