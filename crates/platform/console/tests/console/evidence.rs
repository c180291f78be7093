//! The log, downloaded.

use crate::world::{World, blocking};
use axum::http::StatusCode;
use legation_log::{
    export::Export,
    policy::Policy,
    verify::{Asked, export},
};
use legation_registry::{identity::Role, log::key_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_downloaded_holds_offline_and_who_may_not_read_the_log_gets_none() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Auditor).await;
    assert_eq!(browser.get(&world, "/console/evidence").await.status, StatusCode::NOT_FOUND);
    world.carry();
    let page = browser.get(&world, "/console/evidence").await;
    assert!(page.status == StatusCode::OK && page.text.contains("legation log verify FILE"), "{}", page.text);
    let file = browser.get(&world, "/console/evidence/export?log=&first=0&limit=1000").await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text);
    let key = blocking(|| key_of(&world.registry.logs().unwrap()[0])).unwrap();
    let asked = Asked { key, policy: Policy::of(Vec::new(), 0), against: Vec::new(), most_back: 60 };
    let found = export(&mut Export::open(file.text.as_bytes()).unwrap(), &asked, &mut |_, _, _| {}).unwrap();
    assert!(found.report.alarms.is_empty() && found.report.entries == found.head.size, "{found:?}");
    assert_eq!(
        browser.get(&world, "/console/evidence/export?first=%3Cb%3E").await.status,
        StatusCode::BAD_REQUEST
    );
    let approver = world.signed_in(Role::Approver).await;
    for path in ["/console/evidence", "/console/evidence/export"] {
        assert_eq!(approver.get(&world, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}
