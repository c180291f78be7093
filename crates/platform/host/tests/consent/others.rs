//! A program that asks a person, by a library of others: oauth4webapi.

use crate::consent_world::{World, blocking, now};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tests/sdks/install"]
async fn oauth4webapi_asks_a_person_and_gets_a_token_by_its_code() {
    for (bound, pushed) in [(false, false), (true, false), (false, true), (true, true)] {
        let world = World::new().await;
        let typed = blocking(|| world.registry.new_person_code("anna", now())).unwrap();
        let request = json!({
            "issuer": world.origin, "client": world.client, "redirect": "http://127.0.0.1:9/cb", "resource": world.crm(),
            "scope": "http:GET http:POST", "typed": typed.as_str(), "allow": ["http:GET"], "bound": bound, "pushed": pushed,
            "call": format!("{}things", world.crm()),
        });
        let answer =
            tokio::task::spawn_blocking(move || crate::run("oauth_code", false, &request)).await.unwrap();
        assert_eq!(answer["reason"], Value::Null, "{answer}");
        assert_eq!(answer["called"], json!({"status": 200, "text": "from the service"}), "{answer}");
        assert_eq!(
            (&answer["kind"], &answer["scope"]),
            (&json!(if bound { "dpop" } else { "bearer" }), &json!("http:GET"))
        );
        assert!(answer["mixed"].as_array().unwrap().iter().all(Value::is_string), "{answer}");
        // A code that comes twice ends what it has bought.
        assert_eq!((&answer["twice"], &answer["dead"]), (&json!("invalid_grant"), &json!(401)), "{answer}");
    }
}
