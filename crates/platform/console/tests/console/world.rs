//! A browser before the console, over the real administration of an organization, whose agent calls through a real gateway.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use legation_console::Console;
use legation_gateway::Gateway;
use legation_registry::{
    Budget, Profile, Registry,
    identity::Role,
    init,
    model::{Model, Protocol, Target},
};
use legation_signer::Door;
use legation_store::{Location, Store};
use legation_tests::{
    signer::Signer,
    upstream::{Plan, Upstream},
};
use serde_json::json;
use std::{sync::Arc, time::SystemTime};
use tower::ServiceExt;

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

pub(crate) fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

pub(crate) struct World {
    pub(crate) registry: Arc<Registry>,
    pub(crate) router: Router,
    gateway: Router,
    _signer: Signer,
    folder: tempfile::TempDir,
}

pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) cookie: String,
    pub(crate) text: String,
    pub(crate) policy: String,
    pub(crate) retry_after: String,
}

/// A browser: its cookie, and where its pages come from.
#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) cookie: String,
}

impl World {
    /// With an agent.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        let may = Profile { groups: vec!["*".to_owned()], ..Profile::default() };
        world.registry.add_team("sales", &may, now()).unwrap();
        world.registry.add_agent("bot", "sales", &may, now()).unwrap();
        world
    }

    /// As it is made: nobody but the first team is in it.
    pub(crate) fn empty() -> Self {
        Self::asked_as_often_as(legation_host::api::Rates::default())
    }

    /// The same, asked as often as rates say.
    pub(crate) fn asked_as_often_as(rates: legation_host::api::Rates) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", now()).unwrap();
        let registry = Arc::new(registry);
        let gateway =
            Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway).unwrap(), false).unwrap();
        let settings = legation_host::api::Settings {
            rates,
            logs: Some(folder.path().join("logs")),
            ..Default::default()
        };
        let api = legation_host::api::api_with(Arc::clone(&gateway), Arc::clone(&registry), settings);
        let router = Console::new(Arc::clone(&registry), api, false).router();
        Self { registry, router, gateway: legation_gateway::router(gateway), _signer: signer, folder }
    }

    /// Writes the log as far as there is something to write.
    pub(crate) fn carry(&self) {
        blocking(|| {
            let mut writer = self.registry.open_log(&self.folder.path().join("logs"), now()).unwrap();
            self.registry.carry(&mut writer, now()).unwrap();
        });
    }

    pub(crate) fn code(&self, role: Role) -> String {
        blocking(|| self.registry.new_console_code(role, now())).unwrap().to_string()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header = |name: header::HeaderName| {
            response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        let cookie = header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        let (status, location) = (response.status(), header(header::LOCATION));
        let policy = header(header::CONTENT_SECURITY_POLICY);
        let retry_after = header(header::RETRY_AFTER);
        let text =
            String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Page { status, location, cookie, text, policy, retry_after }
    }

    pub(crate) async fn signed_in(&self, role: Role) -> Browser {
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
    pub(crate) async fn get(&self, world: &World, path: &str) -> Page {
        let request = Request::builder().uri(path).header(header::COOKIE, &self.cookie);
        world.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, world: &World, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_from(world, path, form, "same-origin").await
    }

    pub(crate) async fn post_from(
        &self,
        world: &World,
        path: &str,
        form: &[(&str, &str)],
        site: &str,
    ) -> Page {
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
pub(crate) fn form(page: &Page) -> String {
    page.text.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// A text as a form sends it.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl World {
    /// A model of a provider that answers, and a key of an agent.
    pub(crate) fn calling(&self, agent: &str) -> (Upstream, String) {
        let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
        let model = Model {
            group: "standard".to_owned(),
            name: "small".to_owned(),
            protocol: Protocol::OpenAi,
            // Plain http is spoken with what is called `localhost` only.
            targets: vec![Target::new(upstream.url().replace("127.0.0.1", "localhost"), "gpt-scripted")],
            price: serde_json::from_value(json!({"currency": "USD", "input": 0, "output": 1})).ok(),
            max_output_tokens: 1000,
            max_input_tokens: 100_000,
        };
        blocking(|| {
            self.registry.put_model(&model, now()).unwrap();
            (upstream, self.registry.create_key(agent, "test", None, now()).unwrap().secret.to_string())
        })
    }

    /// A call of an agent, and the status of its answer.
    pub(crate) async fn call(&self, key: &str) -> u16 {
        let body =
            json!({"model": "small", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5});
        let request = Request::post("/v1/chat/completions")
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.gateway.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        response.into_body().collect().await.unwrap();
        status
    }
}

/// With a budget.
pub(crate) fn limited(budget: &str) -> Profile {
    let budgets = vec![Budget::parse(budget).unwrap()];
    Profile { groups: vec!["*".to_owned()], budgets, ..Profile::default() }
}
