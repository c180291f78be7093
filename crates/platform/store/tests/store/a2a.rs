//! Whose a task is: the first who names it, for a while, and so many of each.

use crate::engines::{ACME, both};
use legation_store::{StoreError, a2a};

#[test]
fn a_task_stays_with_who_began_it_and_the_oldest_of_too_many_are_forgotten() {
    const OTHER: &str = "0190b6a0-0000-7000-8000-000000000002";
    for engine in both() {
        let store = &engine.store;
        let begin = |digest: &str, agent: &str, at: i64| {
            store.write(|tx| a2a::begin(tx, ACME, (digest, agent), at)).unwrap()
        };
        let owner =
            |organization: &str, digest: &str| store.read(|tx| a2a::owner(tx, organization, digest)).unwrap();
        assert_eq!(begin("one", "mail", 1000).as_deref(), Some("mail"), "{}", engine.name);
        assert_eq!(begin("one", "eve", 1001).as_deref(), Some("mail"), "{}", engine.name);
        assert_eq!(owner(OTHER, "one"), None, "{}: another organization's", engine.name);
        begin("eves", "eve", 1001);
        store
            .write(|tx| {
                for number in 0..10_001 {
                    a2a::begin(tx, ACME, (&format!("n-{number}"), "mail"), 2000 + number)?;
                }
                Ok::<(), StoreError>(())
            })
            .unwrap();
        begin("last", "mail", 20_000);
        assert_eq!((owner(ACME, "one"), owner(ACME, "n-0")), (None, None), "{}", engine.name);
        assert_eq!(owner(ACME, "n-2").as_deref(), Some("mail"), "{}", engine.name);
        assert_eq!(owner(ACME, "eves").as_deref(), Some("eve"), "{}: of each its own", engine.name);
        begin("used", "eve", 1002);
        begin("used", "eve", 25_000);
        begin("much later", "eve", 20_001 + 30 * 86_400);
        assert_eq!(owner(ACME, "used").as_deref(), Some("eve"), "{}: what is used stays", engine.name);
        assert_eq!((owner(ACME, "last"), owner(ACME, "eves")), (None, None), "{}", engine.name);
    }
}
