//! The pages: signing in and out, agents and what is done about them, decisions, approvals.

use crate::world::{Browser, World, blocking, encoded, form, now};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use legation_credential::{Approval, ApprovalRequest, Securing, approve};
use legation_keys::{Algorithm, SecretKey, Signer as _};
use legation_registry::{Profile, identity::Role};

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
        "/console/first-steps",
        "/console/delegate",
        "/console/policies",
        "/console/policies/one",
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
        format!("/console/delegate?team={escaped}"),
        format!("/console/policies?after={escaped}"),
        format!("/console/policies/{escaped}?version={escaped}&against={escaped}"),
    ] {
        let page = browser.get(&world, &path).await;
        assert!(!is_run(&page), "{path}: {}", page.text);
    }
    // What is written into a form comes back with what is wrong, and as what would be issued.
    let token = form(&browser.get(&world, "/console/delegate?team=sales").await);
    let (evil, fields) = (
        encoded(evil),
        [
            "name",
            "purpose",
            "owner",
            "models",
            "budgets",
            "actions",
            "resources",
            "constraints",
            "max_depth",
            "valid_for",
        ],
    );
    for field in fields {
        let mut sent = vec![
            ("form", token.as_str()),
            ("team", "sales"),
            ("name", "fine"),
            ("models", "*"),
            (field, &evil),
        ];
        for step in ["preview", "edit", "issue"] {
            sent.push(("step", step));
            let page = browser.post(&world, "/console/delegate", &sent).await;
            assert!(!is_run(&page), "{field} {step}: {}", page.text);
        }
    }
    let team = browser
        .post(&world, "/console/delegate", &[("form", &token), ("team", &evil), ("step", "preview")])
        .await;
    assert!(!is_run(&team), "{}", team.text);
    blocking(|| {
        let text = "// <script>alert(1)</script><img src=x>\nforbid (principal, action, resource);";
        world.registry.put_policy("two", text, now()).unwrap();
        world.registry.put_policy("two", &format!("{text}\n// <img src=y>"), now()).unwrap();
    });
    for path in ["/console/policies/two", "/console/policies/two?version=2&against=1"] {
        let page = browser.get(&world, path).await;
        assert!(page.text.contains("&lt;script&gt;") && !is_run(&page), "{path}: {}", page.text);
    }
    for field in ["version", "text", "to", "since"] {
        let sent = [("form", token.as_str()), (field, &evil)];
        let page = browser.post(&world, "/console/policies/two/test", &sent).await;
        assert!(!is_run(&page), "{field}: {}", page.text);
    }
}

/// Whether a page has an element that none of ours is.
fn is_run(page: &crate::world::Page) -> bool {
    let own = page.text.replace("<script src=\"/console/live.js\" defer></script>", "");
    own.contains("<script") || own.contains("<img")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_form_is_taken_from_a_page_of_its_session_alone() {
    let world = blocking(World::new);
    let text = "forbid (principal, action, resource);";
    blocking(|| world.registry.put_policy("one", text, now())).unwrap();
    let (mine, other) = (world.signed_in(Role::Owner).await, world.signed_in(Role::Owner).await);
    let token = form(&mine.get(&world, "/console").await);
    let anothers = form(&other.get(&world, "/console").await);
    let before = blocking(|| world.registry.events(0, 1000)).unwrap().len();
    for (path, fields) in [
        ("/console/agents/bot/suspend", vec![]),
        ("/console/agents/bot/retire", vec![]),
        ("/console/agents/bot/revoke", vec![]),
        ("/console/delegate", vec![("team", "sales"), ("name", "new"), ("models", "*"), ("step", "issue")]),
        ("/console/delegate", vec![("team", "sales"), ("name", "new"), ("models", "*"), ("step", "preview")]),
        ("/console/policies/one/test", vec![("version", "1")]),
        ("/console/sign-out", vec![]),
    ] {
        for (form, site) in [
            (None, "same-origin"),
            (Some("guessed"), "same-origin"),
            (Some(&*anothers), "same-origin"),
            (Some(&*token), "cross-site"),
            (Some(&*token), "same-site"),
        ] {
            let mut sent = fields.clone();
            sent.extend(form.map(|form| ("form", form)));
            let page = mine.post_from(&world, path, &sent, site).await;
            let refused =
                page.status == StatusCode::FORBIDDEN || page.status == StatusCode::UNPROCESSABLE_ENTITY;
            assert!(refused, "{path} {form:?} {site}: {}", page.status);
        }
    }
    assert_eq!(blocking(|| world.registry.events(0, 1000)).unwrap().len(), before, "nothing was done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_when_to_ask_again() {
    let rate =
        |burst, seconds| legation_host::api::Rate { burst, every: std::time::Duration::from_secs(seconds) };
    let rates = legation_host::api::Rates { admin: rate(2, 60), ..Default::default() };
    let world = blocking(|| World::asked_as_often_as(rates));
    let browser = world.signed_in(Role::Owner).await;
    for _ in 0..2 {
        assert_eq!(browser.get(&world, "/console/agents").await.status, StatusCode::OK);
    }
    let page = browser.get(&world, "/console/agents").await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "{}", page.text);
    let seconds: u64 = page.retry_after.parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
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
    assert!(!is_run(&page), "{}", page.text);
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
