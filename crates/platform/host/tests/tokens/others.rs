//! Identity tokens as clients and services of others get and check them: oauth4webapi and jose, Authlib and PyJWT.

use crate::tokens_world::{API, World};
use legation_did::method_id;
use legation_keys::{Algorithm, Signer};
use serde_json::{Value, json};

/// What a library of others makes of all of it.
async fn told(world: &World, python: bool, more: Value) -> Value {
    let key: Value = serde_json::from_str(&world.key.to_jwk().unwrap()).unwrap();
    let mut request = json!({
        "issuer": world.registry.origin(), "agent": world.did.as_str(), "kid": world.key_id(), "key": key, "audience": API,
        "alg": "ES256",
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    tokio::task::spawn_blocking(move || crate::run("oauth_token", python, &request)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tests/sdks/install"]
async fn oauth4webapi_and_jose_get_tokens_by_either_grant_and_check_them() {
    for own in Algorithm::ALL {
        let world = World::new(own).await;
        for alg in ["ES256", "RS256", "EdDSA"] {
            for (bound, exchanges) in [(false, false), (false, true), (true, false), (true, true)] {
                let presentation = if exchanges { json!(world.presentation().await) } else { Value::Null };
                let answer =
                    told(&world, false, json!({"alg": alg, "bound": bound, "presentation": presentation}))
                        .await;
                assert_eq!(answer["reason"], Value::Null, "{alg} {bound} {exchanges}: {answer}");
                let claims = &answer["payload"];
                assert_eq!(claims, &answer["claims"], "{answer}");
                assert_eq!(
                    (claims["sub"].as_str(), claims["client_id"].as_str()),
                    (Some(world.registry.did().as_str()), Some(world.did.as_str()))
                );
                assert_eq!(
                    (answer["kind"].as_str(), claims["scope"].as_str()),
                    (Some(if bound { "DPoP" } else { "Bearer" }), Some("crm:read"))
                );
                assert_eq!(claims["authorization_details"], answer["details"]);
                assert_eq!(claims.get("cnf").is_some(), bound);
                assert!(answer["refused"].as_array().unwrap().iter().all(Value::is_string), "{answer}");
            }
            // A bound token is not taken as a bearer's.
            let downgraded = told(&world, false, json!({"alg": alg, "bound": true, "shown": "Bearer"})).await;
            assert!(downgraded["reason"].is_string(), "{downgraded}");
        }
        // What is not granted is told in words that the client knows.
        let refused = told(&world, false, json!({"audience": "https://other.example/"})).await;
        assert_eq!(refused["reason"], "invalid_target", "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tests/sdks/install"]
async fn oauth4webapi_and_authlib_ask_about_tokens_and_revoke_them() {
    for own in Algorithm::ALL {
        let world = World::new(own).await;
        let (did, key) = &world.service;
        let jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
        let service = json!({"agent": did.as_str(), "kid": method_id(did, key.public_key()), "key": jwk});
        for python in [false, true] {
            let answer = told(&world, python, json!({"service": service})).await;
            assert_eq!(answer["reason"], Value::Null, "{answer}");
            let asked = &answer["asked"];
            assert_eq!(
                (&asked["before"]["active"], &asked["before"]["aud"]),
                (&json!(true), &json!(API)),
                "{asked}"
            );
            assert_eq!(asked["before"]["client_id"], world.did.as_str());
            let none = json!({"active": false});
            assert_eq!((&asked["stranger"], &asked["after"]), (&none, &none), "{asked}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tests/sdks/install"]
async fn authlib_gets_tokens_and_pyjwt_checks_them_as_cloud_providers_do() {
    for own in Algorithm::ALL {
        let world = World::new(own).await;
        for alg in ["RS256", "ES256", "EdDSA"] {
            let answer = told(&world, true, json!({ "alg": alg })).await;
            assert_eq!(answer["reason"], Value::Null, "{alg}: {answer}");
            let claims = &answer["payload"];
            assert_eq!(
                (claims["aud"].as_str(), claims["iss"].as_str()),
                (Some(API), Some(world.registry.origin().as_str()))
            );
            assert_eq!((answer["kind"].as_str(), answer["expires_in"].as_i64()), (Some("Bearer"), Some(300)));
            assert!(answer["refused"].as_array().unwrap().iter().all(Value::is_string), "{answer}");
        }
        let refused = told(&world, true, json!({"audience": "https://other.example/"})).await;
        assert_eq!(refused["reason"], "invalid_target", "{refused}");
    }
}
