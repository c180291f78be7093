//! For whom an agent asks: told by receipts and by what was spent, and by nothing else.

use crate::world::{CENT, World, blocking, both, post_to};
use legation_registry::model::Protocol;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};
use std::sync::Arc;

/// Calls and cents by end user.
fn spent(world: &World) -> Vec<(String, i64, i64)> {
    let mut all: Vec<_> = blocking(|| world.registry.spent_by_end_user(0, 100))
        .unwrap()
        .into_iter()
        .map(|one| (one.end_user, one.calls, one.amount / 1_000_000))
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_an_agent_asks_for_is_told_beside_what_was_spent_however_thick_its_calls_come() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        world.model_of("claude", Protocol::Anthropic, &upstream, CENT);
        let key = world.agent("mail", "10USD/day");
        let world = Arc::new(world);
        // So thick that they are committed in memory.
        for _ in 0..4 {
            let all =
                (0..16).map(|number| {
                    let (world, key) = (Arc::clone(&world), key.clone());
                    let user = ["alice", "bob"][number % 2];
                    async move {
                        world.chat(0, &key, json!({"max_tokens": 1, "user": user})).await.status.as_u16()
                    }
                });
            assert!(futures::future::join_all(all).await.iter().all(|status| *status == 200));
        }
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
        let asked =
            json!({"model": "small", "input": "hi", "max_output_tokens": 1, "safety_identifier": "carol"});
        assert_eq!(world.send(0, post_to("/v1/responses", &key, asked.to_string())).await.status, 200);
        let asked = json!({
            "model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}],
            "metadata": {"user_id": "alice"},
        });
        assert_eq!(world.send(0, post_to("/v1/messages", &key, asked.to_string())).await.status, 200);
        let answer = world.chat(0, &key, json!({"max_tokens": 1, "user": "x".repeat(257)})).await;
        assert_eq!(answer.told(), (400, "wrong_member".to_owned()));
        world.wait_for_receipts(2 * 67 + 1).await;
        let wanted = [(String::new(), 1, 1), ("alice".into(), 1, 1), ("alice".into(), 32, 32)];
        let wanted: Vec<_> =
            wanted.into_iter().chain([("bob".into(), 32, 32), ("carol".into(), 1, 1)]).collect();
        assert_eq!(spent(&world), wanted, "{}", world.engine);
        assert_eq!(blocking(|| world.registry.spent(0)).unwrap().len(), 2, "by model alone as before");
        let receipts = blocking(|| world.registry.receipts(None, 1000)).unwrap();
        let facts = |one: &legation_store::receipt::Receipt| -> Value {
            serde_json::from_slice::<Value>(&one.body).unwrap()["request"]["facts"]["end_user"].clone()
        };
        let carol = receipts.iter().filter(|one| one.kind == "permit" && facts(one) == "carol").count();
        assert_eq!(carol, 1, "{}", world.engine);
        let settled = receipts.iter().filter(|one| one.kind == "settle");
        assert!(settled.into_iter().all(|one| !String::from_utf8_lossy(&one.body).contains("alice")));
    }
}
