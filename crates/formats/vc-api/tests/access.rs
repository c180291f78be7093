//! For whom something is signed, what is never signed for anybody, and which requests are answered at all.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod world;

use axum::{
    body::Body,
    http::{Request, header},
};
use legation_did::key;
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::Options;
use legation_vc_api::{BearerToken, Issuing, SigningKey};
use serde_json::{Value, json};
use world::{World, guarded};

const TOKEN: &str = "c2l4dGVlbiByYW5kb20gYnl0ZXM=";

fn world(issuing: Issuing) -> World {
    let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = key::did(secret.public_key()).to_string();
    let routes = guarded(vec![SigningKey::Chain(secret)], Options::default(), issuing);
    World { routes, ed25519: did.clone(), p256: did }
}

fn token() -> Issuing {
    Issuing::Token(BearerToken::parse(TOKEN).unwrap())
}

/// A request with these headers, and what is answered: the status and the code.
async fn ask(world: &World, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, String) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, told) = world.send(request.body(Body::from(body.to_string())).unwrap()).await;
    (status, told["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn only_whoever_has_the_token_has_something_signed_or_revoked() {
    let world = world(token());
    let credential = world.credential("eddsa-jcs-2022");
    let issue = json!({"credential": credential});
    let revoke = json!({"credentialId": credential["id"], "status": true});
    let right = format!("Bearer {TOKEN}");
    let lower = format!("bearer {TOKEN}");
    let (less, more) = (right.strip_suffix(TOKEN.chars().last().unwrap()).unwrap(), format!("{right}x"));
    for (path, body) in [
        ("/credentials/issue", &issue),
        ("/issuers/vc-jwt/credentials/issue", &issue),
        ("/issuers/bitstring-status-list/credentials/issue", &issue),
        ("/credentials/status", &revoke),
    ] {
        assert_eq!(ask(&world, path, &[], body).await, (401, "token_missing".to_owned()), "{path}");
        for wrong in
            ["Bearer", "Bearer ", TOKEN, "Basic eDp5", less, &more, "Bearer c2l4dGVlbiByYW5kb20gYnl0ZXN="]
        {
            let answer = ask(&world, path, &[("authorization", wrong)], body).await;
            assert_eq!(answer, (401, "token_wrong".to_owned()), "{path} {wrong}");
        }
        let twice = [("authorization", right.as_str()), ("authorization", "Bearer x")];
        assert_eq!(ask(&world, path, &twice, body).await.0, 401, "{path}");
        for right in [&right, &lower] {
            assert!(ask(&world, path, &[("authorization", right)], body).await.0 < 300, "{path}");
        }
    }
    let refused = Request::post("/credentials/issue").body(Body::from(issue.to_string())).unwrap();
    let answer = tower::ServiceExt::oneshot(world.routes.clone(), {
        let mut refused = refused;
        refused.headers_mut().insert(header::HOST, "vc.example".parse().unwrap());
        refused.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        refused
    });
    assert_eq!(answer.await.unwrap().headers()[header::WWW_AUTHENTICATE], "Bearer");
    // Verifying needs none: it signs nothing.
    let verify = json!({"verifiableCredential": credential});
    assert_eq!(ask(&world, "/credentials/verify", &[], &verify).await.0, 400);
}

#[tokio::test]
async fn without_a_token_nothing_is_signed_for_anybody() {
    let world = world(Issuing::Off);
    let issue = json!({"credential": world.credential("eddsa-jcs-2022")});
    for path in ["/credentials/issue", "/issuers/vc-jwt/credentials/issue", "/credentials/status"] {
        let answer = ask(&world, path, &[("authorization", "Bearer ")], &issue).await;
        assert_eq!(answer, (403, "issuing_off".to_owned()), "{path}");
    }
    assert_eq!(world.get(&format!("/1.0/identifiers/{}", world.ed25519), "application/did").await.0, 200);
}

#[tokio::test]
async fn what_a_verifier_of_ours_acts_on_is_issued_for_nobody() {
    let world = world(Issuing::Open);
    let right = world.credential("eddsa-jcs-2022");
    for kind in [
        "DelegationCredential",
        "ApprovalCredential",
        "BitstringStatusListCredential",
        "StatusList2021Credential",
        "VerifiablePresentation",
        "https://w3id.org/legation/v1#DelegationCredential",
        "https://www.w3.org/ns/credentials/status#BitstringStatusListCredential",
    ] {
        let mut credential = right.clone();
        credential["type"] = json!(["VerifiableCredential", kind]);
        for way in ["eddsa-jcs-2022", "eddsa-rdfc-2022", "vc-jwt", "bitstring-status-list"] {
            let path = format!("/issuers/{way}/credentials/issue");
            let answer = ask(&world, &path, &[], &json!({"credential": credential})).await;
            assert_eq!(answer, (403, "type_reserved".to_owned()), "{kind} {way}");
        }
    }
    for (place, value) in
        [("type", json!("BitstringStatusList")), ("delegation", json!({"principal": "did:key:z"}))]
    {
        let mut credential = right.clone();
        credential["credentialSubject"][place] = value;
        let answer = ask(&world, "/credentials/issue", &[], &json!({"credential": credential})).await;
        assert_eq!(answer, (403, "type_reserved".to_owned()), "{place}");
    }
}

#[tokio::test]
async fn a_request_by_another_name_from_another_site_or_of_another_type_is_not_answered() {
    let world = world(Issuing::Open);
    let issue = json!({"credential": world.credential("eddsa-jcs-2022")});
    for (headers, code) in [
        (vec![("host", "evil.example")], "host_not_allowed"),
        (vec![("host", "evil.example:443")], "host_not_allowed"),
        (vec![("host", "127.0.0.1")], "host_not_allowed"),
        (vec![("host", "vc.example.evil.example")], "host_not_allowed"),
        (vec![("host", "vc.example:443@evil.example")], "host_not_allowed"),
        (vec![("host", "")], "host_not_allowed"),
        (vec![("host", "vc.example"), ("host", "evil.example")], "host_missing"),
        (vec![("origin", "https://evil.example")], "origin_not_allowed"),
        (vec![("origin", "http://vc.example")], "origin_not_allowed"),
        (vec![("origin", "null")], "origin_not_allowed"),
        (vec![("content-type", "text/plain")], "content_type"),
        (vec![("content-type", "application/x-www-form-urlencoded")], "content_type"),
        (vec![("content-type", "application/jsonp")], "content_type"),
        (vec![("content-type", "text/plain; application/json")], "content_type"),
    ] {
        for path in
            ["/credentials/issue", "/credentials/verify", "/presentations/verify", "/credentials/status"]
        {
            assert_eq!(ask(&world, path, &headers, &issue).await.1, code, "{path} {headers:?}");
        }
    }
    for headers in [
        vec![("host", "VC.example:8443")],
        vec![("origin", "https://vc.example")],
        vec![("content-type", "application/json; charset=utf-8")],
    ] {
        assert_eq!(ask(&world, "/credentials/issue", &headers, &issue).await.0, 201, "{headers:?}");
    }
    let get =
        Request::get("/credentials/status/1").header("host", "evil.example").body(Body::empty()).unwrap();
    assert_eq!(world.send(get).await.0, 421);
}
