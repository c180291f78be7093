//! Secrets and prompts stay where they belong.

use crate::world::{CENT, blocking, local, now, sqlite};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;

const SECRET: &str = "sk-upstream-4f1cbd";
const CANARY: &str = "canary-7c2e91-in-a-prompt";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_goes_to_the_origin_that_it_was_set_for_and_nowhere_else() {
    let right = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let wrong = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    blocking(|| world.registry.set_secret("openai", &local(&right.origin()), SECRET, now())).unwrap();
    let mut model = world.model("small", &right, CENT);
    model.targets[0].secret = Some("openai".to_owned());
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let key = world.agent("mail", "1USD/day");
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
    assert_eq!(right.requests()[0].header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    // Whoever may write models points it elsewhere.
    model.targets[0].base_url = local(&wrong.url());
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let answer = world.chat(0, &key, json!({"max_tokens": 1})).await;
    assert!(answer.status.is_server_error(), "{}", answer.text());
    assert_eq!(wrong.count(), 0);
    assert!(!answer.text().contains(SECRET));
    // A row of the store that is moved to another origin does not open.
    let rows = blocking(|| world.registry.secrets()).unwrap();
    let moved = legation_store::configuration::Secret { origin: local(&wrong.origin()), ..rows[0].clone() };
    let store = world.registry.store();
    let id = world.registry.id().to_owned();
    blocking(|| store.write(|tx| legation_store::configuration::put_secret(tx, &id, &moved))).unwrap();
    let answer = world.chat(0, &key, json!({"max_tokens": 1})).await;
    assert_eq!(answer.told(), (500, "upstream_secret".to_owned()));
    assert_eq!(wrong.count(), 0);
    assert_eq!(
        world.chat(0, &key, json!({"max_tokens": 99})).await.told().0,
        500,
        "what was not sent cost nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_prompt_no_answer_and_no_key_is_found_in_what_is_kept() {
    let upstream = Upstream::always(Plan::says("answer-5d0a77").tokens(1, 1)).unwrap();
    let world = sqlite();
    blocking(|| world.registry.set_secret("openai", &local(&upstream.origin()), SECRET, now())).unwrap();
    let mut model = world.model("small", &upstream, CENT);
    model.targets[0].secret = Some("openai".to_owned());
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let key = world.agent("mail", "1USD/day");
    let message = json!([{"role": "user", "content": CANARY}]);
    for members in [
        json!({"messages": message, "max_tokens": 1}),
        json!({"messages": message, "max_tokens": 1, "stream": true}),
        json!({"messages": message, "max_tokens": 999}),
        json!({"messages": message, "model": CANARY}),
        json!({"messages": message, "nope": CANARY}),
    ] {
        world.chat(0, &key, members).await;
    }
    world.wait_for_receipts(6).await;
    blocking(|| world.registry.sign_receipts(1000, now())).unwrap();
    let mut searched = 0;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        searched += bytes.len();
        for text in [CANARY, SECRET, "answer-5d0a77", key.as_str()] {
            let found = bytes.windows(text.len()).any(|some| some == text.as_bytes());
            assert!(!found, "`{text}` in {}", path.display());
        }
    }
    assert!(searched > 100_000, "the store was looked at");
}
