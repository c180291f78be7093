//! Where identity tokens and their keys are found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, reason = "a part of it is used here")]
mod world;

use legation_keys::Algorithm;
use serde_json::json;
use world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_tokens_come_from_and_their_keys_are_told_at_both_well_known_places() {
    let world = World::new(Algorithm::EdDsa).await;
    let (status, own) = world.get("/.well-known/oauth-authorization-server").await;
    let (_, same) = world.get("/.well-known/openid-configuration").await;
    assert_eq!((status, &own), (200, &same));
    let issuer = world.registry.origin();
    assert_eq!(own["issuer"], issuer);
    assert_eq!(own["token_endpoint"], format!("{issuer}/token"));
    assert_eq!(own["introspection_endpoint"], format!("{issuer}/token/introspect"));
    assert_eq!(own["revocation_endpoint"], format!("{issuer}/token/revoke"));
    let (_, keys) = world.get(own["jwks_uri"].as_str().unwrap().strip_prefix(&issuer).unwrap()).await;
    let keys = keys["keys"].as_array().unwrap();
    assert!(
        keys.iter().any(|key| key["alg"] == "ES256" && key["kid"].is_string() && key["use"] == "sig"),
        "{keys:?}"
    );
    assert!(keys.iter().all(|key| key.get("d").is_none() && key.get("k").is_none()), "{keys:?}");
    for required in
        ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"]
    {
        assert!(own[required].as_array().is_some_and(|all| !all.is_empty()), "{required}");
    }
    assert!(own["id_token_signing_alg_values_supported"].as_array().unwrap().contains(&json!("RS256")));
}
