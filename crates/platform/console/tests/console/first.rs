//! The first steps: what is done is told by what the organization has, and nothing else.

use crate::world::{World, blocking, limited, now};
use legation_registry::{FIRST_TEAM, Profile, identity::Role};
use legation_store::holder::Kind;

const PATH: &str = "/console/first-steps";

/// Which of the six steps are done, in order.
async fn done(world: &World, browser: &crate::world::Browser) -> Vec<bool> {
    let page = browser.get(world, PATH).await;
    assert!(page.status.is_success(), "{}", page.text);
    let heads = page.text.split("<h3>").skip(1).map(|step| step.split("</h3>").next().unwrap());
    heads.map(|head| head.contains("badge good\">done")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_organization_is_led_from_its_first_agent_to_the_first_call_that_is_denied() {
    let world = blocking(World::empty);
    let browser = world.signed_in(Role::Owner).await;
    let steps = |many: usize| (0..6).map(|step| step < many).collect::<Vec<_>>();
    let home = browser.get(&world, "/console").await;
    assert!(home.text.contains("Done: 0 of 6"), "{}", home.text);
    for command in [
        "legation agent add my-agent",
        "legation budget set",
        "legation model set",
        "legation api-key create",
        "curl ",
        "legation agent suspend",
    ] {
        assert!(home.text.contains(command), "{command}: {}", home.text);
    }
    assert_eq!(done(&world, &browser).await, steps(0));
    let may = Profile { groups: vec!["*".to_owned()], ..Profile::default() };
    blocking(|| world.registry.add_agent("mail", FIRST_TEAM, &may, now())).unwrap();
    assert_eq!(done(&world, &browser).await, steps(1));
    blocking(|| world.registry.set_profile((Kind::Agent, "mail"), &limited("1USD/day"), now())).unwrap();
    assert_eq!(done(&world, &browser).await, steps(2));
    let (upstream, key) = world.calling("mail");
    // A key and a model came at once.
    assert_eq!(done(&world, &browser).await, steps(4));
    assert!(browser.get(&world, PATH).await.text.contains("api-key create mail"));
    assert_eq!(world.call(&key).await, 200);
    assert_eq!(done(&world, &browser).await, steps(5));
    blocking(|| world.registry.suspend(Kind::Agent, "mail", now())).unwrap();
    assert_eq!(world.call(&key).await, 401, "it is suspended");
    assert_eq!(done(&world, &browser).await, steps(6));
    assert_eq!(upstream.requests().len(), 1);
    // Whoever is through is led no more.
    let home = browser.get(&world, "/console").await;
    assert!(!home.text.contains("of 6") && home.text.contains(PATH), "{}", home.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_does_not_see_is_neither_done_nor_undone() {
    let world = blocking(World::empty);
    let browser = world.signed_in(Role::Approver).await;
    let page = browser.get(&world, PATH).await;
    assert!(page.status.is_success() && page.text.contains("your role does not see"), "{}", page.text);
    assert!(!page.text.contains(">to do<"), "{}", page.text);
}
