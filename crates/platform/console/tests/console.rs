//! The console as a browser sees it, over the real administration of an organization.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use legation_console::Console;
use legation_credential::{Approval, ApprovalRequest, Securing, approve};
use legation_gateway::Gateway;
use legation_keys::{Algorithm, SecretKey, Signer as _};
use legation_registry::{Profile, Registry, identity::Role, init};
use legation_signer::Door;
use legation_store::{Location, Store};
use legation_tests::signer::Signer;
use std::{sync::Arc, time::SystemTime};
use tower::ServiceExt;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

struct World {
    registry: Arc<Registry>,
    router: Router,
    _signer: Signer,
    _folder: tempfile::TempDir,
}

struct Page {
    status: StatusCode,
    location: String,
    cookie: String,
    text: String,
    policy: String,
}

/// A browser: its cookie, and where its pages come from.
#[derive(Default)]
struct Browser {
    cookie: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", now()).unwrap();
        let registry = Arc::new(registry);
        let gateway =
            Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway).unwrap(), false).unwrap();
        let api = legation_host::api(gateway, Arc::clone(&registry));
        let router = Console::new(Arc::clone(&registry), api, false).router();
        let may = Profile { groups: vec!["*".to_owned()], ..Profile::default() };
        registry.add_team("sales", &may, now()).unwrap();
        registry.add_agent("bot", "sales", &may, now()).unwrap();
        Self { registry, router, _signer: signer, _folder: folder }
    }

    fn code(&self, role: Role) -> String {
        blocking(|| self.registry.new_console_code(role, now())).unwrap().to_string()
    }

    async fn send(&self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header = |name: header::HeaderName| {
            response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        let cookie = header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        let (status, location) = (response.status(), header(header::LOCATION));
        let policy = header(header::CONTENT_SECURITY_POLICY);
        let text =
            String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Page { status, location, cookie, text, policy }
    }

    async fn signed_in(&self, role: Role) -> Browser {
        let mut browser = Browser::default();
        let code = self.code(role);
        let page = browser.post(self, "/console/sign-in", &[("code", &code)]).await;
        assert_eq!(
            (page.status, page.location.as_str()),
            (StatusCode::SEE_OTHER, "/console"),
            "{}",
            page.text
        );
        browser.cookie = page.cookie;
        browser
    }
}

impl Browser {
    async fn get(&self, world: &World, path: &str) -> Page {
        let request = Request::builder().uri(path).header(header::COOKIE, &self.cookie);
        world.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, world: &World, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_from(world, path, form, "same-origin").await
    }

    async fn post_from(&self, world: &World, path: &str, form: &[(&str, &str)], site: &str) -> Page {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("origin", "null")
            .header("sec-fetch-site", site);
        world.send(request.body(Body::from(body.join("&"))).unwrap()).await
    }
}

/// What the forms of a page bring along.
fn form(page: &Page) -> String {
    page.text.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_signed_in_sees_nothing_and_a_code_is_good_once() {
    let world = blocking(World::new);
    let stranger = Browser::default();
    for path in [
        "/console",
        "/console/agents",
        "/console/agents/bot",
        "/console/decisions",
        "/console/decisions/1",
        "/console/approvals",
        "/console/approvals/1",
        "/console/spend",
    ] {
        let page = stranger.get(&world, path).await;
        assert_eq!(
            (page.status, page.location.as_str()),
            (StatusCode::SEE_OTHER, "/console/sign-in"),
            "{path}"
        );
    }
    let wrong = stranger.post(&world, "/console/sign-in", &[("code", "ABCD-EFGH-JKMN")]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert_eq!(wrong.cookie, "");
    let code = world.code(Role::Auditor);
    let typed = code.to_lowercase().replace('-', "");
    let first = stranger.post(&world, "/console/sign-in", &[("code", &typed)]).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let again = stranger.post(&world, "/console/sign-in", &[("code", &code)]).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "a code is good once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_has_ended_and_a_form_of_another_site_sign_nobody_in() {
    let world = blocking(World::new);
    let stranger = Browser::default();
    let old = blocking(|| world.registry.new_console_code(Role::Owner, now() - 601)).unwrap();
    let page = stranger.post(&world, "/console/sign-in", &[("code", &old)]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "it has ended");
    let code = world.code(Role::Owner);
    let page = stranger.post_from(&world, "/console/sign-in", &[("code", &code)], "cross-site").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_suspends_resumes_and_revokes_an_agent_and_each_act_is_an_event_with_its_author() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Operator).await;
    let page = browser.get(&world, "/console/agents").await;
    assert!(page.text.contains("href=\"/console/agents/bot\""), "{}", page.text);
    let page = browser.get(&world, "/console/agents/bot").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("May do") && page.text.contains("the principal"), "{}", page.text);
    assert!(page.policy.contains("default-src 'none'") && page.policy.contains("frame-ancestors 'none'"));
    let form = form(&page);
    let done = browser.post(&world, "/console/agents/bot/suspend", &[("form", &form)]).await;
    assert_eq!(
        (done.status, done.location.as_str()),
        (StatusCode::SEE_OTHER, "/console/agents/bot"),
        "{}",
        done.text
    );
    let page = browser.get(&world, "/console/agents/bot").await;
    assert!(page.text.contains("Nothing at the moment: "), "{}", page.text);
    browser.post(&world, "/console/agents/bot/resume", &[("form", &form)]).await;
    let asked = browser.get(&world, "/console/agents/bot/revoke").await;
    assert!(asked.text.contains("all that descends from it"), "{}", asked.text);
    let done = browser.post(&world, "/console/agents/bot/revoke", &[("form", &form)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let page = browser.get(&world, "/console/agents/bot").await;
    assert!(page.text.contains("Nothing: "), "{}", page.text);
    let events = blocking(|| world.registry.events(0, 1000)).unwrap();
    let session = events.iter().find(|event| event.kind == "admin.session").unwrap().subject.clone();
    for kind in ["agent.suspended", "agent.resumed", "delegation.revoked"] {
        let event = events.iter().find(|event| event.kind == kind).unwrap_or_else(|| panic!("{kind}"));
        assert_eq!(event.actor, session, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_another_site_or_without_its_token_does_nothing() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Owner).await;
    let form = form(&browser.get(&world, "/console/agents/bot").await);
    let path = "/console/agents/bot/suspend";
    assert_eq!(browser.post(&world, path, &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post(&world, path, &[("form", "guessed")]).await.status, StatusCode::FORBIDDEN);
    let other = browser.post_from(&world, path, &[("form", &form)], "cross-site").await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let page = browser.get(&world, "/console/agents/bot").await;
    assert!(!page.text.contains("Nothing at the moment"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_looks_and_changes_nothing() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Auditor).await;
    let page = browser.get(&world, "/console/agents/bot").await;
    let refused = browser.post(&world, "/console/agents/bot/suspend", &[("form", &form(&page))]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.text.contains("not_granted") || refused.text.contains("action_not_granted"),
        "{}",
        refused.text
    );
    for path in ["/console", "/console/decisions", "/console/spend", "/console/spend?since=30d"] {
        assert_eq!(browser.get(&world, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_is_out_with_its_key_and_a_removed_session_sees_nothing() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Owner).await;
    let form = form(&browser.get(&world, "/console").await);
    let out = browser.post(&world, "/console/sign-out", &[("form", &form)]).await;
    assert_eq!(out.location, "/console/sign-in");
    assert_eq!(browser.get(&world, "/console").await.location, "/console/sign-in");
    let admins = blocking(|| world.registry.list_admins("", 10)).unwrap();
    assert!(admins.iter().all(|admin| admin.link.is_none()), "its key is nobody's");
    // Whoever administers ends a session from afar.
    let browser = world.signed_in(Role::Owner).await;
    let admins = blocking(|| world.registry.list_admins("", 10)).unwrap();
    let did = admins.iter().find(|admin| admin.link.is_some()).unwrap().shown.holder.did.clone();
    blocking(|| world.registry.remove_admin(&did, now())).unwrap();
    let page = browser.get(&world, "/console/agents").await;
    assert!(page.status.is_client_error() && !page.text.contains("bot"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_of_an_agent_is_markup() {
    let world = blocking(World::new);
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let profile = Profile {
        groups: vec!["*".to_owned()],
        purpose: evil.to_owned(),
        owner: evil.to_owned(),
        tags: vec!["plain".to_owned()],
        ..Profile::default()
    };
    blocking(|| world.registry.add_agent("evil", "sales", &profile, now())).unwrap();
    let browser = world.signed_in(Role::Owner).await;
    let escaped = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        "/console/agents".to_owned(),
        "/console/agents/evil".to_owned(),
        format!("/console/agents?q={escaped}&team={escaped}&after={escaped}"),
        format!("/console/agents/{escaped}"),
        format!("/console/decisions?agent={escaped}&code={escaped}"),
        format!("/console/spend?since={escaped}"),
        format!("/console/approvals?state={escaped}&after={escaped}"),
        format!("/console/approvals/{escaped}"),
    ] {
        let page = browser.get(&world, &path).await;
        assert!(!page.text.contains("<script") && !page.text.contains("<img"), "{path}: {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_taken_by_what_browsers_say_of_where_it_comes_from() {
    let world = blocking(World::new);
    for (headers, uri, passes) in [
        // A browser that tells no page where it was.
        (vec![("sec-fetch-site", "same-origin"), ("origin", "null"), ("host", "own.example")], "", true),
        // HTTP/2 has no `Host`.
        (vec![("origin", "https://own.example")], "https://own.example", true),
        (vec![("origin", "http://own.example:8081"), ("host", "own.example:8081")], "", true),
        (vec![("origin", "https://other.example"), ("host", "own.example")], "", false),
        (vec![("origin", "null"), ("host", "own.example")], "", false),
        (
            vec![("sec-fetch-site", "same-site"), ("origin", "http://own.example"), ("host", "own.example")],
            "",
            false,
        ),
    ] {
        let code = world.code(Role::Auditor);
        let mut request = Request::builder().method("POST").uri(format!("{uri}/console/sign-in"));
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let page = world.send(request.body(Body::from(format!("code={code}"))).unwrap()).await;
        let expected = if passes { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN };
        assert_eq!(page.status, expected, "{headers:?} {uri}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_a_team_that_is_suspended_may_do_nothing_and_the_page_says_why() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Operator).await;
    blocking(|| world.registry.suspend(legation_store::holder::Kind::Team, "sales", now())).unwrap();
    let page = browser.get(&world, "/console/agents/bot").await;
    assert!(page.text.contains("Nothing at the moment: "), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_says_what_was_expected_and_found_and_what_mends_it() {
    let world = blocking(World::new);
    let browser = world.signed_in(Role::Auditor).await;
    let page = browser.get(&world, "/console/agents/bot").await;
    browser.post(&world, "/console/agents/bot/suspend", &[("form", &form(&page))]).await;
    let receipts = blocking(|| world.registry.receipts(None, 100)).unwrap();
    let denied = receipts.iter().find(|one| one.kind == "deny").unwrap();
    let page = browser.get(&world, &format!("/console/decisions/{}", denied.seq)).await;
    assert!(page.text.contains("Why it was denied") && page.text.contains("What mends it"), "{}", page.text);
    assert!(
        page.text.contains("<dt>Found</dt>") && page.text.contains("admin:agents.suspend"),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_admin_any_more_leaves_no_code_and_no_session() {
    let world = blocking(World::new);
    let first = legation_keys::SecretKey::generate(legation_keys::Algorithm::EdDsa).unwrap();
    let maker = legation_did::key::did(legation_keys::Signer::public_key(&first));
    blocking(|| world.registry.add_admin(&maker, &["admin:*".to_owned()], now())).unwrap();
    let code =
        || blocking(|| world.registry.by(maker.as_str()).new_console_code(Role::Owner, now())).unwrap();
    let (typed, left) = (code(), code());
    let mut browser = Browser::default();
    let page = browser.post(&world, "/console/sign-in", &[("code", &typed)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    browser.cookie = page.cookie;
    assert_eq!(browser.get(&world, "/console/agents").await.status, StatusCode::OK);
    blocking(|| world.registry.remove_admin(maker.as_str(), now())).unwrap();
    let page = browser.get(&world, "/console/agents").await;
    assert!(
        page.status.is_client_error() && !page.text.contains("bot"),
        "its session goes with it: {}",
        page.text
    );
    let page = Browser::default().post(&world, "/console/sign-in", &[("code", &left)]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "and so does its code");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_does_not_use_up_the_code_of_the_first_admin() {
    let world = blocking(World::new);
    world.signed_in(Role::Auditor).await;
    assert!(blocking(|| world.registry.new_claim(now())).unwrap().is_some());
}

/// A request that waits, of the agent `bot`, with a fact that somebody chose.
fn held(world: &World, fact: &str) -> (String, ApprovalRequest) {
    let did: legation_did::Did = "did:web:acme.example:bot".parse().unwrap();
    let facts =
        [("note".to_owned(), fact.into()), ("amount".to_owned(), 4900_i64.into())].into_iter().collect();
    let asked = ApprovalRequest {
        request: legation_credential::Request::new("http:POST", "https://pay.example/orders", facts).unwrap(),
        agent: did.clone(),
        delegation: [7; 32],
        audience: "did:web:acme.example".to_owned(),
    };
    let held = world.registry.hold(&asked, (&did, "above 25.00 USD"), now()).unwrap();
    (held.id, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_approves_sees_what_will_be_done_and_refuses_it_with_a_reason() {
    let world = blocking(World::new);
    let (id, _) = blocking(|| held(&world, "<script>alert(1)</script>"));
    let browser = world.signed_in(Role::Approver).await;
    let page = browser.get(&world, "/console/approvals").await;
    assert!(page.text.contains(&format!("href=\"/console/approvals/{id}\"")), "{}", page.text);
    let path = format!("/console/approvals/{id}");
    let page = browser.get(&world, &path).await;
    for part in
        ["http:POST", "https://pay.example/orders", "4900", "above 25.00 USD", "did:web:acme.example:bot"]
    {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("<script"), "{}", page.text);
    let refuse = format!("{path}/refuse");
    for (form, site) in [("guessed".to_owned(), "same-origin"), (form(&page), "cross-site")] {
        let other = browser.post_from(&world, &refuse, &[("form", &form)], site).await;
        assert_eq!(other.status, StatusCode::FORBIDDEN, "{site}");
    }
    let done = browser.post(&world, &refuse, &[("form", &form(&page)), ("reason", "not%20today")]).await;
    assert_eq!(
        (done.status, done.location.as_str()),
        (StatusCode::SEE_OTHER, path.as_str()),
        "{}",
        done.text
    );
    let page = browser.get(&world, &path).await;
    assert!(page.text.contains("refused") && page.text.contains("not today"), "{}", page.text);
    assert!(!page.text.contains("name=\"secured\""), "it is decided: {}", page.text);
    let listed = browser.get(&world, "/console/approvals?state=refused").await;
    assert!(listed.text.contains(&id), "{}", listed.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_approver_signed_elsewhere_is_handed_in_and_anything_else_is_not() {
    let world = blocking(World::new);
    let (id, asked) = blocking(|| held(&world, "x"));
    let browser = world.signed_in(Role::Approver).await;
    let path = format!("/console/approvals/{id}");
    let form = form(&browser.get(&world, &path).await);
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let issuer = legation_did::key::did(key.public_key());
    let sign = |digest: [u8; 32]| {
        let approval = Approval {
            issuer: issuer.clone(),
            agent: asked.agent.clone(),
            request: digest,
            valid_from: now(),
            valid_until: now() + 600,
        };
        let key_id = legation_did::method_id(&issuer, key.public_key());
        approve(Securing::Jwt, &approval, &key_id, &key).unwrap()
    };
    let grant = format!("{path}/grant");
    for (name, secured) in [
        ("nothing", String::new()),
        ("no approval", "a.b.c".to_owned()),
        ("of another request", sign([9; 32])),
    ] {
        let page = browser.post(&world, &grant, &[("form", &form), ("secured", &secured)]).await;
        assert!(page.status.is_client_error(), "{name}: {}", page.status);
    }
    let page = browser.post(&world, &grant, &[("form", &form), ("secured", &sign(asked.digest()))]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let page = browser.get(&world, &path).await;
    assert!(page.text.contains("granted") && page.text.contains(issuer.as_str()), "{}", page.text);
    // Who only looks hands in nothing.
    let (other, _) = blocking(|| held(&world, "y"));
    let auditor = world.signed_in(Role::Auditor).await;
    let path = format!("/console/approvals/{other}");
    let page = auditor.get(&world, &path).await;
    assert_eq!(page.status, StatusCode::OK);
    let form = self::form(&page);
    let page = auditor.post(&world, &format!("{path}/refuse"), &[("form", &form)]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}
