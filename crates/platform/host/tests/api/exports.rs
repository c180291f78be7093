//! The log is exported in parts that hold offline, for whoever may.

use crate::world::{World, blocking, now, sqlite, told};
use legation_host::api::Settings;
use legation_log::{
    export::Export,
    policy::Policy,
    verify::{Asked, Verified, export},
};
use legation_registry::log::key_of;
use serde_json::{Value, json};

/// Verifies a part as `legation log verify` does.
fn verified(world: &World, text: &str) -> Verified {
    let key = blocking(|| key_of(&world.registry.logs().unwrap()[0])).unwrap();
    let asked = Asked { key, policy: Policy::of(Vec::new(), 0), against: Vec::new(), most_back: 60 };
    export(&mut Export::open(text.as_bytes()).unwrap(), &asked, &mut |_, _, _| {}).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_of_the_log_holds_offline_and_a_changed_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let world = sqlite().with(Settings { logs: Some(folder.path().to_owned()), ..Settings::default() });
    assert_eq!(
        world.ask(&world.admin, "GET", "/v1/log-export", &Value::Null).await.problem(),
        told(404, "not_found")
    );
    for name in ["one", "two", "three"] {
        world.done("POST", "/v1/agents", json!({"name": name, "models": ["*"]})).await;
    }
    blocking(|| {
        let mut writer = world.registry.open_log(folder.path(), now()).unwrap();
        world.registry.carry(&mut writer, now()).unwrap();
    });
    let (mut first, mut entries) = (0, 0);
    loop {
        let part = world.done("GET", &format!("/v1/log-export?first={first}&limit=3"), Value::Null).await;
        let text = part["export"].as_str().unwrap();
        let found = verified(&world, text);
        assert_eq!((found.report.alarms.len(), found.head.size), (0, part["size"].as_u64().unwrap()));
        assert_eq!(json!([found.report.entries, found.attached]), json!([part["entries"], part["attached"]]));
        assert!(part["entries"].as_u64().unwrap() <= 3, "{part}");
        let changed = text.replacen("{\"leaf\":{\"at\":17", "{\"leaf\":{\"at\":16", 1);
        assert_ne!(changed, text);
        assert!(!verified(&world, &changed).report.alarms.is_empty(), "a changed part holds");
        entries += found.report.entries;
        match part["next"].as_u64() {
            Some(next) => first = next,
            None => break assert_eq!(json!(entries), part["size"]),
        }
    }
    assert!(entries > 3, "{entries}");
    for (query, wanted) in [
        ("?log=..", told(404, "not_found")),
        ("?log=1999", told(404, "not_found")),
        ("?first=1000000", told(404, "not_found")),
        ("?limit=1001", told(400, "query_invalid")),
        ("?first=-1", told(400, "query_invalid")),
    ] {
        let answer = world.ask(&world.admin, "GET", &format!("/v1/log-export{query}"), &Value::Null).await;
        assert_eq!(answer.problem(), wanted, "{query}");
    }
    let reads = world.admin_for(&["admin:log.export"]);
    assert_eq!(world.ask(&reads, "GET", "/v1/log-export", &Value::Null).await.status, 200);
    let other = world.admin_for(&["admin:receipts.*"]);
    assert_eq!(world.ask(&other, "GET", "/v1/log-export", &Value::Null).await.status, 403);
}
